package suppress

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
)

// A survey is a census of every table of a size with base counts up to top,
// whole: with margins, too many tables to visit one by one, so that it visits
// views, and what is told (see told) instead. A view is a pattern, which
// shown cells are empty, and what the hidden cells add up to in each shown
// margin; shown counts of the threshold or more stand for each other, because
// an attacker subtracts them and no rule looks at them. All tables of a view
// that are told alike are published or not as one. Among them, and counts
// of top+1 besides, it works out whether each hidden item has one value only.
type survey struct {
	t         Table
	o         Options
	top       int64
	patterns  map[string]*pattern
	groups    []*cohort
	done      map[string]bool // classes whose pinned views were looked at
	found     findings
	sample    uint64 // audit one view in so many besides
	published func(v []int64, hidden []bool) Verdict
}

// findings are what a survey counts. A case is a view and what is told in it.
type findings struct {
	tables   float64
	views    int // with hidden items
	pinned   int // views with an item of one value, whatever is told
	cases    int
	narrow   int // cases with an item of one value
	same     int // of these, looked at in another view that shows the same of hidden cells
	bounds   int // of these, the audit's own bounds leave one value
	audited  int // of these, the audit was asked
	held     int // pinned views that fail as natural numbers
	tried    int // other pinned views: the audit that goes through all tables was asked
	sampled  int
	passed   int // of the sampled
	leaks    int
	firstBad string
}

