package site

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"

	"github.com/yunei/yunei/enclave/psi"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/roll"
	"github.com/yunei/yunei/storage/seal"
)

// joints are the rounds of joins that the site is in, in memory only.
type joints struct {
	sync.Mutex
	of map[string]*joint
}

// roll opens the numbers of a version, if the domain keeps them.
func (s *Site) roll(ctx context.Context, m jobs.Member) (*roll.Roll, func(), error) {
	name, err := roll.Name(m.Dataset, m.Version)
	if err != nil {
		return nil, nil, err
	}
	o, err := seal.Get(ctx, s.Store, s.Seal, name)
	if errors.Is(err, fault.NotFound) {
		return nil, nil, fault.Refuse("join-set", "house")
	}
	if err != nil {
		return nil, nil, err
	}
	r, err := roll.Open(o, o.Size())
	if err != nil {
		_ = o.Close() // read only
		return nil, nil, err
	}
	return r, func() { _ = o.Close() }, nil
}

// hasValues refuses a column that is not an integer, or a code that the column
// of the cells does not list.
func (s *Site) hasValues(ctx context.Context, v *msg.View, m jobs.Member) error {
	version, closeData, err := s.open(ctx, m)
	if err != nil {
		return err
	}
	defer closeData()
	t := v.Terms()
	cells := s.cellsOf(v)
	for _, name := range m.Columns {
		i := slices.IndexFunc(version.Schema().Readable(), func(c columns.Column) bool { return c.Name == name })
		if i < 0 {
			return fault.Refuse("column", "")
		}
		c := version.Schema().Readable()[i]
		if name != cells {
			if c.Type != columns.Int64 {
				return fault.Refuse("column", "")
			}
			continue
		}
		for _, code := range t.Shape.Dims[0].Codes[:t.Shape.Cells()-1] {
			if !slices.Contains(c.Codes, code) {
				return fault.Refuse("column", "")
			}
		}
	}
	return nil
}

// cellsOf is the column of the site's own that says which cell a person is in,
// "" if none does.
func (s *Site) cellsOf(v *msg.View) string {
	if v.Sites()[1] != s.Name {
		return ""
	}
	return v.Terms().Join.Cells
}

// Holdings are what a site has on its units, by a name that stands for the unit's
// key in this round only. nil of holds nothing: the site is counted, no more.
type holdings struct {
	secret []byte
	space  string
	of     map[[16]byte]holding
}

type holding struct {
	cell   int
	values []int64
}

func (p holdings) erase() {
	for _, one := range p.of {
		clear(one.values)
	}
	clear(p.of)
}

// values reads what the site has on its units, a person's rows together: each
// column is added up and clipped to its measure's bounds, and of several codes
// the first of the list counts.
func (s *Site) values(ctx context.Context, v *msg.View, m jobs.Member, role psi.Role) (holdings, error) {
	t := v.Terms()
	out := holdings{space: t.Shape.Namespace}
	if len(m.Columns) == 0 {
		return out, nil
	}
	version, closeData, err := s.open(ctx, m)
	if err != nil {
		return holdings{}, err
	}
	defer closeData()
	measures := t.Shape.Measures
	if a, _ := t.Values(); role == psi.A {
		measures = measures[:a]
	} else {
		measures = measures[a:]
	}
	out.secret, out.of = s.derive("join of "+v.ID()), map[[16]byte]holding{}
	cells := cellsAt(version.Schema(), s.cellsOf(v), t.Shape.Dims[0].Codes)
	q := columns.Query{Columns: m.Columns, MaxRows: math.MaxInt32}
	for shard := range version.Shards() {
		err := version.Units(ctx, shard, q, func(u columns.Unit) error {
			one := holding{values: make([]int64, len(measures))}
			for i := range measures {
				one.values[i] = total(u.Columns[i], measures[i])
			}
			if cells != nil {
				one.cell = t.Shape.Cells() - 1
				for i, code := range u.Columns[len(measures)].I32 {
					if valid := u.Columns[len(measures)].Valid; valid == nil || valid[i] {
						one.cell = min(one.cell, cells[code])
					}
				}
			}
			name := u.Seed(out.secret)
			out.of[[16]byte(name[:16])] = one
			return nil
		})
		if err != nil {
			return holdings{}, fmt.Errorf("reading values for a join: %w", err)
		}
	}
	return out, nil
}

// cellsAt is the cell of each code of the column; the last one's, of those that
// are not listed.
func cellsAt(s columns.Schema, column string, listed []string) []int {
	i := slices.IndexFunc(s.Readable(), func(c columns.Column) bool { return c.Name == column })
	if column == "" || i < 0 {
		return nil
	}
	var at []int
	for _, code := range s.Readable()[i].Codes {
		if k := slices.Index(listed[:len(listed)-1], code); k >= 0 {
			at = append(at, k)
		} else {
			at = append(at, len(listed)-1)
		}
	}
	return at
}

// total is a person's total, clipped. What overflows is clipped as well.
func total(c abi.Column, m jobs.Measure) int64 {
	sum := int64(0)
	for i, x := range c.I64 {
		if c.Valid != nil && !c.Valid[i] {
			continue
		}
		next := sum + x
		if (next > sum) != (x > 0) && x != 0 {
			if x > 0 {
				next = math.MaxInt64
			} else {
				next = math.MinInt64
			}
		}
		sum = next
	}
	return min(max(sum, m.Lo), m.Hi)
}

// records gives the people of a roll with what the site has on them.
func (p holdings) records(ctx context.Context, r *roll.Roll, unit []byte) iter.Seq2[psi.Record, error] {
	return func(yield func(psi.Record, error) bool) {
		for id, err := range r.Numbers(ctx) {
			rec := psi.Record{ID: id}
			if err == nil && p.of != nil {
				name := columns.SeedOf(ident.UnitKey(unit, p.space, id), p.secret)
				one, ok := p.of[[16]byte(name[:16])]
				if !ok {
					err = fmt.Errorf("the roll has somebody of whom the version has no row: %w", fault.Tampered)
				}
				rec.Cell, rec.Values = one.cell, one.values
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}
