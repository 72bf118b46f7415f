//! Visits and cost by district and age band, in Rust. See
//! ../../../programs/README.md for its columns and parameters.
#![no_std]

use yunei::{Area, Emits, Type};

yunei::program!(256 << 10, visit);

const VISITS: u16 = 0;
const COST: u16 = 1;

fn visit(area: &Area, out: &mut Emits) {
    let mut p = area.params();
    let (districts, ages, month) = (p.u32(), p.u32(), p.i32());
    assert!(ages > 0 && districts.checked_mul(ages).is_some() && area.columns() == 3);
    let edges = p.i32s(ages - 1); // upper edges of the age bands but the last, in years
    p.done();
    let band = |birth: i32| {
        let months = month as i64 - birth as i64;
        edges.clone().take_while(|&edge| months >= 12 * edge as i64).count() as u32
    };

    let (district, birth_month, cost) = (area.column(0, Type::Code), area.column(1, Type::Month), area.column(2, Type::Int64));
    for (unit, rows) in area.units().enumerate() {
        for row in rows {
            let (d, birth) = match (district.i32(row), birth_month.i32(row)) {
                (Some(d), Some(birth)) if (d as u32) < districts => (d as u32, birth),
                _ => continue,
            };
            let cell = d * ages + band(birth);
            out.emit(unit, cell, VISITS, 1);
            if let Some(fen) = cost.i64(row) {
                out.emit(unit, cell, COST, fen);
            }
        }
    }
}
