//go:build wasip1

package yunei

import (
	"unsafe"

	"github.com/yunei/yunei/jobs/abi"
)

// The program's area and visit, and the emits that are kept until there are
// many, because a call of the host costs fuel.
var (
	memory []uint64
	visit  func(*Area)
	kept   [256]abi.Emit // an Emit lies in memory as it does on the wire
	keptN  int
)

// Serve says where the host is to write areas, and which function visits them.
// It is to be called once, by an init function of the program. The area is of
// words, so that it is aligned; a permit grants no longer areas than there is
// room for.
func Serve(area []uint64, f func(*Area)) { memory, visit = area, f }

// Emit says that unit u of the area falls in a cell, with a value for a
// measure of the permit.
func Emit(u int, cell uint32, measure uint16, value int64) {
	if u < 0 || u >= abi.MaxUnits {
		panic("no such unit")
	}
	if keptN == len(kept) {
		flush()
	}
	kept[keptN] = abi.Emit{Cell: cell, Measure: measure, Unit: uint16(u), Value: value}
	keptN++
}

func flush() {
	if keptN > 0 {
		emit(unsafe.Pointer(&kept), uint32(keptN))
	}
	keptN = 0
}

//go:wasmimport yunei emit
func emit(records unsafe.Pointer, n uint32)

//go:wasmexport yunei_abi_v1
func input() uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) }

//go:wasmexport yunei_map
func run() {
	a, err := abi.ParseArea(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(memory))), 8*len(memory)))
	if err != nil {
		panic(err.Error())
	}
	visit(&Area{a})
	flush()
}
