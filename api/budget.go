package api

import (
	"context"
	"errors"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs/msg"
)

// showBudget adds up what sites have confirmed of their budgets in the runs that
// the caller may see. The sites' own journals decide; this is their mirror.
func showBudget(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	apps, err := s.Records.Applications.List(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []map[string]msg.Debit
	for _, app := range apps {
		if !c.sees(app.Value.Terms) {
			continue
		}
		runs, err := s.Records.Runs.List(ctx, app.ID)
		if err != nil {
			return nil, err
		}
		for _, rec := range runs {
			v, err := s.Way.Past(ctx, rec.ID)
			if errors.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			all = append(all, v.Debits)
		}
	}
	return governance.Spent(all), nil
}
