package psi

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
)

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, record := range []int{pointSize, pointSize + 8, pointSize + ciphertextSize, 5000} {
		for _, runs := range [][]int{{1}, {3}, {5, 1}, {1, 1, 1, 1}, {40, 33, 70, 2}, {64, 64, 64}} {
			s := &sorter{record: record, scratch: &memory{}}
			var want [][]byte
			for _, n := range runs {
				b := random(r, n*record)
				want = append(want, slices.Collect(slices.Chunk(bytes.Clone(b), record))...)
				if err := s.add(b); err != nil {
					t.Fatal(err)
				}
			}
			slices.SortFunc(want, bytes.Compare)
			var got [][]byte
			err := s.each(func(b []byte) error { got = append(got, bytes.Clone(b)); return nil })
			if err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
				t.Fatalf("%d bytes, runs %v: %v", record, runs, err)
			}
		}
	}
}

func TestSortRefuses(t *testing.T) {
	a, b := bytes.Repeat([]byte{1}, 40), bytes.Repeat([]byte{1}, 40)
	b[39] = 2
	s := &sorter{record: 40, scratch: &memory{}}
	if err := errors.Join(s.add(a), s.add(b)); err != nil {
		t.Fatal(err)
	}
	nothing := func([]byte) error { return nil }
	if err := s.each(nothing); !errors.Is(err, fault.Invalid) {
		t.Errorf("one key twice: %v", err)
	}
	s = &sorter{record: 40}
	if err := s.add(bytes.Clone(a)); err != nil {
		t.Fatal(err)
	}
	if err := s.add(bytes.Clone(b)); !errors.Is(err, fault.Invalid) {
		t.Errorf("without scratch: %v", err)
	}
	short := &memory{}
	s = &sorter{record: 40, scratch: short}
	if err := errors.Join(s.add(bytes.Clone(a)), s.add(bytes.Repeat([]byte{3}, 40))); err != nil {
		t.Fatal(err)
	}
	short.b = short.b[:39]
	if err := s.each(nothing); err == nil {
		t.Error("a scratch that lost a byte")
	}
}

// Sorting, which alone could hold a set, holds a chunk and a window of each
// run, however many records there are.
func TestSortInBoundedMemory(t *testing.T) {
	n := 1 << 19
	if prove {
		n = 1 << 22
	}
	f := must(os.Create(filepath.Join(t.TempDir(), "scratch")))(t)
	defer f.Close() //nolint:errcheck // a scratch
	r := rand.New(rand.NewPCG(3, 4))
	s := &sorter{record: pointSize, scratch: f}
	peak := heapWatch()
	for range n * pointSize / chunkBytes {
		if err := s.add(random(r, chunkBytes)); err != nil {
			t.Fatal(err)
		}
	}
	count := 0
	if err := s.each(func([]byte) error {
		if count++; count%(1<<15) == 0 {
			peak.look()
		}
		return nil
	}); err != nil || count != n {
		t.Fatalf("%d of %d: %v", count, n, err)
	}
	if peak.most > 4<<20 {
		t.Errorf("%d bytes of heap for %d of records", peak.most, n*pointSize)
	}
}

// A watch is on the live heap above what it was.
type watch struct{ before, most uint64 }

func heapWatch() *watch {
	w := &watch{}
	w.before = w.now()
	return w
}

func (w *watch) now() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (w *watch) look() {
	if n := w.now(); n > w.before {
		w.most = max(w.most, n-w.before)
	}
}
