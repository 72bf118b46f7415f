package engines

import (
	"fmt"
	"math"
	"testing"
)

// A numeric operator and its type.
type operator struct {
	code   string
	params []byte
	result byte
}

// numerics returns every numeric operator that admission lets through.
func numerics() []operator {
	var list []operator
	span := func(from, to byte, result byte, params ...byte) {
		for c := int(from); c <= int(to); c++ {
			list = append(list, operator{string([]byte{byte(c)}), params, result})
		}
	}
	span(0x45, 0x45, i32, i32)
	span(0x46, 0x4f, i32, i32, i32)
	span(0x50, 0x50, i32, i64)
	span(0x51, 0x5a, i32, i64, i64)
	span(0x5b, 0x60, i32, f32, f32)
	span(0x61, 0x66, i32, f64, f64)
	span(0x67, 0x69, i32, i32)
	span(0x6a, 0x78, i32, i32, i32)
	span(0x79, 0x7b, i64, i64)
	span(0x7c, 0x8a, i64, i64, i64)
	span(0x8b, 0x91, f32, f32)
	span(0x92, 0x98, f32, f32, f32)
	span(0x99, 0x9f, f64, f64)
	span(0xa0, 0xa6, f64, f64, f64)
	for c, t := range map[byte][2]byte{
		0xa7: {i64, i32}, 0xa8: {f32, i32}, 0xa9: {f32, i32}, 0xaa: {f64, i32}, 0xab: {f64, i32},
		0xac: {i32, i64}, 0xad: {i32, i64}, 0xae: {f32, i64}, 0xaf: {f32, i64}, 0xb0: {f64, i64}, 0xb1: {f64, i64},
		0xb2: {i32, f32}, 0xb3: {i32, f32}, 0xb4: {i64, f32}, 0xb5: {i64, f32}, 0xb6: {f64, f32},
		0xb7: {i32, f64}, 0xb8: {i32, f64}, 0xb9: {i64, f64}, 0xba: {i64, f64}, 0xbb: {f32, f64},
		0xbc: {f32, i32}, 0xbd: {f64, i64}, 0xbe: {i32, f32}, 0xbf: {i64, f64},
		0xc0: {i32, i32}, 0xc1: {i32, i32}, 0xc2: {i64, i64}, 0xc3: {i64, i64}, 0xc4: {i64, i64},
	} {
		span(c, c, t[1], t[0])
	}
	for sub, t := range [][2]byte{{f32, i32}, {f32, i32}, {f64, i32}, {f64, i32}, {f32, i64}, {f32, i64}, {f64, i64}, {f64, i64}} {
		list = append(list, operator{string([]byte{0xfc, byte(sub)}), []byte{t[0]}, t[1]})
	}
	return list
}

// The operands at which operators have edges; the first few are for the pairs
// of the short form, and the NaNs with their signs and payloads come first.
var edges = map[byte][]uint64{
	f32: {
		0x7fc00000, 0xffc00000, 0x7fa00000, 0xff800001, 0x7fc12345, 0xffffffff, // NaNs: quiet, signalling, with payloads
		bits32(0), 0x80000000, bits32(1), bits32(float32(math.Inf(1))), bits32(float32(math.Inf(-1))), bits32(-2.5),
		0x00000001, bits32(0.5), bits32(-0.5), bits32(1.5), bits32(2.5), 0x3effffff, bits32(8388607.5), bits32(-0.99999994), bits32(-1),
		bits32(2147483520), bits32(2147483648), bits32(-2147483648), bits32(-2147483904),
		bits32(4294967040), bits32(4294967296), bits32(9223371487098961920), bits32(9223372036854775808),
		bits32(-9223372036854775808), bits32(-9223373136366403584), bits32(18446742974197923840), bits32(18446744073709551616),
		bits32(math.MaxFloat32), bits32(-math.MaxFloat32), 0x00800000, 0x807fffff,
	},
	f64: {
		0x7ff8000000000000, 0xfff8000000000000, 0x7ff4000000000000, 0xfff0000000000001, 0x7ff8000012345678, 0xffffffffffffffff,
		bits64(0), 1 << 63, bits64(1), bits64(math.Inf(1)), bits64(math.Inf(-1)), bits64(-2.5),
		1, bits64(0.5), bits64(-0.5), bits64(1.5), bits64(2.5), bits64(0.49999999999999994), bits64(4503599627370495.5), bits64(-0.9999999999999999), bits64(-1),
		bits64(2147483647), bits64(2147483647.5), bits64(2147483648), bits64(-2147483648), bits64(-2147483648.5), bits64(-2147483649),
		bits64(4294967295), bits64(4294967295.5), bits64(4294967296), bits64(9223372036854774784), bits64(9223372036854775808),
		bits64(-9223372036854775808), bits64(-9223372036854777856), bits64(18446744073709549568), bits64(18446744073709551616),
		bits64(math.MaxFloat64), bits64(-math.MaxFloat64), bits64(1e-40), bits64(3.4028235677973366e38), bits64(16777217),
	},
	i32: {0, 1, math.MaxUint32, 1 << 31, 1<<31 - 1, 31, 32, 33, 7, 0x80, 0x7f, 0x8000, 0xfffffff9, 16777217, 0xaaaaaaaa},
	i64: {
		0, 1, math.MaxUint64, 1 << 63, 1<<63 - 1, 63, 64, 65, 7, 0x80, 0x8000, 1 << 31, 1 << 32, 0xfffffffffffffff9,
		1<<53 + 1, 16777217, 0x7fffff4000000001, 0xaaaaaaaaaaaaaaaa,
	},
}

