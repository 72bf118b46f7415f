package admittest

import (
	"encoding/binary"
	"slices"
)

// A function's code under construction.
type function struct {
	*guest
	self   int
	typ    signature
	locals []byte
	labels []label // innermost last
	loops  int     // how many counters are in use
	out    []byte
}

// A label is what a branch to it takes along, and whether it leads back.
type label struct {
	types []byte
	back  bool
}

// Each function has counters for its loops behind its other locals.
const counters = 4

func (g *guest) function(self int) []byte {
	typ := g.types[g.funcs[self]]
	f := &function{guest: g, self: self, typ: typ, labels: []label{{types: typ.results}}}
	f.locals = append(append(f.locals, typ.params...), i32, i64, f32, f64)
	more := g.someTypes(4)
	f.locals = append(f.locals, more...)
	head := []byte{byte(4 + len(more) + 1), 1, i32, 1, i64, 1, f32, 1, f64}
	for _, t := range more {
		head = append(head, 1, t)
	}
	f.out = append(f.out, append(head, counters, i32)...)
	if self == funcMap {
		f.tell()
	}
	for f.budget > 40 {
		f.statement(4)
	}
	for _, t := range typ.results {
		f.expression(t, 3)
	}
	f.op(0x0b)
	return f.out
}

func (f *function) op(ops ...byte) { f.out = append(f.out, ops...) }

func (f *function) number(v int) { f.out = binary.AppendUvarint(f.out, uint64(v)) }

func (f *function) i32(v int) { f.out = signed(append(f.out, 0x41), int64(v)) }

// tell emits the state that a unit before could have left.
func (f *function) tell() {
	for i := range f.globals {
		f.emit(func() { f.bits(func() { f.op(0x23, byte(i)) }, f.globals[i]) })
	}
	f.emit(func() { f.op(0x3f, 0, 0xad) }) // memory.size
	for _, at := range []int{0, 16, 512, 1024, input, input + 64, mask, 0xfff8} {
		f.emit(func() {
			f.i32(at)
			f.op(0x29, 0, 0)
		})
	}
	if f.oneIn(2) { // memory.init, which traps once the segment is dropped
		f.i32(600)
		f.i32(3)
		f.i32(8)
		f.op(0xfc, 8, 1, 0)
	}
}

// emit hands over one record: a cell, and a value that code leaves as an i64.
func (f *function) emit(code func()) {
	f.i32(scratch)
	code()
	f.op(0x37, 3, 8) // i64.store offset=8
	f.i32(scratch)
	f.i32(1)
	f.op(0x10, funcEmit)
}

// bits leaves a value of the type as an i64, all its bits.
func (f *function) bits(code func(), typ byte) {
	code()
	switch typ {
	case i32:
		f.op(0xad)
	case f32:
		f.settle(f32)
		f.op(0xbc, 0xad)
	case f64:
		f.settle(f64)
		f.op(0xbd)
	}
}

// settle makes any NaN on the stack the canonical one, if the guest is to be
// blind to others.
func (f *function) settle(typ byte) {
	if !f.blind {
		return
	}
	at := byte(len(f.typ.params)) // of i32, i64, f32, f64
	switch typ {
	case f32:
		f.op(0x22, at+2, 0x43, 0, 0, 0xc0, 0x7f, 0x20, at+2, 0x20, at+2, 0x5b, 0x1b)
	case f64:
		f.op(0x22, at+3, 0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f, 0x20, at+3, 0x20, at+3, 0x61, 0x1b)
	}
}

// statement makes code that takes and leaves nothing.
func (f *function) statement(depth int) {
	f.budget--
	if depth == 0 || f.budget <= 0 {
		f.set()
		return
	}
	switch f.n(24) {
	case 0, 1, 2, 3:
		f.set()
	case 4, 5:
		f.setGlobal()
	case 6, 7, 8:
		f.store()
	case 9:
		f.choose(depth)
	case 10:
		f.block(depth)
	case 11, 12:
		f.loop(depth)
	case 13:
		f.branch(depth)
	case 14:
		f.branchTable(depth)
	case 15, 16:
		f.callForNothing()
	case 17:
		f.multiple(depth)
	case 18:
		f.bulk()
	case 19:
		f.expression(f.guest.typ(), 3)
		f.op(0x1a) // drop
	case 20, 21:
		t := f.guest.typ()
		f.emit(func() { f.bits(func() { f.expression(t, 3) }, t) })
	case 22:
		f.move()
	default:
		f.rare()
	}
}

