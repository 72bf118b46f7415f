package custody

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/link"
	"github.com/yunei/yunei/suite"
)

// Where the two questions are asked.
const (
	challengePath = "/v1/challenge" // Ask -> Question
	releasePath   = "/v1/release"   // evidence -> the sealed data key
)

const (
	maxHeader    = 8 << 10
	answerTime   = 30 * time.Second // of a whole request, either way
	shutdownTime = 2 * time.Second
	inHand       = 4 // requests at once
)

// Serve answers the site on ln, over TLS with the custodian's own signing key on
// one side and the site's on the other, until ctx is done; it closes ln.
func (c *Custodian) Serve(ctx context.Context, ln net.Listener, key suite.PrivateKey) error {
	ends, err := link.Members(key)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	srv := &http.Server{
		Handler: c.handler(), TLSConfig: ends, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: answerTime, ReadTimeout: answerTime,
		WriteTimeout: answerTime, IdleTimeout: answerTime, ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		stopped <- srv.Shutdown(ctx)
	})
	if err := srv.ServeTLS(ln, "", ""); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serving the site: %w", err)
	}
	return <-stopped
}

func (c *Custodian) handler() http.Handler {
	places := make(chan struct{}, inHand)
	mux := http.NewServeMux()
	on := func(path string, limit int64, do func(context.Context, []byte) ([]byte, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			reply, err := c.answer(r, limit, places, do)
			if err != nil {
				c.refuse(r.Context(), w, path, err)
				return
			}
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = w.Write(reply) //nolint:gosec // to the site's own client, and no page
		})
	}
	on(challengePath, MaxAsk, func(_ context.Context, raw []byte) ([]byte, error) {
		q, err := c.Challenge(raw)
		if err != nil {
			return nil, err
		}
		return json.Marshal(q)
	})
	on(releasePath, attest.MaxEvidence, c.Release)
	return mux
}

// answer hears the site, by its key, and nobody else.
func (c *Custodian) answer(r *http.Request, limit int64, places chan struct{}, do func(context.Context, []byte) ([]byte, error)) ([]byte, error) {
	if !c.isSite(r) {
		return nil, fault.Denied
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil || int64(len(raw)) > limit {
		return nil, fmt.Errorf("reading what the site asks: %d bytes: %w", len(raw), errors.Join(err, fault.Invalid))
	}
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	default:
		return nil, fault.Exhausted
	}
	return do(r.Context(), raw)
}

func (c *Custodian) isSite(r *http.Request) bool {
	site, err := c.Site.Ed25519()
	if err != nil || r.TLS == nil {
		return false
	}
	peer, err := link.Peer(*r.TLS)
	return err == nil && peer.Equal(site)
}

// refuse says the code to the site and the reason to the provider's log.
func (c *Custodian) refuse(ctx context.Context, w http.ResponseWriter, path string, err error) {
	no := fault.Show(err)
	c.Log.LogAttrs(ctx, slog.LevelWarn, "no data key is released", slog.String("asked", path), slog.String("code", string(no.Code)),
		slog.String("zh", no.ZH), slog.Any("err", err))
	raw, err := json.Marshal(no)
	if err != nil {
		raw = []byte("{}")
	}
	status := http.StatusForbidden
	if no.Kind == fault.Internal {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}
