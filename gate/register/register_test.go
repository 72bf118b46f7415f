package register

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
)

// unit is the digest of the n-th unit.
func unit(n int) (u [16]byte) {
	h := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("unit"), uint64(n)))
	copy(u[:], h[:])
	return u
}

// give is what one unit contributes.
func give(u, cell int, values ...int64) Contribution {
	return Contribution{Unit: unit(u), Cell: uint32(cell), Values: values}
}

// giveAll lets the units from..to-1 contribute to a cell.
func giveAll(from, to, cell int, value func(u int) []int64) []Contribution {
	var out []Contribution
	for u := from; u < to; u++ {
		var v []int64
		if value != nil {
			v = value(u)
		}
		out = append(out, give(u, cell, v...))
	}
	return out
}

func constant(c int64) func(int) []int64 { return func(int) []int64 { return []int64{c} } }

// amount is a value of a unit's own.
func amount(u int) []int64 { return []int64{int64(1000 + 37*u%1013)} }

// cube is a release of single cells, then margins.
func cube(id string, cells, measures int, margins ...[]int32) Release {
	r := Release{ID: id, Members: []string{"A", "B", "C"}, Cells: cells, Measures: measures}
	for i := range cells {
		r.Items = append(r.Items, []int32{int32(i)})
	}
	r.Items = append(r.Items, margins...)
	return r
}

func join(parts ...[]Contribution) []Contribution { return slices.Concat(parts...) }

var params = Params{T: 10, P: 10, KMin: 2, AtomCap: 100_000, Work: 1 << 30}

type run struct {
	rel   Release
	given []Contribution
}

