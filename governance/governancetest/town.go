// Package governancetest builds a small town for tests: a bureau, an operator,
// two providers, an auditing body, their people and processes with fresh keys,
// a catalogue, a licence, and terms that are in order. It holds the private
// keys of everyone, which is why it is for tests alone.
package governancetest

import (
	"testing"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Now is the instant at which the town stands.
var Now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// What the rules of the town's city say, where a refusal cites them.
const (
	Article8     = "贵阳贵安 第八条第二款（征求意见稿）"
	Article32    = "贵阳贵安 第三十二条（征求意见稿）"
	Article34i   = "贵阳贵安 第三十四条第（一）项（征求意见稿）"
	Article34ii  = "贵阳贵安 第三十四条第（二）项（征求意见稿）"
	Article34iii = "贵阳贵安 第三十四条第（三）项（征求意见稿）"
)

// A Town is a register and everybody's keys, by the id of the user or the name
// of the process; the root key's is "root".
type Town struct {
	governance.Register
	Keys map[string]suite.PrivateKey
	Desk suite.Box
}

// Users, by id, with organisation and role.
var people = []governance.User{
	{ID: "op", Org: "operator", Role: governance.RoleOperator},
	{ID: "op2", Org: "operator", Role: governance.RoleOperator},
	{ID: "rival", Org: "rival", Role: governance.RoleOperator},
	{ID: "hospital-officer", Org: "hospital", Role: governance.RoleOfficer},
	{ID: "hospital-admin", Org: "hospital", Role: governance.RoleAdmin},
	{ID: "transit-officer", Org: "transit", Role: governance.RoleOfficer},
	{ID: "bureau-officer", Org: "bureau", Role: governance.RoleBureau},
	{ID: "bureau-2", Org: "bureau", Role: governance.RoleBureau},
	{ID: "checker-a", Org: "bureau", Role: governance.RoleChecker},
	{ID: "checker-b", Org: "audit", Role: governance.RoleChecker},
	{ID: "checker-c", Org: "audit", Role: governance.RoleChecker},
	{ID: "outsider", Org: "audit", Role: governance.RoleChecker}, // named by no terms
	{ID: "auditor", Org: "audit", Role: governance.RoleAuditor},
}

var processes = []governance.Process{
	{Name: "site-hospital", Kind: governance.Site},
	{Name: "site-transit", Kind: governance.Site},
	{Name: "trustee-1", Kind: governance.Committee},
	{Name: "trustee-2", Kind: governance.Committee},
	{Name: "trustee-3", Kind: governance.Committee},
	{Name: "gate", Kind: governance.Gate},
	{Name: "yuneid", Kind: governance.Coordinator},
}

// NewTown builds a town.
func NewTown(t testing.TB) *Town {
	t.Helper()
	town := &Town{Keys: map[string]suite.PrivateKey{}}
	box, err := suite.NewBox()
	if err != nil {
		t.Fatal(err)
	}
	town.Desk = box
	town.Register = governance.Register{
		Root: town.draw(t, "root"),
		Orgs: map[string]governance.Org{}, Users: map[string]governance.User{}, Processes: map[string]governance.Process{},
		Catalogue: map[string]governance.Entry{}, Licences: map[string]governance.Licence{"l-1": Licence()},
	}
	rules, err := profiles.Get("guiyang")
	if err != nil {
		t.Fatal(err)
	}
	town.Rules = rules
	for id, kind := range map[string]governance.Kind{
		"operator": governance.Operator, "rival": governance.Operator, "hospital": governance.Provider,
		"transit": governance.Provider, "bureau": governance.Bureau, "audit": governance.Trustee,
	} {
		town.Orgs[id] = governance.Org{ID: id, Title: "单位 " + id, Kind: kind}
	}
	for _, u := range people {
		u.Name, u.Key, u.NotAfter = "人员 "+u.ID, town.draw(t, u.ID), Now.AddDate(2, 0, 0)
		town.Users[u.ID] = u
	}
	for _, p := range processes {
		p.Key = town.draw(t, p.Name)
		if p.Kind == governance.Coordinator {
			p.Box = box.Public()
		}
		town.Processes[p.Name] = p
	}
	for _, domain := range []string{"hospital", "transit"} {
		e := Entry(domain)
		town.Catalogue[e.ID] = e
	}
	return town
}

func (w *Town) draw(t testing.TB, name string) suite.PublicKey {
	t.Helper()
	key, err := suite.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	w.Keys[name] = key
	return key.Public()
}

// Stranger draws a key that nobody registered.
func (w *Town) Stranger(t testing.TB) suite.PrivateKey {
	t.Helper()
	w.draw(t, "stranger")
	return w.Keys["stranger"]
}

// Licence is one that covers Terms.
func Licence() governance.Licence {
	return governance.Licence{
		ID: "l-1", Operator: "operator", Field: "卫生健康", Purposes: []string{"public-health"},
		NotBefore: Now.AddDate(0, -1, 0), NotAfter: Now.AddDate(2, 0, 0), Basis: Article32,
	}
}

// Entry is a catalogue entry of a domain whose provider has the same name.
func Entry(domain string) governance.Entry {
	return governance.Entry{
		ID: domain + "-visits", Title: "就诊记录", Provider: domain, Domain: domain, Share: governance.Conditional,
		Schema: suite.DigestOf([]byte(domain)),
		Columns: []governance.Column{
			{Name: "id_number", Type: "person", Role: governance.UnitIdentifier},
			{Name: "phone", Type: "text", Role: governance.DirectIdentifier},
			{Name: "district", Type: "code", Role: governance.Frame, Codes: []string{"520102", "520103"}},
			{Name: "days", Type: "int", Role: governance.Measure},
		},
		Versions: []governance.Version{{ID: "v1", Rows: 1000, At: Now.AddDate(0, 0, -3)}},
	}
}

// Signer is a user as terms name them.
func (w *Town) Signer(id string) jobs.Signer {
	return jobs.Signer{Org: w.Users[id].Org, Key: w.Users[id].Key}
}

func (w *Town) process(name string) jobs.Process {
	return jobs.Process{Name: name, Key: w.Processes[name].Key}
}

// Program is the module that Terms names.
var Program = []byte("\x00asm\x01\x00\x00\x00")

// Terms are terms in order, for two runs.
func (w *Town) Terms() jobs.Terms {
	member := func(domain string) jobs.Member {
		e := Entry(domain)
		return jobs.Member{
			Domain: domain, Provider: w.Signer(domain + "-officer"), Site: w.process("site-" + domain),
			Dataset: e.ID, Version: "v1", Schema: e.Schema, Columns: []string{"district", "days"}, Budget: jobs.Budget{Rho: "1"},
		}
	}
	return jobs.Terms{
		ID: "p-1", Scenario: "flu", Purpose: "public-health", Operator: w.Signer("op"), Bureau: w.Signer("bureau-officer"),
		Program: jobs.Program{Name: "count", Digest: suite.DigestOf(Program), Size: len(Program)},
		Params:  []byte{1}, Members: []jobs.Member{member("hospital"), member("transit")}, KMin: 2,
		Shape: jobs.Shape{
			Namespace: jobs.NaturalPerson,
			Dims:      []jobs.Dim{{Name: "district", Title: "区", Codes: []string{"520102", "520103"}, Labels: []string{"南明", "云岩"}}},
			Units:     jobs.Measure{Name: "units", Title: "人数", Hi: 1, Round: 5, Sigma: 100}, L0: 1,
		},
		Mode: jobs.DP, Due: jobs.Slots{First: 1, Every: 60, Count: 4}, Threshold: 10, Limits: jobs.Limits{Fuel: 1 << 20, Memory: 16, Input: 1 << 16, Rows: 100, Emits: 16},
		Trustees:    jobs.Trustees{Members: []jobs.Process{w.process("trustee-1"), w.process("trustee-2"), w.process("trustee-3")}, Quorum: 2},
		Gate:        jobs.Gate{Process: w.process("gate"), Evidence: jobs.Software},
		Coordinator: w.process("yuneid"), Desk: w.Desk.Public(), Uses: 2,
		Checkers:   []jobs.Signer{w.Signer("checker-a"), w.Signer("checker-b"), w.Signer("checker-c")},
		Recipients: []string{"operator"}, NotBefore: Now.AddDate(0, 0, -1), NotAfter: Now.AddDate(1, 0, 0),
	}
}

// Adopted is the file of the town's rules and the statements by which two
// officers of the bureau put them into force, by who signed.
func (w *Town) Adopted(t testing.TB) (source []byte, said map[string]receipt.Receipt) {
	t.Helper()
	source, err := profiles.Source(w.Rules.ID())
	if err != nil {
		t.Fatal(err)
	}
	c := governance.Change{Next: w.Rules.Frozen()}
	said = map[string]receipt.Receipt{}
	for _, who := range []string{"bureau-officer", "bureau-2"} {
		said[who] = w.Sign(t, who, governance.Publish, c.About(), governance.Publication{Change: c, Org: "bureau", At: Now})
	}
	return source, said
}

// Sign signs a statement with the key of a user or a process.
func (w *Town) Sign(t testing.TB, who string, kind receipt.Kind, about receipt.Subject, body any) receipt.Receipt {
	t.Helper()
	r, err := receipt.Sign(w.Keys[who], kind, about, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Decide signs a decision on the terms, as one of org.
func (w *Town) Decide(t testing.TB, who, org string, kind receipt.Kind, terms jobs.Terms) receipt.Receipt {
	t.Helper()
	d := jobs.Decision{Terms: terms.Digest(), Org: org, At: Now}
	return w.Sign(t, who, kind, receipt.About("terms/"+terms.ID, terms.Digest()), d)
}

// Decisions are all that the terms need, in their order.
func (w *Town) Decisions(t testing.TB, terms jobs.Terms) []receipt.Receipt {
	t.Helper()
	return []receipt.Receipt{
		w.Decide(t, "op", "operator", jobs.Apply, terms),
		w.Decide(t, "hospital-officer", "hospital", jobs.Grant, terms),
		w.Decide(t, "transit-officer", "transit", jobs.Grant, terms),
		w.Decide(t, "op", "operator", jobs.Agree, terms),
		w.Decide(t, "bureau-officer", "bureau", jobs.Agree, terms),
	}
}

// Start signs the start of a run.
func (w *Town) Start(t testing.TB, who, run string, terms jobs.Terms) receipt.Receipt {
	t.Helper()
	body := jobs.Run{ID: run, Permit: terms.Digest(), Purpose: terms.Purpose, Program: terms.Program.Digest, At: Now}
	return w.Sign(t, who, jobs.Start, receipt.About("run/"+run, terms.Digest()), body)
}

// Ballot returns what a checker needs to vote: the gate's statement.
func (w *Town) Ballot(run string, terms jobs.Terms) msg.CandidateBody {
	return msg.CandidateBody{
		Of:        msg.Of{Run: run, Permit: terms.Digest(), Party: terms.Gate.Name},
		Candidate: suite.Commit(suite.Salt{1}, []byte("candidate")), Record: suite.Commit(suite.Salt{1}, []byte("record")),
		Verdict: "pass", Profile: "house", Evidence: jobs.Software,
	}
}

// Vote makes a checker's two statements; i is their place in the terms.
func (w *Town) Vote(t testing.TB, who string, i int, c msg.CandidateBody, terms jobs.Terms, approve bool) (commit, open receipt.Receipt) {
	t.Helper()
	of := msg.Of{Run: c.Run, Permit: terms.Digest(), Party: msg.Checker(i)}
	vote := msg.Vote{Candidate: c.Candidate, Record: c.Record, Recipients: terms.Recipients, Approve: approve}
	salt, err := suite.NewSalt()
	if err != nil {
		t.Fatal(err)
	}
	commit = w.Sign(t, who, msg.VoteCommit, of.About(), msg.VoteCommitBody{Of: of, Vote: suite.Commit(salt, of.Bind(vote.Bytes()))})
	open = w.Sign(t, who, msg.VoteOpen, of.About(), msg.VoteOpenBody{Of: of, Vote: vote, Salt: salt})
	return commit, open
}
