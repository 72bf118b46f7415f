package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/budget"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// The site's journal is the authority over the uses of permits and the budgets
// of its data. What it says is entered before the first row is read and is never
// given back; nobody else's word lowers what is spent.

// book enters the run in the site's journal: a use of the permit and, in the
// modes with noise, the debit of the namespace's budget.
func (s *Site) book(v *msg.View) error {
	s.books.Lock()
	defer s.books.Unlock()
	t := v.Terms()
	if s.uses(v) >= t.Uses {
		return fault.Refuse("permit-spent", "")
	}
	if t.Mode.Noisy() {
		if err := s.debit(v); err != nil {
			return err
		}
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
		if e.Decode(&permit) != nil || permit == string(v.Permit().Digest()) && e.Key != msg.Subject(v.ID(), 0, used, s.Name) {
			n++
		}
	}
	return n
}

// debit enters what the run costs, once; what an earlier attempt has entered
// stands, a stored answer included.
func (s *Site) debit(v *msg.View) error {
	t := v.Terms()
	var done msg.Debit
	if err := s.Journal.Get(string(debited), v.ID(), &done); err == nil {
		if _, _, err := done.Check(v.ID(), t); err != nil {
			return fmt.Errorf("the run was debited under another permit: %w: %w", fault.Tampered, err)
		}
		return nil
	} else if !errors.Is(err, fault.NotFound) {
		return err
	}
	ask, err := s.ask(v)
	if err != nil {
		return err
	}
	past, err := s.past()
	if err != nil {
		return err
	}
	caps, err := s.caps(t)
	if err != nil {
		return err
	}
	balance, err := budget.Afford(caps, past, ask)
	if err != nil {
		return err
	}
	s.Hook("debited:before")
	_, err = s.Journal.Once(string(debited), v.ID(), msg.Debit{
		Namespace: ask.Namespace, Operator: ask.Operator, Scenario: ask.Scenario, At: ask.At, Stored: ask.Stored,
		Cost: ask.Cost.RatString(), Before: balance.Before.RatString(), After: balance.After.RatString(), Seq: uint64(len(past)) + 1,
	})
	s.Hook("debited:after")
	return err
}

// ask is the entry that the run would make: its full cost, or nothing if it asks
// what was answered before.
func (s *Site) ask(v *msg.View) (budget.Entry, error) {
	t := v.Terms()
	e := budget.Entry{
		Run: v.ID(), Namespace: t.Shape.Namespace, Operator: t.Operator.Org, Scenario: t.Scenario,
		At: s.Now().UTC().Truncate(time.Second),
	}
	var err error
	if e.Cost, err = t.Rho(); err != nil {
		return e, err
	}
	err = s.Journal.Get(string(stored), s.query(v), &e.Stored)
	switch {
	case errors.Is(err, fault.NotFound):
		return e, nil
	case err == nil && e.Stored != v.ID():
		e.Cost = new(big.Rat)
	}
	return e, err
}

// past lists the entries of the journal. An entry of before operator, scenario
// and time were kept says nothing of them, and so counts under every cap.
func (s *Site) past() ([]budget.Entry, error) {
	var all []budget.Entry
	for _, e := range s.Journal.All(string(debited)) {
		var d msg.Debit
		if err := e.Decode(&d); err != nil {
			return nil, fmt.Errorf("reading the journal of budgets: %w", err)
		}
		cost, ok := new(big.Rat).SetString(d.Cost)
		if !ok {
			return nil, fmt.Errorf("reading the journal of budgets: %w", fault.Tampered)
		}
		all = append(all, budget.Entry{
			Run: e.Key, Namespace: d.Namespace, Operator: d.Operator, Scenario: d.Scenario, At: d.At, Cost: cost, Stored: d.Stored,
		})
	}
	return all, nil
}

// caps are those that the provider gave the site and the one that it fixed in
// this permit. Without one of its own the site spends nothing.
func (s *Site) caps(t jobs.Terms) (budget.Caps, error) {
	m, err := s.member(t)
	if err != nil {
		return budget.Caps{}, err
	}
	granted, err := m.Budget.Rat()
	if err != nil {
		return budget.Caps{}, err
	}
	namespace := t.Shape.Namespace
	all := []budget.Cap{
		{Namespace: namespace, Kind: budget.Forever, Rho: s.Budgets[namespace]},
		{Namespace: namespace, Kind: budget.Forever, Rho: granted},
	}
	return budget.Caps{All: append(all, s.Caps...)}, nil
}

