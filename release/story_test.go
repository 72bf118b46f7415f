package release

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/note"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/suite"
)

const (
	origin       = "yunei.example/log"
	installation = "example"
	runID        = "run-1"
)

var noon = time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC)

// A story is a whole run told with real keys and real signatures; ciphertexts
// are arbitrary bytes, of which a bundle has the digests only. Its hooks bend
// one thing each, and everything after it is signed, logged and witnessed as the
// bent story has it.
type story struct {
	tb       testing.TB
	mode     jobs.Mode
	trustees int  // 2 if not said
	domains  int  // 2 if not said
	alone    bool // no other run in the log

	editTerms     func(*jobs.Terms)
	editStart     func(*jobs.Run)
	editBody      func(receipt.Kind, msg.Body) msg.Body
	signer        map[string]string // party on the board -> whose key signs for it
	editCandidate func(*jobs.Candidate)
	reorder       func([]string) []string
	noDecision    receipt.Kind // of the operator, to leave out
	witnesses     []string     // who cosign; nil for all trustees
	rounds        int

	terms  jobs.Terms
	board  map[string][]byte
	order  []string // subjects, as the ledger takes them in
	letter msg.Letter
	log    *testonly.Tree
	index  map[string]uint64
	note   []byte
}

// keyOf is a party's key, the same in every test.
func keyOf(tb testing.TB, party string) suite.PrivateKey {
	tb.Helper()
	seed := sha256.Sum256([]byte("key of " + party))
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(seed[:]))
	must(tb, err)
	key, err := suite.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	must(tb, err)
	return key
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func saltOf(name string) suite.Salt { return sha256.Sum256([]byte("salt of " + name)) }

func digestOf(name string) suite.Digest { return suite.DigestOf([]byte(name)) }

func (s *story) signerOf(org string) jobs.Signer {
	return jobs.Signer{Org: org, Key: keyOf(s.tb, org).Public()}
}

func (s *story) process(name string) jobs.Process {
	return jobs.Process{Name: name, Key: keyOf(s.tb, name).Public()}
}

func (s *story) writeTerms() {
	t := jobs.Terms{
		ID: "p-1", Scenario: "health", Purpose: "statistics", Operator: s.signerOf("operator"), Bureau: s.signerOf("bureau"),
		Program: jobs.Program{Name: "count", Digest: digestOf("program"), Size: 100, Review: &jobs.Review{Reviewer: "reviewer", Source: digestOf("source")}},
		KMin:    s.domains, Mode: s.mode, Due: jobs.Slots{First: 1, Every: 60, Count: 4}, Threshold: 10, Limits: jobs.Limits{Fuel: 1000, Memory: 1, Input: 1000, Rows: 10, Emits: 10},
		Shape: jobs.Shape{
			Namespace: jobs.NaturalPerson, L0: 1,
			Dims:  []jobs.Dim{{Name: "sex", Title: "性别", Codes: []string{"1", "2"}, Labels: []string{"男", "女"}}},
			Units: jobs.Measure{Name: "people", Title: "人数", Hi: 1, Round: 5, Sigma: 100},
		},
		Gate: jobs.Gate{Process: s.process("gate"), Evidence: jobs.Software}, Coordinator: s.process("yuneid"), Desk: "x25519:CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Uses: 3,
		Checkers: []jobs.Signer{s.signerOf("checker-1"), s.signerOf("checker-2")}, Recipients: []string{"operator"},
		NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(24 * time.Hour),
	}
	for _, d := range []string{"a", "b"}[:s.domains] {
		t.Members = append(t.Members, jobs.Member{
			Domain: d, Provider: s.signerOf("provider-" + d), Site: s.process("site-" + d), Dataset: "people", Version: "v1",
			Schema: digestOf("schema"), Columns: []string{"sex"}, Budget: jobs.Budget{Rho: "1"},
		})
	}
	for i := range s.trustees {
		t.Trustees.Members = append(t.Trustees.Members, s.process(fmt.Sprintf("trustee-%d", i+1)))
	}
	t.Trustees.Quorum = 2
	if s.editTerms != nil {
		s.editTerms(&t)
	}
	s.terms = t
}

// tell tells the whole story.
func (s *story) tell() *story {
	s.tb.Helper()
	if s.mode == "" {
		s.mode = jobs.DP
	}
	s.trustees, s.rounds = max(s.trustees, 2), max(s.rounds, 1)
	if s.domains == 0 {
		s.domains = 2
	}
	s.board, s.index = map[string][]byte{}, map[string]uint64{}
	s.writeTerms()
	s.decide()
	for _, name := range []string{"site-a", "site-b"}[:s.domains] {
		s.say(msg.Admitted, msg.AdmittedBody{Of: s.of(0, name), Program: s.terms.Program.Digest, Form: digestOf("form"), Rewrite: "rewrite-1", Engines: msg.Engines(s.terms)}, name)
	}
	set, sum := msg.Set{}, suite.Digest("")
	for n := 1; n <= s.rounds; n++ {
		set, sum = s.open(n)
	}
	s.judge(set, sum)
	s.vote()
	s.keepLog()
	return s
}

