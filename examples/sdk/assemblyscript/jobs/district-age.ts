// Visits and cost by district and age band, in AssemblyScript. See
// ../../../programs/README.md for its columns and parameters.
import { check, emit, flush, listed, open, paramsDone, takeI32, takeI32s, takeU32, Type } from "../yunei";

const ROOM: u32 = 262144;
const area = memory.data(262144, 8);

const VISITS: u16 = 0;
const COST: u16 = 1;

export function yunei_abi_v1(): usize { return area; }

export function yunei_map(): void {
  const a = open(area, ROOM);
  a.params();
  const districts = takeU32(), ages = takeU32(), month = takeI32();
  check(ages > 0 && <u64>districts * ages <= <u64>u32.MAX_VALUE && a.columns == 3);
  const edges = takeI32s(ages - 1); // upper edges of the age bands but the last, in years
  paramsDone();

  const district = a.column(0, Type.Code), birth = a.column(1, Type.Month), cost = a.column(2, Type.Int64);
  for (let u: u32 = 0; u < a.units; u++) {
    for (let row = a.from(u); row < a.to(u); row++) {
      if (!district.valid(row) || !birth.valid(row)) continue;
      const d = <u32>district.i32(row);
      if (d >= districts) continue;
      const months = <i64>month - <i64>birth.i32(row);
      let band: u32 = 0;
      while (band + 1 < ages && months >= 12 * <i64>listed(edges, band)) band++;
      emit(u, d * ages + band, VISITS, 1);
      if (cost.valid(row)) emit(u, d * ages + band, COST, cost.i64(row));
    }
  }
  flush();
}
