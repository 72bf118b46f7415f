// Package enclave seals partials, adds them, and opens what a gate lets out.
// A sealed partial is a list of threshold BGV ciphertexts (enclave/he), by
// plaintext modulus and chunk; a Sum is what adding exactly the lists of a
// confirmed set gives, so that two parties that add the same lists hold the
// same bytes. Open is the only way to a plaintext, and it returns what the
// gate returned and nothing else. Vouch and Vouched are the two ends of what
// attests the gate's key of a round (enclave/attest).
//
// A list is twelve times as large as the vector, 96 bytes a cell, so that
// nobody holds one: every step here works on one ciphertext at a time. Sums,
// answers and what both make lie in a storage/spool, of which memory has the
// key and the digests.
//
// Who may be added, and who has agreed to it, is told by jobs/msg; this
// package checks that bytes are those that were named.
package enclave

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/spool"
	"github.com/yunei/yunei/suite"
)

// A Fetch gets bytes by digest, checked, and at most limit of them.
type Fetch func(ctx context.Context, d suite.Digest, limit int) ([]byte, error)

// Seal encrypts a vector under a round's collective key, and gives to the
// ciphertexts one by one.
func Seal(key []byte, values []int64, to he.Sink) error { return he.Encrypt(key, values, to) }

// blocks are a spool's.
type blocks interface {
	Append(b []byte) error
	Read(i int) ([]byte, error)
	Len() int
	Close() error
}

// A list is ciphertexts in a spool, in the order of moduli and then chunks.
type list struct {
	spool blocks
	parts msg.Parts
	slots int
}

func newList(dir string, slots int) (list, error) {
	s, err := spool.New(dir)
	if err != nil {
		return list{}, err
	}
	return list{s, make(msg.Parts, he.Moduli), slots}, nil
}

// keep is a he.Sink.
func (l *list) keep(m, _ int, b []byte) error {
	if err := l.spool.Append(b); err != nil {
		return err
	}
	l.parts[m] = append(l.parts[m], suite.DigestOf(b))
	return nil
}

// at is a he.Source.
func (l *list) at(m, c int) ([]byte, error) { return l.spool.Read(m*he.Chunks(l.slots) + c) }

// Parts names the ciphertexts.
func (l *list) Parts() msg.Parts { return l.parts }

// Each gives the ciphertexts to f, one at a time and in order.
func (l *list) Each(f func(b []byte) error) error {
	for i := range l.spool.Len() {
		b, err := l.spool.Read(i)
		if err != nil {
			return err
		}
		if err := f(b); err != nil {
			return err
		}
	}
	return nil
}

// Close drops the ciphertexts. Their names stay.
func (l *list) Close() {
	_ = l.spool.Close() // nothing to keep
}

// A Sum is the sealed aggregate of every member's partial.
type Sum struct{ list }

// Add adds the members' lists of ciphertexts, fetching one ciphertext at a
// time, and keeps the sum in a file without a name in the folder dir. Each list
// must be whole: two moduli, and the chunks that slots need. The caller closes
// the Sum.
func Add(ctx context.Context, fetch Fetch, members []msg.Parts, slots int, dir string) (*Sum, error) {
	if len(members) == 0 || slots < 1 || slots > he.MaxSlots {
		return nil, fmt.Errorf("adding partials: %d lists of %d slots: %w", len(members), slots, fault.Invalid)
	}
	for _, l := range members {
		if !whole(l, slots) {
			return nil, fmt.Errorf("adding partials: a list is not whole: %w", fault.Tampered)
		}
	}
	l, err := filled(dir, slots, func(m, c int) ([]byte, error) {
		var adder he.Adder
		for _, one := range members {
			ct, err := fetch(ctx, one[m][c], he.CiphertextSize)
			if err != nil {
				return nil, err
			}
			if err := adder.Add(ct); err != nil {
				return nil, err
			}
		}
		return adder.Sum()
	})
	if err != nil {
		return nil, fmt.Errorf("adding partials: %w", err)
	}
	return &Sum{l}, nil
}

func whole(l msg.Parts, slots int) bool {
	if len(l) != he.Moduli {
		return false
	}
	for _, chunks := range l {
		if len(chunks) != he.Chunks(slots) {
			return false
		}
	}
	return true
}

