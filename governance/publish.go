package governance

import (
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Publish is the kind of an officer's statement for a version of a city's
// rules. It is about the digest of that version.
const Publish receipt.Kind = "profile-publish"

// publishers is how many officers of the bureau it takes (house): who could
// change the rules alone could decide every case alone.
const publishers = 2

// A Change puts a version of a city's rules in the place of another. A case
// that is under way keeps the version that it began under.
type Change struct {
	Next  profile.Frozen `json:"next"`
	Prior profile.Frozen `json:"prior"` // what Next replaces; its zero value for a city's first
}

// A Publication is what an officer states.
type Publication struct {
	Change Change    `json:"change"`
	Org    string    `json:"org"`
	At     time.Time `json:"at"`
}

// About is what statements on the change are about.
func (c Change) About() receipt.Subject {
	return receipt.About("profile/"+c.Next.ID, c.Next.Digest)
}

// follows refuses a change that is not the next version of what is in use.
func (c Change) follows(inUse profile.Frozen) error {
	first := inUse == profile.Frozen{}
	switch {
	case c.Next.ID == "" || c.Next.Version < 1 || c.Next.Digest.Hex() == "":
		return fault.Refuse("invalid", House)
	case c.Prior != inUse:
		return fault.Refuse("conflict", House)
	case !first && (c.Next.ID != inUse.ID || c.Next.Version != inUse.Version+1 || c.Next.Digest == inUse.Digest):
		return fault.Refuse("conflict", House)
	}
	return nil
}

// MayPublish reports whether r may join the statements at hand for a change of
// the rules in use: a live officer of the bureau signs for this very change,
// who has not yet, while another officer is still awaited.
func (g Register) MayPublish(inUse profile.Frozen, c Change, have []receipt.Receipt, r receipt.Receipt, now time.Time) error {
	if err := c.follows(inUse); err != nil {
		return err
	}
	u, err := g.publishes(c, r, now)
	if err != nil {
		return err
	}
	if slices.Contains(g.officers(c, have, now), u) {
		return fault.Refuse("decision-twice", House)
	}
	if g.Published(inUse, c, have, now) == nil {
		return fault.Refuse("conflict", House)
	}
	return nil
}

// Published reports whether the change is to be made: two officers of the
// bureau stand for it, each with a key of their own. Statements on another
// change, by anybody else, or by one of them again do not count.
func (g Register) Published(inUse profile.Frozen, c Change, have []receipt.Receipt, now time.Time) error {
	if err := c.follows(inUse); err != nil {
		return err
	}
	if len(g.officers(c, have, now)) < publishers {
		return fault.Refuse("decision-early", House)
	}
	return nil
}

// Enacted reports whether statements have once put a version into force, for
// whoever was not there: two officers of the bureau stand for one and the same
// change to it, each with a key that was theirs and good when they say that they
// signed. Whether a later version has taken its place no statement can tell.
func (g Register) Enacted(next profile.Frozen, have []receipt.Receipt) error {
	stand := map[Change]map[string]bool{}
	for _, r := range have {
		var p Publication
		if r.Read(Publish, &p) != nil || p.Change.Next != next || p.Change.follows(p.Change.Prior) != nil {
			continue
		}
		u, err := g.publishes(p.Change, r, p.At)
		if err != nil {
			continue
		}
		if stand[p.Change] == nil {
			stand[p.Change] = map[string]bool{}
		}
		stand[p.Change][u] = true
	}
	for _, officers := range stand {
		if len(officers) >= publishers {
			return nil
		}
	}
	return fault.Refuse("rules-unpublished", House)
}

// officers lists, by their ids, who stand for the change.
func (g Register) officers(c Change, have []receipt.Receipt, now time.Time) []string {
	var ids []string
	for _, r := range have {
		if u, err := g.publishes(c, r, now); err == nil && !slices.Contains(ids, u) {
			ids = append(ids, u)
		}
	}
	return ids
}

// publishes returns the id of the officer who signed r for the change.
func (g Register) publishes(c Change, r receipt.Receipt, now time.Time) (string, error) {
	u, err := g.acting(r.By(), RoleBureau, House, now)
	if err != nil {
		return "", err
	}
	var p Publication
	s, want := r.Subject(), c.About()
	if r.Read(Publish, &p) != nil || p.Change != c || p.Org != u.Org || s.Name != want.Name || suite.Digest("sha256:"+s.Digest["sha256"]) != c.Next.Digest || len(s.Digest) != 1 {
		return "", fault.Refuse("tampered", House)
	}
	return u.ID, nil
}
