// Package evidence is what one domain knows of its own units and the rules
// judge: for every cell and measure how many units gave a value, the largest
// contributions, the sums, and whether the values differ. A Table takes one
// unit's totals at a time; Judge flags the items (cells and margins) that the
// checks C05 to C10 do not let out; Bytes is the spelling that a domain seals
// so that the judgement can be made again later (Rederive). The checks of a
// whole candidate that need shown values only are pure functions beside it
// (Class, Model, Ratio, Records and others): they return a Finding each.
//
// Evidence and verdict are kept apart: nothing in a Table depends on a
// parameter. Each domain judges its own units and nobody else's, so that no
// other domain can lift its thresholds; union.go says why the sum of the
// domains is then safe, and of which rules that is not true. The package
// trusts its caller that the contributions are one unit's, clipped, grouped to
// the holding that is protected, and each added once; it does not hide a
// second cell for the sake of a first (but for a line of its own table), knows
// no earlier release, and adds no noise. Evidence is exact: it stays in its
// domain, and no mode with differential privacy may decide by it.
package evidence

import (
	"fmt"
	"math"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/jobs"
)

// maxAdds is the most contributions of a table, so that no count of it leaves
// 32 bits.
const maxAdds = math.MaxUint32

// A Table is the evidence of one domain. It is not for concurrent use; a domain
// that works in shards merges one table a shard.
type Table struct {
	cells    int
	measures int
	margins  [][]int32 // the items after the base cells
	tables   []int     // first margin item of each margin table, and their number
	at       []int32   // base cell -> 1 + row, 0 is none
	rows     []row
	adds     uint64
}

// A row is the evidence of one base cell that a unit touched.
type row struct {
	units uint32
	stats []stat // a measure each
}

// New returns an empty table for items over base cells 0..cells-1: the base
// cells first, one each and in order, then the cells of each margin table, each
// table a partition of all base cells. Measures is the number of measures with
// values (the count of units, measure 0, is not one of them). An error is of
// kind Invalid.
func New(items [][]int32, cells, measures int) (*Table, error) {
	if cells < 1 || cells > jobs.MaxCells || measures < 0 || measures > jobs.MaxMeasures || len(items) < cells {
		return nil, fmt.Errorf("making evidence: %d items, %d cells, %d measures: %w", len(items), cells, measures, fault.Invalid)
	}
	for i, item := range items[:cells] {
		if len(item) != 1 || int(item[0]) != i {
			return nil, fmt.Errorf("making evidence: item %d is not base cell %d: %w", i, i, fault.Invalid)
		}
	}
	t := &Table{cells: cells, measures: measures, at: make([]int32, cells)}
	for _, item := range items[cells:] {
		t.margins = append(t.margins, slices.Clone(item))
	}
	if err := t.divide(); err != nil {
		return nil, fmt.Errorf("making evidence: %w: %w", err, fault.Invalid)
	}
	return t, nil
}

// divide finds where one margin table ends and the next begins: each covers
// every base cell once.
func (t *Table) divide() error {
	t.tables = []int{0}
	seen := make([]int, t.cells) // number of the table that last had the cell
	covered := 0
	for i, item := range t.margins {
		last := int32(-1)
		for _, c := range item {
			if c <= last || int(c) >= t.cells || seen[c] == len(t.tables) {
				return fmt.Errorf("margin item %d is no part of a partition", i)
			}
			seen[c], last = len(t.tables), c
		}
		if len(item) == 0 {
			return fmt.Errorf("margin item %d is empty", i)
		}
		if covered += len(item); covered == t.cells {
			t.tables, covered = append(t.tables, i+1), 0
		}
	}
	if covered != 0 {
		return fmt.Errorf("the last margin table is not whole")
	}
	return nil
}

// Items is the number of items.
func (t *Table) Items() int { return t.cells + len(t.margins) }

// Measures is the number of measures with values.
func (t *Table) Measures() int { return t.measures }

