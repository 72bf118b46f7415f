package jobs

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/suite"
)

// A Join makes of terms a private join of two members' records by the number of
// the person or body (enclave/psi): how many are in both members' sets, and
// totals over those of what each member has on them, come out at the gate and
// nowhere else. There is no guest: the whole query is declared here and in the
// shape, and the sites evaluate it.
//
// The first member is side A and the second side B. Each of a member's columns
// is an integer that is added up over a person's rows and clipped to the bounds
// of its measure: the shape's measures are A's columns in their order and then
// B's. Where Cells names a column of codes of B's, which comes last among its
// columns, the shape's one dim lists its codes, and everybody without one of
// them is in the last cell, NoCode; otherwise the shape has one cell.
//
// Threshold is the fewest people in both sets for which anything is opened at
// all, and the fewest in a cell that is shown.
type Join struct {
	A     set.Commitment `json:"a"` // the sets, as the members' providers registered them
	B     set.Commitment `json:"b"`
	Cells string         `json:"cells,omitempty"`
}

// NoCode is the last cell of a join by codes: people of whom the column holds
// none of the listed ones.
const NoCode = "none"

// Bounds of a join, those of enclave/psi.
const (
	maxJoinCells = 64
	maxJoinTotal = 1 << 32      // of a side's values, people times the largest bound
	maxJoinLists = 1 << 25      // points
	maxJoinWork  = 1 << 22      // ciphertexts
	joinForm     = "join 1"     // version of how the sites evaluate the query
	JoinEngine   = "ristretto"  // what stands for an engine in a record of admission
	joinQuery    = "yunei join" // of Code
)

// Code names what computes: the program, or of a join the declared query and
// the version of how sites evaluate it.
func (t Terms) Code() suite.Digest {
	if t.Join == nil {
		return t.Program.Digest // of a verification none
	}
	raw, err := json.Marshal(struct {
		Join  *Join
		Shape Shape
	}{t.Join, t.Shape})
	if err != nil {
		panic("jobs: a join cannot be marshalled: " + err.Error()) // plain data only
	}
	return suite.DigestOf(append([]byte(joinQuery+" "+joinForm+"\n"), raw...))
}

// JoinForm is the version of how sites evaluate a join.
func JoinForm() string { return joinForm }

// Values are how many of the shape's measures are each side's.
func (t Terms) Values() (a, b int) {
	if t.Join == nil || len(t.Members) != 2 {
		return 0, 0
	}
	a, b = len(t.Members[0].Columns), len(t.Members[1].Columns)
	if t.Join.Cells != "" {
		b--
	}
	return a, b
}

// Sets are the members' sets, in the permit's order.
func (j Join) Sets() [2]set.Commitment { return [2]set.Commitment{j.A, j.B} }

// Clips are the largest sizes of a value of each side's, 0 for a side that has
// none.
func (t Terms) Clips() (a, b int64) {
	n, _ := t.Values()
	for i, m := range t.Shape.Measures {
		if i < n {
			a = max(a, m.Bound())
		} else {
			b = max(b, m.Bound())
		}
	}
	return a, b
}

// checkJoin reports what a join does not do, or cannot.
func (t Terms) checkJoin() error {
	j := t.Join
	switch {
	case len(t.Members) != 2 || t.KMin != 2:
		return errors.New("join: want two members, and k_min of 2")
	case t.Program != (Program{}) || len(t.Params) > 0 || t.Limits != (Limits{}) || t.Engines != "":
		return errors.New("join: the query is declared, so that there is no program, no parameter, limit or engine of one")
	case t.Mode != SDC:
		return errors.New("join: only in mode sdc; noise for one person's values would not cover what a site could do to them")
	case t.Trustees.Quorum != len(t.Trustees.Members):
		return errors.New("join: every trustee holds a share that is needed, so that the quorum is all of them")
	case j.A == j.B:
		return errors.New("join: a set with itself")
	}
	if err := errors.Join(j.A.Check(), j.B.Check(), set.CheckNamespace(t.Shape.Namespace)); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	return errors.Join(t.checkJoinShape(), t.checkJoinWork())
}

func (t Terms) checkJoinShape() error {
	s := t.Shape
	switch a, b := t.Values(); {
	case len(s.Margins) > 0 || s.L0 != 1 || s.Grouping.Batch != 0 || s.Grouping.Blocks != 0 || s.Grouping.Batches != 0 || len(s.Grouping.Default) > 0:
		return errors.New("join: the shape has no totals and no groups, and a person is in one cell")
	case b < 0 || a+b != len(s.Measures):
		return errors.New("join: want a measure for every column but that of the cells, the first member's and then the second's")
	case len(s.Dims) != 1:
		return errors.New("join: want one dim")
	}
	codes, member := s.Dims[0].Codes, t.Members[1]
	if t.Join.Cells == "" {
		if len(codes) != 1 {
			return errors.New("join: without a column of codes there is one cell")
		}
		return nil
	}
	if len(codes) < 2 || len(codes) > maxJoinCells || codes[len(codes)-1] != NoCode || member.Columns[len(member.Columns)-1] != t.Join.Cells {
		return fmt.Errorf("join: want the codes of the second member's last column, at most %d, and %q after them", maxJoinCells-1, NoCode)
	}
	return nil
}

// checkJoinWork refuses what is more than a join's parties would take on.
func (t Terms) checkJoinWork() error {
	cells, j := max(1, t.Shape.Cells()), t.Join
	a, b := t.Values()
	clipA, clipB := t.Clips()
	if cells*j.A.Size+j.B.Size > maxJoinLists || cells*j.A.Size*a+j.B.Size*b > maxJoinWork {
		return errors.New("join: the sets are too large for so many cells and values")
	}
	if int64(j.A.Size)*clipA > maxJoinTotal || int64(j.B.Size)*clipB > maxJoinTotal {
		return fmt.Errorf("join: people times the bound of a value must stay within %d: want lower bounds or coarser units", int64(maxJoinTotal))
	}
	return nil
}

// Joinable refuses a join in which too few people can be in both sets, whoever
// they are.
func (t Terms) Joinable() error {
	if j := t.Join; j != nil && int64(min(j.A.Size, j.B.Size)) < t.Threshold {
		return fault.Refuse("join-set", "house")
	}
	return nil
}
