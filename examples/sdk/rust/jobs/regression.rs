//! The sums of a linear regression with 10 features in Rust: the upper triangle
//! of the moments of z = (1, x1..x10, y), which holds X'X, X'y and y'y. See
//! ../../README.md for its columns and parameters.
#![no_std]

use yunei::{Area, Column, Emits, Type};

yunei::program!(256 << 10, visit);

const VALUES: usize = 11; // features and response
const TERMS: usize = 12; // with the 1
const CELLS: usize = TERMS * (TERMS + 1) / 2;
const BOUND: i64 = 1 << 31; // a product of two stays below 2^63

fn visit(area: &Area, out: &mut Emits) {
    let mut p = area.params();
    let one = p.i64();
    assert!(one >= 1 && one <= BOUND && area.columns() == VALUES);
    let mut clips = [(0, 0); VALUES];
    for clip in clips.iter_mut() {
        *clip = (p.i64(), p.i64());
        assert!(-BOUND <= clip.0 && clip.0 <= clip.1 && clip.1 <= BOUND);
    }
    p.done();

    let mut columns = [area.column(0, Type::Int64); VALUES];
    for (k, column) in columns.iter_mut().enumerate() {
        *column = area.column(k, Type::Int64);
    }
    for (unit, rows) in area.units().enumerate() {
        let mut sums = [0i64; CELLS];
        let mut complete = 0;
        for row in rows {
            let z = match terms(&columns, one, &clips, row) {
                Some(z) => z,
                None => continue,
            };
            complete += 1;
            let mut c = 0;
            for i in 0..TERMS {
                for j in i..TERMS {
                    sums[c] = sums[c].saturating_add(z[i] * z[j]);
                    c += 1;
                }
            }
        }
        for (c, sum) in sums.iter().enumerate().filter(|_| complete > 0) {
            out.emit(unit, c as u32, 0, *sum);
        }
    }
}

/// z of a row, clipped; none if a value is missing.
fn terms(columns: &[Column; VALUES], one: i64, clips: &[(i64, i64); VALUES], row: usize) -> Option<[i64; TERMS]> {
    let mut z = [one; TERMS];
    for k in 0..VALUES {
        z[k + 1] = columns[k].i64(row)?.max(clips[k].0).min(clips[k].1);
    }
    Some(z)
}
