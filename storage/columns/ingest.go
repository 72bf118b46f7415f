package columns

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs"
)

// Options of an ingest. The zero Options is of use.
type Options struct {
	Progress func(rows int) // called now and then with the rows read, and at the end
	Day      time.Time      // of delivery: whoever is born after it is set aside; zero: not asked
	MaxRows  int            // refuse more than this; 0, or above MaxRows: MaxRows
	// Number gets the canonical identifier of every row that has a valid one,
	// in the file's order, a person's as often as it has rows. It is for the
	// domain's own roll (storage/roll); nil: nobody keeps it.
	Number func(canonical string)
}

const stride = 1 << 16 // rows between two looks at the context, and two reports

// Ingest reads CSV (RFC 4180, UTF-8, a byte order mark is allowed) whose header
// names exactly the columns of s, in any order, and writes a version to w.
//
// The unit key of a row is ident.UnitKey under unitKey, the domain's secret for
// the namespace. Rows whose identifier is missing or not valid are set aside
// and counted; all else that is wrong refuses the whole file: the error is then
// Mistakes. Of the cells that are dropped, those of rows set aside included, the
// version keeps marks (Version.Identifies) under the same key. It is of kind Exhausted when the file has more rows than allowed. w
// gets nothing before every row was found good, and no error of w is hidden;
// whoever owns w abandons what was written when Ingest fails.
func Ingest(ctx context.Context, r io.Reader, s Schema, unitKey []byte, w io.Writer, o Options) (Manifest, error) {
	if err := s.Check(); err != nil {
		return Manifest{}, fmt.Errorf("ingesting: %w", err)
	}
	if len(unitKey) < ident.MinKey {
		return Manifest{}, fmt.Errorf("ingesting: the unit key is shorter than %d bytes: %w", ident.MinKey, fault.Invalid)
	}
	if o.MaxRows <= 0 || o.MaxRows > MaxRows {
		o.MaxRows = MaxRows
	}
	in := newIntake(s, unitKey, o)
	if err := in.read(ctx, r); err != nil {
		return Manifest{}, fmt.Errorf("ingesting: %w", err)
	}
	t := in.table
	t.sort()
	if s.Unit.Namespace == jobs.Row {
		t.part(unitKey)
	}
	shards := split(t.entries, shardsFor(len(t.entries)))
	if err := write(ctx, w, s, t, shards, in.marks); err != nil {
		return Manifest{}, fmt.Errorf("ingesting: %w", err)
	}
	return in.manifest(len(shards)), nil
}

// A field is what becomes of one position of a CSV record.
type field struct {
	column *Column
	at     int // index of its vector, -1 if it is dropped
	unit   bool
	codes  map[string]int32
}

// An intake is one CSV on its way into a table.
type intake struct {
	schema   Schema
	key      []byte
	options  Options
	table    *table
	marks    *marks
	fields   []field
	derived  []int // indices of the vectors of schema.Derived
	row      []value
	content  []byte
	aside    map[string]int
	line     int // of the last record that was read
	mistakes Mistakes
}

func newIntake(s Schema, key []byte, o Options) *intake {
	in := &intake{schema: s, key: key, options: o, table: newTable(s), marks: newMarks(key), aside: map[string]int{}}
	in.row = make([]value, len(in.table.vectors))
	for i := range s.Derived {
		in.derived = append(in.derived, len(in.row)-len(s.Derived)+i)
	}
	return in
}

func (in *intake) read(ctx context.Context, r io.Reader) error {
	limit := &limited{r: r}
	buffered := bufio.NewReaderSize(limit, 1<<16)
	limit.left = MaxRecord
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = buffered.Discard(len(mark)) // it was peeked
	}
	records := csv.NewReader(buffered)
	records.ReuseRecord = true
	if err := in.header(records); err != nil {
		return err
	}
	seen := 0
	for ; ; seen++ {
		if seen%stride == 0 {
			if err := in.pause(ctx, seen); err != nil {
				return err
			}
		}
		limit.left = MaxRecord
		cells, err := records.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err := in.take(records, cells, err); err != nil {
			return err
		}
		if len(in.mistakes) == MaxMistakes {
			break
		}
	}
	if len(in.mistakes) > 0 {
		return in.mistakes
	}
	return in.pause(ctx, seen)
}

// pause looks at the context and reports the rows read.
func (in *intake) pause(ctx context.Context, rows int) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("after %d rows: %w", rows, err)
	}
	if in.options.Progress != nil && rows > 0 {
		in.options.Progress(rows)
	}
	return nil
}

// header finds the place of each column. It quotes no name that the schema
// does not have: a file without a header starts with someone's data.
func (in *intake) header(records *csv.Reader) error {
	names, err := records.Read()
	if errors.Is(err, io.EOF) {
		return Mistakes{{Line: 1, Rule: "the file is empty, want a header"}}
	}
	if err != nil {
		return in.broken(err)
	}
	if !valid(names) {
		return Mistakes{{Line: 1, Rule: ruleUTF8}}
	}
	in.line = 1
	place := map[string]int{}
	for i, name := range names {
		name = strings.TrimSpace(name)
		if _, twice := place[name]; twice || !in.schema.has(name) {
			in.mistake(1, "", fmt.Sprintf("cell %d of the header is not a column of the schema, or stands twice", i+1))
		}
		place[name] = i
	}
	in.fields = make([]field, len(names))
	vector := 0
	for i := range in.schema.Columns {
		f := field{column: &in.schema.Columns[i], at: -1}
		f.unit = f.column.Name == in.schema.Unit.Column
		if !f.column.dropped() {
			f.at = vector
			vector++
		}
		f.codes = f.column.index()
		at, ok := place[f.column.Name]
		if !ok {
			in.mistake(1, f.column.Name, "not in the header")
			continue
		}
		in.fields[at] = f
	}
	if len(in.mistakes) > 0 {
		return in.mistakes
	}
	return nil
}

