// Package twin makes a synthetic twin of a dataset: units that have the form
// of the real ones and nothing else of them. It is made from what is public
// alone, the schema with its code lists as the catalogue has them and, where
// wanted, the number of rows; there is no parameter through which a row of the
// dataset could reach it. A program's author runs a program on it before
// anybody is asked for anything.
//
// It is not like the data, and does not try to be: columns are drawn without
// regard to each other (but a unit's frame columns seldom change), amounts have
// heavy tails, codes are skewed, some values are missing, and the edges of
// every type come up more often than in life, because they are what programs
// break on. What a program comes to on a twin is therefore likely at best and
// never a verdict on the data.
//
// The same schema, options and seed give the same bytes on every machine:
// everything is drawn in integers. The identifiers are well formed, and stand
// for nobody: their district is one that GB/T 2260 gives to no place.
//
// The package reads no clock and draws no randomness of its own, and trusts
// the schema's Check.
package twin

import (
	"fmt"
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/storage/columns"
)

// Bounds of what is made.
const (
	MaxUnits = 10_000_000
	maxRows  = 50_000_000
)

// Options say how large a twin is, and within what. The zero Options is of use.
type Options struct {
	Seed uint64
	// Dataset keeps apart the twins of one seed: two datasets hold the same
	// persons, with other rows.
	Dataset string
	Units   int   // 0: a thousand, or as many as Rows asks for
	Rows    int64 // public number of rows: units are added until there are about as many
	MaxRows int   // a permit's limit of rows: some units meet it, one is beyond it; 0: 512
	// From and To are the first and the last day that something happened on.
	// Zero: the two years to the end of 2025.
	From, To time.Time
	// Missing values in 10,000, of columns that are not required. 0: 300; below
	// 0: none.
	Missing int
	// Typical is the median of the amounts in a column, such as a share of the
	// bound that a job's shape puts on them. Without it: 10,000.
	Typical map[string]int64
}

const (
	defaultUnits   = 1000
	defaultMaxRows = 512
	defaultMissing = 300
	defaultTypical = 10_000
	beyond         = 3 // rows of the last unit over MaxRows
)

// A Twin is a synthetic dataset. It holds no row: each is drawn when it is
// asked for.
type Twin struct {
	schema   columns.Schema
	options  Options
	readable []columns.Column
	columns  []column // as the schema has them, then as they are derived
	units    int
	rows     int64
	small    bool  // too small for units of very many rows
	from, to int64 // days since 1970-01-01
}

// A Unit is the rows of one synthetic privacy unit, as package columns gives
// those of a real one: in canonical order, those beyond a limit left out.
type Unit struct {
	Index   int // its place in the twin, which a real unit does not have
	Columns []abi.Column
	Rows    int
	LeftOut int
}

// New plans the twin of a schema. An error is of kind Invalid.
func New(s columns.Schema, o Options) (*Twin, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("making a twin: %w", err)
	}
	o, err := o.whole()
	if err != nil {
		return nil, fmt.Errorf("making a twin: %w", err)
	}
	t := &Twin{schema: s, options: o, readable: s.Readable(), from: dayOf(o.From), to: dayOf(o.To)}
	for i, c := range s.Columns {
		t.columns = append(t.columns, t.newColumn(c, i))
	}
	for _, c := range t.readable[len(t.readable)-len(s.Derived):] {
		t.columns = append(t.columns, column{Column: c, derived: true})
	}
	t.plan()
	return t, nil
}

