// Package start is how every daemon starts on its folder and ends on a signal. It
// knows no board, for not every daemon speaks on one.
package start

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Main reads --dir, opens the daemon's folder and calls run until a signal
// ends its context. It returns the exit code: 0 after a signal, 1 after a
// failure, 2 for wrong usage.
func Main(name string, args []string, stderr io.Writer, run func(ctx context.Context, dir string, log *slog.Logger) error) int {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "", "the daemon's folder (config.json, key.pem), as `yunei init` makes it")
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
