package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/jail"
)

const programs = "../examples/programs"

var granted = limits.Limits{Fuel: 1 << 20, Memory: 64, Input: 1 << 14, Rows: 64, Emits: 256}

var runner string // built once

func TestMain(m *testing.M) {
	if os.Args[0] == jail.Argv0 {
		liar()
		return
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "yunei-runner")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		runner = filepath.Join(dir, "yunei-runner")
		build := exec.Command("go", "build", "-o", runner, "../cmd/yunei-runner")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

func prebuilt(tb testing.TB, name string) []byte {
	tb.Helper()
	module, err := os.ReadFile(filepath.Join(programs, "prebuilt", name+".wasm"))
	if err != nil {
		tb.Fatal(err)
	}
	return module
}

// start starts a sandbox with a whole jail wherever the machine allows one.
func start(tb testing.TB, c Config) *Runner {
	tb.Helper()
	if c.Runner == "" {
		c.Runner = runner
	}
	if c.Limits == (limits.Limits{}) {
		c.Limits = granted
	}
	c.Least = jail.Basic
	r, err := Start(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

// unit is a person born in June 1980 who went to district 2 of 3 once for each
// cost; a cost of 0 is unknown. The age bands are 0-17, 18-59, 60+.
func unit(tb testing.TB, costs ...int64) []byte {
	tb.Helper()
	var params []byte
	for _, v := range []int32{3, 3, (2024-1970)*12 + 5, 18, 60} {
		params = binary.LittleEndian.AppendUint32(params, uint32(v))
	}
	cols := []abi.Column{{Type: abi.Code}, {Type: abi.Month}, {Type: abi.Int64, I64: costs}}
	for _, c := range costs {
		cols[0].I32 = append(cols[0].I32, 2)
		cols[1].I32 = append(cols[1].I32, (1980-1970)*12+5)
		cols[2].Valid = append(cols[2].Valid, c != 0)
	}
	area, err := abi.AppendArea(nil, params, cols)
	if err != nil {
		tb.Fatal(err)
	}
	return area
}

func run(tb testing.TB, r *Runner, areas ...[]byte) []Result {
	tb.Helper()
	results, err := r.Map(tb.Context(), areas)
	if err != nil {
		tb.Fatal(err)
	}
	return results
}

// person is the unit that costs 10 fen and 5 more for each place in a list.
func person(tb testing.TB, i int) ([]byte, Result) {
	tb.Helper()
	cost := int64(10 + 5*i)
	return unit(tb, cost, 0), Result{OK: true, Emits: []abi.Emit{{Cell: 7, Measure: 0, Value: 1}, {Cell: 7, Measure: 1, Value: cost}, {Cell: 7, Measure: 0, Value: 1}}}
}

func people(tb testing.TB, n int) (areas [][]byte, want []Result) {
	tb.Helper()
	for i := range n {
		area, result := person(tb, i)
		areas, want = append(areas, area), append(want, result)
	}
	return areas, want
}

func TestStudy(t *testing.T) {
	r := start(t, Config{Module: prebuilt(t, "district-age-c")})
	t.Logf("jail: %v", r.Level())
	areas, want := people(t, 2000) // several batches
	if diff := cmp.Diff(want, run(t, r, areas...)); diff != "" {
		t.Error(diff)
	}
	if got := run(t, r); len(got) != 0 {
		t.Errorf("no areas gave %v", got)
	}
}

// A hostile guest's unit has no emits, and everyone else's are as they were.
func TestHostile(t *testing.T) {
	fine := Result{OK: true, Emits: []abi.Emit{{Cell: 1, Value: 2}}}
	failed := Result{Emits: []abi.Emit{}}
	says := func(v int64) Result { return Result{OK: true, Emits: []abi.Emit{{Cell: 1, Value: v}}} }
	for _, c := range []struct {
		guest         string
		victim, other Result
	}{
		{"loop", failed, failed},
		{"loop-victim", failed, fine},
		{"grow", says(64), says(64)},
		{"trap-victim", failed, fine},
		{"print", fine, fine},
		{"far", failed, fine},
		{"wrap", failed, fine},
		{"flood", failed, fine},
		{"remember", says(2 << 32), says(2 << 32)},
		{"recurse", failed, fine},
		{"fill", failed, fine},
		{"exit-victim", failed, fine},
		{"late-trap", failed, fine},
		{"guess", says(-2152535658033903697), says(-2152535658033903697)},
	} {
		t.Run(c.guest, func(t *testing.T) {
			r := start(t, Config{Module: prebuilt(t, "hostile-"+c.guest)})
			victim, other := unit(t, 666, 1), unit(t, 667, 1)
			got := run(t, r, other, victim, other, victim, victim, other)
			want := []Result{c.other, c.victim, c.other, c.victim, c.victim, c.other}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A guest may have all the memory it was granted, whatever the jail's own
// limit of data is, and not a page more.
func TestMemoryToTheEdge(t *testing.T) {
	l := granted
	l.Memory, l.Fuel = limits.MaxMemory, 1<<24
	r := start(t, Config{Module: prebuilt(t, "hostile-grow"), Limits: l})
	for range 3 {
		got := run(t, r, unit(t, 1))
		if len(got[0].Emits) != 1 || got[0].Emits[0].Value != limits.MaxMemory {
			t.Errorf("the guest took %+v pages", got[0])
		}
	}
}

// Before a row is read a guest fails with one kind, and nothing else is told.
func TestRefusedGuests(t *testing.T) {
	small := granted
	small.Input = 1 << 17
	for name, c := range map[string]Config{
		"a forbidden import":  {Module: prebuilt(t, "hostile-import"), Limits: granted},
		"no room for an area": {Module: prebuilt(t, "district-age-c"), Limits: small},
		"no module":           {Module: []byte("(module)"), Limits: granted},
	} {
		c.Runner, c.Least = runner, jail.Basic
		if _, err := Start(t.Context(), c); fault.Of(err) != fault.Guest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Start(t.Context(), Config{Runner: runner, Module: prebuilt(t, "district-age-c")}); !errors.Is(err, fault.Invalid) {
		t.Errorf("limits of nothing: %v", err)
	}
	if _, err := Start(t.Context(), Config{Runner: "/nonexistent", Module: prebuilt(t, "district-age-c"), Limits: granted}); !errors.Is(err, fault.Internal) {
		t.Errorf("no runner: %v", err)
	}
}

func TestAreaTooLong(t *testing.T) {
	r := start(t, Config{Module: prebuilt(t, "district-age-c")})
	if _, err := r.Map(t.Context(), [][]byte{make([]byte, granted.Input+1)}); !errors.Is(err, fault.Invalid) {
		t.Errorf("an area beyond the limit: %v", err)
	}
}

// Children come and go, and no result tells.
func TestRecycle(t *testing.T) {
	r := start(t, Config{Module: prebuilt(t, "district-age-c"), Recycle: 7})
	first := r.child.process
	areas, want := people(t, 30)
	if diff := cmp.Diff(want, run(t, r, areas...)); diff != "" {
		t.Error(diff)
	}
	if r.child == nil || r.child.process == first || r.child.left != 5 {
		t.Error("30 units in children of 7 did not end in the fifth")
	}
	select {
	case <-first.Ended():
	default:
		t.Error("the first child lives on")
	}
}

// A child that is killed while it computes is replaced, and its batch is
// computed again.
func TestDeathIsNotAnOutcome(t *testing.T) {
	r := start(t, Config{Module: prebuilt(t, "district-age-c")})
	areas, want := people(t, 400)
	r.child.process.Kill()
	if diff := cmp.Diff(want, run(t, r, areas...)); diff != "" {
		t.Errorf("after a death: %s", diff)
	}
	victim := r.child.process
	var killed sync.WaitGroup
	killed.Go(func() {
		time.Sleep(2 * time.Millisecond) // in the middle of the batch
		victim.Kill()
	})
	got := run(t, r, areas...)
	killed.Wait()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("during a death: %s", diff)
	}
	r.Close()
	if diff := cmp.Diff(want, run(t, r, areas...)); diff != "" {
		t.Errorf("after a close: %s", diff)
	}
}

// The wall is the machine's limit, not the unit's: whoever meets it is not
// failed but computed again, and then there is no answer at all.
func TestWall(t *testing.T) {
	l := granted
	l.Fuel = limits.MaxFuel
	r := start(t, Config{Module: prebuilt(t, "hostile-loop-victim"), Limits: l, Wall: 50 * time.Millisecond})
	if got, err := r.Map(t.Context(), [][]byte{unit(t, 1), unit(t, 666)}); fault.Of(err) != fault.Internal || got != nil {
		t.Errorf("a batch that meets the wall: %v, %v", got, err)
	}
	if got := run(t, r, unit(t, 1)); !got[0].OK {
		t.Error("the next batch fails as well")
	}
}

func TestCancel(t *testing.T) {
	l := granted
	l.Fuel = limits.MaxFuel
	r := start(t, Config{Module: prebuilt(t, "hostile-loop"), Limits: l})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := r.Map(ctx, [][]byte{unit(t, 1)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a cancelled batch: %v", err)
	}
}

// The committed guests are what their sources compile to.
func TestDigests(t *testing.T) {
	list, err := os.ReadFile(filepath.Join(programs, "digests.txt"))
	if err != nil {
		t.Fatal(err)
	}
	built := filepath.Join(programs, "prebuilt")
	if _, err := exec.LookPath("clang-14"); err == nil {
		built = t.TempDir()
		script := exec.CommandContext(t.Context(), "./build.sh", built)
		script.Dir = programs
		if text, err := script.CombinedOutput(); err != nil {
			t.Fatalf("building the guests: %v\n%s", err, text)
		}
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		digest, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = true
		for _, dir := range []string{filepath.Join(programs, "prebuilt"), built} {
			module, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(module); hex.EncodeToString(sum[:]) != digest {
				t.Errorf("%s: %x, listed as %s", filepath.Join(dir, name), sum, digest)
			}
		}
	}
	found, err := filepath.Glob(filepath.Join(programs, "prebuilt", "*"))
	if err != nil || len(found) != len(listed) {
		t.Errorf("%d guests, %d digests, %v", len(found), len(listed), err)
	}
}

func buildGo(tb testing.TB) []byte {
	tb.Helper()
	out := filepath.Join(tb.TempDir(), "guest.wasm")
	build := exec.CommandContext(tb.Context(), "go", "build", "-buildmode=c-shared", "-o", out, ".")
	build.Dir = filepath.Join(programs, "district-age-go")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("building the Go guest: %v\n%s", err, text)
	}
	module, err := os.ReadFile(out)
	if err != nil {
		tb.Fatal(err)
	}
	return module
}

// inGo is granted with what a Go guest's runtime needs.
func inGo() limits.Limits {
	l := granted
	l.Memory = 1024
	return l
}

// The whole path, with eight rows a unit.
func BenchmarkMap(b *testing.B) {
	for _, g := range []struct {
		name   string
		module []byte
		limits limits.Limits
	}{{"C", prebuilt(b, "district-age-c"), granted}, {"Go", buildGo(b), inGo()}} {
		for _, n := range []int{1, 512} {
			b.Run(fmt.Sprintf("%s/units=%d", g.name, n), func(b *testing.B) {
				r := start(b, Config{Module: g.module, Limits: g.limits})
				areas := make([][]byte, n)
				for i := range areas {
					areas[i] = unit(b, 1, 2, 3, 4, 5, 6, 7, 8)
				}
				for b.Loop() {
					if got, err := r.Map(b.Context(), areas); err != nil || !got[0].OK {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "units/s")
			})
		}
	}
}

// From nothing to a guest that is ready, and then 100 persons.
func BenchmarkLoad(b *testing.B) {
	for _, g := range []struct {
		name   string
		module []byte
		limits limits.Limits
	}{{"C", prebuilt(b, "district-age-c"), granted}, {"Go", buildGo(b), inGo()}} {
		areas, _ := people(b, 100)
		for name, cache := range map[string]Cache{"cold": {}, "cached": {Dir: b.TempDir(), Key: make([]byte, 32)}} {
			b.Run(g.name+"/"+name, func(b *testing.B) {
				c := Config{Runner: runner, Module: g.module, Limits: g.limits, Cache: cache, Least: jail.Basic}
				once := func() (ready time.Duration) {
					begun := time.Now()
					r, err := Start(b.Context(), c)
					if err != nil {
						b.Fatal(err)
					}
					defer r.Close()
					ready = time.Since(begun)
					if _, err := r.Map(b.Context(), areas); err != nil {
						b.Fatal(err)
					}
					return ready
				}
				once()
				var ready time.Duration
				for b.Loop() {
					ready += once()
				}
				b.ReportMetric(ready.Seconds()*1000/float64(b.N), "ms-start/op")
			})
		}
	}
}