func (s Schema) has(name string) bool {
	for _, c := range s.Columns {
		if c.Name == name {
			return true
		}
	}
	return false
}

// index maps each code to its place in the list.
func (c *Column) index() map[string]int32 {
	if c.Type != Code {
		return nil
	}
	m := make(map[string]int32, len(c.Codes))
	for i, code := range c.Codes {
		m[code] = int32(i)
	}
	return m
}

func (in *intake) mistake(line int, column, rule string) {
	if len(in.mistakes) < MaxMistakes {
		in.mistakes = append(in.mistakes, Mistake{line, column, rule})
	}
}

// broken tells what is wrong with a record that could not be read; an error of
// the reader below is handed on.
func (in *intake) broken(err error) error {
	bad, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case errors.Is(err, errRecord):
		in.mistake(in.line+1, "", ruleRecord)
	case ok:
		in.mistake(bad.StartLine, "", ruleQuote)
	default:
		return fmt.Errorf("reading CSV: %w", err)
	}
	return in.mistakes
}

// take checks one record and adds it to the table. Once a mistake was found
// nothing is kept any more; the rest is read for its mistakes.
func (in *intake) take(records *csv.Reader, cells []string, err error) error {
	if err != nil && !errors.Is(err, csv.ErrFieldCount) {
		return in.broken(err)
	}
	line, _ := records.FieldPos(0)
	in.line = line
	if err != nil {
		in.mistake(line, "", fmt.Sprintf("%d cells, but the header has %d", len(cells), len(in.fields)))
		return nil //nolint:nilerr // noted as a mistake; the rest is read for more
	}
	key, reason := in.cells(line, cells)
	switch {
	case len(in.mistakes) > 0:
		return nil
	case reason != "":
		in.aside[reason]++
		return nil
	case len(in.table.entries) == in.options.MaxRows:
		return fmt.Errorf("more than %d rows: %w", in.options.MaxRows, fault.Exhausted)
	}
	return in.table.add(key, in.row)
}

// cells fills in.row, and returns the key of the row's unit or the reason why
// it has none.
func (in *intake) cells(line int, cells []string) (key [16]byte, reason string) {
	utf8 := valid(cells)
	for i := range in.fields {
		f := &in.fields[i]
		cell := strings.TrimSpace(cells[i])
		if !utf8 && !valid(cells[i:i+1]) {
			in.mistake(line, f.column.Name, ruleUTF8)
			continue
		}
		if f.at < 0 {
			in.marks.add(cell)
		}
		if f.unit {
			key, reason = in.unit(cell)
			continue
		}
		if rule := in.cell(f, cell); rule != "" {
			in.mistake(line, f.column.Name, rule)
		}
	}
	if in.schema.Unit.Namespace == jobs.Row {
		in.content = contentOf(in.content, in.row)
		key = ident.UnitKey(in.key, jobs.Row, string(in.content))
	}
	return key, reason
}

// cell types one cell, and returns the rule that it breaks.
func (in *intake) cell(f *field, cell string) string {
	if cell == "" && f.column.Required {
		return ruleRequired
	}
	if f.at < 0 {
		return ""
	}
	if cell == "" {
		in.row[f.at] = value{null: true}
		return ""
	}
	v, rule := parse(f.column.Type, f.codes, cell)
	in.row[f.at] = v
	return rule
}

// unit makes the key of an identifier, and derives what it states, or returns
// the reason why the row is set aside (every spelling of a number is
// one unit, and no row without a number is one).
func (in *intake) unit(cell string) (key [16]byte, reason string) {
	if cell == "" {
		return key, AsideMissing
	}
	if in.schema.Unit.Namespace == jobs.LegalPerson {
		body, err := ident.Body(cell)
		if err != nil {
			return key, err.Error()
		}
		in.number(body.Canonical())
		return ident.UnitKey(in.key, jobs.LegalPerson, body.Canonical()), ""
	}
	person, err := ident.Person(cell)
	if err != nil {
		return key, err.Error()
	}
	if d := in.options.Day; !d.IsZero() && !person.BornBy(d.Year(), int(d.Month()), d.Day()) {
		return key, AsideUnborn
	}
	for i, name := range in.schema.Derived {
		in.row[in.derived[i]] = derive(name, person)
	}
	in.number(person.Canonical())
	return ident.UnitKey(in.key, jobs.NaturalPerson, person.Canonical()), ""
}

func (in *intake) number(canonical string) {
	if in.options.Number != nil {
		in.options.Number(canonical)
	}
}

func derive(name string, p ident.Natural) value {
	if name == BirthMonth {
		return value{n: months(p.Birth())}
	}
	if p.Sex() == ident.Male {
		return value{n: 0} // M
	}
	return value{n: 1} // F
}

func (in *intake) manifest(shards int) Manifest {
	m := Manifest{
		Public:  Public{Schema: in.schema.Digest(), Rows: len(in.table.entries), Shards: shards},
		Profile: Profile{Units: units(in.table.entries), SetAside: in.aside},
	}
	for i := range in.table.vectors {
		v := &in.table.vectors[i]
		c := ColumnProfile{Name: v.column.Name, Missing: v.missing}
		if t := v.column.Type; v.rows() > v.missing && t != Text && t != Code {
			c.Min, c.Max = show(t, v.min), show(t, v.max)
		}
		m.Profile.Columns = append(m.Profile.Columns, c)
	}
	return m
}

var errRecord = errors.New("record too long")

// limited gives errRecord when more is read than the owner allowed for one
// record: a stray quotation mark would otherwise take the whole file into one
// cell.
type limited struct {
	r    io.Reader
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errRecord
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
