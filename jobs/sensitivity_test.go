package jobs

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
)

// A guest is any function of all that it sees in one visit: who is there, in
// the order of their ordinals. It may know everybody.
type guest func(there []int) (ok bool, emits []abi.Emit)

const victim = 0

// A world is a namespace in some datasets: who stands in each, and where the
// keyed hash of that dataset puts everybody.
type world struct {
	there [][]int // for each pair
	place func(pair, key int) (group int, rank uint64)
}

// visits are who is seen together in one dataset, in the order of ranks.
func (w world) visits(s Shape, pair int, with bool) [][]int {
	g := s.Grouping
	n := max(g.Batches+g.Blocks, 1)
	var units [][]int
	groups := make([][]int, n)
	for _, key := range w.there[pair] {
		if key == victim && !with {
			continue
		}
		units = append(units, []int{key})
		group, _ := w.place(pair, key)
		groups[group%n] = append(groups[group%n], key)
	}
	if g.Batch == 0 && g.Blocks == 0 {
		return units
	}
	for i := range groups {
		slices.SortFunc(groups[i], func(a, b int) int {
			_, x := w.place(pair, a)
			_, y := w.place(pair, b)
			if x < y {
				return -1
			}
			return 1
		})
		if g.Batch > 0 {
			groups[i] = groups[i][:min(len(groups[i]), g.Batch)]
		}
	}
	return groups
}

// sum is the sum of the cubes of all pairs.
func (w world) sum(t *rapid.T, s Shape, g guest, with bool) *Cube {
	total := NewCube(s, len(w.there))
	for pair := range w.there {
		c := NewCube(s, len(w.there))
		for _, v := range w.visits(s, pair, with) {
			ok, emits := g(v)
			if err := c.Add(len(v), ok, emits); err != nil {
				t.Fatal(err)
			}
		}
		if err := total.Merge(c); err != nil {
			t.Fatal(err)
		}
	}
	return total
}

// moved is how far the victim moves each measure under a guest, and what that
// costs in all.
func (w world) moved(t *rapid.T, s Shape, g guest) ([]Sensitivity, *big.Rat) {
	with, without := w.sum(t, s, g, true), w.sum(t, s, g, false)
	var out []Sensitivity
	cost, cells := new(big.Rat), s.Cells()
	for m, measure := range s.All() {
		n := norms(nil)
		for cell := range cells {
			n.add(with.At(m, cell) - without.At(m, cell))
		}
		out = append(out, n)
		two := new(big.Int).Lsh(new(big.Int).SetUint64(measure.Sigma), 1)
		cost.Add(cost, new(big.Rat).SetFrac(n.L2Squared, two))
	}
	return out, cost
}

func norms(diff []int64) Sensitivity {
	n := Sensitivity{new(big.Int), new(big.Int), new(big.Int)}
	for _, d := range diff {
		n.add(d)
	}
	return n
}

func (n *Sensitivity) add(d int64) {
	x := new(big.Int).Abs(big.NewInt(d))
	if x.Cmp(n.Linf) > 0 {
		n.Linf.Set(x)
	}
	n.L1.Add(n.L1, x)
	n.L2Squared.Add(n.L2Squared, new(big.Int).Mul(x, x))
}

// raise keeps the larger of each norm.
func (n *Sensitivity) raise(o Sensitivity) {
	for _, of := range []struct{ most, x *big.Int }{{n.Linf, o.Linf}, {n.L1, o.L1}, {n.L2Squared, o.L2Squared}} {
		if of.x.Cmp(of.most) > 0 {
			of.most.Set(of.x)
		}
	}
}

func (n Sensitivity) within(o Sensitivity) bool {
	return n.Linf.Cmp(o.Linf) <= 0 && n.L1.Cmp(o.L1) <= 0 && n.L2Squared.Cmp(o.L2Squared) <= 0
}

// shout emits, for every ordinal there could be and some there cannot, the ends
// of 64 bits in cells from, from+1, ..., to-1: each measure's sign is a bit.
func shout(s Shape, units, from, to, sign, repeat int) []abi.Emit {
	var emits []abi.Emit
	for _, unit := range append(slices.Collect(ints(units+1)), math.MaxUint16) {
		for cell := min(to, s.Cells()) - 1; cell >= from; cell-- {
			for m := range max(1, len(s.Measures)) {
				v := int64(math.MaxInt64)
				if sign>>m&1 == 1 {
					v = math.MinInt64
				}
				for range repeat {
					emits = append(emits, abi.Emit{Cell: uint32(cell), Measure: uint16(m), Unit: uint16(unit), Value: v})
				}
			}
		}
	}
	return emits
}

