// The few functions that Go calls.
#ifndef YUNEI_ENGINE_H
#define YUNEI_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How a unit ended. The first are as package wire numbers its outcomes;
// YN_MACHINE is ours, and the unit is to be computed again.
enum {
  YN_MACHINE,
  YN_RETURNED,
  YN_TRAPPED,
  YN_OUT_OF_FUEL,
  YN_TOO_DEEP,
  YN_TOO_MANY_EMITS,
  YN_BAD_EMIT,
  YN_TOO_MANY_CALLS,
  YN_EXITED,
  YN_NO_AREA,
};

typedef struct yn_guest yn_guest;

typedef struct {
  int64_t fuel;          // of one unit
  uint32_t emits, input; // records and bytes
  bool fresh;            // every unit gets a fresh instance
  bool trace;            // keep what is written
} yn_terms;

// yn_load compiles module or, if compiled, takes it for what yn_compiled gave.
// It returns NULL if that does not work. It runs nothing.
yn_guest *yn_load(const uint8_t *module, size_t len, bool compiled, yn_terms terms);

// yn_compiled returns the compiled form, to be given back to yn_forget.
const uint8_t *yn_compiled(yn_guest *g, size_t *len);
void yn_forget(yn_guest *g);

// yn_trim gives back to the kernel what loading took for a while.
void yn_trim(void);

// yn_open makes and initialises the instance that the next unit will have, for
// trial, and returns as yn_unit does; YN_TRAPPED also if there is no instance
// to be had.
int yn_open(yn_guest *g);

// yn_unit runs one unit in an instance that is fresh, or as good as. Its
// records are yn_records, *emitted of them.
int yn_unit(yn_guest *g, const uint8_t *area, uint32_t len, uint32_t *emitted);

const uint8_t *yn_records(const yn_guest *g);

// What the last unit used and said, if terms.trace.
typedef struct {
  int64_t fuel;
  uint32_t pages, len;
  const uint8_t *log;
} yn_trace;
yn_trace yn_traced(const yn_guest *g);

// yn_valid asks the engine's validator alone.
bool yn_valid(const uint8_t *module, size_t len);

// yn_fresh_instances counts the instances made so far.
uint64_t yn_fresh_instances(const yn_guest *g);

#endif
