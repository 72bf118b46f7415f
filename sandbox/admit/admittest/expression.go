package admittest

// constant appends a constant: often one of the edges.
func (g *guest) constant(out []byte, typ byte) []byte {
	switch typ {
	case i32:
		edges := [...]int64{0, 1, -1, -1 << 31, 1<<31 - 1, 255}
		return signed(append(out, 0x41), int64(int32(g.integer(edges[:]))))
	case i64:
		edges := [...]int64{0, 1, -1, -1 << 63, 1<<63 - 1, 1 << 32}
		return signed(append(out, 0x42), g.integer(edges[:]))
	case f32:
		edges := [...]string{"\x00\x00\x00\x00", "\x00\x00\x00\x80", "\x00\x00\x80\x3f", "\x00\x00\x80\x7f", "\x00\x00\x80\xff", "\x00\x00\x00\x4f", "\x01\x00\xc0\x7f", "\x01\x00\xa0\xff", "\x01\x00\x00\x00"}
		return append(append(out, 0x43), g.float(edges[:], 4)...)
	}
	edges := [...]string{
		"\x00\x00\x00\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x00\x00\x00\x80", "\x00\x00\x00\x00\x00\x00\xf0\x3f", "\x00\x00\x00\x00\x00\x00\xf0\x7f", "\x00\x00\x00\x00\x00\x00\xf0\xff",
		"\x00\x00\x00\x00\x00\x00\xe0\x43", "\x07\x00\x00\x00\x00\x00\xf8\x7f", "\x09\x00\x00\x00\x00\x00\xf4\xff", "\x01\x00\x00\x00\x00\x00\x00\x00",
	}
	return append(append(out, 0x44), g.float(edges[:], 8)...)
}

func (g *guest) integer(edges []int64) int64 {
	if g.oneIn(2) {
		return edges[g.n(len(edges))]
	}
	v := int64(int8(g.next()))
	if g.oneIn(4) {
		for range 7 {
			v = v<<8 | int64(g.next())
		}
	}
	return v
}

func (g *guest) float(edges []string, size int) []byte {
	if g.oneIn(4) {
		return g.word(size)
	}
	return []byte(edges[g.n(len(edges))])
}

// expression makes code that leaves one value of the type.
func (f *function) expression(typ byte, depth int) {
	f.budget--
	if depth <= 0 || f.budget <= 0 {
		f.leaf(typ)
		return
	}
	switch f.n(10) {
	case 0:
		f.leaf(typ)
	case 1:
		f.load(typ)
	case 2:
		f.expression(typ, depth-1)
		f.expression(typ, depth-1)
		f.expression(i32, depth-1)
		f.op(0x1b) // select
	case 3:
		f.either(typ, depth)
	case 4:
		f.valueOfCall(typ, depth)
	case 5:
		f.convert(typ, depth)
	case 6:
		f.unary(typ, depth)
	default:
		f.binary(typ, depth)
	}
}

// leaf leaves a constant, a local or a global.
func (f *function) leaf(typ byte) {
	switch i := f.n(4); i {
	case 0:
		f.out = f.constant(f.out, typ)
	case 1:
		f.op(0x23, i32-typ) // the first global of the type
	case 2:
		f.op(0x23, i32-typ)
		for i, t := range f.globals[4:] {
			if t == typ {
				f.op(0x1a, 0x23, byte(4+i))
				break
			}
		}
	default:
		f.op(0x20)
		f.number(f.localOf(typ))
	}
}

// localOf returns some local of the type, a parameter perhaps.
func (f *function) localOf(typ byte) int {
	from := f.n(len(f.locals))
	for i := range f.locals {
		if at := (from + i) % len(f.locals); f.locals[at] == typ {
			return at
		}
	}
	return len(f.typ.params) + int(i32-typ)
}

func (f *function) load(typ byte) {
	f.address()
	f.loadAt(typ, f.n(256)*f.n(64))
}

func (f *function) loadAt(typ byte, offset int) {
	switch typ {
	case i32:
		f.op([...]byte{0x28, 0x2c, 0x2d, 0x2e, 0x2f}[f.n(5)])
	case i64:
		f.op([...]byte{0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35}[f.n(7)])
	case f32:
		f.op(0x2a)
	default:
		f.op(0x2b)
	}
	f.op(0)
	f.number(offset)
}

// either is an if with a value.
func (f *function) either(typ byte, depth int) {
	f.expression(i32, depth-1)
	f.op(0x04, typ)
	f.inside(label{types: []byte{typ}}, func() { f.expression(typ, depth-1) })
	f.op(0x05)
	f.inside(label{types: []byte{typ}}, func() { f.expression(typ, depth-1) })
	f.op(0x0b)
}

// valueOfCall leaves a result of a call, or of something simple.
func (f *function) valueOfCall(typ byte, depth int) {
	if !f.oneIn(4) || f.self == len(f.funcs)-1 {
		f.binary(typ, depth)
		return
	}
	t := f.call()
	f.forget(t.results)
	f.op(0x20, byte(len(f.typ.params))+i32-typ)
}

