package admit

import (
	"slices"
	"strings"
)

// Operators that this package names.
const (
	opUnreachable  = 0x00
	opNop          = 0x01
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opDrop         = 0x1a
	opSelect       = 0x1b
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opLoad         = 0x28 // the first of the loads
	opStore        = 0x36 // the first of the stores
	opMemorySize   = 0x3f
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opNumeric      = 0x45 // the first of those without immediates
	opI32Eq        = 0x46
	opI32LtS       = 0x48
	opI32LeU       = 0x4d
	opI64LtS       = 0x53
	opF32Eq        = 0x5b // the first comparison of floats
	opF32Ge        = 0x60
	opF64Ge        = 0x66 // the last one
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI64Sub       = 0x7d
	opI64Shl       = 0x86
	opI64ShrU      = 0x88
	opI64ExtendU   = 0xad
	opLastNumeric  = 0xc4
	opPrefix       = 0xfc

	// behind opPrefix
	opLastTruncSat = 7
	opMemoryInit   = 8
	opDataDrop     = 9
	opMemoryCopy   = 10
	opMemoryFill   = 11

	emptyBlock = 0x40
)

// Types of values as strings, in which the operators' types are written.
const (
	i32s = "\x7f"
	i64s = "\x7e"
	f32s = "\x7d"
	f64s = "\x7c"
)

// A numericRange is a range of operators of one type: up to which code, and the
// types taken and left.
type numericRange struct {
	last    byte
	in, out string
}

// numeric lists the operators without immediates, in the order of their codes.
var numeric = [...]numericRange{
	// comparisons
	{0x45, i32s, i32s},
	{0x4f, i32s + i32s, i32s},
	{0x50, i64s, i32s},
	{0x5a, i64s + i64s, i32s},
	{opF32Ge, f32s + f32s, i32s},
	{opF64Ge, f64s + f64s, i32s},
	// counting and arithmetic
	{0x69, i32s, i32s},
	{0x78, i32s + i32s, i32s},
	{0x7b, i64s, i64s},
	{0x8a, i64s + i64s, i64s},
	{0x91, f32s, f32s},
	{0x98, f32s + f32s, f32s},
	{0x9f, f64s, f64s},
	{0xa6, f64s + f64s, f64s},
	// to integers
	{0xa7, i64s, i32s},
	{0xa9, f32s, i32s},
	{0xab, f64s, i32s},
	{0xad, i32s, i64s},
	{0xaf, f32s, i64s},
	{0xb1, f64s, i64s},
	// to floats
	{0xb3, i32s, f32s},
	{0xb5, i64s, f32s},
	{0xb6, f64s, f32s},
	{0xb8, i32s, f64s},
	{0xba, i64s, f64s},
	{0xbb, f32s, f64s},
	// bits
	{0xbc, f32s, i32s},
	{0xbd, f64s, i64s},
	{0xbe, i32s, f32s},
	{0xbf, i64s, f64s},
	// sign extension
	{0xc1, i32s, i32s},
	{opLastNumeric, i64s, i64s},
}

// accesses lists the loads and stores in the order of their codes: the type of
// the value, and its width in memory as a power of two.
var accesses = [...]struct {
	typ   string
	width uint32
}{
	{i32s, 2},
	{i64s, 3},
	{f32s, 2},
	{f64s, 3},
	{i32s, 0},
	{i32s, 0},
	{i32s, 1},
	{i32s, 1},
	{i64s, 0},
	{i64s, 0},
	{i64s, 1},
	{i64s, 1},
	{i64s, 2},
	{i64s, 2},
	{i32s, 2},
	{i64s, 3},
	{f32s, 2},
	{f64s, 3},
	{i32s, 0},
	{i32s, 1},
	{i64s, 0},
	{i64s, 1},
	{i64s, 2},
}

// An operator as decoded: its code, that behind the prefix, and its type. What
// depends on where it stands (branches, drop, select) has no in and out.
type operator struct {
	code    byte
	sub     uint32
	in, out string
	block   signature
	labels  []uint32
	host    bool // a call of an imported function
}

// next decodes one operator of a function whose locals have these types.
func (m *module) next(d *decoder, locals []byte) operator {
	o := operator{code: d.byte()}
	switch c := o.code; {
	case c <= opReturn:
		m.control(d, &o)
	case c == opCall, c == opCallIndirect:
		m.call(d, &o)
	case c == opDrop, c == opSelect:
	case c >= opLocalGet && c <= opLocalTee:
		variable(d, &o, locals)
	case c == opGlobalGet, c == opGlobalSet:
		m.global(d, &o)
	case c >= opLoad && c <= opMemoryGrow:
		memoryOperator(d, &o)
	case c >= opI32Const && c <= opF64Const:
		o.out = string(d.literal(c))
	case c >= opNumeric && c <= opLastNumeric:
		o.in, o.out = numericType(c)
	case c == opPrefix:
		m.prefixed(d, &o)
	default:
		d.fail("operator %#x", c)
	}
	return o
}

// literal reads a constant's immediate, and returns its type.
func (d *decoder) literal(code byte) byte {
	switch code {
	case opI32Const:
		d.signed(32)
	case opI64Const:
		d.signed(64)
	case opF32Const:
		d.take(4)
	case opF64Const:
		d.take(8)
	default:
		d.fail("an expression that is not constant")
	}
	return opI32Const - code + i32
}

