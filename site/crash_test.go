package site

import (
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
)

// restart is the site as another process finds it: its journal, its store, and
// nothing else.
func (w *world) restart() {
	w.site.Crash = nil
	w.site = New(w.site.Party, w.site.Config, w.site.Store, w.site.Seal)
}

// onward takes a run as far as it goes, by its slots, through every crash.
func (w *world) onward(run string) {
	w.Helper()
	for range 12 {
		var err error
		func() {
			defer func() {
				if recover() != nil {
					w.restart()
				}
			}()
			err = w.advance(run)
		}()
		if at, ok := later(err); ok {
			w.now = at
		}
	}
}

// A site that dies beside any entry of its journal comes to the end that it
// would have come to without, and says nothing twice in two ways.
func TestCrashes(t *testing.T) {
	for _, c := range []struct {
		name   string
		points string
		liar   bool
		replay bool
		want   string
	}{
		{"a run", "admitted debited begun used cube noise partial slot chunk commit", false, false, "admitted commit"},
		{"an incident", "doomed slot dead", true, false, "admitted dead"},
		{"an answer to keep", "stored", false, true, "admitted commit replayed"},
		{"a replay", "replay-begun replay-try replay-bit replay-slot replayed", false, true, "admitted commit replayed"},
	} {
		for point := range strings.FieldsSeq(c.points) {
			for _, moment := range []string{":before", ":after"} {
				t.Run(c.name+"/"+point+moment, func(t *testing.T) {
					w := newWorld(t, crowd(20, true))
					edit := func(*jobs.Terms) {}
					if c.liar {
						w.site.Replay, edit = me(t), both
					}
					terms, module := w.termsOf(study, edit)
					w.begin("r-1", terms, module)
					w.key("r-1")
					died := false
					crash := func(at string) {
						if at == point+moment {
							died, w.site.Crash = true, nil
							panic(at)
						}
					}
					if !c.replay {
						w.site.Crash = crash
					}
					w.onward("r-1")
					if c.replay {
						w.ask("r-1")
						w.candidate("r-1")
						w.site.Crash = crash
						w.onward("r-1")
					}
					if got := kindsOf(w.said("r-1")); got != c.want || !died {
						t.Errorf("said %s, want %s; died %v", got, c.want, died)
					}
					if b, err := msg.Read[msg.ReplayedBody](w.view("r-1"), 0, msg.Replayed, w.site.Name); c.replay && (err != nil || !b.Agrees) {
						t.Errorf("replayed: %+v, %v", b, err)
					}
				})
			}
		}
	}
}

// kindsOf leaves the lengths out of what was said.
func kindsOf(said string) string {
	var all []string
	for f := range strings.FieldsSeq(said) {
		kind, _, _ := strings.Cut(f, ":")
		all = append(all, kind)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