func history(t *testing.T, steps ...run) *Register {
	t.Helper()
	r := New()
	for _, s := range steps {
		if _, err := r.Add(s.rel, s.given); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Hide(s.rel.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func test(t *testing.T, r *Register, s run, p Params) Finding {
	t.Helper()
	before := snapshot(r)
	f, err := r.Test(s.rel, s.given, p)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, snapshot(r)); d != "" {
		t.Fatalf("a test changed the register: %s", d)
	}
	return f
}

// snapshot is all that a register knows, as text.
func snapshot(r *Register) string {
	return fmt.Sprint(r.units, r.index.n, r.index.slot, r.atom, r.head, r.values, r.next, r.parent, r.size, r.traces,
		len(r.columns), len(r.tables), len(r.byTrace), len(r.byColumn), len(r.releases), r.kept, r.blind, r.seq, r.last)
}

// attacks: each is refused, by the checks named; with all of those off it
// passes, which shows that they are what stops it.
func TestAttacks(t *testing.T) {
	member := func(id string, m ...string) Release {
		r := cube(id, 1, 0)
		r.Members = m
		return r
	}
	secret := func(base int64, victim int, plus int64) func(int) []int64 {
		return func(u int) []int64 {
			if u == victim {
				return []int64{base + plus}
			}
			return []int64{base}
		}
	}
	doubled := func(victim int) func(int) []int64 {
		return func(u int) []int64 {
			v := 2 * amount(u)[0]
			if u == victim {
				v += 5
			}
			return []int64{v}
		}
	}
	tests := []struct {
		name  string
		past  []run
		cand  run
		by    string // check that must be among the combinations
		off   checks
		units int
	}{
		{
			name: "total minus one",
			past: []run{{cube("all", 1, 0), giveAll(0, 50, 0, nil)}},
			cand: run{cube("but one", 1, 0), giveAll(1, 50, 0, nil)},
			by:   Pair, off: checks{pair: true, span: true}, units: 1,
		},
		{
			name: "tracker",
			// n(A), n(A and not C), with C the tracker that covers many: the
			// pair differs by many, the padded sums isolate one.
			past: []run{
				{cube("T", 1, 0), giveAll(0, 40, 0, nil)},
				{cube("not T", 1, 0), giveAll(40, 80, 0, nil)},
				{cube("T or victim", 1, 0), join(giveAll(0, 40, 0, nil), giveAll(60, 80, 0, nil))},
			},
			cand: run{cube("not T without victims", 1, 0), giveAll(41, 60, 0, nil)},
			by:   Span, off: checks{span: true}, units: 1,
		},
		{
			name: "nested bins",
			past: []run{{cube("to 30", 1, 0), giveAll(0, 30, 0, nil)}, {cube("to 60", 1, 0), giveAll(0, 60, 0, nil)}},
			cand: run{cube("to 33", 1, 0), giveAll(0, 33, 0, nil)},
			by:   Pair, off: checks{pair: true, span: true}, units: 3,
		},
		{
			name: "shifted bins",
			past: []run{{cube("0-20-40-60", 3, 0), join(giveAll(0, 20, 0, nil), giveAll(20, 40, 1, nil), giveAll(40, 60, 2, nil))}},
			cand: run{cube("0-42-60", 2, 0), join(giveAll(0, 42, 0, nil), giveAll(42, 60, 1, nil))},
			by:   Span, off: checks{pair: true, span: true}, units: 2,
		},
		{
			name: "until 30 and 31 January",
			past: []run{{cube("30", 1, 1), giveAll(0, 40, 0, constant(3))}},
			cand: run{cube("31", 1, 1), giveAll(0, 40, 0, secret(3, 7, 1))},
			by:   Pair, off: checks{pair: true, span: true}, units: 1,
		},
		{
			name: "f and f + secret",
			past: []run{{cube("f", 1, 1), giveAll(0, 40, 0, amount)}},
			cand: run{cube("g", 1, 1), giveAll(0, 40, 0, func(u int) []int64 { return []int64{amount(u)[0] + int64(b2i(u == 5))*99} })},
			by:   Pair, off: checks{pair: true, span: true}, units: 1,
		},
		{
			name: "2f - f'",
			past: []run{{cube("f", 1, 1), giveAll(0, 40, 0, amount)}},
			cand: run{cube("f'", 1, 1), giveAll(0, 40, 0, doubled(11))},
			by:   Pair, off: checks{pair: true}, units: 1,
		},
		{
			name: "constant and secret inside one candidate",
			cand: run{cube("c", 1, 1), giveAll(0, 40, 0, secret(700, 3, 41))},
			by:   Pair, off: checks{pair: true}, units: 1,
		},
		{
			name: "constant but for a few, one of them large",
			cand: run{cube("c", 1, 1), giveAll(0, 400, 0, func(u int) []int64 {
				switch {
				case u == 0:
					return []int64{2000}
				case u < 15:
					return []int64{101}
				}
				return []int64{100}
			})},
			by: Dominance, off: checks{dominance: true}, units: 15,
		},
		{
			name: "a difference of many, dominated by one",
			past: []run{{cube("all", 1, 1), giveAll(0, 100, 0, secret(1000, 0, 400_000))}},
			cand: run{cube("most", 1, 1), giveAll(30, 100, 0, constant(1000))},
			by:   Dominance, off: checks{dominance: true}, units: 30,
		},
		{
			name: "linked tables",
			past: []run{
				{cube("by sex", 2, 0), join(giveAll(0, 30, 0, nil), giveAll(30, 60, 1, nil))},
			},
			// urban women and all men: total known, so rural women are left.
			cand: run{cube("urban women, men", 2, 0), join(giveAll(0, 26, 0, nil), giveAll(30, 60, 1, nil))},
			by:   Pair, off: checks{pair: true, span: true}, units: 4,
		},
		{
			name: "three-way link",
			past: []run{
				{cube("a", 1, 0), giveAll(0, 40, 0, nil)},
				{cube("b", 1, 0), giveAll(20, 60, 0, nil)},
			},
			// a + b - c = the overlap twice ... less one.
			cand: run{cube("c", 2, 0), join(giveAll(0, 20, 0, nil), giveAll(41, 60, 0, nil), giveAll(20, 41, 1, nil))},
			by:   Span, off: checks{pair: true, span: true}, units: 1,
		},
		{
			name: "C was down",
			past: []run{{member("three", "A", "B", "C"), giveAll(0, 40, 0, nil)}},
			cand: run{member("two", "A", "B"), giveAll(0, 40, 0, nil)},
			by:   Domains, off: checks{domains: true},
		},
		{
			name: "three pairs of domains",
			past: []run{
				{member("ab", "A", "B"), giveAll(0, 40, 0, nil)},
				{member("bc", "B", "C"), giveAll(0, 40, 0, nil)},
			},
			cand: run{member("ac", "A", "C"), giveAll(0, 40, 0, nil)},
			by:   Domains, off: checks{domains: true},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := history(t, tt.past...)
			f := test(t, r, tt.cand, params)
			k := slices.IndexFunc(f.Combinations, func(c Combination) bool { return c.Check == tt.by })
			if f.Verdict != Refuse || k < 0 {
				t.Fatalf("verdict %s, combinations %v", f.Verdict, show(f))
			}
			if c := f.Combinations[k]; c.Units != tt.units {
				t.Errorf("%d units behind %v, want %d", c.Units, show(f), tt.units)
			}
			p := params
			p.off = tt.off
			if f := test(t, r, tt.cand, p); f.Verdict != Pass {
				t.Errorf("with %+v off: %s %v", tt.off, f.Verdict, show(f))
			}
		})
	}
}

func show(f Finding) string {
	var b strings.Builder
	for _, c := range f.Combinations {
		fmt.Fprintf(&b, "%s on %d %v:", c.Check, c.Units, c.Alone)
		for _, t := range c.Terms {
			fmt.Fprintf(&b, " %s*%s[%d].%d", t.Coefficient.RatString(), t.Release, t.Item, t.Measure)
		}
		b.WriteString("; ")
	}
	return b.String()
}

// TestSafe: what must pass.
func TestSafe(t *testing.T) {
	bins := join(giveAll(0, 20, 0, amount), giveAll(20, 40, 1, amount), giveAll(40, 60, 2, amount))
	more := func(u int) []int64 { return []int64{amount(u)[0] + int64(u*u%97) + 2} }
	tests := []struct {
		name string
		past []run
		cand run
		same string
	}{
		{name: "the first", cand: run{cube("a", 3, 1), bins}},
		{name: "the same again", past: []run{{cube("a", 3, 1), bins}}, cand: run{cube("b", 3, 1), bins}, same: "a"},
		{
			name: "averaging: nop-padded repeats", same: "a", cand: run{cube("c", 3, 1), bins},
			past: []run{{cube("a", 3, 1), bins}, {cube("b", 3, 1), bins}},
		},
		{
			name: "coarser bins",
			past: []run{{cube("a", 3, 1), bins}},
			cand: run{cube("b", 2, 1), join(giveAll(0, 40, 0, amount), giveAll(40, 60, 1, amount))},
		},
		{
			name: "a difference of ten",
			past: []run{{cube("a", 1, 0), giveAll(0, 40, 0, nil)}},
			cand: run{cube("b", 1, 0), giveAll(0, 30, 0, nil)},
		},
		{
			name: "another year's values of all",
			past: []run{{cube("a", 1, 1), giveAll(0, 60, 0, amount)}},
			cand: run{cube("b", 1, 1), giveAll(0, 60, 0, more)},
		},
		{
			name: "other people",
			past: []run{{cube("a", 3, 1), bins}},
			cand: run{cube("b", 1, 1), giveAll(100, 140, 0, amount)},
		},
		{
			name: "margins of a table of its own, a small cell in it",
			cand: run{cube("a", 2, 0, []int32{0, 1}), join(giveAll(0, 40, 0, nil), giveAll(40, 43, 1, nil))},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "margins of a table of its own, a small cell in it" {
				tt.cand.rel.Hidden = []int32{1}
			}
			f := test(t, history(t, tt.past...), tt.cand, params)
			if f.Verdict != Pass || f.Same != tt.same {
				t.Errorf("%s, same as %q: %v %v", f.Verdict, f.Same, show(f), f.Reasons)
			}
		})
	}
}

