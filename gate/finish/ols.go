package finish

import (
	"math/big"

	"github.com/yunei/yunei/jobs"
)

// A Term is one line of a regression. SE is the sampling error, which the
// interval of the estimate does not hold.
type Term struct {
	Name     string
	Estimate Estimate
	SE       Estimate
}

// Why there is no fit.
var (
	whyHidden   = jobs.Statement{ZH: "所需单元格被隐藏。", EN: "a cell that it needs is hidden"}
	whyDoF      = jobs.Statement{ZH: "残差自由度少于 10，或参数多于单位数的三分之一。", EN: "fewer than 10 residual degrees of freedom, or more parameters than a third of the units"}
	whySingular = jobs.Statement{ZH: "方程组奇异：解释变量线性相关。", EN: "the equations are singular: the variables depend on each other"}
	whyCoarse   = jobs.Statement{ZH: "取整或噪声过大，无法给出有意义的区间。", EN: "rounding or noise are too large for an interval that says anything"}
	whyFew      = jobs.Statement{ZH: "某一类别的单位数可能不足 10。", EN: "a category may have fewer than 10 units"}
	whyInfinite = jobs.Statement{ZH: "没有有限的估计值：某一类别可能全部成功或全部失败。", EN: "there is no finite estimate: all or none of a category may be successes"}
)

// minDoF is how many residual degrees of freedom a regression must have, and
// maxShare the parameters a hundred units allow (C15; ACRO, DataSHIELD).
const (
	minDoF   = 10
	maxShare = 33
)

// An equations is a set of normal equations A b = c by the figures that hold its
// entries; the first variable is the intercept. yy is the sum of squares of the
// response, -1 if it was not given.
type equations struct {
	names []string
	left  [][]int // A
	right []int   // c
	yy    int
}

// ols is the least squares fit of the equations in one cell.
//
// Let A, c be as released and A', c' the true ones, b = A^-1 c, and b' the true
// solution. Then A (b' - b) = (c - A b)' errors: d = b' - b obeys |d| <= |R| s +
// |R| E |d|, with R = A^-1, s the slack of c - A b' taken at b, and E that of
// the entries of A (at b' it is that at b, and E |d| at most: the triangle
// inequality). If the powers of |R| E vanish, |d| <= (I - |R| E)^-1 |R| s
// (Neumaier 1990, chapter 4). The noise in a row is one sum of independent
// errors with the factors b', which are fixed, so that one event for each row
// is all that the 95 % have to be shared by.
func (t Table) ols(cell []int64, e equations) ([]Term, *jobs.Statement) {
	m := len(e.right)
	if !t.enough(cell, e.left[0][0], m) {
		return nil, &whyDoF
	}
	f, ok := t.solve(cell, e)
	if !ok {
		return nil, &whySingular
	}
	d, _, ok := f.enclose(deviations(m))
	if !ok {
		return nil, &whyCoarse
	}
	terms := make([]Term, m)
	for i := range terms {
		terms[i] = Term{Name: e.names[i], Estimate: within(f.b[i], around(f.b[i], d[i]))}
	}
	if e.yy >= 0 {
		terms = append(terms, f.quality(terms)...)
	}
	return terms, nil
}

// enough reports whether there are units enough for a number of parameters.
func (t Table) enough(cell []int64, count, parameters int) bool {
	n := t.span(cell, count, deviations(1)).lo
	p := int64(parameters)
	share := new(big.Rat).Mul(n, big.NewRat(maxShare, 100))
	return n.Cmp(big.NewRat(p+minDoF, 1)) >= 0 && share.Cmp(big.NewRat(p, 1)) >= 0
}

// A fitted is a solution of equations in a cell.
type fitted struct {
	t    Table
	cell []int64
	equations
	a, r matrix // A and its inverse
	b, c []*big.Rat
}

// solve solves the equations by the released figures; false if they are
// singular.
func (t Table) solve(cell []int64, e equations) (fitted, bool) {
	m := len(e.right)
	f := fitted{t: t, cell: cell, equations: e, a: newMatrix(m, m), c: make([]*big.Rat, m)}
	for i := range m {
		f.c[i] = value(cell, e.right[i])
		for j := range m {
			f.a[i][j] = value(cell, e.left[i][j])
		}
	}
	r, ok := f.a.inverse()
	if !ok {
		return fitted{}, false
	}
	f.r, f.b = r, r.times(f.c)
	return f, true
}

