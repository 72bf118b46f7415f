package release

import (
	"encoding/json"
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/storage/ledger/proof"
)

// MaxNotice bounds a notice, in bytes.
const MaxNotice = 1 << 20

// A Notice is what shows a stranger that a release was taken back: the withdrawal,
// signed by one whom the run's own terms name, and where a ledger that pinned
// trustees have cosigned holds it. The zero Notice shows nothing.
type Notice struct {
	Statement  json.RawMessage `json:"statement"` // receipt of kind governance.Withdraw
	Index      uint64          `json:"index"`
	Proof      [][]byte        `json:"proof"` // RFC 6962 inclusion proof, hashes of 32 bytes
	Checkpoint string          `json:"checkpoint"`
}

// ParseNotice reads a notice. Errors are of kind Invalid or Exhausted.
func ParseNotice(raw []byte) (Notice, error) {
	var n Notice
	if len(raw) > MaxNotice {
		return n, fmt.Errorf("reading a withdrawal: %d bytes: %w", len(raw), fault.Exhausted)
	}
	if err := strict(raw, &n); err != nil {
		return Notice{}, fmt.Errorf("reading a withdrawal: %w", err)
	}
	return n, nil
}

// Bytes is the file.
func (n Notice) Bytes() []byte {
	raw, err := json.Marshal(n)
	if err != nil {
		return nil // Statement is no JSON: nothing that ParseNotice takes
	}
	return raw
}

// Withdrawn judges by pins whether a notice takes a bundle back, offline, and
// returns the withdrawal and the tree that holds it. The bundle is taken to hold:
// ask Verify first. Errors: Tampered for a notice of another release, by a key that
// the bundle's terms do not name, or in no tree with enough cosignatures.
func Withdrawn(bundle []byte, n Notice, pins Pins) (governance.Withdrawal, proof.Tree, error) {
	w, tree, err := withdrawn(bundle, n, pins)
	if err != nil {
		return governance.Withdrawal{}, proof.Tree{}, fmt.Errorf("judging a withdrawal: %w", err)
	}
	return w, tree, nil
}

func withdrawn(bundle []byte, n Notice, pins Pins) (governance.Withdrawal, proof.Tree, error) {
	var none governance.Withdrawal
	if err := pins.Check(); err != nil {
		return none, proof.Tree{}, err
	}
	b, err := Parse(bundle)
	if err != nil {
		return none, proof.Tree{}, err
	}
	raw, ok := b.file.at(permitSubject(b.file.Run))
	if !ok {
		return none, proof.Tree{}, fmt.Errorf("no permit: %w", fault.Denied)
	}
	permit, err := jobs.OpenPermit(raw, pins.Providers)
	if err != nil {
		return none, proof.Tree{}, err
	}
	w, r, err := governance.OpenWithdrawal(n.Statement, b.file.Run, permit.Terms())
	if err != nil {
		return none, proof.Tree{}, err
	}
	tree, err := pins.tree(n.Checkpoint)
	if err != nil {
		return none, proof.Tree{}, err
	}
	return w, tree, proof.Included(tree, []byte(r.Digest()), n.Index, n.Proof)
}

// tree is that of a checkpoint which as many pinned trustees as there must be have
// cosigned.
func (p Pins) tree(checkpoint string) (proof.Tree, error) {
	key, err := p.Log.Key.Ed25519()
	if err != nil {
		return proof.Tree{}, err
	}
	witnesses, err := p.witnesses()
	if err != nil {
		return proof.Tree{}, err
	}
	return proof.Verify([]byte(checkpoint), key, p.Log.Origin, witnesses, p.Witnesses)
}
