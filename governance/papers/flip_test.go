package papers_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

// one demands that exactly one thing is missing, of a field, and that it cites
// the key as the city has it: the article and quote of its law, or the house.
func one(t *testing.T, p profile.Profile, what, key, field string, got []papers.Missing) {
	t.Helper()
	if len(got) != 1 || got[0].Field != field || got[0].Key != key {
		t.Errorf("%s: want one missing %s under %s, got %+v", what, field, key, got)
		return
	}
	m := got[0]
	r, err := p.Rule(key)
	if err == nil && r.Source == profile.Law {
		zh, en := p.Cite(r.Basis[0])
		if m.Cite != zh || m.CiteEN != en || m.Quote != r.Basis[0].Quote || m.Source != profile.Law || !strings.Contains(zh, "条") {
			t.Errorf("%s: cites %q %q, want %q", what, m.Cite, m.Quote, zh)
		}
		return
	}
	if m.Cite != "内部规则（非法定）" || m.Source != profile.House || m.Quote != "" {
		t.Errorf("%s: cites %q for a rule of the house", what, m.Cite)
	}
}

// law is the first of the keys that is law in the city, else the first that
// binds; of key/word, if the key lists the word.
func law(p profile.Profile, keys ...string) string {
	bound := ""
	for _, k := range keys {
		k, word, listed := strings.Cut(k, "/")
		r, err := p.Rule(k)
		if err != nil || !r.Enforced() || listed && !r.Value.Has(word) {
			continue
		}
		if r.Source == profile.Law {
			return k
		}
		if bound == "" {
			bound = k
		}
	}
	return bound
}

func binds(p profile.Profile, key string) bool { return law(p, key) != "" }

func list(p profile.Profile, key string) []string {
	r, err := p.Rule(key)
	if err != nil || !r.Enforced() {
		return nil
	}
	return r.Value.List()
}

// Each field that a city's catalogue asks for, taken away alone, is the one
// thing missing, and cites that city.
func TestSheetFields(t *testing.T) {
	own := strings.Fields("class level share-attribute share-type share-conditions open-attribute update-cycle")
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			for _, w := range list(p, "catalogue.fields") {
				if slices.Contains(own, w) {
					continue
				}
				s := paperstest.Sheet(p)
				delete(s.Fields, w)
				one(t, p, w, "catalogue.fields", "fields."+w, s.Check(p))
			}
			for _, w := range list(p, "org.officers") {
				s := paperstest.Sheet(p)
				delete(s.Fields, w)
				one(t, p, w, "org.officers", "fields."+w, s.Check(p))
			}
			for _, w := range list(p, "catalogue.lineage") {
				s := paperstest.Sheet(p)
				delete(s.Lineage, w)
				one(t, p, w, "catalogue.lineage", "lineage."+w, s.Check(p))
			}
			for _, w := range list(p, "open.list_fields") {
				if slices.Contains([]string{"open-attribute", "type", "frequency"}, w) || slices.Contains(list(p, "catalogue.fields"), w) {
					continue
				}
				s := paperstest.SheetBy(p, profile.ByOpening)
				delete(s.Fields, w)
				one(t, p, w, "open.list_fields", "fields."+w, s.Check(p))
			}
		})
	}
}

type flip struct {
	what, field string
	keys        []string // the first that is law, or binds, is cited
	change      func(*papers.Sheet)
	asked       string // a key that must bind for the thing to be asked; empty: always
}

