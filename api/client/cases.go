package client

import (
	"context"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Act brings an event of a case, a receipt of kind cases.Statement.
func (c *Client) Act(ctx context.Context, id string, event receipt.Receipt) (verb.Case, error) {
	return ask[verb.Case](ctx, c, verb.CaseAct, inner(id, event))
}

// Case shows a case.
func (c *Client) Case(ctx context.Context, id string) (verb.Case, error) {
	return ask[verb.Case](ctx, c, verb.CaseShow, verb.Name{ID: id})
}

// Cases lists cases that the user may see, a page at a time.
func (c *Client) Cases(ctx context.Context, f verb.CaseFilter) (verb.CasePage, error) {
	return ask[verb.CasePage](ctx, c, verb.CaseList, f)
}

// Todo lists what waits for the user's role.
func (c *Client) Todo(ctx context.Context) (verb.Todo, error) {
	return ask[verb.Todo](ctx, c, verb.CaseTodo, verb.None{})
}

// ExportCase returns the file of a case, for cases.Rules.Verify to check.
func (c *Client) ExportCase(ctx context.Context, id string) ([]byte, error) {
	return c.raw(ctx, verb.CaseExport, verb.Name{ID: id})
}

// PutPaper keeps a paper and returns its digest.
func (c *Client) PutPaper(ctx context.Context, body []byte) (suite.Digest, error) {
	d, err := ask[verb.Digest](ctx, c, verb.PaperPut, verb.Paper{Body: body})
	return d.Digest, err
}

// Paper returns the bytes of a digest, unchecked.
func (c *Client) Paper(ctx context.Context, d suite.Digest) ([]byte, error) {
	return c.raw(ctx, verb.PaperGet, verb.Digest{Digest: d})
}

// Publish brings an officer's statement (governance.Publish) for a version of the
// city's rules, as its file has it.
func (c *Client) Publish(ctx context.Context, statement receipt.Receipt, source []byte) (verb.Published, error) {
	return ask[verb.Published](ctx, c, verb.ProfilePublish, verb.Publish{Receipt: statement.Bytes(), Source: source})
}

// Rules returns the rules in force, or the version named, held to its digest.
func (c *Client) Rules(ctx context.Context, want *profile.Frozen) (profile.Profile, error) {
	p, err := ask[verb.Profile](ctx, c, verb.ProfileGet, verb.Version{Frozen: want})
	if err != nil {
		return profile.Profile{}, err
	}
	if want != nil {
		p.Frozen = *want
	}
	return profile.Open(p.Bytes, p.Frozen)
}

// LoadCalendar brings the notice of a year.
func (c *Client) LoadCalendar(ctx context.Context, table []byte) (verb.Loaded, error) {
	return ask[verb.Loaded](ctx, c, verb.CalendarLoad, verb.Calendar{Table: table})
}

// Calendars returns the tables of days that the platform counts by, in the order
// in which each replaces the years of those before.
func (c *Client) Calendars(ctx context.Context) ([]verb.Calendar, error) {
	return ask[[]verb.Calendar](ctx, c, verb.CalendarGet, verb.None{})
}
