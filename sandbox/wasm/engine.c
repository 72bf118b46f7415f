// The engine's side of a runner: it compiles one module, and gives every unit
// an instance of it that is as it was when it was initialised.
#include "engine.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

#define GLOBAL "yunei_global_"

static const char *const roles[ROLES] = {"memory", "yunei_abi_v1", "yunei_map", "_initialize", "yunei_fuel", "yunei_dirty"};

// What the global DIRTY says (package admit).
enum { DIRTY_GUEST = 1, DIRTY_MACHINE = 2 };

// find finds the exports. Without INIT and DIRTY a module does as well.
static bool find(yn_guest *g) {
  wasm_exporttype_vec_t types;
  wasm_module_exports(g->module, &types);
  g->globals = malloc((types.size + 1) * sizeof *g->globals);
  g->values = calloc(types.size + 1, sizeof *g->values);
  if (g->globals == NULL || g->values == NULL) return false;
  for (int r = 0; r < ROLES; r++) g->export[r] = NONE;
  for (size_t i = 0; i < types.size; i++) {
    const wasm_byte_vec_t *name = wasm_exporttype_name(types.data[i]);
    for (int r = 0; r < ROLES; r++)
      if (yn_named(name, roles[r])) g->export[r] = i;
    size_t n = sizeof GLOBAL - 1;
    if (name->size > n && memcmp(name->data, GLOBAL, n) == 0) g->globals[g->nglobals++] = i;
  }
  return g->export[MEMORY] != NONE && g->export[INPUT] != NONE && g->export[MAP] != NONE && g->export[FUEL] != NONE;
}

static wasm_store_t *store(void) {
  wasm_config_t *config = wasm_config_new();
  if (config == NULL) return NULL;
  wasm_config_set_compiler(config, CRANELIFT);
  wasm_config_set_engine(config, UNIVERSAL);
  wasm_config_canonicalize_nans(config, false); // admission has done that, for every engine alike
  wasm_engine_t *engine = wasm_engine_new_with_config(config);
  return engine == NULL ? NULL : wasm_store_new(engine);
}

// yn_load's module and store live as long as the process: a runner has one
// guest, and is replaced with it.
yn_guest *yn_load(const uint8_t *module, size_t len, bool compiled, yn_terms terms) {
  yn_guest *g = calloc(1, sizeof *g);
  if (g == NULL) return NULL;
  g->store = store();
  g->terms = terms;
  g->records = malloc((size_t)terms.emits * EMIT_SIZE);
  g->log = terms.trace ? malloc(MAX_LOG) : NULL;
  if (g->store == NULL || g->records == NULL || (terms.trace && g->log == NULL)) return NULL;
  wasm_byte_vec_t bytes = {len, (char *)module};
  g->module = compiled ? wasm_module_deserialize(g->store, &bytes) : wasm_module_new(g->store, &bytes);
  return g->module != NULL && yn_bind(g) && find(g) ? g : NULL;
}

const uint8_t *yn_compiled(yn_guest *g, size_t *len) {
  wasm_module_serialize(g->module, &g->compiled);
  *len = g->compiled.size;
  return (const uint8_t *)g->compiled.data;
}

void yn_forget(yn_guest *g) { wasm_byte_vec_delete(&g->compiled); }

// The compiler leaves behind twenty times the guest.
void yn_trim(void) { malloc_trim(0); }

bool yn_valid(const uint8_t *module, size_t len) {
  static wasm_store_t *s;
  if (s == NULL) s = store();
  wasm_byte_vec_t bytes = {len, (char *)module};
  return wasm_module_validate(s, &bytes);
}

static int64_t global(const yn_guest *g, int role) {
  wasm_val_t v = {.kind = WASM_I32};
  if (g->export[role] == NONE) return 0;
  wasm_global_get(wasm_extern_as_global(g->exports.data[g->export[role]]), &v);
  return v.kind == WASM_I64 ? v.of.i64 : v.of.i32;
}

static void set(yn_guest *g, int role, wasm_val_t v) {
  if (g->export[role] != NONE) wasm_global_set(wasm_extern_as_global(g->exports.data[g->export[role]]), &v);
}

static wasm_global_t *exported(const yn_guest *g, size_t i) { return wasm_extern_as_global(g->exports.data[g->globals[i]]); }

// too_deep reports whether a trap was that of the depth, the last of the
// exported globals.
static bool too_deep(const yn_guest *g) {
  wasm_val_t v = {.kind = WASM_I64};
  if (g->nglobals > 0) wasm_global_get(exported(g, g->nglobals - 1), &v);
  return v.kind == WASM_I32 && v.of.i32 < 0;
}

// call calls the export in the given role, and says how that ended. A guest
// that has spent its last fuel after its last check has not returned.
static int call(yn_guest *g, int role, wasm_val_vec_t *results) {
  wasm_val_vec_t none = {0, NULL};
  g->why = 0;
  wasm_trap_t *t = wasm_func_call(wasm_extern_as_func(g->exports.data[g->export[role]]), &none, results);
  yn_sweep(g);
  if (t != NULL) wasm_trap_delete(t);
  if (t != NULL && global(g, DIRTY) == DIRTY_MACHINE) return YN_MACHINE;
  if (t != NULL && g->why != 0) return g->why;
  if (global(g, FUEL) < 0) return YN_OUT_OF_FUEL;
  if (t == NULL) return YN_RETURNED;
  return too_deep(g) ? YN_TOO_DEEP : YN_TRAPPED;
}

