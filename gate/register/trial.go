package register

import (
	"math/big"
	"math/bits"
)

// A trial is the register with the candidate as its last release, and what is
// known of it so far.
type trial struct {
	r    *Register
	p    Params
	n    int // atoms, the root included
	work int64

	stats  [][]stat  // label -> what its values are, per atom
	into   []landing // of covers
	tries  int64
	gaps   map[gap]stat   // of the differences of two labels in an atom
	units  []uint32       // by atom
	start  []uint32       // atom -> range in units
	views  map[int]*view  // table -> its view
	fresh  map[int][]bool // candidate's table -> rows that no earlier release has
	homes  map[int]home   // table -> an earlier release that has it
	alike  []bool         // releases that share an item with the candidate
	found  []Combination
	why    []string
	open   bool
	small  int
	filled int
	over   bool
	told   map[string]bool // relations that are among those found
	shut   bool            // of releases that were refused, and are pending, nothing came out
}

type home struct{ release, layer int }

type gap struct {
	atom uint32
	a, b uint16
}

// A stat sums up a value over the units of an atom or of a row. Holdings are
// units: each gives one value.
type stat struct {
	n          int64 // units
	sum        int64 // of the values
	mass       int64 // of their absolute values
	top, after int64 // the two largest absolute values
	neg        bool
}

func (s *stat) take(v int64) {
	s.n++
	s.sum += v
	if v < 0 {
		s.neg = true
		v = -v
	}
	s.mass += v
	switch {
	case v > s.top:
		s.top, s.after = v, s.top
	case v > s.after:
		s.after = v
	}
}

func (s *stat) merge(o *stat) {
	s.n, s.sum, s.mass, s.neg = s.n+o.n, s.sum+o.sum, s.mass+o.mass, s.neg || o.neg
	switch {
	case o.top > s.top:
		s.top, s.after = o.top, max(s.top, o.after)
	case o.top > s.after:
		s.after = o.top
	}
}

// dominated is the p% rule: the rest, without the two largest, is less than
// p percent of the largest.
func (s *stat) dominated(p int) bool {
	return s.top > 0 && below(s.mass-s.top-s.after, 100, s.top, p)
}

// below says that a x < b y, without overflow; none is negative.
func below(a int64, x int, b int64, y int) bool {
	h, l := bits.Mul64(narrow[uint64](a), narrow[uint64](x))
	k, m := bits.Mul64(narrow[uint64](b), narrow[uint64](y))
	return h < k || h == k && l < m
}

// A view is a table made ready: its patterns' entries, its atoms by row.
type view struct {
	id   int
	t    *table
	of   []uint32 // atom -> pattern
	off  []uint32 // pattern -> entries
	ents []entry
	from []uint32 // row -> range in list; made by lists
	list []place
	rows []stat // made by sums
}

type entry struct {
	row   int32
	label uint16
}

// A place is an atom of a row, with what it gives to it.
type place struct {
	atom      uint32
	label     uint16
	n         int64
	sum, mass int64
}

func newTrial(r *Register, p Params, shut bool) *trial {
	t := &trial{
		r: r, p: p, n: len(r.parent),
		shut: shut, told: map[string]bool{},
		gaps:  map[gap]stat{},
		views: map[int]*view{}, fresh: map[int][]bool{}, homes: map[int]home{},
		alike: make([]bool, len(r.releases)),
	}
	t.units, t.start = byUnit(r.atom, t.n)
	t.work += int64(len(r.atom))
	for k := t.last() - 1; k >= 0; k-- {
		rel := &r.releases[k]
		if t.out(k) {
			continue
		}
		if rel.col < 0 {
			t.undecided("a release is on record by name only")
		}
		for _, s := range rel.sheets {
			t.homes[s.table] = home{k, s.layer}
		}
	}
	t.meet()
	if len(r.columns)*t.n > maxKept || 8*t.n > maxStats {
		t.halt("more atoms and releases than can be laid out")
	}
	return t
}

func (t *trial) last() int      { return len(t.r.releases) - 1 }
func (t *trial) cand() *release { return &t.r.releases[t.last()] }
func (t *trial) full() bool     { return len(t.found) >= Listed }
func (t *trial) earlier() []int { return sorted(t.homes) }

// out says that an earlier release does not count.
func (t *trial) out(k int) bool {
	rel := &t.r.releases[k]
	return rel.gone || t.shut && rel.Refused && !rel.final
}

// Bounds of what a trial keeps.
const (
	maxStats = 1 << 22
	maxGaps  = 1 << 20
)

// halt ends the trial: what it says from here on is not to be relied on.
func (t *trial) halt(why string) {
	t.undecided(why)
	t.over = true
}

// spend counts steps; false says that the bound is met.
func (t *trial) spend(n int) bool {
	if t.over {
		return false
	}
	t.work += int64(n)
	if t.work > t.p.Work {
		t.undecided("the bound of work is met")
		return false
	}
	return true
}

// meet finds the candidate's rows that earlier releases have in common with
// it: what is known already adds nothing, and a release that shares one is
// equivalent to the candidate.
func (t *trial) meet() {
	const bits = 1 << 18
	mine := map[trace]bool{}
	maybe := make([]bool, bits) // most rows of the history are told apart here
	for _, s := range t.cand().sheets {
		for _, x := range t.r.tables[s.table].rows {
			if x != (trace{}) {
				mine[x] = false
				maybe[x[0]%bits] = true
			}
		}
	}
	shares := map[int]bool{}
	for id := range t.homes {
		for _, x := range t.r.tables[id].rows {
			if !maybe[x[0]%bits] {
				continue
			}
			if _, ok := mine[x]; ok {
				mine[x], shares[id] = true, true
			}
		}
		t.work += int64(len(t.r.tables[id].rows))
	}
	for _, s := range t.cand().sheets {
		rows := t.r.tables[s.table].rows
		fresh := make([]bool, len(rows))
		for i, x := range rows {
			fresh[i] = x != (trace{}) && !mine[x]
		}
		t.fresh[s.table] = fresh
	}
	for id := range shares {
		t.equivalent(id)
	}
}

