package papers_test

import (
	"slices"
	"testing"
	"time"

	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

// Each field that the channel's rule names, taken away alone, is missing by it.
func TestScenarioFields(t *testing.T) {
	strip := map[string]struct {
		field string
		do    func(*papers.Scenario)
	}{
		"sources": {"sources", func(s *papers.Scenario) { s.Sources = nil }}, "scenario": {"title", func(s *papers.Scenario) { s.Title = " " }},
		"scope": {"scope", func(s *papers.Scenario) { s.Scope = "" }}, "term": {"to", func(s *papers.Scenario) { s.To = time.Time{} }},
		"safeguards": {"safeguards", func(s *papers.Scenario) { s.Safeguards = "" }}, "user": {"applicant", func(s *papers.Scenario) { s.Applicant = "" }},
		"data": {"datasets", func(s *papers.Scenario) { s.Datasets = nil }}, "mode": {"mode", func(s *papers.Scenario) { s.Mode = "拷贝" }},
		"deadline": {"to", func(s *papers.Scenario) { s.To = s.From }}, "purpose": {"purpose", func(s *papers.Scenario) { s.Purpose = "" }},
		"format": {"format", func(s *papers.Scenario) { s.Format = "" }}, "capability": {"safeguards", func(s *papers.Scenario) { s.Safeguards = "" }},
		"credit": {"credit_checked", func(s *papers.Scenario) { s.NoBadEntry = false }},
	}
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			for key, channel := range map[string]string{
				"share.demand_fields": profile.BySharing, "open.application_fields": profile.ByOpening, "open.applicant": profile.ByOpening, "authop.application_fields": profile.ByOperation,
			} {
				for _, w := range list(p, key) {
					s := paperstest.ScenarioBy(p, channel)
					strip[w].do(&s)
					one(t, p, w, key, strip[w].field, s.Check(p))
				}
			}
			for _, w := range list(p, "share.commitments") {
				s := paperstest.ScenarioBy(p, profile.BySharing)
				s.Commitments = slices.DeleteFunc(s.Commitments, func(c string) bool { return c == w })
				one(t, p, w, "share.commitments", "commitments."+w, s.Check(p))
			}
			s := paperstest.ScenarioBy(p, profile.ByOpening)
			s.Commitments = nil
			if binds(p, "open.commitment") {
				one(t, p, "no commitment", "open.commitment", "commitments.security", s.Check(p))
			} else {
				none(t, "no commitment", s.Check(p))
			}
		})
	}
}

func TestScenarioFlips(t *testing.T) {
	second := papers.Use{Dataset: "other", Columns: []string{"age"}, Rows: "全部"}
	for _, f := range []struct {
		what, field string
		keys        []string
		change      func(*papers.Scenario)
	}{
		{"another channel", "channel", []string{"channel.kinds"}, func(s *papers.Scenario) { s.Channel = "sale" }},
		{"no columns", "datasets.1.columns", []string{"grant.least"}, func(s *papers.Scenario) { s.Datasets[0].Columns = nil }},
		{"a star", "datasets.1.columns", []string{"grant.least"}, func(s *papers.Scenario) { s.Datasets[0].Columns = []string{"*"} }},
		{"a column twice", "datasets.1.columns", []string{"grant.least"}, func(s *papers.Scenario) { s.Datasets[0].Columns = []string{"age", "age"} }},
		{"no rows", "datasets.1.rows", []string{"grant.least"}, func(s *papers.Scenario) { s.Datasets[0].Rows = "" }},
		{"a dataset twice", "datasets.2.dataset", []string{"authop.one_list", "grant.least"}, func(s *papers.Scenario) { s.Datasets = append(s.Datasets, s.Datasets[0]) }},
		{"a join with itself", "joins.1", []string{"grant.joins"}, func(s *papers.Scenario) { s.Joins = [][2]string{{"settlement-a", "settlement-a"}} }},
		{"a join beyond the list", "joins.1", []string{"grant.joins"}, func(s *papers.Scenario) { s.Joins = [][2]string{{"settlement-a", "elsewhere"}} }},
		{"a join twice", "joins.2", []string{"grant.joins"}, func(s *papers.Scenario) {
			s.Datasets, s.Joins = append(s.Datasets, second), [][2]string{{"settlement-a", "other"}, {"other", "settlement-a"}}
		}},
		{"no recipient", "recipients", []string{"output.recipients"}, func(s *papers.Scenario) { s.Recipients = nil }},
		{"every recipient", "recipients", []string{"output.recipients"}, func(s *papers.Scenario) { s.Recipients = []string{"*"} }},
		{"no purpose", "purpose", []string{"purpose.bound"}, func(s *papers.Scenario) { s.Purpose = "" }},
		{"of no class", "class", []string{"grant.qualified"}, func(s *papers.Scenario) { s.Class = "club" }},
	} {
		for _, p := range towns(t) {
			t.Run(p.ID(), func(t *testing.T) {
				s := paperstest.Scenario(p)
				f.change(&s)
				one(t, p, f.what, law(p, f.keys...), f.field, s.Check(p))
			})
		}
	}
}

