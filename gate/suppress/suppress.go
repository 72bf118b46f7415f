// Package suppress hides more cells of a release for the sake of those that
// must be hidden, and audits the result. It is told which items (cells of the
// base table, and cells of its margins) the domains flagged, the primary ones,
// and finds a pattern under which none of them follows from what is shown,
// not even for somebody who knows one other flagged item because it is their
// own (the handbook's standards PS1 and PS2*, for whole linked tables at once
// and not table by table). The audit then plays the attacker, who
// knows these rules and every parameter.
//
// Everything is integers and exact. What is known of the base table by what is
// shown is the span of the shown items' indicators; this package holds the
// other side, an integer basis of the moves that change no shown item
// (kernel). An item is safe from exact recovery when a move changes it, and
// that move is itself the proof. Arithmetic that would leave its bounds hides
// the item in hand or ends in an error, so that no wrong number can publish.
//
// What an audit may look at matters as much as what it finds, for a decision
// to hold back is itself seen. The audit of counts is a function of what is
// shown, of which items are flagged or zero, and of the rounds in which more
// was hidden: never of a hidden value otherwise. So an attacker who is told
// all of that, and that the audit passed, still has every table that the
// audit counted (see Report.Minimality).
//
// It does not judge single items (each domain does that for its own units), it
// does not look at other releases, and it does not round. Published values are
// taken as exact, which makes the attacker stronger than rounding leaves it. A
// member domain that subtracts its own part, and colluding contributors of
// more than one flagged item, are not modelled.
//
// The pattern is found by a method of our own in the manner of GAUSS
// (Langsrud, Øyvind: GaussSuppression); the standards, the p% rule and the
// audit are those of the Handbook on Statistical Disclosure Control, 2nd ed.,
// chapter 4.
package suppress

import (
	"fmt"
	"math"
	"slices"

	"github.com/yunei/yunei/fault"
)

// Bounds of a table.
const (
	maxCells   = 1 << 16
	maxItems   = 1 << 18
	maxDims    = 4
	maxEntries = 1 << 25 // of all items, and of all equations, together
	maxUnits   = 1 << 40 // of units in an item: sums of MaxCells of them stay within 62 bits
)

// A Table says which sums of one base table a release holds.
type Table struct {
	Cells int       // of the base table
	Items [][]int32 // each a rising list of base cells
	// Equations say how items add up. They guide the search, and the unions
	// that are audited are theirs; that nothing follows exactly is shown from
	// Items alone, whatever they say.
	Equations []Equation
}

// An Equation says that the item Sum is the disjoint union of the items Parts.
type Equation struct {
	Sum   int32
	Parts []int32
	Far   bool // follows from other equations as long as all between is shown
}

// Data is what the opened release says of a table. Only Values[0], the units,
// must be there.
type Data struct {
	Values [][]int64 // by measure (0: distinct units, added up over domains), then by item
	// Peaks[m][c] is at least the sum over domains of the largest single
	// contribution to measure m in base cell c; Peaks[0] is not used.
	Peaks  [][]int64
	Signed []bool // by measure: contributions may be negative
}

// Options are the parameters of a profile. The zero Options deny.
type Options struct {
	Threshold int64 // units that a domain has in an item, if any
	Percent   int64 // p of the p% rule, where there are measures
	Domains   int
	// Union is how many units the hidden part of an equation has, at least: with
	// Threshold for each domain, one of them alone has enough, whatever the overlap.
	Union int64
	// Values is how many values every hidden number of units must be able to
	// have for an attacker who knows the rules, flags and zeros; at least 2.
	Values int
	// Width is how far apart the least and the largest number of units of a
	// hidden item must be for an attacker who only adds and subtracts.
	Width int64
	// OtherFlags says that an item of Threshold units or more may be flagged
	// all the same: several domains, or other rules than the threshold.
	OtherFlags bool
	Work       int // steps of each of the audit's searches; more is a review
}

