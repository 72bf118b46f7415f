package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// me is this test's binary, as a runner whose guest is out of its engine.
func me(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// ask has the bureau ask for a replay.
func (w *world) ask(run string) {
	w.Helper()
	w.sayAs("bureau-officer", msg.Replay, msg.ReplayBody{Of: w.view(run).Of(0, msg.Bureau)})
}

// hidden is the view of a run whose coordinator keeps what the site said of
// one kind out of the ledger.
func (w *world) hidden(run string, kind string) *msg.View {
	w.Helper()
	board := map[string][]byte{}
	for item, err := range w.board.All(w.Context(), "run."+run+".>") {
		w.must(err)
		board[item.Subject] = item.Data
		if p, err := msg.ParseSubject(item.Subject); err == nil && string(p.Kind) == kind {
			continue
		}
		w.logged++
		d := suite.DigestOf(item.Data)
		board[msg.LoggedSubject(run, d)] = fmt.Appendf(nil, "%s %d", d, w.logged)
	}
	v, err := msg.NewView(run, board, w.pins)
	w.must(err)
	return v
}

// What a domain says of a run before its first row must not wait
// for another run's guest: otherwise whoever starts two runs reads from the
// second's admission, refusal and slots how long the first took.
func TestAnotherRunsTimeIsNotTold(t *testing.T) {
	for _, c := range []struct {
		name, program, kind string
	}{
		{"an admission", study, "admitted"},
		{"a refusal, which costs nothing", "hostile-import", "refusal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, crowd(5, false))
			terms, module := w.termsOf(c.program, nil)
			w.begin("r-2", terms, module)
			w.key("r-2")
			w.site.cpu <- struct{}{} // r-1's guest burns for its victim
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			_ = w.site.Advance(ctx, w.view("r-2")) // it may wait to compute, and then ctx ends it
			<-w.site.cpu
			if said := w.said("r-2"); !strings.Contains(said, c.kind) {
				t.Errorf("while another run computes the site says %q of this one", said)
			}
		})
	}
}

// A run that ended while it waited for another one's guest reads no row.
func TestNoRowForWhatIsOver(t *testing.T) {
	w := newWorld(t, crowd(5, false))
	terms, module := w.termsOf(study, nil)
	w.begin("r-2", terms, module)
	w.key("r-2")
	v := w.view("r-2")
	crew, err := w.site.enrol(t.Context(), v)
	w.must(err)
	crew.close()
	w.say("yuneid", msg.Dead, msg.DeadBody{Of: v.Of(0, "yuneid"), Code: "run-dead"})
	w.ledger("r-2")
	w.must(w.site.compute(t.Context(), v)) // by the view that it had when it began to wait
	if _, err := w.site.partial(t.Context(), v); !errors.Is(err, fault.NotFound) {
		t.Errorf("rows were read for a run that is over: %v", err)
	}
}

// A replay runs the guest on rows again. Its answer is said when it
// is ready, before the run's own slot and at no slot of its own: a second clock.
func TestReplayIsSaidAtASlot(t *testing.T) {
	w := newWorld(t, crowd(20, true))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	w.key("r-1")
	w.ask("r-1")
	if _, ok := later(w.advance("r-1")); !ok {
		t.Fatal("not computed")
	}
	_ = w.advance("r-1") // any news on the board does it
	if said := w.said("r-1"); strings.Contains(said, "replayed") {
		t.Errorf("before the slot: %s", said)
	}
}

// A replay that cannot be had stops the run that it is asked about,
// and a slow one moves what the run says off its slot.
func TestReplayDoesNotHoldUpTheRun(t *testing.T) {
	w := newWorld(t, crowd(20, true))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	w.key("r-1")
	at, ok := later(w.advance("r-1"))
	if !ok {
		t.Fatal("not computed")
	}
	w.ask("r-1")
	w.site.Replay = filepath.Join(t.TempDir(), "nothing")
	w.now = at
	err := w.advance("r-1")
	if !w.view("r-1").Said(1, msg.Commit, w.site.Name) {
		t.Errorf("at its slot the run waits for a replay: %v", err)
	}
}