func (s *story) post(subject string, raw []byte) {
	s.board[subject] = raw
	s.order = append(s.order, subject)
}

func (s *story) decide() {
	d := s.terms.Digest()
	var decisions []json.RawMessage
	decide := func(kind receipt.Kind, org string) {
		if kind == s.noDecision && org == "operator" {
			return
		}
		r, err := receipt.Sign(keyOf(s.tb, org), kind, receipt.About("terms", d), jobs.Decision{Terms: d, Org: org, At: noon})
		must(s.tb, err)
		decisions = append(decisions, r.Bytes())
	}
	decide(jobs.Apply, "operator")
	for _, m := range s.terms.Members {
		decide(jobs.Grant, "provider-"+m.Domain)
	}
	decide(jobs.Agree, "operator")
	decide(jobs.Agree, "bureau")
	permit, err := json.Marshal(jobs.Bundle{Terms: s.terms.Bytes(), Decisions: decisions})
	must(s.tb, err)
	s.post(permitSubject(runID), permit)

	run := jobs.Run{ID: runID, Permit: d, Purpose: s.terms.Purpose, Program: s.terms.Program.Digest, At: noon}
	if s.editStart != nil {
		s.editStart(&run)
	}
	start, err := receipt.Sign(keyOf(s.tb, s.by("operator")), jobs.Start, receipt.About("run", d), run)
	must(s.tb, err)
	s.post(startSubject(runID), start.Bytes())
}

func (s *story) by(party string) string {
	if other, ok := s.signer[party]; ok {
		return other
	}
	return party
}

func (s *story) of(n int, party string) msg.Of {
	return msg.Of{Run: runID, Round: n, Permit: s.terms.Digest(), Party: party}
}

// say posts a party's statement and returns its digest.
func (s *story) say(kind receipt.Kind, body msg.Body, party string) suite.Digest {
	s.tb.Helper()
	if s.editBody != nil {
		body = s.editBody(kind, body)
	}
	subject, r, err := msg.Say(keyOf(s.tb, s.by(party)), kind, body)
	must(s.tb, err)
	s.post(subject, r.Bytes())
	return r.Digest()
}

// place is where the log holds the i-th statement, if it is not reordered.
func (s *story) place(i int) int {
	if s.alone {
		return i
	}
	return 3*i + 2
}

// view is what an honest party sees of the story so far.
func (s *story) view() *msg.View {
	s.tb.Helper()
	board := map[string][]byte{}
	for i, subject := range s.order {
		d := suite.DigestOf(s.board[subject])
		board[subject] = s.board[subject]
		board[msg.LoggedSubject(runID, d)] = fmt.Appendf(nil, "%s %d", d, s.place(i))
	}
	v, err := msg.NewView(runID, board, s.pins().Providers)
	must(s.tb, err)
	return v
}

func parts(name string) msg.Parts {
	return msg.Parts{{digestOf(name + " mod t1")}, {digestOf(name + " mod t2")}}
}

// open is round n: a key, a set, a sum, the answers.
func (s *story) open(n int) (msg.Set, suite.Digest) {
	s.tb.Helper()
	s.say(msg.Round, msg.RoundBody{Of: s.of(n, "yuneid")}, "yuneid")
	s.makeKey(n)
	s.say(msg.Receiver, msg.ReceiverBody{Of: s.of(n, "gate"), Key: digestOf("receiver"), Evidence: digestOf("evidence")}, "gate")
	sites := []string{"site-a", "site-b"}[:s.domains]
	for _, name := range sites {
		s.say(msg.Commit, msg.CommitBody{Of: s.of(n, name), Parts: suite.Commit(saltOf(name), s.of(n, name).Bind(s.parts(name).Bytes()))}, name)
	}
	set, _ := s.view().Set(n)
	for i, name := range sites {
		body := msg.ConfirmBody{Of: s.of(n, name), Set: set}
		if s.mode == jobs.DP { // rho is (2*1)^2 / 200
			body.Debit = &msg.Debit{Namespace: jobs.NaturalPerson, Operator: s.terms.Operator.Org, Scenario: s.terms.Scenario, Cost: "1/50", Before: fmt.Sprintf("%d/7", i), After: [2]string{"1/50", "57/350"}[i], Seq: 1}
		} else {
			body.Evidence = msg.CommitEvidence(s.of(0, name), saltOf(name), []byte("what "+name+" went by"))
		}
		s.say(msg.Confirm, body, name)
	}
	for _, name := range sites {
		s.say(msg.Reveal, msg.RevealBody{Of: s.of(n, name), Salt: saltOf(name), Parts: s.parts(name)}, name)
	}
	sum := s.say(msg.Sum, msg.SumBody{Of: s.of(n, "gate"), Parts: s.sum(sites)}, "gate")
	s.answer(n, sum)
	return set, sum
}

