package engines

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/jail"
)

const programs = "../../examples/programs"

var granted = limits.Limits{Fuel: 1 << 20, Memory: 64, Input: 1 << 14, Rows: 64, Emits: 256}

// The binaries of the two engines, built once.
var runner, replay string

func TestMain(m *testing.M) {
	if os.Args[0] == jail.Argv0 {
		os.Exit(lie())
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "engines")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		runner, replay = filepath.Join(dir, "yunei-runner"), filepath.Join(dir, "yunei-replay")
		build := exec.Command("go", "build", "-o", dir, "../../cmd/yunei-runner", "../../cmd/yunei-replay") // ends before the tests begin
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

// counts returns the number for the short form, or with YUNEI_PROVE=1 that for
// the full one.
func counts(short, full int) int {
	if os.Getenv("YUNEI_PROVE") == "1" {
		return full
	}
	return short
}

func start(ctx context.Context, path string, module []byte, l limits.Limits) (*sandbox.Runner, error) {
	return sandbox.Start(ctx, sandbox.Config{Runner: path, Module: module, Limits: l, Least: jail.Basic})
}

// answers returns what one process makes of the areas.
func answers(tb testing.TB, path string, module []byte, l limits.Limits, areas [][]byte) ([]sandbox.Result, error) {
	tb.Helper()
	r, err := start(tb.Context(), path, module, l)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Map(tb.Context(), areas)
}

// agree demands that both engines refuse the guest, or that both give the same
// for every area: in order, backwards in small batches, and shuffled over two
// processes. It returns what they gave, nothing for a guest that is refused.
func agree(tb testing.TB, module []byte, l limits.Limits, areas [][]byte) []sandbox.Result {
	tb.Helper()
	want, err := answers(tb, runner, module, l, areas)
	got, otherErr := answers(tb, replay, module, l, areas)
	if a, b := refused(tb, err), refused(tb, otherErr); a || b {
		if a != b {
			tb.Fatalf("the runner says %v, the replay %v", err, otherErr)
		}
		return nil
	}
	same(tb, "in order", areas, want, got)
	for _, path := range []string{runner, replay} {
		same(tb, "backwards, in sevens", areas, want, scattered(tb, []string{path}, module, l, areas, 7, backwards(len(areas))))
	}
	shuffled := rand.New(rand.NewPCG(1, uint64(len(areas)))).Perm(len(areas))
	same(tb, "shuffled over both", areas, want, scattered(tb, []string{runner, replay}, module, l, areas, 100, shuffled))
	return want
}

// refused reports whether the guest was. No other error is expected.
func refused(tb testing.TB, err error) bool {
	tb.Helper()
	if err != nil && !errors.Is(err, fault.Guest) {
		tb.Fatal(err)
	}
	return err != nil
}

func backwards(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = n - 1 - i
	}
	return order
}

// scattered returns the results of the areas, visited in an order, in batches
// of at most so many, by a process of each path in turn.
func scattered(tb testing.TB, paths []string, module []byte, l limits.Limits, areas [][]byte, most int, order []int) []sandbox.Result {
	tb.Helper()
	runners := make([]*sandbox.Runner, len(paths))
	for i, p := range paths {
		r, err := start(tb.Context(), p, module, l)
		if err != nil {
			tb.Fatal(err)
		}
		defer r.Close()
		runners[i] = r
	}
	results := make([]sandbox.Result, len(areas))
	for turn := 0; len(order) > 0; turn++ {
		part := order[:min(most, len(order))]
		order = order[len(part):]
		var batch [][]byte
		for _, i := range part {
			batch = append(batch, areas[i])
		}
		got, err := runners[turn%len(runners)].Map(tb.Context(), batch)
		if err != nil {
			tb.Fatal(err)
		}
		for k, i := range part {
			results[i] = got[k]
		}
	}
	return results
}

// same reports the first few areas whose results differ.
func same(tb testing.TB, how string, areas [][]byte, want, got []sandbox.Result) {
	tb.Helper()
	const most = 8
	wrong := 0
	for i := range want {
		if cmp.Equal(want[i], got[i]) {
			continue
		}
		if wrong++; wrong <= most {
			tb.Errorf("%s, area %d (% x): the runner says %+v, here %+v", how, i, areas[i][:min(len(areas[i]), 32)], want[i], got[i])
		}
	}
	if wrong > most {
		tb.Errorf("%s: %d more areas differ", how, wrong-most)
	}
}

