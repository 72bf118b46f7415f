package psi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/cloudflare/circl/group"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/suite"
)

// Once writes down, durably and before it returns, that this is done now. It
// is of kind Conflict if it was written before, by whatever process.
type Once func(ctx context.Context, what string) error

func (o Once) do(ctx context.Context, job, what string) error {
	if err := o(ctx, "psi/"+job+"/"+what); err != nil {
		return fmt.Errorf("journalling %s: %w", what, err)
	}
	return nil
}

// A Record is one person of a domain's set.
type Record struct {
	ID     string  // canonical
	Cell   int     // of B's attributes, 0 <= Cell < Terms.Cells; 0 in A's records
	Values []int64 // as many as the party has slots, each within its clip
}

// A Side is one domain in one join: it holds the key with which it blinds, in
// memory and nowhere else. Its key is erased when all lists are answered. It
// may be used by several goroutines, one of which works at a time.
type Side struct {
	join *Join
	role Role
	once Once

	mu      sync.Mutex
	key     group.Scalar // nil once erased
	blinded []bool       // which of its own lists it has sent
	replied []bool       // which of the peer's it has answered
}

// Side draws a domain's key. Without a journal nothing is done.
func (j *Join) Side(role Role, once Once) (*Side, error) {
	if j == nil || role != A && role != B || once == nil {
		return nil, fmt.Errorf("joining as %v: %w", role, fault.Invalid)
	}
	return &Side{
		join: j, role: role, once: once,
		key:     curve.RandomNonZeroScalar(nil),
		blinded: make([]bool, j.terms.lists(role)),
		replied: make([]bool, j.terms.lists(other(role))),
	}, nil
}

// Blind reads the whole set, rising by number, and writes it as the list of the
// given cell of B's (always 0 for B): points, shuffled, with the values
// encrypted. It returns the list's digest, which the domain signs. tmp must be
// empty, and may be nil for a set of one chunk.
//
// A set that is not the committed one is refused with fault.Tampered (one that
// is larger, with fault.Exhausted), a record that is not well-formed with
// fault.Invalid, both before anything is journalled or written. A list is
// blinded once: a second call is refused with fault.Conflict.
func (s *Side) Blind(ctx context.Context, cell int, salt suite.Salt, set iter.Seq2[Record, error], tmp Scratch, w io.Writer) (suite.Digest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.free(s.blinded, cell); err != nil {
		return "", fmt.Errorf("blinding: %w", err)
	}
	f := s.join.form(kindBlinded, s.role, cell)
	sorted := &sorter{record: f.record, scratch: tmp}
	if err := s.gather(ctx, f, cell, salt, set, sorted); err != nil {
		return "", fmt.Errorf("blinding: %w", err)
	}
	if err := s.once.do(ctx, s.join.terms.Job, fmt.Sprintf("blind/%v/%d", s.role, cell)); err != nil {
		return "", fmt.Errorf("blinding: %w", err)
	}
	s.blinded[cell] = true
	return writeList(w, f, sorted)
}

// free says whether a list is still to be made.
func (s *Side) free(done []bool, cell int) error {
	if cell < 0 || cell >= len(done) {
		return fmt.Errorf("there is no list %d: %w", cell, fault.Invalid)
	}
	if s.key == nil || done[cell] {
		return fmt.Errorf("list %d was made, or the key is gone: %w", cell, fault.Conflict)
	}
	return nil
}

