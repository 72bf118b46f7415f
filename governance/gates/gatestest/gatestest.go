// Package gatestest builds worlds in which a job may be, for tests: the town of
// governancetest under a city's rules, with papers as that city asks for them and
// every case that terms rest on, opened, decided and signed by its people. A test
// changes what it is about, a paper, a fact or how far a case got, and has the
// facts built again. It holds everybody's keys, which is why it is for tests
// alone.
package gatestest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// Now is the instant at which worlds stand.
var Now = governancetest.Now

// A World is what facts are made of. Its exported fields may be changed before
// Facts is asked.
type World struct {
	testing.TB
	*governancetest.Town

	Profile   profile.Profile
	Channel   string
	Tables    cases.Tables
	Admission papers.Admission
	Scenario  papers.Scenario
	Sheets    map[string]*papers.Sheet // by dataset
	Program   papers.Program
	Agreement func(*papers.Agreement)   // changes it before it is signed; nil does not
	Unsealed  bool                      // leave the agreement's text as it was before that
	Opener    string                    // who opens the cases of entries, "" for each provider's officer
	Stop      map[string]string         // by kind of case: the stage at which nobody acts any more
	Omit      map[string]bool           // kinds of cases, or ids, that the terms do not name
	Consents  map[string]papers.Consent // by id
	Terms     jobs.Terms
	Since     time.Time          // when the first case is opened; zero is 20 days ago
	Fact      func(*gates.Facts) // a last change; nil does not

	cases  map[string]*cases.Case
	papers map[suite.Digest][]byte
	at     time.Time
}

// Consent is the id of the one consent of a world.
const Consent = "consent-1"

// New builds a world in which every gate passes.
func New(tb testing.TB, city, channel string) *World {
	tb.Helper()
	return In(tb, governancetest.NewTown(tb), city, channel)
}

// In builds such a world in a town, to which it adds people of the bureau.
func In(tb testing.TB, town *governancetest.Town, city, channel string) *World {
	tb.Helper()
	p, err := profiles.Get(city)
	if err != nil {
		tb.Fatal(err)
	}
	tables, err := cases.Procedures()
	if err != nil {
		tb.Fatal(err)
	}
	w := &World{TB: tb, Town: town, Profile: p, Channel: channel, Tables: tables, Stop: map[string]string{}, Omit: map[string]bool{}}
	for _, id := range []string{"bureau-2", "bureau-3", "bureau-4", "bureau-5"} {
		w.person(id, "bureau-officer")
	}
	w.Terms = w.Town.Terms()
	w.write()
	return w
}

func (w *World) person(id, like string) {
	if _, there := w.Users[id]; there {
		return
	}
	key, err := suite.NewPrivateKey()
	if err != nil {
		w.Fatal(err)
	}
	u := w.Users[like]
	u.ID, u.Name, u.Key = id, "人员 "+id, key.Public()
	w.Users[id], w.Keys[id] = u, key
}

// write writes the papers, of this town.
func (w *World) write() {
	p, purpose := w.Profile, w.Terms.Purpose
	w.Admission = paperstest.Admission(p)
	w.Admission.Operator, w.Admission.Purposes = "operator", []string{purpose}
	w.Admission.From, w.Admission.To = Now.AddDate(0, -1, 0), Now.AddDate(2, 0, 0)
	s := paperstest.ScenarioBy(p, w.Channel)
	s.ID, s.Purpose, s.Applicant, s.Recipients = w.Terms.Scenario, purpose, "operator", []string{"operator"}
	s.Sources, s.Datasets, s.To = nil, nil, Now.AddDate(1, 1, 0)
	w.Sheets = map[string]*papers.Sheet{}
	for i, m := range w.Terms.Members {
		s.Sources = append(s.Sources, m.Provider.Org)
		s.Datasets = append(s.Datasets, papers.Use{Dataset: m.Dataset, Columns: slices.Clone(m.Columns), Rows: "全部"})
		sheet := paperstest.SheetBy(p, w.Channel)
		sheet.Dataset, sheet.Provider = m.Dataset, m.Provider.Org
		for n, column := range []string{"id_number", "district", "days"} {
			sheet.Items[n].Column, sheet.Items[n].Source = column, m.Provider.Org
			sheet.Items[n].Code += "-" + m.Domain
		}
		phone := sheet.Items[1]
		phone.Code, phone.Name, phone.Column = "TEL-"+m.Domain, "联系电话", "phone"
		sheet.Items = append(sheet.Items, phone)
		w.Sheets[m.Dataset] = &sheet
		w.Terms.Members[i].Grade = sheet.Grade
	}
	w.Scenario = s
	w.Program = paperstest.Program(p)
	w.Program.Digest = w.Terms.Program.Digest
	consent := paperstest.Consent(p)
	consent.ID, consent.Dataset, consent.Purposes = Consent, w.Terms.Members[0].Dataset, []string{purpose}
	w.Consents = map[string]papers.Consent{Consent: consent}
}

