package msg

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Consent is the kind of receipt by which a provider's officer lets one
// organisation have the evidence of the provider's own domain about one run,
// to check the gate's record again.
const Consent receipt.Kind = "decision-disclose"

// A ConsentBody says who may have what: the evidence of Org's domain about the
// run, sealed to a box of the recipient's, and nothing for anyone else.
type ConsentBody struct {
	Run       string       `json:"run"`
	Permit    suite.Digest `json:"permit"`
	Org       string       `json:"org"`       // the provider
	Recipient string       `json:"recipient"` // organisation
	Box       suite.BoxKey `json:"box"`       // the recipient's, made for this
	At        time.Time    `json:"at"`
}

func (c ConsentBody) about() receipt.Subject {
	return receipt.About("run/"+c.Run+"/evidence", c.Permit)
}

// SignConsent signs a consent with the key of the provider's officer.
func SignConsent(key suite.PrivateKey, c ConsentBody) (receipt.Receipt, error) {
	if err := c.check(); err != nil {
		return receipt.Receipt{}, err
	}
	return receipt.Sign(key, Consent, c.about(), c)
}

// OpenConsent reads a consent that a provider's officer signed. The key is the
// one that a person pinned at the domain: another's signature, or another
// provider's name, is of kind Tampered; what is no consent of kind Invalid.
func OpenConsent(raw []byte, provider jobs.Signer) (ConsentBody, receipt.Receipt, error) {
	r, err := receipt.Parse(raw)
	if err != nil {
		return ConsentBody{}, r, fmt.Errorf("reading a consent: %w", err)
	}
	var c ConsentBody
	if err := r.Read(Consent, &c); err != nil {
		return ConsentBody{}, r, fmt.Errorf("reading a consent: %w", err)
	}
	s, want := r.Subject(), c.about()
	if r.By() != provider.Key || c.Org != provider.Org || s.Name != want.Name || s.Digest["sha256"] != want.Digest["sha256"] {
		return ConsentBody{}, r, fmt.Errorf("reading a consent: not the provider's: %w", fault.Tampered)
	}
	return c, r, c.check()
}

func (c ConsentBody) check() error {
	if jobs.ID(c.Run) != nil || c.Permit.Hex() == "" || jobs.ID(c.Org) != nil || jobs.ID(c.Recipient) != nil || c.Box.Check() != nil {
		return fmt.Errorf("a consent names no run, permit, organisation or box: %w", fault.Invalid)
	}
	return nil
}

// A DisclosedBody says that a site gives its evidence out: on the board and in
// the ledger before a byte of it leaves the domain. In its head Round counts
// the site's disclosures of the run, from 0; there are MaxRounds+1 at most.
type DisclosedBody struct {
	Of
	Consent   suite.Digest     `json:"consent"` // of the provider's receipt
	Recipient string           `json:"recipient"`
	Evidence  suite.Commitment `json:"evidence"` // as the site confirmed it
}

// CommitEvidence commits a site to its evidence about a run. One commitment
// holds for all rounds, whose partials are the same: of is the site's head of
// round 0.
func CommitEvidence(of Of, salt suite.Salt, evidence []byte) suite.Commitment {
	return suite.Commit(salt, of.Bind(evidence))
}

// Opened is the evidence of one domain as its recipient reads it, with the
// site's own statements that say what it is: the confirmation that committed to
// it before anything was opened, and the one that it was given out.
type Opened struct {
	Of        Of              `json:"of"` // the site's, round 0
	Salt      suite.Salt      `json:"salt"`
	Evidence  []byte          `json:"evidence"`
	Confirm   json.RawMessage `json:"confirm"`
	Disclosed json.RawMessage `json:"disclosed"`
}

// A Packet is a file with evidence, sealed to its recipient's box.
type Packet struct {
	Format string `json:"format"`
	Of     Of     `json:"of"`
	Sealed []byte `json:"sealed"`
}

// Bounds and names of packets.
const (
	PacketFormat = "yunei evidence packet v1"
	MaxPacket    = 512 << 20
)

