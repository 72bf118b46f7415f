package gates_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
)

// A proof is one change to a whole world, and the gate that then stops the job
// under the key given.
type proof struct {
	key, channel, gate string
	flip               func(*gatestest.World)
	// by is what refuses where that is no gate: it returns what it cites.
	by   func(*testing.T, *gatestest.World) string
	name string // of what refuses, then
}

type world = *gatestest.World

const hospital, transit = "hospital-visits", "transit-visits"

// Changes that serve several cities.
var (
	fields = func(w world) {
		for word := range w.Sheets[hospital].Fields {
			w.Sheets[hospital].Fields[word] = ""
		}
	}
	secret    = func(w world) { w.Sheets[hospital].Secrecy = "state-secret" }
	pending   = func(w world) { w.Stop["catalogue.review"] = "review" }
	uncase    = func(w world) { w.Omit["entry-"+hospital] = true }
	ungraded  = func(w world) { w.Sheets[hospital].Grade, w.Sheets[hospital].Class = 0, "" }
	lower     = func(w world) { w.Terms.Members[0].Grade = 1 }
	twoSource = func(w world) { w.Sheets[hospital].Items[1].Code = w.Sheets[transit].Items[1].Code }
	allData   = func(w world) { w.Scenario.Datasets[0].Columns = []string{"*"} }
	more      = func(w world) { w.Scenario.Datasets[0].Columns = []string{"district"} }
	personID  = func(w world) { w.Terms.Members[0].Columns = append(w.Terms.Members[0].Columns, "id_number") }
	bodyID    = func(w world) {
		personID(w)
		for i := range w.Sheets[hospital].Items {
			w.Sheets[hospital].Items[i].Subject = papers.Body
		}
		w.Sheets[hospital].Items[0].Identifier = "credit-code"
	}
	unshaped  = func(w world) { w.Sheets[hospital].Share = "perhaps" }
	unopened  = func(w world) { w.Sheets[hospital].Open = "perhaps" }
	closed    = func(w world) { w.Sheets[hospital].Open = papers.Closed }
	locked    = func(w world) { w.Sheets[hospital].Items[1].Sensitive = true }
	unbased   = func(w world) { s := w.Sheets[hospital]; s.ShareBasis, s.ShareReason, s.Conditions = nil, "", "" }
	ransack   = func(w world) { verify(w); w.Terms.Verify = nil }
	sandboxed = func(w world) { verify(w); w.Scenario.Mode = papers.InSandbox }
	otherUse  = func(w world) { w.Scenario.Purpose = "marketing" }
	goesOn    = func(w world) { w.Scenario.Recipients, w.Terms.Recipients = []string{"rival"}, []string{"rival"} }
	noAnswer  = func(stage string) func(world) { return func(w world) { w.Stop["scenario.apply"] = stage } }
	noCase    = func(kind string) func(world) { return func(w world) { w.Omit[kind] = true } }
	unsigned  = func(w world) { w.Stop["agreement.sign"] = "signing" }
	planless  = func(w world) { w.Scenario.Plan = ""; w.Agreement = func(a *papers.Agreement) { a.Plan = "" } }
	blank     = func(word string) func(world) {
		return func(w world) { w.Agreement = func(a *papers.Agreement) { delete(a.Blanks, word) } }
	}
	promise  = func(w world) { w.Scenario.Commitments = nil }
	sole     = func(w world) { w.Terms.Members[0].Site.Key = w.Keys["rival"].Public() }
	alone    = func(w world) { w.Terms.Trustees.Quorum = 1 }
	officers = func(words ...string) func(world) {
		return func(w world) {
			for _, o := range words {
				delete(w.Sheets[hospital].Fields, o)
			}
		}
	}
	fact    = func(do func(*gates.Facts)) func(world) { return func(w world) { w.Fact = do } }
	overdue = func(kind, key string) func(world) {
		return fact(func(f *gates.Facts) {
			f.Duties = append(f.Duties, gates.Duty{Kind: kind, Operator: "operator", Scenario: "flu", Due: gatestest.Now.AddDate(0, 0, -1), Overdue: true, Key: key})
		})
	}
	holds = func(key string) func(world) {
		return fact(func(f *gates.Facts) {
			f.Holds = append(f.Holds, gates.Hold{ID: "h-1", Kind: "dataset", Name: hospital, By: "hospital", Key: key, At: gatestest.Now})
		})
	}
	harm     = fact(func(f *gates.Facts) { f.Output.Verdict = "fail" })
	raw      = fact(func(f *gates.Facts) { f.Output.Type = "rows" })
	unlogged = fact(func(f *gates.Facts) { f.Output.Recorded = false })
	operates = func(w world) { w.Terms.Checkers[0] = w.Signer("op2") }
	vendor   = func(w world) { w.Program.Papers = nil }
)

