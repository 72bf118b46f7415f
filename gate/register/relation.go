package register

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// The numeric test. Span takes values for unknowns that have nothing to do with
// each other; a program can relate them: h = f + g for everybody but one, or
// f and f + 1 beside the number of units. So wherever values of several measures
// are published of the same people, in items or in sums of items, a combination
// of them is looked for that vanishes on nearly all of those people and not on
// all: what is left of the published sums then belongs to the few.
//
// Such a combination is a light word of a code, and found as one (information
// set decoding: Prange 1962). One that vanishes on k-1 people drawn at random is
// determined by them, and is the one sought for whenever none of the few is
// drawn. So people are drawn as often as it takes.
//
// Any k-1 people are related by some combination. A relation is more than that:
// it holds for most of those who take part in it, and either for three times as
// many as determine it, or for people of more kinds than that by four. Values
// that are all 1 or 2 can be so related by accident, and a rule for them that is
// blind would be blind to a program that does it on purpose.
//
// Combinations of two items are left to pairs, those of earlier releases alone
// to their own day, and those of one measure within the candidate to
// suppression, which is why of the candidate's layers one is taken at a time.

// Bounds of the search.
const (
	maxStrands = 48  // rows over the same people
	maxApiece  = 4   // items of a layer that may have coefficients of their own
	maxTriples = 24  // rows of which all triples are tried
	sampled    = 64  // people that are looked at first, if there are no reasons for more
	maxDraws   = 512 // of people, for one set of rows
	leastDraws = 16
	missed     = 14 // e^-14, below one in a million
)

// A strand is a row of the numeric test: items of one table, added up.
type strand struct {
	v     *view
	rows  []int32 // ascending
	trace trace
	mine  bool // the candidate's
	fresh bool // and known from nowhere else
}

// A weave is the values of the strands over the people of a set of cells.
type weave struct {
	t       *trial
	strands []strand
	sums    map[trace]bool // what the strands add up to: each, and those of a cut
	atoms   []uint32
	upto    []int64    // atom of the list -> units up to and with it
	n       int64      // units
	x       [][]uint64 // some units: what each gives to each strand
	all     bool       // x is all units
	seed    uint64
	drawn   uint64
	short   bool    // not everything was tried
	top     int64   // the largest value that was seen
	own     []int64 // values of the unit at hand, so far
	next    uint32
}

// relations tests every set of people of whom the candidate publishes values.
func (t *trial) relations() {
	if t.p.off.relation || t.over || t.full() || t.cand().Measures == 0 || !t.news() {
		return
	}
	before, mine := t.cuts()
	g := t.ground()
	owns := t.owns(g, mine)
	var olds []match
	for _, c := range before {
		if len(c.values) > 0 {
			olds = append(olds, t.join(g, c))
		}
	}
	seen := map[trace]bool{}
	try := func(cells []int32) bool {
		var key trace
		for _, x := range cells {
			key.add(g.trace[x])
		}
		if seen[key] {
			return true
		}
		seen[key] = true
		return t.related(g, cells, key, owns, olds)
	}
	for _, list := range [][]match{owns, olds} {
		for k := range list {
			for _, cells := range list[k].bySet() {
				if !try(cells) {
					return
				}
			}
		}
	}
	try(g.whole())
}

// news says that the candidate has a row that is not known.
func (t *trial) news() bool {
	return slices.ContainsFunc(t.cand().sheets, func(s sheet) bool { return slices.Contains(t.fresh[s.table], true) })
}

// related tests one set of people; false ends the test. A layer of the
// candidate that has them as one item is taken, and others that have them as a
// few, which may have coefficients of their own.
func (t *trial) related(g *ground, cells []int32, key trace, owns, olds []match) bool {
	if !t.spend(len(cells) + len(olds)) {
		return false
	}
	var others []part
	met := false
	for k := range owns {
		rows, ok := owns[k].within(cells)
		if !ok || met && len(rows) > maxApiece {
			continue
		}
		for i := range olds {
			if met {
				break
			}
			if p, ok := olds[i].within(cells); ok {
				others = append(others, part{&olds[i], p})
			}
		}
		slices.SortStableFunc(others, func(a, b part) int { return cmp.Compare(len(a.of), len(b.of)) })
		met = true
		w := &weave{t: t, seed: key[0] ^ binary.LittleEndian.Uint64(t.r.last[:])}
		for apiece := maxApiece; apiece >= 0 && (apiece == maxApiece || len(w.strands) > maxStrands); apiece -= maxApiece {
			w.strands, w.sums = nil, map[trace]bool{}
			for _, o := range others {
				w.gather(o.match, o.of, apiece)
			}
			w.gather(&owns[k], rows, apiece)
		}
		if w.run(g, cells); t.over || t.full() || !t.spend(0) {
			return false
		}
	}
	return true
}