// Add takes one unit's clipped totals in one base cell: for each measure (the
// first is measure 1) a value, and whether the unit gave one at all. A unit may
// be added once a cell. An error is of kind Invalid, and nothing was added.
func (t *Table) Add(cell uint32, values []int64, given []bool) error {
	if int64(cell) >= int64(t.cells) || len(values) != t.measures || len(given) != t.measures {
		return fmt.Errorf("adding a contribution: no cell %d, or %d values of %d: %w", cell, len(values), t.measures, fault.Invalid)
	}
	for m, v := range values {
		if given[m] && (v < -jobs.MaxBound || v > jobs.MaxBound) {
			return fmt.Errorf("adding a contribution: a value is beyond its bound: %w", fault.Invalid)
		}
	}
	if t.adds == maxAdds {
		return fmt.Errorf("adding a contribution: the table is full: %w", fault.Invalid)
	}
	t.adds++
	r := t.row(cell)
	r.units++
	for m, v := range values {
		if given[m] {
			r.stats[m].add(int32(v)) //nolint:gosec // within 2^30
		}
	}
	return nil
}

// row returns the row of a cell, made if need be.
func (t *Table) row(cell uint32) *row {
	if t.at[cell] == 0 {
		t.rows = append(t.rows, row{stats: make([]stat, t.measures)})
		t.at[cell] = int32(len(t.rows)) //nolint:gosec // at most MaxCells
	}
	return &t.rows[t.at[cell]-1]
}

// Merge adds what another table of the same shape holds: of other units, or of
// other cells of the same.
func (t *Table) Merge(o *Table) error {
	if !t.alike(o) {
		return fmt.Errorf("merging evidence: of another shape: %w", fault.Invalid)
	}
	if t.adds+o.adds > maxAdds {
		return fmt.Errorf("merging evidence: the table is full: %w", fault.Invalid)
	}
	t.adds += o.adds
	for c := range o.at {
		if o.at[c] == 0 {
			continue
		}
		from, into := o.rows[o.at[c]-1], t.row(uint32(c))
		into.units += from.units
		for m := range from.stats {
			into.stats[m].merge(&from.stats[m])
		}
	}
	return nil
}

// alike reports whether two tables have the same items and measures.
func (t *Table) alike(o *Table) bool {
	return t.cells == o.cells && t.measures == o.measures && slices.EqualFunc(t.margins, o.margins, slices.Equal)
}

// A tally is one value and how many units gave it.
type tally struct {
	value int32
	count uint32
}

// A stat is the evidence of one measure in one cell.
type stat struct {
	given, zeros uint32
	sum, abs     int64
	min, max     int32
	top          [params.MaxDominant]int32 // largest absolute values, largest first
	many         bool                      // more than MaxApart different values; then values is nil
	values       []tally
}

func (s *stat) add(v int32) { s.repeat(tally{v, 1}) }

// repeat adds one value as many times as it was given.
func (s *stat) repeat(x tally) {
	v, n := x.value, int64(x.count)
	if s.given == 0 {
		s.min, s.max = v, v
	}
	s.given += x.count
	if v == 0 {
		s.zeros += x.count
	}
	s.min, s.max = min(s.min, v), max(s.max, v)
	a := max(v, -v)
	s.sum, s.abs = s.sum+int64(v)*n, s.abs+int64(a)*n
	for range min(n, int64(len(s.top))) {
		s.rank(a)
	}
	if !s.many {
		s.count(x)
	}
}

// rank puts an absolute value among the largest.
func (s *stat) rank(a int32) {
	for i := range s.top {
		if a > s.top[i] {
			a, s.top[i] = s.top[i], a
		}
	}
}

// count keeps the different values, up to MaxApart of them. What is kept does
// not depend on the order.
func (s *stat) count(x tally) {
	for i := range s.values {
		if s.values[i].value == x.value {
			s.values[i].count += x.count
			return
		}
	}
	if len(s.values) == params.MaxApart {
		s.many, s.values = true, nil
		return
	}
	s.values = append(s.values, x)
}

