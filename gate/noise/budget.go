package noise

import (
	"fmt"
	"math"
	"math/big"
	"strconv"

	"github.com/yunei/yunei/fault"
)

// Delta is the delta that rho-zCDP implies at epsilon, by the conversion of
// CKS 2020: the least of a family of bounds, one for each order alpha > 1, any
// of which holds. It is 1 where no better is known.
func Delta(rho, epsilon float64) float64 {
	if rho == 0 {
		return 0
	}
	// The exponent is convex in alpha: bisect its derivative.
	lo, hi := 1.01, (epsilon+1)/(2*rho)+2
	alpha := lo
	for range 200 {
		alpha = (lo + hi) / 2
		if (2*alpha-1)*rho-epsilon+math.Log1p(-1/alpha) < 0 {
			lo = alpha
		} else {
			hi = alpha
		}
	}
	exponent := (alpha-1)*(alpha*rho-epsilon) + alpha*math.Log1p(-1/alpha)
	return min(math.Exp(exponent)/(alpha-1), 1)
}

// Epsilon is the least epsilon at which rho-zCDP implies (epsilon, delta).
func Epsilon(rho, delta float64) float64 {
	if rho == 0 || delta >= 1 {
		return 0
	}
	lo, hi := 0.0, rho+2*math.Sqrt(rho*math.Log(1/delta)) // Bun, Steinke 2016, proposition 1.3
	for range 200 {
		if mid := (lo + hi) / 2; Delta(rho, mid) <= delta {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// Rho is the largest rho that implies (epsilon, delta).
func Rho(epsilon, delta float64) float64 {
	lo, hi := 0.0, epsilon+1
	for range 200 {
		if mid := (lo + hi) / 2; Delta(mid, epsilon) <= delta {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// EpsDelta restates rho for people: an epsilon to four places, rounded up, at
// which (epsilon, delta) holds, 0 < delta < 1.
func EpsDelta(rho *big.Rat, delta float64) (string, error) {
	if rho == nil || rho.Sign() < 0 || !(delta > 0 && delta < 1) {
		return "", fmt.Errorf("restating a budget: %w", fault.Invalid)
	}
	f, exact := rho.Float64()
	if !exact {
		f = math.Nextafter(f, math.Inf(1))
	}
	if f > 1e12 {
		return "", fmt.Errorf("restating a budget: rho is beyond any meaning: %w", fault.Invalid)
	}
	// A part in 10^9 covers the rounding of the evaluation many times over.
	up := math.Ceil(Epsilon(f, delta)*(1+1e-9)*1e4) / 1e4
	return strconv.FormatFloat(up, 'f', 4, 64), nil
}
