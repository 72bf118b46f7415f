package governance_test

import (
	"slices"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

var now = governancetest.Now

// refused checks that err is the refusal of code ("" for none), citing basis
// ("" for any).
func refused(t *testing.T, name string, err error, code fault.Code, basis string) {
	t.Helper()
	switch r := fault.Show(err); {
	case code == "" && err != nil:
		t.Errorf("%s: refused: %v", name, err)
	case code == "":
	case err == nil:
		t.Errorf("%s: allowed, want %s", name, code)
	case r.Code != code || basis != "" && r.Basis != basis:
		t.Errorf("%s: %s citing %q, want %s citing %q", name, r.Code, r.Basis, code, basis)
	case r.Basis == "":
		t.Errorf("%s: %s cites nothing", name, r.Code)
	}
}

func TestMayAddOrg(t *testing.T) {
	town := governancetest.NewTown(t)
	good := governance.Org{ID: "school", Title: "学校", Kind: governance.Provider}
	for _, c := range []struct {
		name, by string
		change   func(*governance.Org)
		want     fault.Code
	}{
		{"by the root key", "root", func(*governance.Org) {}, ""},
		{"by the bureau's officer", "bureau-officer", func(*governance.Org) {}, "root-only"},
		{"by the coordinator", "yuneid", func(*governance.Org) {}, "root-only"},
		{"registered before", "root", func(o *governance.Org) { o.ID = "bureau" }, "registered"},
		{"no kind", "root", func(o *governance.Org) { o.Kind = "" }, "registration"},
		{"no title", "root", func(o *governance.Org) { o.Title = "" }, "registration"},
		{"a line break in the title", "root", func(o *governance.Org) { o.Title = "a\nb" }, "registration"},
		{"not a name", "root", func(o *governance.Org) { o.ID = "../x" }, "registration"},
	} {
		o := good
		c.change(&o)
		refused(t, c.name, town.MayAddOrg(town.Keys[c.by].Public(), o), c.want, "")
	}
	refused(t, "by no key, with no root", governance.Register{}.MayAddOrg("", good), "root-only", "")
}

func TestMayAddUser(t *testing.T) {
	town := governancetest.NewTown(t)
	fresh := town.Stranger(t).Public()
	for _, c := range []struct {
		name, by string
		change   func(*governance.User)
		want     fault.Code
	}{
		{"by the root key", "root", func(*governance.User) {}, ""},
		{"by the bureau's officer", "bureau-officer", func(*governance.User) {}, "root-only"},
		{"registered before", "root", func(u *governance.User) { u.ID = "op" }, "registered"},
		{"an operator's checker", "root", func(u *governance.User) { u.Org = "operator" }, "role-org"},
		{"an operator's auditor", "root", func(u *governance.User) { u.Org, u.Role = "operator", governance.RoleAuditor }, "role-org"},
		{"a bureau's provider officer", "root", func(u *governance.User) { u.Org, u.Role = "bureau", governance.RoleOfficer }, "role-org"},
		{"no such organisation", "root", func(u *governance.User) { u.Org = "nowhere" }, "role-org"},
		{"no role", "root", func(u *governance.User) { u.Role = "" }, "role-org"},
		{"another's key", "root", func(u *governance.User) { u.Key = town.Keys["op"].Public() }, "key-used"},
		{"the coordinator's key", "root", func(u *governance.User) { u.Key = town.Keys["yuneid"].Public() }, "key-used"},
		{"the root key", "root", func(u *governance.User) { u.Key = town.Root }, "key-used"},
		{"no key", "root", func(u *governance.User) { u.Key = "" }, "registration"},
		{"a key that is over", "root", func(u *governance.User) { u.NotAfter = now }, "registration"},
		{"no name", "root", func(u *governance.User) { u.Name = "" }, "registration"},
	} {
		u := governance.User{ID: "new", Name: "新人", Org: "audit", Role: governance.RoleChecker, Key: fresh, NotAfter: now.AddDate(1, 0, 0)}
		c.change(&u)
		refused(t, c.name, town.MayAddUser(town.Keys[c.by].Public(), u, now), c.want, "")
	}
}

func TestMayAddProcess(t *testing.T) {
	town := governancetest.NewTown(t)
	fresh := town.Stranger(t).Public()
	for _, c := range []struct {
		name, by string
		change   func(*governance.Process)
		want     fault.Code
	}{
		{"by the root key", "root", func(*governance.Process) {}, ""},
		{"by the coordinator", "yuneid", func(*governance.Process) {}, "root-only"},
		{"registered before", "root", func(p *governance.Process) { p.Name = "site-hospital" }, "registered"},
		{"a site not called one", "root", func(p *governance.Process) { p.Name = "school" }, "registration"},
		{"a gate called a site", "root", func(p *governance.Process) { p.Kind = governance.Gate }, "registration"},
		{"no duty", "root", func(p *governance.Process) { p.Kind = "" }, "registration"},
		{"a person's key", "root", func(p *governance.Process) { p.Key = town.Keys["hospital-officer"].Public() }, "key-used"},
	} {
		p := governance.Process{Name: "site-school", Kind: governance.Site, Key: fresh}
		c.change(&p)
		refused(t, c.name, town.MayAddProcess(town.Keys[c.by].Public(), p), c.want, "")
	}
}

func TestMayCatalogue(t *testing.T) {
	town := governancetest.NewTown(t)
	v2 := governance.Version{ID: "v2", Rows: 1100, At: now}
	for _, c := range []struct {
		name, by string
		change   func(*governance.Entry)
		want     fault.Code
		basis    string
	}{
		{"a new entry", "hospital-officer", func(e *governance.Entry) { e.ID = "beds" }, "", ""},
		{"a further version", "hospital-officer", func(e *governance.Entry) { e.Versions = append(e.Versions, v2) }, "", ""},
		{"nothing new", "hospital-officer", func(*governance.Entry) {}, "catalogue-change", ""},
		{"another's data", "transit-officer", func(e *governance.Entry) { e.ID = "beds" }, "role", governancetest.Article8},
		{"by an administrator", "hospital-admin", func(e *governance.Entry) { e.ID = "beds" }, "role", governancetest.Article8},
		{"by the coordinator", "yuneid", func(e *governance.Entry) { e.ID = "beds" }, "unknown-key", ""},
		{"another's domain", "hospital-officer", func(e *governance.Entry) { e.ID, e.Domain = "beds", "transit" }, "catalogue-domain", ""},
		{"a role changed", "hospital-officer", func(e *governance.Entry) {
			e.Versions, e.Columns[0].Role = append(e.Versions, v2), governance.Measure
		}, "catalogue-change", ""},
		{"rows changed", "hospital-officer", func(e *governance.Entry) { e.Versions = []governance.Version{{ID: "v1", Rows: 1, At: now}, v2} }, "catalogue-change", ""},
		{"a version twice", "hospital-officer", func(e *governance.Entry) { e.Versions = append(e.Versions, e.Versions[0]) }, "catalogue-entry", governancetest.Article8},
		{"no columns", "hospital-officer", func(e *governance.Entry) { e.Columns = nil }, "catalogue-entry", ""},
		{"a column twice", "hospital-officer", func(e *governance.Entry) { e.Columns = append(e.Columns, e.Columns[0]) }, "catalogue-entry", ""},
		{"a column without role", "hospital-officer", func(e *governance.Entry) { e.Columns[1].Role = "" }, "catalogue-entry", ""},
		{"no sharing attribute", "hospital-officer", func(e *governance.Entry) { e.Share = "" }, "catalogue-entry", ""},
		{"no schema", "hospital-officer", func(e *governance.Entry) { e.Schema = "" }, "catalogue-entry", ""},
	} {
		e := governancetest.Entry("hospital")
		c.change(&e)
		refused(t, c.name, town.MayCatalogue(town.Keys[c.by].Public(), e, now), c.want, c.basis)
	}
}

func TestMayLicense(t *testing.T) {
	town := governancetest.NewTown(t)
	for _, c := range []struct {
		name, by string
		change   func(*governance.Licence)
		want     fault.Code
		basis    string
	}{
		{"three years", "bureau-officer", func(l *governance.Licence) { l.NotAfter = l.NotBefore.AddDate(3, 0, 0) }, "", ""},
		{"more, without reason", "bureau-officer", func(l *governance.Licence) { l.NotAfter = l.NotBefore.AddDate(3, 0, 1) }, "licence-term", governancetest.Article32},
		{"more, with a reason", "bureau-officer", func(l *governance.Licence) {
			l.NotAfter, l.Reason = l.NotBefore.AddDate(4, 0, 0), "延续性项目"
		}, "", ""},
		{"more than five", "bureau-officer", func(l *governance.Licence) {
			l.NotAfter, l.Reason = l.NotBefore.AddDate(5, 0, 1), "延续性项目"
		}, "licence-term", governance.House},
		{"by a provider", "hospital-officer", func(*governance.Licence) {}, "role", governancetest.Article32},
		{"by the operator", "op", func(*governance.Licence) {}, "role", ""},
		{"by the root key", "root", func(*governance.Licence) {}, "unknown-key", ""},
		{"to a provider", "bureau-officer", func(l *governance.Licence) { l.Operator = "hospital" }, "licence-operator", governancetest.Article32},
		{"granted before", "bureau-officer", func(l *governance.Licence) { l.ID = "l-1" }, "registered", ""},
		{"no purpose", "bureau-officer", func(l *governance.Licence) { l.Purposes = nil }, "registration", ""},
		{"no basis", "bureau-officer", func(l *governance.Licence) { l.Basis = "" }, "registration", ""},
		{"no time", "bureau-officer", func(l *governance.Licence) { l.NotAfter = l.NotBefore }, "registration", ""},
	} {
		l := governancetest.Licence()
		l.ID = "l-2"
		c.change(&l)
		refused(t, c.name, town.MayLicense(town.Keys[c.by].Public(), l, now), c.want, c.basis)
	}
}

// in is what a test of InOrder may change.
type in struct {
	town  *governancetest.Town
	terms *jobs.Terms
	by    string
	now   time.Time
}

func (i *in) shiftLicence(years int) {
	l := i.town.Licences["l-1"]
	l.NotBefore, l.NotAfter = l.NotBefore.AddDate(years, 0, 0), l.NotAfter.AddDate(years, 0, 0)
	i.town.Licences["l-1"] = l
}

func TestInOrder(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*in)
		want   fault.Code
		basis  string
	}{
		{"in order", func(*in) {}, "", ""},
		{"proposed by the bureau", func(i *in) { i.by = "bureau-officer" }, "role", governancetest.Article34i},
		{"proposed by a colleague", func(i *in) { i.by = "op2" }, "terms-keys", ""},
		{"proposed by a rival", func(i *in) { i.by = "rival" }, "terms-keys", ""},
		{"proposed by the coordinator", func(i *in) { i.by = "yuneid" }, "unknown-key", ""},
		{"not well-formed", func(i *in) { i.terms.Uses = 0 }, "invalid", ""},
		{"no purpose", func(i *in) { i.terms.Purpose = "" }, "invalid", ""},
		{"over", func(i *in) { i.now = i.terms.NotAfter }, "invalid", ""},
		{"no licence", func(i *in) { delete(i.town.Licences, "l-1") }, "licence", governancetest.Article32},
		{"licence expired", func(i *in) { i.shiftLicence(-3) }, "licence", governancetest.Article32},
		{"licence to come", func(i *in) { i.shiftLicence(1) }, "licence", ""},
		{"a rival's licence", func(i *in) { l := i.town.Licences["l-1"]; l.Operator = "rival"; i.town.Licences["l-1"] = l }, "licence", ""},
		{"beyond the licence", func(i *in) { i.terms.NotAfter = now.AddDate(3, 0, 0) }, "licence-span", governancetest.Article32},
		{"before the licence", func(i *in) { i.terms.NotBefore = now.AddDate(-1, 0, 0) }, "licence-span", ""},
		{"another purpose", func(i *in) { i.terms.Purpose = "marketing" }, "licence-purpose", governancetest.Article34i},
		{"no such dataset", func(i *in) { i.terms.Members[0].Dataset = "beds" }, "uncatalogued", governancetest.Article34i},
		{"no such version", func(i *in) { i.terms.Members[0].Version = "v9" }, "uncatalogued", ""},
		{"another schema", func(i *in) { i.terms.Members[0].Schema = suite.DigestOf(nil) }, "uncatalogued", ""},
		{"another's dataset", func(i *in) { i.terms.Members[0].Dataset = i.terms.Members[1].Dataset }, "uncatalogued", ""},
		{"another provider", func(i *in) { i.terms.Members[0].Provider.Org = "audit" }, "uncatalogued", ""},
		{"no such column", func(i *in) { i.terms.Members[0].Columns = []string{"height"} }, "column", ""},
		{"the unit's number", func(i *in) { i.terms.Members[0].Columns = []string{"id_number"} }, "identifier", governance.House},
		{"a telephone number", func(i *in) { i.terms.Members[1].Columns = []string{"phone"} }, "identifier", ""},
		{"another gate", func(i *in) { i.terms.Gate.Key = i.town.Stranger(t).Public() }, "terms-keys", ""},
		{"another coordinator", func(i *in) { i.terms.Coordinator.Key = i.town.Stranger(t).Public() }, "terms-keys", ""},
		{"another trustee", func(i *in) { i.terms.Trustees.Members[1].Key = i.town.Stranger(t).Public() }, "terms-keys", ""},
		{"another site", func(i *in) { i.terms.Members[0].Site.Key = i.town.Stranger(t).Public() }, "terms-keys", ""},
		{"the operator's own desk", func(i *in) { b, _ := suite.NewBox(); i.terms.Desk = b.Public() }, "terms-keys", ""},
		{"an administrator for the officer", func(i *in) { i.terms.Members[0].Provider = i.town.Signer("hospital-admin") }, "terms-keys", ""},
		{"the coordinator for the provider", func(i *in) {
			i.terms.Members[0].Provider.Key, i.terms.Coordinator.Key = i.terms.Coordinator.Key, i.terms.Members[0].Provider.Key
		}, "terms-keys", ""},
		{"a checker for the bureau", func(i *in) { i.terms.Bureau = i.town.Signer("outsider") }, "terms-keys", ""},
		{"an unregistered checker", func(i *in) { i.terms.Checkers[0].Key = i.town.Stranger(t).Public() }, "checkers", governance.House},
		{"a colleague as checker", func(i *in) { i.terms.Checkers[0] = i.town.Signer("op2") }, "checkers", ""},
		{"a checker seated at the operator", func(i *in) {
			u := i.town.Users["checker-a"] // no rule registers such a user; a register that has one is not believed
			u.Org = "operator"
			i.town.Users["checker-a"] = u
			i.terms.Checkers[0].Org = "operator"
		}, "checkers", governance.House},
		{"an auditor as checker", func(i *in) { i.terms.Checkers[0] = i.town.Signer("auditor") }, "checkers", ""},
	} {
		town := governancetest.NewTown(t)
		terms := town.Terms()
		i := in{town, &terms, "op", now}
		c.change(&i)
		refused(t, c.name, town.InOrder(town.Keys[i.by].Public(), terms, i.now), c.want, c.basis)
	}
}

