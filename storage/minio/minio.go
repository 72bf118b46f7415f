// Package minio is storage.Store in a bucket of a MinIO server, or of any
// other that speaks S3 with conditional writes. An object is created once by
// If-None-Match, which the server decides when the last byte is there; ranges
// are read with the ETag pinned, in pieces of 1 MiB and more, because a
// request costs the same for 64 KiB.
//
// It makes no bucket but by Create, and sets no policy, lifecycle or
// encryption of the server's: the server, and whoever runs it, is trusted to
// keep what it acknowledged, and with nothing else. Confidential objects are
// sealed before they come here. What a killed writer leaves is an upload that
// was never completed: nobody sees it, and MinIO removes it within a day or so
// (its setting api stale_uploads_expiry); elsewhere set a lifecycle rule.
package minio

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
)

const (
	// partSize is how much is sent at a time, and held in memory.
	partSize = 16 << 20
	// maxParts is S3's bound: an object has at most 156 GiB.
	maxParts = 10_000
	// retries bounds how often minio-go asks again, waiting longer each time.
	retries = 4
	// patience is for what is done after ctx was cancelled.
	patience = 20 * time.Second
	// putMark is the metadata that tells a writer its own object.
	putMark = "Yunei-Put"
)

// A Config says where the objects lie.
type Config struct {
	Endpoint string         // host:port; neither a URL nor a secret
	Bucket   string         // one store; it must not keep versions
	TLS      bool           // false is for a loopback address only
	Roots    *x509.CertPool // who may vouch for the server; nil is the system's

	// Credentials are asked for once. They stand neither in a URL nor in an
	// argument, where logs and lists of processes would show them.
	Credentials func() (Credentials, error)
}

// Credentials are an access key. They do not print.
type Credentials struct{ ID, Secret string }

// String hides the credentials.
func (Credentials) String() string { return "credentials" }

// GoString hides the credentials from %#v.
func (Credentials) GoString() string { return "credentials" }

// File returns the credentials in the file at path: the ID on its first
// line, the secret on its second. Nobody but its owner may read it.
func File(path string) func() (Credentials, error) {
	return func() (Credentials, error) {
		f, err := os.Open(path)
		if err != nil {
			return Credentials{}, fmt.Errorf("reading credentials: %w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		info, err := f.Stat()
		if err != nil {
			return Credentials{}, fmt.Errorf("reading credentials: %w", err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			return Credentials{}, fmt.Errorf("reading credentials: others than the owner may read the file: %w", fault.Denied)
		}
		b, err := io.ReadAll(io.LimitReader(f, 4096))
		if err != nil {
			return Credentials{}, fmt.Errorf("reading credentials: %w", err)
		}
		lines := strings.Fields(string(b))
		if len(lines) != 2 {
			return Credentials{}, fmt.Errorf("reading credentials: not two lines, ID and secret: %w", fault.Invalid)
		}
		return Credentials{lines[0], lines[1]}, nil
	}
}

// A Store keeps objects in one bucket. Several processes may share it.
type Store struct {
	s3     s3.Core
	bucket string
}

var _ storage.Store = (*Store)(nil)

// Open opens the store that c names, and sees that its bucket is there and
// keeps no versions: in one that does, what is deleted stays.
func Open(ctx context.Context, c Config) (*Store, error) {
	s, err := dial(c)
	if err != nil {
		return nil, fmt.Errorf("opening a store: %w", err)
	}
	ok, err := s.s3.BucketExists(ctx, s.bucket)
	if err != nil {
		return nil, fmt.Errorf("opening a store: %w", kind(ctx, err))
	}
	if !ok {
		return nil, fmt.Errorf("opening a store: there is no bucket %q: %w", s.bucket, fault.NotFound)
	}
	v, err := s.s3.GetBucketVersioning(ctx, s.bucket)
	if err != nil {
		return nil, fmt.Errorf("opening a store: asking for versioning: %w", kind(ctx, err))
	}
	if v.Status != "" {
		return nil, fmt.Errorf("opening a store: bucket %q keeps versions (%s), so nothing in it can be deleted: %w", s.bucket, v.Status, fault.Invalid)
	}
	return s, nil
}

// Create makes the bucket that c names unless it is there.
func Create(ctx context.Context, c Config) error {
	s, err := dial(c)
	if err != nil {
		return fmt.Errorf("making a bucket: %w", err)
	}
	err = s.s3.MakeBucket(ctx, s.bucket, s3.MakeBucketOptions{})
	if s3.ToErrorResponse(err).Code == s3.BucketAlreadyOwnedByYou {
		return nil
	}
	if err != nil {
		return fmt.Errorf("making a bucket: %w", kind(ctx, err))
	}
	return nil
}

// dial checks c. It asks the server nothing.
func dial(c Config) (*Store, error) {
	host, _, err := net.SplitHostPort(c.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("the endpoint is not host:port: %w", fault.Invalid)
	}
	if ip := net.ParseIP(host); !c.TLS && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("the endpoint is not a loopback address, and TLS is off: %w", fault.Denied)
	}
	if c.Credentials == nil {
		return nil, fmt.Errorf("there are no credentials: %w", fault.Denied)
	}
	key, err := c.Credentials()
	if err != nil {
		return nil, err
	}
	if key.ID == "" || key.Secret == "" { // minio-go would go on as nobody
		return nil, fmt.Errorf("the credentials are empty: %w", fault.Denied)
	}
	core, err := s3.NewCore(c.Endpoint, &s3.Options{
		Creds:        credentials.NewStaticV4(key.ID, key.Secret, ""),
		Secure:       c.TLS,
		Transport:    transport(c.Roots),
		BucketLookup: s3.BucketLookupPath,
		MaxRetries:   retries,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.Invalid, err)
	}
	return &Store{s3: *core, bucket: c.Bucket}, nil
}

// transport is net/http's without a proxy: the environment of a process does
// not decide which way objects go.
func transport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   16,
		DisableCompression:    true, // an object is its bytes
	}
}

