package finish

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// A Line is one value of a result: of the cell with those codes, and for a
// regression of that term. Why says for a regression why there is none.
type Line struct {
	Codes []string
	Term
	Why *jobs.Statement
}

// A Result is what a finisher makes of a candidate.
type Result struct {
	Spec      Spec
	Dims      []string // of the codes of a line
	Lines     []Line
	Statement jobs.Statement // what the intervals promise
}

// What the intervals promise.
var (
	exactly100 = jobs.Statement{
		ZH: "区间由取整误差确定，必含由真实合计算得的值；不含抽样误差。",
		EN: "The intervals hold the value of the true sums, whatever was rounded away; they do not hold sampling errors.",
	}
	nearly95 = jobs.Statement{
		ZH: "区间以95%的置信度包含由真实合计算得的值（同一回归的系数为联合置信度）；已计入噪声，不含抽样误差。",
		EN: "With 95 % confidence an interval holds the value of the true sums, the coefficients of one regression together; noise is counted in, sampling errors are not.",
	}
	nearly95Shown = jobs.Statement{
		ZH: nearly95.ZH + "置信度按隐藏小单元格之前计算。",
		EN: nearly95.EN + " The confidence is that before small cells were hidden.",
	}
)

// Apply finishes a candidate. An error is of kind Invalid where the spec does
// not fit it, and of kind Denied where a regression can be given for no cell.
func (s Spec) Apply(c jobs.Candidate) (Result, error) {
	t, err := Read(c)
	if err != nil {
		return Result{}, fmt.Errorf("finishing: %w", err)
	}
	f, ok := forms[s.name]
	if !ok {
		return Result{}, fmt.Errorf("finishing: no finisher: %w", fault.Invalid)
	}
	t, dims, err := s.table(t)
	if err != nil {
		return Result{}, fmt.Errorf("finishing %s: %w", s, err)
	}
	lines, err := f.run(s, t)
	if err != nil {
		return Result{}, fmt.Errorf("finishing %s: %w", s, err)
	}
	r := Result{Spec: s, Dims: dims, Lines: lines, Statement: exactly100}
	switch c.Mode {
	case jobs.DP:
		r.Statement = nearly95
	case jobs.Both:
		r.Statement = nearly95Shown
	default:
	}
	return r, nil
}

// table sums out what the spec says, and names the dims that its lines keep.
func (s Spec) table(t Table) (Table, []string, error) {
	var err error
	if over := s.keys["over"]; over != nil {
		if s.name == "quantile" && (slices.Contains(over, s.items[0]) || over[0] == everything) {
			return t, nil, fmt.Errorf("the bins cannot be summed out: %w", fault.Invalid)
		}
		if t, err = t.over(over); err != nil {
			return t, nil, err
		}
	}
	var dims []string
	for _, d := range t.dims {
		if s.name != "logit" && (s.name != "quantile" || d.Name != s.items[0]) {
			dims = append(dims, d.Name)
		}
	}
	return t, dims, nil
}

// count is the figure that counts the values.
func (s Spec) count(t Table) (int, error) {
	if n := s.keys["n"]; n != nil {
		return t.figure(n[0])
	}
	return 0, nil
}

