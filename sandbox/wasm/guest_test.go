package wasm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/admit"
	"github.com/yunei/yunei/sandbox/admit/admittest"
	"github.com/yunei/yunei/sandbox/serve"
	"github.com/yunei/yunei/sandbox/wire"
)

const programs = "../../examples/programs"

var granted = limits.Limits{Fuel: 1 << 20, Memory: 64, Input: 1 << 14, Rows: 64, Emits: 256}

func TestMain(m *testing.M) {
	runtime.LockOSThread()
	os.Exit(m.Run())
}

func prebuilt(tb testing.TB, name string) []byte {
	tb.Helper()
	module, err := os.ReadFile(filepath.Join(programs, "prebuilt", name+".wasm"))
	if err != nil {
		tb.Fatal(err)
	}
	return module
}

func load(tb testing.TB, module []byte, l limits.Limits) *Guest {
	tb.Helper()
	return loadAs(tb, module, wire.Program{Limits: l})
}

// loadAs is load with the flags of p.
func loadAs(tb testing.TB, module []byte, p wire.Program) *Guest {
	tb.Helper()
	var err error
	if p.Module, err = admit.Admit(module, p.Limits); err != nil {
		tb.Fatal(err)
	}
	g, err := Load(p)
	if err != nil {
		tb.Fatal(err)
	}
	return own(tb, g)
}

// own is a guest as this package's own.
func own(tb testing.TB, g serve.Guest) *Guest {
	tb.Helper()
	ours, ok := g.(*Guest)
	if !ok {
		tb.Fatalf("loaded as %T", g)
	}
	return ours
}

