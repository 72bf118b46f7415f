package sheet

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// A Query is a row of a table that shows at least one value: Table 0 is the
// table of the case, 1 the first of the earlier ones.
type Query struct {
	Table, Row int
}

// An Atom is all units that stand in the same rows of all tables.
type Atom struct {
	Units int64
	In    []int32 // indices of queries, rising
}

// Atoms divides the units by the rows that they stand in, over the table and
// all earlier ones. With microdata units are told apart; with evidence only
// base cells are, which needs every dim of an earlier table to be one of the
// table's. ok is false where it cannot be known who stands in what.
func (c Case) Atoms() (queries []Query, atoms []Atom, ok bool) {
	tables := append([]Table{c.Table}, c.Earlier...)
	index := make([][]int32, len(tables)) // by item: 1 + query
	for t, table := range tables {
		index[t] = make([]int32, table.Grid.Items())
		for r, row := range table.Rows {
			if slices.ContainsFunc(row.Values, func(v Value) bool { return v.Shown }) {
				queries = append(queries, Query{t, r})
				index[t][row.Item] = int32(len(queries)) //nolint:gosec // at most 101 * MaxRows
			}
		}
	}
	d := divider{index: index, sets: map[string]int{}}
	if c.Facts.micro != nil {
		d.units(c, tables)
		return queries, d.atoms, true
	}
	return queries, d.atoms, d.cells(c, tables)
}

type divider struct {
	index [][]int32
	sets  map[string]int
	atoms []Atom
}

func (d *divider) add(in []int32, units int64) {
	if len(in) == 0 || units == 0 {
		return
	}
	slices.Sort(in)
	in = slices.Compact(in)
	key := make([]byte, 0, 4*len(in))
	for _, q := range in {
		key = binary.BigEndian.AppendUint32(key, uint32(q)) //nolint:gosec // an index
	}
	at, ok := d.sets[string(key)]
	if !ok {
		at = len(d.atoms)
		d.sets[string(key)] = at
		d.atoms = append(d.atoms, Atom{In: slices.Clone(in)})
	}
	d.atoms[at].Units += units
}

// units goes through the microdata once, with all records of a unit together.
func (d *divider) units(c Case, tables []Table) {
	m := c.Facts.micro
	ups := make([]*tally, len(tables))
	at := make([][]int, len(tables)) // columns of the dims of each table
	to := make([][][]int, len(tables))
	for t, table := range tables {
		ups[t] = &tally{g: table.Grid, up: make([][]int, table.Grid.Cells())}
		for _, dim := range table.Grid.Dims {
			k := slices.Index(c.all, dim.Name)
			codes := make([]int, len(m.met[k]))
			for i, code := range m.met[k] {
				codes[i] = slices.Index(dim.Codes, code)
			}
			at[t], to[t] = append(at[t], k), append(to[t], codes)
		}
	}
	var in []int32
	for start := 0; start < len(m.order); {
		end := start
		in = in[:0]
		for ; end < len(m.order) && m.unit[m.order[end]] == m.unit[m.order[start]]; end++ {
			r := m.order[end]
			for t, table := range tables {
				cell := 0
				for i, dim := range table.Grid.Dims {
					cell = cell*len(dim.Codes) + to[t][i][m.codes[at[t][i]][r]]
				}
				for _, item := range ups[t].above(cell) {
					if q := d.index[t][item]; q > 0 {
						in = append(in, q-1)
					}
				}
			}
		}
		d.add(in, 1)
		start = end
	}
}

// cells takes each base cell of the table as one class of units.
func (d *divider) cells(c Case, tables []Table) bool {
	g := c.Table.Grid
	for _, t := range tables[1:] {
		for _, dim := range t.Grid.Dims {
			if !slices.ContainsFunc(g.Dims, func(x Dim) bool { return x.Name == dim.Name }) {
				return false
			}
		}
	}
	if c.Facts.Overlap || !c.Facts.Known(0) {
		return false
	}
	ups := make([]*tally, len(tables))
	for t, table := range tables {
		ups[t] = &tally{g: table.Grid, up: make([][]int, table.Grid.Cells())}
	}
	for cell := range g.Cells() {
		units := c.Facts.Cells[0][g.ItemOf(cell)]
		if !units.Has(HasN) {
			return false
		}
		codes := g.Codes(g.ItemOf(cell))
		var in []int32
		for t, table := range tables {
			at := 0
			for _, dim := range table.Grid.Dims {
				k := slices.IndexFunc(g.Dims, func(x Dim) bool { return x.Name == dim.Name })
				at = at*len(dim.Codes) + codes[k]
			}
			for _, item := range ups[t].above(at) {
				if q := d.index[t][item]; q > 0 {
					in = append(in, q-1)
				}
			}
		}
		d.add(in, units.N)
	}
	return true
}

// Keys lists those of the given texts that are the key of a unit in the
// microdata, if they are long enough to be no mere code.
func (f Facts) Keys(texts []string) []string {
	const least = 6
	var out []string
	if f.micro == nil {
		return nil
	}
	for _, s := range texts {
		if _, ok := f.micro.keys[joined([]string{s})]; ok && len(s) >= least {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, cmp.Compare)
	return slices.Compact(out)
}

// Keyless is the number of records without a key.
func (f Facts) Keyless() int64 {
	if f.micro == nil {
		return 0
	}
	return f.micro.keyless
}
