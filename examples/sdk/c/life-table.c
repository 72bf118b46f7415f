// A survival table in C: how many of each group were at risk at the start of
// each interval since entry, and how many had the event in it. See
// ../README.md for its columns and parameters.
#include "yunei.h"

enum { ENTRY, EXIT, EVENT, GROUP, COLUMNS };
enum { AT_RISK, HAPPENED };

static void yunei_visit(void) {
  struct yunei_params p = yunei_params();
  u32 groups = yunei_take_u32(&p), intervals = yunei_take_u32(&p);
  i32 event = yunei_take_i32(&p), end = yunei_take_i32(&p);
  const i32_any *edges = yunei_take_i32s(&p, intervals);
  yunei_done(&p);
  if ((u64)groups * intervals > 0xffffffff || yunei_columns() != COLUMNS) yunei_trap();
  for (u32 j = 0; j < intervals; j++)
    if (edges[j] <= (j ? edges[j - 1] : 0)) yunei_trap();

  const struct yunei_column *entry = yunei_column(ENTRY, YUNEI_MONTH), *exit = yunei_column(EXIT, YUNEI_MONTH);
  const struct yunei_column *code = yunei_column(EVENT, YUNEI_CODE), *group = yunei_column(GROUP, YUNEI_CODE);
  for (u32 u = 0; u < yunei_units(); u++) {
    struct yunei_unit unit = yunei_unit(u);
    for (u32 i = unit.from; i < unit.to; i++) {
      if (!yunei_valid(entry, i) || !yunei_valid(group, i)) continue;
      u32 g = (u32)yunei_i32(group, i);
      if (g >= groups) continue;
      i32 last = yunei_i32(exit, i);
      int happened = yunei_valid(code, i) && yunei_i32(code, i) == event;
      if (!yunei_valid(exit, i) || last > end) last = end, happened = 0; // censored at the study's end
      i64 time = (i64)last - yunei_i32(entry, i);
      for (u32 j = 0; j < intervals && time >= (j ? edges[j - 1] : 0); j++) {
        yunei_emit(u, g * intervals + j, AT_RISK, 1);
        if (happened && time < edges[j]) yunei_emit(u, g * intervals + j, HAPPENED, 1);
      }
    }
  }
}
