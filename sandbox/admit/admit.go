// Package admit decides whether a guest's module may enter a sandbox, and
// rewrites it so that its limits are part of the program. Admit is a pure
// function from bytes to bytes: every engine that runs what it returns does
// the same at every step, counts the same fuel and stops at the same operator.
//
// What is let through is small on purpose: WebAssembly 1.0 with sign
// extension, saturating truncation, multi-value and the memory half of bulk
// memory. Imports come from a closed list, there is one memory and at most
// one table, no start function, no references, no SIMD, no threads. Custom
// sections, all exports but the agreed ones and code that is not reached are
// left out. The code is checked for types, and segments for their place, so
// that an engine has no reason of the guest's to refuse what is admitted, or
// to fail when it makes an instance. What would be dear to compile is refused
// by number (see maxSpread).
//
// The rewrite adds
//   - fuel: every straight run of operators is debited before it executes;
//     loops and functions trap when the fuel is below zero. While a function
//     runs its fuel is in a local, in a global around each call. Bulk
//     operators and growth pay by length, calls of the host a fixed price;
//   - depth: every function that calls others takes its frame off a global
//     for them, so that recursion ends at the same call on every machine
//     instead of where a thread's stack happens to end. One that calls nobody
//     takes nothing: it has no more than one frame on top;
//   - growth: memory.grow beyond the permit's maximum, which becomes the
//     module's, answers -1 by rule. Below it the engine is asked; if it has no
//     pages, DirtyMachine is set and the guest stopped, so that a lack of the
//     machine's is never an answer to a guest;
//   - one NaN, see below;
//   - exports: of every mutable global, for reset.
//
// # One NaN
//
// By the standard (WebAssembly core 2.0, 4.3.3, "NaN propagation") the bits of
// a NaN are open only where an operator makes it: add, sub, mul, div, sqrt,
// min, max, ceil, floor, trunc, nearest, promote and demote. Everything else
// is exact: constants, loads, stores, moves, reinterpretations, and abs, neg
// and copysign, which only touch the sign. So the result of those operators is
// replaced by the canonical positive NaN, if it is one, wherever its bits may
// be seen. They cannot be seen by the operators themselves, whose NaN is open
// again and replaced in its turn, nor by comparisons, by truncations (which
// trap, or give 0), or by drop. What is consumed by those in its own run of
// operators is therefore left alone, so that an expression is settled once, at
// its end. A local, a global, memory, a call or a branch always gets it
// settled. With that, and with growth and depth by rule, nothing is left that
// the standard leaves to an engine.
//
// # What a reset restores
//
// An instance of an admitted module is again what it was at some moment if
// these are: the bytes of its memory, its size, and the mutable globals, which
// are all exported under ExportGlobal. There is nothing else. No operator that
// is let through writes a table or makes it grow; element segments are active
// and spent when the instance is there. Memory cannot shrink: a unit that made
// it grow, as its size shows, is followed by a fresh instance. Nor can a
// dropped data segment be had back: data.drop sets ExportDirty to DirtyGuest,
// and a fresh instance follows then, too. After a trap, memory and globals are
// restored alike; fuel and depth are among the globals.
//
// The package trusts nothing in the module, and quotes nothing of it in an
// error. It does not hold what it makes to be safe: that memory is out of
// reach of a guest is the engine's promise.
package admit

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
)

// Version names this rewrite: two sites with the same Version make the same
// bytes of a module. It changes with anything that changes them.
const Version = "yunei-admit-2"

// Names under which the admitted module exports what the host needs of it,
// beside the agreed exports.
const (
	// ExportFuel is the fuel, a mutable i64: InitFuel at first, for
	// _initialize; the host sets it to Limits.Fuel before yunei_abi_v1. Below
	// zero, the guest has run out.
	ExportFuel = "yunei_fuel"

	// ExportGlobal and a decimal index name each mutable global: those of the
	// guest, then fuel and depth.
	ExportGlobal = "yunei_global_"

	// ExportDirty is a mutable i32, 0 at first. It is there if the code holds
	// an operator that may set it: see DirtyGuest and DirtyMachine.
	ExportDirty = "yunei_dirty"
)

// What the global ExportDirty may hold.
const (
	// DirtyGuest says that a data segment was dropped: no reset restores it.
	DirtyGuest = 1
	// DirtyMachine says that the engine refused pages that the limits grant,
	// and that the unit was stopped for it: the machine's failure, not the
	// guest's.
	DirtyMachine = 2
)

