package prio

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// A Key is the verify key of a task: the two aggregators have it, and no client
// may, for who knows it can make a proof of anything. It does not print.
type Key [32]byte

// Format hides the key from every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, "verify key") }

// A Part is what one aggregator gives to the key. It does not print.
type Part [32]byte

// Format hides the part from every verb of fmt.
func (Part) Format(f fmt.State, _ rune) { fmt.Fprint(f, "part of a verify key") }

// DrawPart draws a part.
func DrawPart(random io.Reader) (Part, error) {
	var p Part
	if _, err := io.ReadFull(random, p[:]); err != nil {
		return Part{}, fmt.Errorf("drawing a part of a verify key: %w", err)
	}
	return p, nil
}

// JoinKey makes the key of a task of both parts. No client can guess it if one
// part was drawn well; the one who sees the other's part first may steer it,
// which gives it nothing: an aggregator can let any report in anyway, and no key
// makes a report tell more.
func JoinKey(t Task, leader, helper Part) (Key, error) {
	if err := t.check(); err != nil {
		return Key{}, fmt.Errorf("joining a verify key: %w", err)
	}
	if leader == (Part{}) || helper == (Part{}) || leader == helper {
		return Key{}, fmt.Errorf("joining a verify key: a part is missing, or came back: %w", fault.Invalid)
	}
	text := append(append([]byte("yunei prio key v1\n"), t.id[:]...), helper[:]...)
	mac := string(suite.Commit(suite.Salt(leader), text))
	raw, err := hex.DecodeString(mac[strings.IndexByte(mac, ':')+1:])
	if err != nil || len(raw) != len(Key{}) {
		return Key{}, fmt.Errorf("joining a verify key: the suite's code is of another size: %w", fault.Internal)
	}
	return Key(raw), nil
}

// SealPart is the message that brings a part to the other aggregator.
func SealPart(t Task, from Role, key suite.PrivateKey, p Part) ([]byte, error) {
	if err := t.may(from, key); err != nil {
		return nil, fmt.Errorf("sealing a part of a verify key: %w", err)
	}
	letter, err := t.agent(from.other()).Box.Seal(t.keyInfo(from), p[:])
	if err != nil {
		return nil, fmt.Errorf("sealing a part of a verify key: %w", err)
	}
	b := append(append(begin(keyMark), t.id[:]...), byte(from))
	return sign(key, appendLetter(b, letter))
}

// OpenPart reads what SealPart wrote for the aggregator whose box it is.
func OpenPart(t Task, from Role, box suite.Box, b []byte) (Part, error) {
	if err := t.check(); err != nil || !from.ok() {
		return Part{}, fmt.Errorf("reading a part of a verify key: %w", fault.Denied)
	}
	body, err := verify(t.agent(from).Key, b)
	if err != nil {
		return Part{}, fmt.Errorf("reading a part of a verify key: %w", err)
	}
	letter, err := parsePart(t, from, body)
	if err != nil {
		return Part{}, err
	}
	plain, err := box.Open(t.keyInfo(from), letter)
	if err != nil || len(plain) != len(Part{}) {
		return Part{}, fmt.Errorf("reading a part of a verify key: %w", fault.Tampered)
	}
	return Part(plain), nil
}

func parsePart(t Task, from Role, body []byte) (letter []byte, err error) {
	r := read(keyMark, body)
	if id := r.hash(); id != t.id || Role(r.u8()) != from {
		return nil, fmt.Errorf("reading a part of a verify key: of another task or sender: %w", fault.Tampered)
	}
	letter = r.letter(len(Part{}))
	return letter, r.done("a part of a verify key")
}

func (t Task) keyInfo(from Role) string {
	return fmt.Sprintf("yunei prio key v1 %s from %s", t.id, from)
}

// may reports an error of kind Denied unless key is that of the role.
func (t Task) may(r Role, key suite.PrivateKey) error {
	if err := t.check(); err != nil {
		return err
	}
	if !r.ok() || key.Public() != t.agent(r).Key {
		return fmt.Errorf("the key is not the one that the task names: %w", fault.Denied)
	}
	return nil
}
