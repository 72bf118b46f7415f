// Package admit decides whether a guest's module may enter a sandbox, and
// rewrites it so that its limits are part of the program. Admit is a pure
// function from bytes to bytes: every engine that runs what it returns counts
// the same fuel and stops at the same operator.
//
// What is let through is small on purpose: WebAssembly 1.0 with sign
// extension, saturating truncation, multi-value and the memory half of bulk
// memory. Imports come from a closed list, there is one memory and at most
// one table, no start function, no references, no SIMD, no threads. Custom
// sections and all exports but the agreed ones are left out.
//
// The rewrite adds
//   - fuel: a global that every straight run of operators debits before it
//     executes; loops and functions trap (unreachable) when it is below zero.
//     Bulk operators pay by length, calls of the host a fixed price;
//   - depth: a global that every call debits by the size of the caller's
//     frame, so that recursion ends at the same call on every machine instead
//     of where a thread's stack happens to end;
//   - memory: the declared maximum is lowered to the permit's, so that
//     memory.grow beyond it answers -1 by rule and never by the kernel.
//
// A type error in the guest's code is left to the engine's validator: all the
// inserted code is of type [] -> [], so it neither hides nor makes one. The
// package trusts nothing in the module, and quotes nothing of it in an error.
package admit

import (
	"encoding/binary"
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
)

// ExportFuel is the name under which the admitted module exports its fuel, a
// mutable i64: InitFuel at first, for _initialize; the host sets it to
// Limits.Fuel before yunei_abi_v1. Below zero, the guest has run out.
const ExportFuel = "yunei_fuel"

// InitFuel is what _initialize may use, in metered operators. A Go guest's
// runtime needs 1.2 million.
const InitFuel = 1 << 25

// Prices of what costs more than an operator.
const (
	hostCallFuel = 256  // a call of an imported function
	growFuel     = 1024 // memory.grow
	bulkShift    = 6    // bytes of a bulk operator for one unit of fuel, as a power of two
)

// Bounds on a module, beside those of the permit.
const (
	maxModule   = 16 << 20
	maxAdmitted = 48 << 20
	maxTypes    = 1 << 16
	maxFuncs    = 1 << 17
	maxExports  = 1 << 12
	maxBody     = 2 << 20 // bytes of one function
	maxNesting  = 1 << 14 // blocks within blocks
	maxTable    = 1 << 16 // elements
	maxSegments = 1 << 16
	maxElements = 1 << 17 // of all segments together
	maxArity    = 128     // parameters or results of one type
	maxFrame    = 1 << 13 // slots (locals and operands) of one function
	stackSlots  = 1 << 17 // slots of all frames together
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
	out = appendSection(out, secType, m.raw[secType])
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

// appendGlobals appends the guest's globals, then fuel and depth.
func (m *module) appendGlobals(out []byte) []byte {
	out = binary.AppendUvarint(out, uint64(m.globals)+2)
	out = append(out, m.globalDefs...)
	out = append(out, i64, mutable, opI64Const)
	out = append(appendSigned(out, InitFuel), opEnd)
	out = append(out, i32, mutable, opI32Const)
	return append(appendSigned(out, stackSlots), opEnd)
}

func (m *module) appendExports(out []byte) []byte {
	var n uint64 = 1
	var list []byte
	for _, want := range agreed {
		if e, ok := m.exports[want.name]; ok {
			n++
			list = appendExport(list, want.name, e.kind, e.index)
		}
	}
	list = appendExport(list, ExportFuel, kindGlobal, m.fuel())
	return append(binary.AppendUvarint(out, n), list...)
}

func appendExport(out []byte, name string, kind byte, index uint32) []byte {
	out = append(binary.AppendUvarint(out, uint64(len(name))), name...)
	return binary.AppendUvarint(append(out, kind), uint64(index))
}

// fuel and depth are the indices of the two globals that are ours.
func (m *module) fuel() uint32  { return m.globals }
func (m *module) depth() uint32 { return m.globals + 1 }

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
