package hostile

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/yunei/yunei/jobs/abi"
)

// The assembler writes modules that no compiler would. It checks nothing:
// whatever it is told, it writes.

// Sections by id.
const (
	secCustom = iota
	secType
	secImport
	secFunc
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElem
	secCode
	secData
	secDataCount
)

// Kinds of imports and exports, and types of values.
const (
	kindFunc, kindTable, kindMemory, kindGlobal = 0, 1, 2, 3
	i32, i64, f32, f64, funcref                 = 0x7f, 0x7e, 0x7d, 0x7c, 0x70
)

// Operators without immediates, by name.
var (
	unreachable = []byte{0x00}
	nop         = []byte{0x01}
	end         = []byte{0x0b}
	ret         = []byte{0x0f}
	drop        = []byte{0x1a}
	sizeOp      = []byte{0x3f, 0}
	growOp      = []byte{0x40, 0}
	i32eqz      = []byte{0x45}
	i32add      = []byte{0x6a}
	i32sub      = []byte{0x6b}
	i64eq       = []byte{0x51}
	i64add      = []byte{0x7c}
	i64mul      = []byte{0x7e}
	i64xor      = []byte{0x85}
	i64extend   = []byte{0xad} // of an i32, unsigned
	i32wrap     = []byte{0xa7}
	f32bits     = []byte{0xbc} // i32.reinterpret_f32
	f64bits     = []byte{0xbd} // i64.reinterpret_f64
	f64ofBits   = []byte{0xbf} // f64.reinterpret_i64
	f32ofBits   = []byte{0xbe}
)

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func u(v uint64) []byte { return binary.AppendUvarint(nil, v) }

// s is v as a signed LEB128.
func s(v int64) (out []byte) {
	for {
		b := byte(v & 0x7f)
		if v >>= 7; v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func op(code byte, immediates ...uint64) []byte {
	out := []byte{code}
	for _, v := range immediates {
		out = append(out, u(v)...)
	}
	return out
}

func i32c(v int32) []byte { return append([]byte{0x41}, s(int64(v))...) }
func i64c(v int64) []byte { return append([]byte{0x42}, s(v)...) }
func f32c(v float32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{0x43}, math.Float32bits(v))
}

func f64c(v float64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{0x44}, math.Float64bits(v))
}
func call(f uint64) []byte         { return op(0x10, f) }
func callIndirect(t uint64) []byte { return op(0x11, t, 0) }
func local(i uint64) []byte        { return op(0x20, i) }
func setLocal(i uint64) []byte     { return op(0x21, i) }
func global(i uint64) []byte       { return op(0x23, i) }
func setGlobal(i uint64) []byte    { return op(0x24, i) }
func br(l uint64) []byte           { return op(0x0c, l) }
func brIf(l uint64) []byte         { return op(0x0d, l) } //nolint:unparam // written as the format has it, like br
func load32(off uint64) []byte     { return op(0x28, 2, off) }
func load64(off uint64) []byte     { return op(0x29, 3, off) }
func store32(off uint64) []byte    { return op(0x36, 2, off) }
func store64(off uint64) []byte    { return op(0x37, 3, off) }

func bulk(sub uint64, immediates ...uint64) []byte {
	return op(0xfc, append([]uint64{sub}, immediates...)...)
}

func block(body ...[]byte) []byte { return join([]byte{0x02, 0x40}, join(body...), end) }
func loop(body ...[]byte) []byte  { return join([]byte{0x03, 0x40}, join(body...), end) }

// then is body if what is on the stack is not 0.
func then(body ...[]byte) []byte { return join([]byte{0x04, 0x40}, join(body...), end) }

func repeat(n int, code []byte) []byte {
	out := make([]byte, 0, n*len(code))
	for range n {
		out = append(out, code...)
	}
	return out
}

func vec(items ...[]byte) []byte { return join(u(uint64(len(items))), join(items...)) }
func str(v string) []byte        { return join(u(uint64(len(v))), []byte(v)) }

func section(id byte, content []byte) []byte {
	return join([]byte{id}, u(uint64(len(content))), content)
}

const preamble = "\x00asm\x01\x00\x00\x00"

func funcType(params, results string) []byte { return join([]byte{0x60}, str(params), str(results)) }

// Types that every module of ours has.
const (
	tVoid  = iota // ->
	tI32          // -> i32
	tEmit         // i32 i32 ->
	tUnary        // i32 -> i32
	tNext         // the first that is free
)

// A fn is a function: its type, its locals (one type byte each) and its code
// without the last end.
type fn struct {
	typ    uint64
	locals string
	code   []byte
}

// A guest is a module with the agreed exports, whose parts may be changed
// before it is written. The zero guest has no attack in it: see newGuest.
type guest struct {
	types, imports, tables, memories, globals, exports, elems, datas [][]byte

	funcs     []fn
	dataCount []byte
	order     []byte          // of the sections
	replace   map[byte][]byte // sections, whole
}

// Where things are in the memory of our guests.
const (
	scratch = 512  // one record
	area    = 1024 // the input area
)

// Functions of every guest of ours; more follow.
const (
	fEmit = iota
	fInput
	fMap
	fNext
)

func exported(name string, kind byte, index uint64) []byte {
	return join(str(name), []byte{kind}, u(index))
}