func ints(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// cheats are guests that tell by everybody whether the victim is there.
func cheats(s Shape) []guest {
	var all []guest
	add := func(with, without func(units int) (bool, []abi.Emit)) {
		all = append(all, func(there []int) (bool, []abi.Emit) {
			if slices.Contains(there, victim) {
				return with(len(there))
			}
			return without(len(there))
		})
	}
	says := func(from, to, sign, repeat int) func(int) (bool, []abi.Emit) {
		return func(units int) (bool, []abi.Emit) { return true, shout(s, units, from, to, sign, repeat) }
	}
	fails := func(units int) (bool, []abi.Emit) { return false, shout(s, units, 0, s.Cells(), 0, 1) }
	silent := func(int) (bool, []abi.Emit) { return true, nil }
	cells, flip := s.Cells(), 1<<len(s.Measures)-1
	for sign := range 1 << len(s.Measures) {
		add(says(0, cells, sign, 1), says(0, cells, sign^flip, 1))         // all units flip sign
		add(says(0, cells, sign, 2), says(0, cells, sign^flip, 3))         // and would wrap 64 bits
		add(says(0, s.L0, sign, 1), says(s.L0, 2*s.L0, sign, 1))           // all move to other cells
		add(says(0, s.L0, sign, 1), says(cells-s.L0, cells, sign^flip, 1)) // as far away as can be
		add(says(0, cells, sign, 1), fails)
		add(fails, says(0, cells, sign, 1))
		add(says(0, cells, sign, 1), silent)
		add(silent, says(0, cells, sign, 1))
	}
	return append(all, func([]int) (bool, []abi.Emit) { return true, shout(s, s.Grouping.Batch, 0, cells, 0, 1) })
}

// worst has the victim in every dataset, with the lowest rank, in a batch that
// is full without it.
func worst(s Shape, pairs int) world {
	var w world
	for range pairs {
		w.there = append(w.there, slices.Collect(ints(s.Grouping.Batch+2)))
	}
	w.place = func(_, key int) (int, uint64) { return 0, uint64(key) }
	return w
}

// rounds is how often a search is repeated.
func rounds() int {
	if os.Getenv("YUNEI_PROVE") == "1" {
		return 2000
	}
	return 20
}

// The most that a cheat is found to move a measure by is what Sensitivity
// says. Of units and blocks: exactly, in every norm. Of batches: exactly in
// every norm for bounds -h and h, and in L1 for counts, where there is room to
// move to; L2 of counts comes to sqrt(2) times the batch, of the 2 that are
// stated.
func TestSensitivityIsReached(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		pairs := rapid.IntRange(1, 3).Draw(t, "pairs")
		w := worst(s, pairs)
		found := make([]Sensitivity, len(s.All()))
		for m := range found {
			found[m] = norms(nil)
		}
		most := new(big.Rat)
		for _, g := range cheats(s) {
			moved, cost := w.moved(t, s, g)
			for m := range found {
				found[m].raise(moved[m])
			}
			if cost.Cmp(most) > 0 {
				most = cost
			}
		}
		batch := int64(s.Grouping.Batch)
		for m, measure := range s.All() {
			want := s.Sensitivity(m, pairs)
			if !found[m].within(want) {
				t.Fatalf("measure %d: found %v, beyond %v", m, found[m], want)
			}
			if batch > 0 && measure.Lo != -measure.Hi {
				if m == 0 && 2*s.L0 <= s.Cells() {
					countsInBatch(t, found[0], want, s.L0, int64(pairs)*batch)
				}
				continue
			}
			if !want.within(found[m]) {
				t.Fatalf("measure %d: found no more than %v of %v", m, found[m], want)
			}
		}
		rho, err := s.Rho(pairs, 1)
		if err != nil || most.Cmp(rho) > 0 || s.Grouping.Batch+s.Grouping.Blocks == 0 && most.Cmp(rho) != 0 {
			t.Fatalf("found a cost of %v, stated %v, %v", most, rho, err)
		}
	})
}

// countsInBatch holds what was found for the units of a batch to more than 1.4
// times it in L2, and to all that is stated in L1.
func countsInBatch(t *rapid.T, found, want Sensitivity, l0 int, batch int64) {
	beyond := big.NewInt(196 * batch * batch * int64(l0))
	if new(big.Int).Mul(found.L2Squared, big.NewInt(100)).Cmp(beyond) <= 0 || found.L1.Cmp(want.L1) != 0 {
		t.Fatalf("counts of a batch: found %v of %v", found, want)
	}
}

