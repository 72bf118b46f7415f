package records

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/governance/office"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// A desk keeps cases of the town in a database of its own.
type desk struct {
	testing.TB
	*governancetest.Town
	rec    *Records
	rules  cases.Rules
	tables cases.Tables
	office office.Office
	now    time.Time
}

func newDesk(tb testing.TB, file string) *desk {
	tb.Helper()
	d := &desk{TB: tb, Town: governancetest.NewTown(tb), now: governancetest.Now}
	var err error
	if d.rec, err = Open(context.Background(), file); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = d.rec.Close() })
	if d.tables, err = cases.Procedures(); err != nil {
		tb.Fatal(err)
	}
	rules, err := profiles.Get("guiyang")
	if err != nil {
		tb.Fatal(err)
	}
	d.office = office.Office{Rules: rules, Days: calendar.Announced()}
	d.rules = cases.NewRules(d.Register, d.tables)
	return d
}

func (d *desk) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *desk) keep(c *cases.Case) *cases.Case {
	d.Helper()
	due, err := c.Due(d.office.Clock)
	d.must(err)
	d.must(d.rec.PutEvent(d.ctx(), c, due))
	return c
}

func (d *desk) ctx() context.Context { return context.Background() }

// open opens a catalogue review of the hospital's.
func (d *desk) open(id string) *cases.Case {
	d.Helper()
	t, err := d.tables.Newest("catalogue.review")
	d.must(err)
	r, err := cases.Begin(d.Keys["hospital-officer"], id, t, cases.Opening{
		Profile: cases.Profile(d.office.Rules.Frozen()), Title: "目录 " + id, Seat: cases.Provider, Parties: map[cases.Seat][]string{cases.Bureau: {"bureau"}},
	}, d.now)
	d.must(err)
	return d.keep(d.apply(nil, r))
}

func (d *desk) apply(c *cases.Case, r receipt.Receipt) *cases.Case {
	d.Helper()
	next, err := d.rules.Apply(c, r)
	d.must(err)
	return next
}

func (d *desk) say(c *cases.Case, who string, e cases.Event) *cases.Case {
	d.Helper()
	e.At = d.now.UTC().Truncate(time.Second)
	r, err := c.Say(d.Keys[who], e)
	d.must(err)
	return d.keep(d.apply(c, r))
}

func (d *desk) submit(c *cases.Case) *cases.Case {
	return d.say(c, "hospital-officer", cases.Event{Act: cases.Submit, Refs: cases.Refs(map[string]suite.Digest{"entry": suite.DigestOf([]byte(c.ID()))})})
}

func (d *desk) fold(id string, events []receipt.Receipt) (*cases.Case, cases.Due, error) {
	c, err := d.rules.Fold(id, events)
	if err != nil {
		return nil, cases.Due{}, err
	}
	due, err := c.Due(d.office.Clock)
	return c, due, err
}

func (d *desk) todo(role governance.Role, org string) []string {
	d.Helper()
	rows, err := d.rec.Todo(d.ctx(), cases.Part{Role: role, Org: org}, 10)
	d.must(err)
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids
}

