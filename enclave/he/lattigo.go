package he

import (
	"fmt"
	"sync"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/mhe"
	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/schemes/bgv"
	"github.com/tuneinsight/lattigo/v5/utils/sampling"

	"github.com/yunei/yunei/fault"
)

// This file is all that knows the library. Secrets and public keys are in the
// NTT and the Montgomery domain, ciphertexts and answers in the NTT domain.

// A poly is an element of the ring modulo Q, by prime and coefficient.
type poly = ring.Poly

// sets holds the two parameter sets, which differ in the plaintext prime only
// and share a ring. They are read-only once made.
var sets = sync.OnceValue(func() *[Moduli]bgv.Parameters {
	s := new([Moduli]bgv.Parameters)
	for i, t := range [Moduli]uint64{t1, t2} {
		var err error
		s[i], err = bgv.NewParametersFromLiteral(bgv.ParametersLiteral{
			LogN: 13, Q: primes[:], PlaintextModulus: t,
		})
		if err != nil {
			panic(err) // constants; every test would fail
		}
	}
	return s
})

func ringQ() *ring.Ring { return sets()[0].RingQ() }

// door runs f, and makes an error of what the library panics with.
func door(doing string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: the library panicked: %v: %w", doing, r, fault.Internal)
		}
	}()
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func newPoly() poly { return ring.NewPoly(Slots, len(primes)-1) }

// addTo adds q to p.
func addTo(p, q poly) { ringQ().Add(p, q, p) }

// reducer returns a function of hi and lo that is hi*2^64 + lo modulo prime i,
// for hi < 2^63, and branches on neither.
func reducer(i int) func(hi, lo uint64) uint64 {
	q, c := ringQ().SubRings[i].Modulus, ringQ().SubRings[i].BRedConstant
	two64 := ring.BRedAdd(ring.BRedAdd(1<<63, q, c)<<1, q, c)
	return func(hi, lo uint64) uint64 {
		return ring.BRedAdd(ring.BRed(hi, two64, q, c)+ring.BRedAdd(lo, q, c), q, c)
	}
}

// commonPoly returns the uniform polynomial of a seed, the same for all.
func commonPoly(seed [SeedSize]byte) (poly, error) {
	xof, err := sampling.NewKeyedPRNG(seed[:])
	if err != nil {
		return poly{}, fmt.Errorf("seeding: %w", err)
	}
	return mhe.NewPublicKeyGenProtocol(sets()[0]).SampleCRP(xof).Value.Q, nil
}

func newSecret() poly { return rlwe.NewKeyGenerator(sets()[0]).GenSecretKeyNew().Value.Q }

// keyShare returns -a*secret + e: a party's share of the key over a.
func keyShare(secret, a poly) poly {
	ckg := mhe.NewPublicKeyGenProtocol(sets()[0])
	crp, share := mhe.PublicKeyGenCRP{}, ckg.AllocateShare()
	crp.Value.Q = a
	ckg.GenShare(asSecretKey(secret), crp, &share)
	return share.Value.Q
}

func asSecretKey(s poly) *rlwe.SecretKey {
	sk := &rlwe.SecretKey{}
	sk.Value.Q = s
	return sk
}

// deal splits secret among points such that any t of them hold it.
func deal(secret poly, points []int, t int) (map[int]poly, error) {
	thr := mhe.NewThresholdizer(sets()[0])
	line, err := thr.GenShamirPolynomial(t, asSecretKey(secret))
	if err != nil {
		return nil, fmt.Errorf("drawing a polynomial: %w", err)
	}
	shares := make(map[int]poly, len(points))
	for _, p := range points {
		share := thr.AllocateThresholdSecretShare()
		thr.GenShamirSecretShare(mhe.ShamirPublicPoint(p), line, &share) //nolint:gosec // committee holds points to 1..MaxMembers
		shares[p] = share.Q
	}
	for _, c := range line.Value {
		c.Q.Zero()
	}
	return shares, nil
}

