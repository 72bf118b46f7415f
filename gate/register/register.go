// Package register is one domain's register of what it contributed to every
// opened run, and the differencing firewall of mode sdc that is built on it.
//
// Two releases that are safe one by one can be unsafe together: the total of a
// district, and the total of the district without one person. So a domain
// keeps, for each release of all operators and versions of a namespace, which
// unit contributed what to which published item, and tests a candidate against
// all of it before its partial is sealed. Sets of units are not enough: visits
// until 30 January and until 31 January have the same patients, and f and
// f + secret have the same units. What counts is the clipped contribution.
//
// The test has five parts. Pairs: for items A and B and a ratio r, the units
// whose contributions do not satisfy c(A) = r c(B) must be none or at least t,
// and must not be dominated by one of them. Row space: no combination of the
// released items may rest on a non-empty set of fewer than t units; units whose
// contributions run alike through all releases form an atom and are one
// unknown (the partition refinement and row-space test of query auditing: Chin
// and Özsoyoğlu, Audit Expert, 1982). Relations: values of several measures of
// the same people must not be linearly related for all of them but fewer than
// t. Members: no combination of the opened sets of domains of equivalent
// releases may rest on fewer than k domains. Repeats: a candidate that equals
// an earlier release is named as that.
//
// The register holds the clipped totals themselves under keyed digests of the
// units, because dominance of a difference cannot be judged from digests of
// values. It never leaves the domain, and whoever stores its segments seals
// them. It is pure and not safe for concurrent use. It trusts its caller for
// what was contributed, for the units' digests (keyed by the domain's secret,
// so that no operator can steer them), and for the head of the chain of
// segments: a shorter history is refused only against a head kept elsewhere.
//
// It does not judge an item by itself (threshold, dominance), nor the items of
// one candidate among themselves by addition (that is secondary suppression,
// at the gate, which hides whole items), nor approximate relations other than
// dominance, nor relations that are not linear or run over people of whom no
// layer's items add up to the same, and it claims nothing for values that an
// unreviewed program chose. A finding is for the domain's officer only: what leaves is one bit.
package register

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

// Bounds of what is kept in memory. A register that would grow beyond them
// turns blind: it goes on recording that releases happened, and every later
// test ends in Review.
const (
	maxUnits    = 1 << 26
	maxCells    = 1 << 20
	maxItems    = 1 << 21
	maxMeasures = 64
	maxLaid     = 1 << 25 // layers times cells
	maxSheets   = 1 << 12 // layers times measures
	maxValue    = 1 << 30
	maxLabel    = 1 << 14 // distinct values of one unit
	maxAtoms    = 1 << 21
	maxKept     = 1 << 26 // entries of all columns
	maxValues   = 1 << 25 // values of all units
)

// A Release is what one domain knows of one opened run, without the data.
// Measure 0 is the number of units; Measures counts those after it.
type Release struct {
	ID       string
	Members  []string  // the domains of the run, in its order
	Query    string    // label of program and shape, for the officer; not tested
	Items    [][]int32 // each a set of base cells; beyond base cells only if a unit stands in one cell
	Hidden   []int32   // items that were not, or surely will not be, published
	Cells    int       // base cells
	Measures int
	Refused  bool // by this domain: nothing of it should come out, but it may
}

// A Contribution is what one unit gives to one base cell: one clipped total
// per measure from 1 on, 0 where it gave none.
type Contribution struct {
	Unit   [16]byte // keyed digest; a 64-bit one leaves the rest zero
	Cell   uint32
	Values []int64
}

// A trace stands for a set of (unit, label) pairs. It is linear in the units'
// random digests, so that it survives the splitting of atoms.
type trace [2]uint64

func (p *trace) add(q trace) { p[0] += q[0]; p[1] += q[1] }
func (p *trace) sub(q trace) { p[0] -= q[0]; p[1] -= q[1] }

