package governance

import (
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// MayLicense reports whether by may grant l: an officer of the bureau, to a
// registered operator, for a term that the rules of the city allow. Whether the
// case that it names has decided just that is for package governance/gates.
func (g Register) MayLicense(by suite.PublicKey, l Licence, now time.Time) error {
	if _, err := g.acting(by, RoleBureau, g.Rules.Basis(keyLicence), now); err != nil {
		return err
	}
	if _, taken := g.Licences[l.ID]; taken {
		return fault.Refuse("registered", House)
	}
	if g.Orgs[l.Operator].Kind != Operator {
		return fault.Refuse("licence-operator", g.Rules.Basis(keyLicence))
	}
	if jobs.ID(l.ID) != nil || !label(l.Field) || !label(l.Basis) || len(l.Reason) > maxTitle || !l.NotBefore.Before(l.NotAfter) {
		return fault.Refuse("registration", House)
	}
	if len(l.Purposes) == 0 || len(l.Purposes) > maxPurposes || slices.ContainsFunc(l.Purposes, func(p string) bool { return jobs.ID(p) != nil }) {
		return fault.Refuse("registration", House)
	}
	return g.term(l)
}

// termKey is the longest term of a licence. 原则上 (as a rule) three years, says
// Guiyang: more is for two people to reason, and never more than the base layer.
const termKey = "authop.term_max_years"

func (g Register) term(l Licence) error {
	rule, err := g.Rules.Rule(termKey)
	if err != nil || g.Rules.ID() == "" {
		return fault.Refuse("no-rules", House)
	}
	beyond := func(years int, ok bool) bool { return ok && l.NotAfter.After(l.NotBefore.AddDate(years, 0, 0)) }
	if years, ok := rule.Value.Int(); beyond(years, ok) && (rule.Override != profile.Reasoned || !label(l.Reason)) {
		return fault.Refuse("licence-term", g.Rules.Basis(termKey))
	}
	if years, ok := rule.Limit.Int(); beyond(years, ok) {
		return fault.Refuse("licence-term", House)
	}
	return nil
}

// Licensed reports whether a licence covers the terms at an instant: one of
// the operator's that is in force, spans the terms and names their purpose.
// The refusal is that of the licence that came nearest. Who has data by sharing or by
// opening operates nothing, and no city asks for a licence: what class of user may
// have them, and for what, is the scenario's and gates G1 and G5's to say.
func (g Register) Licensed(t jobs.Terms, now time.Time) error {
	if t.Under != nil && (t.Under.Channel == profile.BySharing || t.Under.Channel == profile.ByOpening) {
		return nil
	}
	nearest := 0
	for _, l := range g.Licences {
		if l.Operator != t.Operator.Org || !l.Live(now) {
			continue
		}
		if t.NotBefore.Before(l.NotBefore) || t.NotAfter.After(l.NotAfter) {
			nearest = max(nearest, 1)
			continue
		}
		if slices.Contains(l.Purposes, t.Purpose) {
			return nil
		}
		nearest = 2
	}
	return [...]error{
		fault.Refuse("licence", g.Rules.Basis(keyLicence)),
		fault.Refuse("licence-span", g.Rules.Basis(keyLicence)),
		fault.Refuse("licence-purpose", g.Rules.Basis(keyApplication)),
	}[nearest]
}
