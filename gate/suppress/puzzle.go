package suppress

import (
	"cmp"
	"math/bits"
	"slices"
)

// A puzzle is a set of integer unknowns, each within bounds, and sums of them
// within bounds: what an attacker knows. It is solved by propagating bounds
// and halving ranges, in an order that depends on the puzzle alone, so that
// the same knowledge always ends in the same answer. Work is counted in looks
// at an unknown.
type puzzle struct {
	lo, hi []int64
	sums   []sum
	of     [][]int32 // by unknown: its sums
	work   int       // what is left

	queue  []int32
	queued []bool
	trail  []change
	found  []int64 // the last solution, by unknown
	any    bool    // whether there was one
	near   []int64 // where to look first, by unknown, in 1/one
	order  []int32 // of the unknowns
}

// A sum of unknowns, and what it may be.
type sum struct {
	of     []int32
	lo, hi int64
}

type change struct {
	at     int32
	lo, hi int64
}

// An answer says what became of a search.
type answer uint8

const (
	unknown answer = iota // out of work
	solved
	impossible
)

func newPuzzle(lo, hi []int64, sums []sum) *puzzle {
	p := &puzzle{lo: lo, hi: hi, of: make([][]int32, len(lo)), found: make([]int64, len(lo)), near: make([]int64, len(lo))}
	for _, s := range sums {
		p.add(s)
	}
	return p
}

func (p *puzzle) add(s sum) {
	for _, x := range s.of {
		p.of[x] = append(p.of[x], int32(len(p.sums))) //nolint:gosec // below maxEntries
	}
	p.sums = append(p.sums, s)
	p.queued = append(p.queued, false)
}

// drop takes the sum that was added last away.
func (p *puzzle) drop() {
	last := len(p.sums) - 1
	for _, x := range p.sums[last].of {
		p.of[x] = p.of[x][:len(p.of[x])-1]
	}
	p.sums, p.queued = p.sums[:last], p.queued[:last]
}

// narrow propagates all bounds once, for good. It reports whether a solution
// may be left.
func (p *puzzle) narrow() answer {
	for x := range p.lo {
		if p.lo[x] > p.hi[x] {
			return impossible
		}
	}
	for s := range p.sums {
		p.push(int32(s))
	}
	a := p.propagate()
	p.trail = p.trail[:0]
	return a
}

func (p *puzzle) push(s int32) {
	if !p.queued[s] {
		p.queued[s] = true
		p.queue = append(p.queue, s)
	}
}

func (p *puzzle) set(x int32, lo, hi int64) {
	p.trail = append(p.trail, change{x, p.lo[x], p.hi[x]})
	p.lo[x], p.hi[x] = lo, hi
	for _, s := range p.of[x] {
		p.push(s)
	}
}

func (p *puzzle) undo(mark int) {
	for i := len(p.trail) - 1; i >= mark; i-- {
		c := p.trail[i]
		p.lo[c.at], p.hi[c.at] = c.lo, c.hi
	}
	p.trail = p.trail[:mark]
}

// propagate narrows bounds until no sum narrows any: solved means that they
// are consistent, not that there is a solution.
func (p *puzzle) propagate() answer {
	a := solved
	for len(p.queue) > 0 {
		s := p.queue[len(p.queue)-1]
		p.queue = p.queue[:len(p.queue)-1]
		p.queued[s] = false
		if a != solved {
			continue // empty the queue
		}
		p.work -= len(p.sums[s].of) + 1
		if p.work < 0 {
			a = unknown
		} else if !p.tighten(p.sums[s]) {
			a = impossible
		}
	}
	return a
}

func (p *puzzle) tighten(s sum) bool {
	var least, most int64
	for _, x := range s.of {
		least += p.lo[x]
		most += p.hi[x]
	}
	if least > s.hi || most < s.lo {
		return false
	}
	if least >= s.lo && most <= s.hi {
		return true
	}
	for _, x := range s.of {
		lo := max(p.lo[x], s.lo-(most-p.hi[x]))
		hi := min(p.hi[x], s.hi-(least-p.lo[x]))
		if lo > hi {
			return false
		}
		if lo != p.lo[x] || hi != p.hi[x] {
			least += lo - p.lo[x]
			most += hi - p.hi[x]
			p.set(x, lo, hi)
		}
	}
	return true
}

// solve looks for a solution with the sum more besides (nil for none), near
// the last one found or towards the upper bounds if high is set, with at most
// work steps.
func (p *puzzle) solve(more *sum, high bool, work int) answer {
	mark := len(p.trail)
	if more != nil {
		p.add(*more)
		p.push(int32(len(p.sums) - 1)) //nolint:gosec // below maxEntries
	}
	kept := max(p.work-work, 0)
	p.work -= kept
	a := p.propagate()
	if a == solved {
		p.relax(high)
		p.arrange()
		a = p.branch(0)
	}
	p.work = max(p.work, 0) + kept
	p.undo(mark)
	if more != nil {
		p.drop()
	}
	return a
}

