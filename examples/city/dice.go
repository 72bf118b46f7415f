package city

import (
	"math/big"
	"math/bits"
	"math/rand/v2"
)

// dice draw all that is drawn, in integers. Fixed-point numbers have 16 bits
// of fraction (one is 1<<16).
type dice struct{ pcg rand.PCG }

// The streams of one seed. Each purpose has its own, so that a change to one
// file leaves the others as they were.
const (
	streamPeople = iota + 1
	streamSettlements
	streamEmployment
)

func newDice(seed, stream uint64) *dice {
	return &dice{pcg: *rand.NewPCG(seed, stream)}
}

// below draws from 0 to n-1.
func (d *dice) below(n int) int {
	hi, _ := bits.Mul64(d.pcg.Uint64(), uint64(n)) //nolint:gosec // n is positive
	return int(hi)                                 //nolint:gosec // below n
}

// in says yes n times in 10,000.
func (d *dice) in(n int) bool { return d.below(10_000) < n }

// normal draws a standard normal number: the sum of twelve uniform ones has
// variance one, and tails that end at six.
func (d *dice) normal() int64 {
	sum := int64(-6 << 16)
	for range 3 {
		u := d.pcg.Uint64()
		sum += int64(u&0xffff + u>>16&0xffff + u>>32&0xffff + u>>48)
	}
	return sum
}

// exponential draws -log2(U) for uniform U: what makes a Pareto tail when two
// is raised to it.
func (d *dice) exponential() int64 {
	u := d.pcg.Uint64() | 1
	zeros := bits.LeadingZeros64(u)
	m := u << zeros >> 32 // mantissa in [1, 2) with 31 bits of fraction
	var frac int64
	for range 16 { // log2 of the mantissa, a bit at each squaring
		m = m * m >> 31
		frac <<= 1
		if m >= 1<<32 {
			m >>= 1
			frac |= 1
		}
	}
	return int64(zeros+1)<<16 - frac
}

// exp2Table holds 2^(i/256) with 32 bits of fraction, from integer square
// roots: no machine computes it differently.
var exp2Table = func() (t [257]uint64) {
	const frac = 120
	one := new(big.Int).Lsh(big.NewInt(1), frac)
	root := new(big.Int).Lsh(big.NewInt(1), frac+1) // 2, then 2^(1/2), 2^(1/4) ...
	var powers [8]*big.Int                          // powers[k] = 2^(2^k/256)
	for k := 7; k >= 0; k-- {
		root = new(big.Int).Sqrt(new(big.Int).Lsh(root, frac))
		powers[k] = root
	}
	for i := range 256 {
		x := new(big.Int).Set(one)
		for k := range powers {
			if i>>k&1 == 1 {
				x.Rsh(x.Mul(x, powers[k]), frac)
			}
		}
		t[i] = x.Rsh(x, frac-32).Uint64()
	}
	t[256] = 2 << 32
	return t
}()

// scale returns median * 2^x, at least 1 and at most limit. The median is
// below 2^28.
func scale(median, x, limit int64) int64 {
	whole, f := x>>16, x&0xffff
	if whole > 24 {
		return limit
	}
	i, rest := f>>8, uint64(f&0xff)
	m := exp2Table[i] + (exp2Table[i+1]-exp2Table[i])*rest>>8 // 33 bits
	v := int64(uint64(median) * m >> 32)                      //nolint:gosec // below 2^61
	if whole >= 0 {
		v <<= whole
	} else {
		v >>= min(-whole, 63)
	}
	return max(1, min(v, limit))
}

// An alias table draws from weights in constant time (Walker 1977, Vose 1991),
// in integers.
type alias struct {
	total uint64
	keep  []uint64 // of total, how often slot i stands for itself
	other []int32
}

func newAlias(weights []int) alias {
	n := len(weights)
	a := alias{keep: make([]uint64, n), other: make([]int32, n)}
	for _, w := range weights {
		a.total += uint64(w) //nolint:gosec // weights are not negative
	}
	var small, large []int32
	for i, w := range weights {
		a.keep[i], a.other[i] = uint64(w)*uint64(n), int32(i) //nolint:gosec // fewer than 2^31 slots
		if a.keep[i] < a.total {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.other[s] = l
		a.keep[l] -= a.total - a.keep[s]
		if a.keep[l] < a.total {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	return a
}

func (a *alias) draw(d *dice) int {
	i, rest := bits.Mul64(d.pcg.Uint64(), uint64(len(a.keep)))
	if u, _ := bits.Mul64(rest, a.total); u < a.keep[i] {
		return int(i) //nolint:gosec // an index
	}
	return int(a.other[i])
}
