// Package abitest is the suite that every library for guests passes. A library
// brings one program, its echo, which reads all that an area has (the types and
// nulls of columns, every element, parameters, units) and emits it in the one
// way that is written down at Echo. Run gives the echo areas from a fixed seed,
// corner cases, and areas that are broken in one place or two, and compares.
//
// What an area means is taken from package abi, which has its own tests of the
// bytes. The suite knows no runner: how an area reaches the echo, and emits
// come back, is the caller's.
package abitest

import "github.com/yunei/yunei/jobs/abi"

const (
	// Input is the room for an area that an echo has, in bytes. What of it the
	// host does not write is zero.
	Input = 4 << 20
	// Emits is how many records an echo may emit for an area.
	Emits = 1 << 14
	// Spelled is up to how many rows an echo tells each element.
	Spelled = 64
)

// What an echo's measures say.
const (
	head    = iota // of cells 0 to 5: rows, columns, units, bytes of parameters, their mix, the mix of where units end
	column         // of a column, which is the cell: its type, and its nulls times 256
	unit           // of a unit, whose first row is the cell: the mix of its elements
	missing        // of a column, which is the cell: an element that is null, as 0
	present        // of a column, which is the cell: an element's number, or its length in bytes
)

// Echo is what an echo makes of an area: emits, or a failure without any if
// abi.ParseArea refuses the area or the emits are more than Emits.
//
// It emits the first five head records, then a column record for each column,
// then for each unit, row by row and column by column, its elements if the area
// has at most Spelled rows, and, if the unit has rows, the unit's record; last
// the sixth head record. All but those of units and elements are of unit 0.
//
// A mix begins with 0 and takes words of 64 bits, see mix. That of a unit
// takes for each element 0 if it is null, else 1 and then the number, sign
// extended, or for Utf8 the length and each byte. That of the parameters takes
// them as an int32 and a uint32 if there are 4 bytes, then as int64 while there
// are 8, then as bytes.
func Echo(area []byte) (emits []byte, ok bool) {
	room := make([]byte, Input)
	copy(room, area)
	a, err := abi.ParseArea(room)
	if err != nil {
		return nil, false
	}
	var out []byte
	emit := func(u, cell int, measure uint16, value int64) {
		out = abi.AppendEmit(out, abi.Emit{Cell: uint32(cell), Measure: measure, Unit: uint16(u), Value: value})
	}
	for i, v := range []uint64{uint64(a.Rows), uint64(len(a.Cols)), uint64(a.Units), uint64(len(a.Params)), mixParams(a.Params)} {
		emit(0, i, head, int64(v))
	}
	for i := range a.Cols {
		emit(0, i, column, int64(a.Cols[i].Type)|int64(a.Cols[i].Nulls)<<8)
	}
	ends := uint64(0)
	for u := range a.Units {
		h := uint64(0)
		from, to := a.Unit(u)
		ends = mix(ends, uint64(to))
		for row := from; row < to; row++ {
			for i := range a.Cols {
				kind, value := uint16(missing), int64(0)
				if a.Cols[i].Valid(row) {
					kind = present
					h, value = mixElement(mix(h, 1), &a.Cols[i], row)
				} else {
					h = mix(h, 0)
				}
				if a.Rows <= Spelled {
					emit(u, i, kind, value)
				}
			}
		}
		if from < to {
			emit(u, from, unit, int64(h))
		}
	}
	emit(0, 5, head, int64(ends))
	if len(out) > Emits*abi.EmitSize {
		return nil, false
	}
	return out, true
}

func mix(h, word uint64) uint64 {
	h = (h ^ word) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}

func mixElement(h uint64, v *abi.View, row int) (uint64, int64) {
	switch v.Type {
	case abi.Utf8:
		b := v.Bytes(row)
		h = mix(h, uint64(len(b)))
		for _, x := range b {
			h = mix(h, uint64(x))
		}
		return h, int64(len(b))
	case abi.Int64:
		return mix(h, uint64(v.Int64(row))), v.Int64(row)
	default:
		return mix(h, uint64(int64(v.Int32(row)))), int64(v.Int32(row))
	}
}

func mixParams(b []byte) (h uint64) {
	little := func(n int) (v uint64) {
		for i := n - 1; i >= 0; i-- {
			v = v<<8 | uint64(b[i])
		}
		b = b[n:]
		return v
	}
	if len(b) >= 4 {
		h = mix(h, uint64(int64(int32(little(4)))))
	}
	if len(b) >= 4 {
		h = mix(h, little(4))
	}
	for len(b) >= 8 {
		h = mix(h, little(8))
	}
	for len(b) > 0 {
		h = mix(h, little(1))
	}
	return h
}
