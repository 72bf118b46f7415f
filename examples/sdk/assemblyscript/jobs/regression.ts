// The sums of a linear regression with 10 features in AssemblyScript: the upper
// triangle of the moments of z = (1, x1..x10, y), which holds X'X, X'y and y'y.
// See ../../README.md for its columns and parameters.
import { Area, check, emit, flush, open, paramsDone, takeI64, Type } from "../yunei";

const ROOM: u32 = 262144;
const area = memory.data(262144, 8);

const VALUES: u32 = 11; // features and response
const TERMS: u32 = 12; // with the 1
const CELLS: u32 = 78; // TERMS * (TERMS + 1) / 2
const BOUND: i64 = 1 << 31; // a product of two stays below 2^63

const low = memory.data(88, 8);
const high = memory.data(88, 8);
const z = memory.data(96, 8);
const sums = memory.data(624, 8);

// Reads z of a row, clipped; false if a value is missing.
function terms(a: Area, row: u32): bool {
  for (let k: u32 = 0; k < VALUES; k++) {
    const c = a.column(k, Type.Int64);
    if (!c.valid(row)) return false;
    store<i64>(z + 8 * k, min(max(c.i64(row), load<i64>(low + 8 * k)), load<i64>(high + 8 * k)), 8);
  }
  return true;
}

function addSaturating(a: i64, b: i64): i64 {
  const sum = a + b;
  if (b >= 0 && sum < a) return i64.MAX_VALUE;
  if (b < 0 && sum > a) return i64.MIN_VALUE;
  return sum;
}

function addProducts(): void {
  let to = sums;
  for (let i: u32 = 0; i < TERMS; i++) {
    for (let j = i; j < TERMS; j++) {
      store<i64>(to, addSaturating(load<i64>(to), load<i64>(z + 8 * i) * load<i64>(z + 8 * j)));
      to += 8;
    }
  }
}

export function yunei_abi_v1(): usize { return area; }

export function yunei_map(): void {
  const a = open(area, ROOM);
  a.params();
  const one = takeI64();
  check(one >= 1 && one <= BOUND && a.columns == VALUES);
  store<i64>(z, one);
  for (let k: u32 = 0; k < VALUES; k++) {
    check(a.type(k) == Type.Int64);
    const from = takeI64(), to = takeI64();
    check(-BOUND <= from && from <= to && to <= BOUND);
    store<i64>(low + 8 * k, from);
    store<i64>(high + 8 * k, to);
  }
  paramsDone();
  for (let u: u32 = 0; u < a.units; u++) {
    let complete: u32 = 0;
    memory.fill(sums, 0, 8 * CELLS);
    for (let row = a.from(u); row < a.to(u); row++) {
      if (!terms(a, row)) continue;
      complete++;
      addProducts();
    }
    for (let c: u32 = 0; complete > 0 && c < CELLS; c++) emit(u, c, 0, load<i64>(sums + 8 * c));
  }
  flush();
}
