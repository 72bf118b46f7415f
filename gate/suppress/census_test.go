package suppress

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// A survey is a census of every table of a size with base counts up to top,
// whole. With margins those are too many to visit one by one, so it visits
// views, and in each the tables that are told alike (see told). A view is a
// pattern, which shown cells are empty, and what the hidden cells add up to in
// each shown margin; shown counts of the threshold or more stand for each
// other, because an attacker subtracts them and no rule looks at them.
//
// For each view, and all tables in it that are told alike (a case), it works
// out by itself which hidden items have one value only, over counts up to
// top+1. All tables of a case are published or not as one, so a leak needs a
// published case with such an item. Two things could publish one, and both are
// the audit's own code that the survey asks: the search among what is told,
// which cannot see a second value where its own bounds leave one (narrow), and
// is called where they leave more; and the search through all tables of the
// view (exhaust), which publishes all cases of a view, so that it is called
// where an item has one value over the whole view.
type survey struct {
	t      Table
	o      Options
	sys    *system
	top    int64
	sample uint64 // besides, audit one case in so many with shown counts drawn
	audit  func(base []int64) Verdict
	all    bool // no table is taken to be held back but by audit

	patterns map[string]*pattern
	groups   []*cohort
	classes  map[string]*class // by table with no count above the threshold
	done     map[string]bool   // what is told, and of which tables, that was looked at
	rand     *rand.Rand
	found    findings
}

// findings are what a survey counts.
type findings struct {
	Tables   float64 // with something hidden
	Groups   int
	Views    int
	Pinned   int // views with an item of one value, over all cases
	Held     int // of these, the shown sums alone leave one value to the audit's bounds
	Many     int // agree with more tables than the search through all tables has work for
	Few      int // agree with no table but those counted here
	Tried    int // the others, and a sample: the search through all tables was called
	Cases    int
	Narrow   int // cases with an item of one value
	Alike    int // of these, not looked at again: as another, but for what is shown empty
	Bounded  int // of these, the audit's bounds on what is told leave one value
	Asked    int // the others: its search among what is told was called
	Sampled  int // cases audited besides
	Passed   int // of the sampled, published
	Disputed int // views with a published case that has an item of one value
	Beyond   int // of these, where all published cases leave one, up to top+1
	Leaks    int
}

// A pattern is what all views of one pattern share. Its lanes are half bytes
// of a word, one an item: so at most 16 items, base counts below 16, and
// margins that differ by 16 are taken for one value, which errs towards pinned.
type pattern struct {
	hidden []bool
	cells  []int        // hidden base cells
	weight []int        // by base cell: what a unit there adds to the number of a view
	unit   []uint64     // by base cell: a unit in the lanes of the hidden items it is in
	lanes  uint64       // the lowest bit of each hidden item's lane
	parts  map[int]part // by set of large cells
	loose  part
	within [][]int // by hidden item: the places of its cells in cells
	number int
	size   int
}

// A part is what large cells can add: the numbers of views, rising, and for
// each a solution and the items that have another value in another one.
type part struct {
	at []uint32
	e  []entrance
}

// An entrance is one solution, and a mark in the lanes of the items of which
// there are other values. Lane 0 has room for two marks more.
type entrance struct {
	one, other uint64
	n          uint32 // solutions; many stands for more
}

const (
	low    = 0x1111111111111111
	inside = 1 << 1 // some solution has no count above top
	seen   = 1 << 2
	many   = 1 << 20
)

// add adds lanes modulo 16.
func add(a, b uint64) uint64 {
	const most = 0x7777777777777777
	return (a&most + b&most) ^ ((a ^ b) &^ most)
}

func (e *entrance) merge(one, other uint64, n uint32) {
	e.n = min(e.n+n, many)
	if e.other == 0 {
		e.one, e.other = one, other|seen
		return
	}
	x := e.one ^ one
	x |= x >> 1
	x |= x >> 2
	e.other |= other | x&low
}

// A ranks is a set of small numbers that says how many are below one.
type ranks struct {
	n     int
	words []uint64
	below []uint32
}

func newRanks(size int) *ranks { return &ranks{words: make([]uint64, size/64+1)} }

func (r *ranks) set(i uint32) { r.words[i>>6] |= 1 << (i & 63) }

