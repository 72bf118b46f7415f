package jobs

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
)

// A visit is what Add is told.
type visit struct {
	units int
	ok    bool
	emits []abi.Emit
}

func drawVisit(t *rapid.T, s Shape) visit {
	v := visit{units: 1, ok: rapid.IntRange(0, 9).Draw(t, "fails") > 0}
	if g := s.Grouping; g.Batch > 0 {
		v.units = rapid.IntRange(0, g.Batch).Draw(t, "units")
	}
	if rapid.Bool().Draw(t, "scribbles") {
		seed := rapid.Uint64().Draw(t, "seed")
		v.emits = scribble(s, rand.New(rand.NewPCG(seed, seed)), v.units)
	} else {
		v.emits = drawEmits(t, s)
	}
	return v
}

// scribble is what a guest emits at random: more than it may, most of it valid,
// to either end of 64 bits.
func scribble(s Shape, r *rand.Rand, units int) []abi.Emit {
	emits := make([]abi.Emit, r.IntN(1+3*s.Cells()*max(1, units)))
	for i := range emits {
		emits[i] = abi.Emit{
			Cell: r.Uint32N(uint32(s.Cells())), Measure: uint16(r.IntN(max(1, len(s.Measures)))), Unit: uint16(r.IntN(max(1, units))),
			Value: []int64{math.MaxInt64, math.MinInt64, r.Int64(), -r.Int64(), r.Int64N(20) - 10, r.Int64N(20) - 10}[r.IntN(6)],
		}
		switch r.IntN(40) {
		case 0:
			emits[i].Cell = uint32(s.Cells())
		case 1:
			emits[i].Measure = uint16(len(s.Measures))
		case 2:
			emits[i].Unit = uint16(units)
		}
	}
	return emits
}

// drawEmits draws what a guest may emit, however hostile it is.
func drawEmits(t *rapid.T, s Shape) []abi.Emit {
	cell := rapid.OneOf(rapid.Uint32Range(0, uint32(s.Cells())), rapid.SampledFrom([]uint32{MaxCells, math.MaxInt32, math.MaxUint32}))
	measure := rapid.OneOf(rapid.Uint16Range(0, uint16(len(s.Measures))), rapid.SampledFrom([]uint16{MaxMeasures, math.MaxUint16}))
	unit := rapid.OneOf(rapid.Just(uint16(0)), rapid.Uint16Range(0, uint16(s.Grouping.Batch)), rapid.SampledFrom([]uint16{1, math.MaxUint16}))
	value := rapid.OneOf(rapid.Int64Range(-20, 20), rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, -MaxBound, MaxBound}))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) abi.Emit {
		return abi.Emit{Cell: cell.Draw(t, "cell"), Measure: measure.Draw(t, "measure"), Unit: unit.Draw(t, "unit"), Value: value.Draw(t, "value")}
	}), 0, 60).Draw(t, "emits")
}

// reference is what Add adds, in unbounded integers and in the words of its
// comment.
func reference(s Shape, v visit) []int64 {
	cells, values := s.Cells(), make([]int64, s.Cells()*(1+len(s.Measures)))
	if !v.ok {
		for i := range values {
			switch {
			case s.Grouping.Blocks == 0:
			case i < cells:
				values[i] = 1
			default:
				values[i] = s.Grouping.Default[i/cells-1]
			}
		}
		return values
	}
	for unit := range v.units {
		kept := 0
		for cell := 0; cell < cells && kept < s.L0; cell++ {
			if totals := totalsOf(s, v.emits, unit, cell); totals != nil {
				kept++
				values[cell]++
				for m, x := range totals {
					values[(1+m)*cells+cell] += clipped(s.Measures[m], x)
				}
			}
		}
	}
	return values
}

// totalsOf is nil if nothing was said of the unit in the cell.
func totalsOf(s Shape, emits []abi.Emit, unit, cell int) []*big.Int {
	var totals []*big.Int
	for _, e := range emits {
		if int(e.Unit) != unit || int64(e.Cell) != int64(cell) || int(e.Measure) >= max(1, len(s.Measures)) {
			continue
		}
		if totals == nil {
			totals = []*big.Int{}
			for range s.Measures {
				totals = append(totals, new(big.Int))
			}
		}
		if len(s.Measures) > 0 {
			totals[e.Measure].Add(totals[e.Measure], big.NewInt(e.Value))
		}
	}
	return totals
}

func clipped(m Measure, x *big.Int) int64 {
	switch {
	case x.Cmp(big.NewInt(m.Lo)) < 0:
		return m.Lo
	case x.Cmp(big.NewInt(m.Hi)) > 0:
		return m.Hi
	}
	return x.Int64()
}