// rows are the proofs of each row of a city's text that binds.
var rows = map[string][]proof{
	"GY-3":    {{"share.users", "share", "G5", func(w world) { w.Scenario.Class = papers.Company }, nil, ""}},
	"GY-8":    {{"org.officers", "authop", "G6", officers("data-officer"), nil, ""}},
	"GY-9":    {{"platform.sole", "authop", "G13", sole, nil, ""}},
	"GY-10.2": {{"catalogue.fields", "authop", "G6", fields, nil, ""}},
	"GY-10.3": {{"catalogue.route", "authop", "G6", pending, nil, ""}},
	"GY-12":   {{"negative_list.kept", "share", "G6", func(w world) { w.Sheets[hospital].Negative = "listed" }, nil, ""}},
	"GY-15":   {{"source.unique", "authop", "G6", twoSource, nil, ""}},
	"GY-16":   {{"identifier.person", "authop", "G7", personID, nil, ""}, {"identifier.body", "open", "G7", bodyID, nil, ""}, {"personal.minimal", "authop", "G7", more, nil, ""}},
	"GY-20":   {{"share.types", "share", "G6", unshaped, nil, ""}, {"open.types", "open", "G6", unopened, nil, ""}, {"open.closed", "open", "G6", closed, nil, ""}, {"secrets.refused", "authop", "G6", secret, nil, ""}},
	"GY-22.1": {{"share.unconditional", "share", "", nil, denies(papers.Unconditional), "Grounds"}},
	"GY-22.2": {{"share.route", "share", "G3", noAnswer("providers"), nil, ""}, {"share.demand_fields", "share", "G2", func(w world) { w.Scenario.Title = "" }, nil, ""}},
	"GY-22.3": {{"share.refusal", "share", "", nil, denies(papers.Conditional), "Grounds"}},
	"GY-22.4": {{"share.feedback_wd", "share", "G12", overdue("feedback", "share.feedback_wd"), nil, ""}, {"evidence.use_ledger", "share", "R6", unlogged, nil, ""}},
	"GY-23":   {{"share.purpose_bound", "share", "G5", otherUse, nil, ""}, {"share.onward_forbidden", "share", "G5", goesOn, nil, ""}},
	"GY-27":   {{"open.unlock", "open", "G6", locked, nil, ""}},
	"GY-30":   {{"open.route", "open", "G3", noAnswer("providers"), nil, ""}, {"open.refusal", "open", "", nil, silent, "Grounds"}},
	"GY-31":   {{"objection.suspend", "authop", "G6", holds(""), nil, ""}, {"objection.suspend", "share", "R4", holds(""), nil, ""}},
	"GY-32": {
		{"authop.one_list", "authop", "G2", func(w world) { w.Scenario.Datasets = w.Scenario.Datasets[1:] }, nil, ""},
		{"authop.term_max_years", "authop", "G1", func(w world) { w.Admission.To = w.Admission.From.AddDate(4, 0, 0) }, nil, ""},
		{"authop.licence", "authop", "G1", noCase("operator.admit"), nil, ""},
		{"compute.in_domain", "authop", "G13", alone, nil, ""},
		{"output.raw_forbidden", "authop", "R1", raw, nil, ""},
	},
	"GY-34.1": {
		{"authop.one_application", "authop", "G2", noCase("scenario.apply"), nil, ""},
		{"purpose.bound", "authop", "G5", otherUse, nil, ""},
		{"authop.application_fields", "authop", "G2", func(w world) { w.Scenario.Safeguards = "" }, nil, ""},
	},
	"GY-34.2": {{"authop.one_review", "authop", "G3", noAnswer("providers"), nil, ""}, {"authop.refusal", "authop", "", nil, silent, "Grounds"}},
	"GY-34.3": {{"authop.one_agreement", "authop", "G4", unsigned, nil, ""}},
	"GY-34.4": {{"authop.risk_report", "authop", "G12", overdue("risk-report", "authop.risk_report"), nil, ""}},
	"GY-35":   {{"authop.elimination_years", "authop", "G1", fails(2), nil, ""}},
	"GY-38":   {{"security.grading", "authop", "G6", lower, nil, ""}},
	"GY-39.4": {{"authop.one_plan", "authop", "G4", planless, nil, ""}, {"authop.drill", "authop", "G12", overdue("drill", "authop.drill"), nil, ""}},
	"GY-41":   {{"output.no_harm", "authop", "R2", harm, nil, ""}},

	"DG-2":   {{"secrets.refused", "share", "G6", secret, nil, ""}},
	"DG-4.2": {{"share.no_extra_conditions", "share", "", nil, adds, "Grounds"}},
	"DG-6":   {{"org.officers", "share", "G6", officers("responsible", "agency", "staff"), nil, ""}},
	"DG-9":   {{"ops.separation", "share", "R3", operates, nil, ""}},
	"DG-10":  {{"security.grading", "share", "G6", ungraded, nil, ""}},
	"DG-11":  {{"catalogue.fields", "share", "G6", fields, nil, ""}, {"catalogue.route", "share", "G6", pending, nil, ""}},
	"DG-13":  {{"share.type_each", "share", "G6", unshaped, nil, ""}, {"share.conditional_basis", "share", "G6", unbased, nil, ""}},
	"DG-15":  {{"source.unique", "share", "G6", twoSource, nil, ""}},
	"DG-18":  {{"identifier.person", "share", "G7", personID, nil, ""}, {"identifier.body", "open", "G7", bodyID, nil, ""}},
	"DG-22":  {{"share.mechanisms", "share", "G2", noCase("scenario.apply"), nil, ""}},
	"DG-23":  {{"share.route", "share", "G3", noAnswer("providers"), nil, ""}, {"share.verify_compare", "share", "G6", ransack, nil, ""}, {"share.verify_compare", "share", "G5", sandboxed, nil, ""}, {"share.refusal", "share", "", nil, denies(papers.Conditional), "Grounds"}},
	"DG-24":  {{"share.demand_fields", "share", "G2", func(w world) { w.Scenario.Mode = "" }, nil, ""}, {"grant.least", "share", "G7", allData, nil, ""}},
	"DG-25":  {{"share.university_purposes", "share", "G5", commercial, nil, ""}, {"share.company_purposes", "share", "G5", func(w world) { w.Scenario.Class, w.Scenario.Activity = papers.Company, "marketing" }, nil, ""}},
	"DG-31":  {{"open.closed", "open", "G6", closed, nil, ""}, {"open.unlock", "open", "G6", locked, nil, ""}},
	"DG-34":  {{"product.standard", "share", "G10", noCase("program.review"), nil, ""}},
	"DG-38":  {{"emergency.disposal", "share", "G6", holds("emergency.disposal"), nil, ""}},
	"DG-39":  {{"consent.third_party", "authop", "G9", func(w world) { w.Scenario.Mode = papers.ByCompare }, nil, ""}},
	"DG-43":  {{"backup.required", "share", "G12", overdue("backup", "backup.required"), nil, ""}},
	"DG-44":  {{"share.onward_forbidden", "share", "G5", goesOn, nil, ""}, {"share.no_disclosure", "share", "G5", func(w world) { w.Scenario.Purpose, w.Terms.Purpose = gates.Disclosure, gates.Disclosure }, nil, ""}},

	"WX-11": {{"platform.sole", "authop", "G13", sole, nil, ""}},
	"WX-13": {{"catalogue.fields", "share", "G6", fields, nil, ""}, {"catalogue.route", "share", "G6", pending, nil, ""}},
	"WX-15": {{"catalogue.bound", "authop", "G6", uncase, nil, ""}, {"source.unique", "share", "G6", twoSource, nil, ""}},
	"WX-16": {{"consent.outside_law", "authop", "G9", unconsented, nil, ""}, {"consent.notice", "authop", "G9", unnoticed, nil, ""}},
	"WX-19": {{"share.conditional_basis", "share", "G6", unbased, nil, ""}},
	"WX-20": {{"share.route", "share", "G3", noAnswer("joint"), nil, ""}, {"share.refusal", "share", "", nil, silent, "Grounds"}},
	"WX-21": {{"share.purpose_bound", "share", "G5", otherUse, nil, ""}, {"share.onward_forbidden", "share", "G5", goesOn, nil, ""}},
	"WX-22": {{"open.types", "open", "G6", unopened, nil, ""}, {"open.closed", "open", "G6", closed, nil, ""}},
	"WX-24": {{"open.agreement", "open", "G4", unsigned, nil, ""}, {"open.application_fields", "open", "G2", func(w world) { w.Scenario.Format = "" }, nil, ""}, {"open.route", "open", "G3", noAnswer("providers"), nil, ""}},
	"WX-34": {{"audit.inspection", "share", "", nil, inspects, "cases.Export"}},

	"SJZ-2":  {{"secrets.refused", "authop", "G6", secret, nil, ""}},
	"SJZ-8":  {{"platform.sole", "authop", "G13", sole, nil, ""}},
	"SJZ-9":  {{"catalogue.route", "authop", "G6", pending, nil, ""}},
	"SJZ-12": {{"security.grading", "authop", "G6", ungraded, nil, ""}},
	"SJZ-13": {{"personal.minimal", "authop", "G7", more, nil, ""}},
	"SJZ-14": {{"identifier.person", "authop", "G7", personID, nil, ""}, {"identifier.body", "open", "G7", bodyID, nil, ""}},
	"SJZ-20": {{"open.list_fields", "open", "G6", fields, nil, ""}, {"open.types", "open", "G6", unopened, nil, ""}},
	"SJZ-22": {{"open.unlock", "open", "G6", locked, nil, ""}, {"open.closed", "open", "G6", closed, nil, ""}},
	"SJZ-23": {{"open.attribute_by", "open", "G6", func(w world) { w.Opener = "transit-officer" }, nil, ""}},
	"SJZ-25": {
		{"open.applicant", "open", "G1", func(w world) { w.Scenario.NoBadEntry = false }, nil, ""},
		{"open.route", "open", "G3", noAnswer("joint"), nil, ""},
		{"open.agreement", "open", "G4", unsigned, nil, ""},
		{"open.agreement_fields", "open", "G4", blank("safeguards"), nil, ""},
		{"open.commitment", "open", "G4", promise, nil, ""},
		{"open.purpose_bound", "open", "G5", otherUse, nil, ""},
	},
	"SJZ-27": {
		{"authop.licence", "authop", "G1", noCase("operator.admit"), nil, ""},
		{"authop.one_agreement", "authop", "G4", unsigned, nil, ""},
		{"authop.agreement_fields", "authop", "G4", blank("return"), nil, ""},
		{"output.raw_forbidden", "authop", "R1", raw, nil, ""},
		{"purpose.bound", "authop", "G5", otherUse, nil, ""},
	},
	"SJZ-29": {{"org.officers", "authop", "G6", officers("responsible", "staff"), nil, ""}, {"security.vendor", "authop", "G10", vendor, nil, ""}, {"security.plan", "authop", "G4", planless, nil, ""}},
	"SJZ-31": {{"security.measures", "authop", "G13", alone, nil, ""}},
	"SJZ-32": {{"security.mask_or_encrypt", "authop", "G13", func(w world) { w.Terms.Desk = "" }, nil, ""}},

	"CM-3":  {{"secrets.refused", "authop", "G6", secret, nil, ""}},
	"CM-5":  {{"org.officers", "authop", "G6", officers("agency", "staff"), nil, ""}, {"platform.sole", "authop", "G13", sole, nil, ""}},
	"CM-6":  {{"catalogue.fields", "authop", "G6", fields, nil, ""}, {"catalogue.bound", "authop", "G6", uncase, nil, ""}},
	"CM-9":  {{"catalogue.lineage", "authop", "G6", func(w world) { w.Sheets[hospital].Lineage = nil }, nil, ""}, {"catalogue.onchain", "authop", "R6", unlogged, nil, ""}},
	"CM-10": {{"personal.minimal", "authop", "G7", more, nil, ""}, {"catalogue.not_gathered_basis", "authop", "G6", func(w world) { w.Sheets[hospital].Gathering = papers.None }, nil, ""}, {"source.no_repeat", "share", "G6", twoSource, nil, ""}},
	"CM-17": {{"share.conditional_basis", "share", "G6", unbased, nil, ""}},
	"CM-18": {{"share.commitments", "share", "G4", promise, nil, ""}, {"grant.least", "share", "G7", allData, nil, ""}, {"share.purpose_bound", "share", "G5", otherUse, nil, ""}, {"share.onward_forbidden", "share", "G5", goesOn, nil, ""}, {"share.demand_fields", "share", "G2", func(w world) { w.Scenario.Title = "" }, nil, ""}},
	"CM-19": {{"share.disposal", "share", "G12", overdue("disposal", "share.disposal"), nil, ""}},
	"CM-20": {{"open.conditional_when", "open", "G6", func(w world) { w.Sheets[hospital].OpenWhy = "" }, nil, ""}, {"open.types", "open", "G6", unopened, nil, ""}, {"open.closed", "open", "G6", closed, nil, ""}},
	"CM-24": {{"authop.registration", "authop", "G6", func(w world) { w.Sheets[hospital].Registration = "" }, nil, ""}},
	"CM-28": {{"security.measures", "authop", "G13", alone, nil, ""}, {"security.grading", "authop", "G6", ungraded, nil, ""}},
	"CM-29": {{"security.plan", "authop", "G4", planless, nil, ""}, {"security.drill", "authop", "G12", overdue("drill", "security.drill"), nil, ""}},
	"CM-31": {{"security.vendor", "authop", "G10", vendor, nil, ""}},
}

