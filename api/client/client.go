// Package client asks the bureau's API, one method a verb. It signs every
// request with the user's own key, which never leaves the process, and hands a
// refusal back as the fault.Refusal that it came as. It believes the server
// nothing that a signature can say: a candidate, a permit and a bundle are for
// the caller to check (verb.Candidate.Open, jobs.OpenPermit), and it reads
// bounded answers only. Who answers is the holder of one pinned key, over TLS
// (package link); an address in the clear is not asked.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/link"
	"github.com/yunei/yunei/suite"
)

// maxAnswer bounds an answer in bytes: a candidate or a bundle.
const maxAnswer = 128 << 20

// timeout bounds one request, answer included.
const timeout = 5 * time.Minute

// A Client asks one server in one user's name.
type Client struct {
	url          string
	key          suite.PrivateKey
	installation string
	now          func() time.Time
	http         *http.Client
}

// New returns a client of the server at url ("https://host:port") whose key is
// pin. Whoever else answers there is the refusal "link-pin".
func New(url string, pin suite.PublicKey, key suite.PrivateKey, installation string, now func() time.Time) (*Client, error) {
	h, err := HTTP(url, pin)
	if err != nil {
		return nil, err
	}
	return &Client{url: strings.TrimSuffix(url, "/"), key: key, installation: installation, now: now, http: h}, nil
}

// HTTP is what a Client asks with.
func HTTP(url string, pin suite.PublicKey) (*http.Client, error) {
	if !strings.HasPrefix(url, "https://") {
		return nil, fmt.Errorf("asking the platform: its address %q is not https://host:port: %w", url, fault.Invalid)
	}
	ends, err := link.Client(suite.PrivateKey{}, pin)
	if err != nil {
		return nil, err
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{
		Timeout: timeout, Transport: &http.Transport{IdleConnTimeout: time.Minute, TLSClientConfig: ends}, CheckRedirect: stay,
	}, nil
}

// raw asks for a verb and returns the answer's bytes.
func (c *Client) raw(ctx context.Context, v verb.Verb, body any) ([]byte, error) {
	r, err := verb.Sign(c.key, v, c.installation, c.now(), rand.Reader, body)
	if err != nil {
		return nil, err
	}
	b, err := c.send(ctx, http.MethodPost, verb.Path+string(v), r.Bytes())
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", v, err)
	}
	return b, nil
}

func (c *Client) send(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, fault.Invalid)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if len(b) > maxAnswer {
		return nil, fmt.Errorf("the answer is too long: %w", fault.Exhausted)
	}
	if resp.StatusCode == http.StatusOK {
		return b, nil
	}
	var refusal fault.Refusal
	if err := json.Unmarshal(b, &refusal); err != nil || refusal.Code == "" {
		return nil, fmt.Errorf("status %d: %w", resp.StatusCode, fault.Internal)
	}
	return nil, refusal
}

// ask asks for a verb and decodes the answer.
func ask[T any](ctx context.Context, c *Client, v verb.Verb, body any) (T, error) {
	var t T
	b, err := c.raw(ctx, v, body)
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fmt.Errorf("reading the answer to %s: %w: %w", v, err, fault.Invalid)
	}
	return t, nil
}

func (c *Client) tell(ctx context.Context, v verb.Verb, body any) error {
	_, err := c.raw(ctx, v, body)
	return err
}

// Directory returns who and what is registered.
func (c *Client) Directory(ctx context.Context) (verb.Directory, error) {
	return ask[verb.Directory](ctx, c, verb.DirectoryGet, verb.None{})
}

// AddOrg registers an organisation; the key must be the root key.
func (c *Client) AddOrg(ctx context.Context, o governance.Org) error {
	return c.tell(ctx, verb.OrgAdd, o)
}

// AddUser registers a person; the key must be the root key.
func (c *Client) AddUser(ctx context.Context, u governance.User) error {
	return c.tell(ctx, verb.UserAdd, u)
}

// AddProcess registers a daemon; the key must be the root key.
func (c *Client) AddProcess(ctx context.Context, p governance.Process) error {
	return c.tell(ctx, verb.ProcessAdd, p)
}

// Invite lets a new process offer its key; the key must be the root key.
func (c *Client) Invite(ctx context.Context, i governance.Invitation) error {
	return c.tell(ctx, verb.ProcessInvite, i)
}

// Invited lists the invitations; the key must be the root key.
func (c *Client) Invited(ctx context.Context) ([]verb.Invited, error) {
	return ask[[]verb.Invited](ctx, c, verb.ProcessInvited, verb.None{})
}

// Accept registers a newcomer by the fingerprint that was compared; the key must be
// the root key.
func (c *Client) Accept(ctx context.Context, p governance.Process, fingerprint string) error {
	return c.tell(ctx, verb.ProcessAccept, verb.Accept{Process: p, Fingerprint: fingerprint})
}

