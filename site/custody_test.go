package site

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/seal"
)

// A keeper has the versions' key, unless no says otherwise.
type keeper struct {
	key   seal.PrivateKey
	no    error
	asked int
}

func (k *keeper) Key(_ context.Context, run string, permit jobs.Permit, start, header []byte) (seal.DataKey, error) {
	k.asked++
	if run == "" || len(permit.Bytes()) == 0 || len(start) == 0 {
		return seal.DataKey{}, fault.Denied
	}
	if k.no != nil {
		return seal.DataKey{}, k.no
	}
	return k.key.Unwrap(header, "datasets/hospital-visits@v1")
}

// kept is a world whose versions are sealed to a keeper's key, and their schema
// to the site's.
func kept(t *testing.T) (*world, *keeper) {
	t.Helper()
	w := newWorld(t, crowd(20, true))
	k := &keeper{key: w.site.Seal}
	var err error
	w.site.Seal, err = seal.NewKey()
	w.must(err)
	w.site.Keeper = k
	raw, err := json.Marshal(schema)
	w.must(err)
	name, err := columns.SchemaName("hospital-visits", "v1")
	w.must(err)
	w.must(seal.Put(t.Context(), w.site.Store, w.site.Seal.Public(), name, bytes.NewReader(raw)))
	return w, k
}

// A site asks its keeper once a run is booked, waits for it without a slot's
// passing, and has the key no longer than it computes; an answer that was given
// before is given again without one.
func TestKeyForTheRunOnly(t *testing.T) {
	w, k := kept(t)
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	k.no = errors.New("nobody answers")
	for range 2 {
		if err := w.advance("r-1"); !errors.Is(err, k.no) {
			t.Fatalf("without a keeper: %v", err)
		}
	}
	v := w.view("r-1")
	if w.site.Remembers("r-1", 0, begun) || !w.site.Remembers("r-1", 0, used) || v.Said(0, msg.Refusal, w.site.Name) || v.Dead() != "" {
		t.Errorf("while it waits: said %s", w.said("r-1"))
	}
	k.no = nil
	w.key("r-1")
	w.runTo("r-1")
	if v := w.view("r-1"); !v.Said(1, msg.Commit, w.site.Name) {
		t.Errorf("said %s", w.said("r-1"))
	}
	name, err := columns.Name("hospital-visits", "v1")
	w.must(err)
	if _, err := w.site.opened.get(name); !errors.Is(err, fault.Denied) {
		t.Errorf("the key is still there: %v", err)
	}
	w.candidate("r-1")
	w.must(w.advance("r-1"))

	asked := k.asked
	w.begin("r-2", terms, module)
	w.key("r-2")
	w.runTo("r-2")
	if k.asked != asked || !w.view("r-2").Said(1, msg.Commit, w.site.Name) {
		t.Errorf("for a stored answer the keeper was asked %d times; said %s", k.asked-asked, w.said("r-2"))
	}
}

// A run that the keeper refuses ends, with nothing computed and no slot awaited.
func TestKeyRefused(t *testing.T) {
	w, k := kept(t)
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	k.no = fault.Refuse("permit-spent", "")
	w.must(w.advance("r-1"))
	if v := w.view("r-1"); v.Dead() != locked || w.site.Remembers("r-1", 0, begun) {
		t.Errorf("dead %q, said %s", v.Dead(), w.said("r-1"))
	}
	w.must(w.advance("r-1"))
	if k.asked != 1 {
		t.Errorf("asked %d times", k.asked)
	}
}

// A permit that ends while the run waits for its key ends the run.
func TestKeyTooLate(t *testing.T) {
	w, k := kept(t)
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	k.no = errors.New("nobody answers")
	if err := w.advance("r-1"); !errors.Is(err, k.no) {
		t.Fatal(err)
	}
	w.now = terms.NotAfter
	w.must(w.advance("r-1"))
	if v := w.view("r-1"); v.Dead() != expired {
		t.Errorf("dead %q", v.Dead())
	}
}

// A version that is not there is refused before it is booked, as ever.
func TestKeyForNothing(t *testing.T) {
	w, k := kept(t)
	terms, module := w.termsOf(study, func(t *jobs.Terms) { t.Members[0].Version = "v9" })
	w.begin("r-1", terms, module)
	w.must(w.advance("r-1"))
	if v := w.view("r-1"); v.Refused() != "dataset" || k.asked != 0 {
		t.Errorf("refused %q, the keeper was asked %d times", v.Refused(), k.asked)
	}
}

// A replay needs the key again, and is not tried without.
func TestReplayAsksAgain(t *testing.T) {
	w, k := kept(t)
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	w.key("r-1")
	w.runTo("r-1")
	w.candidate("r-1")
	w.sayAs("bureau-officer", msg.Replay, msg.ReplayBody{Of: w.view("r-1").Of(0, msg.Bureau)})
	k.no = errors.New("nobody answers")
	if err := w.advance("r-1"); !errors.Is(err, k.no) || w.site.Remembers("r-1", 0, replayTry) {
		t.Fatalf("without a keeper: %v", err)
	}
	k.no = nil
	w.runTo("r-1")
	if b, err := msg.Read[msg.ReplayedBody](w.view("r-1"), 0, msg.Replayed, w.site.Name); err != nil || !b.Agrees {
		t.Errorf("%v, said %s", err, w.said("r-1"))
	}
}