// A case that waits for somebody is on their list, and on nobody else's; the first
// due comes first.
func TestTodo(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "r.db"))
	first := d.open("c-9")
	d.now = d.now.AddDate(0, 0, 3)
	second := d.open("c-1")
	if got := d.todo(governance.RoleOfficer, "hospital"); !slices.Equal(got, []string{"c-9", "c-1"}) {
		t.Errorf("the hospital's: %v", got)
	}
	first, second = d.submit(first), d.submit(second)
	if got := d.todo(governance.RoleBureau, "bureau"); len(got) != 2 || len(d.todo(governance.RoleOfficer, "hospital")) != 0 {
		t.Errorf("the bureau's: %v", got)
	}
	all, late, err := d.rec.TodoCount(d.ctx(), cases.Part{Role: governance.RoleBureau, Org: "bureau"}, d.now.AddDate(0, 3, 0))
	if err != nil || all != 2 || late != 2 {
		t.Errorf("counted %d, %d late, %v", all, late, err)
	}
	d.say(first, "bureau-officer", cases.Event{Act: cases.Decide, Ruling: &cases.Ruling{On: first.Matter(), Verdict: cases.Allow}})
	if got := d.todo(governance.RoleBureau, "bureau"); !slices.Equal(got, []string{"c-1"}) {
		t.Errorf("after the first ended: %v", got)
	}
	for what, c := range map[string]struct {
		f    CaseFilter
		want string
	}{
		"the hospital sees its own":       {CaseFilter{Part: cases.Part{Role: governance.RoleOfficer, Org: "hospital"}}, "c-1 c-9"},
		"another sees none":               {CaseFilter{Part: cases.Part{Role: governance.RoleOfficer, Org: "transit"}}, ""},
		"nor another role":                {CaseFilter{Part: cases.Part{Role: governance.RoleAdmin, Org: "hospital"}}, ""},
		"what has ended":                  {CaseFilter{Phase: cases.Ended}, "c-9"},
		"at a stage":                      {CaseFilter{Stage: "review", Kind: "catalogue.review"}, "c-1"},
		"of another kind":                 {CaseFilter{Kind: "program.review"}, ""},
		"a page, and what comes after":    {CaseFilter{Limit: 1, After: "c-1"}, "c-9"},
		"a page of one":                   {CaseFilter{Limit: 1}, "c-1"},
		"the bureau, those that are open": {CaseFilter{Part: cases.Part{Role: governance.RoleBureau, Org: "bureau"}, Phase: cases.Open}, "c-1"},
	} {
		rows, err := d.rec.Cases(d.ctx(), c.f)
		var ids []string
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		if got := strings.Join(ids, " "); err != nil || got != c.want {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	if ids, err := d.rec.Naming(d.ctx(), string(suite.DigestOf([]byte("c-1")))); err != nil || !slices.Equal(ids, []string{"c-1"}) {
		t.Errorf("naming the entry: %v, %v", ids, err)
	}
	_ = second
}

// An event is kept once and in its place; two that were signed over one head are
// not both kept.
func TestPutEvent(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "r.db"))
	c := d.open("c-1")
	d.keep(c) // told again
	next := d.submit(c)
	due, err := c.Due(d.office.Clock)
	d.must(err)
	if err := d.rec.PutEvent(t.Context(), c, due); err != nil {
		t.Errorf("an event of before, told again: %v", err)
	}
	r, err := c.Say(d.Keys["hospital-officer"], cases.Event{Act: cases.Withdraw, At: d.now.UTC().Truncate(time.Second)})
	d.must(err)
	if err := d.rec.PutEvent(t.Context(), d.apply(c, r), cases.Due{}); !errors.Is(err, fault.Conflict) {
		t.Errorf("a second event in a place that is taken: %v", err)
	}
	events, err := d.rec.CaseEvents(t.Context(), "c-1")
	d.must(err)
	again, err := d.rules.Fold("c-1", events)
	if err != nil || again.Head() != next.Head() || len(events) != 2 {
		t.Errorf("%d events, %v", len(events), err)
	}
	if events, err := d.rec.CaseEvents(t.Context(), "nothing"); err != nil || len(events) != 0 {
		t.Errorf("events of no case: %v, %v", events, err)
	}
}

// The lists are nothing but the events: thrown away, or falsified, they are made
// anew, and come out the same.
func TestRebuild(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "r.db"))
	for i := range 5 {
		if c := d.open(fmt.Sprint("c-", i)); i%2 == 0 {
			d.submit(c)
		}
	}
	dump := func() string {
		var all []string
		for _, table := range []string{"case_index", "case_seen", "case_todo", "case_docs"} {
			var rows []map[string]any
			d.must(d.rec.db.NewRaw("SELECT * FROM "+table+" ORDER BY id, 1, 2").Scan(t.Context(), &rows))
			all = append(all, fmt.Sprint(rows))
		}
		return strings.Join(all, "\n")
	}
	exec := func(query string) {
		t.Helper()
		_, err := d.rec.db.NewRaw(query).Exec(t.Context())
		d.must(err)
	}
	rebuilds := func(what string, want int) {
		t.Helper()
		if n, err := d.rec.Rebuild(t.Context(), d.fold); n != want || err != nil {
			t.Errorf("%s: %d cases were put right, %v, want %d", what, n, err, want)
		}
	}
	was := dump()
	rebuilds("untouched", 0)
	for _, table := range []string{"case_index", "case_seen", "case_todo", "case_docs"} {
		exec("DELETE FROM " + table)
	}
	rebuilds("thrown away", 5)
	if got := dump(); got != was {
		t.Errorf("rebuilt:\n%s\nwas:\n%s", got, was)
	}
	exec("UPDATE case_index SET stage = 'published', outcome = 'approved' WHERE id = 'c-2'")
	exec("INSERT INTO case_todo (role, org, due, id, provisional) VALUES ('bureau-officer', 'bureau', 0, 'c-forged', 0)")
	rebuilds("falsified", 2)
	if got := dump(); got != was {
		t.Errorf("rebuilt:\n%s\nwas:\n%s", got, was)
	}
}

