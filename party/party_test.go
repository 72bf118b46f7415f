package party

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/suite"
)

const run = "r-1"

// A table is a board with a permit on it, and the town that signed that.
type table struct {
	*governancetest.Town
	terms  jobs.Terms
	server *bus.Server
	pins   jobs.Pins
	index  int
}

func newTable(t *testing.T) *table {
	t.Helper()
	server, err := bus.Serve(t.Context(), bus.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	town := governancetest.NewTown(t)
	w := &table{Town: town, terms: town.Terms(), server: server, pins: jobs.Pins{}}
	b := jobs.Bundle{Terms: w.terms.Bytes()}
	for _, d := range town.Decisions(t, w.terms) {
		b.Decisions = append(b.Decisions, d.Bytes())
	}
	raw, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range w.terms.Members {
		w.pins[m.Provider.Org] = m.Provider.Key
	}
	w.post(t, msg.Subject(run, 0, msg.Permit, msg.Coordinator), raw)
	w.post(t, msg.Subject(run, 0, jobs.Start, msg.Operator), town.Start(t, "op", run, w.terms).Bytes())
	return w
}

func (w *table) board(t *testing.T) *bus.Board {
	t.Helper()
	b, err := w.server.Board(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func (w *table) post(t *testing.T, subject string, raw []byte) {
	t.Helper()
	b := w.board(t)
	w.index++
	d := suite.DigestOf(raw)
	if err := errors.Join(b.Post(t.Context(), subject, raw), b.Post(t.Context(), msg.LoggedSubject(run, d), fmt.Appendf(nil, "%s %d", d, w.index))); err != nil {
		t.Fatal(err)
	}
}

func (w *table) begin(t *testing.T, round int) {
	t.Helper()
	body := msg.RoundBody{Of: msg.Of{Run: run, Round: round, Permit: w.terms.Digest(), Party: "yuneid"}}
	subject, r, err := msg.Say(w.Keys["yuneid"], msg.Round, body)
	if err != nil {
		t.Fatal(err)
	}
	w.post(t, subject, r.Bytes())
}

// sit makes the party trustee-1, which keeps its journal in a folder.
func (w *table) sit(t *testing.T, folder string) *Party {
	t.Helper()
	const name = "trustee-1"
	j, err := journal.Open(filepath.Join(folder, "journal"), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() }) // again, after a test that did
	return &Party{
		Standing: governancetest.Unheld{},
		Name:     name, Key: w.Keys[name], Board: w.board(t), Journal: j, Pins: w.pins,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return governancetest.Now },
	}
}

func (w *table) view(t *testing.T) *msg.View {
	t.Helper()
	items, err := w.board(t).List(t.Context(), "run.>")
	if err != nil {
		t.Fatal(err)
	}
	board := map[string][]byte{}
	for _, it := range items {
		board[it.Subject] = it.Data
	}
	v, err := msg.NewView(run, board, w.pins)
	if err != nil || v.Err() != nil {
		t.Fatal(err, v.Err())
	}
	return v
}

func hello(v *msg.View, n int, name, nonce string) msg.HelloBody {
	return msg.HelloBody{Of: v.Of(n, name), Box: suite.BoxKey(nonce)}
}

// A daemon that dies beside its journal says the same again or nothing at all:
// before the entry nothing was said, after it nothing else can be.
func TestEvidenceBeforeEffect(t *testing.T) {
	w := newTable(t)
	w.begin(t, 1)
	v := w.view(t)
	subject, bulk := msg.Subject(run, 1, msg.Hello, "trustee-1"), []byte("what goes with it")
	folder := t.TempDir()
	for _, c := range []struct {
		point     string
		nonce     string
		remembers bool
	}{{"hello:before", "first", false}, {"hello:after", "second", true}} {
		p := w.sit(t, folder)
		p.Crash = func(point string) {
			if point == c.point {
				panic(point)
			}
		}
		func() {
			defer func() { _ = recover() }() // the daemon is dead
			_ = p.Say(t.Context(), msg.Hello, hello(v, 1, p.Name, c.nonce), bulk)
			t.Errorf("%s is passed", c.point)
		}()
		if p.Remembers(run, 1, msg.Hello) != c.remembers {
			t.Errorf("at %s the journal remembers: %v", c.point, !c.remembers)
		}
		if _, err := p.Board.Get(t.Context(), subject); !errors.Is(err, fault.NotFound) {
			t.Errorf("at %s it is said: %v", c.point, err)
		}
		if _, err := p.Fetch(t.Context(), suite.DigestOf(bulk), 100); !errors.Is(err, fault.NotFound) {
			t.Errorf("at %s the bulk is out: %v", c.point, err)
		}
		if err := p.Journal.Close(); err != nil {
			t.Fatal(err)
		}
	}
	p := w.sit(t, folder)
	if err := p.Say(t.Context(), msg.Hello, hello(v, 1, p.Name, "third"), []byte("other bulk")); !errors.Is(err, fault.Conflict) {
		t.Errorf("said otherwise after the entry: %v", err)
	}
	if _, err := p.Fetch(t.Context(), suite.DigestOf([]byte("other bulk")), 100); !errors.Is(err, fault.NotFound) {
		t.Errorf("the bulk of what was not said is out: %v", err)
	}
	for range 2 {
		if err := p.Say(t.Context(), msg.Hello, hello(v, 1, p.Name, "second"), bulk); err != nil {
			t.Errorf("said again: %v", err)
		}
	}
	if got, err := p.Fetch(t.Context(), suite.DigestOf(bulk), len(bulk)); err != nil || !bytes.Equal(got, bulk) {
		t.Errorf("the bulk is %q, %v", got, err)
	}
}

func TestWalk(t *testing.T) {
	w := newTable(t)
	p := w.sit(t, t.TempDir())
	var made []string
	broken := errors.New("broken")
	step := func(kind Kind, once bool, due bool, err error) Step {
		return Step{
			Kind: kind, Once: once, Due: func(*msg.View, int) bool { return due },
			Make: func(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
				made = append(made, string(kind))
				if once {
					n = 0
				}
				return hello(v, n, p.Name, "x"), nil, err
			},
		}
	}
	steps := []Step{step("hello", false, true, nil), step("lost", false, false, nil), step("ready", true, true, nil), step("answer", false, true, broken), step("key", false, true, nil)}
	if err := p.Walk(t.Context(), w.view(t), steps); err != nil || made != nil {
		t.Errorf("before any round: %v, %v", made, err)
	}
	w.begin(t, 1)
	if err := p.Walk(t.Context(), w.view(t), steps); !errors.Is(err, broken) || !slices.Equal(made, []string{"hello", "ready", "answer"}) {
		t.Errorf("round 1: %v, %v", made, err)
	}
	for _, subject := range []string{msg.Subject(run, 1, "hello", p.Name), msg.Subject(run, 0, "ready", p.Name)} {
		if _, err := p.Board.Get(t.Context(), subject); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
	// What the ledger holds is not made again.
	made = nil
	raw, err := p.Board.Get(t.Context(), msg.Subject(run, 1, "hello", p.Name))
	if err != nil {
		t.Fatal(err)
	}
	w.post(t, msg.Subject(run, 1, "hello", p.Name), raw)
	if err := p.Walk(t.Context(), w.view(t), steps[:1]); err != nil || made != nil {
		t.Errorf("made again: %v, %v", made, err)
	}
}

func TestBlobs(t *testing.T) {
	w := newTable(t)
	p := w.sit(t, t.TempDir())
	for _, n := range []int{1, blobPart - 1, blobPart, blobPart + 1, 2 * blobPart, 2*blobPart + 7} {
		b := bytes.Repeat([]byte{byte(n), 1, byte(n >> 8)}, n)[:n]
		for range 2 { // again is no error
			if err := p.Put(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := p.Fetch(t.Context(), suite.DigestOf(b), n); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%d bytes came back as %d, %v", n, len(got), err)
		}
		if _, err := p.Fetch(t.Context(), suite.DigestOf(b), n-1); !errors.Is(err, fault.Exhausted) {
			t.Errorf("%d bytes where one less may be: %v", n, err)
		}
	}
	if err := p.Put(t.Context(), nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("put nothing: %v", err)
	}
	for name, d := range map[string]suite.Digest{"nothing": "", "no digest": "sha256:x", "a subject": "sha256:../x"} {
		if _, err := p.Fetch(t.Context(), d, 10); !errors.Is(err, fault.Invalid) {
			t.Errorf("fetched %s: %v", name, err)
		}
	}
	if _, err := p.Fetch(t.Context(), suite.DigestOf([]byte("absent")), 10); !errors.Is(err, fault.NotFound) {
		t.Errorf("fetched what is not there: %v", err)
	}
	// The board is nobody's friend: other bytes under a digest, and parts
	// without end.
	other, endless := suite.DigestOf([]byte("squatted")), suite.DigestOf([]byte("endless"))
	if err := p.Board.Post(t.Context(), blobSubject(other, "a-squatter", 0), []byte("other bytes")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Fetch(t.Context(), other, 100); !errors.Is(err, fault.Tampered) {
		t.Errorf("fetched other bytes: %v", err)
	}
	for part := range 4 {
		if err := p.Board.Post(t.Context(), blobSubject(endless, "a-squatter", part), make([]byte, blobPart)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Fetch(t.Context(), endless, 2*blobPart); !errors.Is(err, fault.Exhausted) {
		t.Errorf("fetched without end: %v", err)
	}
	// And neither keeps anybody from the blob once it is there.
	for _, b := range []string{"squatted", "endless"} {
		if err := p.Put(t.Context(), []byte(b)); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Fetch(t.Context(), suite.DigestOf([]byte(b)), 100); err != nil || string(got) != b {
			t.Errorf("fetched %q beside a squatter: %v", got, err)
		}
	}
}

// A follower sees each run grow, gets one call at a time, is called again
// after an error, and hears of nothing that is no run's.
func TestFollow(t *testing.T) {
	w := newTable(t)
	p := w.sit(t, t.TempDir())
	b := w.board(t)
	for subject, raw := range map[string]string{"run.r-2.1.hello.x": "x", "run.BAD": "", "run.r-1": "x", "ledger.1.checkpoint": "x", "run.r-1.9.hello.x": "x"} {
		_ = b.Post(t.Context(), subject, []byte(raw)) // some are no subjects: all the better
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	busy, failed := false, false
	rounds := make(chan int, 100)
	done := make(chan error, 1)
	go func() {
		done <- p.Follow(ctx, func(_ context.Context, v *msg.View) error {
			mu.Lock()
			if busy || v.ID() != run {
				t.Errorf("called for %s while busy: %v", v.ID(), busy)
			}
			busy = true
			fail := !failed && v.Round() == 1
			failed = failed || fail
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			busy = false
			mu.Unlock()
			if fail {
				return errors.New("try again")
			}
			rounds <- v.Round()
			return nil
		})
	}()
	for n := range 3 {
		if n > 0 {
			w.begin(t, n)
		}
		for got := -1; got != n; {
			select {
			case got = <-rounds:
			case <-time.After(20 * time.Second):
				t.Fatalf("round %d was never seen", n)
			}
		}
	}
	mu.Lock()
	if !failed {
		t.Error("nothing was tried again")
	}
	mu.Unlock()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow = %v", err)
	}
}

// What is too large to return is put when the journal has the statement and the
// board has not; a step that fails there is taken again, in the same bytes.
func TestBulkComesBetween(t *testing.T) {
	w := newTable(t)
	p := w.sit(t, t.TempDir())
	w.begin(t, 1)
	subject, broken, turns := msg.Subject(run, 1, msg.Hello, p.Name), errors.New("broken"), 0
	steps := []Step{{
		Kind: msg.Hello, Due: func(*msg.View, int) bool { return true },
		Make: func(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
			return hello(v, n, p.Name, "x"), [][]byte{[]byte("small")}, nil
		},
		Bulk: func(ctx context.Context, _ *msg.View, n int) error {
			turns++
			if _, err := p.Board.Get(ctx, subject); !p.Remembers(run, n, msg.Hello) || !errors.Is(err, fault.NotFound) {
				t.Errorf("turn %d: the journal has it: %v; the board: %v", turns, p.Remembers(run, n, msg.Hello), err)
			}
			if turns == 1 {
				return broken
			}
			return p.Put(ctx, []byte("large"))
		},
	}}
	if err := p.Walk(t.Context(), w.view(t), steps); !errors.Is(err, broken) {
		t.Errorf("what could not be put is no error: %v", err)
	}
	if err := p.Walk(t.Context(), w.view(t), steps); err != nil || turns != 2 {
		t.Errorf("again: %v in %d turns", err, turns)
	}
	for _, bulk := range []string{"small", "large"} {
		if _, err := p.Fetch(t.Context(), suite.DigestOf([]byte(bulk)), 10); err != nil {
			t.Errorf("%s: %v", bulk, err)
		}
	}
	if _, err := p.Board.Get(t.Context(), subject); err != nil {
		t.Error(err)
	}
}
