package noise

import (
	"fmt"
	"math/big"

	"github.com/yunei/yunei/fault"
)

// A Gaussian draws integers z with probability proportional to
// exp(-z^2 / (2 sigma2)). Its variance is at most sigma2, and next to equal
// for sigma2 >= 1. The zero Gaussian draws nothing.
type Gaussian struct {
	proposal Laplace
	sigma2   *big.Rat
	// For an integer sigma2 of at most fast bits the trial of a draw is a
	// ratio of two-word integers: over = 2 * sigma2 * t^2.
	whole uint64
	over  u128
}

// Up to this variance 2 * sigma2 * t^2 stays below 2^126.
const fast = 1 << 62

// NewGaussian is the discrete Gaussian distribution of an integer variance.
func NewGaussian(sigma2 uint64) (*Gaussian, error) {
	return NewGaussianRat(new(big.Rat).SetInt(new(big.Int).SetUint64(sigma2)))
}

// NewGaussianRat is the discrete Gaussian distribution of variance sigma2,
// 0 < sigma2 < 2^64. An error is of kind Invalid. Variances that are no
// integer are drawn with big integers, some twenty times as slowly.
func NewGaussianRat(sigma2 *big.Rat) (*Gaussian, error) {
	if sigma2 == nil || sigma2.Sign() <= 0 || floor(sigma2).BitLen() > 64 {
		return nil, fmt.Errorf("discrete Gaussian: the variance must be above 0 and below 2^64: %w", fault.Invalid)
	}
	t := floor(sigma2)
	t.Sqrt(t).Add(t, big.NewInt(1)) // floor(sigma) + 1
	proposal, err := NewLaplace(t.Uint64(), 1)
	if err != nil {
		return nil, err
	}
	g := &Gaussian{proposal: proposal, sigma2: new(big.Rat).Set(sigma2)}
	if sigma2.IsInt() && sigma2.Num().Uint64() <= fast {
		g.whole = sigma2.Num().Uint64()
		// t^2 < 2^63 and 2 * whole < 2^64.
		g.over = product(2*g.whole, t.Uint64()*t.Uint64())
	}
	return g, nil
}

func floor(r *big.Rat) *big.Int { return new(big.Int).Quo(r.Num(), r.Denom()) }

// Draw draws one integer: a discrete Laplace proposal y of scale t, kept with
// probability exp(-(|y| - sigma2/t)^2 / (2 sigma2)) (CKS 2020, algorithm 3).
func (g *Gaussian) Draw(s *Source) (int64, error) {
	if g == nil || g.sigma2 == nil {
		return 0, fmt.Errorf("drawing noise: no distribution: %w", fault.Denied)
	}
	for range patience {
		y, err := g.proposal.Draw(s)
		if err != nil {
			return 0, err
		}
		if keep := g.keep(s, uint64(max(y, -y))); s.err != nil { //nolint:gosec // |y| < 2^62
			return 0, s.err
		} else if keep {
			return y, nil
		}
	}
	s.stuck()
	return 0, s.err
}

// Add adds one fresh draw to each of values.
func (g *Gaussian) Add(s *Source, values []int64) error {
	for i := range values {
		z, err := g.Draw(s)
		if err != nil {
			return err
		}
		values[i] += z
	}
	return nil
}

// keep decides on a proposal. (y - sigma2/t)^2 / (2 sigma2) is x^2 / over with
// x = |y*t - sigma2|.
func (g *Gaussian) keep(s *Source, y uint64) bool {
	yt := product(y, g.proposal.t)
	if g.whole == 0 || yt.hi != 0 {
		return g.keepBig(s, y)
	}
	x := yt.lo - g.whole
	if yt.lo < g.whole {
		x = g.whole - yt.lo
	}
	rest := product(x, x)
	for !rest.less(g.over) {
		if !s.decay64(1, 1) {
			return false
		}
		rest = rest.minus(g.over)
	}
	for k := uint64(1); k < patience; k++ {
		if !s.odds128(rest, g.over) || !s.odds(1, k) {
			return k&1 == 1 && s.err == nil
		}
	}
	s.stuck()
	return false
}

// keepBig decides the same for any variance and any proposal.
func (g *Gaussian) keepBig(s *Source, y uint64) bool {
	t := new(big.Rat).SetInt(new(big.Int).SetUint64(g.proposal.t))
	x := new(big.Rat).SetInt(new(big.Int).SetUint64(y))
	x.Sub(x, t.Quo(g.sigma2, t))
	x.Mul(x, x).Quo(x, new(big.Rat).Add(g.sigma2, g.sigma2))
	whole := floor(x)
	for one := big.NewInt(1); whole.Sign() > 0; whole.Sub(whole, one) {
		if !s.decay64(1, 1) {
			return false
		}
	}
	rest := new(big.Int).Rem(x.Num(), x.Denom())
	return s.decay(func() bool { return s.oddsBig(rest, x.Denom()) })
}

// oddsBig is odds for big integers.
func (s *Source) oddsBig(num, den *big.Int) bool {
	num = new(big.Int).Set(num)
	digit := new(big.Int)
	for range patience {
		if num.Cmp(den) >= 0 || s.err != nil {
			return s.err == nil
		}
		digit.QuoRem(num.Lsh(num, 64), den, num)
		if w := s.word(); w != digit.Uint64() {
			return w < digit.Uint64() && s.err == nil
		}
		if num.Sign() == 0 {
			return false
		}
	}
	s.stuck()
	return false
}
