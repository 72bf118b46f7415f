package api_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/suite"
)

// applied takes a scenario as far as everybody allows it.
func (h *hall) applied(id string, s papers.Scenario, on bool) (verb.Case, error) {
	h.t.Helper()
	ctx := h.t.Context()
	s.ID, s.Applicant = id, "operator"
	raw, err := papers.Bytes(papers.KindScenario, s)
	h.must("writing", err)
	if on {
		_, err = h.as("op").PutPaper(ctx, raw)
		h.must("putting", err)
	}
	ts, err := cases.Procedures()
	h.must("tables", err)
	table, err := ts.Newest("scenario.apply")
	h.must("the table", err)
	parties := map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Provider: {"hospital"}}
	r, err := cases.Begin(h.Keys["op"], id, table, cases.Opening{Profile: cases.Profile(h.Rules.Frozen()), Title: "场景", Seat: cases.Operator, Parties: parties}, h.now())
	h.must("beginning", err)
	v, err := h.as("op").Act(ctx, id, r)
	h.must("opening", err)
	f := cases.Filing{Name: "commitment", Digest: suite.DigestOf([]byte("承诺书")), Media: "application/pdf", Title: "承诺书"}
	v, err = h.as("op").Act(ctx, id, h.says("op", v, cases.Event{Act: cases.Filed, Filing: &f}))
	h.must("filing", err)
	d := suite.DigestOf(raw)
	v, err = h.as("op").Act(ctx, id, h.says("op", v, cases.Event{Act: cases.Submit, Refs: cases.Refs(map[string]suite.Digest{"application": d, "dataset-list": d})}))
	h.must("handing in", err)
	for _, who := range []string{"bureau-officer", "hospital-officer", "bureau-2"} {
		if v, err = h.as(who).Case(ctx, id); err != nil {
			return v, err
		}
		if v, err = h.rules(who, v, cases.Allow); err != nil {
			return v, err
		}
	}
	return v, nil
}

// An amendment is of a scenario that was approved, for the purpose of that one where
// its city says so, and one at a time: a second one beside it would be a second
// application for one scenario.
func TestAmendment(t *testing.T) {
	h, _ := ruled(t)
	s := paperstest.Scenario(h.Rules)
	unfit := func(what, id string, s papers.Scenario, on bool) {
		t.Helper()
		_, err := h.applied(id, s, on)
		h.refused(what, err, "scenario-unfit")
		if r, _ := errors.AsType[fault.Refusal](err); !strings.Contains(r.Basis, "第") {
			t.Errorf("%s: cites %q", what, r.Basis)
		}
	}
	unfit("without its paper", "s-0", s, false)
	if v, err := h.applied("s-1", s, true); err != nil || v.Outcome != cases.Approved {
		t.Fatalf("a scenario: %v, %v", v.Outcome, err)
	}
	next := s
	next.Previous = "s-9"
	unfit("of no scenario", "s-2", next, true)
	next.Previous = "s-0"
	unfit("of one that is not decided", "s-3", next, true)
	next.Previous = "s-1"
	if v, err := h.applied("s-4", next, true); err != nil || v.Outcome != cases.Approved {
		t.Fatalf("an amendment: %v, %v", v.Outcome, err)
	}
	unfit("a second one beside it", "s-5", next, true)
	other := s
	other.Previous, other.Purpose = "s-4", "marketing"
	if v, err := h.applied("s-6", other, true); err != nil || v.Outcome != cases.Approved {
		t.Errorf("another purpose, with the providers' permission: %v, %v", v.Outcome, err) // 贵阳贵安 第二十三条
	}
}
