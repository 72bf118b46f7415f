package oversight

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
)

func sheet(edit func(*papers.Sheet)) *papers.Sheet {
	s := &papers.Sheet{
		Dataset: "hospital-visits", Provider: "hospital", Class: "general", Grade: 2, Share: "conditional", Open: "closed", UpdateDays: 30, Registration: "R-1",
		Items: []papers.Item{{Code: "visit", Name: "就诊", Source: "hospital", Subject: "person", Basis: "law", Law: &papers.Citation{Doc: "传染病防治法", Article: "第三十三条"}}},
	}
	edit(s)
	return s
}

// clean are facts in which nothing is to be found.
func clean(tb testing.TB, id string) Facts {
	tb.Helper()
	f := facts(tb, id, "2026-02-20")
	f.Datasets = []Dataset{{ID: "hospital-visits", Title: "就诊记录", Provider: "hospital", Since: on(tb, "2026-01-05"), Sheet: sheet(func(*papers.Sheet) {})}}
	f.Versions = []Version{{Dataset: "hospital-visits", Provider: "hospital", ID: "v1", At: on(tb, "2026-02-01")}}
	f.Runs = []Run{{ID: "r-1", Scenario: "flu", Operator: "operator", Purpose: "public-health", State: "released", Channel: profile.ByOperation, At: on(tb, "2026-02-10")}}
	f.Orders = []Order{{ID: "o-1", Kind: "withdrawal", Org: "hospital", Name: "r-1", At: on(tb, "2026-02-19")}}
	return f
}

// Every fault that can be seen is found when it is planted, alone, and cites the
// article of each city that lists it.
func TestEachFaultIsFound(t *testing.T) {
	d := newDesk(t)
	d.at = on(t, "2026-02-09").UTC()
	objection := d.open("op", "objection.resolve", cases.Opening{Seat: cases.Operator, Parties: map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Provider: {"hospital"}}})
	objection = d.say(objection, "op", cases.Event{Act: cases.Filed, Filing: &cases.Filing{Name: "requester-authority", Digest: refs("a")[0].Digest, Media: "text/plain", Title: "委托书"}})
	objection = d.say(objection, "op", cases.Event{Act: cases.Submit, Refs: refs("request")})
	scenario := d.open("op", "scenario.apply", cases.Opening{Seat: cases.Operator, Parties: map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Provider: {"hospital"}}})
	scenario = d.say(scenario, "op", cases.Event{Act: cases.Filed, Filing: &cases.Filing{Name: "commitment", Digest: refs("a")[0].Digest, Media: "text/plain", Title: "承诺书"}})
	scenario = d.say(scenario, "op", cases.Event{Act: cases.Submit, Refs: refs("application", "dataset-list")})
	scenario = d.rule(scenario, "bureau-officer", cases.Allow)
	for _, c := range []struct {
		fault, org string
		plant      func(*Facts)
		cites      map[string]string // by city, a part of the first citation
	}{
		{"catalogue", "hospital", func(f *Facts) { f.Datasets[0].Sheet = nil }, map[string]string{"guiyang": "第四十四条第（一）项", "dongguan": "第五十条第（二）项", "chongming": "第三十三条第（三）项", "wuxi": "第十三条"}},
		{"gathering", "hospital", func(f *Facts) { f.Versions[0].At = f.Now.AddDate(0, 0, -40) }, map[string]string{"guiyang": "第四十四条第（二）项", "dongguan": "第五十条第（三）项", "chongming": "第三十三条第（四）项"}},
		{"sharing", "hospital", func(f *Facts) {
			f.Cases, f.Channels = []*cases.Case{scenario}, map[string]string{scenario.ID(): profile.BySharing}
		}, map[string]string{"guiyang": "第四十四条第（三）项", "dongguan": "第五十条第（一）项", "chongming": "第三十三条第（四）项"}},
		{"supply", "hospital", func(f *Facts) { f.Cases = []*cases.Case{scenario} }, map[string]string{"guiyang": "内部规则（非法定）", "dongguan": "第五十条第（一）项"}},
		{"repetition", "transit", func(f *Facts) {
			f.Datasets = append(f.Datasets, Dataset{ID: "transit-visits", Provider: "transit", Since: f.Now, Sheet: f.Datasets[0].Sheet})
		}, map[string]string{"guiyang": "第四十四条第（四）项", "dongguan": "第五十条第（八）项", "wuxi": "第十五条"}},
		{"objection", "hospital", func(f *Facts) { f.Cases = []*cases.Case{objection} }, map[string]string{"guiyang": "第四十四条第（五）项"}},
		{"undone", "hospital", func(f *Facts) { f.Orders[0].At = f.Now.AddDate(0, 0, -30) }, map[string]string{"guiyang": "第四十四条第（六）项", "dongguan": "第五十条第（九）项"}},
		{"purpose", "operator", func(f *Facts) { f.Runs[0].Purpose, f.Runs[0].Channel = "marketing", profile.BySharing }, map[string]string{"guiyang": "第四十四条第（七）项", "dongguan": "第五十条第（四）项", "chongming": "第三十三条第（一）项"}},
		{"alteration", "hospital", func(f *Facts) { f.Versions[0].Altered = f.Now }, map[string]string{"guiyang": "第四十四条第（八）项", "dongguan": "第五十条第（六）项"}},
		{"alteration", "bureau", func(f *Facts) { f.Broken = f.Now }, map[string]string{"guiyang": "第四十四条第（八）项"}},
		{"security", "hospital", func(f *Facts) { f.Expired = map[string]time.Time{"hospital": f.Now} }, map[string]string{"guiyang": "第四十四条第（九）项", "chongming": "第三十三条第（七）项", "wuxi": "第三十条"}},
		{"personal", "hospital", func(f *Facts) {
			f.Datasets[0].Sheet = sheet(func(s *papers.Sheet) { s.Items[0].Law = nil })
		}, map[string]string{"dongguan": "第五十一条第（一）项"}},
		{"quality", "hospital", func(f *Facts) { f.Versions[0].Flaws = []Flaw{{"就诊日期缺失 12%", f.Now.AddDate(0, 0, -40)}} }, map[string]string{"chongming": "第三十三条第（五）项"}},
		{"outside", "operator", func(f *Facts) { f.Runs[0].Channel = "market" }, map[string]string{"chongming": "第三十三条第（六）项"}},
	} {
		for id, cite := range c.cites {
			f := clean(t, id)
			if got := Findings(f); len(got) != 0 {
				t.Fatalf("%s: found where nothing is: %+v", id, got)
			}
			c.plant(&f)
			got := Findings(f)
			if len(got) != 1 || got[0].Fault != c.fault || got[0].Org != c.org {
				t.Errorf("%s, %s of %s: found %+v", id, c.fault, c.org, got)
				continue
			}
			if len(got[0].Cites) == 0 || !strings.Contains(got[0].Cites[0].ZH, cite) {
				t.Errorf("%s, %s: cites %+v, want %s", id, c.fault, got[0].Cites, cite)
			}
		}
	}
}

