package schedules

import (
	"context"
	"fmt"
	"testing"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
)

// proved has the run under protection prio3, with the corrupt trustee aggregating
// if there is one.
func proved(t *jobs.Terms) {
	t.Protection, t.Prio = jobs.Prio3, &jobs.Prio{Leader: "trustee-1", Helper: corrupt, Units: 100}
}

// What a member may do to the reports that it commits to.
var reportLies = []string{"copies the commitment", "withholds", "an earlier round's", "rubbish", "one short", "swapped"}

func (w *world) falseReporter(lie string) *member {
	m := w.member(liar)
	m.copies, m.withholds = lie == "copies the commitment", lie == "withholds"
	m.instead = func(ctx context.Context, v *msg.View, n int) ([][][]byte, error) {
		parts, err := m.own(ctx, v, n)
		if err != nil {
			return nil, err
		}
		switch first := &parts[0]; lie {
		case "an earlier round's":
			if n > 1 && m.sealed[n-1] != nil {
				return m.sealed[n-1], nil
			}
		case "rubbish":
			(*first)[0] = []byte("no report at all")
		case "one short":
			*first = (*first)[1:]
		case "swapped":
			(*first)[0], (*first)[1] = (*first)[1], (*first)[0]
		}
		return parts, nil
	}
	return m
}

// As TestSchedules, with the reports of prio3 in place of ciphertexts: whatever
// happens and whoever lies about its report, a run ends with the exact sum, or is
// refused; and if all are honest, nobody is called a liar.
func TestProvedSchedules(t *testing.T) {
	ends := map[string]int{}
	for seed := range many(24, 300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorldOf(t, uint64(seed), 3, proved)
			c := cast{member: w.choose(reportLies, 3), forger: w.choose([]string{"forges"}, 4)}
			if seed%3 == 0 {
				c = cast{} // all are honest, but for the board
			}
			l := w.dress(cast{forger: c.forger})
			if c.member != "" {
				l.member = w.falseReporter(c.member)
				w.liesAs(liar, l.member)
			}
			for range w.rng.IntN(14) { // as far as the storm finds them
				w.pass()
			}
			w.storm(40)
			w.end()
			if err := w.judge(l); err != nil {
				t.Errorf("%v: %v", c, err)
			}
			end := string(w.last().Dead())
			if w.released() != nil {
				end = "released"
			}
			ends[end]++
			if l.member == nil && end != "released" && !w.spent() {
				t.Errorf("nobody lies, and the run is %s", end)
			}
		})
	}
	t.Logf("ends: %v", ends)
	if ends["released"] == 0 || ends["unproved"] == 0 {
		t.Errorf("the schedules come to no more than %v", ends)
	}
}