func (r *ranks) close() {
	r.below = make([]uint32, len(r.words))
	for i, w := range r.words {
		r.below[i] = uint32(r.n)
		r.n += bits.OnesCount64(w)
	}
}

// each calls f with the place and the number of all, rising.
func (r *ranks) each(f func(n int, i uint32)) {
	n := 0
	for i, word := range r.words {
		for ; word != 0; word &= word - 1 {
			f(n, uint32(i*64+bits.TrailingZeros64(word)))
			n++
		}
	}
}

// rank is the place of i in the set, or -1.
func (r *ranks) rank(i uint32) int {
	w := r.words[i>>6]
	if w>>(i&63)&1 == 0 {
		return -1
	}
	return int(r.below[i>>6]) + bits.OnesCount64(w&(1<<(i&63)-1))
}

func (s *survey) pattern(hidden []bool) *pattern {
	key := fmt.Sprint(which(hidden))
	if p := s.patterns[key]; p != nil {
		return p
	}
	p := &pattern{
		hidden: hidden, weight: make([]int, s.t.Cells), unit: make([]uint64, s.t.Cells),
		parts: map[int]part{0: {[]uint32{0}, []entrance{{0, seen | inside, 1}}}}, size: 1, number: len(s.patterns),
	}
	for i, item := range s.t.Items {
		if hidden[i] {
			p.lanes |= 1 << (4 * i)
			for _, c := range item {
				p.unit[c] |= 1 << (4 * i)
			}
		}
	}
	for c := range s.t.Cells {
		if hidden[c] {
			p.cells = append(p.cells, c)
		}
	}
	for i, item := range s.t.Items {
		if !hidden[i] {
			continue
		}
		var of []int
		for n, c := range p.cells {
			if slices.Contains(item, int32(c)) {
				of = append(of, n)
			}
		}
		p.within = append(p.within, of)
	}
	var rows [][]int32
	for i := s.t.Cells; i < len(s.t.Items); i++ {
		var on []int32
		for _, c := range s.t.Items[i] {
			if hidden[c] {
				on = append(on, c)
			}
		}
		if hidden[i] || rank(append(slices.Clone(rows), on), s.t.Cells) == len(rows) {
			continue // not shown, or follows from others
		}
		rows = append(rows, on)
		for _, c := range on {
			p.weight[c] += p.size
		}
		p.size *= len(on)*int(s.top+1) + 1
	}
	s.patterns[key] = p
	return p
}

// part works out what a set of large cells adds above the threshold each.
func (s *survey) part(p *pattern, large int) part {
	return s.grow(p, p.parts, large, int(s.top+1-s.o.Threshold))
}

// loose is all that agree with what is shown, whatever the rules.
func (s *survey) loose(p *pattern) part {
	if len(p.loose.at) == 0 {
		parts := map[int]part{0: p.parts[0]}
		p.loose = s.grow(p, parts, 1<<len(p.cells)-1, int(s.top+1))
	}
	return p.loose
}

// grow adds up to room to each of a set of cells.
func (s *survey) grow(p *pattern, parts map[int]part, large, room int) part {
	if q, had := parts[large]; had {
		return q
	}
	n := bits.Len(uint(large)) - 1
	from, cell := s.grow(p, parts, large&^(1<<n), room), p.cells[n]
	w, unit := uint32(p.weight[cell]), p.unit[cell]
	r := newRanks(p.size)
	for _, at := range from.at {
		for y := range room + 1 {
			r.set(at + uint32(y)*w)
		}
	}
	r.close()
	q := part{e: make([]entrance, r.n)}
	for j, at := range from.at {
		for y := range room + 1 {
			other := from.e[j].other
			if y == room {
				other &^= inside
			}
			q.e[r.rank(at+uint32(y)*w)].merge(add(from.e[j].one, uint64(y)*unit), other, from.e[j].n)
		}
	}
	q.at = make([]uint32, 0, len(q.e))
	r.each(func(_ int, at uint32) { q.at = append(q.at, at) })
	parts[large] = q
	return q
}

// A cohort is the tables of one pattern with the same empty shown cells.
type cohort struct {
	*pattern
	base    []int64 // of one of them
	classes []*class
}

// A class is the tables of a cohort that are told alike.
type class struct {
	cohort *cohort
	base   []int64 // of one of them
	kinds  []kindOf
	rounds [][]bool
}

