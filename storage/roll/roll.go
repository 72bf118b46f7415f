// Package roll keeps the numbers of the persons or bodies that a version of a
// dataset is about, in the clear within the domain's own sealed store, and
// beside them the salt under which they were committed to (jobs/set). It is what a
// private join blinds; whoever needs no join keeps no roll, and of a version
// without one the numbers are gone at ingest.
//
// A roll is as sensitive as the register that it was made from: the package
// does not seal it (storage/seal does), and gives it to nobody. It trusts what
// seal authenticates, yet a damaged roll is an error and never a panic.
package roll

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/suite"
)

// width is that of a number: citizens' and bodies' have 18 characters each.
const width = 18

const (
	magic   = "yunei roll v1\n"
	maxHead = 1 << 10
)

// Name is where a domain keeps the roll of a version.
func Name(dataset, version string) (storage.Name, error) {
	return storage.NewName("rolls/"+dataset, version)
}

// A Draft gathers numbers in any order, each as often as it comes. The zero
// Draft is empty.
type Draft struct{ ids [][width]byte }

// Add adds a canonical number; one of another length makes Write fail.
func (d *Draft) Add(canonical string) {
	var id [width]byte
	if len(canonical) == width {
		copy(id[:], canonical)
	}
	d.ids = append(d.ids, id)
	// A register has many rows for a person: what comes twice is dropped now
	// and then.
	if n := len(d.ids); n == cap(d.ids) && n > 1<<16 {
		d.sort()
	}
}

func (d *Draft) sort() {
	slices.SortFunc(d.ids, func(a, b [width]byte) int { return bytes.Compare(a[:], b[:]) })
	d.ids = slices.Compact(d.ids)
}

// A head is the first line of a roll, after the magic.
type head struct {
	Namespace string         `json:"namespace"`
	Salt      []byte         `json:"salt"`
	Set       set.Commitment `json:"set"`
}

// Write sorts what was gathered, commits to it under salt, and writes the roll.
// Numbers that are not canonical are of kind Invalid, too many of kind
// Exhausted; w gets nothing before all were found good.
func (d *Draft) Write(namespace string, salt suite.Salt, w io.Writer) (set.Commitment, error) {
	d.sort()
	if len(d.ids) > set.Max {
		return set.Commitment{}, fmt.Errorf("writing a roll: %d numbers: %w", len(d.ids), fault.Exhausted)
	}
	c, err := set.Commit(namespace, salt, func(yield func(string, error) bool) {
		for _, id := range d.ids {
			if !yield(string(id[:]), nil) {
				return
			}
		}
	})
	if err != nil {
		return set.Commitment{}, fmt.Errorf("writing a roll: %w", err)
	}
	line, err := json.Marshal(head{namespace, salt[:], c})
	if err != nil {
		return set.Commitment{}, fmt.Errorf("writing a roll: %w", err)
	}
	out := bufio.NewWriter(w)
	_, _ = out.WriteString(magic) // Flush says what went wrong
	_, _ = out.Write(append(line, '\n'))
	for _, id := range d.ids {
		_, _ = out.Write(id[:])
	}
	if err := out.Flush(); err != nil {
		return set.Commitment{}, fmt.Errorf("writing a roll: %w", err)
	}
	return c, nil
}

// A Roll is one that is kept. It prints as what it is.
type Roll struct {
	head
	r    io.ReaderAt
	from int64
}

// Open reads the head of a roll of size bytes. One that Write did not write is
// of kind Tampered; an error of r comes back as it is.
func Open(r io.ReaderAt, size int64) (*Roll, error) {
	buf := make([]byte, min(size, maxHead))
	if _, err := r.ReadAt(buf, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("opening a roll: %w", err)
	}
	rest, ok := bytes.CutPrefix(buf, []byte(magic))
	line, _, ends := bytes.Cut(rest, []byte{'\n'})
	out := &Roll{r: r, from: int64(len(magic) + len(line) + 1)}
	if !ok || !ends || json.Unmarshal(line, &out.head) != nil || out.head.Set.Check() != nil || len(out.head.Salt) != len(suite.Salt{}) || out.from+int64(out.head.Set.Size)*width != size {
		return nil, fmt.Errorf("opening a roll: %w", fault.Tampered)
	}
	return out, nil
}

// Format prints the kind, and no number.
func (r *Roll) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "roll") }

// Set is what was committed to when the roll was written.
func (r *Roll) Set() set.Commitment { return r.head.Set }

// Namespace is that of the numbers.
func (r *Roll) Namespace() string { return r.head.Namespace }

// Salt is the secret under which was committed.
func (r *Roll) Salt() suite.Salt { return suite.Salt(r.head.Salt) }

// Numbers gives the numbers, rising. It does not hold them to the commitment.
func (r *Roll) Numbers(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		n := int64(r.head.Set.Size) * width
		in := bufio.NewReaderSize(io.NewSectionReader(r.r, r.from, n), 64<<10)
		var id [width]byte
		for i := range r.head.Set.Size {
			_, err := io.ReadFull(in, id[:])
			if err == nil && i%(1<<12) == 0 {
				err = ctx.Err()
			}
			if err != nil {
				yield("", fmt.Errorf("reading a roll: %w", err))
				return
			}
			if !yield(string(id[:]), nil) {
				return
			}
		}
	}
}
