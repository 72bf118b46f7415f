package release

import (
	"strings"
	"testing"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
)

// A domain that gives an earlier run's answer again pays nothing, and the report
// names that run, even where the cap is spent.
func TestStoredAnswer(t *testing.T) {
	s := debit(func(d *msg.Debit) { d.Stored, d.Cost, d.Before, d.After = "run-0", "0", "77", "77" })
	s.tb = t
	raw := s.tell().raw()
	r, err := Verify(raw, s.pins())
	must(t, err)
	for l, want := range map[Lang]string{ZH: "运行 run-0 已存答案的再次给出", EN: "stored answer of run run-0"} {
		var b strings.Builder
		must(t, r.Print(&b, l))
		if strings.Count(b.String(), want) != 1 {
			t.Errorf("the report does not say %q, once", want)
		}
	}
	for name, edit := range map[string]func(*msg.Debit){
		"nothing paid, and no stored answer": func(d *msg.Debit) { d.Cost, d.After = "0", d.Before },
		"a stored answer that pays":          func(d *msg.Debit) { d.Stored = "run-0" },
		"a stored answer that spends":        func(d *msg.Debit) { d.Stored, d.Cost, d.After = "run-0", "0", "1/50" },
		"a refund":                           func(d *msg.Debit) { d.Stored, d.Cost, d.Before, d.After = "run-0", "0", "1", "0" },
		"its own stored answer":              func(d *msg.Debit) { d.Stored, d.Cost, d.After = runID, "0", d.Before },
		"the stored answer of no run":        func(d *msg.Debit) { d.Stored, d.Cost, d.After = "\x1b[2J", "0", d.Before },
		"a debit of another operator's":      func(d *msg.Debit) { d.Operator = "rival" },
		"a debit of another scenario":        func(d *msg.Debit) { d.Scenario = "other" },
	} {
		s := debit(edit)
		s.tb = t
		told := s.tell()
		_ = wantBroken(t, told.raw(), told.pins(), CheckBudgets)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if s.mode != jobs.DP {
		t.Error("the story is of another mode: the test is blind")
	}
}
