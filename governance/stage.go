package governance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// A Stage says where an application stands. It is derived from the decisions
// at hand and never kept. The zero Stage is NoStage, where nothing may be
// decided.
type Stage uint8

// The stages of an application, in their order.
const (
	NoStage   Stage = iota
	Proposed        // the operator has yet to sign it
	Reviewing       // a provider has yet to grant it
	Agreeing        // operator and bureau have yet to sign the agreement
	Permitted       // every decision is there
	Ended           // its time has passed
)

// stages says what may be decided at each stage.
var stages = [...]struct {
	word string
	due  receipt.Kind // "" where nothing is
}{
	NoStage:   {"none", ""},
	Proposed:  {"proposed", jobs.Apply},
	Reviewing: {"reviewing", jobs.Grant},
	Agreeing:  {"agreeing", jobs.Agree},
	Permitted: {"permitted", ""},
	Ended:     {"ended", ""},
}

// bases names the rule for which a kind of decision is taken at its stage and at
// no other.
var bases = map[receipt.Kind]string{jobs.Apply: keyApplication, jobs.Grant: keyReview, jobs.Agree: KeyAgreement}

// String is the stage's word.
func (s Stage) String() string { return stages[s.known()].word }

// Due is the kind of decision that may be taken, "" for none.
func (s Stage) Due() receipt.Kind { return stages[s.known()].due }

func (s Stage) known() Stage {
	if int(s) < len(stages) {
		return s
	}
	return NoStage
}

// MarshalText writes the stage's word.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the stage's word; an unknown word is of kind Invalid.
func (s *Stage) UnmarshalText(b []byte) error {
	for i, st := range stages {
		if st.word == string(b) {
			*s = Stage(i)
			return nil
		}
	}
	*s = NoStage
	return fault.Invalid
}

// StageOf derives where the terms stand from the decisions at hand, and lists
// the organisations whose turn it is.
func StageOf(t jobs.Terms, have []receipt.Receipt, now time.Time) (s Stage, turn []string) {
	if !now.Before(t.NotAfter) {
		return Ended, nil
	}
	missing := map[receipt.Kind][]string{}
	for _, m := range t.Missing(have) {
		kind, org, _ := strings.Cut(m, " ")
		missing[receipt.Kind(kind)] = append(missing[receipt.Kind(kind)], org)
	}
	for _, s := range []Stage{Proposed, Reviewing, Agreeing} {
		if who := missing[s.Due()]; len(who) > 0 {
			return s, who
		}
	}
	return Permitted, nil
}

// MayDecide reports whether r is a decision on the terms that its signer may
// take now, given those that are at hand: it is signed with the key that the
// terms name for it, which a live user of the right role and organisation
// holds, and it is due. No process holds such a key.
func (g Register) MayDecide(t jobs.Terms, have []receipt.Receipt, r receipt.Receipt, now time.Time) error {
	basis, ok := bases[r.Kind()]
	if !ok {
		return fault.Refuse("decision-foreign", House)
	}
	u, err := g.User(r.By(), now)
	if err != nil {
		return err
	}
	var d jobs.Decision
	if r.Read(r.Kind(), &d) != nil || d.Terms != t.Digest() {
		return fault.Refuse("tampered", House)
	}
	if d.Org != u.Org || !slices.Contains(deciders(t, r.Kind()), seat{u.Role, jobs.Signer{Org: u.Org, Key: r.By()}}) {
		return fault.Refuse("decision-foreign", g.Rules.Basis(basis))
	}
	return g.inTurn(t, have, r, now)
}

func (g Register) inTurn(t jobs.Terms, have []receipt.Receipt, r receipt.Receipt, now time.Time) error {
	same := func(h receipt.Receipt) bool { return h.Kind() == r.Kind() && h.By() == r.By() }
	if slices.ContainsFunc(have, same) {
		return fault.Refuse("decision-twice", House)
	}
	stage, _ := StageOf(t, have, now)
	if stage == Ended {
		return fault.Refuse("permit-expired", House)
	}
	if stage.Due() != r.Kind() {
		return fault.Refuse("decision-early", g.Rules.Basis(bases[r.Kind()]))
	}
	return g.Licensed(t, now)
}

