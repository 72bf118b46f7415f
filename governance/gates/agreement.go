package gates

import (
	"slices"

	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
)

var (
	agreed    = []string{"authop.one_agreement", "open.agreement", "grant.signed"}
	purposes  = []string{"share.purpose_bound", "open.purpose_bound", "purpose.bound"}
	recipient = []string{"share.onward_forbidden", "open.purpose_bound", "purpose.bound", "output.recipients"}
)

// agreement is G4: bureau and operator have signed for this scenario as it was
// decided, with what the city asks an agreement and its commitments to hold.
func (a *asking) agreement() {
	asked := a.channel == profile.ByOperation || a.asks("open.agreement")
	named := len(a.Terms.Under.Of(agreementKind)) > 0
	promises := a.promises()
	if !asked && !named {
		if !promises {
			a.moot("no-agreement")
		}
		return
	}
	if !stands(a, a.signed, agreementKind, agreed...) {
		return
	}
	g, id := a.signed.body, a.signed.ref.ID
	if g.ID != id || g.Operator != a.Terms.Operator.Org || g.Bureau != a.Terms.Bureau.Org {
		a.no("agreement-foreign", id, agreed...)
	}
	for _, org := range []string{g.Operator, g.Bureau} {
		if !a.allowed(a.signed.c, "signing", org) {
			a.no("agreement-unsigned", org, agreed...)
		}
	}
	a.decidedFirst(g, id)
	if !a.covers(g.From, g.To) {
		a.no("agreement-term", id, agreed...)
	}
	if (a.strict("authop.one_plan") && a.channel == profile.ByOperation || a.asks("security.plan")) && g.Plan.Hex() == "" && a.applied.body.Plan.Hex() == "" {
		a.no("plan", id, "authop.one_plan", "security.plan")
	}
	a.whole(g, id)
}

// decidedFirst: an agreement is of the scenario as it was decided, and of nothing
// that came before or after.
func (a *asking) decidedFirst(g papers.Agreement, id string) {
	if _, ok := a.scenario(agreed...); !ok {
		return
	}
	head, ok := a.signed.c.Ref(decisionRef)
	if !ok || head != a.applied.c.Head() || g.Head != head || g.Scenario != a.applied.ref.ID {
		a.no("agreement-scenario", id, agreed...)
	}
}

// promises holds the commitments that the city asks for, and reports whether it
// asks for any.
func (a *asking) promises() bool {
	if len(a.words("share.commitments")) == 0 && !a.asks("open.commitment") {
		return false
	}
	if s, ok := a.scenario("share.commitments", "open.commitment"); ok {
		a.lacks("scenario-lacks", a.applied.ref.ID, s.Check(a.Profile), "G4")
	}
	return true
}

// whole: the agreement holds what the city lists, within the scenario and the
// licence, and what was signed is the text that its blanks make.
func (a *asking) whole(g papers.Agreement, id string) {
	if !a.applied.ok() {
		return // decidedFirst has said so
	}
	var licence *papers.Admission
	if a.admitted.read {
		licence = &a.admitted.body
	}
	signed := a.Profile
	if own := profile.Frozen(a.signed.c.Opening().Profile); own != signed.Frozen() {
		if signed = a.Agreed; signed.Frozen() != own {
			a.unsure("no-rules", id, agreed...)
			return
		}
	}
	a.lacks("agreement-lacks", id, g.CheckSince(a.Profile, signed, a.applied.body, a.applied.c.Head(), licence), "")
}

// purpose is G5: the purpose is what was applied for, agreed and licensed, the
// city lets such a user use data by this channel for it, and it goes to nobody
// else.
func (a *asking) purpose() {
	if !slices.Contains(a.words("channel.kinds"), a.channel) {
		a.no("channel", a.channel, "channel.kinds")
	}
	s, ok := a.scenario(purposes...)
	if !ok {
		return
	}
	keys := purposes
	if a.channel == profile.BySharing {
		keys = append(slices.Clone(purposes), "purpose.widening_forbidden")
	}
	if s.Purpose != a.Terms.Purpose {
		a.no("purpose-other", a.Terms.Purpose, keys...)
	}
	a.mode(s, keys...)
	if a.signed.ok() && !slices.Contains(a.signed.body.Purposes, a.Terms.Purpose) {
		a.no("purpose-agreement", a.Terms.Purpose, keys...)
	}
	if a.channel == profile.ByOperation && a.admitted.ok() && !slices.Contains(a.admitted.body.Purposes, a.Terms.Purpose) {
		a.no("purpose-licence", a.Terms.Purpose, "purpose.bound", "authop.licence")
	}
	if a.admitted.ok() && a.admitted.body.Class != s.Class {
		a.no("class-other", string(s.Class), "grant.qualified")
	}
	a.classed(s)
	a.going(s, a.Terms.Recipients, "recipients")
}

// classed: some may use shared data at all, and some for some ends only.
func (a *asking) classed(s papers.Scenario) {
	if !slices.Contains([]papers.Class{papers.Organ, papers.PublicBody, papers.Company, papers.University}, s.Class) {
		a.unsure("class-unknown", a.applied.ref.ID, "share.users", "grant.qualified")
		return
	}
	a.lacks("scenario-lacks", a.applied.ref.ID, s.Check(a.Profile), "G5")
	if a.asks("share.no_disclosure") && s.Purpose == Disclosure {
		a.no("disclosure", s.Purpose, "share.no_disclosure")
	}
}

// Disclosure is the purpose code of 政府信息公开, for which shared data may not serve
// in some cities.
const Disclosure = "government-disclosure"

// going: the recipients are among those that were decided on and agreed, and
// shared data go to nobody but who asked for them.
func (a *asking) going(s papers.Scenario, to []string, code string) {
	for _, r := range to {
		if !slices.Contains(s.Recipients, r) || a.signed.ok() && !slices.Contains(a.signed.body.Recipients, r) {
			a.no(code, r, recipient...)
		}
		if a.asks("share.onward_forbidden") && r != a.Terms.Operator.Org {
			a.no("onward", r, "share.onward_forbidden", "output.recipients")
		}
	}
	if len(to) == 0 {
		a.unsure("recipients-none", "", recipient...)
	}
}
