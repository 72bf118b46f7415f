// Package trustee is one of the parties that together hold the key of a run.
// Its table of steps is its whole part: with the others it makes a fresh key
// for every round, checks by itself what was summed, and answers once. What it
// needs for that lives in memory only: a trustee that is started anew has lost
// the rounds it was in, says so, and takes part in the next.
//
// It believes neither the coordinator nor the gate: the permit must carry
// every member provider's signature by the keys pinned here, every member must
// have signed the set, the gate's key must be vouched for as the permit demands,
// and the sum must be the sum of exactly the ciphertexts that they revealed. It remembers for ever what sites have said that they spent,
// of which domains sums were opened, and which numbers the other trustees have
// given out, and ends a run in which a site has
// forgotten what it spent, or a trustee its numbers, or that would single out a
// domain. It runs no
// guest and sees no plaintext.
package trustee

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/enclave/psi"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// A Trustee takes part in runs.
type Trustee struct {
	*party.Party
	Makers fs.FS // what the makers of the gate's machine publish (attest.ReadCollateral); nil has none
	mu     sync.Mutex
	rounds map[string]*round
	books  sync.Mutex // one run at a time is held against what was opened
}

// New makes a trustee that is in no round.
func New(p *party.Party) *Trustee { return &Trustee{Party: p, rounds: map[string]*round{}} }

// A round is what a trustee knows of one round, in memory only.
type round struct {
	box    suite.Box
	nonce  suite.Salt
	salt   suite.Salt
	member *he.Member
	crs    [he.SeedSize]byte // that the share was made under
	share  []byte
	heard  []suite.Digest    // everybody's hello and commitment, as they were when the share was opened
	deals  map[string][]byte // sealed letters by trustee
	sum    *enclave.Sum      // as added by ourselves, until it is answered
	to     suite.Digest      // the gate's key, as the members signed it
	answer *enclave.Answer

	batch *enclave.Aggregation // of an aggregator, in a round of protection prio3
	list  msg.Parts            // the reports that it is ready for

	// Of a join.
	holder  *psi.Holder
	join    *enclave.Joint
	matched *psi.Matched
	reply   msg.Parts
	sealed  [][]byte // what reply names
}

// erase ends a round's secrets, and gives back what lies on the disk.
func (r *round) erase() {
	if r.member != nil {
		r.member.Erase()
	}
	if r.sum != nil {
		r.sum.Close()
	}
	if r.answer != nil {
		r.answer.Close()
	}
	if r.holder != nil {
		r.holder.Erase()
	}
}

func (t *Trustee) steps(v *msg.View) []party.Step {
	switch {
	case v.Terms().Join != nil:
		return t.joinSteps()
	case v.Terms().Proved():
		return t.proofSteps()
	}
	return []party.Step{
		{Kind: msg.Hello, Due: t.may, Make: t.hello},
		{Kind: msg.KeyCommit, Due: said(msg.Hello), Make: t.commit},
		{Kind: msg.KeyOpen, Due: said(msg.KeyCommit), Make: t.open},
		{Kind: msg.Key, Due: said(msg.KeyOpen), Make: t.key},
		{Kind: msg.Ready, Due: summed, Make: t.ready},
		{Kind: msg.Answer, Due: t.called, Make: t.reply, Bulk: t.shares},
	}
}

// Advance takes the steps that are due in a run.
func (t *Trustee) Advance(ctx context.Context, v *msg.View) error {
	n := v.Round()
	if v.Err() == nil && t.named(v) && v.Over() {
		t.countPast(ctx, v)
	}
	if v.Err() != nil || v.Over() || n == 0 || !t.named(v) {
		t.forget(v.ID(), msg.MaxRounds+1)
		return nil //nolint:nilerr // in a run that does not hold nothing is due
	}
	if t.Remembers(v.ID(), 0, msg.Dead) {
		return t.Again(ctx, v.ID(), 0, msg.Dead) // whatever the board shows
	}
	t.forget(v.ID(), n)
	if t.Remembers(v.ID(), n, msg.Hello) && t.round(v, n) == nil {
		if v.Said(n, msg.Lost, t.Name) || v.Said(n, msg.Answer, t.Name) || v.Said(n, msg.PrioSum, t.Name) {
			return nil
		}
		return t.Say(ctx, msg.Lost, msg.LostBody{Of: v.Of(n, t.Name)})
	}
	err := t.count(v)
	if err == nil {
		err = t.Walk(ctx, v, t.steps(v))
	}
	if r, ok := errors.AsType[fault.Refusal](err); ok && slices.Contains(ends, r.Code) {
		t.Log.LogAttrs(ctx, slog.LevelError, "refusing to open", slog.String("run", v.ID()), slog.Any("err", err))
		t.forget(v.ID(), msg.MaxRounds+1)
		whose, _ := errors.AsType[unproved](err)
		return t.Say(ctx, msg.Dead, msg.DeadBody{Of: v.Of(0, t.Name), Code: string(r.Code), Site: whose.site})
	}
	if errors.Is(err, fault.Tampered) {
		return fmt.Errorf("run %s, round %d: refusing to go on: %w", v.ID(), n, err)
	}
	return err
}

