package mitigate

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/gate/sheet/check"
	"github.com/yunei/yunei/jobs"
)

func shape(margins ...[]string) jobs.Shape {
	return jobs.Shape{
		Namespace: jobs.NaturalPerson, L0: 1, Margins: margins,
		Dims: []jobs.Dim{
			{Name: "district", Title: "区县", Codes: []string{"01", "02", "03"}, Labels: []string{"东", "西", "南"}},
			{Name: "age", Title: "年龄段", Codes: []string{"0-17", "18-64", "65+"}, Labels: []string{"0-17", "18-64", "65+"}},
		},
		Units:    jobs.Measure{Name: "persons", Title: "人数", Hi: 1, Round: 5},
		Measures: []jobs.Measure{{Name: "cost", Title: "费用", Hi: 1000, Round: 100}},
	}
}

// domain is the evidence of as many units a cell, of 30 or more different costs.
func domain(t *testing.T, s jobs.Shape, units [9]int) *evidence.Table {
	t.Helper()
	e, err := evidence.New(s.Lists(), s.Cells(), len(s.Measures))
	if err != nil {
		t.Fatal(err)
	}
	for cell, n := range units {
		for i := range n {
			if err := e.Add(uint32(cell), []int64{int64(100 + 7*i)}, []bool{true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return e
}

func find(list []Option, kind Kind) *Option {
	if i := slices.IndexFunc(list, func(o Option) bool { return o.Kind == kind }); i >= 0 {
		return &list[i]
	}
	return nil
}

// A job's table has its cells and the totals that it publishes, the evidence of
// each, and an order where codes are ranges.
func TestCube(t *testing.T) {
	s := shape([]string{"district"}, []string{})
	table, facts, err := Cube(s, domain(t, s, [9]int{40, 40, 40, 40, 3, 40, 40, 40, 40}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 9+3+1 || table.Grid.Dims[0].Ordered || !table.Grid.Dims[1].Ordered {
		t.Errorf("%d rows, dims %+v", len(table.Rows), table.Grid.Dims)
	}
	last := table.Rows[12].Item
	if got := strings.Join(table.Grid.Label(last), "/"); got != "合计/合计" || facts.Cells[0][last].N != 323 || facts.Cells[1][last].N != 323 {
		t.Errorf("%s: %+v", got, facts.Cells[0][last])
	}
	list, err := Rank(table, facts, house(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	best := find(list, Coarsen)
	if best == nil || best.Hidden != 0 || best.Verdict == check.Fail {
		t.Fatalf("no coarser table: %+v", best)
	}
	if find(list, Suppress).Hidden == 0 || find(list, Margin) == nil || find(list, Figure) == nil || find(list, Noise) == nil {
		t.Errorf("%+v", list)
	}
}

// Two domains of which each has few units in one cell: together there are
// enough, and the cell is hidden all the same. Codes are merged until neither
// has too few.
func TestAcross(t *testing.T) {
	s := shape()
	table, a, err := Cube(s, domain(t, s, [9]int{40, 40, 40, 40, 6, 40, 40, 40, 40}), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, b, err := Cube(s, domain(t, s, [9]int{40, 40, 40, 40, 7, 40, 40, 40, 40}), nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Across(table, []sheet.Facts{a, b}, house(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	hide := find(list, Suppress)
	if hide.Hidden != 2 { // one row of two figures
		t.Errorf("hidden: %d\n%s", hide.Hidden, hide.Table.CSV())
	}
	if got := string(hide.Table.CSV()); !strings.Contains(got, "西,18-64,*,*") || !strings.Contains(got, "东,0-17,80,") {
		t.Error(got)
	}
	coarse := find(list, Coarsen)
	if coarse == nil || coarse.Hidden != 0 || coarse.Verdict == check.Fail {
		t.Errorf("coarser: %+v", coarse)
	}
	alone, err := Rank(table, together(a, b), house(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := find(alone, Suppress).Hidden; n >= hide.Hidden {
		t.Errorf("judged as one domain %d are hidden, as two %d", n, hide.Hidden)
	}
	if one, two := find(alone, Noise).HalfWidth[0], find(list, Noise).HalfWidth[0]; two <= one {
		t.Errorf("the noise of two domains is %v, of one %v", two, one)
	}
}

// Where a unit may stand in several cells, no codes are merged on evidence that
// does not say of how many units they are together.
func TestOverlap(t *testing.T) {
	s := shape()
	s.L0 = 2
	table, facts, err := Cube(s, domain(t, s, [9]int{40, 40, 40, 40, 3, 40, 40, 40, 40}), nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Rank(table, facts, house(t), Options{Reach: 2})
	if err != nil {
		t.Fatal(err)
	}
	if find(list, Coarsen) != nil || find(list, Suppress).Hidden != 2 || find(list, Noise) == nil {
		t.Errorf("%+v", list)
	}
}

func TestCubeRefused(t *testing.T) {
	s := shape()
	other := shape()
	other.Measures = nil
	if _, _, err := Cube(other, domain(t, s, [9]int{1}), nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("evidence of another shape: %v", err)
	}
	if _, _, err := Cube(s, domain(t, s, [9]int{1}), []string{"sex"}); !errors.Is(err, fault.Invalid) {
		t.Errorf("a dim that is not there: %v", err)
	}
	if _, err := Across(sheet.Table{}, nil, house(t), Options{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("no domain: %v", err)
	}
}

// Codes are ranges where they say so and do not fall; a district's number is
// no range.
func TestRanges(t *testing.T) {
	for _, c := range []struct {
		codes string
		want  bool
	}{
		{"0-17,18-34,35-49,80+", true},
		{"<18,18–64,≥65", true},
		{"0-17岁,18至64岁,65岁以上", true},
		{"110101,110102,110105", false},
		{"male,female", false},
		{"65+,0-17", false},
		{"A-1,B-2", false},
	} {
		if got := ranges(strings.Split(c.codes, ",")); got != c.want {
			t.Errorf("%s: %v", c.codes, got)
		}
	}
}

// What a domain's own rules hide of an item is what must be hidden here: the
// evidence is the same, and so are the checks, but for a value of no more units
// than must differ, which is always hidden.
func TestSameRules(t *testing.T) {
	s, p := shape([]string{"age"}), house(t)
	rng := rand.New(rand.NewPCG(5, 5))
	for range 200 {
		e, err := evidence.New(s.Lists(), s.Cells(), len(s.Measures))
		if err != nil {
			t.Fatal(err)
		}
		for cell := range s.Cells() {
			most := 1 + rng.Int64N(40)
			for range rng.IntN(40) {
				if err := e.Add(uint32(cell), []int64{rng.Int64N(most)}, []bool{rng.IntN(9) > 0}); err != nil {
					t.Fatal(err)
				}
			}
		}
		table, facts, err := Cube(s, e, nil)
		if err != nil {
			t.Fatal(err)
		}
		own := evidence.Judge(e, p)
		for i, flag := range evidence.Flags(own, e.Items()) {
			item := table.Rows[i].Item
			r := ranker{o: Options{Majority: true}}
			c := r.settle(facts.Cells[1][item])
			hides := check.MustHide(facts.Cells[0][item], 0, p) || check.MustHide(c, 1, p)
			if few := c.N > 0 && c.N <= p.Apart; hides != (flag == 1 || few) {
				t.Fatalf("item %d: %v, the domain %v\n%+v", i, hides, flag == 1, e.Item(i))
			}
		}
	}
}