// Who may use shared data, and for what, is each city's: a university's product
// is refused under one and asked nothing of under another.
func TestWhoUsesSharedData(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			for _, class := range []papers.Class{papers.Organ, papers.PublicBody, papers.Company, papers.University} {
				s := paperstest.ScenarioBy(p, profile.BySharing)
				s.Class, s.Activity = class, "public-good"
				if class == papers.Company {
					s.Activity = "relief"
				}
				if users := list(p, "share.users"); len(users) > 0 && !slices.Contains(users, string(class)) {
					one(t, p, string(class), "share.users", "class", s.Check(p))
					continue
				}
				none(t, string(class), s.Check(p))
				key := map[papers.Class]string{papers.University: "share.university_purposes", papers.Company: "share.company_purposes"}[class]
				s.Activity = "trade"
				if key == "" || !binds(p, key) {
					s.Commercial = true
					none(t, string(class)+" trades", s.Check(p))
					continue
				}
				one(t, p, string(class)+" trades", key, "activity", s.Check(p))
				s.Reason = "依据某省条例第十条"
				if class == papers.Company {
					none(t, "with a reason", s.Check(p))
					one(t, p, "set aside", key, "activity", s.Beyond(p))
					continue
				}
				one(t, p, "no reason helps", key, "activity", s.Check(p))
				s.Activity, s.Commercial = "research", true
				one(t, p, "a product", key, "commercial", s.Check(p))
				s.Commercial, s.PublicGood = false, false
				one(t, p, "not for the public good", key, "public_good", s.Check(p))
			}
		})
	}
}

func TestAgainst(t *testing.T) {
	at := func(field string) string { return "datasets.1." + field }
	for _, f := range []struct {
		what, field string
		keys        []string
		asked       string
		change      func(*papers.Scenario, *papers.Known)
	}{
		{"not in the catalogue", at("dataset"), []string{"catalogue.bound"}, "", func(_ *papers.Scenario, k *papers.Known) { k.Sheets = nil }},
		{"another dataset's sheet", at("dataset"), []string{"catalogue.bound"}, "", func(_ *papers.Scenario, k *papers.Known) {
			s := k.Sheets[paperstest.Dataset]
			s.Dataset = "other"
			k.Sheets[paperstest.Dataset] = s
		}},
		{"a provider that is no source", at("source"), []string{"authop.one_review", "authop.application_fields", "grant.least"}, "", func(s *papers.Scenario, _ *papers.Known) { s.Sources = []string{"prov-b"} }},
		{"a column that is not there", at("columns"), []string{"catalogue.bound", "grant.least"}, "", func(s *papers.Scenario, _ *papers.Known) { s.Datasets[0].Columns = []string{"age", "hiv"} }},
		{"no assessment", "assessment", []string{"personal.assessment"}, "", func(s *papers.Scenario, _ *papers.Known) { s.Assessment = "" }},
		{"no registration", at("registration"), []string{"authop.registration"}, "authop.registration", func(_ *papers.Scenario, k *papers.Known) {
			s := k.Sheets[paperstest.Dataset]
			s.Registration = ""
			k.Sheets[paperstest.Dataset] = s
		}},
		{"sensitive data of single persons", at("third_party"), []string{"consent.third_party"}, "consent.third_party", func(s *papers.Scenario, _ *papers.Known) { s.Mode = papers.ByCompare }},
	} {
		for _, p := range towns(t) {
			t.Run(p.ID(), func(t *testing.T) {
				s, k := paperstest.Scenario(p), paperstest.Known(p)
				f.change(&s, &k)
				if f.asked != "" && !binds(p, f.asked) {
					none(t, f.what, s.Against(p, k))
					return
				}
				one(t, p, f.what, law(p, f.keys...), f.field, s.Against(p, k))
			})
		}
	}
}