// ends are the codes with which a trustee ends a run.
var ends = []fault.Code{"set", "journal-behind", "run-dead", "attestation", "unproved", "tampered"}

func key(run string, n int) string { return fmt.Sprintf("%s/%d", run, n) }

func (t *Trustee) round(v *msg.View, n int) *round {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rounds[key(v.ID(), n)]
}

// forget erases the secrets of a run's rounds before n.
func (t *Trustee) forget(run string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := 1; i < n && i <= msg.MaxRounds; i++ {
		if r := t.rounds[key(run, i)]; r != nil {
			r.erase()
			delete(t.rounds, key(run, i))
		}
	}
}

// named: the permit is one for this trustee, by its name and its key.
func (t *Trustee) named(v *msg.View) bool {
	return slices.Contains(v.Terms().Trustees.Members, jobs.Process{Name: t.Name, Key: t.Key.Public()})
}

// may: the permit holds now.
func (t *Trustee) may(v *msg.View, _ int) bool { return v.Permit().At(t.Now()) == nil }

// said: every trustee has made such a statement.
func said(kind party.Kind) func(*msg.View, int) bool {
	return func(v *msg.View, n int) bool {
		for _, name := range v.Trustees() {
			if !v.Said(n, kind, name) {
				return false
			}
		}
		return true
	}
}

func (t *Trustee) hello(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	if err := t.objects(v); err != nil {
		return nil, nil, err
	}
	body, _, err := t.enter(v, n)
	return body, nil, err
}

// enter begins a round, or finds it begun, and numbers the hello.
func (t *Trustee) enter(v *msg.View, n int) (msg.HelloBody, *round, error) {
	r := t.round(v, n)
	if r == nil {
		var err error
		if r, err = newRound(v, n, t.Name); err != nil {
			return msg.HelloBody{}, nil, err
		}
		t.mu.Lock()
		t.rounds[key(v.ID(), n)] = r
		t.mu.Unlock()
	}
	seq, err := t.number(v, n, string(msg.Hello))
	return msg.HelloBody{Of: v.Of(n, t.Name), Box: r.box.Public(), Nonce: r.nonce, Seq: seq}, r, err
}

func newRound(v *msg.View, n int, name string) (*round, error) {
	box, err := suite.NewBox()
	if err != nil {
		return nil, err
	}
	nonce, err := suite.NewSalt()
	if err != nil {
		return nil, err
	}
	salt, err := suite.NewSalt()
	if err != nil {
		return nil, err
	}
	r := &round{box: box, nonce: nonce, salt: salt}
	switch {
	case v.Terms().Join != nil:
		r.holder, err = psi.NewHolder(v.JoinName(n), name)
		return r, err
	case v.Terms().Proved():
		return r, nil
	}
	names := v.Trustees()
	points := make([]int, len(names))
	for i := range names {
		points[i] = i + 1
	}
	r.member, err = he.NewMember(slices.Index(names, name)+1, points, v.Terms().Trustees.Quorum)
	return r, err
}

func (t *Trustee) commit(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := t.round(v, n)
	if r == nil {
		return nil, nil, party.ErrLost
	}
	if r.share == nil {
		share, err := r.member.CKGShare(v.CRS(n))
		if err != nil {
			return nil, nil, err
		}
		r.crs, r.share = v.CRS(n), share
	}
	return msg.KeyCommitBody{Of: v.Of(n, t.Name), Share: suite.Commit(r.salt, v.Of(n, t.Name).Bind(r.share))}, nil, nil
}

