// Package storage keeps objects under a name and a version. An object is
// written once and never changes: its bytes become visible all at once or not
// at all, a second writer of the same name is refused, and a change is a new
// version. Store is the contract; storagetest is the suite that every driver
// passes (dir, the embedded default, and minio).
//
// A store knows nothing of what its bytes mean or who may read them, and is
// not trusted with them: what is confidential is sealed (package seal) before
// it comes here. Names are not sealed and must give nothing away. Whether an
// object may be read or deleted is decided above.
package storage

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/yunei/yunei/fault"
)

// A Store keeps objects. Its methods may be called by many goroutines, and
// several processes may share one store. Errors wrap a kind of package fault:
// Invalid for a bad name, NotFound, Conflict, Exhausted when there is no room,
// Denied, Tampered for an object that changed; anything else is Internal. A
// cancelled ctx gives an error that is ctx.Err().
type Store interface {
	// Put writes all of r as a new object, and returns nil when the bytes
	// are durable. When an object of that name exists, whatever its bytes,
	// the error is of kind Conflict. After any other error nothing became
	// visible, save that a remote store may have lost its answer; Open tells.
	// A reader that fails, and a ctx that is cancelled before r was read to
	// its end, leave nothing. Put looks at ctx between reads of r; it cannot
	// wake a Read that blocks.
	Put(ctx context.Context, name Name, r io.Reader) error

	// Open opens an object, or says NotFound. Ctx governs the reads too.
	Open(ctx context.Context, name Name) (Object, error)

	// List yields the names that start with prefix, in the order of their
	// bytes; "" is all. It ends after the first error. What it yields of
	// objects that are put or deleted meanwhile is not said.
	List(ctx context.Context, prefix string) iter.Seq2[Name, error]

	// Delete removes an object for good. That there is none is no error, so
	// that a step may be done again. An object that is open meanwhile reads
	// on, or is NotFound.
	Delete(ctx context.Context, name Name) error
}

// An Object is an open object. ReadAt may be called by many goroutines and
// follows io.ReaderAt.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64 // bytes
}

// Bounds of a Name, in bytes.
const (
	MaxName    = 512 // the whole name
	MaxSegment = 96  // one segment, or the version
	MaxDepth   = 8   // segments
)

// A Name is where an object lies: one to eight segments set apart by "/", then
// "@" and a version, such as "partials/run-7/hospital@3". Segments and
// versions are of a-z, 0-9, ".", "_" and "-", and start with a letter or a
// digit: no name climbs out of a store, hides in it, or depends on the case of
// letters. As only the last segment has a version, no object lies where
// another has a folder. The zero Name names nothing.
type Name string

// NewName returns the name of a version of an object.
func NewName(path, version string) (Name, error) {
	n := Name(path + "@" + version)
	return n, n.Check()
}

// DatasetName is where a domain keeps a version of a dataset. It stands here for
// those who seal and unseal one and read no row of it.
func DatasetName(dataset, version string) (Name, error) {
	return NewName("datasets/"+dataset, version)
}

// Check reports an error of kind Invalid unless n is a name. Every driver
// calls it first.
func (n Name) Check() error {
	if len(n) > MaxName {
		return fmt.Errorf("checking a name: more than %d bytes: %w", MaxName, fault.Invalid)
	}
	path, version, ok := strings.Cut(string(n), "@")
	if !ok || !segment(version) {
		return fmt.Errorf("checking the name %.80q: it has no version: %w", string(n), fault.Invalid)
	}
	if strings.Count(path, "/") >= MaxDepth {
		return fmt.Errorf("checking the name %.80q: more than %d segments: %w", string(n), MaxDepth, fault.Invalid)
	}
	for s := range strings.SplitSeq(path, "/") {
		if !segment(s) {
			return fmt.Errorf("checking the name %.80q: it has a bad segment: %w", string(n), fault.Invalid)
		}
	}
	return nil
}

// Path returns the name without its version.
func (n Name) Path() string {
	path, _, _ := strings.Cut(string(n), "@")
	return path
}

// Version returns the version.
func (n Name) Version() string {
	_, version, _ := strings.Cut(string(n), "@")
	return version
}

// CheckPrefix reports an error of kind Invalid unless some name starts with
// prefix.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	// What was begun is made whole with the shortest ending that can be right.
	for _, ending := range []string{"", "@0", "0", "0@0"} {
		if Name(prefix+ending).Check() == nil {
			return nil
		}
	}
	return fmt.Errorf("checking the prefix %.80q: no name starts so: %w", prefix, fault.Invalid)
}

// segment tells whether s may be a segment or a version.
func segment(s string) bool {
	if s == "" || len(s) > MaxSegment || !alphanumeric(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// Reader returns r, which ends with ctx.Err() once ctx is cancelled. It is for
// drivers.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context // an io.Reader has no room for one
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
