//! A survival table in Rust: how many of each group were at risk at the start
//! of each interval since entry, and how many had the event in it. See
//! ../../README.md for its columns and parameters.
#![no_std]

use yunei::{Area, Emits, Type};

yunei::program!(256 << 10, visit);

const AT_RISK: u16 = 0;
const HAPPENED: u16 = 1;

fn visit(area: &Area, out: &mut Emits) {
    let mut p = area.params();
    let (groups, intervals, event, end) = (p.u32(), p.u32(), p.i32(), p.i32());
    let edges = p.i32s(intervals);
    p.done();
    assert!(groups.checked_mul(intervals).is_some() && area.columns() == 4);
    let mut lower = 0;
    for edge in edges.clone() {
        assert!(edge > lower, "edges that do not rise");
        lower = edge;
    }

    let (entry, exit) = (area.column(0, Type::Month), area.column(1, Type::Month));
    let (code, group) = (area.column(2, Type::Code), area.column(3, Type::Code));
    for (unit, rows) in area.units().enumerate() {
        for row in rows {
            let (from, g) = match (entry.i32(row), group.i32(row)) {
                (Some(from), Some(g)) if (g as u32) < groups => (from, g as u32),
                _ => continue,
            };
            let (last, happened) = match exit.i32(row) {
                Some(last) if last <= end => (last, code.i32(row) == Some(event)),
                _ => (end, false), // censored at the study's end
            };
            let time = last as i64 - from as i64;
            let mut lower = 0;
            for (j, edge) in edges.clone().enumerate() {
                if time < lower {
                    break;
                }
                let cell = g * intervals + j as u32;
                out.emit(unit, cell, AT_RISK, 1);
                if happened && time < edge as i64 {
                    out.emit(unit, cell, HAPPENED, 1);
                }
                lower = edge as i64;
            }
        }
    }
}
