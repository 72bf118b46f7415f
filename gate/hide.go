package gate

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/suppress"
	"github.com/yunei/yunei/jobs"
)

// A judgement is which items are hidden, and in mode sdc how that was audited
// and what the domains' registers say. The zero judgement shows nothing.
type judgement struct {
	hidden []bool // of each item
	report suppress.Report
	found  Found
}

// judge decides item by item, by the mode's own rule.
func (v vector) judge(p params.Parameters) (judgement, error) {
	switch v.terms.Mode {
	case jobs.DP:
		return judgement{hidden: make([]bool, len(v.lists))}, nil
	case jobs.Both:
		return v.byNoisyCount(p)
	case jobs.SDC:
		return v.byFlags(p)
	default:
		return judgement{}, fmt.Errorf("mode %q: %w", v.terms.Mode, fault.Denied)
	}
}

// byNoisyCount hides the items whose noisy number of units is not clearly the
// threshold or more: with the stated chance, no cell is shown that has fewer.
// It looks at noisy values only, so it costs nothing and promises nothing by
// itself.
func (v vector) byNoisyCount(p params.Parameters) (judgement, error) {
	j := judgement{hidden: make([]bool, len(v.lists))}
	margins := map[int]int64{} // by the number of cells that are summed
	for i, list := range v.lists {
		above, ok := margins[len(list)]
		if !ok {
			variance := new(big.Rat).SetInt(new(big.Int).SetUint64(v.measures[0].Sigma))
			variance.Mul(variance, big.NewRat(int64(len(list)*len(v.terms.Members)), 1))
			var err error
			if above, err = noise.Margin(variance, 1/float64(p.SlackInverse)); err != nil {
				return judgement{}, err
			}
			margins[len(list)] = above
		}
		j.hidden[i] = !noise.Published(v.value(0, i), p.Threshold, above)
	}
	return j, nil
}

// byFlags hides what a domain flagged, hides more for its sake, and audits what
// is left to be seen. What a register forbids, or what could be computed back
// exactly, is hidden whole: people decide, but not on a table that leaks.
func (v vector) byFlags(p params.Parameters) (judgement, error) {
	j := judgement{found: Found{Refuse: v.refuse != 0, Review: v.review != 0}}
	primary := make([]bool, len(v.lists))
	for i, f := range v.flags {
		primary[i] = f != 0 || v.odd[i]
	}
	table, err := suppress.Cube(sizes(v.terms.Shape))
	if err != nil {
		return judgement{}, err
	}
	data, o := v.data(), options(v.terms, p)
	if j.hidden, err = suppress.Hide(table, primary, data, o); err != nil {
		return judgement{}, fmt.Errorf("hiding cells for the sake of others: %w", err)
	}
	if j.report, err = suppress.Audit(table, j.hidden, primary, data, o); err != nil {
		return judgement{}, fmt.Errorf("auditing what is shown: %w", err)
	}
	if j.blocked() {
		for i := range j.hidden {
			j.hidden[i] = true
		}
	}
	return j, nil
}

// sizes are how many codes each dim has, and which dims each margin keeps.
func sizes(s jobs.Shape) (dims []int, keep [][]int) {
	for _, d := range s.Dims {
		dims = append(dims, len(d.Codes))
	}
	for _, names := range s.Margins {
		kept := []int{}
		for i, d := range s.Dims {
			if slices.Contains(names, d.Name) {
				kept = append(kept, i)
			}
		}
		keep = append(keep, kept)
	}
	return dims, keep
}

// data is what suppression looks at of an opened vector.
func (v vector) data() suppress.Data {
	d := suppress.Data{Values: make([][]int64, len(v.measures)), Signed: make([]bool, len(v.measures))}
	if v.terms.Peaks() {
		d.Peaks = make([][]int64, len(v.measures))
	}
	for m, measure := range v.measures {
		d.Values[m], d.Signed[m] = make([]int64, len(v.lists)), measure.Lo < 0
		for i := range v.lists {
			d.Values[m][i] = v.value(m, i)
		}
		if m > 0 && v.terms.Peaks() {
			d.Peaks[m] = v.peaks[(m-1)*v.cells : m*v.cells]
		}
	}
	return d
}

// auditWork bounds the audit's searches: some seconds at most.
const auditWork = 1 << 20

func options(t jobs.Terms, p params.Parameters) suppress.Options {
	members, least := int64(len(t.Members)), max(p.Threshold, p.Group)
	o := suppress.Options{
		Threshold: p.Threshold, Percent: p.PPercent, Domains: len(t.Members), Union: least, Values: 2, Width: p.Width - 1, Work: auditWork,
		// Of one domain's counts everybody knows that the threshold alone flags
		// them; to reckon with more would make the attacker weaker.
		OtherFlags: len(t.Members) > 1 || len(t.Shape.Measures) > 0,
	}
	if members > 1 {
		// A threshold for each, and one more: where the hidden part of a line has
		// hardly more than the rules ask for, who knows the rules can tell its
		// cells (TestDomainsCensus).
		o.Union = least * (members + 1)
	}
	return o
}

// blocked reports whether the table leaks so that people are not even to vote
// on it.
func (j judgement) blocked() bool {
	return j.found.Refuse || statusOf(j.report.Exact.Verdict, Block) == Block
}
