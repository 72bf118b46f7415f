// Package site is a domain's part in runs. It polls the board and opens no
// port. It obeys a permit only if that carries the signature of its own
// provider's officer by the key that a person pinned here; it keeps its own
// journal of uses and budgets and debits them before the first row is read;
// it runs the guest in a jailed child, bounds what each unit contributes, adds
// its own noise (mode dp) or its own flags (mode sdc), and seals the partial
// under the round's key. It signs one set of members a run, ever.
//
// Nothing that depends on rows leaves it but the sealed partial: a refusal is
// decided before the first row is read, and what goes wrong afterwards is done
// again, not told.
package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"sync"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/gate/budget"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// Config is what a person gave the site at enrolment.
type Config struct {
	Domain   string
	Provider jobs.Signer         // whose decisions it obeys
	Runner   string              // path of yunei-runner
	Replay   string              // path of yunei-replay
	Runners  int                 // of each engine, side by side; 0 is 1
	Secret   []byte              // of the domain; batches and blocks are keyed by what is derived from it
	Unit     []byte              // the key that made the unit keys at ingest
	Cache    sandbox.Cache       // of compiled programs
	Jail     jail.Level          // the least that a guest is run in; 0 is a full jail
	Budgets  map[string]*big.Rat // rho by unit namespace, over all permits and for ever
	Caps     []budget.Cap        // further ones: by operator, scenario or year
	Makers   fs.FS               // what the makers of the gate's machine publish (attest.ReadCollateral); nil has none
	Box      suite.Box           // opens queries of verifications; the zero Box offers none
	Keeper   Keeper              // of the keys that open datasets; nil: the site's own key does
}

// A Site takes part in runs.
type Site struct {
	*party.Party
	Config
	Store storage.Store
	Seal  seal.PrivateKey

	books     sync.Mutex // one debit at a time
	registers histories
	joints    joints
	queries   queries
	cpu       chan struct{}
	opened    keyring

	holding sync.Mutex    // one change of what is held, or statement of it, at a time
	bell    chan struct{} // rings when it has changed
}

// New makes a site. Runs compute one after another; the rest of their steps
// interleave. To what the party goes by it adds the provider's own holds, which
// come first.
func New(p *party.Party, cfg Config, store storage.Store, key seal.PrivateKey) *Site {
	s := &Site{Party: p, Config: cfg, Store: store, Seal: key, cpu: make(chan struct{}, 1), bell: make(chan struct{}, 1)}
	p.Standing = standing{s, p.Standing}
	return s
}

// Kinds of the journal that are not statements.
const (
	used    receipt.Kind = "used"    // a permit's use, by run
	debited receipt.Kind = "debited" // a namespace's budget, by run
	signed  receipt.Kind = "set"     // the members of a run, once and for ever
	stored  receipt.Kind = "stored"  // the run that has answered a query, by what was asked
)

func (s *Site) steps() []party.Step {
	return []party.Step{
		{Kind: msg.Commit, Due: s.keyed, Make: s.commit},
		{Kind: msg.Confirm, Due: s.committed, Make: s.confirm},
		{Kind: msg.Reveal, Due: confirmed, Make: s.reveal, Bulk: s.show},
	}
}

