package api_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/suite"
)

// sheet is an entry of the dataset of an organisation, with all that the city asks
// for and the columns that are registered.
func (h *hall) sheet(org string) papers.Sheet {
	s := paperstest.Sheet(h.Rules)
	e := h.Catalogue[org+"-visits"]
	s.Dataset, s.Provider = e.ID, org
	item := s.Items[1]
	s.Items = nil
	for _, c := range e.Columns {
		item.Code, item.Column, item.Source, item.Identifier = org+"/"+c.Name, c.Name, org, ""
		if c.Role == governance.UnitIdentifier {
			item.Identifier = "resident-id"
		}
		s.Items = append(s.Items, item)
	}
	return s
}

var approval = cases.Filing{Name: "government-approval", Digest: suite.DigestOf([]byte("批复")), Media: "application/pdf", Title: "批复"}

// reviewing takes a sheet to where the bureau decides on it. on is whether the paper
// is put on file.
func (h *hall) reviewing(id string, s papers.Sheet, on bool, more map[string]suite.Digest) verb.Case {
	h.t.Helper()
	ctx, who := h.t.Context(), s.Provider+"-officer"
	raw, err := papers.Bytes(papers.KindSheet, s)
	h.must("writing", err)
	if on {
		_, err = h.as(who).PutPaper(ctx, raw)
		h.must("putting", err)
	}
	v, err := h.as(who).Act(ctx, id, h.begin(who, id, "catalogue.review", h.Rules.Frozen(), cases.Provider))
	h.must("opening", err)
	if more["negative-list"] != "" {
		v, err = h.as(who).Act(ctx, id, h.says(who, v, cases.Event{Act: cases.Filed, Filing: &approval}))
		h.must("filing what the government decided", err)
	}
	refs := map[string]suite.Digest{"entry": suite.DigestOf(raw)}
	maps.Copy(refs, more)
	v, err = h.as(who).Act(ctx, id, h.says(who, v, cases.Event{Act: cases.Submit, Refs: cases.Refs(refs)}))
	h.must("handing in", err)
	return v
}

func (h *hall) rules(who string, v verb.Case, verdict cases.Verdict) (verb.Case, error) {
	h.t.Helper()
	r := cases.Ruling{On: v.Matter, Verdict: verdict}
	if verdict == cases.Deny {
		r.Basis = []cases.Basis{{Source: cases.House, Text: "要素不全"}}
	}
	return h.as(who).Act(h.t.Context(), v.ID, h.says(who, v, cases.Event{Act: cases.Decide, Ruling: &r}))
}

// What the city asks of an entry is asked where it is published, and not only when
// a job comes to use it: one that lacks a field, has other columns than the
// register, or names a second source of an item is not published, whoever allows it.
func TestPublishing(t *testing.T) {
	h, _ := ruled(t)
	lacks := func(what string, v verb.Case, article string) {
		t.Helper()
		_, err := h.rules("bureau-officer", v, cases.Allow)
		h.refused(what, err, "entry-lacks")
		if r, _ := errors.AsType[fault.Refusal](err); !strings.Contains(r.Basis, article) {
			t.Errorf("%s: cites %q, want %s", what, r.Basis, article)
		}
		if _, err := h.rules("bureau-officer", v, cases.Deny); err != nil {
			t.Errorf("%s: refusing it: %v", what, err)
		}
	}
	bare := h.sheet("hospital")
	bare.Fields["requirements"], bare.Fields["name"] = "", ""
	lacks("a field is missing", h.reviewing("c-1", bare, true, nil), "第十条")
	lacks("its paper is not on file", h.reviewing("c-2", h.sheet("transit"), false, nil), "第十条")
	other := h.sheet("hospital")
	other.Items = other.Items[:3]
	lacks("a registered column was not reviewed", h.reviewing("c-3", other, true, nil), "第十条")
	foreign := h.sheet("transit")
	foreign.Dataset = "hospital-visits"
	lacks("another's dataset", h.reviewing("c-4", foreign, true, nil), "第十条")

	v, err := h.rules("bureau-officer", h.reviewing("c-5", h.sheet("hospital"), true, nil), cases.Allow)
	if err != nil || v.Outcome != cases.Approved || v.Lock == nil {
		t.Fatalf("a whole entry: %+v, %v", v.Outcome, err)
	}
	if !slices.Contains(h.notary.lines, v.Lock.Digest) || !strings.Contains(v.Lock.ZH, "未对接") || v.Lock.Dataset != "hospital-visits" || v.Lock.Case != "c-5" {
		t.Errorf("locked: %+v", v.Lock)
	}
	second := h.sheet("transit")
	second.Items[2].Code = "hospital/district"
	lacks("a second source of an item", h.reviewing("c-6", second, true, nil), "第十五条")
	second.Items[2].Source = "hospital" // one source, used by many
	if v, err := h.rules("bureau-officer", h.reviewing("c-7", second, true, nil), cases.Allow); err != nil || v.Outcome != cases.Approved {
		t.Errorf("of the one source: %v", err)
	}
}

