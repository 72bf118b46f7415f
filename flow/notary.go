package flow

import (
	"context"
	"errors"
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/suite"
)

// Enter puts the digest of a statement that belongs to no run in the ledger.
func (f *Flow) Enter(ctx context.Context, d suite.Digest) (index uint64, err error) {
	if index, err = f.Ledger.Append(ctx, []byte(d)); err != nil {
		return 0, fmt.Errorf("appending to the ledger: %w", err)
	}
	return index, nil
}

// Announce puts a person's order or lift on the board, where every party hears it;
// the same again is no second one.
func (f *Flow) Announce(ctx context.Context, r receipt.Receipt) error {
	return f.Board.Post(ctx, msg.OrderSubject(r.Digest()), r.Bytes())
}

// Prove shows a leaf of the ledger in a checkpoint that the trustees have witnessed.
func (f *Flow) Prove(ctx context.Context, index uint64, trustees []jobs.Process) (checkpoint []byte, hashes [][]byte, err error) {
	if checkpoint, err = f.checkpoint(ctx, index, trustees); err != nil {
		return nil, nil, err
	}
	key, err := f.Key.Public().Ed25519()
	if err != nil {
		return nil, nil, err
	}
	tree, err := proof.Verify(checkpoint, key, f.Origin, nil, 0)
	if err != nil {
		return nil, nil, err
	}
	hashes, err = f.Ledger.Inclusion(ctx, index, tree.Size)
	return checkpoint, hashes, err
}

// Entry is the coordinator's statement by which a run was released: NotFound if it
// was not.
func (f *Flow) Entry(_ context.Context, run string) (receipt.Receipt, error) {
	v, err := f.View(run)
	if err != nil {
		return receipt.Receipt{}, err
	}
	r, ok := v.Receipt(0, msg.Release, v.Terms().Coordinator.Name)
	if !ok {
		return receipt.Receipt{}, fault.NotFound
	}
	return r, nil
}

// stands reports whether the coordinator may take a step that is not a release: not
// while a decision on record holds something of the run. What others hold stops
// them, and the coordinator only before it lets anything out.
func (f *Flow) stands(v *msg.View) error {
	if f.Orders == nil {
		return nil
	}
	return f.Orders.Check(v)
}

// mayRelease asks what is on record here, what every party goes by, and, of what
// people have approved, the rules.
func (f *Flow) mayRelease(v *msg.View) error {
	if err := f.stands(v); err != nil {
		return err
	}
	if err := f.Stands(v); err != nil || State(v) != jobs.Approved {
		return err
	}
	if f.Rules == nil {
		return party.Waits{Code: party.Ruled, Who: []string{msg.Bureau}}
	}
	return f.Rules.Check(v)
}

// ordered reports whether a run waits for people, and for whom.
func (f *Flow) ordered(v *msg.View) (party.Waits, bool) {
	return errors.AsType[party.Waits](f.mayRelease(v))
}
