package arch

import (
	"debug/elf"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// unlinked says what must not be in a built binary, by the start of a symbol:
// what is not there cannot be called, whoever breaks in.
var unlinked = map[string][]string{
	"yuneid":        {"github.com/wasmerio/", "wasm_", "github.com/tuneinsight/", "github.com/apache/arrow-go"},
	"yunei-site":    {"github.com/wasmerio/", "wasm_", "modernc.org/", "github.com/uptrace/", "github.com/transparency-dev/tessera"},
	"yunei-runner":  {"net.", "net/", "crypto/tls", "crypto/x509", "os/exec", "github.com/nats-io", "github.com/apache", "github.com/minio", "github.com/tuneinsight", "database/sql"},
	"yunei-replay":  {"github.com/wasmerio/", "wasm_", "net/http", "crypto/tls", "os/exec", "github.com/nats-io", "github.com/apache", "github.com/minio", "github.com/tuneinsight", "database/sql"},
	"yunei-trustee": {"github.com/wasmerio/", "wasm_", "github.com/apache/", "github.com/minio/minio-go", "modernc.org/", "github.com/transparency-dev/tessera"},
	"yunei-gate":    {"github.com/wasmerio/", "wasm_", "github.com/apache/", "github.com/minio/minio-go", "modernc.org/", "github.com/transparency-dev/tessera"},
	"yunei":         {"github.com/wasmerio/", "wasm_", "github.com/tuneinsight/", "github.com/nats-io", "modernc.org/"},
}

// linked proves that the test can see: each binary has these.
var linked = map[string]string{
	"yuneid": "github.com/nats-io/", "yunei-site": "github.com/tuneinsight/", "yunei-runner": "wasm_", "yunei-replay": "github.com/tetratelabs/wazero", "yunei-trustee": "github.com/tuneinsight/",
	"yunei-gate": "github.com/tuneinsight/", "yunei": "github.com/spf13/cobra",
}

func TestBinaries(t *testing.T) {
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir, "./cmd/...")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, barred := range unlinked {
		names := symbols(t, filepath.Join(dir, name))
		for _, prefix := range barred {
			if got := find(names, prefix); got != "" {
				t.Errorf("%s links %s", name, got)
			}
		}
		if find(names, linked[name]) == "" {
			t.Errorf("%s: nothing of %s seen; the test is blind", name, linked[name])
		}
	}
}

func find(names []string, prefix string) string {
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			return n
		}
	}
	return ""
}

// symbols lists the names of a binary's own and imported symbols.
func symbols(t *testing.T, file string) []string {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
	own, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	imported, err := f.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		t.Fatal(err)
	}
	var names []string
	for _, s := range append(own, imported...) {
		names = append(names, s.Name)
	}
	return names
}
