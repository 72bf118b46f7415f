package lease

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/note"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/suite"
)

const (
	run    = "r-1"
	origin = "ledger.test"
)

// A town is a permit's parties, a ledger that the test writes, and one party's
// book.
type town struct {
	testing.TB
	*governancetest.Town
	terms  jobs.Terms
	view   *msg.View
	tree   *testonly.Tree
	newest map[string]msg.Leased
	folder string
	wall   time.Time
	book   *Book
	open   *journal.Journal
}

func newTown(tb testing.TB) *town {
	tb.Helper()
	w := &town{
		TB: tb, Town: governancetest.NewTown(tb), tree: testonly.New(rfc6962.DefaultHasher),
		newest: map[string]msg.Leased{}, folder: tb.TempDir(), wall: governancetest.Now,
	}
	w.terms = w.Terms()
	b := jobs.Bundle{Terms: w.terms.Bytes()}
	for _, d := range w.Decisions(tb, w.terms) {
		b.Decisions = append(b.Decisions, d.Bytes())
	}
	raw, err := json.Marshal(b)
	w.must(err)
	pins := jobs.Pins{}
	for _, m := range w.terms.Members {
		pins[m.Provider.Org] = m.Provider.Key
	}
	w.view, err = msg.NewView(run, map[string][]byte{
		msg.Subject(run, 0, msg.Permit, msg.Coordinator): raw,
		msg.Subject(run, 0, jobs.Start, msg.Operator):    w.Start(tb, "op", run, w.terms).Bytes(),
	}, pins)
	w.must(err)
	w.must(w.view.Err())
	w.again()
	return w
}

func (w *town) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// again starts the party anew: it has its journal and nothing else.
func (w *town) again() {
	w.Helper()
	if w.open != nil {
		w.must(w.open.Close())
	}
	var err error
	w.open, err = journal.Open(filepath.Join(w.folder, "journal"), "gate")
	w.must(err)
	w.Cleanup(func() { _ = w.open.Close() }) // again, if it was started anew
	w.book, err = Open(w.open, func() time.Time { return w.wall }, slog.New(slog.DiscardHandler))
	w.must(err)
}

// body is a lease of a member.
func (w *town) body(i int, seq uint64, at time.Time, held ...msg.Held) msg.LeaseBody {
	m := w.terms.Members[i]
	return msg.LeaseBody{Domain: m.Domain, Party: m.Site.Name, Seq: seq, At: at, Held: append([]msg.Held{}, held...)}
}

// log puts a lease in the ledger.
func (w *town) log(key suite.PrivateKey, l msg.LeaseBody) {
	w.Helper()
	_, r, err := msg.SignLease(key, l)
	w.must(err)
	w.newest[l.Party] = msg.Leased{Party: l.Party, Statement: r.Bytes(), Index: w.tree.Size()}
	w.tree.AppendData([]byte(r.Digest()))
}

// says is a lease of a member, signed and logged.
func (w *town) says(i int, seq uint64, at time.Time, held ...msg.Held) {
	w.Helper()
	w.log(w.Keys[w.terms.Members[i].Site.Name], w.body(i, seq, at, held...))
}

// A shown is what the board has of one checkpoint.
type shown map[string][]byte

// checkpoint makes what the coordinator shows of the ledger as it is, cosigned
// by trustees at times.
func (w *town) checkpoint(at map[string]time.Time) shown {
	w.Helper()
	s, err := proof.Signer(origin, w.Keys["yuneid"].Ed25519())
	w.must(err)
	size := w.tree.Size()
	cp, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(w.tree.HashAt(size)))}, s)
	w.must(err)
	key, err := w.Keys["yuneid"].Public().Ed25519()
	w.must(err)
	raw, err := json.Marshal(msg.Checkpoint{Note: cp})
	w.must(err)
	out := shown{msg.CheckpointSubject(size): raw}
	for name, t := range at {
		witness := proof.Witness{Name: name, Key: w.Keys[name].Ed25519(), Origin: origin, LogKey: key}
		line, _, err := witness.Cosign(proof.Empty(), cp, nil, t)
		w.must(err)
		out[msg.CosignatureSubject(size, name)] = line
	}
	var all msg.Leases
	for _, l := range w.newest {
		l.Proof, err = w.tree.InclusionProof(l.Index, size)
		w.must(err)
		all.Leases = append(all.Leases, l)
	}
	out[msg.LeasesSubject(size)], err = json.Marshal(all)
	w.must(err)
	return out
}

