package gates_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

var steps = []gates.Step{gates.AtSubmission, gates.AtStart, gates.AtRelease}

// In a world as every city asks for it, by every channel, nothing stops a job.
func TestWholeWorlds(t *testing.T) {
	for _, city := range profiles.IDs() {
		for _, channel := range []string{"share", "open", "authop"} {
			t.Run(city+"/"+channel, func(t *testing.T) {
				f := gatestest.New(t, city, channel).Facts()
				if err := f.Terms.Check(); err != nil {
					t.Fatal(err)
				}
				for _, at := range steps {
					all := gates.Check(f, at)
					for _, v := range gates.Blocked(all) {
						t.Errorf("%s: %s %s %s %s (%s) %s", at, v.Gate, v.Code, v.ZH, v.Thing, v.Key, v.Cite)
					}
					if err := gates.Refuse(all); err != nil {
						t.Errorf("%s: %v", at, err)
					}
				}
			})
		}
	}
}

// A city without a rule is told so, and a draft is told from what is in force.
func TestWhatATextDoesNotSay(t *testing.T) {
	w := gatestest.New(t, "wuxi", "share")
	all := gates.Check(w.Facts(), gates.AtSubmission)
	for _, v := range all {
		switch {
		case v.Gate == "G4" && (v.State != gates.Moot || !strings.Contains(v.Cite, "本地文件未规定")):
			t.Errorf("%+v", v)
		case v.Quote == "" && !strings.Contains(v.Cite, "内部规则（非法定）"):
			t.Errorf("no law and not called a rule of the house: %+v", v)
		case v.Quote != "" && (v.Status == "" || !strings.Contains(v.Cite, v.Status.Name().ZH)):
			t.Errorf("its status is not told: %+v", v)
		}
	}
	// Guiyang's text on sharing does not bind who operates: its agreement does.
	w = gatestest.New(t, "guiyang", "authop")
	w.Agreement = func(a *papers.Agreement) { a.Purposes = []string{"marketing"} }
	for _, v := range gates.Blocked(gates.Check(w.Facts(), gates.AtStart)) {
		if strings.Contains(v.Cite, "第二十三条") || v.Code == "purpose-agreement" && v.Clause == "" {
			t.Errorf("%+v", v)
		}
	}
}

// The same application of a university with a commercial end is refused in Dongguan
// by sharing, under its article 25; Guiyang's sharing is for organs only (article
// 3), and its authorised operation takes it.
func TestUniversity(t *testing.T) {
	ask := func(city, channel string) []gates.Verdict {
		w := gatestest.New(t, city, channel)
		w.Scenario.Class, w.Scenario.Commercial, w.Scenario.Activity = papers.University, true, "research"
		w.Admission.Class = papers.University
		return gates.Blocked(gates.Check(w.Facts(), gates.AtStart))
	}
	if all := ask("guiyang", "authop"); len(all) > 0 {
		t.Errorf("guiyang: %s", told(all))
	}
	if all := ask("dongguan", "authop"); len(all) > 0 {
		t.Errorf("dongguan, not by sharing: %s", told(all))
	}
	if all := ask("dongguan", "share"); len(all) != 1 || all[0].Gate != "G5" || !strings.Contains(all[0].Cite, "第二十五条") {
		t.Errorf("dongguan: %s", told(all))
	}
	if all := ask("guiyang", "share"); len(all) != 1 || !strings.Contains(all[0].Cite, "第三条") {
		t.Errorf("guiyang by sharing: %s", told(all))
	}
}