func TestMayDecide(t *testing.T) {
	for _, c := range []struct {
		name      string
		have      int // decisions at hand, of those in order
		who, org  string
		kind      receipt.Kind
		want      fault.Code
		basis     string
		afterward time.Duration
	}{
		{name: "apply", have: 0, who: "op", org: "operator", kind: jobs.Apply},
		{name: "first grant", have: 1, who: "hospital-officer", org: "hospital", kind: jobs.Grant},
		{name: "grants in any order", have: 1, who: "transit-officer", org: "transit", kind: jobs.Grant},
		{name: "agreement", have: 3, who: "op", org: "operator", kind: jobs.Agree},
		{name: "the bureau first", have: 3, who: "bureau-officer", org: "bureau", kind: jobs.Agree},
		{name: "grant before the application", have: 0, who: "hospital-officer", org: "hospital", kind: jobs.Grant, want: "decision-early", basis: governancetest.Article34ii},
		{name: "agreement before the review has passed", have: 2, who: "bureau-officer", org: "bureau", kind: jobs.Agree, want: "decision-early", basis: governancetest.Article34iii},
		{name: "apply twice", have: 1, who: "op", org: "operator", kind: jobs.Apply, want: "decision-twice"},
		{name: "grant twice", have: 2, who: "hospital-officer", org: "hospital", kind: jobs.Grant, want: "decision-twice"},
		{name: "a provider agrees", have: 3, who: "hospital-officer", org: "hospital", kind: jobs.Agree, want: "decision-foreign", basis: governancetest.Article34iii},
		{name: "the bureau grants", have: 1, who: "bureau-officer", org: "bureau", kind: jobs.Grant, want: "decision-foreign", basis: governancetest.Article34ii},
		{name: "an administrator grants", have: 1, who: "hospital-admin", org: "hospital", kind: jobs.Grant, want: "decision-foreign"},
		{name: "a colleague applies", have: 0, who: "op2", org: "operator", kind: jobs.Apply, want: "decision-foreign", basis: governancetest.Article34i},
		{name: "for another organisation", have: 1, who: "hospital-officer", org: "transit", kind: jobs.Grant, want: "decision-foreign"},
		{name: "a stranger", have: 1, who: "stranger", org: "hospital", kind: jobs.Grant, want: "unknown-key"},
		{name: "the root key", have: 1, who: "root", org: "bureau", kind: jobs.Agree, want: "unknown-key"},
		{name: "no decision at all", have: 0, who: "op", org: "operator", kind: jobs.Start, want: "decision-foreign"},
		{name: "everything is decided", have: 5, who: "bureau-officer", org: "bureau", kind: jobs.Agree, want: "decision-twice"},
		{name: "the terms are over", have: 1, who: "hospital-officer", org: "hospital", kind: jobs.Grant, want: "permit-expired", afterward: 366 * 24 * time.Hour},
	} {
		town := governancetest.NewTown(t)
		town.Stranger(t)
		terms := town.Terms()
		r := town.Decide(t, c.who, c.org, c.kind, terms)
		refused(t, c.name, town.MayDecide(terms, town.Decisions(t, terms)[:c.have], r, now.Add(c.afterward)), c.want, c.basis)
	}
}

