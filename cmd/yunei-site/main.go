// Command yunei-site is the agent inside a domain (域节点). See package site.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/big"
	"os"

	"github.com/yunei/yunei/cmd/internal/daemon"
	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/site"
)

func main() { os.Exit(daemon.Main("yunei-site", os.Args[1:], os.Stderr, run)) }

func run(ctx context.Context, dir string, log *slog.Logger) error {
	var cfg domain.Config
	if err := folder.ReadConfig(dir, &cfg); err != nil {
		return err
	}
	budgets := map[string]*big.Rat{}
	for namespace, rho := range cfg.Budgets {
		r, ok := new(big.Rat).SetString(rho)
		if !ok {
			return fmt.Errorf("reading the budget of %s: %w", namespace, fault.Invalid)
		}
		budgets[namespace] = r
	}
	store, err := domain.OpenStore(ctx, dir, cfg)
	if err != nil {
		return err
	}
	key, err := domain.SealKey(dir)
	if err != nil {
		return err
	}
	p, closeAll, err := daemon.Open(ctx, dir, cfg.Config, nil, log)
	if err != nil {
		return err
	}
	defer closeAll()
	least, ok := map[string]jail.Level{"": jail.Full, "full": jail.Full, "basic": jail.Basic}[cfg.Jail]
	if !ok {
		return fmt.Errorf("reading the configuration: jail: want full or basic: %w", fault.Invalid)
	}
	s := site.New(p, site.Config{Domain: cfg.Domain, Provider: cfg.Provider, Runner: cfg.Runner, Jail: least, Budgets: budgets}, store, key)
	return p.Follow(ctx, s.Advance)
}
