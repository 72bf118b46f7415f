package register

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// victim is the unit that an attacker is after.
const victim = 7

// f and g are values of a unit's own.
func fOf(u int) int64 { return int64(1000 + 37*u%1013) }
func gOf(u int) int64 { return int64(500 + 91*u%877) }

func plus(u int) int64 { return 99 * int64(b2i(u == victim)) }

// of makes values of some functions of a unit.
func of(fs ...func(int) int64) func(int) []int64 {
	return func(u int) []int64 {
		var out []int64
		for _, f := range fs {
			out = append(out, f(u))
		}
		return out
	}
}

func sumOf(u int) int64 { return fOf(u) + gOf(u) + plus(u) }

// byHalf gives units below 40 to cell 0 and the others to cell 1.
func byHalf(value func(int) []int64) []Contribution {
	return join(giveAll(0, 40, 0, value), giveAll(40, 80, 1, value))
}

// bySixths puts units into more cells than have coefficients of their own.
func bySixths(value func(int) []int64) []Contribution {
	var out []Contribution
	for i := range 5 {
		out = append(out, giveAll(16*i, 16*i+16, i, value)...)
	}
	return out
}

// TestRelations: relations of values over several rows; each is refused, and
// passes with the check off.
func TestRelations(t *testing.T) {
	whole := func(id string, fs ...func(int) int64) run {
		return run{cube(id, 1, len(fs)), giveAll(0, 80, 0, of(fs...))}
	}
	tests := []struct {
		name string
		past []run
		cand run
	}{
		{"f + g - h", []run{whole("f", fOf), whole("g", gOf)}, whole("h", sumOf)},
		{"f + g - h, in one table", nil, whole("fgh", fOf, gOf, sumOf)},
		{"f + 1 - g", []run{whole("f", fOf)}, whole("g", func(u int) int64 { return fOf(u) + 1 + plus(u) })},
		{
			"3f - 5g + 7, among other values",
			[]run{whole("a", fOf, func(u int) int64 { return int64(u*u%211 + 2) }), whole("b", func(u int) int64 { return int64(u*u*u%499 + 2) }, gOf)},
			whole("c", func(u int) int64 { return int64(u * 17 % 89) }, func(u int) int64 { return 3*fOf(u) - 5*gOf(u) + 7 + plus(u) }),
		},
		{"f in halves", []run{{cube("f", 2, 1), byHalf(of(fOf))}, whole("g", gOf)}, whole("h", sumOf)},
		{"f in fifths", []run{{cube("f", 5, 1), bySixths(of(fOf))}, whole("g", gOf)}, whole("h", sumOf)},
		{"h in halves", []run{whole("f", fOf), whole("g", gOf)}, run{cube("h", 2, 1), byHalf(of(sumOf))}},
		{"2f - f', f' in fifths", []run{whole("f", fOf)}, run{cube("f'", 5, 1), bySixths(of(func(u int) int64 { return 2*fOf(u) + plus(u) }))}},
		{
			"twice the first half and three times the other",
			[]run{{cube("f", 2, 1), byHalf(of(fOf))}},
			whole("h", func(u int) int64 { return int64(2+u/40)*fOf(u) + plus(u) }),
		},
		{
			"halves of a known total",
			[]run{whole("f", fOf), whole("h", func(u int) int64 { return int64(2+u/40)*fOf(u) + plus(u) })},
			run{cube("halves", 2, 1, []int32{0, 1}), byHalf(of(fOf))},
		},
		{
			"by age, by sex, and as a whole",
			[]run{{cube("f", 2, 1), byHalf(of(fOf))}, {cube("g", 5, 1), bySixths(of(gOf))}},
			whole("h", sumOf),
		},
		{
			"a cell of ten", nil,
			run{cube("fgh", 1, 3), giveAll(0, 10, 0, of(fOf, gOf, sumOf))},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := history(t, tt.past...)
			f := test(t, r, tt.cand, params)
			k := slices.IndexFunc(f.Combinations, func(c Combination) bool { return c.Check == Relation })
			if f.Verdict != Refuse || k < 0 {
				t.Fatalf("verdict %s, combinations %v", f.Verdict, show(f))
			}
			if got := recount(append(slices.Clone(tt.past), tt.cand), f.Combinations[k]); got != 1 || f.Combinations[k].Units != 1 {
				t.Errorf("%s: %d units by counting", show(f), got)
			}
			p := params
			p.off = checks{relation: true}
			if f := test(t, r, tt.cand, p); f.Verdict != Pass {
				t.Errorf("with the check off: %s %v", f.Verdict, show(f))
			}
		})
	}
}