// Put implements storage.Store. Memory is bounded by about twice 16 MiB, and
// an object by 156 GiB.
func (s *Store) Put(ctx context.Context, name storage.Name, r io.Reader) error {
	if err := name.Check(); err != nil {
		return err
	}
	w := &write{s: s, name: string(name), mark: rand.Text(), r: storage.Reader(ctx, r)}
	if err := w.put(ctx); err != nil {
		return fmt.Errorf("putting %s: %w", name, kind(ctx, err))
	}
	return nil
}

// A write is one object on its way.
type write struct {
	s          *Store
	name, mark string
	r          io.Reader
	part       bytes.Buffer
	parts      []s3.CompletePart
}

// put sends what fits one part as one request, and the rest in parts.
func (w *write) put(ctx context.Context) error {
	last, err := w.next()
	if err != nil {
		return err
	}
	if !last {
		return w.multipart(ctx)
	}
	_, err = w.s.s3.Client.PutObject(ctx, w.s.bucket, w.name, bytes.NewReader(w.part.Bytes()), int64(w.part.Len()), w.options())
	return w.settle(ctx, err)
}

// next reads one part, and tells whether it is the last: a whole part may
// have an empty one after it.
func (w *write) next() (last bool, err error) {
	w.part.Reset()
	_, err = io.CopyN(&w.part, w.r, partSize)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}

func (w *write) options() s3.PutObjectOptions {
	o := s3.PutObjectOptions{UserMetadata: map[string]string{putMark: w.mark}, DisableMultipart: true}
	o.SetMatchETagExcept("*")
	return o
}

// multipart goes below Client.PutObject, which sends If-None-Match when an
// upload begins but not when it is completed: two writers that overlap would
// both win there.
func (w *write) multipart(ctx context.Context) error {
	id, err := w.s.s3.NewMultipartUpload(ctx, w.s.bucket, w.name, w.options())
	if err != nil {
		return err
	}
	err = w.send(ctx, id)
	if err == nil {
		_, err = w.s.s3.CompleteMultipartUpload(ctx, w.s.bucket, w.name, id, w.parts, w.options())
		err = w.settle(ctx, err)
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		_ = w.s.s3.AbortMultipartUpload(ctx, w.s.bucket, w.name, id) // nobody sees it; the server's sweep takes it
	}
	return err
}

