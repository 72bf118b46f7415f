package lease

import (
	"slices"
	"testing"

	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
)

// One trustee that adds another's line to its own must not spoil the tree.
func TestPoisonedLine(t *testing.T) {
	w := newTown(t)
	w.says(0, 1, w.wall)
	w.says(1, 1, w.wall)
	s := w.checkpoint(all(w.wall))
	size := w.tree.Size()
	one := msg.CosignatureSubject(size, "trustee-1")
	s[one] = slices.Concat(s[one], s[msg.CosignatureSubject(size, "trustee-2")])
	w.show(s)
	w.want("two honest trustees have cosigned", "")
}

// What the committee of another permit says of the time stops nothing under this
// one, and moves nobody's clock by more than the tolerance.
func TestOtherCommittee(t *testing.T) {
	w := newTown(t)
	small := w.Terms()
	small.Trustees.Members, small.Trustees.Quorum = small.Trustees.Members[:2], 2
	w.says(0, 1, w.wall)
	w.says(1, 1, w.wall)
	w.show(w.checkpoint(all(w.wall)))
	w.book.heed(committee(small), w.wall.AddDate(10, 0, 0))
	w.want("the first permit", "")
	if ahead := w.book.Now().Sub(w.wall); ahead != msg.Tolerance {
		t.Errorf("%v ahead of the local clock", ahead)
	}
	w.book.heed(committee(w.Terms()), w.wall.AddDate(10, 0, 0))
	w.want("its own committee", party.SlowClock)
}
