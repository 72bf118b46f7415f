package admit

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Our locals, by their place behind the guest's.
const (
	ourFuel   = iota // i64: the fuel, while the function runs
	ourDepth         // i32: the depth left to those it calls
	ourLength        // i32: the length of a bulk operator, the pages of a growth
	ourF32           // the scratch of canonicalisation
	ourF64
	ourLocals
)

// ourGroups declares them.
var ourGroups = [ourLocals]byte{ourFuel: i64, ourDepth: i32, ourLength: i32, ourF32: f32, ourF64: f64}

// An item is one operator of a run, with what stands in its place.
type item struct {
	ops []byte
	nan byte // the float type, while it may have made a NaN whose bits are seen; or 0
}

// A body is one function, being rewritten. What follows its locals is written
// run by run: a run is a stretch of operators that one debit pays for, up to
// the next place where paths part or meet.
type body struct {
	m        *module
	typ      signature
	exported bool
	groups   []byte // the declarations of its locals
	count    uint32 // of such declarations
	locals   []byte // types of parameters and locals
	stack    stack
	out      []byte

	calls     bool // of functions of the guest's
	joins     int  // places where paths part or meet
	operators int
	nans      int // canonicalisations

	run   int // how many there were before
	items []item
	fuel  int64
	check bool // trap here if the fuel is gone
	dead  int  // blocks opened where nothing is reached
}

// meter returns the code section, metered.
func (m *module) meter() ([]byte, error) {
	if len(m.bodies) == 0 {
		return nil, nil
	}
	out := binary.AppendUvarint(nil, uint64(len(m.bodies)))
	for i, code := range m.bodies {
		f := m.imported + i
		metered, err := m.rewriteBody(code, m.types[m.funcs[f]], m.called[f])
		if err != nil {
			return nil, err
		}
		out = binary.AppendUvarint(out, uint64(len(metered)))
		if out = append(out, metered...); len(out) > maxAdmitted {
			return nil, refuse("more than %d bytes once metered", maxAdmitted)
		}
	}
	return out, nil
}

// rewriteBody returns a function, metered.
func (m *module) rewriteBody(code []byte, typ signature, exported bool) ([]byte, error) {
	d := &decoder{b: code}
	b := &body{m: m, typ: typ, exported: exported}
	b.stack = stack{d: d, consume: b.consume, open: []nest{{typ: typ}}}
	b.readLocals(d)
	b.check = true
	b.fuel = int64(len(b.locals) / slotsPerFuel)
	for d.err == nil && len(b.stack.open) > 0 {
		start := d.at
		o := m.next(d, b.locals)
		if d.err == nil {
			b.operator(&o, code[start:d.at])
		}
	}
	if d.err == nil && d.at != len(d.b) {
		d.fail("code behind the end of a function")
	}
	if d.err != nil {
		return nil, d.err
	}
	return b.finish()
}

// readLocals reads the declarations of locals.
func (b *body) readLocals(d *decoder) {
	b.locals = bytes.Clone(b.typ.params)
	n := d.count(maxFrame)
	first := d.at
	for range n {
		count, t := d.u32(), d.byte()
		if t < f64 || t > i32 {
			d.fail("a local of type %#x", t)
		}
		if int64(count) > int64(maxFrame-len(b.locals)) {
			d.fail("more than %d locals", maxFrame)
			return
		}
		b.locals = append(b.locals, bytes.Repeat([]byte{t}, int(count))...)
	}
	b.groups, b.count = d.b[first:d.at], uint32(n) //nolint:gosec // at most maxFrame
}

// operator checks one operator, and adds it to the run if it is reached.
func (b *body) operator(o *operator, raw []byte) {
	if b.stack.top().dead && !b.revives(o) {
		return
	}
	depth := len(b.stack.open) - 1 // before an end takes one away
	b.stack.apply(o)
	if b.stack.d.err != nil {
		return
	}
	if o.makesNaN() {
		b.stack.slots[len(b.stack.slots)-1] = slot{o.out[0], b.run, len(b.items)}
		b.items = append(b.items, item{ops: raw, nan: o.out[0]})
	} else {
		b.items = append(b.items, item{ops: b.replace(o, raw, depth)})
	}
	b.fuel += price(o)
	b.joins += parts(o)
	b.operators++
	switch o.code {
	case opLoop, opIf, opElse, opEnd:
		b.flush(o.code == opLoop)
	}
}

// parts returns how many places where paths part or meet an operator makes.
func parts(o *operator) int {
	switch o.code {
	case opLoop:
		return loopWeight
	case opBlock, opIf, opElse, opEnd:
		return 1
	}
	return len(o.labels)
}

// revives reports whether the operator, in code that is not reached, is the
// else or end that paths meet at again.
func (b *body) revives(o *operator) bool {
	switch o.code {
	case opBlock, opLoop, opIf:
		if b.dead++; b.dead > maxNesting {
			b.stack.d.fail("more than %d blocks within blocks", maxNesting)
		}
	case opElse:
		return b.dead == 0
	case opEnd:
		if b.dead == 0 {
			return true
		}
		b.dead--
	}
	return false
}

