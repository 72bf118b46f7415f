package register

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

// A delta is what one release changes in the register: new units, new values,
// atoms that split, and a column. It is what a segment holds.
type delta struct {
	rel    Release
	fresh  [][16]byte
	values []worth
	splits []split
	col    column
	same   int  // the column that col equals, -1 if it is new
	blind  bool // over the bounds: nothing but rel is kept

	atoms, columns, tables int // before, to go back to
	was                    bool
}

// worth is a value that a unit has for the first time.
type worth struct {
	unit  uint32
	value int64
}

// split moves units out of an atom into a new one.
type split struct {
	parent uint32
	units  []uint32
}

// plan works out the delta of a release; the register stays as it is.
func (r *Register) plan(c Release, given []Contribution) (*delta, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(r.releases, func(x release) bool { return x.ID == c.ID }) {
		return nil, fmt.Errorf("release %q is on record: %w", c.ID, fault.Conflict)
	}
	d := &delta{rel: c, same: -1}
	units, err := r.number(d, given)
	if err != nil {
		return nil, err
	}
	pattern, err := r.patterns(d, given, units)
	if err != nil {
		return nil, err
	}
	r.refine(d, pattern)
	d.blind = d.blind || r.blind || len(r.parent)+len(d.splits) > maxAtoms || r.kept+len(d.col.of) > maxKept ||
		len(r.values)+len(d.values) > maxValues
	if d.blind {
		d = &delta{rel: c, same: -1, blind: true}
	}
	return d, nil
}

// number gives each contribution its unit's number, new units included.
func (r *Register) number(d *delta, given []Contribution) ([]uint32, error) {
	out := make([]uint32, len(given))
	fresh := map[[16]byte]uint32{}
	for i := range given {
		g := &given[i]
		u, ok := r.index.find(r.units, &g.Unit)
		if !ok {
			if u, ok = fresh[g.Unit]; !ok {
				u = narrow[uint32](len(r.units) + len(d.fresh))
				fresh[g.Unit] = u
				d.fresh = append(d.fresh, g.Unit)
			}
		}
		out[i] = u
		if int64(g.Cell) >= int64(d.rel.Cells) || len(g.Values) != d.rel.Measures {
			return nil, fmt.Errorf("contribution %d: cell %d, %d values: %w", i, g.Cell, len(g.Values), fault.Invalid)
		}
		for _, v := range g.Values {
			if v > maxValue || v < -maxValue {
				return nil, fmt.Errorf("contribution %d: a value beyond the bound: %w", i, fault.Invalid)
			}
		}
	}
	d.blind = len(r.units)+len(d.fresh) > maxUnits
	return out, nil
}

// byUnit sorts contributions by unit: start[u] is where those of u begin.
func byUnit(units []uint32, n int) (order, start []uint32) {
	start = make([]uint32, n+1)
	for _, u := range units {
		start[u+1]++
	}
	for u := range n {
		start[u+1] += start[u]
	}
	order, at := make([]uint32, len(units)), slices.Clone(start[:n])
	for i, u := range units {
		order[at[u]] = uint32(i)
		at[u]++
	}
	return order, start
}

// patterns finds the distinct (cell, labels) lists, and each unit's.
func (r *Register) patterns(d *delta, given []Contribution, units []uint32) ([]uint32, error) {
	n := len(r.units) + len(d.fresh)
	order, start := byUnit(units, n)
	out := make([]uint32, n)
	d.col = column{off: []uint32{0, 0}, measures: d.rel.Measures}
	layered := len(d.rel.Items) > 0 && !disjoint(d.rel)
	seen := map[string]uint32{}
	var key []byte
	var labels []uint16
	for u := range n {
		mine := order[start[u]:start[u+1]]
		if len(mine) == 0 {
			continue
		}
		if len(mine) > 1 {
			if layered {
				return nil, fmt.Errorf("a unit in several cells under items that overlap: %w", fault.Invalid)
			}
			slices.SortFunc(mine, func(a, b uint32) int { return cmp.Compare(given[a].Cell, given[b].Cell) })
		}
		var err error
		if labels, err = r.labels(d, given, uint32(u), mine, labels[:0]); err != nil {
			return nil, err
		}
		key = key[:0]
		for _, g := range mine {
			key = binary.LittleEndian.AppendUint32(key, given[g].Cell)
		}
		for _, l := range labels {
			key = binary.LittleEndian.AppendUint16(key, l)
		}
		p, ok := seen[string(key)]
		if !ok {
			p = narrow[uint32](len(d.col.off) - 1)
			seen[string(key)] = p
			for _, g := range mine {
				d.col.cell = append(d.col.cell, given[g].Cell)
			}
			d.col.label = append(d.col.label, labels...)
			d.col.off = append(d.col.off, narrow[uint32](len(d.col.cell)))
		}
		out[u] = p
	}
	return out, nil
}