// A part is a cut that has the people, and the rows in which it has them.
type part struct {
	*match
	of []int32
}

// run searches what was gathered.
func (w *weave) run(g *ground, cells []int32) {
	switch {
	case !w.worth():
	case len(w.strands) > maxStrands:
		w.t.undecided("more values of the same units than can be related")
	default:
		w.people(g, cells)
		w.search()
		if w.short {
			w.t.undecided("values of the same units, so many that not every relation could be tried")
		}
	}
}

// gather adds the rows of a cut, singly if there are few and else as their sum.
// Of rows that add up to what is there already, all but one are enough.
func (w *weave) gather(m *match, rows []int32, apiece int) {
	for _, id := range append([]int{m.units}, m.values...) {
		v := w.t.view(id)
		if len(rows) > apiece {
			w.add(v, rows, m.mine)
			continue
		}
		sum := v.sum(rows)
		part := rows
		if w.sums[sum] {
			part = rows[:len(rows)-1]
		}
		for i := range part {
			w.add(v, rows[i:i+1], m.mine)
		}
		w.sums[sum] = true
	}
}

func (v *view) sum(rows []int32) (sum trace) {
	for _, i := range rows {
		sum.add(v.t.rows[i])
	}
	return sum
}

// add makes a strand of what is not there yet.
func (w *weave) add(v *view, rows []int32, mine bool) {
	s := strand{v: v, rows: rows, mine: mine, trace: v.sum(rows)}
	if s.trace == (trace{}) || slices.ContainsFunc(w.strands, func(o strand) bool { return o.trace == s.trace }) {
		return
	}
	for _, i := range rows {
		s.fresh = s.fresh || mine && w.t.fresh[v.id][i]
	}
	w.sums[s.trace] = true
	w.strands = append(w.strands, s)
}

// worth says that there is something that neither pairs nor span has seen.
func (w *weave) worth() bool {
	fresh := func(s strand) bool { return s.fresh }
	value := func(s strand) bool { return s.v.t.measure > 0 }
	sum := func(s strand) bool { return len(s.rows) > 1 }
	return slices.ContainsFunc(w.strands, fresh) && slices.ContainsFunc(w.strands, value) &&
		(len(w.strands) > 2 || len(w.strands) == 2 && slices.ContainsFunc(w.strands, sum))
}

// people lists those in the cells, and looks at some of them, or all.
func (w *weave) people(g *ground, cells []int32) {
	for _, x := range cells {
		w.atoms = append(w.atoms, g.atoms[x]...)
	}
	if g.several {
		slices.Sort(w.atoms)
		w.atoms = slices.Compact(w.atoms)
	}
	for _, a := range w.atoms {
		w.n += int64(w.t.r.size[a])
		w.upto = append(w.upto, w.n)
	}
	w.t.work += int64(len(w.atoms))
	some := max(sampled, 3*len(w.strands), 4*w.t.p.T)
	if w.n <= narrow[int64](some+some/2) {
		w.all = true
		for i := range w.n {
			w.look(w.unit(i))
		}
		for i := range w.x { // in any order
			j := i + w.draw(len(w.x)-i)
			w.x[i], w.x[j] = w.x[j], w.x[i]
		}
		return
	}
	for seen := map[int]bool{}; len(seen) < some; {
		if i := w.draw(narrow[int](w.n)); !seen[i] {
			seen[i] = true
			w.look(w.unit(int64(i)))
		}
	}
}

// draw is a number below n, the same in every run on the same history.
func (w *weave) draw(n int) int {
	w.drawn++
	return narrow[int](mix(w.seed+w.drawn*0x9e3779b97f4a7c15) % narrow[uint64](n))
}

// unit is the i-th unit, with its atom.
func (w *weave) unit(i int64) (u, atom uint32) {
	k, _ := slices.BinarySearch(w.upto, i+1)
	of := w.t.of(w.atoms[k])
	return of[int64(len(of))-(w.upto[k]-i)], w.atoms[k]
}

func (w *weave) look(u, a uint32) { w.x = append(w.x, w.values(make([]uint64, len(w.strands)), u, a)) }

