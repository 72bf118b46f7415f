package admit

import "bytes"

// A slot is one operand on the stack: its type and, if the operator that left
// it may have made a NaN and stands in the run at hand, its place there.
type slot struct {
	typ       byte
	run, item int
}

// A nest is one open block, or the function itself.
type nest struct {
	code byte
	typ  signature
	base int  // operands below it
	dead bool // what follows in it is not reached
}

// label returns what a branch to the block takes along.
func (n *nest) label() []byte {
	if n.code == opLoop {
		return n.typ.params
	}
	return n.typ.results
}

// A stack checks the types of a function's code as the standard's appendix
// does, but for code that is not reached: that is left out of the admitted
// form, so that no operand's type is ever unknown.
type stack struct {
	d       *decoder
	slots   []slot
	open    []nest
	highest int // operands held at once
	consume func(o slot, blind bool)
}

func (s *stack) top() *nest { return &s.open[len(s.open)-1] }

func (s *stack) push(typ byte) {
	if len(s.slots) >= maxFrame {
		s.d.fail("more than %d operands", maxFrame)
		return
	}
	s.slots = append(s.slots, slot{typ: typ, run: -1})
	s.highest = max(s.highest, len(s.slots))
}

func (s *stack) pushAll(types []byte) {
	for _, t := range types {
		s.push(t)
	}
}

func (s *stack) popAny() slot {
	if len(s.slots) == s.top().base {
		s.d.fail("an operand is missing")
		return slot{run: -1}
	}
	o := s.slots[len(s.slots)-1]
	s.slots = s.slots[:len(s.slots)-1]
	return o
}

// pop takes operands of these types; who is blind does not look at a NaN's bits.
func (s *stack) pop(types string, blind bool) {
	for i := len(types) - 1; i >= 0 && s.d.err == nil; i-- {
		o := s.popAny()
		if o.typ != types[i] {
			s.d.fail("an operand of another type")
		}
		s.consume(o, blind)
	}
}

// enter opens a block, whose parameters are on the stack.
func (s *stack) enter(code byte, typ signature) {
	if len(s.open) > maxNesting {
		s.d.fail("more than %d blocks within blocks", maxNesting)
		return
	}
	if code == opIf {
		s.pop(i32s, false)
	}
	s.pop(string(typ.params), false)
	if s.d.err == nil {
		s.open = append(s.open, nest{code: code, typ: typ, base: len(s.slots)})
		s.pushAll(typ.params)
	}
}

// turn goes from if to else.
func (s *stack) turn() {
	top := s.top()
	s.leave()
	if top.code != opIf {
		s.d.fail("else without if")
	}
	top.code, top.dead = opElse, false
	s.pushAll(top.typ.params)
}

// close ends the innermost block.
func (s *stack) close() {
	top := *s.top()
	s.leave()
	if top.code == opIf && !bytes.Equal(top.typ.params, top.typ.results) {
		s.d.fail("if without the else that its type needs")
	}
	s.open = s.open[:len(s.open)-1]
	s.pushAll(top.typ.results)
}

// leave takes the results of the innermost block, and all that is in it.
func (s *stack) leave() {
	top := s.top()
	if !top.dead {
		s.pop(string(top.typ.results), false)
		if len(s.slots) != top.base {
			s.d.fail("operands are left at the end of a block")
		}
	}
	s.slots = s.slots[:min(len(s.slots), top.base)]
}

// branch checks a branch to any of the labels, which are of one type.
func (s *stack) branch(o *operator) {
	if o.code != opBr {
		s.pop(i32s, false)
	}
	var typ []byte
	for i, label := range o.labels {
		if int64(label) >= int64(len(s.open)) {
			s.d.fail("a branch to label %d", label)
			return
		}
		t := s.open[len(s.open)-1-int(label)].label()
		if i > 0 && !bytes.Equal(t, typ) {
			s.d.fail("branches of different types")
		}
		typ = t
	}
	s.pop(string(typ), false)
	s.pushAll(typ)
}

// apply checks one operator that is reached.
func (s *stack) apply(o *operator) {
	switch o.code {
	case opBlock, opLoop, opIf:
		s.enter(o.code, o.block)
	case opElse:
		s.turn()
	case opEnd:
		s.close()
	case opBr, opBrIf, opBrTable:
		s.branch(o)
	case opReturn:
		s.pop(string(s.open[0].typ.results), false)
	case opDrop:
		s.consume(s.popAny(), true)
	case opSelect:
		s.pop(i32s, false)
		b, a := s.popAny(), s.popAny()
		if a.typ != b.typ {
			s.d.fail("a choice between types")
		}
		s.consume(a, false)
		s.consume(b, false)
		s.push(a.typ)
	default:
		s.pop(o.in, o.blindToNaN())
		s.pushAll([]byte(o.out))
	}
	if s.d.err == nil && o.diverts() {
		s.top().dead = true
		s.slots = s.slots[:s.top().base]
	}
}