func (o Options) check() error {
	switch {
	case o.Threshold < 2 || o.Threshold > 1<<20 || o.Domains < 1 || o.Domains > 1<<10:
		return fmt.Errorf("suppressing: no threshold or no domains: %w", fault.Denied)
	case o.Union < o.Threshold*int64(o.Domains) || o.Union > maxUnits:
		return fmt.Errorf("suppressing: a union of %d units is not safe: %w", o.Union, fault.Denied)
	case o.Percent < 0 || o.Percent > 100 || o.Values < 2 || o.Values > 1<<10 || o.Width < 1 || o.Width > 1<<20 || o.Work < 1:
		return fmt.Errorf("suppressing: a parameter of the audit is missing: %w", fault.Denied)
	}
	return nil
}

// Check reports what is wrong with a table, as an error of kind Invalid.
func (t Table) Check() error {
	if err := t.check(); err != nil {
		return fmt.Errorf("table of a release: %w: %w", err, fault.Invalid)
	}
	return nil
}

func (t Table) check() error {
	if t.Cells < 1 || t.Cells > maxCells || len(t.Items) < 1 || len(t.Items) > maxItems {
		return fmt.Errorf("%d cells and %d items", t.Cells, len(t.Items))
	}
	entries := 0
	for i, item := range t.Items {
		last := int32(-1)
		for _, c := range item {
			if c <= last || int(c) >= t.Cells {
				return fmt.Errorf("item %d is not a rising list of base cells", i)
			}
			last = c
		}
		if entries += len(item); len(item) == 0 || entries > maxEntries {
			return fmt.Errorf("item %d is empty, or the items are too large", i)
		}
	}
	return t.checkEquations()
}

func (t Table) checkEquations() error {
	owner := make([]int32, t.Cells) // 1 + equation that saw the cell last
	entries := 0
	for e, eq := range t.Equations {
		if eq.Sum < 0 || int(eq.Sum) >= len(t.Items) || len(eq.Parts) == 0 {
			return fmt.Errorf("equation %d names no items", e)
		}
		if entries += len(eq.Parts); entries > maxEntries {
			return fmt.Errorf("the equations are too large")
		}
		for _, c := range t.Items[eq.Sum] {
			owner[c] = int32(e) + 1
		}
		n := 0
		for _, part := range eq.Parts {
			if part < 0 || int(part) >= len(t.Items) || part == eq.Sum {
				return fmt.Errorf("equation %d names no items", e)
			}
			for _, c := range t.Items[part] {
				if owner[c] != int32(e)+1 {
					return fmt.Errorf("equation %d does not add up", e)
				}
				owner[c] = 0
				n++
			}
		}
		if n != len(t.Items[eq.Sum]) {
			return fmt.Errorf("equation %d does not add up", e)
		}
	}
	return nil
}

func (d Data) check(t Table) error {
	if len(d.Values) == 0 || (len(d.Peaks) != 0 && len(d.Peaks) != len(d.Values)) || (len(d.Signed) != 0 && len(d.Signed) != len(d.Values)) {
		return fmt.Errorf("suppressing: no units, or measures that do not match: %w", fault.Invalid)
	}
	if len(d.Values) > 1 && len(d.Peaks) == 0 && len(t.Equations) > 0 {
		return fmt.Errorf("suppressing: measures without peaks: %w", fault.Invalid)
	}
	for m, v := range d.Values {
		if len(v) != len(t.Items) || (m > 0 && len(d.Peaks) > 0 && len(d.Peaks[m]) != t.Cells) {
			return fmt.Errorf("suppressing: measure %d is not one value an item: %w", m, fault.Invalid)
		}
		if slices.Min(v) < 0 && !d.signed(m) {
			return fmt.Errorf("suppressing: measure %d has a negative value: %w", m, fault.Invalid)
		}
		for _, x := range v {
			if (m == 0 && x > maxUnits) || x == math.MinInt64 {
				return fmt.Errorf("suppressing: measure %d is too large: %w", m, fault.Invalid)
			}
		}
		for _, e := range t.Equations {
			if !e.holds(v) {
				return fmt.Errorf("suppressing: measure %d does not add up: %w", m, fault.Tampered)
			}
		}
	}
	return nil
}

func (e Equation) holds(v []int64) bool {
	var sum int64
	for _, p := range e.Parts {
		sum += v[p]
	}
	return sum == v[e.Sum]
}

func (d Data) signed(m int) bool { return m > 0 && len(d.Signed) > m && d.Signed[m] }

