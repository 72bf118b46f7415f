// Package chart draws a candidate as SVG 1.1: bars for one dimension, grouped
// bars for two short ones, a heat map for the rest, one panel for each figure.
// It is a pure function of the candidate, so that a picture tells nothing that
// the table does not; the same candidate always makes the same bytes. Hidden
// cells are hatched and in mode dp bars carry their 95 % half-width. The
// drawing has no script, no link and no font of its own, and every text in it
// is escaped: it may be shown in a page beside others.
//
// It trusts nobody: the candidate is checked first, and one that is too large
// to be looked at is refused.
package chart

import (
	"fmt"
	"math"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// What is still a picture: more is a table.
const (
	maxRows    = 400
	maxColumns = 60
	maxDrawn   = 20_000 // cells, over all panels
)

const (
	width  = 960
	margin = 32
	inner  = width - 2*margin

	ink    = "#1c2733"
	muted  = "#5f6c7b"
	line   = "#d9e0e8"
	canvas = "#ffffff"
)

// Draw draws a candidate. An error is of kind Invalid: it is no candidate, or
// too large to draw.
func Draw(c jobs.Candidate) ([]byte, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("drawing a chart: %w", err)
	}
	t := lay(c)
	if len(t.rows) > maxRows || len(t.columns) > maxColumns || len(c.Cells)*len(c.Figures) > maxDrawn {
		return nil, fmt.Errorf("drawing a chart: more cells than can be looked at: %w", fault.Invalid)
	}
	d := &drawing{hatch: "hatch-" + c.Terms.Hex()[:12]}
	y := head(d, c)
	for i := range c.Figures {
		y = d.panel(t, i, y+30)
	}
	y = foot(d, c, y+34)
	return d.file(width, y+margin, c.Title, strings.Join(legend(c), " ")), nil
}

// A table is a candidate as rows and columns: the last dim across, the others
// down.
type table struct {
	c       jobs.Candidate
	rows    []string
	columns []string
}

func lay(c jobs.Candidate) table {
	last := c.Dims[len(c.Dims)-1]
	t := table{c: c, columns: last.Labels}
	if len(c.Dims) == 1 {
		t.rows, t.columns = last.Labels, []string{""}
		return t
	}
	for cell := 0; cell < len(c.Cells) && len(t.rows) <= maxRows; cell += len(last.Codes) {
		var labels []string
		for i, at := range c.Codes(cell)[:len(c.Dims)-1] {
			labels = append(labels, c.Dims[i].Labels[at])
		}
		t.rows = append(t.rows, strings.Join(labels, " · "))
	}
	return t
}

// at is a value of the table; ok is false where the cell is hidden.
func (t table) at(figure, row, column int) (v int64, ok bool) {
	cell := t.c.Cells[row*len(t.columns)+column]
	if cell == nil {
		return 0, false
	}
	return cell[figure], true
}

// extent is the range of a figure's shown values.
func (t table) extent(figure int) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, cell := range t.c.Cells {
		if cell != nil {
			lo, hi = min(lo, float64(cell[figure])), max(hi, float64(cell[figure]))
		}
	}
	if lo > hi {
		return 0, 0
	}
	return lo, hi
}

// panel draws one figure below y and returns where it ends.
func (d *drawing) panel(t table, figure int, y float64) float64 {
	f := t.c.Figures[figure]
	d.text(margin, y, 15, ink, start, f.Title, bold)
	note := ""
	switch {
	case f.Round > 1:
		note = "取整基数 " + group(f.Round)
	case f.HalfWidth > 0:
		note = fmt.Sprintf("标准差 %s，95%% 半宽 ±%s", f.SD, group(f.HalfWidth))
	}
	d.text(width-margin, y, 12, muted, end, note)
	if len(t.rows) <= 24 && len(t.columns) <= len(series) {
		return d.bars(t, figure, y+14)
	}
	return d.heat(t, figure, y+14)
}

// head draws the title and how the figures are protected.
func head(d *drawing, c jobs.Candidate) float64 {
	y := float64(margin + 22)
	for _, l := range wrap(c.Title, inner, 22) {
		d.text(margin, y, 22, ink, start, l, bold)
		y += 30
	}
	d.text(margin, y-2, 13, muted, start, strings.Join(legend(c), "　"))
	return y + 6
}

func legend(c jobs.Candidate) []string {
	var l []string
	if c.Mode.Noisy() {
		l = append(l, fmt.Sprintf("差分隐私 ε = %s，δ = %s", c.Privacy.Epsilon, c.Privacy.Delta))
	} else {
		l = append(l, "统计披露控制")
	}
	if c.Run != "" {
		l = append(l, "运行 "+c.Run)
	}
	return l
}

// foot draws the key of hidden cells and the statements.
func foot(d *drawing, c jobs.Candidate, y float64) float64 {
	d.rule(margin, y, width-margin, y, line)
	y += 24
	if hidden(c) {
		d.hatched(margin, y-11, 22, 14)
		d.text(margin+30, y, 12, ink, start, "未展示（"+jobs.Hidden+"）")
		y += 22
	}
	for _, s := range c.Statements {
		for i, l := range wrap(s.ZH, inner-16, 12) {
			if i == 0 {
				d.text(margin, y, 12, muted, start, "·")
			}
			d.text(margin+14, y, 12, muted, start, l)
			y += 19
		}
	}
	return y
}

func hidden(c jobs.Candidate) bool {
	for _, cell := range c.Cells {
		if cell == nil {
			return true
		}
	}
	return false
}