// consume is called for each operand that is taken off the stack. A NaN made in
// this run, for which there is no use but this one, need not be settled.
func (b *body) consume(o slot, blind bool) {
	if blind && o.run == b.run {
		b.items[o.item].nan = 0
	}
}

func price(o *operator) int64 {
	switch {
	case o.code == opElse, o.code == opEnd:
		return 0
	case o.host:
		return hostCallFuel
	case o.code == opCall, o.code == opCallIndirect:
		return 1 + int64((len(o.in)+len(o.out))/slotsPerFuel)
	case o.code == opMemoryGrow:
		return growFuel
	}
	return 1
}

// replace returns what stands for an operator in the admitted form.
func (b *body) replace(o *operator, raw []byte, depth int) []byte {
	switch {
	case (o.code == opCall && !o.host) || o.code == opCallIndirect:
		b.calls = true
		return b.call(raw)
	case o.code == opReturn:
		return binary.AppendUvarint([]byte{opBr}, uint64(depth)) //nolint:gosec // at most maxNesting
	case o.code == opMemoryGrow:
		return b.grow(raw)
	case o.code == opPrefix && o.sub == opDataDrop:
		return append(b.mark(nil, DirtyGuest), raw...)
	case o.bulk():
		return b.bulk(raw)
	}
	return raw
}

// flush ends a run: its debit goes first, and its NaNs are settled, but for
// those that went where nobody sees their bits. A loop pays at least one, so that no way round it
// is free; check belongs to the run that begins.
func (b *body) flush(check bool) {
	if b.check {
		b.fuel = max(b.fuel, 1)
	}
	if b.fuel > 0 {
		b.out = b.local(b.out, opLocalGet, ourFuel)
		b.out = appendSigned(append(b.out, opI64Const), b.fuel)
		b.out = b.local(append(b.out, opI64Sub), opLocalSet, ourFuel)
		if b.check {
			b.out = b.fuelCheck(b.out)
		}
	}
	for _, i := range b.items {
		b.out = append(b.out, i.ops...)
		if i.nan != 0 {
			b.out = b.canonical(b.out, i.nan)
		}
	}
	b.items, b.fuel, b.check = b.items[:0], 0, check
	b.run++
}

// finish puts the parts together: entry, the guest's code as a block, so that
// there is one way out, and exit.
func (b *body) finish() ([]byte, error) {
	values := len(b.locals) + b.stack.highest
	frame := frameFixed + values
	spread := b.joins * max(values+ourLocals, leastValues)
	if b.m.spread += spread; frame > maxFrame || spread > maxSpread || b.m.spread > maxSpreads {
		return nil, refuse("a function of %d places where paths meet and %d values, %d in all", b.joins, values, b.m.spread)
	}
	// A compiler keeps what lives across a call in the machine's frame, and so
	// the operands of past operators and the values that meet. Were they not
	// charged, the smaller of two engines' stacks would end before the depth
	// does, and the engines would differ.
	frame += b.operators/operatorsSlot + spread/spreadSlot
	ours := ourF32
	if b.nans > 0 {
		ours = ourLocals
	}
	out := binary.AppendUvarint(make([]byte, 0, len(b.out)+len(b.groups)+64), uint64(b.count)+uint64(ours))
	out = append(out, b.groups...)
	for _, t := range ourGroups[:ours] {
		out = append(out, 1, t)
	}
	out = b.local(b.m.appendGlobal(out, opGlobalGet, b.m.fuel()), opLocalSet, ourFuel)
	if b.calls {
		out = b.enter(out, frame)
	}
	out = append(append(out, opBlock), b.m.resultType(b.typ.results)...)
	out = append(out, b.out...) // and the end of the block with it
	out = b.m.appendGlobal(b.local(out, opLocalGet, ourFuel), opGlobalSet, b.m.fuel())
	if b.calls && b.exported {
		out = b.local(out, opLocalGet, ourDepth)
		out = append(appendSigned(append(out, opI32Const), int64(frame)), opI32Add)
		out = b.m.appendGlobal(out, opGlobalSet, b.m.depth())
	}
	return append(out, opEnd), nil
}

// enter takes the function's frame off what its caller has left, and traps if
// there is less; it leaves word of it for the host, as fuelCheck does.
func (b *body) enter(out []byte, frame int) []byte {
	out = b.m.appendGlobal(out, opGlobalGet, b.m.depth())
	out = appendSigned(append(out, opI32Const), int64(frame))
	out = b.local(append(out, opI32Sub), opLocalTee, ourDepth)
	out = b.local(append(out, opI32Const, 0, opI32LtS, opIf, emptyBlock), opLocalGet, ourDepth)
	return append(b.m.appendGlobal(out, opGlobalSet, b.m.depth()), opUnreachable, opEnd)
}

