package check

import (
	"fmt"
	"math/big"

	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/sheet"
)

// A basis is how a figure's values compare with the evidence: rounded to
// multiples of Base (in units of the measure), or off in some places.
type basis struct {
	base     int64 // 1: exact; 0: it is not known
	compared int
	off      []Place
}

// power is 10^n, n at most sheet.MaxPlaces.
func power(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// scaled is a shown value in units of its measure.
func (s *state) scaled(f sheet.Figure, v int64) (int64, bool) {
	k := power(max(s.c.Facts.Measures[f.Measure].Places-f.Places, 0))
	if v > sheet.MaxValue/k || v < -sheet.MaxValue/k {
		return 0, false
	}
	return v * k, true
}

// truth is what the evidence says of a value, as a ratio, in units of the
// measure.
func truth(f sheet.Figure, c sheet.Cell) (num, den int64, known bool) {
	switch f.Kind {
	case sheet.Count:
		return c.N, 1, c.Has(sheet.HasN)
	case sheet.Sum:
		return c.Sum, 1, c.Has(sheet.HasSum)
	case sheet.Mean:
		return c.Sum, c.N, c.Has(sheet.HasSum|sheet.HasN) && c.N > 0
	case sheet.Min:
		return c.Min, 1, c.Has(sheet.HasMin) && c.N > 0
	case sheet.Max:
		return c.Max, 1, c.Has(sheet.HasMax) && c.N > 0
	default: // ratios and percentiles do not follow from evidence
		return 0, 0, false
	}
}

// basis compares a figure with the evidence: values are exact, or multiples of
// one base none of which is further than the base from the truth.
func (s *state) basis(figure int) basis {
	f := s.c.Table.Figures[figure]
	if f.Measure < 0 || f.Kind == sheet.Percentile || f.Kind == sheet.Ratio {
		return basis{}
	}
	type pair struct {
		row, v   int64
		num, den int64
	}
	summed := map[int]bool{} // totals that are the sums of what is shown
	if f.Kind.Adds() {
		summed = s.summed(figure)
	}
	var pairs []pair
	common, exact := int64(0), true
	for i, r := range s.c.Table.Rows {
		num, den, known := truth(f, s.cell(i, f.Measure))
		v, ok := s.scaled(f, r.Values[figure].N)
		if !r.Values[figure].Shown || !known || !ok {
			continue
		}
		pairs = append(pairs, pair{int64(i), v, num, den})
		common = gcd(common, max(v, -v))
		exact = exact && den == 1 && v == num
	}
	b := basis{base: 1, compared: len(pairs)}
	if len(pairs) == 0 {
		return basis{}
	}
	if exact {
		return b
	}
	unit := power(s.c.Facts.Measures[f.Measure].Places - min(f.Places, s.c.Facts.Measures[f.Measure].Places))
	slack := common
	if !f.Kind.Adds() {
		slack = unit // a mean is written to its last decimal
	}
	b.base = slack
	for _, p := range pairs {
		d := new(big.Int).Mul(big.NewInt(p.v), big.NewInt(p.den))
		d.Sub(d, big.NewInt(p.num)).Abs(d)
		far := d.Cmp(new(big.Int).Mul(big.NewInt(slack), big.NewInt(p.den))) > 0
		if far = far && !summed[s.c.Table.Rows[p.row].Item]; far || f.Kind.Adds() && slack == 1 && d.Sign() != 0 {
			places := s.c.Facts.Measures[f.Measure].Places
			said := new(big.Rat).SetFrac64(p.num, p.den)
			said.Quo(said, new(big.Rat).SetInt64(power(places)))
			what := said.FloatString(places)
			b.off = append(b.off, s.place(int(p.row), figure, "证据为 "+what, "the evidence says "+what))
		}
	}
	return b
}

// summed lists the totals that are exactly the sums of their shown cells.
func (s *state) summed(figure int) map[int]bool {
	list := map[int]bool{}
	lines, seen := s.counts(figure)
	for i, l := range lines {
		sum, whole := int64(0), seen[i].Total.Shown
		for _, c := range seen[i].Cells {
			sum, whole = sum+c.N, whole && c.Shown
		}
		if whole && sum == seen[i].Total.N {
			list[l.total] = true
		}
	}
	return list
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// off lists the values that the evidence contradicts, of all figures.
func (s *state) off() []Place {
	var all []Place
	for _, b := range s.bases {
		all = append(all, b.off...)
	}
	return all
}

// A line is the cells of a table that differ in one dim only, and what they add
// up to.
type line struct {
	parts []int // items
	total int   // item, -1 if there is none
}

// lines lists, for each dim, the lines of which the table has a row: all codes
// of the dim, and those of each group that has a row itself.
func (s *state) lines() []line {
	g := s.c.Table.Grid
	var all []line
	for d, dim := range g.Dims {
		seen := map[int]bool{}
		whole := sheet.Group{}
		for i := range dim.Codes {
			whole.Of = append(whole.Of, i)
		}
		for _, row := range s.c.Table.Rows {
			codes := g.Codes(row.Item)
			codes[d] = 0
			if seen[g.At(codes)] {
				continue
			}
			seen[g.At(codes)] = true
			complete := false
			for k, group := range dim.Groups {
				l := lineOf(g, codes, d, group.Of, len(dim.Codes)+k)
				if s.row[l.total] >= 0 {
					all = append(all, l)
					complete = complete || len(group.Of) == len(dim.Codes)
				}
			}
			if !complete {
				all = append(all, lineOf(g, codes, d, whole.Of, -1))
			}
		}
	}
	return all
}

func lineOf(g sheet.Grid, codes []int, dim int, of []int, total int) line {
	l := line{total: -1}
	at := append([]int(nil), codes...)
	for _, c := range of {
		at[dim] = c
		l.parts = append(l.parts, g.At(at))
	}
	if total >= 0 {
		at[dim] = total
		l.total = g.At(at)
	}
	return l
}

// value is what a reader knows of an item's figure: what is shown, or 0 where
// there is no row because nobody is there.
func (s *state) value(item, figure int) evidence.Value {
	if item < 0 {
		return evidence.Value{}
	}
	if row := s.row[item]; row >= 0 {
		v := s.c.Table.Rows[row].Values[figure]
		return evidence.Value{N: v.N, Shown: v.Shown}
	}
	c := s.c.Facts.Cells[0][item]
	return evidence.Value{Shown: c.Has(sheet.HasN) && c.N == 0}
}

// counts are the lines of one figure as a reader sees them.
func (s *state) counts(figure int) (lines []line, seen []evidence.Line) {
	for _, l := range s.lines() {
		e := evidence.Line{Total: s.value(l.total, figure)}
		shown := e.Total.Shown
		for _, p := range l.parts {
			v := s.value(p, figure)
			e.Cells, shown = append(e.Cells, v), shown || v.Shown
		}
		if shown {
			lines, seen = append(lines, l), append(seen, e)
		}
	}
	return lines, seen
}

// countFigure is the first figure that counts units, -1 if there is none.
func (s *state) countFigure() int {
	for i, f := range s.c.Table.Figures {
		if f.Kind == sheet.Count {
			return i
		}
	}
	return -1
}

// linePlaces names the cells of lines that a check fails one by one.
func (s *state) linePlaces(figure int, judge func([]evidence.Line) evidence.Finding) (evidence.Finding, []Place) {
	lines, seen := s.counts(figure)
	all := judge(seen)
	var places []Place
	if all.Status == evidence.Pass {
		return all, nil
	}
	listed := map[int]bool{}
	for i := range lines {
		f := judge(seen[i : i+1])
		if f.Status == evidence.Pass {
			continue
		}
		at := lines[i].total
		if at < 0 || s.row[at] < 0 {
			at = s.first(lines[i])
		}
		if at < 0 || listed[at] {
			continue
		}
		listed[at] = true
		places = append(places, s.place(s.row[at], figure, fmt.Sprintf("所在行列（%d 格）", len(lines[i].parts)), fmt.Sprintf("its line, of %d cells", len(lines[i].parts))))
	}
	return all, places
}

func (s *state) first(l line) int {
	for _, p := range l.parts {
		if s.row[p] >= 0 {
			return p
		}
	}
	return -1
}
