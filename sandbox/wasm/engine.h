// What yunei asks of libwasmer: a hand-written subset of the standard WebAssembly C
// API (wasm.h) and of wasmer.h, and the few functions that Go calls.
#ifndef YUNEI_ENGINE_H
#define YUNEI_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How a unit ended.
enum {
  YN_OK = 0,
  YN_FAILED = 1,    // trapped, or met a limit: the unit contributes nothing
  YN_MACHINE = 2,   // no instance could be made: ours, to be computed again
};

typedef struct yn_guest yn_guest;

// yn_load compiles module, and returns NULL if it does not. fuel, emits: the
// limits of one unit.
yn_guest *yn_load(const uint8_t *module, size_t len, int64_t fuel, uint32_t emits, uint32_t input);

// yn_unit runs one unit in a fresh instance. Its records are yn_records,
// *emitted of them. With area NULL it initialises an instance and stops short
// of yunei_map.
int yn_unit(yn_guest *g, const uint8_t *area, uint32_t len, uint32_t *emitted);

const uint8_t *yn_records(const yn_guest *g);

#endif
