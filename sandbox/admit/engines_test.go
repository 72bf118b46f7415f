package admit

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/admit/admittest"
)

// generated is what a guest of admittest may use.
var generated = limits.Limits{Fuel: 1 << 17, Memory: admittest.MaxPages, Input: admittest.Input, Rows: 8, Emits: admittest.Emits}

// An outcome is all that one run of a guest came to.
type outcome struct {
	trapped bool
	emits   []byte
	memory  string // its size and digest
	globals []uint64
	left    int64 // fuel
	dirty   uint64
}

// compact hashes what is long, so that two outcomes are compared as text.
func (o *outcome) String() string {
	return fmt.Sprintf("trapped %v, memory %s, globals %x, %d left, dirty %d\n%x", o.trapped, o.memory, o.globals, o.left, o.dirty, o.emits)
}

// spent reports whether fuel or depth, the last of the globals, ended the run.
func (o *outcome) spent() bool { return o.left < 0 || int32(o.globals[len(o.globals)-1]) < 0 }

type host struct {
	mem   func() api.Memory
	emits []byte
	most  uint32
}

func (h *host) emit(_ context.Context, p, n uint32) {
	if uint64(len(h.emits))/abi.EmitSize+uint64(n) > uint64(h.most) {
		panic("too many emits")
	}
	b, ok := h.mem().Read(p, n*abi.EmitSize)
	if !ok || uint64(n)*abi.EmitSize > 1<<31 {
		panic("emits beyond the memory")
	}
	h.emits = append(h.emits, b...)
}

// start instantiates a module, admitted or not.
func start(tb testing.TB, config wazero.RuntimeConfig, module []byte, l limits.Limits) (*host, api.Module) {
	tb.Helper()
	ctx := tb.Context()
	engine := wazero.NewRuntimeWithConfig(ctx, config)
	tb.Cleanup(func() { _ = engine.Close(context.Background()) })
	h := &host{most: l.Emits}
	if _, err := engine.NewHostModuleBuilder(abi.ImportModule).NewFunctionBuilder().WithFunc(h.emit).Export(abi.ImportEmit).Instantiate(ctx); err != nil {
		tb.Fatal(err)
	}
	m, err := engine.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		tb.Fatalf("instantiating: %v", err)
	}
	h.mem = m.Memory
	return h, m
}

// run is one unit on a fresh instance, in the sequence of package wasm, but for
// _initialize, which gets the fuel of a unit too: a fuzzer has no time for more.
func run(tb testing.TB, config wazero.RuntimeConfig, module []byte, l limits.Limits, area []byte) *outcome {
	tb.Helper()
	h, m := start(tb, config, module, l)
	o := &outcome{}
	fuel, _ := m.ExportedGlobal(ExportFuel).(api.MutableGlobal)
	steps := []func() error{
		func() error {
			if fuel != nil {
				fuel.Set(l.Fuel)
			}
			if init := m.ExportedFunction(abi.ExportInit); init != nil {
				_, err := init.Call(tb.Context())
				return err
			}
			return nil
		},
		func() error {
			h.emits = nil
			if fuel != nil {
				fuel.Set(l.Fuel)
			}
			at, err := m.ExportedFunction(abi.ExportInput).Call(tb.Context())
			if err == nil && !m.Memory().Write(uint32(at[0]), area) {
				err = fmt.Errorf("input area at %d", at[0])
			}
			return err
		},
		func() error {
			_, err := m.ExportedFunction(abi.ExportMap).Call(tb.Context())
			return err
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			if strings.Contains(err.Error(), "stack overflow") {
				tb.Fatalf("the engine's stack ended before the guest's own limit: %v", err)
			}
			o.trapped = true
			break
		}
	}
	o.read(m)
	o.emits = h.emits
	return o
}

// read takes what an instance holds.
func (o *outcome) read(m api.Module) {
	sum := fnv.New64a()
	b, _ := m.Memory().Read(0, m.Memory().Size())
	_, _ = sum.Write(b)
	o.memory = fmt.Sprintf("%d:%x", len(b), sum.Sum64())
	for i := 0; ; i++ {
		g := m.ExportedGlobal(fmt.Sprint(ExportGlobal, i))
		if g == nil {
			break
		}
		o.globals = append(o.globals, g.Get())
	}
	if g := m.ExportedGlobal(ExportFuel); g != nil {
		o.left = int64(g.Get())
	}
	if g := m.ExportedGlobal(ExportDirty); g != nil {
		o.dirty = g.Get()
	}
}

func areaOf(seed []byte) []byte {
	area := make([]byte, 256)
	copy(area, seed)
	binary.LittleEndian.PutUint64(area[248:], uint64(len(seed)))
	return area
}

func addSeeds(f *testing.F) {
	f.Helper()
	for i := range 24 {
		f.Add(slices.Repeat([]byte{byte(i * 11), byte(i), byte(200 - i)}, i))
	}
}