func (s *stat) merge(o *stat) {
	if o.given == 0 {
		return
	}
	if s.given == 0 {
		s.min, s.max = o.min, o.max
	}
	s.given, s.zeros = s.given+o.given, s.zeros+o.zeros
	s.sum, s.abs = s.sum+o.sum, s.abs+o.abs
	s.min, s.max = min(s.min, o.min), max(s.max, o.max)
	for _, a := range o.top {
		s.rank(a)
	}
	if o.many {
		s.many, s.values = true, nil
	}
	for _, x := range o.values {
		if s.many {
			break
		}
		s.count(x)
	}
}

// apart is how many units gave another value than the commonest one. With many
// different values it is at least MaxApart, and MaxApart is returned.
func (s *stat) apart() int64 {
	if s.many {
		return params.MaxApart
	}
	most := uint32(0)
	for _, x := range s.values {
		most = max(most, x.count)
	}
	return int64(s.given - most)
}

// A Cell is the evidence of one item, for people and for documents.
type Cell struct {
	Units    int64         `json:"units"`
	Largest  int64         `json:"largest"` // units of its largest base cell
	Measures []Description `json:"measures"`
}

// A Description is the evidence of one measure in an item. Apart stops at
// params.MaxApart.
type Description struct {
	Given   int64   `json:"given"`
	Missing int64   `json:"missing"`
	Zeros   int64   `json:"zeros"`
	Sum     int64   `json:"sum"`
	Abs     int64   `json:"abs"` // sum of absolute values
	Min     int64   `json:"min"`
	Max     int64   `json:"max"`
	Top     []int64 `json:"top"` // largest absolute values, largest first
	Apart   int64   `json:"apart"`
}

// Item returns the evidence of item i, 0 <= i < Items.
func (t *Table) Item(i int) Cell {
	var largest uint32
	for _, c := range t.members(i) {
		if n := t.at[c]; n != 0 {
			largest = max(largest, t.rows[n-1].units)
		}
	}
	r := t.item(i)
	out := Cell{Units: int64(r.units), Largest: int64(largest)}
	for m := range r.stats {
		s := &r.stats[m]
		d := Description{
			Given: int64(s.given), Missing: int64(r.units - s.given), Zeros: int64(s.zeros),
			Sum: s.sum, Abs: s.abs, Min: int64(s.min), Max: int64(s.max), Apart: s.apart(),
		}
		for _, a := range s.top {
			d.Top = append(d.Top, int64(a))
		}
		out.Measures = append(out.Measures, d)
	}
	return out
}

// members are the base cells of an item.
func (t *Table) members(i int) []int32 {
	if i < t.cells {
		return []int32{int32(i)} //nolint:gosec // at most MaxCells
	}
	return t.margins[i-t.cells]
}

// item adds up the base cells of an item. No unit is in two of them: a shape
// with margins has each unit in one cell.
func (t *Table) item(i int) row {
	if i < t.cells && t.at[i] != 0 {
		return t.rows[t.at[i]-1]
	}
	sum := row{stats: make([]stat, t.measures)}
	for _, c := range t.members(i) {
		if t.at[c] == 0 {
			continue
		}
		r := t.rows[t.at[c]-1]
		sum.units += r.units
		for m := range r.stats {
			sum.stats[m].merge(&r.stats[m])
		}
	}
	return sum
}

// Peaks returns, for each measure with values and each base cell, the largest
// absolute contribution of one unit.
func Peaks(t *Table) [][]int64 {
	out := make([][]int64, t.measures)
	for m := range out {
		out[m] = make([]int64, t.cells)
		for c, n := range t.at {
			if n != 0 {
				out[m][c] = int64(t.rows[n-1].stats[m].top[0])
			}
		}
	}
	return out
}
