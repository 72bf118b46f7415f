package mitigate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/gate/sheet/check"
)

// A split says for each base code of each dim which of the coarser codes it
// goes to; coarser codes are numbered in the order of their first base code.
type split [][]int

// Bounds of the search.
const (
	maxTried = 4000 // splits
	maxWork  = 40_000_000
)

// coarser looks for the coarser codes that lose least and leave no cell to
// hide: through all splits where there are few, and else by the best merge at
// each step. Where every dim is down to one code and a cell must still be
// hidden, there is none.
func (r *ranker) coarser() error {
	if r.f.Overlap && !r.f.Exact {
		return fmt.Errorf("what is known of single cells does not say how many units two of them have: %w", fault.Invalid)
	}
	g := r.t.Grid
	var facts []sheet.Facts
	for _, f := range r.parts() {
		if !f.Overlap {
			f = f.Light()
		}
		facts = append(facts, f)
	}
	s := searcher{ranker: r, facts: facts, budget: min(maxTried, 1+maxWork/(1+g.Items()*len(r.f.Cells)*len(facts)))}
	for _, best := range s.search() {
		if identity(g, best) {
			continue
		}
		coarse, ok := recode(g, best)
		if !ok {
			continue
		}
		t := r.table(coarse, best)
		zh, en := describe(g, best)
		in := *r
		in.f, in.domains = r.f.Recode(coarse, best), nil
		for _, f := range r.domains {
			in.domains = append(in.domains, f.Recode(coarse, best))
		}
		if err := in.add(Coarsen, "归并代码："+zh+"。", "merge codes: "+en, t, t, 0, entropy(r.f, best)); err != nil {
			return err
		}
		r.list = in.list
	}
	return nil
}

type searcher struct {
	*ranker
	facts  []sheet.Facts // of each domain
	budget int           // evaluations that are left
}

// search returns the best split that needs no hiding, and the best that halves
// what must be hidden, if they are different.
func (s *searcher) search() []split {
	start := make(split, len(s.t.Grid.Dims))
	for d, dim := range s.t.Grid.Dims {
		for i := range dim.Codes {
			start[d] = append(start[d], i)
		}
	}
	first := s.unsafe(start)
	if first == 0 {
		return nil
	}
	if all, ok := s.all(); ok {
		return s.best(all, first)
	}
	return s.greedy(start, first)
}

// all lists every split, if there are few enough.
func (s *searcher) all() ([]split, bool) {
	list := []split{{}}
	for _, dim := range s.t.Grid.Dims {
		parts, ok := partitions(dim)
		if !ok || len(list)*len(parts) > min(s.budget, 600) {
			return nil, false
		}
		var next []split
		for _, a := range list {
			for _, p := range parts {
				next = append(next, append(slices.Clone(a), p))
			}
		}
		list = next
	}
	return list, true
}

// partitions lists how the codes of a dim can be merged: neighbours only where
// they are ordered, along the groups where there is a hierarchy.
func partitions(d sheet.Dim) ([][]int, bool) {
	n := len(d.Codes)
	whole := make([]int, n)
	list := [][]int{}
	switch levels := hierarchy(d); {
	case len(levels) > 0:
		fine := make([]int, n)
		for i := range fine {
			fine[i] = i
		}
		return append(append([][]int{fine}, levels...), whole), true
	case d.Ordered && n <= 10:
		for cuts := range 1 << (n - 1) {
			p, at := make([]int, n), 0
			for i := 1; i < n; i++ {
				at += cuts >> (i - 1) & 1
				p[i] = at
			}
			list = append(list, p)
		}
		return list, true
	case !d.Ordered && n <= 6: // Bell(6) = 203
		var grow func(p []int, most int)
		grow = func(p []int, most int) {
			if len(p) == n {
				list = append(list, slices.Clone(p))
				return
			}
			for c := range most + 2 {
				grow(append(p, c), max(most, c))
			}
		}
		grow([]int{0}, 0)
		return list, true
	}
	return nil, false
}

// hierarchy lists the levels of a dim: maximal families of its groups that
// divide all codes between them.
func hierarchy(d sheet.Dim) [][]int {
	var levels [][]int
	groups := slices.Clone(d.Groups)
	slices.SortStableFunc(groups, func(a, b sheet.Group) int { return len(b.Of) - len(a.Of) })
	for len(groups) > 0 {
		taken := make([]bool, len(d.Codes))
		p, at, n := slices.Repeat([]int{-1}, len(d.Codes)), 0, 0
		var rest []sheet.Group
		for _, g := range groups {
			clash := len(g.Of) == len(d.Codes)
			for _, c := range g.Of {
				clash = clash || taken[c]
			}
			if clash {
				if len(g.Of) < len(d.Codes) {
					rest = append(rest, g)
				}
				continue
			}
			for _, c := range g.Of {
				taken[c], p[c] = true, at
			}
			at, n = at+1, n+len(g.Of)
		}
		if n == len(d.Codes) && at > 1 {
			levels = append(levels, renumber(p))
		}
		if len(rest) == len(groups) {
			break
		}
		groups = rest
	}
	return levels
}

