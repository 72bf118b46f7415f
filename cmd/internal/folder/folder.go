// Package folder is a daemon's folder: its configuration, its key, and the name
// of its journal. A daemon is named by its folder and by nothing else,
// so that no secret stands in its arguments or its environment. It knows files
// only; what a daemon does with them is for package daemon.
package folder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// Names of the files in a daemon's folder.
const (
	ConfigFile  = "config.json"
	KeyFile     = "key.pem"
	JournalFile = "journal"
	// ClockFile says by how much the clock is behind the witnesses, while that
	// keeps the daemon from working; otherwise it is not there.
	ClockFile = "clock-behind"
	// SealFile and UnitFile are a domain's (package domain).
	SealFile = "seal.key"
	UnitFile = "unit.key"
	// MakersDir holds what AMD and Intel publish of the gate's machine; it need not
	// be there (attest.ReadCollateral).
	MakersDir = "attestation"
)

// Config is what every daemon is told.
type Config struct {
	Name     string          `json:"name"`
	Board    string          `json:"board"`              // host:port of the coordinator's board
	BoardKey suite.PublicKey `json:"boardKey,omitempty"` // the coordinator's; the daemon speaks to nobody else
	Pins     jobs.Pins       `json:"pins"`               // providers' officers, by organisation
}

// ReadConfig reads a configuration of the daemon's own type; an unknown field
// is an error.
func ReadConfig(dir string, v any) error {
	raw, err := os.ReadFile(filepath.Join(dir, ConfigFile))
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("reading %s: %w: %w", ConfigFile, err, fault.Invalid)
	}
	return nil
}

// Key reads the daemon's own key.
func Key(dir string) (suite.PrivateKey, error) {
	raw, err := os.ReadFile(filepath.Join(dir, KeyFile))
	if err != nil {
		return suite.PrivateKey{}, fmt.Errorf("reading the key: %w", err)
	}
	return suite.ParsePrivateKey(raw)
}

// WriteSecret makes a file that only its owner can read; one that is there already
// is an error (fs.ErrExist).
func WriteSecret(file string, raw []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing a secret: %w", err)
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing a secret: %w", err)
	}
	return nil
}
