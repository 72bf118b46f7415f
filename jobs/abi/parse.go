package abi

import (
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
)

// A fault is an error at one index. Package fmt would make every guest in Go
// half as large again, and slower to compile.
type fault struct {
	what string
	i    int
	why  error
}

func at(what string, i int, why error) error { return &fault{what, i, why} }

func (f *fault) Error() string { return f.what + " " + strconv.Itoa(f.i) + ": " + f.why.Error() }
func (f *fault) Unwrap() error { return f.why }

var (
	errType   = errors.New("the type is unknown")
	errBuffer = errors.New("a buffer is unaligned, too short, or lies outside the area")
	errOffset = errors.New("offsets do not rise within the data")
	errUnits  = errors.New("reading area: the units do not divide the rows")
)

// An Area is one visit as a guest reads it. It shares the bytes it was parsed
// from. On wasm32 an int is 64 bits wide in Go, so no sum of two u32 wraps.
type Area struct {
	Rows   int
	Units  int // in the area
	Params []byte
	Cols   []View
	starts []byte // empty if the area is of one unit
}

// Unit returns the rows from, to-1 of unit i, 0 <= i < Units.
func (a *Area) Unit(i int) (from, to int) {
	if len(a.starts) == 0 {
		return 0, a.Rows
	}
	return word(a.starts, i), word(a.starts, i+1)
}

// A View is one column of an Area.
type View struct {
	Type     Type
	Nulls    int
	validity []byte // empty if there are no nulls
	values   []byte
	data     []byte // Utf8 only
}

// ParseArea reads the area at the start of b; b may be longer than it. Every
// offset is checked here, so that the methods of View need no further check
// than the row's index.
func ParseArea(b []byte) (Area, error) {
	if len(b) < HeaderSize {
		return Area{}, errors.New("reading area: shorter than its header")
	}
	total, rows, cols := word(b, wordTotalLen), word(b, wordRows), word(b, wordCols)
	switch {
	case word(b, wordMagic) != Magic || word(b, wordVersion) != Version:
		return Area{}, errors.New("reading area: not an area of version 1")
	case total > len(b) || total < HeaderSize:
		return Area{}, errors.New("reading area: longer than its buffer")
	case cols > (total-HeaderSize)/DescriptorSize:
		return Area{}, errors.New("reading area: no room for so many columns")
	case cols == 0 && rows != 0:
		return Area{}, errors.New("reading area: rows without a column")
	}
	b = b[:total]
	fixed := HeaderSize + DescriptorSize*cols
	params, err := buffer(b, fixed, word(b, wordParamsOff), word(b, wordParamsLen))
	if err != nil {
		return Area{}, errors.New("reading area: parameters lie outside")
	}
	a := Area{Rows: rows, Units: 1, Params: params, Cols: make([]View, cols)}
	if off := word(b, wordUnitsOff); off != 0 {
		if a.Units, a.starts, err = parseStarts(b, fixed, off, rows); err != nil {
			return Area{}, err
		}
	}
	for i := range a.Cols {
		d := b[HeaderSize+DescriptorSize*i:]
		if a.Cols[i], err = parseColumn(b, d, fixed, rows); err != nil {
			return Area{}, at("reading area: column", i, err)
		}
	}
	return a, nil
}

// parseStarts reads where each unit's rows begin.
func parseStarts(b []byte, fixed, off, rows int) (int, []byte, error) {
	head, err := buffer(b, fixed, off, unitsFixed)
	if err != nil || word(head, 1) != 0 || word(head, 0) > MaxUnits {
		return 0, nil, errUnits
	}
	n := word(head, 0)
	all, err := buffer(b, fixed, off, unitsFixed+4*(n+1))
	if err != nil {
		return 0, nil, errUnits
	}
	starts, last := all[unitsFixed:], 0
	for i := range n + 1 {
		next := word(starts, i)
		if next < last || next > rows || i == 0 && next != 0 {
			return 0, nil, errUnits
		}
		last = next
	}
	if last != rows {
		return 0, nil, errUnits
	}
	return n, starts, nil
}