// A replay is of the permit that was booked. Operator and
// coordinator show the booked run under another permit that the provider has
// granted: its program is run on rows, unbooked and without a debit, and an
// exact bit (is its cube the first one's?) leaves.
func TestReplayUnderAnotherPermit(t *testing.T) {
	w := newWorld(t, crowd(20, true))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	w.key("r-1")
	if _, ok := later(w.advance("r-1")); !ok {
		t.Fatal("not computed")
	}
	other, module := w.termsOf("hostile-trap-victim", nil)
	w.must(putModule(w, module))
	raw, err := governance.Assemble(other, w.Decisions(t, other))
	w.must(err)
	board := map[string][]byte{
		msg.Subject("r-1", 0, msg.Permit, msg.Coordinator): raw,
		msg.Subject("r-1", 0, jobs.Start, msg.Operator):    w.Start(t, "op", "r-1", other).Bytes(),
	}
	v, err := msg.NewView("r-1", board, w.pins)
	w.must(err)
	subject, r, err := msg.Say(w.Keys["bureau-officer"], msg.Replay, msg.ReplayBody{Of: v.Of(0, msg.Bureau)})
	w.must(err)
	board[subject] = r.Bytes()
	board[msg.LoggedSubject("r-1", r.Digest())] = fmt.Appendf(nil, "%s %d", r.Digest(), 1)
	v, err = msg.NewView("r-1", board, w.pins)
	w.must(err)
	_ = w.site.Advance(t.Context(), v)
	if w.site.Remembers("r-1", 0, msg.Replayed) {
		t.Error("a replay of a program that was never booked is answered")
	}
}

// The software is upgraded between the admission and the end of a
// run: the journal refuses the new record, and a run that has paid hangs for
// ever, without an end that anybody is told of.
func TestUpgradeBetweenAdmissionAndCompute(t *testing.T) {
	w := newWorld(t, crowd(20, false))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	w.key("r-1")
	v := w.view("r-1")
	w.must(w.site.Say(t.Context(), msg.Admitted, msg.AdmittedBody{
		Of: v.Of(0, w.site.Name), Program: terms.Program.Digest, Form: suite.DigestOf([]byte("as the last version had it")), Rewrite: "the last version",
		Engines: msg.Engines(terms),
	}))
	w.must(w.site.book(v))
	err := w.advance("r-1")
	if _, ok := later(err); !ok && err != nil {
		t.Errorf("stuck: %v", err)
	}
}

// A run that has missed its last slot is over, whether or not it
// can be computed; and it is over at that slot, not when the guest is done.
func TestLastSlotEndsARunThatCannotCompute(t *testing.T) {
	w := newWorld(t, crowd(20, false))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	w.key("r-1")
	w.must(w.site.book(w.view("r-1")))
	w.must(w.site.begin(w.view("r-1"), computing))
	w.site.Runner = filepath.Join(t.TempDir(), "nothing") // any failure of the machine's
	w.now = w.now.Add(66 * time.Second)
	err := w.advance("r-1")
	if dead := w.view("r-1").Dead(); dead != "slots" {
		t.Errorf("after the last slot: dead %q, %v", dead, err)
	}
}

// A booked run that was not computed by the end of its permit reads
// rows years later: nothing but the first acceptance looks at the dates.
func TestNoRowAfterThePermit(t *testing.T) {
	w := newWorld(t, crowd(20, false))
	terms, module := w.termsOf(study, func(t *jobs.Terms) {
		t.Mode, t.Program.Review = jobs.SDC, &jobs.Review{Reviewer: "lab", Source: "sha256:" + "00"}
	})
	w.begin("r-1", terms, module)
	w.key("r-1")
	w.must(w.site.book(w.view("r-1")))
	w.now = w.now.AddDate(5, 0, 0)
	_ = w.advance("r-1")
	if _, err := w.site.partial(t.Context(), w.view("r-1")); !errors.Is(err, fault.NotFound) {
		t.Errorf("years after the permit: a partial (%v), said %s", err, w.said("r-1"))
	}
}

