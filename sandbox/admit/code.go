package admit

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
	opI32LtS       = 0x48
	opI64LtS       = 0x53
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI64Sub       = 0x7d
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

// An operator as decoded: its code, that behind the prefix, and what the
// rewrite needs of its immediates.
type operator struct {
	code     byte
	sub      uint32
	pop, put int // operands taken and left
	block    signature
	host     bool // a call of an imported function
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

// next decodes one operator of a function with so many locals.
func (m *module) next(d *decoder, locals uint32) operator {
	o := operator{code: d.byte()}
	switch c := o.code; {
	case c <= opReturn:
		m.control(d, &o)
	case c == opCall, c == opCallIndirect:
		m.call(d, &o)
	case c == opDrop:
		o.pop = 1
	case c == opSelect:
		o.pop, o.put = 3, 1
	case c >= opLocalGet && c <= opGlobalSet:
		m.variable(d, &o, locals)
	case c >= opLoad && c <= opMemoryGrow:
		memoryOperator(d, &o)
	case c == opI32Const:
		d.signed(32)
		o.put = 1
	case c == opI64Const:
		d.signed(64)
		o.put = 1
	case c == opF32Const:
		d.take(4)
		o.put = 1
	case c == opF64Const:
		d.take(8)
		o.put = 1
	case c >= opNumeric && c <= opLastNumeric:
		o.pop, o.put = arity(c), 1
	case c == opPrefix:
		m.prefixed(d, &o)
	default:
		d.fail("operator %#x", c)
	}
	return o
}

func (m *module) control(d *decoder, o *operator) {
	switch o.code {
	case opUnreachable, opNop, opElse, opEnd, opReturn:
	case opBlock, opLoop, opIf:
		o.block = m.blockType(d)
		o.pop = len(o.block.params)
		o.put = o.pop
		if o.code == opIf {
			o.pop++
		}
	case opBr:
		d.u32()
	case opBrIf:
		d.u32()
		o.pop = 1
	case opBrTable:
		for range d.count(maxBody) {
			d.u32()
		}
		d.u32()
		o.pop = 1
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
		o.pop = 1
		if m.table == nil {
			d.fail("an indirect call without a table")
		}
	}
	if d.err == nil {
		o.pop += len(m.types[typ].params)
		o.put = len(m.types[typ].results)
	}
}

// variable checks the index: one beyond the guest's own would name a global or
// a local of ours.
func (m *module) variable(d *decoder, o *operator, locals uint32) {
	bound := locals
	if o.code >= opGlobalGet {
		bound = m.globals
	}
	if i := d.u32(); i >= bound {
		d.fail("variable %d does not exist", i)
	}
	switch o.code {
	case opLocalGet, opGlobalGet:
		o.put = 1
	case opLocalSet, opGlobalSet:
		o.pop = 1
	case opLocalTee:
		o.pop, o.put = 1, 1
	}
}

func memoryOperator(d *decoder, o *operator) {
	switch c := o.code; {
	case c == opMemorySize:
		d.zero()
		o.put = 1
	case c == opMemoryGrow:
		d.zero()
		o.pop, o.put = 1, 1
	case c < opStore:
		d.u32()
		d.u32()
		o.pop, o.put = 1, 1
	default:
		d.u32()
		d.u32()
		o.pop = 2
	}
}

func (m *module) prefixed(d *decoder, o *operator) {
	switch o.sub = d.u32(); {
	case o.sub <= opLastTruncSat:
		o.pop, o.put = 1, 1
		return
	case o.sub == opMemoryInit, o.sub == opDataDrop:
		// Without a data count the index could not be checked in one pass.
		if i := d.u32(); int64(i) >= int64(m.dataCount) {
			d.fail("data segment %d is not declared", i)
		}
		if o.sub == opDataDrop {
			return
		}
		d.zero()
	case o.sub == opMemoryCopy:
		d.zero()
		d.zero()
	case o.sub == opMemoryFill:
		d.zero()
	default:
		d.fail("operator 0xfc %d", o.sub)
	}
	o.pop = 3
}

// arity returns how many operands a numeric operator takes.
func arity(c byte) int {
	for _, unary := range [...][2]byte{
		{0x45, 0x45}, {0x50, 0x50}, // eqz
		{0x67, 0x69}, {0x79, 0x7b}, // clz, ctz, popcnt
		{0x8b, 0x91}, {0x99, 0x9f}, // abs to sqrt
		{0xa7, opLastNumeric}, // conversions, sign extension
	} {
		if c >= unary[0] && c <= unary[1] {
			return 1
		}
	}
	return 2
}
