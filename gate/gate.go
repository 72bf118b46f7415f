// Package gate decides what may leave of an opened sum. It is a pure function
// of the signed terms and of the opened vector: Judge checks that every value
// can be a sum of what the terms allow, hides or shows each cell, rounds what
// is exact and leaves alone what is noisy, and returns the candidate, byte for
// byte what would be released, with a record of what was checked and what was
// not. Protect makes a domain's part of such a vector. Noise is drawn in the
// domains, with the samplers of gate/noise, before anything is opened.
//
// The modes are kept apart. In mode dp every cell is shown as it was opened, so
// that a candidate is post-processing of noisy sums and the promise is the
// accountant's; in mode sdc+dp a cell is hidden by its own noisy count and
// nothing else, which is post-processing too. In mode sdc the domains judge:
// each flags the cells (and totals) that its own units make unsafe
// (gate/evidence), and says whether its register of earlier releases
// (gate/register) forbids the whole; the gate hides what is flagged, hides more
// for its sake, and audits the result (gate/suppress).
//
// It trusts each domain for the flags and the counts of its own units, and
// trusts none of them for those of another.
package gate

import (
	"cmp"
	"fmt"
	"math/big"
	"math/bits"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/jobs"
)

// Judge makes the candidate of an opened vector (jobs.Terms.Slots values: the
// cube, measure by measure, and in mode sdc what Protect puts behind it), and
// the record of its checks. An error is a refusal of terms that Admit refuses,
// or of kind Tampered: the vector is no sum that the terms allow. The candidate
// names no run yet (jobs.Candidate.ForRun); one that is blocked shows nothing.
func Judge(terms jobs.Terms, opened []int64) (jobs.Candidate, Record, error) {
	if err := Admit(terms); err != nil {
		return jobs.Candidate{}, Record{}, err
	}
	if terms.Verify != nil {
		return jobs.Candidate{}, Record{}, fmt.Errorf("judging a sum: a verification has none: %w", fault.Invalid)
	}
	p, err := Rules(terms)
	if err != nil {
		return jobs.Candidate{}, Record{}, err
	}
	return judge(terms, p, opened)
}

func judge(terms jobs.Terms, p params.Parameters, opened []int64) (jobs.Candidate, Record, error) {
	v, err := read(terms, p, opened)
	if err != nil {
		return jobs.Candidate{}, Record{}, fmt.Errorf("judging a sum: %w", err)
	}
	c, err := form(terms)
	if err != nil {
		return jobs.Candidate{}, Record{}, fmt.Errorf("judging a sum: %w", err)
	}
	j, err := v.judge(p)
	if err != nil {
		return jobs.Candidate{}, Record{}, fmt.Errorf("judging a sum: %w", err)
	}
	v.fill(&c, j.hidden)
	if err := c.Check(); err != nil {
		return jobs.Candidate{}, Record{}, fmt.Errorf("judging a sum: %w", err)
	}
	return c, record(facts{terms, p, c, j}), nil
}

// Rules are the parameters that the terms are judged by: those of their
// profile for the highest grade of their members' data.
func Rules(terms jobs.Terms) (params.Parameters, error) {
	grade := 0
	for _, m := range terms.Members {
		grade = max(grade, m.Grade)
	}
	p, err := params.For(cmp.Or(terms.Profile, params.HouseProfile), grade)
	if err != nil {
		return params.Parameters{}, err
	}
	return p.Raise(terms.Threshold), nil
}

// A vector is an opened vector in its place.
type vector struct {
	terms    jobs.Terms
	measures []jobs.Measure
	cells    int
	lists    [][]int32 // the cells of each item
	values   []int64   // measure by measure
	flags    []int64   // mode sdc: of each item
	odd      []bool    // mode sdc: items whose values no honest domains come to
	peaks    []int64   // mode sdc, if there are margins: measure by measure, without units
	refuse   int64     // mode sdc: not 0 if a register forbids it
	review   int64     // mode sdc: not 0 if a register cannot tell
}

// read puts an opened vector in its place. In noisy modes every value must be
// one that the members' units can come to. In mode sdc what is not hides its
// items and no more: if the run died of it, a domain that seals odd numbers
// could tell by that what another has sealed in the same slot.
func read(terms jobs.Terms, p params.Parameters, opened []int64) (vector, error) {
	if len(opened) != terms.Slots() {
		return vector{}, fmt.Errorf("%d values, want %d: %w", len(opened), terms.Slots(), fault.Tampered)
	}
	v := vector{terms: terms, measures: terms.Shape.All(), cells: terms.Shape.Cells(), lists: terms.Shape.Lists()}
	cube := len(v.measures) * v.cells
	v.values = slices.Clone(opened[:cube])
	wild := make([]bool, v.cells)
	for m, measure := range v.measures {
		lo, hi := reach(measure, len(terms.Members), terms.Mode)
		for cell := range v.cells {
			if x := &v.values[m*v.cells+cell]; *x < lo || *x > hi {
				wild[cell], *x = true, min(max(*x, lo), hi)
			}
		}
	}
	if terms.Mode != jobs.SDC {
		if slices.Contains(wild, true) {
			return vector{}, fmt.Errorf("a value is out of range: %w", fault.Tampered)
		}
		return v, nil
	}
	if terms.Join != nil {
		v.readJoin(wild, p.Threshold)
		return v, nil
	}
	rest := opened[cube:]
	v.flags, rest = rest[:len(v.lists)], rest[len(v.lists):]
	v.peaks, rest = slices.Clone(rest[:len(rest)-2]), rest[len(rest)-2:]
	v.refuse, v.review = rest[0], rest[1]
	v.doubt(wild, p.Threshold)
	return v, nil
}

