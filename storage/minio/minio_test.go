package minio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	s3 "github.com/minio/minio-go/v7"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/storagetest"
)

// server starts a server; SetServer sets it.
var server func(testing.TB) Config

var buckets atomic.Int64

// fresh returns an empty store of the server that c leads to.
func fresh(tb testing.TB, c Config) *Store {
	tb.Helper()
	c.Bucket = fmt.Sprintf("bucket-%d", buckets.Add(1))
	if err := errors.Join(Create(tb.Context(), c), Create(tb.Context(), c)); err != nil { // twice is no error
		tb.Fatal(err)
	}
	s, err := Open(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	c := server(t)
	storagetest.Run(t, func(t *testing.T) storage.Store {
		t.Helper()
		return fresh(t, c)
	})
	t.Run("an upload that was never completed is not seen", func(t *testing.T) { neverCompleted(t, fresh(t, c)) })
	t.Run("an object that was replaced", func(t *testing.T) { replaced(t, fresh(t, c)) })
	t.Run("an object deleted while it is open", func(t *testing.T) { deletedOpen(t, fresh(t, c)) })
	t.Run("keys of others", func(t *testing.T) { foreign(t, fresh(t, c)) })
	t.Run("a lost answer", func(t *testing.T) { lostAnswer(t, c) })
	t.Run("who may not", func(t *testing.T) { refused(t, c) })
}

func BenchmarkStore(b *testing.B) { storagetest.Benchmark(b, fresh(b, server(b))) }

// What a killed writer leaves is an upload with parts.
func neverCompleted(t *testing.T, s *Store) { //nolint:thelper // a test, whose own lines are to be named
	w := write{s: s, name: "a@1", mark: "x", r: bytes.NewReader(storagetest.Bytes(partSize+1, 1))}
	id, err := s.s3.NewMultipartUpload(t.Context(), s.bucket, w.name, w.options())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.send(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), "a@1"); !errors.Is(err, fault.NotFound) {
		t.Errorf("opening: %v", err)
	}
	for name, err := range s.List(t.Context(), "") {
		t.Errorf("listed: %q, %v", name, err)
	}
	if err := s.Put(t.Context(), "a@1", strings.NewReader("x")); err != nil {
		t.Errorf("putting: %v", err)
	}
	// The dead come too late.
	if _, err := s.s3.CompleteMultipartUpload(t.Context(), s.bucket, w.name, id, w.parts, w.options()); !errors.Is(kind(t.Context(), err), fault.Conflict) {
		t.Errorf("completing: %v", err)
	}
	if b, err := storagetest.Get(t.Context(), s, "a@1"); string(b) != "x" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

// Somebody with the bucket's key writes over an object that is being read.
func replaced(t *testing.T, s *Store) { //nolint:thelper // a test, whose own lines are to be named
	if err := s.Put(t.Context(), "a@1", bytes.NewReader(storagetest.Bytes(3*block, 1))); err != nil {
		t.Fatal(err)
	}
	o, err := s.Open(t.Context(), "a@1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.ReadAt(make([]byte, 10), 0); err != nil {
		t.Fatal(err)
	}
	b := storagetest.Bytes(3*block, 2)
	if _, err := s.s3.Client.PutObject(t.Context(), s.bucket, "a@1", bytes.NewReader(b), int64(len(b)), s3.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{10, block} {
		if n, err := o.ReadAt(make([]byte, n), block); n != 0 || !errors.Is(err, fault.Tampered) {
			t.Errorf("reading: %d bytes, %v; want Tampered", n, err)
		}
	}
}

func deletedOpen(t *testing.T, s *Store) { //nolint:thelper // a test, whose own lines are to be named
	if err := s.Put(t.Context(), "a@1", strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	o, err := s.Open(t.Context(), "a@1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "a@1"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.ReadAt(make([]byte, 3), 0); !errors.Is(err, fault.NotFound) {
		t.Errorf("reading: %v", err)
	}
}

func foreign(t *testing.T, s *Store) { //nolint:thelper // a test, whose own lines are to be named
	for _, key := range []string{"README", "A@1", "a@1.tmp@2"} {
		if _, err := s.s3.Client.PutObject(t.Context(), s.bucket, key, strings.NewReader("x"), 1, s3.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range s.List(t.Context(), "") {
		t.Errorf("listed: %q, %v", name, err)
	}
}

// A server's answer that is lost makes minio-go repeat the request, which is
// then refused for the object that the first one made.
func lostAnswer(t *testing.T, c Config) { //nolint:thelper // a test, whose own lines are to be named
	up, err := url.Parse("http://" + c.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	lose := ""
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(up)
			r.Out.Host = r.In.Host // it is signed
		},
		ModifyResponse: func(r *http.Response) error {
			if lose == "" || r.Request.Method != lose || r.StatusCode != http.StatusOK || r.Request.URL.Query().Has("uploads") {
				return nil
			}
			lose = ""
			_, err := io.Copy(io.Discard, r.Body) // the server is done
			return errors.Join(errors.New("lost"), err)
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p := httptest.NewServer(proxy)
	defer p.Close()
	c.Endpoint = p.Listener.Addr().String()
	s := fresh(t, c)
	for _, x := range []struct {
		method string
		size   int
	}{{http.MethodPut, 100}, {http.MethodPost, partSize + 1}} {
		lose = x.method
		name := storage.Name(fmt.Sprintf("a@%d", x.size))
		b := storagetest.Bytes(x.size, 1)
		if err := s.Put(t.Context(), name, bytes.NewReader(b)); err != nil {
			t.Errorf("putting %d bytes: %v", x.size, err)
		}
		if lose != "" {
			t.Error("no answer was lost")
		}
		if err := s.Put(t.Context(), name, bytes.NewReader(b)); !errors.Is(err, fault.Conflict) {
			t.Errorf("putting again: %v", err)
		}
	}
}

func refused(t *testing.T, c Config) { //nolint:thelper // a test, whose own lines are to be named
	good := c
	versioned := fresh(t, c)
	if err := versioned.s3.EnableVersioning(t.Context(), versioned.bucket); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name   string
		change func(*Config)
		want   fault.Kind
	}{
		{"a bucket that is not there", func(c *Config) { c.Bucket = "nowhere" }, fault.NotFound},
		{"a bucket that keeps versions", func(c *Config) { c.Bucket = versioned.bucket }, fault.Invalid},
		{"a wrong secret", func(c *Config) { c.Credentials = key("someone", "else") }, fault.Denied},
		{"no credentials", func(c *Config) { c.Credentials = nil }, fault.Denied},
		{"empty credentials", func(c *Config) { c.Credentials = key("", "") }, fault.Denied},
		{"a URL", func(c *Config) { c.Endpoint = "http://127.0.0.1:9000" }, fault.Invalid},
		{"no TLS to another machine", func(c *Config) { c.Endpoint = "192.0.2.1:9000" }, fault.Denied},
		{"no TLS to a name", func(c *Config) { c.Endpoint = "minio.example:9000" }, fault.Denied},
	} {
		c := good
		x.change(&c)
		if _, err := Open(t.Context(), c); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", x.name, err, x.want)
		}
	}
	good.TLS = true // the server has none
	if _, err := Open(t.Context(), good); err == nil {
		t.Error("TLS to a server that has none: opened")
	}
}

func key(id, secret string) func() (Credentials, error) {
	return func() (Credentials, error) { return Credentials{id, secret}, nil }
}

func TestFile(t *testing.T) {
	p := filepath.Join(t.TempDir(), "key")
	for _, x := range []struct {
		name, text string
		mode       os.FileMode
		want       error
	}{
		{"two lines", "me\nsecret\n", 0o600, nil},
		{"others may read", "me\nsecret\n", 0o640, fault.Denied},
		{"one line", "me\n", 0o600, fault.Invalid},
		{"three lines", "me\nse\ncret", 0o600, fault.Invalid},
	} {
		if err := errors.Join(os.WriteFile(p, []byte(x.text), 0o600), os.Chmod(p, x.mode)); err != nil {
			t.Fatal(err)
		}
		k, err := File(p)()
		if !errors.Is(err, x.want) || err == nil && (k != Credentials{"me", "secret"}) {
			t.Errorf("%s: %v", x.name, err)
		}
		if got := fmt.Sprintf("%v %+v %#v", k, k, k); strings.Contains(got, "secret") {
			t.Errorf("%s: printed as %s", x.name, got)
		}
	}
	if _, err := File(p + ".not")(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// SetServer tells the tests how a server is started.
func SetServer(start func(testing.TB) Config) { server = start }
