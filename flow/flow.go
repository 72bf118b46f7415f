// Package flow takes a run from its permit to its release, on the bureau's
// side. It is the place to start reading: the table steps is the whole way.
// The coordinator relays, numbers rounds, keeps the ledger and counts votes; it
// computes nothing, opens nothing, and signs no decision. The other parties do
// their parts when the board shows them that it is their turn, so that a step
// here is a look at the board and, where it is the coordinator's turn, one
// statement. Every step may be taken again after a crash at any point.
package flow

import (
	"context"
	"slices"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
)

// steps is the coordinator's part in a run.
func (f *Flow) steps() []step {
	return []step{
		{jobs.Permitted, unstarted, f.begin}, // every member computes, the trustees make a key
		{jobs.Permitted, broken, f.again},    // a party lost its secrets: the same partials under a new key
		{jobs.Computed, broken, f.again},     // every member has signed the set
		{jobs.Summed, broken, f.again},       // the gate has added; the trustees answer
		{jobs.CandidateReady, never, nil},    // the gate has judged; people vote, which is a state and not a call
		{jobs.Approved, always, f.release},   // a bundle that anyone can verify
	}
}

type step struct {
	in  jobs.State
	due func(*msg.View) bool
	do  func(context.Context, *msg.View) error
}

func never(*msg.View) bool  { return false }
func always(*msg.View) bool { return true }

// Advance takes the coordinator's steps that are due in a run.
func (f *Flow) Advance(ctx context.Context, v *msg.View) error {
	f.remember(v)
	if v.Err() == nil && v.Terms().Verify != nil {
		return nil // the site answers, and no round begins
	}
	state := State(v)
	for _, s := range f.steps() {
		if s.in == state && s.due(v) {
			if err := f.stands(v); err != nil {
				return err
			}
			return s.do(ctx, v)
		}
	}
	return nil
}

// State says where a run stands, from what was said in it.
func State(v *msg.View) jobs.State {
	switch gate := v.Terms().Gate.Name; {
	case v.Err() != nil:
		return jobs.Refused
	case v.Said(0, msg.Release, v.Terms().Coordinator.Name):
		return jobs.Released
	case v.Refused() != "" || v.Dead() != "":
		return jobs.Failed
	case answered(v):
		return jobs.Answered
	case v.Said(0, msg.Candidate, gate):
		return voted(v)
	case v.Round() > 0 && v.Said(v.Round(), msg.Sum, gate):
		return jobs.Summed
	default:
		if _, ok := v.Confirmed(v.Round()); ok {
			return jobs.Computed
		}
		return jobs.Permitted
	}
}

func answered(v *msg.View) bool {
	_, ok := v.Answered()
	return ok
}

func voted(v *msg.View) jobs.State {
	switch governance.Tally(v) {
	case governance.Approved:
		return jobs.Approved
	case governance.Rejected:
		return jobs.Stopped
	default:
		return jobs.CandidateReady
	}
}

func unstarted(v *msg.View) bool { return v.Round() == 0 }

func (f *Flow) begin(ctx context.Context, v *msg.View) error { return f.sayRound(ctx, v, 1) }

func (f *Flow) sayRound(ctx context.Context, v *msg.View, n int) error {
	return f.Say(ctx, msg.Round, msg.RoundBody{Of: v.Of(n, f.Name)})
}

// broken reports whether the round in hand cannot end well any more.
func broken(v *msg.View) bool {
	n := v.Round()
	if n == 0 {
		return false
	}
	t := v.Terms()
	if v.Said(n, msg.Lost, t.Gate.Name) {
		return true
	}
	if lostSite(v, n) {
		return true
	}
	lost := lostTrustees(v, n)
	if len(lost) == 0 {
		return false
	}
	if t.Proved() {
		return unprovable(v, n, lost)
	}
	if _, ok := v.Key(n); !ok {
		return true // all must be there to make a key
	}
	a, err := msg.Read[msg.ActiveBody](v, n, msg.Active, t.Gate.Name)
	if err != nil {
		return len(v.Trustees())-len(lost) < t.Trustees.Quorum
	}
	names, err := v.Named(a)
	for _, name := range names {
		if lost[name] && !v.Said(n, msg.Answer, name) {
			return true
		}
	}
	return err != nil
}

// unprovable is broken of protection prio3: an aggregator is lost that has not
// given its sum, a trustee that has said nothing yet, or so many that no quorum
// gets ready.
func unprovable(v *msg.View, n int, lost map[string]bool) bool {
	if _, ok := v.Key(n); !ok {
		return true
	}
	for _, name := range v.Aggregators() {
		if lost[name] && !v.Said(n, msg.PrioSum, name) {
			return true
		}
	}
	left := 0
	for _, name := range v.Trustees() {
		if !lost[name] || v.Said(n, msg.Ready, name) {
			left++
		}
	}
	return left < v.Terms().Trustees.Quorum
}

// lostSite reports whether a site lost its secret of a round of a join before
// it had answered.
func lostSite(v *msg.View, n int) bool {
	return v.Terms().Join != nil && slices.ContainsFunc(v.Sites(), func(name string) bool {
		return v.Said(n, msg.Lost, name) && !v.Said(n, msg.Joined, name)
	})
}

func lostTrustees(v *msg.View, n int) map[string]bool {
	lost := map[string]bool{}
	for _, name := range v.Trustees() {
		if v.Said(n, msg.Lost, name) {
			lost[name] = true
		}
	}
	return lost
}

// again begins another round, whose key is a new one, however many shares of
// the last are lost; it ends the run when the rounds are used up.
func (f *Flow) again(ctx context.Context, v *msg.View) error {
	n := v.Round()
	if n == msg.MaxRounds {
		return f.Say(ctx, msg.Dead, msg.DeadBody{Of: v.Of(0, f.Name), Code: "run-dead"})
	}
	return f.sayRound(ctx, v, n+1)
}

// Turn says whose turn it is in a run, in the words of the parties on the
// board, and what is waited for.
func Turn(v *msg.View) (who []string, what string) {
	switch State(v) {
	case jobs.Permitted:
		return missing(v, msg.Confirm, v.Sites()), "compute"
	case jobs.Computed:
		return []string{v.Terms().Gate.Name}, "sum"
	case jobs.Summed:
		return missing(v, msg.Ready, v.Trustees()), "open"
	case jobs.CandidateReady:
		return governance.Awaited(v), "vote"
	case jobs.Approved:
		return []string{v.Terms().Coordinator.Name}, "release"
	default:
		return nil, ""
	}
}

// Replays returns what each site that has computed a run again says of it.
func Replays(v *msg.View) map[string]bool {
	bits := map[string]bool{}
	for _, name := range v.Sites() {
		if b, err := msg.Read[msg.ReplayedBody](v, 0, msg.Replayed, name); err == nil {
			bits[name] = b.Agrees
		}
	}
	return bits
}

func missing(v *msg.View, kind party.Kind, names []string) []string {
	var out []string
	for _, name := range names {
		if !v.Said(v.Round(), kind, name) {
			out = append(out, name)
		}
	}
	return out
}
