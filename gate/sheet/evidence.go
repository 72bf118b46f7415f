package sheet

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

// Fields says which parts of a Cell are known.
type Fields uint16

// The parts of a Cell.
const (
	HasN Fields = 1 << iota
	HasTop1
	HasTop2
	HasTop3
	HasSum
	HasMin
	HasMax
	HasMissing
	HasZeros
	HasApart
	HasAbs
	All = HasN | HasTop1 | HasTop2 | HasTop3 | HasSum | HasMin | HasMax | HasMissing | HasZeros | HasApart | HasAbs
)

// MaxApart is where counting the units apart stops: there are enough of them
// for any parameters.
const MaxApart = 63

// MaxTop is how many of the largest contributions are kept.
const MaxTop = 3

// A Cell is the evidence on one item and measure. Values are in units of
// 10^-Places of the measure. The zero Cell is evidence of nothing.
type Cell struct {
	Known   Fields
	N       int64         // distinct units with a value; of measure 0, distinct units
	Top     [MaxTop]int64 // largest totals of a unit, without their sign
	Sum     int64
	Abs     int64 // sum of totals without their sign
	Min     int64 // smallest total of a unit
	Max     int64
	Missing int64 // units without a value
	Zeros   int64 // units whose total is zero
	Apart   int64 // units whose total is not the commonest; at most MaxApart, and of a union the fewest
	Records int64
}

// Empty is the evidence that nobody is there.
func Empty() Cell { return Cell{Known: All} }

// Has reports whether all of the given parts are known.
func (c Cell) Has(f Fields) bool { return c.Known&f == f }

// nobody reports whether it is evidence that no unit is there.
func (c Cell) nobody() bool { return c.Has(HasN) && c.N == 0 && c.Missing == 0 }

// Merge is the evidence on the union of two sets without a unit in common. Of
// the units apart it takes the fewest that there can be.
func Merge(a, b Cell) Cell {
	if a.nobody() {
		return b
	}
	if b.nobody() {
		return a
	}
	top := slices.Concat(a.Top[:], b.Top[:])
	slices.SortFunc(top, func(x, y int64) int { return cmp.Compare(y, x) })
	out := Cell{
		Known: a.Known & b.Known, N: a.N + b.N, Min: min(a.Min, b.Min), Max: max(a.Max, b.Max),
		Missing: a.Missing + b.Missing, Zeros: a.Zeros + b.Zeros, Apart: min(a.Apart+b.Apart, MaxApart), Records: a.Records + b.Records,
	}
	copy(out.Top[:], top)
	switch { // values of nobody are no smallest and no largest
	case a.N == 0:
		out.Min, out.Max = b.Min, b.Max
	case b.N == 0:
		out.Min, out.Max = a.Min, a.Max
	}
	var ok bool
	if out.Sum, ok = add(a.Sum, b.Sum); !ok {
		out.Known &^= HasSum
	}
	if out.Abs, ok = add(a.Abs, b.Abs); !ok {
		out.Known &^= HasAbs
	}
	return out
}

// Facts are the evidence on every item of a grid.
type Facts struct {
	Grid     Grid
	Measures []Measure
	Cells    [][]Cell // [measure][item]
	// Holdings says that records were grouped by unit before they were ranked.
	Holdings bool
	// Overlap says that a unit may stand in several base cells: what is known
	// of two cells then does not say what is true of both together.
	Overlap bool
	// Exact says that all of it was computed here, from microdata.
	Exact bool
	micro *micro
	maps  [][]int // code of the microdata to base code of Grid, by dim
}

// Known reports whether there is any evidence on a measure.
func (f Facts) Known(measure int) bool {
	return measure >= 0 && measure < len(f.Cells) && slices.ContainsFunc(f.Cells[measure], func(c Cell) bool { return c.Known != 0 })
}

// Light is the evidence without the microdata that it was computed of: coarser
// evidence is then added up, which is faster.
func (f Facts) Light() Facts {
	f.micro, f.maps = nil, nil
	return f
}

