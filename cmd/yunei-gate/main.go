// Command yunei-gate opens sums and judges them (出域闸门). See package opening.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/yunei/yunei/cmd/internal/daemon"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/cmd/internal/place"
	"github.com/yunei/yunei/opening"
)

type config struct {
	folder.Config
	place.Place
}

func main() {
	if args := os.Args[1:]; isTool(args) {
		os.Exit(toolMain(args, os.Stdout, os.Stderr))
	}
	os.Exit(daemon.Main("yunei-gate", os.Args[1:], os.Stderr, run))
}

func run(ctx context.Context, dir string, log *slog.Logger) error {
	var cfg config
	if err := folder.ReadConfig(dir, &cfg); err != nil {
		return err
	}
	binary, err := place.Self()
	if err != nil {
		return err
	}
	key, err := folder.Key(dir)
	if err != nil {
		return err
	}
	at, err := cfg.Open(key)
	if err != nil {
		return err
	}
	p, closeAll, err := daemon.Open(ctx, dir, cfg.Config, nil, log)
	if err != nil {
		return err
	}
	defer closeAll()
	log.LogAttrs(ctx, slog.LevelInfo, "attested", slog.String("evidence", string(at.Type())), slog.String("binary", string(binary)))
	return p.Follow(ctx, opening.New(p, at, binary).Advance)
}