func letterInfo(v *msg.View, n int, from, to string) string {
	return fmt.Sprintf("yunei shamir share v1 %s %d %s %s %s", v.ID(), n, v.Permit().Digest(), from, to)
}

func (t *Trustee) open(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := t.round(v, n)
	if r == nil {
		return nil, nil, party.ErrLost
	}
	if v.CRS(n) != r.crs {
		return nil, nil, fmt.Errorf("the hellos are not those that this share was made under: %w", fault.Tampered)
	}
	if r.deals == nil {
		r.heard = heard(v, n)
		if err := t.deal(v, n, r); err != nil {
			return nil, nil, err
		}
	}
	bulk, letters := [][]byte{r.share}, map[string]suite.Digest{}
	for to, letter := range r.deals {
		bulk = append(bulk, letter)
		letters[to] = suite.DigestOf(letter)
	}
	return msg.KeyOpenBody{Of: v.Of(n, t.Name), Salt: r.salt, Share: suite.DigestOf(r.share), Letters: letters}, bulk, nil
}

// deal seals a Shamir share to every other trustee.
func (t *Trustee) deal(v *msg.View, n int, r *round) error {
	shares, err := r.member.ShamirShares()
	if err != nil {
		return err
	}
	hellos, ok := msg.All[msg.HelloBody](v, n, msg.Hello, v.Trustees())
	if !ok {
		return fmt.Errorf("dealing shares: %w", fault.Conflict)
	}
	deals := map[string][]byte{}
	for i, h := range hellos {
		if h.Party == t.Name {
			continue
		}
		if deals[h.Party], err = h.Box.Seal(letterInfo(v, n, t.Name, h.Party), shares[i+1]); err != nil {
			return err
		}
		clear(shares[i+1])
	}
	r.deals = deals
	return nil
}

// heard names all that a trustee goes by when it opens its share. Whoever could
// show another commitment afterwards would choose its share after the others'.
func heard(v *msg.View, n int) []suite.Digest {
	return append(v.Digests(n, msg.Hello, v.Trustees()), v.Digests(n, msg.KeyCommit, v.Trustees())...)
}

// sealing is what HPKE adds to a letter: an X25519 point and a tag.
const sealing = 32 + 16

func (t *Trustee) key(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := t.round(v, n)
	if r == nil {
		return nil, nil, party.ErrLost
	}
	if !slices.Equal(r.heard, heard(v, n)) {
		return nil, nil, fmt.Errorf("what was said before this share was opened has changed: %w", fault.Tampered)
	}
	commits, _ := msg.All[msg.KeyCommitBody](v, n, msg.KeyCommit, v.Trustees())
	opens, ok := msg.All[msg.KeyOpenBody](v, n, msg.KeyOpen, v.Trustees())
	if !ok || len(commits) != len(opens) {
		return nil, nil, fmt.Errorf("reading the others' shares: %w", fault.Tampered)
	}
	var public [][]byte
	private := map[int][]byte{}
	for i, o := range opens {
		share, err := t.Fetch(ctx, o.Share, he.CKGShareSize)
		if err != nil {
			return nil, nil, err
		}
		if !commits[i].Share.Opens(o.Salt, o.Bind(share)) {
			return nil, nil, fmt.Errorf("share of %s does not open its commitment: %w", o.Party, fault.Tampered)
		}
		public = append(public, share)
		if o.Party == t.Name {
			continue
		}
		letter, err := t.Fetch(ctx, o.Letters[t.Name], he.ShamirShareSize+sealing)
		if err != nil {
			return nil, nil, err
		}
		if private[i+1], err = r.box.Open(letterInfo(v, n, o.Party, t.Name), letter); err != nil {
			return nil, nil, err
		}
	}
	pk, err := he.PublicKey(v.CRS(n), public)
	if err != nil {
		return nil, nil, err
	}
	if err := r.member.Receive(private); err != nil && !errors.Is(err, fault.Conflict) { // a repeated step has received them
		return nil, nil, err
	}
	return msg.KeyBody{Of: v.Of(n, t.Name), Transcript: v.Transcript(n), Key: suite.DigestOf(pk)}, [][]byte{pk}, nil
}