// find looks several figures up.
func (t Table) find(names ...string) ([]int, error) {
	var out []int
	for _, name := range names {
		i, err := t.figure(name)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// lines gives each cell's estimate.
func (t Table) lines(name string, finish func(cell []int64) Estimate) []Line {
	var out []Line
	for i, e := range t.each(finish) {
		out = append(out, Line{Codes: t.codesOf(i), Term: Term{Name: name, Estimate: e}})
	}
	return out
}

func (t Table) codesOf(cell int) []string {
	var out []string
	for i, at := range codes(t.dims, cell) {
		out = append(out, t.dims[i].Codes[at])
	}
	return out
}

func runMean(s Spec, t Table) ([]Line, error) {
	i, err := t.find(s.items...)
	if err != nil {
		return nil, err
	}
	n, err := s.count(t)
	if err != nil {
		return nil, err
	}
	return t.lines(s.items[0], func(cell []int64) Estimate { return t.ratio(cell, i[0], n) }), nil
}

// halves looks up the two figures of a/b.
func (t Table) halves(ratio string) (int, int, error) {
	top, bottom, ok := strings.Cut(ratio, "/")
	if !ok {
		return 0, 0, fmt.Errorf("want two figures as in cases/units: %w", fault.Invalid)
	}
	i, err := t.find(top, bottom)
	if err != nil {
		return 0, 0, err
	}
	return i[0], i[1], nil
}

func runRate(s Spec, t Table) ([]Line, error) {
	top, bottom, err := t.halves(s.items[0])
	if err != nil {
		return nil, err
	}
	per := one
	if by := s.keys["per"]; by != nil {
		if per, err = number(by[0]); err != nil {
			return nil, err
		}
		if per.Sign() <= 0 {
			return nil, fmt.Errorf("per is not above 0: %w", fault.Invalid)
		}
	}
	return t.lines(s.items[0], func(cell []int64) Estimate { return t.ratio(cell, top, bottom).times(per) }), nil
}

func runVariance(s Spec, t Table) ([]Line, error) {
	i, err := t.find(s.items...)
	if err != nil {
		return nil, err
	}
	n, err := s.count(t)
	if err != nil {
		return nil, err
	}
	return t.lines(s.items[0], func(cell []int64) Estimate { return t.variance(cell, n, i[0], i[1]) }), nil
}

func runCorrelation(s Spec, t Table) ([]Line, error) {
	i, err := t.find(s.items[0], s.items[1], s.keys["xx"][0], s.keys["yy"][0], s.keys["xy"][0])
	if err != nil {
		return nil, err
	}
	n, err := s.count(t)
	if err != nil {
		return nil, err
	}
	p := pair{n: n, x: i[0], y: i[1], xx: i[2], yy: i[3], xy: i[4]}
	return t.lines(s.items[0]+","+s.items[1], func(cell []int64) Estimate { return t.correlation(cell, p) }), nil
}

func runQuantile(s Spec, t Table) ([]Line, error) {
	bins, err := t.dim(s.items[0])
	if err != nil {
		return nil, err
	}
	q, err := number(s.items[1])
	if err != nil {
		return nil, err
	}
	if q.Sign() <= 0 || q.Cmp(one) >= 0 {
		return nil, fmt.Errorf("a quantile is between 0 and 1: %w", fault.Invalid)
	}
	edges, err := s.edges(len(t.dims[bins].Codes))
	if err != nil {
		return nil, err
	}
	n, err := s.count(t)
	if err != nil {
		return nil, err
	}
	var out []Line
	for cell := range t.cells {
		if codes(t.dims, cell)[bins] > 0 {
			continue
		}
		name := t.codesOf(cell)
		e := t.quantile(t.along(bins, cell), n, q, edges)
		out = append(out, Line{Codes: slices.Delete(name, bins, bins+1), Term: Term{Name: s.items[0], Estimate: e}})
	}
	return out, nil
}

// along lists the cells that differ from a cell of code 0 in one dim.
func (t Table) along(dim, cell int) []jobs.Cell {
	stride := 1
	for _, d := range t.dims[dim+1:] {
		stride *= len(d.Codes)
	}
	var out []jobs.Cell
	for i := range t.dims[dim].Codes {
		out = append(out, t.cells[cell+i*stride])
	}
	return out
}

// edges reads the bounds of some bins.
func (s Spec) edges(bins int) ([]*big.Rat, error) {
	if len(s.keys["edges"]) != bins+1 {
		return nil, fmt.Errorf("%d edges, want %d for %d bins: %w", len(s.keys["edges"]), bins+1, bins, fault.Invalid)
	}
	var out []*big.Rat
	for i, text := range s.keys["edges"] {
		e, err := number(text)
		if err != nil {
			return nil, err
		}
		if i > 0 && e.Cmp(out[i-1]) <= 0 {
			return nil, fmt.Errorf("the edges do not rise: %w", fault.Invalid)
		}
		out = append(out, e)
	}
	return out, nil
}

// equations looks up the figures of a regression.
func (s Spec) equations(t Table) (equations, error) {
	xs := s.keys["x"]
	m := len(xs) + 1
	if len(s.keys["xy"]) != len(xs) || len(s.keys["xx"]) != len(xs)*m/2 {
		return equations{}, fmt.Errorf("%d variables x need %d figures xy and %d figures xx (the pairs in order: x1x1, x1x2, .. x2x2, ..): %w", len(xs), len(xs), len(xs)*m/2, fault.Invalid)
	}
	n, err := s.count(t)
	if err != nil {
		return equations{}, err
	}
	right, err := t.find(slices.Concat(s.keys["y"], s.keys["xy"])...)
	if err != nil {
		return equations{}, err
	}
	first, err := t.find(xs...)
	if err != nil {
		return equations{}, err
	}
	pairs, err := t.find(s.keys["xx"]...)
	if err != nil {
		return equations{}, err
	}
	e := equations{names: append([]string{"(intercept)"}, xs...), left: make([][]int, m), right: right, yy: -1}
	e.left[0] = append([]int{n}, first...)
	for i := 1; i < m; i++ {
		e.left[i] = make([]int, m)
		e.left[i][0] = first[i-1]
	}
	for i := 1; i < m; i++ {
		for j := i; j < m; j++ {
			e.left[i][j], e.left[j][i] = pairs[0], pairs[0]
			pairs = pairs[1:]
		}
	}
	if yy := s.keys["yy"]; yy != nil {
		if e.yy, err = t.figure(yy[0]); err != nil {
			return equations{}, err
		}
	}
	return e, nil
}

func runOLS(s Spec, t Table) ([]Line, error) {
	e, err := s.equations(t)
	if err != nil {
		return nil, err
	}
	if len(t.cells) > maxCells {
		return nil, fmt.Errorf("more than %d regressions; sum some dimensions out with over=: %w", maxCells, fault.Invalid)
	}
	var out []Line
	var first *jobs.Statement
	shown := false
	for i, cell := range t.cells {
		terms, why := []Term(nil), &whyHidden
		if cell != nil {
			terms, why = t.ols(cell, e)
		}
		for _, x := range terms {
			out, shown = append(out, Line{Codes: t.codesOf(i), Term: x}), true
		}
		if why != nil {
			out = append(out, Line{Codes: t.codesOf(i), Term: Term{Name: s.keys["y"][0]}, Why: why})
			if first == nil {
				first = why
			}
		}
	}
	if !shown {
		return nil, fmt.Errorf("no cell gives a fit: %s: %w", first.EN, fault.Denied)
	}
	return out, nil
}

func runLogit(s Spec, t Table) ([]Line, error) {
	by := s.keys["by"]
	columns := 1
	for i, name := range by {
		d, err := t.dim(name)
		if err != nil {
			return nil, err
		}
		if slices.Contains(by[:i], name) {
			return nil, fmt.Errorf("a dimension stands twice: %w", fault.Invalid)
		}
		columns += len(t.dims[d].Codes) - 1
	}
	t, err := t.keep(by)
	if err != nil {
		return nil, err
	}
	if columns > maxColumns || len(t.cells) > maxCells {
		return nil, fmt.Errorf("more than %d coefficients or %d cells: %w", maxColumns, maxCells, fault.Invalid)
	}
	successes, units, err := t.halves(s.items[0])
	if err != nil {
		return nil, err
	}
	g, why := newLogit(t, successes, units)
	var terms []Term
	if why == nil {
		terms, why = g.fit()
	}
	if why != nil {
		return nil, fmt.Errorf("no fit: %s: %w", why.EN, fault.Denied)
	}
	var out []Line
	for _, x := range terms {
		out = append(out, Line{Term: x})
	}
	return out, nil
}

// CSV is the table of the result: the codes, the term, the value, its bounds
// rounded outwards, and the sampling error.
func (r Result) CSV() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(append(slices.Clone(r.Dims), "term", "value", "lo", "hi", "se")) // a bytes.Buffer takes all
	for _, l := range r.Lines {
		row := append(slices.Clone(l.Codes), l.Name)
		if e := l.Estimate; e.Shown() {
			n := e.places()
			row = append(row, e.Value.FloatString(n), decimal(e.Lo, n, false), decimal(e.Hi, n, true))
		} else {
			row = append(row, jobs.Hidden, jobs.Hidden, jobs.Hidden)
		}
		se := ""
		if l.SE.Shown() {
			se = l.SE.String()
		}
		_ = w.Write(append(row, se))
	}
	w.Flush()
	return b.Bytes()
}
