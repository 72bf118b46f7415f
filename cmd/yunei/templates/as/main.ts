// PROGRAM: rows and cost by district. The host calls yunei_map with the rows of
// one person (or, if the permit says so, of a batch of them); the program says
// which cells each falls in. What it emits is all that leaves it; what it says
// of one unit is added, clipped and counted by the host.
import { emit, flush, open, Type } from "./yunei";

const ROOM: u32 = 262144; // for the largest area: the spec's limits.input
const area = memory.data(262144, 8);

// Columns, in the order of the spec's members.
const DISTRICT: u32 = 0;
const COST: u32 = 1;

// Measures, in the order of the spec's shape.
const VISITS: u16 = 0;
const COST_FEN: u16 = 1;

export function yunei_abi_v1(): usize { return area; }

export function yunei_map(): void {
  const a = open(area, ROOM);
  const district = a.column(DISTRICT, Type.Code), cost = a.column(COST, Type.Int64);
  for (let u: u32 = 0; u < a.units; u++) {
    for (let row = a.from(u); row < a.to(u); row++) {
      if (!district.valid(row)) continue; // any value may be missing
      const cell = <u32>district.i32(row); // a code is its place in the list
      emit(u, cell, VISITS, 1);
      if (cost.valid(row)) emit(u, cell, COST_FEN, cost.i64(row));
    }
  }
  flush();
}
