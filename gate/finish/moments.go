package finish

import "math/big"

// ratio is one figure over another, whose true value must be above 0. Of what
// was rounded away the bounds are the hull. With noise let m' be the true ratio
// of the released s, n: s - m' n is a fixed sum of independent errors, within a
// slack S(m') <= S(m) + |m' - m| S_n, and |m' - m| is at most S(m) / (n - S_n)
// (compare Fieller 1954).
func (t Table) ratio(cell []int64, top, bottom int) Estimate {
	z := deviations(1)
	below := t.span(cell, bottom, z)
	if below.lo.Sign() <= 0 {
		return Estimate{}
	}
	if top == bottom {
		return within(one, point(one))
	}
	v := new(big.Rat).Quo(value(cell, top), value(cell, bottom))
	if t.figures[top].variance.Sign() == 0 && t.figures[bottom].variance.Sign() == 0 {
		return within(v, t.span(cell, top, z).quo(below))
	}
	slack := t.slack(z, term{top, one}, term{bottom, new(big.Rat).Neg(v)})
	return within(v, around(v, slack.Quo(slack, below.lo)))
}

// times multiplies an estimate by a positive number.
func (e Estimate) times(by *big.Rat) Estimate {
	if !e.Shown() {
		return e
	}
	return Estimate{new(big.Rat).Mul(e.Value, by), new(big.Rat).Mul(e.Lo, by), new(big.Rat).Mul(e.Hi, by)}
}

// spread is the sum of squared deviations from the mean, q - s^2/n, n above 0.
func spread(n, s, q span) span { return q.sub(s.square().quo(n)) }

// variance is the sample variance of n values by their sum and their sum of
// squares. It is not shown where there might not be two values, or where the
// figures cannot be those of the same values.
func (t Table) variance(cell []int64, count, sum, squares int) Estimate {
	z := deviations(3)
	n := t.span(cell, count, z)
	less := n.sub(point(one))
	if less.lo.Sign() <= 0 {
		return Estimate{}
	}
	s := spread(n, t.span(cell, sum, z), t.span(cell, squares, z))
	if s.hi.Sign() < 0 {
		return Estimate{}
	}
	exact := func(i int) span { return point(value(cell, i)) }
	v := spread(exact(count), exact(sum), exact(squares)).quo(exact(count).sub(point(one)))
	return within(v.lo, s.clip(new(big.Rat), nil).quo(less))
}

// A pair names the figures of two variables x and y: how many have both, their
// sums, and the sums of squares and of products.
type pair struct{ n, x, y, xx, yy, xy int }

// correlation is Pearson's. It is not shown where one of the variables might
// be constant, or where nothing but [-1, 1] could be said.
func (t Table) correlation(cell []int64, p pair) Estimate {
	z := deviations(6)
	at := func(i int) span { return t.span(cell, i, z) }
	if at(p.n).lo.Sign() <= 0 {
		return Estimate{}
	}
	r, ok := pearson(at(p.n), at(p.x), at(p.y), at(p.xx), at(p.yy), at(p.xy))
	exact := func(i int) span { return point(value(cell, i)) }
	v, sure := pearson(exact(p.n), exact(p.x), exact(p.y), exact(p.xx), exact(p.yy), exact(p.xy))
	minus := new(big.Rat).Neg(one)
	if !ok || !sure || r.lo.Cmp(minus) <= 0 && r.hi.Cmp(one) >= 0 {
		return Estimate{}
	}
	return within(v.lo, r.clip(minus, one))
}

func pearson(n, x, y, xx, yy, xy span) (span, bool) {
	u, v := spread(n, x, xx), spread(n, y, yy)
	if u.lo.Sign() <= 0 || v.lo.Sign() <= 0 {
		return span{}, false
	}
	return xy.sub(x.mul(y).quo(n)).quo(u.mul(v).root()), true
}
