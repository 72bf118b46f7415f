package privacy

import (
	"fmt"
	"math"
	"math/big"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/yunei/yunei/gate/noise"
)

// rounds is how often each of the two states is run.
func rounds() int {
	if os.Getenv("YUNEI_PROVE") == "1" {
		return 400_000
	}
	return 40_000
}

// doubt is the probability that a sound mechanism fails an audit, over all
// events together, if the seeds were not fixed.
const doubt = 1e-3

// beta is the regularised incomplete beta function I_x(a, b), by Lentz's
// continued fraction.
func beta(x, a, b float64) float64 {
	if x <= 0 || x >= 1 {
		return min(max(x, 0), 1)
	}
	if x > (a+1)/(a+b+2) {
		return 1 - beta(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	f, c, d := 1.0, 1.0, 0.0
	for i := range 2000 {
		m := float64(i / 2)
		num := 1.0
		switch {
		case i > 0 && i%2 == 0:
			num = m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		case i > 0:
			num = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		d = 1 / (1 + num*d)
		c = 1 + num/c
		f *= c * d
		if math.Abs(1-c*d) < 1e-14 {
			break
		}
	}
	return front * (f - 1)
}

// bounds are Clopper and Pearson's on a probability that came up k times of n:
// each is wrong with probability of at most level.
func bounds(k, n int, level float64) (lower, upper float64) {
	solve := func(a, b, want float64) float64 {
		lo, hi := 0.0, 1.0
		for range 60 {
			if mid := (lo + hi) / 2; beta(mid, a, b) < want {
				lo = mid
			} else {
				hi = mid
			}
		}
		return (lo + hi) / 2
	}
	upper = 1
	if k > 0 {
		lower = solve(float64(k), float64(n-k+1), level)
	}
	if k < n {
		upper = solve(float64(k+1), float64(n-k), 1-level)
	}
	return lower, upper
}

// A promise is an epsilon at a delta.
type promise struct{ epsilon, delta float64 }

// promises are what rho-zCDP implies, as the product states it, the least delta
// first.
func promises(t *testing.T, rho *big.Rat) []promise {
	t.Helper()
	var all []promise
	for _, delta := range []float64{1e-6, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.3} {
		text, err := noise.EpsDelta(rho, delta)
		if err != nil {
			t.Fatal(err)
		}
		eps, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, promise{eps, delta})
	}
	return all
}

// A finding is what an audit proves: epsilon at least this much at delta, where
// claimed was promised, by an event on the distinguisher by.
type finding struct {
	by                      string
	epsilon, claimed, delta float64
}

func (f finding) excess() float64 { return f.epsilon - f.claimed }

func (f finding) String() string {
	return fmt.Sprintf("epsilon at least %.2f, %.2f claimed at delta %g (%s)", f.epsilon, f.claimed, f.delta, f.by)
}

// prove is the finding with the largest excess, from bounds on an event's
// probabilities.
func prove(by string, p, q float64, all []promise) finding {
	best := finding{by: by, epsilon: math.Inf(-1)}
	for _, c := range all {
		if p <= c.delta {
			continue
		}
		if f := (finding{by, math.Log((p - c.delta) / q), c.epsilon, c.delta}); f.excess() > best.excess() {
			best = f
		}
	}
	return best
}

// An event is that a distinguisher is at or above at (or at or below it); world
// is the state of the data under which it is the likelier.
type event struct {
	at    float64
	below bool
	world int
}

func (e event) count(sorted []float64) int {
	if e.below {
		return upTo(sorted, e.at)
	}
	return len(sorted) - upTo(sorted, math.Nextafter(e.at, math.Inf(-1)))
}

// upTo is how many values are at most x.
func upTo(sorted []float64, x float64) int {
	i, _ := slices.BinarySearch(sorted, math.Nextafter(x, math.Inf(1)))
	return i
}

// choose picks the event that promises most on the runs kept for choosing.
func choose(sorted [2][]float64, all []promise) event {
	var best event
	most := math.Inf(-1)
	n := float64(len(sorted[0]))
	for _, at := range candidates(sorted) {
		for _, e := range []event{{at, false, 0}, {at, false, 1}, {at, true, 0}, {at, true, 1}} {
			p, q := float64(e.count(sorted[e.world]))/n, float64(e.count(sorted[1-e.world]))/n
			p -= 4 * math.Sqrt(p*(1-p)/n)
			q += 4*math.Sqrt(q*(1-q)/n) + 16/n
			if f := prove("", p, q, all); f.excess() > most {
				most, best = f.excess(), e
			}
		}
	}
	return best
}

// candidates are values that were met, the more the rarer.
func candidates(sorted [2][]float64) []float64 {
	var at []float64
	for _, values := range sorted {
		n := len(values)
		for i := 0; i < n; i += 1 + min(i, n-1-i)/8 {
			at = append(at, values[i])
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// A table holds, for each state of the data and each distinguisher, its value in
// every run.
type table [2][][]float64

// audit chooses events on a third of the runs and proves what it can on the
// rest.
func audit(names []string, runs table, all []promise) finding {
	best := finding{epsilon: math.Inf(-1)}
	for k, name := range names {
		var train, test [2][]float64
		for w := range 2 {
			n := len(runs[w][k]) / 3
			train[w], test[w] = slices.Clone(runs[w][k][:n]), slices.Clone(runs[w][k][n:])
			slices.Sort(train[w])
			slices.Sort(test[w])
		}
		e := choose(train, all)
		level := doubt / float64(2*len(names))
		p, _ := bounds(e.count(test[e.world]), len(test[e.world]), level)
		_, q := bounds(e.count(test[1-e.world]), len(test[1-e.world]), level)
		if f := prove(name, p, q, all); f.excess() > best.excess() || math.IsInf(best.epsilon, -1) {
			best = f
		}
	}
	return best
}

// The bounds hold as often as they say: exactly, by summing binomials.
func TestBoundsCover(t *testing.T) {
	for _, n := range []int{10, 60} {
		for p := 0.01; p < 1; p += 0.03 {
			tooHigh, tooLow := 0.0, 0.0
			for k := range n + 1 {
				lg := func(x int) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
				mass := math.Exp(lg(n) - lg(k) - lg(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
				lower, upper := bounds(k, n, 0.05)
				if lower > p {
					tooHigh += mass
				}
				if upper < p {
					tooLow += mass
				}
			}
			if tooHigh > 0.05+1e-9 || tooLow > 0.05+1e-9 {
				t.Errorf("n %d, p %.2f: wrong with probability %.4f and %.4f", n, p, tooHigh, tooLow)
			}
		}
	}
	// Published: 10 of 100 at 95 % gives (0.0490, 0.1762); 0 of 100 gives 1 - 0.025^(1/100).
	if lower, upper := bounds(10, 100, 0.025); math.Abs(lower-0.0490) > 5e-5 || math.Abs(upper-0.1762) > 5e-5 {
		t.Errorf("10 of 100: %.5f to %.5f", lower, upper)
	}
	if lower, upper := bounds(0, 100, 0.025); lower != 0 || math.Abs(upper-(1-math.Pow(0.025, 0.01))) > 1e-9 {
		t.Errorf("0 of 100: %.5f to %.5f", lower, upper)
	}
}
