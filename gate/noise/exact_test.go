package noise

import (
	"crypto/rand"
	"math"
	"math/big"
	"os"
	"strconv"
	"testing"
)

// full says whether to take the full counts of a heavy test.
func full() bool { return os.Getenv("YUNEI_PROVE") == "1" }

// A law is the exact distribution of an integer: of z it is p[z+reach].
type law struct {
	reach int
	p     []float64
}

func newLaw(reach int, weight func(z float64) float64) law {
	l, sum := law{reach, make([]float64, 2*reach+1)}, 0.0
	for i := range l.p {
		l.p[i] = weight(float64(i - reach))
		sum += l.p[i]
	}
	for i := range l.p {
		l.p[i] /= sum
	}
	return l
}

func gaussLaw(sigma2 float64) law {
	return newLaw(int(12*math.Sqrt(sigma2))+3, func(z float64) float64 { return math.Exp(-z * z / (2 * sigma2)) })
}

func laplaceLaw(scale float64) law {
	return newLaw(int(40*scale)+3, func(z float64) float64 { return math.Exp(-math.Abs(z) / scale) })
}

func (l law) at(z int) float64 {
	if z < -l.reach || z > l.reach {
		return 0
	}
	return l.p[z+l.reach]
}

// plus is the law of a sum.
func (l law) plus(o law) law {
	sum := law{l.reach + o.reach, make([]float64, len(l.p)+len(o.p)-1)}
	for i, a := range l.p {
		for k, b := range o.p {
			sum.p[i+k] += a * b
		}
	}
	return sum
}

func (l law) times(m int) law {
	sum := l
	for range m - 1 {
		sum = sum.plus(l)
	}
	return sum
}

// above is P(z > m).
func (l law) above(m int) (sum float64) {
	for z := l.reach; z > m; z-- {
		sum += l.at(z)
	}
	return sum
}

// ks is the Kolmogorov-Smirnov distance of draws from a law, times the root of
// their number; beyond 1.95 has odds of less than 0.001.
func (l law) ks(all []int64) float64 {
	seen := map[int64]float64{}
	for _, z := range all {
		seen[z]++
	}
	want, got, most := 0.0, 0.0, 0.0
	for z := -l.reach; z <= l.reach; z++ {
		want += l.at(z)
		got += seen[int64(z)] / float64(len(all))
		most = max(most, math.Abs(want-got))
	}
	return most * math.Sqrt(float64(len(all)))
}

func (l law) weight(z float64) float64 { return l.at(int(z)) }

// A sampler is a way to draw, sound or planted.
type sampler func(*Source) (int64, error)

func gaussian(t *testing.T, a, b int64) *Gaussian {
	t.Helper()
	g, err := NewGaussianRat(big.NewRat(a, b))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func laplace(t *testing.T, a, b uint64) Laplace {
	t.Helper()
	l, err := NewLaplace(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// total draws the sum of m draws.
func total(draw sampler, m int) sampler {
	return func(s *Source) (sum int64, err error) {
		for range m {
			z, err := draw(s)
			if err != nil {
				return 0, err
			}
			sum += z
		}
		return sum, nil
	}
}

func polya(t *testing.T, a, b uint64, shares int) sampler {
	t.Helper()
	p, err := NewPolya(a, b, shares)
	if err != nil {
		t.Fatal(err)
	}
	return p.Draw
}

// share is the exact law of one Polya share.
func share(scale float64, shares int) law {
	r, p := 1/float64(shares), math.Exp(-1/scale)
	reach := int(40*scale) + 3
	weight := make([]float64, reach+1)
	weight[0] = 1
	for k := 1; k <= reach; k++ {
		weight[k] = weight[k-1] * p * (float64(k) - 1 + r) / float64(k)
	}
	one := newLaw(reach, func(z float64) float64 {
		if z < 0 {
			return 0
		}
		return weight[int(z)]
	})
	other := newLaw(reach, func(z float64) float64 { return one.at(-int(z)) })
	return one.plus(other)
}

// Each sampler, and each sum of shares, follows its exact law: chi-square and
// Kolmogorov-Smirnov on fixed seeds, so that the verdict never changes.
func TestSamplersFollowTheirLaw(t *testing.T) {
	n := 100_000
	if full() {
		n = 5_000_000
	}
	for i, c := range []struct {
		name string
		draw sampler
		law  law
		n    int
	}{
		{"gauss 1", gaussian(t, 1, 1).Draw, gaussLaw(1), n},
		{"gauss 3", gaussian(t, 3, 1).Draw, gaussLaw(3), n},
		{"gauss 16", gaussian(t, 16, 1).Draw, gaussLaw(16), n},
		{"gauss 10000", gaussian(t, 10000, 1).Draw, gaussLaw(10000), n},
		{"gauss 7/3", gaussian(t, 7, 3).Draw, gaussLaw(7. / 3), n / 10},
		{"laplace 1", laplace(t, 1, 1).Draw, laplaceLaw(1), n},
		{"laplace 10", laplace(t, 10, 1).Draw, laplaceLaw(10), n},
		{"laplace 5/3", laplace(t, 5, 3).Draw, laplaceLaw(5. / 3), n},
		{"three gauss 16", total(gaussian(t, 16, 1).Draw, 3), gaussLaw(16).times(3), n},
		{"one share of 2", polya(t, 5, 1, 2), share(5, 2), n},
		{"one share of 7", polya(t, 3, 2, 7), share(1.5, 7), n},
		{"two shares of 2", total(polya(t, 5, 1, 2), 2), laplaceLaw(5), n},
		{"four shares of 4", total(polya(t, 7, 2, 4), 4), laplaceLaw(3.5), n},
		{"the only share", polya(t, 4, 1, 1), laplaceLaw(4), n},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := draws(t, c.n, c.draw, seeded(byte(60+i)))
			if z := chi2(all, c.law.weight, c.law.reach); math.Abs(z) > 4.5 {
				t.Errorf("chi-square is %.1f standard deviations off", z)
			}
			if d := c.law.ks(all); d > 1.95 {
				t.Errorf("Kolmogorov-Smirnov distance is %.2f / root n", d)
			}
		})
	}
}

// What goes wrong in a sampler by one is seen by the test above.
func TestMutantsAreCaught(t *testing.T) {
	g, l := gaussian(t, 100, 1), laplace(t, 5, 1)
	for i, c := range []struct {
		name string
		draw sampler
		law  law
	}{
		{"a Gaussian kept by its neighbour's odds", func(s *Source) (int64, error) {
			for {
				y, err := g.proposal.Draw(s)
				if err != nil || g.keep(s, uint64(max(y, -y))+1) {
					return y, err
				}
			}
		}, gaussLaw(100)},
		{"a Gaussian one to the right", func(s *Source) (int64, error) {
			z, err := g.Draw(s)
			return z + 1, err
		}, gaussLaw(100)},
		{"a Gaussian of variance 101 for 100", gaussian(t, 101, 1).Draw, gaussLaw(100)},
		{"a Laplace that counts zero twice", func(s *Source) (int64, error) {
			z := l.magnitude(s)
			if s.word()>>63 == 1 {
				z = -z
			}
			return z, s.err
		}, laplaceLaw(5)},
		{"a Laplace of scale 6 for 5", laplace(t, 6, 1).Draw, laplaceLaw(5)},
		{"one share too few", total(polya(t, 5, 1, 3), 2), laplaceLaw(5)},
		{"shares of one too many", total(polya(t, 5, 1, 4), 3), laplaceLaw(5)},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := 200_000
			if c.name == "a Gaussian of variance 101 for 100" {
				n = 1_500_000 // a half per cent of sigma is a matter of numbers
			}
			all := draws(t, n, c.draw, seeded(byte(90+i)))
			z, d := chi2(all, c.law.weight, c.law.reach), c.law.ks(all)
			if z <= 4.5 && d <= 1.95 {
				t.Errorf("unseen: chi-square %.1f standard deviations off, Kolmogorov-Smirnov %.2f / root n", z, d)
			}
		})
	}
}

