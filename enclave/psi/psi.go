// Package psi joins the records of two departments by the numbers of persons
// or bodies, so that neither learns who is in both: how many are, and sums of
// what a department has on them, come out at the gate and nowhere else. It is
// Diffie-Hellman private set intersection (Meadows 1986; Huberman, Franklin,
// Hogg 1999) on ristretto255, matched by a third party, with the values beside
// it as exponential ElGamal ciphertexts as in PJC (Ion et al., eprint
// 2019/723): in BGV they would take three quarters of a megabyte a person.
//
// # The way of a join
//
// Domains A and B, a gate, and trustees. Everything goes by lists: records of a
// 32-byte point or tag and 64 bytes for each value, sorted by the point, which
// is a shuffle that its secret exponent alone decides.
//
//  1. Gate and trustees are Holders: each shows a key share with a proof that
//     it knows the secret. Every party adds the shares up for itself (New).
//  2. A and B draw an exponent each, x and y, for this job (Side). A sends B
//     H(a)^x for its whole set with its values encrypted to the holders; B
//     sends A H(b)^y likewise (Blind). The set must be the committed one.
//  3. B raises A's points to y, hashes them to tags, rerandomises the
//     ciphertexts, sorts anew and sends that to gate and trustees, never back
//     to A; A does the same with B's (Answer). x and y are then erased.
//  4. Gate and trustees each merge the two lists of tags, count the equal
//     ones, and add their ciphertexts up (Match): the same bytes for all.
//  5. Each trustee gives the gate its part of the decryption of the sums that
//     it added up itself, once, if KMin people or more are in both
//     (Holder.Answer). The gate checks the parts, adds its own, which it shows
//     to nobody, and finds the totals as small logarithms (Holder.Open).
//
// A cube over A's own attributes is a slot for each cell, in which a person's
// value stands while the others are 0: the slots are encrypted, so no cell's
// size shows on the way. For a table of A's attributes by B's, Terms.Cells is
// how many cells B has: B hashes each person with its cell, A sends a list for
// every cell with everybody in it, and what matches in a list is in that cell.
//
// A count alone takes no holders. A total is at most MaxTotal; larger values
// go in two slots, as digits. All people keep their rows: nobody is dropped
// from a list because of what somebody else has.
//
// # Who learns what
//
//	              A                    B           gate                trustee
//	size of A     has it               exactly     exactly             exactly
//	size of B     exactly              has it      exactly             exactly
//	in both: who  nothing              nothing     nothing             nothing
//	how many      what is released     likewise    exactly, by B cell  the same
//	totals        what is released     likewise    exactly             nothing
//	one value     its own              its own     nothing             nothing
//
// Several together, where all others follow the protocol:
//   - A and the gate learn how many of the set that A submitted are in B, and
//     no more: a tag is a hash, so that no relation that A builds into its
//     points shows in B's list. But what A submits is A's choice, see below: a
//     set of one person and dummies makes that number one person's membership,
//     and values chosen as powers of two make each total tell some 32 people's.
//     B and the gate likewise.
//   - The gate and all trustees can open every single value, but not say whose
//     it is. Together with a domain they can, and know who is in both: its
//     values may be names. While one trustee is honest only sums are opened.
//   - B and the gate can leave out of A's list whom they please, so that the
//     total is of those who are left.
//   - A and B have both sets anyway.
//
// # What binds the points that are sent to the set that was committed to
//
// Nothing that another party can check. A Commitment binds the provider to a
// set, and a site whose program is honest sends that set or nothing: a
// superset, a subset and a repetition are refused before the first byte leaves
// (Blind). The other side can check, and does: that the list has exactly the
// registered size; that no point occurs twice, is the identity, or has a
// second spelling; that these are the bytes that were stated, once in a job.
// If the caller has both digests stated before either list is shown, neither
// was made from the other; a Side by itself answers only after it has blinded
// all its own. The other side cannot check that a point is the hash of a
// number, let alone of a committed one: a VOPRF's proof is about the key, not
// about the input, and a proof about inputs costs far more than the join. So a
// domain whose program is not honest chooses up to its registered size of
// numbers freely. It learns of them what is released, what a refusal tells, and
// no more.
//
// Nor does anything show that a domain passed the other's ciphertexts on as
// they were. If B's program is not honest it can put one record's ciphertexts
// in the place of all others: the total is then a multiple of one person's
// value, of somebody whom B cannot name, and KMin, which counts tags, does not
// see it. Nor are values proved to be within their clip: a value far beyond it
// makes Open refuse if that person is in both, which tells as much, and
// accuses the domain. Noise that is drawn for one person's clip covers neither:
// a permit for a join rests on both sites' programs.
//
// # What is for the caller
//
// A Holder refuses a join of fewer than KMin people. How small a cell may be,
// what is released, and what two joins tell by their difference (the same sets
// but for one person) is the gate's and its register's to judge: Result.Slots
// are the integers for it. That the intersection was too small is told by the
// refusal itself.
//
// Numbers of citizens can be tried one by one, all of them, by whoever holds x
// and a list that was blinded with it. So a key is drawn for a job, is never
// written, has no method that returns it, and is gone when the Side has
// answered. What the other side can ask of it is one list of its registered
// size, journalled before it is answered (Once). A value that a person has is
// in a list only under the holders' joint key. Scratch files hold blinded
// points and ciphertexts; the caller deletes them.
//
// Domains sign the digests of the lists that they send, and a permit fixes the
// Terms (jobs.Join, enclave.JoinOf): neither is done here. Digests of answered lists go to gate and
// trustees only, and nothing names the bytes of a Matched: B knows how it
// rerandomised, and could try small sums.
//
// Membership, where a permit grants that A is told which of its people are in
// B, is another protocol and B's disclosure (Discloser, RFC 9497). No permit can
// name one in this version: it stands alone.
//
// Secrets are wiped as far as Go lets one. Sorting is by what is sent and
// takes whatever time it takes; multiplication by a secret is constant time
// in the library (circl over go-ristretto), nothing else is promised.
package psi

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cloudflare/circl/group"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/set"
)