// A kind of table: which hidden cells have the threshold or more, and the
// number of the view and the lanes when those have the threshold.
type kindOf struct {
	large int
	at    uint32
	one   uint64
}

func newSurvey(t *testing.T, dims []int, threshold, top int64, sample uint64) *survey {
	t.Helper()
	table, o := cube(t, dims, twoWay), smallOptions(threshold)
	return &survey{
		t: table, o: o, sys: prepare(table, o), top: top, sample: sample,
		patterns: map[string]*pattern{}, classes: map[string]*class{}, done: map[string]bool{}, rand: rand.New(rand.NewPCG(12, 3)),
		audit: func(base []int64) Verdict {
			v := totals(table, base)
			return mustAudit(t, table, mustHide(t, table, few(v, threshold), units(v), o), few(v, threshold), units(v), o).Verdict()
		},
	}
}

// gather asks the rules for the pattern of every table. One count of the
// threshold stands for all from there up: flags, zeros and unions that are too
// small are the same.
func (s *survey) gather(t *testing.T) {
	t.Helper()
	cohorts, classes, leads := map[string]*cohort{}, map[string]*class{}, map[string]string{}
	base := make([]int64, s.t.Cells)
	for more := true; more; more = next(base, 0, s.o.Threshold) {
		v := totals(s.t, base)
		rounds, sys, err := hide(s.t, few(v, s.o.Threshold), units(v), s.o)
		if err != nil {
			t.Fatal(err)
		}
		hidden := rounds[len(rounds)-1]
		if !slices.Contains(hidden, true) {
			continue
		}
		key := cohortKey(base, hidden)
		g := cohorts[key]
		if g == nil {
			g = &cohort{pattern: s.pattern(hidden), base: slices.Clone(base)}
			cohorts[key] = g
			s.groups = append(s.groups, g)
		}
		tell := told(sys, rounds, v)
		if was, had := leads[tell]; had && was != key {
			t.Fatalf("%v: what is told leads to two patterns", base)
		}
		leads[tell] = key
		k := classes[tell]
		if k == nil {
			k = &class{cohort: g, base: slices.Clone(base), rounds: rounds}
			classes[tell] = k
			g.classes = append(g.classes, k)
		}
		s.classes[text(base)] = k
		k.kinds = append(k.kinds, g.kindOf(base, s.o.Threshold))
		s.found.Tables += s.stands(base)
	}
	s.found.Groups = len(s.groups)
	slices.SortStableFunc(s.groups, func(a, b *cohort) int { return cmp.Compare(a.number, b.number) })
}

func cohortKey(base []int64, hidden []bool) string {
	key := make([]byte, len(hidden))
	for i, h := range hidden {
		if h {
			key[i] = 2
		} else if i < len(base) && base[i] == 0 {
			key[i] = 1
		}
	}
	return string(key)
}

// stands is how many tables one stands for.
func (s *survey) stands(base []int64) float64 {
	n := 1.0
	for _, x := range base {
		if x == s.o.Threshold {
			n *= float64(s.top - s.o.Threshold + 1)
		}
	}
	return n
}

func (p *pattern) kindOf(base []int64, threshold int64) kindOf {
	var k kindOf
	for n, c := range p.cells {
		if base[c] == threshold {
			k.large |= 1 << n
		}
		k.at += uint32(int(base[c]) * p.weight[c])
		k.one = add(k.one, uint64(base[c])*p.unit[c])
	}
	return k
}

func (s *survey) run(t *testing.T) findings {
	t.Helper()
	s.gather(t)
	started := s.found.Views
	for i, g := range s.groups {
		s.count(t, g)
		if i+1 == len(s.groups) || s.groups[i+1].pattern != g.pattern {
			g.parts, g.loose = nil, part{}
		}
		if s.found.Views-started > 5_000_000 {
			started = s.found.Views
			t.Logf("%d of %d groups: %+v", i+1, len(s.groups), s.found)
		}
	}
	return s.found
}

