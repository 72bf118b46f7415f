package records

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/jobs/receipt"
)

// A Fold makes the case of an id from its events, and says when its turn ends.
type Fold func(id string, events []receipt.Receipt) (*cases.Case, cases.Due, error)

// Rebuild replays the events of every case and puts right what the lists say
// otherwise, or at all, of it. It returns how many cases that were; of records
// that nobody touched, none. Errors are the fold's or the database's, and leave
// what was put right so far.
func (r *Records) Rebuild(ctx context.Context, fold Fold) (righted int, err error) {
	orphans, err := r.orphans(ctx)
	if err != nil {
		return 0, fmt.Errorf("rebuilding the index: %w", err)
	}
	err = r.pages(ctx, "SELECT DISTINCT id FROM case_events WHERE id > ? ORDER BY id LIMIT ?", func(ids []string) error {
		return r.db.RunInTx(ctx, serial, func(ctx context.Context, tx bun.Tx) error {
			for _, id := range ids {
				changed, err := rebuild(ctx, tx, id, fold)
				if err != nil {
					return err
				}
				if changed {
					righted++
				}
			}
			return nil
		})
	})
	if err != nil {
		return righted, fmt.Errorf("rebuilding the index: %w", kind(err))
	}
	sheets, err := r.resheet(ctx)
	if err != nil {
		return righted, fmt.Errorf("rebuilding the index: %w", kind(err))
	}
	return righted + orphans + sheets, nil
}

// pages hands out ids page by page.
func (r *Records) pages(ctx context.Context, query string, do func([]string) error) error {
	for after := ""; ; {
		var ids []string
		if err := r.db.NewRaw(query, after, MaxPage).Scan(ctx, &ids); err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		if err := do(ids); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// orphans takes out what the lists say of cases that nobody opened.
func (r *Records) orphans(ctx context.Context) (int, error) {
	gone := map[string]bool{}
	err := r.db.RunInTx(ctx, serial, func(ctx context.Context, tx bun.Tx) error {
		for _, table := range []string{"case_index", "case_seen", "case_todo", "case_docs"} {
			var ids []string
			q := tx.NewRaw("SELECT DISTINCT x.id FROM ? AS x WHERE NOT EXISTS (SELECT 1 FROM case_events AS e WHERE e.id = x.id)", bun.Ident(table))
			if err := q.Scan(ctx, &ids); err != nil {
				return err
			}
			for _, id := range ids {
				gone[id] = true
				if err := drop(ctx, tx, id); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return len(gone), err
}

func rebuild(ctx context.Context, tx bun.Tx, id string, fold Fold) (changed bool, err error) {
	events, err := eventsOf(ctx, tx, id)
	if err != nil {
		return false, err
	}
	c, due, err := fold(id, events)
	if err != nil {
		return false, err
	}
	want := projected(c.Index(), due)
	have, err := stored(ctx, tx, id)
	if err != nil || want.equal(have) {
		return false, err
	}
	return true, replace(ctx, tx, want)
}

func stored(ctx context.Context, tx bun.Tx, id string) (projection, error) {
	var p projection
	var index []indexRow
	err := errors.Join(
		tx.NewSelect().Model(&index).Where("id = ?", id).Scan(ctx),
		tx.NewSelect().Model(&p.seen).Where("id = ?", id).Order("role", "org").Scan(ctx),
		tx.NewSelect().Model(&p.todo).Where("id = ?", id).Order("role", "org").Scan(ctx),
		tx.NewSelect().Model(&p.docs).Where("id = ?", id).Order("digest").Scan(ctx),
	)
	if len(index) == 1 {
		p.index = index[0]
	}
	return p, err
}

// Redue asks anew when the turn of each case ends that waits for somebody, for
// when a year's notice of working days was loaded, and returns how many ends
// moved.
func (r *Records) Redue(ctx context.Context, due func(CaseRow) (cases.Due, error)) (moved int, err error) {
	err = r.pages(ctx, "SELECT DISTINCT id FROM case_todo WHERE id > ? ORDER BY id LIMIT ?", func(ids []string) error {
		return r.db.RunInTx(ctx, serial, func(ctx context.Context, tx bun.Tx) error {
			for _, id := range ids {
				changed, err := redue(ctx, tx, id, due)
				if err != nil {
					return err
				}
				if changed {
					moved++
				}
			}
			return nil
		})
	})
	if err != nil {
		return moved, fmt.Errorf("computing what is due: %w", kind(err))
	}
	return moved, nil
}

func redue(ctx context.Context, tx bun.Tx, id string, due func(CaseRow) (cases.Due, error)) (changed bool, err error) {
	var have indexRow
	if err := tx.NewSelect().Model(&have).Where("id = ?", id).Scan(ctx); err != nil {
		return false, err
	}
	row, err := have.listed()
	if err != nil {
		return false, err
	}
	d, err := due(row)
	if err != nil {
		return false, err
	}
	want := projected(row.Index, d).index
	if want.Due == have.Due && want.Provisional == have.Provisional {
		return false, nil
	}
	for _, table := range []string{"case_index", "case_todo"} {
		_, err := tx.NewRaw("UPDATE ? SET due = ?, provisional = ? WHERE id = ?", bun.Ident(table), want.Due, want.Provisional, id).Exec(ctx)
		if err != nil {
			return false, err
		}
	}
	return true, nil
}