// What binds organs is not cited against an operator.
func TestOperatorIsNoOrgan(t *testing.T) {
	for _, id := range []string{"guiyang", "chongming"} {
		f := clean(t, id)
		f.Now, f.Providers, f.Bureau, f.Versions = on(t, "2027-02-20"), nil, "", nil
		i := slices.IndexFunc(Findings(f), func(x Finding) bool { return x.Fault == "security" && x.Org == "operator" })
		if i < 0 {
			t.Fatalf("%s: no late duty is found", id)
		}
		for _, c := range Findings(f)[i].Cites {
			if strings.Contains(c.ZH, "第四十四条第（") || strings.Contains(c.ZH, "第三十三条第（") {
				t.Errorf("%s: cites %s against an operator", id, c.ZH)
			}
		}
	}
}

// A finding has the same digest tomorrow, another one for another fact, and is no
// more than the draft of a case, which a person has to sign.
func TestFindingIsADraft(t *testing.T) {
	d := newDesk(t)
	f := clean(t, "guiyang")
	f.Datasets[0].Sheet = nil
	one := Findings(f)[0]
	f.Now = f.Now.Add(24 * time.Hour)
	if next := Findings(f)[0]; next.ID() != one.ID() || next.Digest() != one.Digest() {
		t.Error("a day later it is another finding")
	}
	f.Datasets[0].Since = f.Datasets[0].Since.AddDate(0, 0, 1)
	if Findings(f)[0].ID() == one.ID() {
		t.Error("another fact has the same name")
	}
	var back Finding
	if err := json.Unmarshal(one.Bytes(), &back); err != nil || back.ID() != one.ID() {
		t.Errorf("read back it is another: %v", err)
	}
	o, given := one.Draft("bureau", governance.Provider)
	c := d.open("bureau-officer", o.Kind, o)
	c = d.say(c, "bureau-officer", cases.Event{Act: cases.Submit, Refs: given})
	if stage, _ := c.Stage(); stage != "containment" {
		t.Errorf("the case is at %s", stage)
	}
	if ref, _ := c.Ref("incident"); ref != one.Digest() {
		t.Error("the case names another finding")
	}
	if table, err := d.tables.Newest(o.Kind); err != nil {
		t.Error(err)
	} else if r, err := cases.Begin(d.Keys["yuneid"], "c-1", table, o, d.at); err != nil {
		t.Error(err)
	} else if _, err := d.rules.Apply(nil, r); err == nil {
		t.Error("a process has opened a case")
	}
	if long := title(strings.Repeat("案", 100)); len(long) > 200 || !strings.HasPrefix(long, "案") {
		t.Errorf("a title of %d bytes", len(long))
	}
}