static void drop(yn_guest *g) {
  yn_pages_detach(&g->pages);
  g->memory = NULL;
  wasm_extern_vec_delete(&g->exports);
  wasm_instance_delete(g->instance);
  g->instance = NULL;
}

// initialise brings the instance to where every unit begins.
static int initialise(yn_guest *g) {
  wasm_val_vec_t none = {0, NULL};
  g->done = (yn_done){0};
  int how = g->export[INIT] == NONE ? YN_RETURNED : call(g, INIT, &none);
  if (how != YN_RETURNED) return how;
  g->done = (yn_done){0}; // _initialize has no unit to speak of
  set(g, FUEL, (wasm_val_t){.kind = WASM_I64, .of = {.i64 = g->terms.fuel}});
  // A segment that is gone by now is gone for every unit.
  set(g, DIRTY, (wasm_val_t){.kind = WASM_I32});
  wasm_val_t input = {.kind = WASM_I32};
  wasm_val_vec_t result = {1, &input};
  how = call(g, INPUT, &result);
  if (how != YN_RETURNED) return how;
  g->area = (uint32_t)input.of.i32;
  if (g->area % 8 != 0 || (uint64_t)g->area + g->terms.input > wasm_memory_data_size(g->memory)) return YN_NO_AREA;
  return YN_RETURNED;
}

// save notes the state of the instance at hand as the one that every unit
// begins with; or watches it, if it is not the first. A module that does not
// export its globals, which admission sees to, cannot be brought back. false is
// the machine's failure.
static bool save(yn_guest *g) {
  if (g->terms.fresh || g->nglobals == 0) return true;
  uint8_t *base = (uint8_t *)wasm_memory_data(g->memory);
  size_t size = wasm_memory_data_size(g->memory);
  if (g->saved) return yn_pages_attach(&g->pages, base, size);
  for (size_t i = 0; i < g->nglobals; i++) wasm_global_get(exported(g, i), &g->values[i]);
  g->begun = g->done;
  return g->saved = yn_pages_save(&g->pages, base, size);
}

// restore makes the instance as it was when it was saved, or drops it. What is
// restored is all that a guest can change: the pages that it wrote and its
// globals. Tables cannot be written by what admission lets through. An instance
// that grew or dropped a segment cannot be brought back. One that trapped could
// be, by the letter (WebAssembly 1.0, 4.2: a trap leaves the store as it is);
// it is dropped all the same, because a trap unwinds through frames of the
// engine whose state nobody has written down.
static void restore(yn_guest *g, bool trapped) {
  if (trapped || !g->saved || global(g, DIRTY) != 0 || wasm_memory_data_size(g->memory) != g->pages.size ||
      !yn_pages_restore(&g->pages)) {
    drop(g);
    return;
  }
  for (size_t i = 0; i < g->nglobals; i++) wasm_global_set(exported(g, i), &g->values[i]);
}

int yn_open(yn_guest *g) {
  wasm_trap_t *t = NULL;
  g->instance = wasm_instance_new(g->store, g->module, &g->imports, &t);
  if (g->instance == NULL) {
    // Data beyond the memory traps here; so may a lack of address space. At
    // load it is the guest's, later it cannot be.
    if (t != NULL) wasm_trap_delete(t);
    return YN_TRAPPED;
  }
  g->instances++;
  wasm_instance_exports(g->instance, &g->exports);
  g->memory = wasm_extern_as_memory(g->exports.data[g->export[MEMORY]]);
  int how = initialise(g);
  if (how == YN_RETURNED && !save(g)) how = YN_MACHINE;
  if (how != YN_RETURNED) drop(g);
  return how;
}

int yn_unit(yn_guest *g, const uint8_t *area, uint32_t len, uint32_t *emitted) {
  *emitted = 0;
  g->trace = (yn_trace){0};
  if (len > g->terms.input) return YN_NO_AREA;
  // What it initialised once it initialises again.
  if (g->instance == NULL && yn_open(g) != YN_RETURNED) return YN_MACHINE;
  if (g->saved) g->done = g->begun;
  uint8_t *to = (uint8_t *)wasm_memory_data(g->memory) + g->area;
  yn_pages_expect(&g->pages, to, len);
  memcpy(to, area, len);
  wasm_val_vec_t none = {0, NULL};
  int how = call(g, MAP, &none);
  if (how == YN_RETURNED) *emitted = g->done.emitted;
  if (g->terms.trace)
    g->trace = (yn_trace){g->terms.fuel - global(g, FUEL), (uint32_t)(wasm_memory_data_size(g->memory) >> 16), g->done.logged, g->log};
  restore(g, how != YN_RETURNED);
  return how;
}

const uint8_t *yn_records(const yn_guest *g) { return g->records; }
yn_trace yn_traced(const yn_guest *g) { return g->trace; }
uint64_t yn_fresh_instances(const yn_guest *g) { return g->instances; }
