package site

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

const study = "district-age-c"

// In mode dp nothing is said after the first row but at a slot, whatever the
// time that the guest took, and a site that starts again keeps the slot.
func TestSlot(t *testing.T) {
	w := newWorld(t, crowd(20, false))
	terms, module := w.termsOf(study, func(t *jobs.Terms) { t.Due.First = 5 })
	w.begin("r-1", terms, module)
	w.key("r-1")
	booked := w.now
	for range 2 { // once to compute, once as after a restart
		at, ok := later(w.advance("r-1"))
		if want := booked.Truncate(time.Second).Add(5 * time.Second); !ok || !at.Equal(want) {
			t.Fatalf("due at %v, %v, want %v", at, ok, want)
		}
		if got := w.said("r-1"); !strings.HasPrefix(got, "admitted:") || strings.Contains(got, " ") {
			t.Errorf("before its slot the site says: %s", got)
		}
		w.now = w.now.Add(time.Second)
	}
	w.now = booked.Add(5 * time.Second)
	if err := w.advance("r-1"); err != nil || !strings.Contains(w.said("r-1"), " commit:") {
		t.Errorf("at its slot: %q, %v", w.said("r-1"), err)
	}
}

// A run that was still computing at its last slot is over.
func TestLastSlotMissed(t *testing.T) {
	w := newWorld(t, crowd(20, false))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	w.key("r-1")
	w.must(w.site.book(w.view("r-1")))
	w.must(w.site.begin(w.view("r-1"), computing))
	w.now = w.now.Add(66 * time.Second)
	for range 2 {
		w.must(w.advance("r-1"))
		if v := w.view("r-1"); v.Dead() != "slots" || v.Said(1, msg.Commit, w.site.Name) {
			t.Errorf("after the last slot: dead %q, said %s", v.Dead(), w.said("r-1"))
		}
	}
}

func both(t *jobs.Terms) { t.Engines = jobs.BothEngines }

// Two engines that agree are one; a runner that its guest has taken over
// cannot agree with the other, and then nothing is sealed. With one engine it
// tells of its victim: that is what the second is for.
func TestEngines(t *testing.T) {
	me := me(t)
	for _, c := range []struct {
		name           string
		runner, replay string
		edit           func(*jobs.Terms)
		dead           fault.Code
	}{
		{"both, honest", "", "", both, ""},
		{"both, the first lies", me, "", both, "engines"},
		{"both, the second lies", "", me, both, "engines"},
		{"one, and it lies", me, "", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, crowd(20, true))
			if c.runner != "" {
				w.site.Runner = c.runner
			}
			if c.replay != "" {
				w.site.Replay = c.replay
			}
			terms, module := w.termsOf(study, c.edit)
			w.begin("r-1", terms, module)
			w.key("r-1")
			w.runTo("r-1")
			v := w.view("r-1")
			sealed := v.Said(1, msg.Commit, w.site.Name)
			if v.Dead() != c.dead || sealed != (c.dead == "") {
				t.Errorf("dead %q, sealed %v", v.Dead(), sealed)
			}
			if _, err := w.site.partial(t.Context(), v); errors.Is(err, fault.NotFound) != (c.dead != "") {
				t.Errorf("the partial: %v", err)
			}
		})
	}
	leak := func(victim bool) int64 {
		w := newWorld(t, crowd(20, victim))
		terms, module := w.termsOf(study, nil)
		w.must(errors.Join(putModule(w, module)))
		return w.cube(terms, me).At(0, 0)
	}
	if with, without := leak(true), leak(false); with < 20 || without != 0 {
		t.Errorf("one engine, broken out of, shows %d with the victim and %d without; the test is blind", with, without)
	}
}

// The bureau asks for a replay and gets one bit, at a slot, once the run has a
// candidate; a replay that does not come to an end is not answered.
func TestReplay(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*world)
		agrees bool
		said   bool
	}{
		{"the other engine comes to the same", func(*world) {}, true, true},
		{"it comes to something else", func(w *world) { w.site.Replay = me(t) }, false, true},
		{"it does not start", func(w *world) { w.site.Replay = filepath.Join(t.TempDir(), "nothing") }, false, false},
		{"the permit has ended", func(w *world) { w.now = w.now.AddDate(2, 0, 0) }, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, crowd(20, true))
			terms, module := w.termsOf(study, nil)
			w.begin("r-1", terms, module)
			w.key("r-1")
			w.ask("r-1")
			w.runTo("r-1")
			if strings.Contains(w.said("r-1"), "replayed") {
				t.Error("replayed before there is a candidate")
			}
			w.candidate("r-1")
			c.change(w)
			err := w.advance("r-1")
			if strings.Contains(w.said("r-1"), "replayed") {
				t.Error("answered before the slot")
			}
			if at, ok := later(err); ok {
				w.now = at
			}
			for range 2 {
				w.must(w.advance("r-1"))
			}
			b, err := msg.Read[msg.ReplayedBody](w.view("r-1"), 0, msg.Replayed, w.site.Name)
			if (err == nil) != c.said || b.Agrees != c.agrees {
				t.Errorf("replayed: %+v, %v", b, err)
			}
		})
	}
}

