//go:build wasip1

// Command district-age-go is the study of examples/programs in Go: visits and
// cost by district and age band. It is a WASI reactor:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o district-age-go.wasm .
package main

import (
	yunei "github.com/yunei/yunei/examples/sdk/go"
	"github.com/yunei/yunei/jobs/abi"
)

const (
	visits = iota
	cost
)

// area is where the host writes a visit.
var area [32 << 10]uint64

func init() { yunei.Serve(area[:], visit) }

func visit(a *yunei.Area) {
	s := parse(a.Params())
	if a.Columns() != 3 {
		panic("not the columns that were agreed")
	}
	s.district, s.birth, s.cost = a.Column(0, abi.Code), a.Column(1, abi.Month), a.Column(2, abi.Int64)
	for u := range a.Units() {
		from, to := a.Unit(u)
		for row := from; row < to; row++ {
			s.count(u, row)
		}
	}
}

// count emits one row.
func (s *study) count(u, row int) {
	if !s.district.Valid(row) || !s.birth.Valid(row) {
		return
	}
	d := uint32(s.district.Int32(row))
	if d >= s.districts {
		return
	}
	cell := d*s.ages + s.band(s.birth.Int32(row))
	yunei.Emit(u, cell, visits, 1)
	if s.cost.Valid(row) {
		yunei.Emit(u, cell, cost, s.cost.Int64(row))
	}
}

// A study has the permit's parameters (so many districts and age bands, the
// reference month, and the upper edges of the bands but the last, in years),
// and the columns.
type study struct {
	districts, ages       uint32
	month                 int32
	edges                 []int32
	district, birth, cost yunei.Column
}

func parse(p *yunei.Params) *study {
	s := &study{districts: p.Uint32(), ages: p.Uint32(), month: p.Int32()}
	if s.ages == 0 || uint64(s.districts)*uint64(s.ages) > 1<<32-1 {
		panic("not the parameters that were agreed")
	}
	s.edges = p.Int32s(s.ages - 1)
	p.Done()
	return s
}

// band returns the age band of someone born in the given month.
func (s *study) band(birth int32) uint32 {
	months := int64(s.month) - int64(birth)
	i := 0
	for i < len(s.edges) && months >= 12*int64(s.edges[i]) {
		i++
	}
	return uint32(i)
}

func main() {}
