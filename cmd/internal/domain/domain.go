// Package domain is a domain's folder as its site and the provider's own
// commands share it: where its objects are kept, and the keys that seal them
// and that make unit keys. Nothing of it leaves the domain's machine.
package domain

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/cmd/internal/place"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/minio"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// Names of the files in a domain's folder, beside the daemon's.
const (
	SealFile = folder.SealFile
	UnitFile = folder.UnitFile
	StoreDir = "store"
	CacheDir = "cache"
	// ScratchDir is where a site blinds lists of joins, and is empty when it starts.
	ScratchDir = "scratch"
	MinioFile  = "minio.secret"
)

// Config is a site's configuration.
type Config struct {
	folder.Config
	Domain   string            `json:"domain"`
	Provider jobs.Signer       `json:"provider"`
	Runner   string            `json:"runner"`
	Runners  int               `json:"runners,omitempty"` // how many work side by side; 0 is 1
	Jail     string            `json:"jail,omitempty"`    // least jail of a guest: full (the default), basic or strict
	Budgets  map[string]string `json:"budgets"`           // rho by unit namespace, "a/b"
	// Caps bound the budgets further, by operator, scenario or calendar year
	// (UTC+8): "natural-person/operator/acme=1/2", "natural-person/year/*=1". A *
	// is for each of them by itself; all that match bind.
	Caps  []string     `json:"caps,omitempty"`
	Minio *MinioConfig `json:"minio,omitempty"`
	// Custodian keeps the key that opens the datasets, if the site does not
	// (yunei-keys); the site's own key is then of what its runs leave here.
	Custodian *Custodian `json:"custodian,omitempty"`

	place.Place // what attests the site to its custodian
}

// A Custodian is where a site has data keys from, and whom it takes for it.
type Custodian struct {
	Address string          `json:"address"` // host:port inside the domain
	Key     suite.PublicKey `json:"key"`     // it signs with; the site speaks to nobody else
	Seal    seal.PublicKey  `json:"seal"`    // that versions of datasets are sealed to
}

// MinioConfig says which bucket to use instead of a directory; its credentials
// are in MinioFile.
type MinioConfig struct {
	Endpoint string `json:"endpoint"`
	Bucket   string `json:"bucket"`
	TLS      bool   `json:"tls"`
}

// OpenStore opens the domain's objects.
func OpenStore(ctx context.Context, home string, cfg Config) (storage.Store, error) {
	if cfg.Minio == nil {
		return dir.Open(filepath.Join(home, StoreDir))
	}
	return minio.Open(ctx, minio.Config{
		Endpoint: cfg.Minio.Endpoint, Bucket: cfg.Minio.Bucket, TLS: cfg.Minio.TLS,
		Credentials: minio.File(filepath.Join(home, MinioFile)),
	})
}

// DatasetKey is what versions of datasets are sealed to: the custodian's key, or
// else the site's own.
func DatasetKey(home string, cfg Config) (seal.PublicKey, error) {
	if cfg.Custodian != nil {
		return cfg.Custodian.Seal, nil
	}
	key, err := SealKey(home)
	return key.Public(), err
}

// SealKey reads the site's own key. It opens what runs leave in the domain and,
// where there is no custodian, its datasets.
func SealKey(home string) (seal.PrivateKey, error) {
	raw, err := secret(home, SealFile)
	if err != nil {
		return seal.PrivateKey{}, err
	}
	return seal.ParsePrivateKey(raw)
}

// UnitKey reads the key that turns an identifier into a unit key.
func UnitKey(home string) ([]byte, error) { return secret(home, UnitFile) }

// Secret derives a secret for one purpose from the unit key, which no
// identifier can be mistaken for.
func Secret(home, purpose string) ([]byte, error) {
	key, err := UnitKey(home)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("yunei domain v1 " + purpose))
	return mac.Sum(nil), nil
}

// VerifyBox is the box that queries of verifications are sealed to (jobs.Verify):
// of the domain, and the same for as long as its unit key is.
func VerifyBox(home string) (suite.Box, error) {
	raw, err := Secret(home, "box of verifications")
	if err != nil {
		return suite.Box{}, err
	}
	return suite.ParseBox(raw)
}

func secret(home, name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(home, name))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	raw, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		return nil, fmt.Errorf("reading %s: not hex: %w", name, fault.Invalid)
	}
	return raw, nil
}