// Advance takes the steps that are due in a run.
func (s *Site) Advance(ctx context.Context, v *msg.View) error {
	switch {
	case v.Said(0, msg.Refusal, s.Name), v.Said(0, msg.Dead, s.Name):
		return nil
	case s.Remembers(v.ID(), 0, msg.Dead):
		return s.Again(ctx, v.ID(), 0, msg.Dead) // whatever the board shows
	case v.Err() == nil && v.Over() && v.Terms().Verify != nil:
		s.forgetQuery(v.ID())
		return nil
	case v.Err() == nil && v.Over() && v.Terms().Join != nil:
		return s.overJoin(ctx, v)
	case v.Err() == nil && v.Over():
		if err := errors.Join(s.retain(v), s.retire(ctx, v), s.settlePast(ctx, v)); err != nil {
			return err
		}
		return s.replay(ctx, v)
	}
	if s.isRetired(v.ID()) {
		return nil // over, whatever the board shows now
	}
	if _, asked := v.Terms().Member(s.Domain); v.Err() == nil && !asked {
		return nil // others' run
	}
	if s.Remembers(v.ID(), 0, msg.Refusal) {
		return s.Again(ctx, v.ID(), 0, msg.Refusal) // whatever has changed since
	}
	if err := s.accept(ctx, v); err != nil {
		return s.refuse(ctx, v, err)
	}
	switch t := v.Terms(); {
	case t.Join != nil:
		return s.advanceJoin(ctx, v)
	case t.Verify != nil:
		return s.advanceVerify(ctx, v)
	}
	if err := s.compute(ctx, v); err != nil {
		return s.refuse(ctx, v, err)
	}
	if on, err := s.settle(ctx, v); !on {
		return err
	}
	if v.Unlike() {
		return s.end(ctx, v, dead)
	}
	err := s.Walk(ctx, v, s.steps())
	if r, ok := errors.AsType[fault.Refusal](err); ok && r.Code == "attestation" {
		return s.end(ctx, v, string(r.Code)) // no row has a part in that
	}
	return err
}

// refuse says no to a run before any row of it is read; what is not a refusal
// is a failure of the site's own, to be tried again.
func (s *Site) refuse(ctx context.Context, v *msg.View, err error) error {
	r, ok := errors.AsType[fault.Refusal](err)
	if !ok || s.Remembers(v.ID(), 0, used) {
		return err
	}
	body := msg.RefusalBody{Of: v.Of(0, s.Name), Code: string(r.Code)}
	if short, ok := errors.AsType[*budget.Short](err); ok {
		told := msg.Short(short.Told)
		body.Short = &told
	}
	return s.Say(ctx, msg.Refusal, body)
}

// accept decides, from the permit and the site's own journal alone, whether
// the run may be.
func (s *Site) accept(ctx context.Context, v *msg.View) error {
	// What a run was booked under is what it goes on under: the board could
	// show a run of the same name with a permit that nobody here has granted.
	var permit string
	err := s.Journal.Get(string(used), msg.Subject(v.ID(), 0, used, s.Name), &permit)
	switch {
	case err == nil && permit != string(v.Permit().Digest()):
		return fmt.Errorf("the run was booked under another permit: %w", fault.Tampered)
	case !errors.Is(err, fault.NotFound):
		return err
	}
	if v.Err() != nil {
		if _, ok := errors.AsType[fault.Refusal](v.Err()); ok {
			return v.Err()
		}
		return fmt.Errorf("%w: %w", v.Err(), fault.Refuse("permit-broken", ""))
	}
	if err := v.Permit().At(s.Now()); err != nil {
		return err
	}
	m, err := s.member(v.Terms())
	if err != nil {
		return err
	}
	if s.isHeld(v.Terms()) {
		if s.Remembers(v.ID(), 0, used) {
			return party.Waits{Code: party.Held, Who: []string{s.Name}} // what has begun waits
		}
		return fault.Refuse(party.Held, "")
	}
	if v.Terms().Due.Last(s.Now()).After(v.Terms().NotAfter) {
		return fault.Refuse("permit-expired", "") // no slot would be left to open what is paid for
	}
	if err := gate.Admit(v.Terms()); err != nil {
		return err // no sum of such terms would pass: say so before the debit
	}
	if err := s.remembersAll(ctx); err != nil {
		return err
	}
	if err := s.hasDataset(ctx, v.Terms(), m); err != nil {
		return err
	}
	switch t := v.Terms(); {
	case t.Join != nil:
		return s.mayJoin(ctx, v, m)
	case t.Verify != nil:
		return nil // what there is to refuse is refused with the claims
	}
	return s.mayBeWithheld(ctx, v, m)
}

// member finds the site's own place in the terms: its own key, and its own
// provider by the key pinned here.
func (s *Site) member(t jobs.Terms) (jobs.Member, error) {
	m, ok := t.Member(s.Domain)
	if !ok || m.Site.Name != s.Name || m.Site.Key != s.Key.Public() || m.Provider != s.Provider {
		return jobs.Member{}, fault.Refuse("permit-broken", "")
	}
	return m, nil
}