// all is that every trustee cosigns at a time.
func all(at time.Time) map[string]time.Time {
	return map[string]time.Time{"trustee-1": at, "trustee-2": at, "trustee-3": at}
}

// show shows the party what the board has; the checkpoint first, as the board
// would.
func (w *town) show(s shown) {
	for _, subject := range slices.Sorted(maps.Keys(s)) {
		if strings.HasSuffix(subject, ".checkpoint") {
			w.book.Take(subject, s[subject])
		}
	}
	for subject, raw := range s {
		w.book.Take(subject, raw)
	}
}

// want demands what the party does now; "" is that it goes on.
func (w *town) want(when string, code fault.Code, who ...string) {
	w.Helper()
	err := w.book.Check(w.view)
	waits, ok := errors.AsType[party.Waits](err)
	switch {
	case code == "" && err != nil:
		w.Errorf("%s: %v", when, err)
	case code != "" && (!ok || waits.Code != code || who != nil && !slices.Equal(waits.Who, who)):
		w.Errorf("%s: %v, want %s %v", when, err, code, who)
	}
}

func TestGoesOnByLeases(t *testing.T) {
	w := newTown(t)
	now := w.wall
	if err := (*Book)(nil).Check(w.view); err == nil {
		t.Error("no book lets a run go on")
	}
	w.want("nothing was said", party.NoLease)
	w.says(0, 1, now)
	w.show(w.checkpoint(all(now)))
	w.want("one member has said nothing", party.NoLease, "site-transit")
	w.says(1, 1, now)
	s := w.checkpoint(map[string]time.Time{"trustee-1": now})
	w.show(s)
	w.want("one trustee has seen it", party.NoLease, "site-transit")
	late := w.checkpoint(map[string]time.Time{"trustee-3": now})
	w.show(late)
	w.want("all but one have", "")
	w.want("again", "")
	// What is in the journal is there before anybody goes on.
	if n := len(w.open.All(leased)); n != 2 {
		t.Errorf("%d leases were noted", n)
	}
}

// What is shown in a lease's place and is none lets nothing go on.
func TestForgedLeases(t *testing.T) {
	for name, spoil := range map[string]func(w *town){
		"another's key":       func(w *town) { w.log(w.Keys["yuneid"], w.body(1, 2, w.wall)) },
		"another member's":    func(w *town) { w.newest["site-transit"] = w.newest["site-hospital"] },
		"too old":             func(w *town) { w.says(1, 2, w.wall.Add(-msg.LeaseLife-time.Second)) },
		"from the future":     func(w *town) { w.says(1, 2, w.wall.Add(msg.Tolerance+time.Second)) },
		"not in the ledger":   func(w *town) { l := w.newest["site-transit"]; l.Index = 0; w.newest["site-transit"] = l },
		"a byte is different": func(w *town) { w.newest["site-transit"].Statement[40] ^= 1 },
	} {
		w := newTown(t)
		w.says(0, 1, w.wall)
		w.says(1, 1, w.wall)
		spoil(w)
		w.show(w.checkpoint(all(w.wall)))
		w.want(name, party.NoLease)
	}
}

