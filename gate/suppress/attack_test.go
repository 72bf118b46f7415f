package suppress

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

func prove() bool { return os.Getenv("YUNEI_PROVE") == "1" }

// The puzzle finds a solution if there is one, and says so if there is none.
func TestPuzzle(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	solvable := 0
	for n := range 3000 {
		lo, hi := make([]int64, 4), make([]int64, 4)
		for x := range lo {
			lo[x] = r.Int64N(3)
			hi[x] = lo[x] + r.Int64N(4)
		}
		var sums []sum
		for range 1 + r.IntN(4) {
			s := sum{lo: r.Int64N(10)}
			s.hi = s.lo + r.Int64N(2)
			for x := range lo {
				if r.IntN(2) == 0 {
					s.of = append(s.of, int32(x))
				}
			}
			if len(s.of) > 0 {
				sums = append(sums, s)
			}
		}
		q := &question{lo: lo, hi: hi, sums: sums}
		want := 0
		table := make([]int64, 4)
		for i := range 6 * 6 * 6 * 6 {
			for x, rest := 0, i; x < 4; x, rest = x+1, rest/6 {
				table[x] = int64(rest % 6)
			}
			if q.agrees(table) {
				want++
			}
		}
		p := newPuzzle(slices.Clone(lo), slices.Clone(hi), sums)
		p.work = 1_000_000
		a := p.narrow()
		if a == solved {
			a = p.solve(nil, n%2 == 0, 1_000_000)
		}
		if (a == solved) != (want > 0) || a == unknown || (a == solved && !q.agrees(p.found)) {
			t.Fatalf("puzzle %d: answer %d, %d solutions", n, a, want)
		}
		if a != solved {
			continue
		}
		solvable++
		seen := 0
		if !p.each(func([]int64) bool { seen++; return true }) || seen != want {
			t.Fatalf("puzzle %d: %d of %d solutions", n, seen, want)
		}
	}
	if solvable < 300 {
		t.Errorf("only %d puzzles have a solution", solvable)
	}
}

// What the audit of counts finds is the same from whichever of the tables
// that it cannot tell apart it is run on: else its verdict would tell them
// apart.
func TestVerdictIsPublic(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	compared := 0
	o := options()
	o.Work = 300_000
	for range 60 {
		table := cube(t, []int{4, 4}, twoWay)
		base := make([]int64, table.Cells)
		for c := range base {
			base[c] = []int64{0, 1 + r.Int64N(9), 10 + r.Int64N(9), 10 + r.Int64N(9), 10 + r.Int64N(9)}[r.IntN(5)]
		}
		v := totals(table, base)
		p := few(v, 10)
		rounds, s, err := hide(table, p, units(v), o)
		if err != nil {
			t.Fatal(err)
		}
		h := rounds[len(rounds)-1]
		want := mustAudit(t, table, h, p, units(v), o)
		q := s.ask(h, v)
		s.tell(q, rounds, p, units(v))
		puzzle := newPuzzle(q.lo, q.hi, q.sums)
		puzzle.work = 200_000
		puzzle.narrow()
		left := 3
		puzzle.each(func(found []int64) bool {
			other := s.tableOf(q, found)
			if got := mustHide(t, table, few(other, 10), units(other), o); !slices.Equal(got, h) {
				t.Fatalf("a table that was told to lead to the pattern does not: %v, not %v", which(got), which(h))
			}
			if got := mustAudit(t, table, h, few(other, 10), units(other), o); got != want {
				t.Fatalf("%v: %+v\n%v: %+v", v, want, other, got)
			}
			compared++
			left--
			return left > 0
		})
	}
	if compared < 100 {
		t.Errorf("compared %d tables only", compared)
	}
}

// A census enumerates every table of a size with base counts up to top, and
// plays the attacker by counting: for each view, over all tables that the
// rules lead to it, the least and the largest value of each hidden item.
// Shown counts of the threshold or more stand for each other: no rule looks at
// them, and an attacker subtracts them.
type census struct {
	t         Table
	threshold int64
	top       int64
	rule      func(v []int64) []bool
	published func(v []int64, hidden []bool) bool
	strict    bool // count only tables that are published themselves
	enough    int  // leaks to stop at, if not 0
}

