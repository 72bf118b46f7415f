package papers_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/suite"
)

func TestClashes(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			s := paperstest.Sheet(p)
			other := paperstest.Sheet(p)
			other.Dataset, other.Provider = "other", "prov-b"
			none(t, "the same source", papers.Clashes(p, []papers.Sheet{other}, s))
			other.Items[1].Source = "prov-b"
			one(t, p, "another source", law(p, "source.unique", "source.register", "source.no_repeat"), "items.2.source", papers.Clashes(p, []papers.Sheet{other}, s))
			other.Dataset = s.Dataset
			none(t, "the sheet that is replaced", papers.Clashes(p, []papers.Sheet{other}, s))
			none(t, "nothing published", papers.Clashes(p, nil, s))
		})
	}
}

// The references of 东莞 warn of a source that the text does not name, and cite
// the item of the article that does.
func TestDoubts(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			s := paperstest.Sheet(p)
			s.Items[1].Name = "残疾人登记号"
			got := papers.Doubts(p, s)
			if !binds(p, "source.persons") {
				none(t, "no reference", got)
				return
			}
			if len(got) != 1 || got[0].Field != "items.2.source" || !strings.Contains(got[0].Cite, "第（八）项") || !strings.Contains(got[0].Quote, "残疾人工作主管部门") {
				t.Errorf("%+v", got)
			}
			s.Fields["collector"] = "市残疾人工作主管部门"
			none(t, "the department that the text names", papers.Doubts(p, s))
			s.Fields["collector"], s.Items[1].Name = "医保局", "结算金额"
			none(t, "no topic of the text", papers.Doubts(p, s))
		})
	}
}

