package papers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/suite"
)

// A Lock fixes an entry as it was published (审定后锁定): which paper, by which case
// as that ended. It stands in the ledger, which takes the place of a chain of
// catalogues (目录链) of a city's own; Anchor is where such a chain is connected.
type Lock struct {
	Dataset string       `json:"dataset"`
	Case    string       `json:"case"` // catalogue.review, ended published
	Head    suite.Digest `json:"head"` // of that case as it ended
	Sheet   suite.Digest `json:"sheet"`
}

// LockOf locks the paper of a sheet by a case. Errors are of kind Invalid.
func LockOf(caseID string, head suite.Digest, raw []byte) (Lock, error) {
	s, err := Read[Sheet](raw, KindSheet)
	if err != nil {
		return Lock{}, fmt.Errorf("locking an entry: %w", err)
	}
	if !id(caseID) || head.Hex() == "" || !id(s.Dataset) {
		return Lock{}, fmt.Errorf("locking an entry by no case: %w", fault.Invalid)
	}
	return Lock{s.Dataset, caseID, head, suite.DigestOf(raw)}, nil
}

// Bytes is what the ledger is given: one spelling of a lock.
func (l Lock) Bytes() ([]byte, error) {
	raw, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("writing a lock: %w", err)
	}
	return raw, nil
}

// Holds reports whether raw is the paper that was locked. Another one is of kind
// Tampered.
func (l Lock) Holds(raw []byte) error {
	if l.Sheet.Hex() == "" || suite.DigestOf(raw) != l.Sheet {
		return fmt.Errorf("holding an entry against its lock: %w", fault.Tampered)
	}
	return nil
}

// Next reports whether another lock may follow: of the same dataset, by another
// case. A published entry never changes within its case. The error is of kind
// Denied.
func (l Lock) Next(n Lock) error {
	if n.Dataset != l.Dataset || n.Case == l.Case || n.Head == l.Head || n.Head.Hex() == "" || n.Sheet.Hex() == "" {
		return fmt.Errorf("changing a published entry without a case of its own: %w", fault.Denied)
	}
	return nil
}

// Differs lists the columns in which a registered dataset is not the one that the
// sheet describes: that one of them has alone, or whose type is a number of persons
// or bodies where the sheet's item says it is not about such.
func (s Sheet) Differs(e governance.Entry) []string {
	var all []string
	reviewed := map[string]Item{}
	for _, i := range s.Items {
		reviewed[i.Column] = i
	}
	for _, c := range e.Columns {
		i, ok := reviewed[c.Name]
		if !ok || subjects[c.Type] != "" && (i.Subject != subjects[c.Type] || i.Identifier == "") {
			all = append(all, c.Name)
		}
		delete(reviewed, c.Name)
	}
	delete(reviewed, "") // an item that the dataset does not have
	return append(all, slices.Sorted(maps.Keys(reviewed))...)
}

// Columns are the columns that the sheet's items name, sorted. An entry of the
// catalogue whose columns are others is not the one that was reviewed.
func (s Sheet) Columns() []string {
	var all []string
	for _, i := range s.Items {
		if i.Column != "" && !slices.Contains(all, i.Column) {
			all = append(all, i.Column)
		}
	}
	slices.Sort(all)
	return all
}

// An Anchor puts a lock on a chain of catalogues outside the product and returns
// what the chain says of it.
type Anchor interface {
	Anchor(ctx context.Context, l Lock) (receipt string, err error)
	Name() (zh, en string)
}

// NotConnected is the one anchor of this version: there is no chain, nothing is
// sent, and its name says so. Locks are in the ledger alone.
type NotConnected struct{}

// Anchor sends nothing. The error is of kind NotFound.
func (NotConnected) Anchor(context.Context, Lock) (string, error) {
	return "", fmt.Errorf("anchoring an entry: no chain of catalogues is connected: %w", fault.NotFound)
}

// Name says that nothing is connected.
func (NotConnected) Name() (zh, en string) {
	return "目录链：未对接（由本平台账本代替）", "chain of catalogues: not connected (the ledger takes its place)"
}
