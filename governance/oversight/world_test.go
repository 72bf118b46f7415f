package oversight

import (
	"testing"
	"time"

	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/suite"
)

func city(tb testing.TB, id string) profile.Profile {
	tb.Helper()
	p, err := profiles.Get(id)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func on(tb testing.TB, s string) time.Time {
	tb.Helper()
	d, err := calendar.ParseDate(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d.Start().Add(9 * time.Hour)
}

// fiveDays ends every term of a key after five days.
func fiveDays(_ string, from time.Time) (cases.Due, error) {
	return cases.Due{At: from.AddDate(0, 0, 5), Unit: "wd"}, nil
}

// keptBy is the version of the rules that the cases here keep.
var keptBy = cases.Profile{ID: "guiyang", Version: 1, Digest: suite.DigestOf([]byte("x"))}

// A desk is a town whose bureau has two more officers, and cases in it.
type desk struct {
	*governancetest.Town
	testing.TB
	rules  cases.Rules
	tables cases.Tables
	at     time.Time
	n      int
}

func newDesk(tb testing.TB) *desk {
	tb.Helper()
	d := &desk{Town: governancetest.NewTown(tb), TB: tb, at: governancetest.Now}
	for _, id := range []string{"bureau-2", "bureau-3", "bureau-4"} {
		u := d.Users["bureau-officer"]
		u.ID, u.Key = id, d.Stranger(tb).Public()
		d.Users[id], d.Keys[id] = u, d.Keys["stranger"]
	}
	tables, err := cases.Procedures()
	if err != nil {
		tb.Fatal(err)
	}
	d.tables, d.rules = tables, cases.NewRules(d.Register, tables)
	return d
}

// open opens a case; who is the user, of the seat's organisation.
func (d *desk) open(who, kind string, o cases.Opening) *cases.Case {
	d.Helper()
	table, err := d.tables.Newest(kind)
	if err != nil {
		d.Fatal(err)
	}
	d.n++
	o.Title, o.Profile = "办件", keptBy
	r, err := cases.Begin(d.Keys[who], "c-"+string(rune('a'+d.n%26))+"-"+kind[:3], table, o, d.at)
	if err != nil {
		d.Fatal(err)
	}
	c, err := d.rules.Apply(nil, r)
	if err != nil {
		d.Fatal(err)
	}
	return c
}

func (d *desk) say(c *cases.Case, who string, e cases.Event) *cases.Case {
	d.Helper()
	e.At = d.at
	r, err := c.Say(d.Keys[who], e)
	if err != nil {
		d.Fatal(err)
	}
	next, err := d.rules.Apply(c, r)
	if err != nil {
		d.Fatal(err)
	}
	return next
}

func refs(names ...string) []cases.Ref {
	m := map[string]suite.Digest{}
	for _, n := range names {
		m[n] = suite.DigestOf([]byte(n))
	}
	return cases.Refs(m)
}

func (d *desk) rule(c *cases.Case, who string, v cases.Verdict) *cases.Case {
	d.Helper()
	return d.say(c, who, cases.Event{Act: cases.Decide, Ruling: &cases.Ruling{
		On: c.Matter(), Verdict: v, Reason: "指标", Basis: []cases.Basis{{Source: cases.House, Text: "评估办法"}},
	}})
}

// year plays the evaluation of the operator of a year to a verdict.
func (d *desk) year(y int, v cases.Verdict, previous suite.Digest) *cases.Case {
	d.Helper()
	c := d.yearOpened(y)
	given := refs("criteria")
	if previous != "" {
		given = cases.Refs(map[string]suite.Digest{"criteria": given[0].Digest, "previous-failure": previous})
	}
	c = d.say(c, "bureau-officer", cases.Event{Act: cases.Submit, Refs: given})
	c = d.say(c, "op", cases.Event{Act: cases.Submit, Refs: refs("self-report")})
	c = d.say(c, "bureau-2", cases.Event{Act: cases.Filed, Filing: &cases.Filing{Name: "usage-facts", Digest: suite.DigestOf([]byte("u")), Media: "text/csv", Title: "使用事实"}})
	c = d.rule(c, "bureau-2", v)
	if previous != "" && v == cases.Deny {
		c = d.rule(c, "bureau-3", cases.Allow)
		c = d.rule(c, "bureau-4", cases.Allow)
	}
	return c
}

func (d *desk) yearOpened(y int) *cases.Case {
	d.Helper()
	return d.open("bureau-officer", yearlyKind, cases.Opening{Seat: cases.Bureau, Year: y, Parties: map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Operator: {"operator"}}})
}

// facts are those of a town where nothing is amiss.
func facts(tb testing.TB, id, now string) Facts {
	tb.Helper()
	return Facts{
		Now: on(tb, now), Began: on(tb, "2026-01-05"), Profile: city(tb, id), Calendar: calendar.Announced(), Kept: map[cases.Profile]Kept{keptBy: {Clock: fiveDays}},
		Bureau: "bureau", Providers: []string{"hospital"},
		Filed:    []Filed{{Handed: Handed{Duty: Backup, Org: "bureau", At: on(tb, "2026-01-05")}}},
		Licences: []Licence{{Operator: "operator", From: on(tb, "2026-01-05"), To: on(tb, "2029-01-05")}},
		Scenarios: []Scenario{{
			ID: "flu", Title: "流感", Operator: "operator", Channel: profile.ByOperation, Purpose: "public-health", PublicGood: true, Fee: "free", Datasets: []string{"hospital-visits"},
			From: on(tb, "2026-01-05"), End: on(tb, "2027-06-30"), First: on(tb, "2026-02-10"),
		}},
	}
}
