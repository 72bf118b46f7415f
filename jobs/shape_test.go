package jobs

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
)

func dim(name string, codes int) Dim {
	d := Dim{Name: name, Title: "维"}
	for i := range codes {
		d.Codes, d.Labels = append(d.Codes, fmt.Sprint(i)), append(d.Labels, "")
	}
	return d
}

// drawShape draws a small shape that Check lets through.
func drawShape(t *rapid.T) Shape {
	s := Shape{Namespace: NaturalPerson, Units: Measure{Name: "units", Hi: 1, Round: 5, Sigma: 100}}
	for i := range rapid.IntRange(1, 3).Draw(t, "dims") {
		s.Dims = append(s.Dims, dim(fmt.Sprintf("d%d", i), rapid.IntRange(1, 3).Draw(t, "codes")))
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "measures") {
		m := Measure{Name: fmt.Sprintf("m%d", i), Round: 1, Sigma: rapid.Uint64Range(1, 1<<40).Draw(t, "sigma2")}
		switch rapid.IntRange(0, 3).Draw(t, "sign") {
		case 0:
			m.Hi = rapid.Int64Range(1, MaxBound).Draw(t, "hi")
		case 1:
			m.Lo = rapid.Int64Range(-MaxBound, -1).Draw(t, "lo")
		case 2:
			m.Lo, m.Hi = -MaxBound, MaxBound
		default:
			m.Lo, m.Hi = rapid.Int64Range(-10, 0).Draw(t, "lo"), rapid.Int64Range(1, 10).Draw(t, "hi")
		}
		s.Measures = append(s.Measures, m)
	}
	s.L0 = rapid.IntRange(1, s.Cells()).Draw(t, "l0")
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

// drawEmits draws what a guest may emit, however hostile it is.
func drawEmits(t *rapid.T, s Shape) []abi.Emit {
	cell := rapid.OneOf(rapid.Uint32Range(0, uint32(s.Cells())), rapid.SampledFrom([]uint32{MaxCells, math.MaxInt32, math.MaxUint32}))
	measure := rapid.OneOf(rapid.Uint16Range(0, uint16(len(s.Measures))), rapid.SampledFrom([]uint16{MaxMeasures, math.MaxUint16}))
	value := rapid.OneOf(rapid.Int64Range(-20, 20), rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, -MaxBound, MaxBound}))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) abi.Emit {
		return abi.Emit{Cell: cell.Draw(t, "cell"), Measure: measure.Draw(t, "measure"), Value: value.Draw(t, "value")}
	}), 0, 40).Draw(t, "emits")
}

// reference is Bound in unbounded integers, in the words of its comment.
func reference(s Shape, emits []abi.Emit) Contribution {
	totals := map[int][]*big.Int{}
	for _, e := range emits {
		points := len(s.Measures) == 0 && e.Measure == 0
		if int64(e.Cell) >= int64(s.Cells()) || int64(e.Measure) >= int64(len(s.Measures)) && !points {
			continue
		}
		if totals[int(e.Cell)] == nil {
			totals[int(e.Cell)] = make([]*big.Int, len(s.Measures))
			for m := range s.Measures {
				totals[int(e.Cell)][m] = new(big.Int)
			}
		}
		if !points {
			x := totals[int(e.Cell)][e.Measure]
			x.Add(x, big.NewInt(e.Value))
		}
	}
	c := Contribution{}
	for cell := 0; cell < s.Cells() && len(c) < s.L0; cell++ {
		if totals[cell] == nil {
			continue
		}
		values := make([]int64, len(s.Measures))
		for m, x := range totals[cell] {
			switch {
			case x.Cmp(big.NewInt(s.Measures[m].Lo)) < 0:
				values[m] = s.Measures[m].Lo
			case x.Cmp(big.NewInt(s.Measures[m].Hi)) > 0:
				values[m] = s.Measures[m].Hi
			default:
				values[m] = x.Int64()
			}
		}
		c = append(c, Entry{cell, values})
	}
	return c
}

func TestBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		emits := drawEmits(t, s)
		got := s.Bound(emits)
		if diff := cmp.Diff(reference(s, emits), got); diff != "" {
			t.Fatalf("not what unbounded integers give:\n%s", diff)
		}
		if len(got) > s.L0 || !slices.IsSortedFunc(got, func(a, b Entry) int { return a.Cell - b.Cell }) {
			t.Fatalf("%v touches more than %d cells, or out of order", got, s.L0)
		}
		shuffled := rapid.Permutation(emits).Draw(t, "order")
		if diff := cmp.Diff(got, s.Bound(shuffled)); diff != "" {
			t.Fatalf("the order of records matters:\n%s", diff)
		}
	})
}

// A million records that would wrap 64 bits, and a pair that would cancel.
func TestBoundOfVeryMany(t *testing.T) {
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
		if got := s.Bound(emits); len(got) != 1 || got[0].Cell != 1 || got[0].Values[0] != c.want || got[0].Values[1] != 0 {
			t.Errorf("%s: %v, want %d in cell 1", c.name, got, c.want)
		}
	}
}

// A shape without measures counts units where records point.
func TestBoundCountsOnly(t *testing.T) {
	s := Shape{Dims: []Dim{dim("d", 3)}, L0: 2}
	got := s.Bound([]abi.Emit{{Cell: 2, Value: 9}, {Cell: 1}, {Cell: 2}, {Cell: 0, Measure: 1}, {Cell: 3}})
	c := NewCube(s)
	if err := c.Add(got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{0, 1, 1}, c.Values); diff != "" {
		t.Error(diff)
	}
}

// cheats are guests that try for the most: every cell, at the ends of 64 bits.
func cheats(s Shape) [][]abi.Emit {
	var all [][]abi.Emit
	for sign := range 1 << len(s.Measures) {
		for repeat := range 2 {
			var emits []abi.Emit
			for cell := s.Cells() - 1; cell >= 0; cell-- {
				for m := range max(1, len(s.Measures)) {
					v := int64(math.MaxInt64)
					if sign>>m&1 == 1 {
						v = math.MinInt64
					}
					for range repeat + 1 {
						emits = append(emits, abi.Emit{Cell: uint32(cell), Measure: uint16(m), Value: v})
					}
				}
			}
			all = append(all, emits)
		}
	}
	return all
}

// moved is how far a unit that stands in pairs datasets moves the sum of their
// cubes, slot by slot, beside other units.
func moved(t *rapid.T, s Shape, others [][]abi.Emit, unit []abi.Emit, pairs int) []int64 {
	sum := func(with bool) *Cube {
		total := NewCube(s)
		for range pairs {
			c := NewCube(s)
			for _, o := range others {
				if err := c.Add(s.Bound(o)); err != nil {
					t.Fatal(err)
				}
			}
			if with {
				if err := c.Add(s.Bound(unit)); err != nil {
					t.Fatal(err)
				}
			}
			if err := total.Merge(c); err != nil {
				t.Fatal(err)
			}
		}
		return total
	}
	with, without := sum(true), sum(false)
	for i := range with.Values {
		with.Values[i] -= without.Values[i]
	}
	return with.Values
}

func norms(diff []int64) Sensitivity {
	n := Sensitivity{new(big.Int), new(big.Int), new(big.Int)}
	for _, d := range diff {
		x := new(big.Int).Abs(big.NewInt(d))
		if x.Cmp(n.Linf) > 0 {
			n.Linf = x
		}
		n.L1.Add(n.L1, x)
		n.L2Squared.Add(n.L2Squared, new(big.Int).Mul(x, x))
	}
	return n
}

