package evidence

import (
	"math"
	"math/big"
	"math/bits"
)

// The rules of concentration of the SDC Handbook (2nd edition, 4.2), on exact
// integers. Total is the total of a cell, and top its largest contributions,
// largest first; none may be negative, so that with signed values total and top
// are of absolute values, and the rules are no more than rules of thumb (C09).

// Close is the p%-rule with a coalition of contributors (C07): the total
// without the largest contribution and without the coalition's is less than p
// percent of the largest. What does not add up is close as well.
func Close(total int64, top []int64, p, coalition int64) bool {
	rest := total - sum(top, coalition+1)
	return rest < 0 || above(p, largest(top), 100, rest)
}

// Dominated is the (n,k)-rule (C08): the n largest contributions are more than
// k percent of the total. With k = 100 it is off.
func Dominated(total int64, top []int64, n, k int64) bool {
	return total < 0 || above(100, sum(top, n), k, total)
}

// Posterior is the (p,q) prior-posterior rule: the total without the two
// largest contributions is less than p/q of the largest, q > 0.
func Posterior(total int64, top []int64, p, q int64) bool {
	rest := total - sum(top, 2)
	return rest < 0 || above(p, largest(top), q, rest)
}

// LevelClose is the upper protection level of the p%-rule with a coalition: how
// far above its total the largest value of a hidden cell must reach that a user
// can work out. It is 0 for a cell that the rule lets out.
func LevelClose(total int64, top []int64, p, coalition int64) int64 {
	return level(p, largest(top), 100, total-sum(top, coalition+1))
}

// LevelDominated is that of the (n,k)-rule.
func LevelDominated(total int64, top []int64, n, k int64) int64 {
	return level(100, sum(top, n), k, total)
}

// LevelPosterior is that of the (p,q)-rule.
func LevelPosterior(total int64, top []int64, p, q int64) int64 {
	return level(p, largest(top), q, total-sum(top, 2))
}

// level is a*b/c - d, rounded up, and never below 0; c > 0.
func level(a, b, c, d int64) int64 {
	x := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	x.Sub(x, new(big.Int).Mul(big.NewInt(c), big.NewInt(d)))
	if x.Sign() <= 0 {
		return 0
	}
	x.Add(x, big.NewInt(c-1)).Div(x, big.NewInt(c))
	if !x.IsInt64() {
		return math.MaxInt64
	}
	return x.Int64()
}

// above reports whether a*b > c*d, none negative.
func above(a, b, c, d int64) bool {
	h1, l1 := bits.Mul64(uint64(a), uint64(b)) //nolint:gosec // not negative
	h2, l2 := bits.Mul64(uint64(c), uint64(d)) //nolint:gosec // not negative
	return h1 > h2 || h1 == h2 && l1 > l2
}

// sum adds the first n of top, or all there are.
func sum(top []int64, n int64) int64 {
	s := int64(0)
	for _, x := range top[:min(int64(len(top)), n)] {
		s += x
	}
	return s
}

func largest(top []int64) int64 { return sum(top, 1) }