// TestThresholds: one below and one at each bound.
func TestThresholds(t *testing.T) {
	all := run{cube("a", 1, 1), giveAll(0, 100, 0, constant(100))}
	for diff, want := range map[int]Verdict{0: Pass, 1: Refuse, 9: Refuse, 10: Pass, 50: Pass} {
		f := test(t, history(t, all), run{cube("b", 1, 1), giveAll(diff, 100, 0, constant(100))}, params)
		if f.Verdict != want {
			t.Errorf("a difference of %d: %s %v", diff, f.Verdict, show(f))
		}
	}
	// Largest 1000, second 100, then nine of x: rest below 10 percent of 1000?
	for x, want := range map[int64]Verdict{11: Refuse, 12: Pass} {
		odd := func(u int) []int64 {
			switch {
			case u == 0:
				return []int64{1000}
			case u == 1:
				return []int64{100}
			case u < 11:
				return []int64{x}
			}
			return []int64{100}
		}
		r := history(t, run{cube("a", 1, 1), giveAll(0, 100, 0, odd)})
		f := test(t, r, run{cube("b", 1, 1), giveAll(11, 100, 0, odd)}, params)
		if f.Verdict != want {
			t.Errorf("nine of %d: %s %v", x, f.Verdict, show(f))
		}
	}
}

