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
	peaks    []int64   // mode sdc, if there are margins: measure by measure, without units
	refuse   int64     // mode sdc: not 0 if a register forbids it
	review   int64     // mode sdc: not 0 if a register cannot tell
}

// read checks an opened vector against the terms: each value
// is within what the members' units can come to, and so are the flags.
func read(terms jobs.Terms, p params.Parameters, opened []int64) (vector, error) {
	if len(opened) != terms.Slots() {
		return vector{}, fmt.Errorf("%d values, want %d: %w", len(opened), terms.Slots(), fault.Tampered)
	}
	v := vector{terms: terms, measures: terms.Shape.All(), cells: terms.Shape.Cells(), lists: terms.Shape.Lists()}
	cube := len(v.measures) * v.cells
	v.values = opened[:cube]
	for m, measure := range v.measures {
		lo, hi := reach(measure, len(terms.Members), terms.Mode)
		for _, x := range v.values[m*v.cells : (m+1)*v.cells] {
			if x < lo || x > hi {
				return vector{}, fmt.Errorf("a value is out of range: %w", fault.Tampered)
			}
		}
	}
	if terms.Mode != jobs.SDC {
		return v, nil
	}
	rest := opened[cube:]
	v.flags, rest = rest[:len(v.lists)], rest[len(v.lists):]
	v.peaks, rest = rest[:len(rest)-2], rest[len(rest)-2:]
	v.refuse, v.review = rest[0], rest[1]
	return v, v.consistent(p.Threshold)
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

// consistent checks what mode sdc seals beside the cube, and the items that no
// domain flagged: no units or at least the threshold, and values that so many
// units can have. It does not look at a flagged item: whether a run dies of it
// would tell another domain about it.
func (v vector) consistent(threshold int64) error {
	members := int64(len(v.terms.Members))
	for _, f := range append([]int64{v.refuse, v.review}, v.flags...) {
		if f < 0 || f > members*maxFlag {
			return fmt.Errorf("a flag is out of range: %w", fault.Tampered)
		}
	}
	for i, x := range v.peaks {
		if x < 0 || x > members*v.measures[1+i/v.cells].Bound() {
			return fmt.Errorf("a peak is out of range: %w", fault.Tampered)
		}
	}
	for i := range v.lists {
		if v.flags[i] != 0 {
			continue
		}
		units := v.value(0, i)
		if units != 0 && units < threshold {
			return fmt.Errorf("a cell has fewer units than its flags say: %w", fault.Tampered)
		}
		for m, measure := range v.measures {
			if x := v.value(m, i); beyond(x, units, measure.Hi) || beyond(-x, units, -measure.Lo) {
				return fmt.Errorf("a value is beyond what its units can have: %w", fault.Tampered)
			}
		}
	}
	return nil
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
