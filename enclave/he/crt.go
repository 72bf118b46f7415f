package he

import "math/bits"

// plain are the plaintext primes, by modulus.
var plain = [Moduli]int64{t1, t2}

// residue returns v modulo t.
func residue(v, t int64) uint64 {
	r := v % t
	return uint64(r + t&(r>>63)) //nolint:gosec // r is in (-t, t), the sum in [0, t)
}

// t1Inverse is 1/T1 modulo T2; T1-T2 is 196608, so it is that of 196608.
var t1Inverse = power((t1-t2)%t2, t2-2, t2)

// power returns x^n modulo m.
func power(x, n, m uint64) uint64 {
	r := uint64(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			r = mulMod(r, x, m)
		}
		x = mulMod(x, x, m)
	}
	return r
}

func mulMod(x, y, m uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return bits.Rem64(hi, lo, m)
}

// join returns the number of smallest size that is r1 modulo T1 and r2 modulo
// T2, and whether its size is at most bound, which is not negative. A size is
// at most T1*T2/2, about 2^99.
func join(r1, r2 uint64, bound int64) (int64, bool) {
	// x = r1 + T1*((r2-r1)/T1 mod T2), in [0, T1*T2)
	k := mulMod((r2+t2-r1%t2)%t2, t1Inverse, t2)
	hi, lo := bits.Mul64(t1, k)
	lo, c := bits.Add64(lo, r1, 0)
	hi += c
	// the size and sign of the one of x, x-T1*T2 that is nearer to 0
	mhi, mlo := bits.Mul64(t1, t2)
	nlo, b := bits.Sub64(mlo, lo, 0)
	nhi, _ := bits.Sub64(mhi, hi, b)
	if hi == 0 && lo <= uint64(bound) { //nolint:gosec // openable refuses a bound below 0
		return int64(lo), true //nolint:gosec // at most bound
	}
	if nhi == 0 && nlo <= uint64(bound) { //nolint:gosec // as above
		return -int64(nlo), true //nolint:gosec // at most bound
	}
	return 0, false
}
