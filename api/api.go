// Package api is the bureau's door over HTTP. There is one way in for
// everything: POST /v1/VERB with a request that the user signed (package verb).
// The server hears it if it was signed for this installation and this verb, at
// about this time, with a key that is registered and live, and not before; then
// the verb asks governance whether that user may, keeps what was signed byte
// for byte, and answers in JSON. Only the bytes of a program come otherwise,
// with PUT /v1/blob/SHA256, which takes nothing but what a signed program.put
// announced, and a new process, which nobody knows yet, offers its key under a
// token with POST /v1/enrol (package enrol).
//
// The package decides nothing and signs nothing. Decisions, starts and votes
// are receipts of their own inside a request, made with keys that the platform
// never holds; it records them and passes them to the Way of runs. What goes
// out is built field by field, and of an error only its fault.Refusal.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/enrol"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// A Way takes runs from their permit to their release. All of its methods may
// be called again with the same arguments. An error of kind NotFound says that
// there is no such run, or, of Candidate and Bundle, that it is not so far.
type Way interface {
	Submit(ctx context.Context, permit jobs.Permit, start receipt.Receipt, program []byte) error
	State(ctx context.Context, run string) (verb.View, error)
	Past(ctx context.Context, run string) (verb.View, error) // State without what it waits for
	Candidate(ctx context.Context, run string) (verb.Candidate, error)
	Vote(ctx context.Context, run string, vote receipt.Receipt) error
	Replay(ctx context.Context, run string, request receipt.Receipt) error
	Bundle(ctx context.Context, run string) ([]byte, error)
}

// Config is what a Server needs. All of it but Gates, Key, Log and Revoked must be
// given.
type Config struct {
	Installation string          // the name that requests are signed for
	Root         suite.PublicKey // registers people and processes
	Records      *records.Records
	Programs     storage.Store // of uploaded modules, by digest
	Way          Way
	Notary       Notary // gets what people say before it is kept
	Now          func() time.Time
	Key          suite.PublicKey // the coordinator's own, which newcomers pin; "" enrols nobody
	Gates        Gates           // nil asks package gates over what is kept here
	Log          *slog.Logger    // gets internal errors; nil drops them
	Revoked      func()          // is called when a process was revoked; nil does nothing
}

// Limits of the server.
const (
	Skew         = 5 * time.Minute // between a request's time and ours
	maxInFlight  = 64
	maxUploads   = 4
	maxHeader    = 16 << 10
	headerTime   = 5 * time.Second
	readTime     = time.Minute
	writeTime    = 2 * time.Minute
	idleTime     = time.Minute
	shutdownTime = 5 * time.Second
)

// A Server answers requests.
type Server struct {
	Config

	nonces  nonces
	gates   chan struct{} // one place a request in hand
	uploads chan struct{} // one place an upload in hand
	tries   tries
	tables  cases.Tables
	cabinet cabinet
	writing sync.Mutex // between asking a rule and keeping what it allowed
}

// New checks the configuration and returns a server.
func New(c Config) (*Server, error) {
	if jobs.ID(c.Installation) != nil || c.Records == nil || c.Programs == nil || c.Way == nil || c.Notary == nil || c.Now == nil {
		return nil, fmt.Errorf("making the server: an incomplete configuration: %w", fault.Invalid)
	}
	if _, err := suite.ParsePublicKey(string(c.Root)); err != nil {
		return nil, fmt.Errorf("making the server: the root key: %w", err)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	tables, err := cases.Procedures()
	if err != nil {
		return nil, fmt.Errorf("making the server: %w", err)
	}
	s := &Server{
		Config: c, tables: tables, nonces: newNonces(c.Now()),
		gates: make(chan struct{}, maxInFlight), uploads: make(chan struct{}, maxUploads),
	}
	if s.Gates == nil {
		s.Gates = s.askGates
	}
	return s, nil
}

// Serve answers on ln, which is to be behind TLS (link.Listen), until ctx is
// done, and then closes ln.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{
		Handler: s.Handler(), MaxHeaderBytes: maxHeader, ReadHeaderTimeout: headerTime, ReadTimeout: readTime,
		WriteTimeout: writeTime, IdleTimeout: idleTime, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		stopped <- srv.Shutdown(ctx)
	})
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serving the API: %w", err)
	}
	return <-stopped
}