// The margin holds for the exact law of one Gaussian and of sums, and is
// little more than a standard deviation above the least that would.
func TestMarginHolds(t *testing.T) {
	for _, sigma2 := range []float64{0.25, 1, 2, 10, 100, 400} {
		for m := 1; m <= 3; m++ {
			l := gaussLaw(sigma2).times(m)
			for _, beta := range []float64{0.3, 0.05, 1e-3, 1e-6} {
				variance := new(big.Rat).SetFloat64(sigma2 * float64(m))
				got, err := Margin(variance, beta)
				if err != nil {
					t.Fatal(err)
				}
				least := 0
				for l.above(least) > beta {
					least++
				}
				if l.above(int(got)) > beta || float64(got) > float64(least)+1+1.1*math.Sqrt(sigma2*float64(m)) {
					t.Errorf("sigma2 %g, %d sites, beta %g: margin %d, the least is %d", sigma2, m, beta, got, least)
				}
			}
		}
	}
}

// renyi is the divergence of order alpha of a law moved by shift from itself,
// summed from terms in logarithms.
func (l law) renyi(alpha float64, shift int) float64 {
	sum := math.Inf(-1)
	for z := -l.reach + shift; z <= l.reach-shift; z++ {
		sum = logAdd(sum, alpha*math.Log(l.at(z-shift))+(1-alpha)*math.Log(l.at(z)))
	}
	return sum / (alpha - 1)
}

// The bound on distributed noise, computed against the exact law of sums whose
// shares are far too small: it holds where the plain Gaussian's fails.
func TestDistributedBoundHolds(t *testing.T) {
	broken := false
	for _, sigma2 := range []float64{0.25, 0.3, 0.5, 1, 2, 4} {
		for m := 1; m <= 5; m++ {
			l := gaussLaw(sigma2).times(m)
			for shift := 1; shift <= 4; shift++ {
				exact := distributed(big.NewRat(int64(shift*shift), 1), 1, new(big.Rat).SetFloat64(sigma2), m)
				rho, _ := exact.Float64()
				plain := float64(shift*shift) / (2 * float64(m) * sigma2)
				for _, alpha := range []float64{1.02, 1.5, 2, 3, 5, 8} {
					got := l.renyi(alpha, shift)
					if got > alpha*rho*(1+1e-9) {
						t.Errorf("sigma2 %g, %d sites, shift %d, order %g: divergence %g, bound %g", sigma2, m, shift, alpha, got, alpha*rho)
					}
					broken = broken || got > alpha*plain*(1+1e-6)
				}
			}
		}
	}
	if !broken {
		t.Error("the sum of Gaussians always kept a Gaussian's bound: the test cannot tell")
	}
}

func BenchmarkPolya(b *testing.B) {
	for _, shares := range []int{1, 2, 8} {
		p, err := NewPolya(10, 1, shares)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strconv.Itoa(shares), func(b *testing.B) {
			s := NewSource(rand.Reader)
			for b.Loop() {
				if _, err := p.Draw(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
