// The library of a program in AssemblyScript: what a program needs of the
// agreement that package jobs/abi writes down byte for byte, so that no program
// deals in offsets. A program sets memory aside for the area, opens it in
// yunei_map, emits, and flushes at the end. Whatever the area or the program
// gets wrong is a trap: the visit then emits nothing. The library trusts
// nobody, allocates nothing, and keeps nothing from one visit to another.

@external("yunei", "emit")
declare function send(records: usize, n: u32): void;

// Traps unless what is said holds.
@inline
export function check(holds: bool): void {
  if (!holds) unreachable();
}

// The types of a column. All but Int64 and Utf8 are read as an i32.
export const enum Type { Int32 = 1, Int64, Date, Code, Month, Utf8 }

const HEADER: u32 = 32;
const DESCRIPTOR: u32 = 32;

// An Area is what one visit sees: parameters, columns, and the rows of one or
// more units. It is the area's own header, where the host wrote it.
@unmanaged
export class Area {
  private magic: u32;
  private version: u32;
  readonly rows: u32; // of all units together
  readonly columns: u32;
  private paramsOff: u32;
  private paramsLen: u32;
  private total: u32;
  private unitsOff: u32;

  // The number of units.
  @inline get units(): u32 { return this.unitsOff ? load<u32>(this.at(this.unitsOff)) : 1; }

  // The rows of unit u are from(u) to to(u)-1.
  @inline from(u: u32): u32 { return this.start(u, 0); }
  @inline to(u: u32): u32 { return this.start(u, 1); }

  // The permit's parameters, to be read from first to last by takeU32 and the like.
  params(): void {
    next = this.at(this.paramsOff);
    left = this.paramsLen;
  }

  // The type of column i.
  @inline type(i: u32): u32 { return this.anyColumn(i).type; }

  // Column i, which is to be of the given type.
  @inline
  column(i: u32, type: u32): Column {
    check(this.type(i) == type);
    return this.anyColumn(i);
  }

  @inline
  private anyColumn(i: u32): Column {
    check(i < this.columns);
    return changetype<Column>(this.at(HEADER + DESCRIPTOR * i));
  }

  // What is left is between host and library.

  @inline at(off: u32): usize { return changetype<usize>(this) + off; }

  @inline
  private start(u: u32, more: u32): u32 {
    check(u < this.units);
    if (!this.unitsOff) return more ? this.rows : 0;
    return load<u32>(this.at(this.unitsOff) + 4 * (u + more), 8);
  }

  // Every offset is checked here, before the program sees the area.
  checkAll(room: u32): void {
    check(this.magic == 0x314e5559 && this.version == 1);
    check(this.total <= room && this.total >= HEADER);
    check(this.columns <= (this.total - HEADER) / DESCRIPTOR && (this.columns > 0 || this.rows == 0));
    this.checkBuffer(this.paramsOff, this.paramsLen);
    if (this.unitsOff) this.checkUnits();
    for (let i: u32 = 0; i < this.columns; i++) this.anyColumn(i).check(this);
  }

  checkBuffer(off: u32, n: u64): void {
    check(off % 8 == 0 && off >= HEADER + DESCRIPTOR * this.columns && off <= this.total && n <= <u64>(this.total - off));
  }

  private checkUnits(): void {
    this.checkBuffer(this.unitsOff, 8);
    const p = this.at(this.unitsOff);
    const n = load<u32>(p);
    check(load<u32>(p, 4) == 0 && n <= 65536);
    this.checkBuffer(this.unitsOff, 8 + 4 * (<u64>n + 1));
    checkRising(p + 8, n + 1, this.rows);
    check(load<u32>(p, 8) == 0 && load<u32>(p + 4 * n, 8) == this.rows);
  }
}

function checkRising(list: usize, n: u32, most: u32): void {
  let last: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const value = load<u32>(list + 4 * i);
    check(value >= last && value <= most);
    last = value;
  }
}

// Where the area lies, for its columns.
let area: Area = changetype<Area>(0);

// Reads the area at p, for which the program has so much room.
export function open(p: usize, room: u32): Area {
  area = changetype<Area>(p);
  area.checkAll(room);
  kept = 0;
  return area;
}

