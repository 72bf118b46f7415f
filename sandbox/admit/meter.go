package admit

import "encoding/binary"

// A body is one function's code, split and measured.
type body struct {
	groups []byte // the declarations of its locals
	count  uint32 // of such declarations
	locals uint32 // parameters and locals
	ops    []byte
	frame  int  // slots that one call of it holds, at most
	bulk   bool // needs a local for the length of a bulk operator
}

// meter returns the code section, metered.
func (m *module) meter() ([]byte, error) {
	if len(m.bodies) == 0 {
		return nil, nil
	}
	out := binary.AppendUvarint(nil, uint64(len(m.bodies)))
	for i, code := range m.bodies {
		b, err := m.measure(code, m.types[m.funcs[m.imported+i]])
		if err != nil {
			return nil, err
		}
		metered := m.rewriteBody(b)
		out = binary.AppendUvarint(out, uint64(len(metered)))
		out = append(out, metered...)
		if len(out) > maxAdmitted {
			return nil, refuse("more than %d bytes once metered", maxAdmitted)
		}
	}
	return out, nil
}

// measure reads a function once, checks its operators, and finds the size of
// its frame.
func (m *module) measure(code []byte, typ signature) (*body, error) {
	d := &decoder{b: code}
	b := &body{}
	locals := uint64(len(typ.params))
	n := d.count(maxFrame)
	first := d.at
	for range n {
		locals += uint64(d.u32())
		if t := d.byte(); t < f64 || t > i32 {
			d.fail("a local of type %#x", t)
		}
	}
	if locals > maxFrame {
		d.fail("%d locals", locals)
	}
	if d.err != nil {
		return nil, d.err
	}
	b.groups, b.count, b.locals = code[first:d.at], uint32(n), uint32(locals) //nolint:gosec // both at most maxFrame
	b.ops = code[d.at:]
	operands := m.walk(d, b)
	if d.err != nil {
		return nil, d.err
	}
	const fixed = 8                                                   // return address, saved registers
	if b.frame = fixed + int(locals) + operands; b.frame > maxFrame { //nolint:gosec // at most maxFrame
		return nil, refuse("a frame of %d slots", b.frame)
	}
	return b, nil
}

// A nest is one open block: the height of the operands below it, and its type.
type nest struct {
	base int
	typ  signature
}

// walk reads operators to the end of the function and returns the greatest
// number of operands that are held at once. In code that is not reached the
// height is only bounded from below; in code that is not valid it means
// nothing, and the engine refuses the module.
func (m *module) walk(d *decoder, b *body) int {
	open, height, highest := []nest{{}}, 0, 0
	for len(open) > 0 {
		o := m.next(d, b.locals)
		if d.err != nil {
			return 0
		}
		top := open[len(open)-1]
		height = max(height-o.pop, top.base) + o.put
		highest = max(highest, height)
		switch {
		case o.code == opBlock, o.code == opLoop, o.code == opIf:
			if len(open) > maxNesting {
				d.fail("more than %d blocks within blocks", maxNesting)
			}
			open = append(open, nest{max(height-len(o.block.params), top.base), o.block})
		case o.code == opElse:
			height = top.base + len(top.typ.params)
		case o.code == opEnd:
			height = top.base + len(top.typ.results)
			open = open[:len(open)-1]
		case o.diverts():
			height = top.base
		}
		b.bulk = b.bulk || o.bulk()
	}
	if d.at != len(d.b) {
		d.fail("code behind the end of a function")
	}
	return highest
}

// A run is a stretch of operators that one debit pays for: up to the next
// place where paths part or meet.
type run struct {
	ops   []byte
	fuel  int64
	check bool // trap here if the fuel is gone
	dead  bool // what follows in this run is not reached
}

