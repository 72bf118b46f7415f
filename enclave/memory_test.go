package enclave

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// A meter looks at the live heap: what is left when the collector has run.
type meter struct{ base, peak uint64 }

func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (m *meter) look() { m.peak = max(m.peak, live()) }

// grown returns how far the heap has grown since the meter was made.
func (m *meter) grown() int { return int(m.peak) - int(m.base) }

// A cellar is a shelf on the disk, so that the heap is the step's own. Whoever
// fetches from it is looked at.
type cellar struct {
	dir   string
	meter *meter
}

func (c cellar) put(tb testing.TB, b []byte) suite.Digest {
	tb.Helper()
	d := suite.DigestOf(b)
	if err := os.WriteFile(filepath.Join(c.dir, d.Hex()), b, 0o600); err != nil {
		tb.Fatal(err)
	}
	return d
}

func (c cellar) fetch(_ context.Context, d suite.Digest, limit int) ([]byte, error) {
	c.meter.look()
	b, err := os.ReadFile(filepath.Join(c.dir, d.Hex()))
	if err == nil && len(b) > limit {
		return nil, fault.Exhausted
	}
	return b, err
}

// A watched spool is looked at whenever it is read.
type watched struct {
	blocks
	cellar *cellar
}

func (w watched) Read(i int) ([]byte, error) {
	w.cellar.meter.look()
	return w.blocks.Read(i)
}

// heights measures what each step of a round adds to the live heap, at its
// highest, for a vector of so many cells. hoard keeps what the first step makes,
// as all steps once did.
func heights(t *testing.T, cells int, hoard bool) map[string]int {
	t.Helper()
	r := newRound(t)
	values := make([]int64, cells)
	for i := range values {
		values[i] = rand.Int64N(1<<40) - 1<<39
	}
	c, got := cellar{t.TempDir(), nil}, map[string]int{}
	step := func(name string, f func() error) {
		c.meter = &meter{base: live()}
		if err := f(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c.meter.look()
		got[name] = c.meter.grown()
	}
	parts, kept := make(msg.Parts, he.Moduli), [][]byte(nil)
	step("seal", func() error {
		return Seal(r.key, values, func(m, _ int, b []byte) error {
			if hoard {
				kept = append(kept, append([]byte(nil), b...))
			}
			parts[m] = append(parts[m], c.put(t, b))
			c.meter.look()
			return nil
		})
	})
	runtime.KeepAlive(kept)
	if hoard {
		return got
	}
	var sum *Sum
	step("add", func() (err error) {
		sum, err = Add(t.Context(), c.fetch, []msg.Parts{parts, parts}, cells, t.TempDir())
		return err
	})
	defer sum.Close()
	sum.spool = watched{sum.spool, &c}
	in := Answers{Active: []int{1, 2}}
	for _, m := range r.members {
		var answer *Answer
		step("answer", func() (err error) {
			answer, err = Reply(m, in.Active, r.opener.PublicKey(), sum, t.TempDir())
			return err
		})
		step("show", func() error {
			return answer.Each(func(b []byte) error { c.put(t, b); c.meter.look(); return nil })
		})
		in.Parts = append(in.Parts, answer.Parts())
		answer.Close()
	}
	var switched *Switched
	step("switch", func() (err error) {
		switched, err = Switch(t.Context(), c.fetch, sum, in, t.TempDir())
		return err
	})
	defer switched.Close()
	switched.spool = watched{switched.spool, &c}
	step("open", func() error {
		_, _, err := r.opener.Open(t.Context(), switched, func(_ context.Context, opened []int64) (a, b []byte, err error) {
			c.meter.look()
			for i, v := range opened {
				if v != 2*values[i] {
					t.Fatalf("cell %d opened as %d, want %d", i, v, 2*values[i])
				}
			}
			return nil, nil, nil
		})
		return err
	})
	runtime.KeepAlive(values)
	return got
}

// Memory is bounded by a chunk and not by the cube: from 65,536 to 524,288 cells
// no step holds more by a ciphertext, and by 8 bytes a cell for the vector
// itself, which opening makes. The ciphertexts of a vector are 96 bytes a cell.
func TestMemoryIsOfAChunk(t *testing.T) {
	const few, many = 64 << 10, 512 << 10
	small, large := heights(t, few, false), heights(t, many, false)
	for step, grown := range large {
		more, bound := grown-small[step], he.CiphertextSize
		if step == "open" {
			bound += 8 * (many - few)
		}
		t.Logf("%-7s %6d KiB at %d cells, %6d KiB at %d", step, small[step]>>10, few, grown>>10, many)
		if more > bound {
			t.Errorf("%s holds %d KiB more, at most %d may be", step, more>>10, bound>>10)
		}
	}
	// The meter is one that sees: a step that keeps its list is over the bound.
	if grown := heights(t, many, true)["seal"] - heights(t, few, true)["seal"]; grown < 8*(many-few)*he.Moduli {
		t.Errorf("a list that is kept adds %d KiB only: the meter sees nothing", grown>>10)
	}
}
