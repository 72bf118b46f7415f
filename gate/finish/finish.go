// Package finish computes what is not released itself but follows from it:
// means, rates, variances, correlations, quantiles and regressions, each with
// the interval that rounding or noise leaves around it. A finisher is a pure
// function of a candidate, so it tells nothing that the candidate does not; a
// mean in particular is the ratio of two released figures and never of what
// they were before (an exact mean beside a rounded count would give the count
// away: SDC Handbook, chapter 5).
//
// An interval is about the records that were counted, not about a population
// that they may be a sample of. In mode sdc it always holds the value that the
// true sums would give; in the noisy modes it does with 95 %, for each interval
// alone, or for the coefficients of one regression together. In mode sdc+dp
// that is before the small cells were hidden: of the shown ones, a few more
// miss. Sampling errors of regressions are given as a figure of their own.
//
// Values are exact ratios, bounds are rounded outwards. Only the search for a
// logistic estimate is in floating point; its bounds are interval arithmetic
// again. The package knows figures by name: that cost2 holds squares of cost is
// the caller's word, and where each unit's total was clipped, cost2 must have
// been made of the clipped one. It does not publish: who prints a value prints
// its bounds beside it.
package finish

import (
	"fmt"
	"math/big"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// An Estimate is a value that follows from released figures, and the interval
// that holds the one that follows from the true figures. The zero Estimate is
// not shown: a cell was hidden, or rounding or noise leave nothing to say. An
// Estimate without bounds promises nothing.
type Estimate struct {
	Value, Lo, Hi *big.Rat
}

// Shown reports whether there is a value.
func (e Estimate) Shown() bool { return e.Value != nil }

// within is the estimate of a value and its span. The value is brought into the
// span, which it may have left where the truth is known to keep to a range.
func within(value *big.Rat, s span) Estimate {
	if value.Cmp(s.lo) < 0 {
		value = s.lo
	}
	if value.Cmp(s.hi) > 0 {
		value = s.hi
	}
	return Estimate{Value: value, Lo: s.lo, Hi: s.hi}
}

// String is the value with its bounds rounded outwards, or the symbol of a
// hidden cell. There are as many places as the width of the interval merits.
func (e Estimate) String() string {
	switch {
	case !e.Shown():
		return jobs.Hidden
	case e.Lo == nil:
		return "~" + e.Value.FloatString(places(new(big.Rat).Abs(e.Value))+2)
	}
	n := e.places()
	return fmt.Sprintf("%s [%s, %s]", e.Value.FloatString(n), decimal(e.Lo, n, false), decimal(e.Hi, n, true))
}

// places is how many decimals the estimate is written with.
func (e Estimate) places() int {
	width := new(big.Rat).Sub(e.Hi, e.Lo)
	if width.Sign() > 0 {
		return places(width)
	}
	if new(big.Rat).Mul(e.Value, big.NewRat(100, 1)).IsInt() {
		return leastPlaces
	}
	return places(new(big.Rat).Abs(e.Value)) + 4
}

const (
	leastPlaces = 2
	mostPlaces  = 18
)

// places is enough decimals to show two digits of r >= 0 or more, within
// leastPlaces and mostPlaces.
func places(r *big.Rat) int {
	n := leastPlaces
	for ten := big.NewRat(10, 1); n < mostPlaces && r.Cmp(one) < 0; n++ {
		r = new(big.Rat).Mul(r, ten)
	}
	return n
}

var one = big.NewRat(1, 1)

// decimal rounds down, or up, to some places.
func decimal(r *big.Rat, places int, up bool) string {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	x := new(big.Rat).Mul(r, new(big.Rat).SetInt(scale))
	q := new(big.Int).Div(x.Num(), x.Denom()) // rounds down for a positive divisor
	if up && !x.IsInt() {
		q.Add(q, big.NewInt(1))
	}
	return new(big.Rat).SetFrac(q, scale).FloatString(places)
}

// Means returns the mean of a figure (an index into c.Figures, above 0, for 0
// is the units) in each cell. An error is of kind Invalid.
func Means(c jobs.Candidate, figure int) ([]Estimate, error) {
	t, err := Read(c)
	if err != nil {
		return nil, fmt.Errorf("computing means: %w", err)
	}
	if figure < 1 || figure >= len(t.figures) {
		return nil, fmt.Errorf("computing means: no such figure: %w", fault.Invalid)
	}
	return t.each(func(cell []int64) Estimate { return t.ratio(cell, figure, 0) }), nil
}
