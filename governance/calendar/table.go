package calendar

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
)

// Bounds of a table.
const (
	MaxTable = 256 << 10 // bytes
	maxRows  = 8192
	maxText  = 300 // bytes of a name or an address
	firstYr  = 1990
	lastYr   = 2200
)

// The kinds of rows.
const (
	notice = "notice" // where the notice of the year is to be read
	rest   = "rest"   // a day off
	work   = "work"   // a day that is worked: as a rule a Saturday or Sunday
)

var columns = []string{"year", "date", "kind", "name"}

// With returns the calendar with the years of a table in the form of days.csv:
// a header, a row "notice" with an address for each notice of a year, and a row
// for each day that a notice names. A year that c knows already is replaced
// whole, because a later notice may change it. Errors are of kind Exhausted
// (too large) or Invalid, and leave c as it was.
func (c Calendar) With(table []byte) (Calendar, error) {
	fresh, err := parse(table)
	if err != nil {
		return c, fmt.Errorf("reading a table of days: %w", err)
	}
	all := Calendar{years: maps.Clone(c.years)}
	if all.years == nil {
		all.years = map[int]year{}
	}
	maps.Copy(all.years, fresh)
	return all, nil
}

func parse(table []byte) (map[int]year, error) {
	if len(table) > MaxTable {
		return nil, fmt.Errorf("%d bytes: %w", len(table), fault.Exhausted)
	}
	if !utf8.Valid(table) {
		return nil, fmt.Errorf("not UTF-8: %w", fault.Invalid)
	}
	r := csv.NewReader(bytes.NewReader(table))
	r.Comment, r.FieldsPerRecord, r.ReuseRecord = '#', len(columns), true
	years := map[int]year{}
	for n := 0; ; n++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return years, whole(years)
		}
		if err != nil {
			return nil, fmt.Errorf("row %d is not four columns of CSV: %w", n+1, fault.Invalid)
		}
		if n > maxRows {
			return nil, fmt.Errorf("more than %d rows: %w", maxRows, fault.Exhausted)
		}
		if n == 0 {
			if !slices.Equal(row, columns) {
				return nil, fmt.Errorf("the header is not year,date,kind,name: %w", fault.Invalid)
			}
			continue
		}
		if err := enter(years, row); err != nil {
			return nil, fmt.Errorf("row %d: %w", n+1, err)
		}
	}
}

// whole refuses a table that says nothing, or days of a year without saying
// where its notice is.
func whole(years map[int]year) error {
	if len(years) == 0 {
		return fmt.Errorf("no year: %w", fault.Invalid)
	}
	for y, of := range years {
		if len(of.notices) == 0 || len(of.rests) == 0 {
			return fmt.Errorf("%d: want its notice and its days: %w", y, fault.Invalid)
		}
	}
	return nil
}

func enter(years map[int]year, row []string) error {
	y, err := strconv.Atoi(row[0])
	if err != nil || y < firstYr || y > lastYr {
		return fmt.Errorf("no year from %d to %d: %w", firstYr, lastYr, fault.Invalid)
	}
	if len(row[3]) > maxText {
		return fmt.Errorf("a name of %d bytes: %w", len(row[3]), fault.Invalid)
	}
	of := years[y]
	if of.rests == nil {
		of.rests = map[Date]bool{}
	}
	if row[2] == notice {
		at, err := url.Parse(row[3])
		if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || row[1] != "" {
			return fmt.Errorf("a notice is an address and no date: %w", fault.Invalid)
		}
		of.notices = append(of.notices, row[3])
		years[y] = of
		return nil
	}
	d, err := ParseDate(row[1])
	if err != nil {
		return err
	}
	if _, twice := of.rests[d]; twice {
		return fmt.Errorf("%s stands there twice: %w", d, fault.Invalid)
	}
	if d.Year != y && (d.Year != y-1 || d.Month != time.December) {
		return fmt.Errorf("%s is not of %d nor of the December before: %w", d, y, fault.Invalid)
	}
	if row[2] != rest && row[2] != work {
		return fmt.Errorf("%s: want rest or work: %w", d, fault.Invalid)
	}
	of.rests[d] = row[2] == rest
	years[y] = of
	return nil
}

// Table is the table of this version, in the form that With reads.
func Table() []byte { return bytes.Clone(announced) }
