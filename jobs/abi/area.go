package abi

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// The words of a Header, as indices of its eight u32.
const (
	wordMagic = iota
	wordVersion
	wordRows
	wordCols
	wordParamsOff
	wordParamsLen
	wordTotalLen
	wordUnitsOff // 0: the area is of one unit
)

// At wordUnitsOff: the number of units n and a zero, two u32; then n+1 u32, the
// first row of each unit and the number of rows.
const unitsFixed = 8

// The words of a Descriptor. An offset of 0 says that there is no such
// buffer. For Utf8, values are the rows+1 int32 offsets and data the bytes;
// other types have no data. A validity bitmap is (rows+7)/8 bytes long.
const (
	wordType = iota
	wordNulls
	wordValidityOff
	wordValidityLen
	wordValuesOff
	wordValuesLen
	wordDataOff
	wordDataLen
)

// A Column is one column of one unit, on the host's side: as many elements as
// the unit has rows, in I64 for Int64, in Str for Utf8, in I32 for every
// other type. Valid says which of them are not null; nil says all.
type Column struct {
	Type  Type
	Valid []bool
	I32   []int32
	I64   []int64
	Str   []string
}

func (c *Column) rows() int {
	switch c.Type {
	case Int64:
		return len(c.I64)
	case Utf8:
		return len(c.Str)
	default:
		return len(c.I32)
	}
}

func (t Type) known() bool { return t >= Int32 && t <= Utf8 }

// width returns the bytes of one element of the values buffer.
func (t Type) width() int {
	if t == Int64 {
		return 8
	}
	return 4
}

// AppendArea appends the area of one unit to dst. See AppendUnits.
func AppendArea(dst, params []byte, cols []Column) ([]byte, error) {
	return AppendUnits(dst, params, cols, nil)
}

// AppendUnits appends the area of several units to dst, whose rows stand one
// unit after the other: starts has the first row of each, then the number of
// rows; nil says that all rows are of one unit. The area starts at len(dst)
// and is a multiple of 8 bytes long. The values of null elements are written
// as zeros (empty strings), so that a guest never sees what is behind a null.
// It allocates only to grow dst.
func AppendUnits(dst, params []byte, cols []Column, starts []int) ([]byte, error) {
	rows := 0
	if len(cols) > 0 {
		rows = cols[0].rows()
	}
	for i := range cols {
		if err := cols[i].check(rows); err != nil {
			return dst, at("writing area: column", i, err)
		}
	}
	if err := checkStarts(starts, rows); err != nil {
		return dst, err
	}
	start := len(dst)
	dst = appendZeros(dst, HeaderSize+DescriptorSize*len(cols))
	paramsOff := len(dst) - start
	dst = pad(append(dst, params...), start)
	unitsOff := 0
	if starts != nil {
		unitsOff = len(dst) - start
		dst = pad(appendStarts(dst, starts), start)
	}
	for i := range cols {
		dst = appendColumn(dst, start, start+HeaderSize+DescriptorSize*i, &cols[i], rows)
	}
	if int64(len(dst)-start) > math.MaxInt32 {
		return dst[:start], errors.New("writing area: longer than 2 GiB")
	}
	h := dst[start:]
	put(h, wordMagic, Magic)
	put(h, wordVersion, Version)
	put(h, wordRows, rows)
	put(h, wordCols, len(cols))
	put(h, wordParamsOff, paramsOff)
	put(h, wordParamsLen, len(params))
	put(h, wordTotalLen, len(dst)-start)
	put(h, wordUnitsOff, unitsOff)
	return dst, nil
}

func checkStarts(starts []int, rows int) error {
	if starts == nil {
		return nil
	}
	if len(starts) < 1 || len(starts)-1 > MaxUnits || starts[0] != 0 || starts[len(starts)-1] != rows || !slices.IsSorted(starts) {
		return errors.New("writing area: the units do not divide the rows")
	}
	return nil
}

func appendStarts(dst []byte, starts []int) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(starts)-1)) //nolint:gosec // n and the zero: checkStarts wants 1 to MaxUnits+1
	for _, s := range starts {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(s)) //nolint:gosec // at most rows, which AppendUnits bounds
	}
	return dst
}

func (c *Column) check(rows int) error {
	if !c.Type.known() {
		return errType
	}
	if c.rows() != rows {
		return errors.New("not as many rows as the first column")
	}
	if c.Valid != nil && len(c.Valid) != rows {
		return errors.New("validity is not as long as the rows")
	}
	return nil
}

// appendColumn appends the buffers of c, and fills its descriptor at index own.
func appendColumn(dst []byte, start, own int, c *Column, rows int) []byte {
	nulls := 0
	for _, ok := range c.Valid {
		if !ok {
			nulls++
		}
	}
	var validOff, validLen, dataOff, dataLen int
	if nulls > 0 {
		validOff, validLen = len(dst)-start, (rows+7)/8
		dst = appendBitmap(dst, c.Valid)
		dst = pad(dst, start)
	}
	valuesOff := len(dst) - start
	dst = appendValues(dst, c)
	valuesLen := len(dst) - start - valuesOff
	dst = pad(dst, start)
	if c.Type == Utf8 {
		dataOff = len(dst) - start
		for i, s := range c.Str {
			if c.valid(i) {
				dst = append(dst, s...)
			}
		}
		dataLen = len(dst) - start - dataOff
		dst = pad(dst, start)
	}
	d := dst[own:]
	put(d, wordType, int(c.Type))
	put(d, wordNulls, nulls)
	put(d, wordValidityOff, validOff)
	put(d, wordValidityLen, validLen)
	put(d, wordValuesOff, valuesOff)
	put(d, wordValuesLen, valuesLen)
	put(d, wordDataOff, dataOff)
	put(d, wordDataLen, dataLen)
	return dst
}

func (c *Column) valid(i int) bool { return c.Valid == nil || c.Valid[i] }

func appendBitmap(dst []byte, valid []bool) []byte {
	for i, ok := range valid {
		if i%8 == 0 {
			dst = append(dst, 0)
		}
		if ok {
			dst[len(dst)-1] |= 1 << (i % 8)
		}
	}
	return dst
}

func appendValues(dst []byte, c *Column) []byte {
	switch c.Type {
	case Int64:
		for i, v := range c.I64 {
			if !c.valid(i) {
				v = 0
			}
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v))
		}
	case Utf8:
		end := uint32(0)
		dst = binary.LittleEndian.AppendUint32(dst, end)
		for i, s := range c.Str {
			if c.valid(i) {
				end += uint32(len(s)) //nolint:gosec // AppendArea drops an area of 2 GiB and more, data included
			}
			dst = binary.LittleEndian.AppendUint32(dst, end)
		}
	default:
		for i, v := range c.I32 {
			if !c.valid(i) {
				v = 0
			}
			dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
		}
	}
	return dst
}

// put writes a word; AppendArea drops the area if one could be beyond 2 GiB.
func put(b []byte, word, v int) { binary.LittleEndian.PutUint32(b[4*word:], uint32(v)) } //nolint:gosec // see above

func word(b []byte, i int) int { return int(binary.LittleEndian.Uint32(b[4*i:])) }

// pad appends zeros until what follows start is a multiple of Align.
func pad(dst []byte, start int) []byte {
	return appendZeros(dst, (start-len(dst))&(Align-1))
}

func appendZeros(dst []byte, n int) []byte {
	var zeros [64]byte
	for ; n > len(zeros); n -= len(zeros) {
		dst = append(dst, zeros[:]...)
	}
	return append(dst, zeros[:n]...)
}