// InitFuel is what _initialize may use, in metered operators. A Go guest's
// runtime needs 1.2 million.
const InitFuel = 1 << 25

// Prices of what costs more than an operator.
const (
	hostCallFuel = 256  // a call of an imported function
	growFuel     = 1024 // memory.grow, whatever it answers
	pageShift    = 10   // fuel for a page that is grown, as a power of two
	bulkShift    = 6    // bytes of a bulk operator for one unit of fuel, as a power of two
	slotsPerFuel = 16   // locals that a call sets to zero, or values that it hands over
)

// Bounds on a module, beside those of the permit. A Go guest of 6 MB has 4,400
// functions of at most 50 KB, 74,000 data segments (its linker splits them),
// blocks 550 deep, and a spread of 8.7 million in all and 70,000 in one
// function.
const (
	maxModule   = 16 << 20
	maxAdmitted = 48 << 20
	maxTypes    = 1 << 11
	maxArity    = 128     // parameters or results of one type
	maxArities  = 1 << 14 // of all types together
	maxImports  = 1 << 6
	maxFuncs    = 1 << 15
	maxGlobals  = 1 << 12
	maxMutable  = 1 << 10
	maxExports  = 1 << 12
	maxTable    = 1 << 15 // elements
	maxSegments = 1 << 10 // of elements
	maxElements = 1 << 16 // of all segments together
	maxData     = 100_000 // segments of data
	maxBody     = 1 << 19 // bytes of one function
	maxNesting  = 1 << 12 // blocks within blocks
	maxTargets  = 1 << 14 // of one table of branches
	maxFrame    = 1 << 13 // slots (locals and operands) of one function

	// What compiling costs. Both engines give each value of a function a life
	// in each of its basic blocks, so that what their memory and time follow is
	// the product, the spread; and loops cost them most. 23 KB of code in 3,000
	// blocks with 1,000 locals took either engine seconds, and 14 KB of empty
	// loops the second one more than a minute. A function at the bound takes
	// half a second.
	maxSpread     = 1 << 18 // of one function
	maxSpreads    = 1 << 24 // of all together
	leastValues   = 16      // that a function is taken to have
	loopWeight    = 16      // blocks that a loop counts for
	maxCheckedNaN = 1 << 8  // canonicalisations by branching in one function; more are by choosing

	// The stack. Each function that calls others takes a frame off it, so that
	// calls are at most stackSlots/frameFixed = 1,820 deep: an interpreter of
	// the second engine stops at 2,000.
	frameFixed = 72      // slots of any function, whatever it holds
	stackSlots = 1 << 17 // slots of all frames together

	// What a slot of a frame is taken for beside one local or operand: see
	// body.finish.
	operatorsSlot = 16
	spreadSlot    = 64
)

// refuse returns the error of every refusal: fault.Guest, with a text that
// stays on this side.
func refuse(format string, args ...any) error {
	return fmt.Errorf("admitting module: "+format+": %w", append(args, fault.Guest)...)
}

// Admit returns the admitted form of module under limits. A refusal is a
// fault.Guest, bad limits are a fault.Invalid.
func Admit(module []byte, limits limits.Limits) ([]byte, error) {
	if err := limits.Check(); err != nil {
		return nil, fmt.Errorf("admitting module: %w", err)
	}
	if len(module) > maxModule {
		return nil, refuse("%d bytes, more than %d", len(module), maxModule)
	}
	m, err := parse(module)
	if err != nil {
		return nil, err
	}
	if m.memory.min > limits.Memory {
		return nil, refuse("asks for %d pages of memory, has %d", m.memory.min, limits.Memory)
	}
	m.memory.max = min(m.memory.max, limits.Memory)
	if err := m.checkExports(); err != nil {
		return nil, err
	}
	return m.rewrite()
}

// The agreed exports.
var agreed = []struct {
	name     string
	kind     byte
	typ      string // of a function, see signature.key
	required bool
}{
	{abi.ExportMemory, kindMemory, "", true},
	{abi.ExportInput, kindFunc, "->\x7f", true},
	{abi.ExportMap, kindFunc, "->", true},
	{abi.ExportInit, kindFunc, "->", false},
}