// What is not known is no pass, and no facts at all pass nothing.
func TestUnknownBlocks(t *testing.T) {
	for _, at := range steps {
		for _, v := range gates.Check(gates.Facts{}, at) {
			if !v.Blocks() || v.ZH == "" || v.Who == "" {
				t.Errorf("of nothing, %s: %+v", at, v)
			}
		}
	}
	if (gates.Verdict{}).Blocks() != true || gates.Refuse([]gates.Verdict{{}}) == nil {
		t.Error("no verdict passes")
	}
	w := gatestest.New(t, "guiyang", "authop")
	whole := w.Facts()
	for name, c := range map[string]struct {
		gate string
		hide func(*gates.Facts)
	}{
		"holds":       {"G6", func(f *gates.Facts) { f.Known.Holds = false }},
		"duties":      {"G12", func(f *gates.Facts) { f.Known.Duties = false }},
		"evaluations": {"G1", func(f *gates.Facts) { f.Known.Years = false }},
		"uses":        {"G11", func(f *gates.Facts) { f.Known.Used = false }},
		"cases":       {"G2", func(f *gates.Facts) { f.Cases = nil }},
		"papers":      {"G6", func(f *gates.Facts) { f.Papers = nil }},
		"register":    {"G3", func(f *gates.Facts) { f.Register.Users = nil }},
		"now":         {"G1", func(f *gates.Facts) { f.Now = f.Now.AddDate(-9, 0, 0) }},
		"rules":       {"G7", func(f *gates.Facts) { f.Profile = profile.Profile{} }},
		"under":       {"G4", func(f *gates.Facts) { f.Terms.Under = nil }},
		"other rules": {"G5", func(f *gates.Facts) { u := *f.Terms.Under; u.Version++; f.Terms.Under = &u }},
	} {
		f := whole
		c.hide(&f)
		if all := gates.Blocked(gates.Check(f, gates.AtStart)); !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Gate == c.gate }) {
			t.Errorf("%s: %s lets it pass: %s", name, c.gate, told(all))
		}
	}
}

// A case that has gone on since the terms were written is not the one that they
// rest on; neither is one whose paper is another.
func TestMovedAndForged(t *testing.T) {
	f := gatestest.New(t, "guiyang", "authop").Facts()
	for i, ref := range f.Terms.Under.Cases {
		g := f
		u := *f.Terms.Under
		u.Cases = slices.Clone(u.Cases)
		u.Cases[i].Head = suite.DigestOf([]byte("another head"))
		g.Terms.Under = &u
		moved := func(v gates.Verdict) bool {
			return v.Code == "case-moved" && v.State == gates.Unknown && v.Thing == ref.ID
		}
		if all := gates.Check(g, gates.AtStart); !slices.ContainsFunc(all, moved) {
			t.Errorf("%s: taken by another head: %s", ref.ID, told(gates.Blocked(all)))
		}
	}
	for d := range f.Papers {
		g := f
		g.Papers = maps.Clone(f.Papers)
		g.Papers[d] = append([]byte(" "), f.Papers[d]...)
		if len(gates.Blocked(gates.Check(g, gates.AtStart))) == 0 {
			t.Errorf("another paper is taken for %s", d)
		}
	}
}

// Checks that no row of a text is behind.
func TestOwnGates(t *testing.T) {
	for name, c := range map[string]struct {
		gate, code string
		at         gates.Step
		flip       func(world)
	}{
		"join not listed":     {"G8", "join-unlisted", gates.AtStart, func(w world) { w.Terms.Join = &jobs.Join{} }},
		"other program":       {"G10", "program-other", gates.AtStart, func(w world) { w.Program.Digest = suite.DigestOf(nil) }},
		"own program":         {"G10", "program-own", gates.AtStart, func(w world) { w.Program.Author = "bureau" }},
		"uses spent":          {"G11", "uses-spent", gates.AtStart, fact(func(f *gates.Facts) { f.Used = f.Terms.Uses })},
		"no budget":           {"G11", "no-budget", gates.AtStart, func(w world) { w.Terms.Members[0].Budget.Rho = "" }},
		"no impact study":     {"G9", "assessment", gates.AtStart, func(w world) { w.Scenario.Assessment = "" }},
		"consent withdrawn":   {"G9", "consent-ended", gates.AtStart, withdrawn},
		"taken back by then":  {"G9", "consent-ended", gates.AtRelease, withdrawn},
		"attestation over":    {"G1", "attestation", gates.AtStart, func(w world) { w.Admission.Attested = gatestest.Now }},
		"licence over":        {"G1", "licence-ended", gates.AtStart, func(w world) { w.Admission.To = gatestest.Now.AddDate(0, 0, -1) }},
		"operator held":       {"G1", "held", gates.AtStart, holdOn("operator", "operator")},
		"scenario held":       {"G3", "held", gates.AtRelease, holdOn("scenario", "flu")},
		"all held":            {"G6", "held", gates.AtRelease, holdOn("all", "")},
		"lower grade":         {"G6", "graded-lower", gates.AtStart, func(w world) { w.Terms.Members[0].Grade = 1 }},
		"agreement's text":    {"G4", "agreement-lacks", gates.AtStart, func(w world) { w.Unsealed, w.Agreement = true, func(a *papers.Agreement) { a.Fee = "paid" } }},
		"other recipients":    {"R5", "released-elsewhere", gates.AtRelease, fact(func(f *gates.Facts) { f.Output.Recipients = []string{"rival"} })},
		"other bytes":         {"R5", "unbound", gates.AtRelease, fact(func(f *gates.Facts) { f.Output.Bound = false })},
		"one vote":            {"R3", "votes-few", gates.AtRelease, fact(func(f *gates.Facts) { f.Output.Votes = 1 })},
		"no output":           {"R1", "output-unread", gates.AtRelease, fact(func(f *gates.Facts) { f.Output = nil })},
		"exceptions to block": {"R2", "output-unchecked", gates.AtRelease, fact(func(f *gates.Facts) { f.Output.Verdict, f.Output.Exceptions = "block", true })},
		"provider unasked":    {"G3", "provider-unasked", gates.AtStart, func(w world) { w.Scenario.Sources = []string{"hospital"} }},
	} {
		w := gatestest.New(t, "guiyang", "authop")
		c.flip(w)
		all := gates.Blocked(gates.Check(w.Facts(), c.at))
		if !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Gate == c.gate && v.Code == c.code }) {
			t.Errorf("%s: want %s %s, have %s", name, c.gate, c.code, told(all))
		}
	}
}

