package check

import (
	"slices"

	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/gate/suppress"
)

// A system is a table as package suppress sees it: its items, how they add up,
// and what the evidence says of them. A row that is missing from a layer of
// the table (all combinations of the codes of one kind) is an item too if
// nobody is there, for a reader takes it to be nothing, or if it must be
// hidden; other missing rows are merely not told.
type system struct {
	table suppress.Table
	data  suppress.Data
	items []int // of the grid
}

// work is how many steps each of the audit's searches takes before it is left
// to people.
const work = 20_000_000

func options(p params.Parameters) suppress.Options {
	return suppress.Options{
		Threshold: p.Threshold, Percent: p.PPercent, Domains: 1, Union: p.Threshold, Values: 2, Width: p.Width, OtherFlags: true, Work: work,
	}
}

// newSystem is the system of the given rows over evidence. ok is false where
// the evidence does not say how many units each item has, or where a unit
// stands in several cells, so that they do not add up.
func newSystem(f sheet.Facts, rows, measures []int, p params.Parameters) (system, bool) {
	var s system
	if f.Overlap || !f.Known(0) {
		return s, false
	}
	g := f.Grid
	at, in := map[int]int32{}, map[int]bool{}
	for _, item := range rows {
		in[item] = true
	}
	for _, item := range layers(g, rows) {
		if c := f.Cells[0][item]; !in[item] && (!c.Has(sheet.HasN) || c.N > 0) && !mustHide(f, item, measures, p) {
			continue
		}
		at[item] = int32(len(s.items)) //nolint:gosec // at most sheet.MaxItems
		s.items = append(s.items, item)
	}
	s.table.Cells = g.Cells()
	for _, item := range s.items {
		var cells []int32
		for _, c := range g.Of(item) {
			cells = append(cells, int32(c)) //nolint:gosec // at most sheet.MaxItems
		}
		s.table.Items = append(s.table.Items, cells)
	}
	s.table.Equations = equations(g, s.items, at)
	return s, s.fill(f, p)
}

// layers lists all items of the kinds of codes that the rows have.
func layers(g sheet.Grid, rows []int) []int {
	var items []int
	seen := map[int]bool{}
	for _, row := range rows {
		codes := g.Codes(row)
		for i, d := range g.Dims {
			if codes[i] < len(d.Codes) {
				codes[i] = 0
			}
		}
		if seen[g.At(codes)] {
			continue
		}
		seen[g.At(codes)] = true
		layer := []int{0}
		for i, d := range g.Dims {
			of := []int{codes[i]}
			if codes[i] == 0 {
				of = of[:0]
				for c := range d.Codes {
					of = append(of, c)
				}
			}
			next := make([]int, 0, len(layer)*len(of))
			for _, item := range layer {
				for _, c := range of {
					next = append(next, item*d.Size()+c)
				}
			}
			layer = next
		}
		items = append(items, layer...)
	}
	return items
}

// equations are those of every group whose parts are all items.
func equations(g sheet.Grid, items []int, at map[int]int32) []suppress.Equation {
	var all []suppress.Equation
	for i, item := range items {
		codes := g.Codes(item)
		for d, dim := range g.Dims {
			if codes[d] < len(dim.Codes) {
				continue
			}
			e := suppress.Equation{Sum: int32(i)}
			for _, part := range lineOf(g, codes, d, dim.Of(codes[d]), -1).parts {
				if k, ok := at[part]; ok {
					e.Parts = append(e.Parts, k)
				}
			}
			if len(e.Parts) == len(dim.Of(codes[d])) {
				all = append(all, e)
			}
		}
	}
	return all
}

// fill takes the values and the largest contributions out of the evidence. A
// measure of which any is missing is left out.
func (s *system) fill(f sheet.Facts, p params.Parameters) bool {
	units := make([]int64, len(s.items))
	for i, item := range s.items {
		c := f.Cells[0][item]
		if !c.Has(sheet.HasN) {
			return false
		}
		units[i] = c.N
	}
	s.data = suppress.Data{Values: [][]int64{units}, Peaks: [][]int64{nil}, Signed: []bool{false}}
	for m := 1; m < len(f.Cells); m++ {
		values, peaks, signed, ok := measure(f, m, s.items, p)
		if ok {
			s.data.Values, s.data.Peaks, s.data.Signed = append(s.data.Values, values), append(s.data.Peaks, peaks), append(s.data.Signed, signed)
		}
	}
	return true
}

func measure(f sheet.Facts, m int, items []int, p params.Parameters) (values, peaks []int64, signed, ok bool) {
	for _, item := range items {
		c := f.Cells[m][item]
		if !c.Has(sheet.HasSum) {
			return nil, nil, false, false
		}
		values = append(values, c.Sum)
		signed = signed || c.Sum < 0 || c.Has(sheet.HasMin) && c.Min < 0
	}
	peaks, ok = level(f, m, p)
	return values, peaks, signed, ok
}

// level is a contribution for each base cell that stands for the largest ones
// of any union in which the cell's own is the largest. Package suppress, which
// adds up domains that know of each other nothing but their largest
// contributions, takes the others to be as large, and asks of a union X that
//
//	X - 2*M >= p*M, M the largest of its cells' contributions.
//
// Here all are known to one party: with x2 (and as many more as there are
// colluders) the largest in the table that are not above x1,
//
//	M = (x1 + p*x1 + x2) / (2 + p)
//
// makes that the p% rule itself, X - x1 - x2 >= p*x1, or stricter.
func level(f sheet.Facts, m int, p params.Parameters) ([]int64, bool) {
	var all []int64
	for cell := range f.Grid.Cells() {
		c := f.Cells[m][f.Grid.ItemOf(cell)]
		if !c.Has(sheet.HasTop1) {
			return nil, false
		}
		for i := 1; i < sheet.MaxTop; i++ {
			if !c.Has(sheet.HasTop1 << i) {
				c.Top[i] = c.Top[i-1] // or less
			}
		}
		all = append(all, c.Top[:]...)
	}
	slices.Sort(all)
	var peaks []int64
	for cell := range f.Grid.Cells() {
		x := f.Cells[m][f.Grid.ItemOf(cell)].Top[0]
		after, _ := slices.BinarySearch(all, x+1)
		level := (100 + p.PPercent) * x
		for k := int64(0); k < p.Coalition; k++ {
			if at := after - 2 - int(k); at >= 0 { // after-1 is x itself
				level += 100 * all[at]
			}
		}
		peaks = append(peaks, (level+199+p.PPercent)/(200+p.PPercent))
	}
	return peaks, true
}

// primary flags the items of a system that must not be shown: a check fails
// for one of their measures, or cannot be made.
func (s *system) primary(f sheet.Facts, measures []int, p params.Parameters) []bool {
	flags := make([]bool, len(s.items))
	for i, item := range s.items {
		flags[i] = mustHide(f, item, measures, p)
	}
	return flags
}

func mustHide(f sheet.Facts, item int, measures []int, p params.Parameters) bool {
	for _, m := range measures {
		if MustHide(f.Cells[m][item], m, p) {
			return true
		}
	}
	return false
}

// MustHide reports whether a cell must not be shown: a check fails, or its
// evidence is missing. Negative values are left to people.
func MustHide(c sheet.Cell, measure int, p params.Parameters) bool {
	for _, r := range Judge(c, measure, p) {
		if r.Status == Fail || r.Check != "C09" {
			return true
		}
	}
	return false
}
