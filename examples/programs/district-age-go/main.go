//go:build wasip1

// Command district-age-go is the study of examples/programs in Go: visits and
// cost by district and age band. It is a WASI reactor:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o district-age-go.wasm .
package main

import (
	"encoding/binary"
	"unsafe"

	"github.com/yunei/yunei/jobs/abi"
)

const (
	district = iota
	birthMonth
	costFen
	columns
)

const (
	visits = iota
	cost
)

// area is where the host writes a unit: words, so that it is aligned.
var area [8 << 10]uint64

//go:wasmexport yunei_abi_v1
func input() uint32 { return uint32(uintptr(unsafe.Pointer(&area))) }

//go:wasmimport yunei emit
func emit(records unsafe.Pointer, n uint32)

//go:wasmexport yunei_map
func run() {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&area)), unsafe.Sizeof(area))
	unit, err := abi.ParseArea(bytes)
	if err != nil || len(unit.Cols) != columns {
		panic("not the area that was agreed")
	}
	p := parse(unit.Params)
	out := make([]abi.Emit, 0, 2*unit.Rows)
	for i := range unit.Rows {
		if !unit.Cols[district].Valid(i) || !unit.Cols[birthMonth].Valid(i) {
			continue
		}
		d := uint32(unit.Cols[district].Int32(i))
		if d >= p.districts {
			continue
		}
		cell := d*p.ages + p.band(unit.Cols[birthMonth].Int32(i))
		out = append(out, abi.Emit{Cell: cell, Measure: visits, Value: 1})
		if unit.Cols[costFen].Valid(i) {
			out = append(out, abi.Emit{Cell: cell, Measure: cost, Value: unit.Cols[costFen].Int64(i)})
		}
	}
	if len(out) > 0 { // an Emit lies in memory as it does on the wire
		emit(unsafe.Pointer(&out[0]), uint32(len(out)))
	}
}

// params are the permit's: so many districts and age bands, the reference
// month, and the upper edges of the bands but the last, in years.
type params struct {
	districts, ages uint32
	month           int32
	edges           []byte
}

func parse(b []byte) params {
	p := params{
		districts: binary.LittleEndian.Uint32(b),
		ages:      binary.LittleEndian.Uint32(b[4:]),
		month:     int32(binary.LittleEndian.Uint32(b[8:])),
		edges:     b[12:],
	}
	if p.ages == 0 || uint64(len(p.edges)) != 4*uint64(p.ages-1) {
		panic("not the parameters that were agreed")
	}
	return p
}

// band returns the age band of someone born in the given month.
func (p params) band(birth int32) uint32 {
	i := uint32(0)
	for i+1 < p.ages && p.month-birth >= 12*int32(binary.LittleEndian.Uint32(p.edges[4*i:])) {
		i++
	}
	return i
}

func main() {}
