package suite

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/yunei/yunei/fault"
)

const boxPrefix = "x25519:"

// A BoxKey is the public key of someone who can be sent a sealed letter,
// "x25519:" and the base64url of 32 bytes.
type BoxKey string

// A Box opens letters sealed to it.
type Box struct{ key hpke.PrivateKey }

func kdf() (hpke.KDF, hpke.AEAD) { return hpke.HKDFSHA256(), hpke.AES256GCM() }

// NewBox draws a box, to be used for one exchange and dropped.
func NewBox() (Box, error) {
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return Box{}, fmt.Errorf("drawing a box: %w", err)
	}
	key, err := hpke.NewDHKEMPrivateKey(k)
	if err != nil {
		return Box{}, fmt.Errorf("drawing a box: %w", err)
	}
	return Box{key}, nil
}

// Public returns the key to seal letters to.
func (b Box) Public() BoxKey {
	if b.key == nil {
		return ""
	}
	return BoxKey(boxPrefix + base64.RawURLEncoding.EncodeToString(b.key.PublicKey().Bytes()))
}

// String hides the key.
func (b Box) String() string { return "box of " + string(b.Public()) }

// Format prints what String returns, for every verb.
func (b Box) Format(f fmt.State, _ rune) { fmt.Fprint(f, b.String()) }

// Check reports an error of kind Invalid unless k is a key that letters can be
// sealed to.
func (k BoxKey) Check() error {
	_, err := k.point()
	return err
}

func (k BoxKey) point() (*ecdh.PublicKey, error) {
	text, ok := strings.CutPrefix(string(k), boxPrefix)
	raw, err := unbase64(text)
	if !ok || err != nil {
		return nil, fmt.Errorf("reading a box key: want %sBASE64URL: %w", boxPrefix, fault.Invalid)
	}
	pub, err := ecdh.X25519().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("reading a box key: not a point: %w", fault.Invalid)
	}
	return pub, nil
}

// Seal seals plain to k. Info binds the letter to its occasion: whoever opens
// it must name the same.
func (k BoxKey) Seal(info string, plain []byte) ([]byte, error) {
	pub, err := k.point()
	if err != nil {
		return nil, fmt.Errorf("sealing a letter: %w", err)
	}
	to, err := hpke.NewDHKEMPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("sealing a letter: %w", err)
	}
	f, a := kdf()
	sealed, err := hpke.Seal(to, f, a, []byte(info), plain)
	if err != nil {
		return nil, fmt.Errorf("sealing a letter: %w", err)
	}
	return sealed, nil
}

// Open opens a letter sealed to b for the occasion info.
func (b Box) Open(info string, sealed []byte) ([]byte, error) {
	if b.key == nil {
		return nil, fmt.Errorf("opening a letter: no key: %w", fault.Denied)
	}
	f, a := kdf()
	plain, err := hpke.Open(b.key, f, a, []byte(info), sealed)
	if err != nil {
		return nil, fmt.Errorf("opening a letter: %w", fault.Tampered)
	}
	return plain, nil
}

// ParseBox reads what Bytes wrote.
func ParseBox(b []byte) (Box, error) {
	k, err := ecdh.X25519().NewPrivateKey(b)
	if err != nil {
		return Box{}, fmt.Errorf("reading a box: %w", fault.Invalid)
	}
	key, err := hpke.NewDHKEMPrivateKey(k)
	if err != nil {
		return Box{}, fmt.Errorf("reading a box: %w", fault.Invalid)
	}
	return Box{key}, nil
}

// Bytes is the secret key, for a box that is kept in a file.
func (b Box) Bytes() ([]byte, error) {
	if b.key == nil {
		return nil, fmt.Errorf("writing a box: no key: %w", fault.Denied)
	}
	return b.key.Bytes()
}
