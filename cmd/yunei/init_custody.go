package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// custodian is the binary that keeps a domain's data keys.
const custodian = "yunei-keys"

// nonceLife is how long a new custodian waits for the answer to a question.
const nonceLife = time.Minute

// writeCustodian makes the folder of a domain's custodian, which trusts the site of
// that key while it runs the binary that lies here, by the site's own word. On one
// machine there is no other evidence that all have; the provider changes policy
// and binaries in the configuration.
func (p *plan) writeCustodian(m member, site suite.PublicKey, binary string, budgets map[string]string) (*domain.Custodian, error) {
	name := "keys-" + m.domain
	key, err := p.folder(name, custodian)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(p.dir, name)
	if err := drawSecret(filepath.Join(dir, domain.SealFile)); err != nil {
		return nil, err
	}
	sealed, err := domain.SealKey(dir)
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Clean(binary))
	if err != nil {
		return nil, err
	}
	at, err := p.port()
	if err != nil {
		return nil, err
	}
	cfg := domain.Custody{
		Name: name, Listen: at, Domain: m.domain, Provider: m.provider, Pins: p.pins, Site: site, Binaries: []suite.Digest{suite.DigestOf(raw)},
		Policy:  attest.Policy{Types: []attest.Type{jobs.Software}, Life: nonceLife, Software: attest.SoftwarePolicy{Keys: []suite.PublicKey{site}}},
		Budgets: budgets, Caps: p.caps,
	}
	if err := writeJSON(filepath.Join(dir, folder.ConfigFile), cfg); err != nil {
		return nil, err
	}
	return &domain.Custodian{Address: at, Key: key.Public(), Seal: sealed.Public()}, nil
}