// rewriteBody returns b with fuel and depth counted. measure has checked every
// operator, so that decoding cannot fail here.
func (m *module) rewriteBody(b *body) []byte {
	out := binary.AppendUvarint(make([]byte, 0, 2*len(b.ops)+64), uint64(b.count)+1)
	out = append(out, b.groups...)
	length := b.locals // the index of our own local
	out = append(out, 1, i32)
	d := &decoder{b: b.ops}
	r := run{check: true}
	for d.more() {
		start := d.at
		o := m.next(d, b.locals)
		raw := b.ops[start:d.at]
		switch {
		case o.code == opCall && !o.host, o.code == opCallIndirect:
			r.ops = m.appendDepth(r.ops, b.frame, raw)
		case o.bulk():
			r.ops = m.appendBulk(r.ops, length, raw)
		default:
			r.ops = append(r.ops, raw...)
		}
		if !r.dead {
			r.fuel += price(&o)
		}
		r.dead = r.dead || o.diverts()
		switch o.code {
		case opLoop, opIf, opElse, opEnd:
			out = m.appendRun(out, &r)
			r = run{ops: r.ops[:0], check: o.code == opLoop}
		}
	}
	return m.appendRun(out, &r)
}

func price(o *operator) int64 {
	switch {
	case o.code == opElse, o.code == opEnd:
		return 0
	case o.host:
		return hostCallFuel
	case o.code == opMemoryGrow:
		return growFuel
	}
	return 1
}

// appendRun appends r with its debit before it. A loop pays at least one, so
// that no way round it is free.
func (m *module) appendRun(out []byte, r *run) []byte {
	if r.check {
		r.fuel = max(r.fuel, 1)
	}
	if r.fuel > 0 && len(r.ops) > 0 {
		out = m.appendGlobal(out, opGlobalGet, m.fuel())
		out = appendSigned(append(out, opI64Const), r.fuel)
		out = m.appendGlobal(append(out, opI64Sub), opGlobalSet, m.fuel())
		if r.check {
			out = m.appendFuelCheck(out)
		}
	}
	return append(out, r.ops...)
}

func (m *module) appendGlobal(out []byte, op byte, index uint32) []byte {
	return binary.AppendUvarint(append(out, op), uint64(index))
}

func (m *module) appendFuelCheck(out []byte) []byte {
	out = m.appendGlobal(out, opGlobalGet, m.fuel())
	return append(out, opI64Const, 0, opI64LtS, opIf, emptyBlock, opUnreachable, opEnd)
}

// appendDepth appends a call with the caller's frame debited around it.
func (m *module) appendDepth(out []byte, frame int, call []byte) []byte {
	out = m.appendGlobal(out, opGlobalGet, m.depth())
	out = appendSigned(append(out, opI32Const), int64(frame))
	out = m.appendGlobal(append(out, opI32Sub), opGlobalSet, m.depth())
	out = m.appendGlobal(out, opGlobalGet, m.depth())
	out = append(out, opI32Const, 0, opI32LtS, opIf, emptyBlock, opUnreachable, opEnd)
	out = append(out, call...)
	out = m.appendGlobal(out, opGlobalGet, m.depth())
	out = appendSigned(append(out, opI32Const), int64(frame))
	return m.appendGlobal(append(out, opI32Add), opGlobalSet, m.depth())
}

// appendBulk appends a bulk operator with its length, the topmost operand,
// paid for first.
func (m *module) appendBulk(out []byte, length uint32, op []byte) []byte {
	out = binary.AppendUvarint(append(out, opLocalSet), uint64(length))
	out = m.appendGlobal(out, opGlobalGet, m.fuel())
	out = binary.AppendUvarint(append(out, opLocalGet), uint64(length))
	out = append(out, opI64ExtendU, opI64Const, bulkShift, opI64ShrU, opI64Sub)
	out = m.appendGlobal(out, opGlobalSet, m.fuel())
	out = m.appendFuelCheck(out)
	out = binary.AppendUvarint(append(out, opLocalGet), uint64(length))
	return append(out, op...)
}
