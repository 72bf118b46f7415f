package chart

import (
	"fmt"

	"github.com/yunei/yunei/jobs"
)

// ramp goes from nothing to the largest value: one hue, ever darker, so that
// it reads in grey as well.
var ramp = [...][3]float64{{240, 246, 252}, {190, 215, 238}, {116, 169, 213}, {43, 108, 176}, {16, 55, 102}}

// A shade is a colour and the colour of text upon it.
func shade(share float64) (fill, text string) {
	share = min(max(share, 0), 1) * float64(len(ramp)-1)
	i := min(int(share), len(ramp)-2)
	part := share - float64(i)
	var c [3]int
	for k := range c {
		c[k] = int(ramp[i][k] + (ramp[i+1][k]-ramp[i][k])*part + 0.5)
	}
	text = ink
	if share > 2.4 {
		text = "#ffffff"
	}
	return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]), text
}

// A grid is where the cells of a heat map stand.
type grid struct {
	left, top, w, h float64
	lo, hi          float64
}

// heat draws one figure as a heat map.
func (d *drawing) heat(t table, figure int, y float64) float64 {
	g := grid{h: 27}
	g.left = margin + labels(t.rows, 260) + 10
	g.w = min((width-margin-g.left)/float64(len(t.columns)), 120)
	g.lo, g.hi = t.extent(figure)
	y = d.scale(g, y+4)
	g.top = d.columns(t, g, y)
	for r, label := range t.rows {
		d.text(g.left-10, g.top+g.h*float64(r)+g.h/2+4.5, labelSize, ink, end, fit(label, 260, labelSize))
		for c := range t.columns {
			d.cell(t, figure, r, c, g)
		}
	}
	return g.top + g.h*float64(len(t.rows)) + 4
}

func (d *drawing) cell(t table, figure, row, column int, g grid) {
	x, y := g.left+g.w*float64(column), g.top+g.h*float64(row)
	v, ok := t.at(figure, row, column)
	if !ok {
		d.hatched(x+1, y+1, g.w-2, g.h-2)
		return
	}
	fill, ink := shade(g.share(float64(v)))
	label := fmt.Sprintf("%s · %s：%s", t.rows[row], t.columns[column], group(v))
	d.rect(x+1, y+1, g.w-2, g.h-2, fill, label)
	for _, size := range []float64{12, 10.5, 9} {
		if s := group(v); measure(s, size) <= g.w-6 {
			d.text(x+g.w/2, y+g.h/2+size*0.36, size, ink, middle, s)
			return
		}
	}
}

func (g grid) share(v float64) float64 {
	if g.hi <= g.lo {
		return 0.5
	}
	return (v - g.lo) / (g.hi - g.lo)
}

// columns draws the column labels, slanted where they do not fit, and returns
// where the cells begin.
func (d *drawing) columns(t table, g grid, y float64) float64 {
	const size, most = 12.0, 110.0
	widest := 0.0
	for _, c := range t.columns {
		widest = max(widest, min(measure(c, size), most))
	}
	slant := widest > g.w-4
	base := y + 20
	if slant {
		base = y + 14 + widest*0.72
	}
	for i, c := range t.columns {
		x := g.left + g.w*(float64(i)+0.5)
		if slant {
			d.text(x, base, size, ink, start, fit(c, most, size), fmt.Sprintf(`transform="rotate(-45 %s %s)"`, n(x), n(base)))
		} else {
			d.text(x, base, size, ink, middle, c)
		}
	}
	return base + 8
}

// scale draws what the colours stand for, at the left of the panel.
func (d *drawing) scale(g grid, y float64) float64 {
	const steps, w = 24, 7.0
	x := float64(margin)
	low := group(int64(g.lo))
	d.text(x, y+11, 11, muted, start, low)
	x += measure(low, 11) + 8
	for i := range steps {
		fill, _ := shade(float64(i) / (steps - 1))
		d.rect(x+w*float64(i), y+1, w+0.6, 12, fill, "")
	}
	x += w*steps + 8
	high := group(int64(g.hi))
	d.text(x, y+11, 11, muted, start, high)
	x += measure(high, 11) + 22
	d.hatched(x, y, 22, 13)
	d.text(x+28, y+11, 11, muted, start, "未展示（"+jobs.Hidden+"）")
	return y + 18
}
