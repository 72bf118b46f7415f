package prio

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// Every message begins with four bytes: "YP", a letter for its kind, and the
// version of this encoding. Numbers are big-endian, of the bytes in brackets; a
// text has its length before it [1], and so has a letter [4]. Digests have 32
// bytes, roles are 1 (leader) and 2 (helper). In full:
//
//	T task    kind[1] length[8] bits[8] max[8] offset[8] chunk[8] min-batch[8]
//	          max-batch[8] round[8] not-before[8] not-after[8] precision[8]
//	          permit-digest run-text, (name-text key-text box-text) of the leader
//	          and of the helper, collector-text
//	K part    task role-of-sender[1] letter(part[32])                      signed
//	R report  task number[16] time[8] public-share letter(leader's input share)
//	          letter(helper's input share)
//	A answers task role-of-sender[1] list[4] reports[4], and for each report:
//	          tag reason[1], and if the reason is 0: prep share            signed
//	C claim   task role-of-sender[1] lists[4] accepted[4] set reasons(9 of [4])
//	                                                                       signed
//	S share   as C, letter(aggregate share)                                signed
//
// A signed message ends in the sender's signature over "yunei prio message v1\n"
// and all before it, and the signature's length [2]. Public shares, input shares,
// prep shares and aggregate shares are the VDAF's, of the lengths that follow
// from the task. testdata/messages.json has one of each.
const version = 1

const (
	taskMark   = 'T'
	keyMark    = 'K'
	reportMark = 'R'
	answerMark = 'A'
	claimMark  = 'C'
	shareMark  = 'S'
	markSize   = 4
)

func begin(mark byte) []byte { return []byte{'Y', 'P', mark, version} }

// digest is the suite's digest, raw.
func digest(b []byte) [32]byte {
	var d [32]byte
	if n, err := hex.Decode(d[:], []byte(suite.DigestOf(b).Hex())); err != nil || n != len(d) {
		panic("prio: a digest of the suite is not 32 bytes")
	}
	return d
}

// A reader takes a message apart. It gives out parts of the message itself, and
// so allocates nothing, whatever a length in the message says. After a first
// part that is not there it gives only zeros.
type reader struct {
	b   []byte
	bad bool
}

// read begins to take apart a message of a kind.
func read(mark byte, b []byte) *reader {
	r := &reader{b: b}
	if string(r.take(markSize)) != string(begin(mark)) {
		r.bad = true
	}
	return r
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	part := r.b[:n:n]
	r.b = r.b[n:]
	return part
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) hash() (h [32]byte) {
	copy(h[:], r.take(len(h)))
	return h
}

func (r *reader) text() string { return string(r.take(int(r.u8()))) }

// letter takes a sealed letter that holds plain bytes: what the sealing adds is
// the suite's, and at most maxSeal.
func (r *reader) letter(plain int) []byte {
	n := r.u32()
	if int64(n) > int64(plain)+maxSeal {
		r.bad = true
	}
	return r.take(int(n))
}

// done reports an error of kind Invalid unless all of the message has been
// taken, and nothing that was not there.
func (r *reader) done(what string) error {
	if r.bad || len(r.b) != 0 {
		return fmt.Errorf("reading %s: not of its form: %w", what, fault.Invalid)
	}
	return nil
}

// maxSeal bounds what sealing adds to a letter, and maxSign a signature.
const (
	maxSeal = 2048
	maxSign = 4096
)

// appendText appends a name or a key, which are shorter than 256 bytes.
func appendText(b []byte, s string) []byte {
	return append(append(b, byte(len(s))), s...) //nolint:gosec // see above
}

func appendLetter(b, letter []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(letter))), letter...) //nolint:gosec // a letter is at most MaxElements elements long
}

const signed = "yunei prio message v1\n"

// sign appends the sender's signature over body, and its length in two bytes.
func sign(key suite.PrivateKey, body []byte) ([]byte, error) {
	sig, err := key.Sign(append([]byte(signed), body...))
	if err != nil {
		return nil, err
	}
	if len(sig) > maxSign {
		return nil, fmt.Errorf("signing: a signature of %d bytes: %w", len(sig), fault.Internal)
	}
	return binary.BigEndian.AppendUint16(append(body, sig...), uint16(len(sig))), nil //nolint:gosec // at most maxSign
}

// split parts a signed message from its signature, which it does not check.
func split(b []byte) (body, sig []byte, err error) {
	if len(b) < 2 {
		return nil, nil, fmt.Errorf("reading a signature: %w", fault.Invalid)
	}
	n := int(binary.BigEndian.Uint16(b[len(b)-2:]))
	if n > maxSign || n > len(b)-2 {
		return nil, nil, fmt.Errorf("reading a signature: %w", fault.Invalid)
	}
	at := len(b) - 2 - n
	return b[:at], b[at : at+n], nil
}

// verify returns the body of a message that key has signed.
func verify(key suite.PublicKey, b []byte) ([]byte, error) {
	body, sig, err := split(b)
	if err != nil {
		return nil, err
	}
	if err := key.Verify(append([]byte(signed), body...), sig); err != nil {
		return nil, err
	}
	return body, nil
}
