package proof

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
)

// A Witness cosigns the checkpoints of one log. It keeps nothing: its caller
// holds the last tree that it cosigned, Empty() at first, and makes the next one
// durable before the line leaves, or a witness that forgot would vouch for two
// histories.
type Witness struct {
	Name   string // under which verifiers know Key
	Key    ed25519.PrivateKey
	LogKey ed25519.PublicKey
	Origin string // of the log
}

// Cosign checks that checkpoint is the log's and extends prev, by a consistency
// proof from prev to it (none if prev is empty or the same), and returns the
// line to add to it, which says that the witness saw it at now, and the tree to
// keep. The same tree may be cosigned again, for a later time.
//
// A checkpoint that is smaller, does not extend prev, or is not signed by the
// log is Tampered: together with prev it is evidence against the log. A now
// before prev.Time is Conflict: somebody set the clock back.
func (w Witness) Cosign(prev Tree, checkpoint []byte, consistency [][]byte, now time.Time) (line []byte, next Tree, err error) {
	known, err := verifiers(w.LogKey, w.Origin, nil)
	if err != nil {
		return nil, Tree{}, err
	}
	next, _, err = open(checkpoint, w.Origin, known)
	if err != nil {
		return nil, Tree{}, err
	}
	if err := Extends(prev, next, consistency); err != nil {
		return nil, Tree{}, err
	}
	if now.Before(prev.Time) {
		return nil, Tree{}, fmt.Errorf("cosigning: the clock is behind the last cosignature: %w", fault.Conflict)
	}
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	line, err = w.sign(text+"\n", now)
	if err != nil {
		return nil, Tree{}, err
	}
	next.Time = time.Unix(now.Unix(), 0).UTC()
	return line, next, nil
}

// sign makes a cosignature/v1 line: key hash, seconds and an Ed25519 signature
// of the text under a header that names them (C2SP tlog-cosignature).
func (w Witness) sign(text string, now time.Time) ([]byte, error) {
	if len(w.Key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("cosigning: a key of %d bytes: %w", len(w.Key), fault.Invalid)
	}
	pub, _ := w.Key.Public().(ed25519.PublicKey) // an Ed25519 key's always is one
	if _, err := verifiers(w.LogKey, w.Origin, map[string]ed25519.PublicKey{w.Name: pub}); err != nil {
		return nil, err
	}
	if now.Unix() <= 0 || now.Unix() >= year10000 {
		return nil, fmt.Errorf("cosigning at %d s: %w", now.Unix(), fault.Invalid)
	}
	sec := uint64(now.Unix()) //nolint:gosec // above 0
	// 4 is the signature type of cosignature/v1, part of the key's hash.
	id := sha256.Sum256(append([]byte(w.Name+"\n\x04"), pub...))
	sig := append(id[:4:4], binary.BigEndian.AppendUint64(nil, sec)...)
	sig = append(sig, ed25519.Sign(w.Key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", sec, text))...)
	return fmt.Appendf(nil, "— %s %s\n", w.Name, base64.StdEncoding.EncodeToString(sig)), nil
}
