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
	C12 = "C12" // within-group
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
// of items, measures and checks, the rules of lines (C12) last. Domains is how
// many add up: of one alone the gate sees the very counts that C12 looks at, and
// its own rule for unions does the same, in the open. Holdings (C06) are not
// judged: a contribution is one unit's, and the namespace says what a unit is.
// There are no waivers. Parameters that do not pass their own check hide every
// item.
func Judge(t *Table, p params.Parameters, domains int) []Flag {
	var flags []Flag
	if p.Check() != nil {
		for i := range t.Items() {
			flags = append(flags, Flag{C05, i, 0, true})
		}
		return flags
	}
	given := make([][]uint32, t.Items()) // item -> units, then units with a value of each measure
	for i := range given {
		r := t.item(i)
		given[i] = append(given[i], r.units)
		flags = few(flags, i, 0, r.units, p)
		for m := range r.stats {
			given[i] = append(given[i], r.stats[m].given)
			flags = judge(flags, i, m+1, &r.stats[m], p)
		}
	}
	if domains == 1 {
		return flags
	}
	return within(flags, t, given, p)
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

// within is C12, in the domain's own lines: what is hidden in a line together
// (the complement of what is shown, which a total gives away) is of no unit or
// of enough. Where it is of too few, the first other cell of the line with a
// unit is hidden as well: which one that is, no count decides. What other domains
// hide adds cells with no unit or enough of them to it, so that it stays so.
func within(flags []Flag, t *Table, given [][]uint32, p params.Parameters) []Flag {
	l := ledger{hidden: make([]bool, t.Items()), given: given, group: uint64(p.Group), flags: flags} //nolint:gosec // positive
	for _, f := range flags {
		l.hidden[f.Item] = l.hidden[f.Item] || f.Hide
	}
	for _, whole := range t.partitions()[1:] {
		for _, part := range t.partitions() {
			for item, children := range lines(whole, part) {
				l.line(whole.first+item, children)
			}
		}
	}
	return l.flags
}

// A ledger is what is hidden so far.
type ledger struct {
	hidden []bool
	given  [][]uint32
	group  uint64
	flags  []Flag
}

// line makes sure, for each measure, of one line: a shown total and its parts.
func (l *ledger) line(total int, children []int) {
	if len(children) == 0 {
		return
	}
	for m := range l.given[total] {
		for !l.hidden[total] {
			sum := uint64(0)
			for _, c := range children {
				if l.hidden[c] {
					sum += uint64(l.given[c][m])
				}
			}
			if sum == 0 || sum >= l.group {
				break
			}
			next := l.first(children, m)
			if next < 0 {
				next = total
			}
			l.hidden[next] = true
			l.flags = append(l.flags, Flag{C12, next, m, true})
		}
	}
}

// first is the first shown child that has a unit with a value; -1 is none.
func (l *ledger) first(children []int, m int) int {
	for _, c := range children {
		if !l.hidden[c] && l.given[c][m] > 0 {
			return c
		}
	}
	return -1
}

// A partition is one table: which of its items, from first on, holds each base
// cell.
type partition struct {
	first, items int
	of           []int // base cell -> item, counted from first
}

// partitions are the tables of t, the base cells first.
func (t *Table) partitions() []partition {
	base := partition{items: t.cells, of: make([]int, t.cells)}
	for c := range base.of {
		base.of[c] = c
	}
	all := []partition{base}
	for k := range len(t.tables) - 1 {
		from, to := t.tables[k], t.tables[k+1]
		p := partition{first: t.cells + from, items: to - from, of: make([]int, t.cells)}
		for i, item := range t.margins[from:to] {
			for _, c := range item {
				p.of[c] = i
			}
		}
		all = append(all, p)
	}
	return all
}

// lines lists, for each item of a table, the items of a finer one that make it
// up; nil if the other is not finer.
func lines(whole, part partition) [][]int {
	in := make([]int, part.items) // 1 + the item of the whole that holds it
	for c, i := range part.of {
		switch w := 1 + whole.of[c]; in[i] {
		case 0:
			in[i] = w
		case w:
		default:
			return nil
		}
	}
	if part.items == whole.items { // the same table
		return nil
	}
	out := make([][]int, whole.items)
	for i, w := range in {
		out[w-1] = append(out[w-1], part.first+i)
	}
	return out
}
