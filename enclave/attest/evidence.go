package attest

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

const (
	evidenceMagic = "yunei evidence v1\n"
	maxBinding    = 4 << 10
	maxPart       = 16 << 10
	maxParts      = 6
	// MaxEvidence is the size of the longest evidence that is looked at, in bytes.
	MaxEvidence = 48 << 10
)

// Evidence is what an attester hands over. Everything in it is a claim until a
// Verifier has been over it. Parts are, by type:
//
//	sev-snp   report (1184 bytes), VCEK certificate (DER, may be empty)
//	tdx       quote (version 4)
//	tpm2      key's x, key's y, TPMS_ATTEST, r, s, values of the PCRs
//	software  verifying key, signature
type Evidence struct {
	Type    Type
	Binding Binding
	Parts   [][]byte
}

// Bytes encodes the evidence.
func (e Evidence) Bytes() []byte {
	out := append([]byte(evidenceMagic), byte(slices.Index(types, e.Type)+1))
	put := func(b []byte) {
		out = binary.BigEndian.AppendUint16(out, uint16(len(b)))
		out = append(out, b...)
	}
	put(e.Binding.Bytes())
	out = append(out, byte(len(e.Parts)))
	for _, p := range e.Parts {
		put(p)
	}
	return out
}

// ParseEvidence reads what Bytes wrote; each evidence has one encoding. Errors
// are of kind Invalid.
func ParseEvidence(raw []byte) (Evidence, error) {
	e, err := parseEvidence(raw)
	if err != nil {
		return Evidence{}, fmt.Errorf("reading evidence: %w", err)
	}
	return e, nil
}

func parseEvidence(raw []byte) (e Evidence, err error) {
	if len(raw) > MaxEvidence {
		return e, fmt.Errorf("%d bytes: %w", len(raw), fault.Invalid)
	}
	r := reader{left: raw}
	if string(r.take(len(evidenceMagic))) != evidenceMagic {
		return e, fmt.Errorf("not evidence: %w", fault.Invalid)
	}
	kind := int(r.number(1))
	if kind < 1 || kind > len(types) {
		return e, fmt.Errorf("no such type: %w", fault.Invalid)
	}
	e.Type = types[kind-1]
	bound := r.take(int(r.number(2)))
	if len(bound) > maxBinding {
		return e, fmt.Errorf("a binding of %d bytes: %w", len(bound), fault.Invalid)
	}
	n := r.number(1)
	if n > maxParts {
		return e, fmt.Errorf("%d parts: %w", n, fault.Invalid)
	}
	for range n {
		part := r.take(int(r.number(2)))
		if len(part) > maxPart {
			return e, fmt.Errorf("a part of %d bytes: %w", len(part), fault.Invalid)
		}
		e.Parts = append(e.Parts, part)
	}
	if err := r.end(); err != nil {
		return e, err
	}
	e.Binding, err = ParseBinding(bound)
	return e, err
}
