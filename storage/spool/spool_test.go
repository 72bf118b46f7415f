package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
)

func kept(t *testing.T, dir string, blocks ...[]byte) *Spool {
	t.Helper()
	s, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // again
	for _, b := range blocks {
		if err := s.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// What was appended is there, in any order of reading, whatever the caller does
// with its slice; it has no name, and its bytes on the disk are not the block's.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	blocks := [][]byte{bytes.Repeat([]byte("open"), 1000), {}, []byte("b"), bytes.Repeat([]byte{0}, 1<<20)}
	s := kept(t, dir)
	for _, b := range blocks {
		own := slices.Clone(b)
		if err := s.Append(own); err != nil {
			t.Fatal(err)
		}
		clear(own)
	}
	for _, i := range []int{3, 0, 1, 2, 0} {
		if got, err := s.Read(i); err != nil || !bytes.Equal(got, blocks[i]) {
			t.Errorf("block %d: %v", i, err)
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 || s.Len() != len(blocks) {
		t.Errorf("a spool of %d has a name: %v %v", s.Len(), names, err)
	}
	raw := make([]byte, 4000)
	if _, err := s.file.ReadAt(raw, 0); err != nil || bytes.Contains(raw, []byte("openopen")) {
		t.Errorf("it is in the clear: %v", err)
	}
	if text := fmt.Sprintf("%v%+v%#v", s, s, s); text != "spool.Spoolspool.Spoolspool.Spool" {
		t.Errorf("it prints %s", text)
	}
}

// What was changed, moved or cut on the disk is found.
func TestSpoolIsTamperedWith(t *testing.T) {
	for name, spoil := range map[string]func(s *Spool) error{
		"a bit": func(s *Spool) error { _, err := s.file.WriteAt([]byte{1}, s.ends[0]+3); return err },
		"another's place": func(s *Spool) error {
			b := make([]byte, s.ends[0])
			_, err := s.file.ReadAt(b, 0)
			_, err2 := s.file.WriteAt(b, s.ends[0])
			return errors.Join(err, err2)
		},
		"the end": func(s *Spool) error { return s.file.Truncate(s.ends[1] - 1) },
	} {
		s := kept(t, t.TempDir(), []byte("first"), []byte("later"))
		if err := spoil(s); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(1); !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := s.Read(0); err != nil || string(b) != "first" {
			t.Errorf("%s: block 0 is gone: %v", name, err)
		}
	}
}

func TestSpoolRefuses(t *testing.T) {
	s := kept(t, t.TempDir(), []byte("one"))
	for _, i := range []int{-1, 1} {
		if _, err := s.Read(i); !errors.Is(err, fault.NotFound) {
			t.Errorf("block %d: %v", i, err)
		}
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Read(0); !errors.Is(err, fault.Conflict) {
		t.Errorf("read after the end: %v", err)
	}
	if err := s.Append(nil); !errors.Is(err, fault.Conflict) {
		t.Errorf("appended after the end: %v", err)
	}
	var zero Spool
	if err := zero.Append(nil); !errors.Is(err, fault.Conflict) || zero.Close() != nil {
		t.Errorf("the zero spool keeps: %v", err)
	}
	if _, err := New("/dev/null/no"); err == nil {
		t.Error("a spool where there is no folder")
	}
}

// A spool that could not write, as on a disk that is full, seals no place in the
// order a second time.
func TestSpoolFailsForGood(t *testing.T) {
	s := kept(t, t.TempDir(), []byte("one"))
	if err := s.file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append([]byte("two")); err == nil {
		t.Fatal("appended to nothing")
	}
	if err := s.Append([]byte("other")); !errors.Is(err, fault.Conflict) {
		t.Errorf("another block in its place: %v", err)
	}
}
