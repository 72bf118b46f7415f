package flow

import (
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
)

// Turn says whose turn it is in a run, in the words of the parties on the board,
// and what is waited for. While a run may not go on, that is those who keep it
// from going on, and why: party.Held, party.NoLease or party.SlowClock.
func (f *Flow) Turn(v *msg.View) (who []string, what string) {
	if who, what = Turn(v); what == "" {
		return who, what // nobody's
	}
	if w, ok := f.ordered(v); ok {
		if w.Code == party.SlowClock {
			return []string{v.Terms().Coordinator.Name}, string(w.Code)
		}
		return w.Who, string(w.Code)
	}
	return who, what
}