func withdrawn(w world) {
	unconsented(w)
	w.Scenario.Consents = []string{gatestest.Consent}
	c := w.Consents[gatestest.Consent]
	c.Withdrawn = gatestest.Now.AddDate(0, 0, -1)
	w.Consents[gatestest.Consent] = c
}

func holdOn(kind, name string) func(world) {
	return fact(func(f *gates.Facts) { f.Holds = []gates.Hold{{ID: "h-1", Kind: kind, Name: name}} })
}

// An entry that was reviewed again since the terms were signed is judged as it is
// now: data that came on the negative list, became secret or of a higher grade are
// not had on the strength of the entry before. What does not bear on it stops
// nothing.
func TestEntryInForce(t *testing.T) {
	for name, c := range map[string]struct {
		code   string
		change func(*papers.Sheet)
	}{
		"nothing that matters": {"", func(s *papers.Sheet) { s.Fields["name"] = "就诊记录（新）" }},
		"negative list":        {"negative", func(s *papers.Sheet) { s.Negative, s.Share, s.Open = papers.Listed, papers.NotShared, papers.Closed }},
		"state secret":         {"secret", func(s *papers.Sheet) { s.Secrecy = "state-secret" }},
		"higher grade":         {"graded-lower", func(s *papers.Sheet) { s.Grade = 4 }},
		"a column is gone":     {"columns-differ", func(s *papers.Sheet) { s.Items = s.Items[:len(s.Items)-1] }},
	} {
		for _, at := range steps {
			w := gatestest.New(t, "guiyang", "authop")
			f := w.Facts()
			c.change(w.Sheets[hospital])
			f.Newest[hospital] = w.Again(hospital)
			all := gates.Blocked(gates.Check(f, at))
			if c.code == "" && len(all) > 0 || c.code != "" && !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Gate == "G6" && v.Code == c.code }) {
				t.Errorf("%s, %s: want %q, have %s", name, at, c.code, told(all))
			}
		}
	}
	w := gatestest.New(t, "guiyang", "authop")
	f := w.Facts()
	delete(f.Newest, hospital)
	if all := gates.Blocked(gates.Check(f, gates.AtStart)); len(all) == 0 || all[0].Code != "entry-newest" {
		t.Errorf("no entry in force: %s", told(all))
	}
}

// What the register has and the sheet does not, or the other way round, was never
// reviewed; and a column of citizens' numbers is not data on things.
func TestColumnsAreThoseReviewed(t *testing.T) {
	for name, flip := range map[string]func(world){
		"one more is registered": func(w world) {
			e := w.Catalogue[hospital]
			e.Columns = append(slices.Clone(e.Columns), governance.Column{Name: "diagnosis", Type: "text", Role: governance.Measure})
			w.Catalogue[hospital] = e
		},
		"one more was reviewed": func(w world) { w.Sheets[hospital].Items[1].Column = "ward" },
		"a person's number that is nobody's": func(w world) {
			e := w.Catalogue[hospital]
			e.Columns = slices.Clone(e.Columns)
			e.Columns[0].Type = "person_id"
			w.Catalogue[hospital] = e
			w.Sheets[hospital].Items[0].Identifier = ""
		},
	} {
		w := gatestest.New(t, "wuxi", "authop")
		flip(w)
		all := gates.Blocked(gates.Check(w.Facts(), gates.AtStart))
		if !slices.ContainsFunc(all, func(v gates.Verdict) bool {
			return v.Code == "columns-differ" && strings.Contains(v.Cite, "无锡 第十五条")
		}) {
			t.Errorf("%s: %s", name, told(all))
		}
	}
}

