// Package proof checks what a ledger says, without the ledger: that a checkpoint
// was signed by the log and cosigned by enough witnesses, that a leaf is in the
// tree that it commits to, and, on the witness's side, that a log only ever
// grew. It follows C2SP tlog-checkpoint, tlog-cosignature (cosignature/v1) and
// RFC 6962 section 2.1, and is pure: it opens no file, asks no clock, and does
// not link the log, so that a stranger's verifier stays small.
//
// It trusts the keys that it is given and nothing else. It does not say that a
// leaf is true, nor that there is no second, diverging tree beyond the view of
// the witnesses: a log that shares its key with as many corrupt witnesses as are
// asked for can show two people two histories.
package proof

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	cosig "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/yunei/yunei/fault"
)

// Bounds of what is parsed.
const (
	MaxCheckpoint = 16 << 10 // bytes
	MaxSignatures = 32       // lines
	MaxName       = 200      // bytes of an origin or a witness's name
	MaxProof      = 64       // hashes: a tree has fewer than 2^64 leaves
)

// A Tree is a state of a log.
type Tree struct {
	Size uint64
	Root [32]byte // RFC 6962, SHA-256
	// Time is when the witnesses say they saw it: the latest time that at
	// least minWitnesses of them vouch for. Zero if none was asked for.
	Time time.Time
}

// Empty is the state of a log without a leaf, and of a witness that has not seen
// any.
func Empty() Tree { return Tree{Root: [32]byte(rfc6962.DefaultHasher.EmptyRoot())} }

// Verify returns the tree that checkpoint commits to, provided that it is one of
// the log named origin, signed by logKey, and cosigned by minWitnesses or more
// of witnesses (keys by name). Signatures of others are ignored; a wrong one of
// a known name is an error, however many good ones there are.
//
// Errors: Invalid for bytes that are no checkpoint and for unusable keys,
// Tampered for a signature that is missing or does not hold, Denied for too few
// witnesses.
func Verify(checkpoint []byte, logKey ed25519.PublicKey, origin string, witnesses map[string]ed25519.PublicKey, minWitnesses int) (Tree, error) {
	known, err := verifiers(logKey, origin, witnesses)
	if err != nil {
		return Tree{}, err
	}
	tree, sigs, err := open(checkpoint, origin, known)
	if err != nil {
		return Tree{}, err
	}
	var times []time.Time
	for _, s := range sigs[1:] {
		at, err := stamp(s)
		if err != nil {
			return Tree{}, fmt.Errorf("reading the cosignature of %s: %w", s.Name, err)
		}
		times = append(times, at)
	}
	if len(times) < minWitnesses {
		return Tree{}, fmt.Errorf("verifying checkpoint: %d of %d witnesses: %w", len(times), minWitnesses, fault.Denied)
	}
	if minWitnesses > 0 {
		slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
		tree.Time = times[minWitnesses-1]
	}
	return tree, nil
}

// verifiers lists the keys, the log's first. A key under two names would count
// as two witnesses, and a log is no witness of itself.
func verifiers(logKey ed25519.PublicKey, origin string, witnesses map[string]ed25519.PublicKey) ([]note.Verifier, error) {
	v, err := verifier(origin, logKey)
	if err != nil {
		return nil, err
	}
	list, seen := []note.Verifier{v}, map[string]bool{string(logKey): true}
	for _, name := range slices.Sorted(maps.Keys(witnesses)) {
		key := witnesses[name]
		if seen[string(key)] {
			return nil, fmt.Errorf("the key of witness %s is another's too: %w", name, fault.Invalid)
		}
		seen[string(key)] = true
		vkey, err := encode(name, key)
		if err != nil {
			return nil, err
		}
		w, err := cosig.NewVerifierForCosignatureV1(vkey)
		if err != nil {
			return nil, fmt.Errorf("reading the key of witness %s: %w: %w", name, err, fault.Invalid)
		}
		list = append(list, w)
	}
	return list, nil
}

func verifier(name string, key ed25519.PublicKey) (note.Verifier, error) {
	vkey, err := encode(name, key)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("reading the key of %s: %w: %w", name, err, fault.Invalid)
	}
	return v, nil
}

