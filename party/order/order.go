// Package order has a party stop where a person's order holds something of a
// run: an objection to a dataset, an incident of an operator, a program that
// turned out to be another. It is one look-up beside that of leases (package
// party/lease), before every step and all the while that a guest runs.
//
// The coordinator posts orders and their lifts on the board. A party believes it
// nothing: an order is heard if the terms of the run name its signer, the bureau's
// officer for anything and a provider's officer for that provider's own dataset
// there; a lift, if the order itself names who signed it. What does not parse,
// what nobody named has signed, and what is about another run hold nothing up.
// More statements than a book keeps, and a board that is not heard any more,
// hold everything.
//
// What this does not do: the coordinator can keep an order from the board, or
// serve a board without it to a party that is started anew. An order is no lease:
// nobody waits for a statement that there is none. What the coordinator cannot
// hide for longer than a day is what a provider holds at its own site. So the
// provider that must be sure holds there, and the bureau that must be sure hands its
// order to the site of one member past the platform (site.TakeOrder); an order on the
// board is how people who hold no site stop what every party that is told obeys.
package order

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// most is how many orders and lifts a book keeps.
const most = 1 << 13

// A Book is what a party has heard of orders. Its zero value holds everything. It
// may be used concurrently.
type Book struct {
	mu     sync.Mutex
	heard  bool // the board is being followed
	full   bool
	kept   int // statements
	orders map[suite.Digest]placed
	lifts  map[suite.Digest][]lifted // by the order
}

type placed struct {
	body msg.OrderBody
	said receipt.Receipt
}

type lifted struct {
	body msg.LiftBody
	said receipt.Receipt
}

// Read takes in what the board says now and returns what takes in the rest, until
// its context ends.
func (b *Book) Read(ctx context.Context, on *bus.Board) (follow func(context.Context) error, err error) {
	from := uint64(1)
	for item, err := range on.All(ctx, msg.OrdersFilter) {
		if err != nil {
			return nil, fmt.Errorf("reading orders: %w", err)
		}
		b.Take(item.Data)
		from = item.Seq + 1
	}
	b.listen(true)
	return func(ctx context.Context) error {
		defer b.listen(false)
		items, err := on.WatchFrom(ctx, msg.OrdersFilter, from)
		if err != nil {
			return fmt.Errorf("following orders: %w", err)
		}
		for item := range items {
			b.Take(item.Data)
		}
		return ctx.Err()
	}, nil
}

func (b *Book) listen(heard bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = heard
}

// Take takes in a statement of the board; what is neither order nor lift is
// passed over.
func (b *Book) Take(raw []byte) {
	o, order, notOrder := msg.OpenOrder(raw)
	l, lift, notLift := msg.OpenLift(raw)
	if notOrder != nil && notLift != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.orders == nil {
		b.orders, b.lifts = map[suite.Digest]placed{}, map[suite.Digest][]lifted{}
	}
	if b.kept++; b.kept > most {
		b.full = true
		return
	}
	if notOrder == nil {
		b.orders[order.Digest()] = placed{o, order}
		return
	}
	b.lifts[l.On] = append(b.lifts[l.On], lifted{l, lift})
}

// Check returns nil if no order holds anything of the run, and a party.Waits
// otherwise, of who ordered it.
func (b *Book) Check(v *msg.View) error { return b.holds(v.Terms()) }

func (b *Book) holds(t jobs.Terms) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.heard || b.full {
		return party.Waits{Code: party.Held, Who: []string{t.Coordinator.Name}}
	}
	var who []string
	for d, o := range b.orders {
		by, ok := o.body.Heard(t, o.said.By())
		if ok && o.body.Holds(t) && !b.isLifted(d, o) && !slices.Contains(who, by) {
			who = append(who, by)
		}
	}
	if who == nil {
		return nil
	}
	slices.Sort(who)
	return party.Waits{Code: party.Held, Who: who}
}

func (b *Book) isLifted(d suite.Digest, o placed) bool {
	return slices.ContainsFunc(b.lifts[d], func(l lifted) bool { return msg.Lifts(o.said, o.body, l.said, l.body) })
}

// Beside is a Standing of the book first, and then of what else a party goes by.
func (b *Book) Beside(next party.Standing) party.Standing { return beside{b, next} }

type beside struct {
	book *Book
	next party.Standing
}

func (s beside) Check(v *msg.View) error {
	if s.book == nil || s.next == nil {
		return party.Waits{Code: party.NoLease}
	}
	if err := s.book.Check(v); err != nil {
		return err
	}
	return s.next.Check(v)
}
