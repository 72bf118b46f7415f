package noise

import (
	"fmt"
	"math"
	"slices"

	"github.com/yunei/yunei/fault"
)

// A Curve bounds the Rényi divergence of every order alpha > 1 between what a
// draw gives with a unit and without it, either way round (Mironov 2017).
type Curve func(alpha float64) float64

// Concentrated is the curve of a rho-zCDP draw: of a Gaussian, a discrete
// Gaussian, or a sum of them.
func Concentrated(rho float64) Curve { return func(alpha float64) float64 { return alpha * rho } }

// PureCurve is the curve of an epsilon-differentially private draw, such as
// Laplace: that of randomised response, the worst of them (Kairouz, Oh,
// Viswanath 2015).
func PureCurve(epsilon float64) Curve {
	return func(alpha float64) float64 {
		log := alpha*epsilon + math.Log1p(math.Exp((1-2*alpha)*epsilon)) - epsilon - math.Log1p(math.Exp(-epsilon))
		return min(max(log/(alpha-1), 0), epsilon, alpha*epsilon*epsilon/2)
	}
}

// Subsampled is the curve of Gaussian noise of sigma times the L2 sensitivity
// on a sample that each unit enters with probability q on its own (Mironov,
// Talwar, Zhang, "Rényi Differential Privacy of the Sampled Gaussian
// Mechanism", 2019, section 3.3). Between the integers every term of the
// series is taken as positive: a bound from above that needs no cancellation.
func Subsampled(q, sigma float64) Curve {
	return func(alpha float64) float64 {
		switch {
		case q == 0:
			return 0
		case !(q > 0 && q <= 1 && sigma > 0):
			return math.Inf(1)
		case q == 1:
			return alpha / (2 * sigma * sigma)
		case alpha == math.Trunc(alpha):
			return sampledInt(q, sigma, alpha) / (alpha - 1)
		}
		return sampledFrac(q, sigma, alpha) / (alpha - 1)
	}
}

// sampledInt is the logarithm of the moment of a whole order.
func sampledInt(q, sigma, alpha float64) float64 {
	sum := math.Inf(-1)
	for i := 0.0; i <= alpha; i++ {
		sum = logAdd(sum, logChoose(alpha, i)+i*math.Log(q)+(alpha-i)*math.Log1p(-q)+(i*i-i)/(2*sigma*sigma))
	}
	return sum
}

// sampledFrac is that of any order: two integrals that meet at z, each a
// series. It is infinite where a series has not settled.
func sampledFrac(q, sigma, alpha float64) float64 {
	const terms = 1000
	z := sigma*sigma*math.Log(1/q-1) + 0.5
	sum, was0, was1 := math.Inf(-1), math.Inf(-1), math.Inf(-1)
	for i := 0.0; i < terms; i++ {
		j := alpha - i
		choose := logChoose(alpha, i) - math.Ln2
		s0 := choose + i*math.Log(q) + j*math.Log1p(-q) + (i*i-i)/(2*sigma*sigma) + logErfc((i-z)/(math.Sqrt2*sigma))
		s1 := choose + j*math.Log(q) + i*math.Log1p(-q) + (j*j-j)/(2*sigma*sigma) + logErfc((z-j)/(math.Sqrt2*sigma))
		sum = logAdd(sum, logAdd(s0, s1))
		if s0 < was0 && s1 < was1 && max(s0, s1) < sum-30 {
			return sum
		}
		was0, was1 = s0, s1
	}
	return math.Inf(1)
}

func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// logChoose is the logarithm of |n over k|.
func logChoose(n, k float64) float64 {
	a, _ := math.Lgamma(n + 1)
	b, _ := math.Lgamma(k + 1)
	c, _ := math.Lgamma(n - k + 1)
	return a - b - c
}

// logErfc is log(erfc(x)), by its series at infinity where erfc is too small
// for a float; there each partial sum that ends with + is above.
func logErfc(x float64) float64 {
	if x < 20 {
		return math.Log(math.Erfc(x))
	}
	y := 1 / (2 * x * x)
	return -x*x - math.Log(x*math.SqrtPi) + math.Log1p(-y+3*y*y)
}

