package cases

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// skew is how far the clocks of two signers may be apart.
const skew = 10 * time.Minute

// Rules are what events are folded by: who holds which key, and the procedures.
// The zero Rules know neither, and let nothing happen.
type Rules struct {
	people map[suite.PublicKey]governance.User
	kinds  map[string]governance.Kind
	tables Tables
	cite   Cite
}

// NewRules takes the people of a register. A key that a process holds too is
// nobody's, whatever the register says.
func NewRules(g governance.Register, tables Tables) Rules {
	r := Rules{people: map[suite.PublicKey]governance.User{}, kinds: map[string]governance.Kind{}, tables: tables}
	for id, o := range g.Orgs {
		r.kinds[id] = o.Kind
	}
	twice := map[suite.PublicKey]bool{g.Root: true, "": true}
	for _, p := range g.Processes {
		twice[p.Key] = true
	}
	for _, u := range g.Users {
		if _, again := r.people[u.Key]; again {
			twice[u.Key] = true
		}
		r.people[u.Key] = u
	}
	for key := range twice {
		delete(r.people, key)
	}
	return r
}

// who is the person that a key stands for at an instant.
func (r Rules) who(key suite.PublicKey, at time.Time) (Person, error) {
	u, ok := r.people[key]
	kind, org := r.kinds[u.Org]
	if !ok || !org || !u.Live(at) {
		return Person{}, refuse("unknown-key")
	}
	return Person{ID: u.ID, Org: u.Org, Role: u.Role, Key: key, kind: kind}, nil
}

// Fold is the case of an id after events, in their order. It fails at the first
// event that is not allowed; no events are no case.
func (r Rules) Fold(id string, events []receipt.Receipt) (*Case, error) {
	if len(events) == 0 {
		return nil, refuse("not-found")
	}
	var c *Case
	for i, e := range events {
		next, err := r.step(c, e)
		if err != nil {
			return nil, fmt.Errorf("folding event %d of case %s: %w", i+1, id, err)
		}
		if c = next; c.id != id {
			return nil, fmt.Errorf("folding case %s: an event of another: %w", id, fault.Tampered)
		}
	}
	return c, nil
}

// Apply is the case after one more event; the case that it is given stays as it
// is. A nil case takes an opening only.
func (r Rules) Apply(c *Case, e receipt.Receipt) (*Case, error) {
	if c != nil {
		c = c.clone()
	}
	return r.step(c, e)
}

// Admit is Apply for an event that has just come in: its time is that of now,
// its signer's key is still good, and nobody escalates for lateness before a
// term has passed. Who is late is said by a clock, and clocks are corrected; so
// no replay asks again.
func (r Rules) Admit(c *Case, e receipt.Receipt, clock Clock, now time.Time) (*Case, error) {
	ev, err := Read(e)
	if err != nil {
		return nil, err
	}
	if d := now.Sub(ev.At); d > skew || d < -skew {
		return nil, refuse("case-time")
	}
	if _, err := r.who(e.By(), now); err != nil {
		return nil, err
	}
	if ev.Act == Escalate && c != nil && c.now().Ascent == WhenLate {
		late, err := c.Overdue(clock, now)
		if err != nil {
			return nil, err
		}
		if !late {
			return nil, refuse("case-early")
		}
	}
	return r.Apply(c, e)
}

// step changes c, and leaves it in no state to be used if it fails.
func (r Rules) step(c *Case, rec receipt.Receipt) (*Case, error) {
	e, err := Read(rec)
	if err != nil {
		return nil, err
	}
	who, err := r.who(rec.By(), e.At)
	if err != nil {
		return nil, err
	}
	if (c == nil) != (e.Act == Start) {
		return nil, refuse("conflict")
	}
	if c == nil {
		c, err = r.open(e, who)
	} else {
		err = r.cited(c, c.take(e, who))
	}
	if err != nil {
		return nil, err
	}
	c.record(rec, e, who)
	return c, nil
}

// record adds an event that was taken. A blind vote moves the head only when
// all are in, or when something else happens, so that two people can vote on
// the same head.
func (c *Case) record(rec receipt.Receipt, e Event, who Person) {
	c.events = append(c.events, rec)
	c.history = append(c.history, happening{e, who})
	if e.Act != Seal {
		c.head = after(c.head, append([]suite.Digest{rec.Digest()}, c.settle()...)...)
		return
	}
	c.pending = append(c.pending, rec.Digest())
	if c.sealed() {
		c.head = after(c.head, c.settle()...)
	}
}

// settle takes the blind votes that the head is to name, in an order that does
// not depend on who was first.
func (c *Case) settle() []suite.Digest {
	slices.Sort(c.pending)
	all := c.pending
	c.pending = nil
	return all
}

// sealed reports whether all blind votes of the stage are in.
func (c *Case) sealed() bool {
	return c.now().Blind && len(c.sides) == 1 && len(c.sides[0].votes) >= c.now().people()
}

