// The engine's side of a runner. It is C, not Go, because the host functions
// of a guest are called some thousand times a second, and because wasmer-go
// frees a trap that a host function returns twice (its finalizer and the
// engine each own it). Everything a guest hands over is an offset or a length
// in its own memory, and is checked against that memory's size at that moment.
#include "engine.h"

#include <stdlib.h>
#include <string.h>

// wasm.h

typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_store_t wasm_store_t;
typedef struct wasm_module_t wasm_module_t;
typedef struct wasm_instance_t wasm_instance_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_extern_t wasm_extern_t;
typedef struct wasm_func_t wasm_func_t;
typedef struct wasm_memory_t wasm_memory_t;
typedef struct wasm_global_t wasm_global_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_importtype_t wasm_importtype_t;
typedef struct wasm_exporttype_t wasm_exporttype_t;
typedef struct wasm_externtype_t wasm_externtype_t;

enum { WASM_I32, WASM_I64 };

typedef struct {
  uint8_t kind;
  union {
    int32_t i32;
    int64_t i64;
    void *ref;
  } of;
} wasm_val_t;

#define VEC(name, type) \
  typedef struct {      \
    size_t size;        \
    type *data;         \
  } name
VEC(wasm_byte_vec_t, char);
VEC(wasm_val_vec_t, wasm_val_t);
VEC(wasm_extern_vec_t, wasm_extern_t *);
VEC(wasm_importtype_vec_t, wasm_importtype_t *);
VEC(wasm_exporttype_vec_t, wasm_exporttype_t *);

typedef wasm_trap_t *(*wasm_func_callback_with_env_t)(void *, const wasm_val_vec_t *, wasm_val_vec_t *);

extern wasm_config_t *wasm_config_new(void);
extern wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *);
extern wasm_store_t *wasm_store_new(wasm_engine_t *);
extern wasm_module_t *wasm_module_new(wasm_store_t *, const wasm_byte_vec_t *);
extern void wasm_module_imports(const wasm_module_t *, wasm_importtype_vec_t *);
extern void wasm_module_exports(const wasm_module_t *, wasm_exporttype_vec_t *);
extern const wasm_byte_vec_t *wasm_importtype_name(const wasm_importtype_t *);
extern const wasm_externtype_t *wasm_importtype_type(const wasm_importtype_t *);
extern const wasm_byte_vec_t *wasm_exporttype_name(const wasm_exporttype_t *);
extern const wasm_functype_t *wasm_externtype_as_functype_const(const wasm_externtype_t *);
extern wasm_func_t *wasm_func_new_with_env(wasm_store_t *, const wasm_functype_t *, wasm_func_callback_with_env_t, void *,
                                           void (*)(void *));
extern wasm_trap_t *wasm_func_call(const wasm_func_t *, const wasm_val_vec_t *, wasm_val_vec_t *);
extern wasm_extern_t *wasm_func_as_extern(wasm_func_t *);
extern wasm_func_t *wasm_extern_as_func(wasm_extern_t *);
extern wasm_memory_t *wasm_extern_as_memory(wasm_extern_t *);
extern wasm_global_t *wasm_extern_as_global(wasm_extern_t *);
extern void wasm_global_get(const wasm_global_t *, wasm_val_t *);
extern void wasm_global_set(wasm_global_t *, const wasm_val_t *);
extern char *wasm_memory_data(wasm_memory_t *);
extern size_t wasm_memory_data_size(const wasm_memory_t *);
extern wasm_instance_t *wasm_instance_new(wasm_store_t *, const wasm_module_t *, const wasm_extern_vec_t *, wasm_trap_t **);
extern void wasm_instance_exports(const wasm_instance_t *, wasm_extern_vec_t *);
extern void wasm_instance_delete(wasm_instance_t *);
extern void wasm_extern_vec_delete(wasm_extern_vec_t *);
extern void wasm_val_vec_delete(wasm_val_vec_t *);
extern wasm_trap_t *wasm_trap_new(wasm_store_t *, const wasm_byte_vec_t *);
extern void wasm_trap_delete(wasm_trap_t *);

