package jobs

import (
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
)

// A Contribution is what one unit adds to a cube: at most L0 cells in
// ascending order, each with one clipped total a measure.
type Contribution []Entry

// An Entry is one unit's share of one cell.
type Entry struct {
	Cell   int
	Values []int64 // one for each of Shape.Measures, within its bounds
}

// Bound makes a unit's contribution of what its guest emitted, whatever that
// was. It adds per cell and measure in 128 bits, clips the totals to the
// measure's bounds, and keeps the first L0 cells in ascending order. A record
// that names no cell or no measure of the shape is left out. A shape without
// measures only counts: there a record of measure 0 points at its cell.
func (s Shape) Bound(emits []abi.Emit) Contribution {
	cells := uint32(s.Cells()) //nolint:gosec // at most MaxCells
	totals := map[uint32][]total{}
	for _, e := range emits {
		if e.Cell >= cells || int(e.Measure) >= max(1, len(s.Measures)) || e.Unit != 0 {
			continue
		}
		t := totals[e.Cell]
		if t == nil {
			t = make([]total, len(s.Measures))
			totals[e.Cell] = t
		}
		if len(t) > 0 {
			t[e.Measure].add(e.Value)
		}
	}
	touched := slices.Sorted(maps.Keys(totals))
	touched = touched[:min(len(touched), s.L0)]
	c := make(Contribution, len(touched))
	for i, cell := range touched {
		c[i] = Entry{int(cell), make([]int64, len(s.Measures))}
		for m, t := range totals[cell] {
			c[i].Values[m] = t.clip(s.Measures[m].Lo, s.Measures[m].Hi)
		}
	}
	return c
}

// A total is a 128-bit two's complement sum. MaxEmits values of 64 bits
// cannot overflow it.
type total struct {
	hi int64
	lo uint64
}

func (t *total) add(v int64) {
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

// A Cube holds the integers of a shape: for each measure of Shape.All, one
// value a cell. Only a host makes one.
type Cube struct {
	Shape  Shape
	Values []int64
	units  int64
}

// NewCube is the empty cube of a checked shape.
func NewCube(s Shape) *Cube {
	return &Cube{Shape: s, Values: make([]int64, s.Cells()*(1+len(s.Measures)))}
}

// Add adds one unit's contribution. A cube holds at most MaxUnits units.
func (c *Cube) Add(u Contribution) error {
	if c.units++; c.units > MaxUnits {
		return fmt.Errorf("adding a unit: %w", fault.Exhausted)
	}
	cells := c.Shape.Cells()
	for _, e := range u {
		c.Values[e.Cell]++
		for m, v := range e.Values {
			c.Values[(1+m)*cells+e.Cell] += v
		}
	}
	return nil
}

// Merge adds another cube of the same shape.
func (c *Cube) Merge(o *Cube) error {
	if c.units += o.units; c.units > MaxUnits || len(c.Values) != len(o.Values) {
		return fmt.Errorf("merging cubes: %w", fault.Exhausted)
	}
	for i, v := range o.Values {
		c.Values[i] += v
	}
	return nil
}

// At returns the value of measure m (an index into Shape.All) in cell.
func (c *Cube) At(m, cell int) int64 { return c.Values[m*c.Shape.Cells()+cell] }

// Small flags, one slot a cell, where the cube has units, but fewer than t: a
// domain's own judgement of its own units, which no other domain can lift
// (if every domain has none or at least t, so has the union,
// whatever the overlap).
func (c *Cube) Small(t int64) []int64 {
	flags := make([]int64, c.Shape.Cells())
	for cell := range flags {
		if n := c.At(0, cell); n > 0 && n < t {
			flags[cell] = 1
		}
	}
	return flags
}

// Erase overwrites the values.
func (c *Cube) Erase() {
	clear(c.Values)
	c.units = 0
}
