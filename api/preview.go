package api

import (
	"context"
	"slices"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/jobs"
)

// preview asks the gates what they would say, of whoever would see the terms. It
// keeps nothing and starts nothing.
func preview(ctx context.Context, s *Server, c *call) (any, error) {
	var p verb.Preview
	if err := c.Read(&p); err != nil {
		return nil, err
	}
	t, err := jobs.ParseTerms(p.Terms)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]gates.Step{gates.AtSubmission, gates.AtStart, gates.AtRelease}, p.Step) {
		return nil, fault.Invalid
	}
	if c.user.ID == "" || !governance.Sees(c.user, t) {
		return nil, fault.Refuse("role", governance.House)
	}
	used, err := s.Records.Runs.List(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	return s.Gates(ctx, c.reg, t, p.Step, len(used), nil, c.now)
}
