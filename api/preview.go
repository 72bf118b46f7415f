package api

import (
	"context"
	"errors"
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
	if err := s.previews(ctx, c, t); err != nil {
		return nil, err
	}
	used, err := s.Records.Runs.List(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	return s.Gates(ctx, c.reg, t, p.Step, len(used), nil, c.now)
}

// previews refuses whoever would not see the terms, and, of terms that are not on
// record, whoever could not propose them: naming an operator in terms of one's own
// would tell what it owes, what is held of its data and how its years were
// evaluated. Of an id that is taken nothing is told but of the terms that have it.
func (s *Server) previews(ctx context.Context, c *call, t jobs.Terms) error {
	if c.user.ID == "" || !governance.Sees(c.user, t) {
		return fault.Refuse("role", governance.House)
	}
	switch rec, err := s.Records.Applications.Get(ctx, t.ID); {
	case errors.Is(err, fault.NotFound):
		if !slices.Contains([]governance.Role{governance.RoleOperator, governance.RoleBureau, governance.RoleAuditor}, c.user.Role) {
			return fault.Refuse("role", governance.House)
		}
		return nil
	case err != nil:
		return err
	case rec.Value.Terms.Digest() != t.Digest():
		return fault.Refuse("registered", governance.House)
	default:
		return nil
	}
}