// Bounds of a join.
const (
	MaxSet         = set.Max // persons of a set
	MaxCells       = 64      // of B's
	MaxSlots       = 64      // values of one person
	MaxPoints      = 1 << 25 // of all lists together
	MaxCiphertexts = 1 << 22 // of all lists together: a quarter of a gigabyte, and of an hour of a core
	MaxHolders     = 8
	MaxTotal       = 1 << 32 // size of a total: what a logarithm is looked for in
)

// A Role is one side of a join. The zero Role is neither.
type Role uint8

// The two sides. They differ in that A sends a list for each of B's cells.
const (
	A Role = iota + 1
	B
)

// String returns "A", "B", or "neither".
func (r Role) String() string {
	switch r {
	case A:
		return "A"
	case B:
		return "B"
	default:
		return "neither"
	}
}

// Terms are what a permit fixes of a join. All of it is public to its parties.
type Terms struct {
	Job       string  `json:"job"`       // one in the life of the domains' journals; see jobs.ID
	Namespace string  `json:"namespace"` // natural-person or legal-person
	A         Party   `json:"a"`
	B         Party   `json:"b"`
	Cells     int     `json:"cells"`   // cells of B's attributes; 1: B does not tell people apart
	KMin      int     `json:"k_min"`   // people in both, below which nothing is decrypted
	Holders   []Share `json:"holders"` // the gate's share and the trustees', two at least; none if there is no slot
}

// A Party is one domain's part.
type Party struct {
	Domain string     `json:"domain"`
	Set    Commitment `json:"set"`
	Slots  int        `json:"slots"` // values that each person carries; 0: is counted only
	Clip   int64      `json:"clip"`  // no value is larger in size
}

// A Join is Terms that were found to make sense, with the holders' joint key.
type Join struct {
	terms  Terms
	digest [sha256.Size]byte
	key    group.Element // nil if there is no slot
	memory int           // bytes of records that are worked on at a time
}

// New checks terms, and every holder's proof.
func New(t Terms) (*Join, error) {
	t.Holders = slices.Clone(t.Holders)
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("reading the terms of a join: %w", err)
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("reading the terms of a join: %w", err)
	}
	j := &Join{terms: t, memory: chunkBytes, digest: sha256.Sum256(append([]byte("yunei psi terms v1\n"), raw...))}
	if t.A.Slots+t.B.Slots > 0 {
		if j.key, err = jointKey(t.Job, t.Holders); err != nil {
			return nil, fmt.Errorf("reading the terms of a join: %w", err)
		}
	}
	return j, nil
}

func (t Terms) check() error {
	if err := jobs.ID(t.Job); err != nil {
		return fmt.Errorf("job: %w", err)
	}
	if err := set.CheckNamespace(t.Namespace); err != nil {
		return err
	}
	for _, p := range []Party{t.A, t.B} {
		if err := p.check(); err != nil {
			return err
		}
	}
	if t.A.Domain == t.B.Domain {
		return fmt.Errorf("%s on both sides: %w", t.A.Domain, fault.Invalid)
	}
	if t.Cells < 1 || t.Cells > MaxCells || t.KMin < 1 || t.KMin > min(t.A.Set.Size, t.B.Set.Size) {
		return fmt.Errorf("%d cells, at least %d people: %w", t.Cells, t.KMin, fault.Invalid)
	}
	if points := t.Cells*t.A.Set.Size + t.B.Set.Size; points > MaxPoints {
		return fmt.Errorf("%d points, more than %d: %w", points, MaxPoints, fault.Exhausted)
	}
	if n := t.Cells*t.A.Set.Size*t.A.Slots + t.B.Set.Size*t.B.Slots; n > MaxCiphertexts {
		return fmt.Errorf("%d ciphertexts, more than %d: %w", n, MaxCiphertexts, fault.Exhausted)
	}
	if t.A.Slots+t.B.Slots == 0 && len(t.Holders) > 0 {
		return fmt.Errorf("holders of a key that nothing is encrypted to: %w", fault.Invalid)
	}
	return nil
}

func (p Party) check() error {
	if err := jobs.ID(p.Domain); err != nil {
		return fmt.Errorf("domain: %w", err)
	}
	if err := p.Set.Check(); err != nil {
		return fmt.Errorf("%s: %w", p.Domain, err)
	}
	if p.Slots < 0 || p.Slots > MaxSlots || (p.Slots == 0) != (p.Clip == 0) || p.Clip < 0 || p.Clip > MaxTotal/int64(p.Set.Size) {
		return fmt.Errorf("%s: %d slots of values up to %d from %d people: %w", p.Domain, p.Slots, p.Clip, p.Set.Size, fault.Invalid)
	}
	return nil
}

func (t Terms) party(r Role) Party {
	if r == A {
		return t.A
	}
	return t.B
}

// lists is how many lists a side sends.
func (t Terms) lists(r Role) int {
	if r == A {
		return t.Cells
	}
	return 1
}

func other(r Role) Role { return A + B - r }
