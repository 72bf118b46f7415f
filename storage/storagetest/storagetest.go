// Package storagetest is the contract of storage.Store as tests: a driver is
// one when Run passes. It says nothing of speed, and what only a driver can
// show (a killed writer, a full disk) stands beside that driver.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
)

// Big is the size of the largest object of the suite, in bytes: more than one
// part of any driver, and no multiple of a power of two.
const Big = 20<<20 + 13

// HostileNames are refused by every driver in every method.
var HostileNames = []storage.Name{
	"", "a", "@", "@1", "a@", "a@1@2", "/a@1", "a/@1", "a//b@1", "../a@1", "a/../b@1", "a/..@1", "..@1", ".@1",
	"./a@1", ".hidden@1", "a@.1", "a@..", "a@../../b", "A@1", "a b@1", "a\\b@1", "a\x00@1", "a\n@1", "a%2e@1", "a:b@1", "a*@1",
	"ａ@1", "数据@1", "a@1/b", "a@1/../b@2", "-a@1", "a/-b@1", "a@-1", "a?versionId=x@1", "a#b@1",
	storage.Name(strings.Repeat("a", storage.MaxSegment+1) + "@1"),
	storage.Name("a@" + strings.Repeat("1", storage.MaxSegment+1)),
	storage.Name(strings.Repeat("a/", storage.MaxDepth) + "a@1"),
	storage.Name(strings.Repeat("a", storage.MaxName) + "@1"),
	storage.Name(strings.Repeat(strings.Repeat("a", 90)+"/", 6) + "a@1"),
}

// Run runs the suite; fresh gives an empty store.
func Run(t *testing.T, fresh func(t *testing.T) storage.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, storage.Store)
	}{
		{"comes back as put", comesBack},
		{"created once", createdOnce},
		{"one of many writers wins", oneWins},
		{"one of many large writers wins", oneLargeWins},
		{"a reader that fails leaves nothing", failedReader},
		{"a cancelled writer leaves nothing", cancelled},
		{"ranges", ranges},
		{"hostile names", hostile},
		{"lists in order", lists},
		{"deletes", deletes},
		{"missing", missing},
		{"an object hides no folder", beside},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}

// Bytes returns n bytes that look random and depend only on seed.
func Bytes(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = r.Read(b) // never fails
	return b
}

// Get reads the whole of an object.
func Get(ctx context.Context, s storage.Store, name storage.Name) ([]byte, error) {
	o, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	return b, errors.Join(err, o.Close())
}

func put(t *testing.T, s storage.Store, name storage.Name, b []byte) {
	t.Helper()
	if err := s.Put(t.Context(), name, bytes.NewReader(b)); err != nil {
		t.Fatalf("putting %s: %v", name, err)
	}
}

func has(t *testing.T, s storage.Store, name storage.Name, want []byte) {
	t.Helper()
	got, err := Get(t.Context(), s, name)
	if err != nil {
		t.Fatalf("getting %s: %v", name, err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s is %d bytes, and not the %d that were put", name, len(got), len(want))
	}
}

// holds says which names a store has, all of them.
func holds(t *testing.T, s storage.Store, want ...storage.Name) {
	t.Helper()
	if got := list(t, s, ""); !slices.Equal(got, want) {
		t.Errorf("the store holds %q, want %q", got, want)
	}
}

func list(t *testing.T, s storage.Store, prefix string) []storage.Name {
	t.Helper()
	var names []storage.Name
	for n, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("listing %q: %v", prefix, err)
		}
		names = append(names, n)
	}
	return names
}

