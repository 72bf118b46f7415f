// Package place is where a daemon runs, as that is attested: which evidence its
// configuration names, and the digest of its own binary.
package place

import (
	"errors"
	"fmt"
	"os"

	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A Place says what attests a daemon.
type Place struct {
	Evidence jobs.Evidence `json:"evidence,omitempty"` // that the machine gives; "" is software
	TPM      string        `json:"tpm,omitempty"`      // device or socket, attest.DefaultTPM if ""
}

// Self is the digest of this executable.
func Self() (suite.Digest, error) {
	raw, err := os.ReadFile("/proc/self/exe") // what was started, whatever stands at its path now
	if err != nil {
		return "", fmt.Errorf("reading our own binary: %w", err)
	}
	return suite.DigestOf(raw), nil
}

// Open opens what a daemon with that key is attested by.
func (c Place) Open(key suite.PrivateKey) (place attest.Attester, err error) {
	switch c.Evidence {
	case "", jobs.Software:
		return attest.NewSoftware(key), nil
	case jobs.TPM:
		place, err = attest.OpenTPM(c.TPM)
	case jobs.TDX:
		place, err = attest.OpenTDX()
	case jobs.SNP:
		place, err = attest.OpenSNP(0)
	default:
		return nil, fmt.Errorf("reading the configuration: %w: %w", c.Evidence.Check(), fault.Invalid)
	}
	if errors.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("本机没有所配置的证据类型 %s this machine has no %s evidence; it has %v (yunei doctor): %w", c.Evidence, c.Evidence, attest.Detect(c.TPM), err)
	}
	return place, err
}
