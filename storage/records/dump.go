package records

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/cases"
)

// A layout is a table and the columns that tell its rows apart.
type layout struct {
	name string
	key  []string
}

var layouts = func() []layout {
	all := []layout{
		{"case_events", []string{"id", "seq"}},
		{"case_index", []string{"id"}},
		{"case_seen", []string{"role", "org", "id"}},
		{"case_todo", []string{"role", "org", "due", "id"}},
		{"case_docs", []string{"digest", "id"}},
		{"papers", []string{"digest"}},
		{"paper_puts", []string{"digest", "key"}},
		{"sheets", []string{"dataset", "digest"}},
		{"profiles", []string{"digest"}},
		{"publications", []string{"digest", "key", "prior"}},
		{"enactments", []string{"seq"}},
		{"calendars", []string{"seq"}},
	}
	for _, name := range []string{
		"orgs", "users", "processes", "invitations", "catalogue", "licences", "applications", "decisions", "permits", "programs", "runs", "commits", "opens",
		"hold_orders", "hold_lifts", "withdrawals", "confirmations", "products", "duty_reports", "duty_attests", "declarations", "consents",
	} {
		all = append(all, layout{name, []string{"id", "revision"}})
	}
	return all
}()

// Each gives one column of every row of a table, in the order of what tells its
// rows apart, of which row is the text. It stops at the first error of do.
func (r *Records) Each(ctx context.Context, table, column string, do func(row, value string) error) error {
	i := slices.IndexFunc(layouts, func(l layout) bool { return l.name == table })
	if i < 0 {
		return fmt.Errorf("reading %s: no such table: %w", table, fault.Invalid)
	}
	c, err := r.open(ctx, layouts[i], column)
	if err != nil {
		return err
	}
	defer c.rows.Close() //nolint:errcheck // read only
	for {
		if err := c.next(); err != nil || c.done {
			return err
		}
		v, _ := c.row[len(c.row)-1].(string)
		if err := do(c.name(), v); err != nil {
			return err
		}
	}
}

// A cursor walks the rows of a table in the order of their keys.
type cursor struct {
	layout

	rows    *sql.Rows
	columns []string
	row     []any // the key first
	done    bool
}

func (r *Records) open(ctx context.Context, l layout, columns ...string) (*cursor, error) {
	if len(columns) == 0 {
		columns = []string{"*"}
	}
	query := fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", strings.Join(slices.Concat(l.key, columns), ", "), l.name, strings.Join(l.key, ", "))
	rows, err := r.db.QueryContext(ctx, query) //nolint:rowserrcheck // next does
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", l.name, err)
	}
	return &cursor{layout: l, rows: rows}, nil
}

func (c *cursor) next() error {
	if !c.rows.Next() {
		c.done = true
		return c.rows.Err()
	}
	var err error
	if c.columns, err = c.rows.Columns(); err != nil {
		return fmt.Errorf("reading %s: %w", c.layout.name, err)
	}
	c.row = make([]any, len(c.columns))
	into := make([]any, len(c.columns))
	for i := range into {
		into[i] = &c.row[i]
	}
	if err := c.rows.Scan(into...); err != nil {
		return fmt.Errorf("reading %s: %w", c.layout.name, err)
	}
	return nil
}

// name is the key of the row as text.
func (c *cursor) name() string {
	var all []string
	for i := range c.key {
		all = append(all, fmt.Sprint(c.row[i]))
	}
	return strings.Join(all, " ")
}

// compare compares two keys as the database does.
func (c *cursor) compare(d *cursor) int {
	for i := range c.key {
		n, number := c.row[i].(int64)
		m, also := d.row[i].(int64)
		order := cmp.Compare(n, m)
		if !number || !also {
			order = cmp.Compare(fmt.Sprint(c.row[i]), fmt.Sprint(d.row[i]))
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

// A Difference is a row that two databases do not have alike. Columns names those
// that differ; it is empty if one of the two does not have the row at all.
type Difference struct {
	Table, Row  string
	Here, There bool // who has it
	Columns     []string
}

// Differ tells of every row that the two databases do not have alike, table by
// table. It stops at the first error of tell.
func (r *Records) Differ(ctx context.Context, other *Records, tell func(Difference) error) error {
	for _, l := range layouts {
		if err := r.differ(ctx, other, l, tell); err != nil {
			return fmt.Errorf("comparing %s: %w", l.name, err)
		}
	}
	return nil
}

func (r *Records) differ(ctx context.Context, other *Records, l layout, tell func(Difference) error) error {
	a, err := r.open(ctx, l)
	if err != nil {
		return err
	}
	defer a.rows.Close() //nolint:errcheck // read only
	b, err := other.open(ctx, l)
	if err != nil {
		return err
	}
	defer b.rows.Close() //nolint:errcheck // read only
	if err := errors.Join(a.next(), b.next()); err != nil {
		return err
	}
	for !a.done || !b.done {
		order := 1
		switch {
		case a.done:
		case b.done:
			order = -1
		default:
			order = a.compare(b)
		}
		if err := step(a, b, order, tell); err != nil {
			return err
		}
	}
	return nil
}

// step tells of the lesser row, or of what differs in equal ones, and goes on.
func step(a, b *cursor, order int, tell func(Difference) error) error {
	d := Difference{Table: a.layout.name, Here: order <= 0, There: order >= 0}
	if d.Here {
		d.Row = a.name()
	} else {
		d.Row = b.name()
	}
	if order == 0 {
		for i := range a.row {
			if a.row[i] != b.row[i] {
				d.Columns = append(d.Columns, a.columns[i])
			}
		}
	}
	if order != 0 || len(d.Columns) > 0 {
		if err := tell(d); err != nil {
			return err
		}
	}
	var errs [2]error
	if d.Here {
		errs[0] = a.next()
	}
	if d.There {
		errs[1] = b.next()
	}
	return errors.Join(errs[:]...)
}

// PutCase keeps all receipts of a case that was folded, together with its place in
// the lists: for records that are made anew. A case that is there is of kind
// Conflict.
func (r *Records) PutCase(ctx context.Context, c *cases.Case, due cases.Due) error {
	var events []eventRow
	for i, e := range c.Receipts() {
		events = append(events, eventRow{ID: c.ID(), Seq: int64(i) + 1, Digest: string(e.Digest()), Envelope: string(e.Bytes())})
	}
	err := r.db.RunInTx(ctx, serial, func(ctx context.Context, tx bun.Tx) error {
		n, err := tx.NewSelect().Model((*eventRow)(nil)).Where("id = ?", c.ID()).Count(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			return fault.Conflict
		}
		if _, err := tx.NewInsert().Model(&events).Exec(ctx); err != nil {
			return err
		}
		return replace(ctx, tx, projected(c.Index(), due))
	})
	if err != nil {
		return fmt.Errorf("keeping case %s: %w", c.ID(), kind(err))
	}
	return nil
}
