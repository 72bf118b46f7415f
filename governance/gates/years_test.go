package gates_test

import (
	"slices"
	"testing"

	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
)

// judged says by which code the years of an operator stop a run, "" if they do not.
func judged(f gates.Facts, years ...*cases.Case) string {
	f.Years = map[int][]*cases.Case{}
	for _, c := range years {
		f.Years[c.Opening().Year] = append(f.Years[c.Opening().Year], c)
	}
	for _, v := range gates.Blocked(gates.Check(f, gates.AtStart)) {
		if v.Gate == "G1" && (v.Code == "failed-years" || v.Code == "eliminated") {
			return v.Code
		}
	}
	return ""
}

// Two failed years in a row cost the qualification: whatever a later year was, and
// across a year that nobody evaluated only if none lies between.
func TestYearsInARow(t *testing.T) {
	w := gatestest.New(t, "guiyang", "authop")
	f := w.Facts()
	years := map[int]*cases.Case{}
	for y := 2020; y < 2026; y++ {
		years[y] = w.Failed(y)
	}
	met := w.Met(2025)
	for name, c := range map[string]struct {
		years []*cases.Case
		want  string
	}{
		"none":               {nil, ""},
		"one":                {[]*cases.Case{years[2025]}, ""},
		"two":                {[]*cases.Case{years[2024], years[2025]}, "failed-years"},
		"two, then one met":  {[]*cases.Case{years[2023], years[2024], met}, "failed-years"},
		"two, then a gap":    {[]*cases.Case{years[2021], years[2022], years[2025]}, "failed-years"},
		"a gap between":      {[]*cases.Case{years[2021], years[2023], years[2025]}, ""},
		"one, then one met":  {[]*cases.Case{years[2024], met}, ""},
		"evaluated too late": {[]*cases.Case{years[2025], years[2024]}, "failed-years"},
	} {
		if got := judged(f, c.years...); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	other := gatestest.New(t, "wuxi", "authop")
	if got := judged(other.Facts(), other.Failed(2024), other.Failed(2025)); got != "" {
		t.Errorf("a city that eliminates nobody: %s", got)
	}
}

// Who lost its qualification uses data again on what was all opened since, and on
// nothing older; a failure since is the first of the new one.
func TestAdmittedAnew(t *testing.T) {
	w := gatestest.New(t, "guiyang", "authop")
	before := w.Facts()
	lost := []*cases.Case{w.Failed(2023), w.Failed(2024)}
	if got := judged(before, lost...); got != "failed-years" {
		t.Fatalf("on what it had: %q", got)
	}
	w.Since = gatestest.Now.AddDate(0, 0, -10)
	after := w.Facts()
	if got := judged(after, lost...); got != "" {
		t.Errorf("admitted anew: %q", got)
	}
	if got := judged(after, append(lost, w.Failed(2025))...); got != "" {
		t.Errorf("admitted anew, and failed once: %q", got)
	}
	if got := judged(after, append(lost, w.Failed(2025), w.Failed(2026))...); got != "failed-years" {
		t.Errorf("admitted anew, and failed twice: %q", got)
	}
	for _, kind := range []string{"operator.admit", "scenario.apply", "agreement.sign"} {
		mixed := w.Facts()
		u := *mixed.Terms.Under
		u.Cases = slices.Clone(u.Cases)
		for i, ref := range u.Cases {
			if ref.Kind == kind {
				mixed.Cases[ref.ID] = before.Cases[ref.ID]
				u.Cases[i].Head = before.Cases[ref.ID].Head()
			}
		}
		mixed.Terms.Under = &u
		if got := judged(mixed, lost...); got != "failed-years" {
			t.Errorf("on an old %s: %q", kind, got)
		}
	}
}
