//go:build crash

package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// crash kills the process, once, at the point that YUNEI_CRASH names as
// "DAEMON:KIND:before" or "DAEMON:KIND:after", comma-separated. Only binaries
// built with the tag crash have it: the crash table's.
func crash(name, dir string) func(string) {
	wanted := map[string]bool{}
	for _, p := range strings.Split(os.Getenv("YUNEI_CRASH"), ",") {
		if point, ok := strings.CutPrefix(p, name+":"); ok {
			wanted[point] = true
		}
	}
	return func(point string) {
		mark := filepath.Join(dir, "crashed-"+strings.ReplaceAll(point, ":", "-"))
		if _, err := os.Stat(mark); !wanted[point] || err == nil {
			return
		}
		if err := os.WriteFile(mark, nil, 0o600); err == nil {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}
