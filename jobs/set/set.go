// Package set commits to the numbers of the persons or bodies that a version of
// a dataset is about, so that a provider can sign which they are without
// saying who. A join (jobs.Join) is of two such sets, and a site sends the set
// that was committed to or nothing.
//
// A Commitment binds whoever made it, and nobody else can check it without the
// salt: it hides as long as that stays in the domain. It says nothing about
// whether the numbers are true.
package set

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/suite"
)

// The namespaces whose units have numbers; they are those of package jobs.
const (
	NaturalPerson = "natural-person"
	LegalPerson   = "legal-person"
)

// Max is the most numbers that a set has.
const Max = 1 << 24

// A Commitment is to a set of numbers: the root of an RFC 6962 Merkle tree
// over them, sorted and each once, and how many there are. Leaves are salted
// under a secret of the provider's, without which the root tells nothing of a
// number, and with which the provider can show one without showing another.
// The provider signs it as a fact about a dataset version.
type Commitment struct {
	Root string `json:"root"` // 64 hex digits
	Size int    `json:"size"`
}

// Check reports a commitment that is none, as an error of kind Invalid.
func (c Commitment) Check() error {
	raw, err := hex.DecodeString(c.Root)
	if err != nil || len(raw) != sha256.Size || hex.EncodeToString(raw) != c.Root || c.Size < 1 || c.Size > Max {
		return fmt.Errorf("a commitment is not a root and 1 to %d numbers: %w", Max, fault.Invalid)
	}
	return nil
}

// Commit commits to ids: canonical numbers of the namespace, rising, each once.
func Commit(namespace string, salt suite.Salt, ids iter.Seq2[string, error]) (Commitment, error) {
	if err := CheckNamespace(namespace); err != nil {
		return Commitment{}, fmt.Errorf("committing to a set: %w", err)
	}
	t := NewTree(namespace, salt, Max)
	for id, err := range ids {
		if err == nil {
			err = t.Add(id)
		}
		if err != nil {
			return Commitment{}, fmt.Errorf("committing to a set: number %d: %w", t.n, err)
		}
	}
	if t.n == 0 {
		return Commitment{}, fmt.Errorf("committing to a set: it is empty: %w", fault.Invalid)
	}
	return t.Commitment(), nil
}

// CheckNamespace refuses a namespace whose units have no numbers.
func CheckNamespace(s string) error {
	if s != NaturalPerson && s != LegalPerson {
		return fmt.Errorf("nothing is joined by a number of namespace %q: %w", s, fault.Invalid)
	}
	return nil
}

// CheckID refuses a number that is not in its canonical form. Nothing of it is
// in the error.
func CheckID(namespace, id string) error {
	var canonical string
	if namespace == NaturalPerson {
		p, err := ident.Person(id)
		if err != nil {
			return err
		}
		canonical = p.Canonical()
	} else {
		b, err := ident.Body(id)
		if err != nil {
			return err
		}
		canonical = b.Canonical()
	}
	if canonical != id {
		return fmt.Errorf("a number is not in its canonical form: %w", fault.Invalid)
	}
	return nil
}

// A Tree hashes a set as it passes, and keeps a hash for each level.
type Tree struct {
	namespace string
	salt      suite.Salt
	last      string
	n, most   int
	stack     [][sha256.Size]byte // of the full subtrees, largest first, one for each bit of n
}

// NewTree begins a set of at most that many numbers.
func NewTree(namespace string, salt suite.Salt, most int) *Tree {
	return &Tree{namespace: namespace, salt: salt, most: most}
}

// Len is how many numbers were added.
func (t *Tree) Len() int { return t.n }

// Add adds the next number. One that is not canonical, or does not rise, is of
// kind Invalid; one too many is of kind Exhausted.
func (t *Tree) Add(id string) error {
	if t.n == t.most {
		return fmt.Errorf("there are more than %d: %w", t.most, fault.Exhausted)
	}
	if err := CheckID(t.namespace, id); err != nil {
		return err
	}
	if id <= t.last {
		return fmt.Errorf("a number does not come after the one before it: %w", fault.Invalid)
	}
	t.last = id
	hash := t.leaf(id)
	for m := t.n; m&1 == 1; m >>= 1 {
		end := len(t.stack) - 1
		hash = node(t.stack[end], hash)
		t.stack = t.stack[:end]
	}
	t.stack = append(t.stack, hash)
	t.n++
	return nil
}

// leaf hashes a number with a salt of its own.
func (t *Tree) leaf(id string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, t.salt[:])
	fmt.Fprintf(mac, "yunei psi leaf salt v1\n%s\n%s", t.namespace, id)
	b := append([]byte{0}, "yunei psi leaf v1\n"...)
	b = fmt.Appendf(b, "%s\n", t.namespace)
	b = mac.Sum(b)
	return sha256.Sum256(append(b, id...))
}

func node(left, right [sha256.Size]byte) [sha256.Size]byte {
	b := append([]byte{1}, left[:]...)
	return sha256.Sum256(append(b, right[:]...))
}

// Commitment is to what was added.
func (t *Tree) Commitment() Commitment {
	if t.n == 0 {
		return Commitment{}
	}
	root := t.stack[len(t.stack)-1]
	for i := len(t.stack) - 2; i >= 0; i-- {
		root = node(t.stack[i], root)
	}
	return Commitment{Root: hex.EncodeToString(root[:]), Size: t.n}
}

// Is reports, as an error of kind Tampered, that what was added is not what was
// committed to.
func (t *Tree) Is(c Commitment) error {
	if t.Commitment() != c {
		return fmt.Errorf("the set is not the one that was committed to: %w", fault.Tampered)
	}
	return nil
}