// gather blinds a set by the chunk, and holds it to its commitment.
func (s *Side) gather(ctx context.Context, f form, cell int, salt suite.Salt, records iter.Seq2[Record, error], to *sorter) error {
	t := set.NewTree(s.join.terms.Namespace, salt, f.n)
	batch := make([]Record, 0, f.chunk())
	for r, err := range records {
		if err == nil {
			err = t.Add(r.ID)
		}
		if err == nil {
			err = s.check(r)
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", t.Len(), err)
		}
		if s.role == A {
			r.Cell = cell
		}
		if batch = append(batch, r); len(batch) == cap(batch) {
			if err := s.blind(ctx, f, batch, to); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	if err := t.Is(s.join.terms.party(s.role).Set); err != nil {
		return err
	}
	return s.blind(ctx, f, batch, to)
}

func (s *Side) check(r Record) error {
	p := s.join.terms.party(s.role)
	if r.Cell < 0 || r.Cell >= s.join.terms.Cells || s.role == A && r.Cell != 0 || len(r.Values) != p.Slots {
		return fmt.Errorf("its cell or number of values is not of this join: %w", fault.Invalid)
	}
	for _, v := range r.Values {
		if v > p.Clip || v < -p.Clip {
			return fmt.Errorf("a value is beyond its clip: %w", fault.Invalid)
		}
	}
	return nil
}

func (s *Side) blind(ctx context.Context, f form, batch []Record, to *sorter) error {
	if len(batch) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	out := make([]byte, len(batch)*f.record)
	err := parallel(len(batch), func(i int) error {
		row, r := out[i*f.record:(i+1)*f.record], batch[i]
		p := s.join.hashPoint(r.ID, r.Cell)
		putPoint(row, p.Mul(p, s.key))
		for k, v := range r.Values {
			encrypt(s.join.key, v).put(row[pointSize+k*ciphertextSize:])
		}
		return nil
	})
	if err != nil {
		return err
	}
	return to.add(out)
}

// Answer reads the peer's list of the given cell (always 0 for B's), which the
// peer has stated as want, and writes it blinded anew, as tags, for gate and
// trustees. It must never reach the peer. The digest is of what was written.
//
// It answers only after it has blinded all its own, each list once, and
// journals that before the first byte. A list that is not the one stated, of
// another size, or not well-formed is refused with fault.Tampered or
// fault.Invalid, and may then be given again.
func (s *Side) Answer(ctx context.Context, cell int, r io.Reader, want suite.Digest, tmp Scratch, w io.Writer) (suite.Digest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.free(s.replied, cell); err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	for _, done := range s.blinded {
		if !done {
			return "", fmt.Errorf("answering before its own set is out: %w", fault.Conflict)
		}
	}
	peer := other(s.role)
	f := s.join.form(kindAnswered, peer, cell)
	sorted := &sorter{record: f.record, scratch: tmp}
	if err := s.read(ctx, s.join.form(kindBlinded, peer, cell), r, want, sorted); err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	if err := s.once.do(ctx, s.join.terms.Job, fmt.Sprintf("answer/%v/%d", peer, cell)); err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	s.replied[cell] = true
	d, err := writeList(w, f, sorted)
	if s.finished() {
		s.erase()
	}
	return d, err
}

func (s *Side) finished() bool {
	for _, done := range s.replied {
		if !done {
			return false
		}
	}
	return true
}

// read blinds the peer's list anew by the chunk, and holds it to its digest.
func (s *Side) read(ctx context.Context, f form, r io.Reader, want suite.Digest, to *sorter) error {
	l, err := openList(r, f)
	if err != nil {
		return err
	}
	for {
		in, err := l.next()
		if errors.Is(err, io.EOF) {
			return l.is(want)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		out := make([]byte, len(in))
		err = parallel(len(in)/f.record, func(i int) error {
			return s.again(out[i*f.record:(i+1)*f.record], in[i*f.record:(i+1)*f.record])
		})
		if err != nil {
			return err
		}
		if err := to.add(out); err != nil {
			return err
		}
	}
}

// again makes one answered record of a blinded one.
func (s *Side) again(out, in []byte) error {
	p, err := parsePoint(in[:pointSize])
	if err != nil {
		return err
	}
	tag := s.join.tag(p.Mul(p, s.key))
	copy(out, tag[:])
	for at := pointSize; at < len(in); at += ciphertextSize {
		c, err := parseCiphertext(in[at : at+ciphertextSize])
		if err != nil {
			return err
		}
		c.rerandomise(s.join.key)
		c.put(out[at:])
	}
	return nil
}

// Erase drops the key. Nothing is blinded or answered afterwards.
func (s *Side) Erase() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

func (s *Side) erase() {
	if s.key != nil {
		s.key.SetUint64(0)
		s.key = nil
	}
}

// Format prints no more than what a Side is, for every verb.
func (s *Side) Format(f fmt.State, _ rune) { fmt.Fprint(f, "psi.Side") }
