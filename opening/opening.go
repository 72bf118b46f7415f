// Package opening is the gate's part in runs: a key for each round that lives
// in memory only, the sum of exactly the confirmed set, the choice of the
// trustees that are to answer, one opening a run, and the candidate that comes
// of it. It shows the opened vector to gate.Judge and keeps nothing of it.
//
// It believes the coordinator nothing. Its key of a round is vouched for by
// evidence of the place that it runs in, of the type that the permit names; where
// that is not confidential against the host ("software", "tpm2"), the machine's
// administrator could read an exact sum, and the candidate says so.
package opening

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// A Gate takes part in runs.
type Gate struct {
	*party.Party
	place  attest.Attester
	binary suite.Digest // its own
	device sync.Mutex   // place attests one thing at a time
	mu     sync.Mutex
	rounds map[string]*round
}

// New makes a gate that is in no round, of that binary and in that place.
func New(p *party.Party, place attest.Attester, binary suite.Digest) *Gate {
	return &Gate{Party: p, place: place, binary: binary, rounds: map[string]*round{}}
}

// A round is what the gate knows of one round, in memory only.
type round struct {
	opener    *enclave.Opener
	collector *enclave.Collector // in place of opener, with protection prio3
	evidence  []byte             // that vouches for it
	joint     *joint             // of a join, in place of opener
	sum       *enclave.Sum
	list      msg.Parts // of the reports, in place of sum
	points    []int     // of the trustees that are to answer
	candidate *msg.CandidateBody
	letter    []byte
}

// opened is the journal's word for the one opening of a run.
const opened receipt.Kind = "opened"

func (g *Gate) steps() []party.Step {
	return []party.Step{
		{Kind: msg.Receiver, Due: g.may, Make: g.receiver},
		{Kind: msg.Sum, Due: g.revealed, Make: g.add},
		{Kind: msg.Active, Due: ready, Make: g.active},                 // prio3: the permit names who answers
		{Kind: msg.Candidate, Once: true, Due: answered, Make: g.open}, // the one opening
	}
}

// Advance takes the steps that are due in a run.
func (g *Gate) Advance(ctx context.Context, v *msg.View) error {
	n := v.Round()
	if v.Err() != nil || v.Over() || n == 0 || !g.named(v) {
		g.forget(v.ID(), msg.MaxRounds+1)
		return nil //nolint:nilerr // in a run that does not hold nothing is due
	}
	g.forget(v.ID(), n)
	if g.Remembers(v.ID(), 0, msg.Dead) || g.opened(v.ID()) && !g.has(v, n) {
		return g.finish(ctx, v)
	}
	if v.Terms().Gate.Evidence != g.place.Type() { // nobody would take what it has to show
		return g.Say(ctx, msg.Dead, msg.DeadBody{Of: v.Of(0, g.Name), Code: "attestation"})
	}
	if g.Remembers(v.ID(), n, msg.Receiver) && !g.has(v, n) {
		if v.Said(n, msg.Lost, g.Name) {
			return nil
		}
		return g.Say(ctx, msg.Lost, msg.LostBody{Of: v.Of(n, g.Name)})
	}
	if v.Terms().Join != nil {
		return g.end(ctx, v, g.Walk(ctx, v, g.joinSteps()))
	}
	return g.end(ctx, v, g.Walk(ctx, v, g.steps()))
}

// finish ends a run that was opened, or ended, before the gate was started
// anew. The vector was, or may have been, in memory once; it is never again.
// What was said stands: the end, or the candidate. Otherwise the run is dead.
func (g *Gate) finish(ctx context.Context, v *msg.View) error {
	if g.Remembers(v.ID(), 0, msg.Dead) {
		return g.Again(ctx, v.ID(), 0, msg.Dead)
	}
	// Whoever was told that a run is dead may count on it. A candidate that was
	// signed stands, whatever the board shows of it.
	if g.Remembers(v.ID(), 0, msg.Candidate) {
		return g.Again(ctx, v.ID(), 0, msg.Candidate)
	}
	return g.Say(ctx, msg.Dead, msg.DeadBody{Of: v.Of(0, g.Name), Code: "run-dead"})
}

// end turns a finding against the run itself into its end: what was tampered
// with, or does not pass, is not tried again.
func (g *Gate) end(ctx context.Context, v *msg.View, err error) error {
	if _, ok := errors.AsType[party.Waits](err); ok {
		return err
	}
	var code fault.Code
	if r, ok := errors.AsType[fault.Refusal](err); ok {
		code = r.Code
	} else if errors.Is(err, fault.Tampered) {
		code = "tampered"
	} else {
		return err
	}
	if g.Remembers(v.ID(), 0, msg.Candidate) {
		return err
	}
	if say := g.Say(ctx, msg.Dead, msg.DeadBody{Of: v.Of(0, g.Name), Code: string(code)}); say != nil {
		return errors.Join(err, say)
	}
	return nil
}

