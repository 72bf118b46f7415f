package attest

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

const softwareDomain = "yunei software evidence v1\x00"

// software appraises a process's word: that it is the word of a process which the
// policy names, about this binding. There is nothing else to appraise.
func (v *Verifier) software(e Evidence) (Result, error) {
	if len(e.Parts) != 2 || len(e.Parts[0]) > maxCert {
		return Result{}, fmt.Errorf("not a key and a signature: %w", fault.Invalid)
	}
	key := suite.PublicKey(e.Parts[0])
	if !slices.Contains(v.policy.Software.Keys, key) {
		return Result{}, fmt.Errorf("the word of a process that the policy does not name: %w", fault.Denied)
	}
	if err := key.Verify(softwareStatement(e.Binding), e.Parts[1]); err != nil {
		return Result{}, err
	}
	return Result{measurement: e.Binding.Binary.Hex()}, nil
}

func softwareStatement(b Binding) []byte {
	d := b.Data()
	return append([]byte(softwareDomain), d[:]...)
}

type softwareAttester struct{ key suite.PrivateKey }

// NewSoftware returns the attester of a process that has nothing to show but its
// own key.
func NewSoftware(key suite.PrivateKey) Attester { return softwareAttester{key} }

// Type returns Software.
func (softwareAttester) Type() Type { return Software }

// Attest signs the binding.
func (a softwareAttester) Attest(b Binding) (Evidence, error) {
	if err := b.Check(); err != nil {
		return Evidence{}, err
	}
	sig, err := a.key.Sign(softwareStatement(b))
	if err != nil {
		return Evidence{}, err
	}
	return Evidence{Type: Software, Binding: b, Parts: [][]byte{[]byte(a.key.Public()), sig}}, nil
}
