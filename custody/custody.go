// Package custody keeps the key that opens a domain's datasets away from the
// machine that computes. A custodian is a small process of the provider's: it
// holds the private key that versions of datasets are sealed to (storage/seal)
// and hands out, run by run, the data key of one version. It asks everything
// that the site asks before it computes, by itself: the permit by the keys that a
// person pinned here, its dates, that its own provider granted it and its own
// site is in it, that the operator started this run, uses and budget by a journal
// of its own. And it asks one thing more, where the key would go: the site's
// evidence (enclave/attest) must answer a nonce that the custodian drew, for this
// run, permit, program and binary, and hold against the provider's policy. What
// that costs is booked before anything is sealed; then the data key is sealed by
// HPKE to the key in the evidence, and to nothing else.
//
// So the disk of the computing machine, stolen, opens no version; and whoever
// holds all of that machine gets the keys of versions for which the provider has
// signed a permit, while it is in force, as often as its uses and the budget
// allow, with a record of each here. What it gets beyond that depends on the
// evidence. Under software evidence it is nothing: whoever administers the
// machine reads the key in memory, and keeps the rows it has opened. Under sev-snp
// and tdx the memory is closed to the host's administrator. A TPM says what was
// started, and keeps no memory closed.
//
// The custodian reads no row and no store, speaks on no board, and trusts its
// site's key to say who asks, never what for. It does not see whether the site
// keeps a data key beyond the run; nor that its own journal is an older copy,
// brought back.
package custody

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/budget"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// Config is what a person of the provider's gave the custodian.
type Config struct {
	Domain   string
	Provider jobs.Signer         // whose decisions it obeys
	Pins     jobs.Pins           // providers' officers, by organisation
	Site     suite.PublicKey     // the one process that may ask
	Binaries []suite.Digest      // of the site's software that keys go to
	Policy   attest.Policy       // what the site's evidence is held against
	Makers   fs.FS               // what the makers of the site's machine publish (attest.ReadCollateral); nil has none
	Budgets  map[string]*big.Rat // rho by unit namespace, over all permits and for ever
	Caps     []budget.Cap        // further ones: by operator, scenario or year
}

// A Custodian releases data keys. All of its fields must be given. Its methods may
// be called by many goroutines.
type Custodian struct {
	Config
	Key     seal.PrivateKey // versions are sealed to its public half
	Journal *journal.Journal
	Now     func() time.Time
	Random  io.Reader
	Log     *slog.Logger

	mu    sync.Mutex // one answer at a time, from its counts to its entries
	asked map[attest.Nonce]asked
}

const (
	// MaxAsk is the size of the longest Ask that is read, in bytes.
	MaxAsk = 4 << 20
	// maxAsked is how many questions wait for their answer at once.
	maxAsked = 64
	// maxReleases is how often one run may have its key: a site that was started
	// anew asks again, and so does a replay.
	maxReleases = 16
)

// An Ask is what a site shows to have the data key of its version in a run.
type Ask struct {
	Permit json.RawMessage `json:"permit"` // the bundle
	Start  json.RawMessage `json:"start"`  // the operator's receipt
	Header []byte          `json:"header"` // of the sealed version
	Binary suite.Digest    `json:"binary"` // the site's own
}

// A Question is what the site's evidence must answer.
type Question struct {
	Nonce attest.Nonce `json:"nonce"`
	Round int          `json:"round"` // how often the run has its key with this
	// Hybrid asks for an X-Wing key: the data live long.
	Hybrid bool `json:"hybrid,omitempty"`
}

// asked is a question that waits, with all that its answer is held against.
type asked struct {
	attest.Challenge

	permit jobs.Permit
	name   storage.Name
	header []byte
}

// Challenge reads an encoded Ask and, if that run may have the key, asks where it
// would go. Errors are refusals, and of kind Invalid for what cannot be read.
// Nothing is spent.
func (c *Custodian) Challenge(raw []byte) (Question, error) {
	ask, err := parseAsk(raw)
	if err != nil {
		return Question{}, err
	}
	now := c.Now()
	a, err := c.hear(ask, now)
	if err != nil {
		return Question{}, err
	}
	key, err := c.Key.Unwrap(a.header, a.name)
	if err != nil {
		return Question{}, fmt.Errorf("%w: %w", err, fault.Refuse("dataset", ""))
	}
	key.Erase()
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.affords(a, now)
	if err != nil {
		return Question{}, err
	}
	a.Round = n + 1
	if a.Challenge, err = attest.NewChallenge(c.Random, a.Subject, now); err != nil {
		return Question{}, err
	}
	return Question{a.Nonce, a.Round, c.Policy.LongLived}, c.wait(a, now)
}