// query names what the run asks, by everything that the domain's part of the
// answer depends on. Whatever differs in a byte is another query, draws noise of
// its own, and pays.
func (s *Site) query(v *msg.View) string {
	t := v.Terms()
	type part struct {
		Domain, Dataset, Version string
		Schema                   suite.Digest
		Columns                  []string
	}
	asked := struct {
		Program   suite.Digest
		Form      suite.Digest // as it is run: an upgrade may change it
		Params    []byte
		Parts     []part
		Shape     jobs.Shape
		Mode      jobs.Mode
		Threshold int64
		Corrupt   int // whose noise was counted on when it was paid for
		Limits    jobs.Limits
		Engines   string
	}{
		Program: t.Program.Digest, Params: t.Params, Shape: t.Shape, Mode: t.Mode, Threshold: t.Threshold,
		Corrupt: t.Corrupt, Limits: t.Limits, Engines: t.Engines,
	}
	for _, m := range t.Members {
		asked.Parts = append(asked.Parts, part{m.Domain, m.Dataset, m.Version, m.Schema, m.Columns})
	}
	var said msg.AdmittedBody
	if r, err := s.Recall(v.ID(), 0, msg.Admitted); err == nil && r.Read(msg.Admitted, &said) == nil {
		asked.Form = said.Form
	}
	raw, err := json.Marshal(asked)
	if err != nil {
		panic("site: a query cannot be marshalled: " + err.Error()) // plain data only
	}
	return string(suite.DigestOf(append([]byte("yunei query v1 "), raw...)))
}

// retain notes a run with noise that has come to a candidate as the answer to
// its query. Not before: whether an earlier run's guest was done must not show in
// what a later one pays, and every other member has its part of it by then.
func (s *Site) retain(v *msg.View) error {
	var permit string
	if !v.Terms().Mode.Noisy() || !v.Said(0, msg.Candidate, v.Terms().Gate.Name) || s.kept(v, used, &permit) != nil || permit != string(v.Permit().Digest()) {
		return nil //nolint:nilerr // not this site's run, or not the permit that it was booked under
	}
	s.Hook("stored:before")
	_, err := s.Journal.Once(string(stored), s.query(v), v.ID())
	if errors.Is(err, fault.Conflict) {
		err = nil // the first answer stands
	}
	s.Hook("stored:after")
	return err
}

// reuse gives the run the very vector that answered its query before, and what a
// replay holds a cube against. No row is read and nothing is drawn. It reports
// whether the run was debited as such. An answer that is gone is not drawn anew.
func (s *Site) reuse(ctx context.Context, v *msg.View) (bool, error) {
	var d msg.Debit
	if err := s.Journal.Get(string(debited), v.ID(), &d); err != nil || d.Stored == "" {
		if errors.Is(err, fault.NotFound) {
			err = nil // mode sdc
		}
		return false, err
	}
	if err := s.adopt(ctx, v, d.Stored); err != nil {
		return true, fmt.Errorf("giving the stored answer of %s: %w", d.Stored, err)
	}
	return true, nil
}

// adopt keeps what the earlier run kept as the run's own. The vector comes last,
// for with it the run is computed.
func (s *Site) adopt(ctx context.Context, v *msg.View, earlier string) error {
	from, err := keptName(earlier)
	if err != nil {
		return err
	}
	to, err := keptName(v.ID())
	if err != nil {
		return err
	}
	if _, err := keep(ctx, s, to, keptCube{}, func() (c keptCube, err error) { return c, s.get(ctx, from, &c) }); err != nil {
		return err
	}
	if from, err = partialName(earlier); err != nil {
		return err
	}
	if to, err = partialName(v.ID()); err != nil {
		return err
	}
	values, err := s.vector(ctx, from)
	if err != nil {
		return err
	}
	defer clear(values)
	s.Hook("partial:before")
	if err := s.putVector(ctx, to, values); err != nil {
		return err
	}
	s.Hook("partial:after")
	return nil
}

// remembersAll refuses a run if the board has a statement under this site's own
// key that its journal does not hold: then the journal is an older one, brought
// back, and has forgotten what it spent. The board can leave statements out, so
// that trustees keep their own count; it cannot forge one.
func (s *Site) remembersAll(ctx context.Context) error {
	// A debit comes after the one and before the other.
	for _, kind := range []receipt.Kind{msg.Admitted, msg.Confirm, msg.Checked} {
		for item, err := range s.Board.All(ctx, fmt.Sprintf("run.*.*.%s.%s", kind, s.Name)) {
			if err != nil {
				return fmt.Errorf("reading what this site has said: %w", err)
			}
			if !s.remembers(item.Subject, item.Data) {
				return fault.Refuse("journal-behind", "house")
			}
		}
	}
	return nil
}

func (s *Site) remembers(subject string, raw []byte) bool {
	p, err := msg.ParseSubject(subject)
	if err != nil {
		return true
	}
	r, err := receipt.Parse(raw)
	if err != nil || r.By() != s.Key.Public() || r.Kind() != p.Kind {
		return true // somebody else's, in our place
	}
	own, err := s.Recall(p.Run, p.Round, p.Kind)
	return err == nil && own.Digest() == r.Digest()
}
