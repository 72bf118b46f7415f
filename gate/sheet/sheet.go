// Package sheet reads the plain files of an output check: a table as somebody
// would publish it, the evidence on its cells or the microdata that it was made
// of, earlier tables, and a spec that says what the columns mean. It makes of
// them one closed form: dims with their codes, of which some are totals or
// groups of others, so that every cell is a set of base cells, and for every
// cell the evidence, counted in distinct units and not in records.
//
// It judges nothing (package check does), opens no file and writes none. It
// trusts no byte of what it reads: every count, length and number is bounded
// before anything is kept, and every error names the file, the line, the column
// and what to do about it.
package sheet

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

// Bounds of what is read.
const (
	MaxColumns = 64
	MaxDims    = 6
	MaxFigures = 16
	MaxCodes   = 2000       // of one dim, groups and totals included
	MaxRows    = 50_000     // of a table or of evidence
	MaxItems   = 200_000    // combinations of all codes of all dims
	MaxWork    = 20_000_000 // base cells of all items together
	MaxRecords = 5_000_000  // of microdata
	MaxText    = 200        // characters of a name, a code or a key
	MaxValue   = 1e15       // of a number, at the finest of its column's decimals
	MaxPlaces  = 6          // decimals
	maxTable   = 64 << 20   // bytes of a file, microdata apart
	maxMicro   = 1 << 30
	maxRecord  = 64 << 10 // bytes of a line
)

// Total is the code of a total where nothing else is said (SDMX).
const Total = "_T"

// HiddenMark stands in the place of a value that is not shown.
const HiddenMark = "*"

// A Kind is what a figure is. The zero Kind is none.
type Kind string

// The kinds of figures.
const (
	Count      Kind = "count"      // of distinct units
	Sum        Kind = "sum"        // of a measure
	Mean       Kind = "mean"       // of a measure, by units with a value
	Ratio      Kind = "ratio"      // of two figures
	Min        Kind = "min"        // of a measure
	Max        Kind = "max"        // of a measure
	Percentile Kind = "percentile" // of a measure, the median among them
)

func (k Kind) known() bool {
	switch k {
	case Count, Sum, Mean, Ratio, Min, Max, Percentile:
		return true
	}
	return false
}

// Adds reports whether values of this kind add up to those of totals.
func (k Kind) Adds() bool { return k == Count || k == Sum }

// A Figure is a column of values.
type Figure struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Of is the measure; of a ratio, the figure that is divided, and By the one
	// that it is divided by.
	Of string `json:"of,omitempty"`
	By string `json:"by,omitempty"`
	// At is the percentile, 50 for a median.
	At int `json:"at,omitempty"`
	// Base is what its values are said to be rounded to, in units of the value;
	// 0 if nothing is said.
	Base int64 `json:"base,omitempty"`
	// Places is the number of decimals in which the file writes it; values are
	// integers of that unit.
	Places int `json:"-"`
	// Measure is the index of the measure in a table's Measures, 0 for a count,
	// -1 for a ratio.
	Measure int `json:"-"`
}

// A Group is a code that stands for several base codes, such as a total.
type Group struct {
	Code string
	Of   []int // indices of base codes, rising
}

// A Dim is a column of codes. Its base codes come first, its groups after
// them: the code of index i >= len(Codes) is Groups[i-len(Codes)].
type Dim struct {
	Name    string
	Codes   []string
	Groups  []Group
	Total   string // code of the total, whether or not there is one
	Ordered bool   // neighbours may be merged, and others not
	Bins    bool   // edges of a measure
	Listed  bool   // the spec lists its codes
}

// Size is the number of its codes.
func (d Dim) Size() int { return len(d.Codes) + len(d.Groups) }

// Code is the text of the code of an index.
func (d Dim) Code(i int) string {
	if i < len(d.Codes) {
		return d.Codes[i]
	}
	return d.Groups[i-len(d.Codes)].Code
}

// Index finds a code, -1 if there is none.
func (d Dim) Index(code string) int {
	if i := slices.Index(d.Codes, code); i >= 0 {
		return i
	}
	i := slices.IndexFunc(d.Groups, func(g Group) bool { return g.Code == code })
	if i < 0 {
		return -1
	}
	return len(d.Codes) + i
}

// Of is the set of base codes that a code stands for.
func (d Dim) Of(i int) []int {
	if i < len(d.Codes) {
		return []int{i}
	}
	return d.Groups[i-len(d.Codes)].Of
}

// TotalIndex is the index of the total, -1 if there is none.
func (d Dim) TotalIndex() int {
	i := slices.IndexFunc(d.Groups, func(g Group) bool { return g.Code == d.Total })
	if i < 0 {
		return -1
	}
	return len(d.Codes) + i
}

