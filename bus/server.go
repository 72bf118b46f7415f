package bus

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/link"
)

// A Server is the embedded NATS server, its board and its clerk.
type Server struct {
	ns    *server.Server
	door  *door
	clerk *clerk
	owner string // token of in-process boards, drawn at each start
}

// Serve starts the server on cfg.Dir, which it creates or goes on with, and
// returns when it takes connections. ctx bounds the start; the server runs until
// Close. Errors: Invalid for a configuration that is not whole, Internal
// otherwise.
func Serve(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Dir == "" {
		return nil, fmt.Errorf("bus: no directory to serve from: %w", fault.Invalid)
	}
	if cfg.Addr != "" && cfg.Known == nil {
		return nil, fmt.Errorf("bus: nobody to ask who is known: %w", fault.Invalid)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the board's directory: %w", err)
	}
	s := &Server{owner: rand.Text()}
	s.door = newDoor(s.owner, cfg.Known)
	opts, err := s.options(cfg)
	if err != nil {
		return nil, err
	}
	if s.ns, err = server.NewServer(opts); err != nil {
		return nil, fmt.Errorf("configuring the bus: %w", err)
	}
	s.door.gone = func(id uint64) bool { return s.ns.GetClient(id) == nil }
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
		NoFastProducerStall:        true, // who does not read its answers loses them, and keeps nobody waiting
		CustomClientAuthentication: s.door,
	}
	if cfg.MaxPayload > 0 {
		o.MaxPayload = cfg.MaxPayload
	}
	if cfg.Addr == "" {
		return o, nil
	}
	ends, err := link.Members(cfg.Key)
	if err != nil {
		return nil, err
	}
	// The handshake comes first: by default the server greets in the clear.
	o.TLS, o.TLSVerify, o.TLSHandshakeFirst, o.TLSConfig = true, true, true, ends
	o.TLSTimeout, o.AuthTimeout = 5, 5
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
	nc, err := s.inside(ctx)
	if err != nil {
		return err
	}
	st, err := openStore(nc)
	if err == nil {
		err = st.prepare(ctx)
	}
	if err == nil {
		s.clerk, err = openDesk(nc, st, s.door)
	}
	if err != nil {
		nc.Close()
	}
	return err
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
	if s.clerk != nil {
		s.clerk.nc.Close()
	}
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}

// Board returns a connection inside this process, for the coordinator itself.
func (s *Server) Board(ctx context.Context) (*Board, error) {
	nc, err := s.inside(ctx)
	if err != nil {
		return nil, err
	}
	st, err := openStore(nc)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &Board{nc: nc, desk: st}, nil
}

func (s *Server) inside(ctx context.Context) (*nats.Conn, error) {
	return connect(ctx, Config{}, nats.Token(s.owner), nats.InProcessServer(s.ns))
}

// Recheck asks again who is known, and ends the connections of those who are
// not any more. Call it when the register has changed.
func (s *Server) Recheck() {
	for _, id := range s.door.recheck() {
		_ = s.ns.DisconnectClientByID(id) // it may be gone by itself
	}
}

// A listener hands the server's complaints on, and the one that ends it to
// start: an embedded server reports a port in use nowhere else.
type listener struct {
	log    *slog.Logger
	fatal  chan string
	hushed atomic.Bool
}

// strangers are complaints that anybody can cause as often as they like: they
// are told once a minute.
var strangers = []string{"authentication error", "TLS handshake error"}

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
	says := fmt.Sprintf(format, v...)
	if slices.ContainsFunc(strangers, func(s string) bool { return strings.Contains(says, s) }) {
		if l.hushed.Swap(true) {
			return
		}
		time.AfterFunc(time.Minute, func() { l.hushed.Store(false) })
	}
	if l.log != nil && !strings.HasPrefix(says, "Clients that are not using") { // the handshake first, as all of ours do
		l.log.LogAttrs(context.Background(), level, "bus", slog.String("says", says))
	}
}