func (o Options) whole() (Options, error) {
	if o.Units < 0 || o.Units > MaxUnits || o.Rows < 0 || o.Rows > maxRows || o.MaxRows < 0 || o.MaxRows > 1<<16 {
		return o, fmt.Errorf("want at most %d units, %d rows, and 65536 rows a unit: %w", MaxUnits, maxRows, fault.Invalid)
	}
	if o.MaxRows == 0 {
		o.MaxRows = defaultMaxRows
	}
	if o.Missing == 0 {
		o.Missing = defaultMissing
	}
	if o.From.IsZero() {
		o.From = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.To.IsZero() {
		o.To = time.Date(2025, time.December, 31, 0, 0, 0, 0, time.UTC)
	}
	if o.To.Before(o.From) || o.From.Year() < oldest+1800 || o.To.Year() > 9999 {
		return o, fmt.Errorf("the window of dates must run forward, between the years 1905 and 9999: %w", fault.Invalid)
	}
	return o, nil
}

// plan counts the units and rows. If nobody said how many units there are,
// there are enough for every code to come up.
func (t *Twin) plan() {
	want := t.options.Rows
	t.units = t.options.Units
	if t.units > 0 {
		for i := range t.units {
			t.rows += int64(t.count(i))
		}
		return
	}
	least := defaultUnits
	if want > 0 {
		least = 1
	} else {
		for _, c := range t.columns {
			want = max(want, 2*int64(len(c.Codes)))
		}
	}
	// The two large units at the end are planned beforehand, unless they would
	// be most of what is wanted.
	tail := int64(2*t.options.MaxRows + beyond)
	t.small = t.options.Rows > 0 && t.options.Rows < 2*tail
	if t.small || !t.varied() {
		tail = 0
	}
	for n := 0; n < MaxUnits && (n < least || t.rows+tail < want); n++ {
		t.rows += int64(t.plain(n))
		t.units = n + 1
	}
	t.rows = 0
	for i := range t.units {
		t.rows += int64(t.count(i))
	}
}

// varied reports whether a unit may have several rows.
func (t *Twin) varied() bool { return t.schema.Unit.Namespace != jobs.Row }

// few is how many units must be there for the last two to be very large.
const few = 8

// count is how many rows unit i has: the first has one, the last but one as
// many as are allowed, the last a few more.
func (t *Twin) count(i int) int {
	if t.varied() && t.units >= few && !t.small {
		switch i {
		case t.units - 1:
			return t.options.MaxRows + beyond
		case t.units - 2:
			return t.options.MaxRows
		}
	}
	return t.plain(i)
}

func (t *Twin) plain(i int) int {
	if !t.varied() || i == 0 {
		return 1
	}
	d := t.dice("rows", i)
	if d.in(200) {
		return int(scale(16, d.exponential(), int64(min(500, t.options.MaxRows)))) // a Pareto tail
	}
	n := 1
	for n < 12 && d.in(6500) {
		n++
	}
	return min(n, t.options.MaxRows)
}

// Units is how many units there are, Rows how many rows they have together.
func (t *Twin) Units() int { return t.units }

// Rows is how many rows all units have together.
func (t *Twin) Rows() int64 { return t.rows }

// Schema is what the twin was made from.
func (t *Twin) Schema() columns.Schema { return t.schema }

// Each calls fn for every unit, with the named columns in their order and at
// most maxRows of the unit's rows, as columns.Version.Units would. A column
// that is unknown or a direct identifier is the refusal "column"; an error of
// fn ends it and comes back as it is. What fn gets is its own to keep.
func (t *Twin) Each(names []string, maxRows int, fn func(Unit) error) error {
	at := make([]int, len(names))
	for i, name := range names {
		at[i] = slices.IndexFunc(t.columns, func(c column) bool { return c.Name == name && c.ABI() != 0 })
		if at[i] < 0 {
			return fault.Refuse("column", "")
		}
	}
	if len(names) == 0 || maxRows < 1 {
		return fmt.Errorf("reading a twin: no column or no row is asked for: %w", fault.Invalid)
	}
	order := t.order()
	return t.each(func(i int, rows [][]value) error {
		slices.SortFunc(rows, func(a, b []value) int {
			for _, c := range order {
				if by := a[c].compare(b[c]); by != 0 {
					return by
				}
			}
			return 0
		})
		n := min(len(rows), maxRows)
		u := Unit{Index: i, Rows: n, LeftOut: len(rows) - n, Columns: make([]abi.Column, len(at))}
		for k, c := range at {
			u.Columns[k] = t.columns[c].gather(rows[:n], c)
		}
		return fn(u)
	})
}

// order lists the columns by which the rows of a unit are sorted: all that can
// be read.
func (t *Twin) order() []int {
	var at []int
	for i, c := range t.columns {
		if c.ABI() != 0 {
			at = append(at, i)
		}
	}
	return at
}

// each draws every unit: its rows, a value for each of t.columns.
func (t *Twin) each(fn func(i int, rows [][]value) error) error {
	row := int64(0) // counts through the twin: what must come up, comes up by it
	for i := range t.units {
		d, who := t.dice("values", i), t.holder(i)
		who.home = t.homes(i)
		rows := make([][]value, t.count(i))
		for r := range rows {
			rows[r] = make([]value, len(t.columns))
			for c := range t.columns {
				rows[r][c] = t.columns[c].draw(t, d, who, c, row)
			}
			row++
		}
		if err := fn(i, rows); err != nil {
			return err
		}
	}
	return nil
}

// homes draws, for each frame column of codes, the one that most rows of a unit
// have: what is known of a person, such as the district, seldom changes.
func (t *Twin) homes(i int) []value {
	homes, d := make([]value, len(t.columns)), t.dice("homes", i)
	for c := range t.columns {
		if t.columns[c].homely() {
			homes[c] = t.columns[c].usual(t, d)
		}
	}
	return homes
}

// gather makes what a guest gets of column c of sorted rows.
func (c *column) gather(rows [][]value, at int) abi.Column {
	col := abi.Column{Type: c.ABI()}
	missing := false
	valid := make([]bool, len(rows))
	for i, r := range rows {
		v := r[at]
		valid[i], missing = !v.null, missing || v.null
		switch col.Type {
		case abi.Int64:
			col.I64 = append(col.I64, v.n)
		case abi.Utf8:
			col.Str = append(col.Str, v.s)
		default:
			col.I32 = append(col.I32, int32(v.n)) //nolint:gosec // a day, a month or a code
		}
	}
	if missing {
		col.Valid = valid
	}
	return col
}

func dayOf(t time.Time) int64 {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / secondsADay
}

const secondsADay = 24 * 60 * 60