// A Ledger adds up curves at fixed orders: the accountant for draws that zCDP
// does not describe well, those on a sample above all. The zero Ledger has no
// orders and promises nothing.
type Ledger struct{ orders, spent []float64 }

// Orders are those that other accountants use by default.
func Orders() []float64 {
	orders := []float64{1.1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 3, 3.5}
	for a := 4.0; a <= 64; a++ {
		orders = append(orders, a)
	}
	return append(orders, 80, 96, 128, 192, 256, 384, 512, 1024)
}

// NewLedger is an empty ledger of orders, each at least 1.01. An error is of
// kind Invalid.
func NewLedger(orders []float64) (*Ledger, error) {
	for _, a := range orders {
		if !(a >= 1.01 && a <= 1e6) {
			return nil, fmt.Errorf("a ledger of Rényi orders: %g is none: %w", a, fault.Invalid)
		}
	}
	return &Ledger{slices.Clone(orders), make([]float64, len(orders))}, nil
}

// Spend adds the cost of times draws, adaptively chosen or not. An error is of
// kind Invalid and leaves the ledger as it was.
func (l *Ledger) Spend(times int, c Curve) error {
	if c == nil || times < 0 {
		return fmt.Errorf("adding a Rényi cost: %w", fault.Invalid)
	}
	after := slices.Clone(l.spent)
	for i, a := range l.orders {
		cost := c(a)
		if !(cost >= 0) {
			return fmt.Errorf("adding a Rényi cost: one is not a cost: %w", fault.Invalid)
		}
		if times > 0 {
			after[i] += float64(times) * cost
		}
	}
	l.spent = after
	return nil
}

// Spent is the cost at each order.
func (l *Ledger) Spent() []float64 { return slices.Clone(l.spent) }

// Delta is the least delta that an order gives at epsilon (CKS 2020,
// proposition 12), or that its divergence gives at 0 by way of total variation
// (Bretagnolle, Huber 1979).
func (l *Ledger) Delta(epsilon float64) float64 {
	least := 1.0
	for i, a := range l.orders {
		r := l.spent[i]
		least = min(least, math.Exp((a-1)*(r-epsilon+math.Log1p(-1/a))-math.Log(a)))
		if epsilon >= 0 {
			least = min(least, math.Sqrt(-math.Expm1(-r)))
		}
	}
	return least
}

// Epsilon is the least epsilon >= 0 at which an order gives delta, and infinite
// where none does.
func (l *Ledger) Epsilon(delta float64) float64 {
	least := math.Inf(1)
	if !(delta > 0) {
		return least
	}
	for i, a := range l.orders {
		r := l.spent[i]
		if -math.Expm1(-r) < delta*delta {
			return 0
		}
		least = min(least, r+math.Log1p(-1/a)-math.Log(delta*a)/(a-1))
	}
	return max(least, 0)
}

// GaussianDelta is the exact delta, at epsilon, of one discrete Gaussian draw
// of variance sigma2, at most 10^10, on a count that a unit moves by shift >= 1:
// P(z > at - shift/2) - exp(epsilon) P(z > at + shift/2) with
// at = epsilon sigma2 / shift (CKS 2020, theorem 7). It is 1 where it cannot be computed.
func GaussianDelta(sigma2 float64, shift int64, epsilon float64) float64 {
	if !(sigma2 > 0 && sigma2 <= 1e10 && epsilon >= 0) || shift < 1 {
		return 1
	}
	at, half := epsilon*sigma2/float64(shift), float64(shift)/2
	reach := math.Ceil(40*math.Sqrt(sigma2)) + 1
	above := func(x float64) (sum float64) {
		for z := reach; z > x && z >= -reach; z-- {
			sum += math.Exp(-z * z / (2 * sigma2))
		}
		return sum
	}
	all := above(-reach - 1)
	return min(max((above(at-half)-math.Exp(epsilon)*above(at+half))/all, 0), 1)
}
