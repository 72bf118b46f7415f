package noise

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/yunei/yunei/fault"
)

// near reports whether two figures agree to part.
func near(got, want, part float64) bool { return math.Abs(got/want-1) <= part }

// The figures of the reference code of CKS 2020 and of the tests of Google's
// dp_accounting. Those of privacy loss distributions are not here, for neither
// is that accountant.
func TestPublishedFigures(t *testing.T) {
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	root := math.Sqrt(10)
	for _, c := range []struct {
		name            string
		got, want, part float64
	}{
		{"delta of a discrete Gaussian", GaussianDelta(10, 1, 1), 1.1513252536386e-4, 1e-10},
		{"delta of a Gaussian", phi(0.5/root-root) - math.E*phi(-0.5/root-root), 1.0981048091928411e-4, 1e-10},
		{"rho of sigma 4.530877117", 1 / (2 * 4.530877117 * 4.530877117), Rho(1, 1e-6), 1e-8},
		{"delta of sigma 4.530877117", Delta(1/(2*4.530877117*4.530877117), 1), 1e-6, 1e-7},
		{"epsilon of sigma 4.530877117", Epsilon(1/(2*4.530877117*4.530877117), 1e-6), 1, 1e-8},
	} {
		if !near(c.got, c.want, c.part) {
			t.Errorf("%s: %.15g, want %.15g", c.name, c.got, c.want)
		}
	}
	// A large discrete Gaussian is a Gaussian.
	if far := GaussianDelta(1e6, 1000, 0.5); !near(far, phi(0)-math.Exp(0.5)*phi(-0.5-0.5), 1e-2) {
		t.Errorf("delta at sigma 1000: %g", far)
	}
}

func TestPublishedRenyiFigures(t *testing.T) {
	sampled := ledger(t, []float64{1.5, 2.5, 5, 50, 100}, 50, Subsampled(0.01, 2.5))
	for i, want := range []float64{6.70579741e-4, 1.08548710e-3, 2.18075656e-3, 2.38460375e-2, 167.416308} {
		if got := sampled.Spent()[i]; !near(got, want, 1e-8) {
			t.Errorf("sampled Gaussian, order %d: %.10g, want %.10g", i, got, want)
		}
	}
	var orders []float64
	for a := 2.0; a <= 32; a++ {
		orders = append(orders, a)
	}
	constant := ledger(t, orders, 1, func(float64) float64 { return 1.1 })
	if eps := constant.Epsilon(1e-5); !near(eps, 1.32783806176, 1e-11) {
		t.Errorf("epsilon of a constant curve: %.12g", eps)
	}
	if delta := constant.Delta(1.32783806176); !near(delta, 1e-5, 1e-9) {
		t.Errorf("delta of a constant curve: %.12g", delta)
	}
	orders = orders[:0]
	for i := 1010; i < 100_000; i++ {
		orders = append(orders, float64(i)/1000)
	}
	whole := ledger(t, orders, 1, Subsampled(1, 4.530877117))
	if eps, delta := whole.Epsilon(1e-6), whole.Delta(1); !near(eps, 1, 1e-7) || !near(delta, 1e-6, 1e-6) {
		t.Errorf("sigma 4.530877117: epsilon %.9g, delta %.9g", eps, delta)
	}
}

func ledger(t *testing.T, orders []float64, times int, c Curve) *Ledger {
	t.Helper()
	l, err := NewLedger(orders)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Spend(times, c); err != nil {
		t.Fatal(err)
	}
	return l
}

