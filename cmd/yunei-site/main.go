// Command yunei-site is the agent inside a domain (域节点). See package site.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"

	"github.com/yunei/yunei/cmd/internal/daemon"
	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/budget"
	"github.com/yunei/yunei/sandbox"
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
	caps, err := budget.ParseCaps(cfg.Caps)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
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
	least, err := jail.ParseLevel(cmp.Or(cfg.Jail, "full"))
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	groups, err := domain.Secret(dir, "groups")
	if err != nil {
		return err
	}
	cached, err := domain.Secret(dir, "cache of compiled programs")
	if err != nil {
		return err
	}
	unit, err := domain.UnitKey(dir)
	if err != nil {
		return err
	}
	s := site.New(p, site.Config{
		Domain: cfg.Domain, Provider: cfg.Provider, Jail: least, Budgets: budgets, Caps: caps, Secret: groups, Unit: unit,
		Makers: os.DirFS(filepath.Join(dir, folder.MakersDir)),
		Runner: cfg.Runner, Runners: cfg.Runners, Replay: filepath.Join(filepath.Dir(cfg.Runner), "yunei-replay"),
		Cache: sandbox.Cache{Dir: filepath.Join(dir, domain.CacheDir), Key: cached},
	}, store, key)
	return daemon.Together(ctx,
		func(ctx context.Context) error { return p.Follow(ctx, s.Advance) },
		func(ctx context.Context) error { return domain.ServeDesk(ctx, dir, log, disclose(s)) },
	)
}

// disclose answers the consents that the provider leaves on the domain's desk.
func disclose(s *site.Site) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, consent []byte) ([]byte, error) {
		packet, err := s.Disclose(ctx, consent)
		if errors.Is(err, site.ErrUnlogged) {
			return nil, domain.ErrLater
		}
		return packet, err
	}
}
