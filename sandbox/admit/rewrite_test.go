package admit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/admit/admittest"
)

// golden are the digests of the admitted forms of two guests: a study in C, and
// one of admittest's that has something of everything. Who changes them changes
// what every site computes, and so Version, which stands in the records of runs.
var golden = map[string]string{
	"district-age-c": "83d923d9234c9358aa062cbe498e9a7762ac0dcc6c9e79b945969207b6090f6c",
	"everything":     "e37f15645dcc9b21b355908e539950b5914616283d5e79d2769212e4eb0e9f1d",
}

var granted64 = limits.Limits{Fuel: 1, Memory: 64, Input: 1, Rows: 1, Emits: 1}

func TestGolden(t *testing.T) {
	if Version != "yunei-admit-2" {
		t.Errorf("version %s: its digests are to be written down here", Version)
	}
	for name, want := range golden {
		module, err := os.ReadFile("testdata/" + name + ".wasm")
		if err != nil {
			t.Fatal(err)
		}
		admitted, err := Admit(module, granted64)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(admitted); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s is %x now: change Version, and this", name, sum)
		}
	}
}

// engines are those of the second kind; the first is tested in package wasm.
var engines = map[string]func() wazero.RuntimeConfig{
	"interpreter": wazero.NewRuntimeConfigInterpreter,
	"compiler":    wazero.NewRuntimeConfigCompiler,
}

// told runs yunei_map with this code, and returns the word it left at 0, as 16
// digits, or "trap".
func told(t *testing.T, config wazero.RuntimeConfig, list []section) string {
	t.Helper()
	admitted, err := Admit(assemble(list), granted)
	if err != nil {
		t.Fatal(err)
	}
	_, m := start(t, config, admitted, granted)
	if _, err := m.ExportedFunction("yunei_map").Call(t.Context()); err != nil {
		return "trap"
	}
	v, _ := m.Memory().ReadUint64Le(0)
	return fmt.Sprintf("%016x", v)
}

// Every operator that may make a NaN makes one NaN, whatever it was given; the
// exact ones leave bits alone.
func TestOneNaN(t *testing.T) {
	const quiet, signalling = 0xfff8_0000_dead_beef, 0x7ff4_0000_dead_beef
	doubles := map[byte]bool{0x9a: false} // neg
	for op := byte(0x9b); op <= 0xa5; op++ {
		doubles[op] = true
	}
	for op, made := range doubles {
		for _, bits := range []uint64{quiet, signalling} {
			nan := string(binary.LittleEndian.AppendUint64([]byte{opF64Const}, bits))
			code := "\x00\x41\x00" + nan
			if op >= 0xa0 {
				code += string(binary.LittleEndian.AppendUint64([]byte{opF64Const}, bits^1<<63))
			}
			want := fmt.Sprintf("%016x", bits^1<<63)
			if made {
				want = "7ff8000000000000"
			}
			for name, config := range engines {
				if got := told(t, config(), sample(code+string([]byte{op})+"\x39\x03\x00\x0b")); got != want {
					t.Errorf("%s: operator %#x of %x: %s, want %s", name, op, bits, got, want)
				}
			}
		}
	}
	const single = "\x43\xef\xbe\xff\xff"
	for code, want := range map[string]string{
		"\x41\x00" + single + single + "\x92\x38\x02\x00":                                     "000000007fc00000", // add, store
		"\x41\x00" + single + "\x91\xbc\x36\x02\x00":                                          "000000007fc00000", // sqrt, reinterpret
		"\x41\x00" + single + "\xbb\x39\x03\x00":                                              "7ff8000000000000", // promote
		"\x41\x00\x44\x01\x00\x00\x00\x00\x00\xf8\xff\xb6\x38\x02\x00":                        "000000007fc00000", // demote
		"\x41\x00" + single + single + "\x92" + single + "\x94\x8c\x38\x02\x00":               "00000000ffc00000", // add, mul, neg
		"\x41\x00" + single + "\x38\x02\x00":                                                  "00000000ffffbeef", // nothing
		"\x41\x00\x43\x00\x00\x80\x3f" + single + "\x91\x98\x38\x02\x00":                      "000000003f800000", // the sign of a sqrt, by copysign
		"\x41\x00" + single + "\x91\x02\x40\x0b\x38\x02\x00":                                  "000000007fc00000", // past a block
		"\x41\x00\x02\x7d" + single + "\x91\x0c\x00\x0b\x38\x02\x00":                          "000000007fc00000", // along a branch
		"\x41\x00" + single + "\x91" + single + "\x8d\x41\x01\x1b\x38\x02\x00":                "000000007fc00000", // by a choice
		"\x41\x00" + single + "\x91" + single + "\x8d\x41\x00\x1b\x38\x02\x00":                "000000007fc00000", // by the other choice
		"\x41\x00" + single + "\x91" + single + "\x91\x5b\x36\x02\x00":                        "0000000000000000", // compared
		"\x41\x00" + single + "\x91\xfc\x04\x37\x03\x00":                                      "0000000000000000", // truncated
		"\x41\x00" + single + "\x91\x22\x00\x1a\x20\x00\xbc\x36\x02\x00":                      "000000007fc00000", // by a local
		"\x41\x00" + strings.Repeat(single+"\x91\xbc\x1a", 300) + single + "\x91\x38\x02\x00": "000000007fc00000", // one of many
	} {
		for name, config := range engines {
			if got := told(t, config(), sample("\x01\x01\x7d"+code+"\x0b")); got != want {
				t.Errorf("%s: %x: %s, want %s", name, code, got, want)
			}
		}
	}
}

