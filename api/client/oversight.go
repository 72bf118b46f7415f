package client

import (
	"context"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Duties lists what the user's organisation owes; for the bureau and auditors,
// what everybody does.
func (c *Client) Duties(ctx context.Context) ([]oversight.Duty, error) {
	return ask[[]oversight.Duty](ctx, c, verb.DutyList, verb.None{})
}

// FileReport hands a report in with a receipt of kind oversight.Handing, and
// returns the digest that names it on file.
func (c *Client) FileReport(ctx context.Context, statement receipt.Receipt, paper []byte) (suite.Digest, error) {
	d, err := ask[verb.Digest](ctx, c, verb.ReportFile, verb.Handed{Receipt: statement.Bytes(), Paper: paper})
	return d.Digest, err
}

// Reports lists the reports on file that the user may see.
func (c *Client) Reports(ctx context.Context) ([]oversight.Filed, error) {
	return ask[[]oversight.Filed](ctx, c, verb.ReportList, verb.None{})
}

// AttestReport says how a report was checked, a receipt of kind oversight.Attesting.
func (c *Client) AttestReport(ctx context.Context, report suite.Digest, statement receipt.Receipt) error {
	return c.tell(ctx, verb.ReportAttest, inner(string(report), statement))
}

// Inspect asks for a report of a year and for what looks like a fault.
func (c *Client) Inspect(ctx context.Context, report string, year int) (verb.Inspected, error) {
	return ask[verb.Inspected](ctx, c, verb.OversightFacts, verb.Inspection{Report: report, Year: year})
}

// Uses returns the ledger of the uses of data that the user may read.
func (c *Client) Uses(ctx context.Context) (verb.Ledger, error) {
	return ask[verb.Ledger](ctx, c, verb.OversightUses, verb.None{})
}

// Declare says that something is there though nothing shows it.
func (c *Client) Declare(ctx context.Context, d oversight.Declared) error {
	return c.tell(ctx, verb.OversightDeclare, d)
}
