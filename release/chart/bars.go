package chart

import (
	"fmt"
	"math"

	"github.com/yunei/yunei/jobs"
)

// series colours the bars of a group; their order keeps neighbours apart for
// readers who do not tell red from green (after Okabe and Ito).
var series = [...]string{"#2b6cb0", "#e08a1e", "#2f9e8f", "#b4577e", "#7a8794"}

const labelSize = 12.5

// An axis maps values to pixels, zero included.
type axis struct {
	lo, hi      float64
	left, right float64
}

func (a axis) x(v float64) float64 {
	return a.left + (v-a.lo)/(a.hi-a.lo)*(a.right-a.left)
}

// ticks are round numbers over the axis, at most six or so.
func (a axis) ticks() []float64 {
	step := math.Pow(10, math.Floor(math.Log10((a.hi-a.lo)/4)))
	for _, m := range []float64{1, 2, 5, 10} {
		if (a.hi-a.lo)/(step*m) <= 6 {
			step *= m
			break
		}
	}
	step = max(step, 1) // values are integers
	var all []float64
	for v := math.Ceil(a.lo/step) * step; v <= a.hi; v += step {
		all = append(all, v)
	}
	return all
}

// bars draws one figure as horizontal bars, grouped where there are columns.
func (d *drawing) bars(t table, figure int, y float64) float64 {
	if len(t.columns) > 1 {
		y = d.key(t, y+8)
	}
	const thick, gap = 17.0, 12.0
	left := margin + labels(t.rows, 240) + 10
	lo, hi := t.extent(figure)
	whisker := float64(t.c.Figures[figure].HalfWidth)
	a := axis{min(lo-whisker, 0), max(hi+whisker, 1), left, width - margin - 96}
	if whisker == 0 {
		a.lo, a.hi = min(lo, 0), max(hi, 1)
	}
	band := float64(len(t.columns))*thick + gap
	bottom := y + 8 + band*float64(len(t.rows))
	for _, v := range a.ticks() {
		d.rule(a.x(v), y+4, a.x(v), bottom, "#edf1f5")
		d.text(a.x(v), bottom+16, 11, muted, middle, group(int64(v)))
	}
	for r, label := range t.rows {
		top := y + 8 + band*float64(r) + gap/2
		d.text(left-10, top+(band-gap)/2+4.5, labelSize, ink, end, fit(label, 240, labelSize))
		for col := range t.columns {
			d.bar(t, figure, r, col, a, top+thick*float64(col), thick-2)
		}
	}
	d.rule(a.x(0), y+4, a.x(0), bottom, muted)
	return bottom + 22
}

// bar draws one bar, its value, and in mode dp its half-width.
func (d *drawing) bar(t table, figure, row, column int, a axis, y, h float64) {
	v, ok := t.at(figure, row, column)
	if !ok {
		d.hatched(a.x(0), y, 46, h)
		d.text(a.x(0)+52, y+h-3.5, 11, muted, start, jobs.Hidden)
		return
	}
	x0, x1 := a.x(0), a.x(float64(v))
	label := t.rows[row]
	if t.columns[column] != "" {
		label += " · " + t.columns[column]
	}
	d.rect(min(x0, x1), y, max(math.Abs(x1-x0), 1), h, series[column], fmt.Sprintf("%s：%s", label, group(v)))
	far := max(x0, x1)
	if w := t.c.Figures[figure].HalfWidth; w > 0 {
		from, to := a.x(float64(v)-float64(w)), a.x(float64(v)+float64(w))
		mid := y + h/2
		d.rule(from, mid, to, mid, ink)
		d.rule(from, mid-3, from, mid+3, ink)
		d.rule(to, mid-3, to, mid+3, ink)
		far = max(far, to)
	}
	d.text(far+6, y+h-3.5, 11, ink, start, group(v))
}

// key names the colours of a group.
func (d *drawing) key(t table, y float64) float64 {
	last := t.c.Dims[len(t.c.Dims)-1]
	x := float64(margin)
	d.text(x, y+10, 12, muted, start, fit(last.Title, 160, 12))
	x += min(measure(last.Title, 12), 160) + 14
	for i, label := range t.columns {
		label = fit(label, 150, 12)
		if x+18+measure(label, 12) > width-margin {
			x, y = margin, y+20
		}
		d.rect(x, y, 12, 12, series[i], "")
		d.text(x+18, y+10, 12, ink, start, label)
		x += 18 + measure(label, 12) + 18
	}
	return y + 16
}

// labels is the room that row labels take, at most most.
func labels(rows []string, most float64) float64 {
	w := 40.0
	for _, r := range rows {
		w = max(w, min(measure(r, labelSize), most))
	}
	return w
}
