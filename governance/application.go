package governance

import (
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// An Application is terms that an operator has proposed. Where it stands is
// not kept: StageOf derives it from the decisions at hand.
type Application struct {
	Terms jobs.Terms `json:"terms"`
}

// InOrder reports whether by may propose the terms, and whether they agree
// with the register: a live licence covers them, every dataset, version and
// column is the catalogue's and of the provider named, and every key is the
// one registered for whom the terms name.
func (g Register) InOrder(by suite.PublicKey, t jobs.Terms, now time.Time) error {
	u, err := g.acting(by, RoleOperator, g.Rules.Basis(keyApplication), now)
	if err != nil {
		return err
	}
	if by != t.Operator.Key || u.Org != t.Operator.Org {
		return fault.Refuse("terms-keys", g.Rules.Basis(keyApplication))
	}
	if t.Check() != nil || !now.Before(t.NotAfter) {
		return fault.Refuse("invalid", g.Rules.Basis(keyApplication))
	}
	if err := g.Licensed(t, now); err != nil {
		return err
	}
	for _, m := range t.Members {
		if err := g.catalogued(m); err != nil {
			return err
		}
	}
	if err := g.joinable(t); err != nil {
		return err
	}
	if err := g.verifiable(t); err != nil {
		return err
	}
	if err := g.keyed(t, now); err != nil {
		return err
	}
	return g.checked(t, now)
}

// catalogued refuses a member whose data are not the catalogue's.
func (g Register) catalogued(m jobs.Member) error {
	e, ok := g.Catalogue[m.Dataset]
	if !ok || e.Provider != m.Provider.Org || e.Domain != m.Domain || e.Schema != m.Schema || !e.version(m.Version) {
		return fault.Refuse("uncatalogued", g.Rules.Basis(keyApplication))
	}
	for _, name := range m.Columns {
		c, ok := e.column(name)
		if !ok {
			return fault.Refuse("column", g.Rules.Basis(keyApplication))
		}
		if !slices.Contains(granted, c.Role) {
			return fault.Refuse("identifier", House)
		}
	}
	return nil
}

// joinable refuses a join of sets that the catalogue does not hold for these
// versions, as their providers have registered them.
func (g Register) joinable(t jobs.Terms) error {
	if t.Join == nil {
		return nil
	}
	for i, want := range t.Join.Sets() {
		m := t.Members[i]
		if have := g.Catalogue[m.Dataset].set(m.Version); have == nil || *have != want {
			return fault.Refuse("join-set", House)
		}
	}
	return t.Joinable()
}

// verifiable refuses a verification that the provider has not registered the
// version for, or of columns that are no closed lists of codes.
func (g Register) verifiable(t jobs.Terms) error {
	if t.Verify == nil {
		return nil
	}
	m := t.Members[0]
	e := g.Catalogue[m.Dataset]
	if have := e.box(m.Version); have == "" || have != t.Verify.Box {
		return fault.Refuse("verify-offer", House)
	}
	for _, name := range m.Columns {
		if c, ok := e.column(name); !ok || len(c.Codes) == 0 {
			return fault.Refuse("verify-offer", House)
		}
	}
	return nil
}

// keyed refuses terms that name a key other than the registered one. The desk
// is among them: the candidate is sealed to it, so that whoever could choose
// it would read what people have not yet voted on.
func (g Register) keyed(t jobs.Terms, now time.Time) error {
	ok := g.holds(t.Bureau, RoleBureau, now) && g.manned(t) && t.Desk == g.Processes[t.Coordinator.Name].Box
	for _, m := range t.Members {
		ok = ok && g.holds(m.Provider, RoleOfficer, now)
	}
	if !ok {
		return fault.Refuse("terms-keys", House)
	}
	return nil
}

// manned reports whether every process of the terms is registered for its duty.
func (g Register) manned(t jobs.Terms) bool {
	ok := g.runs(t.Gate.Process, Gate) && g.runs(t.Coordinator, Coordinator)
	for _, p := range t.Trustees.Members {
		ok = ok && g.runs(p, Committee)
	}
	for _, m := range t.Members {
		ok = ok && g.runs(m.Site, Site)
	}
	return ok
}

// checked refuses checkers who are not registered as such, or who would check
// a job of their own organisation.
func (g Register) checked(t jobs.Terms, now time.Time) error {
	for _, c := range t.Checkers {
		if !g.holds(c, RoleChecker, now) || c.Org == t.Operator.Org {
			return fault.Refuse("checkers", House)
		}
	}
	return nil
}

// holds reports whether s is a live user's organisation and key, in role.
func (g Register) holds(s jobs.Signer, role Role, now time.Time) bool {
	u, err := g.User(s.Key, now)
	return err == nil && u.Role == role && u.Org == s.Org
}

// runs reports whether p is registered for duty.
func (g Register) runs(p jobs.Process, duty Duty) bool {
	r, ok := g.Processes[p.Name]
	return ok && !r.Revoked && r.Kind == duty && r.Key == p.Key
}