// The most that any guest is found to move a measure by is what Sensitivity
// says, in every norm, and the whole cube's cost is what Rho says: neither
// less, nor more.
func TestSensitivityIsReached(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		pairs := rapid.IntRange(1, 3).Draw(t, "pairs")
		others := [][]abi.Emit{drawEmits(t, s), drawEmits(t, s)}
		guests := append(cheats(s), drawEmits(t, s), drawEmits(t, s), drawEmits(t, s))
		cells := s.Cells()
		found := make([]Sensitivity, len(s.All()))
		for m := range found {
			found[m] = norms(nil)
		}
		worst := new(big.Rat)
		for _, g := range guests {
			diff, cost := moved(t, s, others, g, pairs), new(big.Rat)
			for m, measure := range s.All() {
				n := norms(diff[m*cells : (m+1)*cells])
				for _, of := range []struct{ max, x *big.Int }{{found[m].Linf, n.Linf}, {found[m].L1, n.L1}, {found[m].L2Squared, n.L2Squared}} {
					if of.x.Cmp(of.max) > 0 {
						of.max.Set(of.x)
					}
				}
				two := new(big.Int).Lsh(new(big.Int).SetUint64(measure.Sigma), 1)
				cost.Add(cost, new(big.Rat).SetFrac(n.L2Squared, two))
			}
			if cost.Cmp(worst) > 0 {
				worst = cost
			}
		}
		for m := range found {
			want := s.Sensitivity(m, pairs)
			if found[m].Linf.Cmp(want.Linf) != 0 || found[m].L1.Cmp(want.L1) != 0 || found[m].L2Squared.Cmp(want.L2Squared) != 0 {
				t.Fatalf("measure %d: found %v, stated %v", m, found[m], want)
			}
		}
		if rho, err := s.Rho(pairs); err != nil || rho.Cmp(worst) != 0 {
			t.Fatalf("found a cost of %v, stated %v, %v", worst, rho, err)
		}
	})
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
	if rho, err := s.Rho(3); err != nil || rho.Cmp(want) != 0 {
		t.Errorf("Rho(3) = %v, %v, want %v", rho, err, want)
	}
	s.Measures[0].Sigma = 0
	if _, err := s.Rho(3); !errors.Is(err, fault.Denied) {
		t.Errorf("Rho of a measure without noise: %v", err)
	}
}