// open begins a case.
func (r Rules) open(e Event, who Person) (*Case, error) {
	o := *e.Opening
	t, ok := r.tables[o.Table]
	if !ok || t.Kind != o.Kind {
		return nil, refuse("case-table")
	}
	if e.Prev != Genesis(e.Case) {
		return nil, refuse("case-stale")
	}
	if !slices.Contains(t.Opens, o.Seat) || seats[o.Seat].role != who.Role {
		return nil, refuse("case-turn")
	}
	if t.Yearly != (o.Year != 0) {
		return nil, refuse("case-missing")
	}
	c := &Case{
		id: e.Case, table: t, opening: o, opener: who, head: e.Prev, at: e.At,
		rounds: map[string]int{}, refs: map[string]suite.Digest{}, acted: map[string][]string{}, left: map[string]concluded{},
		asked: map[string][]string{}, timers: map[string]Timer{}, handed: []string{who.ID},
	}
	if err := r.checkParties(c); err != nil {
		return nil, err
	}
	c.enter(t.Stages[0].ID)
	return c, nil
}

// checkParties reports whether the opening names the organisations that the
// table has parts for, each of the right kind, and the opener's own among those
// of its seat, and leaves no stage without anybody.
func (r Rules) checkParties(c *Case) error {
	for s := range c.opening.Parties {
		if _, part := c.table.Parties[s]; !part {
			return refuse("case-parties")
		}
	}
	for s, span := range c.table.Parties {
		orgs := c.opening.Parties[s]
		if len(orgs) < span.Min || len(orgs) > span.Max {
			return refuse("case-parties")
		}
		for _, org := range orgs {
			if kind, known := r.kinds[org]; !known || !slices.Contains(seats[s].kinds, kind) {
				return refuse("case-parties")
			}
		}
	}
	own := c.opening.Parties[c.opening.Seat]
	if span, part := c.table.Parties[c.opening.Seat]; part && (len(own) > 0 || span.Min > 0) && !slices.Contains(own, c.opener.Org) {
		return refuse("case-parties")
	}
	for _, s := range c.table.Stages {
		if len(c.spread(s)) == 0 {
			return refuse("case-parties")
		}
	}
	return nil
}

// take does what an event says, if the case stands where its signer saw it, and
// the table lets them.
func (c *Case) take(e Event, who Person) error {
	switch {
	case e.Case != c.id:
		return fmt.Errorf("hearing an event of another case: %w", fault.Tampered)
	case c.phase == Ended:
		return refuse("case-closed")
	case len(c.events) >= maxEvents:
		return refuse("exhausted")
	case e.Prev != c.head || e.Stage != c.stage || e.Round != c.rounds[c.stage]:
		return refuse("case-stale")
	case e.At.Before(c.at.Add(-skew)):
		return refuse("case-time")
	}
	does, known := acts[e.Act]
	if !known {
		return refuse("conflict")
	}
	if err := does.may(c, who); err != nil {
		return err
	}
	if e.At.After(c.at) {
		c.at = e.At
	}
	return does.take(c, e, who)
}

// Say signs an event over the case as it stands.
func (c *Case) Say(key suite.PrivateKey, e Event) (receipt.Receipt, error) {
	e.Case, e.Prev, e.Stage, e.Round = c.id, c.head, c.stage, c.rounds[c.stage]
	return Say(key, e)
}

// Begin signs an opening of a case by the table given. The id has the form of
// all names here.
func Begin(key suite.PrivateKey, id string, t Table, o Opening, at time.Time) (receipt.Receipt, error) {
	if err := jobs.ID(id); err != nil {
		return receipt.Receipt{}, fmt.Errorf("opening a case: %w", err)
	}
	o.Kind, o.Table = t.Kind, t.Digest()
	return Say(key, Event{Case: id, Prev: Genesis(id), At: at.UTC().Truncate(time.Second), Act: Start, Opening: &o})
}

// Cite says what a rule of the profile rests on, as text that names its
// document, article and status; not ok if the profile has no such rule or the
// rule is the house's.
type Cite func(p Profile, key string) (basis string, ok bool)

// Citing returns rules whose refusals cite what the case's own profile says.
func (r Rules) Citing(c Cite) Rules {
	r.cite = c
	return r
}

// Keys of rules that refusals rest on, whatever the stage.
const (
	SeparationKey = "ops.separation" // 管运分离
	BasisKey      = "authop.refusal" // a refusal has to cite
	OnceKey       = "case.told_once" // 一次性告知
)

// cited puts the basis of the case's profile in place of the house's where the
// rule behind a refusal has one.
func (r Rules) cited(c *Case, err error) error {
	no, ok := errors.AsType[fault.Refusal](err)
	if !ok || r.cite == nil || c == nil || c.phase == Ended {
		return err
	}
	key := c.now().Rule
	switch no.Code {
	case "case-separation":
		key = SeparationKey
	case "case-basis":
		key = c.table.refusal()
	case "case-return":
		key = OnceKey
	case "case-missing", "case-unverified", "case-turn":
	default:
		return err
	}
	if basis, ok := r.cite(c.opening.Profile, key); ok && key != "" {
		no.Basis = basis
	}
	return no
}
