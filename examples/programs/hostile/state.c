// Guests that carry something of one unit over to the next, one for each value
// of GUEST.
#include "guest.h"

#define SCRIBBLE 1      // fills all memory behind its area, and tells what it finds there
#define STACK_POINTER 2 // traps on the victim with its stack pointer far down, and tells where it is
#define ALLOCATOR 3     // takes from a heap that it never gives back to, and tells how much is gone
#define CALLS_LEFT 4    // calls the host as often as it may, at every unit
#define AREA_LEFT 5     // tells whether the area of the last unit shines through behind this one's
#define BLAME 6         // in an area of several units, says what the victim has done of all the others

#if GUEST == STACK_POINTER
__attribute__((noinline)) static void deep(void) {
  volatile u8 frame[4096];
  frame[0] = frame[4095] = 1;
  __builtin_trap();
}
#elif GUEST == ALLOCATOR
static u8 heap[1 << 16];
static u32 used;
static u8 *take(u32 n) {
  u8 *p = heap + used;
  used += n;
  return p;
}
#elif GUEST == CALLS_LEFT
WASI(sched_yield)(void);
#endif

EXPORT(yunei_map) void yunei_map(void) {
#if GUEST == SCRIBBLE
  __builtin_wasm_memory_grow(0, 1);
  i64 *from = (i64 *)(area + ((head()->total_len + 7) & ~7u)), *to = (i64 *)(__builtin_wasm_memory_size(0) * 65536);
  i64 found = 0, secret = cost(0);
  for (i64 *p = from; p < to; p++) found |= *p;
  tell(found);
  for (i64 *p = from; p < to; p++) *p = secret;
  return;
#elif GUEST == STACK_POINTER
  volatile u8 here;
  tell((i64)(u32)&here);
  if (victim()) deep();
  return;
#elif GUEST == ALLOCATOR
  u32 before = used;
  take(victim() ? 1000 : 8)[0] = 1;
  tell(before);
  return;
#elif GUEST == CALLS_LEFT
  for (int n = 4000; n > 0; n--) sched_yield();
#elif GUEST == AREA_LEFT
  // The columns' buffers end where the area does; longer units reach further.
  i64 sum = 0;
  for (u32 at = head()->total_len; at + 8 <= AREA_SIZE; at += 8) sum ^= *(i64 *)(area + at);
  tell(sum);
  return;
#elif GUEST == BLAME
  const struct header *h = head();
  if (h->units_off != 0) {
    const u32 *units = (const u32 *)(area + h->units_off);
    u32 n = units[0], found = n;
    for (u32 i = 0; i < n; i++)
      if (units[2 + i] < units[3 + i] && cost(units[2 + i]) == VICTIM) found = i;
    for (u32 i = 0; i < n; i++) put(found < n ? 2 : 1, 0, (u16)i, found < n ? cost(units[2 + found] + 1) : 1);
    return;
  }
#endif
  tell(head()->rows);
}
