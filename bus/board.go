package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/yunei/yunei/fault"
)

// A Board is a connection to the board. It outlives restarts of the server:
// its calls wait for the server as long as their ctx allows. It may be used
// concurrently.
type Board struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	handle atomic.Pointer[jetstream.Stream]
}

// Dial connects to the server at cfg.Addr, waiting for it until ctx ends, and
// stays connected, through as many reconnects as it takes, until Close. A token
// that the server does not know is Denied at once.
func Dial(ctx context.Context, cfg Config) (*Board, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Addr == "" {
		return nil, fmt.Errorf("bus: no address to dial: %w", fault.Invalid)
	}
	return connect(ctx, cfg)
}

func connect(ctx context.Context, cfg Config, more ...nats.Option) (*Board, error) {
	opts := append([]nats.Option{
		nats.Name("yunei"), nats.Token(cfg.Token), nats.Timeout(attempt),
		nats.MaxReconnects(-1), nats.CustomReconnectDelay(delay), nats.IgnoreAuthErrorAbort(),
		// Nothing is buffered while the server is away: a call that waits
		// posts again itself, and one that gave up must not act later.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(20 * time.Second), nats.MaxPingsOutstanding(2),
		// The default handler writes to standard error.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, more...)
	if cfg.TLS != nil {
		opts = append(opts, nats.Secure(cfg.TLS))
	}
	for n := 0; ; n++ {
		nc, err := nats.Connect("nats://"+cfg.Addr, opts...)
		if err == nil {
			js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(attempt))
			if err != nil {
				nc.Close()
				return nil, fmt.Errorf("dialling the bus: %w", err)
			}
			return &Board{nc: nc, js: js}, nil
		}
		if errors.Is(err, nats.ErrAuthorization) {
			return nil, fmt.Errorf("dialling the bus: the token is refused: %w", fault.Denied)
		}
		if !pause(ctx, n) {
			return nil, fmt.Errorf("dialling the bus: %w: %w", err, ctx.Err())
		}
	}
}

// Close ends the connection, and with it every Watch of this board.
func (b *Board) Close() { b.nc.Close() }

// Post writes a statement, 1 byte to MaxData, on a subject that has none, and
// returns nil when it is on disk. The same bytes again are nil, so a caller
// that does not know whether it posted posts again. Errors: Conflict if other
// bytes are there, Exhausted for data too long or a board that is full, Invalid
// for a bad subject or no data.
func (b *Board) Post(ctx context.Context, subject string, data []byte) error {
	if err := check(subject, false); err != nil {
		return err
	}
	if len(data) == 0 {
		return fmt.Errorf("posting %s: no data: %w", subject, fault.Invalid)
	}
	if len(data) > MaxData {
		return fmt.Errorf("posting %s: %d bytes, at most %d: %w", subject, len(data), MaxData, fault.Exhausted)
	}
	return b.persist(ctx, "posting "+subject, func(ctx context.Context) error {
		_, err := b.js.Publish(ctx, posted+subject, data, jetstream.WithExpectStream(stream),
			jetstream.WithExpectLastSequencePerSubject(0))
		if !refused(err) {
			return err
		}
		there, err := b.last(ctx, subject)
		switch {
		case errors.Is(err, fault.NotFound):
			return fmt.Errorf("the board takes no more: %w", fault.Exhausted)
		case err != nil:
			return err
		case !bytes.Equal(there.Data, data):
			return fmt.Errorf("another statement is there: %w", fault.Conflict)
		}
		return nil
	})
}

// refused says whether err is the server's answer that it did not store a
// message: there is one on its subject, or there is no room.
func refused(err error) bool {
	const storeFailed, noResources, noStorage = 10077, 10023, 10047
	api, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant,
		storeFailed, noResources, noStorage:
		return true
	default:
		return false
	}
}

// Get returns the statement of a subject, NotFound if there is none yet.
func (b *Board) Get(ctx context.Context, subject string) ([]byte, error) {
	if err := check(subject, false); err != nil {
		return nil, err
	}
	var it Item
	err := b.persist(ctx, "getting "+subject, func(ctx context.Context) (err error) {
		it, err = b.last(ctx, subject)
		return err
	})
	return it.Data, err
}

// All yields the statements under filter that are on the board now, in the
// order in which they were posted, and ends. A filter is a subject in which *
// stands for any token and a last > for one or more.
func (b *Board) All(ctx context.Context, filter string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		if err := check(filter, true); err != nil {
			yield(Item{}, err)
			return
		}
		for at := uint64(1); ; {
			var it Item
			err := b.persist(ctx, "listing "+filter, func(ctx context.Context) (err error) {
				it, err = b.next(ctx, filter, at)
				return err
			})
			if errors.Is(err, fault.NotFound) {
				return
			}
			if err != nil {
				yield(Item{}, err)
				return
			}
			if at = it.Seq + 1; it.sound() && !yield(it, nil) {
				return
			}
		}
	}
}

