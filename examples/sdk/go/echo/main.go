//go:build wasip1

// Command echo is the echo of package jobs/abi/abitest in Go: it tells all
// that the library let it see.
package main

import (
	yunei "github.com/yunei/yunei/examples/sdk/go"
	"github.com/yunei/yunei/jobs/abi"
)

const (
	head = iota
	column
	unit
	missing
	present
)

var area [512 << 10]uint64

func init() { yunei.Serve(area[:], visit) }

func mix(h, word uint64) uint64 {
	h = (h ^ word) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}

func params(p *yunei.Params) (h uint64) {
	if p.Left() >= 4 {
		h = mix(h, uint64(p.Int32()))
	}
	if p.Left() >= 4 {
		h = mix(h, uint64(p.Uint32()))
	}
	for p.Left() >= 8 {
		h = mix(h, uint64(p.Int64()))
	}
	for p.Left() > 0 {
		h = mix(h, uint64(p.Uint8()))
	}
	p.Done()
	return h
}

// element mixes one element that is there, and returns what it is spelled as.
func element(h uint64, c yunei.Column, row int) (uint64, int64) {
	switch c.Type() {
	case abi.Utf8:
		b := c.Bytes(row)
		h = mix(h, uint64(len(b)))
		for _, x := range b {
			h = mix(h, uint64(x))
		}
		return h, int64(len(b))
	case abi.Int64:
		v := c.Int64(row)
		return mix(h, uint64(v)), v
	default:
		v := int64(c.Int32(row))
		return mix(h, uint64(v)), v
	}
}

func visit(a *yunei.Area) {
	yunei.Emit(0, 0, head, int64(a.Rows()))
	yunei.Emit(0, 1, head, int64(a.Columns()))
	yunei.Emit(0, 2, head, int64(a.Units()))
	yunei.Emit(0, 3, head, int64(a.Params().Left()))
	yunei.Emit(0, 4, head, int64(params(a.Params())))
	for c := range a.Columns() {
		yunei.Emit(0, uint32(c), column, int64(a.Type(c))|int64(a.Column(c, a.Type(c)).Nulls())<<8)
	}
	ends := uint64(0)
	for u := range a.Units() {
		from, to := a.Unit(u)
		ends = mix(ends, uint64(to))
		if from < to {
			rows(a, u, from, to)
		}
	}
	yunei.Emit(0, 5, head, int64(ends))
}

func rows(a *yunei.Area, u, from, to int) {
	h := uint64(0)
	for row := from; row < to; row++ {
		for c := range a.Columns() {
			value, kind := int64(0), uint16(missing)
			if col := a.Column(c, a.Type(c)); col.Valid(row) {
				kind = present
				h, value = element(mix(h, 1), col, row)
			} else {
				h = mix(h, 0)
			}
			if a.Rows() <= 64 {
				yunei.Emit(u, uint32(c), kind, value)
			}
		}
	}
	yunei.Emit(u, uint32(from), unit, int64(h))
}

func main() {}
