// Package he adds integer vectors that nobody may see: threshold BGV, with a
// committee of trustees that make a fresh collective key, t of whom together
// switch one encrypted sum to the key of one gate, once.
//
// The way of a round. Each trustee is a Member: it publishes a CKGShare under a
// common reference string, deals Shamir shares of its secret, and keeps what it
// Receives. PublicKey adds the CKG shares up. Sites Encrypt, anyone Adds, t
// members Answer toward the key of the gate's Receiver, anyone Switches the sum
// with their answers, and the Receiver Opens it. A list of ciphertexts is long,
// so that each step takes one from a Source and gives one to a Sink at a time.
// The key lives for one (run, round), in memory only: after its one answer a
// member has no secret left, and the receiver none after its one opening.
//
// # Parameters
//
// N = 8192, Q of three 53-bit primes and no special prime (no key is switched
// by gadget), ternary secrets, error sigma 3.2 (keys, by the library) and 3.24
// (ciphertexts and answers, centred binomial: noise.go): log2 Q = 159, where the HE
// standard (2018, table 1) allows 218 for 128 classical bits. Values are exact
// integers, by the Chinese remainder theorem over two batching primes T1, T2
// near 2^50: two ciphertexts for each chunk of 8192 slots. The library carries
// a plaintext as m/T mod Q, so that the error of a key and of a ciphertext is
// not scaled by T; one collective key, hence one CKG share, serves both T.
//
// # Noise
//
// A sum of n ciphertexts under a committee of k has error e of standard
// deviation 3.24*sqrt(2*n*k*N*2/3), and below 2^16 for n = 50 and k = 7
// (measured: 2^14.6). Each answer adds smudging, uniform in [-2^102, 2^102) and
// drawn here. It opens rightly while |m + T*(e + smudge)| < Q/2: seven answers
// reach at most 2^154.8 of 2^158 (measured: 2^154.6), so 3.2 bits are to spare (2^105 still
// always opens, 2^107 does not: TestMargin).
//
// Smudging hides e, on which a secret depends. The statistical distance to an
// answer made without the secret is at most |e|/2^103 a coefficient: 2^-87 for
// e < 2^16, and 2^-66 over the 2^21 coefficients of the longest list that a
// key may answer (MaxChunks of both moduli). The target is 2^-40 over the life
// of a key, with a key per round that life is one answer.
//
// # What it does not do
//
// The protocol is that of Mouchet et al. (eprint 2020/304, 2022/780), which is
// proved against parties who follow it. Up to t-1 members who pool all they
// saw learn nothing of a sum but what the gate publishes. Against parties who
// do not follow it there are no proofs here:
//   - the last to show a CKG share could choose it after the others', so the
//     caller makes members commit first, and binds the reference string to it;
//   - ciphertexts are malleable: who may add what, that nobody copies or
//     negates another's, and that a sum is that of the agreed members is
//     checked by the caller, before a member answers;
//   - a wrong share or a malformed ciphertext spoils a sum. Open refuses
//     it as out of range but cannot say whose it was;
//   - it is CPA secure only: a site that plants a crafted ciphertext AND reads
//     the gate's receiver key and memory learns the round's collective secret.
//     The gate must publish nothing of a sum that it refused;
//   - Shamir shares are secret: the caller seals them to each member.
//
// # The library
//
// lattigo v5.0.7, which its authors deprecated in favour of v6 and no longer
// mend. Only lattigo.go imports it, and v6 has the same calls under other
// paths. Of it we use the ring, the batch encoder, key generation, CKG,
// thresholdizing and decryption. Encryption and public-key switching are a line
// of ring arithmetic each, written here, so that what is drawn is drawn by
// noise.go and is transformed once. We do not use CKKS, bootstrapping,
// relinearization or Galois keys; nor its flooding sampler, whose noise can be
// read off (smudge.go); nor its decoding of bytes, which a truncated input
// kills (codec.go); nor does any call answer the same polynomial twice (eprint
// 2024/194, 2026/031). What it panics with becomes an error at one door. Its
// secrets are wiped as far as Go lets one: copies in its buffers are left to
// the collector.
package he

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

// The shape of what is encrypted.
const (
	Slots      = 8192 // slots of one ciphertext
	Moduli     = 2    // ciphertexts of one chunk, one for each plaintext prime
	MaxChunks  = 128  // 2^20 slots, what the smudging is reckoned for
	MaxSlots   = MaxChunks * Slots
	MaxMembers = 7 // members of a committee, for which the noise is reckoned
)

// The moduli. Each is a prime that is 1 mod 2N.
const (
	t1 = 1125899906826241
	t2 = 1125899906629633
	q0 = 9007199254429697
	q1 = 9007199254364161
	q2 = 9007199254331393
)

var primes = [...]uint64{q0, q1, q2}

// Sizes in bytes of the encodings. A polynomial is 3 * 8192 words of 64 bits,
// little-endian, prime by prime, each below its prime, in the NTT domain.
const (
	polySize        = len(primes) * Slots * 8
	SeedSize        = 32
	PublicKeySize   = SeedSize + polySize // the seed of one polynomial, the other in full
	CiphertextSize  = 2 * polySize
	ShareSize       = 2 * polySize // of an answer, for one ciphertext
	CKGShareSize    = polySize
	ShamirShareSize = polySize
)

// Chunks returns how many ciphertexts of one modulus hold slots values.
func Chunks(slots int) int { return (slots + Slots - 1) / Slots }

// committee says whether points can be the points of a committee of which t
// open a sum: from 2 to MaxMembers different points of 1 to MaxMembers, rising.
// The points are small on purpose: large ones let retries be turned into keys.
func committee(points []int, t int) error {
	if t < 2 || t > len(points) || len(points) > MaxMembers {
		return fmt.Errorf("committee of %d: threshold %d: %w", len(points), t, fault.Invalid)
	}
	return rising(points)
}

// rising says whether points are different, in rising order, in 1..MaxMembers.
func rising(points []int) error {
	last := 0
	for _, p := range points {
		if p <= last || p > MaxMembers {
			return fmt.Errorf("points %v: not rising within 1 to %d: %w", points, MaxMembers, fault.Invalid)
		}
		last = p
	}
	return nil
}

// subset says whether active are exactly t of points, rising, own among them.
func subset(active, points []int, t, own int) error {
	if len(active) != t {
		return fmt.Errorf("active set of %d where %d answer: %w", len(active), t, fault.Invalid)
	}
	if err := rising(active); err != nil {
		return fmt.Errorf("active set: %w", err)
	}
	for _, a := range active {
		if !slices.Contains(points, a) {
			return fmt.Errorf("active set: %d is no member: %w", a, fault.Invalid)
		}
	}
	if !slices.Contains(active, own) {
		return fmt.Errorf("active set: %d is not in it: %w", own, fault.Invalid)
	}
	return nil
}

// A Source gives one ciphertext of a list, by modulus and chunk. It may be asked
// for the same one again, and must then give the same bytes, which are its own.
type Source func(modulus, chunk int) ([]byte, error)

// A Sink takes what a step has made of a modulus and chunk: each of a list once,
// modulus by modulus and chunk by chunk. b may be written to when it returns.
type Sink func(modulus, chunk int, b []byte) error

// each calls f with every modulus and chunk of a list, in its order.
func each(chunks int, f func(m, c int) error) error {
	for m := range Moduli {
		for c := range chunks {
			if err := f(m, c); err != nil {
				return fmt.Errorf("modulus %d, chunk %d: %w", m, c, err)
			}
		}
	}
	return nil
}
