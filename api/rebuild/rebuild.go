// Package rebuild makes the bureau's records anew from what people signed, in the
// order of the ledger, and tells where the records that are kept say something else.
//
// Every row of the records is either a statement that somebody signed or follows
// from such statements. Make takes the signed bytes alone, checks the signature of
// each and who may say such a thing, asks the ledger for the digest of what has to
// stand there before it is kept, plays every case event by event, and writes what
// comes of it to other, empty records. Then the two are compared row by row, and the
// lines of the ledger are counted that nothing on record accounts for.
//
// It finds a row that was altered, invented or taken out of a table that follows
// from others; an event that the ledger does not have or has in another order; and a
// line of the ledger whose statement is gone. It does not find what was taken out
// together with everything that shows it and never stood in the ledger: an
// organisation, a person, a dataset or an application that nothing names. It does
// not ask anew what the gates said at the time; the terms name the heads of the
// cases, and whoever has those can. It trusts the ledger's lines, which trustees have
// witnessed, the root key and the city's tables of procedures, and neither of the two
// databases.
package rebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// Fault says what is wrong with a row or a line.
type Fault string

// The faults.
const (
	Unreadable Fault = "unreadable" // what is kept as signed does not hold, or was not this person's to say
	Unlogged   Fault = "unlogged"   // the ledger does not have it, or has it out of order
	Altered    Fault = "altered"    // the row says something else than what was signed
	Missing    Fault = "missing"    // what was signed makes a row that is not there
	Extra      Fault = "extra"      // nothing that was signed makes this row
	Unkept     Fault = "unkept"     // a line of the ledger whose statement is nowhere
)

// A Finding is one thing that is wrong.
type Finding struct {
	Fault   Fault
	Table   string // "" of a line of the ledger
	Row     string // what tells the row apart, its parts apart by spaces
	Columns []string
	Line    uint64       // of the ledger, from 0; of Unkept
	Digest  suite.Digest // of Unkept and Unlogged
	Said    string       // what sort of statement it is and what about, if it can be read
	Why     error        // nil, or what else is known
}

// A Source is what records are made of.
type Source struct {
	Records      *records.Records // nothing but envelopes and texts is read from them
	Root         suite.PublicKey
	Installation string
	Lines        []suite.Digest          // of the ledger, in their order
	Elsewhere    func(suite.Digest) bool // whether a line is of something that is kept elsewhere, on the board; nil: none is
}

type maker struct {
	Source

	to       *records.Records
	first    map[suite.Digest]int // line of a digest
	kept     map[suite.Digest]bool
	tables   cases.Tables
	reg      governance.Register
	people   map[suite.PublicKey]governance.User
	terms    map[suite.Digest]jobs.Terms
	decided  map[string]bool // decisions, by their bytes
	findings []Finding
}

// Make fills empty records and returns what is wrong with those of the source, in
// the order in which it was found. Errors are the databases' alone.
func Make(ctx context.Context, from Source, to *records.Records) ([]Finding, error) {
	tables, err := cases.Procedures()
	if err != nil {
		return nil, fmt.Errorf("rebuilding the records: %w", err)
	}
	m := &maker{
		Source: from, to: to, first: map[suite.Digest]int{}, kept: map[suite.Digest]bool{}, tables: tables,
		people: map[suite.PublicKey]governance.User{}, terms: map[suite.Digest]jobs.Terms{}, decided: map[string]bool{},
	}
	for i, d := range from.Lines {
		if _, again := m.first[d]; !again {
			m.first[d] = i
		}
	}
	steps := []func(context.Context) error{
		m.orgs, m.users, m.processes, m.invitations, m.entries, m.rules, m.calendars, m.licences, m.papers, m.consents, m.cases,
		m.applications, m.decisions, m.permits, m.programs, m.runs, m.votes, m.orders, m.withdrawals, m.products, m.reports, m.declarations,
		m.compare,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return m.findings, fmt.Errorf("rebuilding the records: %w", err)
		}
	}
	m.lines()
	return m.findings, nil
}

// A broken error is the database's, not the row's.
type broken struct{ error }

func (b broken) Unwrap() error { return b.error }

func writing(err error) error {
	if err == nil {
		return nil
	}
	return broken{err}
}

