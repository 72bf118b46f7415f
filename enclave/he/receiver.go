package he

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"

	"github.com/yunei/yunei/fault"
)

// A Receiver is the gate's key for one run: it opens one sum, and is then
// empty. Its secret is in memory and nowhere else, and no verb of fmt prints
// it. The zero value opens nothing. It may be used by several goroutines.
type Receiver struct {
	mu     sync.Mutex
	public []byte
	secret poly
	ready  bool
}

// NewReceiver draws a key pair.
func NewReceiver() (*Receiver, error) {
	var seed [SeedSize]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("drawing a receiver's key: %w", err)
	}
	r := &Receiver{ready: true}
	err := door("drawing a receiver's key", func() error {
		a, err := commonPoly(seed)
		if err != nil {
			return err
		}
		r.secret = newSecret()
		r.public = append(seed[:], encode(keyShare(r.secret, a))...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// PublicKey returns the key that members answer toward, PublicKeySize bytes.
func (r *Receiver) PublicKey() []byte { return slices.Clone(r.public) }

// Open returns the values of a sum, slots of them, from the answers of exactly
// the members of active, by their points. bound is the largest size that a
// value can have. What opens outside [-bound, bound], or is not 0 past the last
// slot, is refused with fault.Tampered: a share or a ciphertext was wrong, the
// active set was, or a site sent what no site may.
//
// Arguments that are not well-formed are refused with fault.Invalid and leave
// the receiver as it was. Otherwise Open spends it, and a second call is
// refused with fault.Conflict.
func (r *Receiver) Open(sum [][][]byte, shares map[int][][][]byte, active []int, slots int, bound int64) ([]int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ready {
		return nil, fmt.Errorf("opening: no key, or no longer: %w", fault.Conflict)
	}
	if err := openable(sum, shares, active, slots, bound); err != nil {
		return nil, fmt.Errorf("opening: %w", err)
	}
	defer r.erase()
	var values []int64
	err := door("opening", func() error {
		var err error
		values, err = r.open(sum, shares, slots, bound)
		return err
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// openable says whether the arguments of Open fit each other and are
// well-formed to the last coefficient.
func openable(sum [][][]byte, shares map[int][][][]byte, active []int, slots int, bound int64) error {
	if slots < 1 || slots > MaxSlots || bound < 0 {
		return fmt.Errorf("%d slots, bound %d: %w", slots, bound, fault.Invalid)
	}
	if err := wellFormed(sum, slots); err != nil {
		return fmt.Errorf("sum: %w", err)
	}
	if len(active) < 2 || len(active) != len(shares) {
		return fmt.Errorf("%d answers of %d: %w", len(shares), len(active), fault.Invalid)
	}
	if err := rising(active); err != nil {
		return fmt.Errorf("active set: %w", err)
	}
	for _, a := range active {
		if err := wellFormed(shares[a], slots); err != nil {
			return fmt.Errorf("answer of %d: %w", a, err)
		}
	}
	return nil
}

// wellFormed says whether list is one of well-formed ciphertexts (or shares,
// which have their shape) for this many slots.
func wellFormed(list [][][]byte, slots int) error {
	n, err := chunksOf(list)
	if err != nil {
		return err
	}
	if n != Chunks(slots) {
		return fmt.Errorf("%d chunks for %d slots: %w", n, slots, fault.Invalid)
	}
	for m, chunks := range list {
		for c, ct := range chunks {
			if err := check(ct, 2); err != nil {
				return fmt.Errorf("modulus %d, chunk %d: %w", m, c, err)
			}
		}
	}
	return nil
}

// open decrypts, joins the two moduli, and holds every value to the bound.
func (r *Receiver) open(sum [][][]byte, shares map[int][][][]byte, slots int, bound int64) ([]int64, error) {
	openers := [Moduli]opener{newOpener(0, r.secret), newOpener(1, r.secret)}
	values := make([]int64, 0, slots)
	for c := range Chunks(slots) {
		var rows [Moduli][]uint64
		for m := range Moduli {
			b, a, err := switched(sum[m][c], shares, m, c)
			if err != nil {
				return nil, err
			}
			if rows[m], err = openers[m].open(b, a); err != nil {
				return nil, err
			}
		}
		for i := range Slots {
			limit := bound
			if len(values) == slots {
				limit = 0 // past the last slot
			}
			v, ok := join(rows[0][i], rows[1][i], limit)
			if !ok {
				return nil, fmt.Errorf("chunk %d does not open within its bounds: %w", c, fault.Tampered)
			}
			if len(values) < slots {
				values = append(values, v)
			}
		}
	}
	return values, nil
}

// switched returns the ciphertext under the receiver's key that the answers
// make of one of the sum.
func switched(sum []byte, shares map[int][][][]byte, m, c int) (b, a poly, err error) {
	b, a = newPoly(), newPoly()
	if err := decode(sum, b, a); err != nil {
		return b, a, err
	}
	a.Zero() // was for the collective key; the shares bring the receiver's
	for _, share := range shares {
		sb, sa := newPoly(), newPoly()
		if err := decode(share[m][c], sb, sa); err != nil {
			return b, a, err
		}
		addTo(b, sb)
		addTo(a, sa)
	}
	return b, a, nil
}

// Erase forgets the secret. Nothing can be opened afterwards.
func (r *Receiver) Erase() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.erase()
}

func (r *Receiver) erase() {
	r.ready = false
	r.secret.Zero()
	r.secret = poly{}
}

// Format prints no more than what a Receiver is, for every verb.
func (r *Receiver) Format(f fmt.State, _ rune) { fmt.Fprint(f, "he.Receiver") }
