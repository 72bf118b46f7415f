package api

import (
	"context"
	"errors"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
)

// causes are the kinds of cases that a withdrawal for a reason comes of. Of other
// reasons a case of any of these kinds will do.
var causes = map[string][]string{
	"objection": {"objection.resolve"},
	"incident":  {"incident.rectify"},
	"consent":   {consentRecord, "objection.resolve"},
	"":          {"objection.resolve", "incident.rectify", "withdraw.dispose", "evaluate.yearly"},
}

// caused refuses a withdrawal that names a case which does not bear it out: there is
// no such case, it is of another kind than the reason, the signer may not see it, or
// it came to nothing. One that goes on is a cause: what is urgent does not wait for
// its end.
func (s *Server) caused(ctx context.Context, c *call, w governance.Withdrawal) error {
	if w.Cause == "" {
		return nil
	}
	k, _, err := s.seen(ctx, c, w.Cause)
	if errors.Is(err, fault.NotFound) {
		return fault.Refuse("withdrawal-cause", governance.Rest(c.reg.Rules, w.Code))
	}
	if err != nil {
		return err
	}
	kinds, ok := causes[w.Code]
	if !ok {
		kinds = causes[""]
	}
	if o, _ := k.Outcome(); !slices.Contains(kinds, k.Opening().Kind) || o == cases.Refused || o == cases.Withdrawn {
		return fault.Refuse("withdrawal-cause", governance.Rest(c.reg.Rules, w.Code))
	}
	return nil
}
