package chart

import "fmt"

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
	if share > 2.5 {
		text = "#ffffff"
	}
	return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]), text
}

// A grid is where the cells of a heat map stand.
type grid struct {
	left, top, w, h float64
	lo, hi          float64
	slant           float64 // the widest column label, 0 where all fit
}

// heat draws one figure as a heat map.
func (d *drawing) heat(t table, figure int, y float64) float64 {
	g := grid{h: 27}
	g.left = margin + labels(t.rows, 260) + 10
	g.w = min((width-margin-g.left)/float64(len(t.columns)), 120)
	if widest := across(t.columns); widest > g.w-4 {
		g.slant = widest // room for the last label to rise into
		g.w = min((width-margin-g.left-widest*0.6)/float64(len(t.columns)), 120)
	}
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
	fill, over := shade(g.share(float64(v)))
	label := fmt.Sprintf("%s · %s：%s", t.rows[row], t.columns[column], group(v))
	d.rect(x+1, y+1, g.w-2, g.h-2, fill, label)
	for _, size := range []float64{12, 10.5, 9} {
		if s := group(v); measure(s, size) <= g.w-6 {
			d.text(x+g.w/2, y+g.h/2+size*0.36, size, over, middle, s)
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

const columnSize, columnMost = 12.0, 110.0

// across is the room that the widest column label takes.
func across(columns []string) float64 {
	w := 0.0
	for _, c := range columns {
		w = max(w, min(measure(c, columnSize), columnMost))
	}
	return w
}

// columns draws the column labels, slanted where they do not fit, and returns
// where the cells begin.
func (d *drawing) columns(t table, g grid, y float64) float64 {
	base := y + 20
	if g.slant > 0 {
		base = y + 14 + g.slant*0.72
	}
	for i, c := range t.columns {
		x := g.left + g.w*(float64(i)+0.5)
		if g.slant > 0 {
			d.text(x, base, columnSize, ink, start, fit(c, columnMost, columnSize), fmt.Sprintf(`transform="rotate(-45 %s %s)"`, n(x), n(base)))
		} else {
			d.text(x, base, columnSize, ink, middle, c)
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
	return y + 18
}
