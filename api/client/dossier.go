package client

import (
	"context"
	"encoding/json"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

// Registered returns what is registered as it was signed, for package api/dossier
// to check.
func (c *Client) Registered(ctx context.Context) (verb.Registered, error) {
	return ask[verb.Registered](ctx, c, verb.RegisterGet, verb.None{})
}

// Publications returns the officers' statements for a version of the city's
// rules, unchecked.
func (c *Client) Publications(ctx context.Context, of profile.Frozen) ([]json.RawMessage, error) {
	return ask[[]json.RawMessage](ctx, c, verb.ProfileSigned, verb.Version{Frozen: &of})
}

// CaseOf returns the file of a case that the terms of an application name,
// unchecked.
func (c *Client) CaseOf(ctx context.Context, application, id string) ([]byte, error) {
	return c.raw(ctx, verb.ApplicationCase, verb.Within{ID: application, Case: id})
}

// PaperOf returns the bytes of a paper of such a case, unchecked.
func (c *Client) PaperOf(ctx context.Context, application, id string, d suite.Digest) ([]byte, error) {
	return c.raw(ctx, verb.ApplicationPaper, verb.Within{ID: application, Case: id, Paper: d})
}