func TestSheetFlips(t *testing.T) {
	for _, f := range []flip{
		{"a secret", "secrecy", []string{"secrets.refused"}, func(s *papers.Sheet) { s.Secrecy = "state-secret" }, ""},
		{"nobody says whether secret", "secrecy", []string{"secrets.refused"}, func(s *papers.Sheet) { s.Secrecy = "" }, ""},
		{"listed, and shared", "negative", []string{"negative_list.kept"}, func(s *papers.Sheet) { s.Negative = papers.Listed }, ""},
		{"nobody says whether listed", "negative", []string{"negative_list.kept"}, func(s *papers.Sheet) { s.Negative = "" }, "negative_list.kept"},
		{"no type of sharing", "share", []string{"catalogue.fields/share-attribute", "catalogue.fields/share-type", "share.type_each", "share.types"}, func(s *papers.Sheet) { s.Share, s.Conditions = "", "" }, ""},
		{"another type of sharing", "share", []string{"share.type_each", "share.types"}, func(s *papers.Sheet) { s.Share, s.Conditions = "sold", "" }, ""},
		{"another type of opening", "open", []string{"open.types"}, func(s *papers.Sheet) { s.Open, s.OpenWhy, s.Items = "sold", "", bodies() }, ""},
		{"no type of opening", "open", []string{"catalogue.fields/open-attribute", "open.types"}, func(s *papers.Sheet) { s.Open, s.OpenWhy, s.Items = "", "", bodies() }, ""},
		{"no ground for closing", "open_why", []string{"open.closed"}, func(s *papers.Sheet) { s.OpenWhy = "" }, ""},
		{"closed by a law that is not named", "open_basis", []string{"open.closed"}, func(s *papers.Sheet) { s.OpenWhy, s.OpenBasis = "law", nil }, ""},
		{"another class", "class", []string{"security.grading"}, func(s *papers.Sheet) { s.Class = "secret" }, ""},
		{"no class", "class", []string{"catalogue.fields/class", "security.grading"}, func(s *papers.Sheet) { s.Class = "" }, ""},
		{"no grade", "grade", []string{"catalogue.fields/level", "security.grading"}, func(s *papers.Sheet) { s.Grade = 0 }, ""},
		{"a grade too high", "grade", []string{"security.grading"}, func(s *papers.Sheet) { s.Grade = 5 }, ""},
		{"no update cycle", "update_days", []string{"catalogue.fields", "quality.freshness"}, func(s *papers.Sheet) { s.UpdateDays = 0 }, ""},
		{"not gathered, by no law", "gathering_basis", []string{"catalogue.not_gathered_basis"}, func(s *papers.Sheet) { s.Gathering = papers.None }, "catalogue.not_gathered_basis"},
		{"nobody says whether gathered", "gathering", []string{"catalogue.not_gathered_basis"}, func(s *papers.Sheet) { s.Gathering = "" }, "catalogue.not_gathered_basis"},
		{"no item", "items", []string{"source.list", "source.unique", "source.no_repeat"}, func(s *papers.Sheet) { s.Items = nil }, ""},
		{"an item without a source", "items.2.source", []string{"source.register", "source.unique", "source.no_repeat"}, func(s *papers.Sheet) { s.Items[1].Source = "" }, ""},
		{"an item twice", "items.2.code", []string{"source.unique", "source.no_repeat"}, func(s *papers.Sheet) { s.Items[1].Code = s.Items[0].Code }, ""},
		{"an identifier that the rule does not know", "items.1.identifier", []string{"identifier.person", "identifier.body"}, func(s *papers.Sheet) { s.Items[0].Identifier = "phone" }, ""},
		{"persons without an identifier", "identifier.person", []string{"identifier.person"}, func(s *papers.Sheet) { s.Items[0].Identifier = "" }, ""},
		{"an item on no basis", "items.2.basis", []string{"consent.outside_law", "personal.basis"}, func(s *papers.Sheet) { s.Items[1].Basis = "" }, ""},
		{"an item on no article", "items.2.law", []string{"consent.outside_law", "personal.basis"}, func(s *papers.Sheet) { s.Items[1].Law = nil }, ""},
		{"an item on no consent", "items.2.consent", []string{"consent.outside_law", "personal.basis"}, func(s *papers.Sheet) { s.Items[1].Basis = papers.ByConsent }, ""},
	} {
		for _, p := range towns(t) {
			t.Run(p.ID(), func(t *testing.T) {
				s := paperstest.Sheet(p)
				f.change(&s)
				if f.asked != "" && !binds(p, f.asked) {
					none(t, f.what, s.Check(p))
					return
				}
				key := law(p, f.keys...)
				if key == "" {
					key = f.keys[0]
				}
				one(t, p, f.what, key, f.field, s.Check(p))
			})
		}
	}
}

func bodies() []papers.Item {
	basis := papers.Citation{Doc: "登记条例", Article: "第三条"}
	return []papers.Item{{Code: "x", Name: "代码", Source: "prov-a", Subject: papers.Body, Identifier: "credit-code", Basis: papers.ByLaw, Law: &basis}}
}

// What stands behind a type of sharing is each city's to ask.
func TestSharingBasis(t *testing.T) {
	strip := map[string]struct {
		field string
		do    func(*papers.Sheet)
	}{
		"law":        {"share_basis", func(s *papers.Sheet) { s.ShareBasis = nil }},
		"basis":      {"share_basis", func(s *papers.Sheet) { s.ShareBasis, s.ShareReason = nil, "" }},
		"reason":     {"share_reason", func(s *papers.Sheet) { s.ShareReason = "" }},
		"conditions": {"conditions", func(s *papers.Sheet) { s.Conditions = "" }},
		"filing":     {"filing", func(s *papers.Sheet) { s.Filing = "" }},
	}
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			for key, kind := range map[string]string{"share.conditional_basis": papers.Conditional, "share.not_shared_basis": papers.NotShared} {
				whole := func() papers.Sheet {
					s := paperstest.Sheet(p)
					if s.Share = kind; kind == papers.NotShared {
						s.Conditions, s.Filing = "", "备案〔2026〕3号"
					}
					return s
				}
				none(t, kind, whole().Check(p))
				for _, w := range list(p, key) {
					s := whole()
					strip[w].do(&s)
					if got := s.Check(p); len(got) == 0 || got[0].Field != strip[w].field {
						t.Errorf("%s without %s: %+v", kind, w, got)
					} else {
						one(t, p, kind+" without "+w, key, strip[w].field, got[:1])
					}
				}
			}
			s := paperstest.Sheet(p)
			s.Share = papers.Unconditional
			if binds(p, "share.no_extra_conditions") {
				one(t, p, "conditions on what has none", "share.no_extra_conditions", "conditions", s.Check(p))
			} else {
				none(t, "conditions on what has none", s.Check(p))
			}
		})
	}
}

