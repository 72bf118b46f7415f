// Package arch tests the structure of the house: which package may import
// which, who alone imports a heavy dependency, and what a binary does not link
// and therefore cannot do. It parses the sources itself, so that the test
// cache sees what it read and no build tag hides a file.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/yunei/yunei"

// floors lists the packages from the ground up. A package imports packages of
// the floors below its own, its parents and its children, and nothing else of
// this module. A package that does not fit asks for a conversation, not for a
// wider floor.
const floors = `
	fault
	suite ident
	link
	jobs/abi jobs/limits jobs/receipt jobs/set governance/plain gate/noise gate/params gate/register/sets
	jobs
	jobs/msg governance/calendar governance/profile
	gate/budget gate/evidence gate/suppress gate/register gate/identifier gate/finish governance/profiles enrol
	governance governance/papers
	governance/cases gate
	governance/gates governance/office
	governance/oversight governance/oversight/report
	gate/sheet gate/sheet/check
	gate/mitigate
	storage storage/minio storage/dir storage/seal storage/columns storage/roll storage/records storage/ledger storage/ledger/proof storage/journal storage/spool bus
	party party/lease party/order
	sandbox/wire sandbox/jail sandbox/jail/inner sandbox/admit enclave/he enclave/attest enclave/prio enclave/psi
	sandbox/serve twin examples/sdk examples/sdk/go
	sandbox sandbox/wasm sandbox/wazero enclave release release/chart
	flow site trustee opening custody
	api/verb
	api/dossier
	api api/client api/rebuild
	cmd/internal/folder cmd/internal/start
	cmd/internal/daemon cmd/internal/place
	cmd/internal/domain
	cmd/yuneid cmd/yunei-site cmd/yunei-runner cmd/yunei-replay cmd/yunei-trustee cmd/yunei-gate cmd/yunei-keys cmd/yunei
	examples/city examples/stage
	examples/programs/district-age-go examples/sdk/go/echo examples/sdk/go/life-table examples/sdk/go/regression
	examples/city/citygen examples/mainjob examples/realdata
`

// only names the one package that may import a heavy dependency, by the start
// of its path.
var only = map[string][]string{
	"github.com/wasmerio/wasmer-go":  {"sandbox/wasm"},
	"go.yaml.in/yaml":                {"governance/plain"},
	"github.com/tetratelabs/wazero":  {"sandbox/wazero"},
	"github.com/tuneinsight/lattigo": {"enclave/he"},
	"github.com/minio/minio-go":      {"storage/minio"},
	"github.com/apache/arrow-go":     {"storage/columns"},
	"github.com/nats-io":             {"bus"},
	"github.com/uptrace/bun":         {"storage/records"},
	"modernc.org/sqlite":             {"storage/records"},
	"github.com/pressly/goose":       {"storage/records"},
	"github.com/transparency-dev":    {"storage/ledger", "storage/ledger/proof"},
	"github.com/secure-systems-lab":  {"jobs/receipt"},
	"github.com/google/go-sev-guest": {"enclave/attest"},
	"github.com/google/go-tdx-guest": {"enclave/attest"},
	"github.com/google/go-tpm":       {"enclave/attest"},
	"crypto/tls":                     {"link", "storage/minio"},
	"github.com/cloudflare/circl":    {"suite", "enclave/prio", "enclave/psi"},
	"github.com/spf13/cobra":         {"cmd/yunei"},
}

// never says what a package, most often a binary, cannot do because it does
// not link it.
var never = map[string][]string{
	"cmd/yuneid":        {"sandbox", "enclave", "opening", "site", "trustee", "storage/columns"}, // runs no guest, opens nothing, reads no row
	"cmd/yunei-site":    {"sandbox/wasm", "sandbox/wazero", "storage/records", "opening", "trustee", "flow", "api"},
	"cmd/yunei-replay":  {"sandbox/wasm", "jobs", "storage", "governance", "enclave", "bus", "party", "suite"},   // the runner's, on the other engine
	"cmd/yunei-runner":  {"sandbox/wazero", "jobs", "storage", "governance", "enclave", "bus", "party", "suite"}, // gets bytes on its pipes and nothing else
	"cmd/yunei-trustee": {"sandbox", "storage/records", "storage/columns", "governance", "gate", "site", "opening", "flow"},
	"cmd/yunei-gate":    {"sandbox", "storage/records", "storage/columns", "site", "trustee", "flow"},                                                            // sees sums, never rows
	"cmd/yunei-keys":    {"sandbox", "enclave", "bus", "party", "governance", "storage/columns", "storage/records", "site", "trustee", "opening", "flow", "api"}, // answers one site, reads no row and no board
	"cmd/yunei":         {"sandbox/wasm", "sandbox/wazero", "enclave", "opening", "trustee", "flow", "storage/records"},
	"storage":           {"jobs", "governance"}, // bytes are bytes
	"jobs/abi":          {"jobs", "fault", "suite"},
	"release":           {"storage/ledger", "storage/journal", "bus", "enclave"}, // a stranger verifies offline
}

