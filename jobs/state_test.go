package jobs

import (
	"errors"
	"testing"

	"github.com/yunei/yunei/fault"
)

// The table is total: every state to every other, and to ones that are none.
func TestStates(t *testing.T) {
	all := []State{Refused, Permitted, Computed, Summed, CandidateReady, Approved, Released, Failed, Stopped, Answered}
	may := map[State]map[State]bool{
		Permitted:      {Computed: true, Failed: true, Stopped: true, Answered: true},
		Computed:       {Summed: true, Failed: true, Stopped: true},
		Summed:         {CandidateReady: true, Failed: true, Stopped: true},
		CandidateReady: {Approved: true, Failed: true, Stopped: true},
		Approved:       {Released: true, Stopped: true},
	}
	if len(all) != len(names) {
		t.Fatalf("%d states, %d names", len(all), len(names))
	}
	if len(all) != len(next) {
		t.Fatalf("%d states, %d rows", len(all), len(next))
	}
	unknown := State(len(all))
	for _, from := range append(all, unknown, 255) {
		for _, to := range append(all, unknown, 255) {
			got, err := from.To(to)
			switch {
			case may[from][to] && (err != nil || got != to):
				t.Errorf("%s to %s: %s, %v", from, to, got, err)
			case !may[from][to] && (!errors.Is(err, fault.Conflict) || got != from):
				t.Errorf("%s to %s: %s, %v", from, to, got, err)
			}
		}
		if from.Final() != (len(may[from]) == 0) {
			t.Errorf("%s: Final() = %v", from, from.Final())
		}
	}
	var zero State
	if zero != Refused || !zero.Final() || zero.String() != "refused" || unknown.String() != "refused" {
		t.Errorf("the zero state is %s", zero)
	}
}

func TestStateText(t *testing.T) {
	words := map[string]bool{}
	for s := Refused; s <= Answered; s++ {
		text, err := s.MarshalText()
		back := State(255)
		if err != nil || back.UnmarshalText(text) != nil || back != s || words[string(text)] {
			t.Errorf("%s came back as %s, %v", text, back, err)
		}
		words[string(text)] = true
	}
	for _, bad := range []string{"", "Released", "released ", "0", "anything"} {
		s := Released
		if err := s.UnmarshalText([]byte(bad)); !errors.Is(err, fault.Invalid) || s != Refused {
			t.Errorf("%q is read as %s, %v", bad, s, err)
		}
	}
}