func (s *story) makeKey(n int) {
	s.tb.Helper()
	var names []string
	for _, t := range s.terms.Trustees.Members {
		names = append(names, t.Name)
	}
	for _, name := range names {
		s.say(msg.Hello, msg.HelloBody{Of: s.of(n, name), Box: "x25519:box", Nonce: saltOf(name)}, name)
	}
	if s.terms.Proved() {
		return
	}
	for _, name := range names {
		s.say(msg.KeyCommit, msg.KeyCommitBody{Of: s.of(n, name), Share: suite.Commit(saltOf(name), []byte("share"))}, name)
	}
	for _, name := range names {
		s.say(msg.KeyOpen, msg.KeyOpenBody{Of: s.of(n, name), Salt: saltOf(name), Share: digestOf("share"), Letters: map[string]suite.Digest{}}, name)
	}
	transcript := s.view().Transcript(n)
	for _, name := range names {
		s.say(msg.Key, msg.KeyBody{Of: s.of(n, name), Transcript: transcript, Key: digestOf("key")}, name)
	}
}

func (s *story) answer(n int, sum suite.Digest) {
	s.tb.Helper()
	for _, t := range s.terms.Trustees.Members {
		s.say(msg.Ready, msg.ReadyBody{Of: s.of(n, t.Name), Sum: sum}, t.Name)
	}
	if s.terms.Proved() {
		s.aggregate(n, sum)
		return
	}
	active := s.say(msg.Active, msg.ActiveBody{Of: s.of(n, "gate"), Sum: sum, Points: []int{1, 2}}, "gate")
	for _, name := range []string{"trustee-1", "trustee-2"} {
		s.say(msg.Answer, msg.AnswerBody{Of: s.of(n, name), Active: active, Parts: parts("answer of " + name)}, name)
	}
}

func (s *story) table() jobs.Candidate {
	u := s.terms.Shape.Units
	c := jobs.Candidate{
		Format: jobs.CandidateFormat, Terms: s.terms.Digest(), Mode: s.mode, Title: "按性别的人数", Namespace: jobs.NaturalPerson,
		Dims: s.terms.Shape.Dims, Figures: []jobs.Figure{{Name: u.Name, Title: u.Title}},
		Statements: []jobs.Statement{{ZH: "测试。", EN: "a test"}}, Cells: []jobs.Cell{{120}, {95}},
	}
	if s.mode == jobs.SDC {
		c.Figures[0].Round = u.Round
	} else {
		c.Figures[0] = c.Figures[0].WithVariance(big.NewInt(200))
		c.Privacy = &jobs.Privacy{Rho: "1/50", Epsilon: "1.0000", Delta: "1e-6"}
	}
	return c
}

func (s *story) judge(set msg.Set, sum suite.Digest) {
	s.tb.Helper()
	c := s.table()
	if s.editCandidate != nil {
		s.editCandidate(&c)
	}
	s.letter = msg.Letter{Salt: saltOf("letter"), Candidate: c.Bytes(), Record: []byte("the gate's record")}
	s.say(msg.Candidate, msg.CandidateBody{
		Of: s.of(0, "gate"), Set: set, Sum: sum, Candidate: suite.Commit(s.letter.Salt, s.letter.Candidate),
		Record: suite.Commit(s.letter.Salt, s.letter.Record), Verdict: "pass", Profile: "house", Evidence: s.terms.Gate.Evidence, Letter: digestOf("letter"),
	}, "gate")
}

func (s *story) vote() {
	s.tb.Helper()
	vote := msg.Vote{
		Candidate: suite.Commit(s.letter.Salt, s.letter.Candidate), Record: suite.Commit(s.letter.Salt, s.letter.Record),
		Recipients: s.terms.Recipients, Approve: true,
	}
	for _, name := range []string{"checker-1", "checker-2"} {
		s.say(msg.VoteCommit, msg.VoteCommitBody{Of: s.of(0, name), Vote: suite.Commit(saltOf(name), s.of(0, name).Bind(vote.Bytes()))}, name)
	}
	for _, name := range []string{"checker-1", "checker-2"} {
		s.say(msg.VoteOpen, msg.VoteOpenBody{Of: s.of(0, name), Vote: vote, Salt: saltOf(name)}, name)
	}
}