// encode refuses the names that note's encoding of a key would take apart.
func encode(name string, key ed25519.PublicKey) (string, error) {
	if name == "" || len(name) > MaxName || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '+' || r > '~' }) {
		return "", fmt.Errorf("a name of a key is not 1 to %d printable ASCII characters without + or space: %w", MaxName, fault.Invalid)
	}
	vkey, err := note.NewEd25519VerifierKey(name, key)
	if err != nil {
		return "", fmt.Errorf("reading the key of %s: %w: %w", name, err, fault.Invalid)
	}
	return vkey, nil
}

// open parses checkpoint and returns its tree and the signatures of known on it,
// the log's (known[0]) first.
func open(checkpoint []byte, origin string, known []note.Verifier) (Tree, []note.Signature, error) {
	if err := strict(checkpoint); err != nil {
		return Tree{}, nil, err
	}
	n, err := note.Open(checkpoint, note.VerifierList(known...))
	if _, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return Tree{}, nil, fmt.Errorf("opening checkpoint: no known signature: %w", fault.Tampered)
	}
	if bad, ok := errors.AsType[*note.InvalidSignatureError](err); ok {
		return Tree{}, nil, fmt.Errorf("opening checkpoint: the signature of %s does not hold: %w", bad.Name, fault.Tampered)
	}
	if err != nil {
		return Tree{}, nil, fmt.Errorf("opening checkpoint: %w: %w", err, fault.Invalid)
	}
	i := slices.IndexFunc(n.Sigs, func(s note.Signature) bool {
		return s.Name == known[0].Name() && s.Hash == known[0].KeyHash()
	})
	if i < 0 {
		return Tree{}, nil, fmt.Errorf("opening checkpoint: the log did not sign it: %w", fault.Tampered)
	}
	n.Sigs[0], n.Sigs[i] = n.Sigs[i], n.Sigs[0]
	tree, err := parse(n.Text, origin)
	return tree, n.Sigs, err
}

// strict refuses what the parser of notes lets pass: base64 with loose bits or
// line breaks, a line that is there twice, more lines than a ledger has.
func strict(checkpoint []byte) error {
	if len(checkpoint) > MaxCheckpoint {
		return fmt.Errorf("a checkpoint of %d bytes: %w", len(checkpoint), fault.Invalid)
	}
	_, sigs, ok := strings.Cut(string(checkpoint), "\n\n")
	if !ok || !strings.HasSuffix(sigs, "\n") {
		return fmt.Errorf("a checkpoint without signatures: %w", fault.Invalid)
	}
	lines := strings.Split(strings.TrimSuffix(sigs, "\n"), "\n")
	if len(lines) > MaxSignatures {
		return fmt.Errorf("a checkpoint with %d signatures: %w", len(lines), fault.Invalid)
	}
	seen := map[string]bool{}
	for _, line := range lines {
		id, err := signer(line)
		if err != nil {
			return err
		}
		if seen[id] {
			return fmt.Errorf("a checkpoint with two signatures of one key: %w", fault.Invalid)
		}
		seen[id] = true
	}
	return nil
}

// signer returns the name and key hash of a signature line, "— name base64".
func signer(line string) (string, error) {
	rest, dash := strings.CutPrefix(line, "— ")
	name, b64, ok := strings.Cut(rest, " ")
	raw, err := base64.StdEncoding.Strict().DecodeString(b64)
	if !dash || !ok || err != nil || len(raw) < 5 || len(name) > MaxName || strings.ContainsAny(b64, "\r\n") {
		return "", fmt.Errorf("a signature line that is not one: %w", fault.Invalid)
	}
	return name + " " + string(raw[:4]), nil
}