// times scales by odd numbers that stand for a label or an index.
func (p trace) times(n uint64) trace {
	return trace{p[0] * (mix(n) | 1), p[1] * (mix(^n) | 1)}
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func traceOf(u [16]byte) trace {
	a := binary.LittleEndian.Uint64(u[:8])
	b := binary.LittleEndian.Uint64(u[8:])
	return trace{mix(a ^ mix(b)), mix(b + mix(^a))}
}

// Labels: a contribution of 0 is none, 1 is what every unit gives to measure
// 0, and from 2 on a label is the place of the value among the unit's own.
const (
	none  = 0
	unity = 1
	first = 2
)

// A column is what a release says of each atom: one of its patterns. Pattern 0
// is absent. Atoms that came later take their parent's pattern.
type column struct {
	of       []uint32 // atom -> pattern
	off      []uint32 // pattern -> its range in cell
	cell     []uint32
	label    []uint16 // measures per entry of cell
	measures int
	trace    trace
	kept     int // atoms when it was made
}

// A table is one measure of a layer of disjoint items of a column.
type table struct {
	col, measure int
	row          []int32 // base cell -> row, -1 if in none
	rows         []trace
	trace        trace
}

// A layer is a list of items that share no base cell.
type layer struct {
	items []int32 // row -> item
	row   []int32 // base cell -> row, -1 if none or hidden
}

type sheet struct{ table, layer int }

type release struct {
	Release
	col    int // -1 if blind
	layers []layer
	sheets []sheet
	gone   bool
	final  bool // Hidden is what was hidden in the end
}

// A Register holds the history of one namespace of units in one domain.
type Register struct {
	units  [][16]byte
	index  index
	atom   []uint32 // unit -> atom
	head   []uint32 // unit -> first value + 1
	values []int32
	next   []uint32 // value -> next value of the unit + 1

	parent []uint32 // atom -> the atom that it was split from; 0 is the root, of unseen units
	size   []uint32
	traces []trace

	columns  []column
	tables   []table
	byTrace  map[trace]int // tables
	byColumn map[trace]int
	releases []release
	kept     int
	blind    bool

	seq  uint64
	last [sha256.Size]byte
}

// New returns an empty register.
func New() *Register {
	return &Register{
		index: newIndex(), parent: []uint32{0}, size: []uint32{0}, traces: []trace{{}},
		byTrace: map[trace]int{}, byColumn: map[trace]int{},
	}
}

// Len counts the releases that are on record, withdrawn ones included.
func (r *Register) Len() int { return len(r.releases) }

// Add records a release and what the domain contributed to it, and returns the
// segment that has to be stored. It is not a test: what was opened is on
// record whether or not it should have been.
func (r *Register) Add(c Release, given []Contribution) ([]byte, error) {
	d, err := r.plan(c, given)
	if err != nil {
		return nil, fmt.Errorf("registering release %q: %w", c.ID, err)
	}
	if err := r.apply(d); err != nil {
		return nil, fmt.Errorf("registering release %q: %w", c.ID, err)
	}
	return r.seal(encodeDelta(d), d.fresh)
}

// Withdraw records that a run was turned down before anything of it was
// published, so that it no longer counts.
func (r *Register) Withdraw(id string) ([]byte, error) {
	k, err := r.find(id)
	if err != nil {
		return nil, fmt.Errorf("withdrawing a release: %w", err)
	}
	r.releases[k].gone = true
	return r.seal(encodeWithdrawal(id), nil)
}

// Hide records which items of a release were in the end not published (all of
// them, whoever hid them), in the place of what was assumed. With no items,
// what was assumed is what happened: all that was not hidden is out. Until Hide
// or Withdraw is called, a release is pending (Finding.Pending).
func (r *Register) Hide(id string, items []int32) ([]byte, error) {
	k, err := r.find(id)
	if err != nil {
		return nil, fmt.Errorf("hiding items of a release: %w", err)
	}
	if err := r.hide(k, items); err != nil {
		return nil, fmt.Errorf("hiding items of release %q: %w", id, err)
	}
	return r.seal(encodeHiding(id, items), nil)
}

func (r *Register) hide(k int, items []int32) error {
	rel := &r.releases[k]
	for _, i := range items {
		if i < 0 || int(i) >= len(rel.Items) {
			return fmt.Errorf("item %d of %d: %w", i, len(rel.Items), fault.Invalid)
		}
	}
	rel.final = true
	if len(items) == 0 {
		return nil
	}
	rel.Hidden = slices.Clone(items)
	if rel.col >= 0 {
		r.lay(rel)
	}
	return nil
}

func (r *Register) find(id string) (int, error) {
	k := slices.IndexFunc(r.releases, func(x release) bool { return x.ID == id })
	if k < 0 || r.releases[k].gone {
		return 0, fmt.Errorf("release %q: %w", id, fault.NotFound)
	}
	return k, nil
}

// value is what label l of unit u stands for.
func (r *Register) value(u uint32, l uint16) int64 {
	switch l {
	case none:
		return 0
	case unity:
		return 1
	}
	at := r.head[u]
	for ; l > first && at != 0; l-- {
		at = r.next[at-1]
	}
	if at == 0 {
		return 0
	}
	return int64(r.values[at-1])
}

// check says whether a release makes sense, apart from contributions.
func (c Release) check() error {
	switch {
	case c.ID == "" || len(c.ID) > 1<<10 || len(c.Query) > 1<<12 || len(c.Members) == 0 || len(c.Members) > 1<<10:
		return fmt.Errorf("an id, a short query and member domains are wanted: %w", fault.Invalid)
	case c.Cells < 1 || c.Cells > maxCells || c.Measures < 0 || c.Measures > maxMeasures || len(c.Items) > maxItems:
		return fmt.Errorf("%d cells, %d measures, %d items: %w", c.Cells, c.Measures, len(c.Items), fault.Invalid)
	}
	for i, m := range c.Members {
		if m == "" || len(m) > 1<<10 || slices.Contains(c.Members[:i], m) {
			return fmt.Errorf("member %d is empty or named twice: %w", i, fault.Invalid)
		}
	}
	if err := c.checkItems(); err != nil {
		return err
	}
	for _, i := range c.Hidden {
		if i < 0 || int(i) >= len(c.Items) {
			return fmt.Errorf("hidden item %d of %d: %w", i, len(c.Items), fault.Invalid)
		}
	}
	return nil
}

// checkItems looks at each item, and at what all of them take to lay out.
func (c Release) checkItems() error {
	item, layer := make([]int32, c.Cells), make([]int32, c.Cells)
	layers := int32(1)
	for i, cells := range c.Items {
		for _, x := range cells {
			if x < 0 || int(x) >= c.Cells || item[x] == int32(i+1) {
				return fmt.Errorf("item %d: cell %d: %w", i, x, fault.Invalid)
			}
			item[x] = int32(i + 1)
		}
		if slices.ContainsFunc(cells, func(x int32) bool { return layer[x] == layers }) {
			layers++
		}
		for _, x := range cells {
			layer[x] = layers
		}
	}
	if int(layers)*c.Cells > maxLaid || int(layers)*(c.Measures+1) > maxSheets {
		return fmt.Errorf("%d layers of %d cells and %d measures: %w", layers, c.Cells, c.Measures, fault.Invalid)
	}
	return nil
}

// split groups the items, in order, into layers of disjoint ones: the base
// cells are one, and each table of margins is one.
func (c Release) split() []layer {
	hidden := make([]bool, len(c.Items))
	for _, i := range c.Hidden {
		hidden[i] = true
	}
	var out []layer
	var used []bool
	for i, item := range c.Items {
		if len(out) == 0 || slices.ContainsFunc(item, func(x int32) bool { return used[x] }) {
			l := layer{row: make([]int32, c.Cells)}
			for x := range l.row {
				l.row[x] = -1
			}
			out, used = append(out, l), make([]bool, c.Cells)
		}
		l := &out[len(out)-1]
		for _, x := range item {
			used[x] = true
			if !hidden[i] {
				l.row[x] = narrow[int32](len(l.items))
			}
		}
		l.items = append(l.items, int32(i))
	}
	return out
}

// lay makes the tables of a release from its column.
func (r *Register) lay(rel *release) {
	col := &r.columns[rel.col]
	sums := make([]trace, len(col.off)-1)
	for a, p := range col.spread(r.parent) {
		sums[p].add(r.traces[a])
	}
	rel.layers, rel.sheets = rel.split(), nil
	for k, l := range rel.layers {
		for m := range rel.Measures + 1 {
			t := table{col: rel.col, measure: m, row: l.row, rows: make([]trace, len(l.items))}
			for p := 1; p < len(sums); p++ {
				for e := col.off[p]; e < col.off[p+1]; e++ {
					if i, lb := t.row[col.cell[e]], col.at(e, m); i >= 0 && lb != none {
						t.rows[i].add(sums[p].times(uint64(lb)))
					}
				}
			}
			for i, x := range t.rows {
				t.trace.add(trace{mix(x[0] ^ mix(uint64(i))), mix(x[1] + mix(uint64(i)))})
			}
			rel.sheets = append(rel.sheets, sheet{table: r.tableOf(t), layer: k})
		}
	}
}

// tableOf returns the place of a table, which many releases may share. The
// number of rows is part of the identity; an equal trace is equal content.
func (r *Register) tableOf(t table) int {
	t.trace.add(trace{mix(uint64(len(t.rows))), 0})
	k, ok := r.byTrace[t.trace]
	if !ok {
		k = len(r.tables)
		r.byTrace[t.trace] = k
		r.tables = append(r.tables, t)
	}
	return k
}

// at is the label that entry e has in measure m.
func (c *column) at(e uint32, m int) uint16 {
	if m == 0 {
		return unity
	}
	return c.label[int(e)*c.measures+m-1]
}

// spread brings the column up to today's atoms.
func (c *column) spread(parent []uint32) []uint32 {
	if len(c.of) < len(parent) {
		out := make([]uint32, len(parent))
		for a := copy(out, c.of); a < len(out); a++ {
			out[a] = out[parent[a]]
		}
		c.of = out
	}
	return c.of
}