func wants(t *testing.T, what string, err error, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

func comesBack(t *testing.T, s storage.Store) {
	for i, size := range []int{0, 1, 4095, 1 << 20, 1<<20 + 1, Big} {
		name := storage.Name(fmt.Sprintf("size/n%d@1", size))
		b := Bytes(size, uint64(i))
		// Read by odd pieces, as a network gives them, save the big one.
		r := io.Reader(bytes.NewReader(b))
		if size < 1<<16 {
			r = iotest.HalfReader(r)
		}
		if err := s.Put(t.Context(), name, r); err != nil {
			t.Fatalf("putting %d bytes: %v", size, err)
		}
		has(t, s, name, b)
	}
}

func createdOnce(t *testing.T, s storage.Store) {
	put(t, s, "a@1", []byte("first"))
	wants(t, "other bytes", s.Put(t.Context(), "a@1", strings.NewReader("second")), fault.Conflict)
	wants(t, "the same bytes", s.Put(t.Context(), "a@1", strings.NewReader("first")), fault.Conflict)
	wants(t, "many bytes", s.Put(t.Context(), "a@1", bytes.NewReader(Bytes(Big, 1))), fault.Conflict)
	has(t, s, "a@1", []byte("first"))
	put(t, s, "a@2", []byte("second"))
	has(t, s, "a@1", []byte("first"))
}

func oneWins(t *testing.T, s storage.Store)      { race(t, s, 16, 1000) }
func oneLargeWins(t *testing.T, s storage.Store) { race(t, s, 3, Big) }

// race lets n writers put objects of size bytes under one name.
func race(t *testing.T, s storage.Store, n, size int) {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			b := Bytes(size, uint64(i))
			<-start
			errs[i] = s.Put(t.Context(), "race/it@1", bytes.NewReader(b))
		})
	}
	close(start)
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err != nil:
			wants(t, "a loser", err, fault.Conflict)
		case winner >= 0:
			t.Fatalf("writers %d and %d both won", winner, i)
		default:
			winner = i
		}
	}
	if winner < 0 {
		t.Fatal("no writer won")
	}
	has(t, s, "race/it@1", Bytes(size, uint64(winner)))
	holds(t, s, "race/it@1")
}

func failedReader(t *testing.T, s storage.Store) {
	broken := errors.New("the source broke")
	for _, size := range []int{0, 100, Big} {
		r := io.MultiReader(bytes.NewReader(Bytes(size, 1)), iotest.ErrReader(broken))
		wants(t, fmt.Sprintf("after %d bytes", size), s.Put(t.Context(), "a@1", r), broken)
	}
	holds(t, s)
	_, err := s.Open(t.Context(), "a@1")
	wants(t, "opening", err, fault.NotFound)
	put(t, s, "a@1", []byte("whole"))
	has(t, s, "a@1", []byte("whole"))
}

// A hook calls f when a reader comes by.
type hook func()

func (f hook) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

func cancelled(t *testing.T, s storage.Store) {
	for _, size := range []int{0, 100, Big} {
		ctx, cancel := context.WithCancel(t.Context())
		r := io.MultiReader(bytes.NewReader(Bytes(size, 1)), hook(cancel), bytes.NewReader([]byte("more")))
		wants(t, fmt.Sprintf("after %d bytes", size), s.Put(ctx, "a@1", r), context.Canceled)
	}
	holds(t, s)
	put(t, s, "b@1", []byte("whole"))
	ctx, cancel := context.WithCancel(t.Context())
	o, err := s.Open(ctx, "b@1")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = o.ReadAt(make([]byte, 3), 0)
	wants(t, "reading", err, context.Canceled)
	wants(t, "closing", o.Close(), nil)
	_, err = s.Open(ctx, "b@1")
	wants(t, "opening", err, context.Canceled)
	wants(t, "deleting", s.Delete(ctx, "b@1"), context.Canceled)
	for _, err := range s.List(ctx, "") {
		wants(t, "listing", err, context.Canceled)
	}
	has(t, s, "b@1", []byte("whole"))
}

func ranges(t *testing.T, s storage.Store) {
	const mib = 1 << 20
	b := Bytes(5*mib+77, 9)
	put(t, s, "a@1", b)
	o, err := s.Open(t.Context(), "a@1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { wants(t, "closing", o.Close(), nil) }()
	size := o.Size()
	if size != int64(len(b)) {
		t.Fatalf("size %d, want %d", size, len(b))
	}
	var wg sync.WaitGroup
	for _, off := range []int64{0, 1, mib - 1, mib, mib + 1, 3*mib - 5, size - mib, size - 77, size - 1, size, size + 1, size + 5*mib} {
		for _, n := range []int{0, 1, 10, 4096, mib - 1, mib, mib + 1, 2*mib + 3, 6 * mib} {
			wg.Go(func() { rangeAt(t, o, b, off, n) })
		}
	}
	wg.Wait()
	if _, err := o.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("reading before the beginning succeeded")
	}
}