// All that a guest can change, and nothing else, is exported; put back, the
// instance does again what it did.
func TestReset(t *testing.T) {
	for i := range byte(40) {
		seed := []byte{i, 7 * i}
		admitted, err := Admit(admittest.Module(seed), generated)
		if err != nil {
			t.Fatal(err)
		}
		h, m := start(t, wazero.NewRuntimeConfigInterpreter(), admitted, generated)
		first := &outcome{}
		first.read(m)
		memory, _ := m.Memory().Read(0, m.Memory().Size())
		memory = slices.Clone(memory)
		var came [2]outcome
		for turn := range came {
			h.emits = nil
			changing(t, m, ExportFuel).Set(generated.Fuel)
			_, err := m.ExportedFunction("yunei_map").Call(t.Context())
			came[turn] = outcome{trapped: err != nil, emits: h.emits}
			came[turn].read(m)
			if m.Memory().Size() != uint32(len(memory)) || came[turn].dirty != 0 {
				break // a fresh instance would follow
			}
			m.Memory().Write(0, memory)
			for j, v := range first.globals {
				changing(t, m, fmt.Sprint(ExportGlobal, j)).Set(v)
			}
			if turn == 1 && came[0].String() != came[1].String() {
				t.Errorf("guest %x\nfirst %v\nagain %v", seed, &came[0], &came[1])
			}
		}
	}
}

func changing(t *testing.T, m api.Module, name string) api.MutableGlobal {
	t.Helper()
	g, ok := m.ExportedGlobal(name).(api.MutableGlobal)
	if !ok {
		t.Fatalf("no mutable global %s", name)
	}
	return g
}

func TestExportsMutableGlobals(t *testing.T) {
	list := sample("\x00\x0b")
	list[5].content = "\x03\x7f\x00\x41\x07\x0b\x7c\x01\x44\x00\x00\x00\x00\x00\x00\xf8\xff\x0b\x7e\x01\x42\x05\x0b"
	admitted, err := Admit(assemble(list), granted)
	if err != nil {
		t.Fatal(err)
	}
	_, m := start(t, wazero.NewRuntimeConfigInterpreter(), admitted, granted)
	for i, want := range []uint64{1: 0xfff8 << 48, 2: 5, 3: InitFuel, 4: stackSlots} {
		g := m.ExportedGlobal(fmt.Sprint(ExportGlobal, i))
		if (g == nil) != (i == 0) || (g != nil && g.Get() != want) {
			t.Errorf("global %d: %v, want %d", i, g, want)
		}
	}
	if m.ExportedGlobal(ExportDirty) != nil {
		t.Error("a guest that drops and grows nothing has a mark")
	}
}

func TestDropIsMarked(t *testing.T) {
	// drops segment 1 if global 0 is set
	list := sample("\x00\x23\x00\x04\x40\xfc\x09\x01\x0b\x0b")
	list[8].content, list[10].content = "\x02", "\x02\x00\x41\x20\x0b\x03abc\x01\x03abc"
	for start, want := range map[string]uint64{"\x00": 0, "\x07": DirtyGuest} {
		list[5].content = "\x01\x7f\x01\x41" + start + "\x0b"
		m := instance(t, assemble(list), granted)
		if _, ok := m.call(t, 1000); !ok || m.ExportedGlobal(ExportDirty).Get() != want {
			t.Errorf("the mark is %d, want %d (%v)", m.ExportedGlobal(ExportDirty).Get(), want, ok)
		}
	}
}

// noPages is a machine that has one page and no more.
type noPages struct{ b []byte }

func (p *noPages) Free() {}

func (p *noPages) Reallocate(size uint64) []byte {
	if p.b == nil {
		p.b = make([]byte, size)
	}
	if size > uint64(len(p.b)) {
		return nil
	}
	return p.b[:size]
}

