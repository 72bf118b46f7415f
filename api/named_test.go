package api_test

import (
	"testing"

	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/suite"
)

// Nobody is asked to sign a text that calls one body by another's name.
func TestAgreementNames(t *testing.T) {
	h, _ := ruled(t)
	ctx := t.Context()
	ts, err := cases.Procedures()
	h.must("tables", err)
	table, err := ts.Newest("agreement.sign")
	h.must("the table", err)
	parties := map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Operator: {"operator"}}
	r, err := cases.Begin(h.Keys["op"], "a-1", table, cases.Opening{Profile: cases.Profile(h.Rules.Frozen()), Title: "协议", Seat: cases.Operator, Parties: parties}, h.now())
	h.must("beginning", err)
	v, err := h.as("op").Act(ctx, "a-1", r)
	h.must("opening", err)
	for _, name := range []string{"emergency-plan", "commitment"} {
		f := cases.Filing{Name: name, Digest: suite.DigestOf([]byte(name)), Media: "application/pdf", Title: name}
		v, err = h.as("op").Act(ctx, "a-1", h.says("op", v, cases.Event{Act: cases.Filed, Filing: &f}))
		h.must("filing", err)
	}
	hand := func(names map[string]string) error {
		a := paperstest.Agreement(h.Rules)
		a.Names = names
		raw, err := papers.Bytes(papers.KindAgreement, a)
		h.must("writing", err)
		_, err = h.as("op").PutPaper(ctx, raw)
		h.must("putting", err)
		refs := cases.Refs(map[string]suite.Digest{"agreement": suite.DigestOf(raw), "scenario-decision": a.Head})
		_, err = h.as("op").Act(ctx, "a-1", h.says("op", v, cases.Event{Act: cases.Submit, Refs: refs}))
		return err
	}
	h.refused("another's name", hand(map[string]string{"operator": h.Orgs["hospital"].Title}), "agreement-names")
	h.refused("of nobody", hand(map[string]string{"nobody": "某单位"}), "agreement-names")
	h.must("the registered names", hand(map[string]string{"operator": h.Orgs["operator"].Title, "bureau": h.Orgs["bureau"].Title}))
}