func parseAsk(raw []byte) (Ask, error) {
	var ask Ask
	if len(raw) > MaxAsk {
		return ask, fmt.Errorf("reading what a site asks: %d bytes: %w", len(raw), fault.Invalid)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&ask); err != nil {
		return ask, fmt.Errorf("reading what a site asks: %w: %w", err, fault.Invalid)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return ask, fmt.Errorf("reading what a site asks: more after the end: %w", fault.Invalid)
	}
	return ask, nil
}

// hear decides all that does not depend on the journal.
func (c *Custodian) hear(ask Ask, now time.Time) (asked, error) {
	permit, err := jobs.OpenPermit(ask.Permit, c.Pins)
	if err != nil {
		return asked{}, fmt.Errorf("%w: %w", err, fault.Refuse("permit-broken", ""))
	}
	start, err := receipt.Parse(ask.Start)
	if err != nil {
		return asked{}, err
	}
	run, err := permit.OpenRun(start)
	if err != nil {
		return asked{}, err
	}
	if err := permit.At(now); err != nil {
		return asked{}, err
	}
	m, ok := permit.Terms().Member(c.Domain)
	if permit.Terms().Verify != nil { // its queries would each need the key, and are not counted here
		return asked{}, fault.Refuse("verify-offer", "")
	}
	if !ok || m.Provider != c.Provider || m.Site.Key != c.Site {
		return asked{}, fault.Refuse("permit-broken", "")
	}
	name, err := storage.DatasetName(m.Dataset, m.Version)
	if err != nil {
		return asked{}, err
	}
	if !slices.Contains(c.Binaries, ask.Binary) {
		return asked{}, fmt.Errorf("the site's binary is %.80q: %w", string(ask.Binary), fault.Refuse("attestation", ""))
	}
	s := attest.Subject{Run: run.ID, Permit: permit.Digest(), Program: permit.Terms().Program.Digest, Binary: ask.Binary}
	return asked{Challenge: attest.Challenge{Subject: s}, permit: permit, name: name, header: ask.Header}, nil
}

// wait keeps a question until it is answered or too old.
func (c *Custodian) wait(a asked, now time.Time) error {
	for nonce, old := range c.asked {
		if now.Sub(old.Made) > c.Policy.Life {
			delete(c.asked, nonce)
		}
	}
	if len(c.asked) >= maxAsked {
		return fmt.Errorf("%d questions wait for an answer: %w", maxAsked, fault.Exhausted)
	}
	if c.asked == nil {
		c.asked = map[attest.Nonce]asked{}
	}
	c.asked[a.Nonce] = a
	return nil
}

// Release takes the site's evidence for a question of Challenge and seals the data
// key of the version to the key that it binds. Uses, budget and nonce are in the
// journal by then. A question takes one answer, good or bad. The refusals are
// those of Challenge, and attestation; the error is of kind Conflict for a nonce
// that waits for no answer.
func (c *Custodian) Release(ctx context.Context, evidence []byte) ([]byte, error) {
	e, err := attest.ParseEvidence(evidence)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.asked[e.Binding.Nonce]
	if !ok {
		return nil, fmt.Errorf("the nonce waits for no answer: %w", fault.Conflict)
	}
	delete(c.asked, a.Nonce)
	verifier, err := c.verifier()
	if err != nil {
		return nil, err
	}
	key, err := c.Key.Unwrap(a.header, a.name)
	if err != nil {
		return nil, err
	}
	defer key.Erase()
	plain := key.Bytes()
	defer clear(plain)
	now := c.Now()
	entry := booking{c, a, e.Type, now}
	sealed, r, err := verifier.Release(entry, a.Challenge, evidence, plain, now)
	if err != nil {
		_, refused := errors.AsType[fault.Refusal](err)
		if k := fault.Of(err); !refused && (k == fault.Invalid || k == fault.Denied || k == fault.Tampered) { // the verifier's; the journal's are others
			err = fmt.Errorf("%w: %w", err, fault.Refuse("attestation", ""))
		}
		return nil, err
	}
	c.Log.LogAttrs(ctx, slog.LevelInfo, "a data key was released", slog.String("run", a.Run), slog.String("version", string(a.name)), slog.Int("round", a.Round),
		slog.String("evidence", string(e.Type)), slog.Bool("confidential_against_host", r.ConfidentialAgainstHost()))
	return sealed, nil
}

func (c *Custodian) verifier() (*attest.Verifier, error) {
	collateral, err := attest.ReadCollateral(c.Makers)
	if err != nil {
		return nil, err
	}
	return attest.NewVerifier(c.Policy, collateral)
}