// send sends the part that is read, and all after it.
func (w *write) send(ctx context.Context, id string) error {
	for last := false; ; {
		if w.part.Len() > 0 {
			if len(w.parts) == maxParts {
				return fmt.Errorf("an object has at most %d bytes: %w", int64(maxParts)*partSize, fault.Exhausted)
			}
			n := len(w.parts) + 1
			p, err := w.s.s3.PutObjectPart(ctx, w.s.bucket, w.name, id, n, bytes.NewReader(w.part.Bytes()), int64(w.part.Len()), s3.PutObjectPartOptions{})
			if err != nil {
				return err
			}
			w.parts = append(w.parts, s3.CompletePart{PartNumber: n, ETag: p.ETag})
		}
		if last {
			return ctx.Err()
		}
		var err error
		if last, err = w.next(); err != nil {
			return err
		}
	}
}

// settle says what became of the request that should have made the object
// visible, and ended in err. The answer may have been lost and the request
// repeated, and then the refusal is for our own object: its mark tells.
func (w *write) settle(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	info, statErr := w.s.s3.StatObject(ctx, w.s.bucket, w.name, s3.StatObjectOptions{})
	if statErr == nil && info.UserMetadata[putMark] == w.mark {
		return nil
	}
	return err
}

// Open implements storage.Store.
func (s *Store) Open(ctx context.Context, name storage.Name) (storage.Object, error) {
	if err := errors.Join(name.Check(), ctx.Err()); err != nil {
		return nil, err
	}
	info, err := s.s3.StatObject(ctx, s.bucket, string(name), s3.StatObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, kind(ctx, err))
	}
	return &object{ctx: ctx, s: s, name: string(name), etag: info.ETag, size: info.Size}, nil
}

// List implements storage.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Name, error] {
	return func(yield func(storage.Name, error) bool) {
		if err := errors.Join(storage.CheckPrefix(prefix), ctx.Err()); err != nil {
			yield("", err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for o := range s.s3.ListObjectsIter(ctx, s.bucket, s3.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
			if o.Err != nil {
				yield("", fmt.Errorf("listing objects: %w", kind(ctx, o.Err)))
				return
			}
			if storage.Name(o.Key).Check() != nil {
				continue // somebody else's
			}
			if !yield(storage.Name(o.Key), nil) {
				return
			}
		}
	}
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, name storage.Name) error {
	if err := errors.Join(name.Check(), ctx.Err()); err != nil {
		return err
	}
	err := s.s3.RemoveObject(ctx, s.bucket, string(name), s3.RemoveObjectOptions{})
	if err != nil && !errors.Is(kind(ctx, err), fault.NotFound) {
		return fmt.Errorf("deleting %s: %w", name, kind(ctx, err))
	}
	return nil
}

// kind gives err the kind that the contract names for it.
func kind(ctx context.Context, err error) error {
	if e := ctx.Err(); e != nil && !errors.Is(err, e) {
		return fmt.Errorf("%w: %w", e, err)
	}
	var r s3.ErrorResponse
	if !errors.As(err, &r) {
		return err
	}
	is := fault.Internal
	switch {
	case r.Code == s3.NoSuchBucket: // the configuration's fault, not the name's
	case r.Code == s3.NoSuchKey:
		is = fault.NotFound
	case r.StatusCode == http.StatusPreconditionFailed, r.StatusCode == http.StatusConflict:
		is = fault.Conflict
	case r.StatusCode == http.StatusForbidden, r.StatusCode == http.StatusUnauthorized:
		is = fault.Denied
	case r.StatusCode == http.StatusInsufficientStorage, strings.Contains(r.Code, "QuotaExceeded"):
		is = fault.Exhausted
	}
	return fmt.Errorf("%w: %w", is, err)
}
