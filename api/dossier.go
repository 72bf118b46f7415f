package api

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/storage/records"
)

// Whoever is asked for a signature may look at what it would rest on, so that
// they need not take our word for it (package api/dossier).

// signedRegister gives what is registered as it was signed.
func signedRegister(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	var out verb.Registered
	var err error
	if out.Orgs, err = envelopes(ctx, s.Records.Orgs); err != nil {
		return nil, err
	}
	if out.Users, err = envelopes(ctx, s.Records.Users); err != nil {
		return nil, err
	}
	if out.Processes, err = envelopes(ctx, s.Records.Processes); err != nil {
		return nil, err
	}
	if out.Catalogue, err = envelopes(ctx, s.Records.Catalogue); err != nil {
		return nil, err
	}
	out.Licences, err = envelopes(ctx, s.Records.Licences)
	return out, err
}

func envelopes[T any](ctx context.Context, t records.Table[T]) ([]json.RawMessage, error) {
	all, err := t.List(ctx, "")
	out := make([]json.RawMessage, 0, len(all))
	for _, rec := range all {
		out = append(out, rec.Envelope)
	}
	return out, err
}

// signedProfile gives the statements by which a version of the rules came into
// force.
func signedProfile(ctx context.Context, s *Server, c *call) (any, error) {
	var want verb.Version
	if err := c.Read(&want); err != nil {
		return nil, err
	}
	if want.Frozen == nil {
		return nil, fault.Invalid
	}
	if _, err := s.Records.Profile(ctx, *want.Frozen); err != nil {
		return nil, err
	}
	have, err := s.Records.PublicationsOf(ctx, want.Frozen.Digest)
	out := []json.RawMessage{}
	for _, r := range have {
		out = append(out, r.Bytes())
	}
	return out, err
}

// within is the case that a request names, if the terms of its application do
// and the caller sees those: the parties of a case are not all whose signatures
// rest on it.
func (s *Server) within(ctx context.Context, c *call) (verb.Within, *cases.Case, error) {
	var want verb.Within
	if err := c.Read(&want); err != nil {
		return want, nil, err
	}
	t, err := s.terms(ctx, c, want.ID)
	if err != nil {
		return want, nil, err
	}
	if t.Under == nil || !slices.ContainsFunc(t.Under.Cases, func(r jobs.CaseRef) bool { return r.ID == want.Case }) {
		return want, nil, fault.NotFound
	}
	k, _, err := s.Case(ctx, c.reg, want.Case)
	return want, k, err
}

// dossierCase gives the file of a case that terms rest on. One with blind votes
// is none of those, and whoever asked for a decision sees none of it here either.
func dossierCase(ctx context.Context, s *Server, c *call) (any, error) {
	_, k, err := s.within(ctx, c)
	if err != nil {
		return nil, err
	}
	blind := slices.ContainsFunc(k.Table().Stages, func(s cases.Stage) bool { return s.Blind })
	if blind || k.Phase() != cases.Ended {
		return nil, fault.Refuse("case-export", governance.House)
	}
	raw, err := cases.Export(k, c.reg)
	return rawReply(raw), err
}

// dossierPaper gives a paper that such a case decided on and that the gates look
// into. As elsewhere, naming a digest that one has come by opens nothing.
func dossierPaper(ctx context.Context, s *Server, c *call) (any, error) {
	want, k, err := s.within(ctx, c)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(gates.PapersOf(k), want.Paper) {
		return nil, fault.NotFound
	}
	if put, err := s.put(ctx, k, want.Paper); err != nil || !put {
		return nil, notFoundOr(err)
	}
	raw, err := s.Records.Paper(ctx, want.Paper)
	return rawReply(raw), err
}

func notFoundOr(err error) error {
	if err == nil {
		return fault.NotFound
	}
	return err
}