func (f *function) set() {
	i := f.n(len(f.locals))
	f.expression(f.locals[i], 3)
	f.op(0x21)
	f.number(i)
}

func (f *function) setGlobal() {
	i := f.n(len(f.globals))
	f.expression(f.globals[i], 3)
	f.op(0x24, byte(i))
}

// offset is that of a load or store: seldom such that it is beyond a page.
func (f *function) offset() int {
	if f.oneIn(128) {
		return f.n(256) << 8
	}
	return f.n(256) * f.n(128)
}

// address leaves an address, mostly within the first page.
func (f *function) address() {
	f.expression(i32, 1)
	if !f.oneIn(128) {
		f.i32(mask)
		f.op(0x71)
	}
}

func (f *function) store() {
	op := f.n(9)
	typ := [...]byte{i32, i64, f32, f64, i32, i32, i64, i64, i64}[op]
	f.address()
	f.expression(typ, 3)
	f.settle(typ)
	f.op(0x36+byte(op), 0)
	f.number(f.offset())
}

// move takes a float's bits from one place to another, untouched.
func (f *function) move() {
	t := byte(f32 - f.n(2))
	f.address()
	f.exact(t, 2)
	f.op(0x38+f32-t, 0)
	f.number(f.n(256))
}

func (f *function) choose(depth int) {
	f.expression(i32, 2)
	f.op(0x04, none)
	f.inside(label{}, func() { f.statement(depth - 1) })
	if f.oneIn(2) {
		f.op(0x05)
		f.inside(label{}, func() { f.statement(depth - 1) })
	}
	f.op(0x0b)
}

// inside makes code within a block of this label.
func (f *function) inside(to label, code func()) {
	f.labels = append(f.labels, to)
	code()
	f.labels = f.labels[:len(f.labels)-1]
}

func (f *function) block(depth int) {
	f.op(0x02, none)
	f.inside(label{}, func() {
		for range 1 + f.n(3) {
			f.statement(depth - 1)
		}
	})
	f.op(0x0b)
}

// loop makes a loop that mostly ends by a counter of its own, and seldom never.
func (f *function) loop(depth int) {
	if f.loops == counters {
		f.set()
		return
	}
	counter := len(f.locals) + f.loops
	f.loops++
	f.i32(1 + f.n(24))
	f.op(0x21)
	f.number(counter)
	f.op(0x03, none)
	f.inside(label{back: true}, func() {
		for range 1 + f.n(3) {
			f.statement(depth - 1)
		}
		f.op(0x20)
		f.number(counter)
		f.i32(1)
		f.op(0x6b, 0x22)
		f.number(counter)
		if f.oneIn(24) {
			f.op(0x1a)
			f.expression(i32, 1)
		}
		f.op(0x0d, 0)
	})
	f.op(0x0b)
	f.loops--
}

// target returns a label that a branch may name; seldom one that leads back,
// which nothing would count.
func (f *function) target() int {
	to := f.n(len(f.labels))
	for to < len(f.labels)-1 && f.labels[len(f.labels)-1-to].back && !f.oneIn(16) {
		to++
	}
	return to
}

// branch makes br or br_if to a label, with what it takes along. One that is
// sure to be taken has dead code behind it.
func (f *function) branch(depth int) {
	to := f.target()
	types := f.labels[len(f.labels)-1-to].types
	for _, t := range types {
		f.expression(t, 2)
	}
	if f.oneIn(4) {
		f.op(0x02, none) // so that what follows the block is reached
		f.op(0x0b)
	}
	f.expression(i32, 2)
	if f.oneIn(8) {
		f.op(0x04, none)
		f.inside(label{}, func() {
			for _, t := range types {
				f.expression(t, 1)
			}
			f.op(0x0c)
			f.number(to + 1)
			f.statement(depth - 1) // dead
		})
		f.op(0x0b)
	} else {
		f.op(0x0d)
		f.number(to)
	}
	for range types {
		f.op(0x1a)
	}
}

