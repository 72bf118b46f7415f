package psi

import (
	"bytes"
	"container/heap"
	"fmt"
	"io"
	"sort"

	"github.com/yunei/yunei/fault"
)

// A Scratch is an empty file to sort in, such as an *os.File, as large as the
// list; a list of one chunk needs none. It is the caller's to delete. What is
// written there is what will be sent, in another order, and no key.
type Scratch interface {
	io.ReaderAt
	io.WriterAt
}

// A sorter sorts records of one length by their first 32 bytes, and keeps a
// chunk in memory and the rest in a Scratch, as sorted runs.
type sorter struct {
	record  int
	scratch Scratch
	runs    []run
	end     int64
	held    []byte // the last run
}

// A run is sorted records, at from to end of the scratch.
type run struct{ from, end int64 }

// window is how much of a run is in memory when runs are merged.
const window = 1 << 10

// add takes records, and owns them.
func (s *sorter) add(records []byte) error {
	if len(s.held) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	sort.Sort(rows{records, s.record, make([]byte, s.record)})
	s.held = records
	return nil
}

func (s *sorter) spill() error {
	if s.scratch == nil {
		return fmt.Errorf("sorting: there is no scratch: %w", fault.Invalid)
	}
	if _, err := s.scratch.WriteAt(s.held, s.end); err != nil {
		return fmt.Errorf("sorting: %w", err)
	}
	next := s.end + int64(len(s.held))
	s.runs = append(s.runs, run{s.end, next})
	s.end = next
	return nil
}

// each gives the records in their order. Two with the same key are an error.
func (s *sorter) each(give func(record []byte) error) error {
	merge := make(cursors, 0, len(s.runs)+1)
	if len(s.held) > 0 {
		merge = append(merge, &cursor{record: s.record, have: s.held})
	}
	for _, r := range s.runs {
		c := &cursor{record: s.record, left: io.NewSectionReader(s.scratch, r.from, r.end-r.from)}
		c.buf = make([]byte, max(1, window/s.record)*s.record)
		if _, err := c.fill(); err != nil {
			return err
		}
		merge = append(merge, c)
	}
	heap.Init(&merge)
	var last [pointSize]byte
	for first := true; len(merge) > 0; first = false {
		c := merge[0]
		record := c.have[:s.record]
		if !first && bytes.Equal(last[:], record[:pointSize]) {
			return fmt.Errorf("sorting: a record comes twice: %w", fault.Invalid)
		}
		copy(last[:], record)
		if err := give(record); err != nil {
			return err
		}
		if err := merge.advance(); err != nil {
			return err
		}
	}
	return nil
}

// A cursor is at the first of have.
type cursor struct {
	record    int
	have, buf []byte
	left      *io.SectionReader // nil for a run in memory
}

// fill reads more of the run, and reports whether there was any.
func (c *cursor) fill() (bool, error) {
	if c.left == nil {
		return false, nil
	}
	n, err := io.ReadFull(c.left, c.buf)
	if n%c.record != 0 || err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, fmt.Errorf("reading sorted records back, %d bytes: %w", n, err)
	}
	c.have = c.buf[:n]
	return n > 0, nil
}

// cursors are a heap by their first records.
type cursors []*cursor

func (h cursors) Len() int { return len(h) }
func (h cursors) Less(i, j int) bool {
	return bytes.Compare(h[i].have[:pointSize], h[j].have[:pointSize]) < 0
}
func (h cursors) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is heap.Interface's, which nobody calls: runs do not come later.
func (h *cursors) Push(any) { panic("psi: a run came late") }

// Pop takes the last.
func (h *cursors) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// advance goes past the smallest record.
func (h *cursors) advance() error {
	c := (*h)[0]
	if c.have = c.have[c.record:]; len(c.have) == 0 {
		more, err := c.fill()
		if err != nil {
			return err
		}
		if !more {
			heap.Pop(h)
			return nil
		}
	}
	heap.Fix(h, 0)
	return nil
}

// rows are records to sort where they are.
type rows struct {
	b      []byte
	record int
	spare  []byte
}

func (r rows) at(i int) []byte { return r.b[i*r.record : (i+1)*r.record] }
func (r rows) Len() int        { return len(r.b) / r.record }
func (r rows) Less(i, j int) bool {
	return bytes.Compare(r.at(i)[:pointSize], r.at(j)[:pointSize]) < 0
}

func (r rows) Swap(i, j int) {
	copy(r.spare, r.at(i))
	copy(r.at(i), r.at(j))
	copy(r.at(j), r.spare)
}
