package noise

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"math"
	"math/big"
	rnd "math/rand/v2"
	"testing"

	"github.com/yunei/yunei/fault"
)

// seeded is a reader that gives the same bytes on every run of a test.
func seeded(n byte) *Source { return NewSource(rnd.NewChaCha8([32]byte{n})) }

func draws(t *testing.T, n int, draw func(*Source) (int64, error), s *Source) []int64 {
	t.Helper()
	all := make([]int64, n)
	for i := range all {
		z, err := draw(s)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = z
	}
	return all
}

// chi2 compares draws with a weight function, tails pooled so that every bin
// expects at least 20, and returns (statistic - dof) / sqrt(2 dof).
func chi2(all []int64, weight func(z float64) float64, reach int) float64 {
	sum := 0.0
	for z := -reach; z <= reach; z++ {
		sum += weight(float64(z))
	}
	seen := map[int64]float64{}
	for _, z := range all {
		seen[z]++
	}
	n, stat, dof, pe, po, used := float64(len(all)), 0.0, -1.0, 0.0, 0.0, 0.0
	for z := -reach; z <= reach; z++ {
		pe += n * weight(float64(z)) / sum
		po += seen[int64(z)]
		if pe >= 20 {
			stat += (po - pe) * (po - pe) / pe
			used += po
			dof, pe, po = dof+1, 0, 0
		}
	}
	rest := n - used
	stat += (rest - pe) * (rest - pe) / max(pe, 1)
	return (stat - dof) / math.Sqrt(2*dof)
}

func TestDistributionsSmall(t *testing.T) {
	const n = 200_000
	gauss := func(sigma2 float64) func(float64) float64 {
		return func(z float64) float64 { return math.Exp(-z * z / (2 * sigma2)) }
	}
	laplace := func(scale float64) func(float64) float64 {
		return func(z float64) float64 { return math.Exp(-math.Abs(z) / scale) }
	}
	rat := func(a, b int64) func(*Source) (int64, error) {
		g, err := NewGaussianRat(big.NewRat(a, b))
		if err != nil {
			t.Fatal(err)
		}
		return g.Draw
	}
	lap := func(a, b uint64) func(*Source) (int64, error) {
		l, err := NewLaplace(a, b)
		if err != nil {
			t.Fatal(err)
		}
		return l.Draw
	}
	for i, c := range []struct {
		name   string
		draw   func(*Source) (int64, error)
		weight func(float64) float64
		reach  int
		n      int
	}{
		{"gauss 1", rat(1, 1), gauss(1), 12, n},
		{"gauss 2", rat(2, 1), gauss(2), 16, n},
		{"gauss 100", rat(100, 1), gauss(100), 120, n},
		{"gauss 1/3, big path", rat(1, 3), gauss(1. / 3), 10, n / 4},
		{"gauss 21/2, big path", rat(21, 2), gauss(10.5), 60, n / 4},
		{"laplace 1", lap(1, 1), laplace(1), 40, n},
		{"laplace 7/2", lap(7, 2), laplace(3.5), 140, n},
		{"laplace 2/7", lap(2, 7), laplace(2. / 7), 20, n},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := draws(t, c.n, c.draw, seeded(byte(i)))
			if z := chi2(all, c.weight, c.reach); math.Abs(z) > 4.5 {
				t.Errorf("chi-square is %.1f standard deviations off", z)
			}
		})
	}
}

// The test above must be able to tell: a variance 5 % off is caught.
func TestChiSquareTells(t *testing.T) {
	g, _ := NewGaussian(100)
	all := draws(t, 200_000, g.Draw, seeded(9))
	off := func(z float64) float64 { return math.Exp(-z * z / 210) }
	if z := chi2(all, off, 120); z < 10 {
		t.Errorf("a variance of 105 for 100 is only %.1f standard deviations off", z)
	}
}

