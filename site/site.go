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
	"math/big"
	"sync"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/seal"
)

// Config is what a person gave the site at enrolment.
type Config struct {
	Domain   string
	Provider jobs.Signer         // whose decisions it obeys
	Runner   string              // path of yunei-runner
	Replay   string              // path of yunei-replay
	Runners  int                 // of each engine, side by side; 0 is 1
	Secret   []byte              // of the domain; batches and blocks are keyed by what is derived from it
	Cache    sandbox.Cache       // of compiled programs
	Jail     jail.Level          // the least that a guest is run in; 0 is a full jail
	Budgets  map[string]*big.Rat // rho by unit namespace, over all permits and for ever
}

// A Site takes part in runs.
type Site struct {
	*party.Party
	Config
	Store storage.Store
	Seal  seal.PrivateKey

	books sync.Mutex // one debit at a time
	cpu   chan struct{}
}

// New makes a site. Runs compute one after another; the rest of their steps
// interleave.
func New(p *party.Party, cfg Config, store storage.Store, key seal.PrivateKey) *Site {
	return &Site{Party: p, Config: cfg, Store: store, Seal: key, cpu: make(chan struct{}, 1)}
}

// Kinds of the journal that are not statements.
const (
	used    receipt.Kind = "used"    // a permit's use, by run
	debited receipt.Kind = "debited" // a namespace's budget, by run
	signed  receipt.Kind = "set"     // the members of a run, once and for ever
)

func (s *Site) steps() []party.Step {
	return []party.Step{
		{Kind: msg.Commit, Due: s.keyed, Make: s.commit},
		{Kind: msg.Confirm, Due: s.committed, Make: s.confirm},
		{Kind: msg.Reveal, Due: confirmed, Make: s.reveal},
	}
}

// Advance takes the steps that are due in a run.
func (s *Site) Advance(ctx context.Context, v *msg.View) error {
	switch {
	case v.Said(0, msg.Refusal, s.Name), v.Said(0, msg.Dead, s.Name):
		return nil
	case s.Remembers(v.ID(), 0, msg.Dead):
		return s.Again(ctx, v.ID(), 0, msg.Dead) // whatever the board shows
	case v.Err() == nil && v.Over():
		return s.replay(ctx, v)
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
	if err := s.compute(ctx, v); err != nil {
		return s.refuse(ctx, v, err)
	}
	if on, err := s.settle(ctx, v); !on {
		return err
	}
	if v.Unlike() {
		return s.end(ctx, v, dead)
	}
	return s.Walk(ctx, v, s.steps())
}

// refuse says no to a run before any row of it is read; what is not a refusal
// is a failure of the site's own, to be tried again.
func (s *Site) refuse(ctx context.Context, v *msg.View, err error) error {
	r, ok := errors.AsType[fault.Refusal](err)
	if !ok || s.Remembers(v.ID(), 0, used) {
		return err
	}
	return s.Say(ctx, msg.Refusal, msg.RefusalBody{Of: v.Of(0, s.Name), Code: string(r.Code)})
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
	if due := v.Terms().Due; due.Count > 0 && due.Last(s.Now()).After(v.Terms().NotAfter) {
		return fault.Refuse("permit-expired", "") // no slot would be left to open what is paid for
	}
	if err := gate.Admit(v.Terms()); err != nil {
		return err // no sum of such terms would pass: say so before the debit
	}
	return s.hasDataset(ctx, v.Terms(), m)
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

// book enters the run in the site's journal: a use of the permit and, in mode
// dp, the debit of the namespace's budget, both before the first row is read
// and never given back.
func (s *Site) book(v *msg.View) error {
	s.books.Lock()
	defer s.books.Unlock()
	t := v.Terms()
	if s.uses(v) >= t.Uses {
		return fault.Refuse("permit-spent", "")
	}
	if t.Mode == jobs.DP {
		if err := s.debit(v); err != nil {
			return err
		}
	}
	if err := s.begin(v, computing); err != nil {
		return fmt.Errorf("booking a use: %w", err)
	}
	s.Hook("used:before")
	if _, err := s.Journal.Once(string(used), msg.Subject(v.ID(), 0, used, s.Name), string(v.Permit().Digest())); err != nil {
		return fmt.Errorf("booking a use: %w", err)
	}
	s.Hook("used:after")
	return nil
}

func (s *Site) uses(v *msg.View) int {
	n := 0
	for _, e := range s.Journal.All(string(used)) {
		var permit string
		if e.Decode(&permit) == nil && permit == string(v.Permit().Digest()) && e.Key != msg.Subject(v.ID(), 0, used, s.Name) {
			n++
		}
	}
	return n
}

func (s *Site) debit(v *msg.View) error {
	t := v.Terms()
	cost, err := t.Rho()
	if err != nil {
		return err
	}
	var done msg.Debit
	err = s.Journal.Get(string(debited), v.ID(), &done)
	if err == nil && (done.Namespace != t.Shape.Namespace || done.Cost != cost.RatString()) {
		return fmt.Errorf("the run was debited under another permit: %w", fault.Tampered)
	}
	if !errors.Is(err, fault.NotFound) {
		return err
	}
	spent, err := s.spent(t.Shape.Namespace, v.ID())
	if err != nil {
		return err
	}
	limit, err := s.limit(t)
	if err != nil {
		return err
	}
	after, err := noise.Afford(limit, spent, cost)
	if err != nil {
		return err
	}
	s.Hook("debited:before")
	_, err = s.Journal.Once(string(debited), v.ID(), msg.Debit{
		Namespace: t.Shape.Namespace, Cost: cost.RatString(), Before: spent.RatString(), After: after.RatString(), Seq: uint64(len(s.Journal.All(string(debited)))) + 1,
	})
	s.Hook("debited:after")
	return err
}

// limit is the smaller of what the provider fixed in this permit and of what
// it gave the site for the namespace.
func (s *Site) limit(t jobs.Terms) (*big.Rat, error) {
	m, err := s.member(t)
	if err != nil {
		return nil, err
	}
	limit, err := m.Budget.Rat()
	if err != nil {
		return nil, err
	}
	own, ok := s.Budgets[t.Shape.Namespace]
	if !ok {
		return new(big.Rat), nil
	}
	if own.Cmp(limit) < 0 {
		return own, nil
	}
	return limit, nil
}

// spent adds the debits of a namespace by other runs.
func (s *Site) spent(namespace, except string) (*big.Rat, error) {
	sum := new(big.Rat)
	for _, e := range s.Journal.All(string(debited)) {
		var d msg.Debit
		if err := e.Decode(&d); err != nil {
			return nil, fmt.Errorf("reading the journal of budgets: %w", err)
		}
		cost, ok := new(big.Rat).SetString(d.Cost)
		if !ok {
			return nil, fmt.Errorf("reading the journal of budgets: %w", fault.Tampered)
		}
		if d.Namespace == namespace && e.Key != except {
			sum.Add(sum, cost)
		}
	}
	return sum, nil
}
