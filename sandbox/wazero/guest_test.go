package wazero

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/admit"
	"github.com/yunei/yunei/sandbox/admit/admittest"
	"github.com/yunei/yunei/sandbox/wire"
)

var granted = limits.Limits{Fuel: 1 << 20, Memory: 64, Input: 1 << 14, Rows: 64, Emits: 256}

func prebuilt(tb testing.TB, name string) []byte {
	tb.Helper()
	module, err := os.ReadFile(filepath.Join("../../examples/programs/prebuilt", name+".wasm"))
	if err != nil {
		tb.Fatal(err)
	}
	return module
}

// program is a module admitted, for a rehearsal.
func program(tb testing.TB, module []byte, l limits.Limits) wire.Program {
	tb.Helper()
	admitted, err := admit.Admit(module, l)
	if err != nil {
		tb.Fatal(err)
	}
	return wire.Program{Limits: l, Module: admitted, Trace: true}
}

func load(tb testing.TB, p wire.Program) *Guest {
	tb.Helper()
	g, err := prepare(p)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := g.close(); err != nil {
			tb.Error(err)
		}
	})
	return g
}

// unit is a person born in June 1980 who went to district 2 of 3 once for each
// cost; a cost of 0 is unknown.
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

// run returns all that is told of a unit, as text.
func run(tb testing.TB, g *Guest, area []byte) string {
	tb.Helper()
	records, ok, err := g.Map(area)
	if err != nil {
		tb.Fatal(err)
	}
	emits, err := abi.DecodeEmits(nil, records)
	if err != nil {
		tb.Fatal(err)
	}
	trace := g.Trace()
	if ok != (trace.Outcome == wire.Returned) {
		tb.Errorf("a unit that is well (%v) has %v", ok, trace.Outcome)
	}
	return fmt.Sprintf("%v %v, %d pages, wrote %q", trace.Outcome, emits, trace.Pages, trace.Log)
}

func TestOutcomes(t *testing.T) {
	const fine = `returned [{1 0 0 2}], 2 pages, wrote ""`
	for _, c := range []struct{ guest, victim, other string }{
		{"district-age-c", `returned [{7 0 0 1} {7 1 0 666} {7 0 0 1} {7 1 0 1}], 2 pages, wrote ""`, `returned [{7 0 0 1} {7 1 0 667} {7 0 0 1} {7 1 0 1}], 2 pages, wrote ""`},
		{"hostile-loop-victim", `out of fuel [], 2 pages, wrote ""`, fine},
		{"hostile-grow", `returned [{1 0 0 64}], 64 pages, wrote ""`, `returned [{1 0 0 64}], 64 pages, wrote ""`},
		{"hostile-trap-victim", `trapped [], 2 pages, wrote ""`, fine},
		{"hostile-far", `an emit outside of its memory [], 2 pages, wrote ""`, fine},
		{"hostile-flood", `too many emits [], 2 pages, wrote ""`, fine},
		{"hostile-recurse", `too deep [], 2 pages, wrote ""`, fine},
		{"hostile-exit-victim", `exited [], 2 pages, wrote ""`, fine},
	} {
		t.Run(c.guest, func(t *testing.T) {
			p := program(t, prebuilt(t, c.guest), granted)
			for _, p.Fresh = range []bool{false, true} {
				g := load(t, p)
				victim, other := unit(t, 666, 1), unit(t, 667, 1)
				for i, step := range []struct {
					area []byte
					want string
				}{{other, c.other}, {victim, c.victim}, {victim, c.victim}, {other, c.other}, {other, c.other}} {
					if got := run(t, g, step.area); got != step.want {
						t.Errorf("unit %d, always fresh %v: %s, want %s", i, p.Fresh, got, step.want)
					}
				}
				for _, area := range [][]byte{nil, make([]byte, granted.Input+1)} {
					if got := run(t, g, area); got != `no room for the area [], 0 pages, wrote ""` {
						t.Errorf("an area of %d bytes: %s", len(area), got)
					}
				}
			}
		})
	}
}

// What a rehearsal is told of a guest that writes, nobody else is.
func TestLog(t *testing.T) {
	p := program(t, prebuilt(t, "hostile-print"), granted)
	area := unit(t, 5)
	want := append(bytes.Clone(area), area[:8]...)
	for _, p.Trace = range []bool{true, false} {
		g := load(t, p)
		for range 2 {
			if _, ok, err := g.Map(area); err != nil || !ok {
				t.Fatal(ok, err)
			}
			if got := g.Trace(); p.Trace != bytes.Equal(got.Log, want) || (!p.Trace && got.Log != nil) {
				t.Errorf("traced %v: %q", p.Trace, got.Log)
			}
		}
	}
}

