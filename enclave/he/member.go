package he

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"github.com/yunei/yunei/fault"
)

// A Member is one trustee's part in one key of one (run, round). It goes one
// way: CKGShare and ShamirShares, Receive, Answer; each is done at most once,
// and an Answer is the end. Its secrets are in memory and nowhere else, and no
// verb of fmt prints them. The zero value does nothing. It may be used by
// several goroutines.
type Member struct {
	mu     sync.Mutex
	point  int
	points []int
	t      int

	secret poly // its summand of the collective secret, until Receive
	share  poly // its Shamir share: from ShamirShares its own part, from Receive the whole

	keyed, dealt, received, over bool
}

// NewMember draws the secret of the member at point, in a committee at points
// of which t open a sum. points are rising numbers of 1 to MaxMembers, two at
// least, point among them, and 2 <= t <= len(points).
func NewMember(point int, points []int, t int) (*Member, error) {
	if err := committee(points, t); err != nil {
		return nil, fmt.Errorf("making a member: %w", err)
	}
	if !slices.Contains(points, point) {
		return nil, fmt.Errorf("making a member: %d is not of the committee: %w", point, fault.Invalid)
	}
	m := &Member{point: point, points: slices.Clone(points), t: t}
	err := door("drawing a secret", func() error {
		m.secret = newSecret()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// may says whether a step may be done now.
func (m *Member) may(step string, ready, done bool) error {
	if m.points == nil || m.over || done || !ready {
		return fmt.Errorf("%s: not now, or not again: %w", step, fault.Conflict)
	}
	return nil
}

// CKGShare returns this member's share of the collective key, CKGShareSize
// bytes, under the common reference string crs, from which all members derive
// the same polynomial. A secret has one share: a second call is refused, for
// any crs.
func (m *Member) CKGShare(crs [SeedSize]byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.may("sharing the key", true, m.keyed); err != nil {
		return nil, err
	}
	if crs == [SeedSize]byte{} {
		return nil, fmt.Errorf("sharing the key: no reference string: %w", fault.Invalid)
	}
	m.keyed = true
	var out []byte
	err := door("sharing the key", func() error {
		a, err := commonPoly(crs)
		if err != nil {
			return err
		}
		out = encode(keyShare(m.secret, a))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ShamirShares returns, for each other point, the share of this member's secret
// that is for its holder's eyes only; ShamirShareSize bytes each. The caller
// seals them. A second call is refused.
func (m *Member) ShamirShares() (map[int][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.may("dealing", true, m.dealt); err != nil {
		return nil, err
	}
	m.dealt = true
	out := make(map[int][]byte, len(m.points)-1)
	err := door("dealing", func() error {
		shares, err := deal(m.secret, m.points, m.t)
		if err != nil {
			return err
		}
		for p, s := range shares {
			if p == m.point {
				m.share = s
				continue
			}
			out[p] = encode(s)
			s.Zero()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Receive takes the shares that the other members dealt to this one, by their
// points: all of them, and no other. Arguments that are refused change nothing.
// After it this member's own secret is gone; what is left is its share of the
// collective one.
func (m *Member) Receive(shares map[int][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.may("receiving shares", m.keyed && m.dealt, m.received); err != nil {
		return err
	}
	if len(shares) != len(m.points)-1 {
		return fmt.Errorf("receiving shares: %d, want %d: %w", len(shares), len(m.points)-1, fault.Invalid)
	}
	var read []poly
	for _, p := range m.points {
		if p == m.point {
			continue
		}
		s := newPoly()
		if err := decode(shares[p], s); err != nil {
			return fmt.Errorf("receiving shares: of %d: %w", p, err)
		}
		read = append(read, s)
	}
	m.received = true
	return door("receiving shares", func() error {
		for _, s := range read {
			addTo(m.share, s)
			s.Zero()
		}
		m.secret.Zero()
		return nil
	})
}

// Answer gives to this member's shares of a sum of so many chunks, ShareSize
// bytes each, toward the receiver's public key. Exactly the t points of active
// must answer the same sum for the receiver to open it. It holds one ciphertext
// at a time.
//
// A member answers once: the first call spends it, whatever comes of it, and
// erases its secret; a second is refused with fault.Conflict. So nobody gets
// two answers over one polynomial, whatever the active set (a few of them are
// the key), which is why a polynomial that is twice in the list is refused too.
// The whole list is looked at before the first share is made, and must be the
// same when it is read again. What an answer that fails has given is no answer
// and must go nowhere.
func (m *Member) Answer(active []int, receiver []byte, chunks int, sum Source, to Sink) error {
	return m.answer(active, receiver, chunks, sum, to, smudgeBits)
}

func (m *Member) answer(active []int, receiver []byte, chunks int, sum Source, to Sink, bits int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.may("answering", m.received, false); err != nil {
		return err
	}
	defer m.erase()
	if err := subset(active, m.points, m.t, m.point); err != nil {
		return fmt.Errorf("answering: %w", err)
	}
	if chunks < 1 || chunks > MaxChunks {
		return fmt.Errorf("answering: %d chunks, not 1 to %d: %w", chunks, MaxChunks, fault.Invalid)
	}
	list, err := distinct(chunks, sum)
	if err != nil {
		return fmt.Errorf("answering: %w", err)
	}
	var s switcher
	defer func() { s.erase() }()
	err = door("answering", func() error {
		key, err := decodePublicKey(receiver)
		if err != nil {
			return err
		}
		secret, err := additive(m.share, m.point, active)
		if err != nil {
			return err
		}
		s, err = newSwitcher(key, secret)
		return err
	})
	if err != nil {
		return err
	}
	return answerAll(list, sum, to, s, bits)
}

// distinct reads a list whole. It says whether no two of its ciphertexts have
// the same second polynomial, which is what an answer multiplies the secret
// with, and returns the digests of those, in order.
func distinct(chunks int, list Source) ([][sha256.Size]byte, error) {
	var all [][sha256.Size]byte
	seen := map[[sha256.Size]byte]bool{}
	err := each(chunks, func(m, c int) error {
		ct, err := list(m, c)
		if err != nil {
			return err
		}
		if err := check(ct, 2); err != nil {
			return err
		}
		h := sha256.Sum256(ct[polySize:])
		if seen[h] {
			return fmt.Errorf("a ciphertext is twice in the list: %w", fault.Tampered)
		}
		seen[h], all = true, append(all, h)
		return nil
	})
	return all, err
}

// answerAll makes the shares of a sum toward the switcher's key.
func answerAll(list [][sha256.Size]byte, sum Source, to Sink, s switcher, bits int) error {
	c1 := newPoly()
	out := make([]byte, 0, ShareSize)
	return each(len(list)/Moduli, func(m, c int) error {
		ct, err := sum(m, c)
		if err != nil {
			return err
		}
		if len(ct) != CiphertextSize || sha256.Sum256(ct[polySize:]) != list[m*len(list)/Moduli+c] {
			return fmt.Errorf("the list has changed: %w", fault.Tampered)
		}
		if err := decode(ct[polySize:], c1); err != nil { // the first one is for who opens
			return err
		}
		err = door("answering", func() error {
			noise, err := smudge(s.to.from, bits)
			if err != nil {
				return err
			}
			b, a := s.share(c1, noise)
			out = appendTo(out[:0], b, a)
			return nil
		})
		if err != nil {
			return err
		}
		return to(m, c, out)
	})
}

// Erase forgets the member's secrets. Nothing can be done with it afterwards.
func (m *Member) Erase() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.erase()
}

func (m *Member) erase() {
	m.over = true
	m.secret.Zero()
	m.share.Zero()
	m.secret, m.share = poly{}, poly{}
}

// Format prints no more than what a Member is, for every verb.
func (m *Member) Format(f fmt.State, _ rune) { fmt.Fprint(f, "he.Member") }
