// Package wasm runs one guest on wasmer, in the process that was made for it.
// Every unit gets an instance that is as the module's own initialising left it:
// memory and globals, which is all that an admitted guest can change. Mostly it
// is the instance of the unit before, brought back: the pages of memory that
// were written (the processor notes them) and the globals are those of the
// start again. A unit that grew its memory, dropped a segment or did not return
// is followed by a new instance, and Program.Fresh makes that so for every
// unit: it is what the other way is compared with. Fuel, depth and growth are
// counted by the guest's own admitted code (package admit), so that a unit ends
// alike on every machine; what the engine adds is memory safety.
//
// The package trusts its parent, and nothing of the guest. A compiled form is
// the parent's to vouch for: the engine would run whatever it says. The package
// does not jail itself (package jail does), does not bound what emits mean (the
// parent's side does), and passes on no text of the engine; what the guest
// writes is kept only in a rehearsal.
package wasm

// #include "engine.h"
import "C"

import (
	"bytes"
	"fmt"
	"runtime"
	"unsafe"

	// For the library and its path; the declarations are our own, see api.h.
	_ "github.com/wasmerio/wasmer-go/wasmer"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/sandbox/serve"
	"github.com/yunei/yunei/sandbox/wire"
)

// A Guest is one compiled module. A process loads one, and keeps it. It is
// used by one goroutine, locked to its thread.
type Guest struct {
	c        *C.yn_guest
	compiled []byte
	outcome  wire.Outcome // of the last unit
}

// Load is a serve.Loader: it compiles an admitted module, or takes what Compiled
// once gave for it, and initialises an instance for trial.
func Load(p wire.Program) (serve.Guest, error) {
	g, err := prepare(p)
	if err != nil {
		return nil, fmt.Errorf("loading guest: %w", err)
	}
	return g, nil
}

func prepare(p wire.Program) (*Guest, error) {
	if err := p.Limits.Check(); err != nil {
		return nil, err
	}
	terms := C.yn_terms{
		fuel: C.int64_t(p.Limits.Fuel), emits: C.uint32_t(p.Limits.Emits), input: C.uint32_t(p.Limits.Input),
		fresh: C.bool(p.Fresh), trace: C.bool(p.Trace),
	}
	g := &Guest{}
	if len(p.Compiled) > 0 {
		if g.c = take(p.Compiled, true, terms); g.c == nil {
			return nil, fmt.Errorf("taking the compiled form: %w", fault.Tampered)
		}
	} else if g.c = take(p.Module, false, terms); g.c == nil {
		return nil, fmt.Errorf("compiling: %w", fault.Guest)
	}
	if p.Keep && len(p.Compiled) == 0 { // before a line of the guest has run
		g.compiled = g.serialise()
	}
	C.yn_trim()
	switch C.yn_open(g.c) {
	case C.YN_RETURNED:
		return g, nil
	case C.YN_MACHINE:
		return nil, fmt.Errorf("initialising: %w", fault.Internal)
	default:
		return nil, fmt.Errorf("initialising: %w", fault.Guest)
	}
}

func take(b []byte, compiled bool, terms C.yn_terms) *C.yn_guest {
	if len(b) == 0 {
		return nil
	}
	defer runtime.KeepAlive(b)
	return C.yn_load((*C.uint8_t)(unsafe.SliceData(b)), C.size_t(len(b)), C.bool(compiled), terms)
}

func (g *Guest) serialise() []byte {
	var n C.size_t
	at := C.yn_compiled(g.c, &n)
	defer C.yn_forget(g.c)
	return bytes.Clone(unsafe.Slice((*byte)(at), int(n)))
}

// Compiled implements serve.Guest.
func (g *Guest) Compiled() []byte {
	b := g.compiled
	g.compiled = nil
	return b
}

// Map implements serve.Guest.
func (g *Guest) Map(area []byte) (records []byte, ok bool, err error) {
	if len(area) == 0 {
		g.outcome = wire.NoArea
		return nil, false, nil
	}
	var n C.uint32_t
	how := C.yn_unit(g.c, (*C.uint8_t)(unsafe.SliceData(area)), C.uint32_t(len(area)), &n)
	runtime.KeepAlive(area)
	if how == C.YN_MACHINE {
		return nil, false, fmt.Errorf("running unit: no instance: %w", fault.Internal)
	}
	g.outcome = wire.Outcome(how) // one of engine.h's
	if how != C.YN_RETURNED {
		return nil, false, nil
	}
	return unsafe.Slice((*byte)(C.yn_records(g.c)), int(n)*abi.EmitSize), true, nil
}

// Trace implements serve.Guest.
func (g *Guest) Trace() wire.Trace {
	t := C.yn_traced(g.c)
	if g.outcome == wire.NoArea {
		t = C.yn_trace{}
	}
	return wire.Trace{
		Outcome: g.outcome,
		Fuel:    uint64(t.fuel), // from 0 to Limits.Fuel
		Pages:   uint32(t.pages),
		Log:     C.GoBytes(unsafe.Pointer(t.log), C.int(t.len)),
	}
}

// valid reports whether the engine's validator accepts a module.
func valid(module []byte) bool {
	defer runtime.KeepAlive(module)
	return len(module) > 0 && bool(C.yn_valid((*C.uint8_t)(unsafe.SliceData(module)), C.size_t(len(module))))
}

// fresh counts the instances made so far.
func (g *Guest) fresh() uint64 { return uint64(C.yn_fresh_instances(g.c)) }
