package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/jobs"
)

// The spelling of a table: the format's name, cells, measures and margin items,
// then each base cell that has units, in order. All numbers are varints
// (encoding/binary), signed ones in zigzag, lists that ascend as differences.
// Where a stat kept all values, those say the rest, and nothing else is written.
const (
	format   = "yunei evidence v1\n"
	maxBytes = 1 << 28
)

// Bytes is the one spelling of t: it does not depend on the order in which
// contributions were added.
func (t *Table) Bytes() []byte {
	b := []byte(format)
	b = binary.AppendUvarint(b, uint64(t.cells))    //nolint:gosec // not negative
	b = binary.AppendUvarint(b, uint64(t.measures)) //nolint:gosec // not negative
	b = binary.AppendUvarint(b, uint64(len(t.margins)))
	for _, item := range t.margins {
		b = binary.AppendUvarint(b, uint64(len(item)))
		last := int32(-1)
		for _, c := range item {
			b = binary.AppendUvarint(b, uint64(c-last)) //nolint:gosec // ascending
			last = c
		}
	}
	b = binary.AppendUvarint(b, uint64(len(t.rows)))
	last := -1
	for c, n := range t.at {
		if n == 0 {
			continue
		}
		r := t.rows[n-1]
		b = binary.AppendUvarint(b, uint64(c-last)) //nolint:gosec // ascending
		b = binary.AppendUvarint(b, uint64(r.units))
		for m := range r.stats {
			b = r.stats[m].bytes(b)
		}
		last = c
	}
	return b
}

func (s *stat) bytes(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(s.given))
	if s.given == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(s.values))) // 0: too many to keep
	if s.many {
		b = binary.AppendUvarint(b, uint64(s.zeros))
		b = binary.AppendVarint(b, s.sum)
		b = binary.AppendVarint(b, s.abs)
		b = binary.AppendVarint(b, int64(s.min))
		b = binary.AppendVarint(b, int64(s.max))
		for _, a := range s.top {
			b = binary.AppendVarint(b, int64(a))
		}
		return b
	}
	values := slices.Clone(s.values)
	slices.SortFunc(values, func(x, y tally) int { return int(x.value) - int(y.value) })
	for _, x := range values {
		b = binary.AppendVarint(b, int64(x.value))
		b = binary.AppendUvarint(b, uint64(x.count))
	}
	return b
}

var errShort = errors.New("not a number")

// A source reads numbers; the first failure stays.
type source struct {
	raw []byte
	err error
}

func (s *source) uint(most uint64) uint64 {
	v, n := binary.Uvarint(s.raw)
	if n <= 0 || v > most {
		s.fail()
		return 0
	}
	s.raw = s.raw[n:]
	return v
}

func (s *source) int(least, most int64) int64 {
	v, n := binary.Varint(s.raw)
	if n <= 0 || v < least || v > most {
		s.fail()
		return 0
	}
	s.raw = s.raw[n:]
	return v
}

// value reads one unit's value, or a largest or smallest one.
func (s *source) value(least int32) int32 {
	return int32(s.int(int64(least), jobs.MaxBound)) //nolint:gosec // within 2^30
}

func (s *source) fail() {
	if s.err == nil {
		s.err = errShort
	}
	s.raw = nil
}

// Parse reads a table in its one spelling, and checks that its numbers can be
// those of contributions. It takes memory for what it has read, not for what it
// was told. Every error is of kind Invalid.
func Parse(raw []byte) (*Table, error) {
	t, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("reading evidence: %w: %w", err, fault.Invalid)
	}
	return t, nil
}