// TestRelationBounds: one below and one at each bound.
func TestRelationBounds(t *testing.T) {
	f0 := func(u int) int64 { return narrow[int64](mix(uint64(u))%1000 + 2) }
	g0 := func(u int) int64 { return narrow[int64](mix(uint64(u)+99)%1000 + 2) }
	few := func(n int) func(int) int64 {
		return func(u int) int64 { return f0(u) + g0(u) + int64(b2i(u < n))*int64(u*u*u+3) }
	}
	for n, want := range map[int]Verdict{0: Pass, 1: Refuse, 9: Refuse, 10: Pass, 40: Pass} {
		f := alone(t, run{cube("fgh", 1, 3), giveAll(0, 80, 0, of(f0, g0, few(n)))})
		if f.Verdict != want {
			t.Errorf("%d of 80 units apart: %s %v", n, f.Verdict, show(f))
		}
	}
	// Of 19 units, 9 apart leave a majority of 10, which is t; of 18 they do not.
	for n, want := range map[int]Verdict{18: Pass, 19: Refuse} {
		f := alone(t, run{cube("fgh", 1, 3), giveAll(0, n, 0, of(f0, g0, few(9)))})
		if f.Verdict != want {
			t.Errorf("9 of %d units apart: %s %v", n, f.Verdict, show(f))
		}
	}
	// So many units that what is looked at first has none of the few.
	many := rounds(5000)
	f := alone(t, run{cube("fgh", 1, 3), giveAll(0, many, 0, of(fOf, gOf, sumOf))})
	if f.Verdict != Refuse {
		t.Errorf("one of %d: %s", many, f.Verdict)
	}
}

