package seal

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
)

// run is how many chunks are asked for at a time, at most: 1 MiB and a little,
// which is what a remote driver reads well.
const run = 17

// A Reader opens a sealed object at random. Its methods may be called by many
// goroutines, as far as those of the source may.
type Reader struct {
	src    io.ReaderAt
	s      stream
	chunks int64
	size   int64

	mu   sync.Mutex
	n    int64  // the chunk kept, -1 for none
	kept []byte // its content, for the next small read
}

var buffers = sync.Pool{New: func() any { return new([run * (Chunk + tag)]byte) }}

// NewReaderAt opens the object name, of which src has the size sealed bytes.
// It reads the header and the last chunk, so that Size can be relied on, and
// an object cut short is found at once. An error of kind Tampered says that
// the object is not what was sealed to this key under this name; which of
// these it is cannot be told.
func NewReaderAt(src io.ReaderAt, size int64, priv PrivateKey, name storage.Name) (*Reader, error) {
	return newReader(src, size, name, func(header []byte) ([]byte, error) { return openHeader(header, priv, name) })
}

func newReader(src io.ReaderAt, size int64, name storage.Name, unwrap func(header []byte) ([]byte, error)) (*Reader, error) {
	r := &Reader{src: src, n: -1}
	if err := r.open(size, name, unwrap); err != nil {
		return nil, fmt.Errorf("opening a seal: %w", err)
	}
	return r, nil
}

func (r *Reader) open(size int64, name storage.Name, unwrap func(header []byte) ([]byte, error)) error {
	if err := name.Check(); err != nil {
		return err
	}
	if size < Header+tag || size > maxSealed {
		return fmt.Errorf("%d bytes cannot be a sealed object: %w", size, fault.Tampered)
	}
	body := size - Header
	r.chunks = (body + Chunk + tag - 1) / (Chunk + tag)
	r.size = body - r.chunks*tag
	// A last chunk of less than a tag, or an empty one after others, was
	// never written.
	if rest := r.size - (r.chunks-1)*Chunk; rest < 0 || rest == 0 && r.chunks > 1 {
		return fmt.Errorf("%d bytes cannot be a sealed object: %w", size, fault.Tampered)
	}
	var header [Header]byte
	if err := r.read(header[:], 0); err != nil {
		return err
	}
	key, err := unwrap(header[:])
	if err != nil {
		return err
	}
	if r.s, err = newStream(header[:], key, name); err != nil {
		return err
	}
	_, err = r.small(nil, r.chunks-1, 0)
	return err
}

// Size returns the size of the content in bytes.
func (r *Reader) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt. Bytes that do not open are never returned.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("reading sealed bytes: offset %d: %w", off, fault.Invalid)
	}
	if off >= r.size {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	var short error
	if rest := r.size - off; int64(len(p)) > rest {
		p, short = p[:rest], io.EOF
	}
	n := 0
	for n < len(p) {
		i, within := (off+int64(n))/Chunk, int((off+int64(n))%Chunk)
		var k int
		var err error
		if whole := (len(p) - n) / Chunk; within == 0 && whole > 0 {
			k, err = r.large(p[n:], i, int64(min(whole, run)))
		} else {
			k, err = r.small(p[n:], i, within)
		}
		if n += k; err != nil {
			return n, fmt.Errorf("reading sealed bytes: %w", err)
		}
	}
	return n, short
}

// large opens count full chunks from the ith on right into p.
func (r *Reader) large(p []byte, i, count int64) (int, error) {
	buf, _ := buffers.Get().(*[run * (Chunk + tag)]byte) // New makes nothing else
	defer buffers.Put(buf)
	b := buf[:count*(Chunk+tag)]
	if err := r.read(b, Header+i*(Chunk+tag)); err != nil {
		return 0, err
	}
	n := 0
	for c := range count {
		sealed := b[c*(Chunk+tag) : (c+1)*(Chunk+tag)]
		if _, err := r.unseal(p[n:n:n+Chunk], i+c, sealed); err != nil {
			return n, err
		}
		n += Chunk
	}
	return n, nil
}

// small copies to p what the ith chunk has from the byte within on.
func (r *Reader) small(p []byte, i int64, within int) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n != i {
		r.n = -1 // should this fail, what is kept is no chunk
		sealed := make([]byte, min(Chunk, r.size-i*Chunk)+tag)
		if err := r.read(sealed, Header+i*(Chunk+tag)); err != nil {
			return 0, err
		}
		b, err := r.unseal(sealed[:0], i, sealed)
		if err != nil {
			return 0, err
		}
		r.n, r.kept = i, b
	}
	return copy(p, r.kept[within:]), nil
}

func (r *Reader) unseal(dst []byte, i int64, sealed []byte) ([]byte, error) {
	b, err := r.s.aead.Open(dst, r.s.at(i, i == r.chunks-1), sealed, r.s.aad[:])
	if err != nil {
		return nil, fmt.Errorf("chunk %d of %d: %w", i, r.chunks, fault.Tampered)
	}
	return b, nil
}

// read fills p with the sealed bytes at off.
func (r *Reader) read(p []byte, off int64) error {
	n, err := r.src.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("the object is shorter than it said: %w", fault.Tampered)
	}
	return err
}
