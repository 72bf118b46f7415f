package twin

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"math/bits"
	"math/rand/v2"
)

// dice draw all that is drawn, in integers: a float may come out differently
// on a machine that fuses two operations. Fixed-point numbers have 16 bits of
// fraction (one is 1<<16).
type dice struct{ stream *rand.ChaCha8 }

// dice returns the dice of one purpose for one unit or column. Every unit has
// its own, so that it does not depend on those before it.
func (t *Twin) dice(purpose string, i int) dice {
	return newDice(t.options.Seed, purpose+"\x00"+t.options.Dataset, i)
}

func newDice(seed uint64, purpose string, i int) dice {
	b := append([]byte("yunei twin v1\x00"), purpose...)
	b = binary.BigEndian.AppendUint64(append(b, 0), seed)
	b = binary.BigEndian.AppendUint64(b, uint64(i)) //nolint:gosec // not negative
	return dice{rand.NewChaCha8(sha256.Sum256(b))}
}

// below draws from 0 to n-1, n > 0.
func (d dice) below(n int64) int64 {
	hi, _ := bits.Mul64(d.stream.Uint64(), uint64(n)) //nolint:gosec // n is positive
	return int64(hi)                                  //nolint:gosec // below n
}

// in says yes n times in 10,000.
func (d dice) in(n int) bool { return d.below(10_000) < int64(n) }

// normal draws a standard normal number, as the sum of twelve uniform ones.
func (d dice) normal() int64 {
	sum := int64(-6 << 16)
	for range 3 {
		for u, k := d.stream.Uint64(), 0; k < 4; k++ {
			sum += int64(u >> (16 * k) & 0xffff)
		}
	}
	return sum
}

// exponential draws -log2 of a uniform number: two to its power has a Pareto
// tail of index one.
func (d dice) exponential() int64 {
	u := d.stream.Uint64() | 1
	zeros := bits.LeadingZeros64(u)
	m := u << zeros >> 33 // in [1, 2), 30 bits of fraction
	log := int64(0)
	for range 16 { // a bit of the logarithm at each squaring
		m = m * m >> 30
		log <<= 1
		if m>>31 != 0 {
			m >>= 1
			log |= 1
		}
	}
	return int64(zeros+1)<<16 - log
}

// roots are 2^(1/2), 2^(1/4) ... 2^(1/2^16), with 62 bits of fraction.
var roots = func() (r [16]uint64) {
	const frac = 200
	x := new(big.Int).Lsh(big.NewInt(2), frac)
	for i := range r {
		x = x.Sqrt(x.Lsh(x, frac))
		r[i] = new(big.Int).Rsh(x, frac-62).Uint64()
	}
	return r
}()

// scale returns median * 2^x, at least 1 and at most most; 0 < median < 2^40.
func scale(median, x, most int64) int64 {
	m := uint64(1) << 62
	for i, root := range roots {
		if x>>(15-i)&1 == 1 {
			hi, lo := bits.Mul64(m, root)
			m = hi<<2 | lo>>62
		}
	}
	hi, lo := bits.Mul64(uint64(median), m) //nolint:gosec // positive
	v, whole := hi<<2|lo>>62, int(x>>16)
	switch {
	case whole < 0:
		v >>= min(-whole, 63)
	case bits.Len64(v)+whole > 62:
		return most
	default:
		v <<= whole
	}
	return max(1, min(int64(v), most)) //nolint:gosec // below 2^62
}
