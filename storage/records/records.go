// Package records keeps governance's facts in SQL: who is registered, the
// catalogue, licences, applications and the decisions on them, permits, runs
// and votes. It is the only SQL there is. Every record is kept beside the
// signed envelope that stated it, byte for byte, and nothing that was said is
// ever updated or deleted: a change is a further revision, a case its events, so
// that the tables are also the history, and a write either is durable when it
// returns or never was.
//
// Five tables are not of that kind, and hold nothing that anybody said: the
// index of cases, who may see each, whom it waits for until when, which
// documents it names, and of which dataset a paper is the sheet. They are a
// projection of the events and the papers, written in the same transaction as
// each, so that a list is one look at an index; Rebuild replays every event and
// makes them anew. (Package api/rebuild makes all tables anew, from what was
// signed; Each and Differ are for it.)
//
// The package checks no rule and no signature; who may write what is
// governance's to say and api's to ask. It is believed by nobody either: what
// decides outside the bureau are the envelopes.
//
// The embedded database is SQLite (WAL, synchronous=FULL). What is written
// here is also PostgreSQL's SQL: no dialect's own types, no clock, no sequence.
package records

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Records is an open database.
type Records struct {
	db           *bun.DB
	rules        sync.Map // of profile.Profile, by digest
	Orgs         Table[governance.Org]
	Users        Table[governance.User]
	Processes    Table[governance.Process]
	Invitations  Table[governance.Invitation]
	Catalogue    Table[governance.Entry]
	Licences     Table[governance.Licence]
	Applications Table[governance.Application]
	Decisions    Table[Decision]           // parent: the application
	Permits      Table[jobs.Bundle]        // parent: the terms' digest
	Programs     Table[jobs.Program]       // parent: the digest
	Runs         Table[jobs.Run]           // parent: the application
	Commits      Table[Ballot]             // parent: the run
	Opens        Table[Ballot]             // parent: the run
	Reports      Table[oversight.Handed]   // parent: who owed it
	Checks       Table[oversight.Checked]  // parent: the report
	Declarations Table[oversight.Declared] // parent: whom it is about
	Consents     Table[suite.Digest]       // of the paper, by the id of the consent; parent: the dataset

	HoldOrders    Table[Noted]
	HoldLifts     Table[Noted] // parent: the order's digest
	Withdrawals   Table[Noted] // by the run
	Confirmations Table[Noted] // parent: the run
	Products      Table[governance.Product]
}

// Noted says who signed what the envelope is, and where the ledger holds its
// digest.
type Noted struct {
	By    suite.PublicKey `json:"by"`
	Index uint64          `json:"index"`
}

// A Decision says who decided what; the envelope is the decision.
type Decision struct {
	Kind receipt.Kind    `json:"kind"`
	By   suite.PublicKey `json:"by"`
}

// A Ballot says whose vote the envelope is.
type Ballot struct {
	By suite.PublicKey `json:"by"`
}

// Open opens the SQLite database in file, and makes or migrates it.
func Open(ctx context.Context, file string) (*Records, error) {
	q := url.Values{
		"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(1)"},
		"_txlock": {"immediate"}, // a write waits at its start, and never finds at its end that it must begin anew
	}
	if strings.Contains(file, "?") {
		return nil, fmt.Errorf("opening the records: a question mark in the file's name: %w", fault.Invalid)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the file that the operator's configuration names
	if err != nil {
		return nil, fmt.Errorf("opening the records: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("opening the records: %w", err)
	}
	pool, err := sql.Open("sqlite", file+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening the records: %w", err)
	}
	pool.SetMaxOpenConns(4)
	if err := migrate(ctx, pool, goose.DialectSQLite3); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return with(bun.NewDB(pool, sqlitedialect.New())), nil
}

func migrate(ctx context.Context, pool *sql.DB, dialect goose.Dialect) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrating the records: %w", err)
	}
	p, err := goose.NewProvider(dialect, pool, dir)
	if err != nil {
		return fmt.Errorf("migrating the records: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating the records: %w", err)
	}
	return nil
}

