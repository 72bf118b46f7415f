package gates

import (
	"slices"
	"strings"

	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
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
	a.lacks("scenario-lacks", id, s.Check(a.Profile), "G2")
	a.way(id)
}

// gateOf are the gates that say what a scenario lacks by a rule of theirs.
var gateOf = map[string]string{
	"open.applicant": "G1", "share.commitments": "G4", "open.commitment": "G4", "channel.kinds": "G5", "share.users": "G5",
	"share.university_purposes": "G5", "share.company_purposes": "G5", "purpose.bound": "G5", "output.recipients": "G5",
}

// lacks says what a paper lacks that is this gate's to say.
func (a *asking) lacks(code, thing string, all []papers.Missing, gate string) {
	for _, m := range all {
		of, ok := gateOf[m.Key]
		if ok && of == gate || !ok && gate == "G2" || gate == "" {
			a.lack(Refused, code, thing, m)
		}
	}
}

// way: data that come by a channel are decided on the way that the city sets for
// it, and by no shorter one.
func (a *asking) way(id string) {
	t := a.applied.c.Table()
	route := a.words(a.channel + ".route")
	if a.channel == profile.ByOperation {
		if t.Channel != "" && t.Channel != a.channel {
			a.no("scenario-way", id, "authop.one_application")
		}
		return
	}
	if t.Channel != a.channel || len(route) > 0 && !slices.Equal(t.Route, route) {
		a.no("scenario-way", id, "share.route", "open.route", "channel.kinds")
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
		case !a.provided(c, m.Provider.Org):
			a.no("provider-open", m.Provider.Org, keys...)
		}
	}
	for _, h := range c.Conditions() {
		if h.Kind == cases.Limit {
			a.warn("limit", h.ID, keys...)
		}
	}
}

// provided reports whether a provider's people allowed at the stage at which
// providers are asked, whatever the procedure calls it.
func (v *view) provided(c *cases.Case, org string) bool {
	for _, s := range c.Table().Stages {
		asked := slices.ContainsFunc(s.Owners, func(o cases.Owner) bool { return o.Seat == cases.Provider })
		if asked && v.allowed(c, s.ID, org) {
			return true
		}
	}
	return false
}
