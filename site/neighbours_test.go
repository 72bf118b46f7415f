package site

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage"
)

// prove is whether the full forms of the tests run.
var prove = os.Getenv("YUNEI_PROVE") != ""

func putModule(w *world, module []byte) error {
	return party.Put(w.Context(), w.board, msg.Coordinator, module)
}

// cheaters are all the prebuilt guests.
func cheaters(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "examples", "programs", "prebuilt", "*.wasm"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d guests: %v", len(files), err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".wasm")
	}
	return files
}

// transcript is all that anyone beside the domain can see of a run, and what
// its journal and its store have of it but for the sealed bytes: statements
// with their lengths, the answers of each step, the slot after the booking, the
// budget, names and sizes of objects.
func transcript(t *testing.T, program string, victim bool) string {
	t.Helper()
	w := newWorld(t, crowd(20, victim))
	terms, module := w.termsOf(program, func(t *jobs.Terms) { t.Limits.Fuel = 1 << 18 })
	w.begin("r-1", terms, module)
	w.key("r-1")
	var b strings.Builder
	start := w.now
	for range 3 {
		err := w.advance("r-1")
		if at, ok := later(err); ok {
			fmt.Fprintf(&b, "due after %v\n", at.Sub(start))
			w.now = at
			continue
		}
		fmt.Fprintf(&b, "step: %v\n", err)
	}
	v := w.view("r-1")
	fmt.Fprintf(&b, "said %s\nrefused %q dead %q over %v\n", w.said("r-1"), v.Refused(), v.Dead(), v.Over())
	for _, kind := range []party.Kind{used, debited, begun, slotted} {
		for _, e := range w.site.Journal.All(string(kind)) {
			var value any
			w.must(e.Decode(&value))
			fmt.Fprintf(&b, "journal %s %s %s\n", kind, e.Key, withoutPermit(fmt.Sprint(value)))
		}
	}
	return b.String() + objects(w)
}

// withoutPermit leaves out the permit's digest: every world has keys of its own.
func withoutPermit(s string) string {
	if strings.HasPrefix(s, "sha256:") {
		return "permit"
	}
	return s
}

func objects(w *world) string {
	w.Helper()
	var all []string
	for _, what := range []string{"partial", "noise"} {
		name, err := storage.NewName("runs/r-1/"+what, "1")
		w.must(err)
		size := int64(-1)
		if o, err := w.site.Store.Open(w.Context(), name); err == nil {
			size = o.Size()
			_ = o.Close() // read only
		}
		all = append(all, fmt.Sprintf("%s of %d bytes", what, size))
	}
	return strings.Join(all, "\n")
}

// What anyone can see of a run in mode dp is the same whether the victim is
// in the data or not, whatever the guest does to tell.
func TestTranscripts(t *testing.T) {
	computed := 0
	for _, program := range cheaters(t) {
		with, without := transcript(t, program, true), transcript(t, program, false)
		if with != without {
			t.Errorf("%s\nwith the victim\n%s\nwithout\n%s", program, with, without)
		}
		if strings.Contains(with, "commit:") {
			computed++
		}
	}
	if computed < 5 {
		t.Errorf("only %d guests got as far as a commitment; the test is blind", computed)
	}
}

// held is what a process holds on to.
type held struct{ descriptors, children, mounts, cgroups int }

func (h held) more(than held) bool {
	return h.descriptors > than.descriptors || h.children > than.children || h.mounts > than.mounts || h.cgroups > than.cgroups
}

func holds(t *testing.T) held {
	t.Helper()
	list := func(dir string) int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	h := held{descriptors: list("/proc/self/fd"), mounts: strings.Count(string(mounts), "\n")}
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range tasks {
		raw, err := os.ReadFile(file)
		if err == nil { // a thread may have ended
			h.children += len(strings.Fields(string(raw)))
		}
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(groups)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) == 3 {
			entries, err := os.ReadDir(filepath.Join("/sys/fs/cgroup", strings.TrimPrefix(f[1], "name="), f[2]))
			if err == nil { // not every hierarchy is mounted
				for _, e := range entries {
					if e.IsDir() && strings.HasPrefix(e.Name(), "yunei-") {
						h.cgroups++
					}
				}
			}
		}
	}
	return h
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Runs in a row leave nothing behind: no memory, no descriptor, no process, no
// mount, no control group.
func TestNothingIsLeft(t *testing.T) {
	runs := 60
	if prove {
		runs = 10_000
	}
	w := newWorld(t, crowd(100, true))
	terms, module := w.termsOf(study, nil)
	w.must(putModule(w, module))
	want := w.cube(terms, w.site.Runner)
	for range 10 { // pools fill
		w.cube(terms, w.site.Runner)
	}
	before, memory := holds(t), heap()
	for i := range runs {
		if !w.cube(terms, w.site.Runner).Equal(want) {
			t.Fatalf("run %d came to another cube", i)
		}
	}
	after := held{}
	for range 50 { // what was killed is waited for by another goroutine
		if after = holds(t); !after.more(before) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if after.more(before) {
		t.Errorf("before %+v, after %d runs %+v", before, runs, after)
	}
	if now := heap(); now > memory+8<<20 {
		t.Errorf("%d bytes more after %d runs", now-memory, runs)
	}
	t.Logf("%d runs; heap %d before, %d after", runs, memory, heap())
}

// BenchmarkRun is a run of 100 people from the permit to the sealed partial,
// with the program in the cache.
func BenchmarkRun(b *testing.B) {
	w := newWorld(b, crowd(100, false))
	terms, module := w.termsOf(study, func(t *jobs.Terms) {
		t.Mode, t.Program.Review = jobs.SDC, &jobs.Review{Reviewer: "lab", Source: "sha256:" + "00"}
		t.Due.Count, t.Uses = 1, 1000
	})
	var took []time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		run := fmt.Sprintf("r-%d", n)
		n++
		w.begin(run, terms, module)
		w.key(run)
		v := w.view(run)
		b.StartTimer()
		start := time.Now()
		if err := w.site.Advance(context.Background(), v); err != nil {
			b.Fatal(err)
		}
		computed := time.Since(start)
		b.StopTimer()
		v = w.view(run) // its admission is in the ledger
		b.StartTimer()
		start = time.Now()
		if err := w.site.Advance(context.Background(), v); err != nil {
			b.Fatal(err)
		}
		took = append(took, computed+time.Since(start))
		b.StopTimer()
		if !w.view(run).Said(1, msg.Commit, w.site.Name) {
			b.Fatal("not sealed")
		}
		b.StartTimer()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
}