// Margins are the items of a cube: its cells, the last of dims varying
// fastest, then for each of keep the cells of that margin; a margin is the
// rising list of dims that it keeps, and [] is the grand total. An error is of
// kind Invalid.
func Margins(dims []int, keep [][]int) ([][]int32, error) {
	t, err := Cube(dims, keep)
	return t.Items, err
}

// Cube is the table of Margins, with all equations between its parts.
func Cube(dims []int, keep [][]int) (Table, error) {
	cells, err := sizeOf(dims)
	if err != nil {
		return Table{}, err
	}
	full := make([]int, len(dims))
	for i := range full {
		full[i] = i
	}
	keeps := append([][]int{full}, keep...)
	if err := checkKeeps(len(dims), keeps); err != nil {
		return Table{}, err
	}
	t := Table{Cells: cells}
	at := make([][]int32, len(keeps)) // by margin, then base cell: the item
	for m, k := range keeps {
		at[m] = marginOf(dims, k, cells, int32(len(t.Items))) //nolint:gosec // below maxItems
		n := 1
		for _, d := range k {
			n *= dims[d]
		}
		first := len(t.Items)
		t.Items = append(t.Items, make([][]int32, n)...)
		if len(t.Items) > maxItems {
			return Table{}, fmt.Errorf("cube: more than %d items: %w", maxItems, fault.Invalid)
		}
		for i := range n {
			t.Items[first+i] = make([]int32, 0, cells/n)
		}
		for c, i := range at[m] {
			t.Items[i] = append(t.Items[i], int32(c))
		}
	}
	for coarse := range keeps {
		for fine := range keeps {
			if within(keeps[coarse], keeps[fine]) {
				t.link(at[coarse], at[fine], isFar(keeps, coarse, fine))
			}
		}
	}
	return t, nil
}

func sizeOf(dims []int) (int, error) {
	cells := 1
	for _, d := range dims {
		if d < 1 || d > maxCells {
			return 0, fmt.Errorf("cube: a dim of %d codes: %w", d, fault.Invalid)
		}
		if cells *= d; cells > maxCells {
			return 0, fmt.Errorf("cube: more than %d cells: %w", maxCells, fault.Invalid)
		}
	}
	if len(dims) == 0 || len(dims) > maxDims {
		return 0, fmt.Errorf("cube: %d dims: %w", len(dims), fault.Invalid)
	}
	return cells, nil
}

func checkKeeps(dims int, keeps [][]int) error {
	for m, k := range keeps {
		for i, d := range k {
			if d < 0 || d >= dims || (i > 0 && d <= k[i-1]) {
				return fmt.Errorf("cube: margin %d is not a rising list of dims: %w", m-1, fault.Invalid)
			}
		}
		for _, other := range keeps[:m] {
			if slices.Equal(k, other) {
				return fmt.Errorf("cube: margin %d is there twice: %w", m-1, fault.Invalid)
			}
		}
	}
	return nil
}

// marginOf is, for each base cell, the item of the margin that holds it.
func marginOf(dims, keep []int, cells int, first int32) []int32 {
	at := make([]int32, cells)
	for c := range at {
		i, stride, rest := 0, 1, c
		for d, dim := range slices.Backward(dims) {
			code := rest % dim
			rest /= dim
			if slices.Contains(keep, d) {
				i += code * stride
				stride *= dim
			}
		}
		at[c] = first + int32(i)
	}
	return at
}

// within reports whether the coarse margin keeps fewer dims, all of fine's.
func within(coarse, fine []int) bool {
	for _, d := range coarse {
		if !slices.Contains(fine, d) {
			return false
		}
	}
	return len(coarse) < len(fine)
}

func isFar(keeps [][]int, coarse, fine int) bool {
	for _, k := range keeps {
		if within(keeps[coarse], k) && within(k, keeps[fine]) {
			return true
		}
	}
	return false
}

// link adds the equations between a coarse and a fine margin.
func (t *Table) link(coarse, fine []int32, far bool) {
	parts := map[int32][]int32{}
	var sums []int32
	seen := map[int32]bool{}
	for c, f := range fine {
		if seen[f] {
			continue
		}
		seen[f] = true
		s := coarse[c]
		if parts[s] == nil {
			sums = append(sums, s)
		}
		parts[s] = append(parts[s], f)
	}
	for _, s := range sums {
		t.Equations = append(t.Equations, Equation{Sum: s, Parts: parts[s], Far: far})
	}
}