// A pattern is what all views of one pattern share. Its lanes are half bytes
// of a word, one an item.
type pattern struct {
	hidden []bool
	cells  []int        // hidden base cells
	weight []int        // by base cell: what a unit there adds to the number of a view
	unit   []uint64     // by base cell: a unit in the lanes of the hidden items it is in
	lanes  uint64       // the lowest bit of each hidden item's lane
	parts  map[int]part // by set of large cells
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
type entrance struct{ one, other uint64 }

const (
	low    = 0x1111111111111111
	within_ = 1 << 1 // some solution has no count above top
	known_  = 1 << 2
)

// add adds lanes modulo 16.
func add(a, b uint64) uint64 {
	const most = 0x7777777777777777
	return (a&most + b&most) ^ ((a ^ b) &^ most)
}

func (e *entrance) merge(one, other uint64) {
	if e.other == 0 {
		e.one, e.other = one, other|known_
		return
	}
	x := e.one ^ one
	x |= x >> 1
	x |= x >> 2
	e.other |= other | x&low
}

// A set of small numbers, which can say how many are below one.
type ranks struct {
	words []uint64
	below []uint32
}

func newRanks(size int) *ranks { return &ranks{words: make([]uint64, size/64+1)} }

func (r *ranks) set(i uint32) { r.words[i>>6] |= 1 << (i & 63) }

func (r *ranks) close() int {
	r.below = make([]uint32, len(r.words))
	n := 0
	for i, w := range r.words {
		r.below[i] = uint32(n)
		n += bits.OnesCount64(w)
	}
	return n
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
		parts: map[int]part{0: {[]uint32{0}, []entrance{{0, known_ | within_}}}}, size: 1,
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
	if q, had := p.parts[large]; had {
		return q
	}
	n := bits.Len(uint(large)) - 1
	from, cell := s.part(p, large&^(1<<n)), p.cells[n]
	room := int(s.top + 1 - s.o.Threshold)
	w, unit := uint32(p.weight[cell]), p.unit[cell]
	r := newRanks(p.size)
	for _, at := range from.at {
		for y := range room + 1 {
			r.set(at + uint32(y)*w)
		}
	}
	q := part{e: make([]entrance, r.close())}
	for j, at := range from.at {
		for y := range room + 1 {
			other := from.e[j].other
			if y == room {
				other &^= within_
			}
			q.e[r.rank(at+uint32(y)*w)].merge(add(from.e[j].one, uint64(y)*unit), other)
		}
	}
	q.at = make([]uint32, 0, len(q.e))
	for i, word := range r.words {
		for ; word != 0; word &= word - 1 {
			q.at = append(q.at, uint32(i*64+bits.TrailingZeros64(word)))
		}
	}
	p.parts[large] = q
	return q
}

// A cohort is the tables of one pattern with the same empty shown cells.
type cohort struct {
	*pattern
	base    []int64 // of one of them
	classes map[string]*class
	order   []string
}

// A class is the tables of a cohort that are told alike.
type class struct {
	base   []int64 // of one of them
	kinds  []kindOf
	rounds [][]bool

	puzzle *puzzle
	lo, hi []int64
	exact  []int // sums of the puzzle that are shown
	goals  [][]int32
	q      *question
}

// A kind of table: which hidden cells have the threshold or more, and the
// number of the view and the lanes when those have the threshold.
type kindOf struct {
	large int
	at    uint32
	one   uint64
}

func (s *survey) gather(t *testing.T) {
	t.Helper()
	byKey, patterns := map[string]*cohort{}, map[string]string{}
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
		key := make([]byte, len(hidden))
		for i, h := range hidden {
			if h {
				key[i] = 2
			} else if i < len(base) && base[i] == 0 {
				key[i] = 1
			}
		}
		g := byKey[string(key)]
		if g == nil {
			g = &cohort{pattern: s.pattern(hidden), base: slices.Clone(base), classes: map[string]*class{}}
			byKey[string(key)] = g
			s.groups = append(s.groups, g)
		}
		tell := told(sys, rounds, v)
		if was, had := patterns[tell]; had && was != string(key[:]) {
			t.Fatalf("%v: what is told leads to two patterns", base)
		}
		patterns[tell] = string(key)
		k := g.classes[tell]
		if k == nil {
			k = &class{base: slices.Clone(base), rounds: rounds}
			g.classes[tell] = k
			g.order = append(g.order, tell)
		}
		k.kinds = append(k.kinds, g.kindOf(base, s.o.Threshold))
		n := 1.0
		for _, x := range base {
			if x == s.o.Threshold {
				n *= float64(s.top - s.o.Threshold + 1)
			}
		}
		s.found.tables += n
	}
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

func (s *survey) run(t *testing.T) {
	t.Helper()
	s.gather(t)
	slices.SortStableFunc(s.groups, func(a, b *cohort) int { return strings.Compare(fmt.Sprint(a.hidden), fmt.Sprint(b.hidden)) })
	for i, g := range s.groups {
		s.count(t, g)
		if i+1 == len(s.groups) || s.groups[i+1].pattern != g.pattern {
			clear(g.parts)
		}
		if i%500 == 499 {
			t.Logf("%d of %d: %+v", i+1, len(s.groups), s.found)
		}
	}
}

func (s *survey) count(t *testing.T, g *cohort) {
	t.Helper()
	views := newRanks(g.size)
	for _, k := range g.classes {
		for _, kind := range k.kinds {
			q := s.part(g.pattern, kind.large)
			for j, at := range q.at {
				if q.e[j].other&within_ != 0 {
					views.set(kind.at + at)
				}
			}
		}
	}
	all := make([]entrance, views.close())
	s.found.views += len(all)
	one := make([]entrance, len(all))
	for _, name := range g.order {
		k := g.classes[name]
		clear(one)
		for _, kind := range k.kinds {
			q := s.part(g.pattern, kind.large)
			for j, at := range q.at {
				if n := views.rank(kind.at + at); n >= 0 {
					one[n].merge(add(kind.one, q.e[j].one), q.e[j].other)
				}
			}
		}
		s.cases(t, g, k, one)
		for n, e := range one {
			if e.other != 0 {
				all[n].merge(e.one, e.other)
			}
		}
	}
	for _, e := range all {
		if e.other&g.lanes != g.lanes {
			s.found.pinned++
		}
	}
}

func (s *survey) cases(t *testing.T, g *cohort, k *class, one []entrance) {
	for _, e := range one {
		if e.other&within_ == 0 {
			continue
		}
		s.found.cases++
		if e.other&g.lanes == g.lanes {
			continue
		}
		s.found.narrow++
	}
}

func TestZZ(t *testing.T) {
	s := &survey{t: cube(t, []int{3, 3}, twoWay), o: smallOptions(3), top: 12, patterns: map[string]*pattern{}, done: map[string]bool{}}
	s.run(t)
	t.Logf("%+v", s.found)
}
