package opening

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/enclave/he/hetest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/suite"
	"github.com/yunei/yunei/trustee"
)

const run = "r-1"

// A stage is a run on a real board, with real trustees and a real gate, two
// scripted sites, and a coordinator that the test plays: it keeps the ledger,
// decides what each party is shown, and whose turn it is.
type stage struct {
	*testing.T
	*governancetest.Town
	terms    jobs.Terms
	board    *bus.Board
	pins     jobs.Pins
	now      time.Time
	folder   string
	journals map[string]*journal.Journal
	logged   map[suite.Digest]uint64
	// shown replaces what is on the board for one party, by subject; nil
	// bytes withhold it.
	shown    map[string]map[string][]byte
	plain    *msg.View // of the board as it stands with that many statements
	seen     int
	trustees map[string]*trustee.Trustee
	gate     *Gate
	place    attest.Attester
	sites    map[string]*site
	order    []string
}

// order is that in which parties get their turn.
var order = []string{"trustee-1", "trustee-2", "trustee-3", "gate", "site-hospital", "site-transit"}

func newStage(t *testing.T, mode jobs.Mode, edit func(*jobs.Terms)) *stage {
	t.Helper()
	return newStageOf(t, mode, nil, edit)
}

// newStageOf also has the keys of who is not in the town.
func newStageOf(t *testing.T, mode jobs.Mode, keys map[string]suite.PrivateKey, edit func(*jobs.Terms)) *stage {
	t.Helper()
	server, err := bus.Serve(t.Context(), bus.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	town := governancetest.NewTown(t)
	s := &stage{
		T: t, Town: town, terms: town.Terms(), pins: jobs.Pins{}, now: governancetest.Now, folder: t.TempDir(),
		journals: map[string]*journal.Journal{}, logged: map[suite.Digest]uint64{}, shown: map[string]map[string][]byte{},
		trustees: map[string]*trustee.Trustee{}, sites: map[string]*site{}, order: slices.Clone(order),
	}
	if s.board, err = server.Board(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.board.Close)
	s.terms.Mode = mode
	s.terms.Shape.Measures = []jobs.Measure{{Name: "days", Title: "天数", Hi: 30, Round: 5, Sigma: 400}}
	if mode == jobs.SDC {
		s.terms.Program.Review = &jobs.Review{Reviewer: "lab", Source: suite.DigestOf(nil), Report: "read"}
	}
	s.terms.Members = slices.Clone(s.terms.Members)
	for i := range s.terms.Members {
		s.terms.Members[i].Budget.Rho = "100"
	}
	if edit != nil {
		edit(&s.terms)
	}
	maps.Copy(s.Keys, keys)
	for _, m := range s.terms.Members {
		if !slices.Contains(s.order, m.Site.Name) {
			s.order = append(s.order, m.Site.Name)
		}
	}
	s.permit()
	for _, name := range s.order {
		s.journals[name] = s.openJournal(name)
		switch {
		case name == "gate":
			s.gate = s.newGate()
		case name[:4] == "site":
			s.sites[name] = &site{Party: s.party(name), sealed: map[int][][][]byte{}, salts: map[int]suite.Salt{}}
		default:
			s.trustees[name] = trustee.New(s.party(name))
		}
	}
	return s
}

// permit posts the permit and the operator's start.
func (s *stage) permit() {
	s.Helper()
	b := jobs.Bundle{Terms: s.terms.Bytes()}
	for _, d := range s.Decisions(s.T, s.terms) {
		b.Decisions = append(b.Decisions, d.Bytes())
	}
	for _, m := range s.terms.Members[2:] {
		b.Decisions = append(b.Decisions, s.Decide(s.T, m.Domain+"-officer", m.Domain, jobs.Grant, s.terms).Bytes())
	}
	raw, err := json.Marshal(b)
	if err != nil {
		s.Fatal(err)
	}
	for _, m := range s.terms.Members {
		s.pins[m.Provider.Org] = m.Provider.Key
	}
	s.post(msg.Subject(run, 0, msg.Permit, msg.Coordinator), raw)
	s.post(msg.Subject(run, 0, jobs.Start, msg.Operator), s.Start(s.T, "op", run, s.terms).Bytes())
}

func (s *stage) post(subject string, raw []byte) {
	s.Helper()
	if err := s.board.Post(s.Context(), subject, raw); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) openJournal(name string) *journal.Journal {
	s.Helper()
	j, err := journal.Open(filepath.Join(s.folder, name), name)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = j.Close() }) // again, if the party died
	return j
}

