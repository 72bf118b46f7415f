package engines

import (
	"math"
	"strings"
	"testing"
)

const pageSize = 1 << 16

// Every load and store at the last byte of memory, one before and one past it,
// with offsets that wrap a sum of 32 bits.
func TestEdgeOfMemory(t *testing.T) {
	g := newGuest()
	var areas [][]byte
	width := map[byte]uint32{
		0x28: 4, 0x29: 8, 0x2a: 4, 0x2b: 8, 0x2c: 1, 0x2d: 1, 0x2e: 2, 0x2f: 2, 0x30: 1, 0x31: 1, 0x32: 2, 0x33: 2, 0x34: 4, 0x35: 4,
		0x36: 4, 0x37: 8, 0x38: 4, 0x39: 8, 0x3a: 1, 0x3b: 2, 0x3c: 1, 0x3d: 2, 0x3e: 4,
	}
	typ := func(c byte) byte {
		switch {
		case c == 0x2a, c == 0x38:
			return f32
		case c == 0x2b, c == 0x39:
			return f64
		case c == 0x29, c >= 0x30 && c <= 0x35, c == 0x37, c >= 0x3c:
			return i64
		}
		return i32
	}
	const fill = "\xfc\x0b\x00"
	for c := byte(0x28); c <= 0x3e; c++ {
		for _, offset := range []uint32{0, 1, pageSize - 1, math.MaxUint32 - 8, math.MaxUint32} {
			code := i32c(pageSize-16) + i32c(0x91) + i32c(16) + fill
			if c < 0x36 {
				code += emitting(typ(c), operand(i32, 0)+memory(c, offset))
			} else {
				code += operand(i32, 0) + operand(typ(c), 1) + memory(c, offset) + emitting(i64, i32c(pageSize-8)+memory(loads[i64], 0))
			}
			n := g.add("", code)
			for _, end := range []uint32{0, 1, 8, math.MaxUint32} {
				areas = append(areas, visit(n, uint64(pageSize-width[c]-offset+end), 0x1122334455667788), visit(n, uint64(pageSize-width[c]-offset-end), 7))
			}
		}
	}
	some(t, agree(t, g.dispatched(), granted, areas))
}

// memory.grow by nothing, by one, to the maximum and past it; what it answers,
// what memory.size says then, and whether the new pages are there and zero.
func TestGrowth(t *testing.T) {
	for _, shape := range []struct{ pages, most int }{{1, 3}, {1, 1}, {2, 64}, {1, 65536}} {
		g := newGuest()
		g.pages, g.most = shape.pages, shape.most
		grow := g.add("", emitting(i32, operand(i32, 0)+"\x40\x00")+emitting(i32, operand(i32, 1)+"\x40\x00")+
			emitting(i32, "\x3f\x00")+emitting(i64, operand(i32, 2)+memory(loads[i64], 0))+
			operand(i32, 2)+i64c(-1)+memory(stores[i64], 0)+emitting(i64, operand(i32, 2)+memory(loads[i64], 0)))
		byOne := g.add("\x7f", "\x03\x40"+i32c(1)+"\x40\x00"+i32c(-1)+"\x47\x04\x40"+get(0)+i32c(1)+"\x6a"+set(0)+"\x0c\x01\x0b\x0b"+emitting(i32, get(0)))
		areas := [][]byte{visit(byOne), visit(byOne)}
		deltas := []uint64{0, 1, 2, 3, 61, 62, 63, 64, 65535, 65536, 1 << 31, 1<<31 - 1, math.MaxUint32}
		for _, a := range deltas {
			for _, b := range deltas[:8] {
				for _, at := range []uint64{pageSize - 8, 2*pageSize - 8, 3*pageSize - 8, 3*pageSize - 7, 64*pageSize - 8, 64 * pageSize} {
					areas = append(areas, visit(grow, a, b, at))
				}
			}
		}
		got := agree(t, g.dispatched(), granted, areas)
		some(t, got[2:])
		if want := int64(min(shape.most, int(granted.Memory)) - shape.pages); !got[0].OK || got[0].Emits[0].Value != want {
			t.Errorf("%v: grew by %+v pages, want %d", shape, got[0], want)
		}
	}
}

