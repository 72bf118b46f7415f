package flow

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/ledger"
	"github.com/yunei/yunei/suite"
)

const origin = "town.ledger"

// coordinator is a flow on a board and a ledger of its own, and a second board
// that may post anything: what a member would have on a server that did not
// ask whose a subject is.
func coordinator(t *testing.T) (f *Flow, member *bus.Board, w *governancetest.Town) {
	t.Helper()
	w = governancetest.NewTown(t)
	server, err := bus.Serve(t.Context(), bus.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	boards := make([]*bus.Board, 2)
	for i := range boards {
		if boards[i], err = server.Board(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(boards[i].Close)
	}
	f = &Flow{Party: &party.Party{Name: msg.Coordinator, Key: w.Keys["yuneid"], Board: boards[0], Log: slog.New(slog.DiscardHandler)}, Origin: origin, Rules: governancetest.Unheld{}}
	if f.Ledger, err = ledger.Open(t.Context(), ledger.Config{Dir: t.TempDir(), Origin: origin, Key: f.Key.Ed25519()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Ledger.Close() })
	return f, boards[1], w
}

// One message of a member under the checkpoints' subjects does not end the
// releases of everyone, for good.
func TestJunkCheckpoints(t *testing.T) {
	f, member, _ := coordinator(t)
	for subject, data := range map[string]string{
		"ledger.junk.checkpoint": "junk", "ledger.999.checkpoint": "junk", "ledger.1000.checkpoint": `{"note":"anVuaw==","before":0}`,
	} {
		if err := member.Post(t.Context(), subject, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	if last, err := f.lastCheckpoint(t.Context()); err != nil || last != 0 {
		t.Fatalf("the last checkpoint is %d, %v", last, err)
	}
	i, err := f.Ledger.Append(t.Context(), []byte("leaf"))
	if err != nil {
		t.Fatal(err)
	}
	note, err := f.Ledger.CheckpointFor(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.postCheckpoint(t.Context(), note, i+1); err != nil {
		t.Fatal(err)
	}
	if last, err := f.lastCheckpoint(t.Context()); err != nil || last != i+1 {
		t.Errorf("the last checkpoint is %d, %v, want %d", last, err, i+1)
	}
}

// A member that says first, and wrongly, where the ledger holds a statement
// spoils that run at most: nobody waits for a leaf that never comes.
func TestWronglyLogged(t *testing.T) {
	f, _, w := coordinator(t)
	terms := w.Terms()
	bundle, err := governance.Assemble(terms, w.Decisions(t, terms))
	if err != nil {
		t.Fatal(err)
	}
	start := w.Start(t, "op", "r-1", terms)
	index, err := f.Ledger.Append(t.Context(), []byte(start.Digest()))
	if err != nil {
		t.Fatal(err)
	}
	for said, want := range map[uint64]error{index: nil, 1 << 62: fault.NotFound} {
		v, err := msg.NewView("r-1", map[string][]byte{
			msg.Subject("r-1", 0, msg.Permit, msg.Coordinator): bundle,
			msg.Subject("r-1", 0, jobs.Start, msg.Operator):    start.Bytes(),
			msg.LoggedSubject("r-1", start.Digest()):           fmt.Appendf(nil, "%s %d", start.Digest(), said),
			msg.LoggedSubject("r-1", suite.DigestOf(bundle)):   fmt.Appendf(nil, "%s %d", suite.DigestOf(bundle), index),
		}, w.Pins(terms, governancetest.Now))
		if err != nil {
			t.Fatal(err)
		}
		if at, err := f.place(t.Context(), v, start.Digest()); !errors.Is(err, want) || want == nil && at != index {
			t.Errorf("said to be at %d: %d, %v", said, at, err)
		}
		if _, err := f.place(t.Context(), v, suite.DigestOf(bundle)); !errors.Is(err, fault.Tampered) {
			t.Errorf("at another's leaf: %v", err)
		}
		if _, err := f.place(t.Context(), v, suite.DigestOf([]byte("unsaid"))); !errors.Is(err, fault.Conflict) {
			t.Errorf("nowhere: %v", err)
		}
	}
}
