package minio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	s3 "github.com/minio/minio-go/v7"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
)

const (
	block  = 1 << 20 // the least that is asked for, in bytes
	blocks = 8       // blocks kept by an open object
)

// An object reads in whole blocks and keeps the last few, so that a reader of
// small pieces (a chunk, a page, a footer) does not ask for each. Reads of a
// block and more go past the blocks. Small reads of one object wait for each
// other; open it twice to have them side by side.
type object struct {
	ctx        context.Context // an io.ReaderAt has no room for one
	s          *Store
	name, etag string
	size       int64

	mu   sync.Mutex
	kept []kept // the last used is the last
}

type kept struct {
	n int64 // counted from the beginning of the object
	b []byte
}

var _ storage.Object = (*object)(nil)

func (o *object) Size() int64  { return o.size }
func (o *object) Close() error { return nil }

func (o *object) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("reading an object: offset %d: %w", off, fault.Invalid)
	}
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	if off >= o.size {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	var short error
	if rest := o.size - off; int64(len(p)) > rest {
		p, short = p[:rest], io.EOF
	}
	if len(p) >= block {
		if err := o.fetch(p, off); err != nil {
			return 0, err
		}
		return len(p), short
	}
	for n := 0; n < len(p); {
		at := off + int64(n)
		b, err := o.block(at / block)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b[at%block:])
	}
	return len(p), short
}

// block returns the nth block, which nobody writes to.
func (o *object) block(n int64) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.kept, func(k kept) bool { return k.n == n })
	if i >= 0 {
		k := o.kept[i]
		o.kept = append(slices.Delete(o.kept, i, i+1), k)
		return k.b, nil
	}
	b := make([]byte, min(block, o.size-n*block))
	if err := o.fetch(b, n*block); err != nil {
		return nil, err
	}
	if len(o.kept) == blocks {
		o.kept = slices.Delete(o.kept, 0, 1)
	}
	o.kept = append(o.kept, kept{n, b})
	return b, nil
}

// fetch fills p, which is not empty, with what is at off.
func (o *object) fetch(p []byte, off int64) error {
	var opts s3.GetObjectOptions
	err := errors.Join(opts.SetRange(off, off+int64(len(p))-1), opts.SetMatchETag(o.etag))
	if err != nil {
		return fmt.Errorf("reading %s: %w", o.name, err)
	}
	body, _, _, err := o.s.s3.GetObject(o.ctx, o.s.bucket, o.name, opts)
	if s3.ToErrorResponse(err).StatusCode == http.StatusPreconditionFailed {
		return fmt.Errorf("reading %s: another object has taken its place: %w", o.name, fault.Tampered)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", o.name, kind(o.ctx, err))
	}
	_, err = io.ReadFull(body, p)
	if errors.Is(err, io.EOF) { // it must not be taken for the object's end
		err = io.ErrUnexpectedEOF
	}
	if err := errors.Join(err, body.Close()); err != nil {
		return fmt.Errorf("reading %s: %w", o.name, kind(o.ctx, err))
	}
	return nil
}
