// Package finish computes what is not released itself but follows from it:
// means, as ratios of two shown sums, with the error that rounding or noise
// leaves in them. A finisher is a pure function of a candidate, so it tells
// nothing that the candidate does not. It has no floats: a mean is an exact
// ratio, and its bounds are exact ratios.
//
// It does not publish: who prints a mean prints its bounds beside it.
package finish

import (
	"fmt"
	"math/big"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// A Mean is the ratio of a figure to the units of one cell. Value lies within
// Lo and Hi; so does the true mean, always in mode sdc, and in mode dp with 95
// % confidence. The zero Mean is no mean: the cell is hidden, or its units
// could be none.
type Mean struct {
	Value, Lo, Hi *big.Rat
}

// Shown reports whether there is a mean.
func (m Mean) Shown() bool { return m.Value != nil }

// Means returns the mean of a figure (an index into c.Figures, above 0, for 0
// is the units) in each cell. An error is of kind Invalid.
func Means(c jobs.Candidate, figure int) ([]Mean, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("computing means: %w", err)
	}
	if figure < 1 || figure >= len(c.Figures) {
		return nil, fmt.Errorf("computing means: no such figure: %w", fault.Invalid)
	}
	top, bottom := slack(c.Figures[figure]), slack(c.Figures[0])
	means := make([]Mean, len(c.Cells))
	for i, cell := range c.Cells {
		if cell != nil {
			means[i] = ratio(cell[figure], cell[0], top, bottom)
		}
	}
	return means, nil
}

// joint is the number of standard deviations, in ten-thousandths, that two
// normal errors both stay within with 95 % (Bonferroni: 97.5 % each).
const joint = 22415

// slack is how far a shown value can be from the true one: half a base, or,
// with 97.5 % confidence, that many standard deviations.
func slack(f jobs.Figure) *big.Rat {
	if f.Round > 0 {
		if f.Round == 1 {
			return new(big.Rat) // sums are integers: nothing was rounded away
		}
		return big.NewRat(f.Round, 2)
	}
	v, _ := new(big.Int).SetString(f.Variance, 10) // Check has read it
	return new(big.Rat).SetInt64(jobs.Within(v, joint))
}

// ratio is the mean and the hull of all ratios within the slacks. A quotient
// of intervals that do not hold 0 below has its extremes at the corners.
func ratio(sum, units int64, top, bottom *big.Rat) Mean {
	s, n := new(big.Rat).SetInt64(sum), new(big.Rat).SetInt64(units)
	if new(big.Rat).Sub(n, bottom).Sign() <= 0 {
		return Mean{}
	}
	m := Mean{Value: new(big.Rat).Quo(s, n)}
	for _, above := range []*big.Rat{new(big.Rat).Sub(s, top), new(big.Rat).Add(s, top)} {
		for _, below := range []*big.Rat{new(big.Rat).Sub(n, bottom), new(big.Rat).Add(n, bottom)} {
			q := new(big.Rat).Quo(above, below)
			if m.Lo == nil || q.Cmp(m.Lo) < 0 {
				m.Lo = q
			}
			if m.Hi == nil || q.Cmp(m.Hi) > 0 {
				m.Hi = q
			}
		}
	}
	return m
}

// String is the mean to two places with its bounds rounded outwards, or the
// symbol of a hidden cell.
func (m Mean) String() string {
	if !m.Shown() {
		return jobs.Hidden
	}
	return fmt.Sprintf("%s [%s, %s]", m.Value.FloatString(2), hundredths(m.Lo, false), hundredths(m.Hi, true))
}

// hundredths rounds down, or up, to two places.
func hundredths(r *big.Rat, up bool) string {
	x := new(big.Rat).Mul(r, big.NewRat(100, 1))
	q := new(big.Int).Div(x.Num(), x.Denom()) // rounds down for a positive divisor
	if up && !x.IsInt() {
		q.Add(q, big.NewInt(1))
	}
	return new(big.Rat).SetFrac(q, big.NewInt(100)).FloatString(2)
}