func date(t *testing.T, s string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A change starts the city's clock where its text counts such a change: 10
// working days in one, 15 in the others; an element of an entry in 无锡 alone.
func TestOwes(t *testing.T) {
	want := map[string]struct{ law, duty, element string }{
		"guiyang": {"2026-03-02", "2026-03-02", ""}, "dongguan": {"2026-03-09", "2026-03-09", ""}, "wuxi": {"", "2026-03-09", "2026-03-09"},
		"shijiazhuang": {"2026-03-09", "2026-03-09", ""}, "chongming": {"2026-03-09", "2026-03-09", ""},
	}
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			for kind, due := range map[string]string{"law": want[p.ID()].law, "duty": want[p.ID()].duty, "element": want[p.ID()].element} {
				ch := papers.Change{Kind: kind, At: date(t, "2026-02-10").Start(), What: "修订", Datasets: []string{"a", "b"}}
				got, err := ch.Owes(p, calendar.Announced())
				if err != nil {
					t.Fatal(err)
				}
				if due == "" {
					if len(got) != 0 {
						t.Errorf("%s: %+v", kind, got)
					}
					continue
				}
				if len(got) != 2 || got[1].Dataset != "b" || got[0].Due.Day.String() != due || got[0].Basis != p.Basis("catalogue.update_wd") {
					t.Errorf("%s: %+v, want %s", kind, got, due)
				}
			}
			for what, ch := range map[string]papers.Change{
				"another kind": {Kind: "mood", At: paperstest.Now, Datasets: []string{"a"}}, "no day": {Kind: "law", Datasets: []string{"a"}}, "no entry": {Kind: "law", At: paperstest.Now},
			} {
				if _, err := ch.Owes(p, calendar.Announced()); !errors.Is(err, fault.Invalid) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

func TestFreshness(t *testing.T) {
	cal := calendar.Announced()
	updated := date(t, "2026-02-10").Start().Add(15 * time.Hour)
	for _, c := range []struct {
		cycle papers.Cycle
		until string // the last day
		wait  bool
	}{
		{papers.Cycle{N: 1, Unit: profile.Days}, "2026-02-11", false},
		{papers.Cycle{N: 30, Unit: profile.Days}, "2026-03-12", false},
		{papers.Cycle{N: 5, Unit: profile.WorkingDays}, "2026-02-24", false},
		{papers.Cycle{N: 230, Unit: profile.WorkingDays}, "", true},
	} {
		f, err := papers.Freshness(updated, c.cycle, cal, updated)
		if err != nil || f.Provisional != c.wait || f.Stale {
			t.Errorf("%+v: %+v, %v", c.cycle, f, err)
			continue
		}
		if c.until != "" && !f.Until.Equal(date(t, c.until).End()) {
			t.Errorf("%+v: until %s, want the end of %s", c.cycle, f.Until, c.until)
		}
		for now, stale := range map[time.Time]bool{f.Until.Add(-time.Second): false, f.Until: true} {
			if f, err := papers.Freshness(updated, c.cycle, cal, now); err != nil || f.Stale != stale {
				t.Errorf("%+v at %s: %+v, %v", c.cycle, now, f, err)
			}
		}
	}
	for _, cycle := range []papers.Cycle{{}, {N: 3}, {N: -1, Unit: profile.Days}, {N: 1, Unit: profile.Years}, {N: 100000, Unit: profile.WorkingDays}} {
		if _, err := papers.Freshness(updated, cycle, cal, updated); !errors.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", cycle, err)
		}
	}
	if _, err := papers.Freshness(time.Time{}, papers.Cycle{N: 1, Unit: profile.Days}, cal, updated); !errors.Is(err, fault.Invalid) {
		t.Errorf("never updated: %v", err)
	}
}

func TestLock(t *testing.T) {
	p, err := profiles.Get("chongming")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := papers.Bytes(papers.KindSheet, paperstest.Sheet(p))
	if err != nil {
		t.Fatal(err)
	}
	head := suite.DigestOf([]byte("ended"))
	l, err := papers.LockOf("cat-1", head, raw)
	if err != nil || l.Dataset != paperstest.Dataset || l.Holds(raw) != nil {
		t.Fatalf("%+v, %v", l, err)
	}
	s := paperstest.Sheet(p)
	s.Items[1].Column = "birth"
	changed, err := papers.Bytes(papers.KindSheet, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Holds(changed); !errors.Is(err, fault.Tampered) {
		t.Errorf("another column: %v", err)
	}
	if err := (papers.Lock{}).Holds(nil); !errors.Is(err, fault.Tampered) {
		t.Errorf("no lock: %v", err)
	}
	for what, n := range map[string]struct {
		id   string
		head suite.Digest
		raw  []byte
		ok   bool
	}{
		"the same case": {"cat-1", suite.DigestOf([]byte("later")), changed, false}, "the same head": {"cat-2", head, changed, false}, "a case of its own": {"cat-2", suite.DigestOf([]byte("later")), changed, true},
	} {
		next, err := papers.LockOf(n.id, n.head, n.raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Next(next); (err == nil) != n.ok || err != nil && !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if !slices.Equal(paperstest.Sheet(p).Columns(), []string{"age", "cost", "person_id"}) {
		t.Errorf("columns %v", paperstest.Sheet(p).Columns())
	}
	for what, f := range map[string]func() (papers.Lock, error){
		"no case": func() (papers.Lock, error) { return papers.LockOf("", head, raw) }, "no head": func() (papers.Lock, error) { return papers.LockOf("cat-1", "", raw) },
		"no sheet": func() (papers.Lock, error) { return papers.LockOf("cat-1", head, []byte("{}")) },
	} {
		if _, err := f(); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	a := papers.NotConnected{}
	if got, err := a.Anchor(t.Context(), l); got != "" || !errors.Is(err, fault.NotFound) {
		t.Errorf("an anchor that is not connected says %q, %v", got, err)
	}
	if zh, _ := a.Name(); !strings.Contains(zh, "未对接") {
		t.Errorf("it is called %s", zh)
	}
}

func FuzzRead(f *testing.F) {
	p, err := profiles.Get("guiyang")
	if err != nil {
		f.Fatal(err)
	}
	for kind, body := range map[papers.Kind]any{
		papers.KindSheet: paperstest.Sheet(p), papers.KindAdmission: paperstest.Admission(p), papers.KindScenario: paperstest.Scenario(p),
		papers.KindAgreement: paperstest.Agreement(p), papers.KindProgram: paperstest.Program(p), papers.KindReport: paperstest.Report("drill"), papers.KindConsent: paperstest.Consent(p),
	} {
		raw, err := papers.Bytes(kind, body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"paper":"sheet","body":{"items":[{}],"fields":{"x":null}}}`))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		sheet, err := papers.Read[papers.Sheet](raw, papers.KindSheet)
		if err == nil {
			_ = sheet.Check(p)
			_ = papers.Doubts(p, sheet)
			_ = papers.Clashes(p, []papers.Sheet{paperstest.Sheet(p)}, sheet)
		}
		if s, err := papers.Read[papers.Scenario](raw, papers.KindScenario); err == nil {
			_ = s.Check(p)
			_ = s.Against(p, papers.Known{Now: paperstest.Now, Sheets: map[string]papers.Sheet{paperstest.Dataset: sheet}})
			a := paperstest.AgreementOn(p, s, paperstest.Head)
			_ = a.Check(p, s, paperstest.Head, nil)
		}
		if a, err := papers.Read[papers.Admission](raw, papers.KindAdmission); err == nil {
			_ = a.Check(p, paperstest.Now)
		}
		if a, err := papers.Read[papers.Agreement](raw, papers.KindAgreement); err == nil {
			_ = a.Check(p, paperstest.Scenario(p), paperstest.Head, nil)
		}
		if g, err := papers.Read[papers.Program](raw, papers.KindProgram); err == nil {
			_ = g.Check(p)
		}
		if r, err := papers.Read[papers.Report](raw, papers.KindReport); err == nil {
			_ = r.Check(p, paperstest.Now)
		}
		if n, err := papers.Read[papers.Consent](raw, papers.KindConsent); err == nil {
			_ = n.Check(p)
		}
	})
}