func parseColumn(b, d []byte, fixed, rows int) (View, error) {
	v := View{Type: Type(word(d, wordType)), Nulls: word(d, wordNulls)} //nolint:gosec // a word is 32 bits, and so is a Type
	if !v.Type.known() {
		return View{}, errType
	}
	if v.Nulls > rows {
		return View{}, errors.New("more nulls than rows")
	}
	var err error
	if off := word(d, wordValidityOff); off != 0 {
		if v.validity, err = buffer(b, fixed, off, word(d, wordValidityLen)); err != nil {
			return View{}, err
		}
	}
	if v.Nulls > 0 && len(v.validity) < (rows+7)/8 {
		return View{}, errBuffer
	}
	if v.values, err = buffer(b, fixed, word(d, wordValuesOff), word(d, wordValuesLen)); err != nil {
		return View{}, err
	}
	elements := rows
	if v.Type == Utf8 {
		elements++
	}
	if len(v.values) != elements*v.Type.width() {
		return View{}, errBuffer
	}
	if v.Type != Utf8 {
		return v, nil
	}
	if v.data, err = buffer(b, fixed, word(d, wordDataOff), word(d, wordDataLen)); err != nil {
		return View{}, err
	}
	return v, v.checkOffsets()
}

// checkOffsets holds the offsets of a Utf8 column to rising order within data.
func (v *View) checkOffsets() error {
	last := 0
	for i := range len(v.values) / 4 {
		next := word(v.values, i)
		if next < last || next > len(v.data) {
			return errOffset
		}
		last = next
	}
	return nil
}

// buffer returns the n bytes at off of b, which may not lie in the fixed part.
func buffer(b []byte, fixed, off, n int) ([]byte, error) {
	if off%Align != 0 || off < fixed || off > len(b) || n > len(b)-off {
		return nil, errBuffer
	}
	return b[off : off+n], nil
}

// Valid reports whether row i is not null.
func (v *View) Valid(i int) bool {
	return v.Nulls == 0 || v.validity[i/8]>>(i%8)&1 == 1
}

// Int32 returns row i of a column whose values are int32: Int32, Date, Code
// or Month. A null reads as 0.
func (v *View) Int32(i int) int32 {
	return int32(binary.LittleEndian.Uint32(v.values[4*i:])) //nolint:gosec // two's complement
}

// Int64 returns row i of a column of type Int64. A null reads as 0.
func (v *View) Int64(i int) int64 {
	return int64(binary.LittleEndian.Uint64(v.values[8*i:])) //nolint:gosec // two's complement
}

// Bytes returns row i of a Utf8 column. A null reads as empty.
func (v *View) Bytes(i int) []byte {
	return v.data[word(v.values, i):word(v.values, i+1)]
}

// AppendEmit appends the 16 bytes of e to dst.
func AppendEmit(dst []byte, e Emit) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, e.Cell)
	dst = binary.LittleEndian.AppendUint16(dst, e.Measure)
	dst = binary.LittleEndian.AppendUint16(dst, e.Unit)
	return binary.LittleEndian.AppendUint64(dst, uint64(e.Value)) //nolint:gosec // two's complement
}

// DecodeEmits appends the emits in b to dst. b must be whole records.
func DecodeEmits(dst []Emit, b []byte) ([]Emit, error) {
	if len(b)%EmitSize != 0 {
		return dst, errors.New("reading emits: not a whole number of records")
	}
	n := len(dst)
	dst = slices.Grow(dst, len(b)/EmitSize)[:n+len(b)/EmitSize]
	for i := range dst[n:] {
		one := b[i*EmitSize : (i+1)*EmitSize]
		head := binary.LittleEndian.Uint64(one)
		dst[n+i] = Emit{
			Cell:    uint32(head),       //nolint:gosec // the low half
			Measure: uint16(head >> 32), //nolint:gosec // the next quarter
			Unit:    uint16(head >> 48),
			Value:   int64(binary.LittleEndian.Uint64(one[8:])), //nolint:gosec // two's complement
		}
	}
	return dst, nil
}