var errUnlogged = errors.New("not in the ledger, or not where it belongs")

// each reads the signed bytes of a table. An error of do is a finding on the row,
// unless it is broken.
func (m *maker) each(ctx context.Context, table string, do func(row string, raw []byte) error) error {
	return m.Records.Each(ctx, table, "envelope", func(row, value string) error { return m.took(table, row, []byte(value), do(row, []byte(value))) })
}

func (m *maker) took(table, row string, raw []byte, err error) error {
	var b broken
	if err == nil || errors.As(err, &b) {
		return err
	}
	f := Finding{Fault: Unreadable, Table: table, Row: row, Why: err}
	if r, bad := receipt.Parse(raw); bad == nil {
		f.Said = fmt.Sprintf("%s %s", r.Kind(), r.Subject().Name)
	}
	if errors.Is(err, errUnlogged) {
		f.Fault, f.Digest, f.Why = Unlogged, suite.DigestOf(raw), nil
	}
	m.find(f)
	return nil
}

func (m *maker) find(f Finding) { m.findings = append(m.findings, f) }

// logged says that a statement is on record, and fails unless the ledger has it.
func (m *maker) logged(d suite.Digest) (line int, err error) {
	m.kept[d] = true
	return m.line(d)
}

// line is where the ledger has a statement that may yet be missing from the records.
func (m *maker) line(d suite.Digest) (int, error) {
	line, ok := m.first[d]
	if !ok {
		return 0, errUnlogged
	}
	return line, nil
}

// asked reads a request for one of verbs.
func (m *maker) asked(raw []byte, verbs ...verb.Verb) (verb.Heard, error) {
	h, err := verb.Parse(raw)
	if err != nil {
		return h, err
	}
	if !slices.Contains(verbs, h.Verb) || h.Installation != m.Installation {
		return h, fmt.Errorf("a request for %s of %s: %w", h.Verb, h.Installation, fault.Tampered)
	}
	return h, nil
}

// person refuses what somebody else than a person of a role has signed.
func (m *maker) person(key suite.PublicKey, role governance.Role) (governance.User, error) {
	u, ok := m.people[key]
	if !ok || u.Role != role {
		return u, fmt.Errorf("signed by %q, not by somebody who is %s: %w", u.ID, role, fault.Denied)
	}
	return u, nil
}

func (m *maker) byRoot(h verb.Heard) error {
	if m.Root == "" || h.By != m.Root {
		return fmt.Errorf("not signed by the root key: %w", fault.Denied)
	}
	return nil
}

// put keeps a record as its next revision.
func put[T any](ctx context.Context, table records.Table[T], id, parent string, v T, raw []byte) error {
	rec := records.Record[T]{ID: id, Revision: 1, Parent: parent, Value: v, Envelope: raw}
	switch old, err := table.Get(ctx, id); {
	case err == nil:
		rec.Revision = old.Revision + 1
	case !errors.Is(err, fault.NotFound):
		return writing(err)
	}
	return writing(table.Put(ctx, rec))
}

// compare tells where the two differ.
func (m *maker) compare(ctx context.Context) error {
	return m.Records.Differ(ctx, m.to, func(d records.Difference) error {
		f := Finding{Fault: Altered, Table: d.Table, Row: d.Row, Columns: d.Columns}
		switch {
		case !d.There:
			f.Fault = Extra
		case !d.Here:
			f.Fault = Missing
		}
		m.find(f)
		return nil
	})
}

// lines tells of what the ledger has and nobody keeps: it was taken out, or its
// write was cut off after the ledger had it and never came again.
func (m *maker) lines() {
	for i, d := range m.Lines {
		if m.first[d] == i && !m.kept[d] && (m.Elsewhere == nil || !m.Elsewhere(d)) {
			m.find(Finding{Fault: Unkept, Line: uint64(i), Digest: d})
		}
	}
}

// statement reads a receipt of a kind that has to stand in the ledger.
func (m *maker) statement(raw []byte, kind receipt.Kind, body any) (receipt.Receipt, error) {
	r, err := receipt.Parse(raw)
	if err != nil {
		return r, err
	}
	if _, err := m.logged(r.Digest()); err != nil {
		return r, err
	}
	return r, r.Read(kind, body)
}