// Two engines that disagree are told of at once: an exact time, and
// before the first slot.
func TestDisagreementIsSaidAtASlot(t *testing.T) {
	w := newWorld(t, crowd(20, true))
	w.site.Replay = me(t)
	terms, module := w.termsOf(study, both)
	w.begin("r-1", terms, module)
	w.key("r-1")
	_ = w.advance("r-1")
	if said := w.said("r-1"); strings.Contains(said, "dead") {
		t.Errorf("before the first slot: %s", said)
	}
}

// What a site has ended it has ended: a coordinator that keeps the
// end out of the ledger gets the same run computed again and again, until the
// engines happen to agree, and then sealed.
func TestEndedStaysEnded(t *testing.T) {
	w := newWorld(t, crowd(20, true))
	honest := w.site.Replay
	w.site.Replay = me(t)
	terms, module := w.termsOf(study, both)
	w.begin("r-1", terms, module)
	w.key("r-1")
	_ = w.advance("r-1")
	if at, ok := later(w.site.Advance(t.Context(), w.hidden("r-1", "dead"))); ok {
		w.now = at
		_ = w.site.Advance(t.Context(), w.hidden("r-1", "dead"))
	}
	if !w.site.Remembers("r-1", 0, msg.Dead) {
		t.Fatal("the engines agreed; the test is blind")
	}
	w.site.Replay = honest
	for range 2 {
		if at, ok := later(w.site.Advance(t.Context(), w.hidden("r-1", "dead"))); ok {
			w.now = at
		}
	}
	if w.view("r-1").Said(1, msg.Commit, w.site.Name) {
		t.Errorf("the run went on after its end: %s", w.said("r-1"))
	}
}

// A cube that was kept and a cube that is sealed are the same one,
// also if the site died in between and the second was made by a runner that
// lies: otherwise a replay agrees with what was never sealed.
func TestKeptIsSealed(t *testing.T) {
	w := newWorld(t, crowd(20, true))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	w.key("r-1")
	v := w.view("r-1")
	w.must(w.site.book(v))
	honest := w.cube(terms, w.site.Replay)
	w.must(w.site.remember(t.Context(), v, honest)) // and then it died
	w.site.Runner = me(t)
	_ = w.advance("r-1")
	if _, err := w.site.partial(t.Context(), v); !errors.Is(err, fault.NotFound) {
		t.Errorf("another cube than the one that was kept is sealed (%v)", err)
	}
}

// A block may have more units than one area can name, whatever the
// permit's input would hold: such a visit fails and counts its default, as any
// that does not fit. Now it is an error after the debit, again and again: the
// run never ends, and whether it does turns on one unit.
func TestBlockOfTooManyUnits(t *testing.T) {
	const rows = 1<<16 + 1
	w := newWorld(t, crowd(1, false))
	s := columns.Schema{
		Name:    "rows",
		Columns: []columns.Column{{Name: "cost", Type: columns.Int64, Role: columns.Measure}},
		Unit:    columns.UnitBy{Namespace: jobs.Row},
	}
	var csv strings.Builder
	csv.WriteString("cost\n")
	for i := range rows {
		fmt.Fprintln(&csv, i)
	}
	var b bytes.Buffer
	_, err := columns.Ingest(t.Context(), strings.NewReader(csv.String()), s, []byte("a unit key of this domain, 32 by"), &b, columns.Options{Day: w.now})
	w.must(err)
	name, err := columns.Name("rows", "v1")
	w.must(err)
	w.must(seal.Put(t.Context(), w.site.Store, w.site.Seal.Public(), name, &b))
	terms, module := w.termsOf(study, func(t *jobs.Terms) {
		t.Members[0].Dataset, t.Members[0].Schema, t.Members[0].Columns = "rows", s.Digest(), []string{"cost"}
		t.Shape.Namespace, t.Shape.L0 = jobs.Row, t.Shape.Cells()
		t.Shape.Grouping = jobs.Grouping{Blocks: 1, Default: []int64{3, -7}}
	})
	w.must(putModule(w, module))
	c, err := w.site.start(t.Context(), terms, w.site.Runner)
	w.must(err)
	defer c.close()
	if _, _, err := w.site.each(t.Context(), terms, c); err != nil {
		t.Errorf("one block of %d units: %v", rows, err)
	}
}

