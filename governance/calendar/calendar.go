// Package calendar counts working days (工作日) as the State Council's yearly
// notices set them: Saturday and Sunday rest, unless a notice has them worked
// (调休), and holidays rest. A span starts on the day after its first day and
// is due at the end, 24:00, of its last (民法典 第二百零一条、第二百零三条), where
// it is UTC+8 (Asia/Shanghai, which has no summer time since 1991).
//
// Which days differ from the week is a table of facts by year: the one in this
// package holds the years 2010 to 2026, and a person loads a later one (With)
// once its notice is out. Until then the calendar guesses nothing: in a year
// without a notice only the days that rest by standing rule do (1 January, 1
// and 2 May, 1 to 3 October), and whatever touches such a year is provisional
// (暂定). So is what touches a December whose next year has none: the notice of
// a year has moved days of the December before it. Who keeps a due date
// computes it again when a table was loaded.
//
// The package is pure: it reads no clock and no file. It trusts whoever loads a
// table for the facts in it, and checks its form only.
package calendar

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
)

// Shanghai is the zone of every date here.
var Shanghai = time.FixedZone("UTC+8", 8*60*60)

// MostDays bounds the length of a span, in working days.
const MostDays = 2000

// A Date is a civil date in Shanghai.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the date at an instant.
func DateOf(t time.Time) Date {
	y, m, d := t.In(Shanghai).Date()
	return Date{y, m, d}
}

// ParseDate reads 2026-02-10; anything else is of kind Invalid.
func ParseDate(s string) (Date, error) {
	t, err := time.ParseInLocation(time.DateOnly, s, Shanghai)
	if err != nil {
		return Date{}, fmt.Errorf("reading a date: want YYYY-MM-DD: %w", fault.Invalid)
	}
	return DateOf(t), nil
}

// Start is the first instant of the date, 00:00.
func (d Date) Start() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, Shanghai) }

// End is the last instant of the date, 24:00, which is the first of the next.
func (d Date) End() time.Time { return d.next().Start() }

// String is 2026-02-10.
func (d Date) String() string { return d.Start().Format(time.DateOnly) }

// Before reports whether d is earlier than e.
func (d Date) Before(e Date) bool { return d.Start().Before(e.Start()) }

func (d Date) next() Date { return DateOf(d.Start().AddDate(0, 0, 1)) }

func (d Date) weekend() bool {
	w := d.Start().Weekday()
	return w == time.Saturday || w == time.Sunday
}

// standing reports whether the date rests by the standing rule of 全国年节及纪念日放假办法
// (since 2025 with 2 May), whatever the notice of its year will say.
func (d Date) standing() bool {
	switch d.Month {
	case time.January:
		return d.Day == 1
	case time.May:
		return d.Day <= 2
	case time.October:
		return d.Day <= 3
	default:
		return false
	}
}

// A Calendar is what is known of the years. The zero Calendar knows no year,
// and all of its answers are provisional.
type Calendar struct {
	years map[int]year
}

// A year is what the notices of one year set.
type year struct {
	notices []string
	rests   map[Date]bool // of the days that differ or are named: does it rest
}

//go:embed days.csv
var announced []byte

// Announced is the calendar of the years whose notices this version knows.
func Announced() Calendar {
	c, err := Calendar{}.With(announced)
	if err != nil {
		panic("calendar: " + err.Error()) // our own table; a test reads it
	}
	return c
}

// Years lists the years whose notices are known.
func (c Calendar) Years() []int { return slices.Sorted(maps.Keys(c.years)) }

// Notices lists where the notices of a year are to be read.
func (c Calendar) Notices(y int) []string { return slices.Clone(c.years[y].notices) }

// Works reports whether a date is a working day, and whether a notice that is
// not known may still change that.
func (c Calendar) Works(d Date) (works, provisional bool) {
	provisional = !c.settled(d)
	if rests, ok := c.years[d.Year+1].rests[d]; ok && d.Month == time.December {
		return !rests, provisional
	}
	of, known := c.years[d.Year]
	if rests, ok := of.rests[d]; ok {
		return !rests, provisional
	}
	return !d.weekend() && (known || !d.standing()), provisional
}

// settled reports whether every notice that can speak of the date is known.
func (c Calendar) settled(d Date) bool {
	_, own := c.years[d.Year]
	_, next := c.years[d.Year+1]
	return own && (next || d.Month != time.December)
}

// A Due is when a span ends.
type Due struct {
	Day         Date      // the last working day
	At          time.Time // its end: what is done before At is in time
	Provisional bool      // a notice that is not known may move it
	Waits       []int     // the years whose notices are not known, in order
}

// Overdue reports whether the span is over at an instant.
func (d Due) Overdue(now time.Time) bool { return !now.Before(d.At) }

// Due is when a span of n working days ends that starts at an instant of the
// date from: n of them after that date, which itself never counts. A span of
// none ends with the date. Another n than 0 to MostDays is of kind Invalid.
func (c Calendar) Due(from Date, n int) (Due, error) {
	if n < 0 || n > MostDays {
		return Due{}, fmt.Errorf("counting %d working days: want 0 to %d: %w", n, MostDays, fault.Invalid)
	}
	due := Due{Day: from}
	c.waits(from, &due)
	for n > 0 {
		due.Day = due.Day.next()
		works, _ := c.Works(due.Day)
		c.waits(due.Day, &due)
		if works {
			n--
		}
	}
	due.At, due.Provisional = due.Day.End(), len(due.Waits) > 0
	slices.Sort(due.Waits)
	return due, nil
}

// waits notes the years without a notice that can speak of the date.
func (c Calendar) waits(d Date, due *Due) {
	if c.settled(d) {
		return
	}
	for _, y := range []int{d.Year, d.Year + 1} {
		_, known := c.years[y]
		if !known && (y == d.Year || d.Month == time.December) && !slices.Contains(due.Waits, y) {
			due.Waits = append(due.Waits, y)
		}
	}
}

// Count is the number of working days from one date to another, both counted,
// and whether that is provisional. It is 0 if to is before from or more than
// MostDays*2 days later.
func (c Calendar) Count(from, to Date) (n int, provisional bool) {
	for d, i := from, 0; !to.Before(d); d, i = d.next(), i+1 {
		if i > 2*MostDays {
			return 0, true
		}
		works, open := c.Works(d)
		provisional = provisional || open
		if works {
			n++
		}
	}
	return n, provisional
}
