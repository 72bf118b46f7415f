package jobs

import (
	"errors"
	"fmt"
	"slices"
)

// Total is the code of a dim that a row is summed over (SDMX: _T).
const Total = "_T"

// Bounds of margins.
const (
	MaxMargins = 15      // of four dims: every proper subset
	MaxItems   = 1 << 17 // cells, and those of all margins
)

func (s Shape) checkMargins() error {
	switch {
	case len(s.Margins) == 0:
		return nil
	case len(s.Margins) > MaxMargins:
		return fmt.Errorf("%d margins, want at most %d", len(s.Margins), MaxMargins)
	case s.L0 != 1 || s.Grouping.Blocks > 0:
		return errors.New("margins: a unit that stands in several cells would count in a total as often; want l0 of 1 and no blocks")
	}
	seen := map[string]bool{}
	for _, keep := range s.Margins {
		at := -1
		for _, name := range keep {
			i := slices.IndexFunc(s.Dims, func(d Dim) bool { return d.Name == name })
			if i <= at {
				return fmt.Errorf("margins: %q is no dim, or not in the order of the dims", name)
			}
			at = i
		}
		if key := fmt.Sprint(keep); seen[key] || len(keep) == len(s.Dims) {
			return fmt.Errorf("margins: %v stands twice, or is the table itself", keep)
		} else {
			seen[key] = true
		}
	}
	if s.Items() > MaxItems {
		return fmt.Errorf("margins: more than %d cells with them", MaxItems)
	}
	return nil
}

// Margin is the table of the k-th margin, without margins of its own.
func (s Shape) Margin(k int) Shape {
	m := s
	m.Margins, m.Dims = nil, nil
	for _, d := range s.Dims {
		if slices.Contains(s.Margins[k], d.Name) {
			m.Dims = append(m.Dims, d)
		}
	}
	return m
}

// Items is how many values of one measure are released: those of the cells,
// then those of each margin's.
func (s Shape) Items() int {
	n := s.Cells()
	for k := range s.Margins {
		n += s.Margin(k).Cells()
	}
	return n
}

// Lists gives the cells that each item is the sum of, ascending: of a cell
// itself, of a margin's cell all that it is summed over.
func (s Shape) Lists() [][]int32 {
	cells := s.Cells()
	lists := make([][]int32, cells, s.Items())
	for c := range cells {
		lists[c] = []int32{int32(c)}
	}
	for k := range s.Margins {
		from := len(lists)
		lists = append(lists, make([][]int32, s.Margin(k).Cells())...)
		for c := range cells {
			at := from + s.fold(k, c)
			lists[at] = append(lists[at], int32(c))
		}
	}
	return lists
}

// fold is the cell of the k-th margin that a cell counts in.
func (s Shape) fold(k, cell int) int {
	at := 0
	for i, code := range s.Codes(cell) {
		if d := s.Dims[i]; slices.Contains(s.Margins[k], d.Name) {
			at = at*len(d.Codes) + code
		}
	}
	return at
}