// FuzzRewrite compares a guest with its admitted form.
//
// The oracle is the interpreter of wazero, which knows nothing of fuel: the
// original and the admitted form must emit the same, trap alike and leave the
// same memory. There are two reasons for which they may differ, and only they
// are let pass. One is that the admitted form ran out of fuel or of depth: that
// is said by its globals, and its original, which might not end, is not run.
// The other is the bits of a NaN that an operator made, which the rewrite fixes
// and the original's engine chooses: so the guests here are those of
// admittest.Blind, which look at no such bits. Bits of NaNs that are merely
// moved (loaded, stored, negated, reinterpreted) are looked at, since the
// rewrite is to leave them alone.
func FuzzRewrite(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, seed []byte) {
		module := admittest.Blind(seed)
		admitted, err := Admit(module, generated)
		if err != nil {
			t.Fatalf("a generated guest is refused: %v", err)
		}
		is := run(t, wazero.NewRuntimeConfigInterpreter(), admitted, generated, areaOf(seed))
		if is.spent() {
			return
		}
		was := run(t, wazero.NewRuntimeConfigInterpreter(), module, generated, areaOf(seed))
		if was.trapped != is.trapped || string(was.emits) != string(is.emits) || was.memory != is.memory {
			t.Errorf("original: %v\nadmitted: %v", was, is)
		}
	})
}

// FuzzEngines runs the admitted form of a guest that looks at everything on
// the compiler and on the interpreter: nothing differs, the fuel left included.
func FuzzEngines(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, seed []byte) {
		admitted, err := Admit(admittest.Module(seed), generated)
		if err != nil {
			t.Fatalf("a generated guest is refused: %v", err)
		}
		one := run(t, wazero.NewRuntimeConfigInterpreter(), admitted, generated, areaOf(seed))
		two := run(t, wazero.NewRuntimeConfigCompiler(), admitted, generated, areaOf(seed))
		if one.String() != two.String() {
			t.Errorf("interpreter: %v\ncompiler: %v", one, two)
		}
	})
}

// The same as both fuzz targets, on guests that nobody chose; and these are
// guests worth comparing: most end by themselves, some of each kind do not.
// YUNEI_PROVE=1 takes a hundred times as many.
func TestGenerated(t *testing.T) {
	n := 60
	if os.Getenv("YUNEI_PROVE") == "1" {
		n *= 100
	}
	came := map[string]int{}
	for i := range n {
		seed := binary.BigEndian.AppendUint32(nil, uint32(i)*2654435761)
		admitted, err := Admit(admittest.Module(seed), generated)
		if err != nil {
			t.Fatal(err)
		}
		one := run(t, wazero.NewRuntimeConfigInterpreter(), admitted, generated, areaOf(seed))
		two := run(t, wazero.NewRuntimeConfigCompiler(), admitted, generated, areaOf(seed))
		if one.String() != two.String() {
			t.Errorf("%x\ninterpreter: %v\ncompiler: %v", seed, one, two)
		}
		came[one.kind()]++
		if one.dirty != 0 {
			came["dirty"]++
		}
		if !strings.HasPrefix(one.memory, "65536:") {
			came["grown"]++
		}
	}
	for kind, least := range map[string]int{"returned": n / 3, "trapped": n / 20, "spent": n / 30, "dirty": n / 30, "grown": n / 20} {
		if came[kind] < least {
			t.Errorf("of %d guests %d are %s, which is few: %v", n, came[kind], kind, came)
		}
	}
}

func (o *outcome) kind() string {
	switch {
	case o.spent():
		return "spent"
	case o.trapped:
		return "trapped"
	}
	return "returned"
}

// BenchmarkRewriting runs one unit of 300 rows on the compiler, as it is and
// admitted.
func BenchmarkRewriting(b *testing.B) {
	original, err := os.ReadFile("testdata/district-age-c.wasm")
	if err != nil {
		b.Fatal(err)
	}
	l := limits.Limits{Fuel: limits.MaxFuel, Memory: 64, Input: 1 << 14, Rows: 300, Emits: limits.MaxEmits}
	admitted, err := Admit(original, l)
	if err != nil {
		b.Fatal(err)
	}
	var params []byte // 3 districts, 3 ages
	for _, v := range []uint32{3, 3, 653, 18, 60} {
		params = binary.LittleEndian.AppendUint32(params, v)
	}
	cols := []abi.Column{{Type: abi.Code}, {Type: abi.Month}, {Type: abi.Int64}}
	for i := range 300 {
		cols[0].I32, cols[1].I32 = append(cols[0].I32, int32(i%3)), append(cols[1].I32, int32(i*2))
		cols[2].I64 = append(cols[2].I64, int64(i))
	}
	area, err := abi.AppendArea(nil, params, cols)
	if err != nil {
		b.Fatal(err)
	}
	for name, module := range map[string][]byte{"original": original, "admitted": admitted} {
		b.Run(name, func(b *testing.B) {
			h, m := start(b, wazero.NewRuntimeConfigCompiler(), module, l)
			at, err := m.ExportedFunction(abi.ExportInput).Call(b.Context())
			if err != nil || !m.Memory().Write(uint32(at[0]), area) {
				b.Fatal(err)
			}
			fuel, _ := m.ExportedGlobal(ExportFuel).(api.MutableGlobal)
			for b.Loop() {
				if fuel != nil {
					fuel.Set(l.Fuel)
				}
				h.emits = h.emits[:0]
				if _, err := m.ExportedFunction(abi.ExportMap).Call(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
