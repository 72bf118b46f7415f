package evidence

import (
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
)

// Why the sum of the domains is safe when each domain judged its own.
//
// Units. If in an item every domain has 0 units with a value, or at least t,
// then so has their union, however many units stand in several domains: a
// non-empty union holds at least the t of one domain. Nothing is said to be
// disjoint. The sum of the counts would not do: five people in two domains are
// ten in the sum.
//
// p%. Write x_ud >= 0 for what unit u contributes in domain d, X_d for the
// domain's total, and x1_d >= x2_d >= ... for its contributions in order. Let
// every non-empty domain be safe: X_d - x1_d - ... - x(c+1)_d >= p x1_d for
// coalitions of c. Take any unit u and any coalition K of c others. In each
// domain
//
//	X_d - x_ud - sum of x_vd over K >= X_d - x1_d - ... - x(c+1)_d >= p x1_d >= p x_ud,
//
// for the c+1 largest are the most that c+1 units can have. Add over d: the
// union's total, without u's part in all domains and without the coalition's,
// is at least p times u's part in all domains. Overlap is included.
//
// (n,k). For any n units N, in each domain the sum of x_ud over N is at most
// x1_d + ... + xn_d <= k X_d; add over d. The strict option (1,k) is the same.
//
// It needs all of this, and the tests show each to be needed: contributions are
// not negative (of signed values judged by absolute size, those of one unit
// can cancel over the domains, and so can the others'); a holding is grouped
// alike in all domains, by the same key of the same namespace; p, c, n and k
// are the same everywhere; and every non-empty domain obeys.
//
// What does not compose is C10. Two domains with different values in each may
// add up to the same value for each unit that stands in both. Nobody can see
// that in the sum, unless the value is a bound of the clip and the sum is that
// bound times the units; and then each domain's values were all at the bound,
// and the domain flagged the item. C09 is left to people for the first reason above.
//
// What is hidden of a line together is no item that a domain judges: the gate
// sees to it that it has a threshold of units for each domain and one more, so
// that one domain alone has enough. A member that subtracts its own part can be
// left with fewer.

// Rederive makes the judgement again, from the sealed evidence of each domain
// and the parameters: the flags of each, and for each item 1 if any domain
// hides it. The evidence must be of one shape. An error is of kind Invalid, or
// of kind Tampered where the domains' shapes differ.
func Rederive(sealed [][]byte, p params.Parameters) (flags [][]Flag, hidden []int64, err error) {
	if err := p.Check(); err != nil {
		return nil, nil, fmt.Errorf("judging evidence again: %w", err)
	}
	var first *Table
	for i, raw := range sealed {
		t, err := Parse(raw)
		if err != nil {
			return nil, nil, fmt.Errorf("judging evidence again: domain %d: %w", i, err)
		}
		if first == nil {
			first, hidden = t, make([]int64, t.Items())
		}
		if !first.alike(t) {
			return nil, nil, fmt.Errorf("judging evidence again: domain %d has another shape: %w", i, fault.Tampered)
		}
		flags = append(flags, Judge(t, p))
		for item, f := range Flags(flags[i], t.Items()) {
			hidden[item] |= f
		}
	}
	if first == nil {
		return nil, nil, fmt.Errorf("judging evidence again: no evidence: %w", fault.Invalid)
	}
	return flags, hidden, nil
}
