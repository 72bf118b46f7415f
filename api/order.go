package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// A Notary keeps what people state outside runs where it cannot be taken back. All
// of its methods may be called again with the same arguments.
type Notary interface {
	// Enter puts a digest in the ledger and returns where. The same digest may stand there
	// more than once.
	Enter(ctx context.Context, d suite.Digest) (uint64, error)
	// Announce tells every party of an order or a lift.
	Announce(ctx context.Context, r receipt.Receipt) error
	// Prove shows a place of the ledger in a checkpoint that trustees witnessed.
	Prove(ctx context.Context, index uint64, trustees []jobs.Process) (checkpoint []byte, hashes [][]byte, err error)
	// Entry is the coordinator's statement that a run was released, or NotFound.
	Entry(ctx context.Context, run string) (receipt.Receipt, error)
}

// enter logs a statement and keeps it, in this order: what is on record here is in
// the ledger. What is kept already is not logged again.
func (s *Server) enter(ctx context.Context, table records.Table[records.Noted], id, parent string, r receipt.Receipt) error {
	switch old, err := table.Get(ctx, id); {
	case err == nil && string(old.Envelope) == string(r.Bytes()):
		return nil
	case err == nil:
		return fault.Refuse("registered", governance.House)
	case !errors.Is(err, fault.NotFound):
		return err
	}
	index, err := s.Notary.Enter(ctx, r.Digest())
	if err != nil {
		return err
	}
	return table.Put(ctx, records.Record[records.Noted]{
		ID: id, Revision: 1, Parent: parent, Value: records.Noted{By: r.By(), Index: index}, Envelope: r.Bytes(),
	})
}

// ordered are all orders and lifts on record.
func (s *Server) ordered(ctx context.Context) ([]governance.Order, []receipt.Receipt, error) {
	return Ordered(ctx, s.Records)
}

// Ordered reads all orders and lifts on record.
func Ordered(ctx context.Context, recs *records.Records) (orders []governance.Order, lifts []receipt.Receipt, err error) {
	placed, err := recs.HoldOrders.List(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	for _, rec := range placed {
		o, err := governance.ParseOrder(rec.Envelope)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the orders: %w: %w", err, fault.Tampered)
		}
		orders = append(orders, o)
	}
	ended, err := recs.HoldLifts.List(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	lifts, err = parse(ended)
	return orders, lifts, err
}

// holding are the orders that hold a run under the terms now.
func (s *Server) holding(ctx context.Context, t jobs.Terms, now time.Time) ([]governance.Order, error) {
	orders, lifts, err := s.ordered(ctx)
	if err != nil {
		return nil, err
	}
	return governance.Holding(governance.InForce(orders, lifts, now), t), nil
}

// free refuses a new run that an order holds.
func (s *Server) free(ctx context.Context, g governance.Register, t jobs.Terms, now time.Time) error {
	held, err := s.holding(ctx, t, now)
	if err != nil || len(held) == 0 {
		return err
	}
	return fault.Refuse("order-held", held[0].Basis(g.Rules))
}

func placeOrder(ctx context.Context, s *Server, c *call) (any, error) {
	_, r, err := inner(c)
	if err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	o, err := c.reg.MayOrder(r, c.now)
	if err != nil {
		return nil, err
	}
	if err := s.room(ctx, o); err != nil {
		return nil, err
	}
	if err := s.enter(ctx, s.Records.HoldOrders, o.ID, "", r); err != nil {
		return nil, err
	}
	return verb.Order{Order: o, InForce: true}, s.Notary.Announce(ctx, r)
}

func liftOrder(ctx context.Context, s *Server, c *call) (any, error) {
	in, r, err := inner(c)
	if err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	orders, lifts, err := s.ordered(ctx)
	if err != nil {
		return nil, err
	}
	var end governance.CaseEnd
	for _, o := range orders {
		if o.ID == in.ID && o.Cause != "" {
			if end, err = s.caseEnd(ctx, c.reg, o.Cause); err != nil && !errors.Is(err, fault.NotFound) {
				return nil, err
			}
		}
	}
	for _, have := range lifts { // whose first answer was lost
		if have.Digest() == r.Digest() {
			return s.shown(orders, lifts, in.ID, c.now), s.Notary.Announce(ctx, r)
		}
	}
	o, err := c.reg.MayLift(orders, lifts, r, end, c.now)
	if err != nil {
		return nil, err
	}
	if err := s.enter(ctx, s.Records.HoldLifts, r.Digest().Hex(), o.Digest.Hex(), r); err != nil {
		return nil, err
	}
	return s.shown(orders, append(lifts, r), o.ID, c.now), s.Notary.Announce(ctx, r)
}

// caseEnd says how a case has ended, its zero value while it goes on.
func (s *Server) caseEnd(ctx context.Context, reg governance.Register, id string) (governance.CaseEnd, error) {
	k, _, err := s.Case(ctx, reg, id)
	if err != nil {
		return governance.CaseEnd{}, err
	}
	outcome, end := k.Outcome()
	if outcome == cases.Pending {
		return governance.CaseEnd{}, nil
	}
	return governance.CaseEnd{ID: id, Kind: k.Opening().Kind, End: end, Outcome: string(outcome), Head: k.Head()}, nil
}

// shown is an order by its id, with what ended it.
func (s *Server) shown(orders []governance.Order, lifts []receipt.Receipt, id string, now time.Time) verb.Order {
	var out verb.Order
	for _, o := range orders {
		if o.ID != id {
			continue
		}
		out = verb.Order{Order: o, InForce: len(governance.InForce([]governance.Order{o}, lifts, now)) > 0}
		for _, r := range lifts {
			if r.Subject().Digest["sha256"] == o.Digest.Hex() {
				out.Lifts = append(out.Lifts, json.RawMessage(r.Bytes()))
			}
		}
	}
	return out
}

// listOrders shows the orders to the bureau and auditors, and to everybody else
// those of their own data and applications.
func listOrders(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	orders, lifts, err := s.ordered(ctx)
	if err != nil {
		return nil, err
	}
	apps, err := s.Records.Applications.List(ctx, "")
	if err != nil {
		return nil, err
	}
	mine := func(o governance.Order) bool {
		if c.user.Role == governance.RoleBureau || c.user.Role == governance.RoleAuditor {
			return true
		}
		if e, ok := c.reg.Catalogue[o.Thing.Name]; ok && e.Provider == c.user.Org {
			return true
		}
		for _, app := range apps {
			if c.sees(app.Value.Terms) && o.Holds(app.Value.Terms) {
				return true
			}
		}
		return false
	}
	list := []verb.Order{}
	for _, o := range orders {
		if mine(o) {
			list = append(list, s.shown(orders, lifts, o.ID, c.now))
		}
	}
	return list, nil
}

// Announce tells the parties again of every order and lift on record: the platform
// may have died before it did. Call it before Serve.
func (s *Server) Announce(ctx context.Context) error {
	orders, lifts, err := s.ordered(ctx)
	if err != nil {
		return err
	}
	for _, o := range orders {
		lifts = append(lifts, o.Receipt())
	}
	for _, r := range lifts {
		if err := s.Notary.Announce(ctx, r); err != nil {
			return fmt.Errorf("announcing what is held: %w", err)
		}
	}
	return nil
}