func (g *Gate) opened(run string) bool {
	var at string
	return !errors.Is(g.Journal.Get(string(opened), run, &at), fault.NotFound) // a journal that cannot be read has opened everything
}

func key(run string, n int) string { return fmt.Sprintf("%s/%d", run, n) }

func (g *Gate) round(v *msg.View, n int) *round {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rounds[key(v.ID(), n)]
}

func (g *Gate) has(v *msg.View, n int) bool { return g.round(v, n) != nil }

func (g *Gate) forget(run string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := 1; i < n && i <= msg.MaxRounds; i++ {
		if r := g.rounds[key(run, i)]; r != nil {
			r.erase()
			delete(g.rounds, key(run, i))
		}
	}
}

// named: the permit is one for this gate, by its name and its key.
func (g *Gate) named(v *msg.View) bool {
	return v.Terms().Gate.Process == jobs.Process{Name: g.Name, Key: g.Key.Public()}
}

// may: the permit holds now, and every trustee has said what the evidence must
// answer.
func (g *Gate) may(v *msg.View, n int) bool {
	_, all := msg.All[msg.HelloBody](v, n, msg.Hello, v.Trustees())
	return all && v.Permit().At(g.Now()) == nil
}

func (g *Gate) receiver(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := g.round(v, n)
	if r == nil {
		var err error
		if r, err = newRound(v); err != nil {
			return nil, nil, err
		}
		g.mu.Lock()
		g.rounds[key(v.ID(), n)] = r
		g.mu.Unlock()
	}
	return g.vouched(v, n, r, r.publicKey())
}

// vouched states a round's key with what vouches for it.
func (g *Gate) vouched(v *msg.View, n int, r *round, pk []byte) (msg.Body, [][]byte, error) {
	key := suite.DigestOf(pk)
	if r.evidence == nil {
		g.device.Lock()
		defer g.device.Unlock()
		var err error
		if r.evidence, err = enclave.Vouch(g.place, v, n, g.binary, key); err != nil {
			return nil, nil, err
		}
	}
	return msg.ReceiverBody{Of: v.Of(n, g.Name), Key: key, Evidence: suite.DigestOf(r.evidence)}, [][]byte{pk, r.evidence}, nil
}

// revealed: the set is confirmed and every member has revealed. A reveal that
// does not open its commitment is dealt with in add.
func (g *Gate) revealed(v *msg.View, n int) bool {
	_, ok, err := v.Revealed(n)
	return (ok || err != nil) && g.has(v, n)
}

func (g *Gate) add(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := g.round(v, n)
	parts, _, err := v.Revealed(n)
	if err != nil {
		return nil, nil, err
	}
	if v.Terms().Proved() {
		return g.list(v, n, r, parts)
	}
	if r.sum == nil {
		sum, err := enclave.Add(ctx, g.Fetch, parts, v.Terms().Slots(), g.Scratch)
		if err != nil {
			return nil, nil, err
		}
		r.sum = sum
	}
	return msg.SumBody{Of: v.Of(n, g.Name), Parts: r.sum.Parts()}, nil, nil
}

// readyPoints lists the points of the trustees that found the gate's sum.
func readyPoints(v *msg.View, n int) []int {
	sum, ok := v.Receipt(n, msg.Sum, v.Terms().Gate.Name)
	if !ok {
		return nil
	}
	var points []int
	for i, name := range v.Trustees() {
		b, err := msg.Read[msg.ReadyBody](v, n, msg.Ready, name)
		if err == nil && b.Sum == sum.Digest() && !v.Said(n, msg.Lost, name) {
			points = append(points, i+1)
		}
	}
	return points
}

func ready(v *msg.View, n int) bool {
	return !v.Terms().Proved() && len(readyPoints(v, n)) >= v.Terms().Trustees.Quorum
}

// active names the first trustees that are ready; once chosen they stand, whoever
// else gets ready.
func (g *Gate) active(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := g.round(v, n)
	if r == nil {
		return nil, nil, party.ErrLost
	}
	sum, _ := v.Receipt(n, msg.Sum, g.Name)
	if r.points == nil {
		r.points = readyPoints(v, n)[:v.Terms().Trustees.Quorum]
	}
	return msg.ActiveBody{Of: v.Of(n, g.Name), Sum: sum.Digest(), Points: r.points}, nil, nil
}

