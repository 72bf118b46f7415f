// Package wasm runs one guest on wasmer, in the process that was made for it.
// Every unit gets a fresh instance: memory, globals and tables are those of
// the module, and nothing of another unit can be observed. Fuel, depth and
// growth are counted by the guest's own admitted code (package admit), so that
// a unit ends alike on every machine; what the engine adds is memory safety.
//
// The package trusts its parent, and nothing of the guest. It does not jail
// itself (package jail does), does not bound what emits mean (the parent's
// side does), and passes on no text of the engine or the guest.
package wasm

// #include "engine.h"
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"

	// For the library and its path; the declarations are our own, see engine.c.
	_ "github.com/wasmerio/wasmer-go/wasmer"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
)

// A Guest is one compiled module. A process loads one, and keeps it. It is
// used by one goroutine, locked to its thread.
type Guest struct{ c *C.yn_guest }

// Load compiles an admitted module, and initialises an instance of it for
// trial. Whatever goes wrong is the guest's: fault.Guest.
func Load(admitted []byte, l limits.Limits) (*Guest, error) {
	if err := l.Check(); err != nil {
		return nil, fmt.Errorf("loading guest: %w", err)
	}
	if len(admitted) == 0 {
		return nil, fmt.Errorf("loading guest: no module: %w", fault.Guest)
	}
	c := C.yn_load((*C.uint8_t)(unsafe.SliceData(admitted)), C.size_t(len(admitted)),
		C.int64_t(l.Fuel), C.uint32_t(l.Emits), C.uint32_t(l.Input))
	if c == nil {
		return nil, fmt.Errorf("loading guest: compiling: %w", fault.Guest)
	}
	var n C.uint32_t
	if C.yn_unit(c, nil, 0, &n) != C.YN_OK {
		return nil, fmt.Errorf("loading guest: initialising: %w", fault.Guest)
	}
	return &Guest{c}, nil
}

// Map runs one unit. ok is false if it trapped or met a limit. The records are
// 16 bytes each, as the guest wrote them, and good until the next call. An
// error is a fault.Internal of the machine: the unit is to be computed again.
func (g *Guest) Map(area []byte) (records []byte, ok bool, err error) {
	if len(area) == 0 { // to C, that would be the trial of Load
		return nil, false, nil
	}
	var n C.uint32_t
	outcome := C.yn_unit(g.c, (*C.uint8_t)(unsafe.SliceData(area)), C.uint32_t(len(area)), &n)
	runtime.KeepAlive(area)
	switch outcome {
	case C.YN_OK:
		return unsafe.Slice((*byte)(C.yn_records(g.c)), int(n)*abi.EmitSize), true, nil
	case C.YN_FAILED:
		return nil, false, nil
	}
	return nil, false, fmt.Errorf("running unit: no instance: %w", fault.Internal)
}
