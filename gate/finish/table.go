package finish

import (
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// A Table is a candidate's cells, or sums of them, as a finisher reads them. The
// zero Table has no cell.
type Table struct {
	dims    []jobs.Dim
	figures []figure
	cells   []jobs.Cell
	margins []Table // published totals
}

// A figure says how far the released values of one figure may be from the true
// ones: always by up to half, and besides by noise of a variance.
type figure struct {
	name     string
	half     *big.Rat
	variance *big.Int
}

// Read returns the table of a candidate. An error is of kind Invalid.
func Read(c jobs.Candidate) (Table, error) {
	if err := c.Check(); err != nil {
		return Table{}, err
	}
	t := Table{dims: c.Dims, figures: figures(c.Figures), cells: c.Cells}
	for _, m := range c.Margins {
		total := Table{cells: m.Cells, figures: t.figures}
		if m.Figures != nil {
			total.figures = figures(m.Figures)
		}
		for _, d := range c.Dims {
			if slices.Contains(m.Dims, d.Name) {
				total.dims = append(total.dims, d)
			}
		}
		t.margins = append(t.margins, total)
	}
	return t, nil
}

// figures reads the spread of each figure: half a base was rounded away, or
// nothing if the base is 1, for sums are integers.
func figures(list []jobs.Figure) []figure {
	var out []figure
	for _, f := range list {
		g := figure{name: f.Name, half: new(big.Rat), variance: new(big.Int)}
		if f.Round > 1 {
			g.half.SetFrac64(f.Round, 2)
		}
		if f.Variance != "" {
			g.variance.SetString(f.Variance, 10) // Check has read it
		}
		out = append(out, g)
	}
	return out
}

// figure is the index of a figure by name. An error is of kind Invalid and
// names those that there are.
func (t Table) figure(name string) (int, error) {
	var names []string
	for i, f := range t.figures {
		if f.name == name {
			return i, nil
		}
		names = append(names, f.name)
	}
	return 0, fmt.Errorf("no figure %q among %q: %w", name, names, fault.Invalid)
}

func (t Table) dim(name string) (int, error) {
	var names []string
	for i, d := range t.dims {
		if d.Name == name {
			return i, nil
		}
		names = append(names, d.Name)
	}
	return 0, fmt.Errorf("no dimension %q among %q: %w", name, names, fault.Invalid)
}

// over sums the named dims out; "all" is every one. A total that was published
// is taken as it is; another is the sum of its cells, hidden if one of them is,
// and as uncertain as all of them together. A unit that stands in several cells
// counts in each.
func (t Table) over(names []string) (Table, error) {
	var kept []string
	if !slices.Equal(names, []string{everything}) {
		for _, name := range names {
			if _, err := t.dim(name); err != nil {
				return Table{}, err
			}
		}
		for _, d := range t.dims {
			if !slices.Contains(names, d.Name) {
				kept = append(kept, d.Name)
			}
		}
	}
	return t.keep(kept)
}

// keep sums out all dims but the named ones, which stand in their order.
func (t Table) keep(names []string) (Table, error) {
	if len(names) == len(t.dims) {
		return t, nil
	}
	for _, m := range t.margins {
		if slices.EqualFunc(m.dims, names, func(d jobs.Dim, name string) bool { return d.Name == name }) {
			return m, nil
		}
	}
	var out Table
	size, of := 1, make([]bool, len(t.dims))
	for i, d := range t.dims {
		if of[i] = slices.Contains(names, d.Name); of[i] {
			out.dims = append(out.dims, d)
			size *= len(d.Codes)
		}
	}
	parts := int64(len(t.cells) / size)
	for _, f := range t.figures {
		f.half = new(big.Rat).Mul(f.half, big.NewRat(parts, 1))
		f.variance = new(big.Int).Mul(f.variance, big.NewInt(parts))
		out.figures = append(out.figures, f)
	}
	out.cells = make([]jobs.Cell, size)
	hidden := make([]bool, size)
	for i, cell := range t.cells {
		at := 0
		for k, code := range codes(t.dims, i) {
			if of[k] {
				at = at*len(t.dims[k].Codes) + code
			}
		}
		hidden[at] = hidden[at] || cell == nil
		if err := add(&out.cells[at], cell); err != nil {
			return Table{}, err
		}
	}
	for i := range hidden {
		if hidden[i] {
			out.cells[i] = nil
		}
	}
	return out, nil
}

func add(sum *jobs.Cell, cell jobs.Cell) error {
	if *sum == nil && cell != nil {
		*sum = make(jobs.Cell, len(cell))
	}
	for m, v := range cell {
		s := (*sum)[m] + v
		if (s > v) != ((*sum)[m] > 0) && (*sum)[m] != 0 {
			return fmt.Errorf("a sum of cells leaves 64 bits: %w", fault.Exhausted)
		}
		(*sum)[m] = s
	}
	return nil
}

func codes(dims []jobs.Dim, cell int) []int { return jobs.Shape{Dims: dims}.Codes(cell) }

// each applies a finisher to the cells that are shown.
func (t Table) each(finish func(cell []int64) Estimate) []Estimate {
	out := make([]Estimate, len(t.cells))
	for i, cell := range t.cells {
		if cell != nil {
			out[i] = finish(cell)
		}
	}
	return out
}

// deviations is the number of standard deviations, in ten-thousandths and
// rounded up, that a number of normal errors all stay within with 95 %
// (Bonferroni). Discrete Gaussian noise is as concentrated (Canonne, Kamath,
// Steinke 2020, corollary 9).
func deviations(errors int) int64 {
	return int64(math.Ceil(1e4 * math.Sqrt2 * math.Erfinv(1-0.05/float64(errors))))
}

// A term is a multiple of a figure.
type term struct {
	figure int
	factor *big.Rat
}

// slack is how far the released value of a sum of terms can be from the true
// one: what was rounded away, and z deviations of the noise. The noise of
// different figures is independent; terms of one figure are added up first.
// Half the widest step is added, for noise is in whole numbers.
func (t Table) slack(z int64, terms ...term) *big.Rat {
	factors := make(map[int]*big.Rat, len(terms))
	for _, x := range terms {
		if factors[x.figure] == nil {
			factors[x.figure] = new(big.Rat)
		}
		factors[x.figure].Add(factors[x.figure], x.factor)
	}
	sum, variance, step := new(big.Rat), new(big.Rat), new(big.Rat)
	for i, factor := range factors {
		f := t.figures[i]
		factor.Abs(factor)
		sum.Add(sum, new(big.Rat).Mul(factor, f.half))
		if f.variance.Sign() > 0 {
			variance.Add(variance, new(big.Rat).Mul(new(big.Rat).Mul(factor, factor), new(big.Rat).SetInt(f.variance)))
			if factor.Cmp(step) > 0 {
				step.Set(factor)
			}
		}
	}
	if variance.Sign() == 0 {
		return sum
	}
	sum.Add(sum, step.Mul(step, big.NewRat(1, 2)))
	return sum.Add(sum, new(big.Rat).Mul(root(variance, true), big.NewRat(z, 10_000)))
}

// span is a figure of a cell within z deviations.
func (t Table) span(cell []int64, figure int, z int64) span {
	return around(value(cell, figure), t.slack(z, term{figure, one}))
}

func value(cell []int64, figure int) *big.Rat { return new(big.Rat).SetInt64(cell[figure]) }
