package attest

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// domain separates what is hashed into a report from all else that could be.
const domain = "yunei attest binding v1\x00"

const (
	maxRound   = 1 << 16
	digestSize = 32
)

// A Nonce is drawn by the relying party for one piece of evidence.
type Nonce [32]byte

// A Subject is what a key is released for.
type Subject struct {
	Run     string       `json:"run"`
	Round   int          `json:"round"`
	Permit  suite.Digest `json:"permit"`
	Program suite.Digest `json:"program"`
	Binary  suite.Digest `json:"binary"` // of the attester
}

// Check reports an error of kind Invalid unless every part is there.
func (s Subject) Check() error {
	if err := jobs.ID(s.Run); err != nil {
		return fmt.Errorf("subject: run: %w", err)
	}
	if s.Round < 1 || s.Round > maxRound {
		return fmt.Errorf("subject: round %d: %w", s.Round, fault.Invalid)
	}
	for _, d := range []suite.Digest{s.Permit, s.Program, s.Binary} {
		if d.Hex() == "" {
			return fmt.Errorf("subject: permit, program or binary is no digest: %w", fault.Invalid)
		}
	}
	return nil
}

// A Challenge is what a relying party asks an attester, and keeps: evidence is
// held against it, and against nothing that came with the evidence.
type Challenge struct {
	Subject
	Nonce Nonce     `json:"nonce"`
	Made  time.Time `json:"made"` // by the relying party's clock
}

// NewChallenge draws the nonce of a challenge.
func NewChallenge(random io.Reader, s Subject, now time.Time) (Challenge, error) {
	if err := s.Check(); err != nil {
		return Challenge{}, err
	}
	c := Challenge{Subject: s, Made: now}
	if _, err := io.ReadFull(random, c.Nonce[:]); err != nil {
		return Challenge{}, fmt.Errorf("drawing a nonce: %w", err)
	}
	return c, nil
}

// Bind is the binding that answers the challenge with the attester's key.
func (c Challenge) Bind(key PublicKey) Binding {
	return Binding{Subject: c.Subject, Nonce: c.Nonce, Key: key}
}

// A Binding is all that a report is about.
type Binding struct {
	Subject
	Nonce Nonce
	// Key is what a data key can be released to. "" is none: then there is a
	// Receiver.
	Key PublicKey
	// Receiver names a key of the attester's of a scheme that is not ours: a gate's,
	// toward which trustees answer. "" is none.
	Receiver suite.Digest
}

// Check reports an error of kind Invalid unless every part is there.
func (b Binding) Check() error {
	if b.Nonce == (Nonce{}) {
		return fmt.Errorf("binding: no nonce: %w", fault.Invalid)
	}
	if b.Key != "" || b.Receiver == "" {
		if err := b.Key.Check(); err != nil {
			return fmt.Errorf("binding: %w", err)
		}
	}
	if b.Receiver != "" && (b.Receiver.Hex() == "" || b.Receiver == none) {
		return fmt.Errorf("binding: the receiver is no digest: %w", fault.Invalid)
	}
	return b.Subject.Check()
}

// none stands for no receiver where bytes are counted.
var none = suite.Digest("sha256:" + strings.Repeat("0", 2*digestSize))

// Bytes is the one encoding of a binding that Check passes: nonce, digests of
// permit, program, binary and receiver (32 bytes each, zeros for none), round (4, big endian), run (a byte
// of length before it), key (two bytes of length before it).
func (b Binding) Bytes() []byte {
	out := bytes.Clone(b.Nonce[:])
	for _, d := range []suite.Digest{b.Permit, b.Program, b.Binary, b.Receiver} {
		raw, err := hex.DecodeString(d.Hex())
		if err != nil || len(raw) != digestSize {
			raw = make([]byte, digestSize) // no receiver; or Check refuses it
		}
		out = append(out, raw...)
	}
	out = binary.BigEndian.AppendUint32(out, uint32(b.Round))
	out = append(out, byte(len(b.Run)))
	out = append(out, b.Run...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(b.Key)))
	return append(out, b.Key...)
}

// Data is what a report carries of the binding in its 64 bytes of report data.
func (b Binding) Data() [sha512.Size]byte { return sha512.Sum512(append([]byte(domain), b.Bytes()...)) }

// ParseBinding reads what Bytes wrote. Errors are of kind Invalid.
func ParseBinding(raw []byte) (Binding, error) {
	r := reader{left: raw}
	var b Binding
	copy(b.Nonce[:], r.take(len(b.Nonce)))
	for _, d := range []*suite.Digest{&b.Permit, &b.Program, &b.Binary, &b.Receiver} {
		*d = suite.Digest("sha256:" + hex.EncodeToString(r.take(digestSize)))
	}
	if b.Receiver == none {
		b.Receiver = ""
	}
	b.Round = int(r.number(4))
	b.Run = string(r.take(int(r.number(1))))
	b.Key = PublicKey(r.take(int(r.number(2))))
	if err := r.end(); err != nil {
		return Binding{}, fmt.Errorf("reading a binding: %w", err)
	}
	if err := b.Check(); err != nil {
		return Binding{}, fmt.Errorf("reading a binding: %w", err)
	}
	return b, nil
}

// answers reports an error of kind Denied that names the first part in which the
// binding is not the answer to the challenge.
func (b Binding) answers(c Challenge) error {
	for _, part := range []struct {
		name string
		same bool
	}{
		{"nonce", b.Nonce == c.Nonce && c.Nonce != Nonce{}},
		{"run", b.Run == c.Run},
		{"round", b.Round == c.Round},
		{"permit", b.Permit == c.Permit},
		{"program", b.Program == c.Program},
		{"binary", b.Binary == c.Binary},
	} {
		if !part.same {
			return fmt.Errorf("bound to another %s: %w", part.name, fault.Denied)
		}
	}
	return nil
}

// A reader takes bytes off the front of what it was given. It never makes room
// for more than is there; once short it stays so.
type reader struct {
	left  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short || n < 0 || n > len(r.left) {
		r.short = true
		return nil
	}
	got := r.left[:n:n]
	r.left = r.left[n:]
	return got
}

// number reads n bytes, at most 8, as a big-endian number.
func (r *reader) number(n int) uint64 {
	var v uint64
	for _, c := range r.take(n) {
		v = v<<8 | uint64(c)
	}
	return v
}

// end reports an error of kind Invalid unless all was read and nothing is left.
func (r *reader) end() error {
	if r.short || len(r.left) != 0 {
		return fmt.Errorf("too short or too long: %w", fault.Invalid)
	}
	return nil
}