// count goes through the views of a cohort.
func (s *survey) count(t *testing.T, g *cohort) {
	t.Helper()
	views := s.views(g)
	all, one := make([]entrance, views.n), make([]entrance, views.n)
	disputed := map[int]bool{}
	for _, k := range g.classes {
		s.spread(g, k, views, one)
		s.cases(t, g, k, s.moves(t, g, k), one, disputed)
		for n, e := range one {
			if e.other != 0 {
				all[n].merge(e.one, e.other, e.n)
			}
		}
	}
	s.found.Views += len(all)
	s.whole(t, g, views, all, disputed)
	if len(disputed) > 0 {
		s.settle(t, g, views, disputed)
	}
}

// whole looks at the views with an item of one value over all cases: whether
// the audit, going through all tables that agree with what is shown, finds
// more. It cannot where those are too many for its work, or where none has a
// count above top+1, so that all have been seen here; in the others, and in
// some of these, it is called.
func (s *survey) whole(t *testing.T, g *cohort, views *ranks, all []entrance, disputed map[int]bool) {
	t.Helper()
	shown := newKnowledge(s.sys.ask(g.hidden, totals(s.t, g.base)), s.o.Threshold)
	loose := s.loose(g.pattern)
	enough := uint32(s.o.Work/(patternWork*len(g.hidden)) + 1)
	at := 0
	views.each(func(n int, number uint32) {
		e := all[n]
		if e.other&g.lanes == g.lanes {
			return
		}
		for loose.at[at] < number {
			at++
		}
		s.found.Pinned++
		call := s.all || s.sample > 0 && mix(uint64(s.found.Pinned))%s.sample == 0
		switch {
		case loose.at[at] != number:
			t.Fatalf("%v hidden: a view without tables", which(g.hidden))
		case shown.pins(t, g.pattern, e.one):
			s.found.Held++
		case loose.e[at].n > enough:
			s.found.Many++
		case slices.Max(shown.puzzle.hi) <= s.top+1:
			s.found.Few++
		default:
			call = true
		}
		if call {
			s.found.Tried++
			if s.sys.exhaust(g.hidden, units(totals(s.t, s.table(g, e.one, true)))) {
				disputed[n] = true
			}
		}
	})
}

// views are those that some table with counts up to top has.
func (s *survey) views(g *cohort) *ranks {
	views := newRanks(g.size)
	for _, k := range g.classes {
		for _, kind := range k.kinds {
			q := s.part(g.pattern, kind.large)
			for j, at := range q.at {
				if q.e[j].other&inside != 0 {
					views.set(kind.at + at)
				}
			}
		}
	}
	views.close()
	return views
}

// spread leaves in one, by view, the tables of a class.
func (s *survey) spread(g *cohort, k *class, views *ranks, one []entrance) {
	clear(one)
	for _, kind := range k.kinds {
		q := s.part(g.pattern, kind.large)
		for j, at := range q.at {
			if n := views.rank(kind.at + at); n >= 0 {
				one[n].merge(add(kind.one, q.e[j].one), q.e[j].other, q.e[j].n)
			}
		}
	}
}

// cases looks at the cases of a class, and notes the views that the audit
// publishes though an item has one value for whoever is told.
func (s *survey) cases(t *testing.T, g *cohort, k *class, view *view, one []entrance, disputed map[int]bool) {
	t.Helper()
	v := totals(s.t, k.base)
	q := s.sys.ask(g.hidden, v)
	exact := len(q.sums) // the sums that are shown come first
	s.sys.tell(q, k.rounds, few(v, s.o.Threshold), units(v))
	key := k.key(g.pattern, q)
	had := s.done[key]
	s.done[key] = true
	known := newKnowledge(q, s.o.Threshold)
	known.exact = exact
	for n, e := range one {
		if e.other&inside == 0 {
			continue
		}
		s.found.Cases++
		pinned := e.other&g.lanes != g.lanes
		if s.sample > 0 && mix(uint64(s.found.Cases))%s.sample == 0 {
			s.found.Sampled++
			base := s.table(g, e.one, true)
			s.leads(t, g, base)
			if s.audit(base) == Pass {
				s.found.Passed++
				disputed[n] = disputed[n] || pinned
			}
		}
		switch {
		case !pinned:
			continue
		case had:
			s.found.Alike++
		case !s.all && known.pins(t, g.pattern, e.one):
			s.found.Bounded++
		default:
			s.found.Asked++
			w := totals(s.t, s.table(g, e.one, true))
			if s.all || s.sys.minimal(view, g.hidden, k.rounds, few(w, s.o.Threshold), units(w)).Verdict == Pass {
				disputed[n] = true
			}
		}
		s.found.Narrow++
	}
}

