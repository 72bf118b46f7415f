// Package admittest makes guests for differential tests: a byte string becomes
// a module that is valid, that exports and imports what the agreement of
// jobs/abi says, and that emits what it computed, so that two ways of running
// it (two engines, the admitted form and the original, a reset and a fresh
// instance) can be compared by what comes out.
//
// A guest begins by emitting its state: every global, the size of its memory,
// words of its memory, and what is left of a data segment, so that whatever a
// unit before it left behind shows. Then come random functions with loops,
// branches, tables of branches, calls of every kind, floats, bulk memory,
// growth and segments that are dropped. Guests may loop for ever, recurse
// without end and trap; a metered run ends all the same.
//
// The package makes modules and judges none; it is imported by tests alone.
package admittest

import "encoding/binary"

// What the guests expect of the host, and what a host may count on.
const (
	Input    = 1 << 12 // bytes of the input area
	MaxPages = 3       // of their memory: what each declares, 1 at first
	Emits    = 1 << 10 // records; a guest that emits without end emits more
)

// Module returns a guest that looks at everything, the bits of NaNs included:
// two conforming engines may run it differently, but not its admitted form.
func Module(seed []byte) []byte { return build(seed, false) }

// Blind returns a guest whose results do not depend on the bits of a NaN that
// an operator made: it can be compared with its own admitted form.
func Blind(seed []byte) []byte { return build(seed, true) }

// Operators and types of the binary format that are named here.
const (
	i32 = 0x7f
	i64 = 0x7e
	f32 = 0x7d
	f64 = 0x7c

	none = 0x40 // a block of no type
)

// Places in a guest's memory.
const (
	scratch = 256  // the record that is being emitted
	input   = 4096 // the input area
	mask    = 0x3fff
)

// seeds gives the choices: the bytes of the seed, and a sequence that follows
// from them once they are spent, so that short seeds make whole guests too.
type seeds struct {
	bytes []byte
	state uint64
}

func newSeeds(b []byte) *seeds {
	s := &seeds{bytes: b, state: 14695981039346656037}
	for _, c := range b { // FNV-1a
		s.state = (s.state ^ uint64(c)) * 1099511628211
	}
	return s
}

func (s *seeds) next() byte {
	if len(s.bytes) > 0 {
		b := s.bytes[0]
		s.bytes = s.bytes[1:]
		return b
	}
	s.state += 0x9e3779b97f4a7c15 // splitmix64
	z := (s.state ^ s.state>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return byte(z >> 56)
}

// n returns a number below most, which is at most 256.
func (s *seeds) n(most int) int { return int(s.next()) % most }

func (s *seeds) oneIn(n int) bool { return s.n(n) == n-1 }

func (s *seeds) word(size int) []byte {
	out := make([]byte, size)
	for i := range out {
		out[i] = s.next()
	}
	return out
}

// A function type, as parameters and results.
type signature struct{ params, results []byte }

// A guest under construction.
type guest struct {
	*seeds
	blind   bool
	types   []signature
	funcs   []int // type of each function; 0 is yunei.emit
	globals []byte
	table   []byte // functions, from the second element on
	budget  int    // statements and expressions still to be made
}

// Types that every guest has.
const (
	typNothing = iota
	typInput
	typEmit
	typFixed
)

// Functions that every guest has.
const (
	funcEmit = iota
	funcInput
	funcMap
	funcFixed
)

const segment = "what a segment holds, until it is dropped" // segment 1, passive

func build(seed []byte, blind bool) []byte {
	g := &guest{seeds: newSeeds(seed), blind: blind, budget: 600}
	g.types = []signature{{}, {results: []byte{i32}}, {params: []byte{i32, i32}}}
	for range 2 + g.n(4) {
		g.types = append(g.types, signature{g.someTypes(4), g.someTypes(3)})
	}
	g.funcs = []int{typEmit, typInput, typNothing, typNothing}
	for range 1 + g.n(4) {
		g.funcs = append(g.funcs, typFixed+g.n(len(g.types)-typFixed))
	}
	g.globals = append([]byte{i32, i64, f32, f64}, g.someTypes(4)...)
	for range tableSize - 2 {
		g.table = append(g.table, byte(funcFixed+g.n(len(g.funcs)-funcFixed)))
	}
	code := g.code()

	out := []byte("\x00asm\x01\x00\x00\x00")
	out = section(out, 1, g.typeSection())
	out = section(out, 2, []byte("\x01\x05yunei\x04emit\x00\x02"))
	out = section(out, 3, g.funcSection())
	out = section(out, 4, []byte{1, 0x70, 0, tableSize})
	out = section(out, 5, []byte{1, 1, 1, MaxPages})
	out = section(out, 6, g.globalSection())
	out = section(out, 7, g.exportSection())
	out = section(out, 9, g.elements())
	out = section(out, 12, []byte{2})
	out = section(out, 10, code)
	data := append([]byte{2, 0, 0x41, 16, 0x0b, 8}, g.word(8)...)
	data = append(append(data, 1, byte(len(segment))), segment...)
	return section(out, 11, data)
}

// tableSize leaves some elements of the table empty.
const tableSize = 8

func section(out []byte, id byte, content []byte) []byte {
	return sized(append(out, id), content)
}

func sized(out, content []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(content))), content...)
}

func (g *guest) typ() byte { return byte(i32 - g.n(4)) }

func (g *guest) someTypes(most int) []byte {
	list := make([]byte, g.n(most))
	for i := range list {
		list[i] = g.typ()
	}
	return list
}

func (g *guest) typeSection() []byte {
	out := binary.AppendUvarint(nil, uint64(len(g.types)))
	for _, t := range g.types {
		out = sized(sized(append(out, 0x60), t.params), t.results)
	}
	return out
}

func (g *guest) funcSection() []byte {
	out := binary.AppendUvarint(nil, uint64(len(g.funcs)-1))
	for _, t := range g.funcs[1:] {
		out = binary.AppendUvarint(out, uint64(t))
	}
	return out
}

func (g *guest) globalSection() []byte {
	out := []byte{byte(len(g.globals))}
	for _, t := range g.globals {
		out = append(g.constant(append(out, t, 1), t), 0x0b)
	}
	return out
}

func (g *guest) exportSection() []byte {
	list := []struct {
		name        string
		kind, index byte
	}{{"memory", 2, 0}, {"yunei_abi_v1", 0, funcInput}, {"yunei_map", 0, funcMap}, {"_initialize", 0, funcFixed}}
	if g.oneIn(2) {
		list = list[:3]
	}
	out := []byte{byte(len(list))}
	for _, e := range list {
		out = append(sized(out, []byte(e.name)), e.kind, e.index)
	}
	return out
}

// elements puts some functions into part of the table.
func (g *guest) elements() []byte {
	return sized([]byte{1, 0, 0x41, 1, 0x0b}, g.table)
}

// code makes the bodies: yunei_abi_v1, yunei_map, then the others.
func (g *guest) code() []byte {
	out := []byte{byte(len(g.funcs) - 1)}
	out = sized(out, append(signed([]byte{0, 0x41}, input), 0x0b))
	for f := funcMap; f < len(g.funcs); f++ {
		share := g.budget / (len(g.funcs) - f)
		rest := g.budget - share
		g.budget = share
		out = sized(out, g.function(f))
		g.budget = rest
	}
	return out
}

func signed(out []byte, v int64) []byte {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && b&0x40 == 0) || (v == -1 && b&0x40 != 0) {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}