// branchTable makes a block within a block, and a table of branches to labels
// that take nothing along.
func (f *function) branchTable(depth int) {
	f.op(0x02, none, 0x02, none)
	f.inside(label{}, func() {
		f.inside(label{}, func() {
			f.expression(i32, 2)
			n := f.n(6)
			f.op(0x0e, byte(n))
			for range n + 1 {
				to := f.target()
				if len(f.labels[len(f.labels)-1-to].types) > 0 {
					to = f.n(2)
				}
				f.number(to)
			}
			if f.oneIn(2) {
				f.statement(depth - 1) // dead
			}
		})
		f.op(0x0b)
		f.statement(depth - 1)
	})
	f.op(0x0b)
}

// multiple makes a block that takes and leaves several values.
func (f *function) multiple(depth int) {
	i := typFixed + f.n(len(f.types)-typFixed)
	t := f.types[i]
	for _, p := range t.params {
		f.expression(p, 2)
	}
	code, to := byte(0x02), label{types: t.results}
	if f.oneIn(4) {
		code, to = 0x03, label{t.params, true}
	}
	f.op(code)
	f.out = signed(f.out, int64(i))
	f.inside(to, func() {
		f.forget(t.params)
		f.statement(depth - 1)
		for _, r := range t.results {
			f.expression(r, 2)
		}
		if code == 0x02 && f.oneIn(2) {
			f.expression(i32, 2)
			f.op(0x0d, 0)
		}
	})
	f.op(0x0b)
	f.forget(t.results)
}

// forget takes values off the stack, into locals where it can.
func (f *function) forget(types []byte) {
	for _, t := range slices.Backward(types) {
		if f.oneIn(2) {
			f.op(0x21, byte(len(f.typ.params))+i32-t)
		} else {
			f.op(0x1a)
		}
	}
}

func (f *function) callForNothing() {
	if f.self == len(f.funcs)-1 && !f.oneIn(12) {
		f.set()
		return
	}
	t := f.call()
	f.forget(t.results)
}

// callee is mostly a later function, so that calls end.
func (f *function) callee() int {
	from := funcFixed
	if f.self+1 < len(f.funcs) && !f.oneIn(24) {
		from = max(from, f.self+1)
	}
	return from + f.n(len(f.funcs)-from)
}

// call makes a call of any function but the import, direct or by the table.
func (f *function) call() signature {
	fn := f.callee()
	t := f.types[f.funcs[fn]]
	for _, p := range t.params {
		f.expression(p, 2)
	}
	if at := f.inTable(fn); f.oneIn(2) && at > 0 {
		if f.i32(at); f.oneIn(32) {
			f.expression(i32, 1)
			f.i32(tableSize - 1)
			f.op(0x71, 0x6a) // and, add: any element, or none
		}
		f.op(0x11)
		f.number(f.funcs[fn])
		f.op(0)
	} else {
		f.op(0x10)
		f.number(fn)
	}
	return t
}

// inTable returns where the function is in the table, or 0.
func (f *function) inTable(fn int) int {
	for i, e := range f.table {
		if int(e) == fn {
			return i + 1
		}
	}
	return 0
}

func (f *function) bulk() {
	op := f.n(3)
	f.address()
	switch op {
	case 0:
		f.i32(f.n(len(segment) - 14))
		f.i32(f.n(16))
		f.op(0xfc, 8, 1, 0) // memory.init
	case 1:
		f.address()
		f.i32(f.n(256) * 8)
		f.op(0xfc, 10, 0, 0) // memory.copy
	default:
		f.expression(i32, 1)
		f.i32(f.n(256) * 8)
		f.op(0xfc, 11, 0) // memory.fill
	}
}

func (f *function) rare() {
	switch f.n(6) {
	case 0:
		f.op(0xfc, 9, 1) // data.drop
	case 1, 2, 3:
		f.i32(f.n(3))
		f.op(0x40, 0, 0x1a) // memory.grow
	case 4:
		for _, t := range f.typ.results {
			f.expression(t, 2)
		}
		if f.oneIn(2) {
			f.op(0x0f)
		} else {
			f.forget(f.typ.results)
		}
	default:
		f.expression(i32, 2)
		f.i32(7)
		f.op(0x71, 0x45, 0x04, none, 0x00, 0x0b) // and 7, eqz, if unreachable end
	}
}
