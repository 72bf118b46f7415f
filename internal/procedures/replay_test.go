package procedures

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/office"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// dump is every row of every table but the one of migrations, in an order that
// does not depend on how it was written.
func dump(t *testing.T, db *sql.DB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, table := range strs(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'") {
		var columns []string
		for _, c := range strs(t, db, "SELECT name FROM pragma_table_info('"+table+"') ORDER BY name") {
			columns = append(columns, "quote("+c+")")
		}
		all[table] = strs(t, db, "SELECT "+strings.Join(columns, " || '|' || ")+" AS x FROM "+table+" ORDER BY x")
	}
	return all
}

func strs(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // read only
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// A replay makes records of envelopes.
type replay struct {
	*testing.T

	to     *records.Records
	root   suite.PublicKey
	lines  []suite.Digest          // of the ledger
	texts  map[suite.Digest][]byte // of rules, which statements name by digest
	have   map[string][][]byte     // envelopes, by table
	tables cases.Tables
	cases  map[string]*cases.Case
	rules  map[profile.Frozen]profile.Profile
	use    profile.Frozen
	terms  map[suite.Digest]jobs.Terms
}

func (r *replay) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// put keeps what a request registered, as its next revision.
func put[T any](r *replay, table records.Table[T], id, parent string, v T, envelope []byte) {
	r.Helper()
	rec := records.Record[T]{ID: id, Revision: 1, Parent: parent, Value: v, Envelope: envelope}
	if old, err := table.Get(r.Context(), id); err == nil {
		rec.Revision = old.Revision + 1
	}
	r.must(table.Put(r.Context(), rec))
}

// asked reads the requests of a table.
func asked[T any](r *replay, table string, each func(verb.Heard, T)) {
	r.Helper()
	for _, raw := range r.have[table] {
		h, err := verb.Parse(raw)
		r.must(err)
		var v T
		r.must(h.Read(&v))
		each(h, v)
	}
}

// said reads the statements of a table.
func (r *replay) said(table string, each func(receipt.Receipt)) {
	r.Helper()
	for _, raw := range r.have[table] {
		s, err := receipt.Parse(raw)
		r.must(err)
		each(s)
	}
}

// register replays what nobody has to read in the ledger.
func (r *replay) register() {
	asked(r, "orgs", func(h verb.Heard, v governance.Org) { put(r, r.to.Orgs, v.ID, "", v, h.Envelope) })
	asked(r, "users", func(h verb.Heard, v governance.User) { put(r, r.to.Users, v.ID, "", v, h.Envelope) })
	asked(r, "processes", func(h verb.Heard, v governance.Process) { put(r, r.to.Processes, v.Name, "", v, h.Envelope) })
	asked(r, "catalogue", func(h verb.Heard, v governance.Entry) { put(r, r.to.Catalogue, v.ID, "", v, h.Envelope) })
	asked(r, "licences", func(h verb.Heard, v governance.Licence) { put(r, r.to.Licences, v.ID, "", v, h.Envelope) })
	asked(r, "programs", func(h verb.Heard, v jobs.Program) {
		put(r, r.to.Programs, v.Digest.Hex()+" "+string(h.By), v.Digest.Hex(), v, h.Envelope)
	})
}

// jobs replays applications, what was decided on them, their runs and votes.
func (r *replay) jobs() {
	for _, raw := range r.have["applications"] {
		h, err := verb.Parse(raw)
		r.must(err)
		t, err := jobs.ParseTerms(h.Body)
		r.must(err)
		r.terms[t.Digest()] = t
		put(r, r.to.Applications, t.ID, t.Scenario, governance.Application{Terms: t}, raw)
	}
	r.said("decisions", func(s receipt.Receipt) {
		var d jobs.Decision
		r.must(s.Read(s.Kind(), &d))
		id := r.terms[d.Terms].ID
		put(r, r.to.Decisions, fmt.Sprintf("%s %s %s", id, s.Kind(), s.By()), id, records.Decision{Kind: s.Kind(), By: s.By()}, s.Bytes())
	})
	for _, raw := range r.have["permits"] { // a permit is its decisions and nothing else
		var b jobs.Bundle
		r.must(json.Unmarshal(raw, &b))
		t, err := jobs.ParseTerms(b.Terms)
		r.must(err)
		for _, d := range b.Decisions {
			if !slices.ContainsFunc(r.have["decisions"], func(have []byte) bool { return string(have) == string(d) }) {
				r.Errorf("permit %s holds a decision that is not kept", t.ID)
			}
		}
		put(r, r.to.Permits, t.ID, string(t.Digest()), b, raw)
	}
	r.said("runs", func(s receipt.Receipt) {
		var run jobs.Run
		r.must(s.Read(jobs.Start, &run))
		put(r, r.to.Runs, run.ID, r.terms[run.Permit].ID, run, s.Bytes())
	})
	for table, to := range map[string]records.Table[records.Ballot]{"commits": r.to.Commits, "opens": r.to.Opens} {
		r.said(table, func(s receipt.Receipt) {
			of := voted(r, s)
			put(r, to, of.Run+" "+string(s.By()), of.Run, records.Ballot{By: s.By()}, s.Bytes())
		})
	}
}

// voted is what a statement of a checker is about.
func voted(r *replay, s receipt.Receipt) msg.Of {
	var commit msg.VoteCommitBody
	var open msg.VoteOpenBody
	if s.Kind() == msg.VoteCommit {
		r.must(s.Read(msg.VoteCommit, &commit))
		return commit.Of
	}
	r.must(s.Read(msg.VoteOpen, &open))
	return open.Of
}

// ledger replays, line by line, what the ledger holds the digest of.
func (r *replay) ledger() {
	ctx := r.Context()
	by := map[suite.Digest]func(uint64){}
	reg, err := r.to.Register(ctx, r.root)
	r.must(err)
	r.said("case_events", func(s receipt.Receipt) { by[s.Digest()] = func(uint64) { r.event(ctx, reg, s) } })
	r.said("publications", func(s receipt.Receipt) { by[s.Digest()] = func(uint64) { r.publish(ctx, reg, s) } })
	r.said("hold_orders", func(s receipt.Receipt) {
		by[s.Digest()] = func(at uint64) {
			o, err := governance.ParseOrder(s.Bytes())
			r.must(err)
			put(r, r.to.HoldOrders, o.ID, "", records.Noted{By: s.By(), Index: at}, s.Bytes())
		}
	})
	r.said("hold_lifts", func(s receipt.Receipt) {
		by[s.Digest()] = func(at uint64) {
			l, _, err := msg.OpenLift(s.Bytes())
			r.must(err)
			put(r, r.to.HoldLifts, s.Digest().Hex(), l.On.Hex(), records.Noted{By: s.By(), Index: at}, s.Bytes())
		}
	})
	asked(r, "paper_puts", func(h verb.Heard, v verb.Paper) {
		by[suite.DigestOf(h.Envelope)] = func(uint64) {
			_, err := r.to.PutPaper(ctx, h.By, v.Body, h.Envelope)
			r.must(err)
		}
	})
	for i, d := range r.lines {
		if do := by[d]; do != nil {
			do(uint64(i))
			delete(by, d)
		}
	}
	if len(by) > 0 {
		r.Errorf("%d envelopes are kept that no ledger has", len(by))
	}
}

func (r *replay) publish(ctx context.Context, reg governance.Register, s receipt.Receipt) {
	var p governance.Publication
	r.must(s.Read(governance.Publish, &p))
	version, err := profile.Open(r.texts[p.Change.Next.Digest], p.Change.Next)
	r.must(err)
	before, err := r.to.Publications(ctx, p.Change.Next.Digest, p.Change.Prior.Digest)
	r.must(err)
	enact := reg.Published(r.use, p.Change, append(before, s), p.At) == nil
	r.must(r.to.PutPublication(ctx, version, p.Change.Prior.Digest, s, enact, p.At))
	if enact {
		r.use, r.rules[p.Change.Next] = p.Change.Next, version
	}
}

func (r *replay) event(ctx context.Context, reg governance.Register, s receipt.Receipt) {
	e, err := cases.Read(s)
	r.must(err)
	next, err := cases.NewRules(reg, r.tables).Apply(r.cases[e.Case], s)
	r.must(err)
	o := office.Office{Rules: r.rules[profile.Frozen(next.Opening().Profile)], Days: calendar.Announced()}
	due, err := next.Due(o.Clock)
	r.must(err)
	r.must(r.to.PutEvent(ctx, next, due))
	r.cases[e.Case] = next
}

// replayed makes records of what a play kept, and tells where they differ.
func replayed(t *testing.T, p *play) {
	t.Helper()
	old := dump(t, p.raw)
	file := filepath.Join(t.TempDir(), "again.db")
	to, err := records.Open(t.Context(), file)
	p.must(err)
	defer to.Close() //nolint:errcheck // read only by now
	r := &replay{
		T: t, to: to, root: p.Root, lines: p.lines, texts: map[suite.Digest][]byte{}, have: map[string][][]byte{}, tables: p.Tables, cases: map[string]*cases.Case{},
		rules: map[profile.Frozen]profile.Profile{}, terms: map[suite.Digest]jobs.Terms{},
	}
	for _, table := range slices.Sorted(maps.Keys(old)) {
		if slices.Contains(strs(t, p.raw, "SELECT name FROM pragma_table_info('"+table+"')"), "envelope") {
			for _, e := range strs(t, p.raw, "SELECT envelope FROM "+table+" ORDER BY rowid") {
				r.have[table] = append(r.have[table], []byte(e))
			}
		}
	}
	for _, text := range strs(t, p.raw, "SELECT body FROM profiles") {
		r.texts[suite.DigestOf([]byte(text))] = []byte(text)
	}
	r.register()
	r.ledger()
	r.jobs()
	db, err := sql.Open("sqlite", file)
	p.must(err)
	defer db.Close() //nolint:errcheck // read only
	again := dump(t, db)
	for table, rows := range old {
		if !slices.Equal(rows, again[table]) {
			t.Errorf("table %s: %d rows, again %d:\n%.600q\n%.600q", table, len(rows), len(again[table]), rows, again[table])
		}
	}
	if n, err := p.api.Reindex(t.Context()); n != 0 || err != nil {
		t.Errorf("the lists were wrong about %d cases, %v", n, err)
	}
}
