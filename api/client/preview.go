package client

import (
	"context"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/jobs"
)

// Preview asks what the gates would say of terms at a step; nothing is run.
func (c *Client) Preview(ctx context.Context, t jobs.Terms, at gates.Step) ([]gates.Verdict, error) {
	return ask[[]gates.Verdict](ctx, c, verb.JobPreview, verb.Preview{Terms: t.Bytes(), Step: at})
}