// A reset is as good as a fresh instance, for guests that leave behind all they
// can: the same in whatever order units come.
func TestResetIsFresh(t *testing.T) {
	l := limits.Limits{Fuel: 1 << 14, Memory: 4, Input: 64, Rows: 1, Emits: 1 << 10}
	resets := 0
	for n := range 60 {
		noise := rand.New(rand.NewPCG(11, uint64(n)))
		seed := make([]byte, 200)
		for i := range seed {
			seed[i] = byte(noise.Uint32())
		}
		admitted, err := admit.Admit(admittest.Module(seed), l)
		if err != nil {
			continue
		}
		p := wire.Program{Limits: l, Module: admitted, Trace: true}
		reset, err := prepare(p)
		if err != nil {
			continue
		}
		p.Fresh = true
		fresh := load(t, p)
		for i := range 20 {
			area := binary.LittleEndian.AppendUint64(nil, noise.Uint64()>>noise.IntN(64))
			if reset.ready != nil {
				resets++
			}
			if a, b := run(t, reset, area), run(t, fresh, area); a != b {
				t.Errorf("module %d, unit %d: %s after a reset, %s in a fresh instance", n, i, a, b)
			}
			if fresh.ready != nil {
				t.Fatal("an instance that was to be fresh is kept")
			}
		}
		if err := reset.close(); err != nil {
			t.Error(err)
		}
	}
	if resets < 100 {
		t.Errorf("only %d units came after a reset", resets)
	}
}

func TestLoadRefuses(t *testing.T) {
	good := program(t, prebuilt(t, "district-age-c"), granted)
	small := granted
	small.Input = 1 << 17 // the guest has room for half of it
	compiled := good
	compiled.Compiled = []byte("something")
	cut := good
	cut.Module = cut.Module[:len(cut.Module)-1]
	for name, c := range map[string]struct {
		program wire.Program
		want    error
	}{
		"an area too small":   {program(t, prebuilt(t, "district-age-c"), small), fault.Guest},
		"no module":           {wire.Program{Limits: granted}, fault.Guest},
		"text":                {wire.Program{Limits: granted, Module: []byte("(module)")}, fault.Guest},
		"a module not ours":   {wire.Program{Limits: granted, Module: prebuilt(t, "district-age-c")}, fault.Guest},
		"limits of nothing":   {wire.Program{Module: good.Module}, fault.Invalid},
		"a module cut short":  {cut, fault.Guest},
		"a compiled form":     {compiled, fault.Tampered},
		"an unknown proposal": {wire.Program{Limits: granted, Module: []byte("\x00asm\x01\x00\x00\x00\x01\x05\x01\x60\x00\x01\x7b")}, fault.Guest},
	} {
		if g, err := Load(c.program); !errors.Is(err, c.want) || g != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// Pages that the limits grant and the machine has not are no outcome.
func TestNoMemoryIsTheMachines(t *testing.T) {
	g := load(t, program(t, prebuilt(t, "hostile-grow"), granted))
	whole := g.memory.space
	g.memory.space = whole[:8*wasmPage]
	if records, ok, err := g.Map(unit(t, 1)); !errors.Is(err, fault.Internal) || ok || records != nil {
		t.Errorf("a unit without its memory: %v, %v, %v", records, ok, err)
	}
	g.memory.space = whole
}

func TestMemory(t *testing.T) {
	m, err := reserve(64)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{wasmPage, 4 * wasmPage, 64 * wasmPage, 2 * wasmPage} {
		linear := m.Allocate(0, 0)
		b := linear.Reallocate(uint64(size))
		if len(b) != size || cap(b) != size || bytes.ContainsFunc(b, func(r rune) bool { return r != 0 }) {
			t.Errorf("%d bytes are not so many zeros", size)
		}
		for i := range b {
			b[i] = byte(i)
		}
		if linear.Reallocate(65*wasmPage) != nil {
			t.Error("more was given than was reserved")
		}
		kept, err := keep(b)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(b)
		b[0], b[size-1], b[size/2] = 1, 2, 3
		if restore(b, kept); !bytes.Equal(b, want) {
			t.Errorf("%d bytes were not restored", size)
		}
	}
	if err := m.release(); err != nil {
		t.Error(err)
	}
}

// The names here are those of package admit, which a replay does not link.
func TestNames(t *testing.T) {
	got := []any{exportFuel, exportGlobal, exportDirty, dirtyMachine}
	if diff := cmp.Diff([]any{admit.ExportFuel, admit.ExportGlobal, admit.ExportDirty, admit.DirtyMachine}, got); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkUnit(b *testing.B) {
	p := program(b, prebuilt(b, "district-age-c"), granted)
	area := unit(b, 1, 2, 3, 4, 5, 6, 7, 8)
	for name, fresh := range map[string]bool{"fresh": true, "reset": false} {
		b.Run(name, func(b *testing.B) {
			p.Fresh = fresh
			g := load(b, p)
			for b.Loop() {
				if _, ok, err := g.Map(area); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