// values is what a unit gives to each strand, modulo the prime.
func (w *weave) values(x []uint64, u, a uint32) []uint64 {
	w.own, w.next = w.own[:0], w.t.r.head[u]
	for k := range w.strands {
		s := &w.strands[k]
		var sum int64
		for _, e := range s.v.at(a) {
			in := e.row == s.rows[0]
			if !in && len(s.rows) > 1 {
				_, in = slices.BinarySearch(s.rows, e.row)
			}
			if in {
				sum += w.value(e.label)
			}
		}
		w.top = max(w.top, sum, -sum)
		if x[k] = narrow[uint64](sum); sum < 0 {
			x[k] = prime - narrow[uint64](-sum)
		}
	}
	w.t.work += int64(len(w.strands))
	return x
}

// value is what a label of the unit at hand stands for; its values lie far apart
// in memory, and are fetched once.
func (w *weave) value(l uint16) int64 {
	if l < first {
		return int64(l)
	}
	for int(l-first) >= len(w.own) && w.next != 0 {
		w.own = append(w.own, int64(w.t.r.values[w.next-1]))
		w.next = w.t.r.next[w.next-1]
	}
	if int(l-first) >= len(w.own) {
		return 0
	}
	return w.own[l-first]
}

// search looks for relations until one is found, or enough was tried.
func (w *weave) search() {
	if !w.reduce() || len(w.strands) < 2 || !slices.ContainsFunc(w.strands, func(s strand) bool { return s.fresh }) {
		return
	}
	k := len(w.strands)
	every := make([]int, k)
	for i := range every {
		every[i] = i
	}
	few := min(int64(w.t.p.T)-1, (w.n-1)/2)
	if w.tries(every, w.draws(k, few)) || w.draws(k, few) < maxDraws {
		return
	}
	w.short = w.short || w.draws(k, min(few, 2)) == maxDraws || k > maxTriples
	if k > maxTriples {
		return
	}
	for a := range k {
		for b := a + 1; b < k; b++ {
			for c := b + 1; c < k; c++ {
				fresh := w.strands[a].fresh || w.strands[b].fresh || w.strands[c].fresh
				if fresh && w.tries([]int{a, b, c}, w.draws(3, few)) {
					return
				}
			}
		}
	}
}

// draws is how many draws of k-1 people it takes to miss the few at least once,
// but for a chance of e^-missed.
func (w *weave) draws(k int, few int64) int {
	p := math.Pow(1-float64(few)/float64(w.n), float64(k-1))
	return max(leastDraws, int(min(missed/p, maxDraws)))
}

// tries draws people for a set of strands; true says that it found a relation.
func (w *weave) tries(use []int, times int) bool {
	order := make([]int, len(w.x))
	for i := range order {
		order[i] = i
	}
	part := make([]uint64, len(use))
	for range times {
		left := every(len(use))
		for i := 0; i < len(order) && len(left) > 1; i++ {
			j := i + w.draw(len(order)-i)
			order[i], order[j] = order[j], order[i]
			for k, s := range use {
				part[k] = w.x[order[i]][s]
			}
			left = left.vanish(part)
		}
		if !w.t.spend(len(use) * len(use) * len(use)) {
			return true
		}
		if len(left) != 1 {
			continue // the strands are related throughout what was looked at
		}
		c := make([]uint64, len(w.strands))
		for k, s := range use {
			c[s] = left[0][k]
		}
		if w.light(c) && w.judge(c) {
			return true
		}
	}
	return false
}

// light says that of those looked at fewer than t are left.
func (w *weave) light(c []uint64) bool {
	n := 0
	for i, x := range w.x {
		if dot(c, x) != 0 {
			if n++; n == w.t.p.T {
				w.t.work += int64(i * len(c))
				return false
			}
		}
	}
	w.t.work += int64(len(w.x) * len(c))
	return true
}

// reduce drops strands that others make up for everybody, the candidate's
// first, and looks at more people until the rest are independent on them. False
// ends the search.
func (w *weave) reduce() bool {
	for {
		left := every(len(w.strands))
		for _, x := range w.x {
			if left = left.vanish(x); len(left) == 0 {
				return true
			}
		}
		w.t.work += int64(len(w.x)*len(w.strands)) * int64(len(w.strands))
		if !w.t.spend(0) {
			return false
		}
		exact, more := w.exact(left)
		if more {
			continue
		}
		drop := ends(exact)
		w.strands = without(w.strands, drop)
		for i := range w.x {
			w.x[i] = without(w.x[i], drop)
		}
	}
}

