package site

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/seal"
)

// A vector is kept as words of 8 bytes, little-endian, and is read and written
// through a small buffer: beside the vector there is no second one in memory.

const words = 4 << 10 // that the buffer holds

// putVector keeps a vector under a name. What was kept first stands.
func (s *Site) putVector(ctx context.Context, name storage.Name, values []int64) error {
	w := wordsOf{left: values}
	defer clear(w.buf[:])
	err := seal.Put(ctx, s.Store, s.Seal.Public(), name, &w)
	if errors.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// wordsOf reads a vector.
type wordsOf struct {
	left []int64
	buf  [8 * words]byte
	unit []byte // of buf, not yet read
}

func (w *wordsOf) Read(p []byte) (int, error) {
	if len(w.unit) == 0 {
		n := min(words, len(w.left))
		if n == 0 {
			return 0, io.EOF
		}
		w.unit = w.buf[:0]
		for _, v := range w.left[:n] {
			w.unit = binary.LittleEndian.AppendUint64(w.unit, uint64(v)) //nolint:gosec // two's complement
		}
		w.left = w.left[n:]
	}
	n := copy(p, w.unit)
	w.unit = w.unit[n:]
	return n, nil
}

// vector reads a vector that was kept.
func (s *Site) vector(ctx context.Context, name storage.Name) ([]int64, error) {
	o, err := seal.Get(ctx, s.Store, s.Seal, name)
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // read only
	values, buf := make([]int64, o.Size()/8), make([]byte, 8*words)
	defer clear(buf)
	src := io.NewSectionReader(o, 0, o.Size())
	for at := 0; at < len(values); at += words {
		n := min(words, len(values)-at)
		if _, err := io.ReadFull(src, buf[:8*n]); err != nil {
			clear(values)
			return nil, err
		}
		for i := range n {
			values[at+i] = int64(binary.LittleEndian.Uint64(buf[8*i:])) //nolint:gosec // as above
		}
	}
	return values, nil
}