// RevokeProcess takes a daemon's key off the register; the key must be the
// root key.
func (c *Client) RevokeProcess(ctx context.Context, name string) error {
	return c.tell(ctx, verb.ProcessRevoke, verb.Name{ID: name})
}

// AddEntry puts a dataset, or further versions of it, into the catalogue.
func (c *Client) AddEntry(ctx context.Context, e governance.Entry) error {
	return c.tell(ctx, verb.CatalogueAdd, e)
}

// GrantLicence licenses an operator.
func (c *Client) GrantLicence(ctx context.Context, l governance.Licence) error {
	return c.tell(ctx, verb.LicenceGrant, l)
}

// SubmitApplication proposes terms.
func (c *Client) SubmitApplication(ctx context.Context, t jobs.Terms) (verb.Application, error) {
	return ask[verb.Application](ctx, c, verb.ApplicationSubmit, t)
}

// Application returns an application by the id of its terms. Another one's is of
// kind Tampered: whoever decides names what they decide on.
func (c *Client) Application(ctx context.Context, id string) (verb.Application, error) {
	a, err := ask[verb.Application](ctx, c, verb.ApplicationShow, verb.Name{ID: id})
	if err == nil && a.Terms.ID != id {
		return verb.Application{}, fmt.Errorf("asking for an application: another one's terms: %w", fault.Tampered)
	}
	return a, err
}

// Applications lists those that the user may see.
func (c *Client) Applications(ctx context.Context) ([]verb.Summary, error) {
	return ask[[]verb.Summary](ctx, c, verb.ApplicationList, verb.None{})
}

// Decide brings a decision of the user's own (jobs.Apply, Grant or Agree).
func (c *Client) Decide(ctx context.Context, application string, decision receipt.Receipt) (verb.Application, error) {
	return ask[verb.Application](ctx, c, verb.DecisionAdd, inner(application, decision))
}

// Permit returns the bundle of an application on which all is decided, for
// jobs.OpenPermit to check.
func (c *Client) Permit(ctx context.Context, application string) ([]byte, error) {
	return c.raw(ctx, verb.PermitGet, verb.Name{ID: application})
}

// PutProgram announces a module and sends its bytes.
func (c *Client) PutProgram(ctx context.Context, name string, module []byte) (suite.Digest, error) {
	d := suite.DigestOf(module)
	if err := c.tell(ctx, verb.ProgramPut, jobs.Program{Name: name, Digest: d, Size: len(module)}); err != nil {
		return "", err
	}
	if _, err := c.send(ctx, http.MethodPut, verb.BlobPath+d.Hex(), module); err != nil {
		return "", fmt.Errorf("sending a program: %w", err)
	}
	return d, nil
}

// SubmitJob starts a run with a receipt of kind jobs.Start.
func (c *Client) SubmitJob(ctx context.Context, application string, start receipt.Receipt) (verb.Job, error) {
	return ask[verb.Job](ctx, c, verb.JobSubmit, inner(application, start))
}

// Job says where a run stands.
func (c *Client) Job(ctx context.Context, run string) (verb.Job, error) {
	return ask[verb.Job](ctx, c, verb.JobShow, verb.Name{ID: run})
}

// Jobs lists the runs that the user may see.
func (c *Client) Jobs(ctx context.Context) ([]verb.Job, error) {
	return ask[[]verb.Job](ctx, c, verb.JobList, verb.None{})
}

// Replay asks every site of a run to compute it again, on the second engine,
// with a receipt of kind msg.Replay by the permit's bureau.
func (c *Client) Replay(ctx context.Context, run string, request receipt.Receipt) (verb.Job, error) {
	return ask[verb.Job](ctx, c, verb.JobReplay, inner(run, request))
}

// Budget returns what was spent, in the runs that the user may see.
func (c *Client) Budget(ctx context.Context) (governance.Budget, error) {
	return ask[governance.Budget](ctx, c, verb.BudgetShow, verb.None{})
}

// Candidate returns what would be released, for verb.Candidate.Open to check.
func (c *Client) Candidate(ctx context.Context, run string) (verb.Candidate, error) {
	return ask[verb.Candidate](ctx, c, verb.CandidateGet, verb.Name{ID: run})
}

// CommitVote casts a blind vote, a receipt of kind msg.VoteCommit.
func (c *Client) CommitVote(ctx context.Context, run string, vote receipt.Receipt) error {
	return c.tell(ctx, verb.VoteCommit, inner(run, vote))
}

// OpenVote opens it, with a receipt of kind msg.VoteOpen.
func (c *Client) OpenVote(ctx context.Context, run string, vote receipt.Receipt) error {
	return c.tell(ctx, verb.VoteOpen, inner(run, vote))
}

// Release returns the bundle of a released run.
func (c *Client) Release(ctx context.Context, run string) ([]byte, error) {
	return c.raw(ctx, verb.ReleaseGet, verb.Name{ID: run})
}

func inner(id string, r receipt.Receipt) verb.Inner {
	return verb.Inner{ID: id, Receipt: r.Bytes()}
}
