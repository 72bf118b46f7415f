package gates

import (
	"slices"

	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// personal is G9: data on persons have their basis, law or consent, for each item
// that is used, and an assessment is on file (个人信息保护法 13, 55).
func (a *asking) personal() {
	any := false
	for _, m := range a.Terms.Members {
		o, ok := a.sheets[m.Dataset]
		if !ok || !o.read {
			any = true
			a.unsure("sheet-unread", m.Dataset, "personal.basis")
			continue
		}
		for _, it := range o.body.Items {
			if it.Subject == "person" && (it.Identifier != "" || slices.Contains(m.Columns, it.Column)) {
				any = true
				a.item(m, it)
			}
			if !slices.Contains([]string{"person", "body", "thing"}, it.Subject) {
				a.unsure("subject-unknown", m.Dataset, "personal.basis")
			}
		}
		if len(o.body.Items) == 0 {
			a.unsure("subject-unknown", m.Dataset, "personal.basis")
		}
	}
	if !any && len(a.said) == 0 {
		a.moot("no-persons", "personal.basis")
		return
	}
	if s, ok := a.scenario("personal.assessment"); ok && any && a.asks("personal.assessment") && s.Assessment.Hex() == "" {
		a.no("assessment", a.applied.ref.ID, "personal.assessment")
	}
}

func (a *asking) item(m jobs.Member, it papers.Item) {
	keys := []string{"consent.outside_law", "consent.third_party", "personal.basis"}
	switch {
	case it.Sensitive && a.singled() && a.asks("consent.third_party"):
		a.consented(m, it, "consent.third_party", "personal.basis")
	case it.Basis == "consent":
		a.consented(m, it, keys...)
	case it.Basis == "law" && (it.Law == nil || !filled(it.Law.Doc, it.Law.Article)):
		a.no("basis-law", m.Dataset, keys...)
	case it.Basis != "law":
		a.unsure("basis-unknown", m.Dataset, keys...)
	}
}

// singled reports whether a third party is told of single persons: in a sandbox
// nobody is, and whoever verifies is, whatever the scenario says.
func (v *view) singled() bool {
	s := v.applied.body
	return (s.Class == papers.Company || s.Class == papers.University) && (s.Mode != papers.InSandbox || v.Terms.Verify != nil)
}

// consented: a consent is for this dataset and purpose, was given after all that
// the city wants told, and has not been taken back.
func (a *asking) consented(m jobs.Member, it papers.Item, keys ...string) {
	s, ok := a.scenario(keys...)
	if !ok {
		return
	}
	if it.Consent == "" || !slices.Contains(s.Consents, it.Consent) {
		a.no("consent-none", m.Dataset, keys...)
		return
	}
	raw, ok := a.Consents[it.Consent]
	if !ok {
		a.unsure("consent-unread", it.Consent, keys...)
		return
	}
	c, err := papers.Read[papers.Consent](raw, papers.KindConsent)
	if err != nil || c.ID != it.Consent {
		a.unsure("consent-unread", it.Consent, keys...)
		return
	}
	if !a.recordedConsent(c, m) {
		a.no("consent-unrecorded", it.Consent, keys...)
		return
	}
	if c.Dataset != m.Dataset || !slices.Contains(c.Purposes, a.Terms.Purpose) || a.Now.Before(c.From) || !c.Withdrawn.IsZero() && !a.Now.Before(c.Withdrawn) {
		a.no("consent-ended", it.Consent, keys...)
	}
	for _, word := range a.words("consent.notice") {
		if !filled(c.Notice[word]) {
			a.no("consent-notice", it.Consent, "consent.notice")
		}
	}
}

// recordedConsent reports whether the consent is the one that a case recorded,
// which the dataset's provider opened and the bureau looked at; it says too, as
// something to know, that nobody here has seen a data subject sign. What has
// changed since can only be that it was taken back, from that time on: a run before
// it stays what it was (个人信息保护法 15).
func (a *asking) recordedConsent(c papers.Consent, m jobs.Member) bool {
	k := a.Recorded[c.ID]
	outcome, _ := k.Outcome()
	if k == nil || outcome != cases.Approved || k.Opening().Kind != consentKind || k.Opening().Profile.ID != a.Profile.ID() || k.Opener().Org != m.Provider.Org {
		return false
	}
	raw, err := c.Given()
	if d, ok := k.Ref(consentRef); err != nil || !ok || suite.DigestOf(raw) != d {
		return false
	}
	a.warn("consent-unseen", c.ID, "consent.outside_law", "consent.third_party", "personal.basis")
	return true
}
