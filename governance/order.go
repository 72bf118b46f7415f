package governance

import (
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// An Order is a hold by a person's decision (msg.Order), as it was signed.
type Order struct {
	msg.OrderBody

	Digest suite.Digest    `json:"digest"`
	By     suite.PublicKey `json:"by"`
	said   receipt.Receipt
}

// Basis is what an order rests on under a city's rules.
func (o Order) Basis(rules profile.Profile) string { return Rest(rules, o.Code) }

// A CaseEnd is how a case has ended. The zero CaseEnd is of a case that has not.
type CaseEnd struct {
	ID      string       `json:"id"`
	Kind    string       `json:"kind"`
	End     string       `json:"end"`     // by its table's id
	Outcome string       `json:"outcome"` // of governance/cases
	Head    suite.Digest `json:"head"`
}

// causes are the procedures that an order may wait for, with the ends that leave
// things held: data that were withdrawn or disposed of, and a fault that was not put
// right.
var causes = map[string][]string{
	"objection.resolve": {"removed"},
	"incident.rectify":  {"censured"},
	"withdraw.dispose":  {"disposed"},
}

// frees reports whether a case has ended so that what was held for it may go on.
func (e CaseEnd) frees() bool {
	stays, ok := causes[e.Kind]
	return ok && e.ID != "" && e.End != "" && e.Outcome != "" && e.Head.Hex() != "" && !slices.Contains(stays, e.End)
}

// MayOrder returns the order that r states if its signer may place it: an officer
// of the bureau for anything, a provider's officer for a dataset of their own
// organisation. It names who may lift it: officers of the bureau, and not the
// person who places it.
func (g Register) MayOrder(r receipt.Receipt, now time.Time) (Order, error) {
	u, err := g.User(r.By(), now)
	if err != nil {
		return Order{}, err
	}
	o, err := ParseOrder(r.Bytes())
	if err != nil || o.At.After(now.Add(msg.Tolerance)) || o.At.Before(now.Add(-msg.Tolerance)) {
		return Order{}, fault.Refuse("order", House)
	}
	if !g.orders(u, o.Thing) {
		return Order{}, fault.Refuse("role", o.Basis(g.Rules))
	}
	for _, key := range o.Lifters {
		if l, err := g.User(key, now); err != nil || l.Role != RoleBureau || l.ID == u.ID {
			return Order{}, fault.Refuse("order", House)
		}
	}
	return o, nil
}

// orders reports whether a user may hold a thing.
func (g Register) orders(u User, h msg.Held) bool {
	switch u.Role {
	case RoleBureau:
		return true
	case RoleOfficer:
		e, ok := g.Catalogue[h.Name]
		return h.Kind == msg.HoldDataset && ok && e.Provider == u.Org
	default:
		return false
	}
}

// Lifters are the keys that an order by a user may name: of all other officers of
// the bureau.
func Lifters(users []User, by suite.PublicKey, now time.Time) []suite.PublicKey {
	own := slices.IndexFunc(users, func(u User) bool { return u.Key == by })
	var keys []suite.PublicKey
	for _, u := range users {
		if u.Role == RoleBureau && u.Live(now) && u.Key != by && (own < 0 || users[own].ID != u.ID) && len(keys) < msg.MaxLifters {
			keys = append(keys, u.Key)
		}
	}
	return keys
}

// MayLift returns the order that r lifts if its signer may: an officer of the
// bureau, whom the order names, who is not the person who placed it; and, if the
// order waits for a case, once that has ended, on the case as it ended. end is what
// the order's cause has come to, its zero value if it goes on.
func (g Register) MayLift(orders []Order, lifts []receipt.Receipt, r receipt.Receipt, end CaseEnd, now time.Time) (Order, error) {
	u, err := g.acting(r.By(), RoleBureau, House, now)
	if err != nil {
		return Order{}, err
	}
	l, said, err := msg.OpenLift(r.Bytes())
	if err != nil || l.At.After(now.Add(msg.Tolerance)) || l.At.Before(now.Add(-msg.Tolerance)) {
		return Order{}, fault.Refuse("order", House)
	}
	i := slices.IndexFunc(orders, func(o Order) bool { return o.Digest == l.On })
	if i < 0 || len(InForce(orders[i:i+1], lifts, now)) == 0 {
		return Order{}, fault.Refuse("order-unknown", House)
	}
	o := orders[i]
	if g.Holder(o.By).ID == u.ID || !slices.Contains(o.Lifters, r.By()) {
		return Order{}, fault.Refuse("order-own", House)
	}
	if l.Case != o.Cause || o.Cause != "" && (end.ID != o.Cause || l.Head != end.Head || !end.frees()) || !msg.Lifts(o.said, o.OrderBody, said, l) {
		return Order{}, fault.Refuse("order-cause", o.Basis(g.Rules))
	}
	return o, nil
}

// Holder is the user who has, or had, a key; the zero User if nobody has. For
// showing and comparing: whoever acts with a key is asked for by User.
func (g Register) Holder(key suite.PublicKey) User {
	for _, u := range g.Users {
		if u.Key == key {
			return u
		}
	}
	return User{}
}

// InForce lists the orders that no lift has ended at an instant. A lift counts if
// the order names its signer, and not before the time that it states.
func InForce(orders []Order, lifts []receipt.Receipt, now time.Time) []Order {
	ended := map[suite.Digest][]receipt.Receipt{}
	for _, r := range lifts {
		if l, _, err := msg.OpenLift(r.Bytes()); err == nil && !l.At.After(now.Add(msg.Tolerance)) {
			ended[l.On] = append(ended[l.On], r)
		}
	}
	var all []Order
	for _, o := range orders {
		if !slices.ContainsFunc(ended[o.Digest], o.ends) {
			all = append(all, o)
		}
	}
	return all
}

func (o Order) ends(r receipt.Receipt) bool {
	l, _, err := msg.OpenLift(r.Bytes())
	return err == nil && msg.Lifts(o.said, o.OrderBody, r, l)
}

// Holding lists those of the orders that hold something of a run under the terms.
func Holding(inForce []Order, t jobs.Terms) []Order {
	return slices.DeleteFunc(slices.Clone(inForce), func(o Order) bool { return !o.Holds(t) })
}

// ParseOrder reads an order as it was signed, by whomever. Errors are of kind
// Invalid or Tampered.
func ParseOrder(raw []byte) (Order, error) {
	o, r, err := msg.OpenOrder(raw)
	if err != nil {
		return Order{}, err
	}
	return Order{o, r.Digest(), r.By(), r}, nil
}

// Receipt is the order as it was signed.
func (o Order) Receipt() receipt.Receipt { return o.said }