func TestSeveralCells(t *testing.T) {
	// Each unit visits two wards; the repeat lacks one visit of one unit.
	visits := func(skip int) []Contribution {
		var out []Contribution
		for u := range 40 {
			out = append(out, give(u, u%2))
			if u != skip {
				out = append(out, give(u, 2+u%2))
			}
		}
		return out
	}
	r := history(t, run{cube("a", 4, 0), visits(-1)})
	if f := test(t, r, run{cube("b", 4, 0), visits(-1)}, params); f.Verdict != Pass || f.Same != "a" {
		t.Errorf("the same again: %s %q %v", f.Verdict, f.Same, show(f))
	}
	if f := test(t, r, run{cube("b", 4, 0), visits(8)}, params); f.Verdict != Refuse {
		t.Errorf("one visit less: %s", f.Verdict)
	}
	_, err := r.Add(cube("c", 4, 0, []int32{0, 2}), visits(-1))
	if !errors.Is(err, fault.Invalid) {
		t.Errorf("margins where a unit is in several cells: %v", err)
	}
}

func TestHiddenAndWithdrawn(t *testing.T) {
	all, most := giveAll(0, 50, 0, nil), giveAll(1, 50, 0, nil)
	cand := run{cube("but one", 1, 0), most}
	r := history(t, run{cube("all", 1, 0), all})
	if f := test(t, r, cand, params); f.Verdict != Refuse {
		t.Fatalf("total minus one: %s", f.Verdict)
	}
	if _, err := r.Withdraw("all"); err != nil {
		t.Fatal(err)
	}
	if f := test(t, r, cand, params); f.Verdict != Pass {
		t.Errorf("after the total was withdrawn: %s %v", f.Verdict, show(f))
	}
	if _, err := r.Withdraw("all"); !errors.Is(err, fault.NotFound) {
		t.Errorf("withdrawn twice: %v", err)
	}
	r = history(t, run{cube("all", 1, 0), all})
	if _, err := r.Hide("all", []int32{0}); err != nil {
		t.Fatal(err)
	}
	if f := test(t, r, cand, params); f.Verdict != Pass {
		t.Errorf("after the total was hidden: %s %v", f.Verdict, show(f))
	}
	if _, err := r.Hide("all", []int32{1}); !errors.Is(err, fault.Invalid) {
		t.Errorf("hiding an item that is not: %v", err)
	}
}