// tailSigmas is how many standard deviations a member's noise stays within,
// but with a chance below 2^-180.
const tailSigmas = 16

// reach is the range of a sum over members: MaxUnits of each, at the measure's
// bounds, and in noisy modes their noise.
func reach(m jobs.Measure, members int, mode jobs.Mode) (lo, hi int64) {
	tail := new(big.Int)
	if mode.Noisy() {
		tail.SetUint64(m.Sigma)
		tail.Sqrt(tail).Add(tail, big.NewInt(1)).Mul(tail, big.NewInt(tailSigmas))
	}
	n, units := big.NewInt(int64(members)), big.NewInt(jobs.MaxUnits)
	most := func(bound int64) int64 {
		x := new(big.Int).Mul(units, big.NewInt(bound))
		x.Add(x, tail).Mul(x, n)
		if x.BitLen() > 62 {
			return 1 << 62
		}
		return x.Int64()
	}
	return -most(-m.Lo), most(m.Hi)
}

// maxUnits is the most units that a sum of all cells is taken seriously with.
const maxUnits = 1 << 40

// doubt marks the items that cannot be shown whatever their flags: a value in
// them is out of range, they have some units but fewer than the threshold, or
// values that so many units cannot have. Peaks that are out of range count as
// large as they can be.
func (v *vector) doubt(wild []bool, threshold int64) {
	for i := range v.peaks {
		if most := int64(len(v.terms.Members)) * v.measures[1+i/v.cells].Bound(); v.peaks[i] < 0 || v.peaks[i] > most {
			v.peaks[i] = most
		}
	}
	v.odd = make([]bool, len(v.lists))
	units := int64(0)
	for _, n := range v.values[:v.cells] {
		units += n // each at most 2^38
	}
	if units > maxUnits { // more than suppression reckons with: nothing of it is shown
		clear(v.values)
		for i := range v.odd {
			v.odd[i] = true
		}
		return
	}
	for i, list := range v.lists {
		units := v.value(0, i)
		odd := units != 0 && units < threshold
		for _, cell := range list {
			odd = odd || wild[cell]
		}
		for m, measure := range v.measures {
			x := v.value(m, i)
			odd = odd || beyond(x, units, measure.Hi) || beyond(-x, units, -measure.Lo)
		}
		v.odd[i] = odd
	}
}

// value is that of measure m in an item. Sums that no honest domains come to
// stay at 2^62.
func (v vector) value(m, item int) int64 {
	const most = 1 << 62
	sum := int64(0)
	for _, cell := range v.lists[item] {
		sum = min(max(sum+v.values[m*v.cells+int(cell)], -most), most) // each at most 2^62
	}
	return sum
}

// beyond reports whether x > units * bound, units and bound not negative.
func beyond(x, units, bound int64) bool {
	if units < 0 {
		return true
	}
	hi, lo := bits.Mul64(uint64(units), uint64(bound)) //nolint:gosec // not negative
	return x > 0 && hi == 0 && uint64(x) > lo
}

// fill gives a candidate its cells.
func (v vector) fill(c *jobs.Candidate, hidden []bool) {
	cells := make([]jobs.Cell, len(v.lists))
	for i := range cells {
		if !hidden[i] {
			cells[i] = v.show(i)
		}
	}
	c.Cells, cells = cells[:v.cells:v.cells], cells[v.cells:]
	for k := range c.Margins {
		n := v.terms.Shape.Margin(k).Cells()
		c.Margins[k].Cells, cells = cells[:n:n], cells[n:]
	}
}

// show is an item as it is released: a total is rounded by itself, and not the
// sum of what was rounded.
func (v vector) show(item int) jobs.Cell {
	out := make(jobs.Cell, len(v.measures))
	for m, measure := range v.measures {
		out[m] = v.value(m, item)
		if v.terms.Mode == jobs.SDC {
			out[m] = round(out[m], measure.Round)
		}
	}
	return out
}

// round is v to the nearest multiple of base, a half away from zero, |v| at
// most 2^62. Zero stays zero.
func round(v, base int64) int64 {
	rest := v % base
	v -= rest
	switch {
	case 2*rest >= base:
		return v + base
	case -2*rest >= base:
		return v - base
	}
	return v
}
