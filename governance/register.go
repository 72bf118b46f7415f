package governance

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A Register holds the facts that the rules ask for, by id. The zero Register
// knows nobody and lets nobody do anything.
type Register struct {
	Root      suite.PublicKey // registers people and processes; given by a person at installation
	Orgs      map[string]Org
	Users     map[string]User
	Processes map[string]Process
	Catalogue map[string]Entry
	Licences  map[string]Licence
	Rules     profile.Profile // of the city, as adopted; the zero Profile licenses nobody
}

// User returns the registered user who holds key at an instant, or refuses.
func (g Register) User(key suite.PublicKey, now time.Time) (User, error) {
	for _, u := range g.Users {
		if u.Key == key && u.Live(now) {
			return u, nil
		}
	}
	return User{}, fault.Refuse("unknown-key", House)
}

// acting returns the user who holds key if they act in role.
func (g Register) acting(key suite.PublicKey, role Role, basis string, now time.Time) (User, error) {
	u, err := g.User(key, now)
	if err != nil {
		return User{}, err
	}
	if u.Role != role {
		return User{}, fault.Refuse("role", basis)
	}
	return u, nil
}

// isRoot reports whether key is the root key; no key is not.
func (g Register) isRoot(key suite.PublicKey) bool { return g.Root != "" && key == g.Root }

// Known reports whether requests signed with key are heard at all.
func (g Register) Known(key suite.PublicKey, now time.Time) error {
	if g.isRoot(key) {
		return nil
	}
	_, err := g.User(key, now)
	return err
}

// MayAddOrg reports whether by may register o.
func (g Register) MayAddOrg(by suite.PublicKey, o Org) error {
	if !g.isRoot(by) {
		return fault.Refuse("root-only", House)
	}
	if _, taken := g.Orgs[o.ID]; taken {
		return fault.Refuse("registered", House)
	}
	if !slices.Contains([]Kind{Operator, Provider, Bureau, Trustee}, o.Kind) || jobs.ID(o.ID) != nil || !label(o.Title) {
		return fault.Refuse("registration", House)
	}
	return nil
}

// MayAddUser reports whether by may register u.
func (g Register) MayAddUser(by suite.PublicKey, u User, now time.Time) error {
	if !g.isRoot(by) {
		return fault.Refuse("root-only", House)
	}
	if _, taken := g.Users[u.ID]; taken {
		return fault.Refuse("registered", House)
	}
	if jobs.ID(u.ID) != nil || !label(u.Name) || !now.Before(u.NotAfter) {
		return fault.Refuse("registration", House)
	}
	org, ok := g.Orgs[u.Org]
	if !ok || !slices.Contains(seats[u.Role], org.Kind) {
		return fault.Refuse("role-org", House)
	}
	return g.fresh(u.Key)
}

// MayAddProcess reports whether by may register p: a new name, or that of a
// revoked process of the same duty, with a new key.
func (g Register) MayAddProcess(by suite.PublicKey, p Process) error {
	if !g.isRoot(by) {
		return fault.Refuse("root-only", House)
	}
	if err := g.mayBeNamed(p.Name, p.Kind); err != nil {
		return err
	}
	if p.Revoked || len(p.Box) > 64 {
		return fault.Refuse("registration", House)
	}
	return g.fresh(p.Key)
}

// isNamed reports whether a process of that duty can have that name.
func isNamed(name string, kind Duty) bool {
	known := slices.Contains([]Duty{Site, Committee, Gate, Coordinator}, kind)
	return known && (kind == Site) == strings.HasPrefix(name, "site-")
}

// MayRevoke reports whether by may revoke the process of that name.
func (g Register) MayRevoke(by suite.PublicKey, name string) error {
	if !g.isRoot(by) {
		return fault.Refuse("root-only", House)
	}
	if p, ok := g.Processes[name]; !ok || p.Revoked {
		return fault.Refuse("not-found", House)
	}
	return nil
}

// fresh refuses a key that is none, or that anyone or anything holds already:
// the same key in two roles, or with a person and a process, would undo the
// separation between them.
func (g Register) fresh(key suite.PublicKey) error {
	if _, err := suite.ParsePublicKey(string(key)); err != nil {
		return fault.Refuse("registration", House)
	}
	used := g.isRoot(key)
	for _, u := range g.Users {
		used = used || u.Key == key
	}
	for _, p := range g.Processes {
		used = used || p.Key == key
	}
	if used {
		return fault.Refuse("key-used", House)
	}
	return nil
}

// label reports whether s is a short text for people.
func label(s string) bool {
	return s != "" && len(s) <= maxTitle && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