// TestPending: what is not known to have come out is named, and does not count
// as known when it was refused.
func TestPending(t *testing.T) {
	all := run{cube("all", 1, 0), giveAll(0, 50, 0, nil)}
	others := run{cube("others", 1, 0), giveAll(1, 50, 0, nil)}
	again := run{cube("again", 1, 0), others.given}
	halves := run{cube("halves", 2, 0), join(giveAll(1, 20, 0, nil), giveAll(20, 50, 1, nil))}
	elsewhere := run{cube("elsewhere", 1, 0), giveAll(100, 150, 0, nil)}
	others.rel.Refused = true
	r := history(t, all)
	for _, s := range []run{others, elsewhere} {
		if _, err := r.Add(s.rel, s.given); err != nil {
			t.Fatal(err)
		}
	}
	for _, cand := range []run{again, halves} {
		f := test(t, r, cand, params)
		if f.Verdict != Refuse || !slices.Equal(f.Pending, []string{"others"}) {
			t.Errorf("%s: %s, pending %v, %v", cand.rel.ID, f.Verdict, f.Pending, f.Reasons)
		}
		p := params
		p.off = checks{pending: true}
		if f := test(t, r, cand, p); f.Verdict != Pass {
			t.Errorf("%s, if the refused counts as known: %s", cand.rel.ID, f.Verdict)
		}
	}
	if _, err := r.Hide("others", nil); err != nil {
		t.Fatal(err)
	}
	if f := test(t, r, again, params); f.Verdict != Pass || f.Pending != nil || f.Same != "others" {
		t.Errorf("after it came out: %s, pending %v", f.Verdict, f.Pending)
	}
	if _, err := r.Withdraw("elsewhere"); err != nil {
		t.Fatal(err)
	}
	if f := test(t, r, run{cube("x", 1, 0), elsewhere.given}, params); f.Verdict != Pass || f.Pending != nil {
		t.Errorf("after it was withdrawn: %s, pending %v", f.Verdict, f.Pending)
	}
}

// TestHideNothing: with no items, what was hidden at first stays so.
func TestHideNothing(t *testing.T) {
	all := run{cube("all", 1, 0), giveAll(0, 50, 0, nil)}
	all.rel.Hidden = []int32{0}
	r := history(t, all)
	if f := test(t, r, run{cube("others", 1, 0), giveAll(1, 50, 0, nil)}, params); f.Verdict != Pass || f.Pending != nil {
		t.Errorf("%s %v, pending %v", f.Verdict, show(f), f.Pending)
	}
}

// TestMembersByOtherCuts: releases of other domains are compared wherever items
// of one add up to items of the other.
func TestMembersByOtherCuts(t *testing.T) {
	two := func(s run) run {
		s.rel.Members = []string{"A", "B"}
		return s
	}
	thirds := func(id string, margins ...[]int32) run {
		return run{cube(id, 3, 0, margins...), join(giveAll(0, 20, 0, nil), giveAll(20, 40, 1, nil), giveAll(40, 60, 2, nil))}
	}
	halves := func(id string) run {
		return run{cube(id, 2, 0), join(giveAll(0, 30, 0, nil), giveAll(30, 60, 1, nil))}
	}
	hidden := thirds("thirds", []int32{0, 1, 2})
	hidden.rel.Hidden = []int32{1, 2}
	nowhere := thirds("thirds")
	nowhere.rel.Hidden = []int32{1}
	twice := func(id string, swap int) run { // each unit in two cells
		var given []Contribution
		for u := range 60 {
			given = append(given, give(u, (u+swap)%3), give(u, (u+1+swap)%3))
		}
		return run{cube(id, 3, 0), given}
	}
	for _, tt := range []struct {
		name       string
		past, cand run
		want       Verdict
	}{
		{"cells, then their total", thirds("thirds"), run{cube("all", 1, 0), giveAll(0, 60, 0, nil)}, Refuse},
		{"the total, then its cells", run{cube("all", 1, 0), giveAll(0, 60, 0, nil)}, thirds("thirds"), Refuse},
		{"two cuts of the same", thirds("thirds"), halves("halves"), Refuse},
		{"a total of which two cells are hidden", halves("halves"), hidden, Refuse},
		{"hidden cells that nothing makes up for", halves("halves"), nowhere, Pass},
		{"two of three cells", thirds("thirds"), run{cube("some", 1, 0), giveAll(20, 60, 0, nil)}, Refuse},
		{"other people", thirds("thirds"), run{cube("some", 1, 0), giveAll(20, 80, 0, nil)}, Pass},
		{"units in several cells", twice("a", 0), twice("b", 1), Refuse},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := params
			p.off = checks{span: true} // linked cuts of so few units are near each other
			r := history(t, tt.past)
			if f := test(t, r, two(tt.cand), p); f.Verdict != tt.want {
				t.Errorf("%s %v", f.Verdict, show(f))
			}
			if f := test(t, r, tt.cand, p); f.Verdict != Pass {
				t.Errorf("of the same domains: %s %v", f.Verdict, show(f))
			}
			p.off.domains = true
			if f := test(t, r, two(tt.cand), p); f.Verdict != Pass {
				t.Errorf("with the check off: %s %v", f.Verdict, show(f))
			}
		})
	}
}

