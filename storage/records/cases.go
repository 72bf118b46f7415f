package records

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/jobs/receipt"
)

// never stands for the end of a term that there is none of, and sorts last.
const never = 253402300799

// MaxPage bounds how many cases a list gives at once.
const MaxPage = 200

// A CaseRow is what a list shows of a case. Seen, Turn and Docs are not filled
// in. Due is of whoever's turn it is, by the calendar that was known when it was
// written; it is zero if there is none.
type CaseRow struct {
	cases.Index
	Due         time.Time
	Provisional bool
}

// The rows of the projection. All of their fields compare.
type (
	eventRow struct {
		bun.BaseModel `bun:"table:case_events,alias:e"`

		ID       string
		Seq      int64
		Digest   string
		Envelope string
	}
	indexRow struct {
		bun.BaseModel `bun:"table:case_index,alias:i"`

		ID, Kind, Channel, Title, Profile   string
		Year                                int64
		Operator, OpenerRole, OpenerOrg     string
		Stage, Zh, En, Phase, Outcome, Head string
		Opened, Updated                     int64
		Timer                               string
		Due, Provisional, Events            int64
	}
	seenRow struct {
		bun.BaseModel `bun:"table:case_seen,alias:s"`

		Role, Org, Kind, Phase, ID string
	}
	todoRow struct {
		bun.BaseModel `bun:"table:case_todo,alias:t"`

		Role, Org   string
		Due         int64
		ID          string
		Provisional int64
	}
	docRow struct {
		bun.BaseModel `bun:"table:case_docs,alias:d"`

		Digest, ID string
	}
	projection struct {
		index indexRow
		seen  []seenRow
		todo  []todoRow
		docs  []docRow
	}
)

func (p projection) equal(q projection) bool {
	return p.index == q.index && slices.Equal(p.seen, q.seen) && slices.Equal(p.todo, q.todo) && slices.Equal(p.docs, q.docs)
}

func encode(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, numbers and times always marshal
	}
	return string(raw)
}

// projected is what the tables say of a case.
func projected(x cases.Index, due cases.Due) projection {
	at, open := int64(never), int64(0)
	if !due.At.IsZero() {
		at = due.At.Unix()
	}
	if due.Provisional {
		open = 1
	}
	p := projection{index: indexRow{
		ID: x.ID, Kind: x.Kind, Channel: x.Channel, Title: x.Title, Profile: encode(x.Profile), Year: int64(x.Year), Operator: x.Operator,
		OpenerRole: string(x.Opener.Role), OpenerOrg: x.Opener.Org, Stage: x.Stage, Zh: x.ZH, En: x.EN, Phase: string(x.Phase), Outcome: string(x.Outcome),
		Head: string(x.Head), Opened: x.Opened.Unix(), Updated: x.Updated.Unix(), Timer: encode(x.Timer), Due: at, Provisional: open, Events: int64(x.Events),
	}}
	for _, s := range x.Seen {
		p.seen = append(p.seen, seenRow{Role: string(s.Role), Org: s.Org, Kind: x.Kind, Phase: string(x.Phase), ID: x.ID})
	}
	for _, s := range x.Turn {
		p.todo = append(p.todo, todoRow{Role: string(s.Role), Org: s.Org, Due: at, ID: x.ID, Provisional: open})
	}
	for _, d := range x.Docs {
		p.docs = append(p.docs, docRow{Digest: string(d), ID: x.ID})
	}
	return p
}

func (r indexRow) listed() (CaseRow, error) {
	row := CaseRow{Index: cases.Index{
		ID: r.ID, Kind: r.Kind, Channel: r.Channel, Title: r.Title, Year: int(r.Year), Operator: r.Operator,
		Opener: cases.Part{Role: governance.Role(r.OpenerRole), Org: r.OpenerOrg}, Stage: r.Stage, ZH: r.Zh, EN: r.En, Phase: cases.Phase(r.Phase),
		Outcome: cases.Outcome(r.Outcome), Opened: time.Unix(r.Opened, 0).UTC(), Updated: time.Unix(r.Updated, 0).UTC(), Events: int(r.Events),
	}, Provisional: r.Provisional != 0}
	row.Head = digestOf(r.Head)
	if r.Due != never {
		row.Due = time.Unix(r.Due, 0).UTC()
	}
	if err := errors.Join(json.Unmarshal([]byte(r.Profile), &row.Profile), json.Unmarshal([]byte(r.Timer), &row.Timer)); err != nil {
		return CaseRow{}, fmt.Errorf("reading the index of case %s: %w: %w", r.ID, err, fault.Tampered)
	}
	return row, nil
}