// What the platform holds decides nothing: whichever process's key signs,
// whatever it signs, at any stage.
func TestProcessesDecideNothing(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	all := town.Decisions(t, terms)
	for name := range town.Processes {
		for have := range len(all) + 1 {
			for _, kind := range []receipt.Kind{jobs.Apply, jobs.Grant, jobs.Agree} {
				for org := range town.Orgs {
					r := town.Decide(t, name, org, kind, terms)
					refused(t, name+" decides", town.MayDecide(terms, all[:have], r, now), "unknown-key", "")
				}
			}
		}
		commit, open := town.Vote(t, name, 0, town.Ballot("r-1", terms), terms, true)
		refused(t, name+" votes", town.MayCommit(terms, "r-1", nil, commit, now), "unknown-key", "")
		refused(t, name+" opens", town.MayOpen(terms, town.Ballot("r-1", terms), nil, nil, open, now), "unknown-key", "")
		refused(t, name+" registers", town.MayAddOrg(town.Keys[name].Public(), governance.Org{ID: "x", Title: "x", Kind: governance.Bureau}), "root-only", "")
		_, err := town.MayStart(permit(t, town, terms), town.Start(t, name, "r-1", terms), 0, now)
		refused(t, name+" starts", err, "unknown-key", "")
		refused(t, name+" is heard", town.Known(town.Keys[name].Public(), now), "unknown-key", "")
	}
}