// parse reads the three lines of a checkpoint, in the one way to write them. Our
// log writes no extension lines.
func parse(text, origin string) (Tree, error) {
	var c log.Checkpoint
	if _, err := c.Unmarshal([]byte(text)); err != nil || len(c.Hash) != 32 || string(c.Marshal()) != text {
		return Tree{}, fmt.Errorf("parsing checkpoint: not origin, size and root: %w", fault.Invalid)
	}
	if c.Origin != origin {
		return Tree{}, fmt.Errorf("parsing checkpoint: of another log than %s: %w", origin, fault.Tampered)
	}
	tree := Tree{Size: c.Size, Root: [32]byte(c.Hash)}
	if tree.Size == 0 && tree.Root != Empty().Root {
		return Tree{}, fmt.Errorf("parsing checkpoint: the root of no leaves is another: %w", fault.Invalid)
	}
	return tree, nil
}

// year10000 in seconds: no cosignature is from then.
const year10000 = 253402300800

// stamp returns the time of a cosignature: 4 bytes of key hash, 8 of seconds.
func stamp(s note.Signature) (time.Time, error) {
	raw, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(raw) < 12 {
		return time.Time{}, fmt.Errorf("no timestamp: %w", fault.Invalid)
	}
	sec := binary.BigEndian.Uint64(raw[4:])
	if sec == 0 || sec >= year10000 {
		return time.Time{}, fmt.Errorf("a timestamp of %d s: %w", sec, fault.Invalid)
	}
	return time.Unix(int64(sec), 0).UTC(), nil
}

// Included reports whether leaf stands at index in tree, by an inclusion proof
// (hashes of 32 bytes, from the leaf up). Tampered if not.
func Included(tree Tree, leaf []byte, index uint64, hashes [][]byte) error {
	if err := sized(hashes); err != nil {
		return err
	}
	h := rfc6962.DefaultHasher
	if err := proof.VerifyInclusion(h, index, tree.Size, h.HashLeaf(leaf), hashes, tree.Root[:]); err != nil {
		// The library prints hashes of leaves, which may be commitments.
		return fmt.Errorf("checking the proof of leaf %d of %d: %w", index, tree.Size, fault.Tampered)
	}
	return nil
}

// Extends reports whether later is earlier with leaves added, by a consistency
// proof between the two. Tampered if not, or if it is smaller.
func Extends(earlier, later Tree, hashes [][]byte) error {
	if err := sized(hashes); err != nil {
		return err
	}
	if earlier.Size == 0 && earlier.Root != Empty().Root {
		return fmt.Errorf("checking consistency: the root of no leaves is another: %w", fault.Tampered)
	}
	err := proof.VerifyConsistency(rfc6962.DefaultHasher, earlier.Size, later.Size, hashes, earlier.Root[:], later.Root[:])
	if err != nil {
		return fmt.Errorf("checking consistency of %d leaves with %d: %w", later.Size, earlier.Size, fault.Tampered)
	}
	return nil
}

func sized(hashes [][]byte) error {
	if len(hashes) > MaxProof {
		return fmt.Errorf("a proof of %d hashes: %w", len(hashes), fault.Invalid)
	}
	for _, h := range hashes {
		if len(h) != 32 {
			return fmt.Errorf("a proof with a hash of %d bytes: %w", len(h), fault.Invalid)
		}
	}
	return nil
}

// Signer returns what signs checkpoints of the log named origin with key.
func Signer(origin string, key ed25519.PrivateKey) (note.Signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("reading the key of %s: %d bytes: %w", origin, len(key), fault.Invalid)
	}
	pub, _ := key.Public().(ed25519.PublicKey) // an Ed25519 key's always is one
	v, err := verifier(origin, pub)
	if err != nil {
		return nil, err
	}
	return signing{v, key}, nil
}

type signing struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s signing) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// Join adds the lines that witnesses returned to the checkpoint that they
// cosigned. It checks their form, not what they sign: Verify does.
func Join(checkpoint []byte, lines ...[]byte) ([]byte, error) {
	for _, l := range lines { // more than one of a witness's own would void the others'
		if len(l) == 0 || bytes.IndexByte(l, '\n') != len(l)-1 {
			return nil, fmt.Errorf("joining cosignatures: not one line: %w", fault.Invalid)
		}
	}
	all := bytes.Join(append([][]byte{checkpoint}, lines...), nil)
	if err := strict(all); err != nil {
		return nil, fmt.Errorf("joining cosignatures: %w", err)
	}
	return all, nil
}
