package abi

import (
	"encoding/binary"
	"errors"
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
)

// An Area is one unit as a guest reads it. It shares the bytes it was parsed
// from. On wasm32 an int is 64 bits wide in Go, so no sum of two u32 wraps.
type Area struct {
	Rows   int
	Params []byte
	Cols   []View
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
	case word(b, wordReserved) != 0:
		return Area{}, errors.New("reading area: reserved word is set")
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
	a := Area{Rows: rows, Params: params, Cols: make([]View, cols)}
	for i := range a.Cols {
		d := b[HeaderSize+DescriptorSize*i:]
		if a.Cols[i], err = parseColumn(b, d, fixed, rows); err != nil {
			return Area{}, at("reading area: column", i, err)
		}
	}
	return a, nil
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
	dst = binary.LittleEndian.AppendUint32(dst, e.Measure)
	return binary.LittleEndian.AppendUint64(dst, uint64(e.Value)) //nolint:gosec // two's complement
}

// DecodeEmits appends the emits in b to dst. b must be whole records.
func DecodeEmits(dst []Emit, b []byte) ([]Emit, error) {
	if len(b)%EmitSize != 0 {
		return dst, errors.New("reading emits: not a whole number of records")
	}
	for ; len(b) > 0; b = b[EmitSize:] {
		dst = append(dst, Emit{
			Cell:    binary.LittleEndian.Uint32(b),
			Measure: binary.LittleEndian.Uint32(b[4:]),
			Value:   int64(binary.LittleEndian.Uint64(b[8:])), //nolint:gosec // two's complement
		})
	}
	return dst, nil
}