// agrees reports whether an agreement is asked for by the channel.
func (w *World) agrees() bool {
	return w.Channel == profile.ByOperation || w.Channel == profile.ByOpening && w.Profile.Yes("open.agreement")
}

// Facts has everybody act on the papers as they are, and gives what is known.
func (w *World) Facts() gates.Facts {
	w.Helper()
	w.cases, w.papers, w.at = map[string]*cases.Case{}, map[suite.Digest][]byte{}, Now.AddDate(0, 0, -20)
	if !w.Since.IsZero() {
		w.at = w.Since
	}
	bureau := map[cases.Seat][]string{cases.Bureau: {"bureau"}}
	for _, id := range slices.Sorted(maps.Keys(w.Sheets)) {
		w.run(entry{"catalogue.review", "entry-" + id, cases.Provider, bureau, w.officer(id), map[string]suite.Digest{"entry": w.keep(papers.KindSheet, *w.Sheets[id])}})
	}
	if w.Channel == profile.ByOperation {
		w.run(entry{"operator.admit", "admit-1", cases.Operator, bureau, "op", map[string]suite.Digest{"application": w.keep(papers.KindAdmission, w.Admission)}})
	}
	w.run(entry{"program.review", "program-1", cases.Operator, bureau, "op", map[string]suite.Digest{"program": w.keep(papers.KindProgram, w.Program), "source": w.Program.Source}})
	list := w.keep(papers.KindScenario, w.Scenario)
	providers := map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Provider: slices.Clone(w.Scenario.Sources)}
	s := w.run(entry{"scenario.apply", w.Terms.Scenario, cases.Operator, providers, "op", map[string]suite.Digest{"application": list, "dataset-list": list}})
	if w.agrees() {
		w.agree(s)
	}
	return w.facts()
}

func (w *World) officer(dataset string) string {
	if w.Opener != "" {
		return w.Opener
	}
	return w.Catalogue[dataset].Provider + "-officer"
}

func (w *World) agree(s *cases.Case) {
	w.Helper()
	a := paperstest.AgreementOn(w.Profile, w.Scenario, s.Head())
	a.ID = "agreement-1"
	if a = a.Sealed(w.Scenario, w.Profile); w.Agreement != nil {
		w.Agreement(&a)
	}
	if !w.Unsealed {
		a = a.Sealed(w.Scenario, w.Profile)
	}
	both := map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Operator: {"operator"}}
	w.run(entry{"agreement.sign", a.ID, cases.Operator, both, "op", map[string]suite.Digest{"agreement": w.keep(papers.KindAgreement, a), "scenario-decision": s.Head()}})
}

