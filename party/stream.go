package party

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// PutFrom posts a blob that is read as it is posted; d is its digest.
func (p *Party) PutFrom(ctx context.Context, d suite.Digest, r io.Reader) error {
	if d.Hex() == "" {
		return fmt.Errorf("putting a blob: not a digest: %w", fault.Invalid)
	}
	buf := make([]byte, blobPart)
	for part := 0; ; part++ {
		n, err := io.ReadFull(r, buf)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return fmt.Errorf("putting a blob: %w", err)
		}
		if n > 0 || part == 0 {
			if err := p.Board.Post(ctx, blobSubject(d, p.Name, part), buf[:n]); err != nil {
				return fmt.Errorf("putting a blob: %w", err)
			}
		}
		if last {
			return nil
		}
	}
}

// A Blob is one of a known size that is read part by part, one of which is in
// memory. Nothing holds its bytes to the digest: whoever reads them does, or
// opens them by a key. It is for one goroutine.
type Blob struct {
	ctx   context.Context //nolint:containedctx // lives as long as who reads
	board *bus.Board
	by    string // who posted it
	d     suite.Digest
	size  int64
	at    int64 // of part
	part  []byte
}

// Blob is the blob of that digest and size that a party posted.
func (p *Party) Blob(ctx context.Context, by string, d suite.Digest, size int64) *Blob {
	return &Blob{ctx: ctx, board: p.Board, by: by, d: d, size: size, at: -1}
}

// Reader reads the blob from front to back.
func (b *Blob) Reader() io.Reader { return io.NewSectionReader(b, 0, b.size) }

// Size is the blob's.
func (b *Blob) Size() int64 { return b.size }

// ReadAt implements io.ReaderAt. A blob of another size is of kind Tampered.
func (b *Blob) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		if off >= b.size {
			return n, io.EOF
		}
		if err := b.load(off / blobPart); err != nil {
			return n, err
		}
		k := copy(p[n:], b.part[off%blobPart:])
		n, off = n+k, off+int64(k)
	}
	return n, nil
}

func (b *Blob) load(part int64) error {
	if b.at == part {
		return nil
	}
	if b.d.Hex() == "" {
		return fmt.Errorf("reading a blob: not a digest: %w", fault.Invalid)
	}
	raw, err := b.board.Get(b.ctx, blobSubject(b.d, b.by, int(part)))
	if err != nil {
		return fmt.Errorf("reading a blob: %w", err)
	}
	if int64(len(raw)) != min(blobPart, b.size-part*blobPart) {
		return fmt.Errorf("reading a blob: it is of another size: %w", fault.Tampered)
	}
	b.at, b.part = part, raw
	return nil
}