// labels gives the labels of one unit's values, measure by measure, entry by
// entry, and notes the values that it did not have before.
func (r *Register) labels(d *delta, given []Contribution, u uint32, mine []uint32, out []uint16) ([]uint16, error) {
	from := len(d.values)
	for k, g := range mine {
		if k > 0 && given[g].Cell == given[mine[k-1]].Cell {
			return nil, fmt.Errorf("two contributions of a unit to cell %d: %w", given[g].Cell, fault.Invalid)
		}
		for _, v := range given[g].Values {
			out = append(out, r.label(d, u, v, from))
		}
	}
	return out, nil
}

func (r *Register) label(d *delta, u uint32, v int64, from int) uint16 {
	switch v {
	case 0:
		return none
	case 1:
		return unity
	}
	l := first
	if int(u) < len(r.head) {
		for at := r.head[u]; at != 0; at = r.next[at-1] {
			if int64(r.values[at-1]) == v {
				return uint16(l)
			}
			l++
		}
	}
	for _, w := range d.values[from:] {
		if w.value == v {
			return uint16(l)
		}
		l++
	}
	if l >= maxLabel {
		d.blind = true
		return none
	}
	d.values = append(d.values, worth{u, v})
	return uint16(l)
}

// disjoint says that no base cell is in two items.
func disjoint(c Release) bool {
	used := make([]bool, c.Cells)
	for _, item := range c.Items {
		for _, x := range item {
			if used[x] {
				return false
			}
			used[x] = true
		}
	}
	return true
}

// refine splits atoms whose units have different patterns. The pattern of an
// atom's first unit keeps the atom; new units leave the root.
func (r *Register) refine(d *delta, pattern []uint32) {
	n := len(r.parent)
	keeps := make([]uint32, n) // pattern + 1
	keeps[0] = 1
	made := map[uint64]uint32{}
	for u, p := range pattern {
		var a uint32
		if u < len(r.atom) {
			a = r.atom[u]
		}
		if keeps[a] == 0 {
			keeps[a] = p + 1
		}
		if keeps[a] == p+1 {
			continue
		}
		key := uint64(a)<<32 | uint64(p)
		k, ok := made[key]
		if !ok {
			k = narrow[uint32](len(d.splits))
			made[key] = k
			d.splits = append(d.splits, split{parent: a})
			keeps = append(keeps, p+1)
		}
		d.splits[k].units = append(d.splits[k].units, uint32(u))
	}
	d.col.of = keeps
	for a, p := range keeps {
		if p > 0 {
			d.col.of[a] = p - 1
		}
	}
}

// apply brings a delta into the register. A delta that does not fit is
// Tampered, because it can only come from a segment.
func (r *Register) apply(d *delta) error {
	d.atoms, d.columns, d.tables, d.was = len(r.parent), len(r.columns), len(r.tables), r.blind
	if d.blind {
		r.blind = true
		r.releases = append(r.releases, release{Release: d.rel, col: -1})
		return nil
	}
	if err := r.enter(d); err != nil {
		return err
	}
	for k, s := range d.splits {
		a := narrow[uint32](d.atoms + k)
		r.parent, r.size, r.traces = append(r.parent, s.parent), append(r.size, 0), append(r.traces, trace{})
		for _, u := range s.units {
			if int(u) >= len(r.atom) || r.atom[u] != s.parent || int(s.parent) >= d.atoms {
				return fmt.Errorf("unit %d is not in atom %d: %w", u, s.parent, fault.Tampered)
			}
			r.move(u, a)
		}
	}
	rel := release{Release: d.rel, col: d.same}
	if rel.col < 0 {
		if len(d.col.of) != len(r.parent) {
			return fmt.Errorf("a column of %d atoms of %d: %w", len(d.col.of), len(r.parent), fault.Tampered)
		}
		rel.col = r.columnOf(d)
	}
	if rel.col >= len(r.columns) || r.columns[rel.col].measures != d.rel.Measures || !r.columns[rel.col].within(d.rel.Cells) {
		return fmt.Errorf("column %d does not fit: %w", rel.col, fault.Tampered)
	}
	r.lay(&rel)
	r.releases = append(r.releases, rel)
	return nil
}

