package api_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

const day = 24 * time.Hour

// staged is a hall in which the cases of a world stand; edit changes its papers.
func staged(t *testing.T, edit func(w *gatestest.World)) (*hall, gates.Facts) {
	t.Helper()
	h := newHall(t)
	w := gatestest.In(t, h.Town, "guiyang", "authop")
	for _, id := range []string{"bureau-3", "bureau-4", "bureau-5"} {
		h.must("registering", h.as("root").AddUser(t.Context(), w.Users[id]))
	}
	edit(w)
	f := w.Facts()
	shelve(t, h.rec, w, f)
	return h, f
}

// find lists the findings of a fault that are about a thing.
func (h *hall) find(fault, thing string) []oversight.Finding {
	h.t.Helper()
	in, err := h.as("auditor").Inspect(h.t.Context(), "", 0)
	h.must("inspecting", err)
	return slices.DeleteFunc(in.Findings, func(x oversight.Finding) bool { return x.Fault != fault || x.Thing != thing })
}

// The facts that detectors ask for come out of the records: each fault is planted
// where it would arise, and is found then and not before.
func TestFaultsAreSeen(t *testing.T) {
	h, f := staged(t, func(w *gatestest.World) {
		w.Admission.Attested = gatestest.Now.Add(30 * day)
		w.Sheets[w.Terms.Members[0].Dataset].Event = "flood-2026"
		w.Sheets[w.Terms.Members[1].Dataset].Event = "flood-2026"
	})
	ctx, first, second := t.Context(), f.Terms.Members[0], f.Terms.Members[1]
	none := func(fault, thing string) {
		t.Helper()
		if got := h.find(fault, thing); len(got) != 0 {
			t.Errorf("found where nothing is: %+v", got)
		}
	}
	one := func(fault, thing, org string) oversight.Finding {
		t.Helper()
		got := h.find(fault, thing)
		if len(got) != 1 || got[0].Org != org || len(got[0].Cites) == 0 {
			t.Fatalf("%s of %s: %+v", fault, thing, got)
		}
		return got[0]
	}

	t.Log("a version in use that its domain does not have")
	single := f.Terms
	single.ID, single.Members = "a-one", single.Members[:1]
	app := records.Record[governance.Application]{ID: single.ID, Revision: 1, Parent: single.Scenario, Value: governance.Application{Terms: single}, Envelope: []byte("x")}
	run := records.Record[jobs.Run]{ID: "run-7", Revision: 1, Parent: single.ID, Value: jobs.Run{ID: "run-7", At: h.now(), Purpose: single.Purpose}, Envelope: []byte("x")}
	h.must("an application", h.rec.Applications.Put(ctx, app))
	h.must("a run", h.rec.Runs.Put(ctx, run))
	h.way.set("run-7", verb.View{State: jobs.Refused, Refusal: "budget"})
	none("alteration", first.Dataset)
	h.way.set("run-7", verb.View{State: jobs.Refused, Refusal: "dataset"})
	one("alteration", first.Dataset, first.Provider.Org)

	t.Log("a version whose rates are under the house's number")
	none("quality", "poor")
	e := h.Catalogue[first.Dataset]
	e.ID, e.Versions = "poor", []governance.Version{{ID: "v1", Rows: 5000, At: h.now(), Quality: &governance.Quality{Completeness: 60, Validity: 100}}}
	h.must("registering", h.as(first.Provider.Org+"-officer").AddEntry(ctx, e))
	none("quality", "poor")

	t.Log("the end of an emergency, which leaves its data undisposed")
	order := h.order("bureau-officer", func(o *msg.OrderBody) {
		o.ID, o.Code, o.Cause, o.Thing.Name = "e-1", msg.Emergency, "d-1", first.Dataset
	})
	if _, err := h.as("bureau-officer").PlaceOrder(ctx, order); err != nil {
		t.Fatal(err)
	}
	none("undone", "e-1")

	t.Log("an attestation that runs out, and one that is renewed")
	none("security", "operator")
	h.pass(40 * day)
	one("undone", "e-1", first.Provider.Org)
	one("undone", second.Dataset, second.Provider.Org)
	one("quality", "poor", first.Provider.Org)
	expired := one("security", "operator", "operator")
	if !strings.Contains(expired.What.ZH, "到期") {
		t.Errorf("%+v", expired)
	}
	r, raw := handIn(t, h, "op", papers.Report{Duty: "attestation", Operator: "operator", From: h.now(), To: h.now().AddDate(1, 0, 0), Text: "等级保护三级测评证明"})
	if _, err := h.as("op").FileReport(ctx, r, raw); err != nil {
		t.Fatal(err)
	}
	none("security", "operator")
}

