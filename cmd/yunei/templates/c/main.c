// PROGRAM: rows and cost by district. The host calls yunei_visit with the rows
// of one person (or, if the permit says so, of a batch of them); the program
// says which cells each falls in. What it emits is all that leaves it; what it
// says of one unit is added, clipped and counted by the host.
#include "yunei.h"

enum { DISTRICT, COST };   // columns, in the order of the spec's members
enum { VISITS, COST_FEN }; // measures, in the order of the spec's shape

static void yunei_visit(void) {
  const struct yunei_column *district = yunei_column(DISTRICT, YUNEI_CODE), *cost = yunei_column(COST, YUNEI_INT64);
  for (u32 u = 0; u < yunei_units(); u++) {
    struct yunei_unit rows = yunei_unit(u);
    for (u32 row = rows.from; row < rows.to; row++) {
      if (!yunei_valid(district, row)) continue; // any value may be missing
      u32 cell = (u32)yunei_i32(district, row);  // a code is its place in the list
      yunei_emit(u, cell, VISITS, 1);
      if (yunei_valid(cost, row)) yunei_emit(u, cell, COST_FEN, yunei_i64(cost, row));
    }
  }
}
