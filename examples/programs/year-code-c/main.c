// Records and cost by year and code: one dated record with a code and an
// amount is a row. Columns: date, code, amount. Parameters: first year i32,
// years u32, codes u32. See ../README.md.
#include "../yunei.h"

enum { DATE, CODE, AMOUNT, COLUMNS };
enum { COST };

struct params {
  i32 first;
  u32 years, codes;
};

// year_of gives the Gregorian year of a day counted from 1970-01-01, by
// counting in eras of 400 years that begin on a first of March.
static i32 year_of(i32 day) {
  i32 z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
  u32 doe = (u32)(z - era * 146097);
  u32 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  u32 doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  return (i32)yoe + era * 400 + (doy >= 306);
}

EXPORT(yunei_map) void yunei_map(void) {
  const struct header *h = head();
  if (h->magic != YUNEI_MAGIC || h->version != YUNEI_VERSION || h->cols != COLUMNS) __builtin_trap();
  const struct params *p = (const struct params *)(area + h->params_off);
  if (h->params_len != sizeof *p) __builtin_trap();

  const struct descriptor *date = column(DATE), *code = column(CODE), *amount = column(AMOUNT);
  for (u32 i = 0; i < h->rows; i++) {
    if (!valid(date, i) || !valid(code, i)) continue;
    u32 y = (u32)(year_of(int32s(date)[i]) - p->first), c = (u32)int32s(code)[i];
    if (y >= p->years || c >= p->codes) continue;
    struct emit out = {y * p->codes + c, COST, valid(amount, i) ? int64s(amount)[i] : 0};
    yunei_emit(&out, 1);
  }
}
