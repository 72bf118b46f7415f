package api_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/oversight/report"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func handIn(t *testing.T, h *hall, who string, p papers.Report) (receipt.Receipt, []byte) {
	t.Helper()
	raw, err := papers.Bytes(papers.KindReport, p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := oversight.Hand(h.Keys[who], raw, h.now())
	if err != nil {
		t.Fatal(err)
	}
	return r, raw
}

// What is owed is told to who owes it; a report ends it, stands in the ledger, and is
// 未核验 until an officer of the bureau attests it.
func TestDutiesAndReports(t *testing.T) {
	h, ctx := newHall(t), t.Context()
	risk := func(who string) []oversight.Duty {
		all, err := h.as(who).Duties(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(all, func(d oversight.Duty) bool { return d.Kind != oversight.RiskReport })
	}
	before := risk("op")
	if len(before) != 1 || before[0].Org != "operator" || !strings.HasPrefix(before[0].Cite.ZH, "贵阳贵安 第三十四条") || len(risk("bureau-officer")) != 1 || len(risk("rival")) != 0 || len(risk("hospital-officer")) != 0 {
		t.Fatalf("%+v", before)
	}
	report := papers.Report{Duty: "risk-report", Operator: "operator", From: h.now().AddDate(0, -1, 0), To: h.now(), Text: "年度风险评估：无重大风险"}
	r, raw := handIn(t, h, "op", report)
	logged := len(h.notary.lines)
	if _, err := h.as("rival").FileReport(ctx, r, raw); code(err) != "request-foreign" {
		t.Errorf("somebody brings another's report: %v", err)
	}
	id, err := h.as("op").FileReport(ctx, r, raw)
	if err != nil {
		t.Fatal(err)
	}
	if id != r.Digest() || len(h.notary.lines) != logged+1 || h.notary.lines[logged] != id {
		t.Error("the report is not in the ledger")
	}
	if again, err := h.as("op").FileReport(ctx, r, raw); err != nil || again != id {
		t.Errorf("the same again: %v", err)
	}
	if after := risk("op"); len(after) != 1 || !after[0].Due.After(before[0].Due) {
		t.Errorf("%+v", after)
	}
	for who, want := range map[string]int{"op": 1, "rival": 0, "bureau-officer": 1, "auditor": 1, "hospital-officer": 0, "checker-a": 0} {
		if all, err := h.as(who).Reports(ctx); err != nil || len(all) != want {
			t.Errorf("%s sees %d reports: %v", who, len(all), err)
		}
	}
	k := oversight.Checked{On: id, Sound: true, How: "核对评估材料", Org: "bureau", At: h.now()}
	attest, err := receipt.Sign(h.Keys["bureau-officer"], oversight.Attesting, k.About(), k)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.as("bureau-officer").AttestReport(ctx, id, attest); err != nil {
		t.Fatal(err)
	}
	if all, err := h.as("op").Reports(ctx); err != nil || all[0].Checker != "bureau-officer" {
		t.Errorf("%+v, %v", all, err)
	}
	if err := h.as("bureau-officer").AttestReport(ctx, r.Digest()+"0", attest); code(err) != "not-found" {
		t.Errorf("no such report: %v", err)
	}
}

// Findings are for the bureau and auditors. One becomes a case by an officer's
// signature, and names the finding; the platform has opened none.
func TestFindingsAndReports(t *testing.T) {
	h, ctx := newHall(t), t.Context()
	for _, who := range []string{"op", "hospital-officer", "checker-a", "hospital-admin"} {
		if _, err := h.as(who).Inspect(ctx, "risk", 2026); code(err) != "role" {
			t.Errorf("%s inspects: %v", who, err)
		}
	}
	say := oversight.Declared{Fault: "channel", Org: "hospital", Thing: "ftp-1", What: "自建数据交换专线"}
	if err := h.as("op").Declare(ctx, say); code(err) != "role" {
		t.Errorf("an operator declares: %v", err)
	}
	if err := h.as("bureau-officer").Declare(ctx, say); err != nil {
		t.Fatal(err)
	}
	in, err := h.as("auditor").Inspect(ctx, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(in.Findings, func(x oversight.Finding) bool { return x.Fault == "channel" })
	j := slices.IndexFunc(in.Findings, func(x oversight.Finding) bool { return x.Fault == "catalogue" })
	if i < 0 || in.Findings[i].Declared != "bureau-officer" || j < 0 {
		t.Fatalf("%+v", in.Findings)
	}
	if list, err := h.rec.CasesOf(ctx, "incident.rectify", ""); err != nil || len(list) != 0 {
		t.Errorf("a case is open that nobody opened: %v", list)
	}
	h.pass(time.Hour)
	later, err := h.as("bureau-officer").Inspect(ctx, "", 0)
	if err != nil || later.Findings[i].ID() != in.Findings[i].ID() {
		t.Errorf("the finding has another name now: %v", err)
	}
	draft, refs := in.Findings[i].Draft("bureau", governance.Provider)
	tables, err := cases.Procedures()
	if err != nil {
		t.Fatal(err)
	}
	table, err := tables.Newest(draft.Kind)
	if err != nil {
		t.Fatal(err)
	}
	r, err := cases.Begin(h.Keys["bureau-officer"], "i-1", table, draft, h.now())
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.as("bureau-officer").Act(ctx, "i-1", r)
	if err != nil {
		t.Fatal(err)
	}
	if refs[0].Digest != in.Findings[i].Digest() || v.Opening.Kind != "incident.rectify" {
		t.Errorf("%+v", v.Opening)
	}
	for _, kind := range report.Kinds() {
		if kind == "uses" {
			continue
		}
		got, err := h.as("bureau-officer").Inspect(ctx, kind, 2026)
		if err != nil || got.Document == nil || len(got.Document.Tables) == 0 {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, err := h.as("bureau-officer").Inspect(ctx, "lunch", 2026); code(err) != "invalid" {
		t.Errorf("no such report: %v", err)
	}
}

// A provider reads of every use of its own data, of runs in progress too, and of no
// other's; an operator reads no ledger.
func TestUses(t *testing.T) {
	h, ctx := newHall(t), t.Context()
	h.permitted(h.Terms())
	if err := h.submit("op", "r-1", h.Terms()); err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string][]string{"hospital-officer": {"hospital"}, "hospital-admin": {"hospital"}, "transit-officer": {"transit"}, "op": nil, "checker-a": nil, "bureau-officer": {"hospital", "transit"}, "auditor": {"hospital", "transit"}} {
		l, err := h.as(who).Uses(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range l.Uses {
			got = append(got, u.Provider)
			if u.Run != "r-1" || u.State != "permitted" || len(u.Columns) == 0 || u.Start == "" {
				t.Errorf("%s: %+v", who, u)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || len(l.Document.Tables) != 1 || len(l.Document.Tables[0].Rows) != len(want) {
			t.Errorf("%s reads of %v, want %v", who, got, want)
		}
	}
}

// Before rules are in force nothing is owed and nothing is found: it is refused.
func TestNoRulesNoDuties(t *testing.T) {
	h, ctx := unruled(t), t.Context()
	_, err := h.as("op").Duties(ctx)
	_, err2 := h.as("bureau-officer").Inspect(ctx, "", 0)
	if code(err) != "no-rules" || code(err2) != "no-rules" {
		t.Errorf("%v, %v", err, err2)
	}
}

func code(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.Show(err).Code
}

// A year of an operator is evaluated once: asked where the event is taken, beside
// the table, which knows one case only.
func TestYearIsEvaluatedOnce(t *testing.T) {
	h, ctx := newHall(t), t.Context()
	rules, err := h.as("op").Rules(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := cases.Procedures()
	if err != nil {
		t.Fatal(err)
	}
	table, err := tables.Newest("evaluate.yearly")
	if err != nil {
		t.Fatal(err)
	}
	open := func(id string, year int) error {
		o := cases.Opening{Title: "年度评估", Seat: cases.Bureau, Year: year, Profile: cases.Profile(rules.Frozen()), Parties: map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Operator: {"operator"}}}
		r, err := cases.Begin(h.Keys["bureau-officer"], id, table, o, h.now())
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.as("bureau-officer").Act(ctx, id, r)
		return err
	}
	h.must("opening the year", open("e-1", 2024))
	h.refused("opening it again", open("e-2", 2024), "evaluation-twice")
	h.refused("the next before it has ended", open("e-3", 2025), "evaluation-twice")
	h.refused("this year, which is not over", open("e-4", 2026), "evaluation-early")
	v, err := h.as("bureau-officer").Case(ctx, "e-1")
	h.must("showing it", err)
	r, err := cases.Say(h.Keys["bureau-officer"], cases.Event{
		Case: "e-1", Prev: v.Head, Stage: v.Stage, Round: v.Round, At: h.now(), Act: cases.Submit,
		Refs: cases.Refs(map[string]suite.Digest{"criteria": suite.DigestOf([]byte("c")), "previous-failure": suite.DigestOf([]byte("p"))}),
	})
	h.must("signing", err)
	_, err = h.as("bureau-officer").Act(ctx, "e-1", r)
	h.refused("naming a failure that there was not", err, "evaluation-after")
}