func (w *World) facts() gates.Facts {
	f := gates.Facts{
		Now: Now, Register: w.Register, Profile: w.Profile, Cases: w.cases, Papers: w.papers, Years: map[int][]*cases.Case{}, Consents: map[string][]byte{},
		Recorded: map[string]*cases.Case{}, Newest: map[string]*cases.Case{}, Replaced: map[string]string{},
		Known: gates.Known{Holds: true, Duties: true, Years: true, Used: true, Newest: true},
		Output: &gates.Output{
			Type: gates.TypeCube, Verdict: "pass", Votes: 2, Bound: true, Recipients: slices.Clone(w.Terms.Recipients), Recorded: true,
		},
	}
	for id := range w.Sheets {
		if c := w.cases["entry-"+id]; c != nil && w.approved(c) {
			f.Newest[id] = c
		}
	}
	for id, c := range w.Consents {
		f.Consents[id] = w.paper(papers.KindConsent, c)
		if slices.Contains(w.Scenario.Consents, id) {
			f.Recorded[id] = w.record(c)
		}
	}
	f.Terms = w.Terms
	frozen := w.Profile.Frozen()
	f.Terms.Under = &jobs.Under{City: frozen.ID, Version: frozen.Version, Rules: frozen.Digest, Channel: w.Channel}
	for _, c := range w.cases {
		if kind := c.Opening().Kind; !w.Omit[kind] && !w.Omit[c.ID()] {
			f.Terms.Under.Cases = append(f.Terms.Under.Cases, jobs.CaseRef{Kind: kind, ID: c.ID(), Head: c.Head()})
		}
	}
	slices.SortFunc(f.Terms.Under.Cases, func(a, b jobs.CaseRef) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) })
	if w.Fact != nil {
		w.Fact(&f)
	}
	return f
}

func (w *World) approved(c *cases.Case) bool {
	o, _ := c.Outcome()
	return o == cases.Approved
}

// record has a consent recorded as it was given; terms do not name the case.
func (w *World) record(c papers.Consent) *cases.Case {
	w.Helper()
	c.Withdrawn = time.Time{}
	id := "record-" + c.ID
	k := w.run(entry{"consent.record", id, cases.Provider, map[cases.Seat][]string{cases.Bureau: {"bureau"}}, w.officer(c.Dataset), map[string]suite.Digest{"consent": suite.DigestOf(w.paper(papers.KindConsent, c))}})
	delete(w.cases, id)
	return k
}

// Again has a dataset's entry reviewed again, as the sheet is now, and gives the
// case. Terms that were written before name the one before it.
func (w *World) Again(dataset string) *cases.Case {
	w.Helper()
	id := "again-" + dataset
	w.run(entry{"catalogue.review", id, cases.Provider, map[cases.Seat][]string{cases.Bureau: {"bureau"}}, w.officer(dataset), map[string]suite.Digest{"entry": w.keep(papers.KindSheet, *w.Sheets[dataset])}})
	return w.cases[id]
}

func (w *World) paper(kind papers.Kind, body any) []byte {
	w.Helper()
	raw, err := papers.Bytes(kind, body)
	if err != nil {
		w.Fatal(err)
	}
	return raw
}

func (w *World) keep(kind papers.Kind, body any) suite.Digest {
	w.Helper()
	raw := w.paper(kind, body)
	d := suite.DigestOf(raw)
	w.papers[d] = raw
	return d
}

// An entry is a case to be run.
type entry struct {
	kind, id string
	seat     cases.Seat
	parties  map[cases.Seat][]string
	by       string
	refs     map[string]suite.Digest
}

// run opens a case and has everybody do what its table asks for, until it ends
// or comes to where it is to stop.
func (w *World) run(e entry) *cases.Case {
	w.Helper()
	channel := w.Channel
	if e.kind != "scenario.apply" {
		channel = ""
	}
	o := cases.Opening{Profile: cases.Profile(w.Profile.Frozen()), Title: "办件 " + e.id, Seat: e.seat, Parties: e.parties}
	r, err := cases.Begin(w.Keys[e.by], e.id, w.Table(e.kind, channel), o, w.tick())
	if err != nil {
		w.Fatal(err)
	}
	p := &play{World: w, rules: cases.NewRules(w.Register, w.Tables), entry: e, asked: map[string]bool{}}
	if p.c, err = p.rules.Apply(nil, r); err != nil {
		w.Fatalf("opening %s: %v", e.id, err)
	}
	for p.c.Phase() == cases.Open {
		stage, _ := p.c.Stage()
		if stage == w.Stop[e.kind] {
			break
		}
		p.stage(stage)
	}
	w.cases[e.id] = p.c
	return p.c
}