// Data that rest on consent are used under one in force, for its purposes.
func TestConsented(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			key := law(p, "consent.outside_law", "personal.basis")
			for what, change := range map[string]func(*papers.Scenario, *papers.Consent){
				"":                 func(*papers.Scenario, *papers.Consent) {},
				"not named":        func(s *papers.Scenario, _ *papers.Consent) { s.Consents = nil },
				"another's":        func(_ *papers.Scenario, n *papers.Consent) { n.ID = "consent-2" },
				"of other data":    func(_ *papers.Scenario, n *papers.Consent) { n.Dataset = "other" },
				"for another end":  func(_ *papers.Scenario, n *papers.Consent) { n.Purposes = []string{"other"} },
				"withdrawn":        func(_ *papers.Scenario, n *papers.Consent) { n.Withdrawn = paperstest.Now },
				"not yet given":    func(_ *papers.Scenario, n *papers.Consent) { n.From = paperstest.Now.Add(time.Second) },
				"given at no time": func(_ *papers.Scenario, n *papers.Consent) { n.From = time.Time{} },
			} {
				s, k, n := paperstest.Scenario(p), paperstest.Known(p), paperstest.Consent(p)
				sheet := k.Sheets[paperstest.Dataset]
				sheet.Items[2].Basis, sheet.Items[2].Law, sheet.Items[2].Consent = papers.ByConsent, nil, "consent-1"
				s.Consents = []string{"consent-1"}
				change(&s, &n)
				k.Consents = map[string]papers.Consent{"consent-1": n}
				none(t, "the sheet", sheet.Check(p))
				if what == "" {
					none(t, "in order", s.Against(p, k))
					continue
				}
				one(t, p, what, key, "datasets.1.consent", s.Against(p, k))
				s.Datasets[0].Columns = []string{"age"}
				none(t, what+", and not used", s.Against(p, k))
			}
		})
	}
}

func TestAmends(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			old := paperstest.Scenario(p)
			s := old
			s.ID, s.Previous, s.Recipients = "scn-2", old.ID, []string{"op-1", "op-2"}
			none(t, "more recipients", s.Amends(p, old))
			s.Purpose = "other"
			r, err := p.Rule("purpose.change")
			if err != nil {
				t.Fatal(err)
			}
			if r.Value.Has("provider-permission") {
				none(t, "another purpose", s.Amends(p, old))
			} else {
				one(t, p, "another purpose", "purpose.change", "purpose", s.Amends(p, old))
			}
			s.Purpose, s.Applicant = old.Purpose, "op-2"
			one(t, p, "another applicant", law(p, "authop.one_application"), "applicant", s.Amends(p, old))
			s.Applicant, s.Previous = old.Applicant, ""
			one(t, p, "of nothing", law(p, "authop.one_application"), "previous", s.Amends(p, old))
		})
	}
}

