package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
)

// A provider can hold a dataset of its domain, a program, an operator, a scenario,
// or everything. A hold is no state of a run but a look-up in the site's own
// journal, before every step and all the while that a program runs; it takes
// effect here first, whatever the coordinator does, and the site's leases tell the
// others. To release it is an act of its own, with its own reason: nothing is ever
// taken out of the journal.

// Kinds of the journal.
const (
	placed receipt.Kind = "hold"         // by its number
	lifted receipt.Kind = "hold-release" // by the number of the hold
)

// A Hold is what a provider holds, why, and since when.
type Hold struct {
	ID     string    `json:"id"`
	Thing  msg.Held  `json:"thing"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

type releasing struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

const maxReason = 1000 // bytes

func reasoned(reason string) error {
	if strings.TrimSpace(reason) == "" || len(reason) > maxReason {
		return fault.Refuse("hold", "")
	}
	return nil
}

// Holds returns what is held now, in the order in which it was placed.
func (s *Site) Holds() ([]Hold, error) {
	var all []Hold
	for _, e := range s.Journal.All(string(placed)) {
		var h Hold
		if err := e.Decode(&h); err != nil {
			return nil, fmt.Errorf("reading the holds: %w: %w", err, fault.Tampered)
		}
		var r releasing
		switch err := s.Journal.Get(string(lifted), h.ID, &r); {
		case errors.Is(err, fault.NotFound):
			all = append(all, h)
		case err != nil:
			return nil, fmt.Errorf("reading the holds: %w: %w", err, fault.Tampered)
		}
	}
	return all, nil
}

// Hold places a hold: it is in the journal, and in force here, when it returns.
// Errors are a Refusal of code hold, or the journal's.
func (s *Site) Hold(thing msg.Held, reason string) (Hold, error) {
	if thing.Check() != nil || reasoned(reason) != nil {
		return Hold{}, fault.Refuse("hold", "")
	}
	s.holding.Lock()
	defer s.holding.Unlock()
	now, err := s.Holds()
	if err != nil {
		return Hold{}, err
	}
	if len(now) >= msg.MaxHeld && thing.Kind != msg.HoldAll {
		return Hold{}, fault.Refuse("hold", "")
	}
	h := Hold{
		ID: strconv.Itoa(len(s.Journal.All(string(placed))) + 1), Thing: thing, Reason: reason, At: s.Now().UTC().Truncate(time.Second),
	}
	s.Hook("hold:before")
	if _, err := s.Journal.Once(string(placed), h.ID, h); err != nil {
		return Hold{}, fmt.Errorf("noting a hold: %w", err)
	}
	s.Hook("hold:after")
	s.ring()
	return h, nil
}

// TakeOrder holds what a person's order holds (msg.Order), as it was handed to this
// domain by another way than the board: so that who keeps the board hides an order
// from nobody for longer than a lease lives. Whether its signer is who they should
// be is for whoever hands it in to ask; taken in error it is released like any hold.
// The same order again is no second hold. Errors are a Refusal of code tampered or
// hold, or the journal's.
func (s *Site) TakeOrder(raw []byte) (Hold, error) {
	o, r, err := msg.OpenOrder(raw)
	if err != nil {
		return Hold{}, fault.Refuse("tampered", "")
	}
	reason := fmt.Sprintf("中止决定 order %s (%s) %s by %s", o.ID, o.Code, r.Digest(), r.By())
	now, err := s.Holds()
	if err != nil {
		return Hold{}, err
	}
	if i := slices.IndexFunc(now, func(h Hold) bool { return h.Reason == reason }); i >= 0 {
		return now[i], nil
	}
	return s.Hold(o.Thing, reason)
}

// Release releases a hold. Errors are a Refusal of code hold or hold-unknown, or
// the journal's.
func (s *Site) Release(id, reason string) error {
	if err := reasoned(reason); err != nil {
		return err
	}
	s.holding.Lock()
	defer s.holding.Unlock()
	now, err := s.Holds()
	if err != nil {
		return err
	}
	for _, h := range now {
		if h.ID != id {
			continue
		}
		s.Hook("hold-release:before")
		if _, err := s.Journal.Once(string(lifted), id, releasing{reason, s.Now().UTC().Truncate(time.Second)}); err != nil {
			return fmt.Errorf("noting the release of a hold: %w", err)
		}
		s.Hook("hold-release:after")
		s.ring()
		return nil
	}
	return fault.Refuse("hold-unknown", "")
}

// ring wakes Lease: what is held has changed.
func (s *Site) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// isHeld reports whether this site's provider holds anything of a run. A book
// that cannot be read holds everything.
func (s *Site) isHeld(t jobs.Terms) bool {
	now, err := s.Holds()
	m, ok := t.Member(s.Domain)
	if err != nil || !ok {
		return true
	}
	for _, h := range now {
		if h.Thing.Holds(t, m) {
			return true
		}
	}
	return false
}

// A standing is what the site's own book says, and then what the others' leases
// do.
type standing struct {
	site   *Site
	others party.Standing
}

func (s standing) Check(v *msg.View) error {
	if s.site.isHeld(v.Terms()) {
		return party.Waits{Code: party.Held, Who: []string{s.site.Name}}
	}
	if s.others == nil {
		return party.Waits{Code: party.NoLease}
	}
	return s.others.Check(v)
}

// errHeld is why a program was stopped while it ran.
var errHeld = errors.New("held while it was computed")

// whileStanding returns a context that ends with errHeld as soon as the run may
// not go on any more.
func (s *Site) whileStanding(ctx context.Context, v *msg.View) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(standingTick)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if s.Stands(v) != nil {
					cancel(errHeld)
				}
			}
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}

const standingTick = 200 * time.Millisecond

// Lease states what the provider holds: at once, whenever that changes, and once
// in every msg.LeaseEvery, until ctx ends.
func (s *Site) Lease(ctx context.Context) error {
	passing := 0
	for {
		next := msg.LeaseEvery
		if err := s.state(ctx); err != nil && ctx.Err() == nil {
			s.Log.LogAttrs(ctx, slog.LevelError, "stating a lease", slog.Any("err", err))
			if errors.Is(err, fault.Conflict) && passing < mostPassed { // numbers that an older journal has forgotten
				passing++
				next = passedEvery
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.bell:
		case <-time.After(next):
		}
	}
}

// A site that was brought back from a backup passes the numbers that it has said
// since, one by one, and whoever shows it numbers without end has it wait.
const (
	passedEvery = time.Second
	mostPassed  = 4096
)

// brought is the reason of the hold that a site places by itself.
const brought = "账本中已有同号声明，本域账本可能恢复自旧备份 the board has another lease of this number: the journal is behind"

// state says one lease. Where the board has another under its number, this
// journal was brought back from a backup and may have forgotten a hold: then
// everything is held until the provider releases that.
func (s *Site) state(ctx context.Context) error {
	s.holding.Lock()
	subject, raw, err := s.nextLease()
	s.holding.Unlock()
	if err != nil {
		return err
	}
	err = s.Board.Post(ctx, subject, raw)
	if errors.Is(err, fault.Conflict) {
		now, holds := s.Holds()
		if holds == nil && !slices.ContainsFunc(now, func(h Hold) bool { return h.Reason == brought }) {
			_, holds = s.Hold(msg.Everything(), brought)
		}
		return errors.Join(err, holds)
	}
	return err
}

// nextLease signs and journals the next lease.
func (s *Site) nextLease() (subject string, raw []byte, err error) {
	body := msg.LeaseBody{
		Domain: s.Domain, Party: s.Name, Seq: uint64(len(s.Journal.All(string(msg.Lease)))) + 1,
		At: s.Now().UTC().Truncate(time.Second), Held: []msg.Held{},
	}
	now, err := s.Holds()
	if err != nil {
		return "", nil, err
	}
	for _, h := range now {
		body.Held = append(body.Held, h.Thing)
	}
	if len(body.Held) > msg.MaxHeld {
		body.Held = []msg.Held{msg.Everything()}
	}
	subject, r, err := msg.SignLease(s.Key, body)
	if err != nil {
		return "", nil, err
	}
	s.Hook("lease:before")
	if _, err := s.Journal.Once(string(msg.Lease), subject, json.RawMessage(r.Bytes())); err != nil {
		return "", nil, fmt.Errorf("journalling a lease: %w", err)
	}
	s.Hook("lease:after")
	return subject, r.Bytes(), nil
}