// List returns what All yields, Exhausted if that is more than MaxListed
// statements or MaxHeld bytes.
func (b *Board) List(ctx context.Context, filter string) ([]Item, error) {
	var list []Item
	held := 0
	for it, err := range b.All(ctx, filter) {
		if err != nil {
			return nil, err
		}
		if held += len(it.Data); len(list) == MaxListed || held > MaxHeld {
			return nil, fmt.Errorf("listing %s: more than %d statements or %d bytes: %w",
				filter, MaxListed, MaxHeld, fault.Exhausted)
		}
		list = append(list, it)
	}
	return list, nil
}

// Watch sends every statement under filter in order, those already there first,
// then each as it is posted, once. It goes on across restarts of the server;
// the channel closes when ctx ends or the board is closed.
func (b *Board) Watch(ctx context.Context, filter string) (<-chan Item, error) {
	return b.WatchFrom(ctx, filter, 1)
}

// WatchFrom is Watch, from the statement numbered at on.
func (b *Board) WatchFrom(ctx context.Context, filter string, at uint64) (<-chan Item, error) {
	if err := check(filter, true); err != nil {
		return nil, err
	}
	// Subscribing before the first look leaves no gap between old and new.
	bell := make(chan struct{}, 1)
	sub, err := b.nc.Subscribe(news+filter, func(*nats.Msg) {
		select {
		case bell <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", filter, err)
	}
	out := make(chan Item)
	go func() {
		defer close(out)
		defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
		b.follow(ctx, filter, at, bell, out)
	}()
	return out, nil
}

func (b *Board) follow(ctx context.Context, filter string, at uint64, bell <-chan struct{}, out chan<- Item) {
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for !b.nc.IsClosed() {
		try, cancel := context.WithTimeout(ctx, attempt)
		it, err := b.next(try, filter, at)
		cancel()
		if err != nil { // none yet, or no server: look again when there is news, and now and then
			select {
			case <-ctx.Done():
				return
			case <-bell:
			case <-tick.C:
			}
			continue
		}
		if at = it.Seq + 1; !it.sound() {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case out <- it:
		}
	}
}

// sound says whether Post could have written it: a server lets a client of
// another make post on subjects that are none of ours.
func (it Item) sound() bool {
	return check(it.Subject, false) == nil && len(it.Data) > 0 && len(it.Data) <= MaxData
}

// last returns the statement of a subject.
func (b *Board) last(ctx context.Context, subject string) (Item, error) {
	s, err := b.stream(ctx)
	if err != nil {
		return Item{}, err
	}
	return item(s.GetLastMsgForSubject(ctx, posted+subject))
}

// next returns the first statement under filter numbered at or more.
func (b *Board) next(ctx context.Context, filter string, at uint64) (Item, error) {
	s, err := b.stream(ctx)
	if err != nil {
		return Item{}, err
	}
	it, err := item(s.GetMsg(ctx, at, jetstream.WithGetMsgSubject(posted+filter)))
	if err == nil && (it.Seq < at || it.Seq == math.MaxUint64) {
		return Item{}, fmt.Errorf("asking for statement %d or later: the server gave %d: %w", at, it.Seq, fault.Tampered)
	}
	return it, err
}

func item(m *jetstream.RawStreamMsg, err error) (Item, error) {
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Item{}, fault.NotFound
	}
	if err != nil {
		return Item{}, err
	}
	return Item{Subject: strings.TrimPrefix(m.Subject, posted), Seq: m.Sequence, Data: m.Data}, nil
}

// stream returns the handle of the board, which says nothing about the state of
// the server and so is fetched once.
func (b *Board) stream(ctx context.Context) (jetstream.Stream, error) {
	if s := b.handle.Load(); s != nil {
		return *s, nil
	}
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("looking for the board: %w", err)
	}
	b.handle.Store(&s)
	return s, nil
}

// persist calls f until it succeeds, gives an error of a kind, which is an
// answer, or ctx ends. f may be called again after an attempt whose outcome is
// unknown.
func (b *Board) persist(ctx context.Context, doing string, f func(context.Context) error) error {
	for n := 0; ; n++ {
		try, cancel := context.WithTimeout(ctx, attempt)
		err := f(try)
		cancel()
		if err == nil {
			return nil
		}
		if _, answer := errors.AsType[fault.Kind](err); answer {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if b.nc.IsClosed() {
			return fmt.Errorf("%s: %w", doing, nats.ErrConnectionClosed)
		}
		if !pause(ctx, n) {
			return fmt.Errorf("%s: %w: %w", doing, err, ctx.Err())
		}
	}
}

// pause waits before attempt n+1; it is false if ctx ended first.
func pause(ctx context.Context, n int) bool {
	t := time.NewTimer(delay(n))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// delay doubles from shortest to longest, less up to half at random, so that the
// daemons do not all come back at the same moment.
func delay(n int) time.Duration {
	d := min(shortest<<min(n, 16), longest)
	return d - rand.N(d/2) //nolint:gosec // it keeps nothing secret
}