func with(db *bun.DB) *Records {
	return &Records{
		db:           db,
		Orgs:         Table[governance.Org]{db, "orgs"},
		Users:        Table[governance.User]{db, "users"},
		Processes:    Table[governance.Process]{db, "processes"},
		Invitations:  Table[governance.Invitation]{db, "invitations"},
		Catalogue:    Table[governance.Entry]{db, "catalogue"},
		Licences:     Table[governance.Licence]{db, "licences"},
		Applications: Table[governance.Application]{db, "applications"},
		Decisions:    Table[Decision]{db, "decisions"},
		Permits:      Table[jobs.Bundle]{db, "permits"},
		Programs:     Table[jobs.Program]{db, "programs"},
		Runs:         Table[jobs.Run]{db, "runs"},
		Commits:      Table[Ballot]{db, "commits"},
		Opens:        Table[Ballot]{db, "opens"},
		Reports:      Table[oversight.Handed]{db, "duty_reports"},
		Checks:       Table[oversight.Checked]{db, "duty_attests"},
		Declarations: Table[oversight.Declared]{db, "declarations"},
		Consents:     Table[suite.Digest]{db, "consents"},

		HoldOrders:    Table[Noted]{db, "hold_orders"},
		HoldLifts:     Table[Noted]{db, "hold_lifts"},
		Withdrawals:   Table[Noted]{db, "withdrawals"},
		Confirmations: Table[Noted]{db, "confirmations"},
		Products:      Table[governance.Product]{db, "products"},
	}
}

// Close closes the database.
func (r *Records) Close() error { return r.db.Close() }

// Register reads the facts that governance's rules ask for. Root comes from
// the installation and is not kept here.
func (r *Records) Register(ctx context.Context, root suite.PublicKey) (governance.Register, error) {
	g := governance.Register{Root: root}
	var errs [6]error
	g.Orgs, errs[0] = byID(ctx, r.Orgs)
	g.Users, errs[1] = byID(ctx, r.Users)
	g.Processes, errs[2] = byID(ctx, r.Processes)
	g.Catalogue, errs[3] = byID(ctx, r.Catalogue)
	g.Licences, errs[4] = byID(ctx, r.Licences)
	if g.Rules, errs[5] = r.InForce(ctx); errors.Is(errs[5], fault.NotFound) {
		errs[5] = nil // none yet: whoever asks for a rule is refused
	}
	return g, errors.Join(errs[:]...)
}

func byID[T any](ctx context.Context, t Table[T]) (map[string]T, error) {
	all, err := t.List(ctx, "")
	if err != nil {
		return nil, err
	}
	m := make(map[string]T, len(all))
	for _, r := range all {
		m[r.ID] = r.Value
	}
	return m, nil
}

// A Record is the latest revision of a record, and the envelope that stated
// it.
type Record[T any] struct {
	ID       string
	Revision int64 // from 1
	Parent   string
	Value    T
	Envelope []byte
}

// A Table holds the records of one kind.
type Table[T any] struct {
	db   *bun.DB
	name string
}

type row struct {
	bun.BaseModel `bun:"table:records,alias:r"`

	ID       string
	Revision int64
	Parent   string
	Body     string
	Envelope string
}

// Put keeps rec as revision rec.Revision of the record: 1 makes it, and n+1 is
// kept only if n is the latest, so that of two writers one wins. The same
// envelope in the same place again is no error. An error is of kind Conflict,
// Exhausted (the disk is full) or Internal.
func (t Table[T]) Put(ctx context.Context, rec Record[T]) error {
	return t.PutAmong(ctx, rec, 0)
}