// A group is the tables of one pattern with the same empty shown cells.
type group struct {
	hidden []bool
	tables [][]int64 // counts from 0 to the threshold, which stands for more
	member map[string]bool
}

func text(base []int64) string {
	b := make([]byte, len(base))
	for i, x := range base {
		b[i] = byte(x)
	}
	return string(b)
}

func (c census) groups() []*group {
	byKey := map[string]*group{}
	var all []*group
	base := make([]int64, c.t.Cells)
	for more := true; more; more = next(base, 0, c.threshold) {
		h := c.rule(totals(c.t, base))
		key := make([]byte, len(h))
		for i, hidden := range h {
			if hidden {
				key[i] = 2
			} else if i < len(base) && base[i] == 0 {
				key[i] = 1
			}
		}
		g := byKey[string(key)]
		if g == nil {
			g = &group{hidden: h, member: map[string]bool{}}
			byKey[string(key)] = g
			all = append(all, g)
		}
		g.tables = append(g.tables, slices.Clone(base))
		g.member[text(base)] = true
	}
	return all
}

// next counts up; false after the last.
func next(x []int64, lo, hi int64) bool {
	for i := range x {
		if x[i]++; x[i] <= hi {
			return true
		}
		x[i] = lo
	}
	return false
}

// view is what a table shows under a pattern, less what is the same for all.
func (c census) view(g *group, base []int64) string {
	var key []byte
	for i := c.t.Cells; i < len(c.t.Items); i++ {
		if g.hidden[i] {
			continue
		}
		var sum int64
		for _, cell := range c.t.Items[i] {
			if g.hidden[cell] {
				sum += base[cell]
			}
		}
		key = append(key, byte(sum))
	}
	return string(key)
}

// visit calls f with every table of a group.
func (c census) visit(g *group, f func(kind int, base []int64)) {
	for kind, table := range g.tables {
		var large []int
		for cell, x := range table {
			if x == c.threshold && g.hidden[cell] {
				large = append(large, cell)
			}
		}
		counts := make([]int64, len(large))
		for i := range counts {
			counts[i] = c.threshold
		}
		base := slices.Clone(table)
		for more := true; more; more = next(counts, c.threshold, c.top) {
			for i, cell := range large {
				base[cell] = counts[i]
			}
			f(kind, base)
		}
	}
}

type span struct{ lo, hi []int16 }

func (s *span) see(v []int64) {
	for i, x := range v {
		s.lo[i], s.hi[i] = min(s.lo[i], int16(x)), max(s.hi[i], int16(x))
	}
}

func newSpan(n int) *span {
	s := &span{make([]int16, n), make([]int16, n)}
	for i := range s.lo {
		s.lo[i] = 1 << 14
	}
	return s
}

// pins reports whether a hidden item has one value only.
func (s *span) pins(hidden []bool) bool {
	for i, h := range hidden {
		if h && s.lo[i] >= s.hi[i] {
			return true
		}
	}
	return false
}

// A tally is what a census came to.
type tally struct{ tables, released, views, pinned, leaks int }

