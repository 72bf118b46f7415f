// Package docs tests the documents of the repository: what they quote from
// the code is what the code says, what they point at is there, and the two
// README files tell the same commands, which run as they stand (run_test.go).
//
//	go test ./internal/docs -run Generated -update
//
// writes the generated parts of ARCHITECTURE.md, docs/ABI.md and docs/CITIES.md anew. The package does not
// judge what the documents claim in words.
package docs

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/jobs"
)

var update = flag.Bool("update", false, "write the generated parts of the documents")

const (
	root         = "../.."
	architecture = "ARCHITECTURE.md"
)

var readmes = []string{"README.md", "README.zh-CN.md"}

func read(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// between returns what stands between the markers of a name, and its place.
func between(t *testing.T, doc, name string) (text string, from, to int) {
	t.Helper()
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->"
	from, to = strings.Index(doc, begin)+len(begin), strings.Index(doc, end)
	if from < len(begin) || to < from {
		t.Fatalf("no markers %s", name)
	}
	return doc[from:to], from, to
}

func TestGenerated(t *testing.T) {
	for _, part := range []struct{ file, name, want string }{
		{architecture, "states", "```mermaid\n" + diagram() + "```\n"},
		{architecture, "floors", "```\n" + floors(t) + "```\n"},
		{architecture, "processes", processes(t)},
		{agreement, "abi-example", example(t)},
		{cities, "city-texts", texts(t)},
		{cities, "city-rules", sideBySide(t)},
		{cities, "city-gates", bases(t)},
		{cities, "city-rows", coverage(t)},
	} {
		doc := read(t, part.file)
		got, from, to := between(t, doc, part.name)
		if *update {
			doc = doc[:from] + part.want + doc[to:]
			if err := os.WriteFile(filepath.Join(root, part.file), []byte(doc), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(part.want, got); diff != "" {
			t.Errorf("%s of %s (go test ./internal/docs -run Generated -update): %s", part.name, part.file, diff)
		}
	}
}

// diagram draws the table of a run's states.
func diagram() string {
	var states []jobs.State
	entered := map[jobs.State]bool{}
	arrows := ""
	for s := jobs.Refused; s == jobs.Refused || s.String() != jobs.Refused.String(); s++ {
		states = append(states, s)
	}
	for _, s := range states {
		for _, next := range states {
			if _, err := s.To(next); err == nil {
				entered[next] = true
				arrows += fmt.Sprintf("    %s --> %s\n", s, next)
			}
		}
	}
	begin, end := "", ""
	for _, s := range states {
		if !entered[s] {
			begin += fmt.Sprintf("    [*] --> %s\n", s)
		}
		if s.Final() {
			end += fmt.Sprintf("    %s --> [*]\n", s)
		}
	}
	return "stateDiagram-v2\n" + begin + arrows + end
}

// arch parses the structure that internal/arch tests.
func arch(t *testing.T) map[string]ast.Expr {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "internal", "arch", "arch_test.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]ast.Expr{}
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			values[spec.Names[0].Name] = spec.Values[0]
		}
		return true
	})
	return values
}

func text(t *testing.T, e ast.Expr) string {
	t.Helper()
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		t.Fatalf("%T is no literal", e)
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// floors are the lines of internal/arch's list, numbered from the ground.
func floors(t *testing.T) string {
	t.Helper()
	list := ""
	for i, line := range strings.Split(strings.TrimSpace(text(t, arch(t)["floors"])), "\n") {
		list += fmt.Sprintf("%2d  %s\n", i, strings.Join(strings.Fields(line), "  "))
	}
	return list
}

// never is internal/arch's table of what a package must not link.
func never(t *testing.T) map[string][]string {
	t.Helper()
	table, ok := arch(t)["never"].(*ast.CompositeLit)
	if !ok {
		t.Fatal("internal/arch has no table never")
	}
	out := map[string][]string{}
	for _, e := range table.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			t.Fatalf("%T in never", e)
		}
		list, ok := pair.Value.(*ast.CompositeLit)
		if !ok {
			t.Fatalf("%T in never", pair.Value)
		}
		for _, v := range list.Elts {
			out[text(t, pair.Key)] = append(out[text(t, pair.Key)], text(t, v))
		}
	}
	return out
}

var quoted = regexp.MustCompile("`([^`]+)`")

func quotes(s string) []string {
	var all []string
	for _, m := range quoted.FindAllStringSubmatch(s, -1) {
		all = append(all, m[1])
	}
	return all
}

