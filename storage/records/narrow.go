package records

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/suite"
)

// MaxEntries bounds how many reviews of one dataset Entries gives.
const MaxEntries = 8

// A sheetRow says of which dataset a paper is the sheet.
type sheetRow struct {
	bun.BaseModel `bun:"table:sheets,alias:h"`

	Dataset, Digest string
}

// sheetOf is the row of a paper, none of one that is no sheet.
func sheetOf(digest string, body []byte) []sheetRow {
	s, err := papers.Read[papers.Sheet](body, papers.KindSheet)
	if err != nil || s.Dataset == "" {
		return nil
	}
	return []sheetRow{{Dataset: s.Dataset, Digest: digest}}
}

// Entries lists the cases that a provider opened, that have approved something
// and that name a sheet of a dataset: the newest MaxEntries of them, the newest
// last. Whether the sheet is what was approved is for who folds them to see.
func (r *Records) Entries(ctx context.Context, dataset, provider string) ([]CaseRow, error) {
	var have []indexRow
	if err := r.entries(&have, dataset, provider).Scan(ctx); err != nil {
		return nil, fmt.Errorf("listing the entries of %s: %w", dataset, err)
	}
	slices.Reverse(have)
	return listed(have)
}

func (r *Records) entries(have *[]indexRow, dataset, provider string) *bun.SelectQuery {
	naming := r.db.NewSelect().Model((*docRow)(nil)).Column("d.id").Join("JOIN sheets AS h ON h.digest = d.digest").Where("h.dataset = ?", dataset)
	return r.db.NewSelect().Model(have).Where("i.id IN (?)", naming).Where("i.kind = ?", "catalogue.review").Where("i.opener_org = ?", provider).
		Where("i.outcome = ?", cases.Approved).OrderExpr("i.updated DESC, i.id DESC").Limit(MaxEntries)
}

// A SheetRef says that an approved review names a paper as the sheet of a dataset.
type SheetRef struct {
	Dataset string
	Paper   suite.Digest
}

// Sheets pages through the papers of approved reviews, by digest. A paper that a
// case names and did not decide on is among them: who needs to know folds the case.
func (r *Records) Sheets(ctx context.Context, after string, limit int) ([]SheetRef, error) {
	var rows []sheetRow
	approved := r.db.NewSelect().Model((*docRow)(nil)).Column("d.digest").Join("JOIN case_index AS i ON i.id = d.id").
		Where("i.kind = ?", "catalogue.review").Where("i.outcome = ?", cases.Approved)
	err := r.db.NewSelect().Model(&rows).Where("h.digest > ?", after).Where("h.digest IN (?)", approved).Order("h.digest").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing sheets: %w", err)
	}
	var all []SheetRef
	for _, row := range rows {
		all = append(all, SheetRef{Dataset: row.Dataset, Paper: suite.Digest(row.Digest)})
	}
	return all, nil
}

// Began is when the first case was opened, zero if there is none.
func (r *Records) Began(ctx context.Context) (time.Time, error) {
	var at []int64
	if err := r.db.NewSelect().Model((*indexRow)(nil)).Column("opened").Order("opened").Limit(1).Scan(ctx, &at); err != nil {
		return time.Time{}, fmt.Errorf("reading when the first case was opened: %w", err)
	}
	if len(at) == 0 {
		return time.Time{}, nil
	}
	return time.Unix(at[0], 0).UTC(), nil
}

// resheet puts right which papers are sheets of which datasets, and returns how
// many papers that were.
func (r *Records) resheet(ctx context.Context) (righted int, err error) {
	err = r.pages(ctx, "SELECT digest FROM papers WHERE digest > ? ORDER BY digest LIMIT ?", func(digests []string) error {
		return r.db.RunInTx(ctx, serial, func(ctx context.Context, tx bun.Tx) error {
			for _, d := range digests {
				changed, err := resheet(ctx, tx, d)
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
	return righted, err
}

func resheet(ctx context.Context, tx bun.Tx, digest string) (changed bool, err error) {
	var paper paperRow
	if err := tx.NewSelect().Model(&paper).Where("digest = ?", digest).Scan(ctx); err != nil {
		return false, err
	}
	body, err := base64.StdEncoding.DecodeString(paper.Body)
	if err != nil {
		body = nil // Paper says so to who asks for it
	}
	var have []sheetRow
	if err := tx.NewSelect().Model(&have).Where("digest = ?", digest).Scan(ctx); err != nil {
		return false, err
	}
	want := sheetOf(digest, body)
	if slices.Equal(want, have) {
		return false, nil
	}
	if _, err := tx.NewDelete().Model((*sheetRow)(nil)).Where("digest = ?", digest).Exec(ctx); err != nil {
		return false, err
	}
	if len(want) == 0 {
		return true, nil
	}
	_, err = tx.NewInsert().Model(&want).Exec(ctx)
	return true, err
}
