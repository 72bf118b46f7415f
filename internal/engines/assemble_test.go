package engines

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Types of values, and the layout that all guests of this package share.
const (
	i32 = 0x7f
	i64 = 0x7e
	f32 = 0x7d
	f64 = 0x7c

	inputAt  = 1024 // the area: u32 case, 4 bytes nothing, u64 operands
	outputAt = 2048 // one record
)

// loads and stores of a type, without its immediates.
var (
	loads  = map[byte]byte{i32: 0x28, i64: 0x29, f32: 0x2a, f64: 0x2b}
	stores = map[byte]byte{i32: 0x36, i64: 0x37, f32: 0x38, f64: 0x39}
)

func u(v uint64) string { return string(binary.AppendUvarint(nil, v)) }

// s writes a signed LEB128.
func s(v int64) string {
	var b []byte
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && low&0x40 == 0) || (v == -1 && low&0x40 != 0) {
			return string(append(b, low))
		}
		b = append(b, low|0x80)
	}
}

func sized(b string) string { return u(uint64(len(b))) + b }

func vector(items []string) string { return u(uint64(len(items))) + strings.Join(items, "") }

func i32c(v int32) string { return "\x41" + s(int64(v)) }

func i64c(v int64) string { return "\x42" + s(v) }

// constant is t.const with the given bits.
func constant(t byte, bits uint64) string {
	switch t {
	case i32:
		return i32c(int32(uint32(bits)))
	case i64:
		return i64c(int64(bits))
	case f32:
		return "\x43" + string(binary.LittleEndian.AppendUint32(nil, uint32(bits)))
	default:
		return "\x44" + string(binary.LittleEndian.AppendUint64(nil, bits))
	}
}

func get(i int) string  { return "\x20" + u(uint64(i)) }
func set(i int) string  { return "\x21" + u(uint64(i)) }
func call(f int) string { return "\x10" + u(uint64(f)) }

// memory is a load or a store with its offset.
func memory(op byte, offset uint32) string { return string([]byte{op, 0}) + u(uint64(offset)) }

// operand loads the k-th operand of the area as a t.
func operand(t byte, k int) string { return i32c(int32(inputAt+8+8*k)) + memory(loads[t], 0) }

// emitting stores what code leaves, a t, in the record's value and emits it.
func emitting(t byte, code string) string {
	return i32c(outputAt) + code + memory(stores[t], 8) + i32c(outputAt) + i32c(1) + call(emit)
}

// emit is the index of the imported function that every guest has.
const emit = 0

// A guest is a module in the making.
type guest struct {
	types, imports, funcs, bodies, globals, elems, data []string

	pages, most int // of memory
	table       []int
	input       int32 // what yunei_abi_v1 returns
	init        string
	initialises bool
}

func newGuest() *guest {
	g := &guest{pages: 1, most: 3, input: inputAt}
	g.imported("yunei", "emit", "\x7f\x7f", "")
	return g
}

// typ is the index of a type, which it declares if it is new; twin declares it
// once more.
func (g *guest) typ(params, results string) int {
	if i := slices.Index(g.types, "\x60"+sized(params)+sized(results)); i >= 0 {
		return i
	}
	return g.twin(params, results)
}

func (g *guest) twin(params, results string) int {
	g.types = append(g.types, "\x60"+sized(params)+sized(results))
	return len(g.types) - 1
}

// imported declares a function of the host; before any of the guest's own.
func (g *guest) imported(module, name, params, results string) int {
	g.imports = append(g.imports, sized(module)+sized(name)+"\x00"+u(uint64(g.typ(params, results))))
	return len(g.imports) - 1
}

// fn adds a function, whose locals beside its parameters are of the types given.
func (g *guest) fn(params, results, locals, code string) int {
	return g.fnOf(g.typ(params, results), locals, code)
}

func (g *guest) fnOf(typ int, locals, code string) int {
	var groups []string
	for _, t := range []byte(locals) {
		groups = append(groups, "\x01"+string([]byte{t}))
	}
	g.funcs = append(g.funcs, u(uint64(typ)))
	g.bodies = append(g.bodies, sized(vector(groups)+code+"\x0b"))
	return len(g.imports) + len(g.funcs) - 1
}

// next is the index that fn will return.
func (g *guest) next() int { return len(g.imports) + len(g.funcs) }

func (g *guest) active(at int32, bytes string) {
	g.data = append(g.data, "\x00"+i32c(at)+"\x0b"+sized(bytes))
}

func (g *guest) passive(bytes string) { g.data = append(g.data, "\x01"+sized(bytes)) }

// module ends the guest with what yunei_map does.
func (g *guest) module(locals, code string) []byte {
	abi := g.fn("", "\x7f", "", i32c(g.input))
	run := g.fn("", "", locals, code)
	exports := []string{
		sized("memory") + "\x02\x00", sized("yunei_abi_v1") + "\x00" + u(uint64(abi)), sized("yunei_map") + "\x00" + u(uint64(run)),
	}
	if g.initialises {
		exports = append(exports, sized("_initialize")+"\x00"+u(uint64(g.fn("", "", "", g.init))))
	}
	if len(g.table) > 0 {
		var list []string
		for _, f := range g.table {
			list = append(list, u(uint64(f)))
		}
		g.elems = append(g.elems, "\x00"+i32c(0)+"\x0b"+vector(list))
	}
	out := "\x00asm\x01\x00\x00\x00"
	section := func(id byte, content string) { out += string([]byte{id}) + sized(content) }
	section(1, vector(g.types))
	section(2, vector(g.imports))
	section(3, vector(g.funcs))
	section(4, "\x01\x70\x00"+u(uint64(len(g.table)+2))) // the last two elements are null
	section(5, "\x01\x01"+u(uint64(g.pages))+u(uint64(g.most)))
	section(6, vector(g.globals))
	section(7, vector(exports))
	section(9, vector(g.elems))
	section(12, u(uint64(len(g.data))))
	section(10, vector(g.bodies))
	section(11, vector(g.data))
	return []byte(out)
}

// dispatched ends a guest whose table holds its cases: yunei_map calls the one
// that the area names, by a call_indirect of the type [] -> [].
func (g *guest) dispatched() []byte {
	plain := g.twin("", "")
	return g.module("", i32c(inputAt)+memory(loads[i32], 0)+"\x11"+u(uint64(plain))+"\x00")
}

// add adds a case, and returns its number.
func (g *guest) add(locals, code string) int {
	g.table = append(g.table, g.fn("", "", locals, code))
	return len(g.table) - 1
}

// visit is an area for a dispatched guest.
func visit(n int, operands ...uint64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(uint32(n)))
	for _, o := range operands {
		b = binary.LittleEndian.AppendUint64(b, o)
	}
	return b
}
