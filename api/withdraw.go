package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/release"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// confirmKey is the rule that says how long recipients have to confirm.
const confirmKey = "withdrawal.confirm_wd"

// stillOut refuses to hand out a release that was taken back, by what the reason
// that was given rests on in this city.
func (s *Server) stillOut(ctx context.Context, g governance.Register, run string) error {
	said, is, err := s.withdrawn(ctx, run)
	if err != nil || !is {
		return err
	}
	return fault.Refuse("withdrawn", governance.Rest(g.Rules, said.Code))
}

// withdrawn is what was said when a release was taken back, and whether it was: for
// showing, whoever signed it.
func (s *Server) withdrawn(ctx context.Context, run string) (said governance.Withdrawal, is bool, err error) {
	rec, err := s.Records.Withdrawals.Get(ctx, run)
	if errors.Is(err, fault.NotFound) {
		return said, false, nil
	}
	if err != nil {
		return said, false, err
	}
	if said, err = governance.StatedWithdrawal(rec.Envelope); err != nil {
		return said, false, fmt.Errorf("reading a withdrawal: %w: %w", err, fault.Tampered)
	}
	return said, true, nil
}

// taken finds a released run, by whoever may fetch it or has a product of it.
func (s *Server) taken(ctx context.Context, c *call, id string) (records.Record[jobs.Run], jobs.Terms, []governance.Product, error) {
	products, err := s.products(ctx)
	if err != nil {
		return records.Record[jobs.Run]{}, jobs.Terms{}, nil, err
	}
	of := governance.Lineage(id, products)
	has := func(t jobs.Terms) bool {
		return c.receives(t) || c.user.Org != "" && slices.Contains(governance.Asked(id, t, of), c.user.Org)
	}
	rec, t, err := s.run(ctx, id, has)
	return rec, t, of, err
}

func (s *Server) products(ctx context.Context) ([]governance.Product, error) {
	all, err := s.Records.Products.List(ctx, "")
	if err != nil {
		return nil, err
	}
	var products []governance.Product
	for _, rec := range all {
		products = append(products, rec.Value)
	}
	return products, nil
}

// out says what of a run is out: the bundle and the ledger's entry.
func (s *Server) out(ctx context.Context, run string) (bundle, entry suite.Digest, err error) {
	said, err := s.Notary.Entry(ctx, run)
	if errors.Is(err, fault.NotFound) {
		return "", "", fault.Conflict
	}
	if err != nil {
		return "", "", err
	}
	raw, err := s.Way.Bundle(ctx, run)
	return suite.DigestOf(raw), said.Digest(), err
}

func withdrawRelease(ctx context.Context, s *Server, c *call) (any, error) {
	in, r, err := inner(c)
	if err != nil {
		return nil, err
	}
	rec, t, products, err := s.taken(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	bundle, entry, err := s.out(ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	said, err := c.reg.MayWithdraw(t, rec.ID, bundle, entry, r, c.now)
	if err != nil {
		return nil, err
	}
	if err := s.caused(ctx, c, said); err != nil {
		return nil, err
	}
	s.writing.Lock()
	err = s.enter(ctx, s.Records.Withdrawals, rec.ID, rec.ID, r)
	s.writing.Unlock()
	if err != nil {
		return nil, err
	}
	return s.withdrawal(ctx, c, rec.ID, t, products)
}

func showWithdrawal(ctx context.Context, s *Server, c *call) (any, error) {
	var name verb.Name
	if err := c.Read(&name); err != nil {
		return nil, err
	}
	rec, t, products, err := s.taken(ctx, c, name.ID)
	if err != nil {
		return nil, err
	}
	return s.withdrawal(ctx, c, rec.ID, t, products)
}

// withdrawal says how it stands with a release.
func (s *Server) withdrawal(ctx context.Context, c *call, run string, t jobs.Terms, products []governance.Product) (verb.Withdrawal, error) {
	w := verb.Withdrawal{Run: run, Permit: t.Digest(), Lineage: products}
	var err error
	if w.Bundle, w.Entry, err = s.out(ctx, run); err != nil {
		return w, err
	}
	asked := governance.Asked(run, t, products)
	rec, err := s.Records.Withdrawals.Get(ctx, run)
	if errors.Is(err, fault.NotFound) {
		for _, org := range asked {
			w.Asked = append(w.Asked, verb.Recipient{Org: org})
		}
		return w, nil
	}
	if err != nil {
		return w, err
	}
	body, said, err := governance.OpenWithdrawal(rec.Envelope, run, t)
	if err != nil {
		return w, fmt.Errorf("reading a withdrawal: %w: %w", err, fault.Tampered)
	}
	w.Digest, w.Notice = said.Digest(), s.notice(ctx, t, rec)
	if w.Due, err = s.due(ctx, c.reg, body.At); err != nil {
		return w, err
	}
	w.Asked, err = s.asked(ctx, asked, run, w.Digest, w.Due, c.now)
	return w, err
}

// notice is the withdrawal with its proof. While the trustees do not witness, it
// goes out without one, for it holds without.
func (s *Server) notice(ctx context.Context, t jobs.Terms, rec records.Record[records.Noted]) *release.Notice {
	n := &release.Notice{Statement: rec.Envelope, Index: rec.Value.Index, Proof: [][]byte{}}
	checkpoint, hashes, err := s.Notary.Prove(ctx, rec.Value.Index, t.Trustees.Members)
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "proving a withdrawal", slog.String("run", rec.ID), slog.String("error", err.Error()))
		return n
	}
	n.Checkpoint = string(checkpoint)
	n.Proof = append(n.Proof, hashes...)
	return n
}

