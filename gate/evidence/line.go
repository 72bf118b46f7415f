package evidence

import (
	"slices"

	"github.com/yunei/yunei/gate/params"
)

// A Value is a count as it is shown; the zero Value is hidden.
type Value struct {
	N     int64
	Shown bool
}

// A Line is the cells of a table that differ in one dimension only, or all that
// make up a margin, with their total if it is shown.
type Line struct {
	Cells []Value
	Total Value
}

// sum adds the shown cells; whole says that none is hidden.
func (l Line) sum() (sum int64, whole bool) {
	whole = true
	for _, c := range l.Cells {
		if c.Shown {
			sum += c.N
		}
		whole = whole && c.Shown
	}
	return sum, whole
}

// total is the line's total, and whether it can be known: shown, or the sum of
// cells of which none is hidden.
func (l Line) total() (int64, bool) {
	if l.Total.Shown {
		return l.Total.N, true
	}
	return l.sum()
}

// Class is C11 over lines of counts: a line of which one cell has the given
// share tells something of the whole group, and, where zeros are disclosive, so
// does an empty cell. Where a line's total cannot be known the share is of
// what is shown, and is left to people.
func Class(lines []Line, p params.Parameters) Finding {
	var certain, possible, zeros int64
	for _, l := range lines {
		total, known := l.total()
		if len(l.Cells) < 2 || total <= 0 {
			continue
		}
		most, empty := int64(0), false
		for _, c := range l.Cells {
			if c.Shown {
				most, empty = max(most, c.N), empty || c.N == 0
			}
		}
		switch {
		case above(p.ClassPercent, total, 100, most): // below the share
		case known:
			certain++
		default:
			possible++
		}
		if empty && p.ZerosDisclosive == 1 {
			zeros++
		}
	}
	return say("C11", p, worst(certain+zeros, possible), words{
		Pass:   {"没有一行或一列集中于一个单元格。", "no line of the table lies in one cell"},
		Review: {"有的行或列在所示数值中集中于一个单元格，合计未知，由审核员判断。", "of what is shown, some lines lie in one cell; their totals are not known: for the output checkers"},
		Fail:   {"有的行或列集中于一个单元格或含零，可推断整组属性。", "some lines lie in one cell, or have empty cells, which tells something of the whole group"},
	}, map[string]int64{"lines": certain, "possible": possible, "zeros": zeros})
}

// Within is C12 over lines of counts: neither a cell nor the rest of its line is of too few
// units, for those would know of all the others.
func Within(lines []Line, p params.Parameters) Finding {
	var few int64
	for _, l := range lines {
		total, known := l.total()
		for _, c := range l.Cells {
			if c.Shown && (between(c.N, p.Group) || known && between(total-c.N, p.Group)) {
				few++
			}
		}
	}
	return say("C12", p, worst(few, 0), words{
		Pass: {"所示单元格及其所在行列的其余部分均不是少数个体。", "no shown cell, and no rest of its line, is of too few units"},
		Fail: {"有的单元格或其所在行列的其余部分个体过少，组内成员可推断其他人。", "some cells, or the rest of their line, are of so few units that these learn of all the others"},
	}, map[string]int64{"cells": few})
}

// Bins is C14: each bin of a histogram has no unit or enough, and its edges
// stand in a grid that was approved before data were read. An unknown grid is
// left to people.
func Bins(counts []Value, edges, grid []int64, p params.Parameters) Finding {
	var few, off int64
	for _, c := range counts {
		if c.Shown && between(c.N, p.Bin) {
			few++
		}
	}
	for _, e := range edges {
		if !slices.Contains(grid, e) {
			off++
		}
	}
	unknown := int64(0)
	if len(grid) == 0 {
		off, unknown = 0, 1
	}
	return say("C14", p, worst(few+off, unknown), words{
		Pass:   {"各组或者没有个体，或者达到门槛；边界取自事先核准的网格。", "each bin has no unit or enough, and the edges stand in an approved grid"},
		Review: {"没有事先核准的边界网格，由审核员判断边界是否取自数据。", "there is no approved grid of edges: whether they were taken from the data is for the output checkers"},
		Fail:   {"有的组个体过少，或边界不在事先核准的网格上。", "some bins have too few units, or edges that are not in the approved grid"},
	}, map[string]int64{"bins": few, "edges": off})
}

// A Grid is how counts are rounded: to multiples of Base, or with Mid to the
// middle of each class of Base integers (0, and then 3, 9, 15 for Base 6), so
// that nothing but 0 is shown as 0.
type Grid struct {
	Base int64
	Mid  bool
}

// has reports whether v is a rounded value.
func (g Grid) has(v int64) bool {
	if g.Mid && v != 0 {
		return v > 0 && (v+g.Base/2)%g.Base == 0
	}
	return v%g.Base == 0
}

// Middle is the midpoint rounding of OpenSAFELY for a count and a width of at
// least 1: ceil(n/width)*width - floor(width/2), and 0 for 0.
func Middle(n, width int64) int64 {
	if n <= 0 {
		return 0
	}
	return (n+width-1)/width*width - width/2
}

// Rounding is C29: all shown counts of one output lie on one grid, no finer
// than the parameters', and a total is the sum of its rounded cells or rounded
// alone. Totals rounded alone that are nearly as far from the sum as rounding
// can take them fix what was rounded away; they are left to people.
func Rounding(lines []Line, g Grid, p params.Parameters) Finding {
	var off, apart, tight int64
	if fine := g.Mid && g.Base < p.Midpoint || !g.Mid && (g.Base < p.Base || p.Base > 0 && g.Base%p.Base != 0); g.Base < 1 || fine {
		return say("C29", p, Fail, words{Fail: {"取整基数小于规定或不是其倍数。", "the base of rounding is finer than the rules', or no multiple of it"}}, map[string]int64{"base": g.Base})
	}
	for _, l := range lines {
		for _, c := range append(slices.Clone(l.Cells), l.Total) {
			if c.Shown && !g.has(c.N) {
				off++
			}
		}
		total, whole := l.sum()
		if !whole || !l.Total.Shown || l.Total.N == total {
			continue
		}
		gap := max(l.Total.N-total, total-l.Total.N)
		slack := g.Base/2*int64(len(l.Cells)+1) - gap
		switch {
		case slack < 0:
			apart++
		case slack+1 < min(p.Width, g.Base):
			tight++
		}
	}
	return say("C29", p, worst(off+apart, tight), words{
		Pass:   {"全部数值按同一基数取整，合计与所示各项相符。", "all values are rounded to one base, and totals agree with their cells"},
		Review: {"有的合计与各项取整值之差接近极限，可推出取整前的数值。", "some totals are so far from the sum of their rounded cells that they tell what was rounded away"},
		Fail:   {"有的数值不在取整网格上，或合计与各项取整值不符。", "some values are not rounded, or totals do not agree with their cells"},
	}, map[string]int64{"unrounded": off, "inconsistent": apart, "tight": tight})
}
