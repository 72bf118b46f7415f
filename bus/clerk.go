package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/yunei/yunei/fault"
)

// What a question says in its headers, and what an answer does; the data of a
// statement is the message itself. A question names its party by the subject
// that it is asked on, which the server lets nobody else use.
const (
	asked   = "Do" // post, last or next
	about   = "On" // the subject, or the filter of next
	number  = "At" // of the statement
	outcome = "Is" // done, later, or a fault.Kind
	done    = "done"
	later   = "later" // ask again
)

// A clerk does at the stream what parties ask for, as far as each may.
type clerk struct {
	nc    *nats.Conn
	store store
	door  *door
}

func openDesk(nc *nats.Conn, st store, d *door) (*clerk, error) {
	c := &clerk{nc: nc, store: st, door: d}
	if _, err := nc.Subscribe(ask+"*", c.hear); err != nil {
		return nil, fmt.Errorf("opening the board's desk: %w", err)
	}
	return c, nil
}

// hear takes a question in hand without waiting for the answer, so that no
// party's questions keep another's waiting. It answers nowhere but in the
// party's own box: whoever could name the place would have the clerk write
// there.
func (c *clerk) hear(q *nats.Msg) {
	who := strings.TrimPrefix(q.Subject, ask)
	s, seated := c.door.seated(who)
	if !seated || !strings.HasPrefix(q.Reply, box(who)+".") {
		return
	}
	select {
	case s.places <- struct{}{}:
	default:
		c.tell(q, Item{}, errLater)
		return
	}
	go func() {
		defer func() { <-s.places }()
		ctx, cancel := context.WithTimeout(context.Background(), attempt)
		defer cancel()
		it, err := c.do(ctx, s.Member, q)
		c.tell(q, it, err)
	}()
}

var errLater = errors.New("the board has no answer now")

// do is a question's effect. What it reads of the question is hostile.
func (c *clerk) do(ctx context.Context, m Member, q *nats.Msg) (Item, error) {
	do, what := q.Header.Get(asked), q.Header.Get(about)
	if err := check(what, do == "next"); err != nil {
		return Item{}, err
	}
	switch do {
	case "post":
		if len(q.Data) == 0 || len(q.Data) > MaxData {
			return Item{}, fault.Exhausted
		}
		if m.May == nil || !m.May(what) {
			return Item{}, fault.Denied
		}
		return Item{}, c.store.post(ctx, what, q.Data)
	case "last":
		return c.store.last(ctx, what)
	case "next":
		n, err := strconv.ParseUint(q.Header.Get(number), 10, 64)
		if err != nil {
			return Item{}, fault.Invalid
		}
		return c.store.next(ctx, what, n)
	default:
		return Item{}, fault.Invalid
	}
}

// tell answers. Of an error its kind goes out; what has none is left to be
// asked again.
func (c *clerk) tell(q *nats.Msg, it Item, err error) {
	a := &nats.Msg{Subject: q.Reply, Data: it.Data, Header: nats.Header{
		outcome: {done}, about: {it.Subject}, number: {strconv.FormatUint(it.Seq, 10)},
	}}
	if kind, is := errors.AsType[fault.Kind](err); is {
		a.Header.Set(outcome, string(kind))
	} else if err != nil {
		a.Header.Set(outcome, later)
	}
	_ = c.nc.PublishMsg(a) // an answer that is lost is asked for again
}

// A counter is the desk as a party sees it: the clerk, asked over the network.
type counter struct {
	nc  *nats.Conn
	ask string

	mu   sync.Mutex
	lost chan struct{} // closed when the connection is, and with it the answers on their way
}

func (c *counter) lose() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.lost)
	c.lost = make(chan struct{})
}

// whole returns a context that ends with the connection, too.
func (c *counter) whole(ctx context.Context) (context.Context, context.CancelFunc) {
	c.mu.Lock()
	lost := c.lost
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-lost:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (c *counter) post(ctx context.Context, subject string, data []byte) error {
	_, err := c.put(ctx, "post", subject, 0, data)
	return err
}

func (c *counter) last(ctx context.Context, subject string) (Item, error) {
	it, err := c.put(ctx, "last", subject, 0, nil)
	if err == nil && it.Subject != subject {
		return Item{}, fmt.Errorf("the server gave %q: %w", it.Subject, fault.Tampered)
	}
	return it, err
}

func (c *counter) next(ctx context.Context, filter string, from uint64) (Item, error) {
	return c.put(ctx, "next", filter, from, nil)
}

// kinds are the errors that an answer may be.
var kinds = []fault.Kind{fault.Denied, fault.Invalid, fault.NotFound, fault.Conflict, fault.Exhausted, fault.Tampered}

// put puts a question and waits for the answer.
func (c *counter) put(ctx context.Context, what, subject string, n uint64, data []byte) (Item, error) {
	ctx, cancel := c.whole(ctx)
	defer cancel()
	a, err := c.nc.RequestMsgWithContext(ctx, &nats.Msg{Subject: c.ask, Data: data, Header: nats.Header{
		asked: {what}, about: {subject}, number: {strconv.FormatUint(n, 10)},
	}})
	if err != nil {
		return Item{}, err
	}
	said := a.Header.Get(outcome)
	for _, k := range kinds {
		if said == string(k) {
			return Item{}, fmt.Errorf("the board answers: %w", k)
		}
	}
	seq, err := strconv.ParseUint(a.Header.Get(number), 10, 64)
	if said != done || err != nil {
		return Item{}, errLater
	}
	return Item{Subject: a.Header.Get(about), Seq: seq, Data: a.Data}, nil
}
