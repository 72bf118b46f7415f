package psi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// A Commitment is to a set of numbers: the root of an RFC 6962 Merkle tree
// over them, sorted and each once, and how many there are. Leaves are salted
// under a secret of the provider's, without which the root tells nothing of a
// number, and with which the provider can show one without showing another.
// The provider signs it as a fact about a dataset version.
type Commitment struct {
	Root string `json:"root"` // 64 hex digits
	Size int    `json:"size"`
}

func (c Commitment) check() error {
	raw, err := hex.DecodeString(c.Root)
	if err != nil || len(raw) != sha256.Size || hex.EncodeToString(raw) != c.Root || c.Size < 1 || c.Size > MaxSet {
		return fmt.Errorf("a commitment is not a root and 1 to %d numbers: %w", MaxSet, fault.Invalid)
	}
	return nil
}

// Commit commits to ids: canonical numbers of the namespace, rising, each once.
func Commit(namespace string, salt suite.Salt, ids iter.Seq2[string, error]) (Commitment, error) {
	if err := checkNamespace(namespace); err != nil {
		return Commitment{}, fmt.Errorf("committing to a set: %w", err)
	}
	t := newTree(namespace, salt, MaxSet)
	for id, err := range ids {
		if err == nil {
			err = t.add(id)
		}
		if err != nil {
			return Commitment{}, fmt.Errorf("committing to a set: number %d: %w", t.n, err)
		}
	}
	if t.n == 0 {
		return Commitment{}, fmt.Errorf("committing to a set: it is empty: %w", fault.Invalid)
	}
	return t.commitment(), nil
}

// A tree hashes a set as it passes, and keeps a hash for each level.
type tree struct {
	namespace string
	salt      suite.Salt
	last      string
	n, most   int
	stack     [][sha256.Size]byte // of the full subtrees, largest first, one for each bit of n
}

func newTree(namespace string, salt suite.Salt, most int) *tree {
	return &tree{namespace: namespace, salt: salt, most: most}
}

func (t *tree) add(id string) error {
	if t.n == t.most {
		return fmt.Errorf("there are more than %d: %w", t.most, fault.Exhausted)
	}
	if err := checkID(t.namespace, id); err != nil {
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
func (t *tree) leaf(id string) [sha256.Size]byte {
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

func (t *tree) commitment() Commitment {
	if t.n == 0 {
		return Commitment{}
	}
	root := t.stack[len(t.stack)-1]
	for i := len(t.stack) - 2; i >= 0; i-- {
		root = node(t.stack[i], root)
	}
	return Commitment{Root: hex.EncodeToString(root[:]), Size: t.n}
}

// is says whether what was added is what was committed to.
func (t *tree) is(c Commitment) error {
	if t.commitment() != c {
		return fmt.Errorf("the set is not the one that was committed to: %w", fault.Tampered)
	}
	return nil
}
