package jobs

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
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
			m.Hi = rapid.SampledFrom([]int64{1, 7, MaxBound}).Draw(t, "hi")
			m.Lo = -m.Hi
		default:
			m.Lo, m.Hi = rapid.Int64Range(-10, 0).Draw(t, "lo"), rapid.Int64Range(1, 10).Draw(t, "hi")
		}
		s.Measures = append(s.Measures, m)
	}
	s.L0 = rapid.IntRange(1, s.Cells()).Draw(t, "l0")
	drawGrouping(t, &s)
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

func drawGrouping(t *rapid.T, s *Shape) {
	switch rapid.IntRange(0, 2).Draw(t, "grouping") {
	case 1:
		s.Grouping = Grouping{Batch: rapid.IntRange(1, 5).Draw(t, "batch"), Batches: rapid.IntRange(1, 3).Draw(t, "batches")}
	case 2:
		s.L0, s.Grouping.Blocks = s.Cells(), rapid.IntRange(1, 3).Draw(t, "blocks")
		for _, m := range s.Measures {
			s.Grouping.Default = append(s.Grouping.Default, rapid.Int64Range(m.Lo, m.Hi).Draw(t, "default"))
		}
	}
}

// Items are the cells and then the cells of every margin, each the sum of its
// own cells.
func TestLists(t *testing.T) {
	s := Shape{Dims: []Dim{dim("a", 2), dim("b", 3)}, L0: 1, Margins: [][]string{{"a"}, {"b"}, {}}}
	want := [][]int32{{0}, {1}, {2}, {3}, {4}, {5}, {0, 1, 2}, {3, 4, 5}, {0, 3}, {1, 4}, {2, 5}, {0, 1, 2, 3, 4, 5}}
	if diff := cmp.Diff(want, s.Lists()); diff != "" || s.Items() != len(want) {
		t.Errorf("%d items: %s", s.Items(), diff)
	}
}

func TestMarginsCheck(t *testing.T) {
	for _, c := range []struct {
		name    string
		margins [][]string
		edit    func(*Shape)
		ok      bool
	}{
		{"none", nil, nil, true},
		{"all", [][]string{{}, {"a"}, {"b"}}, nil, true},
		{"the table itself", [][]string{{"a", "b"}}, nil, false},
		{"twice", [][]string{{"a"}, {"a"}}, nil, false},
		{"no dim", [][]string{{"c"}}, nil, false},
		{"a dim twice", [][]string{{"a", "a"}}, nil, false},
		{"units in two cells", [][]string{{}}, func(s *Shape) { s.L0 = 2 }, false},
		{"the code of a total", [][]string{{}}, func(s *Shape) { s.Dims[0].Codes[1] = Total }, false},
	} {
		s := Shape{Namespace: NaturalPerson, Dims: []Dim{dim("a", 2), dim("b", 2)}, L0: 1, Units: Measure{Name: "units", Hi: 1, Round: 1}, Margins: c.margins}
		if c.edit != nil {
			c.edit(&s)
		}
		if err := s.Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Who watches a cube sees what it adds: clipped, in the first L0 cells, and
// whether a value was given.
func TestWatch(t *testing.T) {
	c := NewCube(Shape{Dims: []Dim{dim("d", 5)}, Measures: []Measure{{Lo: -3, Hi: 9}, {Hi: 1}}, L0: 2}, 1)
	var got []string
	c.Watch(func(x Contribution) { got = append(got, fmt.Sprint(x)) })
	for _, ok := range []bool{false, true} {
		emits := []abi.Emit{{Cell: 4, Value: 1}, {Cell: 1, Value: 100}, {Cell: 3, Measure: 1}, {Cell: 9, Value: 1}}
		if err := c.Add(1, ok, emits); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"{0 1 [9 0] [true false]}", "{0 3 [0 0] [false true]}"}
	if diff := cmp.Diff(want, got); diff != "" {
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
		{"", func(s *Shape) { s.Grouping = Grouping{Batch: MaxBatch, Batches: MaxBatches} }},
		{"", func(s *Shape) { s.Grouping = Grouping{Batch: 1, Batches: 1} }},
		{"", func(s *Shape) { s.Grouping = Grouping{Blocks: MaxBlocks, Default: []int64{-MaxBound}} }},
		{"", func(s *Shape) { s.Measures, s.Grouping = nil, Grouping{Blocks: 1} }},
		{"batches of", func(s *Shape) { s.Grouping = Grouping{Batch: MaxBatch + 1, Batches: 1} }},
		{"batches of", func(s *Shape) { s.Grouping = Grouping{Batch: 1, Batches: MaxBatches + 1} }},
		{"batches of", func(s *Shape) { s.Grouping.Batch = 1 }},
		{"batches of", func(s *Shape) { s.Grouping.Batches = 1 }},
		{"batches of", func(s *Shape) { s.Grouping = Grouping{Batch: -1, Batches: 1} }},
		{"only blocks", func(s *Shape) { s.Grouping.Default = []int64{} }},
		{"only blocks", func(s *Shape) { s.Grouping = Grouping{Batch: 1, Batches: 1, Default: []int64{0}} }},
		{"not both", func(s *Shape) { s.Grouping = Grouping{Batch: 1, Batches: 1, Blocks: 1, Default: []int64{0}} }},
		{"blocks", func(s *Shape) { s.Grouping = Grouping{Blocks: MaxBlocks + 1, Default: []int64{0}} }},
		{"blocks", func(s *Shape) { s.Grouping = Grouping{Blocks: -1, Default: []int64{0}} }},
		{"one default", func(s *Shape) { s.Grouping.Blocks = 1 }},
		{"one default", func(s *Shape) { s.Grouping = Grouping{Blocks: 1, Default: []int64{0, 0}} }},
		{"default of m", func(s *Shape) { s.Grouping = Grouping{Blocks: 1, Default: []int64{MaxBound + 1}} }},
		{"default of m", func(s *Shape) { s.Grouping = Grouping{Blocks: 1, Default: []int64{-MaxBound - 1}} }},
		{"every cell", func(s *Shape) { s.L0, s.Grouping = 5, Grouping{Blocks: 1, Default: []int64{0}} }},
	} {
		s := good()
		c.edit(&s)
		err := s.Check()
		if (c.want == "") != (err == nil) || err != nil && (!errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("want %q: %v", c.want, err)
		}
	}
}