func (m *module) checkExports() error {
	for _, want := range agreed {
		e, ok := m.exports[want.name]
		switch {
		case !ok && want.required:
			return refuse("no export %s", want.name)
		case !ok:
		case e.kind != want.kind:
			return refuse("export %s is of another kind", want.name)
		case e.kind == kindFunc && (int(e.index) < m.imported || m.types[m.funcs[e.index]].key() != want.typ):
			return refuse("export %s is of another type", want.name)
		case e.kind == kindFunc:
			m.called[int(e.index)] = true
		}
	}
	return nil
}

// rewrite writes m anew, section by section.
func (m *module) rewrite() ([]byte, error) {
	code, err := m.meter()
	if err != nil {
		return nil, err
	}
	out := []byte(preamble)
	out = appendSection(out, secType, m.appendTypes(nil))
	out = appendSection(out, secImport, m.raw[secImport])
	out = appendSection(out, secFunc, m.raw[secFunc])
	if m.table != nil {
		out = appendSection(out, secTable, appendBounds([]byte{1, funcref}, *m.table))
	}
	out = appendSection(out, secMemory, appendBounds([]byte{1}, m.memory))
	out = appendSection(out, secGlobal, m.appendGlobals(nil))
	out = appendSection(out, secExport, m.appendExports(nil))
	out = appendSection(out, secElem, m.raw[secElem])
	out = appendSection(out, secDataCount, m.raw[secDataCount])
	out = appendSection(out, secCode, code)
	out = appendSection(out, secData, m.raw[secData])
	if len(out) > maxAdmitted {
		return nil, refuse("%d bytes once metered, more than %d", len(out), maxAdmitted)
	}
	return out, nil
}

// appendSection appends a section, or nothing if it is empty.
func appendSection(out []byte, id byte, content []byte) []byte {
	if len(content) == 0 {
		return out
	}
	out = binary.AppendUvarint(append(out, id), uint64(len(content)))
	return append(out, content...)
}

func appendBounds(out []byte, b bounds) []byte {
	out = binary.AppendUvarint(append(out, 1), uint64(b.min))
	return binary.AppendUvarint(out, uint64(b.max))
}

// appendTypes appends the guest's types, then those that our blocks need.
func (m *module) appendTypes(out []byte) []byte {
	out = binary.AppendUvarint(out, uint64(len(m.types)+len(m.added)))
	out = append(out, m.typeDefs...)
	for _, results := range m.added {
		out = binary.AppendUvarint(append(out, funcType, 0), uint64(len(results)))
		out = append(out, results...)
	}
	return out
}

// appendGlobals appends the guest's globals, then ours.
func (m *module) appendGlobals(out []byte) []byte {
	n := m.dirty() // as many as there are below it
	if m.marked {
		n++
	}
	out = binary.AppendUvarint(out, uint64(n))
	out = append(out, m.globalDefs...)
	out = append(out, i64, mutable, opI64Const)
	out = append(appendSigned(out, InitFuel), opEnd)
	out = append(out, i32, mutable, opI32Const)
	out = append(appendSigned(out, stackSlots), opEnd)
	if m.marked {
		out = append(out, i32, mutable, opI32Const, 0, opEnd)
	}
	return out
}

func (m *module) appendExports(out []byte) []byte {
	var n uint64
	var list []byte
	add := func(name string, kind byte, index uint32) {
		list = appendExport(list, name, kind, index)
		n++
	}
	for _, want := range agreed {
		if e, ok := m.exports[want.name]; ok {
			add(want.name, e.kind, e.index)
		}
	}
	add(ExportFuel, kindGlobal, m.fuel())
	for i := range m.dirty() {
		if i >= m.fuel() || m.globals[i].mutable {
			add(ExportGlobal+strconv.Itoa(int(i)), kindGlobal, i)
		}
	}
	if m.marked {
		add(ExportDirty, kindGlobal, m.dirty())
	}
	return append(binary.AppendUvarint(out, n), list...)
}

func appendExport(out []byte, name string, kind byte, index uint32) []byte {
	out = append(binary.AppendUvarint(out, uint64(len(name))), name...)
	return binary.AppendUvarint(append(out, kind), uint64(index))
}

// fuel, depth and dirty are the indices of the globals that are ours.
func (m *module) fuel() uint32  { return uint32(len(m.globals)) } //nolint:gosec // at most maxGlobals
func (m *module) depth() uint32 { return m.fuel() + 1 }
func (m *module) dirty() uint32 { return m.fuel() + 2 }

// appendSigned appends v as a signed LEB128.
func appendSigned(out []byte, v int64) []byte {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && b&0x40 == 0) || (v == -1 && b&0x40 != 0) {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}
