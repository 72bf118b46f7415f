package he

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// What encryption draws: a ternary mask and two errors for each ciphertext. The
// library draws them from BLAKE2Xb through a table walk and a ziggurat, which
// takes a third of an encryption and branches on what is drawn. Here nothing
// does, and the bits are of AES-256 in counter mode (NIST SP 800-38A) under a key
// that crypto/rand gives for each list.

// A stream is random bytes that nobody can tell from a fair coin's without its
// key, which is nowhere but in it.
type stream struct{ ctr cipher.Stream }

func newStream() (stream, error) {
	var key [32]byte
	defer clear(key[:])
	if _, err := rand.Read(key[:]); err != nil {
		return stream{}, fmt.Errorf("drawing a stream's key: %w", err)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return stream{}, fmt.Errorf("making a stream: %w", err)
	}
	return stream{cipher.NewCTR(block, make([]byte, aes.BlockSize))}, nil //nolint:gosec // a key has one stream, from block 0 on
}

// Read implements io.Reader, and always fills p.
func (s stream) Read(p []byte) (int, error) {
	clear(p)
	s.ctr.XORKeyStream(p, p)
	return len(p), nil
}

// ternary sets p to what drawn comes to, 8 bytes a coefficient: -1, 0 or 1, each
// as likely but for 2^-64.
func ternary(p poly, drawn []byte) {
	for j := range Slots {
		third, _ := bits.Mul64(binary.LittleEndian.Uint64(drawn[8*j:]), 3)
		v := third - 1
		for i, q := range primes {
			p.Coeffs[i][j] = v + q&-(v>>63)
		}
	}
}

// half is how many coins an error takes on either side, as SEAL's do (4.1,
// util/rlwe.cpp, sample_poly_cbd): the centred binomial distribution of standard
// deviation sqrt(21/2) = 3.24 and size 21 at most.
const half = 21

// addError adds what drawn comes to, 8 bytes a coefficient: a binomial error.
func addError(p poly, drawn []byte) {
	const coins = 1<<half - 1
	for j := range Slots {
		w := binary.LittleEndian.Uint64(drawn[8*j:])
		v := uint64(bits.OnesCount64(w&coins)) - uint64(bits.OnesCount64(w>>half&coins)) //nolint:gosec // counts
		for i, q := range primes {
			s := p.Coeffs[i][j] + v + q&-(v>>63) // below 2q
			d, borrow := bits.Sub64(s, q, 0)
			p.Coeffs[i][j] = d + q&-borrow
		}
	}
}
