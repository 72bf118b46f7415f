package seal

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
)

// A DataKey opens one object, the one whose header it was unwrapped from, and no
// other: every chunk is bound to its header and name. It prints as what it is
// and refuses to be encoded, like a PrivateKey. The zero DataKey opens nothing.
type DataKey struct {
	raw func() []byte
}

// ParseDataKey reads the bytes of a data key; Bytes wrote them.
func ParseDataKey(b []byte) (DataKey, error) {
	if len(b) != dataKey {
		return DataKey{}, fmt.Errorf("reading a data key: %d bytes, want %d: %w", len(b), dataKey, fault.Invalid)
	}
	kept := append([]byte(nil), b...)
	return DataKey{func() []byte { return kept }}, nil
}

// Unwrap takes the data key of the object name out of its header, for whoever is
// to read that object and no other. Errors are those of Get.
func (k PrivateKey) Unwrap(header []byte, name storage.Name) (DataKey, error) {
	if len(header) != Header {
		return DataKey{}, fmt.Errorf("unwrapping a data key: a header of %d bytes: %w", len(header), fault.Tampered)
	}
	if err := name.Check(); err != nil {
		return DataKey{}, fmt.Errorf("unwrapping a data key: %w", err)
	}
	raw, err := openHeader(header, k, name)
	if err != nil {
		return DataKey{}, fmt.Errorf("unwrapping a data key: %w", err)
	}
	return ParseDataKey(raw)
}

// Bytes returns a copy of the key itself, nil for the zero k.
func (k DataKey) Bytes() []byte {
	if k.raw == nil {
		return nil
	}
	return append([]byte(nil), k.raw()...)
}

// Erase overwrites the key, in all copies of k.
func (k DataKey) Erase() {
	if k.raw != nil {
		clear(k.raw())
	}
}

// Format hides the key from every verb of package fmt.
func (DataKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "data key") }

// String hides the key.
func (DataKey) String() string { return "data key" }

// MarshalText keeps the key out of JSON and logs.
func (DataKey) MarshalText() ([]byte, error) {
	return nil, errors.New("a data key is not to be encoded")
}

// GetHeader reads the header of the sealed object name, Header bytes: what a
// holder of the private key needs to Unwrap its data key.
func GetHeader(ctx context.Context, s storage.Store, name storage.Name) ([]byte, error) {
	o, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // read only
	r := &Reader{src: o}
	header := make([]byte, Header)
	if err := r.read(header, 0); err != nil {
		return nil, fmt.Errorf("reading the header of %s: %w", name, err)
	}
	return header, nil
}

// GetWith opens the sealed object name with its data key, as Get does with the
// private key.
func GetWith(ctx context.Context, s storage.Store, key DataKey, name storage.Name) (storage.Object, error) {
	return get(ctx, s, name, func(header []byte) ([]byte, error) {
		if key.raw == nil {
			return nil, fmt.Errorf("there is no key: %w", fault.Denied)
		}
		if string(header[:len(magic)]) != magic || header[len(magic)] != version || header[len(magic)+1] != suiteIntl {
			return nil, fmt.Errorf("this is no sealed object that is known: %w", fault.Tampered)
		}
		return key.Bytes(), nil
	})
}
