package psi

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// A list is a header and records of one length, rising by their first 32
// bytes, and nothing after them. How many there are follows from the terms, so
// no number is ever read. Where a list is cut for transport is the caller's.

// The kinds of lists.
const (
	kindBlinded  = 1 // points, from one domain to the other
	kindAnswered = 2 // tags, from a domain to gate and trustees
	kindMembers  = 3 // tags, from who discloses to who asks
)

// headerSize is magic, terms, kind, whose set, cell, and records.
const headerSize = 16 + sha256.Size + 1 + 1 + 2 + 8

const chunkBytes = 256 << 10 // records that are in memory at once

// A form is what a list has to look like.
type form struct {
	header [headerSize]byte
	record int // bytes
	n      int // records
	memory int // bytes of records that are worked on at a time
}

func newForm(terms [sha256.Size]byte, kind, role byte, cell, slots, n int) form {
	b := make([]byte, 0, headerSize)
	b = append(b, "yunei psi list 1"...)
	b = append(b, terms[:]...)
	b = append(b, kind, role)
	b = binary.BigEndian.AppendUint16(b, uint16(cell)) //nolint:gosec // below MaxCells
	b = binary.BigEndian.AppendUint64(b, uint64(n))    //nolint:gosec // not negative
	return form{[headerSize]byte(b), pointSize + slots*ciphertextSize, n, chunkBytes}
}

func (j *Join) form(kind byte, of Role, cell int) form {
	p := j.terms.party(of)
	f := newForm(j.digest, kind, byte(of), cell, p.Slots, p.Set.Size)
	f.memory = j.memory
	return f
}

// chunk is how many records are worked on at a time.
func (f form) chunk() int { return min(f.n, max(1, f.memory/f.record)) }

// A listReader reads a list by the chunk, and hashes what it reads.
type listReader struct {
	form
	r    io.Reader
	hash hash.Hash
	left int
	last [pointSize]byte
	buf  []byte
}

// openList checks the header.
func openList(r io.Reader, f form) (*listReader, error) {
	l := &listReader{form: f, hash: sha256.New(), left: f.n, buf: make([]byte, f.chunk()*f.record)}
	l.r = io.TeeReader(r, l.hash)
	var got [headerSize]byte
	if _, err := io.ReadFull(l.r, got[:]); err != nil {
		return nil, short(err)
	}
	if got != f.header {
		return nil, fmt.Errorf("the list is not of this join, stage and size: %w", fault.Tampered)
	}
	return l, nil
}

// next returns the next records, whole ones, valid until the next call; io.EOF
// after the last, if nothing follows it.
func (l *listReader) next() ([]byte, error) {
	if l.left == 0 {
		var one [1]byte
		if n, err := io.ReadFull(l.r, one[:]); n > 0 {
			return nil, fmt.Errorf("the list goes on after its end: %w", fault.Tampered)
		} else if !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading a list: %w", err)
		}
		return nil, io.EOF
	}
	b := l.buf[:min(l.left, l.chunk())*l.record]
	if _, err := io.ReadFull(l.r, b); err != nil {
		return nil, short(err)
	}
	for at := 0; at < len(b); at += l.record {
		key := b[at : at+pointSize]
		if (l.left < l.n || at > 0) && bytes.Compare(key, l.last[:]) <= 0 {
			return nil, fmt.Errorf("the list does not rise, or has a record twice: %w", fault.Tampered)
		}
		copy(l.last[:], key)
	}
	l.left -= len(b) / l.record
	return b, nil
}

// is says whether the list, read to its end, is the one that was stated.
func (l *listReader) is(want suite.Digest) error {
	if digest(l.hash) != want {
		return fmt.Errorf("the list is not the one that was stated: %w", fault.Tampered)
	}
	return nil
}

func digest(h hash.Hash) suite.Digest {
	return suite.Digest("sha256:" + hex.EncodeToString(h.Sum(nil)))
}

// short tells a list that ends early from one that could not be read.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the list ends early: %w", fault.Tampered)
	}
	return fmt.Errorf("reading a list: %w", err)
}

// writeList writes the records of s as a list, and returns its digest.
func writeList(w io.Writer, f form, s *sorter) (suite.Digest, error) {
	h := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(h, w), 64<<10)
	if _, err := out.Write(f.header[:]); err != nil {
		return "", fmt.Errorf("writing a list: %w", err)
	}
	err := s.each(func(record []byte) error {
		_, err := out.Write(record)
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return "", fmt.Errorf("writing a list: %w", err)
	}
	return digest(h), nil
}