// One visit after another, in one cube: what unbounded integers give, in
// whatever order the records of a visit come.
func TestAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		c, shuffled, want := NewCube(s, 1), NewCube(s, 1), make([]int64, s.Cells()*(1+len(s.Measures)))
		for range rapid.IntRange(1, 4).Draw(t, "visits") {
			v := drawVisit(t, s)
			for i, x := range reference(s, v) {
				want[i] += x
			}
			given := slices.Clone(v.emits)
			if err := c.Add(v.units, v.ok, v.emits); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(given, v.emits) {
				t.Fatal("the records were changed")
			}
			if err := shuffled.Add(v.units, v.ok, rapid.Permutation(v.emits).Draw(t, "order")); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, c.Values); diff != "" {
			t.Fatalf("not what unbounded integers give:\n%s", diff)
		}
		if !c.Equal(shuffled) {
			t.Fatalf("the order of records matters:\n%s", cmp.Diff(c.Values, shuffled.Values))
		}
	})
}

// A visit holds as many units as the shape says, or is refused.
func TestUnitsOfAVisit(t *testing.T) {
	s := Shape{Dims: []Dim{dim("d", 2)}, L0: 2}
	for _, c := range []struct {
		grouping Grouping
		units    int
		good     bool
	}{
		{Grouping{}, 0, false},
		{Grouping{}, 1, true},
		{Grouping{}, 2, false},
		{Grouping{Batch: 3, Batches: 1}, -1, false},
		{Grouping{Batch: 3, Batches: 1}, 0, true},
		{Grouping{Batch: 3, Batches: 1}, 3, true},
		{Grouping{Batch: 3, Batches: 1}, 4, false},
		{Grouping{Blocks: 3}, 1 << 40, true},
	} {
		s.Grouping = c.grouping
		cube := NewCube(s, 1)
		err := cube.Add(c.units, true, []abi.Emit{{Cell: 1}})
		if (err == nil) != c.good || err != nil && (!errors.Is(err, fault.Invalid) || !cube.Equal(NewCube(s, 1))) {
			t.Errorf("%+v, %d units: %v", c.grouping, c.units, err)
		}
	}
}

