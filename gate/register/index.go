package register

import "encoding/binary"

// An index finds a unit by its digest: open addressing, by the digest's own
// first bytes, which are keyed and hence beyond an operator's choice. Units
// enter in the order of their numbers and leave in the opposite one, so that
// emptying a slot never breaks the chain of an older unit.
type index struct {
	slot []uint32 // unit + 1
	n    int
}

func newIndex() index { return index{slot: make([]uint32, 1<<10)} }

func (x *index) start(d *[16]byte) uint32 {
	return binary.LittleEndian.Uint32(d[4:]) & narrow[uint32](len(x.slot)-1)
}

// find returns the unit's number.
func (x *index) find(units [][16]byte, d *[16]byte) (uint32, bool) {
	for i := x.start(d); ; i = (i + 1) & narrow[uint32](len(x.slot)-1) {
		s := x.slot[i]
		if s == 0 {
			return 0, false
		}
		if units[s-1] == *d {
			return s - 1, true
		}
	}
}

// add enters the unit that is last in units.
func (x *index) add(units [][16]byte) {
	x.n++
	if 2*x.n > len(x.slot) {
		x.slot = make([]uint32, 4*len(x.slot))
		for u := range units {
			x.put(units, uint32(u))
		}
		return
	}
	x.put(units, narrow[uint32](len(units)-1))
}

func (x *index) put(units [][16]byte, u uint32) {
	i := x.start(&units[u])
	for x.slot[i] != 0 {
		i = (i + 1) & narrow[uint32](len(x.slot)-1)
	}
	x.slot[i] = u + 1
}

// drop takes out the unit that is last in units.
func (x *index) drop(units [][16]byte) {
	u := narrow[uint32](len(units) - 1)
	for i := x.start(&units[u]); ; i = (i + 1) & narrow[uint32](len(x.slot)-1) {
		if x.slot[i] == u+1 {
			x.slot[i] = 0
			x.n--
			return
		}
	}
}
