package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/yunei/yunei/fault"
)

// A store is the desk that is the stream itself, for the coordinator's process.
type store struct {
	js     jetstream.JetStream
	handle *atomic.Pointer[jetstream.Stream]
}

func openStore(nc *nats.Conn) (store, error) {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(attempt))
	if err != nil {
		return store{}, fmt.Errorf("opening the board: %w", err)
	}
	return store{js, new(atomic.Pointer[jetstream.Stream])}, nil
}

// prepare makes the board on a server that has none, and sets the rules of an
// existing one. A board of the same name that is not ours is Conflict.
func (s store) prepare(ctx context.Context) error {
	_, err := s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: stream, Subjects: []string{posted + ">"}, Storage: jetstream.FileStorage,
		// Written once: the server itself refuses a second message on a
		// subject, whatever client sends it, and removes none.
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
		DenyDelete: true, DenyPurge: true,
		MaxMsgSize:  MaxData + framing,
		AllowDirect: true, // read as bytes, not as base64 in JSON
		RePublish:   &jetstream.RePublish{Source: posted + ">", Destination: news + ">", HeadersOnly: true},
	})
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.Code == 400 {
		return fmt.Errorf("making the board: %w: %w", err, fault.Conflict)
	}
	if err != nil {
		return fmt.Errorf("making the board: %w", err)
	}
	return nil
}

func (s store) post(ctx context.Context, subject string, data []byte) error {
	_, err := s.js.Publish(ctx, posted+subject, data, jetstream.WithExpectStream(stream),
		jetstream.WithExpectLastSequencePerSubject(0))
	if !refused(err) {
		return err
	}
	there, err := s.last(ctx, subject)
	switch {
	case errors.Is(err, fault.NotFound):
		return fmt.Errorf("the board takes no more: %w", fault.Exhausted)
	case err != nil:
		return err
	case !bytes.Equal(there.Data, data):
		return fmt.Errorf("another statement is there: %w", fault.Conflict)
	}
	return nil
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

func (s store) last(ctx context.Context, subject string) (Item, error) {
	h, err := s.stream(ctx)
	if err != nil {
		return Item{}, err
	}
	return item(h.GetLastMsgForSubject(ctx, posted+subject))
}

func (s store) next(ctx context.Context, filter string, at uint64) (Item, error) {
	h, err := s.stream(ctx)
	if err != nil {
		return Item{}, err
	}
	return item(h.GetMsg(ctx, at, jetstream.WithGetMsgSubject(posted+filter)))
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
func (s store) stream(ctx context.Context) (jetstream.Stream, error) {
	if h := s.handle.Load(); h != nil {
		return *h, nil
	}
	h, err := s.js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("looking for the board: %w", err)
	}
	s.handle.Store(&h)
	return h, nil
}
