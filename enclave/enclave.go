// Package enclave seals partials, adds them, and opens what a gate lets out.
// A sealed partial is a list of threshold BGV ciphertexts (enclave/he), by
// plaintext modulus and chunk; a Sum is what adding exactly the lists of a
// confirmed set gives, so that two parties that add the same lists hold the
// same bytes. Open is the only way to a plaintext, and it returns what the
// gate returned and nothing else. Vouch and Vouched are the two ends of what
// attests the gate's key of a round (enclave/attest).
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
	"github.com/yunei/yunei/suite"
)

// A Fetch gets bytes by digest, checked, and at most limit of them.
type Fetch func(ctx context.Context, d suite.Digest, limit int) ([]byte, error)

// A Sum is the sealed aggregate of every member's partial.
type Sum struct {
	parts [][][]byte
	slots int
}

// Seal encrypts a vector under a round's collective key, and returns the
// ciphertexts by modulus and chunk.
func Seal(key []byte, values []int64) ([][][]byte, error) { return he.Encrypt(key, values) }

// Digests names ciphertexts, or answers, by digest.
func Digests(parts [][][]byte) msg.Parts {
	named := make(msg.Parts, len(parts))
	for m, chunks := range parts {
		for _, b := range chunks {
			named[m] = append(named[m], suite.DigestOf(b))
		}
	}
	return named
}

// Add adds the members' lists of ciphertexts, fetching one ciphertext at a
// time. Each list must be whole: two moduli, and the chunks that slots need.
func Add(ctx context.Context, fetch Fetch, members []msg.Parts, slots int) (Sum, error) {
	if len(members) == 0 || slots < 1 || slots > he.MaxSlots {
		return Sum{}, fmt.Errorf("adding partials: %d lists of %d slots: %w", len(members), slots, fault.Invalid)
	}
	sum := Sum{make([][][]byte, he.Moduli), slots}
	for m := range sum.parts {
		for c := range he.Chunks(slots) {
			ct, err := addOne(ctx, fetch, members, m, c, he.Chunks(slots))
			if err != nil {
				return Sum{}, fmt.Errorf("adding partials: modulus %d, chunk %d: %w", m, c, err)
			}
			sum.parts[m] = append(sum.parts[m], ct)
		}
	}
	return sum, nil
}

func addOne(ctx context.Context, fetch Fetch, members []msg.Parts, m, c, chunks int) ([]byte, error) {
	var adder he.Adder
	for _, list := range members {
		if len(list) != he.Moduli || len(list[m]) != chunks {
			return nil, fmt.Errorf("a list is not whole: %w", fault.Tampered)
		}
		ct, err := fetch(ctx, list[m][c], he.CiphertextSize)
		if err != nil {
			return nil, err
		}
		if err := adder.Add(ct); err != nil {
			return nil, err
		}
	}
	return adder.Sum()
}

// Parts names the sum's ciphertexts.
func (s Sum) Parts() msg.Parts { return Digests(s.parts) }

// Ciphertexts are the sum's, by modulus and chunk.
func (s Sum) Ciphertexts() [][][]byte { return s.parts }

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

// Answers are the trustees' answers by point, and the points in the order in
// which all of them answered.
type Answers struct {
	Active []int
	Shares map[int][][][]byte
}

// Open opens sum with the trustees' answers, shows the vector to the gate, and
// returns only what the gate returned. It is the only way out: the vector
// leaves Open's stack by no path. An Opener opens once.
func (o *Opener) Open(ctx context.Context, sum Sum, answers Answers, gate Gate) (candidate, record []byte, err error) {
	if gate == nil {
		return nil, nil, errors.New("opening: no gate")
	}
	opened, err := o.receiver.Open(sum.parts, answers.Shares, answers.Active, sum.slots, math.MaxInt64/2)
	if err != nil {
		return nil, nil, fmt.Errorf("opening: %w", err)
	}
	defer clear(opened)
	defer o.receiver.Erase()
	return gate(ctx, opened)
}

// Erase drops the key.
func (o *Opener) Erase() { o.receiver.Erase() }
