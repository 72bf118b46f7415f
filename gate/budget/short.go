package budget

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"

	"github.com/yunei/yunei/fault"
)

// A Short says why a run cannot be afforded. It is an error of kind Exhausted,
// the refusal "budget".
type Short struct {
	Told
	left *big.Rat
}

// Told is what a Short tells of the cap with the least left, in rho, and of what
// would fit. Figures are fractions as long as that takes few digits, and else
// decimals that do not flatter: what is left is rounded down, all else up.
type Told struct {
	Cap       string // a Kind
	Namespace string
	Name      string // of the operator or scenario, or the year
	Limit     string
	Spent     string
	Left      string
	Asked     string
	Factor    string // the least whole number by which every sigma2 would have to grow; "" if no query fits
	Next      int    // the year before which nothing is left; 0 if no year helps
}

// Bounds of what is told, in bytes.
const (
	maxFigure = 64
	maxName   = 63
	places    = 12 // of a decimal that stands for a long fraction
)

func reckon(limit Cap, spent *big.Rat, ask Entry) *Short {
	rho := limit.Rho
	if rho == nil || rho.Sign() < 0 {
		rho = new(big.Rat)
	}
	left := new(big.Rat).Sub(rho, spent)
	if left.Sign() < 0 {
		left = new(big.Rat) // the cap was lowered since
	}
	return &Short{Told{
		Cap: string(limit.Kind), Namespace: limit.Namespace, Limit: figure(rho, true), Spent: figure(spent, true),
		Left: figure(left, false), Asked: figure(ask.Cost, true),
	}, left}
}

// advise says what would fit: noise of k times the variance costs a k-th.
func (s *Short) advise(ask Entry) {
	if s.left.Sign() == 0 {
		if s.Cap == string(Year) {
			year, _ := strconv.Atoi(s.Name) // of our own making
			s.Next = year + 1
		}
		return
	}
	if k := ceil(new(big.Rat).Quo(ask.Cost, s.left)); k.IsInt64() {
		s.Factor = k.String()
	}
}

func ceil(r *big.Rat) *big.Int {
	q, m := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	if m.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

// figure writes r as it is, or rounded.
func figure(r *big.Rat, up bool) string {
	if s := r.RatString(); len(s) <= maxFigure {
		return s
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(places), nil)
	scaled := new(big.Rat).Mul(r, new(big.Rat).SetInt(scale))
	n := new(big.Int).Div(scaled.Num(), scaled.Denom())
	if up {
		n = ceil(scaled)
	}
	return new(big.Rat).SetFrac(n, scale).FloatString(places)
}

// Error is the English sentence.
func (s *Short) Error() string { return s.EN() }

// Unwrap is the refusal that it is.
func (s *Short) Unwrap() error { return fault.Refuse("budget", "house") }

var (
	figureRE = regexp.MustCompile(`^[0-9]{1,64}([./][0-9]{1,64})?$`)
	factorRE = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)
	nameRE   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
)

// Check reports what Afford did not make, as an error of kind Invalid: what was
// read is shown to people.
func (s Told) Check() error {
	ok := slices.Contains(kinds, Kind(s.Cap)) && name(s.Namespace) && (s.Name == "" || name(s.Name)) &&
		(s.Factor == "" || factorRE.MatchString(s.Factor)) && s.Next >= 0 && s.Next <= 10_000
	for _, f := range []string{s.Limit, s.Spent, s.Left, s.Asked} {
		ok = ok && len(f) <= maxFigure && figureRE.MatchString(f)
	}
	if !ok {
		return fmt.Errorf("reading what a budget is short of: %w", fault.Invalid)
	}
	return nil
}

func name(s string) bool { return len(s) <= maxName && nameRE.MatchString(s) }

// caps names the kinds in both languages; %s is the namespace, then the name.
var caps = map[Kind]struct{ zh, en string }{
	Forever:  {"%s 的总预算%s", "the budget of %s for ever%s"},
	Operator: {"%s 中授权运营方 %s 的预算", "the budget of %s for operator %s"},
	Scenario: {"%s 中场景 %s 的预算", "the budget of %s for scenario %s"},
	Year:     {"%s 在 %s 年的预算", "the budget of %s for the year %s"},
}

// ZH says it in Chinese, by a closed template.
func (s Told) ZH() string {
	what := fmt.Sprintf(caps[Kind(s.Cap)].zh, s.Namespace, s.Name)
	return what + fmt.Sprintf("：上限 rho %s，已用 %s，剩余 %s，本次需要 %s；", s.Limit, s.Spent, s.Left, s.Asked) + s.fits(
		"各统计量的 sigma2 均至少乘以 %s 的查询可以容纳。", "%d 年以前没有余额。", "没有余额，任何查询都不能容纳。")
}

// EN says it in English, by a closed template.
func (s Told) EN() string {
	what := fmt.Sprintf(caps[Kind(s.Cap)].en, s.Namespace, s.Name)
	return what + fmt.Sprintf(" is rho %s, of which %s is spent and %s left, and this run asks for %s; ", s.Limit, s.Spent, s.Left, s.Asked) + s.fits(
		"a query with every sigma2 at least %s times as large would fit", "nothing is left before %d", "nothing is left, and no query would fit")
}

func (s Told) fits(factor, year, never string) string {
	switch {
	case s.Factor != "":
		return fmt.Sprintf(factor, s.Factor)
	case s.Next > 0:
		return fmt.Sprintf(year, s.Next)
	}
	return never
}