// At large scales the draws, over sigma, follow the normal law:
// Kolmogorov-Smirnov, mean, variance, symmetry and tail.
func TestGaussianLarge(t *testing.T) {
	const n = 100_000
	for i, sigma2 := range []uint64{1_000_000_000_000, 1 << 32, 1 << 62, 1<<62 + 1, math.MaxUint64} {
		g, err := NewGaussian(sigma2)
		if err != nil {
			t.Fatal(err)
		}
		count := n
		if g.whole == 0 {
			count = n / 10
		}
		sigma := math.Sqrt(float64(sigma2))
		bins := make([]float64, 4001) // of sigma/400, from -5 sigma
		mean, square, tail, positive := 0.0, 0.0, 0.0, 0.0
		for _, z := range draws(t, count, g.Draw, seeded(byte(20+i))) {
			x := float64(z) / sigma
			mean += x / float64(count)
			square += x * x / float64(count)
			if math.Abs(x) > 3 {
				tail++
			}
			if x > 0 {
				positive++
			}
			bins[int(min(max((x+5)*400, 0), 4000))]++
		}
		ks, sum := 0.0, 0.0
		for b, k := range bins[:4000] {
			sum += k / float64(count)
			ks = max(ks, math.Abs(sum-0.5*math.Erfc(-(float64(b+1)/400-5)/math.Sqrt2)))
		}
		root := math.Sqrt(float64(count))
		if ks > 1.95/root { // p = 0.001
			t.Errorf("sigma2 %d: Kolmogorov-Smirnov distance %.5f", sigma2, ks)
		}
		if math.Abs(mean)*root > 4 || math.Abs(square-1)*root > 4*math.Sqrt2 || math.Abs(positive/float64(count)-0.5)*root > 2 {
			t.Errorf("sigma2 %d: mean %.5f, variance %.5f, positive %.0f", sigma2, mean, square, positive)
		}
		if want := 0.0026998 * float64(count); math.Abs(tail-want) > 4*math.Sqrt(want) {
			t.Errorf("sigma2 %d: %.0f draws beyond 3 sigma, want %.0f", sigma2, tail, want)
		}
	}
}

// Fast and big path decide alike on the same odds.
func TestPathsAgree(t *testing.T) {
	g, _ := NewGaussian(1000)
	for _, y := range []uint64{0, 3, 31, 32, 60, 90} {
		fast, slow := 0.0, 0.0
		a, b := seeded(40), seeded(41)
		const n = 20_000
		for range n {
			if g.keep(a, y) {
				fast++
			}
			if g.keepBig(b, y) {
				slow++
			}
		}
		x := float64(y) - 1000./32
		p := math.Exp(-x * x / 2000)
		sd := math.Sqrt(n*p*(1-p)) + 1
		if math.Abs(fast-n*p) > 4.5*sd || math.Abs(slow-n*p) > 4.5*sd {
			t.Errorf("y=%d: kept %.0f and %.0f, want %.0f", y, fast, slow, n*p)
		}
	}
}

// words is a reader of chosen words.
func words(ws ...uint64) *Source {
	b := make([]byte, 4096)
	for i, w := range ws {
		for k := range 8 {
			b[8*i+k] = byte(w >> (8 * k))
		}
	}
	return NewSource(bytes.NewReader(b))
}

// odds compares digits: below, above, and equal, when the next digit decides.
func TestOddsDigits(t *testing.T) {
	third := uint64(math.MaxUint64 / 3) // every digit of 1/3 in base 2^64
	for _, c := range []struct {
		name  string
		words []uint64
		want  bool
	}{
		{"below", []uint64{third - 1}, true},
		{"above", []uint64{third + 1}, false},
		{"equal then below", []uint64{third, third - 1}, true},
		{"equal then above", []uint64{third, third + 1}, false},
		{"equal twice then below", []uint64{third, third, 0}, true},
	} {
		got := []bool{
			words(c.words...).odds(1, 3),
			words(c.words...).odds128(u128{0, 1}, u128{0, 3}),
			words(c.words...).odds128(u128{1 << 50, 0}, u128{3 << 50, 0}),
			words(c.words...).oddsBig(big.NewInt(1), big.NewInt(3)),
		}
		for i, g := range got {
			if g != c.want {
				t.Errorf("%s: form %d says %v", c.name, i, g)
			}
		}
	}
	if words(1<<63).odds(1, 2) || words(1<<63).odds128(u128{0, 1}, u128{0, 2}) || !words(1<<63-1).odds(1, 2) {
		t.Error("a half is not the first bit")
	}
}

