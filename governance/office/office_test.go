package office

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
)

func offices(t *testing.T) map[string]Office {
	t.Helper()
	all, err := profiles.All()
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]Office{}
	for _, p := range all {
		byID[p.ID()] = Office{p, calendar.Announced()}
	}
	return byID
}

// Every key that a table names is the registry's, and every term that a stage
// waits by has a length in every city.
func TestTablesNameKeysThatThereAre(t *testing.T) {
	ts, err := cases.Procedures()
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 3, 2, 9, 0, 0, 0, calendar.Shanghai)
	for city, o := range offices(t) {
		for _, table := range ts {
			for _, key := range table.Clocks() {
				due, err := o.Clock(key, from)
				if err != nil || !due.At.After(from) || due.Basis == "" {
					t.Errorf("%s, %s: the term %s ends %+v, %v", city, table.Kind, key, due, err)
				}
			}
			for _, key := range table.Rules() {
				if _, err := o.Rules.Rule(key); err != nil {
					t.Errorf("%s, %s: the rule %s: %v", city, table.Kind, key, err)
				}
			}
		}
	}
}

// A request for data goes the way that its city's text says.
func TestTable(t *testing.T) {
	ts, err := cases.Procedures()
	if err != nil {
		t.Fatal(err)
	}
	all := offices(t)
	for at, want := range map[string]string{
		"guiyang share":        "intake providers",
		"dongguan share":       "providers",
		"wuxi share":           "joint",
		"chongming share":      "intake providers", // the house's: no text sets one
		"shijiazhuang open":    "joint",
		"guiyang open":         "providers",
		"dongguan open":        "providers decision",
		"chongming open":       "providers decision",
		"shijiazhuang authop":  "intake providers decision",
		"guiyang ":             "intake providers decision",
		"guiyang smoke-signal": "refused",
	} {
		city, channel, _ := strings.Cut(at, " ")
		table, err := all[city].Table(ts, "scenario.apply", channel)
		got := strings.Join(table.Demands("passed"), " ")
		if err != nil {
			got = "refused"
		}
		if got != want {
			t.Errorf("%s: %q, %v, want %q", at, got, err, want)
		}
		if err == nil && all[city].Suits(ts, table) != nil {
			t.Errorf("%s: its own table does not suit", at)
		}
	}
	direct, err := all["dongguan"].Table(ts, "scenario.apply", profile.BySharing)
	if err != nil {
		t.Fatal(err)
	}
	if err := all["guiyang"].Suits(ts, direct); fault.Show(err).Code != "case-table" {
		t.Errorf("Guiyang took Dongguan's way: %v", err)
	}
}

func TestClock(t *testing.T) {
	o := offices(t)["guiyang"]
	at := func(s string) time.Time {
		d, err := time.ParseInLocation("2006-01-02 15:04", s, calendar.Shanghai)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		key, from, want string
		law, open       bool
	}{
		{"share.reply_wd", "2026-02-10 15:00", "2026-02-25 00:00", true, false}, // over 春节: 11, 12, 13, 14 (a Saturday that is worked) and 24
		{"case.correction_wd", "2026-03-02 09:00", "2026-03-17 00:00", false, false},
		{"incident.contain_hours", "2026-03-01 23:00", "2026-03-02 03:00", false, false},
		{"case.correction_wd", "2026-12-24 09:00", "2027-01-09 00:00", false, true},
		{"authop.risk_report_months", "2024-02-29 09:00", "2025-03-01 00:00", false, false},
	} {
		due, err := o.Clock(c.key, at(c.from))
		if err != nil || due.At.In(calendar.Shanghai).Format("2006-01-02 15:04") != c.want || due.Law != c.law || due.Provisional != c.open {
			t.Errorf("%s from %s: %+v, %v, want %s", c.key, c.from, due, err, c.want)
		}
		if c.law != strings.Contains(due.Basis, "第") {
			t.Errorf("%s rests on %q", c.key, due.Basis)
		}
	}
	if due, err := o.Clock("meta.sunset_years", at("2026-01-01 09:00")); err != nil || !due.At.IsZero() {
		t.Errorf("a key without a value: %+v, %v", due, err)
	}
	if _, err := o.Clock("authop.tea_wd", at("2026-01-01 09:00")); !errors.Is(err, fault.NotFound) {
		t.Errorf("a key that there is not: %v", err)
	}
}

// The end of a term does not go back when its beginning goes on, whatever it is
// counted in.
func TestClockGoesOn(t *testing.T) {
	o := offices(t)["guiyang"]
	for _, key := range []string{"share.reply_wd", "authop.risk_report_months", "authop.notice_days", "incident.report_hours", "authop.term_max_years"} {
		was := time.Time{}
		for d := range 800 {
			due, err := o.Clock(key, time.Date(2023, 12, 20, 10, 0, 0, 0, calendar.Shanghai).AddDate(0, 0, d))
			if err != nil || due.At.Before(was) {
				t.Fatalf("%s, day %d: %+v after %s, %v", key, d, due, was, err)
			}
			was = due.At
		}
	}
}

func TestLeftAndCite(t *testing.T) {
	o := offices(t)["guiyang"]
	monday := time.Date(2026, 3, 2, 9, 0, 0, 0, calendar.Shanghai)
	due, err := o.Clock("share.reply_wd", monday)
	if err != nil {
		t.Fatal(err)
	}
	for days, want := range map[int]int{0: 6, 1: 5, 7: 1, 8: -1, 9: -2} {
		if got := o.Left(due, monday.AddDate(0, 0, days)); got != want {
			t.Errorf("after %d days %d are left, want %d", days, got, want)
		}
	}
	own := cases.Profile(o.Rules.Frozen())
	if basis, ok := o.Cite(own, "share.refusal"); !ok || !strings.Contains(basis, "征求意见稿") || !strings.Contains(basis, "“") {
		t.Errorf("cited %q, %v", basis, ok)
	}
	if basis, ok := o.Cite(own, "case.told_once"); ok {
		t.Errorf("a house rule cited as law: %q", basis)
	}
	own.Version++
	if basis, ok := o.Cite(own, "share.refusal"); ok {
		t.Errorf("another version's rule cited: %q", basis)
	}
}