func TestDecisionsOnOtherTerms(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	altered := town.Terms()
	altered.Shape.Units.Sigma++ // less would be asked, and nobody decided on it
	r := town.Decide(t, "hospital-officer", "hospital", jobs.Grant, altered)
	refused(t, "a grant of other terms", town.MayDecide(terms, town.Decisions(t, terms)[:1], r, now), "tampered", "")
}

func TestLicenceAtEachDecision(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	all := town.Decisions(t, terms)
	l := town.Licences["l-1"]
	l.NotAfter = now.Add(time.Hour)
	town.Licences["l-1"] = l
	for i, r := range all {
		refused(t, "a decision after the licence", town.MayDecide(terms, all[:i], r, now.Add(2*time.Hour)), "licence", governancetest.Article32)
	}
	_, err := town.MayStart(permit(t, town, terms), town.Start(t, "op", "r-1", terms), 0, now.Add(2*time.Hour))
	refused(t, "a run after the licence", err, "licence", governancetest.Article32)
}

// Only who operates data needs a licence: no city asks one of who has them by
// sharing or by opening.
func TestLicenceIsForOperation(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	delete(town.Licences, "l-1")
	for channel, want := range map[string]fault.Code{"authop": "licence", "share": "", "open": ""} {
		terms.Under = &jobs.Under{Channel: channel}
		refused(t, channel, town.Licensed(terms, now), want, governancetest.Article32)
	}
	terms.Under = nil
	refused(t, "of no channel", town.Licensed(terms, now), "licence", governancetest.Article32)
}

