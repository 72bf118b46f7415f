package attest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/yunei/yunei/fault"
)

const (
	maxCollateral = 1 << 20 // of one file
	maxAMD        = 64      // files of a kind
)

// ReadCollateral reads what a folder has of it; nil has none, and what is missing
// stays missing. Intel's answers are intel/tcb-info.json, qe-identity.json,
// pck-crl.der and root-crl.der, with the issuer chains in tcb-info-chain.pem,
// qe-identity-chain.pem and pck-crl-chain.pem; AMD's are amd/*.crl and amd/*.der,
// the VCEK certificates. An error is of kind Exhausted for what is too large.
func ReadCollateral(from fs.FS) (Collateral, error) {
	var c Collateral
	if from == nil {
		return c, nil
	}
	for name, to := range map[string]*[]byte{
		"tcb-info.json": &c.Intel.TCBInfo, "tcb-info-chain.pem": &c.Intel.TCBInfoChain,
		"qe-identity.json": &c.Intel.QEIdentity, "qe-identity-chain.pem": &c.Intel.QEIdentityChain,
		"pck-crl.der": &c.Intel.PCKCRL, "pck-crl-chain.pem": &c.Intel.PCKCRLChain, "root-crl.der": &c.Intel.RootCRL,
	} {
		var err error
		if *to, err = bounded(from, "intel/"+name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Collateral{}, fmt.Errorf("reading collateral: %w", err)
		}
	}
	for pattern, to := range map[string]*[][]byte{"amd/*.crl": &c.AMD.CRLs, "amd/*.der": &c.AMD.VCEKs} {
		names, err := fs.Glob(from, pattern)
		if err != nil {
			return Collateral{}, fmt.Errorf("reading collateral: %w", err)
		}
		if len(names) > maxAMD {
			return Collateral{}, fmt.Errorf("reading collateral: %d files %s: %w", len(names), pattern, fault.Exhausted)
		}
		for _, name := range names {
			raw, err := bounded(from, name)
			if err != nil {
				return Collateral{}, fmt.Errorf("reading collateral: %w", err)
			}
			*to = append(*to, raw)
		}
	}
	return c, nil
}

func bounded(from fs.FS, name string) ([]byte, error) {
	f, err := from.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	raw, err := io.ReadAll(io.LimitReader(f, maxCollateral+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxCollateral {
		return nil, fmt.Errorf("%s has more than %d bytes: %w", name, maxCollateral, fault.Exhausted)
	}
	return raw, nil
}
