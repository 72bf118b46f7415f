package msg

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

const run = "r-1"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// A world is everybody's keys, one permit, and a board that a test fills and
// spoils.
type world struct {
	keys   map[string]suite.PrivateKey
	terms  jobs.Terms
	bundle []byte
	board  map[string][]byte
	index  int
}

var (
	trustees = []string{"trustee-1", "trustee-2", "trustee-3"}
	sites    = []string{"site-a", "site-b"}
)

func newWorld(tb testing.TB, mode jobs.Mode) *world {
	tb.Helper()
	w := &world{keys: map[string]suite.PrivateKey{}, board: map[string][]byte{}}
	for _, name := range slices.Concat(trustees, sites, []string{"operator", "bureau", "a", "b", "gate", Coordinator, "checker-1", "checker-2", "stranger"}) {
		key, err := suite.NewPrivateKey()
		if err != nil {
			tb.Fatal(err)
		}
		w.keys[name] = key
	}
	w.terms = w.newTerms(mode)
	w.bundle = w.permit(tb, w.terms)
	w.board[Subject(run, 0, Permit, Coordinator)] = w.bundle
	w.board[Subject(run, 0, jobs.Start, Operator)] = w.start(tb, "operator", run).Bytes()
	return w
}

func (w *world) signer(name string) jobs.Signer {
	return jobs.Signer{Org: name, Key: w.keys[name].Public()}
}

func (w *world) process(name string) jobs.Process {
	return jobs.Process{Name: name, Key: w.keys[name].Public()}
}

func (w *world) pins() jobs.Pins {
	return jobs.Pins{"a": w.keys["a"].Public(), "b": w.keys["b"].Public()}
}

func (w *world) newTerms(mode jobs.Mode) jobs.Terms {
	terms := jobs.Terms{
		ID: "p-1", Scenario: "s", Purpose: "health", Operator: w.signer("operator"), Bureau: w.signer("bureau"),
		Program: jobs.Program{Digest: suite.DigestOf([]byte("program")), Size: 8, Review: &jobs.Review{Reviewer: "lab"}},
		KMin:    2, Mode: mode, Due: jobs.Slots{First: 1, Every: 60, Count: 4}, Threshold: 10, Limits: limits.Limits{Fuel: 1, Memory: 1, Input: 1, Rows: 1, Emits: 1},
		Shape: jobs.Shape{
			Namespace: jobs.NaturalPerson, Dims: []jobs.Dim{{Name: "d", Codes: []string{"0", "1"}, Labels: []string{"", ""}}},
			Units: jobs.Measure{Name: "units", Hi: 1, Round: 5, Sigma: 100}, L0: 1,
		},
		Trustees: jobs.Trustees{Quorum: 2}, Gate: jobs.Gate{Process: w.process("gate"), Evidence: jobs.Software},
		Coordinator: w.process(Coordinator), Desk: "x25519:CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Uses: 1, Checkers: []jobs.Signer{w.signer("checker-1"), w.signer("checker-2")},
		NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0),
	}
	for _, name := range trustees {
		terms.Trustees.Members = append(terms.Trustees.Members, w.process(name))
	}
	for _, domain := range []string{"a", "b"} {
		terms.Members = append(terms.Members, jobs.Member{
			Domain: domain, Provider: w.signer(domain), Site: w.process("site-" + domain), Dataset: "d", Version: "v1", Columns: []string{"c"},
		})
	}
	return terms
}

