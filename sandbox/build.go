package sandbox

import (
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/cpu"

	"github.com/yunei/yunei/fault"
)

// The engine's library, which a runner may link.
const engineLibrary = "libwasmer.so"

// A build says what made a compiled form: the runner, the engine's library and
// the processor's features. A form is good for the build that made it only.
type build [sha256.Size]byte

// builds are those of the runners asked for, by path and state of their files,
// for hashing them takes longer than starting one.
var builds = struct {
	sync.Mutex
	known map[string]build
}{known: map[string]build{}}

func buildOf(runner string) (build, error) {
	files := []string{runner}
	library, err := libraryOf(runner)
	if err != nil {
		return build{}, err
	}
	if library != "" {
		files = append(files, library)
	}
	state, err := stateOf(files)
	if err != nil {
		return build{}, err
	}
	builds.Lock()
	defer builds.Unlock()
	if b, ok := builds.known[state]; ok {
		return b, nil
	}
	h := sha256.New()
	for _, path := range files {
		sum, err := hashFile(path)
		if err != nil {
			return build{}, err
		}
		_, _ = h.Write(sum) // a hash does not fail
	}
	_, _ = fmt.Fprintf(h, "%d files, %s", len(files), features())
	const most = 16 // a site has one runner, a test some
	if len(builds.known) >= most {
		clear(builds.known)
	}
	b := build(h.Sum(nil))
	builds.known[state] = b
	return b, nil
}

// features names what the processor has. A compiler uses what it finds, and a
// machine that was moved may find less.
func features() string { return fmt.Sprintf("%+v %+v", cpu.X86, cpu.ARM64) }

// stateOf changes when any of the files does.
func stateOf(paths []string) (string, error) {
	var b strings.Builder
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return "", fmt.Errorf("looking at %s: %w", path, err)
		}
		fmt.Fprintf(&b, "%q %d %v %+v\n", path, info.Size(), info.ModTime(), info.Sys())
	}
	return b.String(), nil
}

func hashFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// libraryOf returns the path of the engine's library as the runner's loader
// will find it, or "" if the runner links none.
func libraryOf(runner string) (string, error) {
	f, err := elf.Open(runner)
	if err != nil {
		return "", fmt.Errorf("reading the runner: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	needed, err := f.DynString(elf.DT_NEEDED)
	if err != nil || !slices.Contains(needed, engineLibrary) {
		return "", err
	}
	var dirs []string
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		found, err := f.DynString(tag)
		if err != nil {
			return "", err
		}
		for _, list := range found {
			dirs = append(dirs, filepath.SplitList(list)...)
		}
	}
	for _, dir := range dirs {
		dir = strings.NewReplacer("$ORIGIN", filepath.Dir(runner), "${ORIGIN}", filepath.Dir(runner)).Replace(dir)
		path := filepath.Join(dir, engineLibrary)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("looking for %s: %w", engineLibrary, fault.NotFound)
}