// The number of a debit, which every confirmation shows, counts all
// that the journal holds, and so tells whether another run's guest was done by
// then, before that run's slot.
func TestDebitDoesNotCountSlots(t *testing.T) {
	seq := func(done bool) uint64 {
		w := newWorld(t, crowd(20, false))
		terms, module := w.termsOf(study, nil)
		w.begin("r-1", terms, module)
		if done {
			if _, ok := later(w.advance("r-1")); !ok {
				t.Fatal("not computed")
			}
		} else { // the guest still burns
			c, err := w.site.admit(t.Context(), terms)
			w.must(err)
			defer c.close()
			w.must(w.site.sayAdmitted(t.Context(), w.view("r-1"), c))
			w.must(w.site.book(w.view("r-1")))
		}
		w.begin("r-2", terms, module)
		w.must(w.site.book(w.view("r-2")))
		var d msg.Debit
		w.must(w.site.Journal.Get(string(debited), "r-2", &d))
		return d.Seq
	}
	if with, without := seq(true), seq(false); with != without {
		t.Errorf("the next run's debit has number %d if this one's guest is done, and %d if not", with, without)
	}
}

// A run that is computed again, after rows were read, asks the board
// for the program and says its admission once more: the coordinator counts the
// attempts. What is needed for a second attempt is in the domain.
func TestSecondAttemptIsNotSeen(t *testing.T) {
	w := newWorld(t, crowd(20, false))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	v := w.view("r-1")
	w.site.Crash = func(point string) {
		if point == "partial:before" {
			panic(point)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_ = w.site.compute(t.Context(), v)
	}()
	w.site.Crash = nil
	if !w.site.Remembers("r-1", 0, used) {
		t.Fatal("not booked; the test is blind")
	}
	deaf, err := bus.Serve(t.Context(), bus.Config{Dir: t.TempDir()})
	w.must(err)
	t.Cleanup(deaf.Close)
	w.site.Board, err = deaf.Board(t.Context())
	w.must(err)
	t.Cleanup(w.site.Board.Close)
	err = w.site.compute(t.Context(), v)
	said := w.said("r-1")
	for item, err := range w.site.Board.All(t.Context(), "run.>") {
		w.must(err)
		said += " again:" + item.Subject
	}
	if err != nil || strings.Contains(said, "again:") {
		t.Errorf("the second attempt: %v, said %s", err, said)
	}
}

// Nobody seals for a set of which one member runs the program in another form:
// no release of it would verify.
func TestMembersWithOtherForms(t *testing.T) {
	w := newWorld(t, crowd(5, false))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	v := w.view("r-1")
	w.say("site-transit", msg.Admitted, msg.AdmittedBody{
		Of: v.Of(0, "site-transit"), Program: terms.Program.Digest, Form: suite.DigestOf([]byte("another form")), Rewrite: "another", Engines: msg.Engines(terms),
	})
	for range 3 {
		if at, ok := later(w.advance("r-1")); ok {
			w.now = at
		}
	}
	if v := w.view("r-1"); v.Dead() != "run-dead" || v.Said(1, msg.Commit, w.site.Name) {
		t.Errorf("dead %q, said %s", v.Dead(), w.said("r-1"))
	}
}