func commercial(w world) { w.Scenario.Class, w.Scenario.Commercial = papers.University, true }

func unconsented(w world) {
	w.Sheets[hospital].Items[1].Basis, w.Sheets[hospital].Items[1].Law = papers.ByConsent, nil
	w.Sheets[hospital].Items[1].Consent = gatestest.Consent
}

func unnoticed(w world) {
	unconsented(w)
	w.Scenario.Consents = []string{gatestest.Consent}
	c := w.Consents[gatestest.Consent]
	c.Notice = maps.Clone(c.Notice)
	delete(c.Notice, "channels")
	w.Consents[gatestest.Consent] = c
}

// fails has the operator fail its evaluation for so many years in a row.
func fails(years int) func(world) {
	return func(w world) {
		w.Fact = func(f *gates.Facts) {
			for i := range years {
				f.Years[2025-i] = append(f.Years[2025-i], w.Failed(2025-i))
			}
		}
	}
}

func step(gate string) gates.Step {
	if strings.HasPrefix(gate, "R") {
		return gates.AtRelease
	}
	return gates.AtStart
}

// TestRows takes every row of every city that binds, changes one fact of a world
// in which nothing stops a job (TestWholeWorlds), and sees it refused under an
// article of the row.
func TestRows(t *testing.T) {
	all, err := profiles.All()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range all {
		for _, row := range p.Rows() {
			if !row.Tier.Binds() {
				continue
			}
			seen[row.ID] = true
			if len(rows[row.ID]) == 0 {
				t.Errorf("%s, %s: no proof", row.ID, row.Demand)
			}
			for _, x := range rows[row.ID] {
				t.Run(row.ID+"/"+x.key+"/"+x.channel+x.gate, func(t *testing.T) { x.hold(t, p, row) })
			}
		}
	}
	for id := range rows {
		if !seen[id] {
			t.Errorf("%s is no row that binds", id)
		}
	}
}

