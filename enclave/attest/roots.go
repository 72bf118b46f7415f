package attest

import (
	"crypto/x509"
	_ "embed"
	"fmt"

	amd "github.com/google/go-sev-guest/verify/trust"

	"github.com/yunei/yunei/fault"
)

// intelRoot is Intel's SGX Root CA, the root of TDX (certificates.trustedservices.intel.com).
//
//go:embed roots/intel-sgx-root-ca.pem
var intelRoot []byte

// amdLines are the processors whose roots are built in. Evidence of a later one
// is refused until its root is.
var amdLines = []string{"Milan", "Genoa", "Turin"}

// roots are the makers' roots of trust.
type roots struct {
	amd   map[string]*amd.ProductCerts // by product line
	intel *x509.CertPool
}

func makersRoots() (roots, error) {
	r := roots{amd: map[string]*amd.ProductCerts{}, intel: x509.NewCertPool()}
	for _, line := range amdLines {
		certs, err := amd.GetDefaultRootCerts(line)
		if err != nil {
			return roots{}, fmt.Errorf("reading AMD's root of %s: %w: %w", line, err, fault.Internal)
		}
		r.amd[line] = certs.ProductCerts
	}
	if !r.intel.AppendCertsFromPEM(intelRoot) {
		return roots{}, fmt.Errorf("reading Intel's root: not a certificate: %w", fault.Internal)
	}
	return r, nil
}
