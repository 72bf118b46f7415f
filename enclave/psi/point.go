package psi

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"

	"github.com/cloudflare/circl/group"

	"github.com/yunei/yunei/fault"
)

// pointSize is the length of a point, a tag and a scalar.
const pointSize = 32

var curve = group.Ristretto255

// parsePoint reads a point of ristretto255 (RFC 9496). It refuses the identity
// and every second spelling of a point.
func parsePoint(b []byte) (group.Element, error) {
	p := curve.NewElement()
	if len(b) != pointSize || p.UnmarshalBinary(b) != nil || p.IsIdentity() {
		return nil, fmt.Errorf("reading a point: %w", fault.Invalid)
	}
	return p, nil
}

// putPoint writes the one spelling of p into b.
func putPoint(b []byte, p group.Element) {
	raw, err := p.MarshalBinaryCompress()
	if err != nil || copy(b, raw) != pointSize {
		panic("psi: a point of ours has no spelling")
	}
}

// hashPoint is the point of a number in a cell of B's:
// ristretto255_XMD:SHA-512_R255MAP_RO_ of RFC 9380, under a tag of the job.
func (j *Join) hashPoint(id string, cell int) group.Element {
	msg := binary.BigEndian.AppendUint32(make([]byte, 0, 32), uint32(cell)) //nolint:gosec // below MaxCells
	return curve.HashToElement(append(msg, id...), []byte("yunei-psi-v1-ristretto255_XMD:SHA-512_R255MAP_RO_"+j.terms.Job))
}

// tag hides a point that both sides have blinded: of all that holds between
// points, a tag shows equality alone.
func (j *Join) tag(p group.Element) [pointSize]byte {
	var b [32 + sha256.Size + pointSize]byte
	copy(b[:], "yunei psi tag v1")
	copy(b[32:], j.digest[:])
	putPoint(b[32+sha256.Size:], p)
	return sha256.Sum256(b[:])
}

// parallel calls f for 0..n-1 on all processors, and returns the error of the
// smallest of those that failed first in their parts.
func parallel(n int, f func(i int) error) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w * n / workers; i < (w+1)*n/workers && errs[w] == nil; i++ {
				errs[w] = f(i)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