// A stuck, short or missing source is an error and never an absence of noise.
func TestBadSources(t *testing.T) {
	g, _ := NewGaussian(100)
	for name, r := range map[string]io.Reader{
		"nil":    nil,
		"empty":  bytes.NewReader(nil),
		"short":  io.LimitReader(rand.Reader, 4000),
		"second": io.LimitReader(rand.Reader, 6000),
		"zeros":  fill(0),
		"ones":   fill(0xff),
		"mostly": mostly(0),
	} {
		s := NewSource(r)
		values := make([]int64, 1000)
		err := g.Add(s, values)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if _, again := g.Draw(s); again == nil {
			t.Errorf("%s: the error did not stay", name)
		}
	}
	if _, err := (&Gaussian{}).Draw(NewSource(rand.Reader)); !errors.Is(err, fault.Denied) {
		t.Errorf("the zero Gaussian: %v", err)
	}
	if _, err := (Laplace{}).Draw(NewSource(rand.Reader)); !errors.Is(err, fault.Denied) {
		t.Errorf("the zero Laplace: %v", err)
	}
	for _, bad := range []*big.Rat{nil, new(big.Rat), big.NewRat(-1, 2), new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 64))} {
		if _, err := NewGaussianRat(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("variance %v: %v", bad, err)
		}
	}
}

type fill byte

func (f fill) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(f)
	}
	return len(b), nil
}

// mostly is zero but for the first byte of each read.
type mostly byte

func (m mostly) Read(b []byte) (int, error) {
	clear(b)
	b[0] = byte(m) + 1
	return len(b), nil
}

// The figures of the reference code of CKS 2020, and of OpenDP's test.
func TestConversionVectors(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"delta(.025, 1)", Delta(.025, 1), 1.3361319064032213e-06},
		{"epsilon(.025, 1e-6)", Epsilon(.025, 1e-6), 1.014074254726128},
		{"rho(1, 1e-6)", Rho(1, 1e-6), 0.024355970359538372},
		{"epsilon(1/32, 1e-3)", Epsilon(1./32, 1e-3), 0.6880024554878086},
	} {
		if math.Abs(c.got/c.want-1) > 1e-12 {
			t.Errorf("%s = %.16g, want %.16g", c.name, c.got, c.want)
		}
	}
	for rho, want := range map[*big.Rat]string{big.NewRat(1, 40): "1.0141", new(big.Rat): "0.0000", big.NewRat(1, 3): "4.1574"} {
		got, err := EpsDelta(rho, 1e-6)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := new(big.Rat).SetString(got)
		shown, _ := f.Float64()
		exact, _ := rho.Float64()
		if shown < Epsilon(exact, 1e-6) || shown > Epsilon(exact, 1e-6)+1.1e-4 || got != want {
			t.Errorf("EpsDelta(%v) = %s, want %s and never below %.9f", rho, got, want, Epsilon(exact, 1e-6))
		}
	}
	if _, err := EpsDelta(nil, 1e-6); !errors.Is(err, fault.Invalid) {
		t.Errorf("nothing restated: %v", err)
	}
}

func BenchmarkGaussian(b *testing.B) {
	for _, sigma2 := range []uint64{1, 100, 1_000_000_000_000} {
		g, _ := NewGaussian(sigma2)
		b.Run(big.NewInt(int64(sigma2)).String(), func(b *testing.B) {
			s := NewSource(rand.Reader)
			for b.Loop() {
				if _, err := g.Draw(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
