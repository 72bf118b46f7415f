package finish

import "math/big"

// A span is a closed interval of exact ratios. The outcome of an operation
// holds that of every pair of values within its operands (Moore 1966).
type span struct{ lo, hi *big.Rat }

func around(mid, slack *big.Rat) span {
	return span{new(big.Rat).Sub(mid, slack), new(big.Rat).Add(mid, slack)}
}

func point(r *big.Rat) span { return span{r, r} }

func (a span) sub(b span) span {
	return span{new(big.Rat).Sub(a.lo, b.hi), new(big.Rat).Sub(a.hi, b.lo)}
}

func (a span) mul(b span) span {
	var out span
	for _, x := range []*big.Rat{a.lo, a.hi} {
		for _, y := range []*big.Rat{b.lo, b.hi} {
			p := new(big.Rat).Mul(x, y)
			if out.lo == nil || p.Cmp(out.lo) < 0 {
				out.lo = p
			}
			if out.hi == nil || p.Cmp(out.hi) > 0 {
				out.hi = p
			}
		}
	}
	return out
}

// quo divides by a span above 0.
func (a span) quo(b span) span {
	return a.mul(span{new(big.Rat).Inv(b.hi), new(big.Rat).Inv(b.lo)})
}

func (a span) square() span {
	s := a.mul(a)
	if a.lo.Sign() <= 0 && a.hi.Sign() >= 0 {
		s.lo = new(big.Rat)
	}
	return s
}

// root is the square root of the part that is not below 0.
func (a span) root() span {
	a = a.clip(new(big.Rat), nil)
	return span{root(a.lo, false), root(a.hi, true)}
}

// clip narrows a to what the truth is known to keep to; nil is no bound.
func (a span) clip(lo, hi *big.Rat) span {
	for _, x := range []**big.Rat{&a.lo, &a.hi} {
		if lo != nil && (*x).Cmp(lo) < 0 {
			*x = lo
		}
		if hi != nil && (*x).Cmp(hi) > 0 {
			*x = hi
		}
	}
	return a
}

// root is the square root of r >= 0, rounded down or up, to 60 bits or more.
func root(r *big.Rat, up bool) *big.Rat {
	n := new(big.Int).Mul(r.Num(), r.Denom()) // sqrt(p/q) = sqrt(pq)/q
	shift := uint(max(0, 64-n.BitLen()/2))
	n.Lsh(n, 2*shift)
	s := new(big.Int).Sqrt(n)
	if up && new(big.Int).Mul(s, s).Cmp(n) < 0 {
		s.Add(s, big.NewInt(1))
	}
	return new(big.Rat).SetFrac(s, new(big.Int).Lsh(r.Denom(), shift))
}