// some demands that the test was one: that units failed, and others did not.
func some(tb testing.TB, results []sandbox.Result) {
	tb.Helper()
	good := 0
	for _, r := range results {
		if r.OK {
			good++
		}
	}
	if good == 0 || good == len(results) {
		tb.Errorf("%d of %d units were well: that tests little", good, len(results))
	}
}

// bisect returns the least n for which passes, which does not pass at from-1
// and passes from some n below to on.
func bisect(from, to int, passes func(int) bool) int {
	for from < to {
		if mid := (from + to) / 2; passes(mid) {
			to = mid
		} else {
			from = mid + 1
		}
	}
	return from
}

// edge returns the greatest n at which the unit is well on the replay.
func edge(tb testing.TB, module []byte, l limits.Limits, area func(n int) []byte) int {
	tb.Helper()
	r, err := start(tb.Context(), replay, module, l)
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	return bisect(0, 1<<20, func(n int) bool {
		got, err := r.Map(tb.Context(), [][]byte{area(n)})
		if err != nil {
			tb.Fatal(err)
		}
		return !got[0].OK
	}) - 1
}

func prebuilt(tb testing.TB, name string) []byte {
	tb.Helper()
	module, err := os.ReadFile(filepath.Join(programs, "prebuilt", name+".wasm"))
	if err != nil {
		tb.Fatal(err)
	}
	return module
}

// person was born in June 1980 and went to district 2 of 3 once for each cost;
// a cost of 0 is unknown. The age bands are 0-17, 18-59, 60+.
func person(tb testing.TB, costs ...int64) []byte {
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

// Every guest that is committed, hostile ones too, on units in whose midst
// there is a victim.
func TestPrebuilt(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(programs, "prebuilt", "*.wasm"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no guests", err)
	}
	var areas [][]byte
	for i := range 40 {
		areas = append(areas, person(t, int64(i), 5, 0))
	}
	areas = append(areas, person(t, 666, 1), person(t), make([]byte, 64), nil, person(t, 666), person(t, 667, 1), person(t, 666, 2))
	for _, path := range paths {
		module, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			l := granted
			if filepath.Base(path) == "hostile-ask.wasm" {
				l.Fuel = 1 << 24
			}
			agree(t, module, l, areas)
		})
	}
}

// A guest in Go brings its runtime: garbage collection, floats, half a million
// operators before the first row.
func TestGo(t *testing.T) {
	module := goGuest(t)
	l := granted
	l.Memory = 1024
	var areas [][]byte
	for i := range 20 {
		areas = append(areas, person(t, int64(i), 1250, 0, -5))
	}
	areas = append(areas, person(t), make([]byte, 64), nil)
	for i, r := range agree(t, module, l, areas)[:20] {
		if !r.OK || len(r.Emits) == 0 {
			t.Errorf("unit %d: %+v", i, r)
		}
	}
}

func goGuest(tb testing.TB) []byte {
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

// BenchmarkMap is the whole path of a unit on each engine, jail and pipes
// included, with eight rows a unit.
func BenchmarkMap(b *testing.B) {
	wide := granted
	wide.Memory = 1024
	guests := []struct {
		name   string
		module []byte
	}{{"C", prebuilt(b, "district-age-c")}, {"Go", goGuest(b)}}
	area := person(b, 1, 2, 3, 4, 5, 6, 7, 8)
	const units = 256
	var areas [][]byte
	for range units {
		areas = append(areas, area)
	}
	for _, path := range []string{runner, replay} {
		for _, guest := range guests {
			b.Run(filepath.Base(path)+"/"+guest.name, func(b *testing.B) {
				r, err := start(b.Context(), path, guest.module, wide)
				if err != nil {
					b.Fatal(err)
				}
				defer r.Close()
				for b.Loop() {
					if got, err := r.Map(b.Context(), areas); err != nil || !got[0].OK {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*units)/b.Elapsed().Seconds(), "units/s")
			})
		}
	}
}
