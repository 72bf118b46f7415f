package he

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

// check says whether b encodes exactly n polynomials: the length to the byte,
// and every coefficient below its prime, so that a value has one encoding.
func check(b []byte, n int) error {
	if len(b) != n*polySize {
		return fmt.Errorf("%d bytes, want %d: %w", len(b), n*polySize, fault.Invalid)
	}
	for k := range n * len(primes) {
		if !reduced(b[k*Slots*8:(k+1)*Slots*8], primes[k%len(primes)]) {
			return fmt.Errorf("coefficients modulo prime %d are not reduced: %w", k%len(primes), fault.Invalid)
		}
	}
	return nil
}

// reduced says whether every word of row is below q. A word w is if w-q borrows
// and w itself has no highest bit; no early exit, as shares are secret.
func reduced(row []byte, q uint64) bool {
	bad := uint64(0)
	for ; len(row) >= 32; row = row[32:] { // of Slots words
		w0, w1 := binary.LittleEndian.Uint64(row), binary.LittleEndian.Uint64(row[8:])
		w2, w3 := binary.LittleEndian.Uint64(row[16:]), binary.LittleEndian.Uint64(row[24:])
		bad |= ^(w0 - q) | w0 | ^(w1 - q) | w1 | ^(w2 - q) | w2 | ^(w3 - q) | w3
	}
	return bad>>63 == 0
}

// decode reads b, which must hold exactly the polynomials ps, into them.
func decode(b []byte, ps ...poly) error {
	if err := check(b, len(ps)); err != nil {
		return err
	}
	for _, p := range ps {
		for i := range primes {
			row, words := p.Coeffs[i], b[:8*Slots]
			for j := range row {
				row[j] = binary.LittleEndian.Uint64(words[8*j:])
			}
			b = b[8*Slots:]
		}
	}
	return nil
}

// encode returns the encoding of ps.
func encode(ps ...poly) []byte { return appendTo(make([]byte, 0, len(ps)*polySize), ps...) }

// appendTo appends the encoding of ps to b.
func appendTo(b []byte, ps ...poly) []byte {
	at := len(b)
	b = slices.Grow(b, len(ps)*polySize)[:at+len(ps)*polySize]
	for _, p := range ps {
		for i := range primes {
			row, words := p.Coeffs[i], b[at:at+8*Slots]
			for j := range row {
				binary.LittleEndian.PutUint64(words[8*j:], row[j])
			}
			at += 8 * Slots
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