// What is due moves with the calendar alone.
func TestRedue(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "r.db"))
	d.now = time.Date(2026, 12, 28, 9, 0, 0, 0, calendar.Shanghai)
	d.submit(d.open("c-1"))
	row, err := d.rec.CaseRow(t.Context(), "c-1")
	if err != nil || !row.Provisional {
		t.Fatalf("over a year's end: %+v, %v", row, err)
	}
	table := []byte("year,date,kind,name\n2027,,notice,https://www.gov.cn/x\n2027,2027-01-01,rest,元旦\n2027,2027-01-04,rest,元旦\n2028,,notice,https://www.gov.cn/y\n2028,2028-01-01,rest,元旦\n")
	loads := func(who string) {
		t.Helper()
		request, err := receipt.Sign(d.Keys[who], "request", receipt.About("calendar", suite.DigestOf(table)), struct{}{})
		d.must(err)
		for range 2 {
			d.must(d.rec.PutCalendar(t.Context(), table, request.Bytes(), d.now))
		}
	}
	loads("bureau-officer")
	if tables, err := d.rec.Calendars(t.Context()); err != nil || len(tables) != 0 {
		t.Errorf("%d calendars count by one person, %v", len(tables), err)
	}
	loads("bureau-2")
	d.office.Days, err = d.rec.Calendar(t.Context())
	d.must(err)
	redue := func(want int) {
		t.Helper()
		moved, err := d.rec.Redue(t.Context(), func(r CaseRow) (cases.Due, error) { return r.Timer.Due(d.office.Clock) })
		if moved != want || err != nil {
			t.Errorf("%d moved, %v, want %d", moved, err, want)
		}
	}
	redue(1)
	redue(0)
	after, err := d.rec.CaseRow(t.Context(), "c-1")
	if err != nil || after.Provisional || !after.Due.After(row.Due) {
		t.Errorf("with the year's notice: %+v, %v, before %v", after, err, row.Due)
	}
	if n, err := d.rec.Rebuild(t.Context(), d.fold); n != 0 || err != nil {
		t.Errorf("rebuilt otherwise: %d, %v", n, err)
	}
	if tables, err := d.rec.Calendars(t.Context()); err != nil || len(tables) != 1 {
		t.Errorf("%d calendars, %v", len(tables), err)
	}
}

// Entries of a dataset are found by the sheet that a case names, newest last, and
// no others: not another provider's, not one that is under review. Which papers
// are sheets is made anew as well.
func TestEntries(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "r.db"))
	named := func(id, dataset string, rows int) *cases.Case {
		raw, err := papers.Bytes(papers.KindSheet, papers.Sheet{Dataset: dataset, Provider: "hospital", UpdateDays: rows})
		d.must(err)
		sheet, err := d.rec.PutPaper(t.Context(), d.Keys["hospital-officer"].Public(), raw, []byte("request"))
		d.must(err)
		return d.say(d.open(id), "hospital-officer", cases.Event{Act: cases.Submit, Refs: cases.Refs(map[string]suite.Digest{"entry": sheet})})
	}
	approve := func(c *cases.Case) {
		d.now = d.now.Add(time.Minute)
		d.say(c, "bureau-officer", cases.Event{Act: cases.Decide, Ruling: &cases.Ruling{On: c.Matter(), Verdict: cases.Allow}})
	}
	var all []*cases.Case
	for i := range MaxEntries + 2 {
		all = append(all, named(fmt.Sprintf("c-%02d", i), "visits", i))
	}
	for _, c := range slices.Backward(all[1:]) {
		approve(c)
	}
	approve(named("c-other", "beds", 1))
	find := func(dataset, provider string) string {
		t.Helper()
		rows, err := d.rec.Entries(t.Context(), dataset, provider)
		d.must(err)
		var ids []string
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		return strings.Join(ids, " ")
	}
	const want = "c-08 c-07 c-06 c-05 c-04 c-03 c-02 c-01"
	if got := find("visits", "hospital"); got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	if got := find("visits", "transit") + find("nothing", "hospital"); got != "" {
		t.Errorf("found of others: %s", got)
	}
	if first, err := d.rec.Began(t.Context()); err != nil || !first.Equal(governancetest.Now.Truncate(time.Second)) {
		t.Errorf("began %s, %v", first, err)
	}
	for what, exec := range map[string]string{"thrown away": "DELETE FROM sheets WHERE dataset = 'visits'", "falsified": "UPDATE sheets SET dataset = 'beds'"} {
		_, err := d.rec.db.NewRaw(exec).Exec(t.Context())
		d.must(err)
		if n, err := d.rec.Rebuild(t.Context(), d.fold); n != MaxEntries+2 || err != nil || find("visits", "hospital") != want || find("beds", "hospital") != "c-other" {
			t.Errorf("%s: %d put right, %v; %s", what, n, err, find("visits", "hospital"))
		}
	}
	if n, err := d.rec.Rebuild(t.Context(), d.fold); n != 0 || err != nil {
		t.Errorf("untouched: %d put right, %v", n, err)
	}
}