// wasmer.h

enum { CRANELIFT, UNIVERSAL = 0 };
extern void wasm_config_set_compiler(wasm_config_t *, int);
extern void wasm_config_set_engine(wasm_config_t *, int);
extern void wasm_config_canonicalize_nans(wasm_config_t *, bool);

#define EMIT_SIZE 16

// Calls of WASI that one unit, or _initialize, may make. A Go guest's runtime
// makes some dozens.
#define MAX_ASKED 4096

// Of the exports, where each stands; NONE if it is not there.
enum { MEMORY, INPUT, MAP, INIT, FUEL, ROLES };
static const char *const roles[ROLES] = {"memory", "yunei_abi_v1", "yunei_map", "_initialize", "yunei_fuel"};
#define NONE ((size_t)-1)

struct yn_guest {
  wasm_store_t *store;
  wasm_module_t *module;
  wasm_extern_vec_t imports;
  size_t export[ROLES];
  int64_t fuel;
  uint32_t limit, input; // records and bytes
  uint8_t *records;

  // of the unit at hand
  wasm_memory_t *memory;
  uint32_t emitted, asked; // records; calls of WASI
};

static wasm_trap_t *trap(yn_guest *g) {
  char stop[] = "stop"; // nobody reads it
  wasm_byte_vec_t message = {sizeof stop, stop};
  return wasm_trap_new(g->store, &message);
}

// at returns the n bytes at p of the guest's memory, or NULL. n is below 2^40,
// so that the sum does not wrap.
static uint8_t *at(yn_guest *g, uint32_t p, uint64_t n) {
  if (g->memory == NULL || (uint64_t)p + n > wasm_memory_data_size(g->memory)) return NULL;
  return (uint8_t *)wasm_memory_data(g->memory) + p;
}

static uint32_t load32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

// A host function is a body behind a door. The engine does not free the
// arguments that it made for a call, nor a result, so that a guest could fill
// this process by calling: the door frees the arguments, and counts the calls
// that have a result.
#define HOST(name)                                                                                 \
  static wasm_trap_t *name##_body(yn_guest *g, const wasm_val_t *args, wasm_val_vec_t *results);   \
  static wasm_trap_t *name(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results) {       \
    yn_guest *g = env;                                                                             \
    bool many = results->size > 0 && ++g->asked > MAX_ASKED;                                       \
    wasm_trap_t *t = many ? trap(g) : name##_body(g, args->data, results);                         \
    wasm_val_vec_delete((wasm_val_vec_t *)args);                                                   \
    return t;                                                                                      \
  }                                                                                                \
  static wasm_trap_t *name##_body(yn_guest *g, const wasm_val_t *args, wasm_val_vec_t *results)
#define ARG(i) ((uint32_t)args[i].of.i32)

HOST(host_emit) {
  (void)results;
  uint32_t n = ARG(1);
  if (n > g->limit - g->emitted) return trap(g);
  uint8_t *from = at(g, ARG(0), (uint64_t)n * EMIT_SIZE);
  if (from == NULL) return trap(g);
  memcpy(g->records + (size_t)g->emitted * EMIT_SIZE, from, (size_t)n * EMIT_SIZE);
  g->emitted += n;
  return NULL;
}

// The WASI stubs. Each answers the same to every guest at every time: there is
// no clock, no environment, no file, and random numbers are a constant.

enum { SUCCESS = 0, BADF = 8, FAULT = 21, INVAL = 28 };

static wasm_trap_t *answer(wasm_val_vec_t *results, int32_t errno_) {
  results->data[0] = (wasm_val_t){.kind = WASM_I32, .of = {.i32 = errno_}};
  return NULL;
}

static wasm_trap_t *put(yn_guest *g, wasm_val_vec_t *results, uint32_t p, uint64_t v, size_t n) {
  uint8_t *to = at(g, p, n);
  if (to == NULL) return answer(results, FAULT);
  memcpy(to, &v, n);
  return answer(results, SUCCESS);
}

HOST(wasi_nothing) {
  (void)g, (void)args;
  return answer(results, SUCCESS);
}

