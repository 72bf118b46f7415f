package register

import (
	"cmp"
	"maps"
	"math/big"
	"math/bits"
	"slices"
)

func sorted[V any](m map[int]V) []int {
	return slices.Sorted(maps.Keys(m))
}

// pairs tests every new row of the candidate against every row of the history,
// and against the candidate's own rows of another measure.
//
// Let A and B be rows and D(r) the units with c(A) != r c(B). D(1) is counted
// for every pair that overlaps. Another ratio is tested if it is that of most
// units of the overlap: units in only one row are in every D(r), so D(r) can be
// small only if those are few, and of an overlap of 2t units and more no other
// ratio leaves fewer than t. Below 2t units the ratio of a minority is not a
// relation of the data that an attacker knows without them, but what those
// units know of themselves; the threshold of the cell is there for that.
func (t *trial) pairs() {
	if t.p.off.pair && t.p.off.dominance || t.over {
		return
	}
	wide := t.cand().Measures + 1
	sheets := t.cand().sheets
	fresh := make([]*view, len(sheets)) // nil if all of it is known
	for k, s := range sheets {
		if slices.Contains(t.fresh[s.table], true) && !slices.ContainsFunc(fresh[:k], func(v *view) bool { return v != nil && v.id == s.table }) {
			fresh[k] = t.weighed(s.table)
		}
	}
	var f flat
	for _, id := range t.earlier() {
		t.flatten(&f, t.view(id))
		for _, a := range fresh {
			if a != nil && !t.pair(a, &f, false) {
				return
			}
		}
	}
	for h, o := range sheets {
		t.flatten(&f, t.view(o.table))
		for k, a := range fresh {
			if a != nil && h%wide > k%wide && o.table != a.id && !t.pair(a, &f, true) {
				return
			}
		}
	}
}

// weighed is a view with its rows added up, and with what each atom gives.
func (t *trial) weighed(id int) *view {
	v := t.view(id)
	if v.rows != nil {
		return v
	}
	t.lists(v)
	v.rows = t.sums(v, nil)
	for i := range v.list {
		p := &v.list[i]
		s := t.stat(p.atom, p.label)
		p.n, p.sum, p.mass = s.n, s.sum, s.mass
	}
	return v
}

// A flat is a table laid out by atom, for one pass of all of the candidate's
// over it.
type flat struct {
	v     *view
	only  []entry // atom -> its entry; row -1 if none, -2 if several
	rows  []stat  // units, mass, top and sign only
	seen  []overlap
	touch []int32
}

func (t *trial) flatten(f *flat, v *view) {
	f.v = v
	f.rows = append(f.rows[:0], make([]stat, len(v.t.rows))...)
	f.seen = append(f.seen[:0], make([]overlap, len(v.t.rows))...)
	f.only = append(f.only[:0], make([]entry, t.n)...)
	for a := range f.only {
		es := v.at(uint32(a))
		switch len(es) {
		case 0:
			f.only[a].row = -1
			continue
		case 1:
			f.only[a] = es[0]
		default:
			f.only[a].row = -2
		}
		for _, e := range es {
			s, row := t.stat(uint32(a), e.label), &f.rows[e.row]
			row.n += s.n
			row.mass += s.mass
			row.top = max(row.top, s.top)
			row.neg = row.neg || s.neg
		}
	}
	t.work += int64(t.n)
}

// How far two rows are known to each other.
const (
	unmet = iota
	near  // their overlap is counted
	far   // it need not be
)

// An overlap is what two rows have in common.
type overlap struct {
	state        uint8
	both, same   int64 // units in both rows; those with equal contributions
	mass         int64 // of equal contributions
	massA, massB int64 // of the others
	low          int64 // at least this is the sum of the others' differences
}

// pair tests a table of the candidate against another; own says that that one
// is the candidate's too.
func (t *trial) pair(a *view, b *flat, own bool) bool {
	fresh := t.fresh[a.id]
	for i := range fresh {
		if !fresh[i] {
			continue
		}
		list := a.places(narrow[int32](i))
		for k := range list {
			p := &list[k]
			e := b.only[p.atom]
			if e.row >= 0 {
				if o := &b.seen[e.row]; o.state != far {
					t.overlap(a, b, i, p, e)
				}
				continue
			}
			if e.row == -2 {
				for _, e := range b.v.at(p.atom) {
					t.overlap(a, b, i, p, e)
				}
			}
		}
		if !t.spend(len(list)) {
			return false
		}
		for _, j := range b.touch {
			if b.seen[j].state == near && !t.full() && !t.over {
				t.judge(a, b, int32(i), j, &b.seen[j], own)
			}
			b.seen[j] = overlap{}
		}
		b.touch = b.touch[:0]
	}
	return true
}

