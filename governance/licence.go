package governance

import (
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// The term of a licence, in years. Article 32 says 原则上 (as a rule) three: more
// is for the bureau to reason. The ceiling over that is ours.
const (
	usualYears = 3
	mostYears  = 5
)

// MayLicense reports whether by may grant l: an officer of the bureau, to a
// registered operator.
func (g Register) MayLicense(by suite.PublicKey, l Licence, now time.Time) error {
	if _, err := g.acting(by, RoleBureau, Article32, now); err != nil {
		return err
	}
	if _, taken := g.Licences[l.ID]; taken {
		return fault.Refuse("registered", House)
	}
	if g.Orgs[l.Operator].Kind != Operator {
		return fault.Refuse("licence-operator", Article32)
	}
	if jobs.ID(l.ID) != nil || !label(l.Field) || !label(l.Basis) || len(l.Reason) > maxTitle || !l.NotBefore.Before(l.NotAfter) {
		return fault.Refuse("registration", House)
	}
	if len(l.Purposes) == 0 || len(l.Purposes) > maxPurposes || slices.ContainsFunc(l.Purposes, func(p string) bool { return jobs.ID(p) != nil }) {
		return fault.Refuse("registration", House)
	}
	return l.term()
}

func (l Licence) term() error {
	switch {
	case l.NotAfter.After(l.NotBefore.AddDate(mostYears, 0, 0)):
		return fault.Refuse("licence-term", House)
	case l.NotAfter.After(l.NotBefore.AddDate(usualYears, 0, 0)) && !label(l.Reason):
		return fault.Refuse("licence-term", Article32)
	}
	return nil
}

// Licensed reports whether a licence covers the terms at an instant: one of
// the operator's that is in force, spans the terms and names their purpose.
// The refusal is that of the licence that came nearest.
func (g Register) Licensed(t jobs.Terms, now time.Time) error {
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
		fault.Refuse("licence", Article32),
		fault.Refuse("licence-span", Article32),
		fault.Refuse("licence-purpose", Article34i),
	}[nearest]
}
