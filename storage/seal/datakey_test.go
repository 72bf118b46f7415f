package seal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/seal"
)

// A data key opens the object that it was unwrapped from and nothing else, and
// nobody unwraps one without the private key, the header and the name.
func TestDataKey(t *testing.T) {
	store, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	mine, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	names := []storage.Name{"datasets/visits@1", "datasets/visits@2"}
	plain := bytes.Repeat([]byte("row "), 40_000) // three chunks
	for _, n := range names {
		if err := seal.Put(t.Context(), store, mine.Public(), n, bytes.NewReader(plain)); err != nil {
			t.Fatal(err)
		}
	}
	header, err := seal.GetHeader(t.Context(), store, names[0])
	if err != nil || len(header) != seal.Header {
		t.Fatalf("%d bytes, %v", len(header), err)
	}
	key, err := mine.Unwrap(header, names[0])
	if err != nil {
		t.Fatal(err)
	}
	o, err := seal.GetWith(t.Context(), store, key, names[0])
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, o.Size())
	if _, err := o.ReadAt(got, 0); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("the object reads otherwise: %v", err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if _, err := seal.GetWith(t.Context(), store, key, names[1]); !errors.Is(err, fault.Tampered) {
		t.Errorf("another version opens: %v", err)
	}
	if _, err := seal.GetWith(t.Context(), store, seal.DataKey{}, names[0]); !errors.Is(err, fault.Denied) {
		t.Errorf("no key opens: %v", err)
	}
	for what, try := range map[string]func() error{
		"another key":     func() error { _, err := other.Unwrap(header, names[0]); return err },
		"another version": func() error { _, err := mine.Unwrap(header, names[1]); return err },
		"a short header":  func() error { _, err := mine.Unwrap(header[:40], names[0]); return err },
		"a changed one":   func() error { _, err := mine.Unwrap(append([]byte{1}, header[1:]...), names[0]); return err },
	} {
		if err := try(); !errors.Is(err, fault.Tampered) {
			t.Errorf("%s unwraps: %v", what, err)
		}
	}
	if _, err := json.Marshal(key); err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v %s %x", key, key, key, key, key), string(key.Bytes()[:4])) {
		t.Errorf("the key shows")
	}
	key.Erase()
	if _, err := seal.GetWith(t.Context(), store, key, names[0]); !errors.Is(err, fault.Tampered) {
		t.Errorf("an erased key opens: %v", err)
	}
}