// additive returns the summand of the collective secret that the holder of
// share at point own has when exactly active answer.
func additive(share poly, own int, active []int) (poly, error) {
	points := make([]mhe.ShamirPublicPoint, len(active))
	for i, a := range active {
		points[i] = mhe.ShamirPublicPoint(a) //nolint:gosec // subset holds active to the committee's points, 1..MaxMembers
	}
	at := mhe.ShamirPublicPoint(own) //nolint:gosec // one of active
	cmb := mhe.NewCombiner(*sets()[0].GetRLWEParameters(), at, points, len(active))
	held, sk := mhe.ShamirSecretShare{}, rlwe.NewSecretKey(sets()[0])
	held.Q = share
	if err := cmb.GenAdditiveShare(points, at, held, sk); err != nil {
		return poly{}, fmt.Errorf("combining: %w", err)
	}
	return sk.Value.Q, nil
}

// A masker makes encryptions of zero under one key: u*key + errors, with a new
// ternary u and new binomial errors for each.
type masker struct {
	key   publicKey
	from  stream
	u     poly
	drawn []byte
}

func newMasker(key publicKey) (masker, error) {
	from, err := newStream()
	return masker{key, from, newPoly(), make([]byte, 3*8*Slots)}, err
}

// mask adds an encryption of zero to b, which comes in the coefficient domain
// and leaves in the NTT domain, and sets a to its second polynomial.
func (m masker) mask(b, a poly) {
	defer clear(m.drawn)
	_, _ = m.from.Read(m.drawn) // fills it
	ternary(m.u, m.drawn[:8*Slots])
	addError(b, m.drawn[8*Slots:16*Slots])
	a.Zero()
	addError(a, m.drawn[16*Slots:])
	r := ringQ()
	r.NTTLazy(m.u, m.u)
	r.NTT(b, b)
	r.NTT(a, a)
	r.MulCoeffsMontgomeryThenAdd(m.u, m.key.b, b)
	r.MulCoeffsMontgomeryThenAdd(m.u, m.key.a, a)
}

// A switcher makes answers: shares of ciphertexts, toward a receiver's key.
type switcher struct {
	to     masker
	secret poly
	a      poly
}

func newSwitcher(to publicKey, secret poly) (switcher, error) {
	m, err := newMasker(to)
	return switcher{m, secret, newPoly()}, err
}

// share returns the share of a ciphertext whose second polynomial is c, by the
// holder of the summand secret, hidden by noise of the coefficient domain, which
// it overwrites. What it returns is good until the next call.
func (s switcher) share(c, noise poly) (b, a poly) {
	s.to.mask(noise, s.a)
	ringQ().MulCoeffsMontgomeryThenAdd(c, s.secret, noise)
	return noise, s.a
}

func (s switcher) erase() {
	s.secret.Zero()
	s.to.u.Zero()
}

// A sealer encrypts under one key and plaintext prime.
type sealer struct {
	ecd *bgv.Encoder
	pt  *rlwe.Plaintext
	to  masker
	a   poly
}

func newSealer(modulus int, key publicKey) (sealer, error) {
	set := sets()[modulus]
	pt := bgv.NewPlaintext(set, len(primes)-1)
	pt.IsNTT = false // it is transformed together with the error
	m, err := newMasker(key)
	return sealer{bgv.NewEncoder(set), pt, m, newPoly()}, err
}

// seal encrypts at most Slots residues. What it returns is good until the next
// call.
func (s sealer) seal(residues []uint64) (b, a poly, err error) {
	if err := s.ecd.Encode(residues, s.pt); err != nil {
		return poly{}, poly{}, fmt.Errorf("encoding: %w", err)
	}
	s.to.mask(s.pt.Value, s.a)
	return s.pt.Value, s.a, nil
}

// An opener decrypts under one secret and plaintext prime.
type opener struct {
	set bgv.Parameters
	ecd *bgv.Encoder
	dec *rlwe.Decryptor
}

func newOpener(modulus int, secret poly) opener {
	set := sets()[modulus]
	return opener{set, bgv.NewEncoder(set), bgv.NewDecryptor(set, asSecretKey(secret))}
}

// open returns the Slots residues of a ciphertext.
func (o opener) open(b, a poly) ([]uint64, error) {
	ct := bgv.NewCiphertext(o.set, 1, len(primes)-1)
	ct.Value[0], ct.Value[1] = b, a
	residues := make([]uint64, Slots)
	if err := o.ecd.Decode(o.dec.DecryptNew(ct), residues); err != nil {
		return nil, fmt.Errorf("decoding: %w", err)
	}
	return residues, nil
}