func TestFloors(t *testing.T) {
	graph, floor := imports(t), map[string]int{}
	for i, line := range strings.Split(strings.TrimSpace(floors), "\n") {
		for pkg := range strings.FieldsSeq(line) {
			if floor[pkg] = i; graph[pkg] == nil {
				t.Errorf("floors names %s, which does not exist", pkg)
			}
		}
	}
	for pkg, deps := range graph {
		mine, ok := floor[pkg]
		if !ok {
			t.Errorf("%s stands on no floor", pkg)
		}
		for _, dep := range deps {
			if sub, ours := strings.CutPrefix(dep, module+"/"); ours && floor[sub] >= mine && !kin(pkg, sub) {
				t.Errorf("%s (floor %d) imports %s (floor %d)", pkg, mine, sub, floor[sub])
			}
			for prefix, owners := range only {
				if strings.HasPrefix(dep, prefix) && !within(pkg, owners) {
					t.Errorf("%s imports %s; only %v may", pkg, dep, owners)
				}
			}
		}
	}
}

func TestNever(t *testing.T) {
	graph := imports(t)
	for top, barred := range never {
		if graph[top] == nil {
			t.Errorf("never names %s, which does not exist", top)
		}
		linked := map[string]bool{}
		link(graph, top, linked)
		for _, pkg := range barred {
			for got := range linked {
				if got != top && below(got, pkg) && !strings.HasPrefix(top, pkg+"/") {
					t.Errorf("%s links %s", top, got)
				}
			}
		}
	}
}

// leaves are packages that stand by themselves: barring their parent does not
// bar them.
var leaves = []string{"jobs/abi", "jobs/limits", "storage/ledger/proof", "gate/noise", "gate/register/sets", "enclave/attest"}

func below(got, barred string) bool {
	return got == barred || strings.HasPrefix(got, barred+"/") && !slices.Contains(leaves, got)
}

func within(pkg string, owners []string) bool {
	for _, o := range owners {
		if pkg == o || strings.HasPrefix(pkg, o+"/") {
			return true
		}
	}
	return false
}

func kin(a, b string) bool {
	return strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

// link marks pkg and everything of this module that it imports, directly or
// not.
func link(graph map[string][]string, pkg string, seen map[string]bool) {
	if seen[pkg] {
		return
	}
	seen[pkg] = true
	for _, dep := range graph[pkg] {
		if sub, ours := strings.CutPrefix(dep, module+"/"); ours {
			link(graph, sub, seen)
		}
	}
}

// imports reads the import graph of this module, tests and their helper
// packages left out.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	graph := map[string][]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != root && foreign(file) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		return read(file, root, graph)
	})
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

func read(file, root string, graph map[string][]string) error {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root, file)
	if err != nil {
		return err
	}
	pkg := path.Dir(filepath.ToSlash(rel))
	if graph[pkg] == nil {
		graph[pkg] = []string{}
	}
	for _, imp := range f.Imports {
		name, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			return err
		}
		graph[pkg] = append(graph[pkg], name)
	}
	return nil
}

// foreign tells a folder that is not the product's: another module, a tool's,
// or what only tests import.
func foreign(dir string) bool {
	name := filepath.Base(dir)
	if name == "node_modules" || name == "testdata" || name == "internal" && filepath.Base(filepath.Dir(dir)) != "cmd" || strings.HasPrefix(name, ".") ||
		strings.HasSuffix(name, "test") && name != "attest" {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
