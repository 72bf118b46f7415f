package register

import (
	"cmp"
	"slices"
)

// Releases cut the same people into different items, and what can be added up
// to the same can be compared. Unit sets are compared by their traces, which are
// linear: the trace of a union of disjoint items is the sum of theirs. So for
// the candidate's base cells and a layer of another release, the finest sets of
// cells that consist of the same units as some of the layer's items are found
// by one pass over the atoms, and every coarser one is a union of those.
//
// Sets that differ by fewer than t units need no attention here: the numbers
// of units stand beside every value, so that Pair or Span refuses them.

// A cut is a layer: the table of its units, and those of its values. Several
// releases may have it.
type cut struct {
	units  int
	values []int
	mine   bool
}

// cuts lists the layers of the history, each once, and the candidate's.
func (t *trial) cuts() (before, mine []cut) {
	at := map[int]int{}
	has := map[[2]int]bool{}
	for k := range t.r.releases {
		rel := &t.r.releases[k]
		if k != t.last() && t.out(k) || rel.col < 0 {
			continue
		}
		wide := rel.Measures + 1
		for l := range rel.layers {
			c := cut{units: rel.sheets[l*wide].table, mine: k == t.last()}
			for _, s := range rel.sheets[l*wide+1 : (l+1)*wide] {
				c.values = append(c.values, s.table)
			}
			if c.mine {
				mine = append(mine, c)
				continue
			}
			i, ok := at[c.units]
			if !ok {
				i = len(before)
				at[c.units] = i
				before = append(before, cut{units: c.units})
			}
			for _, id := range c.values {
				if key := [2]int{c.units, id}; !has[key] {
					has[key] = true
					before[i].values = append(before[i].values, id)
				}
			}
		}
	}
	return before, mine
}

// A ground is the candidate's base cells, shown or hidden, with their units.
type ground struct {
	of      []uint32 // atom -> pattern of the candidate's column
	col     *column
	trace   []trace    // cell -> its units, as a row of measure 0 has them
	atoms   [][]uint32 // cell -> its atoms
	several bool       // a unit stands in more than one cell
	root    []int32    // of join
}

func (t *trial) ground() *ground {
	col := &t.r.columns[t.cand().col]
	cells := t.cand().Cells
	g := &ground{of: col.spread(t.r.parent), col: col, trace: make([]trace, cells), atoms: make([][]uint32, cells)}
	for a := 1; a < t.n; a++ {
		in := g.cells(uint32(a))
		g.several = g.several || len(in) > 1
		for _, x := range in {
			g.trace[x].add(t.r.traces[a])
			g.atoms[x] = append(g.atoms[x], uint32(a))
		}
	}
	for x := range g.trace {
		g.trace[x] = g.trace[x].times(unity) // as in a row of units
	}
	t.work += int64(t.n + cells)
	return g
}

func (g *ground) cells(a uint32) []uint32 {
	p := g.of[a]
	return g.col.cell[g.col.off[p]:g.col.off[p+1]]
}

// whole is all cells that have a unit.
func (g *ground) whole() []int32 {
	var out []int32
	for x, tr := range g.trace {
		if tr != (trace{}) {
			out = append(out, int32(x))
		}
	}
	return out
}

// A match says which sets of base cells consist of the units of some of a cut's
// rows: the finest such sets.
type match struct {
	cut
	set   []int32   // cell -> set, -1 if it is in none
	cells []int32   // set -> how many cells
	rows  [][]int32 // set -> the cut's rows
}

// own matches a layer of the candidate.
func (t *trial) own(g *ground, c cut, layer int) match {
	row := t.cand().layers[layer].row
	m := match{cut: c, set: make([]int32, len(row))}
	at := map[int32]int32{}
	for x, i := range row {
		if m.set[x] = -1; i < 0 || g.trace[x] == (trace{}) {
			continue
		}
		s, ok := at[i]
		if !ok {
			s = narrow[int32](len(m.rows))
			at[i] = s
			m.rows, m.cells = append(m.rows, []int32{i}), append(m.cells, 0)
		}
		m.set[x] = s
		m.cells[s]++
	}
	t.work += int64(len(row))
	return m
}

// join matches a layer of the history: cells and rows that have an atom in
// common belong together, and a component in which both have the same units is
// a set. Where units stand in several cells a component says little; there
// cells are matched with rows one by one, and what is left as a whole.
func (t *trial) join(g *ground, c cut) match {
	v := t.view(c.units)
	n := len(g.trace)
	if len(g.root) < n+len(v.t.rows) {
		g.root = make([]int32, n+len(v.t.rows))
	}
	root := g.root[:n+len(v.t.rows)]
	for i := range root {
		root[i] = int32(i)
	}
	several := g.several
	for a := 1; a < t.n && !several; a++ {
		es, in := v.at(uint32(a)), g.cells(uint32(a))
		several = len(es) > 1
		if len(es) > 0 && len(in) > 0 {
			unite(root, narrow[int32](in[0]), narrow[int32](n)+es[0].row)
		}
	}
	t.work += int64(t.n + len(root))
	if several {
		single(root, g.trace, v.t.rows)
	}
	return g.sets(c, root, v.t.rows)
}