func numericType(code byte) (in, out string) {
	i, _ := slices.BinarySearchFunc(numeric[:], code, func(n numericRange, code byte) int { return int(n.last) - int(code) })
	return numeric[i].in, numeric[i].out
}

func (m *module) control(d *decoder, o *operator) {
	switch o.code {
	case opUnreachable, opNop, opElse, opEnd, opReturn:
	case opBlock, opLoop, opIf:
		o.block = m.blockType(d)
	case opBr, opBrIf:
		o.labels = []uint32{d.u32()}
	case opBrTable:
		for range d.count(maxTargets) + 1 {
			o.labels = append(o.labels, d.u32())
		}
	default:
		d.fail("operator %#x", o.code)
	}
}

func (m *module) blockType(d *decoder) signature {
	t := d.signed(33)
	switch {
	case t >= 0 && t < int64(len(m.types)):
		return m.types[t]
	case t == emptyBlock-0x80:
		return signature{}
	case t >= f64-0x80 && t <= i32-0x80:
		return signature{results: []byte{byte(t + 0x80)}}
	}
	d.fail("a block of unknown type")
	return signature{}
}

func (m *module) call(d *decoder, o *operator) {
	var typ uint32
	table := ""
	if o.code == opCall {
		f := d.u32()
		if int64(f) >= int64(len(m.funcs)) {
			d.fail("a call of function %d", f)
			return
		}
		typ, o.host = m.funcs[f], int64(f) < int64(m.imported)
	} else {
		typ = m.typeIndex(d)
		d.zero()
		table = i32s
		if m.table == nil {
			d.fail("an indirect call without a table")
		}
	}
	if d.err == nil {
		o.in, o.out = string(m.types[typ].params)+table, string(m.types[typ].results)
	}
}

// variable checks the index: one beyond the guest's own would name a local of
// ours. So does global.
func variable(d *decoder, o *operator, locals []byte) {
	i := d.u32()
	if int64(i) >= int64(len(locals)) {
		d.fail("local %d does not exist", i)
		return
	}
	o.access(opLocalGet, opLocalSet, string(locals[i]))
}

func (m *module) global(d *decoder, o *operator) {
	i := d.u32()
	if int64(i) >= int64(len(m.globals)) || (o.code == opGlobalSet && !m.globals[i].mutable) {
		d.fail("global %d does not exist, or is constant", i)
		return
	}
	o.access(opGlobalGet, opGlobalSet, string(m.globals[i].typ))
}

func (o *operator) access(get, set byte, typ string) {
	if o.code != get {
		o.in = typ
	}
	if o.code != set {
		o.out = typ
	}
}

func memoryOperator(d *decoder, o *operator) {
	switch c := o.code; c {
	case opMemorySize:
		d.zero()
		o.out = i32s
	case opMemoryGrow:
		d.zero()
		o.in, o.out = i32s, i32s
	default:
		a := accesses[c-opLoad]
		if d.u32() > a.width {
			d.fail("an alignment above the natural one")
		}
		d.u32()
		if o.in, o.out = i32s, a.typ; c >= opStore {
			o.in, o.out = i32s+a.typ, ""
		}
	}
}

func (m *module) prefixed(d *decoder, o *operator) {
	switch o.sub = d.u32(); {
	case o.sub <= opLastTruncSat:
		o.in, o.out = []string{f32s, f32s, f64s, f64s}[o.sub%4], []string{i32s, i64s}[o.sub/4]
	case o.sub == opMemoryInit, o.sub == opDataDrop:
		// An active segment is spent when the instance is there, says the
		// standard; wazero keeps it.
		if i := d.u32(); int64(i) >= int64(m.dataCount) || !m.passive[i] {
			d.fail("data segment %d is not declared, or active", i)
		}
		if o.sub == opMemoryInit {
			d.zero()
			o.in = i32s + i32s + i32s
		}
	case o.sub == opMemoryCopy:
		d.zero()
		d.zero()
		o.in = i32s + i32s + i32s
	case o.sub == opMemoryFill:
		d.zero()
		o.in = i32s + i32s + i32s
	default:
		d.fail("operator 0xfc %d", o.sub)
	}
}

// bulk reports whether the operator's last operand is a length in bytes.
func (o *operator) bulk() bool {
	return o.code == opPrefix && o.sub >= opMemoryInit && o.sub != opDataDrop
}

// diverts reports whether nothing behind the operator is reached from it.
func (o *operator) diverts() bool {
	switch o.code {
	case opUnreachable, opBr, opBrTable, opReturn:
		return true
	}
	return false
}

// makesNaN reports whether the operator is one of those whose NaN the standard
// leaves to the engine: of each float type ceil to sqrt and add to max, and
// the two that turn one type into the other.
func (o *operator) makesNaN() bool {
	c := o.code
	return (c >= 0x8d && c <= 0x97) || (c >= 0x9b && c <= 0xa5) || c == 0xb6 || c == 0xbb
}

// blindToNaN reports whether all that the operator asks of an operand's NaN is
// that it is one: arithmetic, whose own NaN is anything again, comparisons,
// truncations, and drop.
func (o *operator) blindToNaN() bool {
	c := o.code
	return o.makesNaN() || (c >= opF32Eq && c <= opF64Ge) || (c >= 0xa8 && c <= 0xb1 && strings.ContainsAny(o.in, f32s+f64s)) ||
		(c == opPrefix && o.sub <= opLastTruncSat) || c == opDrop
}
