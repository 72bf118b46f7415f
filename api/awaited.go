package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
)

// awaited are the withdrawn releases of which the caller's organisation has still to
// confirm that it uses them no more: whose turn it is, is told where all turns are.
func (s *Server) awaited(ctx context.Context, c *call) ([]verb.Awaited, error) {
	recs, err := s.Records.Withdrawals.List(ctx, "")
	if err != nil || len(recs) == 0 {
		return nil, err
	}
	products, err := s.products(ctx)
	if err != nil {
		return nil, err
	}
	var all []verb.Awaited
	for _, rec := range recs {
		_, t, err := s.run(ctx, rec.ID, func(jobs.Terms) bool { return true }) // who is asked sees that it is
		if err != nil {
			return nil, err
		}
		if !slices.Contains(governance.Asked(rec.ID, t, governance.Lineage(rec.ID, products)), c.user.Org) {
			continue
		}
		body, said, err := governance.OpenWithdrawal(rec.Envelope, rec.ID, t)
		if err != nil {
			return nil, fmt.Errorf("reading a withdrawal: %w: %w", err, fault.Tampered)
		}
		_, done, err := s.confirmed(ctx, rec.ID, c.user.Org, said.Digest())
		if err != nil {
			return nil, err
		}
		if done != nil {
			continue
		}
		due, err := s.due(ctx, c.reg, body.At)
		if err != nil {
			return nil, err
		}
		all = append(all, verb.Awaited{Run: rec.ID, Due: due, Overdue: !c.now.Before(due)})
	}
	return all, nil
}