// A Column is one column of the open area. A row that is null is not valid, and
// reads as 0 or empty.
@unmanaged
export class Column {
  readonly type: u32;
  readonly nulls: u32; // how many rows are null
  private validityOff: u32;
  private validityLen: u32;
  private valuesOff: u32;
  private valuesLen: u32;
  private dataOff: u32;
  private dataLen: u32;

  // Whether a row is not null.
  @inline
  valid(row: u32): bool {
    check(row < area.rows);
    return this.nulls == 0 || (load<u8>(area.at(this.validityOff) + row / 8) >> <u8>(row % 8) & 1) == 1;
  }

  // A row of a column of any type but Int64 and Utf8.
  @inline
  i32(row: u32): i32 {
    check(this.type != Type.Int64 && this.type != Type.Utf8);
    return this.valid(row) ? load<i32>(area.at(this.valuesOff) + 4 * row) : 0;
  }

  // A row of a column of type Int64.
  @inline
  i64(row: u32): i64 {
    check(this.type == Type.Int64);
    return this.valid(row) ? load<i64>(area.at(this.valuesOff) + 8 * row) : 0;
  }

  // A row of a column of type Utf8: where its bytes are, and how many.
  @inline
  bytesAt(row: u32): usize {
    check(this.type == Type.Utf8);
    return this.valid(row) ? area.at(this.dataOff) + this.offset(row) : 0;
  }

  @inline
  bytesLen(row: u32): u32 {
    check(this.type == Type.Utf8);
    return this.valid(row) ? this.offset(row + 1) - this.offset(row) : 0;
  }

  @inline private offset(i: u32): u32 { return load<u32>(area.at(this.valuesOff) + 4 * i); }

  check(a: Area): void {
    check(<i32>this.type >= Type.Int32 && <i32>this.type <= Type.Utf8 && this.nulls <= a.rows);
    if (this.validityOff) a.checkBuffer(this.validityOff, this.validityLen);
    check(this.nulls == 0 || (this.validityOff != 0 && this.validityLen >= (<u64>a.rows + 7) / 8));
    a.checkBuffer(this.valuesOff, this.valuesLen);
    const elements = <u64>a.rows + (this.type == Type.Utf8 ? 1 : 0);
    check(this.valuesLen == elements * (this.type == Type.Int64 ? 8 : 4));
    if (this.type != Type.Utf8) return;
    a.checkBuffer(this.dataOff, this.dataLen);
    checkRising(a.at(this.valuesOff), a.rows + 1, this.dataLen);
  }
}

// Parameters that have not been read yet; reading past their end is a trap.

let next: usize = 0;
let left: u32 = 0;

// How many bytes are left.
export function paramsLeft(): u32 { return left; }

function take(n: u64): usize {
  check(n <= <u64>left);
  left -= <u32>n;
  next += <usize>n;
  return next - <usize>n;
}

export function takeU8(): u8 { return load<u8>(take(1)); }
export function takeU32(): u32 { return load<u32>(take(4)); }
export function takeI32(): i32 { return load<i32>(take(4)); }
export function takeI64(): i64 { return load<i64>(take(8)); }

// A list of n numbers, of which listed(list, i) reads one that the program
// knows to be there.
export function takeI32s(n: u32): usize { return take(4 * <u64>n); }

@inline
export function listed(list: usize, i: u32): i32 { return load<i32>(list + 4 * i); }

// Traps if there are parameters left.
export function paramsDone(): void { check(left == 0); }

// Emits, kept until there are many, because a call of the host costs fuel.

const EMIT: u32 = 16;
const KEPT: u32 = 256;
const records = memory.data(4096, 8); // KEPT * EMIT
let kept: u32 = 0;

// Unit `unit` of the area falls in a cell, with a value for a measure.
export function emit(unit: u32, cell: u32, measure: u16, value: i64): void {
  check(unit <= 0xffff);
  if (kept == KEPT) flush();
  const p = records + EMIT * kept++;
  store<u32>(p, cell);
  store<u16>(p, measure, 4);
  store<u16>(p, <u16>unit, 6);
  store<i64>(p, value, 8);
}

// Hands over what is kept; a program ends with it.
export function flush(): void {
  if (kept > 0) send(records, kept);
  kept = 0;
}
