package register

import (
	"cmp"
	"math/big"
	"slices"
)

// The row-space test. Unknowns are (class, label): the sum over the units of a
// class of the value that the label stands for. A released row is a sum of
// unknowns with coefficient one. The question is whether a combination of rows
// is left with classes of fewer than t units in all.
//
//  1. Classes are atoms that every row takes or leaves alike. If none has fewer
//     than t units, no combination can rest on fewer, and nothing is computed.
//  2. A table whose rows are unions of rows of another adds nothing.
//  3. Whatever rests on fewer than t units is zero on every large class. Rows
//     are eliminated on those, the shortest first, so that a row of a coarse
//     table is reduced by the short ones inside it. What is left of the rows
//     lives on small classes only, and falls apart into small blocks.
//  4. In each block the lightest vector is searched for (weight.go).
//
// What earlier releases gave away by themselves is not the candidate's doing
// and not counted. If no earlier release touches the candidate, sums of one
// measure within it are not either: hiding whole items for each other's sake is
// the gate's part. As soon as one does, everything is counted, because what is
// public already can undo what the gate hides (Protect then says what to hide).

// A line is a row in the test: its unknowns, ascending.
type line struct {
	table int
	row   int32
	mine  bool
	cols  []int32
}

// A space is the state of the test.
type space struct {
	t      *trial
	class  []uint32 // atom -> class
	weight []int64  // class -> units
	labels map[uint16]int32
	lines  []line
	old    int // lines of earlier releases, which come first
	cols   int // unknowns
}

func (t *trial) span() {
	if t.p.off.span || t.full() || t.over {
		return
	}
	s := &space{t: t, labels: map[uint16]int32{}}
	before, mine := s.tables()
	if len(mine) == 0 {
		t.why = append(t.why, "every item of the candidate is known from earlier releases")
		return
	}
	all := append(slices.Clone(before), mine...)
	s.classes(all)
	for _, w := range s.weight {
		if w > 0 && w < int64(t.p.T) {
			t.small++
		}
	}
	if t.small == 0 {
		t.why = append(t.why, "no class of units that all releases treat alike has fewer than t units, so that no combination can rest on fewer")
		return
	}
	if t.n > t.p.AtomCap {
		t.undecided("more atoms than the cap")
		return
	}
	if s.build(before, mine) {
		s.solve()
	}
}

// tables lists the tables to be tested, without those that add nothing: the
// history's, and the candidate's.
func (s *space) tables() (before, mine []int) {
	t := s.t
	fine := func(ids []int) []int {
		slices.SortStableFunc(ids, func(a, b int) int { return cmp.Compare(t.nonempty(b), t.nonempty(a)) })
		return ids
	}
	for _, id := range fine(t.earlier()) {
		if !slices.ContainsFunc(before, func(k int) bool { return t.covers(k, id) }) {
			before = append(before, id)
		}
	}
	var own []int
	for _, sh := range t.cand().sheets {
		if slices.Contains(t.fresh[sh.table], true) && !slices.Contains(own, sh.table) {
			own = append(own, sh.table)
		}
	}
	for _, id := range fine(own) {
		by := func(k int) bool { return t.covers(k, id) }
		if !slices.ContainsFunc(before, by) && !slices.ContainsFunc(mine, by) {
			mine = append(mine, id)
		}
	}
	return before, mine
}

// nonempty counts the rows of a table that are not empty.
func (t *trial) nonempty(id int) int {
	n := 0
	for _, x := range t.r.tables[id].rows {
		if x != (trace{}) {
			n++
		}
	}
	return n
}

