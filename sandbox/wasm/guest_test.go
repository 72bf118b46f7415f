package wasm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/admit"
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
	admitted, err := admit.Admit(module, l)
	if err != nil {
		tb.Fatal(err)
	}
	g, err := Load(admitted, l)
	if err != nil {
		tb.Fatal(err)
	}
	return g
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
func run(tb testing.TB, g *Guest, area []byte) string {
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
	return fmt.Sprint(emits)
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
	inGo := granted
	inGo.Memory = 1024
	for name, g := range map[string]*Guest{
		"C":  load(t, prebuilt(t, "district-age-c"), granted),
		"Go": load(t, buildGo(t), inGo),
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
		g, err := Load(admitted, l)
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

// Each call of WASI costs this process a few bytes that the engine forgets: so
// there is a limit of them, too.
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
		if _, err := Load(c.module, c.granted); !errors.Is(err, c.want) {
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

func BenchmarkUnit(b *testing.B) {
	g, area := load(b, prebuilt(b, "district-age-c"), granted), unit(b, 1, 2, 3, 4, 5, 6, 7, 8)
	for b.Loop() {
		if _, ok, err := g.Map(area); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
