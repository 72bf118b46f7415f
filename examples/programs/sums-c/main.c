// Sums of what the parameters say: each of their rules names rows, a cell, and a
// column to be summed there. It is what a query language would be asked for; the
// attackers of internal/attackers/whole ask it. Columns: any of type Code or
// Int64. See ../README.md for the parameters.
#include "../../sdk/c/yunei.h"

struct rule {
  u32 cell, measure;
  i32 column; // to be summed; below 0: the number 1
  i32 times;
  u32 when;                    // so many ranges, all of which a row must be in
  struct yunei_params ranges;
};

static struct rule next(struct yunei_params *p) {
  struct rule r;
  r.cell = yunei_take_u32(p), r.measure = yunei_take_u32(p);
  r.column = yunei_take_i32(p), r.times = yunei_take_i32(p);
  r.when = yunei_take_u32(p), r.ranges = *p;
  yunei_take(p, 12 * (u64)r.when);
  return r;
}

// value reads a column of either type; what is null reads as 0.
static i64 value(u32 column, u32 row) {
  const struct yunei_column *c = yunei_any_column(column);
  return c->type == YUNEI_INT64 ? yunei_i64(c, row) : yunei_i32(c, row);
}

// within reports whether a row is in all ranges of a rule: from the first number
// of each to before the second, and not null.
static int within(struct rule r, u32 row) {
  for (u32 k = 0; k < r.when; k++) {
    u32 column = yunei_take_u32(&r.ranges);
    i32 from = yunei_take_i32(&r.ranges), to = yunei_take_i32(&r.ranges);
    i64 v = value(column, row);
    if (!yunei_valid(yunei_any_column(column), row) || v < from || v >= to) return 0;
  }
  return 1;
}

static void yunei_visit(void) {
  struct yunei_params p = yunei_params();
  while (p.left > 0) {
    struct rule r = next(&p);
    for (u32 u = 0; u < yunei_units(); u++) {
      struct yunei_unit unit = yunei_unit(u);
      for (u32 row = unit.from; row < unit.to; row++) {
        if (!within(r, row)) continue;
        i64 v = r.column < 0 ? 1 : value((u32)r.column, row);
        yunei_emit(u, r.cell, (u16)r.measure, v * r.times);
      }
    }
  }
}
