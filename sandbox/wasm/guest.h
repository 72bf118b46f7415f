// What the parts of the engine's side share.
#ifndef YUNEI_GUEST_H
#define YUNEI_GUEST_H

#include "api.h"
#include "engine.h"
#include "pages.h"

#define EMIT_SIZE 16
#define MAX_LOG (64u << 10)

// Calls of WASI that one unit, or _initialize, may make. A Go guest's runtime
// makes some dozens.
#define MAX_ASKED 4096

// Of the exports, where each stands; NONE if it is not there.
enum { MEMORY, INPUT, MAP, INIT, FUEL, DIRTY, ROLES };
#define NONE ((size_t)-1)

// What one visit has done so far.
typedef struct {
  uint32_t emitted, asked, logged; // records; calls of WASI; bytes
} yn_done;

struct yn_guest {
  wasm_store_t *store;
  wasm_module_t *module;
  wasm_extern_vec_t imports;
  wasm_byte_vec_t compiled;
  size_t export[ROLES];
  size_t *globals, nglobals; // the exports that are mutable globals
  yn_terms terms;
  uint8_t *records, *log;
  wasm_val_vec_t stale; // a host function's result, to be freed at the next door
  uint64_t instances;

  // of the instance at hand, NULL if there is none
  wasm_instance_t *instance;
  wasm_extern_vec_t exports;
  wasm_memory_t *memory;
  uint32_t area; // where the input area is

  // of the unit at hand
  yn_done done;
  int why; // a host function stopped it, or 0

  // of the state that every unit begins with; saved is false until there is one
  bool saved;
  wasm_val_t *values; // of the globals
  yn_done begun;
  yn_pages pages;

  yn_trace trace;
};

// yn_bind makes the host functions that the module imports; admission has
// checked their names and types.
bool yn_bind(yn_guest *g);

// yn_sweep frees what the last call of a host function left.
void yn_sweep(yn_guest *g);

bool yn_named(const wasm_byte_vec_t *v, const char *name);

#endif
