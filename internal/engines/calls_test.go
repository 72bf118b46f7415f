package engines

import (
	"math"
	"strings"
	"testing"

	"github.com/yunei/yunei/jobs/limits"
)

// call_indirect of every wrong kind, and a branch table of thousands.
func TestTables(t *testing.T) {
	g := newGuest()
	inc := g.fnOf(g.typ("\x7f", "\x7f"), "", get(0)+i32c(1)+"\x6a")
	other := g.fn("\x7e", "\x7f", "", i32c(5))
	twin := g.twin("\x7f", "\x7f") // another type of the same form
	var areas [][]byte
	indirect := g.add("", emitting(i32, i32c(41)+operand(i32, 0)+"\x11"+u(uint64(twin))+"\x00"))
	const targets = 5000
	code := strings.Repeat("\x02\x40", 3) + operand(i32, 0) + "\x0e" + u(targets)
	for i := range targets {
		code += u(uint64(i % 3))
	}
	code += "\x02"
	for v := range 3 {
		code += "\x0b" + emitting(i32, i32c(int32(v)))
	}
	branch := g.add("", code)
	g.table = append(g.table, inc, other)
	n := uint64(len(g.table))
	for _, at := range []uint64{0, 1, 2, n - 2, n - 1, n, n + 1, n + 2, n + 3, 1 << 31, math.MaxUint32} {
		areas = append(areas, visit(indirect, at))
	}
	for _, at := range []uint64{0, 1, 2, 3, targets - 1, targets, targets + 1, 1 << 31, math.MaxUint32} {
		areas = append(areas, visit(branch, at))
	}
	for _, wrong := range []int{int(n) - 1, int(n), int(n) + 2, -1} { // yunei_map's own call
		areas = append(areas, visit(wrong))
	}
	some(t, agree(t, g.dispatched(), granted, areas))
}

// Recursion to depths around the last that passes, for frames of many kinds.
func TestDepth(t *testing.T) {
	l := granted
	l.Fuel = 1 << 26
	for name, dive := range map[string]func(g *guest) int{
		"plain": func(g *guest) int {
			self := g.next()
			return g.fn("\x7f", "\x7f", "", get(0)+"\x45\x04\x7f"+i32c(0)+"\x05"+get(0)+i32c(1)+"\x6b"+call(self)+i32c(1)+"\x6a\x0b")
		},
		"a thousand locals": func(g *guest) int {
			self := g.next()
			var touch string
			for i := 1; i <= 1000; i++ {
				touch += i64c(int64(i)) + set(i)
			}
			return g.fn("\x7f", "\x7f", strings.Repeat("\x7e", 1000),
				touch+get(0)+"\x45\x04\x7f"+i32c(0)+"\x05"+get(0)+i32c(1)+"\x6b"+call(self)+get(999)+"\xa7\x6a\x0b")
		},
		"indirect": func(g *guest) int {
			typ := g.typ("\x7f", "\x7f")
			g.table = append(g.table, g.next())
			return g.fnOf(typ, "", get(0)+"\x45\x04\x7f"+i32c(0)+"\x05"+get(0)+i32c(1)+"\x6b"+i32c(0)+"\x11"+u(uint64(typ))+"\x00"+i32c(1)+"\x6a\x0b")
		},
		"mutual": func(g *guest) int {
			typ, first := g.typ("\x7f", "\x7f"), g.next()
			body := func(f int) string {
				return get(0) + "\x45\x04\x7f" + i32c(0) + "\x05" + get(0) + i32c(1) + "\x6b" + call(f) + i32c(1) + "\x6a\x0b"
			}
			g.fnOf(typ, "", body(first+1))
			g.fnOf(typ, "\x7e\x7e", body(first))
			return first
		},
		"a hundred results": func(g *guest) int {
			typ, self := g.typ("\x7f", strings.Repeat("\x7f", 100)), g.next()
			return g.fnOf(typ, "", get(0)+"\x45\x04"+u(uint64(g.typ("", strings.Repeat("\x7f", 100))))+strings.Repeat(i32c(1), 100)+
				"\x05"+get(0)+i32c(1)+"\x6b"+call(self)+"\x0b")
		},
		"values across many calls": func(g *guest) int { return spilling(g, 500) },
		"values across very many":  func(g *guest) int { return spilling(g, counts(5000, 36000)) },
		"values over many joins":   func(g *guest) int { return joining(g, 100, 300) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuest()
			f := dive(g)
			results := 1
			if name == "a hundred results" {
				results = 100
			}
			code := get(0) + call(f) + strings.Repeat("\x1a", results-1) + set(0)
			module := g.module("\x7f", operand(i32, 0)+set(0)+code+emitting(i32, get(0)))
			deepest := edge(t, module, l, func(n int) []byte { return visit(0, uint64(n)) })
			var areas [][]byte
			for _, n := range []int{deepest + 1, deepest, deepest - 1, 0, deepest + 2, deepest, 1 << 30, deepest / 2} {
				areas = append(areas, visit(0, uint64(max(n, 0))))
			}
			t.Logf("deepest call: %d", deepest)
			some(t, agree(t, module, l, areas))
		})
	}
}