// enter adds the new units and values.
func (r *Register) enter(d *delta) error {
	for i := range d.fresh {
		if _, ok := r.index.find(r.units, &d.fresh[i]); ok {
			return fmt.Errorf("a new unit is on record: %w", fault.Tampered)
		}
		r.units = append(r.units, d.fresh[i])
		r.index.add(r.units)
		r.atom, r.head = append(r.atom, 0), append(r.head, 0)
		r.size[0]++
		r.traces[0].add(traceOf(d.fresh[i]))
	}
	for _, w := range d.values {
		if int(w.unit) >= len(r.units) {
			return fmt.Errorf("a value of unit %d of %d: %w", w.unit, len(r.units), fault.Tampered)
		}
		at := &r.head[w.unit]
		for *at != 0 {
			at = &r.next[*at-1]
		}
		*at = narrow[uint32](len(r.values) + 1)
		r.values, r.next = append(r.values, narrow[int32](w.value)), append(r.next, 0)
	}
	return nil
}

func (r *Register) move(u, a uint32) {
	p, was := traceOf(r.units[u]), r.atom[u]
	r.size[was]--
	r.traces[was].sub(p)
	r.size[a]++
	r.traces[a].add(p)
	r.atom[u] = a
}

// columnOf keeps the delta's column, unless an equal one is kept.
func (r *Register) columnOf(d *delta) int {
	sums := make([]trace, len(d.col.off)-1)
	for a, p := range d.col.of {
		sums[p].add(r.traces[a])
	}
	d.col.trace = trace{mix(narrow[uint64](d.col.measures)), narrow[uint64](d.col.measures)}
	for p := 1; p < len(sums); p++ {
		h := uint64(0)
		for e := d.col.off[p]; e < d.col.off[p+1]; e++ {
			h = mix(h ^ uint64(d.col.cell[e]))
			for m := range d.col.measures {
				h = mix(h ^ uint64(d.col.at(e, m+1)))
			}
		}
		d.col.trace.add(trace{mix(sums[p][0] ^ h), mix(sums[p][1] + h)})
	}
	if k, ok := r.byColumn[d.col.trace]; ok {
		d.same = k
		return k
	}
	r.byColumn[d.col.trace] = len(r.columns)
	d.col.kept = len(d.col.of)
	r.columns = append(r.columns, d.col)
	r.kept += d.col.kept
	return len(r.columns) - 1
}

// within says that no entry of the column is beyond the cells.
func (c *column) within(cells int) bool {
	return !slices.ContainsFunc(c.cell, func(x uint32) bool { return int(x) >= cells })
}

// revert takes back the delta that was applied last.
func (r *Register) revert(d *delta) {
	r.releases = r.releases[:len(r.releases)-1]
	r.blind = d.was
	if d.blind {
		return
	}
	for _, t := range r.tables[d.tables:] {
		delete(r.byTrace, t.trace)
	}
	r.tables = r.tables[:d.tables]
	for _, c := range r.columns[d.columns:] {
		delete(r.byColumn, c.trace)
		r.kept -= c.kept
	}
	r.columns = r.columns[:d.columns]
	for k := range r.columns {
		c := &r.columns[k]
		c.of = c.of[:min(len(c.of), d.atoms)]
	}
	for _, s := range d.splits {
		for _, u := range s.units {
			r.move(u, s.parent)
		}
	}
	r.parent, r.size, r.traces = r.parent[:d.atoms], r.size[:d.atoms], r.traces[:d.atoms]
	for _, w := range slices.Backward(d.values) {
		last := narrow[uint32](len(r.values))
		at := &r.head[w.unit]
		for *at != last {
			at = &r.next[*at-1]
		}
		*at = 0
		r.values, r.next = r.values[:last-1], r.next[:last-1]
	}
	for i := len(d.fresh) - 1; i >= 0; i-- {
		r.index.drop(r.units)
		r.traces[0].sub(traceOf(r.units[len(r.units)-1]))
		r.size[0]--
		r.units = r.units[:len(r.units)-1]
		r.atom, r.head = r.atom[:len(r.atom)-1], r.head[:len(r.head)-1]
	}
}