// filled is a list of what one makes for each modulus and chunk.
func filled(dir string, slots int, one he.Source) (list, error) {
	l, err := newList(dir, slots)
	if err != nil {
		return l, err
	}
	for m := range he.Moduli {
		for c := range he.Chunks(slots) {
			b, err := one(m, c)
			if err == nil {
				err = l.keep(m, c, b)
			}
			if err != nil {
				l.Close()
				return list{}, fmt.Errorf("modulus %d, chunk %d: %w", m, c, err)
			}
		}
	}
	return l, nil
}

// An Answer is what one member of the committee says to a sum, all of it before
// any of it is shown.
type Answer struct{ list }

// Reply has a member answer a sum toward the gate's key, once and for ever
// (he.Member.Answer), and keeps the answer in the folder dir. The caller closes
// the Answer.
func Reply(member *he.Member, active []int, receiver []byte, sum *Sum, dir string) (*Answer, error) {
	l, err := newList(dir, sum.slots)
	if err != nil {
		return nil, err
	}
	if err := member.Answer(active, receiver, he.Chunks(sum.slots), sum.at, l.keep); err != nil {
		l.Close()
		return nil, err
	}
	return &Answer{l}, nil
}

// Answers are the trustees' answers: their points, rising, and the ciphertexts
// of each in that order.
type Answers struct {
	Active []int
	Parts  []msg.Parts
}

// A Switched is a sum under the gate's key.
type Switched struct{ list }

// Switch fetches the answers of all active members to a sum, one ciphertext of
// each at a time, and keeps what they make of it in the folder dir. An answer
// that is none is Tampered. The caller closes the Switched.
func Switch(ctx context.Context, fetch Fetch, sum *Sum, answers Answers, dir string) (*Switched, error) {
	if len(answers.Active) < 2 || len(answers.Active) != len(answers.Parts) || !rising(answers.Active) {
		return nil, fmt.Errorf("switching: %d answers of %v: %w", len(answers.Parts), answers.Active, fault.Invalid)
	}
	for _, l := range answers.Parts {
		if !whole(l, sum.slots) {
			return nil, fmt.Errorf("switching: an answer is not whole: %w", fault.Tampered)
		}
	}
	l, err := filled(dir, sum.slots, func(m, c int) ([]byte, error) {
		ct, err := sum.at(m, c)
		if err != nil {
			return nil, err
		}
		shares := make([][]byte, len(answers.Parts))
		for i, l := range answers.Parts {
			if shares[i], err = fetch(ctx, l[m][c], he.ShareSize); err != nil {
				return nil, err
			}
		}
		b, err := he.Switch(ct, shares...)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", err, fault.Tampered)
		}
		return b, nil
	})
	if err != nil {
		return nil, fmt.Errorf("switching: %w", err)
	}
	return &Switched{l}, nil
}

func rising(points []int) bool {
	for i, p := range points {
		if i > 0 && p <= points[i-1] {
			return false
		}
	}
	return true
}

// A Gate looks at an opened vector and returns the candidate that may go on
// to people, with the record of its checks, each in its one spelling. An error
// means that nothing may.
type Gate func(ctx context.Context, opened []int64) (candidate, record []byte, err error)

// An Opener holds the gate's key of one round, in memory only.
type Opener struct{ receiver *he.Receiver }

// NewOpener draws a key for one round.
func NewOpener() (*Opener, error) {
	r, err := he.NewReceiver()
	if err != nil {
		return nil, fmt.Errorf("drawing the gate's key: %w", err)
	}
	return &Opener{r}, nil
}

// PublicKey is what trustees switch a sum to.
func (o *Opener) PublicKey() []byte { return o.receiver.PublicKey() }

// Open opens a sum, shows the vector to the gate, and returns only what the gate
// returned. It is the only way out: the vector leaves Open's stack by no path.
// An Opener opens once.
func (o *Opener) Open(ctx context.Context, switched *Switched, gate Gate) (candidate, record []byte, err error) {
	if gate == nil {
		return nil, nil, errors.New("opening: no gate")
	}
	opened, err := o.receiver.Open(switched.at, switched.slots, math.MaxInt64/2)
	if err != nil {
		return nil, nil, fmt.Errorf("opening: %w", err)
	}
	defer clear(opened)
	defer o.receiver.Erase()
	return gate(ctx, opened)
}

// Erase drops the key.
func (o *Opener) Erase() { o.receiver.Erase() }