// Recode is the evidence for a grid of coarser base codes: to maps each base
// code of each dim to one of the new grid. Evidence that was only given for
// single cells is added up, which is right where no unit stands in two.
func (f Facts) Recode(g Grid, to [][]int) Facts {
	out := Facts{Grid: g, Measures: f.Measures, Holdings: f.Holdings, Overlap: f.Overlap, Exact: f.Exact, micro: f.micro}
	if f.micro != nil {
		for i, m := range f.maps {
			next := make([]int, len(m))
			for k, c := range m {
				next[k] = to[i][c]
			}
			out.maps = append(out.maps, next)
		}
		out.Cells = f.micro.cells(g, out.maps, len(f.Measures))
		return out
	}
	base := make([][]Cell, len(f.Cells))
	into := f.Grid.recoded(g, to)
	for m := range f.Cells {
		base[m] = make([]Cell, g.Cells())
		for i := range base[m] {
			base[m][i] = Empty()
		}
		for cell, k := range into {
			base[m][k] = Merge(base[m][k], f.Cells[m][f.Grid.ItemOf(cell)])
		}
	}
	out.Cells = spread(g, base, f.Overlap)
	return out
}

// recoded maps each base cell to one of the new grid.
func (g Grid) recoded(to Grid, maps [][]int) []int {
	into := make([]int, g.Cells())
	for cell := range into {
		rest, stride, at := cell, 1, 0
		for i, d := range slices.Backward(g.Dims) {
			n := len(d.Codes)
			at += maps[i][rest%n] * stride
			rest, stride = rest/n, stride*len(to.Dims[i].Codes)
		}
		into[cell] = at
	}
	return into
}

// spread adds base cells up to all items; where units overlap, nothing is
// known of what is more than one base cell.
func spread(g Grid, base [][]Cell, overlap bool) [][]Cell {
	cells := make([][]Cell, len(base))
	for m := range base {
		cells[m] = make([]Cell, g.Items())
	}
	for item := range g.Items() {
		of := g.Of(item)
		for m := range base {
			if len(of) > 1 && overlap {
				continue
			}
			c := base[m][of[0]]
			for _, k := range of[1:] {
				c = Merge(c, base[m][k])
			}
			cells[m][item] = c
		}
	}
	return cells
}

// fields are the columns of an evidence file, after its dims.
var fields = []string{"measure", "n", "top1", "top2", "top3", "sum", "min", "max", "missing", "zeros", "apart", "abs"}

// An evidenceFile is evidence whose codes are not yet known.
type evidenceFile struct {
	raw     *raw
	has     []int    // which of fields[1:] each figure of raw is
	measure []string // by line
}

// evidenceDims are the columns of an evidence file that are not its own.
func evidenceDims(r *rows) ([]string, error) {
	var dims []string
	for _, h := range r.header {
		if !slices.Contains(fields, h) {
			dims = append(dims, h)
		}
	}
	if !slices.Contains(r.header, "n") {
		return nil, r.noColumn("n", "有值的不同单位数 distinct units with a value")
	}
	if len(dims) == 0 {
		return nil, at(r.file, 1, "", "除 n、top1 等之外没有维度列", "no column is a dim: all are evidence")
	}
	return dims, nil
}

// readEvidence reads evidence: one row for each cell, or for each cell and
// measure. The column measure, where there is one, becomes the last dim for as
// long as the file is read.
func readEvidence(r *rows, dims []string) (*evidenceFile, error) {
	at, err := r.columnsOf(dims, "维度 dim")
	if err != nil {
		return nil, err
	}
	e := &evidenceFile{}
	var columns []int
	for k, name := range fields[1:] {
		if i := slices.Index(r.header, name); i >= 0 {
			e.has, columns = append(e.has, k), append(columns, i)
		}
	}
	measure := slices.Index(r.header, "measure")
	if measure >= 0 {
		at = append(at, measure)
	}
	if e.raw, err = readRaw(r, at, columns); err != nil {
		return nil, err
	}
	if measure >= 0 {
		last := len(at) - 1
		names := e.raw.met[last]
		for i, l := range e.raw.lines {
			e.measure = append(e.measure, names[l.codes[last]])
			e.raw.lines[i].codes = l.codes[:last]
		}
		e.raw.met = e.raw.met[:last]
	}
	return e, nil
}

