package psi

import (
	"fmt"

	"github.com/cloudflare/circl/group"

	"github.com/yunei/yunei/fault"
)

// A value v travels as (rG, rP + vG) under the joint key P: exponential
// ElGamal (Cramer, Gennaro, Schoenmakers 1997), whose sums are sums of values.
const ciphertextSize = 2 * pointSize

type ciphertext struct{ c1, c2 group.Element }

// encrypt encrypts v. Its size is no secret of timing: every scalar takes as
// long.
func encrypt(key group.Element, v int64) ciphertext {
	c := ciphertext{curve.Identity(), curve.NewElement().MulGen(scalar(v))}
	c.rerandomise(key)
	return c
}

// rerandomise adds an encryption of 0: the ciphertext is then as good as new.
func (c ciphertext) rerandomise(key group.Element) {
	r := curve.RandomNonZeroScalar(nil) // the library draws from the system
	c.c1.Add(c.c1, curve.NewElement().MulGen(r))
	c.c2.Add(c.c2, curve.NewElement().Mul(key, r))
	r.SetUint64(0)
}

func scalar(v int64) group.Scalar {
	if v < 0 {
		return curve.NewScalar().Neg(curve.NewScalar().SetUint64(uint64(-v)))
	}
	return curve.NewScalar().SetUint64(uint64(v))
}

// parseCiphertext refuses what an honest party writes with a chance of 2^-252:
// a half that is the identity.
func parseCiphertext(b []byte) (ciphertext, error) {
	if len(b) != ciphertextSize {
		return ciphertext{}, fmt.Errorf("reading a ciphertext of %d bytes: %w", len(b), fault.Invalid)
	}
	c1, err := parsePoint(b[:pointSize])
	if err != nil {
		return ciphertext{}, fmt.Errorf("reading a ciphertext: %w", err)
	}
	c2, err := parsePoint(b[pointSize:])
	if err != nil {
		return ciphertext{}, fmt.Errorf("reading a ciphertext: %w", err)
	}
	return ciphertext{c1, c2}, nil
}

func (c ciphertext) put(b []byte) {
	putPoint(b[:pointSize], c.c1)
	putPoint(b[pointSize:ciphertextSize], c.c2)
}

// logs finds v of vG for v up to a bound in size, by baby steps and giant
// steps (Shanks 1971). Time shows v, to whoever watches the gate.
type logs struct {
	bound int64
	baby  map[[8]byte]int64 // of the first bytes of jG, 0 <= j < step
	step  int64
	giant group.Element // -step G
}

const mostBaby = 1 << 18 // entries: some 16 MB

// newLogs makes a table that suits so many searches.
func newLogs(bound int64, searches int) *logs {
	l := &logs{bound: bound, step: 1}
	for l.step < mostBaby && l.step*l.step < (2*bound+1)*int64(searches) {
		l.step *= 2
	}
	l.baby = make(map[[8]byte]int64, l.step)
	p, g := curve.Identity(), curve.Generator()
	for j := range l.step {
		l.baby[label(p)] = j
		p.Add(p, g)
	}
	l.giant = curve.NewElement().Neg(p)
	return l
}

func label(p group.Element) [8]byte {
	var b [pointSize]byte
	putPoint(b[:], p)
	return [8]byte(b[:8])
}

// find returns v, false if it is larger in size than bound, which is at most
// the table's.
func (l *logs) find(p group.Element, bound int64) (int64, bool) {
	at := curve.NewElement().Add(p, curve.NewElement().MulGen(scalar(bound)))
	for base := int64(0); base <= 2*bound; base += l.step {
		if j, ok := l.baby[label(at)]; ok {
			v := base + j - bound
			if v <= bound && curve.NewElement().MulGen(scalar(v)).IsEqual(p) {
				return v, true
			}
		}
		at.Add(at, l.giant)
	}
	return 0, false
}
