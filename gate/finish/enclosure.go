package finish

import (
	"math"
	"math/big"
)

// An enclosure bounds how far the solution b' of the true table can be from b,
// that of the released one. Let F(b) = X'(s - n p(b)) in the released s, n, and
// r = F(b'), the errors. With R about the inverse of X'WX at b and d = b' - b,
//
//	d = R (F(b) - r) + (I - R X'WX) d - R X' n (p(b') - p(b) - p'(b) X d),
//
// which gives a radius of each cell's log odds by those of all. Radii that
// hold with room to spare hold b': F falls strictly and takes every value
// between 0 and r, so that there is a path of solutions of F = t r from b to
// b', and no point of it can be the first to touch a radius. Where there is no
// noise the path may as well be that of the tables in between, and the errors
// of n then count by shares within the radii. All numbers are bounds of
// absolute values, rounded up.
type enclosure struct {
	g     logit
	b     []float64
	score []float64  // |F(b)|
	rest  float64    // of any row of I - R X'WX, summed
	cells []row      // what moves the log odds of each cell
	terms []row      // what moves each coefficient
	half  [2]float64 // of successes and units, what was rounded away
	noise [2]float64 // and the variance
	step  float64    // half of that of whole numbers
	z     float64    // deviations
}

// A row is |v'R X'| by cell and |v'R| by column, for a row v of X or of I.
type row struct{ cells, columns []float64 }

func (g logit) enclosure(b []float64, r [][]float64) enclosure {
	e := enclosure{g: g, b: b, z: up(float64(deviations(len(b))) / 1e4)}
	for i, f := range g.figure {
		e.half[i], e.noise[i] = above(f.half), above(new(big.Rat).SetInt(f.variance))
		if e.noise[i] > 0 {
			e.step = 0.5
		}
	}
	for i := range r {
		e.terms = append(e.terms, g.row([]int{i}, r))
	}
	for _, x := range g.x {
		e.cells = append(e.cells, g.row(x, r))
	}
	shares := g.shares(b, make([]float64, len(g.n)))
	e.score = g.score(shares)
	e.rest = g.remainder(shares, r)
	return e
}

func (g logit) row(v []int, r [][]float64) row {
	sums := make([]reach, len(r))
	out := row{columns: make([]float64, len(r)), cells: make([]float64, len(g.n))}
	for j := range r {
		for _, i := range v {
			sums[j] = sums[j].add(exactly(r[i][j]))
		}
		out.columns[j] = sums[j].size()
	}
	for c, x := range g.x {
		var sum reach
		for _, j := range x {
			sum = sum.add(sums[j])
		}
		out.cells[c] = sum.size()
	}
	return out
}

// odds are the log odds of a cell.
func (g logit) odds(b []float64, cell int) (eta reach) {
	for _, j := range g.x[cell] {
		eta = eta.add(exactly(b[j]))
	}
	return eta
}

// share is p for log odds within eta.
func share(eta reach) reach {
	return reach{max(0, sigmoid(eta.lo)*(1-ulps)), min(1, sigmoid(eta.hi)*(1+ulps))}
}

// shares is p in each cell, for log odds within a radius of those at b.
func (g logit) shares(b, radius []float64) []reach {
	out := make([]reach, len(g.n))
	for i := range out {
		out[i] = share(g.odds(b, i).add(reach{-radius[i], radius[i]}))
	}
	return out
}

// sharesAt is p at that end of the radius.
func (g logit) sharesAt(b, radius []float64, sign float64) []reach {
	out := make([]reach, len(g.n))
	for i := range out {
		out[i] = share(g.odds(b, i).add(exactly(sign * radius[i])))
	}
	return out
}

func (g logit) score(shares []reach) []float64 {
	sums := make([]reach, len(g.names))
	for i, p := range shares {
		rest := exactly(g.s[i]).sub(exactly(g.n[i]).mul(p))
		for _, j := range g.x[i] {
			sums[j] = sums[j].add(rest)
		}
	}
	out := make([]float64, len(sums))
	for j := range sums {
		out[j] = sums[j].size()
	}
	return out
}

