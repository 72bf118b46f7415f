// Visits and cost by district and age band: the study of examples/programs,
// in C. See ../README.md for its columns and parameters.
#include "../../sdk/c/yunei.h"

enum { DISTRICT, BIRTH_MONTH, COST_FEN, COLUMNS };
enum { VISITS, COST };

struct bands {
  u32 ages;
  i32 month;            // the reference month
  const i32_any *edges; // upper edges of the age bands but the last, in years
};

// band returns the age band of someone born in the given month.
static u32 band(const struct bands *b, i32 birth) {
  i64 months = (i64)b->month - birth;
  u32 i = 0;
  while (i + 1 < b->ages && months >= 12 * (i64)b->edges[i]) i++;
  return i;
}

static void yunei_visit(void) {
  struct yunei_params p = yunei_params();
  struct bands b;
  u32 districts = yunei_take_u32(&p);
  b.ages = yunei_take_u32(&p), b.month = yunei_take_i32(&p);
  if (b.ages == 0 || (u64)districts * b.ages > 0xffffffff || yunei_columns() != COLUMNS) yunei_trap();
  b.edges = yunei_take_i32s(&p, b.ages - 1);
  yunei_done(&p);

  const struct yunei_column *district = yunei_column(DISTRICT, YUNEI_CODE);
  const struct yunei_column *birth = yunei_column(BIRTH_MONTH, YUNEI_MONTH), *cost = yunei_column(COST_FEN, YUNEI_INT64);
  for (u32 u = 0; u < yunei_units(); u++) {
    struct yunei_unit unit = yunei_unit(u);
    for (u32 i = unit.from; i < unit.to; i++) {
      if (!yunei_valid(district, i) || !yunei_valid(birth, i)) continue;
      u32 d = (u32)yunei_i32(district, i);
      if (d >= districts) continue;
      u32 cell = d * b.ages + band(&b, yunei_i32(birth, i));
      yunei_emit(u, cell, VISITS, 1);
      if (yunei_valid(cost, i)) yunei_emit(u, cell, COST, yunei_i64(cost, i));
    }
  }
}