// renumber numbers coarser codes in the order of their first base code.
func renumber(p []int) []int {
	to, out := map[int]int{}, make([]int, len(p))
	for i, c := range p {
		if _, ok := to[c]; !ok {
			to[c] = len(to)
		}
		out[i] = to[c]
	}
	return out
}

func (s *searcher) best(all []split, first int) []split {
	var none, half split
	noneLoss, halfLoss := math.Inf(1), math.Inf(1)
	for _, p := range all {
		h := entropy(s.f, p)
		if h >= noneLoss && h >= halfLoss {
			continue
		}
		switch n := s.unsafe(p); {
		case n == 0 && h < noneLoss:
			none, noneLoss = p, h
		case n > 0 && 2*n <= first && h < halfLoss:
			half, halfLoss = p, h
		}
	}
	return some(none, half)
}

func some(all ...split) []split {
	return slices.DeleteFunc(all, func(p split) bool { return p == nil })
}

// greedy merges, at each step, the pair of codes that rids of most cells to
// hide for what it loses.
func (s *searcher) greedy(at split, first int) []split {
	var half split
	left := first
	for left > 0 {
		var next split
		nextLeft, nextGain := left, math.Inf(-1)
		h := entropy(s.f, at)
		for _, p := range s.merges(at) {
			if s.budget--; s.budget < 0 {
				return some(half)
			}
			n := s.unsafe(p)
			if gain := (float64(left-n) + 0.01) / (entropy(s.f, p) - h + 1e-9); gain > nextGain {
				next, nextLeft, nextGain = p, n, gain
			}
		}
		if next == nil {
			return some(half)
		}
		at, left = next, nextLeft
		if half == nil && left > 0 && 2*left <= first {
			half = at
		}
	}
	return some(at, half)
}

// merges lists the splits with one code less of one dim: of an ordered dim any
// two neighbours, of another the smallest code with each of the next smallest.
func (s *searcher) merges(at split) []split {
	var list []split
	join := func(d, a, b int) {
		p := slices.Clone(at)
		p[d] = slices.Clone(p[d])
		for i, c := range p[d] {
			if c == max(a, b) {
				p[d][i] = min(a, b)
			}
		}
		p[d] = renumber(p[d])
		list = append(list, p)
	}
	for d, dim := range s.t.Grid.Dims {
		n := slices.Max(at[d]) + 1
		if n < 2 {
			continue
		}
		if dim.Ordered {
			for c := 1; c < n; c++ {
				join(d, c-1, c)
			}
			continue
		}
		units := make([]int64, n)
		for cell := range s.t.Grid.Cells() {
			item := s.t.Grid.ItemOf(cell)
			units[at[d][s.t.Grid.Codes(item)[d]]] += s.f.Cells[0][item].N
		}
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return int(min(max(units[a]-units[b], -1), 1)) })
		const partners = 4
		for _, c := range order[1:min(n, 1+partners)] {
			join(d, order[0], c)
		}
	}
	return list
}

// unsafe is the number of rows of the coarser table that must be hidden, for
// the sake of one domain's units at least.
func (s *searcher) unsafe(p split) int {
	coarse, ok := recode(s.t.Grid, p)
	if !ok {
		return math.MaxInt
	}
	var facts []sheet.Facts
	for _, f := range s.facts {
		facts = append(facts, f.Recode(coarse, p))
	}
	n := 0
	for _, item := range s.items(coarse, p) {
		if slices.ContainsFunc(facts, func(f sheet.Facts) bool { return s.hides(f, item) }) {
			n++
		}
	}
	return n
}

// hides reports whether the evidence hides an item.
func (s *searcher) hides(f sheet.Facts, item int) bool {
	for m := range f.Cells {
		if s.uses(m) && check.MustHide(s.settle(f.Cells[m][item]), m, s.p) {
			return true
		}
	}
	return false
}

func (r *ranker) uses(measure int) bool {
	return measure == 0 || slices.ContainsFunc(r.t.Figures, func(f sheet.Figure) bool {
		return f.Measure == measure && (f.Kind.Adds() || f.Kind == sheet.Mean)
	})
}

