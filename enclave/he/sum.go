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
// public key, and gives to the ciphertexts, each of CiphertextSize bytes. It
// holds one at a time.
func Encrypt(key []byte, values []int64, to Sink) error {
	if len(values) < 1 || len(values) > MaxSlots {
		return fmt.Errorf("encrypting %d values, not 1 to %d: %w", len(values), MaxSlots, fault.Invalid)
	}
	var sealers [Moduli]sealer
	err := door("encrypting", func() error {
		pk, err := decodePublicKey(key)
		if err != nil {
			return err
		}
		for m := range sealers {
			if sealers[m], err = newSealer(m, pk); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	out, row := make([]byte, 0, CiphertextSize), make([]uint64, Slots)
	defer clear(row)
	return each(Chunks(len(values)), func(m, c int) error {
		of := values[c*Slots : min(len(values), (c+1)*Slots)]
		for i, v := range of {
			row[i] = residue(v, plain[m])
		}
		err := door("encrypting", func() error {
			b, a, err := sealers[m].seal(row[:len(of)])
			if err != nil {
				return err
			}
			out = appendTo(out[:0], b, a)
			return nil
		})
		if err != nil {
			return err
		}
		return to(m, c, out)
	})
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
		addRow(a.sum[k*Slots*8:(k+1)*Slots*8], b[k*Slots*8:(k+1)*Slots*8], primes[k%len(primes)])
	}
	return nil
}

// addRow adds row to sum, word by word modulo q.
func addRow(sum, row []byte, q uint64) {
	for ; len(sum) >= 16 && len(row) >= 16; sum, row = sum[16:], row[16:] { // of Slots words
		d0 := binary.LittleEndian.Uint64(sum) + binary.LittleEndian.Uint64(row) - q
		d1 := binary.LittleEndian.Uint64(sum[8:]) + binary.LittleEndian.Uint64(row[8:]) - q
		binary.LittleEndian.PutUint64(sum, d0+q&-(d0>>63))
		binary.LittleEndian.PutUint64(sum[8:], d1+q&-(d1>>63))
	}
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

// Switch returns the ciphertext under the receiver's key that the answers of
// all active members make of one ciphertext of a sum. It takes no secret.
func Switch(sum []byte, answers ...[]byte) ([]byte, error) {
	if len(answers) < 2 || len(answers) > MaxMembers {
		return nil, fmt.Errorf("switching a sum: %d answers: %w", len(answers), fault.Invalid)
	}
	// What the sum's second polynomial was for is the collective key; the
	// answers bring the receiver's.
	if err := check(sum, 2); err != nil {
		return nil, fmt.Errorf("switching a sum: %w", err)
	}
	var s Adder
	first := append([]byte(nil), sum...)
	clear(first[polySize:])
	for i, b := range append([][]byte{first}, answers...) {
		if err := s.add(b, 2); err != nil {
			return nil, fmt.Errorf("switching a sum: answer %d: %w", i, err)
		}
	}
	return s.sum, nil
}
