package procedures

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs"
)

func plays() (n, steps int) {
	if os.Getenv("YUNEI_PROVE") == "1" {
		return 6 * len(worlds), 400
	}
	return 6, 300
}

// worlds are the cities and channels that plays are in, those that the short form
// plays first.
var worlds = []string{
	"guiyang authop", "guiyang authop", "wuxi share", "dongguan share", "shijiazhuang open", "chongming authop", "guiyang share", "wuxi open",
	"shijiazhuang authop", "chongming open", "dongguan open", "guiyang open", "dongguan authop", "wuxi authop", "shijiazhuang share", "chongming share",
}

// Nothing starts and nothing goes out without every decision that the city's
// rules demand, no case stands where its table has no stage, and the records are
// what the envelopes say.
func TestProcedures(t *testing.T) {
	n, steps := plays()
	played := map[string]int{}
	released, sum := 0, map[string][2]int{}
	for seed := range n {
		city, channel, _ := strings.Cut(worlds[seed%len(worlds)], " ")
		t.Run(fmt.Sprintf("%s-%s-%d", city, channel, seed), func(t *testing.T) {
			p := newPlay(t, uint64(seed), city, channel, nil)
			p.play(t, steps)
			if len(p.early) > 0 {
				t.Errorf("kept before the ledger had it: %v", p.early)
			}
			replayed(t, p)
			played[city] += len(p.released)
			released += len(p.released)
			for what, k := range p.tried {
				sum[what] = [2]int{sum[what][0] + k, sum[what][1] + p.taken[what]}
			}
		})
	}
	t.Logf("%d released, %v; asked and taken: %v", released, played, sum)
	for _, city := range profiles.IDs() {
		if played[city] == 0 {
			t.Errorf("%s: no sequence released anything: the property was asked of nothing", city)
		}
	}
}

// play plays until two runs are out, or enough was done; a play in which none
// is goes on for as long again. What came out is then used, and taken back.
func (p *play) play(t *testing.T, steps int) {
	t.Helper()
	for i := 0; len(p.released) < 2 && (i < steps || len(p.released) == 0 && i < 2*steps); i++ {
		p.step()
		p.right(t)
	}
	for range 6 {
		p.product()
		p.takeBack()
		p.right(t)
	}
}

func (p *play) right(t *testing.T) {
	t.Helper()
	if len(p.wrong) > 0 {
		t.Fatalf("after %d deeds: %v", len(p.list.deeds), p.wrong)
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
