//! The library of a program in Rust: what a program needs of the agreement
//! that package jobs/abi writes down byte for byte, so that no program deals in
//! offsets or in `unsafe`. A program hands its visit to `program!`; the visit
//! reads the area that the host has written and emits. Whatever the area or the
//! program gets wrong is a panic, which is a trap: the visit then emits nothing.
//!
//! The library needs no `std` and no allocator, trusts nobody, and keeps
//! nothing from one visit to another.
#![no_std]

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

const FIXED: usize = 32; // bytes of the header, and of a descriptor

/// The type of a column. All but `Int64` and `Utf8` are read as an `i32`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Type {
    Int32 = 1,
    Int64,
    Date,
    Code,
    Month,
    Utf8,
}

fn kind(word: u32) -> Type {
    use Type::*;
    *[Int32, Int64, Date, Code, Month, Utf8].get((word as usize).wrapping_sub(1)).expect("an unknown type")
}

fn u32_at(b: &[u8], i: usize) -> u32 {
    u32::from_le_bytes(b[4 * i..4 * i + 4].try_into().unwrap())
}

/// What one visit sees: parameters, columns, and the rows of one or more units.
pub struct Area<'a> {
    bytes: &'a [u8], // as long as the header says
    fixed: usize,    // bytes of header and descriptors
    rows: usize,
    columns: usize,
    params: &'a [u8],
    starts: Option<&'a [u8]>,
}

impl<'a> Area<'a> {
    /// Reads the area at the start of `b`, and checks every offset in it.
    pub fn parse(b: &'a [u8]) -> Area<'a> {
        let word = |i| u32_at(b, i) as usize;
        let (rows, columns, total) = (word(2), word(3), word(6));
        assert!(word(0) == 0x314e5559 && word(1) == 1, "not an area of version 1");
        assert!(total >= FIXED && columns <= (total - FIXED) / FIXED && (columns > 0 || rows == 0));
        let fixed = FIXED + FIXED * columns;
        let mut area = Area { bytes: &b[..total], fixed, rows, columns, params: &[], starts: None };
        area.params = area.buffer(word(4), word(5));
        if word(7) != 0 {
            area.starts = Some(area.parse_starts(word(7)));
        }
        for i in 0..columns {
            area.any_column(i).check();
        }
        area
    }

    /// The `n` bytes at `off`, which may not lie in the fixed part.
    fn buffer(&self, off: usize, n: usize) -> &'a [u8] {
        assert!(off % 8 == 0 && off >= self.fixed && n <= self.bytes.len());
        &self.bytes[off..][..n]
    }

    fn parse_starts(&self, off: usize) -> &'a [u8] {
        let head = self.buffer(off, 8);
        let n = u32_at(head, 0) as usize;
        assert!(u32_at(head, 1) == 0 && n <= 65536);
        let starts = &self.buffer(off, 8 + 4 * (n + 1))[8..];
        check_rising(starts, self.rows);
        assert!(u32_at(starts, 0) == 0 && u32_at(starts, n) as usize == self.rows);
        starts
    }

    /// The number of rows of all units together.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The rows of each unit, as ranges.
    pub fn units(&self) -> impl ExactSizeIterator<Item = core::ops::Range<usize>> + 'a {
        let (starts, rows) = (self.starts, self.rows);
        (0..starts.map_or(1, |s| s.len() / 4 - 1)).map(move |u| match starts {
            Some(s) => u32_at(s, u) as usize..u32_at(s, u + 1) as usize,
            None => 0..rows,
        })
    }

    /// The permit's parameters, to be read from first to last.
    pub fn params(&self) -> Params<'a> {
        Params(self.params)
    }

    /// The type of column `i`.
    pub fn kind(&self, i: usize) -> Type {
        self.any_column(i).kind
    }

    /// Column `i`, which is to be of the given type.
    pub fn column(&self, i: usize, kind: Type) -> Column<'a> {
        assert!(self.kind(i) == kind, "a column of another type");
        self.any_column(i)
    }

    fn any_column(&self, i: usize) -> Column<'a> {
        assert!(i < self.columns, "no such column");
        let word = |w| u32_at(&self.bytes[FIXED + FIXED * i..], w) as usize;
        let kind = kind(word(0) as u32);
        let buffer = |there, w| if there { self.buffer(word(w), word(w + 1)) } else { &[] };
        let (validity, values, data) = (buffer(word(2) != 0, 2), buffer(true, 4), buffer(kind == Type::Utf8, 6));
        Column { kind, rows: self.rows, nulls: word(1), validity, values, data }
    }
}

fn check_rising(list: &[u8], most: usize) {
    let mut last = 0;
    for i in 0..list.len() / 4 {
        let next = u32_at(list, i) as usize;
        assert!(next >= last && next <= most, "numbers that do not rise");
        last = next;
    }
}

/// One column of an area. A row that is null reads as `None`.
#[derive(Clone, Copy)]
pub struct Column<'a> {
    kind: Type,
    rows: usize,
    nulls: usize,
    validity: &'a [u8],
    values: &'a [u8],
    data: &'a [u8],
}

