package sheet

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// micro is microdata, grouped by unit. Keys are kept to be looked for in what
// would leave, and for nothing else.
type micro struct {
	file    string
	keys    map[string]int32
	met     [][]string // codes of each dim, in the order in which they were met
	codes   [][]int32  // [dim][record], into met
	unit    []int32    // of each record
	values  [][]int64  // [measure-1][record]
	has     [][]bool
	places  []int   // decimals of each measure
	order   []int32 // records, those of a unit together
	keyless int64   // records without a key: each a unit of its own
}

// readMicro reads microdata: key columns, the columns of dims, and those of
// measures. A record without a code of a dim is in error: a table would have
// left it out, and the evidence would not fit.
func readMicro(r *rows, unit, dims, measures []string) (*micro, error) {
	columns := make([][]int, 3)
	for i, names := range [][]string{unit, dims, measures} {
		var err error
		if columns[i], err = r.columnsOf(names, [...]string{"单位标识 unit key", "维度 dim", "测度 measure"}[i]); err != nil {
			return nil, err
		}
	}
	m := &micro{
		file: r.file, keys: map[string]int32{}, met: make([][]string, len(dims)), codes: make([][]int32, len(dims)),
		values: make([][]int64, len(measures)), has: make([][]bool, len(measures)), places: make([]int, len(measures)),
	}
	index := make([]map[string]int32, len(dims))
	for i := range index {
		index[i] = map[string]int32{}
	}
	for {
		fields, line, err := r.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && len(m.unit) == MaxRecords {
			err = at(r.file, line, "", fmt.Sprintf("超过 %d 条记录", MaxRecords), fmt.Sprintf("more than %d records", MaxRecords))
		}
		if err == nil {
			err = m.add(r, fields, line, columns, index)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(m.unit) == 0 {
		return nil, at(r.file, 0, "", "除表头外没有一行", "there are no rows below the header")
	}
	m.order = make([]int32, len(m.unit))
	for i := range m.order {
		m.order[i] = int32(i)
	}
	slices.SortStableFunc(m.order, func(a, b int32) int { return cmp.Compare(m.unit[a], m.unit[b]) })
	return m, nil
}

func (m *micro) add(r *rows, fields []string, line int, columns [][]int, index []map[string]int32) error {
	for i, c := range columns[1] {
		k, ok := index[i][fields[c]]
		if !ok {
			if missing(fields[c]) {
				return at(r.file, line, r.header[c], "没有代码；请写明缺失值归入哪个代码", "no code; say with a code of its own where missing ones belong")
			}
			if err := r.text(fields[c], line); err != nil {
				return err
			}
			if len(m.met[i]) == MaxCodes {
				return at(r.file, line, r.header[c], fmt.Sprintf("代码超过 %d 个", MaxCodes), fmt.Sprintf("more than %d codes", MaxCodes))
			}
			k = int32(len(m.met[i])) //nolint:gosec // at most MaxCodes
			text := strings.Clone(fields[c])
			index[i][text] = k
			m.met[i] = append(m.met[i], text)
		}
		m.codes[i] = append(m.codes[i], k)
	}
	for i, c := range columns[2] {
		if err := m.value(r, fields[c], line, r.header[c], i); err != nil {
			return err
		}
	}
	return m.key(r, fields, line, columns[0])
}

// value takes a number in the finest decimals so far: all earlier ones are
// brought to it when a finer one comes.
func (m *micro) value(r *rows, s string, line int, column string, i int) error {
	if missing(s) {
		m.values[i], m.has[i] = append(m.values[i], 0), append(m.has[i], false)
		return nil
	}
	v, _, why := parse(s)
	if why[0] != "" {
		return at(r.file, line, column, why[0], why[1])
	}
	if v.places > m.places[i] {
		if !m.finer(i, v.places) {
			return at(r.file, line, column, "此列的数对这么多位小数来说太大", "this column's numbers are too large for so many decimals")
		}
	}
	n, ok := v.to(m.places[i])
	if !ok {
		return at(r.file, line, column, "数太大", "is too large")
	}
	m.values[i], m.has[i] = append(m.values[i], n), append(m.has[i], true)
	return nil
}

func (m *micro) finer(i, places int) bool {
	for k, v := range m.values[i] {
		n, ok := number{v, m.places[i]}.to(places)
		if !ok {
			return false
		}
		m.values[i][k] = n
	}
	m.places[i] = places
	return true
}

// key joins the key columns. A record without one is a unit of its own: it can
// be grouped with no other.
func (m *micro) key(r *rows, fields []string, line int, columns []int) error {
	var parts []string
	empty := true
	for _, c := range columns {
		if len(fields[c]) > 4*MaxText {
			return at(r.file, line, r.header[c], "标识太长", "the key is too long")
		}
		empty = empty && missing(fields[c])
		parts = append(parts, fields[c])
	}
	key := joined(parts)
	if empty {
		m.keyless++
		key = fmt.Sprintf("#%d", line)
	}
	k, ok := m.keys[key]
	if !ok {
		k = int32(len(m.keys)) //nolint:gosec // at most MaxRecords
		m.keys[key] = k
	}
	m.unit = append(m.unit, k)
	return nil
}

// joined is one key for the parts of one, each with its length.
func joined(parts []string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(strconv.Itoa(len(p)))
		b.WriteByte(':')
		b.WriteString(p)
	}
	return b.String()
}

// facts closes microdata over a grid whose dims have its codes, or groups of
// them.
func (m *micro) facts(g Grid, measures []Measure) Facts {
	f := Facts{Grid: g, Measures: measures, Holdings: true, Exact: true, micro: m}
	for i, d := range g.Dims {
		to := make([]int, len(m.met[i]))
		for k, c := range m.met[i] {
			to[k] = slices.Index(d.Codes, c)
		}
		f.maps = append(f.maps, to)
	}
	f.Cells = m.cells(g, f.maps, len(measures))
	f.Overlap = m.overlaps(g, f.maps)
	return f
}

// visit calls see for every unit, with the base cell of each of its records.
func (m *micro) visit(g Grid, maps [][]int, see func(records []int32, cells []int)) {
	var cells []int
	for start := 0; start < len(m.order); {
		end := start + 1
		for end < len(m.order) && m.unit[m.order[end]] == m.unit[m.order[start]] {
			end++
		}
		cells = cells[:0]
		for _, r := range m.order[start:end] {
			cell := 0
			for i, d := range g.Dims {
				cell = cell*len(d.Codes) + maps[i][m.codes[i][r]]
			}
			cells = append(cells, cell)
		}
		see(m.order[start:end], cells)
		start = end
	}
}

func (m *micro) overlaps(g Grid, maps [][]int) bool {
	found := false
	m.visit(g, maps, func(_ []int32, cells []int) {
		for _, c := range cells[1:] {
			found = found || c != cells[0]
		}
	})
	return found
}

// cells is the evidence on every item: the totals of each unit in it, ranked.
func (m *micro) cells(g Grid, maps [][]int, measures int) [][]Cell {
	out := make([][]Cell, measures)
	for i := range out {
		out[i] = make([]Cell, g.Items())
		for k := range out[i] {
			out[i][k] = Empty()
		}
	}
	t := newTally(g, measures)
	m.visit(g, maps, func(records []int32, cells []int) {
		t.begin()
		for k, r := range records {
			for _, item := range t.above(cells[k]) {
				t.touch(item)
				for i := range measures - 1 {
					if m.has[i][r] {
						t.sum[i][item], t.any[i][item] = t.sum[i][item]+m.values[i][r], true
					}
				}
			}
		}
		t.end(out)
	})
	t.apart(out)
	return out
}

// A tally adds up what one unit gives to each item that it stands in.
type tally struct {
	g       Grid
	up      [][]int // items above each base cell, made when they are first asked for
	touched []int
	records []int64
	sum     [][]int64 // [measure-1][item]
	any     [][]bool
	seen    []map[int64]int64 // of each measure and item, how often each total came
	many    []bool
}

// kept is how many different totals of an item are counted: beyond it, there
// are MaxApart units apart in any case.
const kept = MaxApart + 1

func newTally(g Grid, measures int) *tally {
	n := g.Items()
	t := &tally{g: g, up: make([][]int, g.Cells()), records: make([]int64, n), seen: make([]map[int64]int64, n*(measures-1)), many: make([]bool, n*(measures-1))}
	for range measures - 1 {
		t.sum, t.any = append(t.sum, make([]int64, n)), append(t.any, make([]bool, n))
	}
	return t
}

// above lists the items that a base cell is part of.
func (t *tally) above(cell int) []int {
	if t.up[cell] != nil {
		return t.up[cell]
	}
	items := []int{0}
	rest := cell
	base := make([]int, len(t.g.Dims))
	for i := len(base) - 1; i >= 0; i-- {
		n := len(t.g.Dims[i].Codes)
		base[i], rest = rest%n, rest/n
	}
	for i, d := range t.g.Dims {
		codes := []int{base[i]}
		for k, group := range d.Groups {
			if _, in := slices.BinarySearch(group.Of, base[i]); in {
				codes = append(codes, len(d.Codes)+k)
			}
		}
		next := make([]int, 0, len(items)*len(codes))
		for _, item := range items {
			for _, c := range codes {
				next = append(next, item*d.Size()+c)
			}
		}
		items = next
	}
	t.up[cell] = items
	return items
}

func (t *tally) begin() { t.touched = t.touched[:0] }

func (t *tally) touch(item int) {
	if t.records[item] == 0 {
		t.touched = append(t.touched, item)
	}
	t.records[item]++
}

func (t *tally) end(out [][]Cell) {
	for _, item := range t.touched {
		out[0][item].take(1)
		out[0][item].Records += t.records[item]
		for i := range t.sum {
			c := &out[i+1][item]
			c.Records += t.records[item]
			if !t.any[i][item] {
				c.Missing++
			} else {
				v := t.sum[i][item]
				c.take(v)
				t.count(i*len(t.records)+item, v)
			}
			t.sum[i][item], t.any[i][item] = 0, false
		}
		t.records[item] = 0
	}
}

// take adds the total of one more unit.
func (c *Cell) take(v int64) {
	if c.N == 0 {
		c.Min, c.Max = v, v
	}
	c.N, c.Min, c.Max = c.N+1, min(c.Min, v), max(c.Max, v)
	if v == 0 {
		c.Zeros++
	}
	var ok bool
	if c.Sum, ok = add(c.Sum, v); !ok {
		c.Known &^= HasSum
	}
	a := max(v, -v)
	if c.Abs, ok = add(c.Abs, a); !ok {
		c.Known &^= HasAbs
	}
	for i, t := range c.Top {
		if a > t {
			c.Top[i], a = a, t
		}
	}
}

func (t *tally) count(at int, v int64) {
	if t.seen[at] == nil {
		t.seen[at] = map[int64]int64{}
	}
	if _, ok := t.seen[at][v]; ok || len(t.seen[at]) < kept {
		t.seen[at][v]++
	} else {
		t.many[at] = true
	}
}

// apart counts the units whose total is not the commonest.
func (t *tally) apart(out [][]Cell) {
	for i := range t.sum {
		for item := range t.records {
			at := i*len(t.records) + item
			var most int64
			for _, n := range t.seen[at] {
				most = max(most, n)
			}
			c := &out[i+1][item]
			if c.Apart = min(c.N-most, MaxApart); t.many[at] {
				c.Apart = MaxApart
			}
		}
	}
}
