package api_test

import (
	"testing"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
)

// What was spent is told to those who see the runs; what a site tells of a budget
// that does not suffice is told if it is what package gate/budget makes.
func TestBudget(t *testing.T) {
	h := newHall(t)
	ctx, terms := t.Context(), h.Terms()
	h.permitted(terms)
	h.must("starting", h.submit("op", "r-1", terms))
	d := msg.Debit{Namespace: jobs.NaturalPerson, Operator: "operator", Scenario: "flu", At: governancetest.Now, Cost: "1/3", Before: "1/3", After: "2/3", Seq: 2}
	h.way.set("r-1", verb.View{State: jobs.Computed, Debits: map[string]msg.Debit{"hospital": d}})
	for who, lines := range map[string]int{"op": 1, "hospital-officer": 1, "bureau-officer": 1, "auditor": 1, "rival": 0} {
		b, err := h.as(who).Budget(ctx)
		h.must(who+" asks what was spent", err)
		if len(b.Spent) != lines || len(b.Accounts) != lines {
			t.Errorf("%s sees %+v", who, b)
		}
		if lines == 1 && (b.Spent[0].Rho != "1/3" || b.Accounts[0].Elsewhere != "1/3" || b.Spent[0].Year != 2026) {
			t.Errorf("%s sees %+v", who, b)
		}
	}
	good := msg.Short{Cap: "year", Namespace: jobs.NaturalPerson, Name: "2026", Limit: "1", Spent: "1", Left: "0", Asked: "1/3", Next: 2027}
	bad := good
	bad.Name = "\x1b[2J"
	for _, c := range []struct {
		short msg.Short
		told  bool
	}{{good, true}, {bad, false}} {
		h.way.set("r-1", verb.View{State: jobs.Failed, Refusal: "budget", Short: &c.short})
		j, err := h.as("op").Job(ctx, "r-1")
		h.must("looking", err)
		if (j.Short != nil) != c.told || j.Refusal != "budget" {
			t.Errorf("of %+v: %+v", c.short, j)
		}
	}
}