// spilling is a function whose frame, as an engine lays it out, may be much
// larger than what it ever holds at once: each of n values lives across a call.
func spilling(g *guest, n int) int {
	nothing := g.fn("", "", "", "")
	self := g.next()
	var body strings.Builder
	for i := range n {
		body.WriteString(get(0) + i32c(int32(i)) + "\x6c" + call(nothing) + get(1) + "\x6a" + set(1))
	}
	return g.fn("\x7f", "\x7f", "\x7f", get(0)+"\x45\x04\x7f"+i32c(0)+"\x05"+body.String()+get(0)+i32c(1)+"\x6b"+call(self)+get(1)+"\x6a\x0b")
}

// joining is another such: each local has another value behind each of many
// blocks that may be left before it is set.
func joining(g *guest, locals, joins int) int {
	nothing := g.fn("", "", "", "")
	self := g.next()
	var body strings.Builder
	for range joins {
		body.WriteString("\x02\x40" + get(0) + i32c(1<<30) + "\x4b\x0d\x00") // a block, left if the depth is above 2^30
	}
	for i := range locals {
		body.WriteString(get(0) + i32c(int32(i)) + "\x6a" + set(1+i))
	}
	body.WriteString(strings.Repeat("\x0b"+call(nothing), joins) + i32c(0))
	for i := range locals {
		body.WriteString(get(1+i) + "\x6a")
	}
	return g.fn("\x7f", "\x7f", strings.Repeat("\x7f", locals),
		get(0)+"\x45\x04\x7f"+i32c(0)+"\x05"+get(0)+i32c(1)+"\x6b"+call(self)+set(0)+body.String()+"\x0b")
}

// Fuel of one less than a unit needs, and of exactly that, on both.
func TestFuel(t *testing.T) {
	for name, module := range map[string][]byte{
		"C": prebuilt(t, "district-age-c"), "bulk": bulkGuest(), "straight": straightGuest(),
	} {
		t.Run(name, func(t *testing.T) {
			area := person(t, 1250, 0, -5)
			passes := func(fuel int) bool {
				l := granted
				l.Fuel = uint64(fuel)
				results, err := answers(t, replay, module, l, [][]byte{area})
				return err == nil && results[0].OK
			}
			least := bisect(1, 1<<15, passes)
			t.Logf("fuel: %d", least)
			for _, fuel := range []int{least - 1, least, least + 1} {
				l := granted
				l.Fuel = uint64(fuel)
				agree(t, module, l, [][]byte{area, area})
			}
		})
	}
}

// bulkGuest spends its fuel by the byte, straightGuest without a loop and with
// a host call last.
func bulkGuest() []byte {
	return newGuest().module("", i32c(4096)+i32c(7)+i32c(50_000)+"\xfc\x0b\x00"+emitting(i64, i32c(4096)+memory(loads[i64], 0)))
}

func straightGuest() []byte {
	return newGuest().module("", strings.Repeat("\x01", 900)+emitting(i32, i32c(1)))
}

// Loops that end at the limit of fuel, met in the middle of a batch.
func TestFuelInABatch(t *testing.T) {
	g := newGuest()
	module := g.module("\x7f", operand(i32, 0)+set(0)+"\x03\x40"+get(0)+i32c(1)+"\x6b\x22\x00\x0d\x00\x0b"+emitting(i32, get(0)))
	l := limits.Limits{Fuel: 10_000, Memory: 4, Input: 256, Rows: 1, Emits: 4}
	last := edge(t, module, l, func(n int) []byte { return visit(0, uint64(n+1)) })
	var areas [][]byte
	for _, n := range []int{last, last + 1, last + 2, 1, last, math.MaxInt32} {
		areas = append(areas, visit(0, uint64(n)))
	}
	some(t, agree(t, module, l, areas))
}
