package mitigate

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/jobs"
)

// MaxItems bounds a job's table that is ranked, totals of all dims included: so
// many take some twenty seconds, and twice as many four times that.
const MaxItems = 5_000

// Cube is the table that a job wants, each cell and each total that it
// publishes a row, and one domain's evidence on it. Codes are the labels that
// people read, where those tell codes apart. Neighbours of a dim are merged
// first where its codes are ranges (0-17, 18-34, 65+) or ordered names it.
// Where a unit may stand in several cells the evidence says nothing of two of
// them together, so that no codes are merged. An error is of kind Invalid:
// evidence of another shape, a dim that is not there, or more than MaxItems.
func Cube(s jobs.Shape, e *evidence.Table, ordered []string) (sheet.Table, sheet.Facts, error) {
	t, f, err := cube(s, e, ordered)
	if err != nil {
		return sheet.Table{}, sheet.Facts{}, fmt.Errorf("ranking a job's table: %w: %w", err, fault.Invalid)
	}
	return t, f, nil
}

func cube(s jobs.Shape, e *evidence.Table, ordered []string) (t sheet.Table, f sheet.Facts, err error) {
	if err := s.Check(); err != nil {
		return t, f, err
	}
	own, err := evidence.New(s.Lists(), s.Cells(), len(s.Measures))
	if err != nil {
		return t, f, err
	}
	if err := own.Merge(e); err != nil {
		return t, f, err
	}
	for _, name := range ordered {
		if !slices.ContainsFunc(s.Dims, func(d jobs.Dim) bool { return d.Name == name }) {
			return t, f, fmt.Errorf("没有维度 there is no dim %q", name)
		}
	}
	for _, d := range s.Dims {
		t.Grid.Dims = append(t.Grid.Dims, dim(d, slices.Contains(ordered, d.Name), s.Margins))
	}
	if n := size(t.Grid); n.Cmp(big.NewInt(MaxItems)) > 0 {
		return t, f, fmt.Errorf("单元格和合计共 %d 个，超过 %d 个 more than %d cells and totals", n, MaxItems, MaxItems)
	}
	columns(&t, s)
	rows(&t, s)
	f = sheet.Facts{Grid: t.Grid, Measures: t.Measures, Holdings: true, Overlap: s.L0 > 1}
	return t, f, fill(&f, t, own)
}

// size is the number of items of a grid.
func size(g sheet.Grid) *big.Int {
	n := big.NewInt(1)
	for _, d := range g.Dims {
		n.Mul(n, big.NewInt(int64(d.Size())))
	}
	return n
}

// dim is a dim with its total, if any margin sums it out.
func dim(d jobs.Dim, ordered bool, margins [][]string) sheet.Dim {
	out := sheet.Dim{Name: d.Name, Codes: d.Codes, Total: jobs.TotalLabel, Ordered: ordered || ranges(d.Codes), Listed: true}
	if distinct(d.Labels) {
		out.Codes = d.Labels
	}
	for slices.Contains(out.Codes, out.Total) {
		out.Total += "_"
	}
	if slices.ContainsFunc(margins, func(keep []string) bool { return !slices.Contains(keep, d.Name) }) {
		all := make([]int, len(out.Codes))
		for i := range all {
			all[i] = i
		}
		out.Groups = []sheet.Group{{Code: out.Total, Of: all}}
	}
	return out
}

func distinct(labels []string) bool {
	seen := map[string]bool{}
	for _, l := range labels {
		if l == "" || seen[l] {
			return false
		}
		seen[l] = true
	}
	return len(labels) > 0
}

// A bound is the first number of a code, and a span what says that it goes on
// from there or stops.
var (
	bound = regexp.MustCompile(`[0-9]+`)
	span  = regexp.MustCompile(`^[^0-9]*[0-9]+ *[-–—~～至到][^0-9]*[0-9]+|[+<>≤≥＜＞]|以上|以下`)
)

// ranges reports whether codes are ranges whose first numbers do not fall.
func ranges(codes []string) bool {
	last, any := new(big.Int), false
	for _, c := range codes {
		n, ok := new(big.Int).SetString(bound.FindString(c), 10)
		if !ok || n.Cmp(last) < 0 {
			return false
		}
		last, any = n, any || span.MatchString(c)
	}
	return any
}

// columns are the figures: the number of units and each measure.
func columns(t *sheet.Table, s jobs.Shape) {
	t.Figures = []sheet.Figure{{Name: s.Units.Name, Kind: sheet.Count}}
	t.Measures = []sheet.Measure{{Name: s.Units.Name}}
	for i, m := range s.Measures {
		t.Figures = append(t.Figures, sheet.Figure{Name: m.Name, Kind: sheet.Sum, Of: m.Name, Base: m.Round, Measure: i + 1})
		t.Measures = append(t.Measures, sheet.Measure{Name: m.Name})
	}
}

// rows are the cells, and those of the margins in their order.
func rows(t *sheet.Table, s jobs.Shape) {
	add := func(codes []int) {
		t.Rows = append(t.Rows, sheet.Row{Line: len(t.Rows) + 2, Item: t.Grid.At(codes), Values: make([]sheet.Value, len(t.Figures))})
	}
	for cell := range s.Cells() {
		add(s.Codes(cell))
	}
	for k, keep := range s.Margins {
		m := s.Margin(k)
		for cell := range m.Cells() {
			kept, codes := m.Codes(cell), make([]int, len(s.Dims))
			for i, d := range s.Dims {
				codes[i] = t.Grid.Dims[i].TotalIndex()
				if slices.Contains(keep, d.Name) {
					codes[i], kept = kept[0], kept[1:]
				}
			}
			add(codes)
		}
	}
}

// fill puts in the evidence: of base cells, of what they add up to, and of
// published totals their own, which says more than the sum of the parts.
func fill(f *sheet.Facts, t sheet.Table, e *evidence.Table) error {
	f.Cells = make([][]sheet.Cell, len(f.Measures))
	for m := range f.Cells {
		f.Cells[m] = make([]sheet.Cell, f.Grid.Items())
	}
	for i, row := range t.Rows {
		c := e.Item(i)
		f.Cells[0][row.Item] = units(c.Units)
		for m, d := range c.Measures {
			if max(d.Abs, d.Sum) > sheet.MaxValue {
				return fmt.Errorf("合计超过 a total is above %g", float64(sheet.MaxValue))
			}
			f.Cells[m+1][row.Item] = described(d)
		}
	}
	if f.Overlap {
		return nil
	}
	for item := range f.Grid.Items() {
		of := f.Grid.Of(item)
		for m := range f.Cells {
			if f.Cells[m][item].Known != 0 {
				continue
			}
			f.Cells[m][item] = sheet.Empty()
			for _, cell := range of {
				f.Cells[m][item] = sheet.Merge(f.Cells[m][item], f.Cells[m][f.Grid.ItemOf(cell)])
			}
		}
	}
	return nil
}

// units is the evidence on a number of units.
func units(n int64) sheet.Cell {
	c := sheet.Empty()
	c.N, c.Sum, c.Abs, c.Records = n, n, n, n
	c.Min, c.Max = min(n, 1), min(n, 1)
	for i := range min(n, sheet.MaxTop) {
		c.Top[i] = 1
	}
	return c
}

func described(d evidence.Description) sheet.Cell {
	c := sheet.Empty()
	c.N, c.Sum, c.Abs, c.Min, c.Max, c.Missing, c.Zeros, c.Apart = d.Given, d.Sum, d.Abs, d.Min, d.Max, d.Missing, d.Zeros, d.Apart
	copy(c.Top[:], d.Top)
	return c
}
