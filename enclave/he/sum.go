package he

import (
	"encoding/binary"
	"fmt"

	"github.com/yunei/yunei/fault"
)

// PublicKey returns the collective key of a committee, from the CKG shares of
// all its members under the common reference string crs. It adds; that members
// committed to their shares before any was shown is for the caller to see to.
func PublicKey(crs [SeedSize]byte, shares [][]byte) ([]byte, error) {
	if crs == [SeedSize]byte{} {
		return nil, fmt.Errorf("making the collective key: no reference string: %w", fault.Invalid)
	}
	if len(shares) < 2 || len(shares) > MaxMembers {
		return nil, fmt.Errorf("making the collective key: %d shares: %w", len(shares), fault.Invalid)
	}
	var sum Adder
	for i, s := range shares {
		if err := sum.add(s, 1); err != nil {
			return nil, fmt.Errorf("making the collective key: share %d: %w", i, err)
		}
	}
	return append(crs[:], sum.sum...), nil
}

// Encrypt encrypts values, any int64 and at most MaxSlots of them, under a
// public key. The result is by modulus and chunk; each is CiphertextSize bytes.
func Encrypt(key []byte, values []int64) ([][][]byte, error) {
	if len(values) < 1 || len(values) > MaxSlots {
		return nil, fmt.Errorf("encrypting %d values, not 1 to %d: %w", len(values), MaxSlots, fault.Invalid)
	}
	out := make([][][]byte, Moduli)
	err := door("encrypting", func() error {
		pk, err := decodePublicKey(key)
		if err != nil {
			return err
		}
		for m := range out {
			if out[m], err = sealAll(newSealer(m, pk), values, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// sealAll encrypts values modulo plaintext prime m, chunk by chunk.
func sealAll(s sealer, values []int64, m int) ([][]byte, error) {
	chunks := make([][]byte, 0, Chunks(len(values)))
	row := make([]uint64, 0, Slots)
	defer func() { clear(row[:cap(row)]) }()
	for len(values) > 0 {
		n := min(Slots, len(values))
		row = row[:0]
		for _, v := range values[:n] {
			row = append(row, residues(v)[m])
		}
		values = values[n:]
		b, a, err := s.seal(row)
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, encode(b, a))
	}
	return chunks, nil
}

// An Adder adds ciphertexts of one modulus and chunk as they come, and keeps
// one. Its zero value is ready, and is the sum of none. Two orders of the same
// ciphertexts give the same bytes, so whoever holds them can recompute a sum.
type Adder struct {
	sum []byte
	n   int
}

// Add adds one ciphertext. After an error the sum is as before.
func (a *Adder) Add(ct []byte) error {
	if err := a.add(ct, 2); err != nil {
		return fmt.Errorf("adding ciphertext %d: %w", a.n, err)
	}
	return nil
}

// add adds an encoding of the given number of polynomials.
func (a *Adder) add(b []byte, polys int) error {
	if err := check(b, polys); err != nil {
		return err
	}
	if a.n++; a.n == 1 {
		a.sum = append([]byte(nil), b...)
		return nil
	}
	for k := range polys * len(primes) {
		q := primes[k%len(primes)]
		for i := k * Slots * 8; i < (k+1)*Slots*8; i += 8 {
			s := binary.LittleEndian.Uint64(a.sum[i:]) + binary.LittleEndian.Uint64(b[i:])
			if s >= q {
				s -= q
			}
			binary.LittleEndian.PutUint64(a.sum[i:], s)
		}
	}
	return nil
}

// N returns how many ciphertexts were added.
func (a *Adder) N() int { return a.n }

// Sum returns the sum so far, of CiphertextSize bytes. There is no sum of none.
func (a *Adder) Sum() ([]byte, error) {
	if a.n == 0 {
		return nil, fmt.Errorf("summing: nothing was added: %w", fault.Invalid)
	}
	return append([]byte(nil), a.sum...), nil
}

// Add returns the sum of ciphertexts of one modulus and chunk.
func Add(cts ...[]byte) ([]byte, error) {
	var a Adder
	for _, ct := range cts {
		if err := a.Add(ct); err != nil {
			return nil, err
		}
	}
	return a.Sum()
}
