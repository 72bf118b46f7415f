package register

import "math/big"

// A kernel is a basis, modulo the prime, of the combinations of some rows that
// vanish on the units so far.
type kernel [][]uint64

// every is the kernel before any unit: all combinations of n rows.
func every(n int) kernel {
	k, flat := make(kernel, n), make([]uint64, n*n)
	for i := range k {
		k[i] = flat[i*n : (i+1)*n]
		k[i][i] = 1
	}
	return k
}

func dot(a, b []uint64) uint64 {
	var s uint64
	for i, x := range a {
		if x != 0 && b[i] != 0 {
			s = modAdd(s, modMul(x, b[i]))
		}
	}
	return s
}

// vanish keeps what vanishes on one more unit, in place.
func (k kernel) vanish(unit []uint64) kernel {
	p, inv := -1, uint64(0)
	var at uint64
	for i := range k {
		d := dot(k[i], unit)
		if d == 0 {
			continue
		}
		if p < 0 {
			p, at = i, d
			continue
		}
		if inv == 0 {
			inv = modInv(at)
		}
		q := modMul(d, inv)
		for j, x := range k[p] {
			if x != 0 {
				k[i][j] = modSub(k[i][j], modMul(q, x))
			}
		}
	}
	if p < 0 {
		return k
	}
	copy(k[p:], k[p+1:])
	return k[:len(k)-1]
}

// whole scales a combination to integers without a common factor, nil if they
// are not small.
func whole(w []uint64) []*big.Int {
	inv := uint64(0)
	scale := big.NewInt(1)
	rats := make([]*big.Rat, len(w))
	for i, x := range w {
		if rats[i] = new(big.Rat); x == 0 {
			continue
		}
		if inv == 0 {
			inv = modInv(x)
		}
		if rats[i] = rational(modMul(x, inv)); rats[i] == nil {
			return nil
		}
		d := rats[i].Denom()
		g := new(big.Int).GCD(nil, nil, scale, d)
		scale.Mul(scale, new(big.Int).Quo(d, g))
		if scale.BitLen() > 61 {
			return nil
		}
	}
	out := make([]*big.Int, len(w))
	for i, x := range rats {
		x.Mul(x, new(big.Rat).SetInt(scale))
		out[i] = x.Num()
	}
	return out
}