func (s *stage) party(name string) *party.Party {
	return &party.Party{
		Standing: governancetest.Unheld{},
		Name:     name, Key: s.Keys[name], Board: s.board, Journal: s.journals[name], Pins: s.pins,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return s.now },
	}
}

// gateBinary is that of every gate on a stage.
var gateBinary = suite.DigestOf([]byte("yunei-gate"))

// newGate starts the gate in its place, which is its own word if the test gave it
// no other.
func (s *stage) newGate() *Gate {
	place := s.place
	if place == nil {
		place = attest.NewSoftware(s.Keys["gate"])
	}
	return New(s.party("gate"), place, gateBinary)
}

// restart is the death of a daemon and its return: it has its journal, and
// nothing else.
func (s *stage) restart(name string) {
	s.Helper()
	if err := s.journals[name].Close(); err != nil {
		s.Fatal(err)
	}
	s.journals[name] = s.openJournal(name)
	if name == "gate" {
		s.gate = s.newGate()
	} else {
		s.trustees[name] = trustee.New(s.party(name))
	}
}

// say signs a statement with any key that the test holds.
func (s *stage) say(kind receipt.Kind, by string, body msg.Body) (subject string, r receipt.Receipt) {
	s.Helper()
	subject, r, err := msg.Say(s.Keys[by], kind, body)
	if err != nil {
		s.Fatal(err)
	}
	return subject, r
}

// begin begins a round.
func (s *stage) begin(n int) {
	s.Helper()
	subject, r := s.say(msg.Round, "yuneid", msg.RoundBody{Of: msg.Of{Run: run, Round: n, Permit: s.terms.Digest(), Party: "yuneid"}})
	s.post(subject, r.Bytes())
}

// show makes name see other bytes under a subject, and see them logged.
func (s *stage) show(name, subject string, raw []byte) {
	if s.shown[name] == nil {
		s.shown[name] = map[string][]byte{}
	}
	s.shown[name][subject] = raw
	if raw != nil {
		d := suite.DigestOf(raw)
		s.shown[name][msg.LoggedSubject(run, d)] = fmt.Appendf(nil, "%s 999", d)
	}
}

// onBoard reads what stands about the run, and keeps the ledger of it.
func (s *stage) onBoard() map[string][]byte {
	s.Helper()
	items, err := s.board.List(s.Context(), "run.>")
	if err != nil {
		s.Fatal(err)
	}
	board := map[string][]byte{}
	for _, it := range items {
		board[it.Subject] = it.Data
		d := suite.DigestOf(it.Data)
		if _, done := s.logged[d]; !done {
			s.logged[d] = uint64(len(s.logged))
		}
		board[msg.LoggedSubject(run, d)] = fmt.Appendf(nil, "%s %d", d, s.logged[d])
	}
	return board
}

func (s *stage) view(name string) *msg.View {
	s.Helper()
	board := s.onBoard()
	plain := len(s.shown[name]) == 0
	if plain && s.seen == len(board) { // nothing is ever taken from a board
		return s.plain
	}
	at := len(board)
	maps.Copy(board, s.shown[name])
	maps.DeleteFunc(board, func(_ string, raw []byte) bool { return raw == nil })
	v, err := msg.NewView(run, board, s.pins)
	if err != nil || v.Err() != nil {
		s.Fatal(err, v.Err())
	}
	if plain {
		s.plain, s.seen = v, at
	}
	return v
}

