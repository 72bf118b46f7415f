package seal

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/yunei/yunei/fault"
)

// KeySize is the size of both keys, in bytes.
const KeySize = 32

const textPrefix = "x25519:"

// A PublicKey is the X25519 key that a site's objects are sealed to. The zero
// PublicKey seals nothing.
type PublicKey [KeySize]byte

// A PrivateKey opens what was sealed to its PublicKey. It prints as what it
// is, whatever the verb, and refuses to be encoded. The zero PrivateKey opens
// nothing.
type PrivateKey struct {
	// Within a func, because fmt asks no method of a field that is not
	// exported, such as a PrivateKey in somebody's struct, and follows pointers.
	raw func() [KeySize]byte
}

// NewKey draws a key.
func NewKey() (PrivateKey, error) {
	k, err := hpke.DHKEM(ecdh.X25519()).GenerateKey()
	if err != nil {
		return PrivateKey{}, fmt.Errorf("drawing a key: %w", err)
	}
	b, err := k.Bytes()
	if err != nil {
		return PrivateKey{}, fmt.Errorf("drawing a key: %w", err)
	}
	return ParsePrivateKey(b)
}

// ParsePrivateKey reads the 32 bytes of a key; Bytes wrote them.
func ParsePrivateKey(b []byte) (PrivateKey, error) {
	var raw [KeySize]byte
	if copy(raw[:], b) != KeySize || len(b) != KeySize || raw == [KeySize]byte{} {
		return PrivateKey{}, fmt.Errorf("reading a private key: not %d bytes that are not zero: %w", KeySize, fault.Invalid)
	}
	return PrivateKey{func() [KeySize]byte { return raw }}, nil
}

// ParsePublicKey reads the 32 bytes of a key.
func ParsePublicKey(b []byte) (PublicKey, error) {
	var k PublicKey
	if copy(k[:], b) != KeySize || len(b) != KeySize || k == (PublicKey{}) {
		return PublicKey{}, fmt.Errorf("reading a public key: not %d bytes that are not zero: %w", KeySize, fault.Invalid)
	}
	return k, nil
}

// String returns the key's text form, "x25519:" and the base64url of its bytes,
// which is that of suite.BoxKey.
func (k PublicKey) String() string { return textPrefix + base64.RawURLEncoding.EncodeToString(k[:]) }

// MarshalText implements encoding.TextMarshaler.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the text form.
func (k *PublicKey) UnmarshalText(text []byte) error {
	t, ok := strings.CutPrefix(string(text), textPrefix)
	b, err := base64.RawURLEncoding.Strict().DecodeString(t)
	if !ok || err != nil {
		return fmt.Errorf("reading a public key: want %sBASE64URL: %w", textPrefix, fault.Invalid)
	}
	*k, err = ParsePublicKey(b)
	return err
}

// Public returns the key to seal to, the zero PublicKey for the zero k.
func (k PrivateKey) Public() PublicKey {
	h, err := k.hpke()
	if err != nil {
		return PublicKey{}
	}
	return PublicKey(h.PublicKey().Bytes())
}

// Bytes returns a copy of the key itself, for the file where it is kept; nil
// for the zero k.
func (k PrivateKey) Bytes() []byte {
	if k.raw == nil {
		return nil
	}
	b := k.raw()
	return b[:]
}

// Format hides the key from every verb of package fmt.
func (PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "private key") }

// String hides the key.
func (PrivateKey) String() string { return "private key" }

// MarshalText keeps the key out of JSON and logs.
func (PrivateKey) MarshalText() ([]byte, error) {
	return nil, errors.New("a private key is not to be encoded")
}

func (k PrivateKey) hpke() (hpke.PrivateKey, error) {
	if k.raw == nil {
		return nil, fmt.Errorf("there is no key: %w", fault.Denied)
	}
	return hpke.DHKEM(ecdh.X25519()).NewPrivateKey(k.Bytes())
}

func (k PublicKey) hpke() (hpke.PublicKey, error) {
	if k == (PublicKey{}) {
		return nil, fmt.Errorf("there is no key: %w", fault.Denied)
	}
	return hpke.DHKEM(ecdh.X25519()).NewPublicKey(k[:])
}
