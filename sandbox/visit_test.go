package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/serve/servetest"
	"github.com/yunei/yunei/sandbox/wire"
)

// A batch of units is one visit, and may be as large and say as much as any
// permit allows: it crosses the pipe, alone if it has to.
func TestLargestVisits(t *testing.T) {
	l := limits.Limits{
		Fuel: 1 << 26, Memory: servetest.Memory(limits.MaxInput, limits.MaxEmits),
		Input: limits.MaxInput, Rows: 1, Emits: limits.MaxEmits,
	}
	r := start(t, Config{Module: servetest.Roomy(limits.MaxInput, limits.MaxEmits), Limits: l})
	long := make([]byte, l.Input)
	for i := range long {
		long[i] = byte(i >> 13)
	}
	areas := [][]byte{long, long[:100], long}
	for i, got := range run(t, r, areas...) {
		if !got.OK || len(got.Emits) != limits.MaxEmits || got.Emits[0].Value != servetest.Sum(areas[i]) {
			t.Errorf("visit %d: ok %v with %d emits", i, got.OK, len(got.Emits))
		}
	}
	l.Emits--
	r = start(t, Config{Module: servetest.Roomy(limits.MaxInput, limits.MaxEmits), Limits: l})
	if got := run(t, r, long); got[0].OK || len(got[0].Emits) > 0 {
		t.Errorf("one emit too many: ok %v with %d", got[0].OK, len(got[0].Emits))
	}
}

// The reference and the faster way, through the pipe and with cheaters.
func TestFreshIsTheReference(t *testing.T) {
	for _, guest := range []string{"district-age-c", "hostile-remember", "hostile-trap-victim", "hostile-grow", "hostile-late-trap"} {
		areas := [][]byte{unit(t, 666, 1), unit(t, 667), unit(t), unit(t, 666, 1), unit(t, 1, 2, 3)}
		want := run(t, start(t, Config{Module: prebuilt(t, guest), Fresh: true}), areas...)
		if diff := cmp.Diff(want, run(t, start(t, Config{Module: prebuilt(t, guest)}), areas...)); diff != "" {
			t.Errorf("%s: %s", guest, diff)
		}
	}
}

// A rehearsal shows what a run must not, and changes nothing else.
func TestRehearsal(t *testing.T) {
	areas := [][]byte{unit(t, 666, 1), unit(t, 667)}
	c := Config{Module: prebuilt(t, "hostile-trap-victim")}
	plain := run(t, start(t, c), areas...)
	c.Rehearse = true
	r := start(t, c)
	rehearsed := run(t, r, areas...)
	for i, want := range []wire.Outcome{wire.Trapped, wire.Returned} {
		trace := rehearsed[i].Trace
		if trace == nil || trace.Outcome != want || trace.Fuel == 0 || trace.Pages == 0 {
			t.Errorf("unit %d: %+v", i, trace)
		}
		if plain[i].Trace != nil {
			t.Errorf("unit %d has a trace in a run: %+v", i, plain[i].Trace)
		}
		rehearsed[i].Trace = nil
	}
	if diff := cmp.Diff(plain, rehearsed); diff != "" {
		t.Error(diff)
	}
	r = start(t, Config{Module: prebuilt(t, "hostile-print"), Rehearse: true})
	if got := run(t, r, areas...); len(got[0].Trace.Log) == 0 || len(got[0].Trace.Log) > wire.MaxLog {
		t.Errorf("a log of %d bytes", len(got[0].Trace.Log))
	}
}

// A runner that waits is small, whether it has compiled its guest or was given
// the compiled form.
func TestIdleIsSmall(t *testing.T) {
	const most = 64 << 20
	cache := Cache{Dir: t.TempDir(), Key: siteKey(1)}
	for _, c := range []Config{
		{Module: prebuilt(t, "district-age-c"), Cache: cache},
		{Module: buildGo(t), Limits: inGo(), Cache: cache},
	} {
		for _, how := range []string{"compiled", "taken"} {
			r := start(t, c)
			areas, want := people(t, 10)
			if diff := cmp.Diff(want, run(t, r, areas...)); diff != "" {
				t.Error(diff)
			}
			got := resident(t)
			t.Logf("a guest of %d bytes, %s: %.1f MiB", len(c.Module), how, float64(got)/(1<<20))
			if got > most {
				t.Errorf("a guest of %d bytes, %s: %d MiB", len(c.Module), how, got>>20)
			}
			r.Close()
		}
	}
}

// resident returns the resident memory of the one child, in bytes.
func resident(tb testing.TB) int {
	tb.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/statm")
	if err != nil {
		tb.Fatal(err)
	}
	runtime.Gosched()
	sum := 0
	for _, path := range found {
		dir := filepath.Dir(path)
		if !isChild(dir) {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			pages, err := strconv.Atoi(fields[1])
			if err != nil {
				tb.Fatal(err)
			}
			sum += pages * os.Getpagesize()
		}
	}
	if sum == 0 {
		tb.Fatal("no child is to be seen")
	}
	return sum
}

// isChild reports whether the process is a jailed child of this one.
func isChild(dir string) bool {
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || !strings.HasPrefix(string(line), jail.Argv0) {
		return false
	}
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return false
	}
	var state string
	var parent int
	rest := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
	_, err = fmt.Sscan(rest, &state, &parent)
	return err == nil && parent == os.Getpid()
}
