package cases

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
)

func encode(v any) (string, error) {
	raw, err := json.Marshal(v)
	return string(raw), err
}

// weekdays is a calendar without holidays: five days, the first one excluded,
// until midnight in Shanghai; the report of an incident has 24 hours.
func weekdays(key string, from time.Time) (Due, error) {
	switch key {
	case "incident.report_hours":
		return Due{At: from.Add(24 * time.Hour), Unit: Hours}, nil
	case "case.correction_wd":
		return Due{}, nil
	case "rectify.order_wd":
		return Due{}, fault.Internal
	}
	y, m, d := from.In(shanghai).Date()
	at := time.Date(y, m, d, 0, 0, 0, 0, shanghai)
	for n := 0; n < 5; {
		if at = at.AddDate(0, 0, 1); at.Weekday() != time.Saturday && at.Weekday() != time.Sunday {
			n++
		}
	}
	return Due{At: at.AddDate(0, 0, 1), Unit: "wd", Provisional: at.Year() > 2026}, nil
}

func (w *world) due() string {
	w.Helper()
	d, err := w.c.Due(weekdays)
	if err != nil {
		w.Fatal(err)
	}
	if d.At.IsZero() {
		return "never"
	}
	return d.At.In(shanghai).Format("01-02 15:04")
}

// A clock begins when its owner can act, stands still while the case is
// returned, and goes on with the days that are left.
func TestClock(t *testing.T) {
	w := newWorld(t)
	is := func(want string) {
		t.Helper()
		if got := w.due(); got != want {
			t.Errorf("at %s, %s: due %s, want %s", w.c.stage, w.now.In(shanghai).Format("01-02 15:04"), got, want)
		}
	}
	w.play(`
		op open scenario.apply operator
		op file commitment`)
	is("never") // a draft has no term
	w.play(`
		op submit
		bureau-officer allow
		@ providers open`)
	is("03-10 00:00") // begun on Monday 2 March
	w.play(`
		+ 2
		hospital-officer return columns`)
	is("never")
	w.play(`
		+ 12
		op answer columns`)
	is("03-20 00:00") // two of five days had passed on Wednesday; Monday 16 March and three more
	late := w.now.AddDate(0, 0, 5)
	if over, err := w.c.Overdue(weekdays, late); !over || err != nil {
		t.Errorf("after five more days: late %v, %v", over, err)
	}
	l, is5, err := w.c.Late(weekdays, late)
	if err != nil || !is5 || l.To != "coordination" || len(l.Turn) != 2 {
		t.Errorf("late: %+v, %v, %v", l, is5, err)
	}
	if o, _ := w.c.Outcome(); o != Pending {
		t.Errorf("a term that has passed made the case %s", o)
	}
	w.play(`
		hospital-officer allow
		transit-officer allow
		@ decision open`)
	is("03-24 00:00") // the bureau's own, from Monday on: 16 March and five more, and not what the providers have used
}

// Hours run through nights, and stand still as hours.
func TestHours(t *testing.T) {
	timer := Timer{Key: "incident.report_hours", Spells: []Spell{{From: morning, To: morning.Add(5 * time.Hour)}, {From: morning.Add(48 * time.Hour)}}}
	if due, err := timer.Due(weekdays); err != nil || !due.At.Equal(morning.Add(67*time.Hour)) {
		t.Errorf("due %v, %v", due.At, err)
	}
	if due, err := (Timer{}).Due(weekdays); err != nil || !due.At.IsZero() {
		t.Errorf("no term is due %v, %v", due.At, err)
	}
}

// What has just come in is of now; and only who is late is escalated for it.
func TestAdmit(t *testing.T) {
	w := newWorld(t)
	w.play(`
		bureau-officer open evaluate.yearly bureau
		bureau-officer submit`)
	admit := func(e Event, user string, now time.Time) error {
		e.At = w.now.UTC().Truncate(time.Second)
		_, err := w.rules.Admit(w.c, w.sign(user, e), weekdays, now)
		return err
	}
	escalate := Event{Act: Escalate, Text: "逾期未报"}
	refusedAs(t, "too early", admit(escalate, "bureau-officer", w.now), "case-early")
	refusedAs(t, "from another day", admit(escalate, "bureau-officer", w.now.Add(time.Hour)), "case-time")
	w.now = w.now.AddDate(0, 0, 8)
	if err := admit(escalate, "bureau-officer", w.now); err != nil {
		t.Errorf("late: %v", err)
	}
	w.now = w.now.AddDate(2, 0, 0)
	refusedAs(t, "an old key", admit(escalate, "bureau-officer", w.now), "unknown-key")

	w = newWorld(t)
	w.play(`
		bureau-officer open incident.rectify bureau
		bureau-officer submit
		bureau-officer submit
		bureau-officer submit
		@ order open`)
	if _, err := w.c.Overdue(weekdays, w.now); !errors.Is(err, fault.Internal) {
		t.Errorf("a clock that does not answer: %v", err)
	}
}

// Two failed years in a row are counted from the cases themselves.
func TestFailures(t *testing.T) {
	w := newWorld(t)
	year := func(y int, verdict string) *Case {
		w.c = nil
		table, o := w.opening("evaluate.yearly", Bureau)
		o.Year = y
		r, err := Begin(w.Keys["bureau-officer"], "c-1", table, o, w.now)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.hear(r); err != nil {
			t.Fatal(err)
		}
		w.play(`
			bureau-officer submit
			op submit
			bureau-2 file usage-facts
			bureau-2 ` + verdict)
		return w.c
	}
	all := []*Case{year(2023, "deny"), year(2024, "allow"), year(2025, "deny"), year(2026, "deny")}
	for y, want := range map[int]int{2022: 0, 2023: 1, 2024: 0, 2025: 1, 2026: 2, 2027: 0} {
		n, last := Failures(all, "operator", y)
		if n != want || (n > 0) != (last != "") {
			t.Errorf("up to %d: %d, want %d", y, n, want)
		}
	}
	if n, _ := Failures(all, "rival", 2026); n != 0 {
		t.Error("another operator's failures count")
	}
}

// Who escalated for lateness before a term had passed is found out by whoever
// has a calendar, even if nobody minded then.
func TestHasty(t *testing.T) {
	for days, want := range map[string]int{"1": 1, "9": 0} {
		w := newWorld(t)
		w.play(`
			op open scenario.apply operator
			op file commitment
			op submit
			bureau-officer allow
			+ ` + days + `
			op escalate
			@ coordination open`)
		if hasty, err := w.c.Hasty(weekdays); err != nil || len(hasty) != want {
			t.Errorf("after %s days: %v, %v", days, hasty, err)
		}
	}
}
