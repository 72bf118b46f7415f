// Package daemon is what the mains of all daemons share: the loop that starts a
// daemon on its folder and ends it on a signal, and its part on the board.
package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/cmd/internal/start"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/party/lease"
	"github.com/yunei/yunei/party/order"
	"github.com/yunei/yunei/storage/journal"
)

// Main starts a daemon on its folder (package start), or asks the bureau to know it
// ("enrol").
func Main(name string, args []string, stderr io.Writer, run func(ctx context.Context, dir string, log *slog.Logger) error) int {
	if len(args) > 0 && args[0] == "enrol" {
		return enrolMain(name, args[1:], os.Stdin, os.Stdout, stderr)
	}
	return start.Main(name, args, stderr, run)
}

// Open makes a daemon's party of its folder, on a board that is dialled if
// none is given. The party goes by the orders, the leases and the witnessed time
// that the board shows from then on. Close ends what Open began.
func Open(ctx context.Context, dir string, cfg folder.Config, board *bus.Board, log *slog.Logger) (p *party.Party, closeAll func(), err error) {
	key, err := folder.Key(dir)
	if err != nil {
		return nil, nil, err
	}
	j, err := journal.Open(filepath.Join(dir, folder.JournalFile), cfg.Name)
	if err != nil {
		return nil, nil, err
	}
	closeAll = func() { _ = j.Close() } // what was appended is on disk
	if board == nil {
		if board, err = dial(ctx, bus.Config{Addr: cfg.Board, Key: key, Pin: cfg.BoardKey, Log: log}); err != nil {
			closeAll()
			return nil, nil, err
		}
		closeAll = func() { board.Close(); _ = j.Close() }
	}
	book, err := lease.Open(j, time.Now, log)
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	orders := &order.Book{}
	follow, err := orders.Read(ctx, board) // before the first step: what was ordered while this daemon was down holds
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	stop := watch(ctx, dir, book, board, follow, log)
	closeBoard := closeAll
	return &party.Party{
		Name: cfg.Name, Key: key, Board: board, Journal: j, Pins: cfg.Pins, Log: log,
		Now: book.Now, Standing: orders.Beside(book), Scratch: dir, Crash: crash(cfg.Name, dir),
	}, func() { stop(); closeBoard() }, nil
}

// watch lets the books follow the board, and tells people of the daemon's clock,
// until stop is called.
func watch(ctx context.Context, dir string, book *lease.Book, board *bus.Board, orders func(context.Context) error, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := orders(ctx); err != nil && ctx.Err() == nil {
			log.LogAttrs(ctx, slog.LevelError, "following orders", slog.Any("err", err))
		}
	})
	wg.Go(func() {
		if err := book.Watch(ctx, board); err != nil && ctx.Err() == nil {
			log.LogAttrs(ctx, slog.LevelError, "following leases", slog.Any("err", err))
		}
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := tellClock(dir, book.Behind()); err != nil {
				log.LogAttrs(ctx, slog.LevelError, "telling of the clock", slog.Any("err", err))
			}
			select {
			case <-ctx.Done():
			case <-time.After(clockEvery):
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}

const clockEvery = 5 * time.Second

// tellClock writes how far the clock is behind where `yunei doctor` looks, or
// takes that away if it is right.
func tellClock(dir string, behind time.Duration) error {
	file := filepath.Join(dir, folder.ClockFile)
	if behind > msg.Tolerance {
		return os.WriteFile(file, []byte(behind.Round(time.Second).String()), 0o600)
	}
	if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// again is how long a daemon that was refused waits before it asks again.
const again = time.Second

// dial connects to the board. A daemon that the coordinator does not know, or
// that finds somebody else in the coordinator's place, says so and waits for
// people to put it right: it is started before it is registered.
func dial(ctx context.Context, cfg bus.Config) (*bus.Board, error) {
	for told := ""; ; {
		board, err := bus.Dial(ctx, cfg)
		if !errors.Is(err, fault.Denied) {
			return board, err
		}
		if no := fault.Show(err); told != string(no.Code) {
			told = string(no.Code)
			cfg.Log.LogAttrs(
				ctx, slog.LevelWarn, "the board refuses us; asking again until it does not", slog.String("code", told),
				slog.String("zh", no.ZH), slog.String("en", no.EN), slog.String("key", string(cfg.Key.Public())),
			)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(again):
		}
	}
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
		<-errs //nolint:errcheck // the first error is why the others ended
	}
	return err
}