// params are 3 districts and the age bands 0-17, 18-59, 60+, in June 2024.
func params() []byte {
	var b []byte
	for _, v := range []int32{3, 3, (2024-1970)*12 + 5, 18, 60} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// unit is a person born in June 1980 who went to district 2 once for each
// cost; a cost of 0 is unknown.
func unit(tb testing.TB, costs ...int64) []byte {
	tb.Helper()
	cols := []abi.Column{{Type: abi.Code}, {Type: abi.Month}, {Type: abi.Int64, I64: costs}}
	for _, c := range costs {
		cols[0].I32 = append(cols[0].I32, 2)
		cols[1].I32 = append(cols[1].I32, (1980-1970)*12+5)
		cols[2].Valid = append(cols[2].Valid, c != 0)
	}
	area, err := abi.AppendArea(nil, params(), cols)
	if err != nil {
		tb.Fatal(err)
	}
	return area
}

// run returns what the unit came to, as text: "failed", or its emits.
func run(tb testing.TB, g serve.Guest, area []byte) string {
	tb.Helper()
	records, ok, err := g.Map(area)
	if err != nil {
		tb.Fatal(err)
	}
	if !ok {
		return "failed"
	}
	emits, err := abi.DecodeEmits(nil, records)
	if err != nil {
		tb.Fatal(err)
	}
	said := make([]string, len(emits))
	for i, e := range emits {
		said[i] = fmt.Sprintf("{%d %d %d}", e.Cell, e.Measure, e.Value)
		if e.Unit != 0 {
			said[i] += fmt.Sprint("@", e.Unit)
		}
	}
	return fmt.Sprint(said)
}

// inGo is the Go guest, admitted with what its runtime needs and compiled once
// for all tests: that takes a second.
var inGo struct {
	sync.Once
	program wire.Program
}

// loadGo loads it, with the flags of p.
func loadGo(tb testing.TB, p wire.Program) *Guest {
	tb.Helper()
	inGo.Do(func() {
		first := wire.Program{Limits: granted, Keep: true}
		first.Limits.Memory = 1024
		g := loadAs(tb, buildGo(tb), first)
		inGo.program = wire.Program{Limits: first.Limits, Compiled: g.Compiled()}
	})
	if inGo.program.Compiled == nil {
		tb.Fatal("there is no Go guest")
	}
	p.Limits, p.Compiled = inGo.program.Limits, inGo.program.Compiled
	g, err := Load(p)
	if err != nil {
		tb.Fatal(err)
	}
	return own(tb, g)
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

// The study in C and in Go comes to the same.
func TestDistrictAge(t *testing.T) {
	for name, g := range map[string]*Guest{
		"C":  load(t, prebuilt(t, "district-age-c"), granted),
		"Go": loadGo(t, wire.Program{}),
	} {
		const want = "[{7 0 1} {7 1 1250} {7 0 1} {7 0 1} {7 1 -5}]"
		if got := run(t, g, unit(t, 1250, 0, -5)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if got := run(t, g, unit(t)); got != "[]" {
			t.Errorf("%s: a unit without rows came to %s", name, got)
		}
		if got := run(t, g, make([]byte, 64)); got != "failed" {
			t.Errorf("%s: zeros for an area came to %s", name, got)
		}
		if got := run(t, g, nil); got != "failed" {
			t.Errorf("%s: no area came to %s", name, got)
		}
	}
}

// What each hostile guest comes to for its victim, for anyone else, and for
// the victim again. A unit's result never depends on those before it.
func TestHostile(t *testing.T) {
	const fine = "[{1 0 2}]"
	for _, c := range []struct{ guest, victim, other string }{
		{"loop", "failed", "failed"},
		{"loop-victim", "failed", fine},
		{"grow", "[{1 0 64}]", "[{1 0 64}]"},
		{"trap-victim", "failed", fine},
		{"print", fine, fine},
		{"far", "failed", fine},
		{"wrap", "failed", fine},
		{"flood", "failed", fine},
		{"remember", "[{1 0 8589934592}]", "[{1 0 8589934592}]"},
		{"recurse", "failed", fine},
		{"fill", "failed", fine},
		{"exit-victim", "failed", fine},
		{"late-trap", "failed", fine},
		{"guess", "[{1 0 -2152535658033903697}]", "[{1 0 -2152535658033903697}]"},
	} {
		t.Run(c.guest, func(t *testing.T) {
			g := load(t, prebuilt(t, "hostile-"+c.guest), granted)
			victim, other := unit(t, 666, 1), unit(t, 667, 1)
			for i, step := range []struct {
				area []byte
				want string
			}{{victim, c.victim}, {other, c.other}, {victim, c.victim}, {victim, c.victim}, {other, c.other}} {
				if got := run(t, g, step.area); got != step.want {
					t.Errorf("unit %d: %s, want %s", i, got, step.want)
				}
			}
		})
	}
}

// Fuel is counted exactly: there is one number at which a unit just passes,
// and it is the same at every try.
func TestFuelIsExact(t *testing.T) {
	module, area := prebuilt(t, "district-age-c"), unit(t, 1, 2, 3)
	passes := func(fuel int) bool {
		l := granted
		l.Fuel = uint64(fuel)
		admitted, err := admit.Admit(module, l)
		if err != nil {
			t.Fatal(err)
		}
		g, err := Load(wire.Program{Limits: l, Module: admitted})
		if errors.Is(err, fault.Guest) { // not even yunei_abi_v1 could be paid for
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		return run(t, g, area) != "failed"
	}
	least := 1
	for step := 1 << 12; step > 0; step /= 2 {
		if !passes(least + step - 1) {
			least += step
		}
	}
	if least < 100 || least > 5000 {
		t.Errorf("three rows cost %d operators, which cannot be", least)
	}
	for range 3 {
		if passes(least-1) || !passes(least) {
			t.Fatalf("fuel of %d is not the edge any more", least)
		}
	}
}

// Fuel pays for a call of WASI, but not for all that the engine does about it:
// so there is a limit of them, too.
func TestCallsAreLimited(t *testing.T) {
	l := granted
	l.Fuel = 1 << 24
	g := load(t, prebuilt(t, "hostile-ask"), l)
	for range 2 {
		if got := run(t, g, unit(t, 667)); got != "[{1 0 1}]" {
			t.Errorf("4000 calls: %s", got)
		}
		if got := run(t, g, unit(t, 666)); got != "failed" {
			t.Errorf("5000 calls: %s", got)
		}
	}
}

// A guest that does not even start is refused, and only the kind tells.
func TestLoadRefuses(t *testing.T) {
	small := granted
	small.Input = 1 << 17 // the guest has room for half of it
	admitted, err := admit.Admit(prebuilt(t, "district-age-c"), small)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		module  []byte
		granted limits.Limits
		want    error
	}{
		"an area too small":  {admitted, small, fault.Guest},
		"no module":          {nil, granted, fault.Guest},
		"text":               {[]byte("(module)"), granted, fault.Guest},
		"a module not ours":  {prebuilt(t, "district-age-c"), granted, fault.Guest},
		"limits of nothing":  {admitted, limits.Limits{}, fault.Invalid},
		"a module cut short": {admitted[:len(admitted)-1], granted, fault.Guest},
	} {
		if _, err := Load(wire.Program{Limits: c.granted, Module: c.module}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// Units alone, in both orders, and after every cheater: the same bytes.
func TestOrderDoesNotMatter(t *testing.T) {
	g := load(t, prebuilt(t, "district-age-c"), granted)
	areas := [][]byte{unit(t, 1), unit(t, 666, 2), unit(t), unit(t, 3, 0, 5)}
	var alone, forth, back []string
	for _, a := range areas {
		alone = append(alone, run(t, load(t, prebuilt(t, "district-age-c"), granted), a))
		forth = append(forth, run(t, g, a))
	}
	for _, a := range slices.Backward(areas) {
		back = append(back, run(t, g, a))
	}
	slices.Reverse(back)
	if !cmp.Equal(alone, forth) || !cmp.Equal(alone, back) {
		t.Errorf("alone %v\nforth %v\nback %v", alone, forth, back)
	}
}

// A compiled form is as good as the module that it was made of, is given once,
// and not at all by who was given it; what is none is refused as tampered.
func TestCompiled(t *testing.T) {
	g := loadAs(t, prebuilt(t, "district-age-c"), wire.Program{Limits: granted, Keep: true})
	compiled := g.Compiled()
	if len(compiled) == 0 || g.Compiled() != nil {
		t.Fatalf("compiled to %d bytes, and again to %d", len(compiled), len(g.Compiled()))
	}
	again, err := Load(wire.Program{Limits: granted, Keep: true, Compiled: compiled})
	if err != nil {
		t.Fatal(err)
	}
	for _, area := range [][]byte{unit(t, 1, 2), unit(t), make([]byte, 40)} {
		if want, got := run(t, g, area), run(t, again, area); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if again.Compiled() != nil || load(t, prebuilt(t, "district-age-c"), granted).Compiled() != nil {
		t.Error("a compiled form that was given, or not asked for, is handed out")
	}
	if _, err := Load(wire.Program{Limits: granted, Compiled: []byte("text")}); !errors.Is(err, fault.Tampered) {
		t.Errorf("text for a compiled form: %v", err)
	}
}

// A rehearsal shows how a unit ended, what it used, and what it wrote; to the
// guest and its results that makes no difference.
func TestTrace(t *testing.T) {
	for _, c := range []struct {
		guest string
		want  wire.Outcome
	}{
		{"loop-victim", wire.OutOfFuel},
		{"trap-victim", wire.Trapped},
		{"recurse", wire.TooDeep},
		{"flood", wire.TooManyEmits},
		{"far", wire.BadEmit},
		{"exit-victim", wire.Exited},
		{"print", wire.Returned},
	} {
		g := loadAs(t, prebuilt(t, "hostile-"+c.guest), wire.Program{Limits: granted, Trace: true})
		run(t, g, unit(t, 666, 1))
		got := g.Trace()
		if got.Outcome != c.want || got.Fuel == 0 || got.Fuel > granted.Fuel && c.want != wire.OutOfFuel || got.Pages == 0 || got.Pages > granted.Memory {
			t.Errorf("%s: %v", c.guest, got)
		}
		if c.guest == "print" != (len(got.Log) > 0) {
			t.Errorf("%s wrote %q", c.guest, got.Log)
		}
		_, _, _ = g.Map(make([]byte, granted.Input+1))
		if got := g.Trace(); got.Outcome != wire.NoArea || got.Fuel != 0 || len(got.Log) > 0 {
			t.Errorf("%s: an area too long: %v", c.guest, got)
		}
	}
	g := load(t, prebuilt(t, "hostile-print"), granted)
	run(t, g, unit(t, 1))
	if got := g.Trace(); got.Fuel != 0 || got.Pages != 0 || len(got.Log) > 0 {
		t.Errorf("without being asked: %v", got)
	}
}

// What a call of the host costs this process in memory is given back.
func TestCallsLeaveNothing(t *testing.T) {
	l := granted
	l.Fuel = 1 << 24
	g, area := load(t, prebuilt(t, "hostile-ask"), l), unit(t, 667)
	round := func(units int) {
		for range units {
			if got := run(t, g, area); got != "[{1 0 1}]" {
				t.Fatal(got)
			}
		}
	}
	round(50)
	before := resident(t)
	round(500) // two million calls, each of which used to leave 32 bytes
	if grown := resident(t) - before; grown > 16<<20 {
		t.Errorf("%d MiB were left by two million calls", grown>>20)
	}
}

// resident returns this process's resident memory, in bytes.
func resident(tb testing.TB) int {
	tb.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		tb.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		tb.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// FuzzAdmitted holds the engine to what admission lets through: its validator
// accepts it.
func FuzzAdmitted(f *testing.F) {
	found, err := filepath.Glob(filepath.Join(programs, "prebuilt", "*.wasm"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range found {
		module, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(module, false)
	}
	for i := range 50 {
		f.Add(bytes.Repeat([]byte{byte(i), byte(7 * i), 0x5a}, 40), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, seed bool) {
		if seed {
			b = admittest.Module(b)
		}
		if !valid(b) { // a type error is left to the engine, before and after
			return
		}
		l := granted
		l.Input = admittest.Input
		admitted, err := admit.Admit(b, l)
		if err != nil {
			if seed {
				t.Errorf("not admitted: %v", err)
			}
			return
		}
		if !valid(admitted) {
			t.Error("admitted, and not valid")
		}
	})
}

func BenchmarkUnit(b *testing.B) {
	area := unit(b, 1, 2, 3, 4, 5, 6, 7, 8)
	module := prebuilt(b, "district-age-c")
	for name, load := range map[string]func(fresh bool) *Guest{
		"C":  func(fresh bool) *Guest { return loadAs(b, module, wire.Program{Limits: granted, Fresh: fresh}) },
		"Go": func(fresh bool) *Guest { return loadGo(b, wire.Program{Fresh: fresh}) },
	} {
		for way, fresh := range map[string]bool{"fresh": true, "reset": false} {
			b.Run(name+"/"+way, func(b *testing.B) {
				g := load(fresh)
				for b.Loop() {
					if _, ok, err := g.Map(area); !ok || err != nil {
						b.Fatal(ok, err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "units/s")
			})
		}
	}
}

// BenchmarkCall is a call of WASI and its answer.
func BenchmarkCall(b *testing.B) {
	l := granted
	l.Fuel = 1 << 24
	g, area := load(b, prebuilt(b, "hostile-ask"), l), unit(b, 667)
	for b.Loop() {
		if _, ok, err := g.Map(area); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4000, "ns/call")
}