// leads checks that the rules lead from a table to its pattern, counts above
// the threshold or not.
func (s *survey) leads(t *testing.T, g *cohort, base []int64) {
	t.Helper()
	v := totals(s.t, base)
	if got := mustHide(t, s.t, few(v, s.o.Threshold), units(v), s.o); !slices.Equal(got, g.hidden) {
		t.Errorf("%v: hidden %v, not %v", base, which(got), which(g.hidden))
	}
}

// key is the same for classes that tell the same of the same hidden tables.
func (k *class) key(p *pattern, q *question) string {
	b := fmt.Appendf(nil, "%d %v %v", p.number, q.lo, k.kinds)
	for _, x := range q.hi {
		b = fmt.Appendf(b, " %d", min(x, 1<<5))
	}
	for _, s := range q.sums {
		b = fmt.Appendf(b, " %v", s.of)
		if s.lo < s.hi {
			b = fmt.Appendf(b, " %d %d", s.lo, min(s.hi, 1<<5))
		}
	}
	return string(b)
}

// moves is the audit's view of a class. It checks that nothing follows exactly
// from what is shown, nor from that and one flagged item: then no shown margin
// has a single hidden cell, and the audit holds back no case of a view for
// what it lets another pass with.
func (s *survey) moves(t *testing.T, g *cohort, k *class) *view {
	t.Helper()
	v := totals(s.t, k.base)
	primary := few(v, s.o.Threshold)
	search := s.sys.search(primary, primary, v)
	view, err := s.sys.view(g.hidden)
	if err != nil {
		t.Fatal(err)
	}
	view.protect(search)
	if s.sys.exact(view, g.hidden, search).Verdict != Pass || s.sys.singleton(view, search).Verdict != Pass {
		t.Errorf("%v: hiding %v, a flagged item follows exactly", k.base, which(g.hidden))
	}
	return view
}

// table is one of a view: hidden counts from lanes, shown ones that are not
// empty the threshold, or drawn.
func (s *survey) table(g *cohort, one uint64, drawn bool) []int64 {
	base := slices.Clone(g.base)
	for c, x := range base {
		switch {
		case g.hidden[c]:
			base[c] = int64(one >> (4 * c) & 15)
		case x > 0 && drawn:
			base[c] = s.o.Threshold + s.rand.Int64N(s.top-s.o.Threshold+1)
		}
	}
	return base
}

// settle plays the attacker who knows that a view was published: a leak is an
// item with one value over all published cases of its view.
func (s *survey) settle(t *testing.T, g *cohort, views *ranks, disputed map[int]bool) {
	t.Helper()
	public := map[int]*entrance{}
	one := make([]entrance, views.n)
	for _, k := range g.classes {
		s.spread(g, k, views, one)
		for n := range disputed {
			if !disputed[n] || one[n].other == 0 || s.audit(s.table(g, one[n].one, false)) != Pass {
				continue
			}
			if public[n] == nil {
				public[n] = &entrance{}
			}
			public[n].merge(one[n].one, one[n].other, one[n].n)
		}
	}
	s.found.Disputed += len(public)
	for _, e := range public {
		if e.other&g.lanes == g.lanes {
			continue
		}
		s.found.Beyond++
		item := 0
		if !s.all {
			item = s.beyond(g, e.one)
		}
		if item >= 0 {
			s.found.Leaks++
			if s.found.Leaks < 4 && !s.all {
				t.Errorf("%v is published with %v hidden, and item %d is pinned", s.table(g, e.one, false), which(g.hidden), item)
			}
		}
	}
}

