package he

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// smudgeBits is the size of the noise that hides the error of a sum in an
// answer: uniform in [-2^smudgeBits, 2^smudgeBits).
const smudgeBits = 102

// smudge returns noise, uniform in [-2^k, 2^k) with 64 <= k < 126 for each
// coefficient, modulo each prime, from random (in use a stream), in the
// coefficient domain.
//
// It stands in for the library's flooding, which rounds one of 2^31 magnitudes
// scaled by sigma: whoever knows the sum can tell which, and is left with the
// error that it should have hidden. Every integer of the range is as likely
// here, and nothing below branches on what was drawn.
func smudge(random io.Reader, k int) (poly, error) {
	drawn := make([]byte, 16*Slots)
	defer clear(drawn)
	if _, err := io.ReadFull(random, drawn); err != nil {
		return poly{}, fmt.Errorf("drawing smudging: %w", err)
	}
	p := newPoly()
	for i, q := range primes {
		reduce := reducer(i)
		middle := reduce(1<<(k-64), 0) // 2^k
		for j := range Slots {
			lo := binary.LittleEndian.Uint64(drawn[16*j:])
			hi := binary.LittleEndian.Uint64(drawn[16*j+8:]) & (1<<(k+1-64) - 1)
			p.Coeffs[i][j] = offset(reduce(hi, lo), middle, q)
		}
	}
	return p, nil
}

// offset returns x-y modulo q, for x, y < q, without a branch.
func offset(x, y, q uint64) uint64 {
	d, borrow := bits.Sub64(x, y, 0)
	return d + q&-borrow
}
