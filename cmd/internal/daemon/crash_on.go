//go:build crash

package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// crashFile, in a daemon's folder, lists the points at which it is to die, one
// a line: "KIND:before" or "KIND:after" of a journal entry.
const crashFile = "crash"

// crash kills the process at the point on the first line of its crashFile, and
// takes that line off, so that the next one counts after the restart. Only
// binaries built with the tag crash have it: the crash table's.
func crash(_, dir string) func(string) {
	file := filepath.Join(dir, crashFile)
	var mu sync.Mutex
	return func(point string) {
		mu.Lock()
		defer mu.Unlock()
		raw, err := os.ReadFile(file) //nolint:gosec // the daemon's own folder
		if err != nil {
			return
		}
		first, rest, _ := strings.Cut(string(raw), "\n")
		if first != point {
			return
		}
		if os.WriteFile(file+".next", []byte(rest), 0o600) == nil && os.Rename(file+".next", file) == nil {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // it takes a moment
		}
	}
}
