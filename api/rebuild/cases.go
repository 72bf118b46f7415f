package rebuild

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/office"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs/receipt"
)

// A docket is the case that is being played.
type docket struct {
	rules cases.Rules
	days  calendar.Calendar
	id    string
	c     *cases.Case
	line  int   // of its last event
	bad   error // why the rest is not taken
}

// cases plays each event by event: their order is that of the ledger, and each is
// what its table lets its author do.
func (m *maker) cases(ctx context.Context) error {
	days, err := m.to.Calendar(ctx)
	if err != nil {
		return err
	}
	d := &docket{rules: cases.NewRules(m.reg, m.tables), days: days}
	err = m.each(ctx, "case_events", func(row string, raw []byte) error {
		if id, _, _ := strings.Cut(row, " "); id != d.id {
			if err := m.close(ctx, d); err != nil {
				return err
			}
			d.id, d.c, d.line, d.bad = id, nil, -1, nil
		}
		return m.play(d, raw)
	})
	if err != nil {
		return err
	}
	return m.close(ctx, d)
}

func (m *maker) play(d *docket, raw []byte) error {
	r, err := receipt.Parse(raw)
	if err != nil {
		return err
	}
	line, err := m.logged(r.Digest())
	if d.bad != nil {
		return fmt.Errorf("after an event that does not hold: %w", fault.Tampered)
	}
	if err == nil && line <= d.line {
		err = errUnlogged
	}
	next := d.c
	if err == nil {
		next, err = d.rules.Apply(d.c, r)
	}
	if err == nil && next.ID() != d.id {
		err = fmt.Errorf("an event of case %s: %w", next.ID(), fault.Tampered)
	}
	if err != nil {
		d.bad = err
		return err
	}
	d.c, d.line = next, line
	return nil
}

// close keeps the case as far as it holds.
func (m *maker) close(ctx context.Context, d *docket) error {
	if d.c == nil {
		return nil
	}
	rules, err := m.to.Profile(ctx, profile.Frozen(d.c.Opening().Profile))
	if errors.Is(err, fault.NotFound) {
		return m.took("case_events", d.id+" 1", nil, fmt.Errorf("opened under rules that were never in force: %w", err))
	}
	if err != nil {
		return writing(err)
	}
	due, err := d.c.Due(office.Office{Rules: rules, Days: d.days}.Clock)
	if err != nil {
		return m.took("case_events", d.id+" 1", nil, err)
	}
	if err := m.locked(ctx, d); err != nil {
		return err
	}
	return writing(m.to.PutCase(ctx, d.c, due))
}

// locked looks for the line by which a published entry was locked.
func (m *maker) locked(ctx context.Context, d *docket) error {
	lock, err := api.LockOf(ctx, m.to, d.c)
	if err != nil || lock == nil {
		return writing(err)
	}
	_, err = m.logged(lock.Digest)
	return m.took("case_events", d.id+" lock", nil, err)
}
