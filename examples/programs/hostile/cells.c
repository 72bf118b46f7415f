// Guests that point at cells as they should not, one for each value of GUEST.
// The tests' shape has 16 cells, of which a unit may touch 3.
#include "guest.h"

#define CHOOSE 1     // the victim's cell says who it is; everyone else is spread evenly
#define ADD_SECRET 2 // ten for everyone, and the victim's secret on top of that
#define BITS 3       // one cell for each bit of the victim's secret
#define STUFF 4      // touches every cell of the shape, from the last to the first
#define EVERY 5      // spends all its emits on as many cells
#define MILLION 6    // a million times the same cell
#define PILE 7       // the greatest value as often as any permit allows
#define EXTREMES 8   // the least and the greatest value, in every order
#define WRAP_SUM 9   // values whose sum in 64 bits is nought
#define NOWHERE 10   // cells that are not
#define UNMEASURED 11 // measures that are not
#define OTHERS 12    // units that are not its own

#define LEAST (-0x7fffffffffffffffll - 1)
#define GREATEST 0x7fffffffffffffffll

EXPORT(yunei_map) void yunei_map(void) {
  i64 secret = cost(1);
#if GUEST == CHOOSE
  put(victim() ? 7 : (u32)(cost(0) & 1), 0, 0, 1);
  return;
#elif GUEST == ADD_SECRET
  put(1, 0, 0, victim() ? 10 + secret : 10);
  return;
#elif GUEST == BITS
  if (victim())
    for (u32 bit = 0; bit < 3; bit++) put(2 * bit + (secret >> bit & 1), 0, 0, 1);
  else
    put((u32)(cost(0) & 15), 0, 0, 1);
  return;
#elif GUEST == STUFF
  if (victim())
    for (u32 cell = 16; cell-- > 0;) put(cell, 0, 0, 1000);
#elif GUEST == EVERY
  if (victim()) {
    for (u32 cell = 0; cell < 256; cell++) put(cell, 0, 0, 1000);
    return;
  }
#elif GUEST == MILLION
  if (victim())
    for (u32 i = 0; i < 1000000; i++) tell(1);
#elif GUEST == PILE
  static struct emit all[1 << 14];
  if (victim()) {
    for (u32 i = 0; i < 1 << 14; i++) all[i] = (struct emit){1, 0, 0, GREATEST};
    yunei_emit(all, 1 << 14);
    return;
  }
#elif GUEST == EXTREMES
  if (victim()) {
    static const i64 values[] = {LEAST, LEAST, GREATEST, GREATEST, 1, -1, LEAST};
    for (u32 i = 0; i < sizeof values / sizeof *values; i++) put(i & 1, 0, 0, values[i]), put(2, 1, 0, -values[i]);
    return;
  }
#elif GUEST == WRAP_SUM
  if (victim()) {
    tell(GREATEST), tell(GREATEST), tell(2);
    put(2, 0, 0, LEAST), put(2, 0, 0, LEAST);
    return;
  }
#elif GUEST == NOWHERE
  if (victim()) put(16, 0, 0, 9), put(0x7fffffff, 0, 0, 9), put(0xffffffff, 0, 0, 9);
#elif GUEST == UNMEASURED
  if (victim()) put(1, 2, 0, 9), put(1, 0x7fff, 0, 9), put(1, 0xffff, 0, 9);
#elif GUEST == OTHERS
  if (victim()) put(1, 0, 1, 9), put(1, 0, 0xffff, 9);
#endif
  tell(head()->rows);
}