// measureOf is the measure that a row is evidence on: that of its column, or,
// without one, the only one that the table has.
func (e *evidenceFile) measureOf(line int, measures []Measure) (int, error) {
	if e.measure == nil {
		if len(measures) > 2 {
			return 0, at(e.raw.rows.file, 1, "", "表中有多个测度：请加一列 measure，写明每行是哪个测度的证据", "the table has several measures: add a column measure that says which one a row is evidence on")
		}
		return len(measures) - 1, nil
	}
	name := e.measure[line]
	if name == "count" || name == "units" {
		return 0, nil
	}
	for i, m := range measures[1:] {
		if m.Name == name {
			return i + 1, nil
		}
	}
	return -1, nil // of a measure that the table does not show
}

// facts closes the evidence over a grid.
func (e *evidenceFile) facts(g Grid, measures []Measure, holdings bool, blank []bool) (Facts, error) {
	f := Facts{Grid: g, Measures: measures, Holdings: holdings, Cells: make([][]Cell, len(measures))}
	for m := range measures {
		f.Cells[m] = make([]Cell, g.Items())
	}
	item := e.raw.into(g)
	for i, l := range e.raw.lines {
		m, err := e.measureOf(i, measures)
		if err != nil {
			return f, err
		}
		if m < 0 {
			continue
		}
		c, err := e.cell(l, measures[m].Places)
		if err != nil {
			return f, err
		}
		cell := &f.Cells[m][item(l)]
		if cell.Known != 0 {
			return f, at(e.raw.rows.file, l.line, "", "同一单元格、同一测度已有一行", "a second row for one cell and measure")
		}
		if m == 0 {
			c = countOf(c.N)
		}
		*cell = c
		f.units(item(l), c)
	}
	f.complete(blank)
	return f, nil
}

// units takes what a row says of a measure for what is known of the units: as
// many as have a value and as many as have none.
func (f *Facts) units(item int, c Cell) {
	u := &f.Cells[0][item]
	if len(f.Cells) == 1 || !c.Has(HasN) || u.Has(HasN) && u.N >= c.N+c.Missing {
		return
	}
	*u = countOf(c.N + c.Missing)
}

// countOf is the evidence on the number of units.
func countOf(n int64) Cell {
	if n == 0 {
		return Empty()
	}
	c := Cell{Known: All, N: n, Sum: n, Abs: n, Min: 1, Max: 1}
	for i := range min(n, MaxTop) {
		c.Top[i] = 1
	}
	return c
}

// cell reads one row's evidence, and refuses what cannot be.
func (e *evidenceFile) cell(l rawRow, places int) (Cell, error) {
	var c Cell
	bad := func(column, zh, en string) error { return at(e.raw.rows.file, l.line, column, zh, en) }
	for i, k := range e.has {
		if !l.shown[i] {
			continue
		}
		name, p := fields[k+1], places
		if whole(name) {
			p = 0
		}
		if l.values[i].places > p {
			return c, bad(name, "应为整数", "must be an integer")
		}
		v, ok := l.values[i].to(p)
		if !ok {
			return c, bad(name, "数太大", "is too large")
		}
		if v < 0 && name != "sum" && name != "min" && name != "max" {
			return c, bad(name, "不能为负", "cannot be negative")
		}
		c.set(name, v)
	}
	if !c.Has(HasN) {
		return c, bad("n", "没有单位数；没有证据的单元格请删去此行", "no number of units; leave the row out if there is no evidence on the cell")
	}
	if column, zh, en := c.absurd(); column != "" {
		return c, bad(column, zh, en)
	}
	if c.N == 0 {
		missing := c.Missing
		c = Empty()
		c.Missing = missing
	}
	if c.Has(HasSum|HasMin) && c.Min >= 0 {
		c.Abs, c.Known = c.Sum, c.Known|HasAbs
	}
	for i := range MaxTop {
		if c.N <= int64(i) {
			c.Known |= HasTop1 << i // there is no such unit
		}
	}
	return c, nil
}

// whole reports whether a field is a number of units.
func whole(name string) bool {
	return name == "n" || name == "missing" || name == "zeros" || name == "apart"
}

