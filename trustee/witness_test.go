package trustee

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/note"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/suite"
)

const origin = "ledger.test/run"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newKey(t *testing.T) suite.PrivateKey {
	t.Helper()
	k, err := suite.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A hall is a board, a ledger's key, and a trustee that witnesses.
type hall struct {
	*testing.T
	board   *bus.Board
	ledger  suite.PrivateKey
	key     suite.PrivateKey
	folder  string
	now     time.Time
	journal *journal.Journal
}

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{T: t, ledger: newKey(t), key: newKey(t), folder: t.TempDir(), now: noon}
	h.move()
	return h
}

// move opens an empty board.
func (h *hall) move() {
	h.Helper()
	server, err := bus.Serve(h.Context(), bus.Config{Dir: h.TempDir()})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(server.Close)
	if h.board, err = server.Board(h.Context()); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(h.board.Close)
}

// trustee is the daemon started anew: it has its journal and nothing else.
func (h *hall) trustee() *Trustee {
	h.Helper()
	if h.journal != nil {
		if err := h.journal.Close(); err != nil {
			h.Fatal(err)
		}
	}
	j, err := journal.Open(filepath.Join(h.folder, "journal"), "trustee-1")
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = j.Close() }) // again, if it was started anew
	h.journal = j
	now := h.now
	return New(&party.Party{Standing: governancetest.Unheld{}, Name: "trustee-1", Key: h.key, Board: h.board, Journal: j, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
}

// witness lets t witness until the test calls stop.
func (h *hall) witness(t *Trustee) (stop func()) {
	h.Helper()
	ctx, cancel := context.WithCancel(h.Context())
	done := make(chan error, 1)
	go func() { done <- t.Witness(ctx, Log{Origin: origin, Key: h.ledger.Public()}) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			h.Errorf("Witness = %v", err)
		}
	}
}

func grown(leaves ...string) *testonly.Tree {
	tree := testonly.New(rfc6962.DefaultHasher)
	for _, l := range leaves {
		tree.AppendData([]byte(l))
	}
	return tree
}

// checkpoint signs a tree of some size that goes on from another.
func (h *hall) checkpoint(by suite.PrivateKey, tree *testonly.Tree, before, size uint64) msg.Checkpoint {
	h.Helper()
	s, err := proof.Signer(origin, by.Ed25519())
	if err != nil {
		h.Fatal(err)
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(tree.HashAt(size)))
	cp, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		h.Fatal(err)
	}
	path := [][]byte{}
	if before > 0 && before < size {
		if path, err = tree.ConsistencyProof(before, size); err != nil {
			h.Fatal(err)
		}
	}
	return msg.Checkpoint{Note: cp, Before: before, Consistency: path}
}

func (h *hall) post(size uint64, cp msg.Checkpoint) {
	h.Helper()
	raw, err := json.Marshal(cp)
	if err != nil {
		h.Fatal(err)
	}
	h.postRaw(size, raw)
}

func (h *hall) postRaw(size uint64, raw []byte) {
	h.Helper()
	if err := h.board.Post(h.Context(), msg.CheckpointSubject(size), raw); err != nil {
		h.Fatal(err)
	}
}

// line waits for the cosignature of a tree.
func (h *hall) line(size uint64) []byte {
	h.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if line, err := h.board.Get(h.Context(), msg.CosignatureSubject(size, "trustee-1")); err == nil {
			return line
		}
	}
	h.Fatalf("tree %d was never cosigned", size)
	return nil
}

func (h *hall) wantNone(sizes ...uint64) {
	h.Helper()
	for _, size := range sizes {
		if line, err := h.board.Get(h.Context(), msg.CosignatureSubject(size, "trustee-1")); !errors.Is(err, fault.NotFound) {
			h.Errorf("tree %d is cosigned: %s, %v", size, line, err)
		}
	}
}

