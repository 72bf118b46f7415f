package sdk_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/abi/abitest"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/jail"
)

var granted = limits.Limits{Fuel: 1 << 32, Memory: 256, Input: abitest.Input, Rows: limits.MaxRows, Emits: abitest.Emits}

var languages = []string{"c", "go", "rust", "assemblyscript"}

var built string // the folder of the runner and of the programs in Go

// The programs in Go are too large to be committed: they are built here.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "yunei-sdk")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		built = dir
		compile("yunei-runner", "../../cmd/yunei-runner")
		compile("go-echo.wasm", "./go/echo", "-buildmode=c-shared")
		compile("go-district-age.wasm", "../programs/district-age-go", "-buildmode=c-shared")
		compile("go-life-table.wasm", "./go/life-table", "-buildmode=c-shared")
		compile("go-regression.wasm", "./go/regression", "-buildmode=c-shared")
		return m.Run()
	}())
}

func compile(name, pkg string, flags ...string) {
	build := exec.Command("go", append(append([]string{"build", "-o", filepath.Join(built, name)}, flags...), pkg)...)
	if len(flags) > 0 {
		build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	}
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		panic(err)
	}
}

func start(tb testing.TB, language, program string, l limits.Limits) *sandbox.Runner {
	tb.Helper()
	dir := "prebuilt"
	if language == "go" {
		dir = built
	}
	module, err := os.ReadFile(filepath.Join(dir, language+"-"+program+".wasm"))
	if err != nil {
		tb.Fatal(err)
	}
	r, err := sandbox.Start(tb.Context(), sandbox.Config{Runner: filepath.Join(built, "yunei-runner"), Module: module, Limits: l, Least: jail.Basic})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

// Every library reads every area as package abi does.
func TestConformance(t *testing.T) {
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			r := start(t, language, "echo", granted)
			abitest.Run(t, func(area []byte) (emits []byte, ok bool) {
				results, err := r.Map(t.Context(), [][]byte{area})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range results[0].Emits {
					emits = abi.AppendEmit(emits, e)
				}
				return emits, results[0].OK
			})
		})
	}
}

// random is how many visits are drawn for each job.
func random() int {
	if os.Getenv("YUNEI_PROVE") == "1" {
		return 5000
	}
	return 200
}

// The three jobs come to the same in every language, and to what native Go
// makes of the same columns.
func TestJobs(t *testing.T) {
	l := granted
	l.Input = 256 << 10
	for _, j := range jobs() {
		visits := j.visits(random())
		areas, failed, emits := make([][]byte, len(visits)), 0, 0
		for i := range visits {
			areas[i] = visits[i].area(t)
			want, ok := j.native(visits[i])
			if emits += len(want); !ok {
				failed++
			}
		}
		if failed < len(j.bad)+4 || emits < 5*len(visits) {
			t.Errorf("%s: %d visits fail, %d emits: the visits say little", j.name, failed, emits)
		}
		for _, language := range languages {
			t.Run(j.name+"/"+language, func(t *testing.T) {
				r := start(t, language, j.name, l)
				results, err := r.Map(t.Context(), areas)
				if err != nil {
					t.Fatal(err)
				}
				for i, got := range results {
					want, ok := j.native(visits[i])
					if diff := cmp.Diff(want, got.Emits); got.OK != ok || len(want)+len(got.Emits) > 0 && diff != "" {
						t.Fatalf("visit %d, %s: ok %v, want %v\n%s", i, visits[i].name, got.OK, ok, diff)
					}
				}
			})
		}
	}
}

// The small guest that other tests and the demos use is the same program.
func TestSameProgram(t *testing.T) {
	module, err := os.ReadFile("../programs/prebuilt/district-age-c.wasm")
	if err != nil {
		t.Fatal(err)
	}
	l := granted
	l.Input, l.Memory = 64<<10, 3
	r, err := sandbox.Start(t.Context(), sandbox.Config{Runner: filepath.Join(built, "yunei-runner"), Module: module, Limits: l, Least: jail.Basic})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	for _, v := range jobs()[0].visits(50) {
		results, err := r.Map(t.Context(), [][]byte{v.area(t)})
		if err != nil {
			t.Fatal(err)
		}
		want, ok := districtAge(v)
		if diff := cmp.Diff(want, results[0].Emits); results[0].OK != ok || len(want) > 0 && diff != "" {
			t.Fatalf("%s: ok %v, want %v\n%s", v.name, results[0].OK, ok, diff)
		}
	}
}

// The committed guests are those that the digests name (build/guests.sh has
// them built from their sources).
func TestDigests(t *testing.T) {
	list, err := os.ReadFile("digests.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for line := range strings.Lines(string(list)) {
		digest, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		module, err := os.ReadFile(filepath.Join("prebuilt", name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(module); hex.EncodeToString(sum[:]) != digest {
			t.Errorf("%s: %x, listed as %s", name, sum, digest)
		}
		listed++
	}
	if found, err := filepath.Glob("prebuilt/*"); err != nil || len(found) != listed {
		t.Errorf("%d guests, %d digests, %v", len(found), listed, err)
	}
}

// A library stays small enough to be read in one sitting.
func TestLibrariesAreShort(t *testing.T) {
	for name, files := range map[string]string{"C": "c/yunei.h", "Go": "go/*.go", "Rust": "rust/*.rs", "AssemblyScript": "assemblyscript/*.ts"} {
		paths, err := filepath.Glob(files)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: no files, %v", name, err)
		}
		lines := 0
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines += strings.Count(string(text), "\n")
		}
		if lines >= 300 {
			t.Errorf("%s: %d lines", name, lines)
		}
	}
}

// Persons of eight rows, each in an area of its own and in batches of 200.
func BenchmarkJobs(b *testing.B) {
	l := granted
	l.Input = 256 << 10
	for _, j := range jobs() {
		v := visit{"person", j.good[0], j.columns(newDice(), 8, 0), nil}
		batch := visit{"batch", j.good[0], j.columns(newDice(), 1600, 0), nil}
		for i := range 201 {
			batch.starts = append(batch.starts, 8*i)
		}
		for _, language := range languages {
			for _, c := range []struct {
				name  string
				v     visit
				areas int
				units int
			}{{"one", v, 512, 512}, {"batch", batch, 8, 1600}} {
				b.Run(fmt.Sprintf("%s/%s/%s", j.name, language, c.name), func(b *testing.B) {
					r, areas := start(b, language, j.name, l), make([][]byte, c.areas)
					for i := range areas {
						areas[i] = c.v.area(b)
					}
					for b.Loop() {
						if got, err := r.Map(b.Context(), areas); err != nil || !got[0].OK {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.N*c.units)/b.Elapsed().Seconds(), "units/s")
				})
			}
		}
	}
}
