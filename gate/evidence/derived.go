package evidence

import (
	"math/big"

	"github.com/yunei/yunei/gate/params"
)

// A Quantile is a percentile, or an extreme, with the units on each side of it.
type Quantile struct {
	Extreme      bool  // a minimum or a maximum
	Below, Above int64 // units at or beyond it, on each side
}

// Extremes is C13: no minimum and no maximum, and enough units on both sides of
// each percentile.
func Extremes(qs []Quantile, p params.Parameters) Finding {
	var extremes, few int64
	for _, q := range qs {
		if q.Extreme && p.ExtremesRefused == 1 {
			extremes++
		}
		if min(q.Below, q.Above) < p.Tail && !q.Extreme {
			few++
		}
	}
	return say("C13", p, worst(extremes+few, 0), words{
		Pass: {"不含最大值、最小值，各分位数两侧个体均达到门槛。", "no minimum or maximum, and enough units on both sides of each percentile"},
		Fail: {"含最大值、最小值，或有的分位数一侧个体过少。", "a minimum, a maximum, or a percentile with too few units on one side"},
	}, map[string]int64{"extremes": extremes, "percentiles": few})
}

// A Ratio is a ratio of counts as it is shown, with what it can stand for: the
// true ratio is in [Lo, Hi] and the true denominator in [Min, Max].
type Ratio struct {
	Lo, Hi   *big.Rat
	Min, Max int64
}

// feasible are the integers that a numerator can be: of the ratio, or of its
// complement.
func (r Ratio) feasible(complement bool) (least, most int64) {
	lo, hi := r.Lo, r.Hi
	if complement {
		one := big.NewRat(1, 1)
		lo, hi = new(big.Rat).Sub(one, r.Hi), new(big.Rat).Sub(one, r.Lo)
	}
	from := new(big.Rat).Mul(lo, new(big.Rat).SetInt64(r.Min))
	to := new(big.Rat).Mul(hi, new(big.Rat).SetInt64(r.Max))
	up := new(big.Int).Neg(from.Num())
	up.Div(up, from.Denom()).Neg(up) // rounded up
	down := new(big.Int).Div(to.Num(), to.Denom())
	return max(0, clamp(up)), clamp(down)
}

func clamp(x *big.Int) int64 {
	if !x.IsInt64() {
		return int64(x.Sign()) << 62
	}
	return x.Int64()
}

// Ratios is C18: no ratio gives away, with its denominator, that its numerator
// is of too few units; nor, for a proportion, that the rest is. A numerator
// that may be of too few or of none is left to people; so is a ratio that no
// numerator can have.
func Ratios(rs []Ratio, p params.Parameters) Finding {
	var few, unclear int64
	for _, r := range rs {
		if r.Lo == nil || r.Hi == nil || r.Lo.Sign() < 0 || r.Lo.Cmp(r.Hi) > 0 || r.Min < 1 || r.Min > r.Max {
			unclear++
			continue
		}
		for _, complement := range []bool{false, true} {
			if complement && r.Hi.Cmp(big.NewRat(1, 1)) > 0 {
				continue
			}
			switch least, most := r.feasible(complement); {
			case most < least:
				unclear++
			case least > 0 && most < p.Numerator:
				few++
			case most > 0 && most < p.Numerator:
				unclear++
			}
		}
	}
	return say("C18", p, worst(few, unclear), words{
		Pass:   {"由比率及其分母不能推出个体过少的分子。", "no ratio gives away, with its denominator, a numerator of too few units"},
		Review: {"有的比率的分子可能个体过少，或与分母不符，由审核员判断。", "some ratios may have a numerator of too few units, or none that fits: for the output checkers"},
		Fail:   {"由有的比率及其分母可推出个体过少的分子。", "some ratios give away, with their denominators, a numerator of too few units"},
	}, map[string]int64{"ratios": few, "unclear": unclear})
}

// A Mean is a mean as it is shown, to Places decimal places, beside the shown sum and count.
type Mean struct {
	Value      *big.Rat
	Places     int
	Sum, Count int64
}

// Means is C19: a mean is the shown sum over the shown count and nothing else.
// The exact mean beside a changed count gives the exact count away (SDC Handbook,
// 5.7).
func Means(ms []Mean, p params.Parameters) Finding {
	var other int64
	for _, m := range ms {
		if m.Value == nil || m.Count < 1 || m.Places < 0 || m.Places > 18 {
			other++
			continue
		}
		diff := new(big.Rat).Sub(m.Value, big.NewRat(m.Sum, m.Count))
		half := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(m.Places)), nil)
		if diff.Abs(diff).Cmp(new(big.Rat).SetFrac(big.NewInt(1), half.Lsh(half, 1))) > 0 {
			other++
		}
	}
	return say("C19", p, worst(other, 0), words{
		Pass: {"各均值均由所示合计与计数算出。", "each mean is the shown sum over the shown count"},
		Fail: {"有的均值不是由所示合计与计数算出，可推出精确计数。", "some means are not the shown sum over the shown count, and give the exact count away"},
	}, map[string]int64{"means": other})
}