func TestHeld(t *testing.T) {
	w := newTown(t)
	m := w.terms.Members[1]
	for i, c := range []struct {
		held msg.Held
		code fault.Code
	}{
		{msg.Held{Kind: msg.HoldDataset, Name: m.Dataset}, party.Held},
		{msg.Held{Kind: msg.HoldDataset, Name: "another"}, ""},
		{msg.Held{Kind: msg.HoldProgram, Name: string(w.terms.Program.Digest)}, party.Held},
		{msg.Held{Kind: msg.HoldProgram, Name: string(suite.DigestOf(nil))}, ""},
		{msg.Held{Kind: msg.HoldOperator, Name: w.terms.Operator.Org}, party.Held},
		{msg.Held{Kind: msg.HoldOperator, Name: "another"}, ""},
		{msg.Held{Kind: msg.HoldScenario, Name: w.terms.Scenario}, party.Held},
		{msg.Held{Kind: msg.HoldScenario, Name: "another"}, ""},
		{msg.Held{Kind: msg.HoldAll}, party.Held},
	} {
		w.says(0, uint64(i)+1, w.wall)
		w.says(1, uint64(i)+1, w.wall, c.held)
		w.show(w.checkpoint(all(w.wall)))
		if c.code == "" {
			w.want(fmt.Sprint(c.held), "")
		} else {
			w.want(fmt.Sprint(c.held), c.code, "site-transit")
		}
	}
	if (msg.Held{}).Check() == nil || !(msg.Held{}).Holds(w.terms, m) {
		t.Error("what is no such thing is held by nobody")
	}
}

// A coordinator that drops a hold goes on by the lease before it until that
// ends, and no longer; whatever else it keeps showing.
func TestHiddenHold(t *testing.T) {
	w := newTown(t)
	start := w.wall
	w.says(0, 1, start)
	w.says(1, 1, start)
	w.show(w.checkpoint(all(start)))
	w.want("both have said that they hold nothing", "")
	for hours := time.Duration(1); hours <= 30; hours++ {
		w.wall = start.Add(hours * time.Hour)
		w.says(0, uint64(hours)+1, w.wall) // site-transit says that it holds all, which is not shown
		w.show(w.checkpoint(all(w.wall)))
		if hours <= 24 {
			w.want(fmt.Sprint(hours, " h later"), "")
		} else {
			w.want(fmt.Sprint(hours, " h later"), party.NoLease, "site-transit")
		}
	}
	w.says(1, 2, w.wall, msg.Held{Kind: msg.HoldAll})
	w.show(w.checkpoint(all(w.wall)))
	w.want("shown at last", party.Held, "site-transit")
}

// A clock that was set back stops the party, at once and after it was started
// anew with nothing to see; one that is a little behind goes by the witnesses.
func TestClockSetBack(t *testing.T) {
	w := newTown(t)
	now := w.wall
	w.says(0, 1, now)
	w.says(1, 1, now)
	s := w.checkpoint(all(now))
	w.show(s)
	w.want("in time", "")
	w.wall = now.Add(-msg.Tolerance)
	w.want("five minutes behind", "")
	if !w.book.Now().Equal(now) {
		t.Errorf("it is %v, and the witnesses have seen %v", w.book.Now(), now)
	}
	w.wall = now.Add(-msg.Tolerance - time.Second)
	w.want("more than that behind", party.SlowClock)
	if behind := w.book.Behind(); behind != msg.Tolerance+time.Second {
		t.Errorf("%v behind", behind)
	}
	w.again()
	if ahead := w.book.Now().Sub(w.wall); ahead != msg.Tolerance {
		t.Errorf("after a start it is %v ahead of a clock that stops work", ahead)
	}
	w.show(s)
	w.want("started anew", party.SlowClock)
	w.wall = now.Add(time.Minute)
	w.want("set right", "")
	if !w.book.Now().Equal(w.wall) {
		t.Error("the local clock is the later one")
	}
}

// The time is what all but one of the trustees vouch for: neither the
// coordinator nor one trustee moves it.
func TestOneTrusteesTime(t *testing.T) {
	w := newTown(t)
	now := w.wall
	w.says(0, 1, now)
	w.says(1, 1, now)
	times := all(now)
	times["trustee-2"] = now.AddDate(10, 0, 0)
	w.show(w.checkpoint(times))
	w.want("one trustee is ten years ahead", "")
	if !w.book.Now().Equal(now) {
		t.Errorf("it is %v", w.book.Now())
	}
}

