package he

import (
	"encoding/binary"
	"fmt"

	"github.com/yunei/yunei/fault"
)

// check says whether b encodes exactly n polynomials: the length to the byte,
// and every coefficient below its prime, so that a value has one encoding.
func check(b []byte, n int) error {
	if len(b) != n*polySize {
		return fmt.Errorf("%d bytes, want %d: %w", len(b), n*polySize, fault.Invalid)
	}
	for k := range n * len(primes) {
		q, bad := primes[k%len(primes)], uint64(0)
		row := b[k*Slots*8 : (k+1)*Slots*8]
		for i := 0; i < len(row); i += 8 {
			// The borrow of w-q is 1 if w < q; no early exit, as shares are secret.
			bad |= (binary.LittleEndian.Uint64(row[i:])-q)>>63 ^ 1
			bad |= binary.LittleEndian.Uint64(row[i:]) >> 63
		}
		if bad != 0 {
			return fmt.Errorf("coefficients modulo prime %d are not reduced: %w", k%len(primes), fault.Invalid)
		}
	}
	return nil
}

// decode reads b, which must hold exactly the polynomials ps, into them.
func decode(b []byte, ps ...poly) error {
	if err := check(b, len(ps)); err != nil {
		return err
	}
	for _, p := range ps {
		for i := range primes {
			for j := range p.Coeffs[i] {
				p.Coeffs[i][j] = binary.LittleEndian.Uint64(b)
				b = b[8:]
			}
		}
	}
	return nil
}

// encode returns the encoding of ps.
func encode(ps ...poly) []byte { return appendTo(make([]byte, 0, len(ps)*polySize), ps...) }

// appendTo appends the encoding of ps to b.
func appendTo(b []byte, ps ...poly) []byte {
	for _, p := range ps {
		for i := range primes {
			for _, c := range p.Coeffs[i] {
				b = binary.LittleEndian.AppendUint64(b, c)
			}
		}
	}
	return b
}

// A publicKey is a key as read: its seed, which the second polynomial comes
// from, so that nobody can choose a second polynomial that leaks (such as 0).
type publicKey struct {
	b, a poly
}

func decodePublicKey(b []byte) (publicKey, error) {
	if len(b) != PublicKeySize {
		return publicKey{}, fmt.Errorf("public key: %d bytes, want %d: %w", len(b), PublicKeySize, fault.Invalid)
	}
	k := publicKey{b: newPoly()}
	if err := decode(b[SeedSize:], k.b); err != nil {
		return publicKey{}, fmt.Errorf("public key: %w", err)
	}
	seed := [SeedSize]byte(b)
	if seed == [SeedSize]byte{} {
		return publicKey{}, fmt.Errorf("public key: no seed: %w", fault.Invalid)
	}
	var err error
	k.a, err = commonPoly(seed)
	return k, err
}
