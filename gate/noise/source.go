// Package noise draws integer noise exactly and counts what it costs. The
// samplers are those of Canonne, Kamath and Steinke, "The Discrete Gaussian
// for Differential Privacy" (NeurIPS 2020): each decision is a Bernoulli trial
// whose odds are a ratio of integers, decided by comparing the ratio's digits
// with random ones, so that no float and no rounding stands between the
// distribution that is claimed and the one that is drawn (Mironov 2012). The
// accountant adds zCDP charges (Bun, Steinke 2016) as exact fractions, those of
// noise that several domains add together included; floats appear only where a
// sum is restated as (epsilon, delta) for people, and are rounded up there, and
// in the Rényi ledger for draws that zCDP describes badly, which no budget rests
// on. There is no accountant of privacy loss distributions.
//
// The package draws from the reader it is given and trusts it to be random; a
// short read is an error, never less noise. It does not run in constant time:
// how long a draw takes says something about it, so draws are made inside the
// domain, whose timing does not leave. It keeps no state and no budget.
package noise

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"github.com/yunei/yunei/fault"
)

// patience bounds every loop that a random source ends with odds of at least
// a third a turn. Meeting it has a chance below 2^-30000: the source is stuck.
const patience = 1 << 16

// A Source hands out random words of a reader, each once. The first error
// stays: from then on every draw fails. It is not safe for concurrent use.
type Source struct {
	from io.Reader
	err  error
	at   int
	buf  [4096]byte
}

// NewSource reads from r, which is crypto/rand.Reader wherever data are real.
func NewSource(r io.Reader) *Source {
	s := &Source{from: r}
	s.at = len(s.buf)
	if r == nil {
		s.err = fmt.Errorf("drawing noise: no source of randomness: %w", fault.Denied)
	}
	return s
}

// Erase forgets the words that were read and not used.
func (s *Source) Erase() {
	clear(s.buf[:])
	s.at = len(s.buf)
}

// word returns 64 random bits, or 0 once the source has failed. It is small, to
// be inlined.
func (s *Source) word() uint64 {
	if s.at == len(s.buf) {
		return s.refill()
	}
	w := binary.LittleEndian.Uint64(s.buf[s.at:])
	s.at += 8
	return w
}

// refill reads the next words and returns the first.
func (s *Source) refill() uint64 {
	if s.err != nil {
		return 0
	}
	if _, err := io.ReadFull(s.from, s.buf[:]); err != nil {
		s.err = fmt.Errorf("drawing noise: reading randomness: %w: %w", err, fault.Internal)
		s.Erase()
		return 0
	}
	// A source that repeats itself at once is broken: a sound one does so
	// with odds of 2^-256 (cf. NIST SP 800-90B, 4.4.1).
	if [32]byte(s.buf[:32]) == [32]byte(s.buf[32:64]) {
		s.stuck()
		s.Erase()
		return 0
	}
	s.at = 8
	return binary.LittleEndian.Uint64(s.buf[:])
}

func (s *Source) stuck() {
	if s.err == nil {
		s.err = fmt.Errorf("drawing noise: the source of randomness is stuck: %w", fault.Internal)
	}
}

// Below returns a uniform number in [0, n), n > 0.
func (s *Source) Below(n uint64) (uint64, error) {
	if n == 0 {
		return 0, fmt.Errorf("drawing a number below 0: %w", fault.Invalid)
	}
	x := s.below(n)
	return x, s.err
}

// below returns a uniform number in [0, n), by multiplication and rejection
// (Lemire, "Fast Random Integer Generation in an Interval", 2019).
func (s *Source) below(n uint64) uint64 {
	hi, lo := bits.Mul64(s.word(), n)
	if lo >= n {
		return hi
	}
	reject := -n % n // 2^64 mod n
	for range patience {
		if lo >= reject || s.err != nil {
			return hi
		}
		hi, lo = bits.Mul64(s.word(), n)
	}
	s.stuck()
	return hi
}

// odds is true with probability num/den, 0 <= num <= den, den > 0. A uniform
// real in [0,1) is compared with num/den digit by digit in base 2^64; the first
// digit decides but once in 2^64. It multiplies where one would divide: with
// the digit w, num/den is above every real that starts so if
// num*2^64 - w*den >= den, and at or below every one if that is <= 0; in
// between, it is what the next digit is compared with.
func (s *Source) odds(num, den uint64) bool {
	for range patience {
		if num >= den || s.err != nil {
			return s.err == nil
		}
		h, l := bits.Mul64(s.word(), den)
		d0, borrow := bits.Sub64(0, l, 0)
		d1, borrow := bits.Sub64(num, h, borrow)
		if borrow != 0 || d0|d1 == 0 {
			return false
		}
		if d1 != 0 || d0 >= den {
			return s.err == nil
		}
		num = d0
	}
	s.stuck()
	return false
}

// odds128 is odds for a denominator of two words.
func (s *Source) odds128(num, den u128) bool {
	for range patience {
		if !num.less(den) || s.err != nil {
			return s.err == nil
		}
		w := s.word()
		h1, l0 := bits.Mul64(w, den.lo)
		h2, l1 := bits.Mul64(w, den.hi)
		l1, carry := bits.Add64(l1, h1, 0)
		h2 += carry
		d0, borrow := bits.Sub64(0, l0, 0)
		d1, borrow := bits.Sub64(num.lo, l1, borrow)
		d2, borrow := bits.Sub64(num.hi, h2, borrow)
		if borrow != 0 || d0|d1|d2 == 0 {
			return false
		}
		left := u128{d1, d0}
		if d2 != 0 || !left.less(den) {
			return s.err == nil
		}
		num = left
	}
	s.stuck()
	return false
}

// decay is true with probability exp(-g) for a trial that is true with
// probability g <= 1 (CKS 2020, algorithm 1; odds of g/k are those of g and
// of 1/k at once).
func (s *Source) decay(trial func() bool) bool {
	for k := uint64(1); k < patience; k++ {
		if !trial() || !s.odds(1, k) {
			return k&1 == 1 && s.err == nil
		}
	}
	s.stuck()
	return false
}

// decay64 is true with probability exp(-num/den), num <= den <= maxScale: both
// trials of a turn are one, with odds num / (den*k).
func (s *Source) decay64(num, den uint64) bool {
	for k := uint64(1); k < patience; k++ {
		if !s.odds(num, den*k) {
			return k&1 == 1 && s.err == nil
		}
	}
	s.stuck()
	return false
}

// A u128 is an unsigned integer of two words.
type u128 struct{ hi, lo uint64 }

func (a u128) less(b u128) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func (a u128) minus(b u128) u128 {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return u128{hi, lo}
}

func product(a, b uint64) u128 {
	hi, lo := bits.Mul64(a, b)
	return u128{hi, lo}
}
