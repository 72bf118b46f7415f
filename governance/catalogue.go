package governance

import (
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/suite"
)

// MayCatalogue reports whether by may put e into the catalogue: an officer of
// the provider that e names, for a new entry or for further versions of one
// that stands. What stands never changes, because permits name it.
func (g Register) MayCatalogue(by suite.PublicKey, e Entry, now time.Time) error {
	u, err := g.acting(by, RoleOfficer, g.Rules.Basis(keyOfficers), now)
	if err != nil {
		return err
	}
	if u.Org != e.Provider {
		return fault.Refuse("role", g.Rules.Basis(keyOfficers))
	}
	if !e.whole() {
		return fault.Refuse("catalogue-entry", g.Rules.Basis(keyOfficers))
	}
	for _, other := range g.Catalogue {
		if other.Domain == e.Domain && other.Provider != e.Provider {
			return fault.Refuse("catalogue-domain", House)
		}
	}
	if old, ok := g.Catalogue[e.ID]; ok && !e.extends(old) {
		return fault.Refuse("catalogue-change", House)
	}
	return nil
}

// whole reports whether the entry says all that it must, within bounds.
func (e Entry) whole() bool {
	if jobs.ID(e.ID) != nil || jobs.ID(e.Domain) != nil || !label(e.Title) || e.Schema.Hex() == "" {
		return false
	}
	if !slices.Contains([]Share{Unconditional, Conditional, NotShared}, e.Share) {
		return false
	}
	if len(e.Columns) == 0 || len(e.Columns) > maxColumns || len(e.Versions) == 0 || len(e.Versions) > maxVersions {
		return false
	}
	seen := map[string]bool{}
	for _, c := range e.Columns {
		if !c.whole() || seen["column "+c.Name] {
			return false
		}
		seen["column "+c.Name] = true
	}
	for _, v := range e.Versions {
		if jobs.ID(v.ID) != nil || v.Rows < 0 || v.At.IsZero() || v.Set != nil && (v.Set.Check() != nil || int64(v.Set.Size) > v.Rows) || !v.Quality.whole() || v.Box != "" && v.Box.Check() != nil || seen["version "+v.ID] {
			return false
		}
		seen["version "+v.ID] = true
	}
	return true
}

func (c Column) whole() bool {
	if !label(c.Name) || c.Title != "" && !label(c.Title) || !label(c.Type) || len(c.Codes) > maxCodes {
		return false
	}
	if len(c.Labels) > 0 && len(c.Labels) != len(c.Codes) || slices.ContainsFunc(c.Labels, func(s string) bool { return !label(s) }) {
		return false
	}
	return slices.Contains([]Part{UnitIdentifier, DirectIdentifier, QuasiIdentifier, Frame, Measure}, c.Role) && !slices.ContainsFunc(c.Codes, func(s string) bool { return !label(s) })
}

func (c Column) equal(d Column) bool {
	return c.Name == d.Name && c.Title == d.Title && c.Type == d.Type && c.Role == d.Role && slices.Equal(c.Codes, d.Codes) && slices.Equal(c.Labels, d.Labels)
}

// extends reports whether e is old with versions added after old's.
func (e Entry) extends(old Entry) bool {
	same := e.ID == old.ID && e.Title == old.Title && e.Provider == old.Provider && e.Domain == old.Domain &&
		e.Share == old.Share && e.Schema == old.Schema && slices.EqualFunc(e.Columns, old.Columns, Column.equal)
	if !same || len(e.Versions) <= len(old.Versions) {
		return false
	}
	for i, v := range old.Versions {
		if w := e.Versions[i]; w.ID != v.ID || w.Rows != v.Rows || !w.At.Equal(v.At) || !sameSet(v.Set, w.Set) || !sameQuality(v.Quality, w.Quality) || v.Box != w.Box {
			return false
		}
	}
	return true
}

func sameSet(a, b *set.Commitment) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// set is what the provider has registered of a version's numbers, nil if
// nothing.
func (e Entry) set(version string) *set.Commitment {
	i := slices.IndexFunc(e.Versions, func(v Version) bool { return v.ID == version })
	if i < 0 {
		return nil
	}
	return e.Versions[i].Set
}

// box is what the domain opens queries of verifications on a version with, "" if
// the provider offers none.
func (e Entry) box(version string) suite.BoxKey {
	i := slices.IndexFunc(e.Versions, func(v Version) bool { return v.ID == version })
	if i < 0 {
		return ""
	}
	return e.Versions[i].Box
}

func (e Entry) version(id string) bool {
	return slices.ContainsFunc(e.Versions, func(v Version) bool { return v.ID == id })
}

func (e Entry) column(name string) (Column, bool) {
	i := slices.IndexFunc(e.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return e.Columns[i], true
}
