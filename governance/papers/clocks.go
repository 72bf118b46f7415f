package papers

import (
	"fmt"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/profile"
)

// A Change is what may call for an update of the catalogue: of the law, of a
// provider's duties, of an element of an entry.
type Change struct {
	Kind     string    `json:"kind"` // law, duty or element
	At       time.Time `json:"at"`   // when it took effect
	What     string    `json:"what"`
	Datasets []string  `json:"datasets"` // whose entries it touches
}

// An Update is owed: an entry is to be brought in line with a change.
type Update struct {
	Dataset string
	Due     calendar.Due
	Days    int // working days
	Source  profile.Source
	Basis   string // as Profile.Basis has it
}

// Owes lists the updates that a change calls for under a city: none where its
// text does not count such a change. A change of another kind, or of no entry,
// is of kind Invalid.
func (ch Change) Owes(p profile.Profile, cal calendar.Calendar) ([]Update, error) {
	if !map[string]bool{"law": true, "duty": true, "element": true}[ch.Kind] || ch.At.IsZero() || !ids(ch.Datasets) {
		return nil, fmt.Errorf("counting from a change %.20q: %w", ch.Kind, fault.Invalid)
	}
	clock, err := p.Clock("catalogue.update_wd")
	if err != nil {
		return nil, fmt.Errorf("counting from a change: %w", err)
	}
	if !begin(p).has("catalogue.update_triggers", ch.Kind) {
		return nil, nil
	}
	due, err := cal.Due(calendar.DateOf(ch.At), clock.N)
	if err != nil {
		return nil, fmt.Errorf("counting from a change: %w", err)
	}
	var all []Update
	for _, d := range ch.Datasets {
		all = append(all, Update{d, due, clock.N, clock.Source, clock.Basis})
	}
	return all, nil
}

// A Cycle is how often data are brought up to date: a number of calendar days
// (profile.Days) or working days (profile.WorkingDays).
type Cycle struct {
	N    int
	Unit profile.Unit
}

// Fresh says until when a version is as fresh as its entry promises.
type Fresh struct {
	Until       time.Time // the end of the last day
	Stale       bool
	Provisional bool // the year's working days are not announced
}

// Freshness counts a cycle from the last update; the day of the update is not
// counted. No cycle, and another unit, is of kind Invalid: nobody can say that
// such data are fresh.
func Freshness(updated time.Time, cycle Cycle, cal calendar.Calendar, now time.Time) (Fresh, error) {
	if updated.IsZero() || cycle.N <= 0 {
		return Fresh{}, fmt.Errorf("counting freshness from nothing: %w", fault.Invalid)
	}
	switch cycle.Unit {
	case profile.Days:
		at := calendar.DateOf(updated).Start().AddDate(0, 0, cycle.N+1)
		return Fresh{Until: at, Stale: !now.Before(at)}, nil
	case profile.WorkingDays:
		due, err := cal.Due(calendar.DateOf(updated), cycle.N)
		if err != nil {
			return Fresh{}, fmt.Errorf("counting freshness: %w", err)
		}
		return Fresh{Until: due.At, Stale: due.Overdue(now), Provisional: due.Provisional}, nil
	default:
		return Fresh{}, fmt.Errorf("counting freshness in %.20q: %w", cycle.Unit, fault.Invalid)
	}
}

// Cycle is how often the entry's data are brought up to date.
func (s Sheet) Cycle() Cycle { return Cycle{s.UpdateDays, profile.Days} }
