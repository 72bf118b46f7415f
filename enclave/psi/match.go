package psi

import (
	"bytes"
	"container/heap"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// An Answered is one list of tags with the digest that was stated for it by
// the domain that answered.
type Answered struct {
	R      io.Reader
	Digest suite.Digest
}

// A Matched is what two sets have in common: how many, and sums that are still
// encrypted. The only way to hold one is to have matched the lists, so that no
// Holder decrypts what it has not added up itself.
type Matched struct {
	join   [sha256.Size]byte // digest of the terms
	counts []int64           // by cell
	sums   [3][][]ciphertext // by role, cell and slot; nil halves where nobody was
}

// Count is how many are in both, over all cells.
func (m Matched) Count() int64 {
	var n int64
	for _, c := range m.counts {
		n += c
	}
	return n
}

// Match reads A's lists, one for each cell, and B's, all as they were answered,
// side by side and once. It checks every record before it returns, whether it
// matches or not, so that no refusal tells what matched.
func (j *Join) Match(ctx context.Context, a []Answered, b Answered) (Matched, error) {
	m, err := j.match(ctx, a, b)
	if err != nil {
		return Matched{}, fmt.Errorf("matching: %w", err)
	}
	return m, nil
}

func (j *Join) match(ctx context.Context, a []Answered, b Answered) (Matched, error) {
	if len(a) != j.terms.Cells {
		return Matched{}, fmt.Errorf("%d lists for %d cells: %w", len(a), j.terms.Cells, fault.Invalid)
	}
	m := Matched{join: j.digest, counts: make([]int64, j.terms.Cells)}
	m.sums[A], m.sums[B] = sums(j.terms.Cells, j.terms.A.Slots), sums(j.terms.Cells, j.terms.B.Slots)
	merge := make(streams, 0, len(a)+1)
	for cell, l := range a {
		s, err := openStream(ctx, l, j.form(kindAnswered, A, cell))
		if err != nil {
			return Matched{}, fmt.Errorf("list %d of A's: %w", cell, err)
		}
		s.of, s.cell = A, cell
		merge = append(merge, s)
	}
	s, err := openStream(ctx, b, j.form(kindAnswered, B, 0))
	if err != nil {
		return Matched{}, fmt.Errorf("list of B's: %w", err)
	}
	s.of = B
	merge = append(merge, s)
	heap.Init(&merge)
	var same []*stream
	for len(merge) > 0 {
		same = merge.smallest(same[:0])
		if err := m.add(same); err != nil {
			return Matched{}, err
		}
		if err := merge.pass(same); err != nil {
			return Matched{}, err
		}
	}
	return m, nil
}

func sums(cells, slots int) [][]ciphertext {
	s := make([][]ciphertext, cells)
	for c := range s {
		s[c] = make([]ciphertext, slots)
	}
	return s
}

// add takes the streams that stand at one tag. That a tag is in two of A's
// lists is refused whether or not it is in B's.
func (m *Matched) add(same []*stream) error {
	var a, b *stream
	for _, s := range same {
		if s.of == B {
			b = s
			continue
		}
		if a != nil {
			return fmt.Errorf("a tag is in two lists of A's: %w", fault.Tampered)
		}
		a = s
	}
	if a == nil || b == nil {
		return nil
	}
	m.counts[a.cell]++
	if err := m.plus(A, a.cell, a.head()); err != nil {
		return err
	}
	return m.plus(B, a.cell, b.head())
}

func (m *Matched) plus(of Role, cell int, record []byte) error {
	for slot := range m.sums[of][cell] {
		at := pointSize + slot*ciphertextSize
		c, err := parseCiphertext(record[at : at+ciphertextSize])
		if err != nil {
			return err
		}
		if sum := &m.sums[of][cell][slot]; sum.c1 == nil {
			*sum = c
		} else {
			sum.c1.Add(sum.c1, c.c1)
			sum.c2.Add(sum.c2, c.c2)
		}
	}
	return nil
}

// A stream is an answered list, record by record.
type stream struct {
	of   Role
	cell int

	ctx  context.Context //nolint:containedctx // lives as long as the call of Match
	list *listReader
	want suite.Digest
	have []byte // the records that are left of the chunk; none: the end
}

func openStream(ctx context.Context, a Answered, f form) (*stream, error) {
	if a.R == nil {
		return nil, fmt.Errorf("there is no list: %w", fault.Invalid)
	}
	l, err := openList(a.R, f)
	if err != nil {
		return nil, err
	}
	s := &stream{ctx: ctx, list: l, want: a.Digest}
	return s, s.fill()
}

func (s *stream) head() []byte { return s.have[:s.list.record] }

// fill reads a chunk and checks its ciphertexts; after the last, the digest.
func (s *stream) fill() error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	b, err := s.list.next()
	if errors.Is(err, io.EOF) {
		s.have = nil
		return s.list.is(s.want)
	}
	if err != nil {
		return err
	}
	s.have = b
	size := s.list.record
	return parallel(len(b)/size, func(i int) error {
		for at := i*size + pointSize; at < (i+1)*size; at += ciphertextSize {
			if _, err := parseCiphertext(b[at : at+ciphertextSize]); err != nil {
				return err
			}
		}
		return nil
	})
}

// streams are a heap by their heads.
type streams []*stream

func (h streams) Len() int { return len(h) }
func (h streams) Less(i, j int) bool {
	return bytes.Compare(h[i].head()[:pointSize], h[j].head()[:pointSize]) < 0
}
func (h streams) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push puts a stream back.
func (h *streams) Push(x any) { *h = append(*h, x.(*stream)) } //nolint:errcheck // pass pushes no other

// Pop takes the last.
func (h *streams) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// smallest takes those out that stand at the smallest tag, and appends them.
func (h *streams) smallest(same []*stream) []*stream {
	for len(*h) > 0 && (len(same) == 0 || bytes.Equal((*h)[0].head()[:pointSize], same[0].head()[:pointSize])) {
		same = append(same, (*h)[0])
		heap.Pop(h)
	}
	return same
}

// pass goes to the next record of each, and puts those back that have one.
func (h *streams) pass(same []*stream) error {
	for _, s := range same {
		if s.have = s.have[s.list.record:]; len(s.have) == 0 {
			if err := s.fill(); err != nil {
				return fmt.Errorf("list %d of %v's: %w", s.cell, s.of, err)
			}
		}
		if len(s.have) > 0 {
			heap.Push(h, s)
		}
	}
	return nil
}