// turn lets one party take its steps.
func (s *stage) turn(name string) error {
	s.Helper()
	v := s.view(name)
	switch {
	case name == "gate":
		return s.gate.Advance(s.Context(), v)
	case s.sites[name] != nil:
		return s.sites[name].advance(s.Context(), v)
	default:
		return s.trustees[name].Advance(s.Context(), v)
	}
}

// play gives turns, one after another, until nobody has anything to say, and
// returns what the parties complained of last.
func (s *stage) play(skip ...string) map[string]error {
	s.Helper()
	for before := -1; ; {
		complaints := map[string]error{}
		for _, name := range s.order {
			if slices.Contains(skip, name) {
				continue
			}
			if err := s.turn(name); err != nil {
				complaints[name] = err
			}
		}
		now := len(s.onBoard())
		if now == before {
			return complaints
		}
		before = now
	}
}

// quiet plays, and is an error if anybody complained.
func (s *stage) quiet(skip ...string) {
	s.Helper()
	for name, err := range s.play(skip...) {
		s.Fatalf("%s: %v", name, err)
	}
}

// said reports who has made such a statement, as the board has it.
func (s *stage) said(n int, kind receipt.Kind) []string {
	s.Helper()
	v := s.view("")
	var who []string
	for _, name := range append(slices.Clone(s.order), "yuneid") {
		if v.Said(n, kind, name) {
			who = append(who, name)
		}
	}
	return who
}

func (s *stage) wantSaid(n int, kind receipt.Kind, who ...string) {
	s.Helper()
	if got := s.said(n, kind); !slices.Equal(got, who) {
		s.Errorf("round %d: %s is said by %v, want %v", n, kind, got, who)
	}
}

// wantDead checks that the run ended with a code and without a candidate.
func (s *stage) wantDead(code fault.Code) {
	s.Helper()
	if got := s.view("").Dead(); got != code {
		s.Errorf("the run is dead of %q, want %q", got, code)
	}
	s.wantSaid(0, msg.Candidate)
}

