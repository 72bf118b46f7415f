package party

import (
	"fmt"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
)

// Codes of what a party waits for before it takes a step.
const (
	Held      fault.Code = "held"  // a member's provider holds something of the run
	NoLease   fault.Code = "lease" // nobody knows whether one does
	Ruled     fault.Code = "rules" // the city's rules do not let the output out as it stands
	SlowClock fault.Code = "clock" // this party's own clock is behind the witnesses
)

// Waits is the error of a step that may not be taken now and may be later. It is
// no refusal: nothing of the run is ended by it.
type Waits struct {
	Code fault.Code
	Who  []string // by their names on the board: whose turn it is
}

func (w Waits) Error() string {
	return fmt.Sprintf("waiting, %s: %s", w.Code, strings.Join(w.Who, ", "))
}

// A Standing says whether a run may go on now: nil, or a Waits.
type Standing interface {
	Check(v *msg.View) error
}

// Stands reports whether the run may go on now. A party that was given nothing
// to judge it by does not go on.
func (p *Party) Stands(v *msg.View) error {
	if p.Standing == nil {
		return Waits{Code: NoLease}
	}
	return p.Standing.Check(v)
}
