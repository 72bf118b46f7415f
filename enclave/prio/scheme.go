package prio

import "math/bits"

// Sizes of the VDAF, in bytes.
const (
	seedSize = 32
	idSize   = 16
)

// sizes are the lengths in bytes of what the VDAF makes for one report. They
// follow from the parameters by draft-irtf-cfrg-vdaf-14, sections 7.2 to 7.4,
// and are reckoned here, so that nothing is parsed whose length was not known.
type sizes struct {
	public int    // joint randomness parts of both aggregators; 0 without
	input  [2]int // by role
	answer int    // a prep share
	output int    // an aggregate share
	random int    // what sharding draws
}

// elements is how many field elements encode a contribution.
func (p Params) elements() int {
	switch p.Kind {
	case Count:
		return 1
	case Sum:
		return 2 * bits.Len64(p.Max)
	case SumVec:
		return p.Length * p.Bits
	default:
		return p.Length
	}
}

// entries is how many numbers a sum has.
func (p Params) entries() int { return max(1, p.Length) }

// joint reports whether the kind's proof draws on joint randomness, and so works
// in the field of 128 bits.
func (p Params) joint() bool { return p.Kind == SumVec || p.Kind == Histogram }

func (p Params) sizes() sizes {
	field, arity, calls := 8, 1, p.elements() // Sum: one call of x*(x-1) for each element
	switch p.Kind {
	case Count:
		arity = 2 // one multiplication
	case SumVec, Histogram:
		field, arity, calls = 16, 2*p.Chunk, (p.elements()+p.Chunk-1)/p.Chunk
	default:
	}
	s := sizes{
		input:  [2]int{(p.elements() + arity + gadget(calls)) * field, seedSize},
		answer: (arity + 2) * field,
		output: p.entries() * field,
		random: 2 * seedSize,
	}
	if p.joint() {
		s.public, s.random = 2*seedSize, 4*seedSize
		s.input[0] += seedSize
		s.input[1] += seedSize
		s.answer += seedSize
	}
	return s
}

// gadget is the number of coefficients of the gadget's polynomial: every gadget
// here is of degree 2.
func gadget(calls int) int { return 2*(1<<bits.Len(uint(calls))) - 1 }

// Chunk is the chunk length that makes the proof over so many elements (Length
// of a histogram, Length times Bits of a SumVec) shortest, and of two such the
// one that is quicker to check. A task names its chunk length, so that nobody
// need reckon alike.
func Chunk(elements int) int {
	best, size := 1, 0
	for calls := 1; calls <= elements; calls = 2*calls + 1 { // a power of two less one wastes nothing
		chunk := (elements + calls - 1) / calls
		if n := 2*chunk + gadget((elements+chunk-1)/chunk); size == 0 || n < size {
			best, size = chunk, n
		}
	}
	return best
}

// jobBytes bounds what an aggregator holds of a list that it is working on.
const jobBytes = 64 << 20

// ReportLimit is the most bytes that a report of the task has.
func (t Task) ReportLimit() int {
	n := len(Report{}.head(begin(reportMark))) + t.public
	for _, plain := range t.input {
		n += 4 + plain + maxSeal
	}
	return n
}

// ListLimit is how many reports an aggregator takes in one list.
func (t Task) ListLimit() int {
	if t.p.Kind == 0 {
		return 0
	}
	return min(max(jobBytes/(t.input[0]+t.answer+t.output), 1), 1024)
}
