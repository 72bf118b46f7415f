package gates

import (
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
)

// Grounds says whether somebody may decide so in the case of a scenario: what a
// refusal and a condition have to rest on in this city, which no table of stages
// knows. The sheets are those of the datasets that the person's organisation
// answers for; of data that are shared unconditionally nothing is refused.
// Whoever takes an event into a case asks first; whether the article
// that is cited says so is for people. The refusal is case-basis.
func Grounds(p profile.Profile, s papers.Scenario, sheets []papers.Sheet, e cases.Event) error {
	r := e.Ruling
	if r == nil || e.Act != cases.Decide && e.Act != cases.Unseal {
		return nil
	}
	byLaw := slices.ContainsFunc(r.Basis, func(b cases.Basis) bool { return b.Source == cases.Law })
	switch r.Verdict {
	case cases.Deny:
		if direct, err := p.Rule("share.unconditional"); err == nil && direct.Enforced() && s.Channel == profile.BySharing && len(sheets) > 0 && !slices.ContainsFunc(sheets, conditional) {
			return ungrounded(p, "share.unconditional") // had directly: there is nothing to refuse
		}
		key := s.Channel + ".refusal"
		rule, err := p.Rule(key)
		if err != nil || rule.Value.Has("law") && !byLaw || len(r.Basis) == 0 && r.Reason == "" {
			return ungrounded(p, key)
		}
	case cases.Conditional:
		if s.Channel == profile.BySharing && p.Yes("share.no_extra_conditions") && len(r.Basis) == 0 {
			return ungrounded(p, "share.no_extra_conditions")
		}
	default:
	}
	return nil
}

func conditional(s papers.Sheet) bool { return s.Share != papers.Unconditional }

// ungrounded cites the rule that asks for a basis.
func ungrounded(p profile.Profile, key string) error {
	basis, _ := p.Quoted(key)
	return fault.Refuse("case-basis", basis)
}