// count plays the attacker on one group. A leak is a published table with a
// hidden item that has one value in all that the attacker must allow for.
func (c census) count(t *testing.T, g *group, sum *tally) {
	t.Helper()
	type seen struct {
		kind int
		view string
	}
	verdict := map[seen]bool{}
	published := func(kind int, base []int64, view string) bool {
		key := seen{kind, view}
		ok, had := verdict[key]
		if !had {
			ok = c.published(totals(c.t, base), g.hidden)
			verdict[key] = ok
		}
		return ok
	}
	views := map[string]*span{}
	c.visit(g, func(kind int, base []int64) {
		view := c.view(g, base)
		sum.tables++
		if c.strict && !published(kind, base, view) {
			return
		}
		sum.released++
		s := views[view]
		if s == nil {
			s = newSpan(len(g.hidden))
			views[view] = s
		}
		s.see(totals(c.t, base))
	})
	sum.views += len(views)
	pinned := map[string]bool{}
	for view, s := range views {
		if s.pins(g.hidden) {
			sum.pinned++
			pinned[view] = true
		}
	}
	if len(pinned) == 0 {
		return
	}
	wider := map[string]*span{}
	c.visit(g, func(kind int, base []int64) {
		view := c.view(g, base)
		if !pinned[view] || (c.enough > 0 && sum.leaks >= c.enough) {
			return
		}
		if s, had := wider[view]; !had {
			wider[view] = c.beyond(g, view) // look beyond top, too
		} else if s == nil {
			return
		}
		if !wider[view].pins(g.hidden) {
			wider[view] = nil
			return
		}
		if published(kind, base, view) {
			delete(pinned, view)
			sum.leaks++
			if sum.leaks == 1 {
				t.Logf("%v is published with %v hidden, and a value is pinned", base, which(g.hidden))
			}
		}
	})
}

// beyond counts one view again over counts somewhat above top: its tables that
// the census cut off.
func (c census) beyond(g *group, view string) *span {
	s := newSpan(len(g.hidden))
	base, kind := slices.Clone(g.tables[0]), slices.Clone(g.tables[0])
	var cells []int
	for cell := range base {
		if g.hidden[cell] {
			cells = append(cells, cell)
			base[cell] = 0
		}
	}
	var fill func(n int)
	fill = func(n int) {
		if !s.pins(g.hidden) {
			return
		}
		if n < len(cells) {
			for x := range c.top + 7 {
				base[cells[n]], kind[cells[n]] = x, min(x, c.threshold)
				if !c.over(g, base, view) {
					fill(n + 1)
				}
			}
			base[cells[n]] = 0
			return
		}
		if g.member[text(kind)] && c.view(g, base) == view && (!c.strict || c.published(totals(c.t, base), g.hidden)) {
			s.see(totals(c.t, base))
		}
	}
	fill(0)
	return s
}

func (c census) over(g *group, base []int64, view string) bool {
	now := c.view(g, base)
	for i := range now {
		if now[i] > view[i] {
			return true
		}
	}
	return false
}

func (c census) run(t *testing.T, every int) tally {
	t.Helper()
	var sum tally
	for i, g := range c.groups() {
		if slices.Contains(g.hidden, true) && i%every == 0 {
			c.count(t, g, &sum)
		}
	}
	return sum
}

func smallOptions(threshold int64) Options {
	return Options{Threshold: threshold, Domains: 1, Union: threshold, Values: 2, Width: 1, Work: 20_000}
}

func newCensus(t *testing.T, dims []int, threshold, top int64, strict bool) census {
	t.Helper()
	table, o := cube(t, dims, twoWay), smallOptions(threshold)
	return census{
		t: table, threshold: threshold, top: top, strict: strict,
		rule: func(v []int64) []bool { return mustHide(t, table, few(v, threshold), units(v), o) },
		published: func(v []int64, hidden []bool) bool {
			return mustAudit(t, table, hidden, few(v, threshold), units(v), o).Verdict() == Pass
		},
	}
}

// Small tables with all their margins, whole or every so many patterns: no
// published view lets an attacker who knows the rules pin a hidden item, cell
// or margin. (TestEveryTable does larger ones whole, by a census that does not
// visit each table.)
func TestEverySmallTable(t *testing.T) {
	for _, c := range []struct {
		name   string
		census census
		every  int
		full   bool // only if asked for
	}{
		{"2x3 to 4, threshold 3", newCensus(t, []int{2, 3}, 3, 4, true), 5, false},
		{"3x3 to 4, threshold 2", newCensus(t, []int{3, 3}, 2, 4, false), 300, false},
		{"2x3 to 6, threshold 3", newCensus(t, []int{2, 3}, 3, 6, true), 1, true},
		{"2x3 to 12, threshold 3", newCensus(t, []int{2, 3}, 3, 12, false), 10, true},
		{"3x3 to 4, threshold 2", newCensus(t, []int{3, 3}, 2, 4, false), 20, true},
	} {
		if c.full && !prove() {
			continue
		}
		sum := c.census.run(t, c.every)
		t.Logf("%s: %+v", c.name, sum)
		if sum.leaks > 0 || sum.tables == 0 {
			t.Errorf("%s: %d of %d views leak", c.name, sum.leaks, sum.views)
		}
	}
}

