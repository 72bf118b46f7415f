package msg

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/suite"
)

// A joinVector is a round of a join, under a permit of its own.
type joinVector struct {
	Permit     permitVector      `json:"permit"`
	Statements []statementVector `json:"statements"`
	Name       string            `json:"name"` // of round 1
	Key        suite.Digest      `json:"key"`
	Code       suite.Digest      `json:"code"` // what stands for a program
}

// joinWorld is a world of a join that is the same every time.
func joinWorld(tb testing.TB) *world {
	tb.Helper()
	w := fixedWorld(tb, jobs.SDC)
	t := &w.terms
	t.Program, t.Limits = jobs.Program{}, jobs.Limits{}
	t.Trustees.Quorum = len(trustees)
	t.Join = &jobs.Join{A: set.Commitment{Root: strings.Repeat("a", 64), Size: 20}, B: set.Commitment{Root: strings.Repeat("b", 64), Size: 30}}
	t.Members = slices.Clone(t.Members)
	for i := range t.Members {
		t.Members[i].Columns = []string{"c"}
	}
	t.Shape.Dims = []jobs.Dim{{Name: "both", Codes: []string{"all"}, Labels: []string{""}}}
	t.Shape.Measures = []jobs.Measure{{Name: "a", Hi: 9, Round: 1}, {Name: "b", Hi: 9, Round: 1}}
	w.bundle = w.permit(tb, w.terms)
	w.board[Subject(run, 0, Permit, Coordinator)] = w.bundle
	w.board[Subject(run, 0, jobs.Start, Operator)] = w.start(tb, "operator", run).Bytes()
	return w
}

func writeJoin(tb testing.TB) joinVector {
	tb.Helper()
	s := &script{TB: tb, world: joinWorld(tb)}
	start := s.start(tb, "operator", run)
	s.add(jobs.Start, "operator", Subject(run, 0, jobs.Start, Operator), start)
	s.says(Round, RoundBody{s.of(1, Coordinator)})
	for _, name := range trustees {
		s.says(Hello, HelloBody{Of: s.of(1, name), Box: fixedBox(tb, name), Nonce: saltOf("nonce of " + name), Share: []byte("share of " + name)})
	}
	s.says(Receiver, ReceiverBody{Of: s.of(1, "gate"), Key: suite.DigestOf([]byte("holder key")), Evidence: suite.DigestOf([]byte("evidence"))})
	lists := func(name string) Parts { return Parts{{suite.DigestOf([]byte("list of " + name))}} }
	for _, name := range sites {
		s.says(Admitted, AdmittedBody{Of: s.of(0, name), Form: s.terms.Code(), Rewrite: jobs.JoinForm(), Engines: Engines(s.terms)})
		s.says(Commit, CommitBody{Of: s.of(1, name), Parts: suite.Commit(saltOf(name), s.of(1, name).Bind(lists(name).Bytes()))})
	}
	agreed, ok := s.view(tb).Set(1)
	if !ok {
		tb.Fatal("there is no set")
	}
	for _, name := range sites {
		s.says(Confirm, ConfirmBody{Of: s.of(1, name), Set: agreed})
	}
	for _, name := range sites {
		s.says(Reveal, RevealBody{Of: s.of(1, name), Salt: saltOf(name), Parts: lists(name)})
	}
	for _, name := range sites {
		letters := map[string]suite.Digest{}
		for _, holder := range s.view(tb).Holders() {
			letters[holder] = suite.DigestOf([]byte("letter of " + name + " to " + holder))
		}
		s.says(Joined, JoinedBody{Of: s.of(1, name), Lists: []suite.Digest{suite.DigestOf([]byte("answer of " + name))}, Letters: letters})
	}
	all, ok := s.view(tb).Answers(1)
	if !ok {
		tb.Fatal("not all have answered")
	}
	s.says(Sum, SumBody{Of: s.of(1, "gate"), Parts: AnsweredParts(all)})
	key, _ := s.view(tb).Key(1)
	return joinVector{
		Permit:     permitVector{Subject(run, 0, Permit, Coordinator), string(s.bundle), s.terms.Digest()},
		Statements: s.list, Name: s.view(tb).JoinName(1), Key: key, Code: s.terms.Code(),
	}
}

// taken holds the code to the vectors of a join.
func (j joinVector) taken(t *testing.T, v vectors, kinds map[receipt.Kind]map[string]bool) {
	t.Helper()
	board := vectors{Permit: j.Permit, Statements: j.Statements}.board()
	view := v.view(t, board)
	for _, s := range j.Statements {
		p, err := ParseSubject(s.Place)
		if err != nil || s.Kind != jobs.Start && !view.Said(p.Round, s.Kind, s.Party) {
			t.Errorf("%s of %s in a join is not heard", s.Kind, s.Party)
		}
		used(t, s, kinds)
	}
	if key, ok := view.Key(1); !ok || key != j.Key || view.JoinName(1) != j.Name || view.Terms().Code() != j.Code {
		t.Error("another key, name or code of a join")
	}
	if _, ok := view.Answers(1); !ok {
		t.Error("the answers of a join are not heard")
	}
}

// What a site says of a join counts there and nowhere else, and a statement that
// does not fit the others is no answer.
func TestJoinStatements(t *testing.T) {
	w := joinWorld(t)
	lost := LostBody{w.of(1, "site-a")}
	w.say(t, Lost, lost)
	if !w.view(t).Said(1, Lost, "site-a") {
		t.Error("a site of a join may not say that it has lost a round")
	}
	sum := newWorld(t, jobs.SDC)
	sum.say(t, Lost, LostBody{sum.of(1, "site-a")})
	sum.say(t, Joined, JoinedBody{Of: sum.of(1, "site-a")})
	if v := sum.view(t); v.Said(1, Lost, "site-a") || v.Said(1, Joined, "site-a") {
		t.Error("a site of a sum is heard with what is a join's")
	}
	// A hello without a share makes no key.
	for _, name := range trustees {
		w.say(t, Hello, HelloBody{Of: w.of(1, name), Box: fixedBox(t, name)})
	}
	if _, ok := w.view(t).Key(1); ok {
		t.Error("there is a key without shares")
	}
	// Of the vectors' board every other number of lists is no answer.
	v := writeJoin(t)
	file := readVectors(t)
	for n := range 3 {
		board := vectors{Permit: v.Permit, Statements: v.Statements}.board()
		w := joinWorld(t)
		body := JoinedBody{Of: w.of(1, "site-b")}
		for i := range n {
			body.Lists = append(body.Lists, suite.DigestOf(fmt.Append(nil, i)))
		}
		subject, r, err := Say(w.keys["site-b"], Joined, body)
		if err != nil {
			t.Fatal(err)
		}
		board[subject] = r.Bytes()
		board[LoggedSubject(run, r.Digest())] = fmt.Appendf(nil, "%s 1", r.Digest())
		if _, ok := file.view(t, board).Answers(1); ok != (n == 1) {
			t.Errorf("%d lists: %v", n, ok)
		}
	}
	if diff := cmp.Diff([]string{"gate", "trustee-1", "trustee-2", "trustee-3"}, file.view(t, vectors{Permit: v.Permit, Statements: v.Statements}.board()).Holders()); diff != "" {
		t.Error(diff)
	}
}