// processes is the table of processes, with what internal/arch says that each
// does not link in its last column.
func processes(t *testing.T) string {
	t.Helper()
	table, _, _ := between(t, read(t, architecture), "processes")
	out := ""
	for line := range strings.Lines(table) {
		if name, ok := process(line); ok {
			cells := strings.Split(line, "|")
			cells[4] = " `" + strings.Join(never(t)["cmd/"+name], "` `") + "` "
			line = strings.Join(cells, "|")
		}
		out += line
	}
	return out
}

// process is the command that a line of the table of processes is about.
func process(line string) (string, bool) {
	cells := strings.Split(line, "|")
	if len(cells) != 6 || len(quotes(cells[1])) != 1 {
		return "", false
	}
	return quotes(cells[1])[0], true
}

// The table of processes names every command that there is, and no other.
func TestProcesses(t *testing.T) {
	mains, err := filepath.Glob(filepath.Join(root, "cmd", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, file := range mains {
		want = append(want, filepath.Base(filepath.Dir(file)))
	}
	table, _, _ := between(t, read(t, architecture), "processes")
	for line := range strings.Lines(table) {
		if name, ok := process(line); ok {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("processes of %s: %s", architecture, diff)
	}
}

// The table of statements names every kind that a run has.
func TestStatements(t *testing.T) {
	want := map[string]bool{string(jobs.Start): true}
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "jobs", "msg", "msg.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.SelectorExpr); ok && kind.Sel.Name == "Kind" {
			want[text(t, spec.Values[0])] = true
		}
		return true
	})
	if len(want) < 10 {
		t.Fatalf("found %d kinds only", len(want))
	}
	got := map[string]bool{}
	table, _, _ := between(t, read(t, architecture), "statements")
	for _, q := range quotes(table) {
		got[q] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statements of %s: %s", architecture, diff)
	}
}

// documents lists every Markdown file of ours.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "node_modules" || name == "out" || name == "bin" || strings.HasPrefix(name, ".") && name != ".." && name != ".") {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			all = append(all, filepath.ToSlash(strings.TrimPrefix(file, root+string(filepath.Separator))))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range append([]string{architecture, agreement, "SECURITY.md", "RATIONALE.md", "REVIEW.md", "CHANGELOG.md"}, readmes...) {
		if !slices.Contains(all, want) {
			t.Errorf("there is no %s", want)
		}
	}
	return all
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinks(t *testing.T) {
	for _, file := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, file), -1) {
			to, _, _ := strings.Cut(m[1], "#")
			if to == "" || strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(file), to)); err != nil {
				t.Errorf("%s points at %s: %v", file, m[1], err)
			}
		}
	}
}

var (
	testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z]*)`")
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z][A-Za-z]*)\(`)
)

// A test that a document names exists.
func TestNamedTestsExist(t *testing.T) {
	there := map[string]bool{}
	for file := range sources(t) {
		if strings.HasSuffix(file, "_test.go") {
			for _, m := range testFunc.FindAllStringSubmatch(read(t, file), -1) {
				there[m[1]] = true
			}
		}
	}
	for _, file := range documents(t) {
		for _, m := range testName.FindAllStringSubmatch(read(t, file), -1) {
			if !there[m[1]] {
				t.Errorf("%s names %s, which is no test", file, m[1])
			}
		}
	}
}

// sources are the files that binaries are built from. Reading the folders
// makes the test cache see a change in any of them.
func sources(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && file != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "out" || name == "bin") {
			return fs.SkipDir
		}
		switch filepath.Ext(name) {
		case ".go", ".c", ".h", ".sql", ".mod", ".sum":
			found[strings.TrimPrefix(file, root+string(filepath.Separator))] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// goal is a target as documents give it, in code.
var goal = regexp.MustCompile("(?m)(?:^|`)make ([a-z][a-z-]*)(?:`|\\s|$)")

func TestMakeTargets(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, file := range documents(t) {
		named := map[string]bool{}
		for _, m := range goal.FindAllStringSubmatch(read(t, file), -1) {
			named[m[1]] = true
		}
		for _, target := range slices.Sorted(maps.Keys(named)) {
			if !strings.Contains(makefile, "\n"+target+":") {
				t.Errorf("%s names make %s, which is no target", file, target)
			}
		}
		if slices.Contains(readmes, file) && len(named) < 4 {
			t.Errorf("%s names the targets %v only", file, named)
		}
	}
}