func (t *trial) overlap(a *view, b *flat, i int, p *place, e entry) {
	o := &b.seen[e.row]
	if o.state == unmet {
		b.touch = append(b.touch, e.row)
		if o.state = near; t.apart(&a.rows[i], &b.rows[e.row]) {
			o.state = far
		}
	}
	if o.state == far {
		return
	}
	o.both += p.n
	if p.label == e.label {
		o.same += p.n
		o.mass += p.mass
		return
	}
	y := t.stat(p.atom, e.label)
	o.massA += p.mass
	o.massB += y.mass
	if d := p.sum - y.sum; d < 0 {
		o.low -= d
	} else {
		o.low += d
	}
}

// apart says that two rows are so different in size that no overlap of theirs
// can leave a difference that is small, or dominated by two units.
func (t *trial) apart(a, b *stat) bool {
	n, mass := a.n-b.n, a.mass-b.mass
	return max(n, -n) >= int64(t.p.T) && !a.neg && !b.neg &&
		!below(max(mass, -mass), 100, max(a.top, b.top), 200+t.p.P)
}

// judge decides about one pair of rows.
func (t *trial) judge(a *view, f *flat, i, j int32, o *overlap, own bool) {
	b := f.v
	ra, rb, least := &a.rows[i], &f.rows[j], int64(t.p.T)
	apart := ra.n + rb.n - 2*o.both // in one of the two only
	diff := apart + o.both - o.same
	if diff == 0 {
		t.shared(b, own)
		return
	}
	// Between two measures of one release 1 is a ratio like any other.
	if diff < least && (!own || 2*o.same > o.both) {
		t.refuse(Pair, a, b, i, j, own, big.NewRat(1, 1), diff)
		return
	}
	if apart < least && o.both > o.same {
		if t.proportional(a, b, i, j, o.both, own) {
			return
		}
	}
	if t.p.off.dominance {
		return
	}
	top := max(ra.top, rb.top)
	if ra.neg || rb.neg {
		top = ra.top + rb.top
	}
	mass := ra.mass + rb.mass - 2*o.mass - o.massA - o.massB + o.low
	if !below(mass, 100, top, 200+t.p.P) {
		return // even if the two largest of all were in it
	}
	if d := t.difference(a, b, i, j); d.dominated(t.p.P) {
		t.refuse(Dominance, a, b, i, j, own, big.NewRat(1, 1), d.n)
	}
}

// structural says that two items of the candidate differ by fewer than t units
// as sets: then whether both may be seen is a matter of adding up items within
// one release, and secondary suppression decides it for whole items.
func (t *trial) structural(a, b *view, i, j int32) bool {
	la, lb := t.layerOf(a.id), t.layerOf(b.id)
	if la == lb && i == j {
		return false
	}
	ua, ub := t.weighed(t.unitsTable(la)), t.weighed(t.unitsTable(lb))
	if len(ua.places(i)) > len(ub.places(j)) {
		ua, ub, i, j = ub, ua, j, i
	}
	var both int64
	for _, p := range ua.places(i) {
		if ub.in(p.atom, j) != none {
			both += p.n
		}
	}
	t.work += int64(len(ua.places(i)))
	d := ua.rows[i].n + ub.rows[j].n - 2*both
	return d > 0 && d < int64(t.p.T)
}

func (t *trial) layerOf(id int) int {
	for _, s := range t.cand().sheets {
		if s.table == id {
			return s.layer
		}
	}
	return -1
}

// unitsTable is the candidate's table of measure 0 of a layer.
func (t *trial) unitsTable(layer int) int {
	return t.cand().sheets[layer*(t.cand().Measures+1)].table
}

// shared notes that the rows are equal up to a factor.
func (t *trial) shared(b *view, own bool) {
	if !own {
		t.equivalent(b.id)
	}
}

func (t *trial) refuse(check string, a, b *view, i, j int32, own bool, ratio *big.Rat, units int64) {
	if t.over {
		return
	}
	if check == Pair && t.p.off.pair || own && t.structural(a, b, i, j) {
		return
	}
	t.found = append(t.found, Combination{
		Check: check, Units: int(units),
		Terms: []Term{
			t.term(a.id, i, true, big.NewRat(1, 1)),
			t.term(b.id, j, own, new(big.Rat).Neg(ratio)),
		},
	})
}

