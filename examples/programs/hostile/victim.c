// Guests that meet a limit, or come close to one, on the victim only: one for
// each value of GUEST.
#include "guest.h"

#define DEPTH 1   // calls itself without end
#define EMITS 2   // hands over one record too many, all but that one its own
#define MEMORY 3  // takes all the memory there is, and reads behind it
#define CALLS 4   // asks the time until it is not told any more
#define SLEEP 5   // computes for nine tenths of its fuel, and then does nothing wrong
#define POLL 6    // asks to be woken in an hour
#define DIVIDE 7  // divides by the number of the victim's rows beyond two
#define INIT_PEEK 8    // would trap in its initialiser, if the area were there

#if GUEST == DEPTH
static volatile u32 deep;
__attribute__((noinline)) static u32 dive(u32 n) {
  deep = n;
  return n == 0 ? 0 : dive(n - 1) + deep;
}
#elif GUEST == CALLS
WASI(clock_time_get)(i32 id, i64 precision, i64 *now);
#elif GUEST == POLL
WASI(poll_oneoff)(const void *in, void *out, u32 n, u32 *events);
#elif GUEST == INIT_PEEK
EXPORT(_initialize) void initialize(void) {
  if (head()->magic != 0) __builtin_trap();
}
#endif

EXPORT(yunei_map) void yunei_map(void) {
#if GUEST == DEPTH
  if (victim()) tell(dive(1 << 24));
#elif GUEST == EMITS
  if (victim())
    for (int i = 0; i < 256; i++) tell(2);
#elif GUEST == MEMORY
  if (victim()) {
    u32 pages = __builtin_wasm_memory_size(0);
    while (__builtin_wasm_memory_grow(0, 1) != (unsigned long)-1) *(volatile u8 *)(pages++ * 65536) = 1;
    *(volatile u8 *)(pages * 65536) = 1;
  }
#elif GUEST == CALLS
  static i64 now;
  if (victim())
    while (clock_time_get(0, 1, &now) == 0) continue;
#elif GUEST == SLEEP
  if (victim())
    for (volatile u32 i = 0; i < 60000; i++) continue;
#elif GUEST == POLL
  static struct { u64 userdata; u8 tag, pad[7]; u32 id, pad2; u64 timeout, precision; u16 flags, pad3[3]; } s = {.timeout = 3600000000000ull};
  static u8 event[32];
  static u32 events;
  if (victim()) poll_oneoff(&s, event, 1, &events);
#elif GUEST == DIVIDE
  static volatile i32 one = 1;
  if (victim()) tell(one / (i32)(head()->rows - 2));
#endif
  tell(head()->rows);
}