// What nobody can see from inside is declared by an officer of the bureau.
func TestDeclare(t *testing.T) {
	d := newDesk(t)
	say := Declared{Fault: "channel", Org: "hospital", Thing: "ftp-1", What: "自建数据交换专线", By: "bureau-officer", At: now}
	refused(t, "an officer", Declare(d.Register, d.Users["bureau-officer"], say), "")
	refused(t, "an operator", Declare(d.Register, d.Users["op"], say), "role")
	for name, edit := range map[string]func(*Declared){
		"no such fault": func(x *Declared) { x.Fault = "rain" }, "no such body": func(x *Declared) { x.Org = "moon" },
		"no words": func(x *Declared) { x.What = "" }, "no name": func(x *Declared) { x.Thing = "../x" },
	} {
		bad := say
		edit(&bad)
		refused(t, name, Declare(d.Register, d.Users["bureau-officer"], bad), "duty-report")
	}
	for id, want := range map[string]string{"chongming": "第三十三条第（二）项", "wuxi": "第十"} {
		f := clean(t, id)
		f.Declared = []Declared{say}
		got := Findings(f)
		if len(got) != 1 || got[0].Declared != "bureau-officer" || !strings.Contains(got[0].Cites[0].ZH, want) {
			t.Errorf("%s: %+v", id, got)
		}
	}
}

// The score counts what the records hold, within the year.
func TestScore(t *testing.T) {
	d := newDesk(t)
	f := clean(t, "guiyang")
	f.Runs = append(f.Runs, Run{ID: "r-2", Scenario: "flu", Operator: "operator", Purpose: "public-health", State: "refused", At: on(t, "2026-02-11")},
		Run{ID: "r-3", Scenario: "flu", Operator: "rival", Purpose: "public-health", State: "released", At: on(t, "2026-02-11")},
		Run{ID: "r-4", Scenario: "flu", Operator: "operator", Purpose: "public-health", State: "released", At: on(t, "2025-12-31")})
	f.Filed = []Filed{{Handed: Handed{Duty: Feedback, Org: "operator", Scenario: "flu", At: on(t, "2026-02-12")}, Checker: "bureau-officer"}}
	f.Cases = []*cases.Case{d.year(2025, cases.Deny, "")}
	s := ScoreOf(f, "operator", 2026, "released", "refused")
	if s.Scenarios != 1 || s.PublicGood != 1 || s.Runs != 2 || s.Released != 1 || s.Refused != 1 || s.Reports != 1 || s.Unsound != 1 || s.Streak.Years != 1 || s.Outcome != "" {
		t.Errorf("%+v", s)
	}
	if s := ScoreOf(f, "operator", 2025, "released", "refused"); s.Outcome != "failed" || s.Runs != 1 || s.Scenarios != 0 {
		t.Errorf("%+v", s)
	}
}

// A case is late by the rules that it keeps, whatever is in force since: a change
// neither makes it late nor lets it off, and what is cited is what it broke.
func TestLateByItsOwnRules(t *testing.T) {
	d := newDesk(t)
	d.at = on(t, "2026-02-09").UTC()
	c := d.open("op", "objection.resolve", cases.Opening{Seat: cases.Operator, Parties: map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Provider: {"hospital"}}})
	c = d.say(c, "op", cases.Event{Act: cases.Filed, Filing: &cases.Filing{Name: "requester-authority", Digest: refs("a")[0].Digest, Media: "text/plain", Title: "委托书"}})
	c = d.say(c, "op", cases.Event{Act: cases.Submit, Refs: refs("request")})
	year := func(_ string, from time.Time) (cases.Due, error) {
		return cases.Due{At: from.AddDate(1, 0, 0), Unit: "wd"}, nil
	}
	f := clean(t, "wuxi") // in force now
	f.Cases = []*cases.Case{c}
	later := cases.Profile(f.Profile.Frozen())

	f.Kept = map[cases.Profile]Kept{keptBy: {Rules: city(t, "guiyang"), Clock: fiveDays}, later: {Rules: f.Profile, Clock: year}}
	got := Findings(f)
	if len(got) != 1 || got[0].Fault != "objection" || !strings.Contains(got[0].Cites[0].ZH, "贵阳贵安 第四十四条第（五）项") || got[0].Profile != f.Profile.Frozen() {
		t.Errorf("by the rules that it keeps: %+v", got)
	}
	f.Kept = map[cases.Profile]Kept{keptBy: {Rules: city(t, "guiyang"), Clock: year}, later: {Rules: f.Profile, Clock: fiveDays}}
	if got := Findings(f); len(got) != 0 {
		t.Errorf("a shorter term that came later makes it late: %+v", got)
	}
	f.Kept = map[cases.Profile]Kept{later: {Rules: f.Profile, Clock: fiveDays}}
	if got := Findings(f); len(got) != 0 {
		t.Errorf("by rules that nobody has: %+v", got)
	}
}