func (w *world) permit(tb testing.TB, terms jobs.Terms) []byte {
	tb.Helper()
	b := jobs.Bundle{Terms: terms.Bytes()}
	for _, d := range []struct {
		who  string
		kind receipt.Kind
	}{{"operator", jobs.Apply}, {"operator", jobs.Agree}, {"bureau", jobs.Agree}, {"a", jobs.Grant}, {"b", jobs.Grant}} {
		r, err := receipt.Sign(w.keys[d.who], d.kind, receipt.About("terms", terms.Digest()), jobs.Decision{Terms: terms.Digest(), Org: d.who, At: noon})
		if err != nil {
			tb.Fatal(err)
		}
		b.Decisions = append(b.Decisions, r.Bytes())
	}
	raw, err := json.Marshal(b)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func (w *world) start(tb testing.TB, who, id string) receipt.Receipt {
	tb.Helper()
	body := jobs.Run{ID: id, Permit: w.terms.Digest(), Purpose: w.terms.Purpose, Program: w.terms.Program.Digest, At: noon}
	r, err := receipt.Sign(w.keys[who], jobs.Start, receipt.About("run/"+id, w.terms.Digest()), body)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func (w *world) of(round int, party string) Of { return Of{run, round, w.terms.Digest(), party} }

// post puts raw bytes on the board and logs them.
func (w *world) post(subject string, raw []byte) {
	w.board[subject] = raw
	w.index++
	d := suite.DigestOf(raw)
	w.board[LoggedSubject(run, d)] = fmt.Appendf(nil, "%s %d", d, w.index)
}

// say makes a statement by who its body names.
func (w *world) say(tb testing.TB, kind receipt.Kind, body Body) receipt.Receipt {
	tb.Helper()
	subject, r, err := Say(w.keys[body.of().Party], kind, body)
	if err != nil {
		tb.Fatal(err)
	}
	w.post(subject, r.Bytes())
	return r
}

func (w *world) view(tb testing.TB) *View {
	tb.Helper()
	v, err := NewView(run, w.board, w.pins())
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// without is the world with a board that lacks a statement.
func (w *world) without(round int, kind receipt.Kind, party string) *world {
	c := *w
	c.board = maps.Clone(w.board)
	delete(c.board, Subject(run, round, kind, party))
	return &c
}

func saltOf(name string) suite.Salt {
	return suite.Salt([]byte(suite.DigestOf([]byte(name)).Hex())[:32])
}

func partsOf(name string) Parts {
	return Parts{{suite.DigestOf([]byte(name + "/0"))}, {suite.DigestOf([]byte(name + "/1"))}}
}

// makeKey is the first round as far as the collective key.
func (w *world) makeKey(tb testing.TB) {
	tb.Helper()
	const n = 1
	w.say(tb, Round, RoundBody{w.of(n, Coordinator)})
	for _, name := range trustees {
		w.say(tb, Hello, HelloBody{Of: w.of(n, name), Nonce: saltOf(fmt.Sprint(n, name))})
	}
	for _, name := range trustees {
		w.say(tb, KeyCommit, KeyCommitBody{Of: w.of(n, name), Share: suite.Commit(saltOf(name), []byte(name))})
	}
	for _, name := range trustees {
		w.say(tb, KeyOpen, KeyOpenBody{Of: w.of(n, name), Salt: saltOf(name), Share: suite.DigestOf([]byte(name))})
	}
	transcript := w.view(tb).Transcript(n)
	for _, name := range trustees {
		w.say(tb, Key, KeyBody{Of: w.of(n, name), Transcript: transcript, Key: suite.DigestOf([]byte("key"))})
	}
	w.say(tb, Receiver, ReceiverBody{Of: w.of(n, "gate"), Key: suite.DigestOf([]byte("receiver")), Evidence: suite.DigestOf([]byte("evidence"))})
}

// makeSet is the first round as far as the reveals.
func (w *world) makeSet(tb testing.TB) {
	tb.Helper()
	const n = 1
	w.makeKey(tb)
	for _, name := range sites {
		w.say(tb, Commit, CommitBody{Of: w.of(n, name), Parts: suite.Commit(saltOf(name), w.of(n, name).Bind(partsOf(name).Bytes()))})
	}
	set, ok := w.view(tb).Set(n)
	if !ok {
		tb.Fatal("there is no set")
	}
	for _, name := range sites {
		w.say(tb, Confirm, w.confirm(n, name, set))
	}
	for _, name := range sites {
		w.say(tb, Reveal, RevealBody{Of: w.of(n, name), Salt: saltOf(name), Parts: partsOf(name)})
	}
}

func (w *world) confirm(n int, name string, set Set) ConfirmBody {
	b := ConfirmBody{Of: w.of(n, name), Set: set}
	if w.terms.Mode == jobs.DP {
		b.Debit = &Debit{Namespace: jobs.NaturalPerson, Cost: "1/50"}
	} else {
		b.Evidence = CommitEvidence(w.of(0, name), saltOf(name), []byte("what "+name+" goes by"))
	}
	return b
}

// open is the first round to its end, and what follows it.
func (w *world) open(tb testing.TB) {
	tb.Helper()
	const n = 1
	w.makeSet(tb)
	sum := w.say(tb, Sum, SumBody{Of: w.of(n, "gate"), Parts: partsOf("sum")})
	for _, name := range trustees {
		w.say(tb, Ready, ReadyBody{Of: w.of(n, name), Sum: sum.Digest()})
	}
	active := w.say(tb, Active, ActiveBody{Of: w.of(n, "gate"), Sum: sum.Digest(), Points: []int{1, 2}})
	for _, name := range trustees[:2] {
		w.say(tb, Answer, AnswerBody{Of: w.of(n, name), Active: active.Digest(), Parts: partsOf(name)})
	}
	w.say(tb, Candidate, CandidateBody{Of: w.of(0, "gate"), Sum: sum.Digest()})
	for i := range 2 {
		name := Checker(i)
		w.say(tb, VoteCommit, VoteCommitBody{Of: w.of(0, name), Vote: suite.Commit(saltOf(name), []byte(name))})
		w.say(tb, VoteOpen, VoteOpenBody{Of: w.of(0, name), Salt: saltOf(name)})
	}
	w.say(tb, Release, ReleaseBody{Of: w.of(0, Coordinator)})
}