// covers says that every row of the coarse table is a union of whole rows of
// the fine one, with the same labels.
func (t *trial) covers(fine, coarse int) bool {
	f, c := t.view(fine), t.view(coarse)
	const outside = -1
	if t.into == nil || len(t.into) < len(f.t.rows) {
		t.into = make([]landing, max(len(f.t.rows), 1<<12))
	}
	t.tries++
	for a := 1; a < t.n; a++ {
		es, gs := f.at(uint32(a)), c.at(uint32(a))
		if len(es) > 1 || len(gs) > 1 {
			return false
		}
		to := int32(outside)
		if len(gs) == 1 {
			if len(es) == 0 || es[0].label != gs[0].label {
				return false
			}
			to = gs[0].row
		}
		if len(es) == 0 {
			continue
		}
		if x := &t.into[es[0].row]; x.try != t.tries {
			*x = landing{t.tries, to}
		} else if x.row != to {
			t.work += int64(a)
			return false
		}
	}
	t.work += int64(t.n)
	return true
}

// A landing is the coarse row that a fine row was found in, in one try.
type landing struct {
	try int64
	row int32
}

// classes merges the atoms that all tables treat alike.
func (s *space) classes(ids []int) {
	t := s.t
	keys := make([]trace, t.n)
	for k, id := range ids {
		v := t.view(id)
		for a := 1; a < t.n; a++ {
			for _, e := range v.at(uint32(a)) {
				h := mix(mix(uint64(k)<<32|narrow[uint64](e.row)) ^ uint64(e.label))
				keys[a].add(trace{h, mix(^h)})
			}
		}
		t.work += int64(t.n)
	}
	s.class = make([]uint32, t.n)
	s.weight = []int64{0} // class 0: in no row
	seen := map[trace]uint32{{}: 0}
	for a := 1; a < t.n; a++ {
		c, ok := seen[keys[a]]
		if !ok {
			c = narrow[uint32](len(s.weight))
			seen[keys[a]] = c
			s.weight = append(s.weight, 0)
		}
		s.class[a] = c
		if c > 0 {
			s.weight[c] += int64(t.r.size[a])
		}
	}
}

// col is the unknown of a class and a label; of is its class.
func (s *space) col(class uint32, l uint16) int32 {
	k, ok := s.labels[l]
	if !ok {
		k = narrow[int32](len(s.labels))
		s.labels[l] = k
	}
	return k*narrow[int32](len(s.weight)) + narrow[int32](class)
}

func (s *space) of(col int32) int32    { return col % narrow[int32](len(s.weight)) }
func (s *space) weigh(col int32) int64 { return s.weight[s.of(col)] }
func (s *space) large(col int32) bool  { return s.weigh(col) >= int64(s.t.p.T) }

// build makes the lines, each distinct row once: the history's first, and
// within either part the shortest first.
func (s *space) build(before, mine []int) bool {
	seen := map[trace]bool{}
	for part, ids := range [][]int{before, mine} {
		for _, id := range ids {
			v := s.t.view(id)
			s.t.lists(v)
			if !s.t.spend(len(v.list)) {
				return false
			}
			for i, x := range s.t.r.tables[id].rows {
				if x == (trace{}) || seen[x] {
					continue
				}
				seen[x] = true
				l := line{table: id, row: int32(i), mine: part == 1}
				for _, p := range v.places(int32(i)) {
					l.cols = append(l.cols, s.col(s.class[p.atom], p.label))
				}
				slices.Sort(l.cols)
				l.cols = slices.Compact(l.cols)
				s.lines = append(s.lines, l)
			}
		}
		if part == 0 {
			s.old = len(s.lines)
		}
	}
	s.cols = len(s.labels) * len(s.weight)
	if s.cols > 1<<26 {
		s.t.undecided("more unknowns than can be tested")
		return false
	}
	short := func(a, b line) int { return cmp.Compare(len(a.cols), len(b.cols)) }
	slices.SortStableFunc(s.lines[:s.old], short)
	slices.SortStableFunc(s.lines[s.old:], short)
	return true
}

// A rest is what elimination leaves of a line on the small classes.
type rest struct {
	vec  sparse
	made int // the reduction that made it
	from *elimination
	old  bool // known without the candidate
}

