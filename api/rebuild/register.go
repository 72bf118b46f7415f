package rebuild

import (
	"context"
	"fmt"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/enrol"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
)

// registered reads the requests of a table that are the records themselves.
func registered[T any](ctx context.Context, m *maker, name string, table records.Table[T], v verb.Verb, may func(verb.Heard, T) (id string, err error)) error {
	return m.each(ctx, name, func(_ string, raw []byte) error {
		h, err := m.asked(raw, v)
		if err != nil {
			return err
		}
		var body T
		if err := h.Read(&body); err != nil {
			return err
		}
		id, err := may(h, body)
		if err != nil {
			return err
		}
		return put(ctx, table, id, "", body, raw)
	})
}

func (m *maker) orgs(ctx context.Context) error {
	return registered(ctx, m, "orgs", m.to.Orgs, verb.OrgAdd, func(h verb.Heard, o governance.Org) (string, error) { return o.ID, m.byRoot(h) })
}

func (m *maker) users(ctx context.Context) error {
	return registered(ctx, m, "users", m.to.Users, verb.UserAdd, func(h verb.Heard, u governance.User) (string, error) {
		if err := m.byRoot(h); err != nil {
			return "", err
		}
		m.people[u.Key] = u
		return u.ID, nil
	})
}

// processes are added, accepted after an invitation, and revoked.
func (m *maker) processes(ctx context.Context) error {
	return m.each(ctx, "processes", func(_ string, raw []byte) error {
		h, err := m.asked(raw, verb.ProcessAdd, verb.ProcessAccept, verb.ProcessRevoke)
		if err != nil {
			return err
		}
		if err := m.byRoot(h); err != nil {
			return err
		}
		var p governance.Process
		switch h.Verb {
		case verb.ProcessAdd:
			err = h.Read(&p)
		case verb.ProcessAccept:
			var a verb.Accept
			err = h.Read(&a)
			p = a.Process
		default:
			var name verb.Name
			if err := h.Read(&name); err != nil {
				return err
			}
			old, err := m.to.Processes.Get(ctx, name.ID)
			if err != nil {
				return err
			}
			p = old.Value
			p.Revoked = true
		}
		if err != nil {
			return err
		}
		return put(ctx, m.to.Processes, p.Name, "", p, raw)
	})
}

// invitations are written, answered by a newcomer, and accepted.
func (m *maker) invitations(ctx context.Context) error {
	return m.each(ctx, "invitations", func(_ string, raw []byte) error {
		if r, err := receipt.Parse(raw); err == nil && r.Kind() == enrol.Kind {
			n, err := enrol.Parse(raw)
			if err != nil {
				return err
			}
			return m.invited(ctx, n.Name, raw, func(i *governance.Invitation) { i.Newcomer = &n })
		}
		h, err := m.asked(raw, verb.ProcessInvite, verb.ProcessAccept)
		if err != nil {
			return err
		}
		if err := m.byRoot(h); err != nil {
			return err
		}
		if h.Verb == verb.ProcessInvite {
			var i governance.Invitation
			if err := h.Read(&i); err != nil {
				return err
			}
			return put(ctx, m.to.Invitations, i.Name, "", i, raw)
		}
		var a verb.Accept
		if err := h.Read(&a); err != nil {
			return err
		}
		return m.invited(ctx, a.Process.Name, raw, func(i *governance.Invitation) { i.Accepted = true })
	})
}

func (m *maker) invited(ctx context.Context, name string, raw []byte, change func(*governance.Invitation)) error {
	old, err := m.to.Invitations.Get(ctx, name)
	if err != nil {
		return err
	}
	change(&old.Value)
	return put(ctx, m.to.Invitations, name, "", old.Value, raw)
}

func (m *maker) entries(ctx context.Context) error {
	err := registered(ctx, m, "catalogue", m.to.Catalogue, verb.CatalogueAdd, func(h verb.Heard, e governance.Entry) (string, error) {
		u, err := m.person(h.By, governance.RoleOfficer)
		if err == nil && u.Org != e.Provider {
			err = fmt.Errorf("an entry of %s by somebody of %s: %w", e.Provider, u.Org, fault.Denied)
		}
		return e.ID, err
	})
	if err != nil {
		return err
	}
	m.reg, err = m.to.Register(ctx, m.Root)
	return err
}

func (m *maker) licences(ctx context.Context) error {
	return registered(ctx, m, "licences", m.to.Licences, verb.LicenceGrant, func(h verb.Heard, l governance.Licence) (string, error) {
		_, err := m.person(h.By, governance.RoleBureau)
		return l.ID, err
	})
}