func (f *function) unary(typ byte, depth int) {
	f.expression(typ, depth-1)
	switch typ {
	case i32:
		f.op([...]byte{0x45, 0x67, 0x68, 0x69, 0xc0, 0xc1}[f.n(6)])
	case i64:
		f.op([...]byte{0x79, 0x7a, 0x7b, 0xc2, 0xc3, 0xc4}[f.n(6)])
	case f32:
		f.op(0x8b + byte(f.n(7)))
	default:
		f.op(0x99 + byte(f.n(7)))
	}
}

// binary may trap on a division.
func (f *function) binary(typ byte, depth int) {
	if typ == i32 && f.oneIn(3) {
		f.compare(depth)
		return
	}
	f.expression(typ, depth-1)
	f.expression(typ, depth-1)
	switch typ {
	case i32:
		f.integer2(0x6a, 0x41, 0x72)
	case i64:
		f.integer2(0x7c, 0x42, 0x84)
	case f32:
		f.float2(f32, 0x92)
	default:
		f.float2(f64, 0xa0)
	}
}

// integer2 takes two integers; the divisor is seldom zero.
func (f *function) integer2(first, constant, or byte) {
	i := byte(f.n(15))
	if i >= 3 && i <= 6 && !f.oneIn(64) {
		f.op(constant, 1, or)
	}
	f.op(first + i)
}

// float2 takes two floats: the sign of the second, in copysign, is its NaN's.
func (f *function) float2(typ, first byte) {
	i := byte(f.n(7))
	if i == 6 {
		f.settle(typ)
	}
	f.op(first + i)
}

func (f *function) compare(depth int) {
	t := f.guest.typ()
	f.expression(t, depth-1)
	f.expression(t, depth-1)
	switch t {
	case i32:
		f.op(0x46 + byte(f.n(10)))
	case i64:
		f.op(0x51 + byte(f.n(10)))
	case f32:
		f.op(0x5b + byte(f.n(6)))
	default:
		f.op(0x61 + byte(f.n(6)))
	}
}

// A conversion: what it takes, the operator, and whether it sees bits.
type conversion struct {
	from byte
	ops  string
	bits bool
}

var conversions = map[byte][]conversion{
	i32: {
		{i64, "\xa7", false},
		{f32, "\xa8", false},
		{f32, "\xa9", false},
		{f64, "\xaa", false},
		{f64, "\xab", false},
		{f32, "\xbc", true},
		{f32, "\xfc\x00", false},
		{f32, "\xfc\x01", false},
		{f64, "\xfc\x02", false},
		{f64, "\xfc\x03", false},
		{f32, "\xbc", true},
	},
	i64: {
		{i32, "\xac", false},
		{i32, "\xad", false},
		{f32, "\xae", false},
		{f32, "\xaf", false},
		{f64, "\xb0", false},
		{f64, "\xb1", false},
		{f64, "\xbd", true},
		{f32, "\xfc\x04", false},
		{f32, "\xfc\x05", false},
		{f64, "\xfc\x06", false},
		{f64, "\xfc\x07", false},
		{f64, "\xbd", true},
	},
	f32: {{i32, "\xb2", false}, {i32, "\xb3", false}, {i64, "\xb4", false}, {i64, "\xb5", false}, {f64, "\xb6", false}, {i32, "\xbe", false}},
	f64: {{i32, "\xb7", false}, {i32, "\xb8", false}, {i64, "\xb9", false}, {i64, "\xba", false}, {f32, "\xbb", false}, {i64, "\xbf", false}},
}

// traps reports whether a float that is no such integer ends the guest.
func (c *conversion) traps() bool { return c.ops[0] >= 0xa8 && c.ops[0] <= 0xb1 && c.from <= f32 }

func (f *function) convert(typ byte, depth int) {
	list := conversions[typ]
	c := list[f.n(len(list))]
	if c.traps() && !f.oneIn(24) {
		c = list[len(list)-2]
	}
	if c.bits && f.oneIn(2) {
		f.exact(c.from, depth-1)
		f.op([]byte(c.ops)...)
		return
	}
	f.expression(c.from, depth-1)
	if c.bits {
		f.settle(c.from)
	}
	f.op([]byte(c.ops)...)
}

// exact leaves a float whose bits, a NaN's too, the standard fixes.
func (f *function) exact(typ byte, depth int) {
	f.budget--
	double := typ == f64
	pick := func(single, other byte) byte {
		if double {
			return other
		}
		return single
	}
	switch n := f.n(6); {
	case depth <= 0 || n == 0:
		f.out = f.constant(f.out, typ)
	case n == 1:
		f.load(typ)
	case n == 2:
		f.expression(pick(i32, i64), depth-1)
		f.op(pick(0xbe, 0xbf)) // reinterpret
	case n == 3:
		f.exact(typ, depth-1)
		f.op(pick(0x8b, 0x99) + byte(f.n(2))) // abs, neg
	case n == 4:
		f.exact(typ, depth-1)
		f.exact(typ, depth-1)
		f.op(pick(0x98, 0xa6)) // copysign
	default:
		f.exact(typ, depth-1)
		f.exact(typ, depth-1)
		f.expression(i32, depth-1)
		f.op(0x1b) // select
	}
}
