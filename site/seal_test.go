package site

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// chunks are the digests of the ciphertexts that a site has kept of round 1.
func (w *world) chunks(run string) map[storage.Name]suite.Digest {
	w.Helper()
	all := map[storage.Name]suite.Digest{}
	for name, err := range w.site.Store.List(w.Context(), "runs/"+run+"/sealed/1/") {
		w.must(err)
		if name.Version() != "1" {
			b, err := w.site.read(w.Context(), name)
			w.must(err)
			all[name] = suite.DigestOf(b)
		}
	}
	return all
}

// A site that dies between two ciphertexts goes on with those that it has kept:
// what it commits to, and then shows, has each of them once, and no other.
func TestCrashBetweenCiphertexts(t *testing.T) {
	for _, moment := range []string{"chunk:before", "chunk:after"} {
		for nth := range he.Moduli {
			w := newWorld(t, crowd(20, true))
			terms, module := w.termsOf(study, func(*jobs.Terms) {})
			w.begin("r-1", terms, module)
			w.key("r-1")
			seen, before := 0, map[storage.Name]suite.Digest{}
			w.site.Crash = func(at string) {
				if at == moment {
					if seen++; seen > nth {
						before = w.chunks("r-1")
						w.site.Crash = nil
						panic(at)
					}
				}
			}
			w.onward("r-1")
			v := w.view("r-1")
			c, err := w.site.sealed(t.Context(), v, 1)
			w.must(err)
			kept := w.chunks("r-1")
			if len(kept) != he.Moduli || seen != nth+1 {
				t.Fatalf("%s %d: %d ciphertexts, %d seen", moment, nth, len(kept), seen)
			}
			for name, d := range before {
				if kept[name] != d {
					t.Errorf("%s %d: %s was made anew", moment, nth, name)
				}
			}
			w.must(w.site.show(t.Context(), v, 1))
			for m, chunks := range c.Parts {
				name, err := chunkName("r-1", 1, c.Key, m, 0)
				w.must(err)
				if len(chunks) != 1 || kept[name] != chunks[0] {
					t.Errorf("%s %d: modulus %d is not what is kept", moment, nth, m)
				}
				if _, err := w.site.Fetch(t.Context(), chunks[0], he.CiphertextSize); err != nil {
					t.Errorf("%s %d: modulus %d is not on the board: %v", moment, nth, m, err)
				}
			}
			said, err := msg.Read[msg.CommitBody](v, 1, msg.Commit, w.site.Name)
			if err != nil || !said.Parts.Opens(c.Salt, v.Of(1, w.site.Name).Bind(c.Parts.Bytes())) {
				t.Errorf("%s %d: the commitment is to another list: %v", moment, nth, err)
			}
		}
	}
}

// What is shown is what was committed to: a disk on which it has changed is
// found, and nothing of it gets out.
func TestShownIsCommitted(t *testing.T) {
	w := newWorld(t, crowd(20, true))
	terms, module := w.termsOf(study, func(*jobs.Terms) {})
	w.begin("r-1", terms, module)
	w.key("r-1")
	w.onward("r-1")
	v := w.view("r-1")
	c, err := w.site.sealed(t.Context(), v, 1)
	w.must(err)
	index, err := storage.NewName(fmt.Sprintf("runs/%s/sealed/%d/index", "r-1", 1), "1")
	w.must(err)
	c.Parts[0][0] = suite.DigestOf([]byte("another"))
	raw, err := json.Marshal(c)
	w.must(err)
	w.must(w.site.Store.Delete(t.Context(), index))
	w.must(seal.Put(t.Context(), w.site.Store, w.site.Seal.Public(), index, bytes.NewReader(raw)))
	if err := w.site.show(t.Context(), v, 1); !errors.Is(err, fault.Tampered) {
		t.Errorf("shown: %v", err)
	}
}

// A site seals a vector of any length with one ciphertext in memory, beside the
// vector itself.
func TestSealingIsOfAChunk(t *testing.T) {
	live := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	const few, many = 2 * he.Slots, 16 * he.Slots
	grown := map[int]int{}
	for _, cells := range []int{few, few, many} { // the first makes what is made once a process
		w := newWorld(t, crowd(20, true))
		terms, module := w.termsOf(study, func(*jobs.Terms) {})
		w.begin("r-1", terms, module)
		name, err := partialName("r-1")
		w.must(err)
		w.must(w.site.putVector(t.Context(), name, make([]int64, cells)))
		w.key("r-1")
		v := w.view("r-1")
		base, most := live(), 0
		w.site.Crash = func(string) { most = max(most, live()-base) }
		c, err := w.site.sealed(t.Context(), v, 1)
		w.must(err)
		if len(c.Parts[1]) != he.Chunks(cells) {
			t.Fatalf("%d ciphertexts of %d cells", len(c.Parts[1]), cells)
		}
		grown[cells] = most
	}
	more, bound := grown[many]-grown[few], 8*(many-few)+he.CiphertextSize
	t.Logf("%d KiB more, of %d", more>>10, bound>>10)
	if more > bound {
		t.Errorf("%d KiB more at %d cells than at %d, at most %d may be", more>>10, many, few, bound>>10)
	}
}