// rangeAt checks one read against the bytes b of o.
func rangeAt(t *testing.T, o storage.Object, b []byte, off int64, n int) {
	t.Helper()
	p := make([]byte, n)
	got, err := o.ReadAt(p, off)
	rest := b[min(off, int64(len(b))):]
	want := rest[:min(n, len(rest))]
	if got != len(want) || !bytes.Equal(p[:got], want) {
		t.Errorf("reading %d at %d: %d bytes, want %d, or not the same", n, off, got, len(want))
	}
	if got < n {
		wants(t, fmt.Sprintf("reading %d at %d", n, off), err, io.EOF)
	} else if err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("reading %d at %d: %v", n, off, err)
	}
}

func hostile(t *testing.T, s storage.Store) {
	for _, name := range HostileNames {
		wants(t, fmt.Sprintf("putting %q", name), s.Put(t.Context(), name, strings.NewReader("x")), fault.Invalid)
		_, err := s.Open(t.Context(), name)
		wants(t, fmt.Sprintf("opening %q", name), err, fault.Invalid)
		wants(t, fmt.Sprintf("deleting %q", name), s.Delete(t.Context(), name), fault.Invalid)
	}
	for _, prefix := range []string{"..", "../", "/", "a/../", ".", "A", "a@1/"} {
		err := error(nil)
		for _, e := range s.List(t.Context(), prefix) {
			err = errors.Join(err, e)
		}
		wants(t, fmt.Sprintf("listing %q", prefix), err, fault.Invalid)
	}
	holds(t, s)
}

func lists(t *testing.T, s storage.Store) {
	// "-" and "." come before "/", which comes before "@": a walk by folders
	// alone would get these wrong.
	names := []storage.Name{
		"a-b@1", "a-b@2", "a.b/c@1", "a/b@1", "a/b@10", "a/b@2", "a/c/d@1", "a0@1", "a@1", "a_b@1", "ab@1", "b/a@1", "b@1",
	}
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(names)) {
		put(t, s, names[i], []byte("x"))
	}
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b@", "a/b@1", "a@", "a@1", "a-", "b", "b/", "c", "a/c/", "a/c/d@1", "a/b@1/"[:5]} {
		var want []storage.Name
		for _, n := range names {
			if strings.HasPrefix(string(n), prefix) {
				want = append(want, n)
			}
		}
		if got := list(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("listing %q: %q, want %q", prefix, got, want)
		}
	}
	for n, err := range s.List(t.Context(), "") { // a loop may be left
		if n != names[0] || err != nil {
			t.Errorf("first is %q, %v", n, err)
		}
		break
	}
}

func deletes(t *testing.T, s storage.Store) {
	put(t, s, "a/b@1", []byte("x"))
	put(t, s, "a/b@2", []byte("y"))
	wants(t, "deleting", s.Delete(t.Context(), "a/b@1"), nil)
	wants(t, "deleting again", s.Delete(t.Context(), "a/b@1"), nil)
	wants(t, "deleting what never was", s.Delete(t.Context(), "c/d@1"), nil)
	holds(t, s, "a/b@2")
	_, err := s.Open(t.Context(), "a/b@1")
	wants(t, "opening", err, fault.NotFound)
	put(t, s, "a/b@1", []byte("z"))
	has(t, s, "a/b@1", []byte("z"))
}

func missing(t *testing.T, s storage.Store) {
	put(t, s, "a/b@1", []byte("x"))
	for _, name := range []storage.Name{"a@1", "b@1", "a/b@2", "a/b/c@1", "c/b@1"} {
		_, err := s.Open(t.Context(), name)
		wants(t, fmt.Sprintf("opening %q", name), err, fault.NotFound)
	}
}

func beside(t *testing.T, s storage.Store) {
	put(t, s, "a@1", []byte("1"))
	put(t, s, "a/b@1", []byte("2"))
	put(t, s, "a/b/c@1", []byte("3"))
	has(t, s, "a@1", []byte("1"))
	has(t, s, "a/b@1", []byte("2"))
	has(t, s, "a/b/c@1", []byte("3"))
	holds(t, s, "a/b/c@1", "a/b@1", "a@1")
}
