package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
)

func submitApplication(ctx context.Context, s *Server, c *call) (any, error) {
	terms, err := jobs.ParseTerms(c.Body)
	if err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := c.reg.InOrder(c.By, terms, c.now); err != nil {
		return nil, err
	}
	if err := gate.Admit(terms); err != nil {
		return nil, err
	}
	if err := s.passes(ctx, c.reg, terms, gates.AtSubmission, 0, nil, c.now); err != nil {
		return nil, err
	}
	rec := records.Record[governance.Application]{ID: terms.ID, Revision: 1, Parent: terms.Scenario, Value: governance.Application{Terms: terms}, Envelope: c.Envelope}
	if err := s.Records.Applications.Put(ctx, rec); err != nil {
		return nil, taken(err)
	}
	return s.application(ctx, c, terms)
}

// taken says that an id is somebody's already.
func taken(err error) error {
	if errors.Is(err, fault.Conflict) {
		return fault.Refuse("registered", governance.House)
	}
	return err
}

// terms returns the terms of an application if the caller may see it.
func (s *Server) terms(ctx context.Context, c *call, id string) (jobs.Terms, error) {
	rec, err := s.Records.Applications.Get(ctx, id)
	if err != nil {
		return jobs.Terms{}, err
	}
	if !governance.Sees(c.user, rec.Value.Terms) {
		return jobs.Terms{}, fault.NotFound
	}
	return rec.Value.Terms, nil
}

// decisions returns the decisions at hand, checked anew.
func (s *Server) decisions(ctx context.Context, application string) ([]receipt.Receipt, error) {
	all, err := s.Records.Decisions.List(ctx, application)
	if err != nil {
		return nil, err
	}
	return parse(all)
}

func parse[T any](all []records.Record[T]) ([]receipt.Receipt, error) {
	var rs []receipt.Receipt
	for _, rec := range all {
		r, err := receipt.Parse(rec.Envelope)
		if err != nil {
			return nil, fmt.Errorf("reading a kept receipt: %w", err)
		}
		rs = append(rs, r)
	}
	return rs, nil
}

func (s *Server) summary(c *call, t jobs.Terms, have []receipt.Receipt) verb.Summary {
	stage, turn := governance.StageOf(t, have, c.now)
	return verb.Summary{ID: t.ID, Scenario: t.Scenario, Digest: t.Digest(), Stage: stage, Turn: turn}
}

func (s *Server) application(ctx context.Context, c *call, t jobs.Terms) (any, error) {
	have, err := s.decisions(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	a := verb.Application{Summary: s.summary(c, t, have), Terms: t}
	for _, r := range have {
		a.Decisions = append(a.Decisions, r.Bytes())
	}
	return a, nil
}

func showApplication(ctx context.Context, s *Server, c *call) (any, error) {
	var name verb.Name
	if err := c.Read(&name); err != nil {
		return nil, err
	}
	t, err := s.terms(ctx, c, name.ID)
	if err != nil {
		return nil, err
	}
	return s.application(ctx, c, t)
}

func listApplications(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	all, err := s.Records.Applications.List(ctx, "")
	if err != nil {
		return nil, err
	}
	list := []verb.Summary{}
	for _, rec := range all {
		if !governance.Sees(c.user, rec.Value.Terms) {
			continue
		}
		have, err := s.decisions(ctx, rec.ID)
		if err != nil {
			return nil, err
		}
		list = append(list, s.summary(c, rec.Value.Terms, have))
	}
	return list, nil
}

// inner reads a request that carries a receipt, which the same key must have
// signed: nobody brings what another has decided.
func inner(c *call) (verb.Inner, receipt.Receipt, error) {
	var in verb.Inner
	if err := c.Read(&in); err != nil {
		return in, receipt.Receipt{}, err
	}
	r, err := receipt.Parse(in.Receipt)
	if err != nil {
		return in, receipt.Receipt{}, err
	}
	if r.By() != c.By {
		return in, receipt.Receipt{}, fault.Refuse("request-foreign", governance.House)
	}
	return in, r, nil
}

func addDecision(ctx context.Context, s *Server, c *call) (any, error) {
	in, r, err := inner(c)
	if err != nil {
		return nil, err
	}
	t, err := s.terms(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	have, err := s.decisions(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	if err := c.reg.MayDecide(t, have, r, c.now); err != nil {
		return nil, err
	}
	rec := records.Record[records.Decision]{
		ID: fmt.Sprintf("%s %s %s", t.ID, r.Kind(), r.By()), Revision: 1, Parent: t.ID,
		Value: records.Decision{Kind: r.Kind(), By: r.By()}, Envelope: r.Bytes(),
	}
	if err := s.Records.Decisions.Put(ctx, rec); err != nil {
		return nil, err
	}
	if err := s.assemble(ctx, c, t, append(have, r)); err != nil {
		return nil, err
	}
	return s.application(ctx, c, t)
}

// assemble keeps the permit once it is whole. What it is made of is kept
// already, so that permit can make it again if this is as far as it came.
func (s *Server) assemble(ctx context.Context, c *call, t jobs.Terms, have []receipt.Receipt) error {
	if stage, _ := governance.StageOf(t, have, c.now); stage != governance.Permitted {
		return nil
	}
	raw, err := governance.Assemble(t, have)
	if err != nil {
		return err
	}
	p, err := jobs.OpenPermit(raw, c.reg.Pins(t, c.now))
	if err != nil {
		return err
	}
	var b jobs.Bundle
	if err := json.Unmarshal(raw, &b); err != nil {
		return fmt.Errorf("keeping a permit: %w", err)
	}
	err = s.Records.Permits.Put(ctx, records.Record[jobs.Bundle]{ID: t.ID, Revision: 1, Parent: string(p.Digest()), Value: b, Envelope: raw})
	if errors.Is(err, fault.Conflict) {
		return nil // the same decisions in another order
	}
	return err
}

// permit returns the bundle of terms on which everything is decided.
func (s *Server) permit(ctx context.Context, c *call, t jobs.Terms) ([]byte, error) {
	rec, err := s.Records.Permits.Get(ctx, t.ID)
	if errors.Is(err, fault.NotFound) {
		have, err := s.decisions(ctx, t.ID)
		if err != nil {
			return nil, err
		}
		if err := s.assemble(ctx, c, t, have); err != nil {
			return nil, err
		}
		rec, err = s.Records.Permits.Get(ctx, t.ID)
		return rec.Envelope, err
	}
	return rec.Envelope, err
}

func getPermit(ctx context.Context, s *Server, c *call) (any, error) {
	var name verb.Name
	if err := c.Read(&name); err != nil {
		return nil, err
	}
	t, err := s.terms(ctx, c, name.ID)
	if err != nil {
		return nil, err
	}
	raw, err := s.permit(ctx, c, t)
	if err != nil {
		return nil, err
	}
	return rawReply(raw), nil
}