func TestStages(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	all := town.Decisions(t, terms)
	for have, want := range []struct {
		stage governance.Stage
		turn  []string
	}{
		{governance.Proposed, []string{"operator"}},
		{governance.Reviewing, []string{"hospital", "transit"}},
		{governance.Reviewing, []string{"transit"}},
		{governance.Agreeing, []string{"operator", "bureau"}},
		{governance.Agreeing, []string{"bureau"}},
		{governance.Permitted, nil},
	} {
		stage, turn := governance.StageOf(terms, all[:have], now)
		if stage != want.stage || !slices.Equal(turn, want.turn) {
			t.Errorf("%d decisions: %s, %v; want %s, %v", have, stage, turn, want.stage, want.turn)
		}
	}
	if stage, turn := governance.StageOf(terms, all, terms.NotAfter); stage != governance.Ended || turn != nil {
		t.Errorf("at its end: %s, %v", stage, turn)
	}
}

// Every stage has a word of its own, and every kind of decision is due at just
// one of them; numbers beyond the table are the stage where nothing is.
func TestStageTableIsTotal(t *testing.T) {
	words, due := map[string]bool{}, map[receipt.Kind]int{}
	for s := range governance.Ended + 1 {
		text, err := s.MarshalText()
		if err != nil || len(text) == 0 || words[string(text)] {
			t.Errorf("stage %d: word %q: %v", s, text, err)
		}
		words[string(text)] = true
		due[s.Due()]++
		var back governance.Stage
		if err := back.UnmarshalText(text); err != nil || back != s {
			t.Errorf("%s reads back as %s: %v", s, back, err)
		}
	}
	if due[jobs.Apply] != 1 || due[jobs.Grant] != 1 || due[jobs.Agree] != 1 || due[""] != 3 {
		t.Errorf("decisions due: %v", due)
	}
	if s := governance.Stage(200); s.String() != "none" || s.Due() != "" {
		t.Errorf("beyond the table: %s, %q", s, s.Due())
	}
	var s governance.Stage
	if err := s.UnmarshalText([]byte("approved")); err == nil || s != governance.NoStage {
		t.Errorf("an unknown word is %s", s)
	}
}

