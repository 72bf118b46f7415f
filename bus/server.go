package bus

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/yunei/yunei/fault"
)

// A Server is the embedded NATS server and its board.
type Server struct {
	ns    *server.Server
	owner string // token of in-process boards, drawn at each start
}

// Serve starts the server on cfg.Dir, which it creates or goes on with, and
// returns when it takes connections. ctx bounds the start; the server runs until
// Close. Errors: Invalid and Denied for a configuration that is not allowed,
// Internal otherwise.
func Serve(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Dir == "" {
		return nil, fmt.Errorf("bus: no directory to serve from: %w", fault.Invalid)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the board's directory: %w", err)
	}
	s := &Server{owner: rand.Text()}
	opts, err := s.options(cfg)
	if err != nil {
		return nil, err
	}
	if s.ns, err = server.NewServer(opts); err != nil {
		return nil, fmt.Errorf("configuring the bus: %w", err)
	}
	if err := s.start(ctx, cfg.Log); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// options turns cfg into the server's: what is not set here (clusters,
// monitoring, websockets, MQTT, profiling) stays off.
func (s *Server) options(cfg Config) (*server.Options, error) {
	o := &server.Options{
		ServerName: "yunei-bus", NoSigs: true, DontListen: true,
		JetStream: true, StoreDir: cfg.Dir,
		SyncAlways: true, // the default syncs every two minutes; Post promises the disk
		MaxPayload: MaxPayload, MaxConn: 1024, MaxSubs: 1024,
		TLSConfig: cfg.TLS, TLS: cfg.TLS != nil, TLSTimeout: 5, AuthTimeout: 5,
		CustomClientAuthentication: door{owner: sha256.Sum256([]byte(s.owner)), member: sha256.Sum256([]byte(cfg.Token))},
	}
	if cfg.MaxPayload > 0 {
		o.MaxPayload = cfg.MaxPayload
	}
	if cfg.Addr == "" {
		return o, nil
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("reading the address: %w", fault.Invalid)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("reading the port: %w", fault.Invalid)
	}
	if o.Host, o.Port, o.DontListen = host, int(n), false; n == 0 {
		o.Port = server.RANDOM_PORT
	}
	return o, nil
}

// start waits until the server is up, and makes the board.
func (s *Server) start(ctx context.Context, log *slog.Logger) error {
	l := &listener{log: log, fatal: make(chan string, 1)}
	s.ns.SetLoggerV2(l, false, false, false)
	go s.ns.Start()
	for !s.ns.ReadyForConnections(10 * time.Millisecond) {
		select {
		case why := <-l.fatal:
			return fmt.Errorf("starting the bus: %s: %w", why, fault.Internal)
		case <-ctx.Done():
			return fmt.Errorf("starting the bus: %w", ctx.Err())
		default:
		}
	}
	b, err := s.Board(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	return b.Prepare(ctx)
}

// Addr returns host:port where the server listens, "" if nowhere.
func (s *Server) Addr() string {
	if a := s.ns.Addr(); a != nil {
		return a.String()
	}
	return ""
}

// Close stops the server and waits for it. What was posted stays.
func (s *Server) Close() {
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}

// Board returns a connection inside this process, for the coordinator itself.
func (s *Server) Board(ctx context.Context) (*Board, error) {
	return connect(ctx, Config{Token: s.owner}, nats.InProcessServer(s.ns))
}

// Prepare makes the board on a server that has none, and sets the rules of an
// existing one. Serve has done so; the coordinator does it once for a server
// that is not embedded. A board of the same name that is not ours is Conflict.
func (b *Board) Prepare(ctx context.Context) error {
	_, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: stream, Subjects: []string{posted + ">"}, Storage: jetstream.FileStorage,
		// Written once: the server itself refuses a second message on a
		// subject, whatever client sends it, and removes none.
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
		DenyDelete: true, DenyPurge: true,
		MaxMsgSize: MaxData + framing,
		RePublish:  &jetstream.RePublish{Source: posted + ">", Destination: news + ">", HeadersOnly: true},
	})
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.Code == 400 {
		return fmt.Errorf("making the board: %w: %w", err, fault.Conflict)
	}
	if err != nil {
		return fmt.Errorf("making the board: %w", err)
	}
	return nil
}

// A door lets in who shows one of two tokens, of which it keeps the hashes.
type door struct{ owner, member [sha256.Size]byte }

// Check gives the owner everything, and a member the right to post, to read and
// to hear news. Deleting, purging, configuring and consumers are not among it.
func (d door) Check(c server.ClientAuthentication) bool {
	got := sha256.Sum256([]byte(c.GetOpts().Token))
	if c.Kind() != server.CLIENT {
		return false
	}
	if subtle.ConstantTimeCompare(got[:], d.owner[:]) == 1 {
		c.RegisterUser(&server.User{Username: "owner"})
		return true
	}
	if subtle.ConstantTimeCompare(got[:], d.member[:]) != 1 {
		return false
	}
	c.RegisterUser(&server.User{Username: "member", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			posted + ">", "$JS.API.STREAM.INFO." + stream, "$JS.API.STREAM.MSG.GET." + stream,
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>", news + ">"}},
	}})
	return true
}

// A listener hands the server's complaints on, and the one that ends it to
// start: an embedded server reports a port in use nowhere else.
type listener struct {
	log   *slog.Logger
	fatal chan string
}

func (l *listener) Noticef(string, ...any) {}
func (l *listener) Debugf(string, ...any)  {}
func (l *listener) Tracef(string, ...any)  {}

func (l *listener) Warnf(format string, v ...any)  { l.say(slog.LevelWarn, format, v) }
func (l *listener) Errorf(format string, v ...any) { l.say(slog.LevelError, format, v) }

func (l *listener) Fatalf(format string, v ...any) {
	l.say(slog.LevelError, format, v)
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
}

func (l *listener) say(level slog.Level, format string, v []any) {
	if l.log != nil {
		l.log.LogAttrs(context.Background(), level, "bus", slog.String("says", fmt.Sprintf(format, v...)))
	}
}