// A growth that the limits grant and the machine does not is no answer to the
// guest; one that the limits do not grant is not even asked for.
func TestLackOfMachine(t *testing.T) {
	for pages, want := range map[string]struct {
		ok   bool
		mark uint64
	}{"\x01": {false, DirtyMachine}, "\x04": {true, 0}} {
		admitted, err := Admit(assemble(sample("\x00\x41"+pages+"\x40\x00\x1a\x0b")), granted)
		if err != nil {
			t.Fatal(err)
		}
		engine := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
		none := func(_ int32) {}
		_, err = engine.NewHostModuleBuilder("yunei").NewFunctionBuilder().WithFunc(func(p, n int32) { none(p + n) }).Export("emit").Instantiate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		poor := experimental.WithMemoryAllocator(t.Context(), experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory { return &noPages{} }))
		m, err := engine.Instantiate(poor, admitted)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.ExportedFunction("yunei_map").Call(t.Context())
		if mark := m.ExportedGlobal(ExportDirty).Get(); (err == nil) != want.ok || mark != want.mark {
			t.Errorf("growth by %x: %v, mark %d", pages, err, mark)
		}
		_ = engine.Close(t.Context())
	}
}

// What is beyond memory or table at the start is refused here, so that no
// engine has to.
func TestRefusesSegments(t *testing.T) {
	table := func(min string) []section {
		list := sample("\x00\x0b")
		list[3].content = "\x01\x70\x00" + min
		return list
	}
	if _, err := Admit(assemble(table("\x01")), granted); err != nil {
		t.Errorf("an element in the last place: %v", err)
	}
	if _, err := Admit(with(secData, "\x01\x00\x41\xfd\xff\x03\x0b\x03abc"), granted); err != nil {
		t.Errorf("data in the last place: %v", err)
	}
	initial := sample("\x00\x41\x00\x41\x00\x41\x00\xfc\x08\x00\x00\x0b")
	for name, module := range map[string][]byte{
		"an element beyond":            assemble(table("\x00")),
		"an element far beyond":        with(secElem, "\x01\x00\x41\x7f\x0b\x01\x02"),
		"no element, far beyond":       with(secElem, "\x01\x00\x41\x7f\x0b\x00"),
		"an element at an i64":         with(secElem, "\x01\x00\x42\x00\x0b\x01\x02"),
		"data beyond":                  with(secData, "\x01\x00\x41\xfe\xff\x03\x0b\x03abc"),
		"data far beyond":              with(secData, "\x01\x00\x41\x7f\x0b\x03abc"),
		"no data, beyond":              with(secData, "\x01\x00\x41\x81\x80\x04\x0b\x00"),
		"memory.init of an active one": assemble(initial),
	} {
		if _, err := Admit(module, granted); fault.Of(err) != fault.Guest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Small modules that took an engine seconds or gigabytes to compile.
func TestRefusesWhatIsDearToCompile(t *testing.T) {
	nested := func(locals byte, blocks int, open string) string {
		return "\x01" + string([]byte{locals, i32}) + strings.Repeat(open, blocks) + strings.Repeat("\x23\x00\x0d\x00\x0b", blocks) + "\x0b"
	}
	thousand := "\x01\xe8\x07\x7f"
	for name, c := range map[string]struct {
		fine, dear string
	}{
		"loops in loops":          {nested(100, 50, "\x03\x40"), nested(100, 200, "\x03\x40")},
		"blocks in blocks":        {nested(100, 500, "\x02\x40"), nested(100, 1500, "\x02\x40")},
		"one loop after another":  {"\x00" + strings.Repeat("\x03\x40\x0b", 500) + "\x0b", "\x00" + strings.Repeat("\x03\x40\x0b", 5000) + "\x0b"},
		"blocks with many locals": {thousand + strings.Repeat("\x02\x40\x0b", 100) + "\x0b", thousand + strings.Repeat("\x02\x40\x0b", 1000) + "\x0b"},
		"a table of branches": {
			"\x00\x02\x40\x41\x00\x0e\xe8\x07" + strings.Repeat("\x00", 1001) + "\x0b\x0b",
			"\x00\x02\x40\x41\x00\x0e\x90\x4e" + strings.Repeat("\x00", 10001) + strings.Repeat("\x0b\x02\x40\x41\x00\x0e\x90\x4e"+strings.Repeat("\x00", 10001), 3) + "\x0b\x0b",
		},
		"a function too large": {"\x00" + strings.Repeat("\x01", maxBody-2) + "\x0b", "\x00" + strings.Repeat("\x01", maxBody) + "\x0b"},
		"growth":               {"\x00" + strings.Repeat("\x41\x00\x40\x00\x1a", 1000) + "\x0b", "\x00" + strings.Repeat("\x41\x00\x40\x00\x1a", 10000) + "\x0b"},
	} {
		if _, err := Admit(assemble(sample(c.fine)), granted); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Admit(assemble(sample(c.dear)), granted); fault.Of(err) != fault.Guest {
			t.Errorf("%s, more of them: %v", name, err)
		}
	}
}

// A result of several values, which our block around the code must leave too.
func TestManyResults(t *testing.T) {
	list := sample("\x00\x10\x03\x0b")
	list[0].content = "\x04\x60\x00\x00\x60\x00\x01\x7f\x60\x02\x7f\x7f\x00\x60\x00\x02\x7f\x7f"
	list[2].content = "\x03\x01\x00\x03"
	list[9].content = "\x03\x04\x00\x41\x08\x0b" + sized("\x00\x10\x03\x10\x00\x0b") + sized("\x00\x41\x05\x41\x06\x23\x00\x0d\x00\x0f\x0b")
	m := instance(t, assemble(list), granted)
	if _, ok := m.call(t, 1000); !ok || len(m.emitted) != 1 || m.emitted[0] != [2]uint64{5, 6} {
		t.Errorf("emitted %v, %v", m.emitted, ok)
	}
}

// Types are checked here, not left to an engine.
func TestRefusesTypes(t *testing.T) {
	for name, code := range map[string]string{
		"an operand missing":         "\x00\x6a\x1a\x0b",
		"an operand of another type": "\x00\x41\x00\x42\x00\x6a\x1a\x0b",
		"an operand left":            "\x00\x41\x00\x0b",
		"a result missing":           "\x00\x02\x7f\x0b\x1a\x0b",
		"a result of another type":   "\x00\x02\x7f\x42\x00\x0b\x1a\x0b",
		"below the block":            "\x00\x41\x00\x02\x40\x1a\x0b\x0b",
		"else without if":            "\x00\x02\x40\x05\x0b\x0b",
		"two elses":                  "\x00\x41\x00\x04\x40\x05\x05\x0b\x0b",
		"an if that needs an else":   "\x00\x41\x00\x04\x7f\x41\x00\x0b\x1a\x0b",
		"a label not there":          "\x00\x0c\x01\x0b",
		"a branch without its value": "\x00\x02\x7f\x0c\x00\x0b\x1a\x0b",
		"branches of two types":      "\x00\x02\x40\x02\x7f\x41\x00\x41\x00\x0e\x01\x00\x01\x0b\x1a\x0b\x0b",
		"a choice between types":     "\x00\x41\x00\x42\x00\x41\x00\x1b\x1a\x0b",
		"alignment":                  "\x00\x41\x00\x28\x03\x00\x1a\x0b",
		"an i64 for an address":      "\x00\x42\x00\x28\x02\x00\x1a\x0b",
	} {
		if _, err := Admit(assemble(sample(code)), granted); fault.Of(err) != fault.Guest {
			t.Errorf("%s: %v", name, err)
		}
	}
	list := sample("\x00\x41\x00\x24\x00\x0b")
	list[5].content = "\x01\x7f\x00\x41\x07\x0b"
	if _, err := Admit(assemble(list), granted); fault.Of(err) != fault.Guest {
		t.Errorf("a constant that is set: %v", err)
	}
}

// Code that is not reached is left out, whatever it is; what is behind it is
// not.
func TestLeavesOutWhatIsNotReached(t *testing.T) {
	const dead = "\x6a\x02\x40\x05\x0b\x04\x7f\x05\x0b\x0e\x01\x00\x09" // ill-typed
	for _, code := range []string{
		"\x00\x02\x40\x0c\x00" + dead + "\x0b\x41\x00\x41\x2a\x36\x02\x00\x0b",
		"\x00\x41\x01\x04\x40\x41\x00\x41\x2a\x36\x02\x00\x0f" + dead + "\x05\x00" + dead + "\x0b\x0b",
	} {
		if got := told(t, wazero.NewRuntimeConfigCompiler(), sample(code)); got != fmt.Sprintf("%016x", 42) {
			t.Errorf("%x: %s", code, got)
		}
	}
}

// What costs by size: many locals, and many operands of a call.
func TestFuelOfFrames(t *testing.T) {
	m := instance(t, assemble(sample("\x01\xe8\x07\x7f\x0b")), granted)
	if left, ok := m.call(t, 1<<20); !ok || 1<<20-left != 1000/slotsPerFuel {
		t.Errorf("a thousand locals cost %d (%v)", 1<<20-left, ok)
	}
	if _, ok := m.call(t, math.MaxInt64); !ok {
		t.Error("the most fuel is too little")
	}
}
