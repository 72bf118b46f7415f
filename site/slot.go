package site

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
)

// A phase is what a site does with rows on behalf of a run: when it began, and
// the slot at which what came of it shows.
type phase struct{ begun, slot receipt.Kind }

// The phases, by the kinds of their entries in the journal.
var (
	computing = phase{begun, slotted}
	replaying = phase{replayBegun, replaySlot}
)

// Kinds of the journal.
const (
	begun       receipt.Kind = "begun"        // when a run got its place to compute, before its first row
	slotted     receipt.Kind = "slot"         // the slot at which its result shows
	doomed      receipt.Kind = "doomed"       // the code with which it will end, at that slot
	replayBegun receipt.Kind = "replay-begun" // when rows were read again for it
	replayTry   receipt.Kind = "replay-try"   // how often they were
	replayed    receipt.Kind = "replay-bit"   // what that came to
	replaySlot  receipt.Kind = "replay-slot"
)

// Codes with which a site ends a run that has read rows.
const (
	noSlot   = "slots"          // it has missed its last slot
	noAccord = "engines"        // two engines came to different cubes, or one to two
	expired  = "permit-expired" // it was not computed while its permit was in force
	dead     = "run-dead"       // the software was changed under it
	overfull = "units"          // the version has more units than the permit says
)

func (s *Site) journalKey(v *msg.View, kind receipt.Kind) string {
	return msg.Subject(v.ID(), 0, kind, s.Name)
}

// once keeps a value in the journal, and marks the point for the crash table;
// what is there first stands.
func (s *Site) once(v *msg.View, kind receipt.Kind, value any) error {
	s.Hook(string(kind) + ":before")
	_, err := s.Journal.Once(string(kind), s.journalKey(v, kind), value)
	if errors.Is(err, fault.Conflict) {
		err = nil
	}
	s.Hook(string(kind) + ":after")
	return err
}

func (s *Site) kept(v *msg.View, kind receipt.Kind, value any) error {
	return s.Journal.Get(string(kind), s.journalKey(v, kind), value)
}

// begin notes when a phase began, to the second: the first time counts.
func (s *Site) begin(v *msg.View, p phase) error {
	return s.once(v, p.begun, s.Now().UTC().Truncate(time.Second))
}

// nextSlot is the phase's next slot; false if there is none any more.
func (s *Site) nextSlot(v *msg.View, p phase) (time.Time, bool) {
	var start time.Time
	if s.kept(v, p.begun, &start) != nil {
		return time.Time{}, false
	}
	return v.Terms().Due.Next(start, s.Now())
}

// untilLast bounds a phase by its last slot. It is an error of kind Exhausted
// if that is past.
func (s *Site) untilLast(ctx context.Context, v *msg.View, p phase) (context.Context, context.CancelFunc, error) {
	var start time.Time
	if err := s.kept(v, p.begun, &start); err != nil {
		return nil, nil, err
	}
	left := v.Terms().Due.Last(start).Sub(s.Now())
	if left <= 0 {
		return nil, nil, fmt.Errorf("the last slot is past: %w", fault.Exhausted)
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	return ctx, cancel, nil
}

// hold holds what came of a phase back until its slot: nothing that the domain
// says after the first row may tell how long the guest took. The journal keeps
// which slot it is. Past the last one it is due at once.
func (s *Site) hold(v *msg.View, p phase) error {
	var at time.Time
	err := s.kept(v, p.slot, &at)
	if errors.Is(err, fault.NotFound) {
		var ok bool
		if at, ok = s.nextSlot(v, p); !ok {
			return nil
		}
		err = s.once(v, p.slot, at)
	}
	if err == nil && s.Now().Before(at) {
		return party.Later{At: at}
	}
	return err
}

func (s *Site) isDoomed(v *msg.View) bool {
	var code string
	return s.kept(v, doomed, &code) == nil
}

// doom decides how a run ends after its first row was read, to be told at its
// slot: an incident, of a code that is in no way the guest's to choose.
func (s *Site) doom(v *msg.View, code string) error { return s.once(v, doomed, code) }

// settle reports whether a run that was computed may go on; if it is doomed it
// is ended. Both are at its slot.
func (s *Site) settle(ctx context.Context, v *msg.View) (bool, error) {
	if err := s.hold(v, computing); err != nil {
		return false, err
	}
	var code string
	switch err := s.kept(v, doomed, &code); {
	case errors.Is(err, fault.NotFound):
		return true, nil
	case err != nil:
		return false, err
	}
	return false, s.end(ctx, v, code)
}

// end ends a run, for good.
func (s *Site) end(ctx context.Context, v *msg.View, code string) error {
	return s.Say(ctx, msg.Dead, msg.DeadBody{Of: v.Of(0, s.Name), Code: code})
}
