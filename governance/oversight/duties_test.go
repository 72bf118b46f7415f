package oversight

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/profile"
)

func find(all []Duty, k Kind, org string) (Duty, bool) {
	i := slices.IndexFunc(all, func(d Duty) bool { return d.Kind == k && d.Org == org })
	if i < 0 {
		return Duty{}, false
	}
	return all[i], true
}

// What each city has an operator, its provider and its bureau owe, by when, and
// where that stands.
func TestDutiesByCity(t *testing.T) {
	type want struct {
		kind     Kind
		org      string
		due      string // the last day
		blocks   bool
		extended bool
		cite     string
	}
	risk := want{RiskReport, "operator", "2027-01-05", true, false, "贵阳贵安 第三十四条第（四）项（征求意见稿）"}
	for id, wants := range map[string][]want{
		"guiyang": {
			{Feedback, "operator", "2026-03-02", true, true, "贵阳贵安 第二十二条第四款（征求意见稿）"},
			risk,
			{Drill, "operator", "2027-01-05", true, false, "贵阳贵安 第三十九条第四款（征求意见稿）"},
			{Quality, "operator", "2027-02-10", false, false, "贵阳贵安 第三十五条（征求意见稿）"},
			{Drill, "hospital", "2027-01-05", false, false, "贵阳贵安 第三十九条第三款（征求意见稿）"},
			{Assessment, "bureau", "2027-01-05", false, false, "贵阳贵安 第三十九条第二款（征求意见稿）"},
			{Backup, "bureau", "2027-01-05", false, false, "内部规则（非法定）"},
		},
		"dongguan": {
			{Feedback, "operator", "2027-02-10", true, true, "东莞 第四十四条第四款（征求意见稿）"},
			{Assessment, "hospital", "2027-01-05", false, false, "东莞 第四十三条（征求意见稿）"},
			{Backup, "bureau", "2027-01-05", true, false, "东莞 第四十三条（征求意见稿）"},
		},
		"wuxi": {
			{Drill, "hospital", "2027-01-05", false, false, "无锡 第二十九条（施行中）"},
			{Assessment, "bureau", "2027-01-05", false, false, "无锡 第二十九条（施行中）"},
			{Backup, "bureau", "2027-01-05", false, false, "无锡 第三十一条（施行中）"},
		},
		"shijiazhuang": {
			{Drill, "bureau", "2027-01-05", false, false, "石家庄 第三十条第二款第（六）项（征求意见稿）"},
			{Backup, "bureau", "2027-01-05", false, false, "石家庄 第三十一条（征求意见稿）"},
		},
		"chongming": {
			{Drill, "operator", "2027-01-05", true, true, "崇明 第三十条（草案（试行））"},
			{Assessment, "hospital", "2027-01-05", false, false, "崇明 第二十九条（草案（试行））"},
		},
	} {
		t.Run(id, func(t *testing.T) {
			all := Duties(facts(t, id, "2026-02-20"))
			for _, w := range wants {
				d, ok := find(all, w.kind, w.org)
				if !ok {
					t.Errorf("%s of %s is not owed: %+v", w.kind, w.org, all)
					continue
				}
				if last := d.Due.Add(-time.Second).In(d.Due.Location()).Format(time.DateOnly); last != w.due || d.Overdue {
					t.Errorf("%s of %s: due %s, overdue %v; want %s", w.kind, w.org, last, d.Overdue, w.due)
				}
				if d.Blocks != w.blocks || d.Extended != w.extended || !strings.HasPrefix(d.Cite.ZH, w.cite) || d.Extended != strings.Contains(d.Cite.ZH, "内部扩展") {
					t.Errorf("%s of %s: %+v, want %+v", w.kind, w.org, d, w)
				}
			}
			for _, k := range []Kind{Feedback, RiskReport, Quality} {
				listed := slices.ContainsFunc(wants, func(w want) bool { return w.kind == k })
				if _, ok := find(all, k, "operator"); ok != listed {
					t.Errorf("%s is owed: %v", k, ok)
				}
			}
		})
	}
}