func TestCube(t *testing.T) {
	s := Shape{Dims: []Dim{dim("a", 2), dim("b", 3)}, L0: 2, Measures: []Measure{{Lo: -9, Hi: 9}}}
	if diff := cmp.Diff([]int{1, 0}, s.Codes(3)); diff != "" {
		t.Errorf("the last dim does not vary fastest: %s", diff)
	}
	units := []Contribution{{{0, []int64{5}}, {4, []int64{-9}}}, {{4, []int64{2}}}, {}, {{5, []int64{0}}}}
	one, a, b := NewCube(s), NewCube(s), NewCube(s)
	for i, u := range units {
		for _, c := range []*Cube{one, []*Cube{a, b}[i%2]} {
			if err := c.Add(u); err != nil {
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
	if err := a.Merge(b); err != nil || !slices.Equal(a.Values, one.Values) || a.units != one.units {
		t.Errorf("merged %v of %d units, %v", a.Values, a.units, err)
	}
	small := Shape{Dims: []Dim{dim("a", 1)}}
	if err := a.Merge(NewCube(small)); !errors.Is(err, fault.Exhausted) || !slices.Equal(a.Values, one.Values) {
		t.Errorf("merged another shape: %v", err)
	}
	one.Erase()
	if slices.ContainsFunc(one.Values, func(v int64) bool { return v != 0 }) {
		t.Error("erased and still there")
	}
}

// A cube is full before a sum of the largest values can wrap.
func TestCubeIsFull(t *testing.T) {
	s := Shape{Dims: []Dim{dim("a", 1)}, L0: 1, Measures: []Measure{{Hi: MaxBound}}}
	full := NewCube(s)
	full.units, full.Values[0], full.Values[1] = MaxUnits-1, MaxUnits-1, (MaxUnits-1)*MaxBound
	last := Contribution{{0, []int64{MaxBound}}}
	if err := full.Add(last); err != nil || full.At(1, 0) != 1<<62 {
		t.Fatalf("the last unit: %d, %v", full.At(1, 0), err)
	}
	one := NewCube(s)
	if err := one.Add(last); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"a unit too many": full.Add(last), "a cube too many": full.Merge(one)} {
		if !errors.Is(err, fault.Exhausted) || full.At(1, 0) != 1<<62 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A flag at t-1 units, none at t and none where there is nobody.
func TestSmall(t *testing.T) {
	c := NewCube(Shape{Dims: []Dim{dim("d", 5)}, Measures: []Measure{{Hi: 9}}})
	copy(c.Values, []int64{0, 1, 9, 10, 11, 3, 3, 3, 3, 3})
	if diff := cmp.Diff([]int64{0, 1, 1, 0, 0}, c.Small(10)); diff != "" {
		t.Error(diff)
	}
}

func TestShapeCheck(t *testing.T) {
	good := func() Shape {
		return Shape{
			Namespace: Row, Dims: []Dim{dim("a", 2), dim("b", 3)}, L0: 6, Units: Measure{Name: "units", Hi: 1, Round: 1},
			Measures: []Measure{{Name: "m", Lo: -MaxBound, Hi: MaxBound, Round: MaxBound}},
		}
	}
	for _, c := range []struct {
		want string // in the error; "" for none
		edit func(*Shape)
	}{
		{"", func(*Shape) {}},
		{"", func(s *Shape) { s.Measures = nil }},
		{"", func(s *Shape) { s.Dims = []Dim{dim("a", MaxCodes), dim("b", MaxCells/MaxCodes)} }},
		{"namespace", func(s *Shape) { s.Namespace = "" }},
		{"0 dims", func(s *Shape) { s.Dims = nil }},
		{"5 dims", func(s *Shape) { s.Dims = []Dim{dim("a", 1), dim("b", 1), dim("c", 1), dim("d", 1), dim("e", 1)} }},
		{"17 measures", func(s *Shape) { s.Measures = make([]Measure, MaxMeasures+1) }},
		{"counts units", func(s *Shape) { s.Units.Hi = 2 }},
		{"counts units", func(s *Shape) { s.Units.Lo = -1 }},
		{`dim "A"`, func(s *Shape) { s.Dims[0].Name = "A" }},
		{`dim ""`, func(s *Shape) { s.Dims[0].Name = "" }},
		{`dim "a\n"`, func(s *Shape) { s.Dims[0].Name = "a\n" }},
		{`dim "a"`, func(s *Shape) { s.Dims[1].Name = "a" }},
		{"dim a: want", func(s *Shape) { s.Dims[0] = dim("a", 0) }},
		{"dim a: want", func(s *Shape) { s.Dims[0] = dim("a", MaxCodes+1) }},
		{"dim a: want", func(s *Shape) { s.Dims[0].Labels = nil }},
		{"empty or repeated", func(s *Shape) { s.Dims[0].Codes[1] = "0" }},
		{"empty or repeated", func(s *Shape) { s.Dims[0].Codes[1] = "" }},
		{"cells", func(s *Shape) { s.Dims = []Dim{dim("a", MaxCodes), dim("b", MaxCells/MaxCodes+1)} }},
		{"cells", func(s *Shape) { s.Dims = []Dim{dim("a", 4096), dim("b", 4096), dim("c", 4096), dim("d", 4096)} }},
		{`measure "a"`, func(s *Shape) { s.Measures[0].Name = "a" }},
		{`measure "units"`, func(s *Shape) { s.Measures[0].Name = "units" }},
		{`measure "1"`, func(s *Shape) { s.Measures[0].Name = "1" }},
		{"bounds", func(s *Shape) { s.Measures[0].Lo = 1 }},
		{"bounds", func(s *Shape) { s.Measures[0].Hi = -1 }},
		{"bounds", func(s *Shape) { s.Measures[0].Lo, s.Measures[0].Hi = 0, 0 }},
		{"bounds", func(s *Shape) { s.Measures[0].Hi++ }},
		{"bounds", func(s *Shape) { s.Measures[0].Lo-- }},
		{"bounds", func(s *Shape) { s.Measures[0].Lo = math.MinInt64 }},
		{"rounding base", func(s *Shape) { s.Measures[0].Round = 0 }},
		{"rounding base", func(s *Shape) { s.Measures[0].Round++ }},
		{"rounding base", func(s *Shape) { s.Units.Round = -5 }},
		{"l0", func(s *Shape) { s.L0 = 0 }},
		{"l0", func(s *Shape) { s.L0 = -1 }},
		{"l0", func(s *Shape) { s.L0 = 7 }},
	} {
		s := good()
		c.edit(&s)
		err := s.Check()
		if (c.want == "") != (err == nil) || err != nil && (!errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("want %q: %v", c.want, err)
		}
	}
}

func BenchmarkBound(b *testing.B) {
	s := Shape{Dims: []Dim{dim("d", 1000)}, L0: 10, Measures: []Measure{{Lo: -7, Hi: 9}}}
	emits := make([]abi.Emit, limits.MaxEmits)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range emits {
		emits[i] = abi.Emit{Cell: r.Uint32N(1000), Value: r.Int64()}
	}
	for b.Loop() {
		s.Bound(emits)
	}
}
