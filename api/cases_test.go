package api_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func (h *hall) publication(who string, p profile.Profile, prior profile.Frozen) receipt.Receipt {
	h.t.Helper()
	change := governance.Change{Next: p.Frozen(), Prior: prior}
	r, err := receipt.Sign(h.Keys[who], governance.Publish, change.About(), governance.Publication{Change: change, Org: "bureau", At: h.now().UTC().Truncate(time.Second)})
	h.must("signing", err)
	return r
}

// publish puts the rules of the town's city into force, by two officers.
func (h *hall) publish() {
	h.t.Helper()
	source, err := profiles.Source("guiyang")
	h.must("the rules", err)
	for i, who := range []string{"bureau-officer", "bureau-2"} {
		out, err := h.as(who).Publish(h.t.Context(), h.publication(who, h.Rules, profile.Frozen{}), source)
		if err != nil || out.InForce != (i == 1) || len(out.By) != i+1 {
			h.t.Fatalf("%s publishes: %+v, %v", who, out, err)
		}
	}
}

// ruled is a hall with the rules that are in force there.
func ruled(t *testing.T) (*hall, profile.Profile) {
	t.Helper()
	h := newHall(t)
	return h, h.Rules
}

func (h *hall) begin(who, id, kind string, p profile.Frozen, seat cases.Seat) receipt.Receipt {
	h.t.Helper()
	ts, err := cases.Procedures()
	h.must("tables", err)
	table, err := ts.Newest(kind)
	h.must("the table", err)
	r, err := cases.Begin(h.Keys[who], id, table, cases.Opening{Profile: cases.Profile(p), Title: "办件", Seat: seat, Parties: map[cases.Seat][]string{cases.Bureau: {"bureau"}}}, h.now())
	h.must("beginning", err)
	return r
}

func (h *hall) says(who string, v verb.Case, e cases.Event) receipt.Receipt {
	h.t.Helper()
	e.Case, e.Prev, e.Stage, e.Round, e.At = v.ID, v.Head, v.Stage, v.Round, h.now().UTC().Truncate(time.Second)
	r, err := cases.Say(h.Keys[who], e)
	h.must("signing", err)
	return r
}