// Where a curve has a closed form or an integral, it is at or above it.
func TestCurvesAreAbove(t *testing.T) {
	for _, q := range []float64{0.001, 0.01, 0.1, 0.5} {
		for _, sigma := range []float64{0.8, 1, 2.5, 6} {
			for _, alpha := range []float64{1.1, 1.5, 2, 2.5, 3.7, 8} {
				got, want := Subsampled(q, sigma)(alpha), integral(q, sigma, alpha)
				if got < want*(1-1e-6) || alpha == math.Trunc(alpha) && !near(got, want, 1e-5) {
					t.Errorf("q %g, sigma %g, order %g: %g, the integral is %g", q, sigma, alpha, got, want)
				}
			}
		}
	}
	for _, scale := range []float64{0.5, 1, 10} {
		l, eps := laplaceLaw(scale), 1/scale
		for _, alpha := range []float64{1.02, 1.5, 2, 8, 64} {
			curve := PureCurve(eps)(alpha)
			if got := l.renyi(alpha, 1); got > curve*(1+1e-9) || curve > eps || curve > alpha*eps*eps/2 {
				t.Errorf("Laplace %g, order %g: divergence %g, curve %g", scale, alpha, got, curve)
			}
		}
	}
	if x := 25.0; !near(logErfc(x), math.Log(math.Erfc(x)), 1e-9) || !(logErfc(200) < -39000) {
		t.Errorf("log erfc: %g and %g", logErfc(25), logErfc(200))
	}
}

// integral is the divergence of the sampled Gaussian by the trapezium rule.
func integral(q, sigma, alpha float64) float64 {
	const step = 1e-3
	sum := 0.0
	for x := -12 * sigma; x < 12*sigma+alpha*1.5; x += step {
		base := math.Exp(-x*x/(2*sigma*sigma)) / (sigma * math.Sqrt(2*math.Pi))
		sum += step * base * math.Pow(1-q+q*math.Exp((2*x-1)/(2*sigma*sigma)), alpha)
	}
	return math.Log(sum) / (alpha - 1)
}

