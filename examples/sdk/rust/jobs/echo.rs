//! The echo of package jobs/abi/abitest in Rust: it tells all that the library
//! let it see.
#![no_std]

use yunei::{Area, Column, Emits, Params, Type};

yunei::program!(4 << 20, visit);

const HEAD: u16 = 0;
const COLUMN: u16 = 1;
const UNIT: u16 = 2;
const MISSING: u16 = 3;
const PRESENT: u16 = 4;

fn mix(h: u64, word: u64) -> u64 {
    let h = (h ^ word).wrapping_mul(0x9e3779b97f4a7c15);
    h ^ h >> 29
}

fn params(mut p: Params) -> u64 {
    let mut h = 0;
    if p.left() >= 4 {
        h = mix(h, p.i32() as u64);
    }
    if p.left() >= 4 {
        h = mix(h, p.u32() as u64);
    }
    while p.left() >= 8 {
        h = mix(h, p.i64() as u64);
    }
    while p.left() > 0 {
        h = mix(h, p.u8() as u64);
    }
    p.done();
    h
}

/// Mixes one element, and returns what it is spelled as, if it is there.
fn element(h: u64, kind: Type, c: &Column, row: usize) -> (u64, Option<i64>) {
    if kind == Type::Utf8 {
        return match c.bytes(row) {
            Some(b) => (b.iter().fold(mix(mix(h, 1), b.len() as u64), |h, &x| mix(h, x as u64)), Some(b.len() as i64)),
            None => (mix(h, 0), None),
        };
    }
    let value = if kind == Type::Int64 { c.i64(row) } else { c.i32(row).map(i64::from) };
    (value.map_or(mix(h, 0), |v| mix(mix(h, 1), v as u64)), value)
}

fn visit(area: &Area, out: &mut Emits) {
    out.emit(0, 0, HEAD, area.rows() as i64);
    out.emit(0, 1, HEAD, area.columns() as i64);
    out.emit(0, 2, HEAD, area.units().len() as i64);
    out.emit(0, 3, HEAD, area.params().left() as i64);
    out.emit(0, 4, HEAD, params(area.params()) as i64);
    for c in 0..area.columns() {
        out.emit(0, c as u32, COLUMN, area.kind(c) as i64 | (area.column(c, area.kind(c)).nulls() as i64) << 8);
    }
    let mut ends = 0;
    for (unit, rows) in area.units().enumerate() {
        let (mut h, from, to) = (0, rows.start, rows.end);
        ends = mix(ends, to as u64);
        for row in rows {
            for c in 0..area.columns() {
                let (mixed, value) = element(h, area.kind(c), &area.column(c, area.kind(c)), row);
                h = mixed;
                if area.rows() <= 64 {
                    let measure = if value.is_some() { PRESENT } else { MISSING };
                    out.emit(unit, c as u32, measure, value.unwrap_or(0));
                }
            }
        }
        if from < to {
            out.emit(unit, from as u32, UNIT, h as i64);
        }
    }
    out.emit(0, 5, HEAD, ends as i64);
}
