// Package seal encrypts objects before a store sees them, so that a driver and
// whoever runs it are trusted with neither their content nor their integrity.
// Each object has a data key of its own, wrapped by HPKE (RFC 9180, base mode)
// to the public key of the site that may open it. The content is cut into
// chunks of 64 KiB, each sealed under a nonce that counts and marks the last
// (STREAM: Hoang, Reyhanitabar, Rogaway and Vizár, "Online Authenticated-
// Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015), and under
// the object's name, version and suite. So a chunk that is changed, moved, left
// out, or taken from another object or version does not open, and any part of
// an object opens by itself.
//
// It does not say who sealed an object (anyone who knows the public key can),
// nor that it is the newest or still there: receipts and journals do. It does
// not hide an object's size or name, and cannot help once the private key is
// lost or known. A reader of parts learns only that those parts are whole.
//
// Why a format of our own: sio (DARE 2.0) opens at random and marks the last
// package but binds no associated data; Tink's streaming AEAD binds data but
// its Go version reads from front to back only; age opens at random but binds
// no name, and its keys have no suite beside them.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
)

// The layout of a sealed object, in bytes:
//
//	8  magic "yuneiobj"
//	1  version of this layout, 1
//	1  suite, 1: HPKE(DHKEM(X25519), HKDF-SHA256, AES-256-GCM) and AES-256-GCM
//	7  nonce prefix
//	32 encapsulated key
//	48 wrapped data key
//	then chunks, each with a tag of 16; all but the last have 64 KiB in them,
//	and the last is empty only if the object is
//
// The nonce of a chunk is prefix, big-endian index (4) and last flag (1).
const (
	// Chunk is the content of one chunk.
	Chunk = 64 << 10
	// Header is the size of the header.
	Header = 97

	tag        = 16
	magic      = "yuneiobj"
	version    = 1
	suiteIntl  = 1
	prefixAt   = len(magic) + 2
	prefixSize = 7
	encAt      = prefixAt + prefixSize
	encSize    = 32
	wrapAt     = encAt + encSize
	dataKey    = 32
	maxChunks  = 1 << 32
	maxSealed  = Header + maxChunks*(Chunk+tag)
)

// A stream seals or opens the chunks of one object.
type stream struct {
	aead  cipher.AEAD
	nonce [12]byte // prefix; the rest is set for each chunk
	aad   [sha256.Size]byte
}

func newStream(header, key []byte, name storage.Name) (stream, error) {
	c, err := aes.NewCipher(key)
	if err != nil {
		return stream{}, err
	}
	aead, err := cipher.NewGCM(c)
	if err != nil {
		return stream{}, err
	}
	s := stream{aead: aead}
	copy(s.nonce[:], header[prefixAt:encAt])
	// The header has a fixed size, so that the two cannot be told otherwise.
	s.aad = sha256.Sum256(append(append([]byte("yunei seal chunk\x00"), header...), name...))
	return s, nil
}

// at returns the nonce of chunk i.
func (s *stream) at(i int64, last bool) []byte {
	n := s.nonce
	binary.BigEndian.PutUint32(n[prefixSize:], uint32(i)) //nolint:gosec // bounded by maxChunks
	if last {
		n[len(n)-1] = 1
	}
	return n[:]
}

// info binds the wrapped key to its object: under another name it does not
// unwrap.
func info(header []byte, name storage.Name) []byte {
	return append(append([]byte("yunei seal key\x00"), header[:encAt]...), name...)
}

// newHeader draws a data key and wraps it to pub.
func newHeader(pub PublicKey, name storage.Name) (header, key []byte, err error) {
	to, err := pub.hpke()
	if err != nil {
		return nil, nil, err
	}
	header = append(make([]byte, 0, Header), magic...)
	header = append(header, version, suiteIntl)
	header = header[:encAt]
	key = make([]byte, dataKey)
	if _, err := io.ReadFull(rand.Reader, header[prefixAt:]); err != nil {
		return nil, nil, err
	}
	if _, err := io.ReadFull(rand.Reader, key); err != nil {
		return nil, nil, err
	}
	wrapped, err := hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES256GCM(), info(header, name), key)
	if err != nil {
		return nil, nil, err
	}
	return append(header, wrapped...), key, nil
}

// openHeader unwraps the data key.
func openHeader(header []byte, priv PrivateKey, name storage.Name) ([]byte, error) {
	k, err := priv.hpke()
	if err != nil {
		return nil, err
	}
	if string(header[:len(magic)]) != magic {
		return nil, fmt.Errorf("this is no sealed object: %w", fault.Tampered)
	}
	if v, s := header[len(magic)], header[len(magic)+1]; v != version || s != suiteIntl {
		return nil, fmt.Errorf("version %d, suite %d: unknown: %w", v, s, fault.Invalid)
	}
	key, err := hpke.Open(k, hpke.HKDFSHA256(), hpke.AES256GCM(), info(header, name), header[encAt:])
	if err != nil || len(key) != dataKey {
		return nil, fmt.Errorf("unwrapping the key of %s: %w", name, fault.Tampered)
	}
	return key, nil
}

// NewWriter returns a writer that seals to pub, as the object name, what is
// written to it, and writes the sealed object to w. It has written the header.
// Close seals the last chunk; without it the object does not open. Close does
// not close w.
func NewWriter(w io.Writer, pub PublicKey, name storage.Name) (io.WriteCloser, error) {
	if err := name.Check(); err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	header, key, err := newHeader(pub, name)
	if err != nil {
		return nil, fmt.Errorf("sealing %s: %w", name, err)
	}
	s, err := newStream(header, key, name)
	if err != nil {
		return nil, fmt.Errorf("sealing %s: %w", name, err)
	}
	if _, err := w.Write(header); err != nil {
		return nil, fmt.Errorf("sealing %s: %w", name, err)
	}
	return &writer{w: w, s: s, buf: make([]byte, 0, Chunk+tag)}, nil
}

type writer struct {
	w   io.Writer
	s   stream
	i   int64
	buf []byte // the chunk that is being filled; its room holds the tag too
	err error  // why nothing more is written
}

var errClosed = errors.New("sealing: the writer is closed")

func (w *writer) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 && w.err == nil {
		// A full chunk waits for more, as it may be the last.
		if len(w.buf) == Chunk {
			w.flush(false)
			continue
		}
		k := min(Chunk-len(w.buf), len(p))
		w.buf, p, n = append(w.buf, p[:k]...), p[k:], n+k
	}
	return n, w.err
}

// Close implements io.Closer. A second Close does nothing.
func (w *writer) Close() error {
	if errors.Is(w.err, errClosed) {
		return nil
	}
	if w.err == nil {
		w.flush(true)
	}
	err := w.err
	if err == nil {
		w.err = errClosed
	}
	return err
}

func (w *writer) flush(last bool) {
	if w.i == maxChunks {
		w.err = fmt.Errorf("sealing: more than %d chunks: %w", int64(maxChunks), fault.Exhausted)
		return
	}
	sealed := w.s.aead.Seal(w.buf[:0], w.s.at(w.i, last), w.buf, w.s.aad[:])
	if _, err := w.w.Write(sealed); err != nil {
		w.err = fmt.Errorf("sealing: %w", err)
		return
	}
	w.buf, w.i = w.buf[:0], w.i+1
}
