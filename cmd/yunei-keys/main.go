// Command yunei-keys is a domain's custodian of data keys (密钥保管). See package
// custody.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/cmd/internal/start"
	"github.com/yunei/yunei/custody"
	"github.com/yunei/yunei/storage/journal"
)

func main() { os.Exit(start.Main("yunei-keys", os.Args[1:], os.Stderr, run)) }

func run(ctx context.Context, dir string, log *slog.Logger) error {
	var cfg domain.Custody
	if err := folder.ReadConfig(dir, &cfg); err != nil {
		return err
	}
	if err := cfg.Policy.Check(); err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	budgets, caps, err := domain.ParseBudgets(cfg.Budgets, cfg.Caps)
	if err != nil {
		return err
	}
	key, err := folder.Key(dir)
	if err != nil {
		return err
	}
	sealed, err := domain.SealKey(dir)
	if err != nil {
		return err
	}
	j, err := journal.Open(filepath.Join(dir, folder.JournalFile), cfg.Name)
	if err != nil {
		return err
	}
	defer j.Close() //nolint:errcheck // what was appended is on disk
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return err
	}
	c := &custody.Custodian{
		Config: custody.Config{
			Domain: cfg.Domain, Provider: cfg.Provider, Pins: cfg.Pins, Site: cfg.Site, Binaries: cfg.Binaries, Policy: cfg.Policy,
			Makers: os.DirFS(filepath.Join(dir, folder.MakersDir)), Budgets: budgets, Caps: caps,
		},
		Key: sealed, Journal: j, Now: time.Now, Random: rand.Reader, Log: log,
	}
	log.LogAttrs(ctx, slog.LevelInfo, "keeping keys", slog.String("domain", cfg.Domain), slog.Bool("confidential_against_host", cfg.Policy.ConfidentialAgainstHost()))
	return c.Serve(ctx, ln, key)
}