// The bulk operators: overlap, lengths of nothing, and every end past the end.
func TestBulk(t *testing.T) {
	g := newGuest()
	g.active(4096, "0123456789abcdef")
	g.passive("ABCDEFGHIJ")
	g.passive("")
	tell := emitting(i64, i32c(4096)+memory(loads[i64], 0)) + emitting(i64, i32c(4104)+memory(loads[i64], 0)) + emitting(i64, i32c(pageSize-8)+memory(loads[i64], 0))
	three := operand(i32, 0) + operand(i32, 1) + operand(i32, 2)
	operands := func(values ...uint64) (list [][]uint64) {
		for _, a := range values {
			for _, b := range values {
				for _, c := range values {
					list = append(list, []uint64{a, b, c})
				}
			}
		}
		return list
	}
	at := []uint64{0, 1, 5, 4096, 4099, 4104, pageSize - 4, pageSize, pageSize + 1, math.MaxUint32}
	within := []uint64{0, 1, 4, 9, 10, 11, 4096, pageSize - 4, pageSize, math.MaxUint32}
	var areas [][]byte
	for _, c := range []struct {
		code     string
		operands [][]uint64
	}{
		{three + "\xfc\x0a\x00\x00", operands(at...)},                           // memory.copy
		{three + "\xfc\x0b\x00", operands(at...)},                               // memory.fill
		{three + "\xfc\x08\x01\x00", operands(within...)},                       // memory.init
		{three + "\xfc\x08\x02\x00", operands(0, 1, pageSize, pageSize+1)},      // of nothing
		{"\xfc\x09\x01" + three + "\xfc\x08\x01\x00", operands(0, 1, pageSize)}, // data.drop first
		{"\xfc\x09\x01\xfc\x09\x01", operands(0)},                               // twice
	} {
		n := g.add("", c.code+tell)
		for _, o := range c.operands {
			areas = append(areas, visit(n, o...))
		}
	}
	some(t, agree(t, g.dispatched(), granted, areas))
}

// An active segment is dropped once it has been copied, so that memory.init
// finds nothing in it (WebAssembly core specification, 4.5.4).
func TestActiveSegmentsAreDropped(t *testing.T) {
	g := newGuest()
	g.active(4096, "0123456789abcdef")
	n := g.add("", operand(i32, 0)+operand(i32, 1)+operand(i32, 2)+"\xfc\x08\x00\x00"+emitting(i64, i32c(0)+memory(loads[i64], 0)))
	m := g.add("", "\xfc\x09\x00"+emitting(i64, i32c(0)+memory(loads[i64], 0)))
	agree(t, g.dispatched(), granted, [][]byte{visit(n, 0, 0, 0), visit(n, 0, 0, 1), visit(n, 0, 0, 16), visit(n, 0, 17, 0), visit(m)})
}

// The guest is refused, or not, on both alike: data and elements past the end,
// an input area that does not fit, a start that never ends.
func TestLoads(t *testing.T) {
	echo := emitting(i64, i32c(inputAt)+memory(loads[i64], 0))
	for name, edit := range map[string]func(g *guest){
		"nothing special":            func(*guest) {},
		"data to the end":            func(g *guest) { g.active(pageSize-4, "1234") },
		"data past the end":          func(g *guest) { g.active(pageSize-3, "1234") },
		"no data at the end":         func(g *guest) { g.active(pageSize, "") },
		"no data past the end":       func(g *guest) { g.active(pageSize+1, "") },
		"data at a negative place":   func(g *guest) { g.active(-1, "") },
		"elements past the end":      func(g *guest) { g.elems = append(g.elems, "\x00"+i32c(2)+"\x0b\x01"+u(uint64(g.next()))) },
		"no elements at the end":     func(g *guest) { g.elems = append(g.elems, "\x00"+i32c(2)+"\x0b\x00") },
		"no elements past the end":   func(g *guest) { g.elems = append(g.elems, "\x00"+i32c(3)+"\x0b\x00") },
		"an input not aligned":       func(g *guest) { g.input = inputAt + 4 },
		"an input that just fits":    func(g *guest) { g.input = int32(pageSize - granted.Input) },
		"an input past the end":      func(g *guest) { g.input = int32(pageSize - granted.Input + 8) },
		"an input at a high address": func(g *guest) { g.input = -8 },
		"a start that traps":         func(g *guest) { g.initialises, g.init = true, "\x00" },
		"a start without end":        func(g *guest) { g.initialises, g.init = true, "\x03\x40\x0c\x00\x0b" },
		"a start that emits":         func(g *guest) { g.initialises, g.init = true, i32c(0)+i32c(1)+call(emit) },
		"a start that emits too much": func(g *guest) {
			g.initialises, g.init = true, strings.Repeat(i32c(0)+i32c(200)+call(emit), 2)
		},
		"a start that grows": func(g *guest) { g.initialises, g.init = true, i32c(1)+"\x40\x00\x1a" },
		"no memory until the start": func(g *guest) {
			g.pages, g.initialises, g.init = 0, true, i32c(1)+"\x40\x00\x1a"
		},
		"no memory at all":  func(g *guest) { g.pages, g.most = 0, 0 },
		"a type error":      func(g *guest) { g.fn("", "\x7f", "", "") },
		"operands too many": func(g *guest) { g.fn("", "", "", i32c(1)) },
		"alignment too large": func(g *guest) {
			g.fn("", "", "", i32c(0)+"\x28\x03\x00\x1a")
		},
		"code not reached, ill typed": func(g *guest) { g.fn("", "\x7f", "", "\x00"+i64c(1)) },
		"code not reached, typed":     func(g *guest) { g.fn("", "\x7f", "", "\x00\x6a") },
		"two results":                 func(g *guest) { g.fn("", "\x7f\x7e", "", i32c(1)+i64c(2)) },
	} {
		g := newGuest()
		edit(g)
		t.Run(name, func(t *testing.T) {
			agree(t, g.module("", echo), granted, [][]byte{visit(1), visit(2), visit(1)})
		})
	}
}
