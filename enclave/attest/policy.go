package attest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

const (
	maxPolicy = 64 << 10
	maxList   = 64
	maxLife   = time.Hour // house: a nonce is answered while someone waits
)

// A Policy holds the reference values that evidence is appraised against. It
// belongs into what the providers sign. Its zero value refuses everything, and
// so does a type that it does not name, a list that is empty or a minimum that
// is zero. It proves no more than the weakest type that it names: whoever holds
// the attester chooses which evidence to show.
type Policy struct {
	Types []Type        `json:"types"`
	Life  time.Duration `json:"life"` // of a nonce, from its drawing to the answer
	// LongLived data keys are released to X-Wing keys only.
	LongLived bool           `json:"long_lived,omitempty"`
	SNP       jobs.SNPPolicy `json:"snp,omitzero"`
	TDX       jobs.TDXPolicy `json:"tdx,omitzero"`
	TPM       jobs.TPMPolicy `json:"tpm2,omitzero"`
	Software  SoftwarePolicy `json:"software,omitzero"`
}

// OfGate is the policy by which a permit's gate is judged: the one type that the
// permit names and what it demands of that, or the gate's own word.
func OfGate(g jobs.Gate) Policy {
	p := Policy{Types: []Type{g.Evidence}, Life: maxLife, Software: SoftwarePolicy{Keys: []suite.PublicKey{g.Key}}}
	if g.Policy == nil {
		return p
	}
	if g.Policy.SNP != nil {
		p.SNP = *g.Policy.SNP
	}
	if g.Policy.TDX != nil {
		p.TDX = *g.Policy.TDX
	}
	if g.Policy.TPM != nil {
		p.TPM = *g.Policy.TPM
	}
	return p
}

// A SoftwarePolicy names the processes whose word is taken.
type SoftwarePolicy struct {
	Keys []suite.PublicKey `json:"keys"`
}

// ParsePolicy reads and checks a policy. Errors are of kind Invalid.
func ParsePolicy(raw []byte) (Policy, error) {
	var p Policy
	if len(raw) > maxPolicy {
		return Policy{}, fmt.Errorf("reading a policy: %d bytes: %w", len(raw), fault.Invalid)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("reading a policy: %w: %w", err, fault.Invalid)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Policy{}, fmt.Errorf("reading a policy: more after the end: %w", fault.Invalid)
	}
	return p, p.Check()
}

// ConfidentialAgainstHost reports whether every type that the policy names is.
func (p Policy) ConfidentialAgainstHost() bool {
	for _, t := range p.Types {
		if !t.ConfidentialAgainstHost() {
			return false
		}
	}
	return len(p.Types) > 0
}

// Check reports an error of kind Invalid unless the policy says, of each type
// that it names, what is to be held against it.
func (p Policy) Check() error {
	if len(p.Types) == 0 || len(p.Types) > len(types) {
		return fmt.Errorf("policy: %d types of evidence: %w", len(p.Types), fault.Invalid)
	}
	if p.Life <= 0 || p.Life > maxLife {
		return fmt.Errorf("policy: a nonce lives %v, want at most %v: %w", p.Life, maxLife, fault.Invalid)
	}
	for _, t := range p.Types {
		err := t.Check()
		switch t {
		case SNP:
			err = p.SNP.Check()
		case TDX:
			err = p.TDX.Check()
		case TPM:
			err = p.TPM.Check()
		case Software:
			err = p.Software.check()
		}
		if err != nil {
			return fmt.Errorf("policy: %s: %w: %w", t, err, fault.Invalid)
		}
	}
	return nil
}

// check demands a process, and of each its key.
func (p SoftwarePolicy) check() error {
	if len(p.Keys) < 1 || len(p.Keys) > maxList {
		return fmt.Errorf("%d processes, want 1 to %d", len(p.Keys), maxList)
	}
	for _, k := range p.Keys {
		if _, err := suite.ParsePublicKey(string(k)); err != nil {
			return err
		}
	}
	return nil
}

// is reports whether got is what the policy says in digits, "" being zeros.
func is(digits string, got []byte) bool {
	if digits == "" {
		return len(bytes.Trim(got, "\x00")) == 0
	}
	return measured(got) == digits
}

// measured prints bytes as a policy has them.
func measured(b []byte) string { return hex.EncodeToString(b) }

// atLeast reports whether no byte of got is below that of the minimum.
func atLeast(minimum string, got []byte) bool {
	least, err := hex.DecodeString(minimum)
	if err != nil || len(least) != len(got) {
		return false
	}
	for i := range got {
		if got[i] < least[i] {
			return false
		}
	}
	return true
}