// What an emergency was had for is told to the gates with the order that ends it, and
// an order says by which rule it holds.
func TestHoldsSayTheirRule(t *testing.T) {
	h, f := staged(t, func(w *gatestest.World) { w.Sheets[w.Terms.Members[0].Dataset].Event = "flood-2026" })
	ctx, name := t.Context(), f.Terms.Members[0].Dataset
	for id, edit := range map[string]func(o *msg.OrderBody){
		"e-1": func(o *msg.OrderBody) { o.Code, o.Cause = msg.Emergency, "d-1" },
		"i-1": func(o *msg.OrderBody) { o.Code = "incident" },
		"x-1": func(o *msg.OrderBody) { o.Code = "inspection" },
	} {
		order := h.order("bureau-officer", func(o *msg.OrderBody) { edit(o); o.ID, o.Thing.Name = id, name })
		if _, err := h.as("bureau-officer").PlaceOrder(ctx, order); err != nil {
			t.Fatal(err)
		}
	}
	reg, err := h.rec.Register(ctx, h.Root)
	h.must("the register", err)
	held, err := h.api.Held(ctx, reg, h.now())
	h.must("what is held", err)
	want := map[string][2]string{"e-1": {"emergency.disposal", "flood-2026"}, "i-1": {"incident.remedy", ""}, "x-1": {"", ""}}
	for _, x := range held {
		if w := want[x.ID]; x.Key != w[0] || x.Event != w[1] || x.Reason == "" {
			t.Errorf("%+v, want %v", x, w)
		}
	}
	if len(held) != len(want) {
		t.Errorf("held: %+v", held)
	}
	if _, err := msg.SignOrder(h.Keys["bureau-officer"], msg.OrderBody{
		ID: "e-2", Thing: msg.Held{Kind: msg.HoldDataset, Name: name}, Code: msg.Emergency, Text: "over", At: h.now().UTC().Truncate(time.Second), Lifters: []suite.PublicKey{h.Keys["bureau-2"].Public()},
	}); err == nil {
		t.Errorf("an emergency ends without the case of its disposal")
	}
}

// A release that was taken back and not confirmed is found with whoever has it, and
// not with who confirmed.
func TestUnconfirmedIsFound(t *testing.T) {
	h := newHall(t)
	ctx := t.Context()
	h.permitted(h.Terms())
	h.must("starting", h.submit("op", "r-1", h.Terms()))
	h.way.set("r-1", verb.View{State: jobs.Released})
	var err error
	h.notary.entry, err = receipt.Sign(h.Keys["yuneid"], msg.Release, receipt.About("x", suite.DigestOf(nil)), 1)
	h.must("signing", err)
	out, err := h.as("bureau-officer").Withdrawal(ctx, "r-1")
	h.must("asking", err)
	w := governance.Withdrawal{Run: "r-1", Permit: out.Permit, Bundle: out.Bundle, Entry: out.Entry, Code: "error", Text: "a wrong code list", At: h.now().UTC().Truncate(time.Second)}
	r, err := w.Sign(h.Keys["bureau-officer"])
	h.must("signing", err)
	out, err = h.as("bureau-officer").Withdraw(ctx, "r-1", r)
	h.must("taking back", err)
	if got := h.find("undone", "r-1"); len(got) != 0 {
		t.Errorf("within the term: %+v", got)
	}
	said, err := governance.Confirmation{Run: "r-1", Withdrawal: out.Digest, For: out.Asked[0].Org, Done: "destroyed", At: h.now().UTC().Truncate(time.Second)}.Sign(h.Keys["op"])
	h.must("signing", err)
	_, err = h.as("op").ConfirmWithdrawal(ctx, "r-1", said)
	h.must("confirming", err)
	h.pass(40 * day)
	if got := h.find("undone", "r-1"); len(got) != len(out.Asked)-1 || slices.ContainsFunc(got, func(x oversight.Finding) bool { return x.Org == out.Asked[0].Org }) {
		t.Errorf("asked %+v, found %+v", out.Asked, got)
	}
}
