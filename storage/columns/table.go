package columns

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs"
)

// A table holds the rows of one ingest by column, in the order of the file,
// and an entry for each row, which sort brings into the order of the version.
type table struct {
	vectors []vector
	entries []entry
}

// An entry is a row and the key of its unit.
type entry struct {
	hi, lo uint64
	row    uint32
}

func (e entry) sameUnit(o entry) bool { return e.hi == o.hi && e.lo == o.lo }

func newEntry(key [16]byte, row int) entry {
	return entry{
		hi:  binary.BigEndian.Uint64(key[:8]),
		lo:  binary.BigEndian.Uint64(key[8:]),
		row: uint32(row), //nolint:gosec // at most MaxRows
	}
}

// A vector is one column: n64 for Int64, text for Text, n32 for all others.
type vector struct {
	column  Column
	valid   []bool // nil if no cell may be missing
	n32     []int32
	n64     []int64
	text    []byte
	ends    []uint64 // of each cell in text
	missing int
	min     int64
	max     int64
}

func newTable(s Schema) *table {
	t := &table{}
	for _, c := range s.Readable() {
		t.vectors = append(t.vectors, vector{column: c})
	}
	return t
}

// add appends one row: a value for each vector.
func (t *table) add(key [16]byte, row []value) error {
	for i := range t.vectors {
		t.vectors[i].add(row[i])
		if len(t.vectors[i].text) > maxArena {
			return fmt.Errorf("column %s: more than 4 GiB of text: %w", t.vectors[i].column.Name, fault.Exhausted)
		}
	}
	t.entries = append(t.entries, newEntry(key, len(t.entries)))
	return nil
}

func (v *vector) add(x value) {
	if v.column.optional() {
		v.valid = append(v.valid, !x.null)
	}
	switch v.column.Type {
	case Int64:
		v.n64 = append(v.n64, x.n)
	case Text:
		v.text = append(v.text, x.s...)
		v.ends = append(v.ends, uint64(len(v.text)))
	default:
		v.n32 = append(v.n32, int32(x.n)) //nolint:gosec // a date, a month or an index into a code list
	}
	v.profile(x)
}

func (v *vector) profile(x value) {
	switch n := v.rows(); {
	case x.null:
		v.missing++
	case n == v.missing+1: // the first that is there
		v.min, v.max = x.n, x.n
	default:
		v.min, v.max = min(v.min, x.n), max(v.max, x.n)
	}
}

func (v *vector) rows() int { return len(v.n32) + len(v.n64) + len(v.ends) }

func (v *vector) isNull(row uint32) bool { return v.valid != nil && !v.valid[row] }

func (v *vector) cell(row uint32) []byte {
	from := uint64(0)
	if row > 0 {
		from = v.ends[row-1]
	}
	return v.text[from:v.ends[row]]
}

// compare orders two cells: missing first, then by value.
func (v *vector) compare(a, b uint32) int {
	if v.isNull(a) || v.isNull(b) {
		switch {
		case !v.isNull(b):
			return -1
		case !v.isNull(a):
			return 1
		}
		return 0
	}
	switch v.column.Type {
	case Int64:
		return cmp.Compare(v.n64[a], v.n64[b])
	case Text:
		return bytes.Compare(v.cell(a), v.cell(b))
	default:
		return cmp.Compare(v.n32[a], v.n32[b])
	}
}

// sort brings the entries into the order of a version: by unit, then by all
// values. Rows that are still equal cannot be told apart.
func (t *table) sort() {
	slices.SortFunc(t.entries, func(a, b entry) int {
		if a.hi != b.hi {
			return cmp.Compare(a.hi, b.hi)
		}
		if a.lo != b.lo {
			return cmp.Compare(a.lo, b.lo)
		}
		for i := range t.vectors {
			if c := t.vectors[i].compare(a.row, b.row); c != 0 {
				return c
			}
		}
		return 0
	})
}

// part makes units of the rows of namespace Row. The sorted rows come with a
// key of their content, so that their place in the file means nothing; of
// equal rows, all but the first get another key by counting them.
func (t *table) part(key []byte) {
	recount := false
	for i := 0; i < len(t.entries); {
		first, n := t.entries[i], i+1
		for ; n < len(t.entries) && t.entries[n].sameUnit(first); n++ {
			again := ident.UnitKey(key, jobs.Row, countedRow(first, n-i))
			t.entries[n] = newEntry(again, int(t.entries[n].row))
			recount = true
		}
		i = n
	}
	if recount {
		t.sort()
	}
}

// countedRow and contentOf spell what the key of a row is made from; the first
// byte keeps them apart.
func countedRow(first entry, n int) string {
	b := append(make([]byte, 0, 25), 'n')
	b = binary.BigEndian.AppendUint64(b, first.hi)
	b = binary.BigEndian.AppendUint64(b, first.lo)
	return string(binary.BigEndian.AppendUint64(b, uint64(n))) //nolint:gosec // positive
}

func contentOf(buf []byte, row []value) []byte {
	buf = append(buf[:0], 'c')
	for _, v := range row {
		if v.null {
			buf = append(buf, 0)
			continue
		}
		buf = append(buf, 1)
		buf = binary.BigEndian.AppendUint64(buf, uint64(v.n)) //nolint:gosec // two's complement
		buf = binary.BigEndian.AppendUint64(buf, uint64(len(v.s)))
		buf = append(buf, v.s...)
	}
	return buf
}

// units counts the units of sorted entries.
func units(sorted []entry) int {
	n := 0
	for i := range sorted {
		if i == 0 || !sorted[i].sameUnit(sorted[i-1]) {
			n++
		}
	}
	return n
}

// shardsFor is the number of shards of a version: a function of its size.
func shardsFor(rows int) int { return max(1, (rows+ShardRows-1)/ShardRows) }

// split cuts sorted entries into shards by the leading 64 bits of the key,
// which are uniform. A shard may be empty.
func split(sorted []entry, shards int) [][]entry {
	n := uint64(shards) //nolint:gosec // positive
	out := make([][]entry, n)
	for i := range out {
		end := len(sorted)
		for lo := 0; lo < end; { // the first entry of a later shard
			mid := int(uint(lo+end) >> 1)
			if shard, _ := bits.Mul64(sorted[mid].hi, n); shard > uint64(i) {
				end = mid
			} else {
				lo = mid + 1
			}
		}
		out[i], sorted = sorted[:end:end], sorted[end:]
	}
	return out
}
