package api_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/suite"
)

// guarded has the hall ask its gates over what is kept there, and keeps the world
// in which every one of them passes.
func (h *hall) guarded() gates.Facts {
	h.t.Helper()
	w := gatestest.In(h.t, h.Town, "guiyang", "authop")
	for _, id := range []string{"bureau-3", "bureau-4", "bureau-5"} {
		h.must("registering", h.as("root").AddUser(h.t.Context(), w.Users[id]))
	}
	f := w.Facts()
	shelve(h.t, h.rec, w, f)
	programs, err := dir.Open(h.t.TempDir())
	h.must("programs", err)
	s, err := api.New(api.Config{
		Installation: installation, Root: h.Root, Records: h.rec, Programs: programs, Way: h.way, Now: h.now,
		Notary: &notary{},
	})
	h.must("a server", err)
	h.api.Gates = s.Gates
	h.pass(time.Minute)
	return f
}

// After a city has published its rules anew nobody proposes a job under what they
// were: an operator would go by whichever version of them is the loosest. What was
// proposed before goes on under the version that everybody signed, and cases that
// were decided under it are still what terms may rest on.
func TestTermsUnderRulesThatWere(t *testing.T) {
	h := newHall(t)
	ctx, f := t.Context(), h.guarded()
	all, err := h.as("op").Preview(ctx, f.Terms, gates.AtSubmission)
	if err != nil || len(gates.Blocked(all)) > 0 {
		t.Fatalf("the world: %v, %+v", err, gates.Blocked(all))
	}
	source, err := profiles.Source("guiyang")
	h.must("the rules", err)
	next := bytes.Replace(source, []byte("\nversion: 1\n"), []byte("\nversion: 2\n"), 1)
	second, err := profiles.Load(next)
	h.must("the next version", err)
	for _, who := range []string{"bureau-officer", "bureau-2"} {
		_, err := h.as(who).Publish(ctx, h.publication(who, second, h.Rules.Frozen()), next)
		h.must("publishing", err)
	}
	_, err = h.as("op").Preview(ctx, f.Terms, gates.AtSubmission)
	h.refused("previewing terms under the version before", err, "terms-rules")
	_, err = h.as("op").SubmitApplication(ctx, f.Terms)
	h.refused("applying under the version before", err, "terms-rules")
	if all, err = h.as("op").Preview(ctx, f.Terms, gates.AtStart); err != nil || len(gates.Blocked(all)) > 0 {
		t.Errorf("a run of what was permitted before: %v, %+v", err, gates.Blocked(all))
	}
	p, err := h.as("op").Propose(ctx, f.Terms.Scenario, f.Terms.Program.Digest)
	if err != nil || p.Under.Version != 2 || p.Under.Rules != second.Frozen().Digest || len(p.Under.Cases) != len(f.Terms.Under.Cases) {
		t.Fatalf("proposed %+v, %v", p.Under, err)
	}
	again := f.Terms
	again.Under = &p.Under
	if all, err = h.as("op").Preview(ctx, again, gates.AtSubmission); err != nil || len(gates.Blocked(all)) > 0 {
		t.Errorf("under the rules in force, on cases of before: %v, %+v", err, gates.Blocked(all))
	}
}

// A consent that was taken back stays so: no officer of the provider brings it back
// with the paper of before, nor moves the day on which it ended.
func TestConsentStaysTakenBack(t *testing.T) {
	h := newHall(t)
	ctx := t.Context()
	dataset := ""
	for id, e := range h.Catalogue {
		if e.Provider == "hospital" {
			dataset = id
		}
	}
	put := func(withdrawn time.Time) error {
		raw, err := papers.Bytes(papers.KindConsent, papers.Consent{ID: "consent-9", Dataset: dataset, Purposes: []string{"flu"}, From: h.now().UTC().Truncate(24 * time.Hour), Withdrawn: withdrawn})
		h.must("writing", err)
		_, err = h.as("hospital-officer").PutPaper(ctx, raw)
		return err
	}
	stood := func() suite.Digest {
		rec, err := h.rec.Consents.Get(ctx, "consent-9")
		h.must("the consent", err)
		return rec.Value
	}
	day := h.now().UTC().Truncate(24 * time.Hour)
	h.must("agreeing", put(time.Time{}))
	h.must("taking back", put(day))
	ended := stood()
	h.refused("the paper of before", put(time.Time{}), "consent-change")
	h.refused("a later end", put(day.AddDate(1, 0, 0)), "consent-change")
	if stood() != ended {
		t.Error("it holds again")
	}
}
