package noise

import (
	"fmt"
	"math"
	"math/big"

	"github.com/yunei/yunei/fault"
)

// varianceBits bounds what Margin is asked about, so that its root fits an int64.
const varianceBits = 96

// Margin is the least m that the tail bound of sub-Gaussian noise proves to be
// exceeded with probability of at most beta. The noise is any sum of
// independent discrete Gaussians, those of every site that adds some, and
// variance the sum of their variances. For one of variance v,
//
//	E exp(u z) = exp(u^2 v / 2) * (sum over z of exp(-(z-uv)^2 / 2v)) / (the same for u = 0),
//
// where the ratio is at most 1 (Poisson summation; CKS 2020). So each is
// sub-Gaussian with its own variance, such variances add up, and
//
//	P(noise > m) = P(noise >= m+1) <= exp(-(m+1)^2 / (2 variance)).
//
// 0 < variance < 2^96 and 0 < beta < 1, else the error is of kind Invalid.
func Margin(variance *big.Rat, beta float64) (int64, error) {
	if variance == nil || variance.Sign() <= 0 || floor(variance).BitLen() > varianceBits || !(beta > 0 && beta < 1) {
		return 0, fmt.Errorf("a margin for noise: no such variance or odds: %w", fault.Invalid)
	}
	// A part in 10^12 covers the rounding of the logarithm many times over.
	least := new(big.Rat).SetFloat64(-math.Log(beta) * (1 + 1e-12))
	least.Mul(least, variance).Mul(least, big.NewRat(2, 1)) // (m+1)^2 is to be this, or more
	root := new(big.Int).Sqrt(floor(least))
	square := new(big.Rat).SetInt(new(big.Int).Mul(root, root))
	if square.Cmp(least) >= 0 {
		return max(root.Int64()-1, 0), nil
	}
	return root.Int64(), nil
}

// Published says whether a cell is shown where disclosure rules may act on
// noisy values only: whether its noisy number of units is at least threshold
// plus margin, so that a cell of fewer units is shown with odds of at most the
// margin's. It is a function of what has been paid for, and costs nothing.
func Published(noisy, threshold, margin int64) bool { return noisy-margin >= threshold }
