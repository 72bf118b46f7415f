package noise

import (
	"fmt"

	"github.com/yunei/yunei/fault"
)

// A Polya draws one of the shares whose sum is discrete Laplace: unlike
// Gaussians, discrete Laplace noise splits exactly. A geometric number is a
// sum of any number n of negative binomial ones of order 1/n, and a discrete
// Laplace number is the difference of two geometric ones (Harrison,
// Manurangsi, "Infinitely Divisible Noise for Differential Privacy", FORC 2025).
// The zero Polya draws nothing.
type Polya struct {
	whole  Laplace
	shares uint64
}

// Bounds of shares: of their number and of the scale that they sum up to.
const (
	maxPolyaShares = 1 << 10
	maxPolyaScale  = 1 << 10
)

// NewPolya is one of shares shares of the discrete Laplace distribution of
// scale t/s, at most 2^10. Where some sites may be corrupt, shares is the
// number of those that are not. An error is of kind Invalid.
func NewPolya(t, s uint64, shares int) (Polya, error) {
	whole, err := NewLaplace(t, s)
	if err != nil {
		return Polya{}, err
	}
	if shares < 1 || shares > maxPolyaShares || t > s*maxPolyaScale { // s <= 2^40
		return Polya{}, fmt.Errorf("shares of discrete Laplace: want 1 to 2^10 of a scale to 2^10: %w", fault.Invalid)
	}
	return Polya{whole, uint64(shares)}, nil
}

// Whole is what the shares sum up to: whose cost they have together.
func (p Polya) Whole() Laplace { return p.whole }

// Draw draws one share.
func (p Polya) Draw(s *Source) (int64, error) {
	if p.shares == 0 {
		return 0, fmt.Errorf("drawing noise: no distribution: %w", fault.Denied)
	}
	up, down := p.part(s), p.part(s)
	z := up - down
	return z, s.err
}

// part draws from the negative binomial distribution of order r = 1/shares. Its
// odds of y are those of the geometric one times the product of (r+i-1) / i
// over i = 1..y, each at most 1 and a ratio of integers: a geometric proposal
// is kept if it passes all those trials. At scale t/s a proposal is kept with
// odds of at least s/(s+t), hence more patience.
func (p Polya) part(s *Source) int64 {
	for range patience * maxPolyaScale {
		y := p.whole.magnitude(s) // below 2^28
		if s.err != nil {
			return 0
		}
		i := int64(1)
		for i <= y && s.odds(1+p.shares*uint64(i-1), p.shares*uint64(i)) {
			i++
		}
		if i > y {
			return y
		}
	}
	s.stuck()
	return 0
}