// A government decides what is on the negative list, and so what comes off it: the
// bureau alone does neither.
func TestNegativeList(t *testing.T) {
	h, _ := ruled(t)
	h.pass(time.Minute)
	listed := h.sheet("hospital")
	listed.Negative, listed.Share, listed.Open, listed.Conditions = papers.Listed, papers.NotShared, papers.Closed, ""
	list := map[string]suite.Digest{"negative-list": suite.DigestOf([]byte("list"))}
	alone := func(what string, v verb.Case) {
		t.Helper()
		_, err := h.rules("bureau-officer", v, cases.Allow)
		h.refused(what, err, "entry-lacks")
		if r, _ := errors.AsType[fault.Refusal](err); !strings.Contains(r.Basis, "第十二条") {
			t.Errorf("%s: cites %q", what, r.Basis)
		}
	}
	alone("onto the list by the bureau alone", h.reviewing("c-1", listed, true, nil))
	v, err := h.rules("bureau-officer", h.reviewing("c-2", listed, true, list), cases.Allow)
	if err != nil || v.Stage != "government" {
		t.Fatalf("to the government: %v, %v", v.Stage, err)
	}
	v, err = h.as("bureau-2").Act(t.Context(), "c-2", h.says("bureau-2", v, cases.Event{Act: cases.Attest, Filing: &approval, Text: "核对原件"}))
	h.must("checking it", err)
	if v, err = h.rules("bureau-2", v, cases.Allow); err != nil || v.Outcome != cases.Approved {
		t.Fatalf("listed: %v", err)
	}
	alone("off the list by the bureau alone", h.reviewing("c-3", h.sheet("hospital"), true, nil))
	v, err = h.rules("bureau-officer", h.reviewing("c-4", h.sheet("hospital"), true, list), cases.Allow)
	if err != nil || v.Stage != "government" {
		t.Errorf("off it by the government: %v, %v", v.Stage, err)
	}
}

// A consent is recorded by a case that the provider opens and the bureau looks at;
// once on file it can be taken back, and neither widened nor given again by its
// keeper.
func TestRecordingAConsent(t *testing.T) {
	h, _ := ruled(t)
	ctx := t.Context()
	n := paperstest.Consent(h.Rules)
	n.ID, n.Dataset, n.From = "consent-1", "hospital-visits", h.now().AddDate(0, -1, 0).UTC().Truncate(time.Second)
	put := func(who string, n papers.Consent) (suite.Digest, error) {
		raw, err := papers.Bytes(papers.KindConsent, n)
		h.must("writing", err)
		return h.as(who).PutPaper(ctx, raw)
	}
	open := func(id string, d suite.Digest) verb.Case {
		t.Helper()
		who := "hospital-officer"
		v, err := h.as(who).Act(ctx, id, h.begin(who, id, "consent.record", h.Rules.Frozen(), cases.Provider))
		h.must("opening", err)
		f := cases.Filing{Name: "consent-original", Digest: suite.DigestOf([]byte("同意书原件")), Media: "application/pdf", Title: "同意书"}
		v, err = h.as(who).Act(ctx, id, h.says(who, v, cases.Event{Act: cases.Filed, Filing: &f}))
		h.must("filing", err)
		v, err = h.as(who).Act(ctx, id, h.says(who, v, cases.Event{Act: cases.Submit, Refs: []cases.Ref{{Name: "consent", Digest: d}}}))
		h.must("handing in", err)
		return v
	}
	_, err := put("transit-officer", n)
	h.refused("another's data", err, "role")
	bare := n
	bare.ID, bare.Purposes = "consent-0", nil
	d, err := put("hospital-officer", bare)
	h.must("putting", err)
	_, err = h.rules("bureau-officer", open("k-0", d), cases.Allow)
	h.refused("for no purpose", err, "consent-lacks")
	_, err = h.rules("bureau-officer", open("k-1", suite.DigestOf([]byte("nowhere"))), cases.Allow)
	h.refused("not on file", err, "consent-lacks")

	d, err = put("hospital-officer", n)
	h.must("putting", err)
	v := open("k-2", d)
	if _, err := h.rules("hospital-officer", v, cases.Allow); err == nil {
		t.Error("its keeper records it alone")
	}
	v, err = h.rules("bureau-officer", v, cases.Allow)
	if err != nil || v.Outcome != cases.Approved {
		t.Fatalf("recording: %v, %v", v.Outcome, err)
	}
	wider, back := n, n
	wider.Purposes = append(slices.Clone(n.Purposes), "marketing")
	_, err = put("hospital-officer", wider)
	h.refused("widened", err, "consent-change")
	back.Withdrawn = h.now().AddDate(0, 1, 0).UTC().Truncate(time.Second)
	_, err = put("hospital-officer", back)
	h.refused("taken back in a month's time", err, "consent-change")
	back.Withdrawn = h.now().UTC().Truncate(time.Second)
	_, err = put("hospital-officer", back)
	h.must("taking it back", err)
	_, err = put("hospital-officer", n)
	h.refused("given again by its keeper", err, "consent-change")
}
