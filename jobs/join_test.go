package jobs_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/set"
)

// joined are terms of a join by B's districts, with a value on each side.
func joined(t *testing.T) jobs.Terms {
	t.Helper()
	terms := governancetest.NewTown(t).Terms()
	terms.Program, terms.Params, terms.Limits, terms.Mode = jobs.Program{}, nil, jobs.Limits{}, jobs.SDC
	terms.Trustees.Quorum = 3
	terms.Join = &jobs.Join{A: set.Commitment{Root: strings.Repeat("a", 64), Size: 500}, B: set.Commitment{Root: strings.Repeat("b", 64), Size: 700}, Cells: "district"}
	terms.Members = slices.Clone(terms.Members)
	terms.Members[0].Columns, terms.Members[1].Columns = []string{"days"}, []string{"days", "district"}
	codes := []string{"520102", "520103", jobs.NoCode}
	terms.Shape.Dims = []jobs.Dim{{Name: "district", Codes: codes, Labels: codes}}
	terms.Shape.Measures = []jobs.Measure{{Name: "a", Hi: 30, Round: 1}, {Name: "b", Lo: -40, Hi: 30, Round: 1}}
	return terms
}

// A join is what its terms say, no more and no less: whatever would need a
// guest, noise, a quorum or another shape is refused.
func TestJoinTerms(t *testing.T) {
	good := joined(t)
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	if a, b := good.Values(); a != 1 || b != 1 {
		t.Errorf("%d and %d values", a, b)
	}
	if a, b := good.Clips(); a != 30 || b != 40 {
		t.Errorf("clips %d and %d", a, b)
	}
	if good.Slots() != 3*3 {
		t.Errorf("%d slots", good.Slots())
	}
	back, err := jobs.ParseTerms(good.Bytes())
	if err != nil || !bytes.Equal(back.Bytes(), good.Bytes()) {
		t.Errorf("the terms do not come back: %v", err)
	}
	for name, edit := range map[string]func(*jobs.Terms){
		"a program":          func(t *jobs.Terms) { t.Program.Name = "p" },
		"parameters":         func(t *jobs.Terms) { t.Params = []byte{1} },
		"limits":             func(t *jobs.Terms) { t.Limits.Rows = 1 },
		"two engines":        func(t *jobs.Terms) { t.Engines = jobs.BothEngines },
		"mode dp":            func(t *jobs.Terms) { t.Mode = jobs.DP },
		"a quorum":           func(t *jobs.Terms) { t.Trustees.Quorum = 2 },
		"one member":         func(t *jobs.Terms) { t.Members = t.Members[:1] },
		"k_min of one":       func(t *jobs.Terms) { t.KMin = 1 },
		"a set with itself":  func(t *jobs.Terms) { t.Join.B = t.Join.A },
		"no commitment":      func(t *jobs.Terms) { t.Join.A = set.Commitment{} },
		"a huge set":         func(t *jobs.Terms) { t.Join.A.Size = set.Max + 1 },
		"rows":               func(t *jobs.Terms) { t.Shape.Namespace = jobs.Row },
		"totals":             func(t *jobs.Terms) { t.Shape.Margins = [][]string{{}} },
		"two cells a person": func(t *jobs.Terms) { t.Shape.L0 = 2 },
		"a batch":            func(t *jobs.Terms) { t.Shape.Grouping.Batch = 2 },
		"two dims": func(t *jobs.Terms) {
			t.Shape.Dims = append(t.Shape.Dims, jobs.Dim{Name: "x", Codes: []string{"1"}, Labels: []string{""}})
		},
		"a measure too many": func(t *jobs.Terms) {
			t.Shape.Measures = append(t.Shape.Measures, jobs.Measure{Name: "c", Hi: 1, Round: 1})
		},
		"a measure too few":        func(t *jobs.Terms) { t.Shape.Measures = t.Shape.Measures[:1] },
		"cells without a column":   func(t *jobs.Terms) { t.Join.Cells = "" },
		"another column of cells":  func(t *jobs.Terms) { t.Join.Cells = "days" },
		"no cell for nobody's":     func(t *jobs.Terms) { t.Shape.Dims[0].Codes = []string{"520102", "520103", "520111"} },
		"more than can be added":   func(t *jobs.Terms) { t.Shape.Measures[0].Hi = 1 << 30 },
		"more than can be carried": func(t *jobs.Terms) { t.Join.A.Size, t.Shape.Measures[0].Hi = set.Max, 1 },
	} {
		terms := joined(t)
		edit(&terms)
		if err := terms.Check(); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := good.Joinable(); err != nil {
		t.Error(err)
	}
	good.Join.B.Size = 9
	if fault.Show(good.Joinable()).Code != "join-set" {
		t.Error("nine persons are enough for a threshold of ten")
	}
}

// Whatever is asked otherwise has another code, and a program's is its digest.
func TestJoinCode(t *testing.T) {
	one, other := joined(t), joined(t)
	other.Shape.Measures[0].Hi++
	if one.Code() == other.Code() || one.Code() != joined(t).Code() || one.Code().Hex() == "" {
		t.Error("the code does not name the query")
	}
	sum := governancetest.NewTown(t).Terms()
	if sum.Code() != sum.Program.Digest || bytes.Contains(sum.Bytes(), []byte("join")) {
		t.Error("terms of a program are not what they were")
	}
	if a, b := sum.Values(); a != 0 || b != 0 {
		t.Error("terms of a program have a join's values")
	}
}