// A seat is who takes a decision, and in which role.
type seat struct {
	role Role
	jobs.Signer
}

// deciders lists who takes decisions of a kind on the terms.
func deciders(t jobs.Terms, kind receipt.Kind) []seat {
	operator, bureau := seat{RoleOperator, t.Operator}, seat{RoleBureau, t.Bureau}
	switch kind {
	case jobs.Apply:
		return []seat{operator}
	case jobs.Agree:
		return []seat{operator, bureau}
	case jobs.Grant:
		var all []seat
		for _, m := range t.Members {
			all = append(all, seat{RoleOfficer, m.Provider})
		}
		return all
	default:
		return nil
	}
}

// MayStart reports whether r starts a run that the permit allows now, after
// used runs of it: the operator's own key, purpose and program, within the
// dates of permit and licence, a use left, and no process that was revoked since:
// the run would wait for it.
func (g Register) MayStart(p jobs.Permit, r receipt.Receipt, used int, now time.Time) (jobs.Run, error) {
	if _, err := g.acting(r.By(), RoleOperator, House, now); err != nil {
		return jobs.Run{}, err
	}
	run, err := p.OpenRun(r)
	if err != nil {
		return jobs.Run{}, err
	}
	if err := p.At(now); err != nil {
		return jobs.Run{}, err
	}
	if used < 0 || used >= p.Terms().Uses {
		return jobs.Run{}, fault.Refuse("permit-spent", House)
	}
	if !g.manned(p.Terms()) {
		return jobs.Run{}, fault.Refuse("process-revoked", House)
	}
	return run, g.Licensed(p.Terms(), now)
}

// Assemble makes the bundle of terms and decisions. It signs nothing: a bundle
// that lacks a decision opens nowhere.
func Assemble(t jobs.Terms, decisions []receipt.Receipt) ([]byte, error) {
	b := jobs.Bundle{Terms: t.Bytes()}
	for _, r := range decisions {
		b.Decisions = append(b.Decisions, r.Bytes())
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("assembling a permit: %w", err)
	}
	return raw, nil
}

// Pins are the keys of the providers of the terms, as registered. They are the
// platform's own view; a site and a trustee pin theirs by hand.
func (g Register) Pins(t jobs.Terms, now time.Time) jobs.Pins {
	pins := jobs.Pins{}
	for _, m := range t.Members {
		if g.holds(m.Provider, RoleOfficer, now) {
			pins[m.Provider.Org] = m.Provider.Key
		}
	}
	return pins
}

// Sees reports whether a user may see the application, its permit and its
// runs: the bureau, auditors, the operator's people, the providers' people,
// and the checkers that the terms name. Everyone else is told that there is no
// such thing.
func Sees(u User, t jobs.Terms) bool {
	switch u.Role {
	case RoleBureau, RoleAuditor:
		return true
	case RoleOperator:
		return u.Org == t.Operator.Org
	case RoleOfficer, RoleAdmin:
		return slices.ContainsFunc(t.Members, func(m jobs.Member) bool { return m.Provider.Org == u.Org })
	case RoleChecker:
		return checks(u.Key, t)
	default:
		return false
	}
}

// SeesCandidate reports whether a user may see what has not yet been released:
// the checkers that the terms name, and the officer of the bureau who agreed.
// The operator never does.
func SeesCandidate(u User, t jobs.Terms) bool {
	if u.Org == t.Operator.Org {
		return false
	}
	return u.Role == RoleChecker && checks(u.Key, t) || u.Role == RoleBureau && u.Org == t.Bureau.Org
}

// Replays reports whether a user may have a run computed again: the bureau of
// the terms, who signed them and learns a bit a domain.
func Replays(u User, t jobs.Terms) bool { return u.Role == RoleBureau && u.Key == t.Bureau.Key }

// Receives reports whether a user may fetch a release: whoever sees the run,
// and the people of a recipient.
func Receives(u User, t jobs.Terms) bool {
	return Sees(u, t) || u.Org != "" && slices.Contains(t.Recipients, u.Org)
}

func checks(key suite.PublicKey, t jobs.Terms) bool {
	return key != "" && slices.ContainsFunc(t.Checkers, func(c jobs.Signer) bool { return c.Key == key })
}
