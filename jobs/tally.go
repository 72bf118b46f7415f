package jobs

import (
	"math"
	"math/bits"
	"slices"

	"github.com/yunei/yunei/jobs/abi"
)

// A total is a 128-bit two's complement sum. 2^63 values of 64 bits cannot
// overflow it.
type total struct {
	hi    int64
	lo    uint64
	given bool // a value was given, if only 0
}

func (t *total) add(v int64) {
	t.given = true
	lo, carry := bits.Add64(t.lo, uint64(v), 0) //nolint:gosec // two's complement
	t.lo = lo
	t.hi += v>>63 + int64(carry) //nolint:gosec // a carry is 0 or 1
}

func (t *total) clip(lo, hi int64) int64 {
	v := int64(t.lo) //nolint:gosec // two's complement
	if t.hi != v>>63 {
		v = math.MaxInt64
		if t.hi < 0 {
			v = math.MinInt64
		}
	}
	return min(max(v, lo), hi)
}

// A tally adds up what was said of one unit. It keeps its room from unit to
// unit and nothing else: a word of seen counts only if it is of this round.
type tally struct {
	measures int
	seen     []uint64   // for each cell: round, plus its place among touched
	round    uint64     // a multiple of MaxCells, another for each unit
	touched  []uint32   // cells, in the order of their places until first sorts them
	totals   []total    // for each place, one a measure
	ordered  []abi.Emit // of byUnit
	starts   []int      // of byUnit
}

func (t *tally) init(cells, measures int) {
	t.measures, t.seen = measures, make([]uint64, cells)
}

// sum adds the records of one unit.
func (t *tally) sum(emits []abi.Emit) {
	t.round += MaxCells
	t.touched, t.totals = t.touched[:0], t.totals[:0]
	seen, round, measures := t.seen, t.round, t.measures
	for i := range emits {
		e := &emits[i]
		if int(e.Cell) >= len(seen) || int(e.Measure) >= max(1, measures) {
			continue
		}
		if seen[e.Cell] < round {
			t.touch(e.Cell)
		}
		if measures > 0 {
			t.totals[int(seen[e.Cell]-round)*measures+int(e.Measure)].add(e.Value) //nolint:gosec // a place
		}
	}
}

// touch gives a cell its place, with totals of 0.
func (t *tally) touch(cell uint32) {
	t.seen[cell] = t.round + uint64(len(t.touched))
	t.touched = append(t.touched, cell)
	for range t.measures {
		t.totals = append(t.totals, total{})
	}
}

// of returns the totals of a cell that was touched in this round.
func (t *tally) of(cell uint32) []total {
	at := int(t.seen[cell]-t.round) * t.measures //nolint:gosec // a place
	return t.totals[at : at+t.measures]
}

// first returns the lowest n of the cells that were touched, if there are
// more, and all otherwise.
func (t *tally) first(n int) []uint32 {
	if len(t.touched) > n {
		slices.Sort(t.touched)
		return t.touched[:n]
	}
	return t.touched
}

// byUnit brings records into the order of their units, if they do not stand in
// it, in which no record names a unit beyond units.
func (t *tally) byUnit(units int, emits []abi.Emit) []abi.Emit {
	if inOrder(emits) {
		return emits
	}
	t.starts = append(t.starts[:0], make([]int, units+1)...)
	for i := range emits {
		if u := int(emits[i].Unit); u < units {
			t.starts[u+1]++
		}
	}
	for u := range units {
		t.starts[u+1] += t.starts[u]
	}
	n := t.starts[units]
	t.ordered = slices.Grow(t.ordered[:0], n)[:n]
	for i := range emits {
		if u := int(emits[i].Unit); u < units {
			t.ordered[t.starts[u]] = emits[i]
			t.starts[u]++
		}
	}
	return t.ordered
}

func inOrder(emits []abi.Emit) bool {
	for i := 1; i < len(emits); i++ {
		if emits[i].Unit < emits[i-1].Unit {
			return false
		}
	}
	return true
}

// run is the number of records at the start that name the same unit.
func run(emits []abi.Emit) int {
	for i := range emits {
		if emits[i].Unit != emits[0].Unit {
			return i
		}
	}
	return len(emits)
}

func (t *tally) erase() {
	clear(t.seen)
	clear(t.touched[:cap(t.touched)])
	clear(t.totals[:cap(t.totals)])
	clear(t.ordered[:cap(t.ordered)])
	t.round = 0
}
