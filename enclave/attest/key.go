package attest

import (
	"crypto/hpke"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// hybridPrefix starts the text form of an X-Wing key (draft-connolly-cfrg-xwing-kem,
// HPKE KEM 0x647a).
const hybridPrefix = "xwing:"

// hybridSize is the length of an X-Wing public key: ML-KEM-768's 1184 bytes and
// X25519's 32.
const hybridSize = 1216

// A PublicKey is a key that a data key can be sealed to: a suite.BoxKey
// ("x25519:"), or "xwing:" and the base64url of 1216 bytes, whose letters stay
// closed to whoever keeps them for a quantum computer.
type PublicKey string

// Hybrid reports whether k is an X-Wing key.
func (k PublicKey) Hybrid() bool { return strings.HasPrefix(string(k), hybridPrefix) }

// Check reports an error of kind Invalid unless k is a key.
func (k PublicKey) Check() error {
	if !k.Hybrid() {
		return suite.BoxKey(k).Check()
	}
	_, err := k.hybrid()
	return err
}

func (k PublicKey) hybrid() (hpke.PublicKey, error) {
	text, ok := strings.CutPrefix(string(k), hybridPrefix)
	if !ok || len(text) != base64.RawURLEncoding.EncodedLen(hybridSize) {
		return nil, fmt.Errorf("reading a key: want %sBASE64URL: %w", hybridPrefix, fault.Invalid)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != text {
		return nil, fmt.Errorf("reading a key: not base64url: %w", fault.Invalid)
	}
	pub, err := hpke.MLKEM768X25519().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("reading a key: not X-Wing: %w", fault.Invalid)
	}
	return pub, nil
}

// seal seals plain to k for the occasion info.
func (k PublicKey) seal(info string, plain []byte) ([]byte, error) {
	if !k.Hybrid() {
		return suite.BoxKey(k).Seal(info, plain)
	}
	pub, err := k.hybrid()
	if err != nil {
		return nil, err
	}
	sealed, err := hpke.Seal(pub, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(info), plain)
	if err != nil {
		return nil, fmt.Errorf("sealing a key: %w", err)
	}
	return sealed, nil
}

// A Key is the attester's half: made in memory for one binding, and dropped with
// it. No verb of fmt prints it.
type Key struct {
	box    suite.Box
	hybrid hpke.PrivateKey
}

// NewKey draws an X25519 key, for data that are of no use to anyone in twenty
// years.
func NewKey() (Key, error) {
	box, err := suite.NewBox()
	return Key{box: box}, err
}

// NewHybridKey draws an X-Wing key.
func NewHybridKey() (Key, error) {
	k, err := hpke.MLKEM768X25519().GenerateKey()
	if err != nil {
		return Key{}, fmt.Errorf("drawing a key: %w", err)
	}
	return Key{hybrid: k}, nil
}

// Public returns the key to put into a Binding, "" for the zero Key.
func (k Key) Public() PublicKey {
	if k.hybrid == nil {
		return PublicKey(k.box.Public())
	}
	return PublicKey(hybridPrefix + base64.RawURLEncoding.EncodeToString(k.hybrid.PublicKey().Bytes()))
}

// String hides the key.
func (k Key) String() string { return "key of " + string(k.Public()) }

// Format prints what String returns, for every verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// Open opens a data key that was released to k under the binding. Errors are of
// kind Denied for a binding of another key and Tampered for what does not open.
func (k Key) Open(b Binding, sealed []byte) ([]byte, error) {
	if k.Public() == "" || b.Key != k.Public() {
		return nil, fmt.Errorf("opening a data key: the binding has another key: %w", fault.Denied)
	}
	if k.hybrid == nil {
		return k.box.Open(b.info(), sealed)
	}
	plain, err := hpke.Open(k.hybrid, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(b.info()), sealed)
	if err != nil {
		return nil, fmt.Errorf("opening a data key: %w", fault.Tampered)
	}
	return plain, nil
}
