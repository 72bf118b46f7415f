package jobs

import (
	"errors"
	"fmt"
)

// A Grouping says what a guest sees in one visit. The zero Grouping is one
// unit at a time: the reference, and the least sensitive. Which batch or block
// a unit is in is a keyed hash of the unit modulo a number of the permit, never
// its position, so that a unit that comes or goes changes one visit of each
// dataset it stands in.
//
// Batches. Batch is the most units in a batch, Batches the modulus: a batch
// keeps the Batch units of the lowest hash. Each record names its unit, and the
// host counts, clips and keeps L0 cells for each by itself, so that whatever a
// guest says of one unit is bounded like that unit. A batch whose visit fails
// contributes nothing. One unit can change what the guest says of all others in
// its batch, and push one of them out: 2 Batch times what one unit moves.
//
// Blocks. Any program as a black box (sample and aggregate: Mohan, Thakurta,
// Shi, Song, Culler, GUPT, SIGMOD 2012). Blocks is their number; an empty block
// is visited too. A block gives one bounded vector: its totals, clipped for
// each cell and measure, in as many cells as it likes (L0 is all cells). The
// units measure then counts blocks that answered for the cell. A block that
// fails counts Default, and 1 unit, in every cell. One unit moves its block
// from anywhere to anywhere: Hi-Lo in every cell.
type Grouping struct {
	Batch   int     `json:"batch,omitempty"`
	Batches int     `json:"batches,omitempty"`
	Blocks  int     `json:"blocks,omitempty"`
	Default []int64 `json:"default,omitempty"` // one for each of Shape.Measures, within its bounds
}

// Bounds of a grouping.
const (
	MaxBatch   = 1 << 14
	MaxBatches = 1 << 20
	MaxBlocks  = 1 << 16
)

func (g Grouping) check(s Shape) error {
	switch {
	case g.Blocks != 0:
		return g.checkBlocks(s)
	case g.Default != nil:
		return errors.New("grouping: only blocks have a default")
	case g.Batch == 0 && g.Batches == 0:
		return nil
	case g.Batch < 1 || g.Batch > MaxBatch || g.Batches < 1 || g.Batches > MaxBatches:
		return fmt.Errorf("grouping: want 1 to %d batches of 1 to %d units", MaxBatches, MaxBatch)
	}
	return nil
}

func (g Grouping) checkBlocks(s Shape) error {
	switch {
	case g.Batch != 0 || g.Batches != 0:
		return errors.New("grouping: want batches or blocks, not both")
	case g.Blocks < 1 || g.Blocks > MaxBlocks:
		return fmt.Errorf("grouping: want 1 to %d blocks", MaxBlocks)
	case s.L0 != s.Cells():
		return fmt.Errorf("grouping: a block answers for every cell: l0 must be %d", s.Cells())
	case len(g.Default) != len(s.Measures):
		return errors.New("grouping: blocks want one default for each measure")
	}
	for i, m := range s.Measures {
		if g.Default[i] < m.Lo || g.Default[i] > m.Hi {
			return fmt.Errorf("grouping: the default of %s is beyond its bounds", m.Name)
		}
	}
	return nil
}
