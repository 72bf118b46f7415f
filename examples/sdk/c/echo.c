// The echo of package jobs/abi/abitest in C: it tells all that the library let
// it see.
#define YUNEI_AREA (4 * 1024 * 1024)
#include "yunei.h"

enum { HEAD, COLUMN, UNIT, MISSING, PRESENT };

static u64 mix(u64 h, u64 word) {
  h = (h ^ word) * 0x9e3779b97f4a7c15;
  return h ^ h >> 29;
}

static u64 params(void) {
  struct yunei_params p = yunei_params();
  u64 h = 0;
  if (p.left >= 4) h = mix(h, (u64)yunei_take_i32(&p));
  if (p.left >= 4) h = mix(h, yunei_take_u32(&p));
  while (p.left >= 8) h = mix(h, (u64)yunei_take_i64(&p));
  while (p.left > 0) h = mix(h, yunei_take_u8(&p));
  yunei_done(&p);
  return h;
}

// element mixes one element that is there; *value is what it is spelled as.
static u64 element(u64 h, const struct yunei_column *c, u32 row, i64 *value) {
  if (c->type == YUNEI_UTF8) {
    struct yunei_bytes b = yunei_bytes(c, row);
    *value = b.len;
    h = mix(h, b.len);
    for (u32 i = 0; i < b.len; i++) h = mix(h, b.at[i]);
    return h;
  }
  *value = c->type == YUNEI_INT64 ? yunei_i64(c, row) : yunei_i32(c, row);
  return mix(h, (u64)*value);
}

static void yunei_visit(void) {
  yunei_emit(0, 0, HEAD, yunei_rows());
  yunei_emit(0, 1, HEAD, yunei_columns());
  yunei_emit(0, 2, HEAD, yunei_units());
  yunei_emit(0, 3, HEAD, yunei_params().left);
  yunei_emit(0, 4, HEAD, (i64)params());
  for (u32 c = 0; c < yunei_columns(); c++)
    yunei_emit(0, c, COLUMN, yunei_any_column(c)->type | (i64)yunei_any_column(c)->nulls << 8);
  u64 ends = 0;
  for (u32 u = 0; u < yunei_units(); u++) {
    struct yunei_unit unit = yunei_unit(u);
    u64 h = 0;
    ends = mix(ends, unit.to);
    for (u32 row = unit.from; row < unit.to; row++)
      for (u32 c = 0; c < yunei_columns(); c++) {
        i64 value = 0;
        int valid = yunei_valid(yunei_any_column(c), row);
        h = mix(h, (u64)valid);
        if (valid) h = element(h, yunei_any_column(c), row, &value);
        if (yunei_rows() <= 64) yunei_emit(u, c, valid ? PRESENT : MISSING, value);
      }
    if (unit.from < unit.to) yunei_emit(u, unit.from, UNIT, (i64)h);
  }
  yunei_emit(0, 5, HEAD, (i64)ends);
}
