package client

import (
	"context"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/suite"
)

// Propose asks which cases terms of a scenario, running a program ("" for none),
// rest on as they stand.
func (c *Client) Propose(ctx context.Context, scenario string, program suite.Digest) (verb.Proposed, error) {
	return ask[verb.Proposed](ctx, c, verb.ScenarioPropose, verb.Propose{Scenario: scenario, Program: program})
}