// remainder is the largest sum of a row of |I - R X'WX|.
func (g logit) remainder(shares []reach, r [][]float64) float64 {
	h := make([][]reach, len(r))
	for i := range h {
		h[i] = make([]reach, len(r))
	}
	for i, p := range shares {
		w := exactly(g.n[i]).mul(p.curve())
		for _, j := range g.x[i] {
			for _, l := range g.x[i] {
				h[j][l] = h[j][l].add(w)
			}
		}
	}
	most := 0.0
	for i := range r {
		row := 0.0
		for j := range r {
			var sum reach
			if i == j {
				sum = exactly(1)
			}
			for l := range r {
				sum = sum.sub(exactly(r[i][l]).mul(h[l][j]))
			}
			row = up(row + sum.size())
		}
		most = max(most, row)
	}
	return most
}

// enclose returns the radius of each coefficient, or false if none was found.
func (e enclosure) enclose() ([]float64, bool) {
	if !(e.rest < 0.5) { // R might be singular
		return nil, false
	}
	radius := make([]float64, len(e.cells))
	for range 200 {
		known := radius
		if e.step > 0 {
			known = nil
		}
		next := e.moves(e.cells, known, radius)
		inside := true
		for i := range next {
			inside = inside && next[i] < radius[i]
		}
		if inside {
			for range 10 { // b' is known to lie within: look again with what that says
				radius = e.moves(e.cells, radius, radius)
			}
			return e.moves(e.terms, radius, radius), true
		}
		for i := range next {
			if radius[i] = 1.02*max(radius[i], next[i]) + 1e-300; !(radius[i] < farthest) {
				return nil, false
			}
		}
	}
	return nil, false
}

// moves is how far each row moves: by the errors, those of the units times the
// true share, which is 1 at most or that which known, a radius that holds b',
// leaves it; and by what is curved within a radius. What was rounded away is
// carried through R cell by cell, at its worst; noise only by column, because R
// depends on it.
func (e enclosure) moves(rows []row, known, radius []float64) []float64 {
	columns := make([]float64, len(e.b))
	cells := make([]float64, len(e.g.n))
	var shares []reach
	if known != nil {
		shares = e.g.shares(e.b, known)
	}
	for i := range cells {
		p := 1.0
		if shares != nil {
			p = shares[i].hi
		}
		cells[i] = up(e.half[0] + up(p*e.half[1]))
		for _, j := range e.g.x[i] {
			columns[j] = up(columns[j] + up(e.noise[0]+up(up(p*p)*e.noise[1])))
		}
	}
	for j, v := range columns {
		columns[j] = e.score[j]
		if v > 0 {
			columns[j] = up(up(e.score[j]+e.step) + up(e.z*up(math.Sqrt(v))))
		}
	}
	most := 0.0
	for i, bend := range e.bends(radius) {
		cells[i] = up(cells[i] + bend)
		most = max(most, radius[i])
	}
	// A coefficient is the log odds of one cell or the difference of two, and the
	// log odds of a cell are a sum of coefficients.
	rest := up(e.rest * up(2*most*(1+float64(len(e.b)))))
	out := make([]float64, len(rows))
	for k, r := range rows {
		sum := rest
		for i, c := range cells {
			sum = up(sum + up(r.cells[i]*c))
		}
		for j, c := range columns {
			sum = up(sum + up(r.columns[j]*c))
		}
		out[k] = sum
	}
	return out
}

// bends is n |p(b') - p(b) - p'(b) X d| in each cell, at most. As a function of
// X d its extremes are at the ends, and where the slope is that at b: at the
// opposite log odds.
func (e enclosure) bends(radius []float64) []float64 {
	at := e.g.shares(e.b, make([]float64, len(radius)))
	ends := [2][]reach{}
	for side, sign := range []float64{-1, 1} {
		ends[side] = e.g.sharesAt(e.b, radius, sign)
	}
	out := make([]float64, len(radius))
	for i, p := range at {
		slope := p.curve()
		bend := func(q, d reach) float64 { return q.sub(p).sub(slope.mul(d)).size() }
		most := max(bend(ends[0][i], exactly(-radius[i])), bend(ends[1][i], exactly(radius[i])))
		eta := e.g.odds(e.b, i)
		if 2*eta.size() <= up(radius[i]) {
			most = max(most, bend(exactly(1).sub(p), eta.mul(exactly(-2))))
		}
		out[i] = up(e.g.n[i] * most)
	}
	return out
}
