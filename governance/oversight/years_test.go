package oversight

import (
	"fmt"
	"strings"
	"testing"

	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/suite"
)

// Two failed years in a row, and two people, end a qualification in Guiyang: the
// second evaluation cannot be opened as if there had been no first.
func TestElimination(t *testing.T) {
	d, gy, wx := newDesk(t), city(t, "guiyang"), city(t, "wuxi")
	first := d.year(2025, cases.Deny, "")
	all := []*cases.Case{first}
	if gone, _ := Eliminated(all, "operator", 2026, gy); gone {
		t.Fatal("one failed year is enough")
	}
	s := StreakOf(all, "operator", 2026, gy)
	if !s.Final || s.Years != 1 || s.Last != first.Head() || !strings.HasPrefix(s.Cite.ZH, "贵阳贵安 第三十五条") || s.Cite.Quote != "对连续两年成效不达标的，取消数据授权运营资格" {
		t.Errorf("%+v", s)
	}
	if s := StreakOf(all, "operator", 2026, wx); s.Final || s.Limit != 0 {
		t.Errorf("Wuxi eliminates: %+v", s)
	}
	c := d.yearOpened(2026)
	submit := func(previous suite.Digest) cases.Event {
		m := map[string]suite.Digest{"criteria": suite.DigestOf([]byte("c"))}
		if previous != "" {
			m["previous-failure"] = previous
		}
		return cases.Event{Case: c.ID(), Act: cases.Submit, Stage: "opening", Round: 1, Refs: cases.Refs(m)}
	}
	refused(t, "no failure named", MayEvaluate(all, c, submit(""), gy), "evaluation-after")
	refused(t, "another case named", MayEvaluate(all, c, submit(suite.DigestOf(nil)), gy), "evaluation-after")
	refused(t, "last year's named", MayEvaluate(all, c, submit(first.Head()), gy), "")
	refused(t, "named though last year was passed", MayEvaluate(nil, c, submit(first.Head()), gy), "evaluation-after")
	refused(t, "none named, none failed", MayEvaluate(nil, c, submit(""), gy), "")
	refused(t, "named in a city that eliminates nobody", MayEvaluate(all, c, submit(first.Head()), wx), "evaluation-after")
	refused(t, "a later stage", MayEvaluate(all, c, cases.Event{Act: cases.Submit, Stage: "self-report", Refs: refs("self-report")}, gy), "")

	second := d.year(2026, cases.Deny, first.Head())
	if _, end := second.Outcome(); end != "eliminated" {
		t.Fatalf("ended %s", end)
	}
	all = append(all, second)
	for y, want := range map[int]bool{2025: false, 2026: true, 2030: true} {
		gone, cite := Eliminated(all, "operator", y, gy)
		if gone != want || !cite.Law {
			t.Errorf("up to %d: %v, %+v", y, gone, cite)
		}
	}
	if s := StreakOf(all, "operator", 2027, gy); s.Years != 0 || s.Final || s.Last != "" {
		t.Errorf("failures that cost one qualification count against the next: %+v", s)
	}
	third := d.year(2027, cases.Deny, "")
	if s := StreakOf(append(all, third), "operator", 2028, gy); s.Years != 1 || !s.Final || s.Last != third.Head() {
		t.Errorf("the next qualification's first failure: %+v", s)
	}
	if gone, _ := Eliminated(append(all, nil), "rival", 2030, gy); gone {
		t.Error("a rival is eliminated too")
	}
}

// A year is evaluated once, and the last one first.
func TestYearIsOpenedOnce(t *testing.T) {
	d := newDesk(t)
	ended, open := d.year(2024, cases.Deny, ""), d.yearOpened(2025)
	start := func(y int) cases.Event {
		return cases.Event{Case: "c-new", Act: cases.Start, At: on(t, fmt.Sprintf("%d-01-01", y+1)), Opening: &cases.Opening{Kind: yearlyKind, Year: y, Parties: map[cases.Seat][]string{cases.Operator: {"operator"}}}}
	}
	gy := city(t, "guiyang")
	refused(t, "again", MayEvaluate([]*cases.Case{ended}, nil, start(2024), gy), "evaluation-twice")
	refused(t, "again while it is open", MayEvaluate([]*cases.Case{open}, nil, start(2025), gy), "evaluation-twice")
	refused(t, "before last year's has ended", MayEvaluate([]*cases.Case{open}, nil, start(2026), gy), "evaluation-twice")
	passed := d.year(2024, cases.Allow, "")
	if s := StreakOf([]*cases.Case{d.year(2023, cases.Deny, ""), passed}, "operator", 2025, gy); s.Years != 0 || s.Final {
		t.Errorf("a year that was passed does not end the streak: %+v", s)
	}
	refused(t, "after last year's has ended", MayEvaluate([]*cases.Case{ended, nil}, nil, start(2025), gy), "")
	for _, early := range []string{"2024-01-15", "2025-03-01", "2025-12-31"} {
		e := start(2025)
		e.At = on(t, early)
		refused(t, "in "+early, MayEvaluate(nil, nil, e, gy), "evaluation-early")
	}
	other := start(2025)
	other.Opening.Kind = "incident.rectify"
	refused(t, "another kind", MayEvaluate([]*cases.Case{open}, nil, other, gy), "")
}