func TestAgreementFlips(t *testing.T) {
	later := suite.DigestOf([]byte("a later head"))
	for _, f := range []struct {
		what, field, channel string
		keys                 []string
		asked                string
		change               func(*papers.Agreement, *papers.Scenario, *papers.Admission)
	}{
		{"another scenario", "scenario", "authop", []string{"authop.one_agreement", "open.agreement"}, "", func(a *papers.Agreement, _ *papers.Scenario, _ *papers.Admission) { a.Scenario = "scn-9" }},
		{"another head", "head", "authop", []string{"authop.one_agreement", "open.agreement", "grant.signed"}, "", func(a *papers.Agreement, _ *papers.Scenario, _ *papers.Admission) { a.Head = later }},
		{"another operator", "operator", "open", []string{"authop.agreement_parties"}, "", func(a *papers.Agreement, _ *papers.Scenario, _ *papers.Admission) { a.Operator = "op-9" }},
		{"the operator on both sides", "bureau", "authop", []string{"authop.agreement_parties"}, "", func(a *papers.Agreement, _ *papers.Scenario, _ *papers.Admission) { a.Bureau = a.Operator }},
		{"the government has not said so", "blanks.government", "authop", []string{"authop.agreement_parties"}, "government", func(a *papers.Agreement, _ *papers.Scenario, _ *papers.Admission) { delete(a.Blanks, "government") }},
		{"longer than the scenario", "to", "authop", []string{"authop.one_agreement", "open.agreement", "purpose.widening_forbidden", "grant.least"}, "", func(a *papers.Agreement, _ *papers.Scenario, _ *papers.Admission) { a.To = a.To.Add(time.Second) }},
		{"longer than the licence", "licence", "authop", []string{"authop.licence", "authop.term_max_years"}, "", func(a *papers.Agreement, _ *papers.Scenario, l *papers.Admission) { l.To = a.To.Add(-time.Second) }},
		{"another's licence", "licence", "authop", []string{"authop.licence", "authop.term_max_years"}, "", func(_ *papers.Agreement, _ *papers.Scenario, l *papers.Admission) { l.Operator = "op-9" }},
		{"a purpose beyond the licence", "purposes", "authop", []string{"purpose.bound", "authop.licence"}, "", func(_ *papers.Agreement, _ *papers.Scenario, l *papers.Admission) { l.Purposes = []string{"other"} }},
		{"a purpose beyond the scenario", "purposes", "authop", []string{"purpose.bound"}, "", func(a *papers.Agreement, _ *papers.Scenario, _ *papers.Admission) {
			a.Purposes = append(a.Purposes, "other")
		}},
		{"a recipient beyond the scenario", "recipients", "authop", []string{"output.recipients"}, "", func(a *papers.Agreement, _ *papers.Scenario, _ *papers.Admission) { a.Recipients = []string{"broker"} }},
		{"no recipient", "recipients", "authop", []string{"output.recipients"}, "", func(a *papers.Agreement, _ *papers.Scenario, _ *papers.Admission) { a.Recipients = nil }},
		{"no plan", "plan", "authop", []string{"authop.one_plan"}, "authop.one_plan", func(a *papers.Agreement, _ *papers.Scenario, _ *papers.Admission) { a.Plan = "" }},
	} {
		for _, p := range towns(t) {
			t.Run(p.ID(), func(t *testing.T) {
				s, l := paperstest.ScenarioBy(p, f.channel), paperstest.Admission(p)
				a := paperstest.AgreementOn(p, s, paperstest.Head)
				f.change(&a, &s, &l)
				got := a.Sealed(s, p).Check(p, s, paperstest.Head, &l)
				if f.asked == "government" && !slices.Contains(list(p, "authop.agreement_parties"), "government") || f.asked == "authop.one_plan" && !binds(p, f.asked) {
					none(t, f.what, got)
					return
				}
				one(t, p, f.what, law(p, f.keys...), f.field, got)
				if len(a.Check(p, s, paperstest.Head, &l)) < 2 && f.field != "licence" && f.field != "purposes" {
					t.Errorf("%s: the text of before is taken", f.what)
				}
			})
		}
	}
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			for key, channel := range map[string]string{"authop.agreement_fields": profile.ByOperation, "open.agreement_fields": profile.ByOpening} {
				for _, w := range list(p, key) {
					if w == "term" {
						continue
					}
					s, l := paperstest.ScenarioBy(p, channel), paperstest.Admission(p)
					a := paperstest.AgreementOn(p, s, paperstest.Head)
					delete(a.Blanks, w)
					one(t, p, w, key, "blanks."+w, a.Sealed(s, p).Check(p, s, paperstest.Head, &l))
				}
			}
		})
	}
}
