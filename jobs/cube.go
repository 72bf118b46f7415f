package jobs

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
)

// A Cube holds the integers of a shape: for each measure of Shape.All, one
// value a cell. Only a host makes one.
type Cube struct {
	Shape  Shape
	Values []int64
	pairs  int
	units  int64
	tally  tally
	watch  func(Contribution)
	said   Contribution
}

// A Contribution is what one unit of a visit came to in one cell, as the host
// bounded it.
type Contribution struct {
	Unit   int // of the visit
	Cell   uint32
	Values []int64 // clipped totals, one for each of Shape.Measures
	Given  []bool  // whether the guest gave a value, if only 0
}

// Watch has fn see every contribution that is added from now on, before Add
// returns; what it points to is the cube's.
func (c *Cube) Watch(fn func(Contribution)) {
	n := len(c.Shape.Measures)
	c.watch, c.said = fn, Contribution{Values: make([]int64, n), Given: make([]bool, n)}
}

// NewCube is the empty cube of a checked shape, for units that may stand in
// pairs (domain, dataset) of the namespace.
func NewCube(s Shape, pairs int) *Cube {
	return &Cube{Shape: s, Values: make([]int64, s.Cells()*(1+len(s.Measures))), pairs: pairs}
}

// Sensitivity is how far the sum of such cubes over all pairs can move in
// measure m, an index into Shape.All, when a unit comes or goes.
func (c *Cube) Sensitivity(m int) Sensitivity { return c.Shape.Sensitivity(m, c.pairs) }

// Add adds one visit: what a guest emitted of units units, whatever that was,
// and whether the visit went well; if not, its records count for nothing (see
// Grouping). For each unit, or for the block, it adds per cell and measure in
// 128 bits, clips the totals to the measure's bounds, and keeps the first L0
// cells in ascending order. A record that names no cell, measure or unit of the
// visit is left out. A shape without measures only counts: there a record of
// measure 0 points at its cell.
//
// A visit has 1 unit where the shape has no batches, and at most Batch where it
// has; of a block the number is not looked at. An error leaves the cube as it
// was; it is of kind Exhausted when the cube would have more than MaxUnits.
func (c *Cube) Add(units int, ok bool, emits []abi.Emit) error {
	g := c.Shape.Grouping
	switch {
	case g.Blocks > 0:
		units = 1
	case units < 0 || units > max(g.Batch, 1) || g.Batch == 0 && units != 1:
		return fmt.Errorf("adding a visit of %d units: %w", units, fault.Invalid)
	}
	if c.units+int64(units) > MaxUnits {
		return fmt.Errorf("adding a visit: %w", fault.Exhausted)
	}
	c.units += int64(units)
	switch {
	case ok:
		c.add(units, emits)
	case g.Blocks > 0:
		c.addDefault()
	}
	return nil
}

func (c *Cube) add(units int, emits []abi.Emit) {
	cells, t := len(c.Values)/(1+len(c.Shape.Measures)), &c.tally
	if t.seen == nil {
		t.init(cells, len(c.Shape.Measures))
	}
	emits = t.byUnit(units, emits)
	for len(emits) > 0 {
		n := run(emits)
		if int(emits[0].Unit) < units {
			t.sum(emits[:n])
			c.addCells(cells, t.first(c.Shape.L0))
			if c.watch != nil {
				c.tell(int(emits[0].Unit), t.first(c.Shape.L0))
			}
		}
		emits = emits[n:]
	}
}

// addCells adds one unit's clipped totals in the given cells.
func (c *Cube) addCells(cells int, touched []uint32) {
	for _, cell := range touched {
		c.Values[cell]++
		totals := c.tally.of(cell)
		for m := range totals {
			measure := &c.Shape.Measures[m]
			c.Values[(1+m)*cells+int(cell)] += totals[m].clip(measure.Lo, measure.Hi)
		}
	}
}

// tell shows one unit's contributions to whoever watches.
func (c *Cube) tell(unit int, touched []uint32) {
	for _, cell := range touched {
		c.said.Unit, c.said.Cell = unit, cell
		for m, total := range c.tally.of(cell) {
			measure := &c.Shape.Measures[m]
			c.said.Values[m], c.said.Given[m] = total.clip(measure.Lo, measure.Hi), total.given
		}
		c.watch(c.said)
	}
}

// addDefault adds what a block that failed counts as.
func (c *Cube) addDefault() {
	cells := c.Shape.Cells()
	for cell := range cells {
		c.Values[cell]++
		for m, v := range c.Shape.Grouping.Default {
			c.Values[(1+m)*cells+cell] += v
		}
	}
}

// Merge adds another cube of the same shape.
func (c *Cube) Merge(o *Cube) error {
	if c.units+o.units > MaxUnits || len(c.Values) != len(o.Values) || c.pairs != o.pairs {
		return fmt.Errorf("merging cubes: %w", fault.Exhausted)
	}
	c.units += o.units
	for i, v := range o.Values {
		c.Values[i] += v
	}
	return nil
}

// Equal reports whether two cubes hold the same: what two engines must agree
// on.
func (c *Cube) Equal(o *Cube) bool {
	return c.units == o.units && c.pairs == o.pairs && slices.Equal(c.Values, o.Values)
}

// At returns the value of measure m (an index into Shape.All) in cell.
func (c *Cube) At(m, cell int) int64 { return c.Values[m*c.Shape.Cells()+cell] }

// Erase overwrites the values, and what is left of the last visits.
func (c *Cube) Erase() {
	clear(c.Values)
	clear(c.said.Values)
	c.units = 0
	c.tally.erase()
}