// Personal data are opened anonymised or with consent; what a pseudonym hides is
// personal still.
func TestUnlock(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			for _, how := range []string{"", "masking", "declassification", "cleaning", "processing", "pseudonyms", "anonymisation", "consent"} {
				s := paperstest.SheetBy(p, profile.ByOpening)
				s.Items, s.Unlocked = paperstest.Sheet(p).Items, how
				if (how == "anonymisation" || how == "consent") && slices.Contains(list(p, "open.unlock"), how) {
					none(t, how, s.Check(p))
					continue
				}
				one(t, p, "personal data opened by "+how, "open.unlock", "unlocked", s.Check(p))
			}
			for _, how := range []string{"", "masking", "pseudonyms"} {
				s := paperstest.SheetBy(p, profile.ByOpening)
				s.Items[1].Sensitive, s.Unlocked = true, how
				if how == "masking" {
					none(t, how, s.Check(p))
					continue
				}
				one(t, p, "sensitive data opened by "+how, "open.unlock", "unlocked", s.Check(p))
			}
		})
	}
}

func TestChannels(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			s := paperstest.Sheet(p)
			s.Share, s.Open, s.Negative = papers.NotShared, papers.Closed, papers.Listed
			one(t, p, "listed, shared", "negative_list.kept", "negative", first(s.For(p, profile.BySharing)))
			one(t, p, "listed, opened", "negative_list.kept", "negative", first(s.For(p, profile.ByOpening)))
			if binds(p, "negative_list.bars_authop") {
				one(t, p, "listed, operated", "negative_list.bars_authop", "negative", s.For(p, profile.ByOperation))
			} else {
				none(t, "listed, operated", s.For(p, profile.ByOperation))
			}
			s.Negative = papers.None
			one(t, p, "not shared", "share.types", "share", s.For(p, profile.BySharing))
			one(t, p, "closed", "open.types", "open", s.For(p, profile.ByOpening))
			s.Registration = ""
			if binds(p, "authop.registration") {
				one(t, p, "not registered", "authop.registration", "registration", s.For(p, profile.ByOperation))
			} else {
				none(t, "not registered", s.For(p, profile.ByOperation))
			}
			s.Secrecy = "state-secret"
			for _, ch := range []string{profile.BySharing, profile.ByOpening, profile.ByOperation} {
				one(t, p, "a secret by "+ch, "secrets.refused", "secrecy", first(s.For(p, ch)))
			}
			one(t, p, "another channel", "channel.kinds", "channel", paperstest.Sheet(p).For(p, "sale"))
		})
	}
}

func first(all []papers.Missing) []papers.Missing { return all[:min(1, len(all))] }

