// Command yunei-site is the agent inside a domain (域节点). See package site.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/yunei/yunei/cmd/internal/daemon"
	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/cmd/internal/place"
	"github.com/yunei/yunei/custody"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/site"
	"github.com/yunei/yunei/suite"
)

func main() { os.Exit(daemon.Main("yunei-site", os.Args[1:], os.Stderr, run)) }

func run(ctx context.Context, dir string, log *slog.Logger) error {
	var cfg domain.Config
	if err := folder.ReadConfig(dir, &cfg); err != nil {
		return err
	}
	budgets, caps, err := domain.ParseBudgets(cfg.Budgets, cfg.Caps)
	if err != nil {
		return err
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
	box, err := domain.VerifyBox(dir)
	if err != nil {
		return err
	}
	keeper, err := custodian(cfg, p.Key)
	if err != nil {
		return err
	}
	p.Scratch, err = emptied(filepath.Join(dir, domain.ScratchDir))
	if err != nil {
		return err
	}
	s := site.New(p, site.Config{
		Domain: cfg.Domain, Provider: cfg.Provider, Jail: least, Budgets: budgets, Caps: caps, Secret: groups, Unit: unit, Box: box, Keeper: keeper,
		Makers: os.DirFS(filepath.Join(dir, folder.MakersDir)),
		Runner: cfg.Runner, Runners: cfg.Runners, Replay: filepath.Join(filepath.Dir(cfg.Runner), "yunei-replay"),
		Cache: sandbox.Cache{Dir: filepath.Join(dir, domain.CacheDir), Key: cached},
	}, store, key)
	// Holds that were left while the site was down are placed before anything else.
	if err := domain.AnswerHolds(dir, holds(s)); err != nil {
		return err
	}
	return daemon.Together(ctx,
		func(ctx context.Context) error { return p.Follow(ctx, s.Advance) },
		s.Lease,
		func(ctx context.Context) error { return domain.ServeHolds(ctx, dir, log, holds(s)) },
		func(ctx context.Context) error { return domain.ServeDesk(ctx, dir, log, disclose(s)) },
	)
}

// custodian is the way to the domain's, nil if the site holds its datasets' key
// itself.
func custodian(cfg domain.Config, key suite.PrivateKey) (site.Keeper, error) {
	if cfg.Custodian == nil {
		return nil, nil //nolint:nilnil // none is asked for
	}
	binary, err := place.Self()
	if err != nil {
		return nil, err
	}
	at, err := cfg.Open(key)
	if err != nil {
		return nil, err
	}
	return custody.NewClient(cfg.Custodian.Address, cfg.Custodian.Key, key, at, binary)
}

// holds places, releases and lists what the provider holds, as it asks at the
// domain's desk.
func holds(s *site.Site) func(domain.HoldRequest) ([]domain.Hold, error) {
	return func(q domain.HoldRequest) ([]domain.Hold, error) {
		var err error
		switch q.Act {
		case domain.PlaceHold:
			_, err = s.Hold(q.Thing, q.Reason)
		case domain.ReleaseHold:
			err = s.Release(q.ID, q.Reason)
		case domain.TakeOrder:
			_, err = s.TakeOrder([]byte(q.Order))
		case domain.ListHolds:
		default:
			err = fault.Refuse("hold", "")
		}
		if err != nil {
			return nil, err
		}
		now, err := s.Holds()
		all := make([]domain.Hold, len(now))
		for i, h := range now {
			all[i] = domain.Hold(h)
		}
		return all, err
	}
}

// emptied makes a folder, without what a process that died has left in it.
func emptied(dir string) (string, error) {
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("clearing scratch: %w", err)
	}
	return dir, os.MkdirAll(dir, 0o700)
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