// A report that is on file ends the duty until the next is due; one that was found
// unsound does not, and neither does one of another scenario or from before.
func TestReportEndsDuty(t *testing.T) {
	filed := func(edit func(*Filed)) Facts {
		f := facts(t, "guiyang", "2026-03-03")
		r := Filed{Handed: Handed{Duty: Feedback, Org: "operator", Scenario: "flu", At: on(t, "2026-03-02")}}
		edit(&r)
		f.Filed = []Filed{r}
		return f
	}
	for name, c := range map[string]struct {
		edit func(*Filed)
		owed bool
	}{
		"handed in":         {func(*Filed) {}, false},
		"verified":          {func(r *Filed) { r.Checker, r.Sound = "bureau-officer", true }, false},
		"unsound":           {func(r *Filed) { r.Checker = "bureau-officer" }, true},
		"another scenario":  {func(r *Filed) { r.Scenario = "other" }, true},
		"another operator":  {func(r *Filed) { r.Org = "rival" }, true},
		"another duty":      {func(r *Filed) { r.Duty = Drill }, true},
		"before the run":    {func(r *Filed) { r.At = on(t, "2026-02-09") }, true},
		"nothing is handed": {func(r *Filed) { *r = Filed{} }, true},
	} {
		f := filed(c.edit)
		d, owed := find(Duties(f), Feedback, "operator")
		if owed != c.owed || owed && !d.Overdue {
			t.Errorf("%s: owed %v, %+v", name, owed, d)
		}
		blocked := false
		for _, g := range Owed(f, "operator") {
			blocked = blocked || g.Kind == "feedback" && g.Overdue && g.Key == "share.feedback_wd"
		}
		if blocked != c.owed {
			t.Errorf("%s: the gate sees it overdue: %v", name, blocked)
		}
		if slices.ContainsFunc(Owed(f, "rival"), func(g gates.Duty) bool { return g.Kind == "feedback" }) {
			t.Errorf("%s: a rival owes it", name)
		}
	}
}

// Shared data: the text itself binds the user, and nothing is extended.
func TestFeedbackOfSharing(t *testing.T) {
	f := facts(t, "guiyang", "2026-02-20")
	f.Scenarios[0].Channel = profile.BySharing
	if d, ok := find(Duties(f), Feedback, "operator"); !ok || d.Extended {
		t.Errorf("%+v", d)
	}
}

// When a scenario has ended its data are disposed of, in Chongming by law and
// everywhere by the house's term; before that nothing is owed.
func TestDisposal(t *testing.T) {
	for id, cite := range map[string]string{"chongming": "崇明 第十九条", "wuxi": "内部规则（非法定）"} {
		f := facts(t, id, "2027-06-29")
		if _, ok := find(Duties(f), Disposal, "operator"); ok {
			t.Errorf("%s: owed before the end", id)
		}
		f.Now = on(t, "2027-07-20")
		d, ok := find(Duties(f), Disposal, "operator")
		if !ok || !d.Overdue || !d.Provisional || !strings.HasPrefix(d.Cite.ZH, cite) || d.Blocks != (id == "chongming") {
			t.Errorf("%s: %v, %+v", id, ok, d)
		}
		f.Filed = []Filed{{Handed: Handed{Duty: Disposal, Org: "operator", Scenario: "flu", At: on(t, "2027-07-01")}}}
		if _, ok := find(Duties(f), Disposal, "operator"); ok {
			t.Errorf("%s: owed after the report", id)
		}
	}
}

// The disclosure of a year is due by the end of March, and the bureau's evaluation
// within its term after the year; a year that was accounted for is not asked again.
func TestYearlyDuties(t *testing.T) {
	f := facts(t, "guiyang", "2027-04-02")
	d, ok := find(Duties(f), Disclosure, "operator")
	if !ok || !d.Overdue || d.Due.Add(-time.Second).Format(time.DateOnly) != "2027-03-31" || d.Cite.Law {
		t.Errorf("%v %+v", ok, d)
	}
	if e, ok := find(Duties(f), Evaluation, "bureau"); !ok || e.About != "operator" || !e.Overdue || !strings.HasPrefix(e.Cite.ZH, "贵阳贵安 第三十五条") {
		t.Errorf("%v %+v", ok, e)
	}
	f.Filed = []Filed{{Handed: Handed{Duty: Disclosure, Org: "operator", From: yearOf(2026).from, To: yearOf(2026).to, At: on(t, "2027-03-01")}}}
	if _, ok := find(Duties(f), Disclosure, "operator"); ok {
		t.Error("owed again")
	}
}

// A month that is shorter ends a term with its last day, and a day that rests
// puts it off.
func TestDay(t *testing.T) {
	f := facts(t, "guiyang", "2026-01-05")
	for _, c := range []struct {
		from   string
		months int
		want   string
	}{{"2025-08-31", 6, "2026-02-28"}, {"2025-10-01", 12, "2026-10-08"}, {"2026-01-31", 1, "2026-02-28"}, {"2025-01-31", 13, "2026-02-28"}, {"2025-12-13", 1, "2026-01-13"}} {
		if at, _ := f.day(on(t, c.from), c.months); at.Add(-time.Second).Format(time.DateOnly) != c.want {
			t.Errorf("%s and %d months: %s, want %s", c.from, c.months, at, c.want)
		}
	}
}
