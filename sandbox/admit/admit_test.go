package admit

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/limits"
	"github.com/yunei/yunei/sandbox/admit/admittest"
)

var granted = limits.Limits{Fuel: 1000, Memory: 4, Input: 64, Rows: 8, Emits: 8}

// A section of a test's module.
type section struct {
	id      byte
	content string
}

// sample has every section. Its types are 0: ->, 1: -> i32, 2: i32 i32 ->;
// its functions 0: yunei.emit, 1: yunei_abi_v1, 2: yunei_map, whose code is
// given.
func sample(code string) []section {
	return []section{
		{secType, "\x03\x60\x00\x00\x60\x00\x01\x7f\x60\x02\x7f\x7f\x00"},
		{secImport, "\x01\x05yunei\x04emit\x00\x02"},
		{secFunc, "\x02\x01\x00"},
		{secTable, "\x01\x70\x00\x02"},
		{secMemory, "\x01\x00\x01"},
		{secGlobal, "\x01\x7f\x01\x41\x07\x0b"},
		{secExport, "\x04\x06memory\x02\x00\x0cyunei_abi_v1\x00\x01\x09yunei_map\x00\x02\x05mine!\x03\x00"},
		{secElem, "\x01\x00\x41\x00\x0b\x01\x02"},
		{secDataCount, "\x01"},
		{secCode, "\x02\x04\x00\x41\x08\x0b" + sized(code)},
		{secData, "\x01\x00\x41\x20\x0b\x03abc"},
	}
}

func sized(s string) string { return string(binary.AppendUvarint(nil, uint64(len(s)))) + s }

func assemble(sections []section) []byte {
	out := preamble
	for _, s := range sections {
		out += string(s.id) + sized(s.content)
	}
	return []byte(out)
}

// with returns the sample with one section replaced, or left out if empty.
func with(id byte, content string) []byte {
	list := sample("\x00\x0b")
	i := slices.IndexFunc(list, func(s section) bool { return s.id == id })
	if list[i].content = content; content == "" {
		list = slices.Delete(list, i, i+1)
	}
	return assemble(list)
}

func TestAdmitIsStable(t *testing.T) {
	module := assemble(append([]section{{secCustom, "\x04name!"}}, sample("\x00\x03\x40\x10\x02\x0c\x00\x0b\x0b")...))
	one, err := Admit(module, granted)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Admit(bytes.Clone(module), granted)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("a second admission differs (%v)", err)
	}
	if bytes.Contains(one, []byte("name!")) || bytes.Contains(one, []byte("mine!")) || !bytes.Contains(one, []byte(ExportFuel)) {
		t.Error("custom sections and foreign exports are to go, fuel is to come")
	}
}

