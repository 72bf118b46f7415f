package api_test

import (
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/records"
)

// shelve keeps the cases of facts, event by event, and their papers.
func shelve(tb testing.TB, rec *records.Records, w *gatestest.World, f gates.Facts) {
	tb.Helper()
	for _, d := range slices.Sorted(maps.Keys(f.Papers)) {
		if _, err := rec.PutPaper(tb.Context(), w.Keys["op"].Public(), f.Papers[d], []byte("request")); err != nil {
			tb.Fatal(err)
		}
	}
	rules := cases.NewRules(w.Register, w.Tables)
	for _, id := range slices.Sorted(maps.Keys(f.Cases)) {
		all := f.Cases[id].Receipts()
		for n := range all {
			c, err := rules.Fold(id, all[:n+1])
			if err != nil {
				tb.Fatal(err)
			}
			if err := rec.PutEvent(tb.Context(), c, cases.Due{}); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

// released keeps a run of the terms that was released.
func released(tb testing.TB, rec *records.Records, way *way, t jobs.Terms, at time.Time) {
	tb.Helper()
	app := records.Record[governance.Application]{ID: t.ID, Revision: 1, Parent: t.Scenario, Value: governance.Application{Terms: t}, Envelope: []byte("x")}
	run := records.Record[jobs.Run]{ID: "run-1", Revision: 1, Parent: t.ID, Value: jobs.Run{ID: "run-1", At: at, Purpose: t.Purpose}, Envelope: []byte("x")}
	if err := rec.Applications.Put(tb.Context(), app); err != nil {
		tb.Fatal(err)
	}
	if err := rec.Runs.Put(tb.Context(), run); err != nil {
		tb.Fatal(err)
	}
	way.set("run-1", verb.View{State: jobs.Released})
}

// What a gate is told that an operator owes, read from its own cases alone, is what
// everybody reads of it who has all cases folded.
func TestDutiesOfOne(t *testing.T) {
	h := newHall(t)
	w := gatestest.In(t, h.Town, "guiyang", "authop")
	for _, id := range []string{"bureau-3", "bureau-4", "bureau-5"} {
		h.must("registering", h.as("root").AddUser(t.Context(), w.Users[id]))
	}
	f := w.Facts()
	shelve(t, h.rec, w, f)
	released(t, h.rec, h.way, f.Terms, gatestest.Now)
	some := map[string]bool{}
	for _, days := range []int{0, 30, 100, 60} {
		h.pass(time.Duration(days) * 24 * time.Hour)
		reg, err := h.rec.Register(t.Context(), h.Root)
		h.must("the register", err)
		all, err := h.as("bureau-officer").Duties(t.Context())
		h.must("all duties", err)
		for _, operator := range []string{"operator", "rival"} {
			want := []gates.Duty{}
			for _, d := range all {
				if d.Operator == operator || d.Operator == "" && d.Org == "bureau" && d.Blocks {
					want = append(want, d.Gate(operator))
				}
			}
			got, err := h.api.Duties(t.Context(), reg, operator, h.now())
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s at %s: %v: %s", operator, h.now(), err, diff)
			}
			for _, d := range got {
				some[d.Kind+" "+d.Scenario] = some[d.Kind+" "+d.Scenario] || d.Overdue
			}
		}
	}
	if !some[string(oversight.Feedback)+" "+f.Terms.Scenario] {
		t.Errorf("no feedback on the scenario was ever late: %v", some)
	}
}

// What terms would rest on is found by the datasets of the scenario, and the newest
// entry that was approved is taken.
func TestProposeFindsEntries(t *testing.T) {
	h := newHall(t)
	w := gatestest.In(t, h.Town, "guiyang", "authop")
	for _, id := range []string{"bureau-3", "bureau-4", "bureau-5"} {
		h.must("registering", h.as("root").AddUser(t.Context(), w.Users[id]))
	}
	f := w.Facts()
	shelve(t, h.rec, w, f)
	h.pass(time.Minute)
	u, err := h.as("op").Propose(t.Context(), f.Terms.Scenario, f.Terms.Program.Digest)
	h.must("proposing", err)
	if diff := cmp.Diff(*f.Terms.Under, u.Under); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkGates asks the gates before a run, everything read from the records,
// beside 2,000 cases of others and one in fifty of the operator's own that say
// nothing of duties; in full (YUNEI_PROVE=1) beside 100,000. Those are rows that
// nobody reads: copies of signed ones under other names.
func BenchmarkGates(b *testing.B) {
	n := 2000
	if os.Getenv("YUNEI_PROVE") == "1" {
		n = 100_000
	}
	w := gatestest.New(b, "guiyang", "authop")
	file := filepath.Join(b.TempDir(), "r.db")
	rec, err := records.Open(b.Context(), file)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = rec.Close() })
	enact(b, rec, w)
	f := w.Facts()
	shelve(b, rec, w, f)
	way := &way{views: map[string]verb.View{}}
	released(b, rec, way, f.Terms, gatestest.Now)
	crowd(b, file, n)
	programs, err := dir.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	s, err := api.New(api.Config{
		Installation: installation, Root: w.Root, Records: rec, Programs: programs, Way: way, Now: func() time.Time { return gatestest.Now },
		Notary: &notary{},
	})
	if err != nil {
		b.Fatal(err)
	}
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		from := time.Now()
		reg, err := rec.Register(b.Context(), w.Root)
		if err != nil {
			b.Fatal(err)
		}
		// The rules are read from the records; who there is, is the world's.
		reg.Orgs, reg.Users, reg.Processes, reg.Catalogue, reg.Licences = w.Orgs, w.Users, w.Processes, w.Catalogue, w.Licences
		all, err := s.Gates(b.Context(), reg, f.Terms, gates.AtStart, 0, nil, gatestest.Now)
		if stop := gates.Blocked(all); err != nil || len(all) < 13 || len(stop) > 0 {
			b.Fatalf("%v: %+v", err, stop)
		}
		took = append(took, time.Since(from))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}

// enact puts the rules of a world into force.
func enact(b *testing.B, rec *records.Records, w *gatestest.World) {
	b.Helper()
	change := governance.Change{Next: w.Profile.Frozen(), Prior: profile.Frozen{}}
	r, err := receipt.Sign(w.Keys["bureau-officer"], governance.Publish, change.About(), governance.Publication{Change: change, Org: "bureau", At: gatestest.Now.UTC()})
	if err != nil {
		b.Fatal(err)
	}
	if err := rec.PutPublication(b.Context(), w.Profile, "", r, true, gatestest.Now); err != nil {
		b.Fatal(err)
	}
}

// crowd copies an approved entry n times, each under a name and on a document of
// its own, with its events; one in fifty is seen by the operator.
func crowd(b *testing.B, file string, n int) {
	b.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	const like = "'entry-hospital-visits'"
	for table, columns := range map[string]string{
		"case_events": "id, seq, digest, envelope", "case_docs": "digest, id", "case_seen": "role, org, kind, phase, id",
		"case_index": "id, kind, channel, title, profile, year, operator, opener_role, opener_org, stage, zh, en, phase, outcome, head, opened, updated, timer, due, provisional, events",
	} {
		copied := strings.Replace(", "+columns, ", id", ", printf('f-%07d', n)", 1)
		if table == "case_docs" {
			copied = strings.Replace(copied, "digest", "digest || n", 1)
		}
		const series = "WITH RECURSIVE crowd(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM crowd WHERE n < ?) "
		if _, err := db.ExecContext(b.Context(), fmt.Sprintf("%sINSERT INTO %s (%s) SELECT %s FROM %s, crowd WHERE id = %s", series, table, columns, copied[2:], table, like), n); err != nil {
			b.Fatalf("%s: %v", table, err)
		}
	}
	defer func() {
		if _, err := db.ExecContext(b.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil { // the crowd is old
			b.Error(err)
		}
	}()
	const mine = "INSERT INTO case_seen (role, org, kind, phase, id) SELECT 'operator', 'operator', kind, phase, id FROM case_index WHERE id GLOB 'f-*' AND CAST(substr(id, 3) AS INTEGER) % 50 = 0"
	if _, err := db.ExecContext(b.Context(), mine); err != nil {
		b.Fatal(err)
	}
}
