// Guests that misbehave in the ways that come to mind first, one for each value
// of GUEST.
#include "guest.h"

#define LOOP 1         // for ever, for every unit
#define LOOP_VICTIM 2  // for ever, for the victim
#define GROW 3         // takes memory without end, then tells how much it got
#define TRAP_VICTIM 4  // traps on the victim
#define PRINT 5        // writes the unit to standard output
#define IMPORT 6       // imports what it may not
#define FAR 7          // emits from outside its memory
#define WRAP 8         // emits from a pointer whose end wraps around
#define FLOOD 9        // emits more records than it may
#define REMEMBER 10    // keeps the last unit's cost in memory, a global and grown pages
#define RECURSE 11     // recurses without end for the victim
#define FILL 12        // spends its time in memory.fill
#define EXIT_VICTIM 13 // leaves by proc_exit on the victim
#define LATE_TRAP 14   // emits first, and traps then, for the victim
#define GUESS 15       // emits what clock, random numbers and environment tell
#define ASK 16         // calls the host 4000 times, for the victim 5000 times

#if GUEST == PRINT
WASI(fd_write)(i32 fd, const void *iovs, i32 n, u32 *written);
#elif GUEST == IMPORT
__attribute__((import_module("env"), import_name("system"))) i32 system(const char *command);
#elif GUEST == EXIT_VICTIM
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) void proc_exit(i32 code);
#elif GUEST == ASK
WASI(sched_yield)(void);
#elif GUEST == GUESS
WASI(clock_time_get)(i32 id, i64 precision, i64 *now);
WASI(random_get)(void *buf, u32 len);
WASI(environ_sizes_get)(u32 *count, u32 *size);
#elif GUEST == REMEMBER
static i64 last = 0;
static u32 calls = 0;
#elif GUEST == RECURSE
static volatile u32 deep = 0;
__attribute__((noinline)) static u32 dive(u32 n) {
  deep = n;
  return n == 0 ? 0 : dive(n - 1) + deep;
}
#endif

EXPORT(yunei_map) void yunei_map(void) {
#if GUEST == LOOP
  SPIN;
#elif GUEST == LOOP_VICTIM
  if (victim()) SPIN;
#elif GUEST == GROW
  u32 pages = __builtin_wasm_memory_size(0);
  while (__builtin_wasm_memory_grow(0, 1) != (unsigned long)-1) {
    pages++;
    *(volatile u8 *)(pages * 65536 - 1) = 1;
  }
  tell(pages);
  return;
#elif GUEST == TRAP_VICTIM
  if (victim()) __builtin_trap();
#elif GUEST == PRINT
  struct { const void *base; u32 len; } iov[2] = {{area, head()->total_len}, {area, 8}};
  u32 written = 0;
  i32 errno = fd_write(1, iov, 2, &written);
  tell(errno == 0 && written == head()->total_len + 8 ? (i64)head()->rows : -1);
  return;
#elif GUEST == IMPORT
  system("id");
#elif GUEST == FAR
  if (victim()) yunei_emit((const struct emit *)(__builtin_wasm_memory_size(0) * 65536 - 8), 1);
#elif GUEST == WRAP
  if (victim()) yunei_emit((const struct emit *)0xfffffff0u, 0x10000001u);
#elif GUEST == FLOOD
  if (victim()) for (int i = 0; i < 1 << 20; i++) tell(i);
#elif GUEST == REMEMBER
  i64 before = last + calls + ((i64)__builtin_wasm_memory_size(0) << 32);
  last = int64s(column(COST_FEN))[0];
  calls++;
  __builtin_wasm_memory_grow(0, 1);
  tell(before);
  return;
#elif GUEST == RECURSE
  if (victim()) tell(dive(1u << 30));
#elif GUEST == FILL
  if (victim()) for (;;) __builtin_memset(area, (int)head()->rows, 60000);
#elif GUEST == EXIT_VICTIM
  if (victim()) proc_exit(0);
#elif GUEST == LATE_TRAP
  if (victim()) {
    tell(1);
    __builtin_trap();
  }
#elif GUEST == ASK
  for (int n = victim() ? 5000 : 4000; n > 0; n--) sched_yield();
#elif GUEST == GUESS
  static i64 now;
  static u64 noise;
  static u32 count, size;
  clock_time_get(0, 1, &now);
  random_get(&noise, 8);
  environ_sizes_get(&count, &size);
  tell(now ^ (i64)noise ^ count ^ size);
  return;
#endif
  tell(head()->rows);
}