func TestRefuses(t *testing.T) {
	swapped := sample("\x00\x0b")
	swapped[4], swapped[5] = swapped[5], swapped[4]
	twice := append(sample("\x00\x0b"), section{secData, "\x00"})
	for name, module := range map[string][]byte{
		"nothing":                     {},
		"text":                        []byte("(module)"),
		"another version":             append([]byte("\x00asm\x02\x00\x00\x00"), assemble(sample("\x00\x0b"))[8:]...),
		"cut short":                   assemble(sample("\x00\x0b"))[:60],
		"sections out of order":       assemble(swapped),
		"a section twice":             assemble(twice),
		"an unknown section":          assemble(append(sample("\x00\x0b"), section{13, "x"})),
		"a start function":            assemble(append(sample("\x00\x0b")[:7], section{secStart, "\x02"})),
		"an unknown import":           with(secImport, "\x01\x05yunei\x04read\x00\x02"),
		"an import of another type":   with(secImport, "\x01\x05yunei\x04emit\x00\x01"),
		"an imported memory":          with(secImport, "\x01\x05yunei\x04emit\x02\x00\x01"),
		"no memory":                   with(secMemory, ""),
		"two memories":                with(secMemory, "\x02\x00\x01\x00\x01"),
		"shared memory":               with(secMemory, "\x01\x03\x01\x02"),
		"memory of 64 bits":           with(secMemory, "\x01\x04\x01"),
		"more memory than granted":    with(secMemory, "\x01\x00\x05"),
		"minimum above maximum":       with(secMemory, "\x01\x01\x02\x01"),
		"two tables":                  with(secTable, "\x02\x70\x00\x02\x70\x00\x02"),
		"a huge table":                with(secTable, "\x01\x70\x00\x81\x80\x04"),
		"a table of references":       with(secTable, "\x01\x6f\x00\x02"),
		"no exports":                  with(secExport, ""),
		"no yunei_map":                with(secExport, "\x02\x06memory\x02\x00\x0cyunei_abi_v1\x00\x01"),
		"yunei_map of another type":   with(secExport, "\x03\x06memory\x02\x00\x0cyunei_abi_v1\x00\x01\x09yunei_map\x00\x01"),
		"yunei_map is imported":       with(secExport, "\x03\x06memory\x02\x00\x0cyunei_abi_v1\x00\x01\x09yunei_map\x00\x00"),
		"memory is a global":          with(secExport, "\x03\x06memory\x03\x00\x0cyunei_abi_v1\x00\x01\x09yunei_map\x00\x02"),
		"a name twice":                with(secExport, "\x04\x06memory\x02\x00\x0cyunei_abi_v1\x00\x01\x09yunei_map\x00\x02\x06memory\x02\x00"),
		"an export of nothing":        with(secExport, "\x04\x06memory\x02\x00\x0cyunei_abi_v1\x00\x01\x09yunei_map\x00\x02\x01x\x00\x09"),
		"an import in the table":      with(secElem, "\x01\x00\x41\x00\x0b\x01\x00"),
		"a passive element segment":   with(secElem, "\x01\x01\x00\x01\x02"),
		"data of another memory":      with(secData, "\x01\x02\x00\x41\x20\x0b\x03abc"),
		"fewer data than declared":    with(secDataCount, "\x02"),
		"fewer bodies than functions": with(secCode, "\x01\x04\x00\x41\x08\x0b"),
		"a global of a global":        with(secGlobal, "\x01\x7f\x01\x23\x00\x0b"),
		"a vector type":               with(secType, "\x03\x60\x00\x00\x60\x00\x01\x7f\x60\x02\x7b\x7f\x00"),
		"a long list of nothing":      with(secType, "\xff\xff\xff\xff\x0f"),
	} {
		if _, err := Admit(module, granted); fault.Of(err) != fault.Guest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Admit(assemble(sample("\x00\x0b")), limits.Limits{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("limits of nothing: %v", err)
	}
	if _, err := Admit(make([]byte, maxModule+1), granted); fault.Of(err) != fault.Guest {
		t.Errorf("a large module: %v", err)
	}
}

func TestRefusesCode(t *testing.T) {
	deep := "\x00" + strings.Repeat("\x02\x40", maxNesting+1) + strings.Repeat("\x0b", maxNesting+2)
	for name, code := range map[string]string{
		"our fuel":              "\x00\x23\x01\x1a\x0b",
		"our depth":             "\x00\x41\x00\x24\x02\x0b",
		"our local":             "\x00\x20\x00\x1a\x0b",
		"a function not there":  "\x00\x10\x03\x0b",
		"an atomic":             "\x00\xfe\x03\x00\x0b",
		"a vector":              "\x00\xfd\x0c" + strings.Repeat("\x00", 16) + "\x1a\x0b",
		"a tail call":           "\x00\x12\x02\x0b",
		"a reference":           "\x00\xd2\x02\x1a\x0b",
		"table.grow":            "\x00\xfc\x0f\x00\x0b",
		"table.set":             "\x00\x41\x00\x41\x00\x26\x00\x0b",
		"try":                   "\x00\x06\x40\x0b\x0b",
		"memory 1":              "\x00\x41\x00\x40\x01\x1a\x0b",
		"data not declared":     "\x00\xfc\x09\x01\x0b",
		"no end":                "\x00\x01",
		"code behind the end":   "\x00\x0b\x01\x0b",
		"too many locals":       "\x01\xff\xff\xff\xff\x0f\x7f\x0b",
		"blocks without bottom": deep,
		"a block of no type":    "\x00\x02\x05\x0b\x0b",
		"operands without end":  "\x00" + strings.Repeat("\x41\x00", maxFrame+1) + strings.Repeat("\x1a", maxFrame+1) + "\x0b",
		"a number too long":     "\x00\x41\x80\x80\x80\x80\x80\x00\x1a\x0b",
		"a number too large":    "\x00\x41\xff\xff\xff\xff\x4f\x1a\x0b",
	} {
		if _, err := Admit(assemble(sample(code)), granted); fault.Of(err) != fault.Guest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A machine runs admitted modules on an engine other than the product's.
type machine struct {
	emitted [][2]uint64
	api.Module
}

func instance(t *testing.T, module []byte, l limits.Limits) *machine {
	t.Helper()
	admitted, err := Admit(module, l)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{}
	engine := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { _ = engine.Close(context.Background()) })
	_, err = engine.NewHostModuleBuilder("yunei").NewFunctionBuilder().
		WithFunc(func(_ context.Context, p, n uint32) { m.emitted = append(m.emitted, [2]uint64{uint64(p), uint64(n)}) }).
		Export("emit").Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m.Module, err = engine.Instantiate(t.Context(), admitted); err != nil {
		t.Fatal(err)
	}
	return m
}

// call runs yunei_map with so much fuel, and returns what is left.
func (m *machine) call(t *testing.T, fuel int64) (left int64, ok bool) {
	t.Helper()
	g, mutable := m.ExportedGlobal(ExportFuel).(api.MutableGlobal)
	if !mutable {
		t.Fatal("the fuel is no mutable global")
	}
	g.Set(uint64(fuel))
	_, err := m.ExportedFunction("yunei_map").Call(t.Context())
	return int64(g.Get()), err == nil
}

// What each construct costs, operator by operator.
func TestFuel(t *testing.T) {
	for _, c := range []struct {
		name, code string
		cost       int64
	}{
		{"nothing", "\x00\x0b", 1},
		{"three operators", "\x00\x01\x01\x01\x0b", 3},
		{"code that is not reached", "\x00\x0f\x01\x01\x0b", 1},
		{"a host call", "\x00\x41\x00\x41\x00\x10\x00\x0b", 2 + hostCallFuel},
		{"a guest call", "\x00\x10\x01\x1a\x0b", 2 + 1},
		{"an indirect call", "\x00\x41\x00\x04\x40\x41\x00\x11\x00\x00\x0b\x0b", 2},
		{"growth by 1 of 1 to 4", "\x00\x41\x01\x40\x00\x1a\x0b", 2 + growFuel + 1<<pageShift},
		{"growth beyond", "\x00\x41\x04\x40\x00\x1a\x0b", 2 + growFuel},
		{"the branch taken", "\x00\x41\x01\x04\x40\x01\x05\x01\x01\x01\x0b\x0b", 2 + 1},
		{"the branch not taken", "\x00\x41\x00\x04\x40\x01\x05\x01\x01\x01\x0b\x0b", 2 + 3},
		// local 0 counts from 5 to 0: set-up 3, each round 5
		{"five rounds", "\x01\x01\x7f\x41\x05\x21\x00\x03\x40\x20\x00\x41\x01\x6b\x22\x00\x0d\x00\x0b\x0b", 3 + 5*5},
		{"a fill of 4096", "\x00\x41\x00\x41\x00\x41\x80\x20\xfc\x0b\x00\x0b", 4 + 4096>>bulkShift},
		{"a copy of 64", "\x00\x41\x00\x41\x00\x41\xc0\x00\xfc\x0a\x00\x00\x0b", 4 + 1},
	} {
		m := instance(t, assemble(sample(c.code)), granted)
		left, ok := m.call(t, 1<<20)
		if cost := 1<<20 - left; cost != c.cost || !ok {
			t.Errorf("%s: cost %d, want %d (%v)", c.name, cost, c.cost, ok)
		}
	}
}

// With one operator less than a loop needs it traps, and with what it needs it
// does not.
func TestFuelEnds(t *testing.T) {
	const forever = "\x00\x03\x40\x0c\x00\x0b\x0b"
	m := instance(t, assemble(sample(forever)), granted)
	if left, ok := m.call(t, 1000); ok || left != -1 {
		t.Errorf("a loop for ever ended with %d left, %v", left, ok)
	}
	const fill = "\x00\x41\x00\x41\x00\x41\x80\x20\xfc\x0b\x00\x0b" // 4 + 64
	m = instance(t, assemble(sample(fill)), granted)
	if _, ok := m.call(t, 67); ok {
		t.Error("a fill passed with one less than its price")
	}
	if _, ok := m.call(t, 68); !ok {
		t.Error("a fill did not pass with its price")
	}
}

// Recursion ends at one depth, whatever the stack; a call that returns gives
// back what it took.
func TestDepth(t *testing.T) {
	// yunei_map calls itself while global 0 is above 0, counting down from
	// what it is set to; global 0 is exported as mine! and lost, so it is set
	// by its definition.
	recursion := func(n int64) []byte {
		list := sample("\x01\xe8\x07\x7f\x23\x00\x41\x01\x6b\x24\x00\x23\x00\x04\x40\x10\x02\x0b\x0b")
		list[5].content = "\x01\x7f\x01\x41" + string(appendSigned(nil, n)) + "\x0b"
		return assemble(list)
	}
	const frame = frameFixed + 1000 + 2 + 78 // a thousand locals, two operands, and what meets in five places
	const deepest = stackSlots / frame
	for calls, want := range map[int64]bool{deepest: true, deepest + 1: false} {
		m := instance(t, recursion(calls), granted)
		if _, ok := m.call(t, 1<<40); ok != want {
			t.Errorf("recursion of %d: %v, want %v", calls, ok, want)
		}
		if left := int32(m.ExportedGlobal(ExportGlobal + "2").Get()); (left == stackSlots) != want {
			t.Errorf("recursion of %d leaves a depth of %d", calls, left)
		}
	}
	// twice as many calls one after the other
	list := sample("\x00\x03\x40\x10\x01\x1a\x23\x00\x41\x01\x6b\x24\x00\x23\x00\x0d\x00\x0b\x0b")
	list[5].content = "\x01\x7f\x01\x41" + string(appendSigned(nil, 2*stackSlots)) + "\x0b"
	if _, ok := instance(t, assemble(list), granted).call(t, 1<<40); !ok {
		t.Error("calls that return are not given back")
	}
}

// memory.grow beyond the permit is -1 by the module's own maximum.
func TestMemoryIsClamped(t *testing.T) {
	// emit(grow(2), grow(2)) from 1 page with a limit of 4
	const code = "\x00\x41\x02\x40\x00\x41\x02\x40\x00\x10\x00\x0b"
	for name, memory := range map[string]string{"no maximum": "\x01\x00\x01", "a higher one": "\x01\x01\x01\x64"} {
		list := sample(code)
		list[4].content = memory
		m := instance(t, assemble(list), granted)
		if _, ok := m.call(t, 1<<20); !ok || len(m.emitted) != 1 || m.emitted[0] != [2]uint64{1, math.MaxUint32} {
			t.Errorf("%s: emitted %v, %v", name, m.emitted, ok)
		}
	}
}

// valid asks an engine's validator, which may panic at what was not admitted
// (a function of 2^32 locals).
func valid(t *testing.T, module []byte) (ok bool) {
	t.Helper()
	defer func() { _ = recover() }()
	engine := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	defer func() { _ = engine.Close(context.Background()) }()
	c, err := engine.CompileModule(t.Context(), module)
	if err == nil {
		_ = c.Close(t.Context())
	}
	return err == nil
}

// FuzzAdmit: no panic, and what is admitted is valid to an engine.
func FuzzAdmit(f *testing.F) {
	for _, code := range []string{
		"\x00\x0b",
		"\x01\x01\x7f\x41\x05\x21\x00\x03\x40\x20\x00\x41\x01\x6b\x22\x00\x0d\x00\x0b\x0b",
		"\x00\x41\x00\x41\x00\x41\x80\x20\xfc\x0b\x00\x0b",
		"\x00\x41\x00\x04\x40\x41\x00\x11\x00\x00\x0b\x0b",
		"\x00\x02\x7f\x41\x01\x0b\x0e\x01\x00\x00\x0b",
	} {
		f.Add(assemble(sample(code)))
	}
	guests, err := filepath.Glob("../../examples/programs/prebuilt/*.wasm")
	if err != nil || len(guests) == 0 {
		f.Fatal("no guests to start from", err)
	}
	for _, name := range guests {
		module, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(module)
	}
	for i := range byte(8) {
		f.Add(admittest.Module([]byte{i}))
	}
	f.Fuzz(func(t *testing.T, module []byte) {
		admitted, err := Admit(module, granted)
		if err != nil {
			if fault.Of(err) != fault.Guest {
				t.Fatalf("refused as %v", err)
			}
			return
		}
		if !valid(t, admitted) {
			t.Error("admitted, and yet not valid")
		}
	})
}

// FuzzCode puts the fuzzer behind the sections, where it would not get alone,
// and asks the other way round too: what an engine takes of what this package
// knows, and of what is reached, is admitted.
func FuzzCode(f *testing.F) {
	f.Add([]byte("\x00\x41\x00\x04\x40\x10\x02\x0b\x0b"))
	f.Add([]byte("\x01\x02\x7e\x02\x40\x42\x00\x21\x00\x0c\x00\x01\x0b\x0b"))
	f.Add([]byte("\x00\x00\x1a\x45\x1a\x0b"))
	f.Add([]byte("\x01\x01\x7c\x03\x00\x20\x00\x20\x00\xa3\x22\x00\xbd\x50\x0d\x00\x0b\x0b"))
	f.Fuzz(func(t *testing.T, code []byte) {
		module := assemble(sample(string(code)))
		admitted, err := Admit(module, granted)
		if err == nil && !valid(t, admitted) {
			t.Errorf("%x: admitted, and yet not valid", code)
		}
		if err != nil && narrow(code) && valid(t, module) {
			t.Errorf("%x: valid, and yet refused: %v", code, err)
		}
	})
}

// narrow reports whether code holds nothing that admission refuses and an
// engine takes: by the bytes, so that it says no too often.
func narrow(code []byte) bool {
	for i, b := range code {
		if i > 0 && code[i-1] <= opIf && b > emptyBlock && b < f64 { // blocks, or few locals, of other types
			return false
		}
		switch {
		case i < 16 && b >= 0x80: // wazero makes room for 2^31 locals before it refuses them
			return false
		case b == 0xfd, b == 0xfe, b >= 0xd0 && b <= 0xd2, b >= 0x12 && b <= 0x19, b == 0x1c, b == 0x25, b == 0x26: // proposals
			return false
		case b == opPrefix, b == opCallIndirect, b >= 0x80 && b < 0xc5: // long numbers, tables
			return false
		}
	}
	return len(code) < 100 && ordinaryLocals(code)
}

// ordinaryLocals reports whether the locals are numbers, and declared in short.
func ordinaryLocals(code []byte) bool {
	d := &decoder{b: code}
	for range d.count(maxFrame) {
		if _, t := d.u32(), d.byte(); t < f64 || t > i32 {
			return false
		}
	}
	return d.err == nil
}