// A block of which a person has too many rows for the input fails, and counts
// its default in every cell; on both engines alike.
func TestBlocks(t *testing.T) {
	people := crowd(30, false)
	for range 60 {
		people[0].costs = append(people[0].costs, 5)
	}
	w := newWorld(t, people)
	terms, module := w.termsOf(study, func(terms *jobs.Terms) {
		terms.Shape.L0 = terms.Shape.Cells()
		terms.Shape.Grouping = jobs.Grouping{Blocks: 4, Default: []int64{3, -7}}
		terms.Limits.Input = 1200
	})
	w.must(putModule(w, module))
	a, b := w.cube(terms, w.site.Runner), w.cube(terms, w.site.Replay)
	if !a.Equal(b) {
		t.Error("the engines differ on blocks")
	}
	const empty, full = 0, 2 // nobody here is under 18
	if a.At(0, empty) != 1 || a.At(1, empty) != 3 || a.At(2, empty) != -7 {
		t.Errorf("a cell without anyone: %d blocks, %d, %d, want one default", a.At(0, empty), a.At(1, empty), a.At(2, empty))
	}
	if n := a.At(0, full); n < 2 || n > 4 || a.At(1, full) <= 3 {
		t.Errorf("a cell with many: %d blocks, %d", n, a.At(1, full))
	}
}

// Whatever a run's units are grouped by, it comes to the same cube again.
func TestSameCubeAgain(t *testing.T) {
	for name, edit := range map[string]func(*jobs.Terms){
		"units": nil,
		"batches": func(terms *jobs.Terms) {
			terms.Shape.Grouping = jobs.Grouping{Batch: 8, Batches: 5}
		},
	} {
		w := newWorld(t, crowd(30, true))
		terms, module := w.termsOf(study, edit)
		w.must(putModule(w, module))
		first := w.cube(terms, w.site.Runner, w.site.Replay)
		for _, runners := range []int{1, 3} {
			w.site.Runners = runners
			if again := w.cube(terms, w.site.Runner); !again.Equal(first) {
				t.Errorf("%s: another cube with %d runners", name, runners)
			}
		}
		if first.At(0, 2) == 0 {
			t.Errorf("%s: an empty cube proves nothing", name)
		}
	}
}

// Whoever has all that a run leaves on the board, and tries every cube that it
// may have been, finds none: what is said of values is said under a salt.
func TestNothingToGuess(t *testing.T) {
	w := newWorld(t, crowd(20, true))
	terms, module := w.termsOf(study, func(t *jobs.Terms) {
		t.Shape.Dims = []jobs.Dim{{Name: "all", Title: "全部", Codes: []string{"0"}, Labels: []string{"全部"}}}
		t.Shape.Measures, t.Shape.L0 = nil, 1
	})
	w.begin("r-1", terms, module)
	w.key("r-1")
	w.runTo("r-1")
	v := w.view("r-1")
	w.ask("r-1")
	w.candidate("r-1")
	if at, ok := later(w.advance("r-1")); ok {
		w.now = at
	}
	w.must(w.advance("r-1"))
	hashes := map[string]bool{}
	for item, err := range w.board.All(t.Context(), "run.r-1.>") {
		w.must(err)
		if p, err := msg.ParseSubject(item.Subject); err == nil && p.Party == w.site.Name {
			for _, h := range everyHash(item.Data) {
				hashes[h] = true
			}
		}
	}
	if !hashes[suite.DigestOf(module).Hex()] || len(hashes) < 3 {
		t.Fatalf("%d hashes, and the program's is not among them: the test is blind", len(hashes))
	}
	most := int64(20_000)
	if prove {
		most = 1_000_000
	}
	for x := range most {
		for _, guess := range [][]byte{
			binary.LittleEndian.AppendUint64(nil, uint64(x)), binary.BigEndian.AppendUint64(nil, uint64(x)),
			strconv.AppendInt(nil, x, 10), fmt.Appendf(nil, "[%d]", x), fmt.Appendf(nil, `{"Values":[%d]}`, x),
			v.Of(0, w.site.Name).Bind(binary.LittleEndian.AppendUint64(nil, uint64(x))),
		} {
			if hashes[suite.DigestOf(guess).Hex()] {
				t.Fatalf("%d is told", x)
			}
		}
	}
}

// everyHash finds the hashes in a statement and in what it carries in base64.
func everyHash(raw []byte) []string {
	var envelope struct {
		Payload []byte `json:"payload"`
	}
	if json.Unmarshal(raw, &envelope) == nil {
		raw = append(raw, envelope.Payload...)
	}
	return hashRE.FindAllString(string(raw), -1)
}

var hashRE = regexp.MustCompile(`[0-9a-f]{64}`)

// One person has one budget: whatever dataset or version of the namespace a
// run is on, and whichever permit, it is debited from the same cap.
func TestOneBudget(t *testing.T) {
	w := newWorld(t, crowd(2, false))
	version := func(id, dataset, version string) *msg.View {
		terms, module := w.termsOf(study, func(t *jobs.Terms) {
			t.ID, t.Members[0].Dataset, t.Members[0].Version = "p-"+id, dataset, version
		})
		w.begin(id, terms, module)
		return w.view(id)
	}
	first := version("r-1", "hospital-visits", "v1")
	cost, err := first.Terms().Rho()
	w.must(err)
	w.site.Budgets[jobs.NaturalPerson] = new(big.Rat).Mul(cost, big.NewRat(3, 2))
	w.must(w.site.book(first))
	wantCode(t, "the next version", w.site.book(version("r-2", "hospital-visits", "v2")), "budget")
	wantCode(t, "another dataset", w.site.book(version("r-3", "hospital-stays", "v1")), "budget")
	w.must(w.site.book(first)) // the same run again is the same debit
}