// A trustee cosigns a ledger that grows, and nothing that rewrites it: not a
// fork, not an older tree, nor what lies about where it goes on from
// (threat 21).
func TestWitness(t *testing.T) {
	h := newHall(t)
	tree, fork := grown("a", "b", "c", "d", "e", "f", "g", "h"), grown("a", "b", "c", "x", "y", "z", "w")
	stop := h.witness(h.trustee())
	three := h.checkpoint(h.ledger, tree, 0, 3)
	h.post(3, three)
	line := h.line(3)
	joined, err := proof.Join(three.Note, line)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := proof.Verify(joined, public(t, h.ledger), origin, map[string]ed25519.PublicKey{"trustee-1": public(t, h.key)}, 1)
	if err != nil || seen.Size != 3 {
		t.Errorf("the cosigned checkpoint is of %d leaves, %v", seen.Size, err)
	}

	h.post(4, h.checkpoint(newKey(t), tree, 3, 4)) // another ledger's key
	h.post(2, h.checkpoint(h.ledger, tree, 0, 2))  // an older tree
	h.postRaw(6, []byte("x"))                      // no checkpoint
	h.post(7, h.checkpoint(h.ledger, tree, 0, 7))  // as if nothing had been cosigned
	h.post(9, h.checkpoint(h.ledger, tree, 3, 5))  // under another size
	h.post(8, h.checkpoint(h.ledger, tree, 5, 8))  // on a tree that was not cosigned here
	lies := h.checkpoint(h.ledger, fork, 3, 7)     // a true proof of another history's
	lies.Note = h.checkpoint(h.ledger, grown("1", "2", "3", "4", "5", "6", "7"), 0, 7).Note
	h.post(10, lies)
	h.post(5, h.checkpoint(h.ledger, tree, 3, 5))
	h.line(5) // so all before it were seen
	h.wantNone(2, 4, 6, 7, 8, 9, 10)
	stop()

	// Started anew, shown a fork of what it has cosigned: a checkpoint on 3,
	// and one on 5 of the other history.
	h.move()
	stop = h.witness(h.trustee())
	h.post(6, h.checkpoint(h.ledger, fork, 3, 6))
	h.post(7, h.checkpoint(h.ledger, fork, 5, 7))
	h.post(8, h.checkpoint(h.ledger, tree, 5, 8))
	h.line(8)
	h.wantNone(6, 7)
	stop()
}

func public(t *testing.T, k suite.PrivateKey) ed25519.PublicKey {
	t.Helper()
	pub, err := k.Public().Ed25519()
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

// What a trustee has cosigned it says again in the same bytes, whenever it
// died: a second line for a tree, at another time, never leaves it once the
// first is in its journal.
func TestWitnessDies(t *testing.T) {
	for _, point := range []string{"witnessed:before", "witnessed:after"} {
		h := newHall(t)
		tree := grown("a", "b", "c", "d", "e")
		h.post(3, h.checkpoint(h.ledger, tree, 0, 3))
		first := h.trustee()
		first.Crash = func(at string) {
			if at == point {
				panic(at)
			}
		}
		raw, err := h.board.Get(t.Context(), msg.CheckpointSubject(3))
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() { _ = recover() }() // the daemon is dead
			_ = first.cosign(t.Context(), Log{Origin: origin, Key: h.ledger.Public()}, msg.CheckpointSubject(3), raw)
			t.Errorf("%s is passed", point)
		}()
		h.wantNone(3)
		var kept cosigned
		known := h.journal.Get(witnessed, "3", &kept) == nil
		if known != (point == "witnessed:after") {
			t.Errorf("at %s the journal has the tree: %v", point, known)
		}

		h.now = noon.Add(time.Hour)
		stop := h.witness(h.trustee())
		line := h.line(3)
		if known && !bytes.Equal(line, kept.Line) {
			t.Errorf("%s: it says %s, and would have said %s", point, line, kept.Line)
		}
		stop()
		h.move() // another board, that has not seen the line
		h.now = noon.Add(2 * time.Hour)
		h.post(3, h.checkpoint(h.ledger, tree, 0, 3))
		h.post(5, h.checkpoint(h.ledger, tree, 3, 5))
		stop = h.witness(h.trustee())
		if again := h.line(3); !bytes.Equal(again, line) {
			t.Errorf("%s: it says %s after %s", point, again, line)
		}
		h.line(5)
		stop()
	}
}