HOST(wasi_no_file) {
  (void)g, (void)args;
  return answer(results, BADF);
}

HOST(wasi_proc_exit) {
  (void)args, (void)results;
  return trap(g);
}

// args_sizes_get, environ_sizes_get: none, of no length.
HOST(wasi_sizes) {
  wasm_trap_t *t = put(g, results, ARG(0), 0, 4);
  return results->data[0].of.i32 == SUCCESS ? put(g, results, ARG(1), 0, 4) : t;
}

// The time is always one second after the epoch (Go's runtime refuses zero).
HOST(wasi_clock_time_get) { return put(g, results, ARG(2), 1000000000, 8); }

// fd_write swallows what it is given.
HOST(wasi_fd_write) {
  uint32_t n = ARG(2);
  uint64_t sum = 0;
  if (n > 64) return answer(results, INVAL);
  uint8_t *iov = at(g, ARG(1), (uint64_t)n * 8);
  if (iov == NULL) return answer(results, FAULT);
  for (uint32_t i = 0; i < n; i++) sum += load32(iov + 8 * i + 4);
  if (sum > INT32_MAX) return answer(results, INVAL);
  return put(g, results, ARG(3), sum, 4);
}

// random_get gives the same bytes at every call (splitmix64 from 0).
HOST(wasi_random_get) {
  uint32_t n = ARG(1);
  if (n > 4096) return answer(results, INVAL);
  uint8_t *to = at(g, ARG(0), n);
  if (to == NULL) return answer(results, FAULT);
  uint64_t state = 0;
  for (uint32_t i = 0; i < n; i += 8) {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    memcpy(to + i, &z, n - i < 8 ? n - i : 8);
  }
  return answer(results, SUCCESS);
}

// poll_oneoff returns at once: every subscription is due, and said to be so
// without an event.
HOST(wasi_poll_oneoff) { return put(g, results, ARG(3), 0, 4); }

static const struct {
  const char *name;
  wasm_func_callback_with_env_t call;
} hosts[] = {
    {"emit", host_emit},
    {"sched_yield", wasi_nothing},
    {"proc_exit", wasi_proc_exit},
    {"args_get", wasi_nothing},
    {"args_sizes_get", wasi_sizes},
    {"environ_get", wasi_nothing},
    {"environ_sizes_get", wasi_sizes},
    {"clock_time_get", wasi_clock_time_get},
    {"fd_write", wasi_fd_write},
    {"random_get", wasi_random_get},
    {"poll_oneoff", wasi_poll_oneoff},
    {"fd_close", wasi_no_file},
    {"fd_fdstat_get", wasi_no_file},
    {"fd_fdstat_set_flags", wasi_no_file},
    {"fd_prestat_get", wasi_no_file},
    {"fd_prestat_dir_name", wasi_no_file},
};

static bool named(const wasm_byte_vec_t *v, const char *name) {
  size_t n = strlen(name);
  return v->size == n && memcmp(v->data, name, n) == 0;
}

// bind makes the host functions that the module imports; admission has
// checked their names and types.
static bool bind(yn_guest *g) {
  wasm_importtype_vec_t types;
  wasm_module_imports(g->module, &types);
  g->imports.size = types.size;
  g->imports.data = calloc(types.size + 1, sizeof(wasm_extern_t *));
  if (g->imports.data == NULL) return false;
  for (size_t i = 0; i < types.size; i++) {
    const wasm_functype_t *type = wasm_externtype_as_functype_const(wasm_importtype_type(types.data[i]));
    for (size_t h = 0; h < sizeof hosts / sizeof *hosts; h++)
      if (type != NULL && named(wasm_importtype_name(types.data[i]), hosts[h].name))
        g->imports.data[i] = wasm_func_as_extern(wasm_func_new_with_env(g->store, type, hosts[h].call, g, NULL));
    if (g->imports.data[i] == NULL) return false;
  }
  return true;
}