func (x proof) hold(t *testing.T, p profile.Profile, row profile.Row) {
	t.Helper()
	if !slices.Contains(row.Keys, x.key) {
		t.Fatalf("the row does not name %s", x.key)
	}
	w := gatestest.New(t, p.ID(), x.channel)
	if x.by != nil {
		if got := x.by(t, w); !slices.ContainsFunc(cites(t, p, row, x.key), func(c string) bool { return strings.Contains(got, c) }) {
			t.Fatalf("%s cites %q, want one of %q", x.name, got, cites(t, p, row, x.key))
		}
		return
	}
	at := step(x.gate)
	x.flip(w)
	after := gates.Blocked(gates.Check(w.Facts(), at))
	i := slices.IndexFunc(after, func(v gates.Verdict) bool {
		return v.Gate == x.gate && v.Key == x.key && slices.Contains(cites(t, p, row, x.key), v.Cite)
	})
	if i < 0 {
		t.Fatalf("want %s by %s, have %s", x.gate, x.key, told(after))
	}
	if v := after[i]; v.Quote == "" || v.ZH == "" || v.EN == "" || v.CiteEN == "" || v.Who == "" || v.Status == "" {
		t.Errorf("not whole: %+v", v)
	}
	no, ok := errors.AsType[fault.Refusal](gates.Refuse(after[i:]))
	if !ok || !strings.Contains(no.Basis, after[i].Cite) || no.Code != fault.Code("gate-"+strings.ToLower(x.gate)) {
		t.Errorf("refused as %+v", no)
	}
}

