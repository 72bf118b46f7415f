package jobs

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

// State says where a run stands. The zero State is Refused: a run that was
// never decided on does not run.
type State uint8

// The states of a run, in the order in which a run meets them.
const (
	Refused        State = iota // no permit; the zero State
	Permitted                   // the agreement is signed; nothing has run
	Computed                    // every member holds and has confirmed its sealed partial
	Summed                      // the gate holds the sealed sum
	CandidateReady              // the gate made a candidate; people decide next
	Approved                    // the output checkers agreed
	Released                    // the bundle is out
	Failed                      // a machine, a member or the gate ended it for good; nothing goes out
	Stopped                     // a person or a hold ended it
	Answered                    // of a verification: the domain has answered the query
)

var names = [...]string{"refused", "permitted", "computed", "summed", "candidate", "approved", "released", "failed", "stopped", "answered"}

// String is the state's word.
func (s State) String() string {
	if int(s) < len(names) {
		return names[s]
	}
	return names[Refused]
}

// next lists where a run may go from each state. The diagram in
// ARCHITECTURE.md is drawn from it.
var next = [...][]State{
	Refused:        {},
	Permitted:      {Computed, Failed, Stopped, Answered},
	Computed:       {Summed, Failed, Stopped},
	Summed:         {CandidateReady, Failed, Stopped},
	CandidateReady: {Approved, Failed, Stopped},
	Approved:       {Released, Stopped},
	Released:       {},
	Failed:         {},
	Stopped:        {},
	Answered:       {},
}

// To returns t if a run in state s may go there.
func (s State) To(t State) (State, error) {
	if int(s) < len(next) && slices.Contains(next[s], t) {
		return t, nil
	}
	return s, fmt.Errorf("going from %s to %s: %w", s, t, fault.Conflict)
}

// Final reports whether a run in state s goes nowhere any more.
func (s State) Final() bool { return int(s) >= len(next) || len(next[s]) == 0 }

// MarshalText writes the state's word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the state's word; an unknown word is an error of kind
// Invalid and leaves Refused.
func (s *State) UnmarshalText(b []byte) error {
	i := slices.Index(names[:], string(b))
	if i < 0 {
		*s = Refused
		return fmt.Errorf("reading a state: %w", fault.Invalid)
	}
	*s = State(i) //nolint:gosec // an index of names
	return nil
}