// A fraction of a unit, in the relaxed solution.
const (
	one    = 1 << 6
	sweeps = 64
)

// relax leaves in near a point within all bounds that keeps the sums roughly,
// without caring for whole numbers: a start, and no more than that. It
// projects the last solution, or the middle of the bounds, on one sum after
// the other.
func (p *puzzle) relax(high bool) {
	for x := range p.near {
		y := p.lo[x] + (p.hi[x]-p.lo[x])/2
		switch {
		case p.any:
			y = min(max(p.found[x], p.lo[x]), p.hi[x])
		case high:
			y = p.hi[x]
		}
		p.near[x] = y * one
	}
	for range sweeps {
		off := int64(0)
		for _, s := range p.sums {
			off = max(off, p.project(s))
			p.work -= len(s.of)
		}
		if off < one/8 || p.work < 0 {
			return
		}
	}
}

// project moves the unknowns of a sum within their bounds, each in proportion
// to its room, until the sum is right; it returns how far it was off.
func (p *puzzle) project(s sum) int64 {
	var is, down, up int64 // below 2^45 * 2^6 * 2^16 only by virtue of maxRelaxed
	for _, x := range s.of {
		y := p.near[x]
		is += y
		down += y - p.lo[x]*one
		up += p.hi[x]*one - y
	}
	switch {
	case is > s.hi*one && down > 0:
		by := min(is-s.hi*one, down)
		for _, x := range s.of {
			p.near[x] -= share(by, p.near[x]-p.lo[x]*one, down)
		}
		return by
	case s.lo > 0 && is < s.lo*one && up > 0:
		by := min(s.lo*one-is, up)
		for _, x := range s.of {
			p.near[x] += share(by, p.hi[x]*one-p.near[x], up)
		}
		return by
	}
	return 0
}

// share is by*room/all, rounded down, for 0 <= by, room <= all.
func share(by, room, all int64) int64 {
	hi, lo := bits.Mul64(uint64(by), uint64(room)) //nolint:gosec // not negative
	q, _ := bits.Div64(hi, lo, uint64(all))        //nolint:gosec // room <= all
	return int64(q)                                //nolint:gosec // at most by
}

// arrange orders the unknowns, narrow ranges first.
func (p *puzzle) arrange() {
	p.order = p.order[:0]
	for x := range p.lo {
		if p.hi[x] > p.lo[x] {
			p.order = append(p.order, int32(x))
		}
	}
	slices.SortStableFunc(p.order, func(a, b int32) int { return cmp.Compare(p.hi[a]-p.lo[a], p.hi[b]-p.lo[b]) })
}

// branch tries the relaxed value of the next unknown that is not settled, then
// what is below it and above it, and leaves a solution in found.
func (p *puzzle) branch(from int) answer {
	for from < len(p.order) && p.lo[p.order[from]] == p.hi[p.order[from]] {
		from++
	}
	if from == len(p.order) {
		copy(p.found, p.lo)
		p.any = true
		return solved
	}
	if p.work--; p.work < 0 {
		return unknown
	}
	x := p.order[from]
	lo, hi := p.lo[x], p.hi[x]
	at := min(max((p.near[x]+one/2)/one, lo), hi)
	tries := [3][2]int64{{at, at}, {lo, at - 1}, {at + 1, hi}}
	if p.near[x] > at*one {
		tries[1], tries[2] = tries[2], tries[1]
	}
	for _, h := range tries {
		if h[0] > h[1] {
			continue
		}
		mark := len(p.trail)
		p.set(x, h[0], h[1])
		a := p.propagate()
		if a == solved {
			a = p.branch(from)
		}
		p.undo(mark)
		if a != impossible {
			return a
		}
	}
	return impossible
}

// each calls f with every solution until f returns false, and reports whether
// all were seen.
func (p *puzzle) each(f func(found []int64) bool) bool {
	x := -1
	for i := range p.lo {
		if p.hi[i] > p.lo[i] && (x < 0 || p.hi[i]-p.lo[i] < p.hi[x]-p.lo[x]) {
			x = i
		}
	}
	if p.work -= len(p.lo); p.work < 0 {
		return false
	}
	if x < 0 {
		return f(p.lo)
	}
	lo, hi := p.lo[x], p.hi[x]
	for v := lo; v <= hi; v++ {
		mark := len(p.trail)
		p.set(int32(x), v, v)
		a := p.propagate()
		whole := a == impossible || (a == solved && p.each(f))
		p.undo(mark)
		if !whole {
			return false
		}
	}
	return true
}