// PutAmong is Put, and refuses with kind Exhausted a new record when its
// parent has limit of them already; 0 is no limit.
func (t Table[T]) PutAmong(ctx context.Context, rec Record[T], limit int) error {
	body, err := json.Marshal(rec.Value)
	if err != nil {
		return fmt.Errorf("keeping a record of %s: %w", t.name, err)
	}
	want := row{ID: rec.ID, Revision: rec.Revision, Parent: rec.Parent, Body: string(body), Envelope: string(rec.Envelope)}
	tx := func(ctx context.Context, tx bun.Tx) error { return t.put(ctx, tx, want, limit) }
	if err := t.db.RunInTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}, tx); err != nil {
		return fmt.Errorf("keeping a record of %s: %w", t.name, kind(err))
	}
	return nil
}

func (t Table[T]) put(ctx context.Context, tx bun.Tx, want row, limit int) error {
	var have []row
	err := t.from(tx.NewSelect().Model(&have)).Where("r.id = ?", want.ID).Order("r.revision").Scan(ctx)
	if err != nil {
		return err
	}
	latest := int64(len(have))
	if want.Revision >= 1 && want.Revision <= latest && have[want.Revision-1].Envelope == want.Envelope {
		return nil
	}
	if want.Revision != latest+1 {
		return fault.Conflict
	}
	if limit > 0 {
		n, err := t.from(tx.NewSelect().Model((*row)(nil))).Where("r.parent = ?", want.Parent).Where("r.revision = 1").Count(ctx)
		if err != nil {
			return err
		}
		if int(n) >= limit {
			return fault.Exhausted
		}
	}
	_, err = tx.NewInsert().Model(&want).ModelTableExpr("?", bun.Ident(t.name)).Exec(ctx)
	return err
}

func (t Table[T]) from(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ModelTableExpr("? AS r", bun.Ident(t.name))
}

// Get returns the latest revision of a record, or says NotFound.
func (t Table[T]) Get(ctx context.Context, id string) (Record[T], error) {
	var have row
	err := t.from(t.db.NewSelect().Model(&have)).Where("r.id = ?", id).Order("r.revision DESC").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Record[T]{}, fmt.Errorf("reading a record of %s: %w", t.name, fault.NotFound)
	}
	if err != nil {
		return Record[T]{}, fmt.Errorf("reading a record of %s: %w", t.name, err)
	}
	return t.record(have)
}

// History returns the envelopes of a record, one a revision.
func (t Table[T]) History(ctx context.Context, id string) ([][]byte, error) {
	var have []row
	err := t.from(t.db.NewSelect().Model(&have)).Where("r.id = ?", id).Order("r.revision").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading a record of %s: %w", t.name, err)
	}
	var all [][]byte
	for _, r := range have {
		all = append(all, []byte(r.Envelope))
	}
	return all, nil
}

// List returns the latest revision of every record of a parent, in the order
// of their ids; "" is of all parents.
func (t Table[T]) List(ctx context.Context, parent string) ([]Record[T], error) {
	var have []row
	q := t.from(t.db.NewSelect().Model(&have)).Order("r.id", "r.revision")
	if parent != "" {
		q = q.Where("r.parent = ?", parent)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("listing %s: %w", t.name, err)
	}
	var all []Record[T]
	for i, r := range have {
		if i+1 < len(have) && have[i+1].ID == r.ID {
			continue // an earlier revision
		}
		rec, err := t.record(r)
		if err != nil {
			return nil, err
		}
		all = append(all, rec)
	}
	return all, nil
}

func (t Table[T]) record(r row) (Record[T], error) {
	rec := Record[T]{ID: r.ID, Revision: r.Revision, Parent: r.Parent, Envelope: []byte(r.Envelope)}
	if err := json.Unmarshal([]byte(r.Body), &rec.Value); err != nil {
		return Record[T]{}, fmt.Errorf("reading a record of %s: %w: %w", t.name, err, fault.Tampered)
	}
	return rec, nil
}

// kind gives a full disk its refusal.
func kind(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqlite3.SQLITE_FULL {
		return fmt.Errorf("%w: %w", fault.Refuse("disk-full", ""), err)
	}
	return err
}
