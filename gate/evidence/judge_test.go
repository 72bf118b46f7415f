package evidence

import (
	"math/rand/v2"
	"testing"

	"github.com/yunei/yunei/gate/params"
)

// hits reports whether a check flags the first cell of a table, and whether it hides it.
func hits(t *Table, p params.Parameters, check string) (flagged, hidden bool) {
	for _, f := range Judge(t, p) {
		if f.Item == 0 && f.Check == check {
			flagged, hidden = true, hidden || f.Hide
		}
	}
	return flagged, hidden
}

// rising are n different values from 1000 on, none of which dominates.
func rising(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = 1000 + int64(i)
	}
	return out
}

// Worked examples of the SDC Handbook, 2nd edition, 4.2, and its formulas of
// upper protection levels.
func TestHandbook(t *testing.T) {
	// Example 1: X = 100,000, x1 = 50,000, x2 = 49,000 is safe under (1,90), and
	// yet the second contributor knows the first to 2 %.
	first := []int64{50_000, 49_000}
	if Dominated(100_000, first, 1, 90) {
		t.Error("example 1 is unsafe under (1,90)")
	}
	if !Close(100_000, first, 10, 1) || !Close(100_000, first, 3, 1) || Close(100_000, first, 2, 1) {
		t.Error("example 1: the estimate is 2 % off: unsafe for p above 2, safe at 2")
	}
	if !Dominated(100_000, first, 2, 90) || Dominated(100_000, first, 1, 50) {
		t.Error("example 1: (2,90) is broken, (1,50) just kept")
	}
	// Example 2: X = 110,000, x1 = 52,000, x2 = 50,000, p = 10, k = 90.9: the
	// estimate is 15.4 % off, and (2,k) over-protects.
	second := []int64{52_000, 50_000}
	if Close(110_000, second, 10, 1) || Close(110_000, second, 15, 1) || !Close(110_000, second, 16, 1) {
		t.Error("example 2: the estimate is 15.4 % off")
	}
	if !Dominated(110_000, second, 2, 90) {
		t.Error("example 2 is safe under (2,90)")
	}
	// p = 100 (100 - k) / k: what (2,80) lets out, p = 25 lets out.
	for x1 := int64(0); x1 <= 100; x1++ {
		for x2 := int64(0); x2 <= x1 && x1+x2 <= 100; x2++ {
			top := []int64{x1, x2}
			if !Dominated(100, top, 2, 80) && Close(100, top, 25, 1) {
				t.Errorf("x1=%d x2=%d: safe under (2,80) and not under p = 25", x1, x2)
			}
		}
	}
	for _, c := range []struct {
		name      string
		got, want int64
	}{
		{"p=10 of example 1: 5,000 - 1,000", LevelClose(100_000, first, 10, 1), 4_000},
		{"p=2 of example 1 is 0", LevelClose(100_000, first, 2, 1), 0},
		{"(2,90) of example 1: 110,000 - 100,000", LevelDominated(100_000, first, 2, 90), 10_000},
		{"(1,90) of example 1 is 0", LevelDominated(100_000, first, 1, 90), 0},
		{"p=10,q=50 of example 1: 10,000 - 1,000", LevelPosterior(100_000, first, 10, 50), 9_000},
		{"p=16 of example 2: 8,320 - 8,000", LevelClose(110_000, second, 16, 1), 320},
		{"(2,90) of example 2: 113,333.3 - 110,000 rounded up", LevelDominated(110_000, second, 2, 90), 3_334},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
	// (p,q) with q = 100 is the p%-rule, and (p,q) is (100 p / q, 100).
	if Posterior(100_000, first, 10, 100) != Close(100_000, first, 10, 1) || !Posterior(100_000, first, 1, 50-1) || Posterior(100_000, first, 1, 50) {
		t.Error("the (p,q)-rule is not the p%-rule of p/q")
	}
	// Coalitions, footnote 6: with two who know their own, x3 is gone as well.
	third := []int64{400, 300, 200}
	if Close(1000, third, 20, 1) || Close(1000, third, 25, 2) || !Close(1000, third, 26, 2) {
		t.Error("a coalition of two leaves 100, 25 % of 400")
	}
}

// A protection level is exactly what the total lacks to be safe.
func TestLevelsMakeSafe(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	for range 5_000 {
		x1 := 1 + r.Int64N(1000)
		x2 := r.Int64N(x1 + 1)
		total := x1 + x2 + r.Int64N(300)
		top := []int64{x1, x2}
		p, k := 1+r.Int64N(99), 50+r.Int64N(50)
		if u := LevelClose(total, top, p, 1); (u == 0) == Close(total, top, p, 1) || Close(total+u, top, p, 1) || u > 0 && !Close(total+u-1, top, p, 1) {
			t.Fatalf("p=%d of %d %v: level %d", p, total, top, u)
		}
		if u := LevelDominated(total, top, 2, k); (u == 0) == Dominated(total, top, 2, k) || Dominated(total+u, top, 2, k) || u > 0 && !Dominated(total+u-1, top, 2, k) {
			t.Fatalf("k=%d of %d %v: level %d", k, total, top, u)
		}
	}
}

func TestThresholdCountsUnitsWithAValue(t *testing.T) {
	p := house(t)
	for n, want := range map[int]bool{0: false, 1: true, 9: true, 10: false, 11: false} {
		if got, hidden := hits(one(t, rising(n)...), p, C05); got != want || hidden != want {
			t.Errorf("%d units: flagged %v", n, got)
		}
	}
	// 20 units touch the cell, and 9, 10 or none of them give the measure.
	for n, want := range map[int]bool{0: false, 9: true, 10: false} {
		tab := table(t, base(1), 1, 1)
		for i := range 20 {
			if err := tab.Add(0, []int64{1000 + int64(i)}, []bool{i < n}); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := hits(tab, p, C05); got != want {
			t.Errorf("%d of 20 units give a value: flagged %v", n, got)
		}
	}
}

// Each rule of values just below, at, and just above its parameter.
func TestJudgeBoundaries(t *testing.T) {
	p := house(t)
	// p%: x1 = 1000, x2 = 500, the rest of 10 units is 99, 100, 101 against 10 % of 1000.
	rest := func(sum int64) []int64 { return []int64{1000, 500, sum - 28, 7, 6, 5, 4, 3, 2, 1} }
	for sum, want := range map[int64]bool{99: true, 100: false, 101: false} {
		if got, hidden := hits(one(t, rest(sum)...), p, C07); got != want || hidden != want {
			t.Errorf("p%%: a rest of %d: flagged %v", sum, got)
		}
	}
	// (2,90): x1 + x2 = 900, the total 999, 1000, 1001.
	nk := func(total int64) []int64 { return []int64{500, 400, total - 928, 7, 6, 5, 4, 3, 2, 1} }
	for total, want := range map[int64]bool{999: true, 1000: false, 1001: false} {
		if got, hidden := hits(one(t, nk(total)...), p, C08); got != want || hidden != want {
			t.Errorf("(2,90): a total of %d: flagged %v", total, got)
		}
	}
	// (1,50) is off in the house profile and on in the strict one: x1 = 500.
	strict, err := params.For(params.StrictProfile, 0)
	if err != nil {
		t.Fatal(err)
	}
	for total, want := range map[int64]bool{999: true, 1000: false, 1001: false} {
		values := []int64{500, total - 500 - 207, 100, 90, 10, 3, 2, 1, 1, 0}
		if got, _ := hits(one(t, values...), strict, C08); got != want {
			t.Errorf("(1,50): a total of %d: flagged %v", total, got)
		}
		if got, _ := hits(one(t, values...), p, C08); got {
			t.Errorf("(1,50) is not an option of the house profile: total %d", total)
		}
	}
	// Coalition of 2: without the three largest, 99, 100, 101 of 1000 are left.
	two := p
	two.Coalition = 2
	for sum, want := range map[int64]bool{99: true, 100: false, 101: false} {
		values := []int64{1000, 500, 400, sum - 21, 6, 5, 4, 3, 2, 1}
		if got, _ := hits(one(t, values...), two, C07); got != want {
			t.Errorf("coalition of 2: a rest of %d: flagged %v", sum, got)
		}
		if got, _ := hits(one(t, values...), p, C07); got {
			t.Errorf("a coalition of 1 leaves %d", sum+400)
		}
	}
	// All but 9, 10, 11 of 40 units have one value.
	for apart, want := range map[int]bool{0: true, 1: true, 9: true, 10: false, 11: false} {
		values := rising(apart)
		for len(values) < 40 {
			values = append(values, 2000)
		}
		if got, hidden := hits(one(t, values...), p, C10); got != want || hidden != want {
			t.Errorf("%d units apart: flagged %v", apart, got)
		}
	}
	// Nine units differ, and 9, 10, 11 do not: a majority.
	for same, want := range map[int]bool{1: false, 9: false, 10: true, 11: true} {
		values := rising(9)
		for range same {
			values = append(values, 2000)
		}
		if got, _ := hits(one(t, values...), p, C10); got != want {
			t.Errorf("%d units alike and 9 apart: flagged %v", same, got)
		}
	}
	if got, _ := hits(one(t, make([]int64, 50)...), p, C10); !got {
		t.Error("all zeros are not all the same")
	}
	if got, _ := hits(one(t, rising(100)...), p, C10); got {
		t.Error("100 different values are all the same")
	}
}

func TestNegatives(t *testing.T) {
	p := house(t)
	for v, want := range map[int64]bool{-1: true, 0: false, 1: false} {
		flagged, hidden := hits(one(t, append(rising(20), v)...), p, C09)
		if flagged != want || hidden {
			t.Errorf("a value of %d: flagged %v, hidden %v", v, flagged, hidden)
		}
		strict := p
		strict.NegativesHidden = 1
		if _, hidden := hits(one(t, append(rising(20), v)...), strict, C09); hidden != want {
			t.Errorf("a value of %d where negatives are hidden: %v", v, hidden)
		}
	}
	// Absolute sizes are judged: the signed total is small, and nothing dominates.
	if got, _ := hits(one(t, 1000, -999, 998, -997, 996, -995, 994, -993, 992, -991), p, C07); got {
		t.Error("a cell whose signed total is small is judged by it")
	}
	if got, _ := hits(one(t, -100_000, 9, 8, 7, 6, 5, 4, 3, 2, 1), p, C07); !got {
		t.Error("a large negative contribution does not dominate")
	}
}

// The zero value denies: no parameters hide every item, empty ones included.
func TestZeroParametersHideAll(t *testing.T) {
	tab := table(t, grid(2, 2), 4, 1)
	for _, f := range Flags(Judge(tab, params.Parameters{}), tab.Items()) {
		if f != 1 {
			t.Fatal("an item is shown without parameters")
		}
	}
	for _, f := range Flags(Judge(tab, house(t)), tab.Items()) {
		if f != 0 {
			t.Fatal("an empty table has a flag")
		}
	}
	bad := house(t)
	bad.Threshold = 2
	if f := Flags(Judge(one(t, rising(50)...), bad), 1); f[0] != 1 {
		t.Error("parameters below their range judge")
	}
	if Flags([]Flag{{C05, 7, 0, true}, {C09, 0, 1, false}}, 1)[0] != 0 {
		t.Error("a flag beyond the items, or one for people, hides")
	}
}

// counts fills a table without measures.
func counts(tb testing.TB, items [][]int32, n ...int) *Table {
	tb.Helper()
	tab := table(tb, items, len(n), 0)
	for c, k := range n {
		for range k {
			add(tb, tab, c)
		}
	}
	return tab
}