// A million records that would wrap 64 bits, and a pair that would cancel.
func TestVeryManyRecords(t *testing.T) {
	s := Shape{Dims: []Dim{dim("d", 3)}, Measures: []Measure{{Lo: -7, Hi: 9}, {Hi: 1}}, L0: 2}
	for _, c := range []struct {
		name  string
		value func(i int) int64
		want  int64
	}{
		{"the largest", func(int) int64 { return math.MaxInt64 }, 9},
		{"the smallest", func(int) int64 { return math.MinInt64 }, -7},
		{"both by turns", func(i int) int64 { return [2]int64{math.MaxInt64, math.MinInt64}[i%2] }, -7},
		{"what wraps 64 bits to 1", func(i int) int64 { return [4]int64{math.MaxInt64, math.MaxInt64, 3, 0}[min(i, 3)] }, 9},
		{"what comes to 5 after it left 64 bits", func(i int) int64 {
			return [6]int64{math.MaxInt64, math.MaxInt64, math.MinInt64, math.MinInt64, 7, 0}[min(i, 5)]
		}, 5},
	} {
		emits := make([]abi.Emit, 1_000_000)
		for i := range emits {
			emits[i] = abi.Emit{Cell: 1, Value: c.value(i)}
		}
		cube := NewCube(s, 1)
		if err := cube.Add(1, true, emits); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int64{0, 1, 0, 0, c.want, 0, 0, 0, 0}, cube.Values); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// A shape without measures counts units where records point.
func TestCountsOnly(t *testing.T) {
	c := NewCube(Shape{Dims: []Dim{dim("d", 3)}, L0: 2}, 1)
	if err := c.Add(1, true, []abi.Emit{{Cell: 2, Value: 9}, {Cell: 1}, {Cell: 2}, {Cell: 0, Measure: 1}, {Cell: 3}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{0, 1, 1}, c.Values); diff != "" {
		t.Error(diff)
	}
}

func TestCube(t *testing.T) {
	s := Shape{Dims: []Dim{dim("a", 2), dim("b", 3)}, L0: 2, Measures: []Measure{{Lo: -9, Hi: 9}}}
	if diff := cmp.Diff([]int{1, 0}, s.Codes(3)); diff != "" {
		t.Errorf("the last dim does not vary fastest: %s", diff)
	}
	units := [][]abi.Emit{{{Cell: 4, Value: -9}, {Cell: 0, Value: 5}}, {{Cell: 4, Value: 2}}, {}, {{Cell: 5}}}
	one, a, b := NewCube(s, 2), NewCube(s, 2), NewCube(s, 2)
	for i, u := range units {
		for _, c := range []*Cube{one, []*Cube{a, b}[i%2]} {
			if err := c.Add(1, true, u); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff([]int64{1, 0, 0, 0, 2, 1, 5, 0, 0, 0, -7, 0}, one.Values); diff != "" {
		t.Error(diff)
	}
	if one.At(0, 4) != 2 || one.At(1, 4) != -7 {
		t.Errorf("At(0,4) = %d, At(1,4) = %d", one.At(0, 4), one.At(1, 4))
	}
	if a.Equal(one) {
		t.Error("half of the units equal all of them")
	}
	if err := a.Merge(b); err != nil || !a.Equal(one) {
		t.Errorf("merged %v of %d units, %v", a.Values, a.units, err)
	}
	small := Shape{Dims: []Dim{dim("a", 1)}}
	for _, other := range []*Cube{NewCube(small, 2), NewCube(s, 3)} {
		if err := a.Merge(other); !errors.Is(err, fault.Exhausted) || !a.Equal(one) || a.Equal(other) {
			t.Errorf("merged another shape, or for other pairs: %v", err)
		}
	}
	if got, want := one.Sensitivity(1), s.Sensitivity(1, 2); got.Linf.Cmp(want.Linf) != 0 || got.Linf.Int64() != 18 {
		t.Errorf("the cube carries a sensitivity of %v, the shape says %v", got, want)
	}
}

// Nothing of the values is left, nor of what the last visit said.
func TestErase(t *testing.T) {
	s := Shape{Dims: []Dim{dim("a", 4)}, L0: 1, Measures: []Measure{{Lo: -9, Hi: 9}}, Grouping: Grouping{Batch: 2, Batches: 1}}
	c := NewCube(s, 1)
	if err := c.Add(2, true, []abi.Emit{{Cell: 3, Unit: 1, Value: 7}, {Cell: 2, Value: 8}, {Cell: 1, Value: 6}}); err != nil {
		t.Fatal(err)
	}
	c.Erase()
	for name, left := range map[string]bool{
		"values":  slices.ContainsFunc(c.Values, func(v int64) bool { return v != 0 }),
		"seen":    slices.ContainsFunc(c.tally.seen, func(v uint64) bool { return v != 0 }),
		"touched": slices.ContainsFunc(c.tally.touched[:cap(c.tally.touched)], func(v uint32) bool { return v != 0 }),
		"totals":  slices.ContainsFunc(c.tally.totals[:cap(c.tally.totals)], func(v total) bool { return v != total{} }),
		"ordered": slices.ContainsFunc(c.tally.ordered[:cap(c.tally.ordered)], func(v abi.Emit) bool { return v != abi.Emit{} }),
	} {
		if left {
			t.Errorf("erased, and %s are still there", name)
		}
	}
	if !c.Equal(NewCube(s, 1)) {
		t.Error("an erased cube is not empty")
	}
}

// A cube is full before a sum of the largest values can wrap.
func TestCubeIsFull(t *testing.T) {
	s := Shape{Dims: []Dim{dim("a", 1)}, L0: 1, Measures: []Measure{{Hi: MaxBound}}}
	full := NewCube(s, 1)
	full.units, full.Values[0], full.Values[1] = MaxUnits-1, MaxUnits-1, (MaxUnits-1)*MaxBound
	last := []abi.Emit{{Value: MaxBound}}
	if err := full.Add(1, true, last); err != nil || full.At(1, 0) != 1<<62 {
		t.Fatalf("the last unit: %d, %v", full.At(1, 0), err)
	}
	one := NewCube(s, 1)
	if err := one.Add(1, true, last); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"a unit too many": full.Add(1, true, last), "a failed one": full.Add(1, false, last), "a cube too many": full.Merge(one)} {
		if !errors.Is(err, fault.Exhausted) || full.At(1, 0) != 1<<62 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Records of 1,000 units, eight each: as a guest emits them, in no order, and
// in more cells than it may; and very many of one unit.
func BenchmarkAdd(b *testing.B) {
	for _, c := range []struct {
		name         string
		units, emits int // emits of one unit
		cells, l0    int // cells that it emits in
		shuffled     bool
	}{
		{"unit", 1, 8, 4, 4, false},
		{"batch", 1000, 8, 4, 4, false},
		{"shuffled", 1000, 8, 4, 4, true},
		{"eight cells", 1000, 8, 8, 8, false},
		{"stuffed", 1000, 8, 8, 4, false},
		{"many of one unit", 1, 1 << 14, 1000, 10, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := Shape{Dims: []Dim{dim("d", 1000)}, L0: c.l0, Measures: []Measure{{Lo: -7, Hi: 9}, {Hi: 1000}}}
			if c.units > 1 {
				s.Grouping = Grouping{Batch: c.units, Batches: 1}
			}
			r := rand.New(rand.NewPCG(1, 2))
			var emits []abi.Emit
			for u := range c.units {
				cells := r.Perm(1000)[:c.cells]
				for i := range c.emits {
					emits = append(emits, abi.Emit{Cell: uint32(cells[i%c.cells]), Measure: uint16(i / c.cells % 2), Unit: uint16(u), Value: r.Int64()})
				}
			}
			if c.shuffled {
				r.Shuffle(len(emits), func(i, j int) { emits[i], emits[j] = emits[j], emits[i] })
			}
			cube := NewCube(s, 1)
			for b.Loop() {
				cube.units = 0
				if err := cube.Add(c.units, true, emits); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(emits)), "ns/emit")
		})
	}
}
