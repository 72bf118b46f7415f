package columns

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/yunei/yunei/fault"
)

// Bounds that the writer keeps by far, and a damaged page does not.
const (
	maxFooter = 64 << 20
	maxPage   = 64 << 20
)

// A Version is an open file of Ingest. Its methods may be called by many
// goroutines.
type Version struct {
	schema   Schema
	readable []Column
	shards   []extent
	groups   []int // the row group of each shard, -1 for an empty one
	file     *file.Reader
	rows     int
	units    int

	source  io.ReaderAt
	section *section // nil in a version of before there were marks
	once    sync.Once
	marks   []uint64
	nothing uint64 // the mark of it
}

// Open reads the footer of a version of size bytes. A file that Ingest did not
// write is an error of kind Tampered; an error of r comes back as it is.
func Open(r io.ReaderAt, size int64) (*Version, error) {
	v, err := open(r, size)
	if err != nil {
		return nil, fmt.Errorf("opening a version: %w", classify(err))
	}
	return v, nil
}

func open(r io.ReaderAt, size int64) (*Version, error) {
	v, err := load(r, size)
	if err == nil && len(v.shards) != shardsFor(v.rows) {
		return nil, errors.New("the number of shards does not agree")
	}
	return v, err
}

// load opens a version, in however many shards it is.
func load(r io.ReaderAt, size int64) (_ *Version, err error) {
	defer door(&err, "reading the footer", fault.Tampered)
	src := source{r}
	if err := src.checkEnd(size); err != nil {
		return nil, err
	}
	props := parquet.NewReaderProperties(memory.NewGoAllocator())
	props.MaxCompressedPageSize, props.MaxUncompressedPageSize = maxPage, maxPage
	pf, err := file.NewParquetReader(io.NewSectionReader(src, 0, size), file.WithReadProps(props))
	if err != nil {
		return nil, err
	}
	v := &Version{file: pf, source: src}
	raw := pf.MetaData().KeyValueMetadata().FindValue(footerKey)
	if raw == nil {
		return nil, errors.New("this is not a version")
	}
	if err := v.readFooter([]byte(*raw)); err != nil {
		return nil, err
	}
	if err := v.checkLayout(); err != nil {
		return nil, err
	}
	if raw := pf.MetaData().KeyValueMetadata().FindValue(sectionKey); raw != nil {
		if v.section, err = readSection([]byte(*raw), size); err != nil {
			return nil, err
		}
	}
	return v, v.checkGroups(size)
}

// checkEnd looks at the length of the footer before the library makes room for
// it.
func (s source) checkEnd(size int64) error {
	const tail = 8 // length, magic
	if size < tail {
		return errors.New("shorter than any version")
	}
	var b [tail]byte
	if _, err := s.ReadAt(b[:], size-tail); err != nil {
		return err
	}
	n := int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16 | int64(b[3])<<24
	if string(b[4:]) != "PAR1" || n > maxFooter || n > size-tail {
		return errors.New("this is not a version")
	}
	return nil
}

func (v *Version) readFooter(raw []byte) error {
	var f footer
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return fmt.Errorf("its words: %w", err)
	}
	if f.Format != format {
		return fmt.Errorf("its format is not %d", format)
	}
	if err := f.Schema.Check(); err != nil {
		return fmt.Errorf("its words: %w", err)
	}
	v.schema, v.readable, v.shards = f.Schema, f.Schema.Readable(), f.Shards
	group := 0
	for _, e := range f.Shards {
		if e.Rows < 0 || e.Rows > MaxRows-v.rows || e.Units < 0 || e.Units > e.Rows || (e.Units == 0) != (e.Rows == 0) {
			return errors.New("the size of a shard makes no sense")
		}
		v.rows += e.Rows
		v.units += e.Units
		if e.Rows == 0 {
			v.groups = append(v.groups, -1)
			continue
		}
		v.groups = append(v.groups, group)
		group++
	}
	if group != v.file.NumRowGroups() {
		return errors.New("the number of shards does not agree")
	}
	return nil
}

// checkLayout compares the columns of the file with those that the schema asks
// for.
func (v *Version) checkLayout() error {
	root, err := layout(v.schema)
	if err != nil {
		return err
	}
	if !schema.NewSchema(root).Equals(v.file.MetaData().Schema) {
		return errors.New("the columns are not those of the schema")
	}
	return nil
}

// checkGroups holds every row group to its shard, and every column chunk to
// the file, so that nothing is allocated by a number alone.
func (v *Version) checkGroups(size int64) error {
	for shard, g := range v.groups {
		if g < 0 {
			continue
		}
		group := v.file.RowGroup(g)
		if group.NumRows() != int64(v.shards[shard].Rows) || group.NumColumns() != keyCols+len(v.readable) {
			return errors.New("a row group is not its shard")
		}
		for i := range group.NumColumns() {
			chunk, err := group.MetaData().ColumnChunk(i)
			if err != nil {
				return err
			}
			start, n := chunk.DataPageOffset(), chunk.TotalCompressedSize()
			if chunk.HasDictionaryPage() {
				start = min(start, chunk.DictionaryPageOffset())
			}
			if start < 0 || n < 0 || start > size || n > size-start || chunk.NumValues() != group.NumRows() || chunk.CryptoMetadata() != nil {
				return errors.New("a column lies outside the file")
			}
		}
	}
	return nil
}

// Schema is what the version was ingested by.
func (v *Version) Schema() Schema { return v.schema }

// Rows is the number of rows, which is public.
func (v *Version) Rows() int { return v.rows }

// Shards is the number of shards, a function of Rows.
func (v *Version) Shards() int { return len(v.shards) }

// Count is the number of units. It is not public.
func (v *Version) Count() int { return v.units }

// A source marks the errors of the reader below, so that they are not taken
// for damage of what was read.
type source struct{ r io.ReaderAt }

type sourceError struct{ error }

func (e sourceError) Unwrap() error { return e.error }

func (s source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return n, io.ErrUnexpectedEOF // within size, nothing may be missing
	}
	return n, sourceError{err}
}

// classify gives an error its kind: that of the source, or Tampered.
func classify(err error) error {
	if e, ok := errors.AsType[sourceError](err); ok {
		return e.error
	}
	return fmt.Errorf("%w: %w", err, fault.Tampered)
}
