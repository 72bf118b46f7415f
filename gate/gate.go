// Package gate decides what may leave of an opened sum. It is a pure function
// of the signed terms and of the opened vector: Judge checks that every value
// can be a sum of what the terms allow, hides or shows each cell, rounds what
// is exact and leaves alone what is noisy, and returns the candidate, byte for
// byte what would be released, with a record of what was checked and what was
// not. Noise is drawn in the domains, with the samplers of gate/noise, before
// anything is opened.
//
// In mode dp nothing here depends on exact data: every cell is shown as it
// was opened, so that a candidate is post-processing of noisy sums and the
// promise is the accountant's. In mode sdc a cell is shown when no domain
// flagged it. What the gate does not do: it keeps no register of earlier
// releases, evaluates no dominance and suppresses no second cell for the sake
// of a first; the record says so, and the verdict is then left to people. It
// trusts each domain for the flags and the counts of its own units, and trusts
// none of them for those of another.
package gate

import (
	"fmt"
	"io"
	"math/big"
	"math/bits"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/jobs"
)

// Profile names the set of rules that this package holds.
const Profile = "house"

// Judge makes the candidate of an opened vector (jobs.Terms.Slots values: the
// cube, measure by measure, and in mode sdc a flag a cell), and the record of
// its checks. An error is a refusal of terms that Admit refuses, or of kind
// Tampered: the vector is no sum that the terms allow. The candidate names no
// run yet (jobs.Candidate.ForRun).
func Judge(terms jobs.Terms, opened []int64) (jobs.Candidate, Record, error) {
	if err := Admit(terms); err != nil {
		return jobs.Candidate{}, Record{}, err
	}
	v, err := read(terms, opened)
	if err != nil {
		return jobs.Candidate{}, Record{}, fmt.Errorf("judging a sum: %w", err)
	}
	c, err := form(terms)
	if err != nil {
		return jobs.Candidate{}, Record{}, fmt.Errorf("judging a sum: %w", err)
	}
	c.Cells = make([]jobs.Cell, v.cells)
	for i := range c.Cells {
		if v.flag(i) == 0 {
			c.Cells[i] = v.show(i)
		}
	}
	if err := c.Check(); err != nil {
		return jobs.Candidate{}, Record{}, fmt.Errorf("judging a sum: %w", err)
	}
	return c, record(terms, c), nil
}

// A vector is an opened vector in its place.
type vector struct {
	terms    jobs.Terms
	measures []jobs.Measure
	cells    int
	values   []int64 // measure by measure
	flags    []int64 // mode sdc
}

// read checks an opened vector against the terms: each value
// is within what the members' units can come to, and so are the flags.
func read(terms jobs.Terms, opened []int64) (vector, error) {
	if len(opened) != terms.Slots() {
		return vector{}, fmt.Errorf("%d values, want %d: %w", len(opened), terms.Slots(), fault.Tampered)
	}
	v := vector{terms: terms, measures: terms.Shape.All(), cells: terms.Shape.Cells()}
	cube := len(v.measures) * v.cells
	v.values, v.flags = opened[:cube], opened[cube:]
	for m, measure := range v.measures {
		lo, hi := reach(measure, len(terms.Members), terms.Mode)
		for _, x := range v.values[m*v.cells : (m+1)*v.cells] {
			if x < lo || x > hi {
				return vector{}, fmt.Errorf("a value is out of range: %w", fault.Tampered)
			}
		}
	}
	for _, f := range v.flags {
		if f < 0 || f > int64(len(terms.Members))*maxFlag {
			return vector{}, fmt.Errorf("a flag is out of range: %w", fault.Tampered)
		}
	}
	return v, v.consistent()
}

// tailSigmas is how many standard deviations a member's noise stays within,
// but with a chance below 2^-180.
const tailSigmas = 16

// reach is the range of a sum over members: MaxUnits of each, at the measure's
// bounds, and in mode dp their noise.
func reach(m jobs.Measure, members int, mode jobs.Mode) (lo, hi int64) {
	tail := new(big.Int)
	if mode == jobs.DP {
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

// consistent checks, in mode sdc, the cells that will be shown: no units or at
// least the threshold, and values that so many units can have. It does not
// look at a hidden cell: whether a run dies of it would tell another domain
// about it.
func (v vector) consistent() error {
	if v.terms.Mode != jobs.SDC {
		return nil
	}
	for i := range v.cells {
		if v.flag(i) != 0 {
			continue
		}
		units := v.values[i]
		if units != 0 && units < v.terms.Threshold {
			return fmt.Errorf("a cell has fewer units than its flags say: %w", fault.Tampered)
		}
		for m, measure := range v.measures {
			if x := v.values[m*v.cells+i]; beyond(x, units, measure.Hi) || beyond(-x, units, -measure.Lo) {
				return fmt.Errorf("a value is beyond what its units can have: %w", fault.Tampered)
			}
		}
	}
	return nil
}

// beyond reports whether x > units * bound, units and bound not negative.
func beyond(x, units, bound int64) bool {
	hi, lo := bits.Mul64(uint64(units), uint64(bound)) //nolint:gosec // not negative
	return x > 0 && hi == 0 && uint64(x) > lo
}

// maxFlag is the largest number that a domain flags a cell with. Fifty of them
// stay within 62 bits.
const maxFlag = 1 << 56

// Blind turns a domain's flags (0, or 1 for a cell to be hidden), in place,
// into numbers that no other domain can cancel: 0 stays, and a flag becomes
// random in 1..2^56. A flag of 1 could be lifted by another domain's -1, which
// leaves a sum of 0. The numbers belong to a partial: a retry seals
// the same.
func Blind(flags []int64, random io.Reader) error {
	s := noise.NewSource(random)
	defer s.Erase()
	for i, f := range flags {
		if f == 0 {
			continue
		}
		r, err := s.Below(maxFlag)
		if err != nil {
			return fmt.Errorf("blinding flags: %w", err)
		}
		flags[i] = 1 + int64(r) //nolint:gosec // at most 2^56
	}
	return nil
}

// flag is 0 where no domain flagged a cell, and in mode dp, which has no flags.
func (v vector) flag(cell int) int64 {
	if v.terms.Mode != jobs.SDC {
		return 0
	}
	return v.flags[cell]
}

// show is a cell as it is released.
func (v vector) show(cell int) jobs.Cell {
	out := make(jobs.Cell, len(v.measures))
	for m, measure := range v.measures {
		out[m] = v.values[m*v.cells+cell]
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
