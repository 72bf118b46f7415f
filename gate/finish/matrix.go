package finish

import (
	"math"
	"math/big"
)

// A matrix of exact ratios, by rows.
type matrix [][]*big.Rat

func newMatrix(rows, columns int) matrix {
	m := make(matrix, rows)
	for i := range m {
		m[i] = make([]*big.Rat, columns)
		for j := range m[i] {
			m[i][j] = new(big.Rat)
		}
	}
	return m
}

func (m matrix) mul(o matrix) matrix {
	out := newMatrix(len(m), len(o[0]))
	p := new(big.Rat)
	for i := range m {
		for j := range o[0] {
			for k := range o {
				out[i][j].Add(out[i][j], p.Mul(m[i][k], o[k][j]))
			}
		}
	}
	return out
}

// times is m v.
func (m matrix) times(v []*big.Rat) []*big.Rat {
	out := make([]*big.Rat, len(m))
	p := new(big.Rat)
	for i := range m {
		out[i] = new(big.Rat)
		for j := range v {
			out[i].Add(out[i], p.Mul(m[i][j], v[j]))
		}
	}
	return out
}

// size is the matrix of absolute values, rounded up to 53 bits, so that what is
// computed of it stays short. It is false if one leaves the range of a float64.
func (m matrix) size() (matrix, bool) {
	out := newMatrix(len(m), len(m[0]))
	for i := range m {
		for j, x := range m[i] {
			f, exact := new(big.Rat).Abs(x).Float64()
			if !exact {
				f = math.Nextafter(f, math.Inf(1))
			}
			if math.IsInf(f, 0) {
				return nil, false
			}
			out[i][j].SetFloat64(f)
		}
	}
	return out, true
}

// less is I - m.
func (m matrix) less() matrix {
	out := newMatrix(len(m), len(m))
	for i := range m {
		for j := range m {
			if i == j {
				out[i][j].Set(one)
			}
			out[i][j].Sub(out[i][j], m[i][j])
		}
	}
	return out
}

// inverse is by Gauss and Jordan, exactly; false if m is singular.
func (m matrix) inverse() (matrix, bool) {
	n := len(m)
	w := newMatrix(n, 2*n)
	for i := range m {
		for j := range m {
			w[i][j].Set(m[i][j])
		}
		w[i][n+i].Set(one)
	}
	p := new(big.Rat)
	for col := range n {
		pivot := col
		for pivot < n && w[pivot][col].Sign() == 0 {
			pivot++
		}
		if pivot == n {
			return nil, false
		}
		w[col], w[pivot] = w[pivot], w[col]
		scale := new(big.Rat).Inv(w[col][col])
		for j := range w[col] {
			w[col][j].Mul(w[col][j], scale)
		}
		for i := range w {
			factor := new(big.Rat).Set(w[i][col])
			if i == col || factor.Sign() == 0 {
				continue
			}
			for j := range w[i] {
				w[i][j].Sub(w[i][j], p.Mul(factor, w[col][j]))
			}
		}
	}
	out := make(matrix, n)
	for i := range out {
		out[i] = w[i][n:]
	}
	return out, true
}

// grown is (I - m)^-1 of a matrix m of no negative number; false unless every
// power series of m converges: a positive v with m v < v shows that (Berman,
// Plemmons 1994, chapter 6).
func (m matrix) grown() (matrix, bool) {
	out, ok := m.less().inverse()
	if !ok {
		return nil, false
	}
	ones := make([]*big.Rat, len(m))
	for i := range ones {
		ones[i] = one
	}
	for _, v := range out.times(ones) {
		if v.Sign() <= 0 {
			return nil, false
		}
	}
	return out, true
}