// ends brings combinations into a form in which each has an end of its own, and
// returns those.
func ends(all kernel) map[int]bool {
	out := map[int]bool{}
	for i, c := range all {
		end := len(c) - 1
		for c[end] == 0 {
			end--
		}
		out[end] = true
		inv := modInv(c[end])
		for _, o := range all[i+1:] {
			q := modMul(o[end], inv)
			for j := range o {
				o[j] = modSub(o[j], modMul(q, c[j]))
			}
		}
	}
	return out
}

func without[T any](all []T, drop map[int]bool) []T {
	out := all[:0]
	for i, x := range all {
		if !drop[i] {
			out = append(out, x)
		}
	}
	return out
}

// exact returns the combinations that vanish on everybody; more says that one
// does not, and that people were added on whom it does not.
func (w *weave) exact(left kernel) (exact kernel, more bool) {
	for _, c := range left {
		if w.all || w.symbolic(c) {
			exact = append(exact, c)
			continue
		}
		n := w.count(c, func(u, a uint32, _ []uint64, zero bool) bool {
			if !zero {
				w.look(u, a)
			}
			return len(w.x) < 1<<14
		})
		if n == 0 {
			exact = append(exact, c)
			continue
		}
		return nil, true
	}
	return exact, false
}

// symbolic says that a combination vanishes whatever the values are.
func (w *weave) symbolic(c []uint64) bool {
	n := whole(c)
	if n == nil {
		return false
	}
	var sum trace
	for i, x := range n {
		if !x.IsInt64() {
			return false
		}
		k := uint64(x.Int64()) //nolint:gosec // traces are added modulo 2^64
		sum.add(trace{k * w.strands[i].trace[0], k * w.strands[i].trace[1]})
	}
	return sum == trace{}
}

// count goes over all people until see says that it is enough, and counts those
// who are left, up to t.
func (w *weave) count(c []uint64, see func(u, a uint32, x []uint64, zero bool) bool) int {
	n := 0
	x := make([]uint64, len(w.strands))
	for _, a := range w.atoms {
		for _, u := range w.t.of(a) {
			zero := dot(c, w.values(x, u, a)) == 0
			n += b2i(!zero)
			if !see(u, a, x, zero) || n == w.t.p.T {
				return n
			}
		}
	}
	return n
}

// judge decides about a combination that few of those looked at are left of;
// true says that it is a relation.
func (w *weave) judge(c []uint64) bool {
	used, fresh, single := 0, false, true
	for k, x := range c {
		if x != 0 {
			used++
			fresh = fresh || w.strands[k].fresh
			single = single && len(w.strands[k].rows) == 1
		}
	}
	if !fresh || used < 2 || used == 2 && single {
		return false
	}
	kinds := map[trace]bool{}
	active := 0
	few := w.count(c, func(_, _ uint32, x []uint64, zero bool) bool {
		h, some := uint64(0), false
		for k, y := range x {
			if c[k] != 0 {
				h = mix(h ^ y)
				some = some || y != 0
			}
		}
		active += b2i(some)
		if zero && some && len(kinds) < used+3 {
			kinds[trace{h, mix(h)}] = true
		}
		return true
	})
	holds := active - few
	switch {
	case few == 0 || few >= w.t.p.T:
		return false
	case 2*holds <= active || holds < min(w.t.p.T, active-1):
		return false
	case holds < 3*(used-1) && len(kinds) < used+3:
		return false
	}
	w.refuse(c, few)
	return true
}

// refuse reports a relation. With integers so small that no value of theirs can
// reach the prime, what vanishes modulo it vanishes; others are left to people.
func (w *weave) refuse(c []uint64, few int) {
	n := whole(c)
	sum := new(big.Int)
	for _, x := range n {
		sum.Add(sum, new(big.Int).Abs(x))
	}
	if n == nil || sum.Mul(sum, big.NewInt(max(1, w.top))).Cmp(big.NewInt(prime)) >= 0 {
		w.t.undecided("a relation that could not be confirmed")
		return
	}
	found := Combination{Check: Relation, Units: few}
	for k := len(w.strands) - 1; k >= 0; k-- { // the candidate's first
		if n[k].Sign() == 0 {
			continue
		}
		s := &w.strands[k]
		for _, i := range s.rows {
			found.Terms = append(found.Terms, w.t.term(s.v.id, i, s.mine, new(big.Rat).SetInt(n[k])))
		}
	}
	if key := fmt.Sprint(found); !w.t.told[key] { // of a set of people and of a larger one
		w.t.told[key] = true
		w.t.found = append(w.t.found, found)
	}
}
