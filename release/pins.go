package release

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// Pins are what a stranger has to have from people, not from the platform: by
// whose keys to judge the releases of one installation. The zero Pins judge
// nothing to be good.
type Pins struct {
	Installation string `json:"installation"`
	Log          Log    `json:"log"`
	// Trustees sign in runs and witness the log, under one name and key.
	Trustees []jobs.Process `json:"trustees"`
	// Witnesses is how many of them must have cosigned a checkpoint: all but one
	// or all, and at least two.
	Witnesses int `json:"witnesses"`
	// Providers are the officers' keys by organisation.
	Providers jobs.Pins `json:"providers"`
}

// A Log is the ledger of an installation.
type Log struct {
	Origin string          `json:"origin"` // the first line of its checkpoints
	Key    suite.PublicKey `json:"key"`
}

// Bounds of pins.
const (
	minWitnesses = 2
	maxPins      = 1 << 20 // bytes
	maxTrustees  = 31      // a checkpoint has at most 32 signatures
	maxProviders = 4096
)

// ParsePins reads a file of pins. Space between its tokens is free, all else has
// one spelling, so that no field stands twice. Errors are of kind Invalid, or
// Exhausted for a file that is too large.
func ParsePins(raw []byte) (Pins, error) {
	if len(raw) > maxPins {
		return Pins{}, fmt.Errorf("reading pins: %d bytes: %w", len(raw), fault.Exhausted)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return Pins{}, fmt.Errorf("reading pins: not JSON: %w", fault.Invalid)
	}
	var p Pins
	if err := strict(compact.Bytes(), &p); err != nil {
		return Pins{}, fmt.Errorf("reading pins: %w", err)
	}
	if err := p.Check(); err != nil {
		return Pins{}, fmt.Errorf("reading pins: %w", err)
	}
	return p, nil
}

// Bytes is the file, indented for people.
func (p Pins) Bytes() []byte {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		panic("release: pins cannot be marshalled: " + err.Error()) // plain data only
	}
	return append(b, '\n')
}

// Check reports whether the pins are whole, as an error of kind Invalid. No key
// may stand for two: it would be counted twice.
func (p Pins) Check() error {
	if err := p.check(); err != nil {
		return fmt.Errorf("pins: %w: %w", err, fault.Invalid)
	}
	return nil
}

func (p Pins) check() error {
	k := len(p.Trustees)
	switch {
	case jobs.ID(p.Installation) != nil:
		return errors.New("installation is not a name")
	case k < minWitnesses || k > maxTrustees:
		return fmt.Errorf("%d trustees, want %d to %d", k, minWitnesses, maxTrustees)
	case p.Witnesses < max(minWitnesses, k-1) || p.Witnesses > k:
		return fmt.Errorf("%d witnesses, want %d to %d", p.Witnesses, max(minWitnesses, k-1), k)
	case len(p.Providers) == 0 || len(p.Providers) > maxProviders:
		return fmt.Errorf("%d providers, want 1 to %d", len(p.Providers), maxProviders)
	}
	keys, names := map[suite.PublicKey]bool{}, map[string]bool{}
	once := func(k suite.PublicKey) error {
		if _, err := suite.ParsePublicKey(string(k)); err != nil {
			return err
		}
		if keys[k] {
			return errors.New("one key stands for two")
		}
		keys[k] = true
		return nil
	}
	if err := once(p.Log.Key); err != nil {
		return err
	}
	for _, t := range p.Trustees {
		if jobs.ID(t.Name) != nil || names[t.Name] {
			return errors.New("a trustee has no name of its own")
		}
		names[t.Name] = true
		if err := once(t.Key); err != nil {
			return err
		}
	}
	for _, key := range p.Providers {
		if err := once(key); err != nil {
			return err
		}
	}
	return nil
}

// witnesses returns the trustees' keys by name, as package proof takes them.
func (p Pins) witnesses() (map[string]ed25519.PublicKey, error) {
	keys := map[string]ed25519.PublicKey{}
	for _, t := range p.Trustees {
		k, err := t.Key.Ed25519()
		if err != nil {
			return nil, err
		}
		keys[t.Name] = k
	}
	return keys, nil
}
