package gates

import (
	"slices"
	"strings"

	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
)

var (
	askedFor = []string{"authop.one_application", "share.mechanisms", "share.demand_fields", "share.route", "open.application_fields", "open.route", "catalogue.bound"}
	oneList  = []string{"authop.one_list", "share.demand_fields", "share.route", "open.route", "grant.least", "catalogue.bound"}
)

// list is G2: one scenario, decided as one unit with its one list of datasets,
// and the terms use nothing that is not on it.
func (a *asking) list() {
	if !stands(a, a.applied, scenarioKind, askedFor...) {
		return
	}
	s, id := a.applied.body, a.applied.ref.ID
	if s.ID != id || a.Terms.Scenario != id {
		a.no("scenario-other", id, askedFor...)
	}
	if s.Applicant != a.Terms.Operator.Org {
		a.no("scenario-foreign", id, askedFor...)
	}
	if s.Channel != a.channel {
		a.no("scenario-channel", id, "channel.kinds")
	}
	application, _ := a.applied.c.Ref(scenarioRef)
	if list, ok := a.applied.c.Ref(listRef); !ok || list != application {
		a.no("list-other", id, oneList...)
	}
	for _, m := range a.Terms.Members {
		if use(s, m.Dataset) == nil {
			a.no("dataset-unlisted", m.Dataset, oneList...)
		}
	}
	if !a.covers(s.From, s.To) {
		a.no("scenario-term", id, oneList...)
	}
	for _, key := range []string{"authop.application_fields", "share.demand_fields", "open.application_fields"} {
		for _, word := range a.words(key) {
			if !told(s, word) {
				a.no("scenario-blank", id, key)
			}
		}
	}
}

// use is what a scenario lists of a dataset, nil if nothing.
func use(s papers.Scenario, dataset string) *papers.Use {
	i := slices.IndexFunc(s.Datasets, func(u papers.Use) bool { return u.Dataset == dataset })
	if i < 0 {
		return nil
	}
	return &s.Datasets[i]
}

// told reports whether a scenario says what a word of the city's list of fields
// asks for. A word that it does not know is not told.
func told(s papers.Scenario, word string) bool {
	switch word {
	case "sources":
		return len(s.Sources) > 0
	case "scenario":
		return filled(s.Title, s.Activity)
	case "scope":
		return filled(s.Scope)
	case "term", "deadline":
		return !s.From.IsZero() && s.From.Before(s.To)
	case "safeguards":
		return filled(s.Safeguards)
	case "user":
		return filled(s.Applicant)
	case "data":
		return len(s.Datasets) > 0
	case "mode":
		return filled(s.Mode)
	case "purpose":
		return filled(s.Purpose)
	case "format":
		return filled(s.Format)
	default:
		return false
	}
}

func filled(all ...string) bool {
	return !slices.ContainsFunc(all, func(s string) bool { return strings.TrimSpace(s) == "" })
}

// providers is G3: each provider's people decided, and allowed it. Nobody decides
// for another, and no answer is none.
func (a *asking) providers() {
	keys := []string{"authop.one_review", "share.route", "open.route", "grant.signed"}
	a.held("scenario", a.Terms.Scenario)
	c := a.applied.c
	if c == nil || slices.Contains(unsureOf, a.applied.bad) {
		a.unsure("needs-scenario", a.applied.ref.ID, keys...)
		return
	}
	asked := c.Opening().Parties[cases.Provider]
	for _, m := range a.Terms.Members {
		switch {
		case a.Register.Catalogue[m.Dataset].Provider != m.Provider.Org:
			a.no("provider-other", m.Dataset, keys...)
		case !slices.Contains(asked, m.Provider.Org):
			a.no("provider-unasked", m.Provider.Org, keys...)
		case !a.allowed(c, "providers", m.Provider.Org):
			a.no("provider-open", m.Provider.Org, keys...)
		}
	}
	for _, h := range c.Conditions() {
		if h.Kind == cases.Limit {
			a.warn("limit", h.ID, keys...)
		}
	}
}