// A consent counts as a case recorded it, for the provider that holds it: a paper
// that its keeper put on file alone, one that was widened since and one that another
// provider recorded are none. That nobody here saw a subject sign is always told.
func TestConsentIsRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		flip func(world, *gates.Facts)
	}{
		"as it was recorded": {"", nil},
		"by no case":         {"consent-unrecorded", func(_ world, f *gates.Facts) { delete(f.Recorded, gatestest.Consent) }},
		"widened since": {"consent-unrecorded", func(w world, f *gates.Facts) {
			n := w.Consents[gatestest.Consent]
			n.Notice = maps.Clone(n.Notice)
			n.Notice["scope"] = "全部"
			raw, err := papers.Bytes(papers.KindConsent, n)
			if err != nil {
				t.Fatal(err)
			}
			f.Consents[gatestest.Consent] = raw
		}},
		"by another provider": {"consent-unrecorded", nil},
	} {
		w := gatestest.New(t, "wuxi", "authop")
		unconsented(w)
		w.Scenario.Consents = []string{gatestest.Consent}
		if name == "by another provider" {
			w.Opener = "transit-officer"
		}
		f := w.Facts()
		if c.flip != nil {
			c.flip(w, &f)
		}
		all := gates.Check(f, gates.AtStart)
		told9 := func(code string) bool {
			return slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Gate == "G9" && v.Code == code })
		}
		if c.code != "" && !told9(c.code) || c.code == "" && (len(gates.Blocked(all)) > 0 || !told9("consent-unseen")) {
			t.Errorf("%s: want %q, have %s", name, c.code, told(gates.Blocked(all)))
		}
	}
}

// A third party's papers are those that its city names, by one word in the program's
// paper and in the case: 石家庄 wants an audit, 崇明 a review and an agreement. Another
// document under the word is not the paper, and not to say that somebody else made
// the program spares nobody.
func TestVendor(t *testing.T) {
	for name, c := range map[string]struct {
		city, code string
		flip       func(world)
	}{
		"an audit":         {"shijiazhuang", "", func(world) {}},
		"review and nda":   {"chongming", "", func(world) {}},
		"own":              {"chongming", "", func(w world) { w.Program.Author, w.Program.Vendor, w.Program.Papers = "operator", false, nil }},
		"not said":         {"chongming", "vendor-unsaid", func(w world) { w.Program.Vendor, w.Program.Papers = false, nil }},
		"another document": {"chongming", "vendor", func(w world) { w.Program.Papers["nda"] = suite.DigestOf([]byte("another")) }},
		"an audit alone":   {"chongming", "program-lacks", func(w world) { w.Program.Papers = map[string]suite.Digest{"audit": suite.DigestOf([]byte("audit"))} }},
	} {
		w := gatestest.New(t, c.city, "authop")
		c.flip(w)
		all := gates.Blocked(gates.Check(w.Facts(), gates.AtStart))
		if c.code == "" && len(all) > 0 || c.code != "" && !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Gate == "G10" && v.Code == c.code }) {
			t.Errorf("%s: want %q, have %s", name, c.code, told(all))
		}
	}
}

// An amendment that was approved takes the place of what it amends: permits of the
// old one start nothing more.
func TestReplaced(t *testing.T) {
	for kind, gate := range map[string]string{"flu": "G2", "agreement-1": "G4"} {
		w := gatestest.New(t, "guiyang", "authop")
		f := w.Facts()
		f.Replaced[kind] = "later-1"
		all := gates.Blocked(gates.Check(f, gates.AtStart))
		if !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Gate == gate && v.Code == "case-replaced" }) {
			t.Errorf("%s: %s", kind, told(all))
		}
	}
	f := gatestest.New(t, "guiyang", "authop").Facts()
	f.Known.Newest = false
	if all := gates.Blocked(gates.Check(f, gates.AtStart)); len(all) == 0 || all[0].Code != "replaced-unread" {
		t.Errorf("not looked up: %s", told(all))
	}
}