// candidate opens the gate's letter at the desk.
func (s *stage) candidate() jobs.Candidate {
	s.Helper()
	body, err := msg.Read[msg.CandidateBody](s.view(""), 0, msg.Candidate, "gate")
	if err != nil {
		s.Fatal(err)
	}
	sealed, err := party.Fetch(s.Context(), s.board, body.Letter, 1<<20)
	if err != nil {
		s.Fatal(err)
	}
	plain, err := s.Desk.Open(msg.LetterInfo(run, s.terms.Digest()), sealed)
	if err != nil {
		s.Fatal(err)
	}
	var letter msg.Letter
	if err := json.Unmarshal(plain, &letter); err != nil {
		s.Fatal(err)
	}
	if !body.Candidate.Opens(letter.Salt, letter.Candidate) || !body.Record.Opens(letter.Blind, letter.Record) {
		s.Error("the letter is not what the gate committed to")
	}
	c, err := jobs.ParseCandidate(letter.Candidate)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// A site is a member that the test has written: honest unless one of the
// functions says otherwise.
type site struct {
	*party.Party
	values []int64
	sealed map[int][][][]byte
	salts  map[int]suite.Salt

	parts  func(ctx context.Context, v *msg.View, n int) ([][][]byte, error)     // what it commits to, instead of its partial
	commit func(v *msg.View, n int) suite.Commitment                             // with what commitment
	reveal func(ctx context.Context, v *msg.View, n int) (msg.RevealBody, error) // what it reveals
}

func (s *site) advance(ctx context.Context, v *msg.View) error {
	if v.Over() {
		return nil
	}
	return s.Walk(ctx, v, []party.Step{
		{Kind: msg.Commit, Make: s.makeCommit, Due: func(v *msg.View, n int) bool {
			_, ok := v.Key(n)
			return ok && v.Said(n, msg.Receiver, "gate")
		}},
		{Kind: msg.Confirm, Make: s.makeConfirm, Due: func(v *msg.View, n int) bool {
			_, ok := v.Set(n)
			return ok
		}},
		{Kind: msg.Reveal, Make: s.makeReveal, Due: func(v *msg.View, n int) bool {
			_, ok := v.Confirmed(n)
			return ok && (s.reveal == nil || v.Said(n, msg.Reveal, "site-hospital")) // a cheat waits for its victim
		}},
	})
}

// seal encrypts the partial under a round's key.
func (s *site) seal(ctx context.Context, v *msg.View, n int, values []int64) ([][][]byte, error) {
	if v.Terms().Proved() {
		tasks, err := enclave.Tasks(ctx, s.Fetch, v, n)
		if err != nil {
			return nil, err
		}
		return enclave.Prove(tasks, v.Terms().Ranges(), values)
	}
	d, _ := v.Key(n)
	key, err := s.Fetch(ctx, d, he.PublicKeySize)
	if err != nil {
		return nil, err
	}
	return hetest.Encrypt(key, values)
}

func (s *site) makeCommit(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	if s.sealed[n] == nil {
		parts, err := s.seal(ctx, v, n, s.values)
		if s.parts != nil {
			parts, err = s.parts(ctx, v, n)
		}
		if err != nil {
			return nil, nil, err
		}
		salt, err := suite.NewSalt()
		if err != nil {
			return nil, nil, err
		}
		s.sealed[n], s.salts[n] = parts, salt
	}
	c := suite.Commit(s.salts[n], v.Of(n, s.Name).Bind(hetest.Digests(s.sealed[n]).Bytes()))
	if s.commit != nil {
		c = s.commit(v, n)
	}
	return msg.CommitBody{Of: v.Of(n, s.Name), Parts: c}, nil, nil
}

func (s *site) makeConfirm(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	set, _ := v.Set(n)
	if _, err := s.Journal.Once("set", v.ID(), set.Members); err != nil {
		return nil, nil, err
	}
	body := msg.ConfirmBody{Of: v.Of(n, s.Name), Set: set}
	if v.Terms().Mode == jobs.SDC {
		body.Evidence = msg.CommitEvidence(v.Of(0, s.Name), suite.Salt{1}, []byte(s.Name))
	}
	if v.Terms().Mode.Noisy() {
		t := v.Terms()
		rho, err := t.Rho()
		if err != nil {
			return nil, nil, err
		}
		body.Debit = &msg.Debit{
			Namespace: t.Shape.Namespace, Operator: t.Operator.Org, Scenario: t.Scenario, Cost: rho.RatString(), Before: "0", After: rho.RatString(), Seq: 1,
		}
	}
	return body, nil, nil
}

// evidence is some commitment of a site to what it went by.
func (s *stage) evidence(name string) suite.Commitment {
	return msg.CommitEvidence(msg.Of{Run: run, Permit: s.terms.Digest(), Party: name}, suite.Salt{1}, []byte(name))
}

func (s *site) makeReveal(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	if s.reveal != nil {
		body, err := s.reveal(ctx, v, n)
		return body, nil, err
	}
	return msg.RevealBody{Of: v.Of(n, s.Name), Salt: s.salts[n], Parts: hetest.Digests(s.sealed[n])}, slices.Concat(s.sealed[n]...), nil
}

func mustFetch(ctx context.Context, p *party.Party, parts msg.Parts) ([][][]byte, error) {
	out := make([][][]byte, len(parts))
	var errs []error
	for m, chunks := range parts {
		for _, d := range chunks {
			b, err := p.Fetch(ctx, d, he.CiphertextSize)
			out[m], errs = append(out[m], b), append(errs, err)
		}
	}
	return out, errors.Join(errs...)
}
