package api_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/link"
)

// A client hears nobody but the holder of the pinned key, and says nothing to
// anybody else.
func TestPinned(t *testing.T) {
	h := newHall(t)
	heard := 0
	fake := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		heard++
		_, _ = io.WriteString(w, `{"installation":"guiyang"}`)
	}))
	var err error
	fake.TLS, err = link.Public(h.Keys["gate"]) // registered, and not the coordinator
	h.must("a server", err)
	fake.StartTLS()
	defer fake.Close()
	_, err = h.at(fake.URL).Directory(t.Context())
	h.refused("another server", err, "link-pin")
	old := httptest.NewUnstartedServer(fake.Config.Handler)
	old.TLS, err = link.Public(h.Keys["yuneid"])
	h.must("a server", err)
	old.TLS.MinVersion, old.TLS.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	old.StartTLS()
	defer old.Close()
	if _, err := h.at(old.URL).Directory(t.Context()); err == nil {
		t.Error("TLS 1.2 is spoken")
	}
	away := httptest.NewUnstartedServer(http.RedirectHandler(fake.URL, http.StatusTemporaryRedirect))
	away.TLS, err = link.Public(h.Keys["yuneid"])
	h.must("a server", err)
	away.StartTLS()
	defer away.Close()
	if _, err := h.at(away.URL).Directory(t.Context()); err == nil {
		t.Error("a redirection is followed")
	}
	if heard != 0 {
		t.Errorf("somebody else was asked %d times", heard)
	}
	for _, url := range []string{strings.Replace(h.srv.URL, "https:", "http:", 1), "http://127.0.0.1:1", "127.0.0.1:1", ""} {
		if _, err := client.New(url, h.Keys["yuneid"].Public(), h.Keys["op"], installation, h.now); !errors.Is(err, fault.Invalid) {
			t.Errorf("asking %q: %v", url, err)
		}
	}
}

func (h *hall) at(url string) *client.Client {
	h.t.Helper()
	c, err := client.New(url, h.Keys["yuneid"].Public(), h.Keys["op"], installation, h.now)
	h.must("pinning", err)
	return c
}

// In the clear the server does not answer a request.
func TestClear(t *testing.T) {
	h := newHall(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.srv.URL, "https://"))
	h.must("connecting", err)
	defer conn.Close() //nolint:errcheck // of a test
	_, err = io.WriteString(conn, "GET /v1/blob/0 HTTP/1.1\r\nHost: x\r\n\r\n")
	h.must("asking", err)
	got, _ := io.ReadAll(conn)
	if bytes.Contains(got, []byte("not-found")) || bytes.Contains(got, []byte("200")) {
		t.Errorf("it answers %q", got)
	}
}

// Revoking is a further revision of the record, by the request that asked for
// it; the board is told.
func TestRevokeProcess(t *testing.T) {
	h := newHall(t)
	ctx := t.Context()
	h.refused("by an officer", h.as("bureau-officer").RevokeProcess(ctx, "gate"), "root-only")
	h.refused("nobody", h.as("root").RevokeProcess(ctx, "nobody"), "not-found")
	if h.revoked != 0 {
		t.Errorf("%d were revoked", h.revoked)
	}
	h.must("revoking", h.as("root").RevokeProcess(ctx, "gate"))
	h.refused("twice", h.as("root").RevokeProcess(ctx, "gate"), "not-found")
	rec, err := h.rec.Processes.Get(ctx, "gate")
	h.must("reading", err)
	history, err := h.rec.Processes.History(ctx, "gate")
	h.must("reading", err)
	if !rec.Value.Revoked || rec.Value.Key != h.Keys["gate"].Public() || len(history) != 2 || h.revoked != 1 {
		t.Errorf("kept as %+v in %d revisions, told %d times", rec.Value, len(history), h.revoked)
	}
	d, err := h.as("op").Directory(ctx)
	h.must("asking", err)
	for _, p := range d.Processes {
		if p.Revoked != (p.Name == "gate") {
			t.Errorf("the directory has %+v", p)
		}
	}
	h.Stranger(t)
	p := governance.Process{Name: "gate", Kind: governance.Gate, Key: h.Keys["stranger"].Public()}
	h.must("another key", h.as("root").AddProcess(ctx, p))
	if rec, err := h.rec.Processes.Get(ctx, "gate"); err != nil || rec.Revision != 3 || rec.Value != p {
		t.Errorf("kept as %+v, %v", rec, err)
	}
}