func permit(t *testing.T, town *governancetest.Town, terms jobs.Terms) jobs.Permit {
	t.Helper()
	raw, err := governance.Assemble(terms, town.Decisions(t, terms))
	if err != nil {
		t.Fatal(err)
	}
	p, err := jobs.OpenPermit(raw, town.Pins(terms, now))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestMayStart(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	p := permit(t, town, terms)
	other := town.Terms()
	other.ID = "p-2"
	for _, c := range []struct {
		name string
		r    receipt.Receipt
		used int
		now  time.Time
		want fault.Code
	}{
		{"the operator", town.Start(t, "op", "r-1", terms), 0, now, ""},
		{"the last use", town.Start(t, "op", "r-1", terms), 1, now, ""},
		{"no use left", town.Start(t, "op", "r-1", terms), 2, now, "permit-spent"},
		{"a colleague", town.Start(t, "op2", "r-1", terms), 0, now, "permit-foreign"},
		{"a rival", town.Start(t, "rival", "r-1", terms), 0, now, "permit-foreign"},
		{"the bureau", town.Start(t, "bureau-officer", "r-1", terms), 0, now, "role"},
		{"another permit", town.Start(t, "op", "r-1", other), 0, now, "permit-foreign"},
		{"too early", town.Start(t, "op", "r-1", terms), 0, terms.NotBefore.Add(-1), "permit-early"},
		{"too late", town.Start(t, "op", "r-1", terms), 0, terms.NotAfter, "permit-expired"},
	} {
		_, err := town.MayStart(p, c.r, c.used, c.now)
		if r := fault.Show(err); err == nil && c.want != "" || err != nil && r.Code != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	for _, name := range []string{"site-transit", "trustee-2", "gate", "yuneid"} {
		kept := town.Processes[name]
		gone := kept
		gone.Revoked = true
		town.Processes[name] = gone
		_, err := town.MayStart(p, town.Start(t, "op", "r-1", terms), 0, now)
		refused(t, "without "+name, err, "process-revoked", governance.House)
		town.Processes[name] = kept
	}
	_, err := town.MayStart(jobs.Permit{}, town.Start(t, "op", "r-1", terms), 0, now)
	if err == nil {
		t.Error("the zero permit starts a run")
	}
}

func TestSees(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	terms.Recipients = []string{"operator", "rival"}
	for id, want := range map[string][3]bool{ // the run, the candidate, the release
		"op": {true, false, true}, "op2": {true, false, true}, "rival": {false, false, true},
		"hospital-officer": {true, false, true}, "hospital-admin": {true, false, true},
		"bureau-officer": {true, true, true}, "auditor": {true, false, true},
		"checker-a": {true, true, true}, "outsider": {false, false, false},
	} {
		u := town.Users[id]
		if got := [3]bool{governance.Sees(u, terms), governance.SeesCandidate(u, terms), governance.Receives(u, terms)}; got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
	if zero := (governance.User{}); governance.Sees(zero, terms) || governance.SeesCandidate(zero, terms) || governance.Receives(zero, terms) {
		t.Error("nobody sees something")
	}
}

func TestUserEnds(t *testing.T) {
	town := governancetest.NewTown(t)
	u := town.Users["op"]
	refused(t, "live", town.Known(u.Key, u.NotAfter.Add(-1)), "", "")
	refused(t, "over", town.Known(u.Key, u.NotAfter), "unknown-key", "")
	refused(t, "root", town.Known(town.Root, now), "", "")
	refused(t, "no key", town.Known("", now), "unknown-key", "")
}
