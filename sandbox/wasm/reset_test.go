package wasm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/admit"
	"github.com/yunei/yunei/sandbox/admit/admittest"
	"github.com/yunei/yunei/sandbox/serve/servetest"
	"github.com/yunei/yunei/sandbox/wire"
)

// prove asks for the long form of a test.
var prove = os.Getenv("YUNEI_PROVE") == "1"

// An outcome is all that a unit came to, the trace included.
type outcome struct {
	OK      bool
	Records []byte
	Trace   wire.Trace
}

func outcomeOf(tb testing.TB, g *Guest, area []byte) outcome {
	tb.Helper()
	records, ok, err := g.Map(area)
	if err != nil {
		tb.Fatal(err)
	}
	return outcome{ok, slices.Clone(records), g.Trace()}
}

// both loads the module twice: with a fresh instance for every unit, and with
// one that is brought back. A module that does not load does not in either way.
func both(tb testing.TB, module []byte, l limits.Limits) (fresh, reset *Guest) {
	tb.Helper()
	admitted, err := admit.Admit(module, l)
	if err != nil {
		tb.Fatal(err)
	}
	p := wire.Program{Limits: l, Trace: true, Module: admitted}
	a, errReset := Load(p)
	p.Fresh = true
	b, errFresh := Load(p)
	if (errReset == nil) != (errFresh == nil) || errReset != nil && !errors.Is(errReset, fault.Guest) {
		tb.Fatalf("brought back %v, fresh %v", errReset, errFresh)
	}
	if errReset != nil {
		return nil, nil
	}
	return own(tb, b), own(tb, a)
}

// compare shows the areas to both guests in several orders. The fresh one is
// asked once: that it answers alike in any order is its own test. Area 0 is the
// cheaters' victim, and comes first.
func compare(t *testing.T, fresh, reset *Guest, areas [][]byte) {
	t.Helper()
	var want []outcome
	for _, a := range areas {
		want = append(want, outcomeOf(t, fresh, a))
	}
	forth := make([]int, len(areas))
	for i := range forth {
		forth[i] = i
	}
	back := slices.Clone(forth)
	slices.Reverse(back)
	order := slices.Concat(forth, back)
	for _, i := range forth { // the victim before each, and each twice
		order = append(order, 0, i, i)
	}
	for at, i := range order {
		if diff := cmp.Diff(want[i], outcomeOf(t, reset, areas[i])); diff != "" {
			t.Fatalf("unit %d, at %d in %v:\n%s", i, at, order, diff)
		}
	}
}

// persons are the victim of the hostile guests, and others.
func persons(tb testing.TB) [][]byte {
	tb.Helper()
	long := make([]int64, 60)
	for i := range long {
		long[i] = int64(i)
	}
	return [][]byte{unit(tb, 666, 1), unit(tb, 667, 1), unit(tb), unit(tb, long...), unit(tb, 1, 0, -5), make([]byte, 64)}
}

// Every guest that we have, and every cheater among them, comes to the same
// bytes, fuel, memory and log in an instance that is brought back as in a fresh
// one.
func TestResetIsFresh(t *testing.T) {
	l := granted
	l.Fuel = 1 << 19
	found, err := filepath.Glob(filepath.Join(programs, "prebuilt", "*.wasm"))
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, path := range found {
		name := strings.TrimSuffix(filepath.Base(path), ".wasm")
		t.Run(name, func(t *testing.T) {
			module := prebuilt(t, name)
			if _, err := admit.Admit(module, l); errors.Is(err, fault.Guest) {
				return // some are not let in
			}
			if fresh, reset := both(t, module, l); fresh != nil {
				compare(t, fresh, reset, persons(t))
			}
		})
	}
	t.Run("in Go", func(t *testing.T) {
		compare(t, loadGo(t, wire.Program{Trace: true, Fresh: true}), loadGo(t, wire.Program{Trace: true}), persons(t))
	})
}

// The same with guests that nobody wrote, and areas that mean nothing.
func TestResetIsFreshForAnyGuest(t *testing.T) {
	l := limits.Limits{Fuel: 1 << 16, Memory: admittest.MaxPages, Input: admittest.Input, Rows: 8, Emits: admittest.Emits}
	guests := 200
	if prove {
		guests = 4000
	}
	kept, fell := 0, 0
	for i := range guests {
		var seed [32]byte
		binary.LittleEndian.PutUint64(seed[:], uint64(i))
		random := rand.NewChaCha8(seed)
		bytes := func(n int) []byte {
			b := make([]byte, n)
			_, _ = random.Read(b) // never fails
			return b
		}
		fresh, reset := both(t, admittest.Module(bytes(256)), l)
		if fresh == nil {
			continue
		}
		var areas [][]byte
		for _, n := range []int{1, 64, 4096, 8, 256} {
			areas = append(areas, bytes(n))
		}
		t.Run(fmt.Sprint(i), func(t *testing.T) { compare(t, fresh, reset, areas) })
		units := uint64(2*len(areas) + 3*len(areas))
		if made := reset.fresh(); made < units {
			kept++
		} else {
			fell++
		}
	}
	t.Logf("of %d guests %d had an instance brought back, %d never", guests, kept, fell)
	if kept < guests/10 {
		t.Errorf("only %d of %d guests had an instance brought back", kept, guests)
	}
}

// A unit that writes all of a large memory is undone, and does not make those
// after it pay.
func TestLargeWritesAreUndone(t *testing.T) {
	l := granted
	l.Input, l.Memory, l.Fuel = limits.MaxInput, servetest.Memory(limits.MaxInput, 1), 1<<26
	fresh, reset := both(t, servetest.Roomy(limits.MaxInput, 1), l)
	long := make([]byte, l.Input)
	for i := range long {
		long[i] = byte(i>>12) | 1
	}
	compare(t, fresh, reset, [][]byte{long, {1}, long[:12345], {0, 0, 0, 0, 0, 0, 0, 0}})
	if made := reset.fresh(); made != 1 {
		t.Errorf("%d instances were made", made)
	}
}
