package noise

import (
	"fmt"
	"math/big"

	"github.com/yunei/yunei/fault"
)

// LeastShare is the least variance of a share of distributed noise. From there
// on a sum of discrete Gaussians is, to 60 digits, the discrete Gaussian of the
// summed variance.
const LeastShare = 16

// Bounds of distributed noise, and of the exponent that its correction keeps.
const (
	maxShares   = 1 << 10
	maxSlots    = 1 << 24
	maxExponent = 256
)

// Distributed is the zCDP cost of dim slots that one unit can move by at most
// sqrt(l2squared) in all, when m sites that tell nobody each add to every slot
// a discrete Gaussian of variance s2. What further sites add, or subtract,
// changes nothing: m is the number of sites less those that may be corrupt. A
// sum of discrete Gaussians is none, so that for m > 1
//
//	rho = l2squared / (2 m s2) + dim * tau
//	tau = 10 * sum over k = 1..m-1 of exp(-2 pi^2 s2 k/(k+1))
//
// (Kairouz, Liu, Steinke, "The Distributed Discrete Gaussian Mechanism for
// Federated Learning with Secure Aggregation", ICML 2021, proposition 14). The
// fraction returned is exact but for tau, which is rounded up: each term is at
// most exp(-pi^2 s2), and that is below 2^(-14.23 s2).
//
// An error is of kind Invalid, or of kind Denied where m > 1 and s2 is below
// LeastShare, for there tau is no longer nothing.
func Distributed(l2squared *big.Rat, dim int, s2 *big.Rat, m int) (*big.Rat, error) {
	switch {
	case l2squared == nil || l2squared.Sign() < 0 || s2 == nil || s2.Sign() <= 0 ||
		dim < 1 || dim > maxSlots || m < 1 || m > maxShares:
		return nil, fmt.Errorf("charging distributed noise: no such sites, slots or variance: %w", fault.Invalid)
	case m > 1 && s2.Cmp(big.NewRat(LeastShare, 1)) < 0:
		return nil, fmt.Errorf("charging distributed noise: a share's variance is below %d: %w", LeastShare, fault.Denied)
	}
	return distributed(l2squared, dim, s2, m), nil
}

func distributed(l2squared *big.Rat, dim int, s2 *big.Rat, m int) *big.Rat {
	total := new(big.Rat).Mul(s2, big.NewRat(2*int64(m), 1))
	rho := total.Quo(l2squared, total)
	if m == 1 {
		return rho
	}
	tau := new(big.Rat).Mul(big.NewRat(10*int64(m-1), 1), gap(s2))
	return rho.Add(rho, tau.Mul(tau, big.NewRat(int64(dim), 1)))
}

// gap is a power of two at or above exp(-pi^2 s2): pi^2 / ln 2 is 14.2388...
func gap(s2 *big.Rat) *big.Rat {
	e := floor(new(big.Rat).Mul(s2, big.NewRat(1423, 100)))
	bits := uint(maxExponent)
	if e.IsUint64() && e.Uint64() < maxExponent {
		bits = uint(e.Uint64())
	}
	return new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), bits))
}

// Pure is the zCDP cost of an epsilon-differentially private draw:
// epsilon^2 / 2 (Bun, Steinke 2016, proposition 1.4). An error is of kind
// Invalid.
func Pure(epsilon *big.Rat) (*big.Rat, error) {
	if epsilon == nil || epsilon.Sign() < 0 {
		return nil, fmt.Errorf("charging a pure draw: %w", fault.Invalid)
	}
	rho := new(big.Rat).Mul(epsilon, epsilon)
	return rho.Quo(rho, big.NewRat(2, 1)), nil
}

// Epsilon is the pure cost of adding such a draw to each of the counts that one
// unit can move by l1 in all. An error is of kind Invalid, and of kind Denied
// for the zero Laplace.
func (l Laplace) Epsilon(l1 *big.Int) (*big.Rat, error) {
	switch {
	case l.t == 0 || l.s == 0:
		return nil, fmt.Errorf("charging noise: no distribution: %w", fault.Denied)
	case l1 == nil || l1.Sign() < 0:
		return nil, fmt.Errorf("charging noise: no sensitivity: %w", fault.Invalid)
	}
	scale := new(big.Rat).SetFrac(new(big.Int).SetUint64(l.s), new(big.Int).SetUint64(l.t))
	return scale.Mul(scale, new(big.Rat).SetInt(l1)), nil
}