// Failed is an evaluation of the operator that ended 不达标.
func (w *World) Failed(year int) *cases.Case { return w.evaluated(year, cases.Deny) }

// Met is an evaluation of the operator that ended 达标.
func (w *World) Met(year int) *cases.Case { return w.evaluated(year, cases.Allow) }

func (w *World) evaluated(year int, v cases.Verdict) *cases.Case {
	w.Helper()
	parties := map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Operator: {"operator"}}
	o := cases.Opening{Profile: cases.Profile(w.Profile.Frozen()), Title: "年度评估", Seat: cases.Bureau, Parties: parties, Year: year}
	r, err := cases.Begin(w.Keys["bureau-officer"], fmt.Sprintf("evaluation-%d", year), w.Table("evaluate.yearly", ""), o, w.tick())
	if err != nil {
		w.Fatal(err)
	}
	p := &play{World: w, rules: cases.NewRules(w.Register, w.Tables)}
	if p.c, err = p.rules.Apply(nil, r); err != nil {
		w.Fatal(err)
	}
	p.do("bureau-officer", cases.Event{Act: cases.Submit, Refs: cases.Refs(map[string]suite.Digest{"criteria": suite.DigestOf([]byte("criteria"))})})
	p.do("op", cases.Event{Act: cases.Submit, Refs: cases.Refs(map[string]suite.Digest{"self-report": suite.DigestOf([]byte("report"))})})
	p.do("bureau-2", cases.Event{Act: cases.Filed, Filing: &cases.Filing{Name: "usage-facts", Digest: suite.DigestOf([]byte("facts")), Media: "text/csv", Title: "使用事实"}})
	basis := []cases.Basis{{Source: cases.House, Text: "评分细则"}}
	p.do("bureau-2", cases.Event{Act: cases.Decide, Ruling: &cases.Ruling{On: p.c.Matter(), Verdict: v, Basis: basis}})
	return p.c
}

func (w *World) tick() time.Time {
	w.at = w.at.Add(time.Minute)
	return w.at.UTC().Truncate(time.Second)
}

// Table is the procedure of a kind, by the way that the city sets for the
// channel.
func (w *World) Table(kind, channel string) cases.Table {
	w.Helper()
	var t cases.Table
	var err error
	switch route, _ := w.Profile.Rule(channel + ".route"); {
	case channel == "" || channel == profile.ByOperation:
		t, err = w.Tables.Newest(kind)
	case len(route.Value.List()) > 0:
		t, err = w.Tables.Way(kind, channel, route.Value.List())
	case channel == profile.BySharing:
		t, err = w.Tables.Way(kind, channel, []string{"bureau", "provider"})
	default:
		t, err = w.Tables.Way(kind, channel, []string{"provider", "bureau"})
	}
	if err != nil {
		w.Fatal(err)
	}
	return t
}

// play is one case being acted.
type play struct {
	*World
	entry

	rules cases.Rules
	c     *cases.Case
	asked map[string]bool // people who have decided
}

func (p *play) do(user string, e cases.Event) {
	p.Helper()
	e.At = p.tick()
	r, err := p.c.Say(p.Keys[user], e)
	if err != nil {
		p.Fatal(err)
	}
	if p.c, err = p.rules.Apply(p.c, r); err != nil {
		stage, _ := p.c.Stage()
		p.Fatalf("%s, %s: %s by %s: %v", p.id, stage, e.Act, user, err)
	}
}

func (p *play) stage(id string) {
	p.Helper()
	s, ok := p.c.Table().Stage(id)
	if !ok {
		p.Fatalf("%s: no stage %s", p.id, id)
	}
	if s.Work == cases.Hand {
		for _, name := range slices.Concat(s.Evidence, p.vendors()) {
			p.do(p.by, cases.Event{Act: cases.Filed, Filing: Doc(name)})
		}
		p.do(p.by, cases.Event{Act: cases.Submit, Refs: cases.Refs(p.refs)})
		return
	}
	for _, o := range s.Owners {
		for _, org := range p.orgs(o) {
			for range max(1, s.Quorum) {
				p.decide(s, o, org)
			}
		}
	}
}

