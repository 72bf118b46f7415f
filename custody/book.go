package custody

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/budget"
	"github.com/yunei/yunei/jobs/msg"
)

// The custodian's journal is the authority over the keys that it has released:
// nobody else's word, least of all the site's, lowers what it counts.

// Kinds of the journal.
const (
	used     = "used"     // the permit of a run that has had a key, by run
	debited  = "debited"  // what the run cost its namespace, by run
	released = "released" // an answer, by its nonce
)

// A release is an entry of kind released.
type release struct {
	Run      string      `json:"run"`
	Round    int         `json:"round"`
	Version  string      `json:"version"`
	Evidence attest.Type `json:"evidence"`
	Binary   string      `json:"binary"`
	At       time.Time   `json:"at"`
}

// affords refuses a run that there is no use or budget for, and returns how often
// it had its key.
func (c *Custodian) affords(a asked, now time.Time) (releases int, err error) {
	t, uses := a.permit.Terms(), 0
	for _, e := range c.Journal.All(used) {
		var permit string
		if err := e.Decode(&permit); err != nil {
			return 0, fmt.Errorf("reading the journal: %w", err)
		}
		switch {
		case e.Key == a.Run && permit != string(a.Permit):
			return 0, fault.Refuse("permit-foreign", "")
		case e.Key != a.Run && permit == string(a.Permit):
			uses++
		}
	}
	if uses >= t.Uses {
		return 0, fault.Refuse("permit-spent", "")
	}
	if t.Mode.Noisy() {
		if _, err := c.cost(a, now); err != nil {
			return 0, err
		}
	}
	for _, e := range c.Journal.All(released) {
		var r release
		if err := e.Decode(&r); err != nil {
			return 0, fmt.Errorf("reading the journal: %w", err)
		}
		if r.Run == a.Run {
			releases++
		}
	}
	if releases >= maxReleases {
		return 0, fmt.Errorf("the run had its key %d times: %w", releases, fault.Refuse("custody", "house"))
	}
	return releases, nil
}

// cost is what a run is to be debited; of one that was, it is what stands.
func (c *Custodian) cost(a asked, now time.Time) (msg.Debit, error) {
	var done msg.Debit
	if err := c.Journal.Get(debited, a.Run, &done); !errors.Is(err, fault.NotFound) {
		return done, err
	}
	t := a.permit.Terms()
	m, _ := t.Member(c.Domain) // hear has seen it
	rho, err := t.Rho()
	if err != nil {
		return msg.Debit{}, err
	}
	granted, err := m.Budget.Rat()
	if err != nil {
		return msg.Debit{}, err
	}
	past, err := c.past()
	if err != nil {
		return msg.Debit{}, err
	}
	namespace := t.Shape.Namespace
	caps := append([]budget.Cap{
		{Namespace: namespace, Kind: budget.Forever, Rho: c.Budgets[namespace]},
		{Namespace: namespace, Kind: budget.Forever, Rho: granted},
	}, c.Caps...)
	ask := budget.Entry{
		Run: a.Run, Namespace: namespace, Operator: t.Operator.Org, Scenario: t.Scenario, At: now.UTC().Truncate(time.Second), Cost: rho,
	}
	balance, err := budget.Afford(budget.Caps{All: caps}, past, ask)
	if err != nil {
		return msg.Debit{}, err
	}
	return msg.Debit{
		Namespace: namespace, Operator: ask.Operator, Scenario: ask.Scenario, At: ask.At, Cost: rho.RatString(),
		Before: balance.Before.RatString(), After: balance.After.RatString(), Seq: uint64(len(past)) + 1,
	}, nil
}

func (c *Custodian) past() ([]budget.Entry, error) {
	var all []budget.Entry
	for _, e := range c.Journal.All(debited) {
		var d msg.Debit
		if err := e.Decode(&d); err != nil {
			return nil, fmt.Errorf("reading the journal of budgets: %w", err)
		}
		cost, ok := new(big.Rat).SetString(d.Cost)
		if !ok {
			return nil, fmt.Errorf("reading the journal of budgets: %w", fault.Tampered)
		}
		all = append(all, budget.Entry{Run: e.Key, Namespace: d.Namespace, Operator: d.Operator, Scenario: d.Scenario, At: d.At, Cost: cost})
	}
	return all, nil
}

// A booking enters an answer in the journal, once its evidence holds and before
// anything is sealed: the run's debit, its use, then the nonce. A crash between
// them spends and releases nothing.
type booking struct {
	c        *Custodian
	asked    asked
	evidence attest.Type
	now      time.Time
}

// Spend is attest.Once. Time has passed since the question: what may end is asked
// again.
func (b booking) Spend(n attest.Nonce) error {
	c, a := b.c, b.asked
	if err := a.permit.At(b.now); err != nil {
		return err
	}
	if _, err := c.affords(a, b.now); err != nil {
		return err
	}
	if a.permit.Terms().Mode.Noisy() {
		cost, err := c.cost(a, b.now)
		if err != nil {
			return err
		}
		if _, err := c.Journal.Once(debited, a.Run, cost); err != nil {
			return err
		}
	}
	if _, err := c.Journal.Once(used, a.Run, string(a.Permit)); err != nil {
		return err
	}
	already, err := c.Journal.Once(released, hex.EncodeToString(n[:]), release{
		Run: a.Run, Round: a.Round, Version: string(a.name), Evidence: b.evidence, Binary: string(a.Binary), At: b.now.UTC().Truncate(time.Second),
	})
	if already {
		return fault.Conflict
	}
	return err
}