static bool find(yn_guest *g) {
  wasm_exporttype_vec_t types;
  wasm_module_exports(g->module, &types);
  for (int r = 0; r < ROLES; r++) {
    g->export[r] = NONE;
    for (size_t i = 0; i < types.size; i++)
      if (named(wasm_exporttype_name(types.data[i]), roles[r])) g->export[r] = i;
    if (g->export[r] == NONE && r != INIT) return false;
  }
  return true;
}

// yn_load's module and store live as long as the process: a runner has one
// guest, and is replaced with it.
yn_guest *yn_load(const uint8_t *module, size_t len, int64_t fuel, uint32_t emits, uint32_t input) {
  yn_guest *g = calloc(1, sizeof *g);
  wasm_config_t *config = wasm_config_new();
  if (g == NULL || config == NULL) return NULL;
  wasm_config_set_compiler(config, CRANELIFT);
  wasm_config_set_engine(config, UNIVERSAL);
  wasm_config_canonicalize_nans(config, true);
  wasm_engine_t *engine = wasm_engine_new_with_config(config);
  if (engine == NULL) return NULL;
  g->store = wasm_store_new(engine);
  wasm_byte_vec_t bytes = {len, (char *)module};
  g->module = wasm_module_new(g->store, &bytes);
  g->fuel = fuel, g->limit = emits, g->input = input;
  g->records = malloc((size_t)emits * EMIT_SIZE);
  if (g->module == NULL || g->records == NULL || !bind(g) || !find(g)) return NULL;
  return g;
}

// call calls the export in the given role, and reports whether it returned.
// A guest that has spent its last fuel after its last check has not.
static bool call(yn_guest *g, const wasm_extern_vec_t *exports, int role, wasm_val_vec_t *results) {
  wasm_val_vec_t none = {0, NULL};
  wasm_trap_t *t = wasm_func_call(wasm_extern_as_func(exports->data[g->export[role]]), &none, results);
  if (t != NULL) {
    wasm_trap_delete(t);
    return false;
  }
  wasm_val_t fuel;
  wasm_global_get(wasm_extern_as_global(exports->data[g->export[FUEL]]), &fuel);
  return fuel.of.i64 >= 0;
}

static bool run(yn_guest *g, const wasm_extern_vec_t *exports, const uint8_t *area, uint32_t len) {
  wasm_val_vec_t none = {0, NULL};
  if (g->export[INIT] != NONE && !call(g, exports, INIT, &none)) return false;
  g->emitted = 0, g->asked = 0; // _initialize has no unit to speak of
  wasm_val_t fuel = {.kind = WASM_I64, .of = {.i64 = g->fuel}};
  wasm_global_set(wasm_extern_as_global(exports->data[g->export[FUEL]]), &fuel);
  wasm_val_t input = {.kind = WASM_I32};
  wasm_val_vec_t result = {1, &input};
  if (!call(g, exports, INPUT, &result)) return false;
  uint8_t *to = at(g, (uint32_t)input.of.i32, g->input);
  if (to == NULL || input.of.i32 % 8 != 0) return false;
  if (area == NULL) return true;
  memcpy(to, area, len);
  return call(g, exports, MAP, &none);
}

int yn_unit(yn_guest *g, const uint8_t *area, uint32_t len, uint32_t *emitted) {
  wasm_trap_t *t = NULL;
  g->emitted = 0, g->asked = 0, *emitted = 0;
  if (len > g->input) return YN_FAILED;
  wasm_instance_t *instance = wasm_instance_new(g->store, g->module, &g->imports, &t);
  if (instance == NULL) {
    // Data beyond the memory traps here; so may a lack of address space. At
    // load it is the guest's, later it cannot be.
    if (t != NULL) wasm_trap_delete(t);
    return YN_MACHINE;
  }
  wasm_extern_vec_t exports;
  wasm_instance_exports(instance, &exports);
  g->memory = wasm_extern_as_memory(exports.data[g->export[MEMORY]]);
  bool ok = run(g, &exports, area, len);
  if (ok) *emitted = g->emitted;
  g->memory = NULL;
  wasm_extern_vec_delete(&exports);
  wasm_instance_delete(instance);
  return ok ? YN_OK : YN_FAILED;
}

const uint8_t *yn_records(const yn_guest *g) { return g->records; }
