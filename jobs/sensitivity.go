package jobs

import (
	"fmt"
	"math/big"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/noise"
)

// Sensitivity is how far the cubes of two neighbouring states (all rows of one
// unit key present or absent) can be apart in one measure, when the unit may
// stand in pairs (domain, dataset) of the same namespace: in the same cells,
// so that every norm grows with pairs and none with its root.
type Sensitivity struct {
	Linf, L1, L2Squared *big.Int
}

// Sensitivity of measure m, an index into All, for a unit in pairs datasets,
// whatever the guest: see Grouping for what one unit can change.
func (s Shape) Sensitivity(m, pairs int) Sensitivity {
	measure := s.All()[m]
	reach := measure.Bound() // of one cell, in one dataset
	switch g := s.Grouping; {
	case g.Blocks > 0:
		reach = measure.Hi - measure.Lo
	case g.Batch > 0:
		reach *= 2 * int64(g.Batch)
	}
	c := new(big.Int).Mul(big.NewInt(reach), big.NewInt(int64(pairs)))
	cells := big.NewInt(int64(s.L0)) // of blocks: all
	return Sensitivity{
		Linf:      c,
		L1:        new(big.Int).Mul(cells, c),
		L2Squared: new(big.Int).Mul(cells, new(big.Int).Mul(c, c)),
	}
}

// Rho is what one draw of the whole cube costs in zCDP (Bun, Steinke 2016) when
// so many members add their noise honestly: the sum over measures of what each
// costs (noise.Distributed), for one member L2^2 / (2 sigma^2). It is an error
// of kind Denied to ask for it when a measure has no noise, or too little to be
// shared among several.
func (s Shape) Rho(pairs, honest int) (*big.Rat, error) {
	rho := new(big.Rat)
	for i, m := range s.All() {
		if m.Sigma == 0 {
			return nil, fmt.Errorf("measure %s has no noise: %w", m.Name, fault.Denied)
		}
		l2squared := new(big.Rat).SetInt(s.Sensitivity(i, pairs).L2Squared)
		cost, err := noise.Distributed(l2squared, s.Cells(), new(big.Rat).SetInt(new(big.Int).SetUint64(m.Sigma)), honest)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", m.Name, err)
		}
		rho.Add(rho, cost)
	}
	return rho, nil
}