// single unites each cell with the row that has its units, and all others.
func single(root []int32, cells, rows []trace) {
	at := map[trace]int32{}
	for i := range root {
		root[i] = int32(i)
	}
	for j, x := range rows {
		if _, ok := at[x]; !ok && x != (trace{}) {
			at[x] = narrow[int32](len(cells) + j)
		}
	}
	left := make([]bool, len(root))
	for j, x := range rows {
		left[len(cells)+j] = x != trace{}
	}
	for x, tr := range cells {
		j, ok := at[tr]
		if left[x] = !ok && tr != (trace{}); ok {
			unite(root, int32(x), j)
			left[j] = false
			delete(at, tr)
		}
	}
	first := slices.Index(left, true)
	for i := range left {
		if left[i] {
			unite(root, narrow[int32](first), int32(i))
		}
	}
}

func lead(root []int32, i int32) int32 {
	for root[i] != i {
		root[i] = root[root[i]]
		i = root[i]
	}
	return i
}

func unite(root []int32, i, j int32) {
	if i, j = lead(root, i), lead(root, j); i != j {
		root[max(i, j)] = min(i, j)
	}
}

// sets are the components in which cells and rows have the same units.
func (g *ground) sets(c cut, root []int32, rows []trace) match {
	n := len(g.trace)
	sum := make([]trace, len(root))
	for x, tr := range g.trace {
		sum[lead(root, int32(x))].add(tr)
	}
	for j, tr := range rows {
		sum[lead(root, narrow[int32](n+j))].sub(tr)
	}
	m := match{cut: c, set: make([]int32, n)}
	at := make([]int32, len(root)) // component -> set + 1
	for x, tr := range g.trace {
		r := lead(root, int32(x))
		if m.set[x] = -1; tr == (trace{}) || sum[r] != (trace{}) {
			continue
		}
		if at[r] == 0 {
			m.rows, m.cells = append(m.rows, nil), append(m.cells, 0)
			at[r] = narrow[int32](len(m.rows))
		}
		m.set[x] = at[r] - 1
		m.cells[m.set[x]]++
	}
	for j, tr := range rows {
		if s := at[lead(root, narrow[int32](n+j))]; s > 0 && tr != (trace{}) {
			m.rows[s-1] = append(m.rows[s-1], int32(j))
		}
	}
	return m
}

// within returns the rows of the cut that make up a set of cells, false if none
// do.
func (m *match) within(cells []int32) (rows []int32, ok bool) {
	var sets []int32
	left := len(cells)
	for _, x := range cells {
		s := m.set[x]
		if s < 0 || int(m.cells[s]) > len(cells) {
			return nil, false
		}
		if n := len(sets); n == 0 || sets[n-1] != s {
			sets = append(sets, s)
		}
	}
	slices.Sort(sets)
	for _, s := range slices.Compact(sets) {
		left -= int(m.cells[s])
		rows = append(rows, m.rows[s]...)
	}
	if left != 0 {
		return nil, false
	}
	slices.Sort(rows)
	return rows, true
}

// bySet lists the cells of each set.
func (m *match) bySet() [][]int32 {
	out := make([][]int32, len(m.rows))
	for x, s := range m.set {
		if s >= 0 {
			out[s] = append(out[s], int32(x))
		}
	}
	return out
}

// owns matches the candidate's layers, those of the fewest rows first.
func (t *trial) owns(g *ground, cuts []cut) []match {
	out := make([]match, len(cuts))
	for l, c := range cuts {
		out[l] = t.own(g, c, l)
	}
	slices.SortStableFunc(out, func(a, b match) int { return cmp.Compare(len(a.rows), len(b.rows)) })
	return out
}

// alikes marks the releases of other domains than the candidate's that show
// the same people: if items of one add up to items of the other in this domain,
// their difference is a matter of the domains that only one of them has.
func (t *trial) alikes() {
	if t.p.off.domains || t.over {
		return
	}
	other := map[int]bool{} // tables of units of releases of other domains
	for k := range t.last() {
		rel := &t.r.releases[k]
		if t.out(k) || rel.col < 0 || t.alike[k] || alike(rel.Members, t.cand().Members) {
			continue
		}
		for l := range rel.layers {
			other[rel.sheets[l*(rel.Measures+1)].table] = true
		}
	}
	if len(other) == 0 {
		return
	}
	before, mine := t.cuts()
	g := t.ground()
	owns := t.owns(g, mine)
	for _, c := range before {
		if !other[c.units] {
			continue
		}
		m := t.join(g, c)
		if !t.spend(len(g.trace)) {
			return
		}
		if t.comparable(owns, &m) {
			t.equivalent(c.units)
		}
	}
}

// comparable says that rows of the candidate add up to rows of the cut.
func (t *trial) comparable(owns []match, m *match) bool {
	for k := range owns {
		for _, cells := range m.bySet() {
			if _, ok := owns[k].within(cells); ok {
				return true
			}
		}
		for _, cells := range owns[k].bySet() {
			if _, ok := m.within(cells); ok {
				return true
			}
		}
		t.work += int64(len(m.set))
	}
	return false
}
