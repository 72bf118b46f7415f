// Command yunei-gate opens sums and judges them (出域闸门). See package opening.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/yunei/yunei/cmd/internal/daemon"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/opening"
)

func main() { os.Exit(daemon.Main("yunei-gate", os.Args[1:], os.Stderr, run)) }

func run(ctx context.Context, dir string, log *slog.Logger) error {
	var cfg folder.Config
	if err := folder.ReadConfig(dir, &cfg); err != nil {
		return err
	}
	p, closeAll, err := daemon.Open(ctx, dir, cfg, nil, log)
	if err != nil {
		return err
	}
	defer closeAll()
	return p.Follow(ctx, opening.New(p).Advance)
}