// alone tests the first release of all.
func alone(t *testing.T, s run) Finding {
	t.Helper()
	f, err := New().Test(s.rel, s.given, params)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestRelationKnown: what is said already, and what is related throughout, is
// nothing new.
func TestRelationKnown(t *testing.T) {
	exact := func(u int) int64 { return fOf(u) + gOf(u) }
	past := []run{{cube("f", 1, 1), giveAll(0, 80, 0, of(fOf))}, {cube("g", 2, 1), byHalf(of(gOf))}}
	for name, cand := range map[string]run{
		"the sum of both":           {cube("h", 1, 1), giveAll(0, 80, 0, of(exact))},
		"the sum of both in halves": {cube("h", 2, 1), byHalf(of(exact))},
		"their total":               {cube("h", 2, 2, []int32{0, 1}), byHalf(of(fOf, exact))},
	} {
		if f := test(t, history(t, past...), cand, params); f.Verdict != Pass {
			t.Errorf("%s: %s %v %v", name, f.Verdict, show(f), f.Reasons)
		}
	}
	leaky := append(slices.Clone(past), run{cube("h", 1, 1), giveAll(0, 80, 0, of(sumOf))})
	other := run{cube("x", 1, 1), giveAll(0, 80, 0, of(func(u int) int64 { return int64(u*u*u%997 + 5) }))}
	if f := test(t, history(t, leaky...), other, params); f.Verdict != Pass {
		t.Errorf("an earlier leak: %s %v", f.Verdict, show(f))
	}
}

// TestRelationUndecided: too many values, or too little work, is no pass.
func TestRelationUndecided(t *testing.T) {
	var fs []func(int) int64
	for k := range maxStrands + 1 {
		fs = append(fs, func(u int) int64 { return int64(mix(uint64(u*1000+k)) % 100_000) })
	}
	cand := run{cube("x", 1, len(fs)), giveAll(0, 200, 0, of(fs...))}
	if f := test(t, New(), cand, params); f.Verdict != Review {
		t.Errorf("%d values: %s %v", len(fs), f.Verdict, show(f))
	}
	cand = run{cube("x", 1, 20), giveAll(0, 20, 0, of(fs[:20]...))}
	p := params
	p.Work = 20_000
	if f := test(t, New(), cand, p); f.Verdict != Review {
		t.Errorf("little work: %s %v", f.Verdict, show(f))
	}
}

// TestRelationAgainstCounting compares with all combinations with coefficients
// of -2 to 2 of the rows of an item: whatever of them leaves few units is
// refused, and what is refused leaves few units.
func TestRelationAgainstCounting(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var related, clean int
	for range rounds(60) {
		n, least := 14+rng.IntN(30), 4+rng.IntN(4)
		p := Params{T: least, P: 10, KMin: 1, AtomCap: 1000, Work: 1 << 26, off: checks{pair: true, dominance: true, span: true}}
		a, b, c := int64(rng.IntN(5)-2), int64(rng.IntN(5)-2), int64(rng.IntN(5)-2)
		apart := rng.IntN(2 * least)
		value := make([][]int64, n)
		for u := range value {
			f, g := int64(2+rng.IntN(50)), int64(2+rng.IntN(50))
			h := a*f + b*g + c
			if u < apart || a == 0 && b == 0 {
				h += 3 + rng.Int64N(40)
			}
			value[u] = []int64{f, g, h}
		}
		give := func(ms ...int) []Contribution {
			return giveAll(0, n, 0, func(u int) []int64 {
				var out []int64
				for _, m := range ms {
					out = append(out, value[u][m])
				}
				return out
			})
		}
		runs := []run{{cube("f", 1, 1), give(0)}, {cube("gh", 1, 2), give(1, 2)}}
		if rng.IntN(2) == 0 {
			runs = []run{{cube("fgh", 1, 3), give(0, 1, 2)}}
		}
		f := test(t, history(t, runs[:len(runs)-1]...), runs[len(runs)-1], p)
		want := counted(value, least)
		if want {
			related++
		} else {
			clean++
		}
		if want && f.Verdict != Refuse {
			t.Fatalf("%d units, %d apart (T=%d): %s", n, apart, least, f.Verdict)
		}
		for _, c := range f.Combinations {
			if got := recount(runs, c); got != c.Units || got == 0 || got >= least {
				t.Fatalf("%s: %d units by counting", show(f), got)
			}
		}
	}
	if related < 10 || clean < 10 {
		t.Errorf("%d related and %d other cases say little", related, clean)
	}
}

// counted says that a combination of three or four of the rows 1, f, g, h leaves
// fewer than least units, by the rule of the package.
func counted(value [][]int64, least int) bool {
	for code := range 625 {
		x := []int64{int64(code%5) - 2, int64(code/5%5) - 2, int64(code/25%5) - 2, int64(code/125) - 2}
		used, left := 0, 0
		for _, c := range x {
			used += b2i(c != 0)
		}
		for _, v := range value {
			left += b2i(x[0]+x[1]*v[0]+x[2]*v[1]+x[3]*v[2] != 0)
		}
		holds := len(value) - left
		if used > 2 && left > 0 && left < least && 2*holds > len(value) && holds >= least && holds >= 3*(used-1) {
			return true
		}
	}
	return false
}

// visits is a table as hospitals have it: cost, visits, own share and days of
// people in cells of the given sizes.
func visits(rng *rand.Rand, id string, sizes []int, measures int) run {
	var given []Contribution
	for c, n := range sizes {
		for range n {
			days := 1 + int64(rng.ExpFloat64()*4)
			cost := 80 + int64(rng.ExpFloat64()*900)*days
			all := []int64{cost, 1 + int64(rng.ExpFloat64()*3), cost * int64(20+rng.IntN(30)) / 100, days}
			given = append(given, give(len(given), c, all[:measures]...))
		}
	}
	return run{cube(id, len(sizes), measures), given}
}

// TestOrdinary: tables as they are asked for every day, of this year and of the
// last one, are not refused for relations.
func TestOrdinary(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	p := params
	p.off = checks{pair: true, dominance: true, span: true}
	for _, measures := range []int{1, 2, 3, 4} {
		cells, refused := 0, 0
		for range rounds(5) {
			sizes := make([]int, 60)
			for c := range sizes {
				sizes[c] = 15 + rng.IntN(386)
			}
			now, then := visits(rng, "now", sizes, measures), visits(rng, "then", sizes, measures)
			f, err := history(t, then).Test(now.rel, now.given, p)
			if err != nil || f.Verdict == Review {
				t.Errorf("%d values: %v, %v", measures, f.Reasons, err)
			}
			cells += len(sizes)
			refused += len(f.Combinations)
			if len(f.Combinations) > 0 {
				t.Log(show(f))
			}
		}
		t.Logf("%d values: %d of %d cells refused", measures, refused, cells)
		if refused > 0 {
			t.Errorf("%d values: %d of %d cells refused", measures, refused, cells)
		}
	}
}
