package schedules

import (
	"testing"

	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/site"
)

// leases are what every other party knows of the victim's holds, as if its
// leases were there at once. Package party/lease has how they get there.
type leases struct{ *site.Site }

func (l leases) Check(v *msg.View) error {
	now, err := l.Holds()
	if err != nil {
		return err
	}
	m, _ := v.Terms().Member(l.Domain)
	for _, h := range now {
		if h.Thing.Holds(v.Terms(), m) {
			return party.Waits{Code: party.Held, Who: []string{l.Name}}
		}
	}
	return nil
}

// A hold in the middle of a run stops everybody at the next step, whatever that
// is: nothing is said, nothing opened, nothing released, for as long as it
// lasts. When it is released the run goes on to the exact sum.
func TestHoldInEveryStep(t *testing.T) {
	for i, c := range []struct {
		kind receipt.Kind
		by   string
	}{
		{msg.Hello, "trustee-1"},
		{msg.Key, "trustee-3"},
		{msg.Receiver, "gate"},
		{msg.Commit, victim},
		{msg.Commit, "site-school"},
		{msg.Confirm, victim},
		{msg.Confirm, "site-school"},
		{msg.Reveal, victim},
		{msg.Reveal, "site-school"},
		{msg.Sum, "gate"},
		{msg.Ready, "trustee-1"},
		{msg.Active, "gate"},
		{msg.Answer, "trustee-1"},
		{msg.Answer, "trustee-2"},
	} {
		if i%4 != 0 && many(0, 1) == 0 {
			continue // the short form has every fourth
		}
		t.Run(string(c.kind)+" of "+c.by, func(t *testing.T) {
			w := newWorld(t, 11, 3)
			provider, ok := w.actors[victim].(*site.Site)
			if !ok {
				t.Fatal("the victim is not a real site")
			}
			for name, p := range w.parties {
				if name != victim {
					p.Standing = leases{provider}
				}
			}
			for range 200 { // one party at a time, so that the hold is right behind the statement
				if w.all().Said(1, c.kind, c.by) {
					break
				}
				for _, name := range w.order {
					w.hear()
					w.deliver(name, false, false)
					must(t, w.turn(name))
					if w.all().Said(1, c.kind, c.by) {
						break
					}
				}
			}
			hold, err := provider.Hold(msg.Held{Kind: msg.HoldDataset, Name: "hospital-visits"}, "a citizen objects")
			must(t, err)
			before := len(w.posted)
			complaints := w.calm()
			if len(w.posted) != before {
				t.Errorf("said under a hold: %v", w.posted[before:])
			}
			if w.released() != nil || len(complaints) == 0 {
				t.Errorf("opened under a hold; complaints %v", complaints)
			}
			must(t, provider.Release(hold.ID, "withdrawn"))
			w.calm()
			if err := w.judge(liars{}); err != nil || w.released() == nil {
				t.Errorf("after its release: %v, dead %q", err, w.last().Dead())
			}
		})
	}
}