// packetInfo binds a packet to the run, permit and site that it is of.
func packetInfo(of Of) string { return string(of.Bind([]byte(PacketFormat))) }

// SealPacket seals opened evidence to the recipient's box.
func SealPacket(box suite.BoxKey, o Opened) ([]byte, error) {
	plain, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("sealing evidence: %w", err)
	}
	sealed, err := box.Seal(packetInfo(o.Of), plain)
	clear(plain)
	if err != nil {
		return nil, fmt.Errorf("sealing evidence: %w", err)
	}
	raw, err := json.Marshal(Packet{PacketFormat, o.Of, sealed})
	if err != nil {
		return nil, fmt.Errorf("sealing evidence: %w", err)
	}
	return raw, nil
}

// OpenPacket opens a packet with the recipient's box and checks it against the
// terms: the site is a member's, its confirmation and its disclosure are signed
// with the key that the terms name for it and are about this run and permit,
// and both commit to these very bytes. Errors are of kind Invalid, Exhausted,
// Denied or Tampered.
func OpenPacket(raw []byte, box suite.Box, t jobs.Terms) (Opened, ConfirmBody, error) {
	o, err := unseal(raw, box)
	if err != nil {
		return Opened{}, ConfirmBody{}, fmt.Errorf("reading evidence: %w", err)
	}
	confirm, err := o.check(t)
	if err != nil {
		return Opened{}, ConfirmBody{}, fmt.Errorf("reading evidence: %w", err)
	}
	return o, confirm, nil
}

func unseal(raw []byte, box suite.Box) (Opened, error) {
	if len(raw) > MaxPacket {
		return Opened{}, fmt.Errorf("%d bytes: %w", len(raw), fault.Exhausted)
	}
	var p Packet
	if err := json.Unmarshal(raw, &p); err != nil || p.Format != PacketFormat {
		return Opened{}, fmt.Errorf("another format: %w", fault.Invalid)
	}
	plain, err := box.Open(packetInfo(p.Of), p.Sealed)
	if err != nil {
		return Opened{}, err
	}
	var o Opened
	if err := json.Unmarshal(plain, &o); err != nil || o.Of != p.Of {
		return Opened{}, fmt.Errorf("not what its cover says: %w", fault.Tampered)
	}
	return o, nil
}

func (o Opened) check(t jobs.Terms) (ConfirmBody, error) {
	site, ok := jobs.Process{}, false
	for _, m := range t.Members {
		if m.Site.Name == o.Of.Party {
			site, ok = m.Site, true
		}
	}
	if !ok || o.Of.Permit != t.Digest() || o.Of.Round != 0 {
		return ConfirmBody{}, fmt.Errorf("not of a member's site under these terms: %w", fault.Tampered)
	}
	var confirm ConfirmBody
	if err := statement(o.Confirm, site, Confirm, o.Of, &confirm); err != nil {
		return ConfirmBody{}, err
	}
	var gone DisclosedBody
	if err := statement(o.Disclosed, site, Disclosed, o.Of, &gone); err != nil {
		return ConfirmBody{}, err
	}
	if confirm.Evidence != gone.Evidence || !confirm.Evidence.Opens(o.Salt, o.Of.Bind(o.Evidence)) {
		return ConfirmBody{}, fmt.Errorf("not what the site committed to: %w", fault.Tampered)
	}
	return confirm, nil
}

// statement reads what a site said, in any round, of the run in of.
func statement(raw []byte, site jobs.Process, kind receipt.Kind, of Of, body Body) error {
	r, err := receipt.Parse(raw)
	if err != nil {
		return err
	}
	if r.By() != site.Key {
		return fmt.Errorf("a %s of another key: %w", kind, fault.Tampered)
	}
	if err := r.Read(kind, body); err != nil {
		return err
	}
	said := body.of()
	of.Round = said.Round
	if s, want := r.Subject(), of.About(); said != of || s.Name != want.Name || s.Digest["sha256"] != want.Digest["sha256"] {
		return fmt.Errorf("a %s about something else: %w", kind, fault.Tampered)
	}
	return nil
}
