package engines

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/admit/admittest"
	"github.com/yunei/yunei/sandbox/jail"
)

// Modules from a generator, on areas of noise: the same emits, failed units,
// fuel and memory on both.
func TestRandomModules(t *testing.T) {
	l := limits.Limits{Fuel: 1 << 16, Memory: 8, Input: 64, Rows: 8, Emits: 256}
	started, well, failed := 0, 0, 0
	for n := range counts(100, 3000) {
		noise := rand.New(rand.NewPCG(7, uint64(n)))
		seed := make([]byte, 64+noise.IntN(1024))
		for i := range seed {
			seed[i] = byte(noise.Uint32())
		}
		areas := make([][]byte, 12)
		for i := range areas {
			for len(areas[i]) < 48 {
				areas[i] = binary.LittleEndian.AppendUint64(areas[i], noise.Uint64()>>noise.IntN(64))
			}
		}
		module := admittest.Module(seed)
		want, ok := rehearsed(t, runner, module, l, false, areas)
		got, same := rehearsed(t, replay, module, l, false, areas)
		fresh, _ := rehearsed(t, replay, module, l, true, areas)
		if ok != same {
			t.Errorf("module %d (seed %x): accepted by the runner %v, by the replay %v", n, seed, ok, same)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("module %d (seed %x): %s", n, seed, diff)
		}
		if diff := cmp.Diff(fresh, got); diff != "" {
			t.Errorf("module %d (seed %x), fresh and reset: %s", n, seed, diff)
		}
		if ok {
			started++
		}
		for _, r := range want {
			if r.OK {
				well++
			} else {
				failed++
			}
		}
	}
	t.Logf("%d modules started; %d units were well, %d failed", started, well, failed)
	if started == 0 || well == 0 || failed == 0 {
		t.Error("that tests little")
	}
}

// rehearsed returns results with their traces; ok is false if the guest was
// refused.
func rehearsed(tb testing.TB, path string, module []byte, l limits.Limits, fresh bool, areas [][]byte) ([]sandbox.Result, bool) {
	tb.Helper()
	r, err := sandbox.Start(tb.Context(), sandbox.Config{
		Runner: path, Module: module, Limits: l, Least: jail.Basic, Rehearse: true, Fresh: fresh,
	})
	if refused(tb, err) {
		return nil, false
	}
	defer r.Close()
	results, err := r.Map(tb.Context(), areas)
	if err != nil {
		tb.Fatal(err)
	}
	return results, true
}
