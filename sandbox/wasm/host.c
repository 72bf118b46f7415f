// The host functions. They are C, not Go, because a guest calls them some
// hundred thousand times a second, and because wasmer-go frees a trap that a
// host function returns twice (its finalizer and the engine each own it).
// Everything a guest hands over is an offset or a length in its own memory,
// and is checked against that memory's size at that moment.
#include <stdlib.h>
#include <string.h>

#include "guest.h"

// trap stops the guest, for the reason given.
static wasm_trap_t *trap(yn_guest *g, int why) {
  g->why = why;
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
// arguments that it made for a call, nor the room for a result, so that a guest
// could fill this process by calling: the door frees the arguments, and the
// result when nobody looks at it any more, which is at the next door. It also
// counts the calls that have a result.
#define HOST(name)                                                                                 \
  static wasm_trap_t *name##_body(yn_guest *g, const wasm_val_t *args, wasm_val_vec_t *results);   \
  static wasm_trap_t *name(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results) {       \
    yn_guest *g = env;                                                                             \
    yn_sweep(g);                                                                                   \
    bool many = results->size > 0 && ++g->done.asked > MAX_ASKED;                                  \
    wasm_trap_t *t = many ? trap(g, YN_TOO_MANY_CALLS) : name##_body(g, args->data, results);      \
    wasm_val_vec_delete((wasm_val_vec_t *)args);                                                   \
    g->stale = *results;                                                                           \
    return t;                                                                                      \
  }                                                                                                \
  static wasm_trap_t *name##_body(yn_guest *g, const wasm_val_t *args, wasm_val_vec_t *results)
#define ARG(i) ((uint32_t)args[i].of.i32)

void yn_sweep(yn_guest *g) {
  if (g->stale.size > 0) wasm_val_vec_delete(&g->stale);
  g->stale = (wasm_val_vec_t){0, NULL};
}

HOST(host_emit) {
  (void)results;
  uint32_t n = ARG(1);
  if (n > g->terms.emits - g->done.emitted) return trap(g, YN_TOO_MANY_EMITS);
  uint8_t *from = at(g, ARG(0), (uint64_t)n * EMIT_SIZE);
  if (from == NULL) return trap(g, YN_BAD_EMIT);
  memcpy(g->records + (size_t)g->done.emitted * EMIT_SIZE, from, (size_t)n * EMIT_SIZE);
  g->done.emitted += n;
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
  return trap(g, YN_EXITED);
}

// args_sizes_get, environ_sizes_get: none, of no length.
HOST(wasi_sizes) {
  wasm_trap_t *t = put(g, results, ARG(0), 0, 4);
  return results->data[0].of.i32 == SUCCESS ? put(g, results, ARG(1), 0, 4) : t;
}

// The time is always one second after the epoch (Go's runtime refuses zero).
HOST(wasi_clock_time_get) { return put(g, results, ARG(2), 1000000000, 8); }

// keep notes what a guest in a rehearsal writes. It is kept to itself: the
// guest is answered as ever.
static void keep(yn_guest *g, const uint8_t *iov, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    uint32_t len = load32(iov + 8 * i + 4), room = MAX_LOG - g->done.logged;
    uint8_t *from = at(g, load32(iov + 8 * i), len);
    if (from == NULL) return;
    if (len > room) len = room;
    memcpy(g->log + g->done.logged, from, len);
    g->done.logged += len;
  }
}

// fd_write swallows what it is given.
HOST(wasi_fd_write) {
  uint32_t n = ARG(2), fd = ARG(0);
  uint64_t sum = 0;
  if (n > 64) return answer(results, INVAL);
  uint8_t *iov = at(g, ARG(1), (uint64_t)n * 8);
  if (iov == NULL) return answer(results, FAULT);
  for (uint32_t i = 0; i < n; i++) sum += load32(iov + 8 * i + 4);
  if (sum > INT32_MAX) return answer(results, INVAL);
  if (g->terms.trace && (fd == 1 || fd == 2)) keep(g, iov, n);
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

bool yn_named(const wasm_byte_vec_t *v, const char *name) {
  size_t n = strlen(name);
  return v->size == n && memcmp(v->data, name, n) == 0;
}

bool yn_bind(yn_guest *g) {
  wasm_importtype_vec_t types;
  wasm_module_imports(g->module, &types);
  g->imports.size = types.size;
  g->imports.data = calloc(types.size + 1, sizeof(wasm_extern_t *));
  if (g->imports.data == NULL) return false;
  for (size_t i = 0; i < types.size; i++) {
    const wasm_functype_t *type = wasm_externtype_as_functype_const(wasm_importtype_type(types.data[i]));
    for (size_t h = 0; h < sizeof hosts / sizeof *hosts; h++)
      if (type != NULL && yn_named(wasm_importtype_name(types.data[i]), hosts[h].name))
        g->imports.data[i] = wasm_func_as_extern(wasm_func_new_with_env(g->store, type, hosts[h].call, g, NULL));
    if (g->imports.data[i] == NULL) return false;
  }
  return true;
}
