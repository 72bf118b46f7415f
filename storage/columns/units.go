package columns

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
)

// A Query says what to read. The zero Query reads nothing and is refused.
type Query struct {
	Columns []string // as a permit names them, in this order; at least one
	MaxRows int      // rows of one unit; later ones, in canonical order, are left out
	Secret  []byte   // permutes the units of a shard; nil: the order of their keys
}

// A Unit is the rows of one privacy unit. It is valid until the function that
// got it returns. It does not give its key away, and prints as its kind.
type Unit struct {
	Columns []abi.Column // one a column of the query, Rows elements each
	Rows    int
	LeftOut int // rows beyond Query.MaxRows
	key     [16]byte
}

// Seed is HMAC-SHA256 of the unit's key under secret: what a unit's batch,
// block or random seed is drawn from, so that they depend on the unit alone,
// and that nobody without secret can tell them.
func (u Unit) Seed(secret []byte) [32]byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(u.key[:])
	return [32]byte(mac.Sum(nil))
}

// SeedOf is the Seed of the unit with that key, for who can make the key itself.
func SeedOf(key [16]byte, secret []byte) [32]byte { return Unit{key: key}.Seed(secret) }

// Format prints the kind, and neither key nor rows.
func (u Unit) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "unit") }

// Units calls fn for every unit of a shard, 0 <= shard < Shards(). It reads
// the key and the columns of the query, no other byte of the shard, and holds
// them in memory meanwhile. A column that is unknown or a direct identifier is
// the refusal "column"; damage is of kind Tampered, and no unit of the shard is
// then given; an error of fn ends it and comes back as it is.
func (v *Version) Units(ctx context.Context, shard int, q Query, fn func(Unit) error) error {
	at, err := v.resolve(shard, q)
	if err != nil {
		return fmt.Errorf("reading units: %w", err)
	}
	if v.groups[shard] < 0 {
		return nil
	}
	d, err := v.decode(ctx, shard, at)
	if err != nil {
		return fmt.Errorf("reading units: shard %d: %w", shard, err)
	}
	if q.Secret != nil {
		permute(d.spans, shard, q.Secret)
	}
	unit := Unit{Columns: make([]abi.Column, len(at))}
	for i, s := range d.spans {
		if i%stride == 0 && ctx.Err() != nil {
			return fmt.Errorf("reading units: %w", ctx.Err())
		}
		d.fill(&unit, s, q.MaxRows)
		if err := fn(unit); err != nil {
			return err
		}
	}
	return nil
}

// resolve returns the index among the readable columns of each of the query's.
func (v *Version) resolve(shard int, q Query) ([]int, error) {
	if shard < 0 || shard >= len(v.shards) {
		return nil, fmt.Errorf("there is no shard %d: %w", shard, fault.Invalid)
	}
	if q.MaxRows < 1 {
		return nil, fmt.Errorf("no row is allowed: %w", fault.Invalid)
	}
	if len(q.Columns) == 0 || len(q.Columns) > MaxColumns {
		return nil, fault.Refuse("column", "")
	}
	at := make([]int, len(q.Columns))
	for i, name := range q.Columns {
		at[i] = slices.IndexFunc(v.readable, func(c Column) bool { return c.Name == name })
		if at[i] < 0 {
			return nil, fault.Refuse("column", "")
		}
	}
	return at, nil
}

// A span is the rows of one unit in a shard.
type span struct{ from, to int }

// decoded is a shard in memory.
type decoded struct {
	hi, lo  []int64
	columns []abi.Column
	spans   []span
}

// decode reads a shard whole. The one door of the library: it panics on some
// damaged pages.
func (v *Version) decode(ctx context.Context, shard int, at []int) (*decoded, error) {
	read := func() (d *decoded, err error) {
		defer door(&err, "decoding", fault.Tampered)
		return v.read(ctx, shard, at)
	}
	d, err := read()
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, classify(err)
	}
	return d, nil
}

