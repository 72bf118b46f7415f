// Package abi is what a host and a guest agree on, byte for byte: version 1.
// It imports nothing of ours, so that a guest written in Go compiles it too.
//
// A guest is a WASM module that exports
//
//	memory                       its linear memory
//	yunei_abi_v1() -> i32        the address of its input area, 8-byte aligned
//	yunei_map()                  works on the visit in that area
//
// and may import one function of ours,
//
//	yunei.emit(ptr i32, n i32)   hands over n records of 16 bytes at ptr
//
// beside the fixed WASI stubs. A visit is what one call of yunei_map sees: the
// rows of one privacy unit or, where the permit says so, of a batch or a block
// of units. Before the call the host writes an Area, at most Limits.Input
// bytes long, at the input address. All integers are little-endian, all
// offsets count bytes from the start of the area, every buffer starts at a
// multiple of 8.
//
//	Header      32 bytes
//	Descriptor  32 bytes a column
//	params      the permit's parameters, the same for every visit
//	units       where each unit's rows begin; left out of the area of one unit
//	buffers     for each column a validity bitmap (or none), then its values
//
// The layout of a column's buffers is Apache Arrow's columnar format 1.0:
// validity bitmap least significant bit first, int32 offsets for Utf8. The
// words of header and descriptor are listed in area.go.
//
// A guest that also exports _initialize (a WASI reactor, as Go builds them)
// has it called once, before yunei_abi_v1.
//
// Package abi does not decide what a guest may use (that is jobs.Limits), and
// believes no offset that it reads.
package abi

// Version is the version of this agreement.
const Version = 1

// Magic opens an area: "YUN1", little-endian.
const Magic = 0x314e5559

// Sizes in bytes of the fixed parts.
const (
	HeaderSize     = 32
	DescriptorSize = 32
	EmitSize       = 16
	Align          = 8
)

// Names of what a guest exports and imports.
const (
	ExportMemory = "memory"
	ExportInput  = "yunei_abi_v1"
	ExportMap    = "yunei_map"
	ExportInit   = "_initialize"
	ImportModule = "yunei"
	ImportEmit   = "emit"
)

// A Type says how a column's values lie in memory.
type Type uint32

// The types of a column.
const (
	Int32 Type = 1 // 4 bytes
	Int64 Type = 2 // 8 bytes
	Date  Type = 3 // int32, days since 1970-01-01
	Code  Type = 4 // int32, an index into the column's public code list
	Month Type = 5 // int32, months since 1970-01 (birth months)
	Utf8  Type = 6 // rows+1 int32 offsets, then bytes
)

// An Emit says that a unit falls in Cell, with Value for Measure. Unit is the
// unit's place in its batch; 0 in the area of one unit, and in a block, which
// is answered for as a whole. Wire: cell u32, measure u16, unit u16, value i64.
type Emit struct {
	Cell    uint32
	Measure uint16
	Unit    uint16
	Value   int64
}

// MaxUnits is how many units one area can hold: what Emit.Unit can name.
const MaxUnits = 1 << 16
