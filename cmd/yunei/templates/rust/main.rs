//! PROGRAM: rows and cost by district. The host calls visit with the rows of
//! one person (or, if the permit says so, of a batch of them); the program says
//! which cells each falls in. What it emits is all that leaves it; what it says
//! of one unit is added, clipped and counted by the host.
#![no_std]

use yunei::{Area, Emits, Type};

yunei::program!(256 << 10, visit); // room for the largest area: the spec's limits.input

// Columns, in the order of the spec's members.
const DISTRICT: usize = 0;
const COST: usize = 1;

// Measures, in the order of the spec's shape.
const VISITS: u16 = 0;
const COST_FEN: u16 = 1;

fn visit(area: &Area, out: &mut Emits) {
    let (district, cost) = (area.column(DISTRICT, Type::Code), area.column(COST, Type::Int64));
    for (unit, rows) in area.units().enumerate() {
        for row in rows {
            // Any value may be missing; a code is its place in the list.
            if let Some(code) = district.i32(row) {
                out.emit(unit, code as u32, VISITS, 1);
                if let Some(fen) = cost.i64(row) {
                    out.emit(unit, code as u32, COST_FEN, fen);
                }
            }
        }
    }
}