// beyond goes through the tables of one view, however large their counts, and
// returns a hidden item with one value over those that are published, or -1.
// (A count that no shown margin bounds stops somewhat above top.)
func (s *survey) beyond(g *cohort, one uint64) int {
	base := s.table(g, one, false)
	v := totals(s.t, base)
	left := make([]int64, len(v)) // by shown item: what is left for hidden cells
	for i, item := range s.t.Items {
		left[i] = s.top + 7
		if !g.hidden[i] {
			left[i] = v[i]
			for _, c := range item {
				if !g.hidden[c] {
					left[i] -= base[c]
				}
			}
		}
	}
	verdicts := map[*class]Verdict{}
	values := make([][2]int64, len(v))
	open, found := -1, false
	s.complete(g, base, left, 0, func() bool {
		k := s.classes[text(s.capped(base))]
		if k == nil || k.cohort != g {
			return true
		}
		if verdicts[k] == "" {
			verdicts[k] = s.audit(base)
		}
		if verdicts[k] != Pass {
			return true
		}
		now := totals(s.t, base)
		open = -1
		for i, h := range g.hidden {
			if !found {
				values[i] = [2]int64{now[i], now[i]}
			}
			values[i] = [2]int64{min(values[i][0], now[i]), max(values[i][1], now[i])}
			if h && values[i][0] == values[i][1] {
				open = i
			}
		}
		found = true
		return open >= 0
	})
	return open
}

// complete calls f with every choice of the hidden cells from the n-th on,
// until it returns false.
func (s *survey) complete(g *cohort, base, left []int64, n int, f func() bool) bool {
	if n == len(g.cells) {
		for i, item := range s.t.Items {
			if !g.hidden[i] && len(item) > 1 && left[i] != 0 {
				return true
			}
		}
		return f()
	}
	c := g.cells[n]
	least, most := int64(0), s.top+7
	for i, item := range s.t.Items {
		if !g.hidden[i] && slices.Contains(item, int32(c)) {
			most = min(most, left[i])
			if !slices.ContainsFunc(g.cells[n+1:], func(later int) bool { return slices.Contains(item, int32(later)) }) {
				least = max(least, left[i]) // the last of the line
			}
		}
	}
	shift := func(x int64) {
		base[c] += x
		for i, item := range s.t.Items {
			if !g.hidden[i] && slices.Contains(item, int32(c)) {
				left[i] -= x
			}
		}
	}
	base[c] = 0
	shift(least)
	for x := least; x <= most; x++ {
		if !s.complete(g, base, left, n+1, f) {
			return false
		}
		shift(1)
	}
	shift(-base[c])
	return true
}

func (s *survey) capped(base []int64) []int64 {
	low := slices.Clone(base)
	for c := range low {
		low[c] = min(low[c], s.o.Threshold)
	}
	return low
}

// knowledge is a question of the audit, made ready to be asked for every view
// in which it differs by the shown sums alone.
type knowledge struct {
	puzzle *puzzle
	lo, hi []int64
	exact  int // sums that are shown; the first ones
}

func newKnowledge(q *question, threshold int64) *knowledge {
	k := &knowledge{lo: slices.Clone(q.lo), hi: slices.Clone(q.hi), exact: len(q.sums)}
	for x, hi := range k.hi {
		if hi >= threshold { // what is shown elsewhere bounds it; take that away
			k.hi[x] = 1 << 20
		}
	}
	k.puzzle = newPuzzle(slices.Clone(q.lo), slices.Clone(q.hi), slices.Clone(q.sums))
	return k
}

// pins reports whether the audit's bounds leave some hidden item one value, in
// the view of a table.
func (k *knowledge) pins(t *testing.T, p *pattern, one uint64) bool {
	t.Helper()
	copy(k.puzzle.lo, k.lo)
	copy(k.puzzle.hi, k.hi)
	for j := range k.exact {
		s := &k.puzzle.sums[j]
		s.lo = 0
		for _, x := range s.of {
			s.lo += int64(one >> (4 * p.cells[x]) & 15)
		}
		s.hi = s.lo
	}
	k.puzzle.work = 1 << 30
	if k.puzzle.narrow() != solved {
		t.Fatalf("%v hidden: a table disagrees with its own view", which(p.hidden))
	}
	for _, of := range p.within {
		wide := false
		for _, x := range of {
			wide = wide || k.puzzle.lo[x] < k.puzzle.hi[x]
		}
		if !wide {
			return true
		}
	}
	return false
}

