// Package crash kills daemons. Its table goes down the way of a run, entry by
// entry of every daemon's journal, and kills that daemon by SIGKILL just before
// the entry and just after it, then both at once, then all of them. `yunei up`
// starts again what died, and the run must come to the end that it would have
// come to without, byte for byte, or, where secrets that live in memory only
// died with their holder, to another round or to a death that everyone is told
// of. Nothing may be drawn, spent, signed or opened twice.
//
// The daemons are the product's own binaries, built with the tag crash. The
// short form takes the most telling rows; YUNEI_CRASH_FULL=1 takes all.
package crash

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/examples/stage"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/release"
)

// fullEnv, set, asks for the whole table.
const fullEnv = "YUNEI_CRASH_FULL"

func TestCrash(t *testing.T) {
	start := time.Now()
	w := found(t)
	for _, mode := range []jobs.Mode{jobs.SDC, jobs.DP} {
		run := "still-" + string(mode)
		w.submit(t, row{mode: mode}, run)
		w.vote(t, run)
		got := w.await(t, run)
		w.check(t, run, row{mode: mode, end: first}, got)
		w.want[mode] = still{got.table}
	}
	t.Logf("a town with two undisturbed runs: %.1f s", time.Since(start).Seconds())
	rows := 0
	for i, r := range table {
		if !r.short && os.Getenv(fullEnv) == "" {
			continue
		}
		rows++
		t.Run(strconv.Itoa(i)+"/"+r.name(), func(t *testing.T) { w.disturb(t, "row-"+strconv.Itoa(i), r) })
	}
	w.noRunner(t)
	t.Logf("%d of %d rows in %.0f s", rows, len(table), time.Since(start).Seconds())
}

func (r row) name() string {
	if r.all != "" {
		return string(r.mode) + " kill -9 at " + r.all
	}
	return string(r.mode) + " " + strings.Join(r.kill, " ")
}

// tries is how often a run is begun anew because its trustees were in another
// order, so that the one to be killed was not called.
const tries = 8

// disturb takes one row.
func (w *town) disturb(t *testing.T, run string, r row) { //nolint:thelper // a test, whose own lines are to be named
	for n := range tries {
		id := run + "-" + strconv.Itoa(n)
		if r.poor {
			w.starve(t)
		}
		w.arm(t, r.kill)
		w.submit(t, r, id)
		if r.all != "" && !strings.HasPrefix(r.all, "vote") && r.all != string(msg.Release) {
			w.hear(t, id, receipt.Kind(r.all))
			w.killAll(t)
		}
		w.voteIfAsked(t, id, r)
		got := w.await(t, id)
		if uncalled(w.armed(), got) && n < tries-1 {
			w.disarm(t)
			continue
		}
		eventually(t, "everyone to die who is to", func() bool { return len(w.armed()) == 0 })
		w.upAgain(t)
		w.check(t, id, r, got)
		return
	}
}

// uncalled reports whether all that is left armed is the answer of a trustee
// that was not asked for one.
func uncalled(left []string, got outcome) bool {
	return len(left) == 1 && strings.Contains(left[0], ":"+string(msg.Answer)+":") && got.code == ""
}

// An outcome is how a run ended.
type outcome struct {
	code  string // of a run that ended without a release
	table jobs.Candidate
}

// submit starts a run. The coordinator may die while it is asked; the run is
// then there all the same.
func (w *town) submit(t *testing.T, r row, run string) {
	t.Helper()
	application := permitOf(r.mode)
	if r.mode == jobs.DP {
		application = w.another(t)
	}
	_, err := w.Quiet(t.Context(), "yunei", "job", "submit", "--application", application, "--program", w.program, "--run", run, "--key", w.Key(stage.Operator))
	if err == nil {
		return
	}
	eventually(t, "the run to be there after: "+err.Error(), func() bool {
		_, err := w.client.Job(t.Context(), run)
		return err == nil
	})
}

// ends are the last statements of a run.
var ends = []receipt.Kind{msg.Release, msg.Dead, msg.Refusal}

