package api_test

import (
	"testing"

	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Who has no part in a case does not learn from a refusal that it is there, at
// which stage, or what its rules are: guessing names tells nothing.
func TestActingOnOthersCases(t *testing.T) {
	h, p := ruled(t)
	ctx := t.Context()
	v, err := h.as("op").Act(ctx, "p-1", h.begin("op", "p-1", "program.review", p.Frozen(), cases.Operator))
	h.must("opening", err)
	guess := func(id string) receipt.Receipt {
		r, err := cases.Say(h.Keys["rival"], cases.Event{Case: id, Prev: cases.Genesis(id), At: v.History[0].At, Act: cases.Withdraw, Stage: "draft", Round: 1})
		h.must("signing", err)
		return r
	}
	for _, id := range []string{"p-1", "p-2"} {
		_, err = h.as("rival").Act(ctx, id, guess(id))
		h.refused("a rival acts on "+id, err, "not-found")
	}
	known := h.says("rival", v, cases.Event{Act: cases.Submit, Refs: cases.Refs(map[string]suite.Digest{"program": v.Head, "source": v.Head})})
	_, err = h.as("rival").Act(ctx, "p-1", known)
	h.refused("a rival who knows where it stands", err, "not-found")
}

// A preview is asked of terms that are on record by whoever sees them, and of a
// draft by those whose it is: a checker or a provider who writes an operator into
// terms of their own is not told what it owes, nor a provider what is held of
// another's data, nor anybody how often another's permit was used.
func TestPreviewOfOthersTerms(t *testing.T) {
	h := newHall(t)
	ctx := t.Context()
	w := gatestest.In(t, h.Town, "guiyang", "authop")
	f := w.Facts()
	f.Duties = []gates.Duty{{Kind: "drill", Operator: f.Terms.Operator.Org, Overdue: true, Key: "duty.blocking"}}
	h.facts = &f
	for _, who := range []string{"hospital-officer", "hospital-admin", "checker-a"} {
		_, err := h.as(who).Preview(ctx, f.Terms, gates.AtStart)
		h.refused(who+" asks about terms that nobody proposed", err, "role")
	}
	for _, who := range []string{"op", "bureau-officer", "auditor"} {
		_, err := h.as(who).Preview(ctx, f.Terms, gates.AtStart)
		h.must(who+" previews a draft", err)
	}
}

// The id of an application that is there names its terms and no others.
func TestPreviewUnderAnothersName(t *testing.T) {
	h := newHall(t)
	ctx, terms := t.Context(), h.Terms()
	_, err := h.as("op").SubmitApplication(ctx, terms)
	h.must("applying", err)
	_, err = h.as("hospital-officer").Preview(ctx, terms, gates.AtStart)
	h.must("what is on record", err)
	other := terms
	other.Uses++
	_, err = h.as("op").Preview(ctx, other, gates.AtStart)
	h.refused("other terms of its name", err, "registered")
}
