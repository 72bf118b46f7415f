package site

import (
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/register"
	"github.com/yunei/yunei/jobs"
)

// Contributions are what the units of a version came to in a run of mode sdc:
// what the domain judges its own cells by, and what its register keeps. The
// i-th is a unit's in one cell, of whose measures values and given hold each
// one.
type contributions struct {
	measures int
	of       [][16]byte // names of the units of the visit in hand
	units    [][16]byte
	cells    []uint32
	values   []int64
	given    []bool
}

// take adds a contribution of the visit in hand.
func (c *contributions) take(x jobs.Contribution) {
	c.measures = len(x.Values)
	c.units, c.cells = append(c.units, c.of[x.Unit]), append(c.cells, x.Cell)
	c.values, c.given = append(c.values, x.Values...), append(c.given, x.Given...)
}

// joined are the contributions that the members of a crew gathered. A unit is
// shown to one of them.
func joined(parts []contributions) contributions {
	all := parts[0]
	for _, p := range parts[1:] {
		all.measures = max(all.measures, p.measures)
		all.units, all.cells = append(all.units, p.units...), append(all.cells, p.cells...)
		all.values, all.given = append(all.values, p.values...), append(all.given, p.given...)
		p.erase()
	}
	return all
}

func (c *contributions) at(i int) (values []int64, given []bool) {
	return c.values[i*c.measures : (i+1)*c.measures], c.given[i*c.measures : (i+1)*c.measures]
}

// table is the evidence of the contributions.
func (c *contributions) table(s jobs.Shape) (*evidence.Table, error) {
	t, err := evidence.New(s.Lists(), s.Cells(), len(s.Measures))
	if err != nil {
		return nil, err
	}
	for i, cell := range c.cells {
		if err := t.Add(cell, c.values[i*c.measures:(i+1)*c.measures], c.given[i*c.measures:(i+1)*c.measures]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// registered are the contributions as the register takes them.
func (c *contributions) registered() []register.Contribution {
	all := make([]register.Contribution, len(c.cells))
	for i := range all {
		values, _ := c.at(i)
		all[i] = register.Contribution{Unit: c.units[i], Cell: c.cells[i], Values: values}
	}
	return all
}

func (c *contributions) erase() {
	clear(c.values)
	clear(c.units)
}
