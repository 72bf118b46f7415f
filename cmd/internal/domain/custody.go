package domain

import (
	"fmt"
	"math/big"

	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/budget"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A Custody is a custodian's configuration. Its folder has a signing key and a
// journal as a daemon's has, and the key that versions are sealed to in SealFile.
type Custody struct {
	Name     string            `json:"name"`
	Listen   string            `json:"listen"` // host:port inside the domain
	Domain   string            `json:"domain"`
	Provider jobs.Signer       `json:"provider"`
	Pins     jobs.Pins         `json:"pins"`     // providers' officers, by organisation
	Site     suite.PublicKey   `json:"site"`     // the one process that may ask
	Binaries []suite.Digest    `json:"binaries"` // of yunei-site that keys go to
	Policy   attest.Policy     `json:"policy"`   // what the site's evidence is held against
	Budgets  map[string]string `json:"budgets"`  // rho by unit namespace, "a/b"
	Caps     []string          `json:"caps,omitempty"`
}

// ParseBudgets reads the budgets and caps of a configuration.
func ParseBudgets(rhos map[string]string, caps []string) (map[string]*big.Rat, []budget.Cap, error) {
	budgets := map[string]*big.Rat{}
	for namespace, rho := range rhos {
		r, ok := new(big.Rat).SetString(rho)
		if !ok {
			return nil, nil, fmt.Errorf("reading the budget of %s: %w", namespace, fault.Invalid)
		}
		budgets[namespace] = r
	}
	all, err := budget.ParseCaps(caps)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return budgets, all, nil
}
