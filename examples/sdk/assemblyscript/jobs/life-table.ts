// A survival table in AssemblyScript: how many of each group were at risk at
// the start of each interval since entry, and how many had the event in it. See
// ../../README.md for its columns and parameters.
import { check, emit, flush, listed, open, paramsDone, takeI32, takeI32s, takeU32, Type } from "../yunei";

const ROOM: u32 = 262144;
const area = memory.data(262144, 8);

const AT_RISK: u16 = 0;
const HAPPENED: u16 = 1;

// Where interval j begins.
function lower(edges: usize, j: u32): i32 { return j ? listed(edges, j - 1) : 0; }

export function yunei_abi_v1(): usize { return area; }

export function yunei_map(): void {
  const a = open(area, ROOM);
  a.params();
  const groups = takeU32(), intervals = takeU32(), event = takeI32(), end = takeI32();
  const edges = takeI32s(intervals);
  paramsDone();
  check(<u64>groups * intervals <= <u64>u32.MAX_VALUE && a.columns == 4);
  for (let j: u32 = 0; j < intervals; j++) check(listed(edges, j) > lower(edges, j));

  const entry = a.column(0, Type.Month), exit = a.column(1, Type.Month);
  const code = a.column(2, Type.Code), group = a.column(3, Type.Code);
  for (let u: u32 = 0; u < a.units; u++) {
    for (let row = a.from(u); row < a.to(u); row++) {
      if (!entry.valid(row) || !group.valid(row)) continue;
      const g = <u32>group.i32(row);
      if (g >= groups) continue;
      let last = exit.i32(row), happened = code.valid(row) && code.i32(row) == event;
      if (!exit.valid(row) || last > end) {
        last = end; // censored at the study's end
        happened = false;
      }
      const time = <i64>last - <i64>entry.i32(row);
      for (let j: u32 = 0; j < intervals && time >= <i64>lower(edges, j); j++) {
        emit(u, g * intervals + j, AT_RISK, 1);
        if (happened && time < <i64>listed(edges, j)) emit(u, g * intervals + j, HAPPENED, 1);
      }
    }
  }
  flush();
}
