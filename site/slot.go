package site

import (
	"context"
	"errors"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
)

// Kinds of the journal.
const (
	begun   receipt.Kind = "begun" // when a run was booked, before its first row
	slotted receipt.Kind = "slot"  // the slot at which its result shows
)

// Codes of incidents.
const (
	noSlot   = "slots"   // the run has missed its last slot
	noAccord = "engines" // two engines came to different cubes
)

// slot holds a result back until its slot: nothing that the domain says after
// the first row may tell how long the guest took. The slots follow from the
// permit and from when the run was booked; the journal keeps which one it is.
// It is false if the run has missed its last slot, and is over.
func (s *Site) slot(ctx context.Context, v *msg.View) (bool, error) {
	slots := v.Terms().Due
	if slots.Count == 0 {
		return true, nil
	}
	key := msg.Subject(v.ID(), 0, slotted, s.Name)
	var at time.Time
	err := s.Journal.Get(string(slotted), key, &at)
	if errors.Is(err, fault.NotFound) {
		var start time.Time
		if err := s.Journal.Get(string(begun), msg.Subject(v.ID(), 0, begun, s.Name), &start); err != nil {
			return false, err
		}
		var ok bool
		if at, ok = slots.Next(start, s.Now()); !ok {
			return false, s.end(ctx, v, noSlot)
		}
		_, err = s.Journal.Once(string(slotted), key, at)
	}
	if err == nil && s.Now().Before(at) {
		err = party.Later{At: at}
	}
	return err == nil, err
}

// end ends a run after its first row was read: an incident, of a code that is
// in no way the guest's to choose.
func (s *Site) end(ctx context.Context, v *msg.View, code string) error {
	return s.Say(ctx, msg.Dead, msg.DeadBody{Of: v.Of(0, s.Name), Code: code})
}
