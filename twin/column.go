package twin

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/storage/columns"
)

// A value is one cell: n for every type but text and identifiers.
type value struct {
	null bool
	n    int64
	s    string
}

// compare orders two cells as a version does: missing first, then by value.
func (v value) compare(w value) int {
	switch {
	case v.null && w.null:
		return 0
	case v.null:
		return -1
	case w.null:
		return 1
	}
	return cmp.Or(cmp.Compare(v.n, w.n), strings.Compare(v.s, w.s))
}

// A column is how one column is drawn.
type column struct {
	columns.Column
	derived bool  // from the citizen number
	unit    bool  // the identifier of the unit
	place   int64 // in the schema: what must come up does so in other rows for each column

	typical int64   // of amounts
	codes   []int64 // all of them, shuffled: the first is the most frequent
	weights []int64 // running sums of 1/rank
	edges   []int64 // values that must come up
}

// every is in how many rows an edge stands once, and a forced gap.
const (
	every = 97
	gap   = 89
)

func (t *Twin) newColumn(s columns.Column, place int) column {
	c := column{Column: s, place: int64(place), unit: s.Name == t.schema.Unit.Column}
	switch s.Type {
	case columns.Code:
		d := newDice(t.options.Seed, "codes\x00"+t.options.Dataset+"\x00"+s.Name, 0)
		sum := int64(0)
		for i := range s.Codes {
			c.codes = append(c.codes, int64(i))
			sum += 1 << 32 / int64(i+1)
			c.weights = append(c.weights, sum)
		}
		for i := len(c.codes) - 1; i > 0; i-- {
			j := d.below(int64(i + 1))
			c.codes[i], c.codes[j] = c.codes[j], c.codes[i]
		}
	case columns.Int64:
		c.edges = []int64{math.MaxInt64, 0, math.MinInt64, -1, 1, math.MaxInt32 + 1, math.MaxInt32}
		c.typical = min(t.options.Typical[s.Name], 1<<40-1)
		if c.typical < 1 {
			c.typical = defaultTypical
		}
	case columns.Date:
		c.edges = append(append([]int64{t.from, t.to}, leapDays(t.from, t.to)...), -1, 0, dayOf(firstDay), dayOf(lastDay))
	case columns.Month:
		c.edges = []int64{monthOf(t.from), monthOf(t.to), -1, 0, monthOf(dayOf(firstDay)), monthOf(dayOf(lastDay))}
	case columns.Text:
		c.edges = []int64{0, 1, 2, 3}
	case columns.PersonID, columns.BodyID: // all alike
	}
	return c
}

// The first and the last day that a CSV may hold.
var (
	firstDay = time.Date(1000, time.January, 1, 0, 0, 0, 0, time.UTC)
	lastDay  = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
)

// leapDays lists the 29th of February within a window, the first eight of them.
func leapDays(from, to int64) (days []int64) {
	first, last := time.Unix(from*secondsADay, 0).UTC().Year(), time.Unix(to*secondsADay, 0).UTC().Year()
	for y := first; y <= last && len(days) < 8; y++ {
		leap := time.Date(y, time.February, 29, 0, 0, 0, 0, time.UTC)
		if day := dayOf(leap); leap.Day() == 29 && day >= from && day <= to {
			days = append(days, day)
		}
	}
	return days
}

func monthOf(day int64) int64 {
	t := time.Unix(day*secondsADay, 0).UTC()
	return int64(12*(t.Year()-1970) + int(t.Month()) - 1)
}

// homely reports whether most rows of a unit have the same code.
func (c *column) homely() bool { return c.Type == columns.Code && c.Role == columns.Frame }

// draw draws the value of the column, which is at place at of the twin's, in a
// row, counted through the twin.
func (c *column) draw(t *Twin, d dice, who holder, at int, row int64) value {
	switch {
	case c.derived && c.Name == columns.BirthMonth:
		return value{n: monthOf(who.born)}
	case c.derived:
		return value{n: who.sex()}
	case c.unit:
		return value{s: who.identifier(c.Type)}
	}
	// Every code comes up: in every second row at first, while there are rows
	// enough for that.
	if k := int64(len(c.codes)); k > 0 {
		step := int64(1)
		if t.rows >= 2*k+int64(2*t.options.MaxRows+beyond) {
			step = 2
		}
		if row < k*step && row%step == 0 {
			return value{n: c.codes[k-1-row/step]} // the rarest first
		}
	}
	if !c.Required && t.options.Missing > 0 && (row == (7*c.place+2)%gap || d.in(t.options.Missing)) {
		return value{null: true}
	}
	if k := row - (13*c.place+4)%every; len(c.edges) > 0 && k >= 0 && k%every == 0 {
		return c.form(c.edges[k/every%int64(len(c.edges))], d)
	}
	if c.homely() && d.in(8500) {
		return who.home[at]
	}
	return c.usual(t, d)
}

// form is an edge as a value.
func (c *column) form(edge int64, d dice) value {
	if c.Type != columns.Text {
		return value{n: edge}
	}
	switch edge {
	case 0:
		return value{s: strings.Repeat("长", columns.MaxText/len("长"))}
	case 1:
		return value{s: `synthetic, with "quotes"; 合成`}
	case 2:
		return value{s: "two\nlines 两行"}
	default:
		return value{s: "Ｆｕｌｌ　ｗｉｄｔｈ " + word(d)}
	}
}

// usual is a value like most.
func (c *column) usual(t *Twin, d dice) value {
	switch c.Type {
	case columns.Code:
		at, _ := slices.BinarySearch(c.weights, 1+d.below(c.weights[len(c.weights)-1]))
		return value{n: c.codes[at]}
	case columns.Int64:
		return value{n: c.amount(d)}
	case columns.Date:
		return value{n: t.from + d.below(t.to-t.from+1)}
	case columns.Month:
		from, to := monthOf(t.from), monthOf(t.to)
		return value{n: from + d.below(to-from+1)}
	case columns.PersonID, columns.BodyID:
		return value{s: t.holder(int(d.below(MaxUnits))).identifier(c.Type)}
	default:
		return value{s: word(d)}
	}
}

// amount draws from a log-normal distribution, one time in sixteen from a
// Pareto tail beyond it; some amounts are zero, some are taken back.
func (c *column) amount(d dice) int64 {
	const most = 1 << 50
	switch n := d.below(100); {
	case n < 4:
		return 0
	case n < 6:
		return -scale(c.typical, d.normal(), most)
	case n < 12:
		return scale(c.typical, 1<<16+d.exponential(), most)
	default:
		return scale(c.typical, d.normal()*3/2, most)
	}
}

var words = []string{"合成", "synthetic", "甲", "乙", "丙", "样例", "twin", "测试数据"}

func word(d dice) string { return "合成-" + words[d.below(int64(len(words)))] }
