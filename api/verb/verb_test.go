package verb

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

var at = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func key(tb testing.TB) suite.PrivateKey {
	tb.Helper()
	k, err := suite.NewPrivateKey()
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func TestRoundTrip(t *testing.T) {
	k := key(t)
	body := Inner{ID: "p-1", Receipt: json.RawMessage(`{"a":"<&>域"}`)}
	r, err := Sign(k, DecisionAdd, "guiyang", at, rand.Reader, body)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Parse(r.Bytes())
	if err != nil || h.Verb != DecisionAdd || h.Installation != "guiyang" || !h.At.Equal(at) || h.By != k.Public() || !bytes.Equal(h.Envelope, r.Bytes()) {
		t.Fatalf("%+v, %v", h, err)
	}
	var got Inner
	if err := h.Read(&got); err != nil || got.ID != body.ID {
		t.Errorf("%+v, %v", got, err)
	}
	if err := h.Read(&Name{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("an unknown field: %v", err)
	}
}

// A signature over the right words in the wrong form is no request.
func TestParseRefuses(t *testing.T) {
	k := key(t)
	req := Request{Verb: DirectoryGet, Installation: "guiyang", At: at, Nonce: strings.Repeat("A", 22), Body: json.RawMessage(`{}`)}
	short, long, other := req, req, req
	short.Nonce, long.Nonce = "AAAA", strings.Repeat("A", 44)
	other.Body = json.RawMessage(`{"id":"x"}`)
	for _, c := range []struct {
		name  string
		kind  receipt.Kind
		about receipt.Subject
		body  any
		want  error
	}{
		{"good", Kind, req.about(), req, nil},
		{"another kind", "vote", req.about(), req, fault.Tampered},
		{"a short nonce", Kind, short.about(), short, fault.Invalid},
		{"a long nonce", Kind, long.about(), long, fault.Invalid},
		{"about another body", Kind, other.about(), req, fault.Invalid},
		{"about another verb", Kind, receipt.About("request/org.add", suite.DigestOf(req.Body)), req, fault.Invalid},
		{"no request", Kind, req.about(), "x", fault.Invalid},
	} {
		r, err := receipt.Sign(k, c.kind, c.about, c.body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(r.Bytes()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// Whatever bytes come, Parse answers with a kind of its own, and what it
// accepts is spelled in one way alone.
func FuzzParse(f *testing.F) {
	k := key(f)
	for _, body := range []any{None{}, Name{"r-1"}, Inner{ID: "p", Receipt: json.RawMessage(`{"payload":""}`)}} {
		r, err := Sign(k, JobShow, "guiyang", at, rand.Reader, body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.Bytes())
		f.Add(r.Bytes()[:len(r.Bytes())/2])
	}
	f.Add([]byte(`{"payloadType":"","payload":"","signatures":[]}`))
	f.Add([]byte(strings.Repeat("[", 10_000)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := Parse(raw)
		if err != nil {
			if k := fault.Of(err); k != fault.Invalid && k != fault.Tampered && k != fault.Exhausted {
				t.Fatalf("kind %s: %v", k, err)
			}
			return
		}
		if !bytes.Equal(h.Envelope, raw) {
			t.Fatal("the envelope is not what came")
		}
		_ = h.Read(&Inner{})
	})
}

// FuzzBody reads signed bodies, which any registered user may make.
func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"id":"p","receipt":{}}`))
	f.Add([]byte(`{"id":"p"}{}`))
	f.Add([]byte(`nul`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h := Heard{Request: Request{Body: raw}}
		for _, body := range []any{&None{}, &Name{}, &Inner{}} {
			if err := h.Read(body); err != nil && fault.Of(err) != fault.Invalid {
				t.Fatalf("kind of %v", err)
			}
		}
	})
}
