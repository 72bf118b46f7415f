// Visits and cost by district and age band: the study of examples/programs,
// in C. See ../README.md for its columns and parameters.
#include "../yunei.h"

enum { DISTRICT, BIRTH_MONTH, COST_FEN, COLUMNS };
enum { VISITS, COST };

struct params {
  u32 districts, ages;
  i32 month;
  i32 edges[]; // upper edges of the age bands but the last, in years
};

static struct emit out[2];

// band returns the age band of someone born in the given month.
static u32 band(const struct params *p, i32 birth) {
  i32 months = p->month - birth;
  u32 i = 0;
  while (i + 1 < p->ages && months >= p->edges[i] * 12) i++;
  return i;
}

EXPORT(yunei_map) void yunei_map(void) {
  const struct header *h = head();
  if (h->magic != YUNEI_MAGIC || h->version != YUNEI_VERSION || h->cols != COLUMNS) __builtin_trap();
  const struct params *p = (const struct params *)(area + h->params_off);
  if (p->ages == 0 || h->params_len != 12 + 4 * (p->ages - 1)) __builtin_trap();

  const struct descriptor *district = column(DISTRICT), *birth = column(BIRTH_MONTH), *cost = column(COST_FEN);
  for (u32 i = 0; i < h->rows; i++) {
    if (!valid(district, i) || !valid(birth, i)) continue;
    u32 d = (u32)int32s(district)[i];
    if (d >= p->districts) continue;
    u32 cell = d * p->ages + band(p, int32s(birth)[i]), n = 0;
    out[n++] = (struct emit){cell, VISITS, 1};
    if (valid(cost, i)) out[n++] = (struct emit){cell, COST, int64s(cost)[i]};
    yunei_emit(out, n);
  }
}
