package hostile

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/jail"
)

// The two runners, built once, by the name of the engine.
var runners = map[string]string{"wasmer": "yunei-runner", "wazero": "yunei-replay"}

func TestMain(m *testing.M) {
	if os.Args[0] == jail.Argv0 {
		prisoner()
		return
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "yunei-hostile")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		for engine, name := range runners {
			runners[engine] = filepath.Join(dir, name)
			build := exec.Command("go", "build", "-o", runners[engine], "../../cmd/"+name)
			build.Stderr = os.Stderr
			if err := build.Run(); err != nil {
				panic(err)
			}
		}
		return m.Run()
	}())
}

// prove is whether the full form is asked for; it raises counts, and no test
// is left out without it.
var prove = os.Getenv("YUNEI_PROVE") == "1"

// times is short, or long in the full form.
func times(short, long int) int {
	if prove {
		return long
	}
	return short
}

// show writes what a unit came to.
func show(r sandbox.Result) string {
	if !r.OK {
		if len(r.Emits) > 0 {
			return "failed with emits"
		}
		return failed
	}
	return emitted(r.Emits...)
}

// emitted writes records; very many by their digest.
func emitted(records ...rec) string {
	text := fmt.Sprint(records)
	if len(text) < 400 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%d records %s", len(records), hex.EncodeToString(sum[:8]))
}

func showAll(results []sandbox.Result) []string {
	all := make([]string, len(results))
	for i, r := range results {
		all[i] = show(r)
	}
	return all
}

// unit is a person born in June 1980 who went to district 2 once for each
// cost.
func unit(costs ...int64) []byte { return several(nil, costs) }

// several is an area of the units whose first rows are at starts.
func several(starts []int, costs []int64) []byte {
	var params []byte
	for _, v := range []int32{3, 3, (2024-1970)*12 + 5, 18, 60} {
		params = binary.LittleEndian.AppendUint32(params, uint32(v))
	}
	cols := []abi.Column{{Type: abi.Code}, {Type: abi.Month}, {Type: abi.Int64, I64: costs}}
	for range costs {
		cols[0].I32 = append(cols[0].I32, 2)
		cols[1].I32 = append(cols[1].I32, (1980-1970)*12+5)
	}
	area, err := abi.AppendUnits(nil, params, cols, starts)
	if err != nil {
		panic(err)
	}
	return area
}

// A person is a unit, or an area of some.
type person struct {
	name string
	area []byte
}

// The first of them all is the victim, the second anyone else.
func people() []person {
	long := make([]int64, 64)
	for i := range long {
		long[i] = int64(i) * 1e12
	}
	return []person{
		{"victim", unit(666, 1)},
		{"other", unit(667, 1)},
		{"long", unit(long...)},
		{"extreme", unit(math.MinInt64, math.MaxInt64, -1)},
		{"empty", unit()},
		{"batch", several([]int{0, 2, 4, 5, 7}, []int64{1, 2, 666, 7, 3, 4, 5})},
		{"batch without the victim", several([]int{0, 2, 3, 5}, []int64{1, 2, 3, 4, 5})},
		{"victim with a secret", unit(666, math.MinInt64)},
	}
}

func areas(list []person) (all [][]byte) {
	for _, p := range list {
		all = append(all, p.area)
	}
	return all
}

func (a *attack) config(engine string, module []byte) sandbox.Config {
	l := granted
	if a.grant != nil {
		a.grant(&l)
	}
	return sandbox.Config{Runner: runners[engine], Module: module, Limits: l, Least: jail.Basic, Load: patience}
}

func start(tb testing.TB, c sandbox.Config) *sandbox.Runner {
	tb.Helper()
	r, err := sandbox.Start(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

func run(tb testing.TB, r *sandbox.Runner, areas [][]byte) []string {
	tb.Helper()
	results, err := r.Map(tb.Context(), areas)
	if err != nil {
		tb.Fatal(err)
	}
	return showAll(results)
}

// patience is how long a guest may take to load here.
const patience = 20 * time.Second

// each module of an attack, under the attack's name.
func (a *attack) each(t *testing.T, try func(t *testing.T, module []byte)) {
	t.Helper()
	modules := a.modules()
	for name, module := range modules {
		t.Run(strings.TrimSuffix(a.name+"/"+name, "/"), func(t *testing.T) { try(t, module) })
	}
}

// What becomes of each guest on each engine: of the victim, of anyone else,
// and of everyone in any order and on any child.
func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, a := range attacks() {
		a.each(t, func(t *testing.T, module []byte) { //nolint:thelper // a test, whose own lines are to be named
			t.Parallel()
			alone := map[string][]string{}
			for engine := range runners {
				alone[engine] = a.try(t, engine, module)
			}
			if !slices.Equal(alone["wasmer"], alone["wazero"]) {
				t.Errorf("on wasmer %v\non wazero %v", alone["wasmer"], alone["wazero"])
			}
		})
	}
}

// try runs one guest on one engine, and returns what all people came to.
func (a *attack) try(t *testing.T, engine string, module []byte) []string {
	t.Helper()
	c := a.config(engine, module)
	r, err := sandbox.Start(t.Context(), c)
	if a.victim == refused {
		if err == nil {
			r.Close()
		}
		if fault.Of(err) != fault.Guest {
			t.Errorf("%s: started with %v, want a fault of the guest", engine, err)
		}
		return nil
	}
	if err != nil {
		t.Errorf("%s: %v", engine, err)
		return nil
	}
	defer r.Close()
	all := people()
	first := run(t, r, areas(all))
	for i, want := range []string{a.victim, a.other} {
		if first[i] != want {
			t.Errorf("%s: %s comes to %s, want %s", engine, all[i].name, first[i], want)
		}
	}
	a.orders(t, engine, r, all, first)
	c.Recycle = 1
	fresh := start(t, c)
	for i := range all[:times(2, len(all))] {
		if got := run(t, fresh, areas(all[i:i+1])); got[0] != first[i] {
			t.Errorf("%s: %s by itself comes to %s, among others to %s", engine, all[i].name, got[0], first[i])
		}
	}
	fresh.Close()
	return first
}

// orders runs everyone last, first, and behind each cheater, on a child that
// has seen them all before.
func (a *attack) orders(t *testing.T, engine string, r *sandbox.Runner, all []person, want []string) {
	t.Helper()
	var places []int
	for i := range all {
		places = append(places, len(all)-1-i)
	}
	for i := range all {
		places = append(places, 0, i, 3, i, 7, i)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range times(1, 50) {
		places = append(places, rng.Perm(len(all))...)
	}
	visit := make([][]byte, len(places))
	for i, p := range places {
		visit[i] = all[p].area
	}
	for i, got := range run(t, r, visit) {
		if p := places[i]; got != want[p] {
			t.Errorf("%s: %s in place %d behind %s comes to %s, first to %s", engine, all[p].name, i, all[places[max(i-1, 0)]].name, got, want[p])
			return
		}
	}
}

// prebuilt lists the guests in C.
func prebuilt(tb testing.TB) (names []string) {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(programs, "prebuilt", "hostile-*.wasm"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("%d guests in C: %v", len(files), err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "hostile-"), ".wasm"))
	}
	return names
}