// TestProtect: a total is known; a table with a small cell would give that
// cell, unless another cell is hidden with it.
func TestProtect(t *testing.T) {
	total := run{cube("total", 1, 0), giveAll(0, 100, 0, nil)}
	table := cube("table", 4, 0)
	table.Hidden = []int32{3}
	given := join(giveAll(0, 40, 0, nil), giveAll(40, 75, 1, nil), giveAll(75, 96, 2, nil), giveAll(96, 100, 3, nil))
	r := history(t, total)
	if f := test(t, r, run{table, given}, params); f.Verdict != Refuse {
		t.Fatalf("the small cell by subtraction: %s", f.Verdict)
	}
	hid, f, err := r.Protect(table, given, params, 5)
	if err != nil || f.Verdict != Pass || !slices.Equal(hid, []int32{2}) {
		t.Errorf("hid %v: %s %v, %v", hid, f.Verdict, show(f), err)
	}
}

func TestBlindAndBounded(t *testing.T) {
	r := history(t, run{cube("a", 2, 0), join(giveAll(0, 30, 0, nil), giveAll(30, 60, 1, nil))})
	cand := run{cube("b", 2, 0), join(giveAll(0, 20, 0, nil), giveAll(20, 25, 1, nil), giveAll(30, 50, 0, nil), giveAll(50, 55, 1, nil))}
	p := params
	p.AtomCap = 3
	if f := test(t, r, cand, p); f.Verdict == Pass {
		t.Errorf("over the cap of atoms: %s", f.Verdict)
	}
	p = params
	p.Work = 1
	if f := test(t, r, cand, p); f.Verdict == Pass {
		t.Errorf("over the bound of work: %s", f.Verdict)
	}
	r.blind = true
	if f := test(t, r, run{cube("c", 1, 0), giveAll(0, 30, 0, nil)}, params); f.Verdict != Review {
		t.Errorf("beyond its bounds: %s", f.Verdict)
	}
	if _, err := r.Test(cand.rel, cand.given, Params{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("parameters that are not set: %v", err)
	}
}

func TestInvalid(t *testing.T) {
	ok := giveAll(0, 3, 0, nil)
	tests := []struct {
		name  string
		rel   Release
		given []Contribution
	}{
		{"no id", cube("", 1, 0), ok},
		{"no members", Release{ID: "x", Cells: 1}, ok},
		{"a member twice", Release{ID: "x", Cells: 1, Members: []string{"A", "A"}}, ok},
		{"no cells", Release{ID: "x", Members: []string{"A"}}, nil},
		{"a cell twice in an item", Release{ID: "x", Members: []string{"A"}, Cells: 2, Items: [][]int32{{1, 1}}}, ok},
		{"a cell that is not", cube("x", 1, 0), []Contribution{give(0, 1)}},
		{"values that are not", cube("x", 1, 0), []Contribution{give(0, 0, 5)}},
		{"a value beyond the bound", cube("x", 1, 1), []Contribution{give(0, 0, maxValue+1)}},
		{"a cell twice", cube("x", 1, 0), []Contribution{give(0, 0), give(0, 0)}},
		{"hidden beyond", Release{ID: "x", Members: []string{"A"}, Cells: 1, Hidden: []int32{0}}, ok},
	}
	for _, tt := range tests {
		if _, err := New().Add(tt.rel, tt.given); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	r := history(t, run{cube("x", 1, 0), ok})
	if _, err := r.Add(cube("x", 1, 0), ok); !errors.Is(err, fault.Conflict) {
		t.Errorf("an id twice: %v", err)
	}
}
