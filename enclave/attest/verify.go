package attest

import (
	"errors"
	"fmt"
	"time"

	"github.com/yunei/yunei/fault"
)

// A Collateral holds what the makers endorse, as their services publish it. It
// is fetched by whoever has a network, changes every few weeks, and is checked
// against the makers' roots each time that it is used; nobody need be trusted to
// bring it. What is missing is missing: nothing is looked up.
type Collateral struct {
	Intel IntelCollateral
	AMD   AMDCollateral
}

// An IntelCollateral is what Intel's PCS v4 answers for the FMSPC of a platform:
// the bodies, and the issuer chains of their headers as PEM.
type IntelCollateral struct {
	TCBInfo, TCBInfoChain       []byte
	QEIdentity, QEIdentityChain []byte
	PCKCRL, PCKCRLChain         []byte // of the platform CA, DER
	RootCRL                     []byte // DER
}

// An AMDCollateral is what AMD's KDS answers: revocation lists of product lines,
// and VCEK certificates of chips whose evidence comes without. All are DER.
type AMDCollateral struct {
	CRLs  [][]byte
	VCEKs [][]byte
}

// A Verifier appraises evidence by one policy. The zero Verifier refuses all.
// It may be used by several goroutines.
type Verifier struct {
	policy     Policy
	collateral Collateral
	roots      roots
}

// NewVerifier makes a verifier that trusts the makers' roots built into it.
// Errors are of kind Invalid.
func NewVerifier(p Policy, c Collateral) (*Verifier, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	r, err := makersRoots()
	if err != nil {
		return nil, err
	}
	return &Verifier{policy: p, collateral: c, roots: r}, nil
}

// Verify appraises encoded evidence. It reports an error of kind Invalid for what
// cannot be read, Denied for what the policy or the challenge refuses, and
// Tampered for a signature that does not hold.
func (v *Verifier) Verify(evidence []byte, c Challenge, now time.Time) (Result, error) {
	if v == nil || len(v.policy.Types) == 0 || now.IsZero() {
		return Result{}, fmt.Errorf("verifying evidence: no policy or no clock: %w", fault.Denied)
	}
	e, err := ParseEvidence(evidence)
	if err != nil {
		return Result{}, err
	}
	if err := v.admit(e, c, now); err != nil {
		return Result{}, fmt.Errorf("verifying %s evidence: %w", e.Type, err)
	}
	r, err := v.appraise(e, now)
	if err != nil {
		return Result{}, fmt.Errorf("verifying %s evidence: %w", e.Type, err)
	}
	r.kind, r.binding = e.Type, e.Binding // by what was verified, not by what it says
	return r, nil
}

// admit refuses what need not be looked at: a type that the policy does not name,
// the answer to another challenge, or one that came too late.
func (v *Verifier) admit(e Evidence, c Challenge, now time.Time) error {
	if !has(v.policy.Types, e.Type) {
		return fmt.Errorf("the policy does not name it: %w", fault.Denied)
	}
	if age := now.Sub(c.Made); c.Made.IsZero() || age < 0 || age > v.policy.Life {
		return fmt.Errorf("the nonce is not of the last %v: %w", v.policy.Life, fault.Denied)
	}
	if v.policy.LongLived && !e.Binding.Key.Hybrid() {
		return fmt.Errorf("data that live long, and a key that is not X-Wing: %w", fault.Denied)
	}
	return e.Binding.answers(c)
}

// appraise holds the evidence of each type against its section of the policy.
func (v *Verifier) appraise(e Evidence, now time.Time) (r Result, err error) {
	// The parsers of the makers' formats are other people's, and some index what
	// they have not measured: a panic in one is a refusal.
	defer func() {
		if p := recover(); p != nil {
			r, err = Result{}, fmt.Errorf("a parser gave up: %w", fault.Invalid)
		}
	}()
	switch e.Type {
	case SNP:
		return v.snp(e.Parts, e.Binding.Data(), now)
	case TDX:
		return v.tdx(e.Parts, e.Binding.Data(), now)
	case TPM:
		return v.tpm(e)
	case Software:
		return v.software(e)
	}
	return Result{}, fmt.Errorf("no such type: %w", fault.Denied)
}

// broken puts a library's text behind a kind.
func broken(kind fault.Kind, doing string, err error) error {
	if _, ok := errors.AsType[fault.Kind](err); ok {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, err, kind)
}
