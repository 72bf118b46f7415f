// Package receipt is a signed statement: who says what, about which run, in an
// in-toto Statement v1 inside a DSSE envelope (Dead Simple Signing Envelope
// v1) with exactly one signature. Everything that parties tell one another,
// people's decisions included, has this one form, so that a run is a chain of
// receipts and a bundle is that chain.
//
// An envelope has one spelling: Parse refuses bytes that it would not write
// itself, so that no byte of a receipt can change unseen, and the digest of
// the envelope names it. This package judges who signed, never whether the
// signer was the right one: that is for jobs and jobs/msg.
package receipt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

const (
	// PayloadType is in-toto's, as DSSE wants it named.
	PayloadType   = "application/vnd.in-toto+json"
	statementType = "https://in-toto.io/Statement/v1"
	kindPrefix    = "https://github.com/yunei/yunei/"
	kindSuffix    = "/v1"
	// MaxSize bounds an envelope in bytes.
	MaxSize = 1 << 20
)

// A Kind names what a statement says: "permit", "commit", "vote" ...
type Kind string

// A Subject is what a statement is about, by the digest of public bytes.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// About makes a Subject.
func About(name string, d suite.Digest) Subject {
	return Subject{Name: name, Digest: map[string]string{"sha256": d.Hex()}}
}

type statement struct {
	Type          string          `json:"_type"`
	Subject       []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

// A Receipt is a statement whose signature holds. Only Sign and Parse make
// one, and its zero value says nothing.
type Receipt struct {
	kind    Kind
	subject Subject
	body    []byte
	by      suite.PublicKey
	raw     []byte
}

// Sign states body (marshalled as JSON) about subject.
func Sign(key suite.PrivateKey, kind Kind, subject Subject, body any) (Receipt, error) {
	predicate, err := json.Marshal(body)
	if err != nil {
		return Receipt{}, fmt.Errorf("signing a %s: %w", kind, err)
	}
	payload, err := json.Marshal(statement{statementType, []Subject{subject}, kindPrefix + string(kind) + kindSuffix, predicate})
	if err != nil {
		return Receipt{}, fmt.Errorf("signing a %s: %w", kind, err)
	}
	sig, err := key.Sign(dsse.PAE(PayloadType, payload))
	if err != nil {
		return Receipt{}, fmt.Errorf("signing a %s: %w", kind, err)
	}
	raw, err := json.Marshal(dsse.Envelope{
		PayloadType: PayloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures:  []dsse.Signature{{KeyID: string(key.Public()), Sig: base64.StdEncoding.EncodeToString(sig)}},
	})
	if err != nil {
		return Receipt{}, fmt.Errorf("signing a %s: %w", kind, err)
	}
	return Receipt{kind, subject, predicate, key.Public(), raw}, nil
}

// Parse reads an envelope and checks its one signature against the key that
// it names. Errors are of kind Invalid (not in the one spelling) or Tampered.
func Parse(raw []byte) (Receipt, error) {
	if len(raw) > MaxSize {
		return Receipt{}, fmt.Errorf("reading a receipt: %d bytes: %w", len(raw), fault.Exhausted)
	}
	var env dsse.Envelope
	if err := strict(raw, &env); err != nil {
		return Receipt{}, fmt.Errorf("reading a receipt: envelope: %w", err)
	}
	if env.PayloadType != PayloadType || len(env.Signatures) != 1 {
		return Receipt{}, fmt.Errorf("reading a receipt: want %s with one signature: %w", PayloadType, fault.Invalid)
	}
	payload, err := decode(env.Payload)
	if err != nil {
		return Receipt{}, fmt.Errorf("reading a receipt: payload: %w", err)
	}
	sig, err := decode(env.Signatures[0].Sig)
	if err != nil {
		return Receipt{}, fmt.Errorf("reading a receipt: signature: %w", err)
	}
	by := suite.PublicKey(env.Signatures[0].KeyID)
	if err := by.Verify(dsse.PAE(PayloadType, payload), sig); err != nil {
		return Receipt{}, fmt.Errorf("reading a receipt: %w", err)
	}
	var s statement
	if err := strict(payload, &s); err != nil {
		return Receipt{}, fmt.Errorf("reading a receipt: statement: %w", err)
	}
	kind, ok := kindOf(s.PredicateType)
	if s.Type != statementType || len(s.Subject) != 1 || !ok {
		return Receipt{}, fmt.Errorf("reading a receipt: not a statement of ours: %w", fault.Invalid)
	}
	return Receipt{kind, s.Subject[0], s.Predicate, by, bytes.Clone(raw)}, nil
}

func kindOf(predicateType string) (Kind, bool) {
	k, pre := strings.CutPrefix(predicateType, kindPrefix)
	k, suf := strings.CutSuffix(k, kindSuffix)
	return Kind(k), pre && suf && k != ""
}

// strict decodes JSON that has no unknown field and is spelled just as
// json.Marshal would spell it.
func strict(raw []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("not our JSON: %w", fault.Invalid)
	}
	again, err := json.Marshal(v)
	if err != nil || !bytes.Equal(again, raw) {
		return fmt.Errorf("not in its one spelling: %w", fault.Invalid)
	}
	return nil
}

func decode(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || base64.StdEncoding.EncodeToString(b) != s {
		return nil, fmt.Errorf("not base64: %w", fault.Invalid)
	}
	return b, nil
}

// Kind says what the receipt states.
func (r Receipt) Kind() Kind { return r.kind }

// By is the key that signed it.
func (r Receipt) By() suite.PublicKey { return r.by }

// Bytes is the envelope.
func (r Receipt) Bytes() []byte { return r.raw }

// Digest names the envelope.
func (r Receipt) Digest() suite.Digest { return suite.DigestOf(r.raw) }

// Subject is what the receipt is about.
func (r Receipt) Subject() Subject { return r.subject }

// Read decodes what a receipt of the given kind states into body. Unknown
// fields are an error of kind Invalid, another kind of receipt of kind
// Tampered.
func (r Receipt) Read(kind Kind, body any) error {
	if r.kind != kind {
		return fmt.Errorf("reading a %s: it is a %q: %w", kind, r.kind, fault.Tampered)
	}
	if err := strict(r.body, body); err != nil {
		return fmt.Errorf("reading a %s: %w", kind, err)
	}
	return nil
}
