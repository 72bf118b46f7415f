package gate

import (
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/jobs"
)

func aggregation(edit func(*Aggregation)) Aggregation {
	a := Aggregation{
		Shape: jobs.Shape{Namespace: jobs.NaturalPerson, Dims: []jobs.Dim{{Name: "district", Codes: []string{"520102", "520103"}}}},
		Mode:  jobs.SDC, Threshold: 10, Units: 9_999_999, Scale: 10_000_000,
	}
	if edit != nil {
		edit(&a)
	}
	return a
}

// Each ground, on both sides of its boundary.
func TestGrade(t *testing.T) {
	codes := func(codes ...string) func(*Aggregation) {
		return func(a *Aggregation) { a.Shape.Dims[0].Codes = codes }
	}
	many := func(n int) func(*Aggregation) { return codes(slices.Repeat([]string{"520102"}, n)...) }
	for _, c := range []struct {
		name      string
		sources   []int
		edit      func(*Aggregation)
		want      int
		important bool
		has       []Ground
		lacks     []Ground
	}{
		{"one source, safe cells", []int{3}, nil, 2, false, []Ground{GroundSource, GroundAggregate}, []Ground{GroundFusion, GroundScale, GroundDetail, GroundUnknown}},
		{"the highest holds", []int{1, 4, 2}, nil, 3, false, []Ground{GroundFusion, GroundAggregate}, nil},
		{"never below the least", []int{1}, nil, 1, false, []Ground{GroundAggregate}, nil},
		{"no grade", []int{0, 1}, nil, 3, false, []Ground{GroundUnknown}, nil},
		{"a grade that there is not", []int{5}, nil, 3, false, []Ground{GroundUnknown}, nil},
		{"no source at all", nil, nil, 3, false, []Ground{GroundUnknown}, nil},
		{"nine units a cell", []int{3}, func(a *Aggregation) { a.Threshold = 9 }, 3, false, nil, []Ground{GroundAggregate}},
		{"noise", []int{3}, func(a *Aggregation) { a.Mode, a.Threshold = jobs.DP, 0 }, 2, false, []Ground{GroundNoise}, []Ground{GroundAggregate}},
		{"no mode protects nothing", []int{3}, func(a *Aggregation) { a.Mode = "" }, 3, false, nil, []Ground{GroundNoise, GroundAggregate}},
		{"records", []int{3}, func(a *Aggregation) { a.Shape.Namespace = jobs.Row }, 3, false, []Ground{GroundUnit}, []Ground{GroundAggregate}},
		{"townships", []int{3}, codes("520102001", "520102002"), 3, false, []Ground{GroundPrecision}, []Ground{GroundAggregate}},
		{"villages", []int{3}, codes("520102001001"), 3, false, []Ground{GroundPrecision}, []Ground{GroundAggregate}},
		{"counties", []int{3}, codes("520102", "520103"), 2, false, nil, []Ground{GroundPrecision}},
		{"townships, and something else", []int{3}, codes("520102001", "other"), 2, false, nil, []Ground{GroundPrecision}},
		{"63 cells", []int{3}, many(63), 2, false, nil, []Ground{GroundDetail}},
		{"64 cells", []int{3}, many(64), 2, false, []Ground{GroundDetail}, nil},
		{"ten million", []int{1}, func(a *Aggregation) { a.Units++ }, 1, true, []Ground{GroundScale}, nil},
	} {
		g := Grade(c.sources, aggregation(c.edit))
		if g.Proposed != c.want || g.Important != c.important {
			t.Errorf("%s: grade %d, important %v, want %d, %v", c.name, g.Proposed, g.Important, c.want, c.important)
		}
		for _, ground := range c.has {
			if !slices.Contains(g.Grounds, ground) || !strings.Contains(g.Text.ZH, reviewed[ground].ZH) || !strings.Contains(g.Text.EN, reviewed[ground].EN) {
				t.Errorf("%s: %v does not give %s", c.name, g.Grounds, ground)
			}
		}
		for _, ground := range c.lacks {
			if slices.Contains(g.Grounds, ground) {
				t.Errorf("%s: gives %s", c.name, ground)
			}
		}
	}
}

// What nobody has read is not cited as law.
func TestHooks(t *testing.T) {
	if StatisticsLaw.Checked || !strings.Contains(StatisticsLaw.Source, "未核验") || !strings.Contains(StatisticsLaw.Text.ZH, "未核验") {
		t.Errorf("%+v", StatisticsLaw)
	}
	if g := Grade([]int{2}, aggregation(nil)); !strings.Contains(g.Text.ZH, "未核验") || !strings.Contains(g.Text.EN, "not checked") {
		t.Errorf("%+v", g.Text)
	}
	for ground, s := range reviewed {
		if s.ZH == "" || s.EN == "" {
			t.Errorf("%s has no text", ground)
		}
	}
}
