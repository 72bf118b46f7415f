package gates

import (
	"cmp"
	"maps"
	"slices"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
)

// licence is G1: who uses data may. An operator needs a licence that was decided
// in a case and is registered; an applicant to open data what the city asks of
// applicants; a user of shared data to be known.
func (a *asking) licence() {
	op := a.Terms.Operator.Org
	if org, ok := a.Register.Orgs[op]; !ok || org.Kind != governance.Operator {
		a.no("org-unknown", op, "grant.qualified")
	}
	a.held("operator", op)
	if a.channel == profile.ByOpening && len(a.words("open.applicant")) > 0 {
		if s, ok := a.scenario("open.applicant"); ok {
			a.lacks("scenario-lacks", a.applied.ref.ID, s.Check(a.Profile), "G1")
		}
	}
	if a.channel != profile.ByOperation {
		return
	}
	keys := []string{"authop.licence", "grant.qualified"}
	if stands(a, a.admitted, admitKind, keys...) {
		a.admission(a.admitted.body, keys)
	}
	a.registered(keys)
	a.years()
}

func (a *asking) admission(ad papers.Admission, keys []string) {
	if ad.Operator != a.Terms.Operator.Org {
		a.no("licence-foreign", a.admitted.ref.ID, keys...)
	}
	switch {
	case a.Now.Before(ad.From) || !a.Now.Before(ad.To):
		a.no("licence-ended", a.admitted.ref.ID, keys...)
	case !a.covers(ad.From, ad.To):
		a.no("licence-span", a.admitted.ref.ID, keys...)
	}
	if !a.Now.Before(ad.Attested) {
		a.no("attestation", a.admitted.ref.ID, "security.attestation", "grant.qualified")
	}
	for _, m := range ad.Check(a.Profile, a.Now) {
		if !slices.Contains(saidApart, m.Field) {
			a.lack(Refused, "admission-lacks", a.admitted.ref.ID, m)
		}
	}
	a.term(ad)
}

// saidApart lists the fields of an application of which this gate says by codes of
// their own: the term, which two people may decide on, and the attestation's end.
var saidApart = []string{"to", "attested_until"}

// term holds the longest term. Two people may decide on a longer one, with a
// reason, and never beyond the base layer's.
func (a *asking) term(ad papers.Admission) {
	r, err := a.Profile.Rule("authop.term_max_years")
	n, ok := r.Value.Int()
	if err != nil || !ok || !r.Enforced() || !ad.To.After(ad.From.AddDate(n, 0, 0)) {
		return
	}
	most, limited := r.Limit.Int()
	overridden := r.Override == profile.Reasoned && ad.Reason != "" && len(a.admitted.c.Rulings("override")) > 1
	if !overridden || limited && ad.To.After(ad.From.AddDate(most, 0, 0)) {
		a.no("licence-term", a.admitted.ref.ID, "authop.term_max_years")
	}
}

// registered compares the register with the paper that was decided on: a licence
// is no longer, and for nothing else, than the case says.
func (a *asking) registered(keys []string) {
	ad := a.admitted.body
	for _, l := range a.Register.Licences {
		if l.Operator == a.Terms.Operator.Org && l.Live(a.Now) && !l.NotBefore.Before(ad.From) && !l.NotAfter.After(ad.To) && slices.Contains(l.Purposes, a.Terms.Purpose) {
			return
		}
	}
	a.no("licence-unregistered", a.Terms.Operator.Org, keys...)
}

// years looks at the yearly evaluations. An operator that one of them eliminated
// has no licence, whatever the register still says, and neither has one that failed
// as many years in a row as cost it, whether or not anybody concluded so, and however
// well it did since. What lets it use data again is to be admitted anew: no city's
// text bars that.
func (a *asking) years() {
	keys := []string{"authop.elimination_years", "authop.licence"}
	if !a.Known.Years {
		a.unsure("years-unread", a.Terms.Operator.Org, keys...)
		return
	}
	all := slices.Concat(slices.Collect(maps.Values(a.Years))...)
	all = slices.DeleteFunc(all, func(c *cases.Case) bool {
		o := c.Opening()
		return o.Kind != "evaluate.yearly" || !slices.Contains(o.Parties[cases.Operator], a.Terms.Operator.Org)
	})
	slices.SortFunc(all, func(x, y *cases.Case) int { return cmp.Compare(x.Opening().Year, y.Opening().Year) })
	for len(all) > 0 {
		i := slices.IndexFunc(all, func(c *cases.Case) bool { return a.costs(all, c) != "" })
		if i < 0 {
			return
		}
		if !a.anew(all[i]) {
			a.no(a.costs(all, all[i]), all[i].ID(), keys...)
			return
		}
		all = all[i+1:] // what follows is of another qualification
	}
}

// costs is the code by which an evaluation costs the operator its qualification,
// "" if it does not.
func (a *asking) costs(all []*cases.Case, c *cases.Case) string {
	outcome, _ := c.Outcome()
	n, ok := a.Profile.Int("authop.elimination_years")
	switch failed, _ := cases.Failures(all, a.Terms.Operator.Org, c.Opening().Year); {
	case outcome == cases.Adverse:
		return "eliminated"
	case outcome == cases.Refused && ok && a.asks("authop.elimination_years") && failed >= n:
		return "failed-years"
	}
	return ""
}

// anew reports whether all that the operator uses data by was opened after an
// evaluation had ended: its admission, the scenario and the agreement.
func (a *asking) anew(evaluation *cases.Case) bool {
	for _, c := range []*cases.Case{a.admitted.c, a.applied.c, a.signed.c} {
		if c == nil || !c.Opened().After(evaluation.Last()) {
			return false
		}
	}
	return true
}