func (v *Version) read(ctx context.Context, shard int, at []int) (*decoded, error) {
	group, rows := v.file.RowGroup(v.groups[shard]), v.shards[shard].Rows
	d := &decoded{columns: make([]abi.Column, len(at))}
	var err error
	if d.hi, _, err = fixed[int64](group, 0, rows, false); err != nil {
		return nil, err
	}
	if d.lo, _, err = fixed[int64](group, 1, rows, false); err != nil {
		return nil, err
	}
	if d.spans, err = spans(d.hi, d.lo, v.shards[shard].Units); err != nil {
		return nil, err
	}
	for i, c := range at {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if d.columns[i], err = v.readable[c].read(group, keyCols+c, rows); err != nil {
			return nil, fmt.Errorf("column %s: %w", v.readable[c].Name, err)
		}
	}
	return d, nil
}

// spans finds the units: their keys rise.
func spans(hi, lo []int64, units int) ([]span, error) {
	out := make([]span, 0, min(units, len(hi)))
	for i := range hi {
		if i == 0 {
			out = append(out, span{0, 1})
			continue
		}
		switch h, l := uint64(hi[i]), uint64(lo[i]); { //nolint:gosec // bits
		case hi[i] == hi[i-1] && lo[i] == lo[i-1]:
			out[len(out)-1].to++
		case h > uint64(hi[i-1]) || h == uint64(hi[i-1]) && l > uint64(lo[i-1]): //nolint:gosec // bits
			out = append(out, span{i, i + 1})
		default:
			return nil, errors.New("the units are not in order")
		}
	}
	if len(out) != units {
		return nil, errors.New("the number of units does not agree")
	}
	return out, nil
}