// What people sign stands in the ledger before it is kept: a ledger that fails
// leaves nothing, and after an end in between the same receipt is taken again.
func TestLedgerFirst(t *testing.T) {
	h, p := ruled(t)
	open := h.begin("hospital-officer", "c-1", "catalogue.review", p.Frozen(), cases.Provider)
	h.notary.fail = errors.New("the disk is gone")
	_, err := h.as("hospital-officer").Act(t.Context(), "c-1", open)
	h.refused("with no ledger", err, "internal")
	_, err = h.as("hospital-officer").Case(t.Context(), "c-1")
	h.refused("nothing was kept", err, "not-found")
	_, err = h.as("hospital-officer").PutPaper(t.Context(), []byte("x"))
	h.refused("no paper either", err, "internal")
	h.notary.fail = nil
	v, err := h.as("hospital-officer").Act(t.Context(), "c-1", open)
	h.must("again", err)
	if !slices.Contains(h.notary.lines, open.Digest()) {
		t.Error("kept, and not in the ledger")
	}
	before := len(h.notary.lines)
	again, err := h.as("hospital-officer").Act(t.Context(), "c-1", open)
	if err != nil || again.Head != v.Head || len(h.notary.lines) != before {
		t.Errorf("the same receipt again: %v, %d entries more", err, len(h.notary.lines)-before)
	}
	if events, err := h.rec.CaseEvents(t.Context(), "c-1"); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// A catalogue review from its opening to its end, and who may see what of it.
func TestCase(t *testing.T) {
	h, p := ruled(t)
	ctx, officer, bureau := t.Context(), h.as("hospital-officer"), h.as("bureau-officer")
	raw, err := papers.Bytes(papers.KindSheet, h.sheet("hospital"))
	h.must("writing", err)
	d, err := officer.PutPaper(ctx, raw)
	h.must("putting", err)
	refs := []cases.Ref{{Name: "entry", Digest: d}}
	v, err := officer.Act(ctx, "c-1", h.begin("hospital-officer", "c-1", "catalogue.review", p.Frozen(), cases.Provider))
	h.must("opening", err)
	_, err = officer.Act(ctx, "c-1", h.begin("hospital-officer", "c-1", "catalogue.review", p.Frozen(), cases.Provider))
	h.must("the very same receipt", err)
	_, err = officer.Act(ctx, "c-2", h.says("hospital-officer", v, cases.Event{Act: cases.Submit, Refs: refs}))
	h.refused("under another name", err, "request-foreign")
	_, err = bureau.Act(ctx, "c-1", h.says("hospital-officer", v, cases.Event{Act: cases.Submit, Refs: refs}))
	h.refused("another's receipt", err, "request-foreign")
	stale := v
	v, err = officer.Act(ctx, "c-1", h.says("hospital-officer", v, cases.Event{Act: cases.Submit, Refs: refs}))
	h.must("handing in", err)
	h.must("what is shown", v.Check())
	_, err = officer.Act(ctx, "c-1", h.says("hospital-officer", stale, cases.Event{Act: cases.Withdraw}))
	h.refused("signed over what it was", err, "case-stale")
	if v.Term == nil || v.Term.Overdue || v.Term.Left < 5 || v.Stage != "review" {
		t.Errorf("in review: %+v, %+v", v.Stage, v.Term)
	}
	todo, err := bureau.Todo(ctx)
	if err != nil || todo.All != 1 || todo.Overdue != 0 || todo.Cases[0].ID != "c-1" {
		t.Errorf("to do: %+v, %v", todo, err)
	}
	h.pass(60 * 24 * time.Hour)
	if todo, err = bureau.Todo(ctx); err != nil || todo.Overdue != 1 || !todo.Cases[0].Term.Overdue || todo.Cases[0].Term.Left >= 0 {
		t.Errorf("after two months: %+v, %v", todo, err)
	}
	for who, want := range map[string]bool{"hospital-officer": true, "bureau-officer": true, "auditor": true, "op": false, "transit-officer": false, "hospital-admin": false, "root": false} {
		if _, err := h.as(who).Case(ctx, "c-1"); (err == nil) != want {
			t.Errorf("%s sees the case: %v", who, err)
		}
		page, err := h.as(who).Cases(ctx, verb.CaseFilter{})
		if (err == nil && len(page.Cases) == 1) != want {
			t.Errorf("%s lists %+v, %v", who, page, err)
		}
	}
	if n, err := h.api.Reindex(ctx); n != 0 || err != nil {
		t.Errorf("the lists were wrong about %d, %v", n, err)
	}
	shown, err := bureau.Case(ctx, "c-1")
	h.must("showing", err)
	v, err = bureau.Act(ctx, "c-1", h.says("bureau-officer", shown, cases.Event{Act: cases.Decide, Ruling: &cases.Ruling{On: shown.Matter, Verdict: cases.Allow}}))
	if err != nil || v.Outcome != cases.Approved {
		t.Fatalf("allowing: %+v, %v", v.Outcome, err)
	}
	raw, err = officer.ExportCase(ctx, "c-1")
	h.must("exporting", err)
	ts, err := cases.Procedures()
	h.must("tables", err)
	if c, err := cases.NewRules(h.Register, ts).Verify(raw); err != nil || c.Head() != v.Head {
		t.Errorf("the file: %v", err)
	}
}

// A case is opened under the rules in force and by the table that they have.
func TestOpening(t *testing.T) {
	h, p := ruled(t)
	ctx := t.Context()
	other := p.Frozen()
	other.Digest = suite.DigestOf([]byte("other"))
	_, err := h.as("hospital-officer").Act(ctx, "c-1", h.begin("hospital-officer", "c-1", "catalogue.review", other, cases.Provider))
	h.refused("under other rules", err, "case-rules")
	ts, err := cases.Procedures()
	h.must("tables", err)
	direct, err := ts.Way("scenario.apply", profile.BySharing, []string{"provider"})
	h.must("Dongguan's table", err)
	r, err := cases.Begin(h.Keys["op"], "s-1", direct, cases.Opening{
		Profile: cases.Profile(p.Frozen()), Title: "共享", Seat: cases.Operator, Parties: map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Provider: {"hospital"}},
	}, h.now())
	h.must("beginning", err)
	_, err = h.as("op").Act(ctx, "s-1", r)
	h.refused("another city's way", err, "case-table")
}

