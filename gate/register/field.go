package register

import (
	"math/big"
	"math/bits"
)

// The row-space test works modulo the Mersenne prime 2^61 - 1. A combination of
// rows that is zero on a unit over the rationals is zero modulo any prime, so
// that nothing small is overlooked, unless the prime divides every entry of an
// integer combination with coprime coefficients (an elementary divisor of a
// table of zeros and ones; none of a set of tables comes near it). What is
// small modulo the prime only is caught by confirming it over the rationals.
const prime = 1<<61 - 1

func modAdd(a, b uint64) uint64 {
	s := a + b
	if s >= prime {
		s -= prime
	}
	return s
}

func modSub(a, b uint64) uint64 {
	if a >= b {
		return a - b
	}
	return a + prime - b
}

func modMul(a, b uint64) uint64 {
	h, l := bits.Mul64(a, b)
	s := l&prime + (l>>61 | h<<3)
	if s >= prime {
		s -= prime
	}
	return s
}

// modInv is a^(p-2).
func modInv(a uint64) uint64 {
	out := uint64(1)
	for e := uint64(prime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			out = modMul(out, a)
		}
		a = modMul(a, a)
	}
	return out
}

// rational is the fraction n/d with n^2, d^2 < p/2 that equals x modulo the
// prime (Wang 1981), nil if there is none.
func rational(x uint64) *big.Rat {
	const bound = 1 << 30
	r0, r1 := int64(prime), narrow[int64](x)
	t0, t1 := int64(0), int64(1)
	for r1 >= bound {
		q := r0 / r1
		r0, r1 = r1, r0-q*r1
		t0, t1 = t1, t0-q*t1
	}
	if t1 == 0 || t1 >= bound || t1 <= -bound {
		return nil
	}
	return big.NewRat(r1, t1)
}