// permute shuffles the units of a shard by a stream of ChaCha8 under secret.
func permute(s []span, shard int, secret []byte) {
	mac := hmac.New(sha256.New, secret)
	mac.Write(binary.BigEndian.AppendUint64([]byte("order of shard "), uint64(shard))) //nolint:gosec // not negative
	r := rand.New(rand.NewChaCha8([32]byte(mac.Sum(nil))))                             //nolint:gosec // ChaCha8 under a secret is no weak generator
	r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

// fill points unit at the rows of s.
func (d *decoded) fill(unit *Unit, s span, most int) {
	rows := s.to - s.from
	unit.LeftOut = max(0, rows-most)
	unit.Rows = rows - unit.LeftOut
	binary.BigEndian.PutUint64(unit.key[:8], uint64(d.hi[s.from])) //nolint:gosec // bits
	binary.BigEndian.PutUint64(unit.key[8:], uint64(d.lo[s.from])) //nolint:gosec // bits
	end := s.from + unit.Rows
	for i := range d.columns {
		from, to := &d.columns[i], &unit.Columns[i]
		to.Type = from.Type
		if from.Valid != nil {
			to.Valid = from.Valid[s.from:end:end]
		}
		switch from.Type {
		case abi.Int64:
			to.I64 = from.I64[s.from:end:end]
		case abi.Utf8:
			to.Str = from.Str[s.from:end:end]
		default:
			to.I32 = from.I32[s.from:end:end]
		}
	}
}

// read reads column i of a row group.
func (c Column) read(group *file.RowGroupReader, i, rows int) (col abi.Column, err error) {
	col.Type = c.ABI()
	switch c.Type {
	case Int64:
		col.I64, col.Valid, err = fixed[int64](group, i, rows, c.optional())
	case Text:
		col.Str, col.Valid, err = text(group, i, rows, c.optional())
	default:
		col.I32, col.Valid, err = fixed[int32](group, i, rows, c.optional())
	}
	if err != nil || c.Type != Code {
		return col, err
	}
	for _, n := range col.I32 {
		if n < 0 || int(n) >= len(c.Codes) {
			return col, errors.New("a code is not in the list")
		}
	}
	return col, nil
}

// step is how many values are asked for at once, and how many there is room
// for before any was read.
const step = 1 << 18

// fixed reads a column chunk of int32 or int64. Missing values read as 0;
// validity is nil if there are none.
func fixed[T int32 | int64](group *file.RowGroupReader, i, rows int, optional bool) (values []T, validity []bool, err error) {
	chunk, err := group.Column(i)
	if err != nil {
		return nil, nil, err
	}
	r, ok := chunk.(interface {
		ReadBatch(n int64, values []T, defs, reps []int16) (int64, int, error)
	})
	if !ok {
		return nil, nil, errors.New("the chunk has another type")
	}
	var defs []int16
	if optional {
		defs = make([]int16, min(rows, step))
	}
	missing := 0
	for len(values) < rows {
		n := min(rows-len(values), step)
		values = slices.Grow(values, n)[:len(values)+n]
		got := values[len(values)-n:]
		total, present, err := r.ReadBatch(int64(n), got, defs, nil)
		switch {
		case err != nil:
			return nil, nil, err
		case chunk.Err() != nil:
			return nil, nil, chunk.Err()
		case total != int64(n) || !optional && present != n:
			return nil, nil, errShort
		}
		if optional {
			missing += n - present
			if validity, err = spread(got, defs[:n], present, validity); err != nil {
				return nil, nil, err
			}
		}
	}
	if chunk.HasNext() {
		return nil, nil, errLong
	}
	if missing == 0 {
		validity = nil
	}
	return values, validity, nil
}

var (
	errShort = errors.New("a value is missing")
	errLong  = errors.New("there are more values than rows")
)

// spread moves the values that are there, which lie at the front of got, to
// their rows, and appends which rows they are to validity.
func spread[T int32 | int64](got []T, defs []int16, present int, validity []bool) ([]bool, error) {
	first := len(validity)
	validity = append(validity, make([]bool, len(got))...)
	for i := len(got) - 1; i >= 0; i-- {
		if defs[i] != 1 {
			got[i] = 0
			continue
		}
		if present--; present < 0 {
			return nil, errShort
		}
		got[i], validity[first+i] = got[present], true
	}
	if present != 0 {
		return nil, errLong
	}
	return validity, nil
}

// text reads a column chunk of strings, which share one allocation. Missing
// ones read as ""; validity is nil if there are none.
func text(group *file.RowGroupReader, i, rows int, optional bool) (values []string, validity []bool, err error) {
	chunk, err := group.Column(i)
	if err != nil {
		return nil, nil, err
	}
	r, ok := chunk.(*file.ByteArrayColumnChunkReader)
	if !ok {
		return nil, nil, errors.New("the chunk has another type")
	}
	var t texts
	if optional {
		t.defs = make([]int16, textStep)
	}
	for len(t.ends) < rows && r.HasNext() {
		if err := t.batch(r, rows-len(t.ends)); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case r.Err() != nil:
		return nil, nil, r.Err()
	case len(t.ends) < rows:
		return nil, nil, errShort
	case r.HasNext():
		return nil, nil, errLong
	}
	return t.strings(), t.validity, nil
}

const textStep = 1 << 12

// texts is a text column as it is read.
type texts struct {
	page     [textStep]parquet.ByteArray
	defs     []int16 // nil if none may be missing
	data     []byte
	ends     []int
	validity []bool
}

// batch reads some values. Their bytes lie in the page, and are copied before
// the next page takes its place.
func (t *texts) batch(r *file.ByteArrayColumnChunkReader, most int) error {
	total, present, err := r.ReadBatchInPage(int64(min(textStep, most)), t.page[:], t.defs, nil)
	if err != nil {
		return err
	}
	if total == 0 {
		return errShort
	}
	next := 0
	for j := range int(total) {
		there := t.defs == nil || t.defs[j] == 1
		if there {
			if next == present || len(t.page[next]) > MaxText {
				return errShort
			}
			t.data = append(t.data, t.page[next]...)
			next++
		}
		if !there && t.validity == nil {
			t.validity = slices.Repeat([]bool{true}, len(t.ends))
		}
		if t.validity != nil {
			t.validity = append(t.validity, there)
		}
		t.ends = append(t.ends, len(t.data))
	}
	if next != present {
		return errLong
	}
	return nil
}

func (t *texts) strings() []string {
	all, from := string(t.data), 0
	values := make([]string, len(t.ends))
	for i, end := range t.ends {
		values[i], from = all[from:end], end
	}
	return values
}
