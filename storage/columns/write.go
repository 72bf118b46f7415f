package columns

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/yunei/yunei/fault"
)

// The key of a unit stands in two columns of 64 bits, which no schema can name.
const (
	keyHi   = "_unit_hi"
	keyLo   = "_unit_lo"
	keyCols = 2
)

// A footer stands in the Parquet file's key-value metadata under footerKey.
type footer struct {
	Format int      `json:"format"` // 1
	Schema Schema   `json:"schema"`
	Shards []extent `json:"shards"`
}

const (
	footerKey = "yunei.columns"
	format    = 1
)

// An extent is the size of one shard. An empty one has no row group.
type extent struct {
	Rows  int `json:"rows"`
	Units int `json:"units"`
}

// layout is the Parquet schema of a version.
func layout(s Schema) (*schema.GroupNode, error) {
	fields := schema.FieldList{
		schema.NewInt64Node(keyHi, parquet.Repetitions.Required, -1),
		schema.NewInt64Node(keyLo, parquet.Repetitions.Required, -1),
	}
	for _, c := range s.Readable() {
		rep := parquet.Repetitions.Required
		if c.optional() {
			rep = parquet.Repetitions.Optional
		}
		node, err := c.node(rep)
		if err != nil {
			return nil, fmt.Errorf("laying out column %s: %w", c.Name, err)
		}
		fields = append(fields, node)
	}
	return schema.NewGroupNode("yunei", parquet.Repetitions.Required, fields, -1)
}

func (c Column) node(rep parquet.Repetition) (schema.Node, error) {
	switch c.Type {
	case Int64:
		return schema.NewInt64Node(c.Name, rep, -1), nil
	case Text:
		return schema.NewPrimitiveNodeLogical(c.Name, rep, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1)
	case Date:
		return schema.NewPrimitiveNodeLogical(c.Name, rep, schema.DateLogicalType{}, parquet.Types.Int32, -1, -1)
	default:
		return schema.NewInt32Node(c.Name, rep, -1), nil
	}
}

// properties: no statistics, which nobody reads; keys are as good as random,
// and no dictionary holds them.
func properties() *parquet.WriterProperties {
	return parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithStats(false),
		parquet.WithDictionaryFor(keyHi, false),
		parquet.WithDictionaryFor(keyLo, false),
		parquet.WithMaxRowGroupLength(MaxRows),
		parquet.WithCreatedBy("yunei"),
	)
}

// write writes the shards as Parquet, and the marks, if any. An error of w comes back as it is.
func write(ctx context.Context, w io.Writer, s Schema, t *table, shards [][]entry, m *marks) (err error) {
	out := &sink{w: w}
	defer func() {
		if out.err != nil {
			err = fmt.Errorf("writing the version: %w", out.err)
		}
	}()
	defer door(&err, "writing the version", fault.Internal)
	pw, err := begin(out, s, shards)
	if err != nil {
		return fmt.Errorf("writing the version: %w", err)
	}
	for _, entries := range shards {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("writing the version: %w", err)
		}
		if len(entries) == 0 {
			continue
		}
		if err := writeShard(pw, t, entries); err != nil {
			return fmt.Errorf("writing the version: %w", err)
		}
	}
	if m != nil {
		if err := writeMarks(pw, out, m); err != nil {
			return fmt.Errorf("writing the version: %w", err)
		}
	}
	if err := pw.Close(); err != nil {
		return fmt.Errorf("writing the version: %w", err)
	}
	return nil
}

// writeMarks writes the marks behind the last shard. The library does not know
// of them, but the places that its footer names are all before: there is no
// page index and no Bloom filter.
func writeMarks(pw *file.Writer, out *sink, m *marks) error {
	at, err := m.write(out)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(at)
	if err != nil {
		return fmt.Errorf("writing the place of the identifiers: %w", err)
	}
	return pw.AppendKeyValueMetadata(sectionKey, string(raw))
}

func begin(out io.Writer, s Schema, shards [][]entry) (*file.Writer, error) {
	root, err := layout(s)
	if err != nil {
		return nil, err
	}
	f := footer{Format: format, Schema: s}
	for _, entries := range shards {
		f.Shards = append(f.Shards, extent{len(entries), units(entries)})
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("writing the footer: %w", err)
	}
	var kv metadata.KeyValueMetadata
	if err := kv.Append(footerKey, string(raw)); err != nil {
		return nil, err
	}
	return file.NewParquetWriterWithError(out, root, file.WithWriterProps(properties()), file.WithWriteMetadata(kv))
}

func writeShard(pw *file.Writer, t *table, entries []entry) error {
	group, err := pw.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	keys := make([]int64, len(entries))
	for i := range keyCols {
		for j, e := range entries {
			keys[j] = int64([keyCols]uint64{e.hi, e.lo}[i]) //nolint:gosec // bits
		}
		chunk, err := group.NextColumn()
		if err != nil {
			return err
		}
		if err := batch(chunk, keys, nil); err != nil {
			return err
		}
	}
	for i := range t.vectors {
		chunk, err := group.NextColumn()
		if err != nil {
			return err
		}
		if err := t.vectors[i].write(chunk, entries); err != nil {
			return fmt.Errorf("column %s: %w", t.vectors[i].column.Name, err)
		}
	}
	return group.Close()
}

// write writes the cells of v in the order of entries.
func (v *vector) write(chunk file.ColumnChunkWriter, entries []entry) error {
	var defs []int16
	if v.valid != nil {
		defs = make([]int16, len(entries))
		for i, e := range entries {
			if v.valid[e.row] {
				defs[i] = 1
			}
		}
	}
	switch v.column.Type {
	case Int64:
		return batch(chunk, gather(v, entries, func(row uint32) int64 { return v.n64[row] }), defs)
	case Text:
		return batch(chunk, gather(v, entries, func(row uint32) parquet.ByteArray { return v.cell(row) }), defs)
	default:
		return batch(chunk, gather(v, entries, func(row uint32) int32 { return v.n32[row] }), defs)
	}
}

// gather collects the cells that are there.
func gather[T any](v *vector, entries []entry, at func(row uint32) T) []T {
	out := make([]T, 0, len(entries))
	for _, e := range entries {
		if !v.isNull(e.row) {
			out = append(out, at(e.row))
		}
	}
	return out
}

// batch writes a whole column chunk.
func batch[T any](chunk file.ColumnChunkWriter, values []T, defs []int16) error {
	w, ok := chunk.(interface {
		WriteBatch(values []T, defs, reps []int16) (int64, error)
	})
	if !ok {
		return fmt.Errorf("the chunk has another type: %w", fault.Internal)
	}
	if _, err := w.WriteBatch(values, defs, nil); err != nil {
		return err
	}
	return chunk.Close()
}

// A sink counts what a writer takes, and keeps its first error, and its Close
// from the library.
type sink struct {
	w   io.Writer
	n   int64 // bytes written
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.n += int64(n)
	s.err = err
	return n, err
}

// door turns a panic of the library into an error of the kind.
func door(err *error, doing string, kind fault.Kind) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s: the Parquet library gave up: %v: %w", doing, r, kind)
	}
}