// drawGuest draws an arbitrary function of who is there. Whatever it is drawn
// as, it is one function: the same visit gives the same answer.
func drawGuest(t *rapid.T, s Shape) guest {
	if rapid.Bool().Draw(t, "cheats") {
		return rapid.SampledFrom(cheats(s)).Draw(t, "cheat")
	}
	seed := rapid.Uint64().Draw(t, "program")
	return func(there []int) (bool, []abi.Emit) {
		h := seed
		for _, key := range there {
			h = h*0x9e3779b97f4a7c15 + uint64(key) + 1
		}
		r := rand.New(rand.NewPCG(seed, h))
		emits := scribble(s, r, len(there))
		return r.IntN(8) > 0, emits
	}
}

// Whoever is there, wherever the hashes put them and whatever the guest is: no
// norm of any measure is beyond what is stated, nor what all of them cost.
func TestSensitivityIsNeverExceeded(t *testing.T) {
	for range rounds() {
		rapid.Check(t, func(t *rapid.T) {
			s := drawShape(t)
			pairs := rapid.IntRange(1, 3).Draw(t, "pairs")
			w, seed := world{}, rapid.Uint64().Draw(t, "hash")
			for range pairs {
				others := rapid.SliceOfNDistinct(rapid.IntRange(1, 12), 0, 12, rapid.ID[int]).Draw(t, "others")
				w.there = append(w.there, append(others, victim))
			}
			w.place = func(pair, key int) (int, uint64) {
				r := rand.New(rand.NewPCG(seed+uint64(pair), uint64(key)))
				return r.IntN(1 << 20), r.Uint64()
			}
			g := drawGuest(t, s)
			moved, cost := w.moved(t, s, g)
			for m := range moved {
				if want := s.Sensitivity(m, pairs); !moved[m].within(want) {
					t.Fatalf("measure %d moved by %v, beyond %v", m, moved[m], want)
				}
			}
			if rho, err := s.Rho(pairs, 1); err != nil || cost.Cmp(rho) > 0 {
				t.Fatalf("a cost of %v, beyond %v, %v", cost, rho, err)
			}
		})
	}
}

// By hand: two of three cells, in three datasets.
func TestRho(t *testing.T) {
	s := Shape{
		Dims: []Dim{dim("d", 3)}, L0: 2, Units: Measure{Name: "units", Hi: 1, Sigma: 100},
		Measures: []Measure{{Name: "days", Lo: -4, Hi: 3, Sigma: 7}, {Name: "top", Hi: MaxBound, Sigma: math.MaxUint64}},
	}
	// 2*3^2/200 + 2*12^2/14 + 2*(3*2^30)^2/(2*(2^64-1))
	want, _ := new(big.Rat).SetString("9/100")
	want.Add(want, big.NewRat(144, 7))
	top := new(big.Int).Lsh(big.NewInt(9), 60)
	want.Add(want, new(big.Rat).SetFrac(top, new(big.Int).SetUint64(math.MaxUint64)))
	if rho, err := s.Rho(3, 1); err != nil || rho.Cmp(want) != 0 {
		t.Errorf("Rho(3) = %v, %v, want %v", rho, err, want)
	}
	s.Grouping = Grouping{Batch: 10, Batches: 4} // 20 times as far, 400 times the cost
	if rho, err := s.Rho(3, 1); err != nil || rho.Cmp(new(big.Rat).Mul(want, big.NewRat(400, 1))) != 0 {
		t.Errorf("Rho(3) in batches of 10 = %v, %v", rho, err)
	}
	// 3*3^2/200 + 3*21^2/14 + 3*(3*2^30)^2/(2*(2^64-1))
	s.L0, s.Grouping = 3, Grouping{Blocks: 8, Default: []int64{0, 0}}
	blocks := big.NewRat(27, 200)
	blocks.Add(blocks, big.NewRat(3*21*21, 14))
	blocks.Add(blocks, new(big.Rat).SetFrac(new(big.Int).Lsh(big.NewInt(27), 59), new(big.Int).SetUint64(math.MaxUint64)))
	if rho, err := s.Rho(3, 1); err != nil || rho.Cmp(blocks) != 0 {
		t.Errorf("Rho(3) in blocks = %v, %v, want %v", rho, err, blocks)
	}
	s.Measures[0].Sigma = 0
	if _, err := s.Rho(3, 1); !errors.Is(err, fault.Denied) {
		t.Errorf("Rho of a measure without noise: %v", err)
	}
}