func bits32(v float32) uint64 { return uint64(math.Float32bits(v)) }
func bits64(v float64) uint64 { return math.Float64bits(v) }

// tuples returns the combinations of the edges of so many parameters, with at
// most the first most of them for each when there are two.
func tuples(params []byte, most int) [][]uint64 {
	first := edges[params[0]]
	if len(params) == 1 {
		list := make([][]uint64, len(first))
		for i, a := range first {
			list[i] = []uint64{a}
		}
		return list
	}
	second := edges[params[1]]
	first, second = first[:min(most, len(first))], second[:min(most, len(second))]
	var list [][]uint64
	for _, a := range first {
		for _, b := range second {
			list = append(list, []uint64{a, b})
		}
	}
	return list
}

// Every numeric operator at its edges, with operands that a compiler does not
// know: the bits of each result, those of NaNs included, and the traps.
func TestNumerics(t *testing.T) {
	g := newGuest()
	var areas [][]byte
	for _, o := range numerics() {
		code := ""
		for k, p := range o.params {
			code += operand(p, k)
		}
		n := g.add("", emitting(o.result, code+o.code))
		for _, operands := range tuples(o.params, counts(12, 64)) {
			areas = append(areas, visit(n, operands...))
		}
	}
	got := agree(t, g.dispatched(), granted, areas)
	some(t, got)
}

// The same with constants, which a compiler may compute itself.
func TestConstantNumerics(t *testing.T) {
	g := newGuest()
	g.most = 1
	var areas [][]byte
	for _, o := range numerics() {
		for _, operands := range tuples(o.params, counts(7, 12)) {
			code := ""
			for k, p := range o.params {
				code += constant(p, operands[k])
			}
			areas = append(areas, visit(g.add("", emitting(o.result, code+o.code))))
		}
	}
	got := agree(t, g.dispatched(), granted, areas)
	some(t, got)
}