// absurd names the field that contradicts another.
func (c Cell) absurd() (column, zh, en string) {
	for i := range MaxTop {
		name := fields[2+i]
		if i > 0 && c.Top[i] > c.Top[i-1] {
			return name, "大于前一个", "is larger than the one before"
		}
		if int64(i) >= c.N && c.Top[i] != 0 {
			return name, fmt.Sprintf("只有 %d 个单位，应为 0 或空", c.N), fmt.Sprintf("there are %d units: must be 0 or empty", c.N)
		}
	}
	switch {
	case c.Has(HasMin|HasMax) && c.Min > c.Max:
		return "min", "大于 max", "is larger than max"
	case c.Zeros > c.N:
		return "zeros", "大于 n", "is larger than n"
	case c.Apart > 0 && c.Apart >= c.N:
		return "apart", "不能达到 n：至少一个单位的值是最常见的", "cannot be as large as n: one unit at least has the commonest value"
	case c.N == 0 && c.Sum != 0:
		return "n", "没有单位，却有数值", "no units, and yet a value"
	case c.Has(HasSum|HasMin) && c.Min >= 0 && c.Top[0] > c.Sum:
		return "top1", "大于合计 sum", "is larger than the sum"
	}
	return "", "", ""
}

func (c *Cell) set(name string, v int64) {
	at, bit := c.field(name)
	if *at = v; bit == HasApart {
		*at = min(v, MaxApart)
	}
	c.Known |= bit
}

func (c *Cell) field(name string) (*int64, Fields) {
	switch name {
	case "n":
		return &c.N, HasN
	case "top1":
		return &c.Top[0], HasTop1
	case "top2":
		return &c.Top[1], HasTop2
	case "top3":
		return &c.Top[2], HasTop3
	case "sum":
		return &c.Sum, HasSum
	case "min":
		return &c.Min, HasMin
	case "max":
		return &c.Max, HasMax
	case "missing":
		return &c.Missing, HasMissing
	case "zeros":
		return &c.Zeros, HasZeros
	case "abs":
		return &c.Abs, HasAbs
	}
	return &c.Apart, HasApart
}

// complete fills in what follows from what was given: that nobody is where
// neither table nor evidence has a cell, and totals of base cells that are all
// known. Where a total has fewer units than its parts together, a unit stands
// in several cells, and no total is filled in. blank says of each item that the
// table has no value there.
func (f *Facts) complete(blank []bool) {
	g := f.Grid
	for m := range f.Cells {
		if !f.Known(m) {
			continue
		}
		for cell := range g.Cells() {
			if c := &f.Cells[m][g.ItemOf(cell)]; c.Known == 0 && blank[g.ItemOf(cell)] {
				*c = Empty()
			}
		}
	}
	type filled struct {
		m, item int
		c       Cell
	}
	var totals []filled
	for item := range g.Items() {
		of := g.Of(item)
		if len(of) < 2 {
			continue
		}
		for m := range f.Cells {
			c := f.Cells[m][g.ItemOf(of[0])]
			for _, k := range of[1:] {
				c = Merge(c, f.Cells[m][g.ItemOf(k)])
			}
			given := f.Cells[m][item]
			f.Overlap = f.Overlap || given.Has(HasN) && c.Has(HasN) && given.N < c.N
			if given.Known == 0 && c.Known != 0 {
				totals = append(totals, filled{m, item, c})
			}
		}
	}
	if f.Overlap {
		return
	}
	for _, t := range totals {
		f.Cells[t.m][t.item] = t.c
	}
}

// measures are those that the figures of a table are of; 0 counts units.
func measures(figures []Figure) ([]Measure, error) {
	m := []Measure{{Name: "count"}}
	for i := range figures {
		f := &figures[i]
		switch f.Kind {
		case Count:
			f.Measure = 0
			if f.Places > 0 {
				return nil, fmt.Errorf("指标 %q 是个体数，却有小数 figure %q counts units and has decimals: %w", f.Name, f.Name, fault.Invalid)
			}
		case Ratio:
			f.Measure = -1
		default:
			f.Measure = slices.IndexFunc(m, func(m Measure) bool { return m.Name == f.Of })
			if f.Measure < 0 {
				f.Measure = len(m)
				m = append(m, Measure{Name: f.Of})
			}
			m[f.Measure].Places = max(m[f.Measure].Places, f.Places)
		}
	}
	return m, nil
}