// equivalent marks the releases that have the table.
func (t *trial) equivalent(id int) {
	for k := range t.last() {
		for _, s := range t.r.releases[k].sheets {
			if s.table == id && !t.out(k) {
				t.alike[k] = true
			}
		}
	}
}

// view makes a table ready.
func (t *trial) view(id int) *view {
	if v := t.views[id]; v != nil {
		return v
	}
	tb := &t.r.tables[id]
	col := &t.r.columns[tb.col]
	v := &view{id: id, t: tb, of: col.spread(t.r.parent), off: make([]uint32, len(col.off))}
	for p := range len(col.off) - 1 {
		for e := col.off[p]; e < col.off[p+1]; e++ {
			if i, l := tb.row[col.cell[e]], col.at(e, tb.measure); i >= 0 && l != none {
				v.ents = append(v.ents, entry{i, l})
			}
		}
		v.off[p+1] = narrow[uint32](len(v.ents))
	}
	t.work += int64(len(v.ents))
	t.views[id] = v
	return v
}

// sums adds up the rows of a view into rows, which is cleared.
func (t *trial) sums(v *view, rows []stat) []stat {
	rows = append(rows[:0], make([]stat, len(v.t.rows))...)
	for a := 1; a < t.n; a++ {
		for _, e := range v.at(uint32(a)) {
			rows[e.row].merge(t.stat(uint32(a), e.label))
		}
	}
	t.work += int64(t.n)
	return rows
}

func (v *view) at(a uint32) []entry {
	p := v.of[a]
	return v.ents[v.off[p]:v.off[p+1]]
}

// in finds the label that the atom has in a row, none if it has none.
func (v *view) in(a uint32, row int32) uint16 {
	for _, e := range v.at(a) {
		if e.row == row {
			return e.label
		}
	}
	return none
}

// lists sorts the atoms by row.
func (t *trial) lists(v *view) {
	if v.from != nil {
		return
	}
	from := make([]uint32, len(v.t.rows)+1)
	for a := range v.of {
		for _, e := range v.at(uint32(a)) {
			from[e.row+1]++
		}
	}
	for i := range v.t.rows {
		from[i+1] += from[i]
	}
	v.list = make([]place, from[len(v.t.rows)])
	at := append([]uint32(nil), from...)
	for a := range v.of {
		for _, e := range v.at(uint32(a)) {
			v.list[at[e.row]] = place{atom: uint32(a), label: e.label}
			at[e.row]++
		}
	}
	v.from = from
}

func (v *view) places(row int32) []place { return v.list[v.from[row]:v.from[row+1]] }

// of lists the units of an atom.
func (t *trial) of(a uint32) []uint32 { return t.units[t.start[a]:t.start[a+1]] }

// stat sums up a label over an atom.
func (t *trial) stat(a uint32, l uint16) *stat {
	if (int(l) >= len(t.stats) || t.stats[l] == nil) && !t.fill(l) {
		return &stat{}
	}
	return &t.stats[l][a]
}

// fill sums up a label over all atoms, in the order of the units, which is
// about that of their values in memory. False says that there is no more room,
// and the trial is over.
func (t *trial) fill(l uint16) bool {
	if t.filled += t.n; t.filled > maxStats {
		t.halt("more atoms and values than can be summed up")
		return false
	}
	for int(l) >= len(t.stats) {
		t.stats = append(t.stats, nil)
	}
	all := make([]stat, t.n)
	for u, a := range t.r.atom {
		all[a].take(t.r.value(uint32(u), l))
	}
	t.stats[l] = all
	t.work += int64(len(t.r.atom))
	return true
}

// gap sums up the differences of two labels over an atom.
func (t *trial) gap(a uint32, l, k uint16) *stat {
	key := gap{a, l, k}
	s, ok := t.gaps[key]
	if !ok {
		for _, u := range t.of(a) {
			s.take(t.r.value(u, l) - t.r.value(u, k))
		}
		t.work += s.n
		if len(t.gaps) >= maxGaps {
			t.halt("more differences of values than can be summed up")
		}
		t.gaps[key] = s
	}
	return &s
}

// term names a row of a table: an item of the candidate or of the first
// release that has the table.
func (t *trial) term(id int, row int32, mine bool, x *big.Rat) Term {
	h := home{release: t.last()}
	if mine {
		for _, s := range t.cand().sheets {
			if s.table == id {
				h.layer = s.layer
			}
		}
	} else {
		h = t.homes[id]
	}
	rel := &t.r.releases[h.release]
	return Term{
		Release: rel.ID, Item: int(rel.layers[h.layer].items[row]),
		Measure: t.measure(rel, id), Coefficient: x,
	}
}

// measure is the measure of rel that the table stands for: releases may share
// a table under different measures.
func (t *trial) measure(rel *release, id int) int {
	for k, s := range rel.sheets {
		if s.table == id {
			return k % (rel.Measures + 1)
		}
	}
	return t.r.tables[id].measure
}
