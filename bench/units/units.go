// Package units makes the units that the contenders are measured on.
package units

import (
	"encoding/binary"

	"github.com/yunei/yunei/jobs/abi"
)

// params are 3 districts and the age bands 0-17, 18-59, 60+, in June 2024.
func params() []byte {
	var b []byte
	for _, v := range []uint32{3, 3, (2024-1970)*12 + 5, 18, 60} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// Rows of a unit.
const Rows = 8

// columns are the rows of unit i.
func columns(i int) []abi.Column {
	cols := []abi.Column{{Type: abi.Code}, {Type: abi.Month}, {Type: abi.Int64}}
	for r := range Rows {
		cols[0].I32 = append(cols[0].I32, int32((i+r)%3))
		cols[1].I32 = append(cols[1].I32, int32((1950-1970)*12+i%700))
		cols[2].I64 = append(cols[2].I64, int64(100*i+r))
	}
	return cols
}

// Single are areas of one unit each.
func Single(n int) ([][]byte, error) {
	areas := make([][]byte, n)
	for i := range areas {
		var err error
		if areas[i], err = abi.AppendArea(nil, params(), columns(i)); err != nil {
			return nil, err
		}
	}
	return areas, nil
}

// Batches are areas of size units each.
func Batches(n, size int) ([][]byte, error) {
	areas := make([][]byte, n)
	for i := range areas {
		all, starts := columns(i*size), []int{0, Rows}
		for j := 1; j < size; j++ {
			for c, col := range columns(i*size + j) {
				all[c].I32, all[c].I64 = append(all[c].I32, col.I32...), append(all[c].I64, col.I64...)
			}
			starts = append(starts, (j+1)*Rows)
		}
		var err error
		if areas[i], err = abi.AppendUnits(nil, params(), all, starts); err != nil {
			return nil, err
		}
	}
	return areas, nil
}