// Old states of the ledger, well witnessed at their time, are not gone back to:
// not by a party that has seen more, and not after it was started anew.
func TestStaleCheckpoint(t *testing.T) {
	w := newTown(t)
	start := w.wall
	w.says(0, 1, start)
	w.says(1, 1, start)
	old := w.checkpoint(all(start))
	w.show(old)
	w.want("the old state, when it was new", "")
	w.wall = start.Add(2 * time.Hour)
	w.says(0, 2, w.wall)
	w.says(1, 2, w.wall, msg.Held{Kind: msg.HoldAll})
	w.show(w.checkpoint(all(w.wall)))
	w.want("a hold", party.Held, "site-transit")
	w.show(old)
	w.want("the old state is shown again", party.Held, "site-transit")
	w.again()
	w.show(old)
	w.want("started anew, and only the old state shown", party.NoLease, "site-hospital", "site-transit")
	w.wall = start
	w.want("and the clock set back to it", party.SlowClock)
}

// A number is one lease: a site that was brought back from a backup, or says two
// things under one number, is not gone by.
func TestNumberSaidTwice(t *testing.T) {
	w := newTown(t)
	w.says(0, 1, w.wall)
	w.says(1, 5, w.wall)
	w.show(w.checkpoint(all(w.wall)))
	w.want("five", "")
	w.says(1, 5, w.wall.Add(time.Second))
	w.show(w.checkpoint(all(w.wall)))
	w.want("another five", party.NoLease, "site-transit")
	w.says(1, 4, w.wall.Add(time.Second))
	w.show(w.checkpoint(all(w.wall)))
	w.want("four", party.NoLease, "site-transit")
	w.says(1, 6, w.wall.Add(time.Second))
	w.show(w.checkpoint(all(w.wall)))
	w.want("six", "")
}

// A journal that cannot be written lets nothing go on.
func TestLeaseIsNotedFirst(t *testing.T) {
	w := newTown(t)
	w.says(0, 1, w.wall)
	w.says(1, 1, w.wall)
	w.show(w.checkpoint(all(w.wall)))
	w.must(w.open.Close())
	if err := w.book.Check(w.view); err == nil {
		t.Error("went on by a lease that is noted nowhere")
	}
}

// The board keeps any number of checkpoints; a book keeps a few.
func TestBounded(t *testing.T) {
	w := newTown(t)
	for i := range uint64(3 * kept) {
		w.says(0, i+1, w.wall)
		w.says(1, i+1, w.wall)
		w.show(w.checkpoint(all(w.wall)))
	}
	for i := range 100 {
		w.book.Take(msg.CosignatureSubject(w.tree.Size(), fmt.Sprint("stranger-", i)), []byte("line"))
		w.book.Take(msg.CosignatureSubject(1<<40+uint64(i), "trustee-1"), []byte("line"))
	}
	w.want("after all that", "")
	lines := len(w.book.board.checkpoints[w.tree.Size()].lines)
	if n := len(w.book.board.checkpoints); n != kept || lines > maxLines {
		t.Errorf("%d checkpoints and %d lines are kept", n, lines)
	}
}

func FuzzTake(f *testing.F) {
	w := newTown(f)
	w.says(0, 1, w.wall)
	whole := w.checkpoint(all(w.wall))
	for subject, raw := range whole {
		f.Add(subject, raw)
	}
	f.Add("ledger.1.leases", []byte(`{"leases":[{"party":"site-transit","statement":{},"index":0,"proof":[null]}]}`))
	f.Add("ledger.1", []byte("null"))
	f.Fuzz(func(t *testing.T, subject string, raw []byte) {
		w.book.Take(subject, raw)
		for range 2 { // in whatever order the map has
			for there, what := range whole {
				w.book.Take(there, what)
			}
		}
		w.book.Take(subject, raw)
		if w.book.Check(w.view) == nil {
			t.Error("site-transit never said anything")
		}
		clear(w.book.board.checkpoints)
		clear(w.book.sights)
	})
}