func told(all []gates.Verdict) string {
	var out []string
	for _, v := range all {
		out = append(out, fmt.Sprintf("%s %s (%s) %s", v.Gate, v.Code, v.Key, v.Cite))
	}
	return strings.Join(out, "\n")
}

// cites are the citations of a key that are of the row's articles.
func cites(t *testing.T, p profile.Profile, row profile.Row, key string) []string {
	t.Helper()
	r, err := p.Rule(key)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, b := range r.Basis {
		if slices.Contains(row.Articles, b.Article) {
			zh, _ := p.Cite(b)
			all = append(all, zh)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s is no law of %s", key, row.ID)
	}
	return all
}

var ofHouse = []cases.Basis{{Source: cases.House, Text: "示例内部规则"}}

// decides has the hospital's officer decide in the scenario's case as it waits for
// providers, and gives what the refusal cites.
func decides(t *testing.T, w world, share string, r cases.Ruling) string {
	t.Helper()
	w.Sheets[hospital].Share = share
	err := gates.Grounds(w.Profile, w.Scenario, []papers.Sheet{*w.Sheets[hospital]}, cases.Event{Act: cases.Decide, Ruling: &r})
	no, ok := errors.AsType[fault.Refusal](err)
	if !ok || no.Code != "case-basis" {
		t.Fatalf("decided: %v", err)
	}
	grounded := r
	grounded.Basis = []cases.Basis{{Source: cases.Law, Doc: "示例办法", Article: "第一条"}}
	if share != papers.Unconditional {
		if err := gates.Grounds(w.Profile, w.Scenario, nil, cases.Event{Act: cases.Decide, Ruling: &grounded}); err != nil {
			t.Errorf("with a basis in law: %v", err)
		}
	}
	return no.Basis
}

func denies(share string) func(*testing.T, world) string {
	return func(t *testing.T, w world) string {
		t.Helper()
		return decides(t, w, share, cases.Ruling{Verdict: cases.Deny, Basis: ofHouse, Reason: "不便提供"})
	}
}

func silent(t *testing.T, w world) string {
	t.Helper()
	return decides(t, w, papers.Conditional, cases.Ruling{Verdict: cases.Deny})
}

func adds(t *testing.T, w world) string {
	t.Helper()
	return decides(t, w, papers.Conditional, cases.Ruling{Verdict: cases.Conditional, Conditions: []cases.Condition{{ID: "c-1", Kind: cases.Limit, Text: "仅限周末"}}})
}

// inspects: who inspects reads and copies a case's whole file, checks it without
// the platform, and decides nothing.
func inspects(t *testing.T, w world) string {
	t.Helper()
	w.Stop["scenario.apply"] = "joint"
	c := w.Facts().Cases[w.Terms.Scenario]
	raw, err := cases.Export(c, w.Register)
	if err != nil {
		t.Fatal(err)
	}
	file, err := cases.ParseFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := cases.NewRules(file.Register(), w.Tables).Verify(raw)
	if err != nil || copied.Head() != c.Head() {
		t.Fatalf("the copy: %v", err)
	}
	r, err := c.Say(w.Keys["auditor"], cases.Event{At: gatestest.Now, Act: cases.Decide, Ruling: &cases.Ruling{On: c.Matter(), Verdict: cases.Allow}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cases.NewRules(w.Register, w.Tables).Apply(c, r); err == nil {
		t.Fatal("an auditor decided")
	}
	return w.Profile.Basis("audit.inspection")
}

const page = "../../docs/COVERAGE.md"

var update = flag.Bool("update", false, "write docs/COVERAGE.md")

// coverage is the page of what is proved, from the same table that TestRows runs.
func coverage(t *testing.T) string {
	t.Helper()
	all, err := profiles.All()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	out.WriteString("# 条款与证明 Articles and their proofs\n\n" +
		"每一城市文本中由系统强制的条款（C：构造保证；C*：平台拒绝），各有一项测试：从一个全部合规的场景出发，只改变一个事实，并要求以该条款为依据予以拒绝。\n" +
		"本页由测试所用的同一张表生成（`go test ./governance/gates -run Coverage -update`），持续集成核对。征求意见稿不是现行规定；内部规则（非法定）不在此列。\n\n" +
		"Every row of a city's text that the software enforces (C by construction, C\\* by refusing) has its test: from a world in which nothing stops a job one fact is changed, and the refusal has to cite that very article. Drafts are not in force, and rules of the house are not on this page.\n")
	for _, p := range all {
		d := p.Documents()[0]
		fmt.Fprintf(&out, "\n## %s %s\n\n《%s》 **%s** %s.\n\n", p.City().ZH, p.City().EN, d.Title.ZH, d.Status.Name().ZH, d.Status.Name().EN)
		out.WriteString("| 行 row | 级 tier | 要求 demand | 规则 rule | 依据 article | 拒绝者 refused by | 测试 test |\n|---|---|---|---|---|---|---|\n")
		for _, row := range p.Rows() {
			for _, x := range rows[row.ID] {
				by := x.gate
				if x.by != nil {
					by = "`" + x.name + "`"
				}
				fmt.Fprintf(&out, "| %s | %s | %s | `%s` | %s | %s | `TestRows/%s/%s/%s` |\n", row.ID, strings.ReplaceAll(string(row.Tier), "*", `\*`), row.Demand, x.key, cites(t, p, row, x.key)[0], by, row.ID, x.key, x.channel+x.gate)
			}
		}
	}
	return out.String()
}

// TestCoverage holds the page to the table.
func TestCoverage(t *testing.T) {
	want := coverage(t)
	if *update {
		if err := os.WriteFile(filepath.Clean(page), []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(filepath.Clean(page))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/COVERAGE.md (go test ./governance/gates -run Coverage -update): %s", diff)
	}
}