// hear waits until a statement of one of the kinds is on the board. It asks
// the board and not the API, which hears a key only so often.
func (w *town) hear(t *testing.T, run string, kinds ...receipt.Kind) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	items, err := w.board.Watch(ctx, "run."+run+".>")
	if err != nil {
		t.Fatal(err)
	}
	for item := range items {
		if p, err := msg.ParseSubject(item.Subject); err == nil && slices.Contains(kinds, p.Kind) {
			return
		}
	}
	t.Fatalf("waited %s in vain for %v of %s", patience, kinds, run)
}

// state asks for a run until there is an answer that is enough.
func (w *town) state(t *testing.T, run string, enough func(jobs.State) bool) (s jobs.State, code string) {
	t.Helper()
	eventually(t, "the API to say how it stands with "+run, func() bool {
		j, err := w.client.Job(t.Context(), run)
		if err != nil {
			return false // yuneid is away
		}
		s, code = j.State, string(j.Refusal)
		return enough(s)
	})
	return s, code
}

func ended(s jobs.State) bool {
	return s == jobs.Failed || s == jobs.Stopped || s == jobs.Refused || s == jobs.Released
}

// voteIfAsked lets both checkers vote once there is a candidate; a run that
// ends before has none.
func (w *town) voteIfAsked(t *testing.T, run string, r row) {
	t.Helper()
	w.hear(t, run, append(ends, msg.Candidate)...)
	if s, _ := w.state(t, run, func(s jobs.State) bool { return s >= jobs.CandidateReady }); ended(s) {
		return
	}
	w.insist(t, run, stage.Checker1, "vote", run, "--approve")
	w.insist(t, run, stage.Checker2, "vote", run, "--approve")
	if r.all == string(msg.VoteCommit) {
		w.killAll(t)
	}
	w.insist(t, run, stage.Checker1, "vote", "open", run)
	if r.all == string(msg.VoteOpen) {
		w.killAll(t)
	}
	w.insist(t, run, stage.Checker2, "vote", "open", run)
	if r.all == string(msg.Release) {
		w.hear(t, run, msg.Release)
		w.killAll(t)
	}
}

func (w *town) vote(t *testing.T, run string) {
	t.Helper()
	w.voteIfAsked(t, run, row{})
}

// insist gives a command until it is done, or was done before, or the run is
// over.
func (w *town) insist(t *testing.T, run string, p stage.Person, args ...string) {
	t.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(pause) {
		_, last = w.Quiet(t.Context(), "yunei", append(args, "--key", w.Key(p))...)
		if last == nil || strings.Contains(last.Error(), "/vote-twice]") {
			return
		}
		if j, err := w.client.Job(t.Context(), run); err == nil && ended(j.State) {
			return
		}
	}
	t.Fatalf("yunei %s: %v", strings.Join(args, " "), last)
}

// await waits for a run's end, and verifies what it released.
func (w *town) await(t *testing.T, run string) outcome {
	t.Helper()
	w.hear(t, run, ends...)
	s, code := w.state(t, run, ended)
	if s != jobs.Released {
		w.told(t, run, code)
		return outcome{code: code}
	}
	var raw []byte
	eventually(t, "the release", func() bool {
		var err error
		raw, err = w.client.Release(t.Context(), run)
		return err == nil
	})
	if _, err := release.Verify(raw, w.pins); err != nil {
		t.Fatalf("the release does not verify: %v", err)
	}
	b, err := release.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	table, err := b.Table()
	if err != nil {
		t.Fatal(err)
	}
	return outcome{table: table}
}

// told: whoever asks `yunei job show` is told why the run is over.
func (w *town) told(t *testing.T, run, code string) {
	t.Helper()
	eventually(t, "`yunei job show` to say "+code, func() bool {
		_, err := w.Quiet(t.Context(), "yunei", "job", "show", run, "--key", w.Key(stage.Operator))
		return err != nil && strings.Contains(err.Error(), "/"+code+"]") && strings.Contains(err.Error(), fault.Show(fault.Refuse(fault.Code(code), "")).ZH)
	})
}
