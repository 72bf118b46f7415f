package engines

import (
	"math"
	"strings"
	"testing"
)

// asked is every host function that a guest may import, with its parameters.
var asked = []struct{ name, params string }{
	{"sched_yield", ""},
	{"args_get", "\x7f\x7f"},
	{"args_sizes_get", "\x7f\x7f"},
	{"environ_get", "\x7f\x7f"},
	{"environ_sizes_get", "\x7f\x7f"},
	{"clock_time_get", "\x7f\x7e\x7f"},
	{"fd_write", "\x7f\x7f\x7f\x7f"},
	{"random_get", "\x7f\x7f"},
	{"poll_oneoff", "\x7f\x7f\x7f\x7f"},
	{"fd_close", "\x7f"},
	{"fd_fdstat_get", "\x7f\x7f"},
	{"fd_fdstat_set_flags", "\x7f\x7f"},
	{"fd_prestat_get", "\x7f\x7f"},
	{"fd_prestat_dir_name", "\x7f\x7f\x7f"},
}

// Every stub with every combination of pointers and lengths at the edges:
// the errno, and a sum over all of the memory, which shows what was written.
func TestStubs(t *testing.T) {
	g := newGuest()
	g.most = 1
	g.active(4096, strings.Repeat("\x00\x10\x00\x00\x05\x00\x00\x00", 64))             // 64 pieces of 5 bytes
	g.active(8192, "\x00\x10\x00\x00\xff\xff\xff\x7f\x00\x10\x00\x00\x01\x00\x00\x00") // MaxInt32 bytes, and one more
	var first []int
	for _, a := range asked {
		first = append(first, g.imported("wasi_snapshot_preview1", a.name, a.params, "\x7f"))
	}
	sum := g.fn("", "\x7e", "\x7f\x7e", "\x03\x40"+
		get(1)+i64c(31)+"\x7e"+get(0)+memory(loads[i64], 0)+"\x7c"+set(1)+get(0)+i32c(8)+"\x6a\x22\x00"+i32c(pageSize)+"\x49\x0d\x00\x0b"+get(1))
	values := []uint64{0, 2, 64, 65, 9, 4096, 4097, 8192, pageSize - 8, pageSize - 4, pageSize - 1, pageSize, math.MaxUint32}
	var areas [][]byte
	for i, a := range asked {
		code := ""
		for k := range len(a.params) {
			code += operand(a.params[k], k)
		}
		n := g.add("", emitting(i32, code+call(first[i]))+emitting(i64, call(sum)))
		tuple := make([]uint64, len(a.params))
		var fill func(k int)
		fill = func(k int) {
			if k == len(tuple) {
				areas = append(areas, visit(n, tuple...))
				return
			}
			list := values
			if k < len(tuple)-3 || a.params[k] == i64 || (a.name == "poll_oneoff" && k < 3) {
				list = list[1:2] // what no stub looks at
			}
			for _, v := range list {
				tuple[k] = v
				fill(k + 1)
			}
		}
		fill(0)
	}
	l := granted
	l.Emits = 2
	for i, r := range agree(t, g.dispatched(), l, areas) {
		if !r.OK || len(r.Emits) != 2 {
			t.Fatalf("area %d: %+v", i, r)
		}
	}
}

// The calls that are counted, those that are not, and emits at their limit.
func TestCalls(t *testing.T) {
	g := newGuest()
	yield := g.imported("wasi_snapshot_preview1", "sched_yield", "", "\x7f")
	exit := g.imported("wasi_snapshot_preview1", "proc_exit", "\x7f", "")
	g.initialises, g.init = true, strings.Repeat(call(yield)+"\x1a", 4000)
	repeat := func(code string) string {
		return operand(i32, 0) + set(0) + "\x03\x40" + code + get(0) + i32c(1) + "\x6b\x22\x00\x0d\x00\x0b"
	}
	yields := g.add("\x7f", repeat(call(yield)+"\x1a")+emitting(i32, i32c(1)))
	emits := g.add("\x7f", repeat(i32c(outputAt)+i32c(1)+call(emit)))
	nothing := g.add("\x7f", repeat(i32c(outputAt)+i32c(0)+call(emit)))
	at := g.add("", operand(i32, 0)+operand(i32, 1)+call(emit))
	leaves := g.add("", operand(i32, 0)+call(exit))
	areas := [][]byte{visit(leaves, 0), visit(leaves, 1), visit(nothing, 5000)}
	for _, n := range []uint64{1, 4095, 4096, 4097} {
		areas = append(areas, visit(yields, n))
	}
	for _, n := range []uint64{1, 255, 256, 257} {
		areas = append(areas, visit(emits, n), visit(at, 0, n))
	}
	for _, p := range []uint64{0, 7, pageSize - 32, pageSize - 31, pageSize - 16, pageSize, pageSize + 1, math.MaxUint32} {
		for _, n := range []uint64{0, 1, 2, 0x10000000, 0x10000001, math.MaxUint32} {
			areas = append(areas, visit(at, p, n))
		}
	}
	l := granted
	l.Fuel = 1 << 22
	some(t, agree(t, g.dispatched(), l, areas))
}