// Handler answers requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	answered := func(do func(http.ResponseWriter, *http.Request) (any, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			reply, err := do(w, r)
			s.answer(w, r, reply, err)
		}
	}
	mux.HandleFunc("POST "+verb.Path+"{verb}", answered(s.ask))
	mux.HandleFunc("POST "+enrol.Path, answered(s.enrol))
	mux.HandleFunc("PUT "+verb.BlobPath+"{digest}", answered(s.upload))
	mux.HandleFunc("/", answered(func(http.ResponseWriter, *http.Request) (any, error) { return nil, fault.NotFound }))
	return mux
}

// take takes a place for one more, or refuses; give it back with leave.
func take(places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	default:
		return fault.Exhausted
	}
}

func leave(places chan struct{}) { <-places }

// ask hears a request and does what its verb says. It takes a place only once
// the request is in, so that a slow sender holds none.
func (s *Server) ask(w http.ResponseWriter, r *http.Request) (any, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, verb.MaxRequest))
	if err != nil {
		return nil, tooLarge(err)
	}
	if err := take(s.gates); err != nil {
		return nil, err
	}
	defer leave(s.gates)
	c, err := s.hear(r.Context(), verb.Verb(r.PathValue("verb")), raw)
	if err != nil {
		return nil, err
	}
	return verbs[c.Verb](r.Context(), s, c)
}

func tooLarge(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.Refuse("too-large", governance.House)
	}
	return fmt.Errorf("reading a request: %w: %w", err, fault.Invalid)
}

// A call is a request that was heard, with the facts at that instant.
type call struct {
	verb.Heard
	now  time.Time
	reg  governance.Register
	user governance.User // zero for the root key
}

// hear checks everything that is not the verb's own: form and signature, the
// installation and the verb that it was signed for, its time, that the key is
// known, and, last, so that strangers cannot fill its memory, the nonce.
func (s *Server) hear(ctx context.Context, v verb.Verb, raw []byte) (*call, error) {
	if _, ok := verbs[v]; !ok {
		return nil, fault.NotFound
	}
	h, err := verb.Parse(raw)
	if err != nil {
		return nil, err
	}
	if h.Verb != v || h.Installation != s.Installation {
		return nil, fault.Refuse("request-foreign", governance.House)
	}
	c := &call{Heard: h, now: s.Now()}
	if c.At.Before(c.now.Add(-Skew)) || c.At.After(c.now.Add(Skew)) || c.At.Before(s.nonces.start) {
		return nil, fault.Refuse("request-time", governance.House)
	}
	if c.reg, err = s.Records.Register(ctx, s.Root); err != nil {
		return nil, err
	}
	if err := c.reg.Known(c.By, c.now); err != nil {
		return nil, err
	}
	if c.By != s.Root {
		if c.user, err = c.reg.User(c.By, c.now); err != nil {
			return nil, err
		}
	}
	return c, s.nonces.take(c.By, c.Nonce, c.now)
}

// A rawReply is a reply that goes out as it is.
type rawReply []byte

// answer writes a reply or a refusal. The text of an error stays here.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, reply any, err error) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		shown := fault.Show(err)
		if shown.Kind == fault.Internal {
			s.Log.LogAttrs(r.Context(), slog.LevelError, "request", slog.String("path", r.URL.Path), slog.String("error", err.Error()))
		}
		s.write(w, r, status(shown), shown)
		return
	}
	if b, ok := reply.(rawReply); ok {
		h.Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(b)
		return
	}
	s.write(w, r, http.StatusOK, reply)
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		s.Log.LogAttrs(r.Context(), slog.LevelError, "request", slog.String("path", r.URL.Path), slog.String("error", err.Error()))
		code, b = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(b)
}

var statuses = map[fault.Kind]int{
	fault.Denied: http.StatusForbidden, fault.Invalid: http.StatusBadRequest, fault.NotFound: http.StatusNotFound,
	fault.Conflict: http.StatusConflict, fault.Exhausted: http.StatusTooManyRequests, fault.Tampered: http.StatusUnprocessableEntity,
	fault.Guest: http.StatusUnprocessableEntity, fault.Internal: http.StatusInternalServerError,
}

func status(r fault.Refusal) int {
	switch code, ok := statuses[r.Kind]; {
	case r.Code == "unknown-key":
		return http.StatusUnauthorized
	case r.Code == "too-large":
		return http.StatusRequestEntityTooLarge
	case ok:
		return code
	default:
		return http.StatusInternalServerError
	}
}