impl<'a> Column<'a> {
    fn check(&self) {
        assert!(self.nulls <= self.rows && (self.nulls == 0 || self.validity.len() as u64 >= (self.rows as u64 + 7) / 8));
        let elements = self.rows as u64 + (self.kind == Type::Utf8) as u64;
        assert!(self.values.len() as u64 == elements * if self.kind == Type::Int64 { 8 } else { 4 });
        if self.kind == Type::Utf8 {
            check_rising(self.values, self.data.len());
        }
    }

    /// How many rows are null.
    pub fn nulls(&self) -> usize {
        self.nulls
    }

    /// Whether a row is not null.
    pub fn valid(&self, row: usize) -> bool {
        assert!(row < self.rows, "no such row");
        self.nulls == 0 || self.validity[row / 8] >> (row % 8) & 1 == 1
    }

    /// A row of a column of any type but `Int64` and `Utf8`.
    pub fn i32(&self, row: usize) -> Option<i32> {
        assert!(self.kind != Type::Int64 && self.kind != Type::Utf8, "a column of another type");
        self.valid(row).then(|| u32_at(self.values, row) as i32)
    }

    /// A row of a column of type `Int64`.
    pub fn i64(&self, row: usize) -> Option<i64> {
        assert!(self.kind == Type::Int64, "a column of another type");
        self.valid(row).then(|| i64::from_le_bytes(self.values[8 * row..8 * row + 8].try_into().unwrap()))
    }

    /// A row of a column of type `Utf8`.
    pub fn bytes(&self, row: usize) -> Option<&'a [u8]> {
        assert!(self.kind == Type::Utf8, "a column of another type");
        self.valid(row).then(|| &self.data[u32_at(self.values, row) as usize..u32_at(self.values, row + 1) as usize])
    }
}

/// Parameters that have not been read yet, little-endian. Reading past their
/// end is a panic.
#[derive(Clone, Copy)]
pub struct Params<'a>(&'a [u8]);

impl<'a> Params<'a> {
    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.0.len()
    }

    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, left) = self.0.split_at(n);
        self.0 = left;
        taken
    }

    pub fn u8(&mut self) -> u8 {
        self.take(1)[0]
    }
    pub fn u32(&mut self) -> u32 {
        u32_at(self.take(4), 0)
    }
    pub fn i32(&mut self) -> i32 {
        self.u32() as i32
    }
    pub fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    /// A list of `n` numbers.
    pub fn i32s(&mut self, n: u32) -> impl Iterator<Item = i32> + Clone + 'a {
        let list = self.take((n as usize).checked_mul(4).expect("a list too long"));
        list.chunks_exact(4).map(|b| u32_at(b, 0) as i32)
    }

    /// Panics if there are parameters left.
    pub fn done(self) {
        assert!(self.0.is_empty(), "parameters longer than agreed");
    }
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Emit {
    cell: u32,
    measure: u16,
    unit: u16,
    value: i64,
}

/// Emits, kept until there are many, because a call of the host costs fuel.
pub struct Emits {
    kept: [Emit; 256],
    n: usize,
}

impl Emits {
    /// For `program!` alone.
    pub const fn none() -> Emits {
        Emits { kept: [Emit { cell: 0, measure: 0, unit: 0, value: 0 }; 256], n: 0 }
    }

    /// Unit `unit` of the area falls in a cell, with a value for a measure.
    pub fn emit(&mut self, unit: usize, cell: u32, measure: u16, value: i64) {
        assert!(unit <= u16::MAX as usize, "no such unit");
        if self.n == self.kept.len() {
            self.flush();
        }
        self.kept[self.n] = Emit { cell, measure, unit: unit as u16, value };
        self.n += 1;
    }

    /// For `program!` alone.
    pub fn flush(&mut self) {
        #[link(wasm_import_module = "yunei")]
        extern "C" {
            fn emit(records: *const Emit, n: u32);
        }
        if self.n > 0 {
            unsafe { emit(self.kept.as_ptr(), self.n as u32) }
        }
        self.n = 0;
    }
}

/// Exports a program whose `visit` is an `fn(&Area, &mut Emits)`, with room for
/// an area of so many bytes: a permit grants no longer ones.
#[macro_export]
macro_rules! program {
    ($room:expr, $visit:path) => {
        static mut AREA: [u64; $room / 8] = [0; $room / 8];
        static mut EMITS: $crate::Emits = $crate::Emits::none();

        #[no_mangle]
        pub extern "C" fn yunei_abi_v1() -> *const u64 {
            unsafe { AREA.as_ptr() }
        }

        #[no_mangle]
        pub extern "C" fn yunei_map() {
            // The guest has one thread, and no two calls at a time.
            let (area, emits) = unsafe { (core::slice::from_raw_parts(AREA.as_ptr() as *const u8, $room), &mut EMITS) };
            $visit(&$crate::Area::parse(area), emits);
            emits.flush();
        }
    };
}
