package cases

import (
	"fmt"
	"slices"
	"time"
)

// A Due is when a term ends, as a city's rules and calendar have it.
type Due struct {
	At          time.Time `json:"at"`
	Provisional bool      `json:"provisional,omitempty"` // 暂定: a year of the calendar is not announced
	Unit        string    `json:"unit"`
	Basis       string    `json:"basis,omitempty"`
	Law         bool      `json:"law,omitempty"` // false: 内部时限（非法定）
}

// Hours is the unit of a term that runs on through nights and holidays.
const Hours = "hour"

// A Clock says when the term of a key ends that began at an instant. It is
// pure, and does not go back when from goes on. A key without a term gives a Due
// whose At is zero.
type Clock func(key string, from time.Time) (Due, error)

// A Spell is a time during which a clock ran; one that runs has no To.
type Spell struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"`
}

// A Timer is the time that a stage has had, by the key of its term. It keeps
// instants, and no term: a calendar that is announced later moves the end and
// not the case.
type Timer struct {
	Key    string  `json:"key,omitempty"`
	Spells []Spell `json:"spells,omitempty"`
}

func (t Timer) paused() bool {
	n := len(t.Spells)
	return n > 0 && !t.Spells[n-1].To.IsZero()
}

func (t Timer) pause(at time.Time) Timer {
	if n := len(t.Spells); n > 0 && t.Spells[n-1].To.IsZero() {
		t.Spells = slices.Clone(t.Spells)
		t.Spells[n-1].To = at
	}
	return t
}

func (t Timer) resume(at time.Time) Timer {
	t.Spells = append(slices.Clone(t.Spells), Spell{From: at})
	return t
}

// maxDays bounds how far a pause is counted back, in days.
const maxDays = 800

// Due is when the term ends, the pauses left out. A day is counted as used if
// the clock itself moves on by it, so that working days are the calendar's
// business alone; hours are counted as they are. A timer without a key has no
// end, and neither has one that stands still.
func (t Timer) Due(clock Clock) (Due, error) {
	if t.Key == "" || len(t.Spells) == 0 || t.paused() || clock == nil {
		return Due{}, nil
	}
	last := len(t.Spells) - 1
	from := t.Spells[last].From
	due, err := clock(t.Key, from)
	if err != nil || due.At.IsZero() {
		return due, wrap(t.Key, err)
	}
	if due.Unit == Hours {
		for _, s := range t.Spells[:last] {
			due.At = due.At.Add(-s.To.Sub(s.From))
		}
		return due, nil
	}
	used := 0
	for _, s := range t.Spells[:last] {
		n, err := steps(clock, t.Key, s.From, s.To)
		if err != nil {
			return Due{}, wrap(t.Key, err)
		}
		used += n
	}
	return back(clock, t.Key, from, used)
}

func wrap(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("counting the term %s: %w", key, err)
}

// steps counts how often the end of a term moves on while its beginning goes
// from one day to another: the days of the term that have passed.
func steps(clock Clock, key string, from, to time.Time) (int, error) {
	n := 0
	was, err := clock(key, from)
	if err != nil {
		return 0, err
	}
	for day := 1; day <= maxDays; day++ {
		at := from.AddDate(0, 0, day)
		if at.After(to) && !sameDay(at, to) {
			break
		}
		is, err := clock(key, at)
		if err != nil {
			return 0, err
		}
		if is.At.After(was.At) {
			n, was = n+1, is
		}
	}
	return n, nil
}

// back is the end of a term of which so many days have passed at from.
func back(clock Clock, key string, from time.Time, used int) (Due, error) {
	due, err := clock(key, from)
	for day := 1; err == nil && used > 0 && day <= maxDays; day++ {
		var earlier Due
		if earlier, err = clock(key, from.AddDate(0, 0, -day)); err == nil && earlier.At.Before(due.At) {
			due, used = earlier, used-1
		}
	}
	return due, wrap(key, err)
}

// shanghai is where the days of all terms begin and end.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

func sameDay(a, b time.Time) bool {
	ay, am, ad := a.In(shanghai).Date()
	by, bm, bd := b.In(shanghai).Date()
	return ay == by && am == bm && ad == bd
}

// Due is when whoever's turn it is ought to be done: the owners of the stage,
// or who corrects what was returned. Nothing follows from its passing but that
// it has passed.
func (c *Case) Due(clock Clock) (Due, error) { return c.Timer().Due(clock) }

// Timer is the time that whoever's turn it is has had, to be kept where due
// dates are looked up: what it comes to changes with the calendar alone.
func (c *Case) Timer() Timer {
	switch c.phase {
	case Open:
		return c.timers[c.stage]
	case Returned:
		return c.correcting
	default:
		return Timer{}
	}
}

// Overdue reports whether the time of whoever's turn it is has passed. A clock
// that gives no answer is an error, and never a no.
func (c *Case) Overdue(clock Clock, now time.Time) (bool, error) {
	due, err := c.Due(clock)
	return err == nil && !due.At.IsZero() && now.After(due.At), err
}

// A Late is a case that waits for somebody whose time has passed.
type Late struct {
	Case  string `json:"case"`
	Kind  string `json:"kind"`
	Stage string `json:"stage"`
	Turn  []Turn `json:"turn"`
	Due   Due    `json:"due"`
	To    string `json:"to,omitempty"` // the stage that it may be escalated to
}

// Late says whose time has passed, if anybody's has. It is for showing and for
// counting: a case goes on by what people sign and by nothing else.
func (c *Case) Late(clock Clock, now time.Time) (l Late, late bool, err error) {
	late, err = c.Overdue(clock, now)
	if err != nil || !late {
		return Late{}, false, err
	}
	due, err := c.Due(clock)
	if err != nil {
		return Late{}, false, err
	}
	l = Late{Case: c.id, Kind: c.opening.Kind, Stage: c.stage, Turn: c.Turn(), Due: due}
	if c.phase == Open {
		l.To = c.now().On[OnEscalate]
	}
	return l, true, nil
}

// A climb is an escalation for lateness, with the time that the stage had had.
type climb struct {
	stage string
	timer Timer
	at    time.Time
}

// Hasty lists the stages that were escalated for lateness when by this clock
// their terms had not passed. Admit lets none through; whoever has the case from
// somebody else asks here.
func (c *Case) Hasty(clock Clock) (stages []string, err error) {
	for _, k := range c.climbs {
		due, err := k.timer.Due(clock)
		if err != nil {
			return nil, err
		}
		if due.At.IsZero() || !k.at.After(due.At) {
			stages = append(stages, k.stage)
		}
	}
	return stages, nil
}
