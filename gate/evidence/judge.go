package evidence

import (
	"github.com/yunei/yunei/gate/params"
)

// The checks that Judge makes, by their ids.
const (
	C05 = "C05" // unit-threshold
	C07 = "C07" // p-percent
	C08 = "C08" // nk-dominance
	C09 = "C09" // negatives
	C10 = "C10" // all-same-values
)

// A Flag says that a check does not let an item out (Hide), or leaves it to
// people. Measure 0 is the count of units.
type Flag struct {
	Check   string `json:"check"`
	Item    int    `json:"item"`
	Measure int    `json:"measure"`
	Hide    bool   `json:"hide"`
}

// Judge makes the checks of each item of one domain's evidence, in the order
// of items, measures and checks. What is hidden of a line together (C12) is for
// the gate, which sees it of all domains: a domain that hid more for its own
// sake would tell by what it hides (gate.TestDomainsCensus). Holdings (C06) are not
// judged: a contribution is one unit's, and the namespace says what a unit is.
// There are no waivers. Parameters that do not pass their own check hide every
// item.
func Judge(t *Table, p params.Parameters) []Flag {
	var flags []Flag
	if p.Check() != nil {
		for i := range t.Items() {
			flags = append(flags, Flag{C05, i, 0, true})
		}
		return flags
	}
	for i := range t.Items() {
		r := t.item(i)
		flags = few(flags, i, 0, r.units, p)
		for m := range r.stats {
			flags = judge(flags, i, m+1, &r.stats[m], p)
		}
	}
	return flags
}

// Flags returns 1 for each item that a flag hides, 0 for the others.
func Flags(flags []Flag, items int) []int64 {
	out := make([]int64, items)
	for _, f := range flags {
		if f.Hide && f.Item < items {
			out[f.Item] = 1
		}
	}
	return out
}

// few is C05: no unit with a value, or enough of them.
func few(flags []Flag, item, measure int, n uint32, p params.Parameters) []Flag {
	if n != 0 && int64(n) < p.Threshold {
		return append(flags, Flag{C05, item, measure, true})
	}
	return flags
}

// judge makes the checks of one measure of one item. C10 looks for a majority
// of units with one value, from which fewer than p.Apart differ: ten units with
// ten values are no such thing.
func judge(flags []Flag, item, measure int, s *stat, p params.Parameters) []Flag {
	if s.given == 0 {
		return flags
	}
	flags = few(flags, item, measure, s.given, p)
	var top [params.MaxDominant]int64
	for i, a := range s.top {
		top[i] = int64(a)
	}
	if Close(s.abs, top[:], p.PPercent, p.Coalition) {
		flags = append(flags, Flag{C07, item, measure, true})
	}
	if Dominated(s.abs, top[:], p.DominantN, p.DominantK) || Dominated(s.abs, top[:], 1, p.LargestK) {
		flags = append(flags, Flag{C08, item, measure, true})
	}
	if s.min < 0 {
		flags = append(flags, Flag{C09, item, measure, p.NegativesHidden == 1})
	}
	if apart := s.apart(); apart < p.Apart && int64(s.given) > 2*apart {
		flags = append(flags, Flag{C10, item, measure, true})
	}
	return flags
}
