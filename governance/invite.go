package governance

import (
	"slices"
	"time"

	"github.com/yunei/yunei/enrol"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// MaxInvitation is how long a token may be good for.
const MaxInvitation = 7 * 24 * time.Hour

// An Invitation lets one new process of a name and duty offer its key. The token
// itself is known to the bureau's person and to whoever they gave it to.
type Invitation struct {
	Name  string       `json:"name"`
	Kind  Duty         `json:"kind"`
	Org   string       `json:"org"`   // who runs the process
	Token suite.Digest `json:"token"` // enrol.Token.Digest
	Until time.Time    `json:"until"`
	// Newcomer is what came under the token; nil before.
	Newcomer *enrol.Newcomer `json:"newcomer,omitempty"`
	Accepted bool            `json:"accepted,omitempty"`
}

// MayInvite reports whether by may invite a process: one that could be registered,
// and not the coordinator. An invitation takes the place of an earlier one of the
// same name.
func (g Register) MayInvite(by suite.PublicKey, i Invitation, now time.Time) error {
	if !g.isRoot(by) {
		return fault.Refuse("root-only", House)
	}
	if err := g.mayBeNamed(i.Name, i.Kind); err != nil {
		return err
	}
	_, known := g.Orgs[i.Org]
	if !known || !slices.Contains([]Duty{Site, Committee, Gate}, i.Kind) || i.Newcomer != nil || i.Accepted ||
		i.Token.Hex() == "" || !now.Before(i.Until) || i.Until.After(now.Add(MaxInvitation)) {
		return fault.Refuse("registration", House)
	}
	return nil
}

// Answer is the invitation with what a newcomer stated under its token. The same
// statement again is no error; another one under the same token is.
func (g Register) Answer(i Invitation, n enrol.Newcomer, coordinator suite.PublicKey, now time.Time) (Invitation, error) {
	switch {
	case i.Token.Hex() == "" || n.Invitation != i.Token || n.Name != i.Name:
		return i, fault.Refuse("invite-token", House)
	case i.Newcomer != nil && *i.Newcomer == n && !i.Accepted:
		return i, nil
	case i.Newcomer != nil:
		return i, fault.Refuse("invite-used", House)
	case !now.Before(i.Until):
		return i, fault.Refuse("invite-expired", House)
	case n.Kind != string(i.Kind) || n.Coordinator != coordinator || coordinator == "":
		return i, fault.Refuse("registration", House)
	}
	if err := g.fresh(n.Key); err != nil {
		return i, err
	}
	i.Newcomer = &n
	return i, nil
}

// MayAccept reports whether by may register, as p, who came under an invitation: by
// the fingerprint that a person compared.
func (g Register) MayAccept(by suite.PublicKey, i Invitation, p Process, fingerprint string, now time.Time) error {
	if err := g.MayAddProcess(by, p); err != nil {
		return err
	}
	switch {
	case i.Newcomer == nil || i.Name != p.Name:
		return fault.Refuse("not-found", House)
	case i.Accepted:
		return fault.Refuse("invite-used", House)
	case !now.Before(i.Until):
		return fault.Refuse("invite-expired", House)
	case p.Key != i.Newcomer.Key || p.Kind != i.Kind || !enrol.SameFingerprint(i.Newcomer.Fingerprint(), fingerprint):
		return fault.Refuse("fingerprint", House)
	}
	return nil
}

// mayBeNamed refuses a name that is taken, or is no process's of that duty.
func (g Register) mayBeNamed(name string, kind Duty) error {
	if old, taken := g.Processes[name]; taken && (!old.Revoked || old.Kind != kind) {
		return fault.Refuse("registered", House)
	}
	if jobs.ID(name) != nil || !isNamed(name, kind) {
		return fault.Refuse("registration", House)
	}
	return nil
}
