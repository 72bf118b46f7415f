package finish

import (
	"math"
	"math/big"
)

// A reach is an interval of floats; its operations round outwards. The zero
// reach holds 0 alone.
type reach struct{ lo, hi float64 }

// ulps is more than what math.Exp and the few operations of a sigmoid are off
// by, as a share.
const ulps = 1e-14

func exactly(x float64) reach { return reach{x, x} }

func up(x float64) float64   { return math.Nextafter(x, math.Inf(1)) }
func down(x float64) float64 { return math.Nextafter(x, math.Inf(-1)) }

// above is a float that is not below r >= 0.
func above(r *big.Rat) float64 {
	f, exact := r.Float64()
	if exact {
		return f
	}
	return up(f)
}

func (a reach) add(b reach) reach { return reach{down(a.lo + b.lo), up(a.hi + b.hi)} }
func (a reach) sub(b reach) reach { return reach{down(a.lo - b.hi), up(a.hi - b.lo)} }

func (a reach) mul(b reach) reach {
	p, q, r, s := a.lo*b.lo, a.lo*b.hi, a.hi*b.lo, a.hi*b.hi
	return reach{down(min(p, q, r, s)), up(max(p, q, r, s))}
}

// curve is p (1-p) for shares p.
func (a reach) curve() reach {
	lo := min(down(a.lo*down(1-a.lo)), down(a.hi*down(1-a.hi)))
	hi := 0.25
	if a.hi < 0.5 {
		hi = up(a.hi * up(1-a.hi))
	} else if a.lo > 0.5 {
		hi = up(a.lo * up(1-a.lo))
	}
	return reach{max(0, lo), hi}
}

// size is the largest absolute value within.
func (a reach) size() float64 { return max(a.hi, -a.lo) }

func square(n int) [][]float64 {
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n)
	}
	return m
}

// invert inverts a symmetric matrix that should be positive definite, by Gauss
// and Jordan with pivots on the diagonal; false if it is not, or nearly not.
func invert(m [][]float64) ([][]float64, bool) {
	n := len(m)
	out := square(n)
	least := make([]float64, n)
	for i := range m {
		out[i][i] = 1
		least[i] = m[i][i] * 1e-12
	}
	for c := range n {
		pivot := m[c][c]
		if !(pivot > least[c]) || math.IsInf(pivot, 0) {
			return nil, false
		}
		for j := range n {
			m[c][j] /= pivot
			out[c][j] /= pivot
		}
		for i := range n {
			f := m[i][c]
			if i == c || f == 0 {
				continue
			}
			for j := range n {
				m[i][j] -= f * m[c][j]
				out[i][j] -= f * out[c][j]
			}
		}
	}
	return out, true
}
