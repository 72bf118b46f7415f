// The echo of package jobs/abi/abitest in AssemblyScript: it tells all that the
// library let it see.
import { Column, emit, flush, open, paramsDone, paramsLeft, takeI32, takeI64, takeU32, takeU8, Type } from "../yunei";

const ROOM: u32 = 4194304;
const area = memory.data(4194304, 8);

const HEAD: u16 = 0;
const COLUMN: u16 = 1;
const UNIT: u16 = 2;
const MISSING: u16 = 3;
const PRESENT: u16 = 4;

function mix(h: u64, word: u64): u64 {
  h = (h ^ word) * 0x9e3779b97f4a7c15;
  return h ^ (h >> 29);
}

function params(): u64 {
  let h: u64 = 0;
  if (paramsLeft() >= 4) h = mix(h, <u64><i64>takeI32());
  if (paramsLeft() >= 4) h = mix(h, takeU32());
  while (paramsLeft() >= 8) h = mix(h, <u64>takeI64());
  while (paramsLeft() > 0) h = mix(h, takeU8());
  paramsDone();
  return h;
}

// Mixes one element that is there.
function element(h: u64, c: Column, row: u32): u64 {
  if (c.type != Type.Utf8) return mix(h, <u64>spelled(c, row));
  const n = c.bytesLen(row);
  h = mix(h, n);
  for (let i: u32 = 0; i < n; i++) h = mix(h, load<u8>(c.bytesAt(row) + i));
  return h;
}

// What an element is spelled as: its number, or its length.
function spelled(c: Column, row: u32): i64 {
  if (c.type == Type.Utf8) return c.bytesLen(row);
  return c.type == Type.Int64 ? c.i64(row) : <i64>c.i32(row);
}

export function yunei_abi_v1(): usize { return area; }

export function yunei_map(): void {
  const a = open(area, ROOM);
  a.params();
  emit(0, 0, HEAD, a.rows);
  emit(0, 1, HEAD, a.columns);
  emit(0, 2, HEAD, a.units);
  emit(0, 3, HEAD, paramsLeft());
  emit(0, 4, HEAD, params());
  for (let c: u32 = 0; c < a.columns; c++) emit(0, c, COLUMN, <i64>a.type(c) | (<i64>a.column(c, a.type(c)).nulls << 8));
  let ends: u64 = 0;
  for (let u: u32 = 0; u < a.units; u++) {
    let h: u64 = 0;
    ends = mix(ends, a.to(u));
    for (let row = a.from(u); row < a.to(u); row++) {
      for (let c: u32 = 0; c < a.columns; c++) {
        const column = a.column(c, a.type(c)), valid = column.valid(row);
        h = mix(h, valid ? 1 : 0);
        if (valid) h = element(h, column, row);
        if (a.rows <= 64) emit(u, c, valid ? PRESENT : MISSING, spelled(column, row));
      }
    }
    if (a.from(u) < a.to(u)) emit(u, a.from(u), UNIT, h);
  }
  emit(0, 5, HEAD, ends);
  flush();
}