// solve eliminates and searches the blocks.
func (s *space) solve() {
	if !s.touch() {
		s.lines, s.old = s.lines[s.old:], 0
	}
	var rests []rest
	if s.old == 0 {
		for _, part := range s.byMeasure() {
			e, ok := s.eliminate(part)
			if !ok {
				return
			}
			for _, x := range e.left {
				rests = append(rests, rest{vec: x.vec, made: x.made, from: e, old: true})
			}
		}
	}
	every := make([]int, len(s.lines))
	for i := range every {
		every[i] = i
	}
	e, ok := s.eliminate(every)
	if !ok {
		return
	}
	for _, x := range e.left {
		rests = append(rests, rest{vec: x.vec, made: x.made, from: e, old: !s.lines[e.order[x.made]].mine})
	}
	for _, block := range blocks(rests) {
		if !slices.ContainsFunc(block, func(x rest) bool { return !x.old }) {
			continue
		}
		if s.t.full() || !s.search(block) {
			return
		}
	}
}

// touch says that a line of the history and one of the candidate have an
// unknown in common. If none has, neither can help the other.
func (s *space) touch() bool {
	mine := make([]bool, s.cols)
	for _, l := range s.lines[s.old:] {
		for _, c := range l.cols {
			mine[c] = true
		}
	}
	return slices.ContainsFunc(s.lines[:s.old], func(l line) bool {
		return slices.ContainsFunc(l.cols, func(c int32) bool { return mine[c] })
	})
}

// byMeasure groups the candidate's lines.
func (s *space) byMeasure() [][]int {
	parts := make([][]int, s.t.cand().Measures+1)
	for i, l := range s.lines {
		m := s.t.measure(s.t.cand(), l.table)
		parts[m] = append(parts[m], i)
	}
	return parts
}

// blocks groups rests that share an unknown, directly or over others. The
// lightest vector of a direct sum lies in one of its parts.
func blocks(rests []rest) [][]rest {
	root := make([]int, len(rests))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	owner := map[int32]int{}
	for i, x := range rests {
		for _, c := range x.vec.cols {
			if o, ok := owner[c]; ok {
				root[find(i)] = find(o)
			} else {
				owner[c] = i
			}
		}
	}
	at := map[int]int{}
	var out [][]rest
	for i, x := range rests {
		k, ok := at[find(i)]
		if !ok {
			k = len(out)
			at[find(i)] = k
			out = append(out, nil)
		}
		out[k] = append(out[k], x)
	}
	return out
}

// confirm recomputes over the rationals a combination that rests on few units
// modulo the prime, and reports it.
func (s *space) confirm(mod map[int]uint64) {
	lead := -1
	for i := range mod {
		if mod[i] != 0 && (lead < 0 || i < lead) {
			lead = i
		}
	}
	if lead < 0 {
		s.t.undecided("a combination that could not be confirmed")
		return
	}
	inv := modInv(mod[lead])
	sum := map[int32]*big.Rat{}
	c := Combination{Check: Span}
	for i := range s.lines {
		if mod[i] == 0 {
			continue
		}
		x := rational(modMul(mod[i], inv))
		if x == nil {
			s.t.undecided("a combination that could not be confirmed")
			return
		}
		l := &s.lines[i]
		for _, col := range l.cols {
			if sum[col] == nil {
				sum[col] = new(big.Rat)
			}
			sum[col].Add(sum[col], x)
		}
		c.Terms = append(c.Terms, s.t.term(l.table, l.row, l.mine, x))
	}
	in := map[int32]bool{}
	for col, x := range sum {
		if k := s.of(col); x.Sign() != 0 && !in[k] {
			in[k] = true
			c.Units += int(s.weight[k])
		}
	}
	if c.Units == 0 || c.Units >= s.t.p.T {
		s.t.undecided("a combination that could not be confirmed")
		return
	}
	s.t.found = append(s.t.found, c)
}
