package jobs

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/yunei/yunei/suite"
)

// Under is the procedure that terms rest on: whose rules, in which version, by
// which channel the data come, and every case (办件) that decided something that
// the terms need, by the head of its chain of signed events. It is part of what
// every decision signs, so that nobody can afterwards say that other rules or
// other decisions were meant. What the cases say is judged by package
// governance/gates; a site and a trustee hold the providers' signatures to it.
type Under struct {
	City    string       `json:"city"`    // profile
	Version int          `json:"version"` // of the profile
	Rules   suite.Digest `json:"rules"`   // the profile's canonical form
	Channel string       `json:"channel"` // share, open or authop
	Cases   []CaseRef    `json:"cases"`   // by kind, then id
}

// A CaseRef names a case as it stood.
type CaseRef struct {
	Kind string       `json:"kind"`
	ID   string       `json:"id"`
	Head suite.Digest `json:"head"`
}

// Channels by which data come to a user: 共享, 开放, 授权运营.
var Channels = []string{"share", "open", "authop"}

const maxCases = 4 + maxMembers // admission, scenario, agreement and program, and an entry for each member

var caseKindRE = regexp.MustCompile(`^[a-z]{1,20}\.[a-z]{1,20}$`)

// Case returns the one case of a kind, if there is exactly one.
func (u *Under) Case(kind string) (CaseRef, bool) {
	all := u.Of(kind)
	if len(all) != 1 {
		return CaseRef{}, false
	}
	return all[0], true
}

// Of lists the cases of a kind.
func (u *Under) Of(kind string) []CaseRef {
	if u == nil {
		return nil
	}
	var all []CaseRef
	for _, c := range u.Cases {
		if c.Kind == kind {
			all = append(all, c)
		}
	}
	return all
}

// check looks at the form alone: no case is looked into.
func (u *Under) check() error {
	if u == nil {
		return nil // whoever goes by a city's rules asks for them: governance/gates
	}
	if !idRE.MatchString(u.City) || u.Version < 1 || u.Rules.Hex() == "" || !slices.Contains(Channels, u.Channel) {
		return errors.New("under: want a city's rules by version and digest, and a channel of share, open, authop")
	}
	if len(u.Cases) > maxCases {
		return fmt.Errorf("under: more than %d cases", maxCases)
	}
	for i, c := range u.Cases {
		if !caseKindRE.MatchString(c.Kind) || !idRE.MatchString(c.ID) || c.Head.Hex() == "" {
			return errors.New("under: a case without kind, id or head")
		}
		if i > 0 && cmp.Or(cmp.Compare(u.Cases[i-1].Kind, c.Kind), cmp.Compare(u.Cases[i-1].ID, c.ID)) >= 0 {
			return errors.New("under: cases stand twice, or not in the order of kind and id")
		}
	}
	return nil
}
