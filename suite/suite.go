// Package suite is the one place that names cryptographic algorithms for
// identities, digests, commitments and sealed letters. It holds the suite
// "intl": Ed25519 (RFC 8032), SHA-256, HMAC-SHA-256 and HPKE (RFC 9180:
// DHKEM(X25519), HKDF-SHA256, AES-256-GCM). Every text form starts with the
// algorithm's name, so that a second suite can stand beside it and none can be
// taken for another. It draws randomness from the system and keeps no key: a
// private key is a value of the process that loaded it, and never prints.
package suite

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"strings"

	"github.com/yunei/yunei/fault"
)

const (
	signPrefix = "ed25519:"
	pemType    = "PRIVATE KEY"
)

// A PublicKey is a verifying key in its text form, "ed25519:" and the
// base64url of 32 bytes without padding. The zero PublicKey verifies nothing.
type PublicKey string

// ParsePublicKey checks the text form of a verifying key.
func ParsePublicKey(s string) (PublicKey, error) {
	if _, err := PublicKey(s).raw(); err != nil {
		return "", err
	}
	return PublicKey(s), nil
}

func (k PublicKey) raw() (ed25519.PublicKey, error) {
	text, ok := strings.CutPrefix(string(k), signPrefix)
	if !ok || len(text) > 64 {
		return nil, fmt.Errorf("reading a public key: want %sBASE64URL: %w", signPrefix, fault.Invalid)
	}
	b, err := unbase64(text)
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("reading a public key: not %d bytes of base64url: %w", ed25519.PublicKeySize, fault.Invalid)
	}
	return b, nil
}

// unbase64 reads base64url that has one spelling: the standard decoder, strict
// or not, passes over line ends.
func unbase64(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || base64.RawURLEncoding.EncodeToString(b) != s {
		return nil, fault.Invalid
	}
	return b, nil
}

// Ed25519 returns the key in the form of the standard library.
func (k PublicKey) Ed25519() (ed25519.PublicKey, error) { return k.raw() }

// Verify reports an error of kind Tampered unless sig is k's over message.
func (k PublicKey) Verify(message, sig []byte) error {
	pub, err := k.raw()
	if err != nil {
		return err
	}
	if !ed25519.Verify(pub, message, sig) {
		return fmt.Errorf("verifying a signature: %w", fault.Tampered)
	}
	return nil
}

// A PrivateKey signs. No verb of fmt prints it: not its own value, for it has a
// Format, and not the field of another's, where fmt may not ask: it prints what
// is behind a pointer, and not what a function returns.
type PrivateKey struct{ key func() ed25519.PrivateKey }

func private(key ed25519.PrivateKey) PrivateKey {
	return PrivateKey{func() ed25519.PrivateKey { return key }}
}

// NewPrivateKey draws a key.
func NewPrivateKey() (PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("drawing a key: %w", err)
	}
	return private(key), nil
}

// ParsePrivateKey reads a PKCS #8 PEM file.
func ParsePrivateKey(file []byte) (PrivateKey, error) {
	block, rest := pem.Decode(file)
	if block == nil || block.Type != pemType || len(strings.TrimSpace(string(rest))) != 0 {
		return PrivateKey{}, fmt.Errorf("reading a private key: not one PEM block %q: %w", pemType, fault.Invalid)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("reading a private key: not PKCS #8: %w", fault.Invalid)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return PrivateKey{}, fmt.Errorf("reading a private key: not Ed25519: %w", fault.Invalid)
	}
	return private(key), nil
}

// PEM returns the key as a file to keep, PKCS #8.
func (k PrivateKey) PEM() ([]byte, error) {
	if k.key == nil {
		return nil, fmt.Errorf("writing a private key: no key: %w", fault.Denied)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.key())
	if err != nil {
		return nil, fmt.Errorf("writing a private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// Public returns the verifying key, "" for the zero PrivateKey.
func (k PrivateKey) Public() PublicKey {
	if k.key == nil {
		return ""
	}
	pub := k.key()[ed25519.PrivateKeySize-ed25519.PublicKeySize:]
	return PublicKey(signPrefix + base64.RawURLEncoding.EncodeToString(pub))
}

// Sign signs message; the zero PrivateKey refuses.
func (k PrivateKey) Sign(message []byte) ([]byte, error) {
	if k.key == nil {
		return nil, fmt.Errorf("signing: no key: %w", fault.Denied)
	}
	return ed25519.Sign(k.key(), message), nil
}

// Ed25519 hands the key to a library that signs in a format of its own (the
// ledger's notes).
func (k PrivateKey) Ed25519() ed25519.PrivateKey {
	if k.key == nil {
		return nil
	}
	return k.key()
}

// String hides the key.
func (k PrivateKey) String() string { return "private key of " + string(k.Public()) }

// Format prints what String returns, for every verb.
func (k PrivateKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// A Digest is a SHA-256 digest of public bytes, "sha256:" and 64 hex digits.
// Digests of confidential bytes are Commitments.
type Digest string

// DigestOf returns the digest of b.
func DigestOf(b []byte) Digest {
	sum := sha256.Sum256(b)
	return Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// DigestFrom digests all that r gives.
func DigestFrom(r io.Reader) (Digest, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", fmt.Errorf("digesting: %w", err)
	}
	return Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), nil
}

// Hex returns the 64 hex digits, "" if d is not a digest.
func (d Digest) Hex() string {
	h, ok := strings.CutPrefix(string(d), "sha256:")
	if raw, err := hex.DecodeString(h); !ok || err != nil || len(raw) != sha256.Size || strings.ToLower(h) != h {
		return ""
	}
	return h
}

// A Salt makes a commitment hide what it commits to.
type Salt [32]byte

// NewSalt draws a salt.
func NewSalt() (Salt, error) {
	var s Salt
	if _, err := rand.Read(s[:]); err != nil {
		return Salt{}, fmt.Errorf("drawing a salt: %w", err)
	}
	return s, nil
}

// A Commitment is HMAC-SHA-256 of bytes under a secret salt: it binds, and
// hides even bytes that can be guessed.
type Commitment string

// Commit commits to b under s.
func Commit(s Salt, b []byte) Commitment {
	mac := hmac.New(sha256.New, s[:])
	mac.Write(b)
	return Commitment("hmac-sha256:" + hex.EncodeToString(mac.Sum(nil)))
}

// Opens reports whether c is the commitment to b under s.
func (c Commitment) Opens(s Salt, b []byte) bool {
	want := Commit(s, b)
	return subtle.ConstantTimeCompare([]byte(c), []byte(want)) == 1
}