func parse(raw []byte) (*Table, error) {
	body, ok := bytes.CutPrefix(raw, []byte(format))
	if !ok || len(raw) > maxBytes {
		return nil, errors.New("another format")
	}
	s := &source{raw: body}
	t := &Table{
		cells:    int(s.uint(jobs.MaxCells)),    //nolint:gosec // small
		measures: int(s.uint(jobs.MaxMeasures)), //nolint:gosec // small
	}
	if t.cells == 0 {
		return nil, errors.New("no cells")
	}
	for range s.uint(math.MaxUint32) {
		t.margins = append(t.margins, s.item(t.cells))
		if s.err != nil {
			return nil, s.err
		}
	}
	if err := t.divide(); err != nil {
		return nil, err
	}
	t.at = make([]int32, t.cells)
	if err := t.fill(s); err != nil {
		return nil, err
	}
	if len(s.raw) != 0 || !bytes.Equal(t.Bytes(), raw) {
		return nil, errors.New("not in its one spelling")
	}
	return t, nil
}

func (s *source) item(cells int) []int32 {
	var item []int32
	last := int64(-1)
	for range s.uint(uint64(cells)) { //nolint:gosec // not negative
		last += int64(s.uint(jobs.MaxCells)) //nolint:gosec // small
		if s.err != nil || last >= int64(cells) {
			s.fail()
			return nil
		}
		item = append(item, int32(last)) //nolint:gosec // below MaxCells
	}
	return item
}

// fill reads the rows.
func (t *Table) fill(s *source) error {
	last := int64(-1)
	for range s.uint(uint64(t.cells)) { //nolint:gosec // not negative
		step := int64(s.uint(jobs.MaxCells)) //nolint:gosec // small
		units := uint32(s.uint(maxAdds))     //nolint:gosec // just checked
		if last += step; s.err != nil || step == 0 || units == 0 || last >= int64(t.cells) {
			return errors.New("no row of a table")
		}
		if t.adds += uint64(units); t.adds > maxAdds {
			return errors.New("too many units")
		}
		r := t.row(uint32(last)) //nolint:gosec // below MaxCells
		r.units = units
		for m := range r.stats {
			if err := r.stats[m].read(s, units); err != nil {
				return err
			}
		}
	}
	return s.err
}

func (s *stat) read(from *source, units uint32) error {
	s.given = uint32(from.uint(uint64(units))) //nolint:gosec // just checked
	if from.err != nil || s.given == 0 {
		return from.err
	}
	n := from.uint(params.MaxApart)
	if n == 0 {
		return s.readMany(from)
	}
	whole, total := stat{}, uint64(0)
	for i := range n {
		v := tally{from.value(-jobs.MaxBound), uint32(from.uint(uint64(s.given)))} //nolint:gosec // just checked
		if from.err != nil || v.count == 0 || i > 0 && v.value <= whole.max {
			return errors.New("no list of values")
		}
		whole.repeat(v)
		total += uint64(v.count)
	}
	if total != uint64(s.given) {
		return errors.New("values of other units")
	}
	*s = whole
	return nil
}

// readMany reads the numbers of more values than are kept, and checks that they
// can be so.
func (s *stat) readMany(from *source) error {
	s.many = true
	s.zeros = uint32(from.uint(uint64(s.given))) //nolint:gosec // just checked
	s.sum, s.abs = from.int(math.MinInt64, math.MaxInt64), from.int(0, math.MaxInt64)
	s.min, s.max = from.value(-jobs.MaxBound), from.value(-jobs.MaxBound)
	for i := range s.top {
		s.top[i] = from.value(0)
	}
	if from.err != nil {
		return from.err
	}
	rest := s.abs
	for _, a := range s.top {
		rest -= int64(a)
	}
	others := int64(s.given) - int64(len(s.top))
	switch {
	case s.given <= params.MaxApart || int64(s.max)-int64(s.min) < params.MaxApart:
		return errors.New("too few different values")
	case s.top[0] != max(s.max, -s.min) || s.top[1] > s.top[0] || s.top[2] > s.top[1]:
		return errors.New("largest values out of order")
	case rest < 0 || rest > others*int64(s.top[2]) || s.sum > s.abs || s.sum < -s.abs || (s.abs-s.sum)%2 != 0:
		return errors.New("sums that the values cannot have")
	case s.min >= 0 && s.sum != s.abs || s.max <= 0 && s.sum != -s.abs:
		return errors.New("sums of another sign")
	}
	return nil
}
