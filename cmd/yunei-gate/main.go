// Command yunei-gate opens sums and judges them (出域闸门). See package opening.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/yunei/yunei/cmd/internal/daemon"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/opening"
	"github.com/yunei/yunei/suite"
)

type config struct {
	folder.Config
	Evidence jobs.Evidence `json:"evidence,omitempty"` // that the machine gives; "" is software
	TPM      string        `json:"tpm,omitempty"`      // device or socket, attest.DefaultTPM if ""
}

func main() { os.Exit(daemon.Main("yunei-gate", os.Args[1:], os.Stderr, run)) }

func run(ctx context.Context, dir string, log *slog.Logger) error {
	var cfg config
	if err := folder.ReadConfig(dir, &cfg); err != nil {
		return err
	}
	binary, err := self()
	if err != nil {
		return err
	}
	key, err := folder.Key(dir)
	if err != nil {
		return err
	}
	place, err := cfg.place(key)
	if err != nil {
		return err
	}
	p, closeAll, err := daemon.Open(ctx, dir, cfg.Config, nil, log)
	if err != nil {
		return err
	}
	defer closeAll()
	log.LogAttrs(ctx, slog.LevelInfo, "attested", slog.String("evidence", string(place.Type())), slog.String("binary", string(binary)))
	return p.Follow(ctx, opening.New(p, place, binary).Advance)
}

// self is the digest of this executable.
func self() (suite.Digest, error) {
	raw, err := os.ReadFile("/proc/self/exe") // what was started, whatever stands at its path now
	if err != nil {
		return "", fmt.Errorf("reading our own binary: %w", err)
	}
	return suite.DigestOf(raw), nil
}

// place opens what the gate is attested by.
func (c config) place(key suite.PrivateKey) (place attest.Attester, err error) {
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
