package records

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/suite"
)

// fill adds cases that are rows only, of so many events each: to sign a million
// events takes hours, and what is measured reads the envelopes of one case, which
// was signed (open). One in twenty waits for the bureau.
func (d *desk) fill(n, events int) {
	d.Helper()
	envelope := strings.Repeat("x", 900)
	filler := d.open("c-like")
	x := filler.Index()
	x.Docs = []suite.Digest{suite.DigestOf([]byte("like"))}
	const batch = 250
	for from := 0; from < n; from += batch {
		err := d.rec.db.RunInTx(d.ctx(), serial, func(ctx context.Context, tx bun.Tx) error {
			var all projection
			var index []indexRow
			var said []eventRow
			for i := from; i < min(from+batch, n); i++ {
				x.ID, x.Phase, x.Turn = fmt.Sprintf("f-%07d", i), cases.Ended, nil
				if i%20 == 0 {
					x.Phase, x.Turn = cases.Open, []cases.Part{{Role: governance.RoleBureau, Org: "bureau"}}
				}
				p := projected(x, cases.Due{At: d.now.Add(time.Duration(i*7919%n) * time.Minute)})
				index = append(index, p.index)
				all.seen, all.todo, all.docs = append(all.seen, p.seen...), append(all.todo, p.todo...), append(all.docs, p.docs...)
				for seq := range events {
					said = append(said, eventRow{ID: x.ID, Seq: int64(seq) + 1, Envelope: envelope})
				}
			}
			for _, rows := range []any{&index, &all.seen, &all.todo, &all.docs, &said} {
				if _, err := tx.NewInsert().Model(rows).Exec(ctx); err != nil {
					return err
				}
			}
			return nil
		})
		d.must(err)
	}
}

// A list of what is to do is one look at an index, however many cases there are.
func TestTodoUsesItsIndex(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "r.db"))
	d.fill(1000, 1)
	who := cases.Part{Role: governance.RoleBureau, Org: "bureau"}
	plan := func(q *bun.SelectQuery) string {
		t.Helper()
		var steps []struct {
			ID, Parent, Notused int64
			Detail              string
		}
		d.must(d.rec.db.NewRaw("EXPLAIN QUERY PLAN "+q.String()).Scan(t.Context(), &steps))
		var all []string
		for _, s := range steps {
			all = append(all, s.Detail)
		}
		return strings.Join(all, "; ")
	}
	var have []indexRow
	got := plan(d.rec.todo(&have, who, 50))
	if !strings.Contains(got, "SEARCH t USING") || !strings.Contains(got, "(role=? AND org=?)") || strings.Contains(got, "SCAN") || strings.Contains(got, "TEMP B-TREE") {
		t.Errorf("the to-do list: %s", got)
	}
	for what, f := range map[string]CaseFilter{
		"what a role sees":        {Part: who},
		"of a kind":               {Part: who, Kind: "catalogue.review"},
		"in a phase":              {Part: who, Phase: cases.Open},
		"of a kind, of all cases": {Kind: "catalogue.review"},
	} {
		var have []indexRow
		if got := plan(d.rec.cases(&have, f)); strings.Contains(got, "SCAN") || strings.Contains(got, "TEMP B-TREE") {
			t.Errorf("%s: %s", what, got)
		}
	}
	if got := plan(d.rec.entries(&have, "visits", "hospital")); strings.Contains(got, "SCAN") {
		t.Errorf("the entries of a dataset: %s", got)
	}
}

// However long a list is, its first page holds what is due first, and the count
// says how long it is.
func TestTodoPage(t *testing.T) {
	for _, n := range []int{1000, 10000} {
		d := newDesk(t, filepath.Join(t.TempDir(), "r.db"))
		d.fill(n, 1)
		rows, err := d.rec.Todo(t.Context(), cases.Part{Role: governance.RoleBureau, Org: "bureau"}, 50)
		if err != nil || len(rows) != 50 || !slices.IsSortedFunc(rows, func(a, b CaseRow) int { return a.Due.Compare(b.Due) }) {
			t.Fatalf("of %d cases: %d rows, %v", n, len(rows), err)
		}
		all, _, err := d.rec.TodoCount(t.Context(), cases.Part{Role: governance.RoleBureau, Org: "bureau"}, d.now)
		if err != nil || all != n/20 {
			t.Errorf("of %d cases %d are to do, %v", n, all, err)
		}
	}
}

// BenchmarkDesk reads a to-do list and a case's page, fold included. In full
// (YUNEI_PROVE=1) there are 100,000 cases and 1,000,000 events; all but the one
// that is read are rows only.
func BenchmarkDesk(b *testing.B) {
	n := 2000
	if os.Getenv("YUNEI_PROVE") == "1" {
		n = 100_000
	}
	d := newDesk(b, filepath.Join(b.TempDir(), "r.db"))
	d.fill(n, 10)
	c := d.submit(d.open("c-read"))
	for i := range 4 {
		c = d.say(c, "bureau-officer", cases.Event{Act: cases.Return, Items: []cases.Item{{ID: "item", Text: fmt.Sprint("补正 ", i)}}})
		c = d.say(c, "hospital-officer", cases.Event{Act: cases.Resubmit, Items: []cases.Item{{ID: "item", Text: "已补正"}}})
	}
	for name, read := range map[string]func() error{
		"todo": func() error {
			who := cases.Part{Role: governance.RoleBureau, Org: "bureau"}
			if _, err := d.rec.Todo(d.ctx(), who, 50); err != nil {
				return err
			}
			_, _, err := d.rec.TodoCount(d.ctx(), who, d.now)
			return err
		},
		"page": func() error {
			events, err := d.rec.CaseEvents(d.ctx(), "c-read")
			if err != nil {
				return err
			}
			k, due, err := d.fold("c-read", events)
			if err != nil {
				return err
			}
			_, err = d.rules.View(k, d.Keys["bureau-officer"].Public(), d.now)
			_ = due
			return err
		},
		"list": func() error {
			_, err := d.rec.Cases(d.ctx(), CaseFilter{Part: cases.Part{Role: governance.RoleBureau, Org: "bureau"}, Kind: "catalogue.review", After: "f-0001000", Limit: 50})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			took := make([]time.Duration, 0, b.N)
			for b.Loop() {
				from := time.Now()
				d.must(read())
				took = append(took, time.Since(from))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