func TestPapers(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "r.db"))
	a, b := d.Keys["op"].Public(), d.Keys["hospital-officer"].Public()
	body := []byte("\x00\xff{\"paper\":\"?\"}")
	for _, key := range []suite.PublicKey{a, a, b} {
		if got, err := d.rec.PutPaper(t.Context(), key, body, []byte("request of "+key)); err != nil || got != suite.DigestOf(body) {
			t.Fatal(got, err)
		}
	}
	got, err := d.rec.Paper(t.Context(), suite.DigestOf(body))
	if err != nil || string(got) != string(body) {
		t.Errorf("%q, %v", got, err)
	}
	for key, want := range map[suite.PublicKey]bool{a: true, b: true, d.Keys["op2"].Public(): false} {
		if put, err := d.rec.PutBy(t.Context(), suite.DigestOf(body), key); put != want || err != nil {
			t.Errorf("put by %s: %v, %v", key, put, err)
		}
	}
	if _, err := d.rec.Paper(t.Context(), suite.DigestOf(nil)); !errors.Is(err, fault.NotFound) {
		t.Errorf("a paper that there is not: %v", err)
	}
	if _, err := d.rec.PutPaper(t.Context(), a, make([]byte, papers.MaxSize+1), nil); !errors.Is(err, fault.Exhausted) {
		t.Errorf("too large: %v", err)
	}
	_, err = d.rec.db.NewRaw("UPDATE papers SET body = 'YQ=='").Exec(t.Context())
	d.must(err)
	if _, err := d.rec.Paper(t.Context(), suite.DigestOf(body)); !errors.Is(err, fault.Tampered) {
		t.Errorf("other bytes: %v", err)
	}
}

// A version is in force with the statement that makes it so, and stays to be had
// when another is.
func TestRules(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "r.db"))
	p := d.office.Rules
	if _, err := d.rec.InForce(t.Context()); !errors.Is(err, fault.NotFound) {
		t.Errorf("rules that nobody published: %v", err)
	}
	change := governance.Change{Next: p.Frozen()}
	sign := func(who string) receipt.Receipt {
		r, err := receipt.Sign(d.Keys[who], governance.Publish, change.About(), governance.Publication{Change: change, Org: "bureau", At: d.now.UTC()})
		d.must(err)
		return r
	}
	d.must(d.rec.PutPublication(t.Context(), p, "", sign("bureau-officer"), false, d.now))
	if _, err := d.rec.Profile(t.Context(), p.Frozen()); !errors.Is(err, fault.NotFound) {
		t.Errorf("with one officer: %v", err)
	}
	d.must(d.rec.PutPublication(t.Context(), p, "", sign("op"), true, d.now))
	now, err := d.rec.InForce(t.Context())
	if err != nil || now.Frozen() != p.Frozen() {
		t.Errorf("in force: %v, %v", now.Frozen(), err)
	}
	if have, err := d.rec.Publications(t.Context(), p.Frozen().Digest, ""); err != nil || len(have) != 2 {
		t.Errorf("%d statements, %v", len(have), err)
	}
	if all, err := d.rec.Enacted(t.Context()); err != nil || !slices.Equal(all, []profile.Frozen{p.Frozen()}) {
		t.Errorf("enacted: %v, %v", all, err)
	}
	other := p.Frozen()
	other.Version++
	if _, err := d.rec.Profile(t.Context(), other); !errors.Is(err, fault.Tampered) {
		t.Errorf("another version of that digest: %v", err)
	}
}
