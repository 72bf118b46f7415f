package records

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// PutCalendar keeps a table of days with the request of who loaded it. It counts
// once another person has loaded the same bytes: the days say who is late, and by
// that which cases may be escalated and whose runs stop. A table that waits for
// somebody else and that the same key loads again, or the same request, is no error.
func (r *Records) PutCalendar(ctx context.Context, table, envelope []byte, at time.Time) error {
	by, err := loaded(envelope)
	if err != nil {
		return fmt.Errorf("keeping a calendar: %w", err)
	}
	err = r.db.RunInTx(ctx, serial, func(ctx context.Context, tx bun.Tx) error {
		var have []calendarRow
		if err := tx.NewSelect().Model(&have).Order("seq").Scan(ctx); err != nil {
			return err
		}
		if there, err := there(have, table, envelope, by); there || err != nil {
			return err
		}
		row := calendarRow{Seq: int64(len(have)) + 1, At: at.Unix(), Body: string(table), Envelope: string(envelope)}
		_, err = tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping a calendar: %w", kind(err))
	}
	return nil
}

// CalendarThere reports whether a table is kept that somebody asks for now: the same
// request, or that person's earlier one for a table that waits. Of one too many that
// wait the error is of kind Exhausted.
func (r *Records) CalendarThere(ctx context.Context, table, envelope []byte) (bool, error) {
	by, err := loaded(envelope)
	if err != nil {
		return false, fmt.Errorf("looking for a calendar: %w", err)
	}
	var have []calendarRow
	if err := r.db.NewSelect().Model(&have).Order("seq").Scan(ctx); err != nil {
		return false, fmt.Errorf("looking for a calendar: %w", kind(err))
	}
	return there(have, table, envelope, by)
}

func there(have []calendarRow, table, envelope []byte, by suite.PublicKey) (bool, error) {
	if slices.ContainsFunc(have, func(c calendarRow) bool { return c.Envelope == string(envelope) }) {
		return true, nil
	}
	_, waiting, err := standing(have)
	if err != nil || slices.Contains(waiting[string(table)], by) {
		return true, err
	}
	if len(waiting) >= maxWaiting {
		return false, fault.Exhausted
	}
	return false, nil
}

// maxWaiting bounds how many tables wait for a second person.
const maxWaiting = 50

// loaded is the key that asked for a table.
func loaded(envelope []byte) (suite.PublicKey, error) {
	req, err := receipt.Parse(envelope)
	if err != nil {
		return "", err
	}
	return req.By(), nil
}

// standing lists the tables that count, in the order in which they came to, and who
// has loaded each that waits. What waited when another came to count waits no more.
func standing(have []calendarRow) (stand [][]byte, waiting map[string][]suite.PublicKey, err error) {
	waiting = map[string][]suite.PublicKey{}
	for _, c := range have {
		by, err := loaded([]byte(c.Envelope))
		if err != nil {
			return nil, nil, err
		}
		if first := waiting[c.Body]; len(first) == 0 || slices.Contains(first, by) {
			waiting[c.Body] = append(first, by)
			continue
		}
		stand, waiting = append(stand, []byte(c.Body)), map[string][]suite.PublicKey{}
	}
	return stand, waiting, nil
}

// Calendar is the calendar of this version with every table that counts, in the
// order in which they came to.
func (r *Records) Calendar(ctx context.Context) (calendar.Calendar, error) {
	cal := calendar.Announced()
	tables, err := r.Calendars(ctx)
	if err != nil {
		return cal, err
	}
	for _, table := range tables {
		if cal, err = cal.With(table); err != nil {
			return cal, fmt.Errorf("reading a kept calendar: %w", err)
		}
	}
	return cal, nil
}

// Calendars are the tables that count, in the order in which they came to.
func (r *Records) Calendars(ctx context.Context) ([][]byte, error) {
	var have []calendarRow
	if err := r.db.NewSelect().Model(&have).Order("seq").Scan(ctx); err != nil {
		return nil, fmt.Errorf("reading the calendars: %w", err)
	}
	all, _, err := standing(have)
	if err != nil {
		return nil, fmt.Errorf("reading the calendars: %w", err)
	}
	return all, nil
}