// enclose returns how far each coefficient may be from the true one, and how
// far each entry of the inverse; false if nothing can be said.
func (f fitted) enclose(z int64) (d []*big.Rat, w matrix, ok bool) {
	m := len(f.right)
	e, s := newMatrix(m, m), make([]*big.Rat, m)
	for i := range m {
		row := []term{{f.right[i], one}}
		for j := range m {
			e[i][j] = f.t.slack(z, term{f.left[i][j], one})
			row = append(row, term{f.left[i][j], new(big.Rat).Neg(f.b[j])})
		}
		s[i] = f.t.slack(z, row...)
	}
	size, ok := f.r.size()
	if !ok {
		return nil, nil, false
	}
	g, ok := size.mul(e).size()
	if !ok {
		return nil, nil, false
	}
	grown, ok := g.grown()
	if !ok {
		return nil, nil, false
	}
	return grown.times(size.times(s)), grown.mul(g).mul(size), true
}

// figures counts the different figures that stand in the equations.
func (f fitted) figures() int {
	seen := map[int]bool{f.yy: true}
	for i := range f.right {
		seen[f.right[i]] = true
		for _, x := range f.left[i] {
			seen[x] = true
		}
	}
	return len(seen)
}

// quality fills in the sampling errors of the terms, and returns the residual
// standard deviation and R^2. Here every figure keeps to its own slack with 95
// % for all of them, an event of its own beside that of the coefficients. What
// cannot be said is left out.
func (f fitted) quality(terms []Term) []Term {
	z := deviations(f.figures())
	d, w, ok := f.enclose(z)
	if !ok {
		return nil
	}
	n, m := f.t.span(f.cell, f.left[0][0], z), point(big.NewRat(int64(len(f.c)), 1))
	if n.lo.Cmp(m.hi) <= 0 {
		return nil
	}
	rss, rest := f.residual(d, z)
	sigma2 := rss.clip(new(big.Rat), nil).quo(n.sub(m))
	guess := new(big.Rat).Quo(rest, new(big.Rat).Sub(value(f.cell, f.left[0][0]), m.lo))
	for i := range f.c {
		at := around(f.r[i][i], w[i][i])
		terms[i].SE = rooted(new(big.Rat).Mul(guess, f.r[i][i]), sigma2.mul(at.clip(new(big.Rat), nil)))
	}
	out := []Term{{Name: "(residual sd)", Estimate: rooted(guess, sigma2)}}
	total := spread(n, f.t.span(f.cell, f.right[0], z), f.t.span(f.cell, f.yy, z))
	sst := spread(point(value(f.cell, f.left[0][0])), point(f.c[0]), point(value(f.cell, f.yy)))
	if total.lo.Sign() > 0 {
		r2 := point(one).sub(rss.quo(total)).clip(new(big.Rat), one)
		out = append(out, Term{Name: "(R squared)", Estimate: within(point(one).sub(point(rest).quo(sst)).lo, r2)})
	}
	return out
}

// residual is the sum of squared residuals, and its value by the released
// figures: at b' the released sum of squares is that at b and d' A d, and
// differs from the true one by the slack of its figures.
func (f fitted) residual(d []*big.Rat, z int64) (span, *big.Rat) {
	rest := value(f.cell, f.yy)
	slack := f.t.slack(z, term{f.yy, one})
	p := new(big.Rat)
	far := make([]*big.Rat, len(d)) // the most that |b'| can be
	for i := range d {
		rest.Sub(rest, p.Mul(f.b[i], f.c[i]))
		far[i] = new(big.Rat).Add(d[i], p.Abs(f.b[i]))
	}
	two := big.NewRat(2, 1)
	for i := range d {
		slack.Add(slack, p.Mul(two, p.Mul(far[i], f.t.slack(z, term{f.right[i], one}))))
		for j := range d {
			slack.Add(slack, p.Mul(far[i], p.Mul(far[j], f.t.slack(z, term{f.left[i][j], one}))))
			slack.Add(slack, p.Mul(d[i], p.Mul(d[j], p.Abs(f.a[i][j]))))
		}
	}
	return around(rest, slack), rest
}

// rooted is the root of a value and its span, neither below 0.
func rooted(value *big.Rat, s span) Estimate {
	return within(point(value).root().lo, s.root())
}
