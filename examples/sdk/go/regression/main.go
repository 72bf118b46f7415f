//go:build wasip1

// Command regression is the sums of a linear regression with 10 features: the
// upper triangle of the moments of z = (1, x1..x10, y), which holds X'X, X'y
// and y'y. See ../../README.md for its columns and parameters.
package main

import (
	"math"

	yunei "github.com/yunei/yunei/examples/sdk/go"
	"github.com/yunei/yunei/jobs/abi"
)

const (
	values = 11 // features and response
	terms  = 12 // with the 1
	cells  = terms * (terms + 1) / 2
	bound  = 1 << 31 // a product of two stays below 2^63
)

var area [32 << 10]uint64

func init() { yunei.Serve(area[:], visit) }

type model struct {
	one       int64
	low, high [values]int64
	columns   [values]yunei.Column
}

func read(p *yunei.Params) *model {
	r := &model{}
	r.one = p.Int64()
	if r.one < 1 || r.one > bound {
		panic("a scale out of bounds")
	}
	for k := range values {
		r.low[k], r.high[k] = p.Int64(), p.Int64()
		if r.low[k] < -bound || r.low[k] > r.high[k] || r.high[k] > bound {
			panic("a clip out of bounds")
		}
	}
	p.Done()
	return r
}

// terms reads z of a row, clipped; it is not ok if a value is missing.
func (r *model) terms(row int) (z [terms]int64, ok bool) {
	z[0] = r.one
	for k := range values {
		c := r.columns[k]
		if !c.Valid(row) {
			return z, false
		}
		z[k+1] = min(max(c.Int64(row), r.low[k]), r.high[k])
	}
	return z, true
}

func addSaturating(a, b int64) int64 {
	switch sum := a + b; {
	case b >= 0 && sum < a:
		return math.MaxInt64
	case b < 0 && sum > a:
		return math.MinInt64
	default:
		return sum
	}
}

func visit(a *yunei.Area) {
	r := read(a.Params())
	if a.Columns() != values {
		panic("not the columns that were agreed")
	}
	for k := range values {
		r.columns[k] = a.Column(k, abi.Int64)
	}
	for u := range a.Units() {
		r.unit(a, u)
	}
}

func (r *model) unit(a *yunei.Area, u int) {
	var sums [cells]int64
	complete := 0
	from, to := a.Unit(u)
	for row := from; row < to; row++ {
		z, ok := r.terms(row)
		if !ok {
			continue
		}
		complete++
		c := 0
		for i := range z {
			for j := i; j < terms; j++ {
				sums[c] = addSaturating(sums[c], z[i]*z[j])
				c++
			}
		}
	}
	for c := range sums {
		if complete > 0 {
			yunei.Emit(u, uint32(c), 0, sums[c])
		}
	}
}

func main() {}
