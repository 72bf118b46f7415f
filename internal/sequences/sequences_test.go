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
	listeners = 3
)

// together is how many plays share a house.
const together = 10

// rooms gives each play a house, and a name of its own in it.
type rooms struct {
	testing.TB
	house *house
	n     int
	bent  bend
}

func (r *rooms) next() (*house, string) {
	if r.n%together == 0 {
		r.close()
		r.house = newHouse(r.TB)
		r.house.bent = r.bent
		r.house.Stranger(r.TB)
	} else {
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
	plays := "8"
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
		if err := game(rt, h, id, "", told); err != nil {
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
			return game(rt, h, id, mode, told)
		}).Example(1)
		if err != nil || told.released != 1 || told.mutants < 20 {
			t.Errorf("mode %s: %+v: %v", mode, *told, err)
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
			right := map[bend]jobs.Mode{changesCells: jobs.SDC}[b]
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
