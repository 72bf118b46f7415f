package flow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// Scribe puts the digest of every statement on the board in the ledger and
// then says on the board where it stands. A party acts on a statement only
// after that. It runs until ctx ends; after a crash it logs again what it
// cannot tell was logged, which a ledger of digests can bear.
func (f *Flow) Scribe(ctx context.Context) error {
	items, err := f.Board.Watch(ctx, "run.>")
	if err != nil {
		return fmt.Errorf("keeping the ledger: %w", err)
	}
	done, err := f.alreadyLogged(ctx)
	if err != nil {
		return fmt.Errorf("keeping the ledger: %w", err)
	}
	places := make(chan struct{}, maxLogging)
	var wg sync.WaitGroup
	defer wg.Wait()
	for item := range items {
		p, err := msg.ParseSubject(item.Subject)
		if err != nil || p.Kind == msg.Logged || done[msg.LoggedSubject(p.Run, suite.DigestOf(item.Data))] {
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			f.insist(ctx, p, item)
		})
	}
	return ctx.Err()
}

// maxLogging is how many statements are on their way into the ledger at once.
const maxLogging = 256

// insist logs a statement, and again after a failure that may pass: nobody
// acts on a statement that is not in the ledger. A conflict does not pass:
// somebody else has written where the answer belongs.
func (f *Flow) insist(ctx context.Context, p msg.Place, item bus.Item) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := f.log(ctx, p, item)
		if err == nil || ctx.Err() != nil {
			return
		}
		f.Log.LogAttrs(ctx, slog.LevelError, "logging a statement", slog.String("subject", item.Subject), slog.Any("err", err))
		if errors.Is(err, fault.Conflict) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (f *Flow) alreadyLogged(ctx context.Context) (map[string]bool, error) {
	done := map[string]bool{}
	for item, err := range f.Board.All(ctx, "run.*.*."+string(msg.Logged)+".*") {
		if err != nil {
			return nil, err
		}
		done[item.Subject] = true
	}
	return done, nil
}

func (f *Flow) log(ctx context.Context, p msg.Place, item bus.Item) error {
	d := suite.DigestOf(item.Data)
	index, err := f.Ledger.Append(ctx, []byte(d))
	if err != nil {
		return fmt.Errorf("appending to the ledger: %w", err)
	}
	return f.Board.Post(ctx, msg.LoggedSubject(p.Run, d), fmt.Appendf(nil, "%s %d", d, index))
}
