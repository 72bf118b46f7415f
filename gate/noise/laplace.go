package noise

import (
	"fmt"

	"github.com/yunei/yunei/fault"
)

// A Laplace draws integers z with probability proportional to
// exp(-|z| * s/t): scale t/s. The zero Laplace draws nothing.
type Laplace struct{ t, s uint64 }

// maxScale, times patience, keeps every draw below 2^56.
const maxScale = 1 << 40

// NewLaplace is the discrete Laplace distribution of scale t/s. An error is
// of kind Invalid.
func NewLaplace(t, s uint64) (Laplace, error) {
	if t == 0 || s == 0 || t > maxScale || s > maxScale {
		return Laplace{}, fmt.Errorf("discrete Laplace: the scale's parts must be 1 to 2^40: %w", fault.Invalid)
	}
	return Laplace{t, s}, nil
}

// Draw draws one integer (CKS 2020, algorithm 2).
func (l Laplace) Draw(s *Source) (int64, error) {
	if l.t == 0 || l.s == 0 {
		return 0, fmt.Errorf("drawing noise: no distribution: %w", fault.Denied)
	}
	for range patience {
		z := l.magnitude(s)
		negative := s.word()>>63 == 1
		if s.err != nil {
			return 0, s.err
		}
		switch {
		case !negative:
			return z, nil
		case z != 0: // zero would count twice
			return -z, nil
		}
	}
	s.stuck()
	return 0, s.err
}

// magnitude draws y >= 0 with probability proportional to exp(-y * s/t): the
// geometric law. It is below 2^57, and 0 once the source has failed.
func (l Laplace) magnitude(s *Source) int64 {
	u := s.below(l.t)
	for turn := 0; !s.decay64(u, l.t); turn++ {
		if turn == patience {
			s.stuck()
		}
		if s.err != nil {
			return 0
		}
		u = s.below(l.t)
	}
	v := uint64(0)
	for ; v < patience && s.decay64(1, 1); v++ {
	}
	if v == patience {
		s.stuck()
		return 0
	}
	return int64((u + l.t*v) / l.s) //nolint:gosec // below 2^57
}