// proportional tests the ratio that most units of the overlap have, if there
// is one; true says that the pair is settled.
func (t *trial) proportional(a, b *view, i, j int32, both int64, own bool) bool {
	x, y, ok := t.ratio(a, b, i, j, both)
	if !ok || x == y {
		return false
	}
	// y c(A) - x c(B), unit by unit; at most 2^61, and scaled so that the sum
	// of 2^24 of them stays below 2^63.
	var d stat
	scale := max(0, bits.Len64(narrow[uint64](max(x, -x)+y))-8)
	for _, p := range t.union(a, b, i, j) {
		l, k := a.in(p, i), b.in(p, j)
		for _, u := range t.of(p) {
			if v := y*t.r.value(u, l) - x*t.r.value(u, k); v != 0 {
				d.take(v >> scale)
			}
		}
		if !t.spend(len(t.of(p))) {
			return true
		}
	}
	r := big.NewRat(x, y)
	switch {
	case d.n == 0:
		t.shared(b, own)
		return true
	case d.n < int64(t.p.T):
		t.refuse(Pair, a, b, i, j, own, r, d.n)
		return true
	case !t.p.off.dominance && d.dominated(t.p.P):
		t.refuse(Dominance, a, b, i, j, own, r, d.n)
		return true
	}
	return false
}

// ratio returns the ratio x/y of the contributions of most of some 2t units in
// both rows: one of each of as many atoms, spread evenly, or if there are not
// so many atoms, units spread evenly.
func (t *trial) ratio(a, b *view, i, j int32, both int64) (x, y int64, ok bool) {
	list, want := a.places(i), 2*t.p.T
	v := vote{want: want}
	if len(list) >= 3*want {
		for at := 0; at < len(list) && v.n < want && !v.lost(); at += len(list) / (3 * want) {
			if k := b.in(list[at].atom, j); k != none {
				units := t.of(list[at].atom)
				u := units[len(units)/2]
				v.cast(t.r.value(u, list[at].label), t.r.value(u, k))
			}
		}
	}
	if v.n < want && !v.lost() {
		every := max(1, both/int64(want))
		v = vote{want: int((both + every - 1) / every)}
		t.spread(a, b, i, j, every, &v)
	}
	t.work += int64(v.n)
	for _, f := range v.ratios {
		if 2*f.n > v.want {
			x, y = reduced(f.x, f.y)
			return x, y, true
		}
	}
	return 0, 0, false
}

// A vote finds what ratio most of want units have.
type vote struct {
	want, n, best int
	ratios        []frac
}

// frac is x/y, not reduced, and how many have it.
type frac struct {
	x, y int64
	n    int
}

func (v *vote) cast(x, y int64) {
	v.n++
	for i := range v.ratios {
		// Each is at most 2^30.
		if f := &v.ratios[i]; f.x*y == x*f.y {
			f.n++
			v.best = max(v.best, f.n)
			return
		}
	}
	v.ratios = append(v.ratios, frac{x, y, 1})
	v.best = max(v.best, 1)
}

// lost says that no ratio can have most any more.
func (v *vote) lost() bool { return 2*(v.best+v.want-v.n) <= v.want }

// spread lets every n-th unit of the overlap vote.
func (t *trial) spread(a, b *view, i, j int32, every int64, v *vote) {
	var passed int64
	for _, p := range a.places(i) {
		k := b.in(p.atom, j)
		if k == none {
			continue
		}
		units := t.of(p.atom)
		for at := (every - passed%every) % every; at < int64(len(units)); at += every {
			if v.cast(t.r.value(units[at], p.label), t.r.value(units[at], k)); v.lost() {
				return
			}
		}
		passed += int64(len(units))
		t.work++
	}
}

func reduced(x, y int64) (int64, int64) {
	g, h := x, y
	for h != 0 {
		g, h = h, g%h
	}
	if g == 0 {
		return 0, 1
	}
	x, y = x/g, y/g
	if y < 0 {
		x, y = -x, -y
	}
	return x, y
}

// union lists the atoms of two rows.
func (t *trial) union(a, b *view, i, j int32) []uint32 {
	t.lists(b)
	var out []uint32
	for _, p := range a.places(i) {
		out = append(out, p.atom)
	}
	for _, p := range b.places(j) {
		out = append(out, p.atom)
	}
	t.work += int64(len(out))
	slices.SortFunc(out, cmp.Compare[uint32])
	return slices.Compact(out)
}

// difference sums up c(A) - c(B) over the units where it is not zero.
func (t *trial) difference(a, b *view, i, j int32) stat {
	var d stat
	for _, p := range t.union(a, b, i, j) {
		l, k := a.in(p, i), b.in(p, j)
		switch {
		case l == k:
		case k == none:
			d.merge(t.stat(p, l))
		case l == none:
			d.merge(t.stat(p, k))
		default:
			d.merge(t.gap(p, l, k))
		}
	}
	return d
}