// call hands fuel and depth to the function called, and takes the fuel back.
func (b *body) call(raw []byte) []byte {
	out := b.m.appendGlobal(b.local(nil, opLocalGet, ourFuel), opGlobalSet, b.m.fuel())
	out = b.m.appendGlobal(b.local(out, opLocalGet, ourDepth), opGlobalSet, b.m.depth())
	out = append(out, raw...)
	return b.local(b.m.appendGlobal(out, opGlobalGet, b.m.fuel()), opLocalSet, ourFuel)
}

// fuelCheck traps without fuel, and leaves word of it for the host.
func (b *body) fuelCheck(out []byte) []byte {
	b.joins += 2
	out = b.local(out, opLocalGet, ourFuel)
	out = b.local(append(out, opI64Const, 0, opI64LtS, opIf, emptyBlock), opLocalGet, ourFuel)
	out = b.m.appendGlobal(out, opGlobalSet, b.m.fuel())
	return append(out, opUnreachable, opEnd)
}

// bulk pays for the length, the topmost operand, first.
func (b *body) bulk(raw []byte) []byte {
	return append(b.payLength(nil, opI64ShrU, bulkShift), raw...)
}

// payLength debits our length, shifted.
func (b *body) payLength(out []byte, shift, by byte) []byte {
	out = b.local(b.local(out, opLocalSet, ourLength), opLocalGet, ourFuel)
	out = b.local(out, opLocalGet, ourLength)
	out = append(out, opI64ExtendU, opI64Const, by, shift, opI64Sub)
	out = b.fuelCheck(b.local(out, opLocalSet, ourFuel))
	return b.local(out, opLocalGet, ourLength)
}

// grow answers -1 beyond the maximum without asking the engine. Within it the
// pages are paid for; if the engine has none all the same, the machine's lack
// is marked and the unit stopped, so that no guest can see it.
func (b *body) grow(raw []byte) []byte {
	b.joins += 5
	out := b.local(nil, opLocalTee, ourLength)
	out = appendSigned(append(out, opI32Const), int64(b.m.memory.max))
	out = append(out, opMemorySize, 0, opI32Sub, opI32LeU, opIf, i32)
	out = b.local(out, opLocalGet, ourLength)
	out = append(b.payLength(out, opI64Shl, pageShift), raw...)
	out = append(b.local(out, opLocalTee, ourLength), opI32Const, 0x7f, opI32Eq, opIf, emptyBlock)
	out = append(b.mark(out, DirtyMachine), opUnreachable, opEnd)
	return append(b.local(out, opLocalGet, ourLength), opElse, opI32Const, 0x7f, opEnd)
}

func (b *body) mark(out []byte, v byte) []byte {
	b.m.marked = true
	return b.m.appendGlobal(append(out, opI32Const, v), opGlobalSet, b.m.dirty())
}

// canonical puts the one NaN in the place of any other. To branch around it is
// what costs least as long as blocks are few; x >= x, other than x == x, is one
// condition to a machine.
func (b *body) canonical(out []byte, typ byte) []byte {
	ours, nan, ge := ourF64, []byte{opF64Const, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f}, byte(opF64Ge)
	if typ == f32 {
		ours, nan, ge = ourF32, []byte{opF32Const, 0, 0, 0xc0, 0x7f}, opF32Ge
	}
	if b.nans++; b.nans > maxCheckedNaN {
		out = append(b.local(out, opLocalTee, ours), nan...)
		return append(b.local(b.local(out, opLocalGet, ours), opLocalGet, ours), ge, opSelect)
	}
	b.joins += 3
	out = append(b.local(out, opLocalSet, ours), opBlock, emptyBlock)
	out = b.local(b.local(out, opLocalGet, ours), opLocalGet, ours)
	out = append(append(out, ge, opBrIf, 0), nan...)
	return b.local(append(b.local(out, opLocalSet, ours), opEnd), opLocalGet, ours)
}

// local appends an operator on a local of ours.
func (b *body) local(out []byte, op byte, ours int) []byte {
	return binary.AppendUvarint(append(out, op), uint64(len(b.locals)+ours)) //nolint:gosec // at most maxFrame and a few
}

// resultType writes the type of a block that takes nothing and leaves results.
func (m *module) resultType(results []byte) []byte {
	switch len(results) {
	case 0:
		return []byte{emptyBlock}
	case 1:
		return results
	}
	want := signature{results: results}.key()
	i, ok := m.blocks[want]
	if !ok {
		if i = slices.IndexFunc(m.types, func(t signature) bool { return t.key() == want }); i < 0 {
			i = len(m.types) + len(m.added)
			m.added = append(m.added, results)
		}
		m.blocks[want] = i
	}
	return appendSigned(nil, int64(i))
}

func (m *module) appendGlobal(out []byte, op byte, index uint32) []byte {
	return binary.AppendUvarint(append(out, op), uint64(index))
}