// Every table of a size, whole: no view that is published lets an attacker who
// knows the rules, and that it was published, pin a hidden item.
func TestEveryTable(t *testing.T) {
	for _, c := range []struct {
		name   string
		survey *survey
		full   bool // only if asked for
	}{
		{"2x3 to 6, threshold 3", newSurvey(t, []int{2, 3}, 3, 6, 64), false},
		{"3x3 to 3, threshold 2", newSurvey(t, []int{3, 3}, 2, 3, 256), false},
		{"3x3 to 12, threshold 3", newSurvey(t, []int{3, 3}, 3, 12, 1<<12), true},
	} {
		if c.full && !prove() {
			continue
		}
		f := c.survey.run(t)
		t.Logf("%s: %+v", c.name, f)
		if f.Leaks > 0 || f.Pinned == 0 || f.Passed == 0 {
			t.Errorf("%s: %d of %d views leak, %d pinned", c.name, f.Leaks, f.Views, f.Pinned)
		}
	}
}

// What a survey counts is what visiting every table counts; and with no audit
// it finds the leaks.
func TestSurveyCounts(t *testing.T) {
	for _, c := range []struct {
		dims           []int
		threshold, top int64
	}{{[]int{2, 3}, 3, 4}, {[]int{2, 2}, 3, 12}, {[]int{2, 3}, 2, 3}} {
		s := newSurvey(t, c.dims, c.threshold, c.top, 1)
		s.all, s.audit = true, func([]int64) Verdict { return Pass }
		got, want := s.run(t), visit(t, s)
		if got.Views != want.Views || got.Pinned != want.Pinned || got.Cases != want.Cases || got.Narrow != want.Narrow || got.Tables != want.Tables {
			t.Errorf("%v to %d: %+v, visited: %+v", c.dims, c.top, got, want)
		}
		if got.Leaks != got.Pinned || got.Leaks == 0 {
			t.Errorf("%v to %d, all published: %d leaks, %d pinned", c.dims, c.top, got.Leaks, got.Pinned)
		}
	}
}

// stood reports whether another table with the same hidden counts stands for
// this one: a shown count is above the threshold.
func (s *survey) stood(base []int64, hidden []bool) bool {
	for c, x := range base {
		if !hidden[c] && x > s.o.Threshold {
			return true
		}
	}
	return false
}

// A visited view, or case, is the values of each item in all tables of it.
type visited struct {
	inside bool
	values []map[int64]bool
}

// visit counts as a survey does, table by table.
func visit(t *testing.T, s *survey) findings {
	t.Helper()
	views, cases := map[string]*visited{}, map[string]*visited{}
	patterns := map[string][]bool{}
	var f findings
	base := make([]int64, s.t.Cells)
	for more := true; more; more = next(base, 0, s.top+1) {
		v := totals(s.t, base)
		rounds, sys, err := hide(s.t, few(v, s.o.Threshold), units(v), s.o)
		if err != nil {
			t.Fatal(err)
		}
		hidden := rounds[len(rounds)-1]
		if !slices.Contains(hidden, true) {
			continue
		}
		if s.stood(base, hidden) {
			continue
		}
		in := slices.Max(base) <= s.top
		if in {
			n := 1.0
			for c, x := range base {
				if x == s.o.Threshold && !hidden[c] {
					n *= float64(s.top - s.o.Threshold + 1)
				}
			}
			f.Tables += n
		}
		key := cohortKey(base, hidden)
		for i, item := range s.t.Items {
			var sum int64
			for _, c := range item {
				if hidden[c] {
					sum += base[c]
				}
			}
			if !hidden[i] {
				key += string(rune(sum)) + "."
			}
		}
		patterns[key] = hidden
		for _, m := range []struct {
			of  map[string]*visited
			key string
		}{{views, key}, {cases, key + "|" + told(sys, rounds, v)}} {
			if m.of[m.key] == nil {
				m.of[m.key] = &visited{values: make([]map[int64]bool, len(v))}
				patterns[m.key] = hidden
			}
			m.of[m.key].see(v, in)
		}
	}
	f.Views, f.Pinned = tallied(views, patterns)
	f.Cases, f.Narrow = tallied(cases, patterns)
	return f
}

func (w *visited) see(v []int64, inside bool) {
	w.inside = w.inside || inside
	for i, x := range v {
		if w.values[i] == nil {
			w.values[i] = map[int64]bool{}
		}
		w.values[i][x] = true
	}
}

func tallied(all map[string]*visited, patterns map[string][]bool) (n, pinned int) {
	for key, w := range all {
		if !w.inside {
			continue
		}
		n++
		for i, h := range patterns[key] {
			if h && len(w.values[i]) == 1 {
				pinned++
				break
			}
		}
	}
	return n, pinned
}