// keepLog appends all to a log that others use too, and has it witnessed.
func (s *story) keepLog() {
	s.tb.Helper()
	if s.reorder != nil {
		s.order = s.reorder(s.order)
	}
	s.log = testonly.New(rfc6962.DefaultHasher)
	for i, subject := range s.order {
		if !s.alone {
			s.log.AppendData(fmt.Appendf(nil, "another run %d", i), fmt.Appendf(nil, "a third run %d", i))
		}
		s.index[subject] = s.log.Size()
		s.log.AppendData([]byte(suite.DigestOf(s.board[subject])))
	}
	if s.witnesses == nil {
		for _, t := range s.terms.Trustees.Members {
			s.witnesses = append(s.witnesses, t.Name)
		}
	}
	s.note = s.checkpoint(s.witnesses...)
}

func (s *story) checkpoint(witnesses ...string) []byte {
	s.tb.Helper()
	logKey := keyOf(s.tb, "log").Ed25519()
	logPublic, _ := logKey.Public().(ed25519.PublicKey) // an Ed25519 key's always is one
	signer, err := proof.Signer(origin, logKey)
	must(s.tb, err)
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, s.log.Size(), base64.StdEncoding.EncodeToString(s.log.Hash()))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(s.tb, err)
	cp := signed
	for _, name := range witnesses {
		w := proof.Witness{Name: name, Key: keyOf(s.tb, name).Ed25519(), LogKey: logPublic, Origin: origin}
		line, _, err := w.Cosign(proof.Empty(), signed, nil, noon.Add(time.Hour))
		must(s.tb, err)
		cp, err = proof.Join(cp, line)
		must(s.tb, err)
	}
	return cp
}

func (s *story) prove(index uint64) ([][]byte, error) {
	return s.log.InclusionProof(index, s.log.Size())
}

// file is the bundle of the story as a platform without scruples would write it.
func (s *story) file() file {
	s.tb.Helper()
	f := file{
		Format: format, Installation: installation, Run: runID, Candidate: s.letter.Candidate, Salt: s.letter.Salt[:], Checkpoint: string(s.note),
	}
	for _, subject := range s.order {
		hashes, err := s.prove(s.index[subject])
		must(s.tb, err)
		f.Statements = append(f.Statements, statement{subject, s.index[subject], hashes, s.board[subject]})
	}
	return f
}

func (s *story) raw() []byte { return encode(s.tb, s.file()) }

func encode(tb testing.TB, f file) []byte {
	tb.Helper()
	raw, err := json.Marshal(f)
	must(tb, err)
	return raw
}

// pins are those of the world in which no story is bent.
func (s *story) pins() Pins {
	p := Pins{
		Installation: installation, Log: Log{origin, keyOf(s.tb, "log").Public()}, Witnesses: max(2, s.trustees-1),
		Providers: jobs.Pins{"provider-a": keyOf(s.tb, "provider-a").Public(), "provider-b": keyOf(s.tb, "provider-b").Public()},
	}
	for i := range s.trustees {
		p.Trustees = append(p.Trustees, s.process(fmt.Sprintf("trustee-%d", i+1)))
	}
	return p
}

// without drops the statement under a subject.
func without(subject string) func(*file) {
	return func(f *file) {
		f.Statements = slices.DeleteFunc(f.Statements, func(s statement) bool { return s.Subject == subject })
	}
}

// before moves a subject to stand just before another in the ledger.
func before(subject, other string) func([]string) []string {
	return func(order []string) []string {
		order = slices.DeleteFunc(slices.Clone(order), func(s string) bool { return s == subject })
		return slices.Insert(order, slices.Index(order, other), subject)
	}
}

func place(round int, kind receipt.Kind, party string) string {
	return msg.Subject(runID, round, kind, party)
}

func TestStoryIsTold(t *testing.T) {
	s := (&story{tb: t}).tell()
	b, err := Make(Input{Installation: installation, View: s.view(), Board: s.boardWithNoise(), Letter: s.letter, Checkpoint: s.note, Proof: s.prove})
	must(t, err)
	if !bytes.Equal(b.Bytes(), s.raw()) {
		t.Fatal("Make does not write the bundle of the story")
	}
}

// boardWithNoise is the board with what a bundle leaves out.
func (s *story) boardWithNoise() map[string][]byte {
	board := map[string][]byte{
		place(1, msg.Sum, "site-a"):             s.board[place(1, msg.Sum, "gate")],
		place(0, msg.Release, "yuneid"):         []byte("{}"),
		"run.run-2.1.round.yuneid":              s.board[place(1, msg.Round, "yuneid")],
		"ledger.7.checkpoint":                   []byte("{}"),
		place(1, msg.Lost, "trustee-1"):         []byte("not a receipt"),
		msg.LoggedSubject(runID, digestOf("x")): []byte("x 1"),
	}
	maps.Copy(board, s.board)
	return board
}
