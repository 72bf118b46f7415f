package custody

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/link"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

const (
	maxAnswer = 64 << 10 // a sealed data key, or a refusal
	askTime   = 10 * time.Second
)

// A Client is a site's way to its custodian. It is of use to many goroutines if
// its place is; a TPM's is not.
type Client struct {
	url    string
	http   *http.Client
	place  attest.Attester
	device sync.Mutex // place attests one thing at a time
	binary suite.Digest
}

// NewClient returns the way to the custodian at an address ("host:port") that
// holds pin, of a site with that key, in that place, running that binary.
func NewClient(address string, pin suite.PublicKey, key suite.PrivateKey, place attest.Attester, binary suite.Digest) (*Client, error) {
	ends, err := link.Client(key, pin)
	if err != nil {
		return nil, err
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{
		url: "https://" + address, place: place, binary: binary,
		http: &http.Client{Timeout: askTime, Transport: &http.Transport{IdleConnTimeout: answerTime, TLSClientConfig: ends}, CheckRedirect: stay},
	}, nil
}

// Key has the data key of a version released for a run: its permit, the
// operator's start of it, and the header of the sealed version. What the custodian
// refuses is a fault.Refusal; any other error is of a custodian that cannot be
// reached or cannot answer now.
func (c *Client) Key(ctx context.Context, run string, permit jobs.Permit, start, header []byte) (seal.DataKey, error) {
	ask, err := json.Marshal(Ask{Permit: permit.Bytes(), Start: start, Header: header, Binary: c.binary})
	if err != nil {
		return seal.DataKey{}, err
	}
	raw, err := c.post(ctx, challengePath, ask)
	if err != nil {
		return seal.DataKey{}, err
	}
	var q Question
	if err := json.Unmarshal(raw, &q); err != nil {
		return seal.DataKey{}, fmt.Errorf("reading the custodian's question: %w", err)
	}
	key, err := newKey(q.Hybrid)
	if err != nil {
		return seal.DataKey{}, err
	}
	// The nonce and the round are the custodian's; what the key is for is not.
	b := attest.Binding{
		Subject: attest.Subject{Run: run, Round: q.Round, Permit: permit.Digest(), Program: permit.Terms().Program.Digest, Binary: c.binary},
		Nonce:   q.Nonce, Key: key.Public(),
	}
	c.device.Lock()
	evidence, err := c.place.Attest(b)
	c.device.Unlock()
	if err != nil {
		return seal.DataKey{}, fmt.Errorf("attesting where a data key is to go: %w", err)
	}
	sealed, err := c.post(ctx, releasePath, evidence.Bytes())
	if err != nil {
		return seal.DataKey{}, err
	}
	plain, err := key.Open(b, sealed)
	if err != nil {
		return seal.DataKey{}, err
	}
	defer clear(plain)
	return seal.ParseDataKey(plain)
}

func newKey(hybrid bool) (attest.Key, error) {
	if hybrid {
		return attest.NewHybridKey()
	}
	return attest.NewKey()
}

// passing are the refusals that say nothing of the run.
var passing = map[fault.Code]bool{"internal": true, "exhausted": true, "conflict": true, "": true}

func (c *Client) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("密钥保管进程没有应答，作业等待 the custodian of the keys does not answer, and the job waits: %w", away(err))
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("asking the custodian: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		if len(raw) > maxAnswer {
			return nil, errors.New("asking the custodian: the answer is too long")
		}
		return raw, nil
	}
	var no fault.Refusal
	if err := json.Unmarshal(raw, &no); err != nil || passing[no.Code] {
		return nil, fmt.Errorf("密钥保管进程暂不能应答，作业等待 the custodian of the keys cannot answer now, and the job waits: status %d, %q", resp.StatusCode, string(no.Code))
	}
	return nil, fmt.Errorf("asking the custodian: %w", no)
}

// away takes from an error whatever it says of the run: another key in the
// custodian's place (link.ErrPin) is no answer of the custodian's.
func away(err error) error { return errors.New(err.Error()) }