// The rules change by two officers' signatures only, never to something looser,
// and a case keeps its own.
func TestPublish(t *testing.T) {
	h, p := ruled(t)
	ctx := t.Context()
	source, err := profiles.Source("guiyang")
	h.must("the rules", err)
	next := bytes.Replace(source, []byte("\nversion: 1\n"), []byte("\nversion: 2\n"), 1)
	second, err := profiles.Load(next)
	h.must("the next version", err)
	_, err = h.as("hospital-officer").Act(ctx, "c-1", h.begin("hospital-officer", "c-1", "catalogue.review", p.Frozen(), cases.Provider))
	h.must("opening", err)
	_, err = h.as("op").Publish(ctx, h.publication("op", second, p.Frozen()), next)
	h.refused("an operator", err, "role")
	_, err = h.as("bureau-officer").Publish(ctx, h.publication("bureau-officer", second, profile.Frozen{}), next)
	h.refused("in the place of nothing", err, "tampered")
	_, err = h.as("bureau-officer").Publish(ctx, h.publication("bureau-officer", second, p.Frozen()), source)
	h.refused("another file", err, "conflict")
	_, err = h.as("bureau-officer").Publish(ctx, h.publication("bureau-2", second, p.Frozen()), next)
	h.refused("another's statement", err, "request-foreign")
	first := h.publication("bureau-officer", second, p.Frozen())
	for range 2 {
		out, err := h.as("bureau-officer").Publish(ctx, first, next)
		if err != nil || out.InForce || len(out.By) != 1 {
			t.Errorf("one officer: %+v, %v", out, err)
		}
	}
	last := h.publication("bureau-2", second, p.Frozen())
	for range 2 {
		out, err := h.as("bureau-2").Publish(ctx, last, next)
		if err != nil || !out.InForce || len(out.By) != 2 {
			t.Errorf("two officers: %+v, %v", out, err)
		}
	}
	now, err := h.as("op").Rules(ctx, nil)
	if err != nil || now.Frozen() != second.Frozen() {
		t.Errorf("in force: %v, %v", now.Frozen(), err)
	}
	frozen := p.Frozen()
	if old, err := h.as("op").Rules(ctx, &frozen); err != nil || old.Frozen() != frozen {
		t.Errorf("the version before: %v", err)
	}
	v, err := h.as("hospital-officer").Case(ctx, "c-1")
	if err != nil || v.Opening.Profile.Version != 1 {
		t.Errorf("the case: %+v, %v", v.Opening.Profile, err)
	}
}

func TestPapers(t *testing.T) {
	h, p := ruled(t)
	ctx, body := t.Context(), []byte("\x00目录\xff")
	d, err := h.as("hospital-officer").PutPaper(ctx, body)
	h.must("putting", err)
	gets := func(who string, want bool) {
		t.Helper()
		got, err := h.as(who).Paper(ctx, d)
		if (err == nil) != want || want && !bytes.Equal(got, body) {
			t.Errorf("%s gets %q, %v", who, got, err)
		}
	}
	gets("hospital-officer", true)
	gets("bureau-officer", false)
	v, err := h.as("hospital-officer").Act(ctx, "c-1", h.begin("hospital-officer", "c-1", "catalogue.review", p.Frozen(), cases.Provider))
	h.must("opening", err)
	_, err = h.as("hospital-officer").Act(ctx, "c-1", h.says("hospital-officer", v, cases.Event{Act: cases.Submit, Refs: []cases.Ref{{Name: "entry", Digest: d}}}))
	h.must("handing in", err)
	gets("bureau-officer", true)
	gets("auditor", true)
	gets("op", false)
	v, err = h.as("op").Act(ctx, "p-1", h.begin("op", "p-1", "program.review", p.Frozen(), cases.Operator))
	h.must("opening another", err)
	_, err = h.as("op").Act(ctx, "p-1", h.says("op", v, cases.Event{Act: cases.Filed, Filing: &cases.Filing{Name: "security-review", Digest: d, Media: "text/plain", Title: "x"}}))
	h.must("naming what one has not", err)
	gets("op", false)
	_, err = h.as("op").PutPaper(ctx, make([]byte, papers.MaxSize+1))
	h.refused("too large", err, "too-large")
	_, err = h.as("root").PutPaper(ctx, body)
	h.refused("the root key", err, "role")
}

