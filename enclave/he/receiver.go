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

// Open returns the values of a sum, slots of them, from the list that Switch has
// made of it and of the answers of exactly the active members. bound is the
// largest size that a value can have. What opens outside [-bound, bound], or is
// not 0 past the last slot, is refused with fault.Tampered: a share or a
// ciphertext was wrong, the active set was, or a site sent what no site may. It
// holds the values, and one chunk of the list.
//
// Slots or a bound that there cannot be are refused with fault.Invalid and leave
// the receiver as it was. Otherwise Open spends it, whatever comes of it, and a
// second call is refused with fault.Conflict.
func (r *Receiver) Open(switched Source, slots int, bound int64) ([]int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ready {
		return nil, fmt.Errorf("opening: no key, or no longer: %w", fault.Conflict)
	}
	if slots < 1 || slots > MaxSlots || bound < 0 {
		return nil, fmt.Errorf("opening: %d slots, bound %d: %w", slots, bound, fault.Invalid)
	}
	defer r.erase()
	var openers [Moduli]opener
	err := door("opening", func() error {
		for m := range openers {
			openers[m] = newOpener(m, r.secret)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	values := make([]int64, slots)
	for c := range Chunks(slots) {
		if err := openChunk(openers, switched, c, values[c*Slots:min(slots, (c+1)*Slots)], bound); err != nil {
			clear(values)
			return nil, fmt.Errorf("opening: chunk %d: %w", c, err)
		}
	}
	return values, nil
}

// openChunk decrypts a chunk into values, joins the two moduli, and holds every
// value to the bound.
func openChunk(openers [Moduli]opener, switched Source, c int, values []int64, bound int64) error {
	var rows [Moduli][]uint64
	for m := range Moduli {
		ct, err := switched(m, c)
		if err != nil {
			return err
		}
		b, a := newPoly(), newPoly()
		if err := decode(ct, b, a); err != nil {
			return err
		}
		err = door("decrypting", func() (err error) {
			rows[m], err = openers[m].open(b, a)
			return err
		})
		if err != nil {
			return err
		}
	}
	for i := range Slots {
		limit := bound
		if i >= len(values) {
			limit = 0 // past the last slot
		}
		v, ok := join(rows[0][i], rows[1][i], limit)
		if !ok {
			return fmt.Errorf("it does not open within its bounds: %w", fault.Tampered)
		}
		if i < len(values) {
			values[i] = v
		}
	}
	return nil
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