// recode is the grid of coarser codes, with the groups that are still unions
// of them.
func recode(g sheet.Grid, p split) (sheet.Grid, bool) {
	var out sheet.Grid
	for d, dim := range g.Dims {
		n := slices.Max(p[d]) + 1
		next := sheet.Dim{Name: dim.Name, Total: dim.Total, Ordered: dim.Ordered, Bins: dim.Bins, Listed: true}
		members := make([][]int, n)
		for i, c := range p[d] {
			members[c] = append(members[c], i)
		}
		for _, m := range members {
			name := nameOf(dim, m)
			if slices.Contains(next.Codes, name) {
				return out, false
			}
			next.Codes = append(next.Codes, name)
		}
		for _, group := range dim.Groups {
			if of, ok := image(group.Of, p[d], members); ok && !slices.Contains(next.Codes, group.Code) {
				next.Groups = append(next.Groups, sheet.Group{Code: group.Code, Of: of})
			}
		}
		out.Dims = append(out.Dims, next)
	}
	return out, true
}

// image is a group in coarser codes, if it is a union of them.
func image(of, to []int, members [][]int) ([]int, bool) {
	var out []int
	n := 0
	for _, i := range of {
		if !slices.Contains(out, to[i]) {
			out, n = append(out, to[i]), n+len(members[to[i]])
		}
	}
	slices.Sort(out)
	return out, n == len(of)
}

// nameOf names merged codes: as a group of theirs is named, or by the first and
// last of neighbours, or by all.
func nameOf(d sheet.Dim, members []int) string {
	if len(members) == 1 {
		return d.Codes[members[0]]
	}
	for _, g := range d.Groups {
		if slices.Equal(g.Of, members) && g.Code != d.Total {
			return g.Code
		}
	}
	if d.Ordered {
		return d.Codes[members[0]] + "～" + d.Codes[members[len(members)-1]]
	}
	var names []string
	for _, m := range members {
		names = append(names, d.Codes[m])
	}
	name := strings.Join(names, "+")
	if len(members) > 3 || len([]rune(name)) > sheet.MaxText/2 {
		name = fmt.Sprintf("%s+%d", names[0], len(names)-1)
	}
	return name
}

// items are the rows of the table in a coarser grid.
func (r *ranker) items(coarse sheet.Grid, p split) []int {
	var items []int
	seen := map[int]bool{}
	for _, row := range r.t.Rows {
		codes := r.t.Grid.Codes(row.Item)
		ok := true
		for d, dim := range r.t.Grid.Dims {
			if codes[d] < len(dim.Codes) {
				codes[d] = p[d][codes[d]]
			} else {
				codes[d] = coarse.Dims[d].Index(dim.Code(codes[d]))
				ok = ok && codes[d] >= 0
			}
		}
		if !ok {
			continue
		}
		if item := coarse.At(codes); !seen[item] {
			seen[item] = true
			items = append(items, item)
		}
	}
	return items
}

// table is the wanted table in coarser codes, its values not yet filled in.
func (r *ranker) table(coarse sheet.Grid, p split) sheet.Table {
	t := r.t
	t.Grid, t.Rows, t.Oddities = coarse, nil, nil
	for _, item := range r.items(coarse, p) {
		values := make([]sheet.Value, len(t.Figures))
		for i := range values {
			values[i].Shown = true
		}
		t.Rows = append(t.Rows, sheet.Row{Line: len(t.Rows) + 2, Item: item, Values: values})
	}
	return t
}

// entropy is H: what merging takes away of what a cell says of a unit.
func entropy(f sheet.Facts, p split) float64 {
	g := f.Grid
	merged := map[int]float64{}
	var cells []float64
	at := make([]int, 0, g.Cells())
	total := 0.0
	for cell := range g.Cells() {
		item := g.ItemOf(cell)
		n := float64(f.Cells[0][item].N)
		k, codes := 0, g.Codes(item)
		for d, to := range p {
			k = k*(slices.Max(to)+1) + to[codes[d]]
		}
		cells, at = append(cells, n), append(at, k)
		merged[k] += n
		total += n
	}
	all, lost := 0.0, 0.0
	for i, n := range cells {
		if n > 0 {
			all += n * math.Log2(total/n)
			lost += n * math.Log2(merged[at[i]]/n)
		}
	}
	if all == 0 {
		return 0
	}
	return lost / all
}

func identity(g sheet.Grid, p split) bool {
	for d, dim := range g.Dims {
		if slices.Max(p[d])+1 != len(dim.Codes) {
			return false
		}
	}
	return true
}

// describe says which codes are merged.
func describe(g sheet.Grid, p split) (zh, en string) {
	var list []string
	for d, dim := range g.Dims {
		members := make([][]int, slices.Max(p[d])+1)
		for i, c := range p[d] {
			members[c] = append(members[c], i)
		}
		for _, m := range members {
			if len(m) > 1 {
				var names []string
				for _, i := range m {
					names = append(names, dim.Codes[i])
				}
				list = append(list, dim.Name+" {"+strings.Join(names, ", ")+"}")
			}
		}
	}
	const most = 6
	if len(list) > most {
		list = append(list[:most], "…")
	}
	text := strings.Join(list, "; ")
	return text, text
}
