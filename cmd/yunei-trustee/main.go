// Command yunei-trustee is one of the parties that together hold the key of a
// run (密钥托管方). See package trustee.
package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/yunei/yunei/cmd/internal/daemon"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/suite"
	"github.com/yunei/yunei/trustee"
)

type config struct {
	folder.Config
	Log struct {
		Origin string          `json:"origin"`
		Key    suite.PublicKey `json:"key"`
	} `json:"log"` // the ledger that it witnesses
}

func main() { os.Exit(daemon.Main("yunei-trustee", os.Args[1:], os.Stderr, run)) }

func run(ctx context.Context, dir string, log *slog.Logger) error {
	var cfg config
	if err := folder.ReadConfig(dir, &cfg); err != nil {
		return err
	}
	p, closeAll, err := daemon.Open(ctx, dir, cfg.Config, nil, log)
	if err != nil {
		return err
	}
	defer closeAll()
	t := trustee.New(p)
	t.Makers = os.DirFS(filepath.Join(dir, folder.MakersDir))
	return daemon.Together(ctx,
		func(ctx context.Context) error { return p.Follow(ctx, t.Advance) },
		func(ctx context.Context) error {
			return t.Witness(ctx, trustee.Log{Origin: cfg.Log.Origin, Key: cfg.Log.Key, Wall: time.Now})
		},
	)
}
