// The sums of a linear regression with 10 features in C: the upper triangle of
// the moments of z = (1, x1..x10, y), which holds X'X, X'y and y'y. See
// ../README.md for its columns and parameters.
#include "yunei.h"

enum { VALUES = 11, TERMS = 12, CELLS = TERMS * (TERMS + 1) / 2 }; // features and response; with the 1; pairs
#define BOUND (1ll << 31)                                          // a product of two stays below 2^63

static const struct yunei_column *columns[VALUES];
static i64 one, low[VALUES], high[VALUES], sums[CELLS];

static void read_params(void) {
  struct yunei_params p = yunei_params();
  one = yunei_take_i64(&p);
  if (one < 1 || one > BOUND) yunei_trap();
  for (u32 k = 0; k < VALUES; k++) {
    low[k] = yunei_take_i64(&p), high[k] = yunei_take_i64(&p);
    if (low[k] < -BOUND || low[k] > high[k] || high[k] > BOUND) yunei_trap();
  }
  yunei_done(&p);
}

// terms reads z of a row, clipped; it returns 0 if a value is missing.
static int terms(u32 row, i64 *z) {
  z[0] = one;
  for (u32 k = 0; k < VALUES; k++) {
    if (!yunei_valid(columns[k], row)) return 0;
    i64 v = yunei_i64(columns[k], row);
    z[k + 1] = v < low[k] ? low[k] : v > high[k] ? high[k] : v;
  }
  return 1;
}

static i64 add_saturating(i64 a, i64 b) {
  i64 sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? -0x7fffffffffffffffll - 1 : 0x7fffffffffffffffll;
}

static void yunei_visit(void) {
  read_params();
  if (yunei_columns() != VALUES) yunei_trap();
  for (u32 k = 0; k < VALUES; k++) columns[k] = yunei_column(k, YUNEI_INT64);
  for (u32 u = 0; u < yunei_units(); u++) {
    struct yunei_unit unit = yunei_unit(u);
    i64 z[TERMS];
    u32 complete = 0;
    for (u32 c = 0; c < CELLS; c++) sums[c] = 0;
    for (u32 row = unit.from; row < unit.to; row++) {
      if (!terms(row, z)) continue;
      complete++;
      for (u32 i = 0, c = 0; i < TERMS; i++)
        for (u32 j = i; j < TERMS; j++, c++) sums[c] = add_saturating(sums[c], z[i] * z[j]);
    }
    for (u32 c = 0; complete > 0 && c < CELLS; c++) yunei_emit(u, c, 0, sums[c]);
  }
}