// Stale data and a limit that people set are told, and stop nothing.
func TestWarnings(t *testing.T) {
	w := gatestest.New(t, "guiyang", "authop")
	w.Sheets[hospital].UpdateDays = 1
	all := gates.Check(w.Facts(), gates.AtStart)
	if len(gates.Blocked(all)) > 0 || !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Code == "stale" && v.State == gates.Warned }) {
		t.Errorf("%s", told(all))
	}
}

// What is gathered of a source is what the world has, and what a source does not
// have blocks.
func TestGather(t *testing.T) {
	w := gatestest.New(t, "guiyang", "authop")
	want := w.Facts()
	got, err := gates.Gather(t.Context(), gatestest.Source{Facts: want}, want.Register, want.Terms, want.Now)
	if err != nil {
		t.Fatal(err)
	}
	if all := gates.Blocked(gates.Check(got, gates.AtStart)); len(all) > 0 {
		t.Errorf("%s", told(all))
	}
	bare := want
	bare.Cases, bare.Profile = nil, want.Profile
	got, err = gates.Gather(t.Context(), gatestest.Source{Facts: bare}, want.Register, want.Terms, want.Now)
	if err != nil || len(gates.Blocked(gates.Check(got, gates.AtStart))) < 5 {
		t.Errorf("without cases: %v", err)
	}
	if _, err := gates.Gather(t.Context(), broken{gatestest.Source{Facts: want}}, want.Register, want.Terms, want.Now); !errors.Is(err, fault.Internal) {
		t.Errorf("a broken source: %v", err)
	}
}

type broken struct{ gatestest.Source }

func (broken) Holds(context.Context) ([]gates.Hold, error) {
	return nil, fmt.Errorf("disk: %w", fault.Internal)
}

// Proposed terms rest on the very cases that the gates ask for.
func TestPropose(t *testing.T) {
	for _, channel := range []string{"share", "open", "authop"} {
		w := gatestest.New(t, "wuxi", channel)
		f := w.Facts()
		all := slices.Collect(maps.Values(f.Cases))
		u, err := gates.Propose(t.Context(), gatestest.Source{Facts: f}, f.Profile.Frozen(), f.Terms.Scenario, f.Terms.Program.Digest, all)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(f.Terms.Under, u); diff != "" {
			t.Errorf("%s: %s", channel, diff)
		}
		if _, err := gates.Propose(t.Context(), gatestest.Source{Facts: f}, f.Profile.Frozen(), "tea", "", all); !errors.Is(err, fault.NotFound) {
			t.Errorf("of no scenario: %v", err)
		}
	}
}

// The rules that a gate cites are, where they are law, among those that the
// profile names for the gate or for a row of the text that binds.
func TestCitedKeysAreThere(t *testing.T) {
	for _, city := range profiles.IDs() {
		f := gatestest.New(t, city, "authop").Facts()
		for _, at := range steps {
			for _, v := range gates.Check(f, at) {
				if r, err := f.Profile.Rule(v.Key); v.State == gates.Passed && (err != nil || (v.Quote != "") != (r.Source == profile.Law)) {
					t.Errorf("%s: %+v", city, v)
				}
			}
		}
	}
}

// BenchmarkPreview asks all gates of a job that rests on six cases, their events
// folded and their papers read from a source.
func BenchmarkPreview(b *testing.B) {
	w := gatestest.New(b, "guiyang", "authop")
	f := w.Facts()
	events := 0
	for _, c := range f.Cases {
		events += len(c.Receipts())
	}
	src := gatestest.Source{Facts: f}
	rules := cases.NewRules(f.Register, w.Tables)
	b.ReportMetric(float64(len(f.Cases)), "cases")
	b.ReportMetric(float64(events), "events")
	for b.Loop() {
		for id, c := range f.Cases {
			if _, err := rules.Fold(id, c.Receipts()); err != nil {
				b.Fatal(err)
			}
		}
		got, err := gates.Gather(b.Context(), src, f.Register, f.Terms, f.Now)
		if err != nil || len(gates.Blocked(gates.Check(got, gates.AtStart))) > 0 {
			b.Fatal(err)
		}
	}
}