// answers reads the answers of all active trustees, nil while one is missing.
func answers(v *msg.View, n int) (msg.ActiveBody, []msg.AnswerBody) {
	gate := v.Terms().Gate.Name
	a, err := msg.Read[msg.ActiveBody](v, n, msg.Active, gate)
	if err != nil {
		return a, nil
	}
	said, _ := v.Receipt(n, msg.Active, gate)
	var all []msg.AnswerBody
	names, err := v.Named(a)
	if err != nil {
		return a, nil
	}
	for _, name := range names {
		b, err := msg.Read[msg.AnswerBody](v, n, msg.Answer, name)
		if err != nil || b.Active != said.Digest() {
			return a, nil
		}
		all = append(all, b)
	}
	return a, all
}

// answered: all is there that opening takes. Which of it the board shows at a time
// is the coordinator's choice: what is not shown yet is no fault of the run's.
func answered(v *msg.View, n int) bool {
	if _, ok := v.Confirmed(n); !ok {
		return false
	}
	if v.Terms().Proved() {
		return shared(v, n)
	}
	_, all := answers(v, n)
	return all != nil
}

// open is the one opening of the run. The journal says so before it happens;
// a gate that dies after that entry never opens this run again.
func (g *Gate) open(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := g.round(v, n)
	if r == nil || r.sum == nil && r.list == nil {
		return nil, nil, party.ErrLost
	}
	if r.candidate == nil {
		if err := v.Debited(n); err != nil { // nothing is opened that is not paid for
			return nil, nil, fmt.Errorf("%w: %w", err, fault.Tampered)
		}
		open, done, err := g.collect(ctx, v, n, r)
		if err != nil {
			return nil, nil, err
		}
		defer done()
		g.Hook("opened:before")
		if _, err := g.Journal.Once(string(opened), v.ID(), key(v.ID(), n)); err != nil {
			return nil, nil, err
		}
		g.Hook("opened:after")
		candidate, raw, err := open(ctx, judge(v))
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", err, fault.Tampered)
		}
		record, err := gate.ParseRecord(raw)
		if err != nil {
			return nil, nil, err
		}
		if err := r.keep(v, n, candidate, record); err != nil {
			return nil, nil, err
		}
	}
	// The letter is there before the journal says that the candidate is.
	if err := g.Put(ctx, r.letter); err != nil {
		return nil, nil, err
	}
	return *r.candidate, [][]byte{r.letter}, nil
}

// An unlock opens what it was collected for, once, and returns what the gate
// returned.
type unlock func(context.Context, enclave.Gate) (candidate, record []byte, err error)

// collect fetches the answers and makes of them and the sum what can be opened:
// nothing is opened that is not all there. Done gives back what lies on the disk.
func (g *Gate) collect(ctx context.Context, v *msg.View, n int, r *round) (open unlock, done func(), err error) {
	if v.Terms().Proved() {
		open, err = g.collectShares(ctx, v, n, r)
		return open, func() {}, err
	}
	a, all := answers(v, n)
	in := enclave.Answers{Active: a.Points}
	for _, b := range all {
		in.Parts = append(in.Parts, b.Parts)
	}
	switched, err := enclave.Switch(ctx, g.Fetch, r.sum, in, g.Scratch)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, judge enclave.Gate) (candidate, record []byte, err error) {
		return r.opener.Open(ctx, switched, judge)
	}, switched.Close, nil
}

func judge(v *msg.View) enclave.Gate {
	return func(_ context.Context, opened []int64) (candidate, record []byte, err error) {
		c, rec, err := gate.Judge(v.Terms(), opened)
		if err != nil {
			return nil, nil, err
		}
		if c, err = c.ForRun(v.ID()); err != nil {
			return nil, nil, err
		}
		return c.Bytes(), rec.Bytes(), nil
	}
}

// keep seals the candidate to the bureau's desk, and remembers what will be
// said of it.
func (r *round) keep(v *msg.View, n int, candidate []byte, record gate.Record) error {
	salt, err := suite.NewSalt()
	if err != nil {
		return err
	}
	// The candidate's salt goes out with it; by the record's nobody is to guess
	// what the checks came to.
	blind, err := suite.NewSalt()
	if err != nil {
		return err
	}
	plain, err := json.Marshal(msg.Letter{Salt: salt, Blind: blind, Candidate: candidate, Record: record.Bytes()})
	if err != nil {
		return err
	}
	t := v.Terms()
	if r.letter, err = t.Desk.Seal(msg.LetterInfo(v.ID(), v.Permit().Digest()), plain); err != nil {
		return err
	}
	set, _ := v.Confirmed(n)
	sum, _ := v.Receipt(n, msg.Sum, t.Gate.Name)
	r.candidate = &msg.CandidateBody{
		Of: v.Of(0, t.Gate.Name), Set: set, Sum: sum.Digest(),
		Candidate: suite.Commit(salt, candidate), Record: suite.Commit(blind, record.Bytes()),
		Verdict: string(record.Verdict), Profile: record.Profile, Evidence: t.Gate.Evidence, Letter: suite.DigestOf(r.letter),
	}
	return nil
}
