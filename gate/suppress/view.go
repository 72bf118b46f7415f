package suppress

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

// A view is what follows from a pattern: the moves of the base cells that are
// not shown, with a coordinate for each such cell and each hidden item.
type view struct {
	*kernel
	cells []int32 // by coordinate below len(cells): the base cell
	coord []int32 // by item: its coordinate if it is hidden, or -1
	item  []int32 // by coordinate: the first item there, or -1

	g    *search
	kind []kind // by coordinate
}

// kind says what a coordinate is protected from.
type kind uint8

const (
	spare   kind = iota
	forced       // must not follow from what is shown
	flagged      // nor from that and one other flagged item
)

// view builds the moves under a pattern. An error is of kind Exhausted.
func (s *system) view(hidden []bool) (*view, error) {
	v := &view{coord: make([]int32, len(hidden))}
	col := make([]int32, s.t.Cells)
	for c := range col {
		col[c] = -1
		if i := s.single[c]; i < 0 || hidden[i] {
			col[c] = int32(len(v.cells)) //nolint:gosec // below maxCells
			v.cells = append(v.cells, int32(c))
			v.item = append(v.item, i)
		}
	}
	units := make([][]int32, len(v.cells))
	for i := range units {
		units[i] = []int32{int32(i)}
	}
	var shown [][]int32
	for i, item := range s.t.Items {
		v.coord[i] = -1
		switch {
		case int(s.twin[i]) != i:
			v.coord[i] = v.coord[s.twin[i]]
		case hidden[i] && len(item) == 1:
			v.coord[i] = col[item[0]]
		case hidden[i]:
			v.coord[i] = int32(len(v.item)) //nolint:gosec // below maxItems
			for _, c := range item {
				if col[c] >= 0 {
					units[col[c]] = append(units[col[c]], v.coord[i])
				}
			}
			v.item = append(v.item, int32(i))
		case len(item) > 1:
			if on := columns(item, col); len(on) > 0 {
				shown = append(shown, on)
			}
		}
	}
	v.kernel = newKernel(len(v.item), units)
	slices.SortStableFunc(shown, func(a, b []int32) int { return len(a) - len(b) })
	for _, on := range shown {
		if _, _, ok := v.show(on); !ok {
			return nil, fmt.Errorf("suppressing: the numbers of a move are too large: %w", fault.Exhausted)
		}
	}
	return v, nil
}

func columns(item, col []int32) []int32 {
	var on []int32
	for _, c := range item {
		if col[c] >= 0 {
			on = append(on, col[c])
		}
	}
	return on
}

// protect marks what g protects.
func (v *view) protect(g *search) {
	v.g, v.kind = g, make([]kind, len(v.item))
	for i, c := range v.coord {
		switch {
		case c < 0:
		case g.primary[i]:
			v.kind[c] = flagged
		case g.forced[i]:
			v.kind[c] = max(v.kind[c], forced)
		}
	}
}

// exposed lists the protected items that follow from what is shown, or from
// that and another flagged item.
func (v *view) exposed() []int32 {
	var list []int32
	for c := range v.kind {
		if v.exposes(int32(c)) {
			list = append(list, v.item[c])
		}
	}
	return list
}

func (v *view) exposes(c int32) bool {
	return v.kind[c] != spare && (v.count[c] == 0 || (v.kind[c] == flagged && v.mate(c) >= 0))
}

// mate is another flagged coordinate, of other units, that tells the flagged
// coordinate c, or -1.
func (v *view) mate(c int32) int32 {
	var least []entry // every mate is in each move of c: take the shortest
	for _, i := range v.column(c) {
		if move := v.moves[i]; least == nil || len(move) < len(least) {
			least = move
		}
	}
	for _, e := range least {
		if e.at != c && v.kind[e.at] == flagged && v.parallel(c, e.at) && !v.g.alike(v.item[c], v.item[e.at]) {
			return e.at
		}
	}
	return -1
}

// spare shows a hidden item if nothing that is protected needs it.
func (v *view) spare(i int32) bool {
	back, gone, ok := v.show([]int32{v.coord[i]})
	if !ok {
		return false
	}
	for _, e := range gone {
		if v.exposes(e.at) {
			v.restore(back)
			return false
		}
	}
	return true
}
