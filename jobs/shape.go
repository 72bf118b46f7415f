// Package jobs is the vocabulary of a job: what may run, on what, within
// which limits, and what shape its output takes. It does no I/O, knows no
// clock, and decides nothing about law: a permit says that someone decided,
// and this package says whether a permit is whole.
//
// The one idea: everything that leaves a sandbox is a cube of bounded
// integers. A Shape, fixed before any data is read, lists the cells and the
// measures; a guest only points at cells; the host counts distinct units, adds,
// clips, and keeps each unit's contribution within bounds that depend on
// nothing but that unit. What a Cube can move by when one unit comes or goes
// (its sensitivity) is computed here and nowhere else.
package jobs

import (
	"fmt"
	"regexp"

	"github.com/yunei/yunei/fault"
)

// Bounds of a shape.
const (
	MaxDims     = 4
	MaxCodes    = 4096
	MaxCells    = 1 << 16
	MaxMeasures = 16
	MaxBound    = 1 << 30 // of a measure's clip bounds: times 2^32 units it stays within 62 bits
	MaxUnits    = 1 << 32
)

// A Dim is one dimension of the output: a closed list of codes, known before
// any data is read.
type Dim struct {
	Name   string   `json:"name"`
	Title  string   `json:"title"` // for people, in Chinese
	Codes  []string `json:"codes"`
	Labels []string `json:"labels"` // one for each code, for people
}

// A Measure is an integer summed over units in each cell. One unit's total in
// one cell is clipped to [Lo, Hi].
type Measure struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Lo    int64  `json:"lo"`
	Hi    int64  `json:"hi"`
	Round int64  `json:"round"`  // mode sdc: the one base that released values are rounded to
	Sigma uint64 `json:"sigma2"` // mode dp: variance of the discrete Gaussian that each domain adds
}

// Bound is the largest absolute value of one unit's total in one cell.
func (m Measure) Bound() int64 { return max(m.Hi, -m.Lo) }

// A Shape is the closed form of a job's output: cells (the product of the
// dims, the last varying fastest) times measures. The first measure is always
// the number of distinct units; the host makes it and a guest cannot.
type Shape struct {
	Namespace string    `json:"namespace"` // the unit namespace: natural-person, legal-person, or row
	Dims      []Dim     `json:"dims"`
	Units     Measure   `json:"units"`    // distinct units; Lo 0, Hi 1
	Measures  []Measure `json:"measures"` // what a guest gives values for, by index
	L0        int       `json:"l0"`       // cells that one unit may touch
	Grouping  Grouping  `json:"grouping,omitzero"`
	// Margins are the totals that are released beside the cells: each names
	// the dims that a table of its own keeps, summed over the others; none is
	// the grand total. They want units that stand in one cell (L0 of 1).
	Margins [][]string `json:"margins,omitempty"`
}

var nameRE = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// Check reports what is wrong with a shape, as an error of kind Invalid.
func (s Shape) Check() error {
	if err := s.check(); err != nil {
		return fmt.Errorf("shape: %w: %w", err, fault.Invalid)
	}
	return nil
}

func (s Shape) check() error {
	switch {
	case s.Namespace != NaturalPerson && s.Namespace != LegalPerson && s.Namespace != Row:
		return fmt.Errorf("unit namespace is not one of %s, %s, %s", NaturalPerson, LegalPerson, Row)
	case len(s.Dims) == 0 || len(s.Dims) > MaxDims:
		return fmt.Errorf("%d dims, want 1 to %d", len(s.Dims), MaxDims)
	case len(s.Measures) > MaxMeasures:
		return fmt.Errorf("%d measures, want at most %d", len(s.Measures), MaxMeasures)
	case s.Units.Lo != 0 || s.Units.Hi != 1:
		return fmt.Errorf("the units measure counts units: its bounds are 0 and 1")
	}
	seen := map[string]bool{}
	cells := 1
	for _, d := range s.Dims {
		if err := d.check(seen); err != nil {
			return err
		}
		if cells *= len(d.Codes); cells > MaxCells {
			return fmt.Errorf("more than %d cells", MaxCells)
		}
	}
	for _, m := range s.All() {
		if err := m.check(seen); err != nil {
			return err
		}
	}
	if s.L0 < 1 || s.L0 > cells {
		return fmt.Errorf("l0 is %d, want 1 to %d", s.L0, cells)
	}
	if err := s.checkMargins(); err != nil {
		return err
	}
	return s.Grouping.check(s)
}

func (d Dim) check(seen map[string]bool) error {
	if !nameRE.MatchString(d.Name) || seen[d.Name] {
		return fmt.Errorf("dim %q: not a name of its own", d.Name)
	}
	seen[d.Name] = true
	if len(d.Codes) == 0 || len(d.Codes) > MaxCodes || len(d.Labels) != len(d.Codes) {
		return fmt.Errorf("dim %s: want 1 to %d codes with a label each", d.Name, MaxCodes)
	}
	codes := map[string]bool{}
	for _, c := range d.Codes {
		if c == "" || c == Total || codes[c] {
			return fmt.Errorf("dim %s: an empty or repeated code, or that of a total, %s", d.Name, Total)
		}
		codes[c] = true
	}
	return nil
}

func (m Measure) check(seen map[string]bool) error {
	if !nameRE.MatchString(m.Name) || seen[m.Name] {
		return fmt.Errorf("measure %q: not a name of its own", m.Name)
	}
	seen[m.Name] = true
	if m.Lo > 0 || m.Hi < 0 || m.Lo == m.Hi || m.Lo < -MaxBound || m.Hi > MaxBound {
		return fmt.Errorf("measure %s: bounds must hold 0 and stay within 2^30", m.Name)
	}
	if m.Round < 1 || m.Round > MaxBound {
		return fmt.Errorf("measure %s: rounding base is %d", m.Name, m.Round)
	}
	return nil
}

// Unit namespaces.
const (
	NaturalPerson = "natural-person"
	LegalPerson   = "legal-person"
	Row           = "row"
)

// Cells is the number of cells.
func (s Shape) Cells() int {
	n := 1
	for _, d := range s.Dims {
		n *= len(d.Codes)
	}
	return n
}

// All lists the measures in the order of a cube: units first.
func (s Shape) All() []Measure { return append([]Measure{s.Units}, s.Measures...) }

// Codes returns the code of each dim for a cell, -1 < cell < Cells.
func (s Shape) Codes(cell int) []int {
	at := make([]int, len(s.Dims))
	for i := len(s.Dims) - 1; i >= 0; i-- {
		n := len(s.Dims[i].Codes)
		at[i], cell = cell%n, cell/n
	}
	return at
}