// What must come out where engines have differed before.
func TestKnownAnswers(t *testing.T) {
	const nan32, nan64 = 0x7fc00000, 0x7ff8000000000000
	g := newGuest()
	var areas [][]byte
	var want []string
	for _, c := range []struct {
		code     string
		params   []byte
		result   byte
		operands []uint64
		want     uint64
	}{
		{"\x96", []byte{f32, f32}, f32, []uint64{0x80000000, 0}, 0x80000000},       // min(-0, 0)
		{"\x96", []byte{f32, f32}, f32, []uint64{0, 0x80000000}, 0x80000000},       // min(0, -0)
		{"\x97", []byte{f32, f32}, f32, []uint64{0x80000000, 0}, 0},                // max(-0, 0)
		{"\xa4", []byte{f64, f64}, f64, []uint64{1 << 63, 0}, 1 << 63},             // min(-0, 0)
		{"\x90", []byte{f32}, f32, []uint64{bits32(2.5)}, bits32(2)},               // nearest to even
		{"\x90", []byte{f32}, f32, []uint64{bits32(-0.5)}, 0x80000000},             // nearest keeps the sign
		{"\x92", []byte{f32, f32}, f32, []uint64{0xffc12345, bits32(1)}, nan32},    // NaNs that are made are canonical
		{"\x92", []byte{f32, f32}, f32, []uint64{0x7fa00000, 0x7fc12345}, nan32},   //
		{"\x96", []byte{f32, f32}, f32, []uint64{0xffffffff, bits32(1)}, nan32},    //
		{"\x95", []byte{f32, f32}, f32, []uint64{0, 0}, nan32},                     // 0/0, negative on x86
		{"\x91", []byte{f32}, f32, []uint64{bits32(-2.5)}, nan32},                  // sqrt(-2.5)
		{"\xb6", []byte{f64}, f32, []uint64{0xfff8000012345678}, nan32},            // demote
		{"\xbb", []byte{f32}, f64, []uint64{0x7fa00000}, nan64},                    // promote
		{"\x8d", []byte{f32}, f32, []uint64{0xff800001}, nan32},                    // ceil
		{"\x8c", []byte{f32}, f32, []uint64{0x7fa00000}, 0xffa00000},               // neg is of bits alone
		{"\x8b", []byte{f32}, f32, []uint64{0xffc12345}, 0x7fc12345},               // abs, too
		{"\xfc\x00", []byte{f32}, i32, []uint64{nan32}, 0},                         // saturating
		{"\xfc\x06", []byte{f64}, i64, []uint64{bits64(-1e300)}, 1 << 63},          //
		{"\xfc\x07", []byte{f64}, i64, []uint64{bits64(-1e300)}, 0},                //
		{"\x6f", []byte{i32, i32}, i32, []uint64{1 << 31, math.MaxUint32}, 0},      // MinInt32 % -1
		{"\x74", []byte{i32, i32}, i32, []uint64{math.MaxUint32, 32}, 0xffffffff},  // a shift by 32 is one by 0
		{"\xb5", []byte{i64}, f32, []uint64{0x7fffff4000000001}, 0x5effffff},       // rounded once
		{"\xbc", []byte{f32}, i32, []uint64{0x7fa00000}, 0x7fa00000},               // bits that were loaded stay
		{"\x98", []byte{f32, f32}, f32, []uint64{0x7fa00000, 1 << 31}, 0xffa00000}, // copysign
		{"\xa1", []byte{f64, f64}, f64, []uint64{bits64(math.Inf(1)), bits64(math.Inf(1))}, nan64},
	} {
		code := ""
		for k, p := range c.params {
			code += operand(p, k)
		}
		areas = append(areas, visit(g.add("", emitting(c.result, code+c.code)), c.operands...))
		want = append(want, fmt.Sprintf("%x", c.want))
	}
	for _, trap := range []struct {
		code     string
		params   []byte
		result   byte
		operands []uint64
	}{
		{"\x6d", []byte{i32, i32}, i32, []uint64{1 << 31, math.MaxUint32}}, // MinInt32 / -1
		{"\x7f", []byte{i64, i64}, i64, []uint64{1, 0}},                    // 1 / 0
		{"\xa8", []byte{f32}, i32, []uint64{bits32(2147483648)}},
		{"\xb0", []byte{f64}, i64, []uint64{nan64}},
	} {
		code := ""
		for k, p := range trap.params {
			code += operand(p, k)
		}
		areas = append(areas, visit(g.add("", emitting(trap.result, code+trap.code)), trap.operands...))
		want = append(want, "failed")
	}
	got := agree(t, g.dispatched(), granted, areas)
	for i, w := range want {
		is := "failed"
		if got[i].OK {
			is = fmt.Sprintf("%x", uint64(got[i].Emits[0].Value))
		}
		if is != w {
			t.Errorf("case %d: %s, want %s", i, is, w)
		}
	}
}

// A NaN's bits on every way by which a value can travel without being computed
// with: they are those that were there, or the canonical ones, on both alike.
func TestNaNsTravel(t *testing.T) {
	g := newGuest()
	g.globals = []string{
		"\x7d\x01" + constant(f32, 0x7fa00000) + "\x0b", "\x7c\x01" + constant(f64, 0xfff0000000000001) + "\x0b",
	}
	var areas [][]byte
	for i, t := range []byte{f32, f64} {
		own := string([]byte{t})
		typ := g.typ(own, own)
		same := g.fnOf(typ, "", get(0))
		global := "\x23" + u(uint64(i))
		for _, way := range []string{
			operand(t, 0),
			operand(t, 0) + set(0) + get(0),
			operand(t, 0) + call(same),
			operand(t, 0) + "\x24" + u(uint64(i)) + global,
			global,
			operand(t, 0) + operand(t, 1) + i32c(1) + "\x1b",                  // select
			i32c(1) + "\x04" + own + operand(t, 0) + "\x05" + global + "\x0b", // if
			"\x02" + own + operand(t, 0) + "\x0c\x00\x0b",                     // br with a value
			operand(t, 0) + "\x03" + u(uint64(typ)) + "\x0b",                  // a loop with a parameter
			operand(t, 0) + map[byte]string{f32: "\xbc\xbe", f64: "\xbd\xbf"}[t],
			operand(t, 0) + map[byte]string{f32: "\x8c\x8c\x8b", f64: "\x9a\x9a\x99"}[t],
			operand(t, 0) + operand(t, 1) + map[byte]string{f32: "\x92\x8c", f64: "\xa0\x9a"}[t],
			operand(t, 0) + operand(t, 1) + map[byte]string{f32: "\x92\x21\x00\x20\x00\x20\x00\x98", f64: "\xa0\x21\x00\x20\x00\x20\x00\xa6"}[t],
		} {
			n := g.add(own, emitting(t, way))
			for _, nan := range edges[t][:6] {
				areas = append(areas, visit(n, nan, edges[t][4]))
			}
		}
	}
	for i, r := range agree(t, g.dispatched(), granted, areas) {
		if !r.OK {
			t.Errorf("area %d failed", i)
		}
	}
}
