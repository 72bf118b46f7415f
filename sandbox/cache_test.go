package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/sandbox/wire"
)

func siteKey(b byte) []byte { return bytes.Repeat([]byte{b}, cacheKeySize) }

// kept returns the names of the files in a cache.
func kept(tb testing.TB, c Cache) []string {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(c.Dir, "*"))
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// What one runner compiled the next one takes, and comes to the same.
func TestCache(t *testing.T) {
	cache := Cache{Dir: filepath.Join(t.TempDir(), "made", "here"), Key: siteKey(1)}
	areas, want := people(t, 5)
	for _, c := range []Config{
		{Module: prebuilt(t, "district-age-c")},
		{Module: prebuilt(t, "district-age-c")},
		{Module: prebuilt(t, "district-age-c"), Recycle: 2},
		{Module: prebuilt(t, "district-age-c"), Fresh: true},
	} {
		before := len(kept(t, cache))
		c.Cache = cache
		r := start(t, c)
		if before > 0 && r.compiled == nil {
			t.Error("what is kept was not taken")
		}
		if diff := cmp.Diff(want, run(t, r, areas...)); diff != "" {
			t.Error(diff)
		}
		files := kept(t, cache)
		if len(files) != 1 {
			t.Fatalf("kept: %v", files)
		}
		if info, err := os.Stat(files[0]); err != nil || info.Mode() != 0o600 {
			t.Errorf("kept with %v, %v", info.Mode(), err)
		}
	}
	start(t, Config{Module: prebuilt(t, "year-code-c"), Cache: cache})
	other := granted
	other.Memory--
	start(t, Config{Module: prebuilt(t, "district-age-c"), Limits: other, Cache: cache})
	if files := kept(t, cache); len(files) != 3 {
		t.Errorf("three guests are kept as %v", files)
	}
	if _, err := Start(t.Context(), Config{Runner: runner, Module: prebuilt(t, "district-age-c"), Limits: granted, Cache: Cache{Dir: cache.Dir, Key: []byte("short")}}); !errors.Is(err, fault.Invalid) {
		t.Errorf("a key of five bytes: %v", err)
	}
}

// A file that is not what this site has kept is removed, said, and never seen
// by a runner; the next runner compiles.
func TestCacheIsNotTrusted(t *testing.T) {
	var said bytes.Buffer
	cache := Cache{Dir: t.TempDir(), Key: siteKey(1), Log: slog.New(slog.NewTextHandler(&said, nil))}
	start(t, Config{Module: prebuilt(t, "district-age-c"), Cache: cache})
	path := kept(t, cache)[0]
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	write := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "good")
	if err := os.WriteFile(elsewhere, good, 0o600); err != nil {
		t.Fatal(err)
	}
	s := cache.shelf(runner, []byte("module"))
	s.path = path
	for name, spoil := range map[string]func(){
		"a bit of the MAC":      func() { write(flip(0)) },
		"a bit of the artefact": func() { write(flip(len(good) / 2)) },
		"cut short":             func() { write(good[:len(good)-1]) },
		"longer":                func() { write(append(bytes.Clone(good), 0)) },
		"empty":                 func() { write(nil) },
		"a MAC alone":           func() { write(good[:32]) },
		"another guest's":       func() { s.put(good[32:]) },
		"a link": func() {
			_ = os.Remove(path) // whether it is there depends on what came before
			if err := os.Symlink(elsewhere, path); err != nil {
				t.Fatal(err)
			}
		},
		"huge": func() {
			write(good)
			if err := os.Truncate(path, wire.MaxFrame+1); err != nil {
				t.Fatal(err)
			}
		},
	} {
		said.Reset()
		spoil()
		if got := cache.shelf(runner, start(t, Config{Module: prebuilt(t, "district-age-c")}).admitted).get(); got != nil {
			t.Errorf("%s: taken", name)
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: still there, %v", name, err)
		}
		if !strings.Contains(said.String(), "removing a compiled guest") {
			t.Errorf("%s: said %q", name, said.String())
		}
	}
	write(good)
	mine := start(t, Config{Module: prebuilt(t, "district-age-c"), Cache: cache})
	if mine.compiled == nil {
		t.Error("what was kept first is not taken any more")
	}
	cache.Key = siteKey(2)
	if got := cache.shelf(runner, mine.admitted).get(); got != nil {
		t.Error("taken under another key")
	}
}

// A form that verifies and yet does not load, as after a failure of the disk
// before it was authenticated, is removed, and the guest compiled.
func TestCacheRecovers(t *testing.T) {
	cache := Cache{Dir: t.TempDir(), Key: siteKey(1)}
	c := Config{Module: prebuilt(t, "district-age-c"), Cache: cache}
	s := start(t, c).shelf
	s.put([]byte("no engine's"))
	areas, want := people(t, 3)
	r := start(t, c)
	if diff := cmp.Diff(want, run(t, r, areas...)); diff != "" {
		t.Error(diff)
	}
	if got := s.get(); len(got) < 1000 {
		t.Errorf("kept is %q", got)
	}
}

// The build is part of what is authenticated: another runner, or another
// engine under it, takes nothing.
func TestCacheIsOfOneBuild(t *testing.T) {
	copied := filepath.Join(t.TempDir(), "runner")
	binary, err := os.ReadFile(runner)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) build {
		if err := os.WriteFile(copied, b, 0o700); err != nil {
			t.Fatal(err)
		}
		got, err := buildOf(copied)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	one, err := buildOf(runner)
	if err != nil {
		t.Fatal(err)
	}
	if same := write(binary); same != one {
		t.Error("the same bytes are another build")
	}
	if other := write(append(binary, 0)); other == one {
		t.Error("other bytes are the same build")
	}
	library, err := libraryOf(runner)
	if err != nil || filepath.Base(library) != engineLibrary {
		t.Errorf("the engine's library is %q, %v", library, err)
	}
	if _, err := buildOf(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a runner that is not there has a build")
	}
	if s := (Cache{Dir: t.TempDir(), Key: siteKey(1)}).shelf("/nonexistent", nil); s != nil || s.get() != nil {
		t.Error("there is a shelf for a runner that is not there")
	}
}

func TestCacheEvicts(t *testing.T) {
	cache := Cache{Dir: t.TempDir(), Key: siteKey(1), Most: 10 << 10}
	shelves := make([]*shelf, 8)
	for i := range shelves {
		shelves[i] = cache.shelf(runner, []byte{byte(i)})
		shelves[i].put(bytes.Repeat([]byte{byte(i)}, 2<<10))
		_ = shelves[0].get() // used again and again
	}
	var left []int
	for i, s := range shelves {
		if s.get() != nil {
			left = append(left, i)
		}
	}
	if !cmp.Equal(left, []int{0, 5, 6, 7}) {
		t.Errorf("left are %v", left)
	}
}

// Processes that write and read the same guest at the same time see whole
// artefacts or none.
func TestCacheIsShared(t *testing.T) {
	cache := Cache{Dir: t.TempDir(), Key: siteKey(1)}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			s := cache.shelf(runner, []byte("guest"))
			artefact := bytes.Repeat([]byte(fmt.Sprint(i)), 64<<10)
			for range 20 {
				s.put(artefact)
				if got := s.get(); len(got) != len(artefact) || !bytes.Equal(got, bytes.Repeat(got[:1], len(got))) {
					t.Errorf("read %d bytes", len(got))
				}
			}
		})
	}
	all.Wait()
	if files := kept(t, cache); len(files) != 1 {
		t.Errorf("left are %v", files)
	}
}