// A Grid is the closed form of a table's cells. An item is a combination of
// codes, one of each dim, groups and totals included; its index counts them
// with the last dim varying fastest. A base cell is an item of base codes only,
// and has an index of its own, over base codes alone.
type Grid struct {
	Dims []Dim
}

// Items is the number of items.
func (g Grid) Items() int {
	n := 1
	for _, d := range g.Dims {
		n *= d.Size()
	}
	return n
}

// Cells is the number of base cells.
func (g Grid) Cells() int {
	n := 1
	for _, d := range g.Dims {
		n *= len(d.Codes)
	}
	return n
}

// At is the index of the item of the given codes.
func (g Grid) At(codes []int) int {
	at := 0
	for i, d := range g.Dims {
		at = at*d.Size() + codes[i]
	}
	return at
}

// Codes are those of an item.
func (g Grid) Codes(item int) []int {
	codes := make([]int, len(g.Dims))
	for i := len(g.Dims) - 1; i >= 0; i-- {
		n := g.Dims[i].Size()
		codes[i], item = item%n, item/n
	}
	return codes
}

// Base reports whether an item is a base cell.
func (g Grid) Base(item int) bool {
	for i, c := range g.Codes(item) {
		if c >= len(g.Dims[i].Codes) {
			return false
		}
	}
	return true
}

// Of is the set of base cells that an item is made of, rising.
func (g Grid) Of(item int) []int {
	cells := []int{0}
	for i, c := range g.Codes(item) {
		d := g.Dims[i]
		next := make([]int, 0, len(cells)*len(d.Of(c)))
		for _, cell := range cells {
			for _, k := range d.Of(c) {
				next = append(next, cell*len(d.Codes)+k)
			}
		}
		cells = next
	}
	return cells
}

// ItemOf is the item of a base cell.
func (g Grid) ItemOf(cell int) int {
	codes := make([]int, len(g.Dims))
	for i := len(g.Dims) - 1; i >= 0; i-- {
		n := len(g.Dims[i].Codes)
		codes[i], cell = cell%n, cell/n
	}
	return g.At(codes)
}

// Label is the codes of an item as a reader writes them.
func (g Grid) Label(item int) []string {
	var l []string
	for i, c := range g.Codes(item) {
		l = append(l, g.Dims[i].Code(c))
	}
	return l
}

func (g Grid) check() error {
	if len(g.Dims) == 0 || len(g.Dims) > MaxDims {
		return fmt.Errorf("%d 个维度，应为 1 至 %d 个 %d dims, want 1 to %d: %w", len(g.Dims), MaxDims, len(g.Dims), MaxDims, fault.Invalid)
	}
	n, work := 1, 1
	for _, d := range g.Dims {
		parts := len(d.Codes)
		for _, group := range d.Groups {
			parts += len(group.Of)
		}
		work *= parts
		if d.Size() > MaxCodes {
			return fmt.Errorf("维度 %s 的代码超过 %d 个；请先归并 dim %s has more than %d codes; merge some first: %w", d.Name, MaxCodes, d.Name, MaxCodes, fault.Invalid)
		}
		if n *= d.Size(); n > MaxItems || work > MaxWork {
			return fmt.Errorf("代码组合超过 %d 个；请减少维度或代码 more than %d combinations of codes; use fewer dims or codes: %w", MaxItems, MaxItems, fault.Invalid)
		}
	}
	return nil
}

// A Value is one entry of a table. The zero Value is hidden.
type Value struct {
	Shown bool
	N     int64 // in units of 10^-Places
}

// A Row is a line of a table.
type Row struct {
	Line   int
	Item   int
	Values []Value // one for each figure
}

// A Table is a table as it would be published.
type Table struct {
	File     string
	Title    string
	Grid     Grid
	Figures  []Figure
	Measures []Measure // 0 is the number of distinct units
	Rows     []Row     // in the order of the file, no item twice
	Bytes    int64     // of the file
	Oddities []Oddity  // what is not in canonical form
}

// A Measure is what is added up over units.
type Measure struct {
	Name   string
	Places int // decimals of its unit in Evidence
}

// An Oddity is a departure from the one form in which a table is written: a
// place where who wrote it could choose between spellings.
type Oddity struct {
	Line   int
	Column string
	ZH, EN string
	Grave  bool // could be seen as something else than it is
}

// RowOf finds the row of each item, -1 if it has none.
func (t Table) RowOf() []int {
	at := make([]int, t.Grid.Items())
	for i := range at {
		at[i] = -1
	}
	for i, r := range t.Rows {
		at[r.Item] = i
	}
	return at
}

// FigureIndex finds a figure by its name, -1 if there is none.
func (t Table) FigureIndex(name string) int {
	return slices.IndexFunc(t.Figures, func(f Figure) bool { return f.Name == name })
}
