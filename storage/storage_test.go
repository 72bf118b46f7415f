package storage_test

import (
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/storagetest"
)

func TestNames(t *testing.T) {
	long := strings.Repeat("a", storage.MaxSegment)
	for _, good := range []storage.Name{
		"a@1", "a/b@1", "partials/run-7/hospital_2@v1.0", "0.x@0", storage.Name(long + "@" + long),
		storage.Name(strings.Repeat("a/", storage.MaxDepth-1) + "a@1"),
	} {
		if err := good.Check(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
		if n, err := storage.NewName(good.Path(), good.Version()); err != nil || n != good {
			t.Errorf("%q came back as %q, %v", good, n, err)
		}
	}
	for _, bad := range storagetest.HostileNames {
		if err := bad.Check(); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v, want Invalid", bad, err)
		}
	}
}

func TestPrefixes(t *testing.T) {
	for _, good := range []string{"", "a", "a/", "a/b", "a@", "a@1", "a-", "a."} {
		if err := storage.CheckPrefix(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"/", ".", "..", "a/../", "a//", "A", "a@1/", "a@1@", "a\x00", "@", strings.Repeat("a", storage.MaxSegment+1)} {
		if err := storage.CheckPrefix(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v, want Invalid", bad, err)
		}
	}
}

// A good name stays where it is put, and no two of them meet.
func FuzzName(f *testing.F) {
	for _, bad := range storagetest.HostileNames {
		f.Add(string(bad))
	}
	f.Add("a/b@1")
	f.Fuzz(func(t *testing.T, s string) {
		n := storage.Name(s)
		if n.Check() != nil {
			return
		}
		if path.Clean("/"+s) != "/"+s || strings.ToLower(s) != s || strings.Count(s, "@") != 1 {
			t.Errorf("%q is taken for a name", s)
		}
		for i := range len(s) {
			if err := storage.CheckPrefix(s[:i]); err != nil {
				t.Errorf("%q starts with %q, which is refused: %v", s, s[:i], err)
			}
		}
	})
}