// What an attacker is told in the audit settles the pattern, over every table
// of its size and counts of any size: the flags, the zeros, and which unions
// were too small in which round. (A hidden count of the threshold or more
// makes a union large enough, so that one such count stands for all; a random
// one is tried besides.)
func TestToldSettlesPattern(t *testing.T) {
	dims, threshold := []int{2, 3}, int64(3)
	if prove() {
		dims = []int{3, 3}
	}
	table, o := cube(t, dims, twoWay), smallOptions(threshold)
	r := rand.New(rand.NewPCG(5, 5))
	patterns := map[string][]bool{}
	base, lifted := make([]int64, table.Cells), make([]int64, table.Cells)
	n := 0
	for more := true; more; more = next(base, 0, threshold) {
		for c, x := range base {
			if lifted[c] = x; x == threshold {
				lifted[c] += r.Int64N(10)
			}
		}
		for _, b := range [][]int64{base, lifted} {
			v := totals(table, b)
			rounds, s, err := hide(table, few(v, threshold), units(v), o)
			if err != nil {
				t.Fatal(err)
			}
			key := told(s, rounds, v)
			last := rounds[len(rounds)-1]
			if patterns[key] == nil {
				patterns[key] = last
			}
			if !slices.Equal(patterns[key], last) {
				t.Fatalf("%v: hidden %v, another with the same flags, zeros and rounds %v", b, which(last), which(patterns[key]))
			}
			n++
		}
	}
	t.Logf("%d tables, %d cases that are told", n, len(patterns))
}

// told is what an attacker is told, as text.
func told(s *system, rounds [][]bool, v []int64) string {
	var key []byte
	for _, x := range v {
		key = append(key, byte(min(x, 1)))
		if x >= s.o.Threshold {
			key[len(key)-1] = 2
		}
	}
	for _, hidden := range rounds[:len(rounds)-1] {
		for _, u := range s.unions(hidden) {
			key = append(key, 3)
			if s.small(u, units(v)) {
				key[len(key)-1] = 4
			}
		}
		key = append(key, 5)
	}
	return string(key)
}

// The same attacker against weaker rules, to show that the attack is real.
func TestAttackIsReal(t *testing.T) {
	always := func([]int64, []bool) bool { return true }
	for _, name := range []string{"flagged items only", "one more in each row and column", "no audit"} {
		c := newCensus(t, []int{2, 3}, 3, 5, false)
		c.published, c.enough = always, 20
		switch name {
		case "flagged items only":
			c.rule = func(v []int64) []bool { return few(v, 3) }
		case "one more in each row and column":
			c.rule = func(v []int64) []bool { return naive(c.t, few(v, 3)) }
		}
		sum := c.run(t, 1)
		t.Logf("%s: %+v", name, sum)
		if sum.leaks == 0 {
			t.Errorf("%s: the attacker finds nothing", name)
		}
	}
}

// naive hides the first shown part of every equation with one hidden part.
func naive(t Table, hidden []bool) []bool {
	hidden = slices.Clone(hidden)
	for _, e := range t.Equations {
		shown, n := int32(-1), 0
		for _, i := range e.Parts {
			if hidden[i] {
				n++
			} else if shown < 0 {
				shown = i
			}
		}
		if n == 1 && shown >= 0 && !hidden[e.Sum] {
			hidden[shown] = true
		}
	}
	return hidden
}
