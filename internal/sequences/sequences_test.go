package sequences

import (
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/yunei/yunei/jobs"
)

var (
	prove  = os.Getenv("YUNEI_PROVE") == "1"
	reader = rand.Reader
	// listeners is how many of the people ask everything in the end.
	listeners = 2
)

// together is how many plays share a house.
const together = 10

// rooms gives each play a house, and a name of its own in it.
type rooms struct {
	testing.TB
	house *house
	n     int
	bent  bend
	calm  bool // the coordinator is not started anew for each play
}

func (r *rooms) next() (*house, string) {
	if r.n%together == 0 {
		r.close()
		r.house = newHouse(r.TB)
		r.house.bent = r.bent
		r.house.Stranger(r.TB)
	} else if !r.calm {
		r.house.restart()
	}
	r.n++
	return r.house, fmt.Sprint(r.n)
}

func (r *rooms) close() {
	if r.house != nil {
		r.house.close()
		r.house = nil
	}
}

// Whatever is called, by whomever, in whatever order: nothing is released that
// lacks the gate's record, a debit or two approving votes, nobody hears of it
// before, and package release says so of every bundle that could be made.
func TestNothingLeavesThatLacks(t *testing.T) {
	plays := "6"
	if prove {
		plays, listeners = "200", len(people)
	}
	if err := flag.Set("rapid.checks", plays); err != nil {
		t.Fatal(err)
	}
	all := &rooms{TB: t}
	defer all.close()
	told := &tally{}
	rapid.Check(t, func(rt *rapid.T) {
		h, id := all.next()
		if err := game(rt, h, id, order{}, told); err != nil {
			rt.Fatal(err)
		}
	})
	t.Logf("%+v", *told)
	if prove && (told.released == 0 || told.lacking == 0) {
		t.Errorf("%+v: a play in which nothing is released, or nothing lacks, shows nothing", *told)
	}
}

// When all do as they should the run is released, in every mode; and its bundle
// does not hold without any one of its parts, or with another that the same
// party signed.
func TestAllRightIsReleased(t *testing.T) {
	all := &rooms{TB: t}
	defer all.close()
	for _, mode := range []jobs.Mode{jobs.DP, jobs.SDC, jobs.Both} {
		told := &tally{}
		err := rapid.Custom(func(rt *rapid.T) error {
			h, id := all.next()
			return game(rt, h, id, order{mode: mode}, told)
		}).Example(1)
		if err != nil || told.released != 1 || told.mutants < 20 {
			t.Errorf("mode %s: %+v: %v", mode, *told, err)
		}
	}
}

// Of one thing alone that is wrong, whatever it is, no bundle holds: not the
// API's, nor that of a coordinator without scruples.
func TestOneThingWrong(t *testing.T) {
	wrong := map[string]func(*run){
		"one vote":              func(r *run) { r.silent = true },
		"a vote against":        func(r *run) { r.against = true },
		"failed, no exception":  func(r *run) { r.verdict, r.mute = "fail", true },
		"blocked":               func(r *run) { r.verdict = "block" },
		"a verdict of no list":  func(r *run) { r.verdict = "splendid" },
		"another set":           func(r *run) { r.wrong = "set" },
		"another sum":           func(r *run) { r.wrong = "sum" },
		"other evidence":        func(r *run) { r.wrong = "evidence" },
		"another checker's key": func(r *run) { r.twist = byAnother },
		"another run's vote":    func(r *run) { r.twist = ofAnotherRun },
		"other recipients":      func(r *run) { r.twist = toOthers },
		"another candidate":     func(r *run) { r.twist = onOthers },
	}
	for _, f := range flaws {
		wrong["a debit: "+f] = func(r *run) { r.flaw, r.blind = f, true }
	}
	all := &rooms{TB: t, calm: true}
	defer all.close()
	for name, but := range wrong {
		told := &tally{}
		err := rapid.Custom(func(rt *rapid.T) error {
			h, id := all.next()
			return game(rt, h, id, order{jobs.Both, but}, told)
		}).Example(1)
		if err != nil || told.released != 0 || told.lacking != 1 {
			t.Errorf("%s: %+v: %v", name, *told, err)
		}
	}
}

// Models that are bent are found, by the same plays; who only spoils what is
// released, by those in which something is.
func TestBentModelsAreFound(t *testing.T) {
	for _, b := range []bend{countsNoVotes, opensUnpaid, changesCells} {
		t.Run(string(b), func(t *testing.T) {
			all := &rooms{TB: t, bent: b}
			defer all.close()
			right := map[bend]order{changesCells: {mode: jobs.SDC}}[b]
			var found error
			g := rapid.Custom(func(rt *rapid.T) error {
				h, id := all.next()
				return game(rt, h, id, right, &tally{})
			})
			for seed := 0; seed < 60 && found == nil; seed++ {
				found = g.Example(seed)
			}
			if found == nil {
				t.Error("never found")
			}
			t.Logf("play %d: %v", all.n, found)
		})
	}
}
