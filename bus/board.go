package bus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/link"
)

// A Board is a connection to the board. It outlives restarts of the server:
// its calls wait for the server as long as their ctx allows. It may be used
// concurrently.
type Board struct {
	nc   *nats.Conn
	desk desk
}

// A desk takes a board's three requests: the clerk's own is the stream, in the
// coordinator's process, and a party's is the clerk. An error without a kind
// leaves open what happened.
type desk interface {
	post(ctx context.Context, subject string, data []byte) error
	last(ctx context.Context, subject string) (Item, error)           // of a subject
	next(ctx context.Context, filter string, at uint64) (Item, error) // the first under a filter that is numbered at or more
}

// Dial connects to the server at cfg.Addr, waiting for it until ctx ends, and
// stays connected, through as many reconnects as it takes, until Close. A key
// that the server does not know is the refusal "unknown-key", and a server that
// holds another key than cfg.Pin "link-pin", both at once; on a reconnect
// they are logged, and tried again.
func Dial(ctx context.Context, cfg Config) (*Board, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Addr == "" || cfg.Key.Public() == "" {
		return nil, fmt.Errorf("bus: no address to dial, or no key to show: %w", fault.Invalid)
	}
	ends, err := link.Client(cfg.Key, cfg.Pin)
	if err != nil {
		return nil, err
	}
	me, err := cfg.Key.Public().Ed25519()
	if err != nil {
		return nil, err
	}
	c := &counter{ask: ask + id(me), lost: make(chan struct{})}
	c.nc, err = connect(
		ctx, cfg, nats.Secure(ends), nats.TLSHandshakeFirst(), // not a byte of the server's is read before its key is
		nats.IgnoreDiscoveredServers(), nats.CustomInboxPrefix(box(id(me))),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { c.lose() }),
	)
	if err != nil {
		return nil, err
	}
	return &Board{nc: c.nc, desk: c}, nil
}

func connect(ctx context.Context, cfg Config, more ...nats.Option) (*nats.Conn, error) {
	told := &complaint{log: cfg.log()}
	opts := append([]nats.Option{
		nats.Name("yunei"), nats.Timeout(attempt),
		nats.MaxReconnects(-1), nats.CustomReconnectDelay(told.delay), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectHandler(func(*nats.Conn) { told.told.Store(false) }),
		// Nothing is buffered while the server is away: a call that waits
		// posts again itself, and one that gave up must not act later.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(20 * time.Second), nats.MaxPingsOutstanding(2),
		// The default handler writes to standard error.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, more...)
	for n := 0; ; n++ {
		nc, err := nats.Connect("nats://"+cfg.Addr, opts...)
		if err == nil {
			told.nc.Store(nc)
			return nc, nil
		}
		if no := refusal(err); no != nil {
			return nil, fmt.Errorf("dialling the board: %w", no)
		}
		if !pause(ctx, n) {
			return nil, fmt.Errorf("dialling the board: %w: %w", err, ctx.Err())
		}
	}
}

// refusal is what an attempt to connect was refused for, nil if it was not.
func refusal(err error) error {
	if errors.Is(err, nats.ErrAuthorization) {
		return fault.Refuse("unknown-key", "house")
	}
	if _, ok := errors.AsType[fault.Kind](err); ok {
		return err
	}
	return nil
}

// A complaint logs that the server has come to refuse us, once a time.
type complaint struct {
	log  *slog.Logger
	nc   atomic.Pointer[nats.Conn]
	told atomic.Bool
}

// delay is asked before every attempt to reconnect: the only one to be told of
// those that a server refused.
func (c *complaint) delay(n int) time.Duration {
	if nc := c.nc.Load(); nc != nil {
		if no := refusal(nc.LastError()); no != nil && !c.told.Swap(true) {
			c.log.LogAttrs(context.Background(), slog.LevelError, "the board refuses us", slog.Any("err", no))
		}
	}
	return delay(n)
}

// Close ends the connection, and with it every Watch of this board.
func (b *Board) Close() { b.nc.Close() }

// Post writes a statement, 1 byte to MaxData, on a subject that has none, and
// returns nil when it is on disk. The same bytes again are nil, so a caller
// that does not know whether it posted posts again. Errors: Conflict if other
// bytes are there, Denied if the subject is not one's own, Exhausted for data
// too long or a board that is full, Invalid for a bad subject or no data.
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
		return b.desk.post(ctx, subject, data)
	})
}

// Get returns the statement of a subject, NotFound if there is none yet.
func (b *Board) Get(ctx context.Context, subject string) ([]byte, error) {
	if err := check(subject, false); err != nil {
		return nil, err
	}
	var it Item
	err := b.persist(ctx, "getting "+subject, func(ctx context.Context) (err error) {
		it, err = b.desk.last(ctx, subject)
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

// sound says whether Post could have written it: the coordinator can put
// anything on its disk.
func (it Item) sound() bool {
	return check(it.Subject, false) == nil && len(it.Data) > 0 && len(it.Data) <= MaxData
}

// next is the desk's, unless the answer would have a reader go round in circles.
func (b *Board) next(ctx context.Context, filter string, at uint64) (Item, error) {
	it, err := b.desk.next(ctx, filter, at)
	if err == nil && (it.Seq < at || it.Seq == math.MaxUint64) {
		return Item{}, fmt.Errorf("asking for statement %d or later: the server gave %d: %w", at, it.Seq, fault.Tampered)
	}
	if err == nil && !matches(filter, it.Subject) {
		return Item{}, fmt.Errorf("asking for statements of %s: the server gave %.200q: %w", filter, it.Subject, fault.Tampered)
	}
	return it, err
}

// matches reports whether a subject is one of a filter's: * stands for one token,
// and a last > for one or more.
func matches(filter, subject string) bool {
	f, s := strings.Split(filter, "."), strings.Split(subject, ".")
	for i, token := range f {
		switch {
		case i >= len(s):
			return false
		case token == ">":
			return true
		case token != "*" && token != s[i]:
			return false
		}
	}
	return len(f) == len(s)
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
