package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/yunei/yunei/storage"
)

// Bytes seals a small object.
func Bytes(pub PublicKey, name storage.Name, plain []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := NewWriter(&b, pub, name)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Open opens the whole of a small sealed object.
func Open(priv PrivateKey, name storage.Name, sealed []byte) ([]byte, error) {
	r, err := NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), priv, name)
	if err != nil {
		return nil, err
	}
	b := make([]byte, r.Size()) // less than len(sealed)
	if _, err := r.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

// Put seals all of src to pub and puts it into s under name, with the errors
// of storage.Store. A src that fails leaves nothing.
func Put(ctx context.Context, s storage.Store, pub PublicKey, name storage.Name, src io.Reader) error {
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = pw.CloseWithError(pump(pw, pub, name, storage.Reader(ctx, src))) // never fails
	}()
	err := s.Put(ctx, name, pr)
	_ = pr.CloseWithError(errors.New("the store takes no more")) // never fails
	<-done
	if err != nil {
		return fmt.Errorf("sealing into a store: %w", err)
	}
	return nil
}

func pump(w io.Writer, pub PublicKey, name storage.Name, src io.Reader) error {
	sealed, err := NewWriter(w, pub, name)
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{sealed}, struct{ io.Reader }{src}, make([]byte, Chunk)); err != nil {
		return err
	}
	return sealed.Close()
}

// Get opens the sealed object name of s. It is a storage.Object of the
// content; ctx governs its reads.
func Get(ctx context.Context, s storage.Store, priv PrivateKey, name storage.Name) (storage.Object, error) {
	return get(ctx, s, name, func(header []byte) ([]byte, error) { return openHeader(header, priv, name) })
}

func get(ctx context.Context, s storage.Store, name storage.Name, unwrap func(header []byte) ([]byte, error)) (storage.Object, error) {
	o, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	r, err := newReader(o, o.Size(), name, unwrap)
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return object{r, o}, nil
}

type object struct {
	*Reader
	io.Closer
}
