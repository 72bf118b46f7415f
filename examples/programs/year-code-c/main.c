// Records and cost by year and code: one dated record with a code and an
// amount is a row. Columns: date, code, amount. Parameters: first year i32,
// years u32, codes u32. See ../README.md.
#include "../../sdk/c/yunei.h"

enum { DATE, CODE, AMOUNT, COLUMNS };
enum { COST };

// year_of gives the Gregorian year of a day counted from 1970-01-01, by
// counting in eras of 400 years that begin on a first of March.
static i64 year_of(i32 day) {
  i64 z = (i64)day + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
  u32 doe = (u32)(z - era * 146097);
  u32 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  u32 doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  return yoe + era * 400 + (doy >= 306);
}

static void yunei_visit(void) {
  struct yunei_params p = yunei_params();
  i32 first = yunei_take_i32(&p);
  u32 years = yunei_take_u32(&p), codes = yunei_take_u32(&p);
  yunei_done(&p);
  if ((u64)years * codes > 0xffffffff || yunei_columns() != COLUMNS) yunei_trap();

  const struct yunei_column *date = yunei_column(DATE, YUNEI_DATE), *code = yunei_column(CODE, YUNEI_CODE);
  const struct yunei_column *amount = yunei_column(AMOUNT, YUNEI_INT64);
  for (u32 u = 0; u < yunei_units(); u++) {
    struct yunei_unit unit = yunei_unit(u);
    for (u32 i = unit.from; i < unit.to; i++) {
      if (!yunei_valid(date, i) || !yunei_valid(code, i)) continue;
      i64 y = year_of(yunei_i32(date, i)) - first;
      u32 c = (u32)yunei_i32(code, i);
      if (y < 0 || y >= years || c >= codes) continue;
      yunei_emit(u, (u32)y * codes + c, COST, yunei_i64(amount, i)); // what is missing reads as 0
    }
  }
}
