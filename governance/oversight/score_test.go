package oversight

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/yunei/yunei/governance/calendar"
)

// What a scorecard counts is what a plain count of the records by their calendar
// days in Shanghai comes to, each scenario once however many agreements it has had.
func TestScoreCounts(t *testing.T) {
	base := facts(t, "guiyang", "2027-03-01")
	rapid.Check(t, func(t *rapid.T) {
		f := base
		f.Scenarios, f.Runs, f.Filed = nil, nil, nil
		from := time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC)
		instant := func(label string) time.Time {
			return from.Add(time.Duration(rapid.IntRange(0, 16*30*24).Draw(t, label)) * time.Hour)
		}
		of := func() string { return rapid.SampledFrom([]string{"operator", "rival"}).Draw(t, "operator") }
		year := func(at time.Time) int { return calendar.DateOf(at).Year }
		var want Score
		scenarios := map[string]bool{}
		for range rapid.IntRange(0, 6).Draw(t, "agreements") {
			s := Scenario{ID: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "scenario"), Operator: of(), From: instant("from")}
			s.End = s.From.Add(time.Duration(rapid.IntRange(1, 5000).Draw(t, "hours")) * time.Hour)
			if s.Operator == "operator" && year(s.From) <= 2026 && year(s.End.Add(-time.Nanosecond)) >= 2026 {
				scenarios[s.ID] = true
			}
			f.Agreed(s)
		}
		for range rapid.IntRange(0, 10).Draw(t, "runs") {
			r := Run{Operator: of(), At: instant("run"), State: rapid.SampledFrom([]string{"released", "refused", "failed"}).Draw(t, "state")}
			f.Runs = append(f.Runs, r)
			if r.Operator != "operator" || year(r.At) != 2026 {
				continue
			}
			want.Runs++
			want.Released += map[string]int{"released": 1}[r.State]
			want.Refused += map[string]int{"refused": 1}[r.State]
		}
		for range rapid.IntRange(0, 6).Draw(t, "reports") {
			r := Filed{Handed: Handed{Duty: Quality, Org: of(), At: instant("report")}, Sound: rapid.Bool().Draw(t, "sound")}
			r.Checker = rapid.SampledFrom([]string{"", "officer"}).Draw(t, "checker")
			f.Filed = append(f.Filed, r)
			if r.Org == "operator" && year(r.At) == 2026 {
				want.Reports++
				if r.Checker != "" && !r.Sound {
					want.Unsound++
				}
			}
		}
		got := ScoreOf(f, "operator", 2026, "released", "refused")
		if got.Scenarios != len(scenarios) || got.Runs != want.Runs || got.Released != want.Released || got.Refused != want.Refused || got.Reports != want.Reports || got.Unsound != want.Unsound {
			t.Fatalf("%+v, counted %+v and %d scenarios", got, want, len(scenarios))
		}
	})
}

// An agreement that follows on another without a day between carries its scenario
// on: nothing is to be disposed of at the end of the first. After a gap it is.
func TestAgreementsFollowOn(t *testing.T) {
	disposals := func(f Facts) int {
		n := 0
		for _, d := range Duties(f) {
			if d.Kind == Disposal {
				n++
			}
		}
		return n
	}
	f := facts(t, "chongming", "2027-08-01")
	first := f.Scenarios[0]
	if disposals(f) != 1 {
		t.Fatal("an ended scenario is not to be disposed of")
	}
	next := first
	next.From, next.End, next.Fee = first.End, first.End.AddDate(1, 0, 0), "paid"
	if i := f.Agreed(next); i != 0 || len(f.Scenarios) != 1 || !f.Scenarios[0].From.Equal(first.From) || !f.Scenarios[0].End.Equal(next.End) || f.Scenarios[0].Fee != "paid" || disposals(f) != 0 {
		t.Errorf("%d: %+v", i, f.Scenarios)
	}
	late := first
	late.From, late.End = next.End.AddDate(0, 1, 0), next.End.AddDate(1, 0, 0)
	if i := f.Agreed(late); i != 1 {
		t.Errorf("after a gap: %+v", f.Scenarios)
	}
	rival := first
	rival.Operator = "rival"
	if i := f.Agreed(rival); i != 2 {
		t.Errorf("another's: %+v", f.Scenarios)
	}
}
