package finish

import (
	"math/big"

	"github.com/yunei/yunei/jobs"
)

// tail is how many units must stand on either side of a quantile (house C13,
// after ACRO and OpenSAFELY): beyond, it would be an extreme.
const tail = 10

// quantile is the q-quantile of what the bins of a dim hold, counts in order,
// bin i from edges[i] to edges[i+1]. What is sure is the bins that it may lie
// in; within the bin the value is interpolated. It is hidden if a bin is.
//
// The quantile lies in the first bin whose cumulated count reaches q of the
// total, that is, the first whose surplus (1-q) (n_0 + .. + n_i) - q (n_i+1 +
// ..) is not negative. A surplus is a sum of independent counts, so its error
// is known; there is one for each edge within.
func (t Table) quantile(bins []jobs.Cell, count int, q *big.Rat, edges []*big.Rat) Estimate {
	total := new(big.Rat)
	for _, cell := range bins {
		if cell == nil {
			return Estimate{}
		}
		total.Add(total, value(cell, count))
	}
	z, f := deviations(len(bins)), t.figures[count]
	whole := Table{figures: []figure{f.times(len(bins))}}
	rest := new(big.Rat).Sub(one, q)
	least := around(total, whole.slack(z, term{0, one})).lo
	for _, side := range []*big.Rat{q, rest} {
		if new(big.Rat).Mul(side, least).Cmp(big.NewRat(tail, 1)) < 0 {
			return Estimate{}
		}
	}
	from, to, at := -1, -1, -1
	surplus := new(big.Rat).Neg(new(big.Rat).Mul(q, total))
	var guess *big.Rat
	for i, cell := range bins {
		n := value(cell, count)
		before := surplus
		surplus = new(big.Rat).Add(surplus, n)
		s := around(surplus, f.surplus(z, q, i+1, len(bins)-i-1))
		last := i == len(bins)-1 // all of the total: sure to reach it
		if from < 0 && (s.hi.Sign() >= 0 || last) {
			from = i
		}
		if at < 0 && (surplus.Sign() >= 0 || last) {
			at, guess = i, interpolate(before, n, edges[i], edges[i+1])
		}
		if to < 0 && (s.lo.Sign() >= 0 || last) {
			to = i
		}
	}
	return within(guess, span{edges[from], edges[to+1]})
}

// times is the spread of a sum of n values.
func (f figure) times(n int) figure {
	f.half = new(big.Rat).Mul(f.half, big.NewRat(int64(n), 1))
	f.variance = new(big.Int).Mul(f.variance, big.NewInt(int64(n)))
	return f
}

// surplus is the slack of (1-q) times some counts less q times others.
func (f figure) surplus(z int64, q *big.Rat, below, above int) *big.Rat {
	t := Table{figures: []figure{f.times(below), f.times(above)}}
	return t.slack(z, term{0, new(big.Rat).Sub(one, q)}, term{1, q})
}

// interpolate is where in a bin of n the rest of a surplus below 0 is reached.
func interpolate(before, n, from, to *big.Rat) *big.Rat {
	if n.Sign() <= 0 || before.Sign() >= 0 {
		return from
	}
	part := new(big.Rat).Neg(before)
	part.Quo(part, n)
	return part.Mul(part, new(big.Rat).Sub(to, from)).Add(part, from)
}