// due is when all recipients are to have confirmed, by the rules in force.
func (s *Server) due(ctx context.Context, reg governance.Register, asked time.Time) (time.Time, error) {
	o, err := s.desk(ctx, cases.Profile(reg.Rules.Frozen()))
	if err != nil {
		return time.Time{}, err
	}
	due, err := o.Clock(confirmKey, asked)
	return due.At, err
}

// asked says who has confirmed.
func (s *Server) asked(ctx context.Context, orgs []string, run string, withdrawal suite.Digest, due, now time.Time) ([]verb.Recipient, error) {
	var all []verb.Recipient
	for _, org := range orgs {
		r := verb.Recipient{Org: org, Status: "awaited"}
		if !now.Before(due) {
			r.Status = "overdue"
		}
		_, raw, err := s.confirmed(ctx, run, org, withdrawal)
		if err != nil {
			return nil, err
		}
		if raw != nil {
			r.Status, r.Confirmed = "confirmed", raw
		}
		all = append(all, r)
	}
	return all, nil
}

// confirmed is the confirmation of a withdrawal by an organisation, and as it was
// signed; nil before there is one.
func (s *Server) confirmed(ctx context.Context, run, org string, withdrawal suite.Digest) (c governance.Confirmation, raw json.RawMessage, err error) {
	rec, err := s.Records.Confirmations.Get(ctx, Confirmation(run, org))
	if errors.Is(err, fault.NotFound) {
		return c, nil, nil
	}
	if err != nil {
		return c, nil, err
	}
	r, err := receipt.Parse(rec.Envelope)
	if err != nil {
		return c, nil, fmt.Errorf("reading a confirmation: %w: %w", err, fault.Tampered)
	}
	if c, err = governance.ReadConfirmation(r); err != nil || c.Withdrawal != withdrawal || c.For != org {
		return governance.Confirmation{}, nil, nil //nolint:nilerr // of another withdrawal, or none: not a confirmation of this one
	}
	return c, rec.Envelope, nil
}

// Confirmation is the id of the record of what an organisation confirms.
func Confirmation(run, org string) string { return run + " " + org }

func confirmWithdrawal(ctx context.Context, s *Server, c *call) (any, error) {
	in, r, err := inner(c)
	if err != nil {
		return nil, err
	}
	rec, t, products, err := s.taken(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	kept, err := s.Records.Withdrawals.Get(ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	said, err := c.reg.MayConfirm(t, suite.DigestOf(kept.Envelope), governance.Asked(rec.ID, t, products), r, c.now)
	if err != nil {
		return nil, err
	}
	s.writing.Lock()
	err = s.enter(ctx, s.Records.Confirmations, Confirmation(rec.ID, said.For), rec.ID, r)
	s.writing.Unlock()
	if err != nil {
		return nil, err
	}
	return s.withdrawal(ctx, c, rec.ID, t, products)
}

// addProduct keeps what an operator says it has made of its releases.
func addProduct(ctx context.Context, s *Server, c *call) (any, error) {
	_, r, err := inner(c)
	if err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	p, err := c.reg.MayMake(r, func(run string) (jobs.Terms, error) {
		_, t, err := s.run(ctx, run, c.sees)
		return t, err
	}, c.now)
	if err != nil {
		return nil, err
	}
	switch old, err := s.Records.Products.Get(ctx, p.ID); {
	case err == nil && string(old.Envelope) == string(r.Bytes()):
		return verb.None{}, nil // told again
	case err == nil:
		return nil, fault.Refuse("registered", governance.House) // before the ledger has a line of it
	case !errors.Is(err, fault.NotFound):
		return nil, err
	}
	if _, err := s.Notary.Enter(ctx, r.Digest()); err != nil {
		return nil, err
	}
	return verb.None{}, s.Records.Products.Put(ctx, records.Record[governance.Product]{ID: p.ID, Revision: 1, Value: p, Envelope: r.Bytes()})
}

// listProducts shows the products that are made of runs which the caller sees.
func listProducts(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	products, err := s.products(ctx)
	if err != nil {
		return nil, err
	}
	list := []governance.Product{}
	for _, p := range products {
		mine := slices.Contains(p.Recipients, c.user.Org)
		for _, run := range p.Runs {
			_, _, err := s.run(ctx, run, c.receives)
			if err != nil && !errors.Is(err, fault.NotFound) {
				return nil, err
			}
			mine = mine || err == nil
		}
		if mine {
			list = append(list, p)
		}
	}
	return list, nil
}