// vendors are the papers of a third party that gate G10 asks for, and no table.
func (p *play) vendors() []string {
	if p.kind != "program.review" {
		return nil
	}
	return slices.Sorted(maps.Keys(p.Program.Papers))
}

func (p *play) orgs(o cases.Owner) []string {
	return p.parties[o.Seat]
}

// decide has one more person of an organisation check what is to be checked, and
// allow.
func (p *play) decide(s cases.Stage, o cases.Owner, org string) {
	p.Helper()
	role := map[cases.Seat]governance.Role{cases.Bureau: governance.RoleBureau, cases.Provider: governance.RoleOfficer, cases.Operator: governance.RoleOperator}[o.Seat]
	for _, id := range slices.Sorted(maps.Keys(p.Users)) {
		u := p.Users[id]
		if u.Org != org || u.Role != role || p.asked[id] || id == p.by {
			continue
		}
		p.asked[id] = true
		for _, e := range p.c.Evidence() {
			if (slices.Contains(s.Verified, e.Name) || slices.Contains(p.vendors(), e.Name)) && e.By == "" {
				f := e.Filing
				p.do(id, cases.Event{Act: cases.Attest, Filing: &f, Text: "电话核对"})
			}
		}
		p.do(id, cases.Event{Act: cases.Decide, Ruling: &cases.Ruling{On: p.c.Matter(), Verdict: cases.Allow}})
		return
	}
	p.Fatalf("%s, %s: nobody of %s is left to decide", p.kind, s.ID, org)
}

// Doc is a document to be filed.
func Doc(name string) *cases.Filing {
	return &cases.Filing{Name: name, Digest: suite.DigestOf([]byte(name)), Media: "application/pdf", Title: "文件 " + name}
}

// Source keeps the facts of a world for Gather.
type Source struct{ gates.Facts }

var _ gates.Source = Source{}

// Rules gives the world's profile and no other.
func (s Source) Rules(_ context.Context, want profile.Frozen) (profile.Profile, error) {
	if s.Profile.Frozen() != want {
		return profile.Profile{}, fault.NotFound
	}
	return s.Profile, nil
}

// Case gives one of the world's cases.
func (s Source) Case(_ context.Context, id string) (*cases.Case, error) {
	if c, ok := s.Cases[id]; ok {
		return c, nil
	}
	return nil, fault.NotFound
}

// Paper gives one of the world's papers.
func (s Source) Paper(_ context.Context, d suite.Digest) ([]byte, error) {
	if raw, ok := s.Papers[d]; ok {
		return raw, nil
	}
	return nil, fault.NotFound
}

// Evaluations gives the operator's yearly evaluations.
func (s Source) Evaluations(context.Context, string) ([]*cases.Case, error) {
	return slices.Concat(slices.Collect(maps.Values(s.Years))...), nil
}

// Holds gives what is held.
func (s Source) Holds(context.Context) ([]gates.Hold, error) { return s.Facts.Holds, nil }

// Duties gives the operator's duties.
func (s Source) Duties(context.Context, string) ([]gates.Duty, error) { return s.Facts.Duties, nil }

// Consent gives one of the world's consents.
func (s Source) Consent(_ context.Context, id string) ([]byte, *cases.Case, error) {
	if raw, ok := s.Consents[id]; ok {
		return raw, s.Recorded[id], nil
	}
	return nil, nil, fault.NotFound
}

// Newest gives the entry in force.
func (s Source) Newest(_ context.Context, dataset, _ string) (*cases.Case, error) {
	if c, ok := s.Facts.Newest[dataset]; ok {
		return c, nil
	}
	return nil, fault.NotFound
}

// Replaced gives what has taken the place of a case.
func (s Source) Replaced(_ context.Context, c *cases.Case) (string, error) {
	return s.Facts.Replaced[c.ID()], nil
}

// Used gives how often the permit was used.
func (s Source) Used(context.Context, string) (int, error) { return s.Facts.Used, nil }