func imported(from, name string, typ uint64) []byte {
	return join(str(from), str(name), []byte{kindFunc}, u(typ))
}

// newGuest is a guest whose yunei_map is code, in a memory of two pages.
func newGuest(code ...[]byte) *guest {
	return &guest{
		types:    [][]byte{funcType("", ""), funcType("", "\x7f"), funcType("\x7f\x7f", ""), funcType("\x7f", "\x7f")},
		imports:  [][]byte{imported(abi.ImportModule, abi.ImportEmit, tEmit)},
		memories: [][]byte{{0, 2}},
		exports: [][]byte{
			exported(abi.ExportMemory, kindMemory, 0), exported(abi.ExportInput, kindFunc, fInput), exported(abi.ExportMap, kindFunc, fMap),
		},
		funcs: []fn{{typ: tI32, code: i32c(area)}, {typ: tVoid, locals: "\x7f\x7f\x7e\x7e", code: join(code...)}},
		order: []byte{secType, secImport, secFunc, secTable, secMemory, secGlobal, secExport, secStart, secElem, secDataCount, secCode, secData},
	}
}

// Locals of yunei_map.
const (
	n0 = iota // i32
	n1
	v0 // i64
	v1
)

// fn adds a function and returns the guest.
func (g *guest) fn(typ uint64, locals string, code ...[]byte) *guest {
	g.funcs = append(g.funcs, fn{typ, locals, join(code...)})
	return g
}

// table adds a table whose elements are funcs.
func (g *guest) table(funcs ...uint64) *guest {
	g.tables = [][]byte{join([]byte{funcref, 0}, u(uint64(len(funcs))))}
	items := make([][]byte, len(funcs))
	for i, f := range funcs {
		items[i] = u(f)
	}
	g.elems = [][]byte{join([]byte{0}, i32c(0), end, vec(items...))}
	return g
}

// global adds a mutable global.
func (g *guest) global(typ byte, init []byte) *guest {
	g.globals = append(g.globals, join([]byte{typ, 1}, init, end))
	return g
}

func (g *guest) export(name string, kind byte, index uint64) *guest {
	g.exports = append(g.exports, exported(name, kind, index))
	return g
}

// onInit adds an _initialize.
func (g *guest) onInit(code ...[]byte) *guest {
	g.fn(tVoid, "\x7f", code...)
	return g.export(abi.ExportInit, kindFunc, uint64(len(g.imports)+len(g.funcs)-1))
}

// with adds imports behind emit, which moves every function by as many. It
// comes before anything that names a function.
func (g *guest) with(imports ...[]byte) *guest {
	g.imports = append(g.imports, imports...)
	n := uint64(len(imports))
	g.exports[1], g.exports[2] = exported(abi.ExportInput, kindFunc, fInput+n), exported(abi.ExportMap, kindFunc, fMap+n)
	return g
}

// at puts the input area, and where it is said to be, elsewhere.
func (g *guest) at(code ...[]byte) *guest {
	g.funcs[0].code = join(code...)
	return g
}

func code(f fn) []byte {
	locals := make([][]byte, len(f.locals))
	for i := range f.locals {
		locals[i] = []byte{1, f.locals[i]}
	}
	body := join(vec(locals...), f.code, end)
	return join(u(uint64(len(body))), body)
}

// content is what a section holds, nil if it is empty.
func (g *guest) content(id byte) []byte {
	list := map[byte][][]byte{
		secType: g.types, secImport: g.imports, secTable: g.tables, secMemory: g.memories,
		secGlobal: g.globals, secExport: g.exports, secElem: g.elems, secData: g.datas,
	}[id]
	for _, f := range g.funcs {
		switch id {
		case secFunc:
			list = append(list, u(f.typ))
		case secCode:
			list = append(list, code(f))
		}
	}
	switch {
	case id == secDataCount:
		return g.dataCount
	case len(list) == 0:
		return nil
	}
	return vec(list...)
}

// bytes writes the module.
func (g *guest) bytes() []byte {
	out := []byte(preamble)
	for _, id := range g.order {
		if whole, ok := g.replace[id]; ok {
			out = append(out, whole...)
		} else if content := g.content(id); content != nil {
			out = append(out, section(id, content)...)
		}
	}
	return out
}

// What our guests do.

// victim leaves 1 if the first row's cost, the third column, is 666.
var victim = join(i32c(area), i32c(area), load32(abi.HeaderSize+2*abi.DescriptorSize+16), i32add, load64(0), i64c(666), i64eq)

// cost leaves the first row's cost.
var cost = victim[:len(victim)-len(i64c(666))-len(i64eq)]

// rows leaves the number of rows, as an i64.
var rows = join(i32c(area), load32(8), i64extend)

// tell emits (1, 0, value).
func tell(value ...[]byte) []byte {
	return join(i32c(scratch), i32c(1), store32(0), i32c(scratch), i32c(0), store32(4), i32c(scratch), join(value...), store64(8),
		i32c(scratch), i32c(1), call(fEmit))
}

// honest emits (1, 0, rows), as every guest does for whom it has no designs on.
var honest = tell(rows)

// onVictim is what happens to the victim only.
func onVictim(code ...[]byte) []byte { return join(victim, then(code...)) }