func listed(have []indexRow) ([]CaseRow, error) {
	all := make([]CaseRow, 0, len(have))
	for _, r := range have {
		row, err := r.listed()
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
}

var serial = &sql.TxOptions{Isolation: sql.LevelSerializable}

// PutEvent keeps the last receipt of a case that was folded, together with the
// case's place in the lists; due is when its turn ends. An event in a place that
// is taken by another is of kind Conflict; the same one again is no error.
func (r *Records) PutEvent(ctx context.Context, c *cases.Case, due cases.Due) error {
	all := c.Receipts()
	last := all[len(all)-1]
	want := eventRow{ID: c.ID(), Seq: int64(len(all)), Digest: string(last.Digest()), Envelope: string(last.Bytes())}
	err := r.db.RunInTx(ctx, serial, func(ctx context.Context, tx bun.Tx) error {
		var have []eventRow
		if err := tx.NewSelect().Model(&have).Where("id = ?", want.ID).Where("seq >= ?", want.Seq-1).Order("seq").Scan(ctx); err != nil {
			return err
		}
		for _, e := range have {
			if e.Seq == want.Seq && e.Envelope == want.Envelope {
				return nil
			}
		}
		if top := len(have); top > 1 || top == 1 && have[0].Seq != want.Seq-1 || top == 0 && want.Seq != 1 {
			return fault.Conflict
		}
		if _, err := tx.NewInsert().Model(&want).Exec(ctx); err != nil {
			return err
		}
		return replace(ctx, tx, projected(c.Index(), due))
	})
	if err != nil {
		return fmt.Errorf("keeping an event of case %s: %w", c.ID(), kind(err))
	}
	return nil
}

// replace puts a projection in the place of what was there.
func replace(ctx context.Context, tx bun.Tx, p projection) error {
	if err := drop(ctx, tx, p.index.ID); err != nil {
		return err
	}
	if _, err := tx.NewInsert().Model(&p.index).Exec(ctx); err != nil {
		return err
	}
	if len(p.seen) > 0 {
		if _, err := tx.NewInsert().Model(&p.seen).Exec(ctx); err != nil {
			return err
		}
	}
	if len(p.todo) > 0 {
		if _, err := tx.NewInsert().Model(&p.todo).Exec(ctx); err != nil {
			return err
		}
	}
	if len(p.docs) > 0 {
		if _, err := tx.NewInsert().Model(&p.docs).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func drop(ctx context.Context, tx bun.Tx, id string) error {
	for _, model := range []any{(*indexRow)(nil), (*seenRow)(nil), (*todoRow)(nil), (*docRow)(nil)} {
		if _, err := tx.NewDelete().Model(model).Where("id = ?", id).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// CaseEvents are the receipts of a case in their order, none if there is no such
// case.
func (r *Records) CaseEvents(ctx context.Context, id string) ([]receipt.Receipt, error) {
	return eventsOf(ctx, r.db, id)
}

func eventsOf(ctx context.Context, db bun.IDB, id string) ([]receipt.Receipt, error) {
	var have []eventRow
	if err := db.NewSelect().Model(&have).Where("id = ?", id).Order("seq").Scan(ctx); err != nil {
		return nil, fmt.Errorf("reading the events of case %s: %w", id, err)
	}
	var all []receipt.Receipt
	for _, e := range have {
		rec, err := receipt.Parse([]byte(e.Envelope))
		if err != nil {
			return nil, fmt.Errorf("reading the events of case %s: %w", id, err)
		}
		all = append(all, rec)
	}
	return all, nil
}

// CaseRow is what lists show of a case, or NotFound.
func (r *Records) CaseRow(ctx context.Context, id string) (CaseRow, error) {
	var have indexRow
	err := r.db.NewSelect().Model(&have).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return CaseRow{}, fmt.Errorf("reading the index of case %s: %w", id, fault.NotFound)
	}
	if err != nil {
		return CaseRow{}, fmt.Errorf("reading the index of case %s: %w", id, err)
	}
	return have.listed()
}

// A CaseFilter says which cases are listed. Part is who asks; its zero value sees
// every case. After is the last id of the page before.
type CaseFilter struct {
	Part        cases.Part
	Kind, Stage string
	Phase       cases.Phase
	After       string
	Limit       int // at most MaxPage
}

// Cases lists cases by their ids.
func (r *Records) Cases(ctx context.Context, f CaseFilter) ([]CaseRow, error) {
	var have []indexRow
	if err := r.cases(&have, f).Scan(ctx); err != nil {
		return nil, fmt.Errorf("listing cases: %w", err)
	}
	return listed(have)
}

func (r *Records) cases(have *[]indexRow, f CaseFilter) *bun.SelectQuery {
	q, on := r.db.NewSelect().Model(have), "i"
	if f.Part != (cases.Part{}) {
		on = "s"
		q = q.Join("JOIN case_seen AS s ON s.id = i.id").Where("s.role = ?", f.Part.Role).Where("s.org = ?", f.Part.Org)
	}
	q = q.Where(on+".id > ?", f.After).OrderExpr(on + ".id").Limit(int64(page(f.Limit)))
	if f.Kind != "" {
		q = q.Where(on+".kind = ?", f.Kind)
	}
	if f.Phase != "" {
		q = q.Where(on+".phase = ?", f.Phase)
	}
	if f.Stage != "" {
		q = q.Where("i.stage = ?", f.Stage)
	}
	return q
}

func page(n int) int {
	if n < 1 || n > MaxPage {
		return MaxPage
	}
	return n
}

// Todo lists the cases that wait for a role of an organisation, by when they are
// due: those that are overdue first, those without a term last.
func (r *Records) Todo(ctx context.Context, who cases.Part, limit int) ([]CaseRow, error) {
	var have []indexRow
	if err := r.todo(&have, who, limit).Scan(ctx); err != nil {
		return nil, fmt.Errorf("listing what is to do: %w", err)
	}
	return listed(have)
}

func (r *Records) todo(have *[]indexRow, who cases.Part, limit int) *bun.SelectQuery {
	return r.db.NewSelect().Model(have).Join("JOIN case_todo AS t ON t.id = i.id").
		Where("t.role = ?", who.Role).Where("t.org = ?", who.Org).OrderExpr("t.due, t.id").Limit(int64(page(limit)))
}

// TodoCount counts them, and those whose term has passed at an instant.
func (r *Records) TodoCount(ctx context.Context, who cases.Part, now time.Time) (all, overdue int, err error) {
	q := r.db.NewSelect().Model((*todoRow)(nil)).Where("role = ?", who.Role).Where("org = ?", who.Org)
	n, err := q.Count(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("counting what is to do: %w", err)
	}
	late, err := q.Where("due < ?", now.Unix()).Count(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("counting what is to do: %w", err)
	}
	return int(n), int(late), nil
}

// CasesOf lists the cases of a kind that are about an operator, by year and id:
// every evaluation of it, say.
func (r *Records) CasesOf(ctx context.Context, of, operator string) ([]CaseRow, error) {
	var have []indexRow
	err := r.db.NewSelect().Model(&have).Where("kind = ?", of).Where("operator = ?", operator).Order("year", "id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing cases of %s: %w", operator, err)
	}
	return listed(have)
}

// Naming lists the ids of the cases that name a document, at most MaxPage.
func (r *Records) Naming(ctx context.Context, digest string) ([]string, error) {
	var ids []string
	err := r.db.NewSelect().Model((*docRow)(nil)).Column("id").Where("digest = ?", digest).Order("id").Limit(MaxPage).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("listing the cases of a paper: %w", err)
	}
	return ids, nil
}
