package finish

import (
	"math"
	"math/big"

	"github.com/yunei/yunei/jobs"
)

// Bounds of a logistic regression.
const (
	maxColumns = 64
	maxCells   = 1024
	farthest   = 30 // a coefficient beyond is infinite: e^30 to 1
)

// A logit is a grouped logistic regression on categories: in every cell a share
// of the units succeeds, the log odds are the sum of an intercept and one
// coefficient for each dim's code, 0 for the first. The table that it is fitted
// to is released itself, so that even a saturated fit tells nothing more.
//
// The estimate b solves X'(s - n p(b)) = 0 in the released s, n (Newton's
// method, that is iteratively reweighted least squares). With the true s', n'
// and solution b', X'(s - n p(b')) is X'(errors of s - p(b') errors of n): a
// fixed sum of independent errors for each column, of known slack. Since n >=
// 0, the left side falls strictly in b and has any value once at most: an
// enclosure says where it has those within the slack.
type logit struct {
	names  []string
	x      [][]int // of each cell, the columns that are 1
	s, n   []float64
	figure [2]figure // successes, units
}

// newLogit takes the columns from the dims and the counts from the cells.
func newLogit(t Table, successes, units int) (logit, *jobs.Statement) {
	g := logit{names: []string{"(intercept)"}, figure: [2]figure{t.figures[successes], t.figures[units]}}
	first := make([]int, len(t.dims)) // column of each dim's second code
	for i, d := range t.dims {
		first[i] = len(g.names)
		for _, code := range d.Codes[1:] {
			g.names = append(g.names, d.Name+"="+code)
		}
	}
	for i, cell := range t.cells {
		if cell == nil {
			return logit{}, &whyHidden
		}
		if cell[units] < 0 || max(cell[units], cell[successes], -cell[successes]) > 1<<53 { // a float holds no more
			return logit{}, &whyCoarse
		}
		columns := []int{0}
		for k, code := range codes(t.dims, i) {
			if code > 0 {
				columns = append(columns, first[k]+code-1)
			}
		}
		g.x = append(g.x, columns)
		g.s = append(g.s, float64(cell[successes]))
		g.n = append(g.n, float64(cell[units]))
	}
	return g, g.enough(t, units)
}

// enough holds every category to the least number of units (C15).
func (g logit) enough(t Table, units int) *jobs.Statement {
	whole, err := t.keep(nil)
	if err != nil || whole.cells[0] == nil || !whole.enough(whole.cells[0], units, len(g.names)) {
		return &whyDoF
	}
	for _, d := range t.dims {
		of, err := t.keep([]string{d.Name})
		if err != nil {
			return &whyCoarse
		}
		for _, cell := range of.cells {
			if cell == nil || of.span(cell, units, deviations(1)).lo.Cmp(big.NewRat(tail, 1)) < 0 {
				return &whyFew
			}
		}
	}
	return nil
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// eta is the log odds in a cell.
func (g logit) eta(cell int, b []float64) (sum float64) {
	for _, j := range g.x[cell] {
		sum += b[j]
	}
	return sum
}

// solve finds b, and the inverse of the information there.
func (g logit) solve() ([]float64, [][]float64, bool) {
	b := make([]float64, len(g.names))
	for range 100 {
		score := make([]float64, len(b))
		weights := make([]float64, len(g.n))
		for i := range g.n {
			p := sigmoid(g.eta(i, b))
			weights[i] = g.n[i] * p * (1 - p)
			for _, j := range g.x[i] {
				score[j] += g.s[i] - g.n[i]*p
			}
		}
		r, ok := invert(g.information(weights))
		if !ok {
			return nil, nil, false
		}
		most, step := 0.0, make([]float64, len(b))
		for i := range b {
			for j := range b {
				step[i] += r[i][j] * score[j]
			}
			most = max(most, math.Abs(step[i]))
		}
		scale := min(1, 2/most) // far steps overshoot
		for i := range b {
			b[i] += scale * step[i]
			if !(math.Abs(b[i]) < farthest) {
				return nil, nil, false
			}
		}
		if most < 1e-10 {
			for i := range r {
				for j := range i {
					r[i][j] = r[j][i]
				}
			}
			return b, r, true
		}
	}
	return nil, nil, false
}

// information is X' w X.
func (g logit) information(weights []float64) [][]float64 {
	h := square(len(g.names))
	for i, w := range weights {
		for _, j := range g.x[i] {
			for _, k := range g.x[i] {
				h[j][k] += w
			}
		}
	}
	return h
}

// fit returns the terms of the regression. SE is that at the estimate, without
// bounds.
func (g logit) fit() ([]Term, *jobs.Statement) {
	b, r, ok := g.solve()
	if !ok {
		return nil, &whyInfinite
	}
	d, ok := g.enclosure(b, r).enclose()
	if !ok {
		return nil, &whyCoarse
	}
	terms := make([]Term, len(b))
	for i := range b {
		mid := new(big.Rat).SetFloat64(b[i])
		far := new(big.Rat).SetFloat64(d[i])
		se := new(big.Rat).SetFloat64(math.Sqrt(max(0, r[i][i])))
		terms[i] = Term{Name: g.names[i], Estimate: within(mid, around(mid, far)), SE: Estimate{Value: se}}
	}
	return terms, nil
}
