package dossier

import (
	"encoding/json"
	"fmt"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
)

// Registered makes a register from what people signed, by the rules that the
// platform is held to: organisations, people and processes by the root key, an
// entry by an officer of its provider, a licence by one of the bureau. One
// registration that does not hold is a refusal of code register-unsigned. A process
// that was revoked is not in it.
func Registered(said verb.Registered, at Place) (governance.Register, error) {
	g := governance.Register{
		Root: at.Root, Orgs: map[string]governance.Org{}, Users: map[string]governance.User{}, Processes: map[string]governance.Process{},
		Catalogue: map[string]governance.Entry{}, Licences: map[string]governance.Licence{},
	}
	if n := len(said.Orgs) + len(said.Users) + len(said.Processes) + len(said.Catalogue) + len(said.Licences); n > maxSaid {
		return governance.Register{}, fmt.Errorf("reading the register: %d registrations: %w", n, fault.Exhausted)
	}
	for _, step := range []struct {
		said []json.RawMessage
		take func(*governance.Register, verb.Heard) error
	}{{said.Orgs, org}, {said.Users, user}, {said.Processes, process}, {said.Catalogue, entry}, {said.Licences, licence}} {
		for _, raw := range step.said {
			h, err := verb.Parse(raw)
			if err != nil || h.Installation != at.Installation || step.take(&g, h) != nil {
				return governance.Register{}, fault.Refuse("register-unsigned", governance.House)
			}
		}
	}
	return g, nil
}

func org(g *governance.Register, h verb.Heard) error {
	var o governance.Org
	if err := asks(h, verb.OrgAdd, &o); err != nil {
		return err
	}
	if err := g.MayAddOrg(h.By, o); err != nil {
		return err
	}
	g.Orgs[o.ID] = o
	return nil
}

func user(g *governance.Register, h verb.Heard) error {
	var u governance.User
	if err := asks(h, verb.UserAdd, &u); err != nil {
		return err
	}
	if err := g.MayAddUser(h.By, u, h.At); err != nil {
		return err
	}
	g.Users[u.ID] = u
	return nil
}

func process(g *governance.Register, h verb.Heard) error {
	var p governance.Process
	switch h.Verb {
	case verb.ProcessRevoke:
		if h.By != g.Root {
			return fault.Tampered
		}
		return nil
	case verb.ProcessAccept:
		var came verb.Accept
		if err := h.Read(&came); err != nil {
			return err
		}
		p = came.Process
	default:
		if err := asks(h, verb.ProcessAdd, &p); err != nil {
			return err
		}
	}
	if err := g.MayAddProcess(h.By, p); err != nil {
		return err
	}
	g.Processes[p.Name] = p
	return nil
}

func entry(g *governance.Register, h verb.Heard) error {
	var e governance.Entry
	if err := asks(h, verb.CatalogueAdd, &e); err != nil {
		return err
	}
	if err := g.MayCatalogue(h.By, e, h.At); err != nil {
		return err
	}
	g.Catalogue[e.ID] = e
	return nil
}

// licence takes what an officer of the bureau signed. Whether its term is one that
// the rules of its day allowed is the gates' to say, by the case that it rests on.
func licence(g *governance.Register, h verb.Heard) error {
	var l governance.Licence
	if err := asks(h, verb.LicenceGrant, &l); err != nil {
		return err
	}
	u, err := g.User(h.By, h.At)
	if err != nil {
		return err
	}
	if _, twice := g.Licences[l.ID]; twice || u.Role != governance.RoleBureau {
		return fault.Tampered
	}
	g.Licences[l.ID] = l
	return nil
}

func asks(h verb.Heard, v verb.Verb, body any) error {
	if h.Verb != v {
		return fault.Tampered
	}
	return h.Read(body)
}
