package procedures

import (
	"fmt"
	"os"
	"testing"
)

func plays() (n, steps int) {
	if os.Getenv("YUNEI_PROVE") == "1" {
		return 300, 400
	}
	return 4, 350
}

// Nothing starts and nothing goes out without every decision that the city's
// rules demand, no case stands where its table has no stage, and the records are
// what the envelopes say.
func TestProcedures(t *testing.T) {
	n, steps := plays()
	released, sum := 0, map[string][2]int{}
	for seed := range n {
		channel := []string{"authop", "authop", "authop", "share"}[seed%4]
		t.Run(fmt.Sprintf("%s-%d", channel, seed), func(t *testing.T) {
			p := newPlay(t, uint64(seed), "guiyang", channel)
			for range steps {
				p.step()
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