func TestAdmissionFlips(t *testing.T) {
	for _, f := range []struct {
		what, field string
		keys        []string
		change      func(*papers.Admission)
	}{
		{"a code of a wrong check character", "credit_code", []string{"grant.qualified"}, func(a *papers.Admission) { a.CreditCode = "91350100M000100Y44" }},
		{"no code", "credit_code", []string{"grant.qualified"}, func(a *papers.Admission) { a.CreditCode = "" }},
		{"no purpose", "purposes", []string{"purpose.bound", "authop.licence"}, func(a *papers.Admission) { a.Purposes = nil }},
		{"every purpose", "purposes", []string{"purpose.bound", "authop.licence"}, func(a *papers.Admission) { a.Purposes = []string{"*"} }},
		{"no field", "field", []string{"authop.licence"}, func(a *papers.Admission) { a.Field = "" }},
		{"no term", "to", []string{"authop.licence"}, func(a *papers.Admission) { a.To = a.From }},
		{"beyond the base layer's term", "to", []string{"authop.term_max_years"}, func(a *papers.Admission) { a.To, a.Reason = a.From.AddDate(5, 0, 1), "长期运营" }},
		{"an attestation that has expired", "attested_until", []string{"security.attestation", "grant.qualified"}, func(a *papers.Admission) { a.Attested = paperstest.Now }},
		{"no attestation", "attested_until", []string{"security.attestation", "grant.qualified"}, func(a *papers.Admission) { a.Attested = time.Time{} }},
		{"credit not checked", "credit_checked", []string{"open.applicant", "grant.qualified"}, func(a *papers.Admission) { a.Credit = time.Time{} }},
		{"credit to be checked tomorrow", "credit_checked", []string{"open.applicant", "grant.qualified"}, func(a *papers.Admission) { a.Credit = paperstest.Now.AddDate(0, 0, 1) }},
		{"a bad entry", "no_bad_credit_entry", []string{"open.applicant", "grant.qualified"}, func(a *papers.Admission) { a.NoBadEntry = false }},
		{"of no class", "class", []string{"grant.qualified"}, func(a *papers.Admission) { a.Class = "" }},
	} {
		for _, p := range towns(t) {
			t.Run(p.ID(), func(t *testing.T) {
				a := paperstest.Admission(p)
				f.change(&a)
				one(t, p, f.what, law(p, f.keys...), f.field, a.Check(p, paperstest.Now))
			})
		}
	}
}

// A term beyond the city's needs a reason, and says that two people decide.
func TestTerm(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			years, _ := p.Int("authop.term_max_years")
			a := paperstest.Admission(p)
			a.To = a.From.AddDate(years, 0, 0)
			none(t, "just the term", a.Check(p, paperstest.Now))
			a.To = a.To.Add(time.Second)
			one(t, p, "longer without a reason", "authop.term_max_years", "to", a.Check(p, paperstest.Now))
			a.Reason = "项目建设期较长"
			r, err := p.Rule("authop.term_max_years")
			if err != nil {
				t.Fatal(err)
			}
			if r.Override != profile.Reasoned {
				one(t, p, "a reason where the rule takes none", "authop.term_max_years", "to", a.Check(p, paperstest.Now))
				return
			}
			none(t, "longer with a reason", a.Check(p, paperstest.Now))
			one(t, p, "what is set aside", "authop.term_max_years", "to", a.Beyond(p))
		})
	}
}

func TestProgramConsentReport(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			for _, w := range list(p, "security.vendor") {
				g := paperstest.Program(p)
				delete(g.Papers, w)
				one(t, p, w, "security.vendor", "papers."+w, g.Check(p))
				g.Vendor = false
				none(t, "nobody outside made it", g.Check(p))
			}
			g := paperstest.Program(p)
			g.Source = ""
			one(t, p, "no source", "program.review", "source", g.Check(p))
			for _, w := range list(p, "consent.notice") {
				n := paperstest.Consent(p)
				delete(n.Notice, w)
				one(t, p, w, "consent.notice", "notice."+w, n.Check(p))
			}
			n := paperstest.Consent(p)
			n.Purposes = nil
			one(t, p, "consent to everything", law(p, "consent.outside_law", "purpose.bound"), "purposes", n.Check(p))
			n = paperstest.Consent(p)
			n.Text = suite.Digest("x")
			one(t, p, "no text", law(p, "consent.outside_law", "personal.basis"), "text", n.Check(p))
			r := paperstest.Report("risk-report")
			r.To = paperstest.Now.Add(time.Second)
			one(t, p, "on a time to come", law(p, "authop.risk_report", "authop.risk_report_months"), "to", r.Check(p, paperstest.Now))
			r = paperstest.Report("drill")
			r.Scenario = ""
			one(t, p, "a drill of no scenario", law(p, "authop.drill", "security.drill", "authop.drill_months"), "scenario", r.Check(p, paperstest.Now))
		})
	}
}

// Without a city's rules nothing is whole.
func TestNoRules(t *testing.T) {
	var p profile.Profile
	s := paperstest.Scenario(p)
	for what, got := range map[string][]papers.Missing{
		"sheet": paperstest.Sheet(p).Check(p), "channel": paperstest.Sheet(p).For(p, "authop"), "admission": paperstest.Admission(p).Check(p, paperstest.Now),
		"scenario": s.Check(p), "against": s.Against(p, paperstest.Known(p)), "amends": s.Amends(p, s), "program": paperstest.Program(p).Check(p),
		"agreement": paperstest.Agreement(p).Check(p, s, paperstest.Head, nil), "report": paperstest.Report("drill").Check(p, paperstest.Now),
		"consent": paperstest.Consent(p).Check(p), "clashes": papers.Clashes(p, nil, paperstest.Sheet(p)),
	} {
		if len(got) == 0 || got[0].Field != "profile" {
			t.Errorf("%s: %+v", what, got)
		}
	}
}