func TestLedgerRefuses(t *testing.T) {
	for _, bad := range []float64{0, 1, 1.001, -2, math.NaN(), math.Inf(1)} {
		if _, err := NewLedger([]float64{2, bad}); !errors.Is(err, fault.Invalid) {
			t.Errorf("order %g: %v", bad, err)
		}
	}
	l := ledger(t, Orders(), 3, Concentrated(0.01))
	was := l.Epsilon(1e-6)
	for name, c := range map[string]Curve{
		"nothing": nil, "a refund": Concentrated(-1), "no number": Concentrated(math.NaN()),
	} {
		if err := l.Spend(1, c); !errors.Is(err, fault.Invalid) || l.Epsilon(1e-6) != was {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := l.Spend(-1, Concentrated(1)); !errors.Is(err, fault.Invalid) {
		t.Errorf("a negative number of draws: %v", err)
	}
	// On a grid of orders the promise is worse than over all of them, not by much.
	if best := Epsilon(0.03, 1e-6); was < best || was > best*1.01 {
		t.Errorf("epsilon on the grid is %g, over all orders %g", was, best)
	}
	zero := &Ledger{}
	if zero.Delta(1) != 1 || !math.IsInf(zero.Epsilon(1e-6), 1) || !math.IsInf(l.Epsilon(0), 1) {
		t.Error("the zero ledger promises something")
	}
	if sampled := Subsampled(2, 1)(2); !math.IsInf(sampled, 1) {
		t.Errorf("a sample of twice everything costs %g", sampled)
	}
}

func TestDistributed(t *testing.T) {
	r := big.NewRat
	for _, c := range []struct {
		name string
		l2   *big.Rat
		dim  int
		s2   *big.Rat
		m    int
		kind fault.Kind
	}{
		{"one site", r(9, 1), 12, r(2, 1), 1, ""},
		{"two sites", r(9, 1), 1 << 16, r(16, 1), 2, ""},
		{"many of a huge variance", r(1<<40, 1), 1 << 24, r(math.MaxInt64, 1), 1 << 10, ""},
		{"a share too small", r(9, 1), 12, r(159, 10), 2, fault.Denied},
		{"no sites", r(9, 1), 12, r(16, 1), 0, fault.Invalid},
		{"no slots", r(9, 1), 0, r(16, 1), 2, fault.Invalid},
		{"no variance", r(9, 1), 12, r(0, 1), 1, fault.Invalid},
		{"nothing", nil, 12, r(16, 1), 2, fault.Invalid},
		{"less than nothing", r(-1, 1), 12, r(16, 1), 2, fault.Invalid},
	} {
		rho, err := Distributed(c.l2, c.dim, c.s2, c.m)
		if c.kind != "" {
			if !errors.Is(err, c.kind) || rho != nil {
				t.Errorf("%s: %v, %v", c.name, rho, err)
			}
			continue
		}
		plain := new(big.Rat).Quo(c.l2, new(big.Rat).Mul(c.s2, r(2*int64(c.m), 1)))
		extra, _ := new(big.Rat).Sub(rho, plain).Float64()
		s2, _ := c.s2.Float64()
		tau := 0.0
		for k := 1; k < c.m; k++ {
			tau += 10 * math.Exp(-2*math.Pi*math.Pi*s2*float64(k)/float64(k+1))
		}
		if err != nil || extra < tau*float64(c.dim) || extra > 1e-55 || (c.m == 1) != (extra == 0) {
			t.Errorf("%s: %v beyond the plain %v, tau is %g: %v", c.name, extra, plain, tau, err)
		}
	}
	if math.Pi*math.Pi/math.Ln2 <= 14.23 {
		t.Error("the exponent of tau is not rounded down")
	}
}

func TestPureCosts(t *testing.T) {
	l := laplace(t, 10, 3)
	eps, err := l.Epsilon(big.NewInt(2))
	if err != nil || eps.Cmp(big.NewRat(3, 5)) != 0 {
		t.Errorf("epsilon %v: %v", eps, err)
	}
	if rho, err := Pure(eps); err != nil || rho.Cmp(big.NewRat(9, 50)) != 0 {
		t.Errorf("rho %v: %v", rho, err)
	}
	if _, err := Pure(nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("nothing: %v", err)
	}
	if _, err := (Laplace{}).Epsilon(big.NewInt(1)); !errors.Is(err, fault.Denied) {
		t.Errorf("the zero Laplace: %v", err)
	}
	if _, err := l.Epsilon(big.NewInt(-1)); !errors.Is(err, fault.Invalid) {
		t.Errorf("a negative sensitivity: %v", err)
	}
	for _, c := range []struct {
		t, s   uint64
		shares int
	}{{1, 1, 0}, {1, 1, -1}, {1, 1, 1<<10 + 1}, {1025, 1, 2}, {0, 1, 2}, {1, 0, 2}} {
		if _, err := NewPolya(c.t, c.s, c.shares); !errors.Is(err, fault.Invalid) {
			t.Errorf("%d shares of %d/%d: %v", c.shares, c.t, c.s, err)
		}
	}
	if _, err := (Polya{}).Draw(seeded(1)); !errors.Is(err, fault.Denied) {
		t.Errorf("the zero Polya: %v", err)
	}
	if _, err := (Polya{laplace(t, 3, 1), 2}).Draw(NewSource(fill(0))); !errors.Is(err, fault.Internal) {
		t.Errorf("a share from zeros: %v", err)
	}
}

func TestMargin(t *testing.T) {
	for _, c := range []struct {
		variance *big.Rat
		beta     float64
		want     int64
		kind     fault.Kind
	}{
		{big.NewRat(100, 1), math.Exp(-2), 20, ""}, // the root of 400 and a hair, less one, rounded up
		{big.NewRat(100, 1), 0.001, 37, ""},
		{big.NewRat(1, 100), 0.5, 0, ""},
		{big.NewRat(1, 1), 1e-300, 37, ""},
		{nil, 0.1, 0, fault.Invalid},
		{new(big.Rat), 0.1, 0, fault.Invalid},
		{big.NewRat(1, 1), 0, 0, fault.Invalid},
		{big.NewRat(1, 1), 1, 0, fault.Invalid},
		{big.NewRat(1, 1), math.NaN(), 0, fault.Invalid},
		{new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 100)), 0.1, 0, fault.Invalid},
	} {
		got, err := Margin(c.variance, c.beta)
		if c.kind != "" && !errors.Is(err, c.kind) || c.kind == "" && err != nil || got != c.want {
			t.Errorf("variance %v, beta %g: %d, %v", c.variance, c.beta, got, err)
		}
	}
	if !Published(15, 10, 5) || Published(14, 10, 5) || Published(math.MinInt64+4, 10, 4) {
		t.Error("a cell is published from threshold + margin on")
	}
}