// A year's notice counts once two officers have loaded it, and what was provisional
// is computed anew. One alone moves no term, however often they try.
func TestLoadCalendar(t *testing.T) {
	h, p := ruled(t)
	ctx := t.Context()
	h.pass(time.Date(2026, 12, 28, 1, 0, 0, 0, time.UTC).Sub(h.now()))
	v, err := h.as("hospital-officer").Act(ctx, "c-1", h.begin("hospital-officer", "c-1", "catalogue.review", p.Frozen(), cases.Provider))
	h.must("opening", err)
	if v.Term == nil || !v.Term.Provisional {
		t.Fatalf("over a year's end: %+v", v.Term)
	}
	table := []byte("year,date,kind,name\n2027,,notice,https://www.gov.cn/x\n2027,2027-01-01,rest,元旦\n2027,2027-01-04,rest,元旦\n2028,,notice,https://www.gov.cn/y\n2028,2028-01-01,rest,元旦\n")
	_, err = h.as("op").LoadCalendar(ctx, table)
	h.refused("an operator's", err, "role")
	_, err = h.as("bureau-officer").LoadCalendar(ctx, []byte("no table"))
	h.refused("no table", err, "invalid")
	for range 2 {
		l, err := h.as("bureau-officer").LoadCalendar(ctx, table)
		if err != nil || !l.Waits || l.Moved != 0 || slices.Contains(l.Years, 2027) {
			t.Errorf("one officer: %+v, %v", l, err)
		}
	}
	if alone, err := h.as("hospital-officer").Case(ctx, "c-1"); err != nil || !alone.Term.At.Equal(v.Term.At) || !alone.Term.Provisional {
		t.Errorf("moved by one officer: %+v, %v", alone.Term, err)
	}
	l, err := h.as("bureau-2").LoadCalendar(ctx, bytes.ReplaceAll(table, []byte("元旦"), []byte("假")))
	if err != nil || !l.Waits {
		t.Errorf("another table by another: %+v, %v", l, err)
	}
	l, err = h.as("bureau-2").LoadCalendar(ctx, table)
	if err != nil || l.Waits || l.Moved != 1 || !slices.Contains(l.Years, 2027) {
		t.Errorf("loaded: %+v, %v", l, err)
	}
	after, err := h.as("hospital-officer").Case(ctx, "c-1")
	if err != nil || after.Term.Provisional || !after.Term.At.After(v.Term.At) {
		t.Errorf("with the notice: %+v, %v", after.Term, err)
	}
	if all, err := h.as("op").Calendars(ctx); err != nil || len(all) != 2 {
		t.Errorf("%d tables, %v", len(all), err)
	}
	if l, err = h.as("bureau-officer").LoadCalendar(ctx, table); err != nil || !l.Waits {
		t.Errorf("bringing it back alone: %+v, %v", l, err)
	}
}

// Without rules nothing is opened.
func TestNoRules(t *testing.T) {
	h := unruled(t)
	_, err := h.as("op").Rules(t.Context(), nil)
	h.refused("the rules in force", err, "no-rules")
	p, err := profiles.Get("guiyang")
	h.must("the rules", err)
	_, err = h.as("hospital-officer").Act(t.Context(), "c-1", h.begin("hospital-officer", "c-1", "catalogue.review", p.Frozen(), cases.Provider))
	h.refused("opening", err, "no-rules")
	if _, err := h.rec.InForce(t.Context()); !errors.Is(err, fault.NotFound) {
		t.Errorf("in force: %v", err)
	}
}
