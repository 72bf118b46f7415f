// Command yuneid is the bureau's coordinator: governance's door (API), the
// board on which parties speak, the ledger, and the way of runs. It assembles
// permits and can sign no decision; it links no engine, no opening and no
// reader of rows. See package flow.
package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/cmd/internal/daemon"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/flow"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/link"
	"github.com/yunei/yunei/release"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/ledger"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

type config struct {
	folder.Config
	Installation string          `json:"installation"`
	Root         suite.PublicKey `json:"root"`   // the bureau's: registers people and processes
	API          string          `json:"api"`    // https://host:port, over TLS with the daemon's own key
	Origin       string          `json:"origin"` // the ledger's name
}

// deskFile holds the box that the gate's letters are sealed to.
const deskFile = "desk.key"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "records" {
		os.Exit(recordsMain(os.Args[2:], os.Stdout, os.Stderr))
	}
	os.Exit(daemon.Main("yuneid", os.Args[1:], os.Stderr, run))
}

func run(ctx context.Context, home string, log *slog.Logger) error {
	var cfg config
	if err := folder.ReadConfig(home, &cfg); err != nil {
		return err
	}
	key, err := folder.Key(home)
	if err != nil {
		return err
	}
	recs, err := records.Open(ctx, filepath.Join(home, recordsFile))
	if err != nil {
		return err
	}
	defer recs.Close() //nolint:errcheck // every write was durable
	server, err := bus.Serve(ctx, bus.Config{
		Dir: filepath.Join(home, "board"), Addr: cfg.Board, Key: key, Known: known(ctx, recs, key.Public(), log), Log: log,
	})
	if err != nil {
		return err
	}
	defer server.Close()
	board, err := server.Board(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	p, closeAll, err := daemon.Open(ctx, home, cfg.Config, board, log)
	if err != nil {
		return err
	}
	defer closeAll()
	f := &flow.Flow{Party: p, Origin: cfg.Origin, Orders: decided{ctx, recs, p.Now}}
	if f.Desk, err = desk(home); err != nil {
		return err
	}
	if f.Store, err = dir.Open(filepath.Join(home, "store")); err != nil {
		return err
	}
	if f.Ledger, err = ledger.Open(ctx, ledger.Config{Dir: filepath.Join(home, "ledger"), Origin: cfg.Origin, Key: p.Key.Ed25519()}); err != nil {
		return err
	}
	defer f.Ledger.Close() //nolint:errcheck,contextcheck // what was appended is on disk; it closes when ctx has ended, too
	f.Make = bundler(cfg, f.Ledger, p.Key.Public())
	return serve(ctx, cfg, f, recs, server.Recheck, log)
}

// serve runs the API, the scribe and the way until the first of them ends.
func serve(ctx context.Context, cfg config, f *flow.Flow, recs *records.Records, revoked func(), log *slog.Logger) error {
	w := &way{Flow: f}
	server, err := api.New(api.Config{
		Installation: cfg.Installation, Root: cfg.Root, Records: recs, Programs: f.Store, Way: w, Now: time.Now, Key: f.Key.Public(), Log: log,
		Revoked: revoked, Notary: f,
	})
	if err != nil {
		return err
	}
	w.server, f.Rules = server, ruled{ctx, server}
	if err := server.Resume(ctx); err != nil {
		return err
	}
	if err := server.Announce(ctx); err != nil {
		return err
	}
	if err := f.Recollect(ctx); err != nil {
		return err
	}
	ln, err := listen(ctx, cfg.API, f.Key)
	if err != nil {
		return err
	}
	return daemon.Together(ctx,
		func(ctx context.Context) error { return server.Serve(ctx, ln) },
		f.Scribe, f.Leases,
		func(ctx context.Context) error { return f.Follow(ctx, f.Advance) },
	)
}

// listen opens the API's port, behind TLS with the coordinator's own key: the
// requests are signed, and by this the answers are the coordinator's, too.
func listen(ctx context.Context, api string, key suite.PrivateKey) (net.Listener, error) {
	at, err := url.Parse(api)
	if err != nil {
		return nil, fmt.Errorf("reading the API's address: %w", err)
	}
	if at.Scheme != "https" {
		return nil, fmt.Errorf("reading the API's address: %q is not https://host:port: %w", api, fault.Invalid)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", at.Host)
	if err != nil {
		return nil, err
	}
	return link.Listen(ln, key)
}

func desk(home string) (suite.Box, error) {
	text, err := os.ReadFile(filepath.Join(home, deskFile))
	if err != nil {
		return suite.Box{}, fmt.Errorf("reading the desk's key: %w", err)
	}
	raw, err := hex.DecodeString(string(text))
	if err != nil {
		return suite.Box{}, errors.New("reading the desk's key: not hex")
	}
	return suite.ParseBox(raw)
}

// bundler makes bundles with proofs from the ledger.
func bundler(cfg config, log *ledger.Log, key suite.PublicKey) func(context.Context, *msg.View, map[string][]byte, msg.Letter, []byte) ([]byte, error) {
	return func(ctx context.Context, v *msg.View, board map[string][]byte, letter msg.Letter, checkpoint []byte) ([]byte, error) {
		pub, err := key.Ed25519()
		if err != nil {
			return nil, err
		}
		tree, err := proof.Verify(checkpoint, pub, cfg.Origin, nil, 0)
		if err != nil {
			return nil, err
		}
		b, err := release.Make(release.Input{
			Installation: cfg.Installation, View: v, Board: board, Letter: letter, Checkpoint: checkpoint,
			Proof: func(index uint64) ([][]byte, error) { return log.Inclusion(ctx, index, tree.Size) },
		})
		if err != nil {
			return nil, err
		}
		return b.Bytes(), nil
	}
}
