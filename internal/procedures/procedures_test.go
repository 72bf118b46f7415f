package procedures

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/jobs"
)

func plays() (n, steps int) {
	if os.Getenv("YUNEI_PROVE") == "1" {
		return 300, 500
	}
	return 3, 300
}

// Nothing starts and nothing goes out without every decision that the city's
// rules demand, no case stands where its table has no stage, and the records are
// what the envelopes say.
func TestProcedures(t *testing.T) {
	n, steps := plays()
	released, sum := 0, map[string][2]int{}
	for seed := range n {
		channel := []string{"authop", "authop", "share"}[seed%3]
		t.Run(fmt.Sprintf("%s-%d", channel, seed), func(t *testing.T) {
			p := newPlay(t, uint64(seed), "guiyang", channel, nil)
			for range steps {
				if p.step(); len(p.released) > 1 {
					break
				}
				if len(p.wrong) > 0 {
					t.Fatalf("seed %d, after %d deeds: %v", seed, len(p.list.deeds), p.wrong)
				}
			}
			if len(p.early) > 0 {
				t.Errorf("kept before the ledger had it: %v", p.early)
			}
			replayed(t, p)
			released += len(p.released)
			for what, k := range p.tried {
				sum[what] = [2]int{sum[what][0] + k, sum[what][1] + p.taken[what]}
			}
		})
	}
	t.Logf("%d released; asked and taken: %v", released, sum)
	if released == 0 {
		t.Error("no sequence released anything: the property was asked of nothing")
	}
}

// The property sees: where the gates let everything pass, plays are caught.
func TestWithoutGates(t *testing.T) {
	open := func(context.Context, governance.Register, jobs.Terms, gates.Step, int, *gates.Output, time.Time) ([]gates.Verdict, error) {
		return nil, nil
	}
	p := newPlay(t, 1, "guiyang", "authop", open)
	for range 300 {
		if p.step(); len(p.wrong) > 0 {
			return
		}
	}
	t.Error("nobody has noticed that there are no gates")
}
