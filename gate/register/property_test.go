package register

import (
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// rounds is how often a random case is drawn: more with YUNEI_PROVE=1.
func rounds(n int) int {
	if os.Getenv("YUNEI_PROVE") == "1" {
		return 20 * n
	}
	return n
}

// randomRun draws a release over a few units, of whom some come and go, with
// values that mostly stay.
func randomRun(rng *rand.Rand, id string, units, measures int) run {
	cells := 1 + rng.IntN(3)
	var margins [][]int32
	if cells > 1 && rng.IntN(2) == 0 {
		all := []int32{0, 1}
		margins = append(margins, all)
	}
	rel := cube(id, cells, measures, margins...)
	var given []Contribution
	for u := range units {
		if rng.IntN(4) == 0 {
			continue
		}
		var v []int64
		for m := range measures {
			x := int64(1 + (u+m)%3)
			if rng.IntN(8) == 0 {
				x = int64(rng.IntN(4))
			}
			v = append(v, x)
		}
		given = append(given, give(u, rng.IntN(cells), v...))
	}
	return run{rel, given}
}

// judged hides the items that are too small by themselves, as the site does.
func judged(s run, least int) run {
	for i := range s.rel.Items {
		for m := range s.rel.Measures + 1 {
			if len(contributions(s, i, m)) < least && !slices.Contains(s.rel.Hidden, int32(i)) {
				s.rel.Hidden = append(s.rel.Hidden, int32(i))
			}
		}
	}
	return s
}

// A truth is the history as rows over the unknowns (unit, own value), with
// ones: what an attacker has who knows who is where and not what they have.
type truth struct {
	cols map[[2]int64]int
	rows [][]int64 // as indices of columns
	mine []bool
}

func truthOf(units int, runs []run) truth {
	w := truth{cols: map[[2]int64]int{}}
	for k, s := range runs {
		for i, item := range s.rel.Items {
			if slices.Contains(s.rel.Hidden, int32(i)) {
				continue
			}
			for m := range s.rel.Measures + 1 {
				var row []int64
				for _, g := range s.given {
					v := int64(1)
					if m > 0 {
						v = g.Values[m-1]
					}
					if v == 0 || !slices.Contains(item, int32(g.Cell)) {
						continue
					}
					u := int64(-1)
					for n := range units {
						if unit(n) == g.Unit {
							u = int64(n)
						}
					}
					key := [2]int64{u, v}
					if _, ok := w.cols[key]; !ok {
						w.cols[key] = len(w.cols)
					}
					row = append(row, int64(w.cols[key]))
				}
				w.rows = append(w.rows, row)
				w.mine = append(w.mine, k == len(runs)-1)
			}
		}
	}
	return w
}

// rank over the rationals of the rows restricted to some columns.
func rank(rows [][]*big.Rat) int {
	n := 0
	if len(rows) == 0 {
		return 0
	}
	for c := range rows[0] {
		p := -1
		for i := n; i < len(rows); i++ {
			if rows[i][c].Sign() != 0 {
				p = i
				break
			}
		}
		if p < 0 {
			continue
		}
		rows[n], rows[p] = rows[p], rows[n]
		for i := n + 1; i < len(rows); i++ {
			q := new(big.Rat).Quo(rows[i][c], rows[n][c])
			for j := range rows[i] {
				rows[i][j] = new(big.Rat).Sub(rows[i][j], new(big.Rat).Mul(q, rows[n][j]))
			}
		}
		n++
	}
	return n
}

// leaks says by exhaustion over all sets of fewer than least units whether the
// rows have a combination supported on one of them that the rows of earlier
// releases alone do not have: dim of the vectors that vanish outside the set is
// rank(all columns) - rank(columns outside).
func (w truth) leaks(units, least int) bool {
	dim := func(set int, old bool) int {
		var all, out [][]*big.Rat
		for i, row := range w.rows {
			if old && w.mine[i] {
				continue
			}
			x, y := make([]*big.Rat, len(w.cols)), make([]*big.Rat, len(w.cols))
			for key, c := range w.cols {
				v := new(big.Rat)
				if slices.Contains(row, int64(c)) {
					v.SetInt64(1)
				}
				x[c], y[c] = v, v
				if set>>key[0]&1 == 1 {
					y[c] = new(big.Rat)
				}
			}
			all, out = append(all, x), append(out, y)
		}
		return rank(all) - rank(out)
	}
	for set := 1; set < 1<<units; set++ {
		n := 0
		for u := range units {
			n += set >> u & 1
		}
		if n < least && dim(set, false) > dim(set, true) {
			return true
		}
	}
	return false
}

// TestNoFalsePass compares the row-space test with exhaustion: whatever leaks
// is not passed, and what is refused leaks.
func TestNoFalsePass(t *testing.T) {
	const units = 7
	rng := rand.New(rand.NewPCG(7, 7))
	var leaky, clean int
	for range rounds(80) {
		p := Params{T: 2 + rng.IntN(3), P: 10, KMin: 1, AtomCap: 1000, Work: 1 << 24, off: checks{pair: true, dominance: true, relation: true}}
		measures := rng.IntN(2)
		var runs []run
		for k := range 2 + rng.IntN(3) {
			runs = append(runs, judged(randomRun(rng, string(rune('a'+k)), units, measures), p.T))
		}
		cand := runs[len(runs)-1]
		r := history(t, runs[:len(runs)-1]...)
		f := test(t, r, cand, p)
		w := truthOf(units, runs)
		leak := w.leaks(units, p.T)
		if leak {
			leaky++
		} else {
			clean++
		}
		touched := f.Verdict == Refuse
		if leak && f.Verdict == Pass && !w.apart() {
			t.Fatalf("passed, but leaks: %+v (T=%d)", runs, p.T)
		}
		if touched && !leak {
			t.Fatalf("refused, but does not leak: %+v (T=%d): %s", runs, p.T, show(f))
		}
	}
	if leaky < 20 || clean < 20 {
		t.Errorf("%d leaky and %d clean cases say little", leaky, clean)
	}
}

// apart says that no earlier row has an unknown in common with a row that is
// new: then sums within the candidate are not the register's.
func (w truth) apart() bool {
	for i, row := range w.rows {
		known := func(other []int64) bool {
			return slices.Equal(slices.Sorted(slices.Values(other)), slices.Sorted(slices.Values(row)))
		}
		for j, old := range w.rows {
			if !w.mine[i] || w.mine[j] || slices.ContainsFunc(w.rows[:len(w.rows)-w.own()], known) {
				continue
			}
			if slices.ContainsFunc(old, func(c int64) bool { return slices.Contains(row, c) }) {
				return false
			}
		}
	}
	return true
}

// own counts the candidate's rows.
func (w truth) own() int {
	n := 0
	for _, mine := range w.mine {
		n += b2i(mine)
	}
	return n
}

// TestPairsAgainstCounting compares the pair test with counting D(1), unit by
// unit, over all pairs of a new item and an earlier one.
func TestPairsAgainstCounting(t *testing.T) {
	const units = 12
	rng := rand.New(rand.NewPCG(3, 9))
	var small, none int
	for range rounds(300) {
		p := Params{T: 3, P: 10, KMin: 1, AtomCap: 1000, Work: 1 << 24, off: checks{span: true, dominance: true, relation: true}}
		runs := []run{randomRun(rng, "a", units, 1), randomRun(rng, "b", units, 1), randomRun(rng, "c", units, 1)}
		f := test(t, history(t, runs[:2]...), runs[2], p)
		want := countPairs(runs, p.T)
		if want {
			small++
		} else {
			none++
		}
		if want && f.Verdict != Refuse {
			t.Fatalf("a small difference passed: %+v", runs)
		}
		for _, c := range f.Combinations {
			if got := recount(runs, c); got != c.Units || got == 0 || got >= p.T {
				t.Fatalf("%s: %d units by counting", show(f), got)
			}
		}
	}
	if small < 30 || none < 5 {
		t.Errorf("%d small and %d other cases say little", small, none)
	}
}

// contributions of an item, by unit.
func contributions(s run, item, m int) map[[16]byte]int64 {
	out := map[[16]byte]int64{}
	for _, g := range s.given {
		v := int64(1)
		if m > 0 {
			v = g.Values[m-1]
		}
		if v != 0 && slices.Contains(s.rel.Items[item], int32(g.Cell)) {
			out[g.Unit] = v
		}
	}
	return out
}

func countPairs(runs []run, least int) bool {
	c := runs[len(runs)-1]
	for i := range c.rel.Items {
		for m := range 2 {
			a := contributions(c, i, m)
			known, small := len(a) == 0, false
			for _, s := range runs[:len(runs)-1] {
				for j := range s.rel.Items {
					for n := range 2 {
						b := contributions(s, j, n)
						d, both := 0, 0
						for u, v := range a {
							if b[u] != v {
								d++
							}
							if b[u] != 0 {
								both++
							}
						}
						for u := range b {
							if a[u] == 0 {
								d++
							}
						}
						known = known || d == 0
						small = small || both > 0 && d > 0 && d < least
					}
				}
			}
			if small && !known {
				return true
			}
		}
	}
	return false
}

// recount counts the units behind a reported combination, from the numbers.
func recount(runs []run, c Combination) int {
	sum := map[[16]byte]*big.Rat{}
	for _, x := range c.Terms {
		k := slices.IndexFunc(runs, func(s run) bool { return s.rel.ID == x.Release })
		for u, v := range contributions(runs[k], x.Item, x.Measure) {
			if sum[u] == nil {
				sum[u] = new(big.Rat)
			}
			sum[u].Add(sum[u], new(big.Rat).Mul(x.Coefficient, big.NewRat(v, 1)))
		}
	}
	n := 0
	for _, v := range sum {
		n += b2i(v.Sign() != 0)
	}
	return n
}
