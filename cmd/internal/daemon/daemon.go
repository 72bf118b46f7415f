// Package daemon is what the mains of all daemons share: a folder that holds
// one daemon's configuration, key, token and journal, and the loop that starts
// it and ends it on a signal. A daemon is named by its folder and by nothing
// else, so that no secret stands in its arguments or its environment.
package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/suite"
)

// Names of the files in a daemon's folder.
const (
	ConfigFile  = "config.json"
	KeyFile     = "key.pem"
	TokenFile   = "token"
	JournalFile = "journal"
)

// Config is what every daemon is told.
type Config struct {
	Name  string    `json:"name"`
	Board string    `json:"board"` // host:port of the coordinator's board
	Pins  jobs.Pins `json:"pins"`  // providers' officers, by organisation
}

// Main reads --dir, opens the daemon's folder and calls run until a signal
// ends its context. It returns the exit code: 0 after a signal, 1 after a
// failure, 2 for wrong usage.
func Main(name string, args []string, stderr io.Writer, run func(ctx context.Context, dir string, log *slog.Logger) error) int {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "", "the daemon's folder (config.json, key.pem, token), as `yunei init` makes it")
	if err := flags.Parse(args); err != nil || *dir == "" || flags.NArg() > 0 {
		fmt.Fprintf(stderr, "用法 usage: %s --dir DIR\n", name)
		return 2
	}
	log := slog.New(slog.NewTextHandler(stderr, nil)).With(slog.String("daemon", filepath.Base(*dir)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *dir, log); err != nil && !errors.Is(err, context.Canceled) {
		log.LogAttrs(ctx, slog.LevelError, "stopping", slog.Any("err", err))
		return 1
	}
	return 0
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

// Token reads the board's token.
func Token(dir string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, TokenFile))
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	return string(bytes.TrimSpace(raw)), nil
}

// Open makes a daemon's party of its folder, on a board that is dialled if
// none is given. Close ends what Open began.
func Open(ctx context.Context, dir string, cfg Config, board *bus.Board, log *slog.Logger) (p *party.Party, closeAll func(), err error) {
	key, err := Key(dir)
	if err != nil {
		return nil, nil, err
	}
	j, err := journal.Open(filepath.Join(dir, JournalFile), cfg.Name)
	if err != nil {
		return nil, nil, err
	}
	closeAll = func() { _ = j.Close() } // what was appended is on disk
	if board == nil {
		token, err := Token(dir)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		if board, err = bus.Dial(ctx, bus.Config{Addr: cfg.Board, Token: token}); err != nil {
			closeAll()
			return nil, nil, err
		}
		closeAll = func() { board.Close(); _ = j.Close() }
	}
	return &party.Party{
		Name: cfg.Name, Key: key, Board: board, Journal: j, Pins: cfg.Pins, Log: log,
		Now: time.Now, Crash: crash(cfg.Name, dir),
	}, closeAll, nil
}

// Together runs every function until the first ends, and returns its error.
func Together(ctx context.Context, fs ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, len(fs))
	for _, f := range fs {
		go func() { errs <- f(ctx) }()
	}
	err := <-errs
	cancel()
	for range fs[1:] {
		<-errs
	}
	return err
}
