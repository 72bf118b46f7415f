package gates_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// verify makes of a world's job a verification on one dataset that is not shared,
// applied for as such.
func verify(w world) {
	w.Helper()
	box, err := suite.NewBox()
	if err != nil {
		w.Fatal(err)
	}
	t := &w.Terms
	t.Program, t.Params, t.Limits, t.Mode, t.Threshold = jobs.Program{}, nil, jobs.Limits{}, "", 0
	t.Members, t.KMin, t.Shape = slices.Clone(t.Members[:1]), 1, jobs.Shape{Namespace: jobs.NaturalPerson}
	t.Members[0].Columns = []string{"district"}
	t.Verify = &jobs.Verify{Kind: jobs.YesNo, Box: box.Public(), Batch: 5, Daily: 100, Most: 1000}
	w.Scenario.Mode = papers.ByCompare
	w.Scenario.Datasets, w.Scenario.Sources = slices.Clone(w.Scenario.Datasets[:1]), slices.Clone(w.Scenario.Sources[:1])
	w.Omit["program.review"], w.Omit["entry-"+transit] = true, true
	s := w.Sheets[hospital]
	s.Share, s.ShareReason, s.Conditions, s.Filing = papers.NotShared, "法律规定不予共享", "", "备案〔2026〕1号"
	s.ShareBasis = []papers.Citation{{Doc: "示例条例", Article: "第十条"}}
}

func blocked(w world, at gates.Step) []gates.Verdict {
	return gates.Blocked(gates.Check(w.Facts(), at))
}

// Data that are not shared may be verified against in Dongguan, and used in no
// other way; in a city whose text has no such service nobody verifies.
func TestVerification(t *testing.T) {
	w := gatestest.New(t, "dongguan", "share")
	verify(w)
	f := w.Facts()
	if err := f.Terms.Check(); err != nil {
		t.Fatal(err)
	}
	for _, at := range []gates.Step{gates.AtSubmission, gates.AtStart} {
		all := gates.Check(f, at)
		if stop := gates.Blocked(all); len(stop) > 0 {
			t.Errorf("%s: %s", at, told(stop))
		}
		for gate, code := range map[string]string{"G8": "no-join", "G10": "verify-no-program", "G11": "pass-verify"} {
			if !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Gate == gate && v.Code == code && v.ZH != "" }) {
				t.Errorf("%s: %s does not say %s", at, gate, code)
			}
		}
	}
	for _, city := range profiles.IDs() {
		w := gatestest.New(t, city, "share")
		verify(w)
		all := blocked(w, gates.AtStart)
		i := slices.IndexFunc(all, func(v gates.Verdict) bool { return v.Code == "verify-silent" })
		if city == "dongguan" {
			if i >= 0 {
				t.Errorf("dongguan: %s", told(all))
			}
			continue
		}
		if i < 0 || all[i].Gate != "G6" || !strings.Contains(all[i].ZH, "本地文件未规定核实、比对") || !strings.Contains(all[i].Cite, "内部规则（非法定）") || all[i].Quote != "" {
			t.Fatalf("%s: %s", city, told(all))
		}
		if !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Code == "verify-daily" }) || !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Code == "not-shared" }) {
			t.Errorf("%s lets data that are not shared be used: %s", city, told(all))
		}
		if no, ok := errors.AsType[fault.Refusal](gates.Refuse(all[i:])); !ok || no.Code != "gate-g6" || no.Basis != all[i].Cite {
			t.Errorf("%s: refused as %+v", city, no)
		}
	}
}

// One fact is changed in a world in which a verification may be.
func TestVerificationStops(t *testing.T) {
	company := func(w world) {
		w.Scenario.Class, w.Scenario.Activity = papers.Company, "relief"
		w.Sheets[hospital].Items[1].Sensitive = true
	}
	for name, c := range map[string]struct {
		gate, code, key string
		at              gates.Step
		flip            func(world)
	}{
		"by a program":             {"G6", "not-shared", "share.verify_compare", gates.AtStart, func(w world) { w.Terms.Verify = nil }},
		"applied for as a sandbox": {"G5", "mode-other", "share.verify_compare", gates.AtStart, func(w world) { w.Scenario.Mode = papers.InSandbox }},
		"in no way that there is":  {"G5", "mode-unknown", "share.purpose_bound", gates.AtStart, func(w world) { w.Scenario.Mode = "下载" }},
		"more of a day":            {"G11", "verify-daily", "share.verify_compare_daily", gates.AtSubmission, func(w world) { w.Terms.Verify.Daily = 101 }},
		"uses spent":               {"G11", "uses-spent", "budget.required", gates.AtStart, fact(func(f *gates.Facts) { f.Used = f.Terms.Uses })},
		"a column that is not listed": {"G7", "column-unlisted", "", gates.AtStart, func(w world) {
			w.Terms.Members[0].Columns = []string{"days"}
			w.Scenario.Datasets[0].Columns = []string{"district"}
		}},
		"an identifier as a column": {"G7", "identifier", "identifier.person", gates.AtStart, personID},
		"told on, without consent":  {"G9", "consent-none", "consent.third_party", gates.AtStart, company},
		"told on, called a sandbox": {"G9", "consent-none", "consent.third_party", gates.AtStart, func(w world) { company(w); w.Scenario.Mode = papers.InSandbox }},
		"held":                      {"G6", "held", "", gates.AtStart, holds("")},
		"released":                  {"R1", "verify-output", "", gates.AtRelease, func(world) {}},
	} {
		w := gatestest.New(t, "dongguan", "share")
		verify(w)
		c.flip(w)
		all := blocked(w, c.at)
		if !slices.ContainsFunc(all, func(v gates.Verdict) bool {
			return v.Gate == c.gate && v.Code == c.code && (c.key == "" || v.Key == c.key) && v.ZH != "" && v.EN != "" && v.Who != ""
		}) {
			t.Errorf("%s: want %s %s by %s, have %s", name, c.gate, c.code, c.key, told(all))
		}
	}
	// The service is of sharing: by no other channel are data verified against.
	w := gatestest.New(t, "dongguan", "authop")
	verify(w)
	if all := blocked(w, gates.AtStart); !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Gate == "G6" && v.Code == "verify-channel" }) {
		t.Errorf("by operation: %s", told(all))
	}
	// A program is not run for whoever was allowed to verify.
	w = gatestest.New(t, "guiyang", "authop")
	w.Scenario.Mode = papers.ByCompare
	if all := blocked(w, gates.AtStart); !slices.ContainsFunc(all, func(v gates.Verdict) bool { return v.Gate == "G5" && v.Code == "mode-other" }) {
		t.Errorf("a program for a verification: %s", told(all))
	}
}
