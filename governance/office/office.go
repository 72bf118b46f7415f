// Package office says how a case runs under a city's rules: when a term ends,
// what a refusal rests on, and which table of stages a case is opened by. An
// Office is one frozen version of a profile and the calendar; a case that keeps
// that version is asked about here and nowhere else, so that the tables of
// package cases name keys of the profile's registry and no number.
//
// Working days are package calendar's. A term in days or months ends with its
// last day, which is the same day of the month that it falls in, or that month's
// last (民法典 第二百零二条); if that day rests, with the next that is worked
// (第二百零三条). Hours run through.
//
// Data come to a user by sharing, opening or authorised operation, and each city
// has its own order of who answers a request (share.route, open.route). Table
// picks the procedure of that order. Where a text sets none, the longest way
// that there is a table for is taken: that is a rule of the house.
//
// The package is pure and decides nothing: what is late is late, and is never
// approved by it. It trusts whoever made the profile and the calendar.
package office

import (
	"fmt"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/profile"
)

// HouseTerm is what a term rests on that no text sets.
const HouseTerm = "内部时限（非法定） house term, not of law"

// An Office is the rules of one version, and the days. The zero Office has no
// rule: it ends no term and cites nothing.
type Office struct {
	Rules profile.Profile
	Days  calendar.Calendar
}

// Clock ends the terms of the office's rules. A key that the registry does not
// have is of kind NotFound; one without a value in this city has no term.
func (o Office) Clock(key string, from time.Time) (cases.Due, error) {
	if _, known := profile.KeyOf(key); !known {
		return cases.Due{}, fmt.Errorf("ending the term %.60q: no such key: %w", key, fault.NotFound)
	}
	c, err := o.Rules.Clock(key)
	if err != nil {
		return cases.Due{}, nil //nolint:nilerr // no term is set here
	}
	due := cases.Due{Unit: string(c.Unit), Basis: HouseTerm}
	if c.Source == profile.Law {
		due.Law, due.Basis = true, c.Basis
	}
	day := calendar.DateOf(from)
	switch c.Unit {
	case profile.Hours:
		due.Unit, due.At = cases.Hours, from.Add(time.Duration(c.N)*time.Hour)
		return due, nil
	case profile.WorkingDays:
		end, err := o.Days.Due(day, c.N)
		due.At, due.Provisional = end.At, end.Provisional
		return due, err
	case profile.Days:
		day = calendar.DateOf(day.Start().AddDate(0, 0, c.N))
	case profile.Months:
		day = months(day, c.N)
	case profile.Years:
		day = months(day, 12*c.N)
	default:
		return cases.Due{}, fmt.Errorf("ending the term %s: counted in %s: %w", key, c.Unit, fault.Invalid)
	}
	due.At, due.Provisional = o.worked(day)
	return due, nil
}

// months is the same day so many months later, or the last of that month.
func months(d calendar.Date, n int) calendar.Date {
	first := time.Date(d.Year, d.Month, 1, 0, 0, 0, 0, calendar.Shanghai).AddDate(0, n, 0)
	last := first.AddDate(0, 1, -1).Day()
	return calendar.Date{Year: first.Year(), Month: first.Month(), Day: min(d.Day, last)}
}

// worked is the end of a day, or of the next that is worked.
func (o Office) worked(d calendar.Date) (at time.Time, provisional bool) {
	for range 30 { // no holiday is longer
		works, open := o.Days.Works(d)
		provisional = provisional || open
		if works {
			break
		}
		d = calendar.DateOf(d.End())
	}
	return d.End(), provisional
}

// Left is how many working days are left at an instant, today included; of a
// term that has passed, how many have gone by since, as a negative number.
func (o Office) Left(due cases.Due, now time.Time) int {
	last, today := calendar.DateOf(due.At.Add(-time.Second)), calendar.DateOf(now)
	if due.At.After(now) {
		n, _ := o.Days.Count(today, last)
		return n
	}
	n, _ := o.Days.Count(calendar.DateOf(last.End()), today)
	return -n
}

// Cite is what a rule rests on, with its words, for the case that keeps this
// version: not ok for another version, or where the rule is the house's.
func (o Office) Cite(p cases.Profile, key string) (basis string, ok bool) {
	if profile.Frozen(p) != o.Rules.Frozen() {
		return "", false
	}
	basis, ok = o.Rules.Quoted(key)
	if !ok {
		return "", false
	}
	return basis, true
}

// houseRoutes are the ways where a city's text sets none.
var houseRoutes = map[string][]string{
	profile.BySharing: {"bureau", "provider"},
	profile.ByOpening: {"provider", "bureau"},
}

// Table is the procedure by which a case of a kind is opened under these rules,
// for data that come by a channel ("" if none is asked about). A way that there
// is no table for is refused as case-table.
func (o Office) Table(ts cases.Tables, kind, channel string) (cases.Table, error) {
	house, routed := houseRoutes[channel]
	if !routed || len(ts.All(kind)) < 2 {
		if channel != "" && channel != profile.ByOperation && !routed {
			return cases.Table{}, fault.Refuse("case-table", governance.House)
		}
		return ts.Newest(kind)
	}
	route := house
	if r, err := o.Rules.Rule(channel + ".route"); err == nil && !r.Value.None() {
		route = r.Value.List()
	}
	return ts.Way(kind, channel, route)
}

// Suits reports whether a case may be opened by a table under these rules: it
// is the newest of its kind for its channel.
func (o Office) Suits(ts cases.Tables, t cases.Table) error {
	now, err := o.Table(ts, t.Kind, t.Channel)
	if err != nil {
		return err
	}
	if now.Digest() != t.Digest() {
		return fault.Refuse("case-table", governance.House)
	}
	return nil
}
