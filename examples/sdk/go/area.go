// Package yunei is the library of a program in Go: what a program needs of the
// agreement of package jobs/abi, so that no program deals in offsets or
// imports. A program hands its visit to Serve; the visit reads the area that
// the host has written and emits. Whatever the area or the program gets wrong
// is a panic, which ends the visit: it then emits nothing.
//
// The package trusts nobody, allocates for a visit but not for a row, and
// keeps nothing from one visit to another. Only on GOOS=wasip1 is there a host
// to emit to.
package yunei

import (
	"encoding/binary"

	"github.com/yunei/yunei/jobs/abi"
)

// An Area is what one visit sees: parameters, columns, and the rows of one or
// more units.
type Area struct{ a abi.Area }

// Rows returns the number of rows of all units together.
func (a *Area) Rows() int { return a.a.Rows }

// Columns returns the number of columns.
func (a *Area) Columns() int { return len(a.a.Cols) }

// Units returns the number of units.
func (a *Area) Units() int { return a.a.Units }

// Unit returns the rows from, to-1 of unit u, 0 <= u < Units.
func (a *Area) Unit(u int) (from, to int) {
	if u < 0 || u >= a.a.Units {
		panic("no such unit")
	}
	return a.a.Unit(u)
}

// Params returns the permit's parameters, to be read from first to last.
func (a *Area) Params() *Params { return &Params{a.a.Params} }

// Type returns the type of column i, 0 <= i < Columns.
func (a *Area) Type(i int) abi.Type { return a.a.Cols[i].Type }

// Column returns column i, which is to be of the given type.
func (a *Area) Column(i int, t abi.Type) Column {
	if a.Type(i) != t {
		panic("a column of another type")
	}
	return Column{&a.a.Cols[i], a.a.Rows}
}

// A Column is one column of an area. A row that is null is not valid, and
// reads as 0 or empty.
type Column struct {
	v    *abi.View
	rows int
}

// Type returns the type of the column.
func (c Column) Type() abi.Type { return c.v.Type }

// Nulls returns how many rows are null.
func (c Column) Nulls() int { return c.v.Nulls }

// Valid reports whether a row is not null.
func (c Column) Valid(row int) bool {
	if row < 0 || row >= c.rows {
		panic("no such row")
	}
	return c.v.Valid(row)
}

// Int32 returns a row of a column of any type but Int64 and Utf8.
func (c Column) Int32(row int) int32 {
	if c.v.Type == abi.Int64 || c.v.Type == abi.Utf8 {
		panic("a column of another type")
	}
	if !c.Valid(row) {
		return 0
	}
	return c.v.Int32(row)
}

// Int64 returns a row of a column of type Int64.
func (c Column) Int64(row int) int64 {
	if c.v.Type != abi.Int64 {
		panic("a column of another type")
	}
	if !c.Valid(row) {
		return 0
	}
	return c.v.Int64(row)
}

// Bytes returns a row of a column of type Utf8. The bytes are the area's.
func (c Column) Bytes(row int) []byte {
	if c.v.Type != abi.Utf8 {
		panic("a column of another type")
	}
	if !c.Valid(row) {
		return nil
	}
	return c.v.Bytes(row)
}

// Params are parameters that have not been read yet, little-endian. Reading
// past their end is a panic.
type Params struct{ left []byte }

// Left returns how many bytes are left.
func (p *Params) Left() int { return len(p.left) }

func (p *Params) take(n uint64) []byte {
	if n > uint64(len(p.left)) {
		panic("parameters shorter than agreed")
	}
	taken := p.left[:n]
	p.left = p.left[n:]
	return taken
}

// Uint8 reads a byte.
func (p *Params) Uint8() uint8 { return p.take(1)[0] }

// Uint32 reads 4 bytes.
func (p *Params) Uint32() uint32 { return binary.LittleEndian.Uint32(p.take(4)) }

// Int32 reads 4 bytes.
func (p *Params) Int32() int32 { return int32(p.Uint32()) } //nolint:gosec // two's complement

// Int64 reads 8 bytes.
func (p *Params) Int64() int64 { return int64(binary.LittleEndian.Uint64(p.take(8))) } //nolint:gosec // two's complement

// Int32s reads a list of n numbers.
func (p *Params) Int32s(n uint32) []int32 {
	list := Params{p.take(4 * uint64(n))}
	numbers := make([]int32, n) // the bytes are there
	for i := range numbers {
		numbers[i] = list.Int32()
	}
	return numbers
}

// Done panics if there are parameters left.
func (p *Params) Done() {
	if len(p.left) != 0 {
		panic("parameters longer than agreed")
	}
}
