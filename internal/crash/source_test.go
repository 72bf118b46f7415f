package crash

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// packages are those that journal, by the daemon whose part they are.
var packages = map[string]string{"site": "site", "trustee": "trustee", "opening": "gate", "flow": "yuneid"}

// journalled reads in the sources what each daemon enters in its journal: the
// kinds of its steps, of what it says besides, and of its hooks.
func journalled(t *testing.T) map[string]bool {
	t.Helper()
	words := kinds(t)
	found := map[string]bool{}
	for pkg, daemon := range packages {
		for _, file := range sources(t, pkg) {
			ast.Inspect(file, func(n ast.Node) bool {
				for _, kind := range entries(t, words, n) {
					found[daemon+":"+kind] = true
				}
				return true
			})
		}
	}
	return found
}

// entries returns the kinds that a node journals.
func entries(t *testing.T, words map[string]string, n ast.Node) []string {
	t.Helper()
	switch n := n.(type) {
	case *ast.CompositeLit: // a site's phase
		if typ, ok := n.Type.(*ast.Ident); ok && typ.Name == "phase" {
			var all []string
			for _, e := range n.Elts {
				all = append(all, word(t, words, e))
			}
			return all
		}
	case *ast.KeyValueExpr: // a party.Step
		if s, ok := n.Value.(*ast.SelectorExpr); ok && fmt.Sprint(s.X) == "budget" {
			return nil // a cap's
		}
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Kind" {
			return []string{word(t, words, n.Value)}
		}
	case *ast.CallExpr:
		called, ok := n.Fun.(*ast.SelectorExpr)
		if !ok {
			return nil
		}
		switch called.Sel.Name {
		case "Say":
			return []string{word(t, words, n.Args[1])}
		case "once": // a site's, of a kind or of a phase's
			if _, ok := n.Args[1].(*ast.Ident); ok {
				return []string{word(t, words, n.Args[1])}
			}
		case "Hook":
			if _, ok := n.Args[0].(*ast.BasicLit); !ok {
				return nil // in once
			}
			kind, _, _ := strings.Cut(literal(t, n.Args[0]), ":")
			return []string{kind}
		case "Once", "Append":
			if c, ok := n.Args[0].(*ast.CallExpr); ok {
				if id, ok := c.Args[0].(*ast.Ident); ok && id.Name == "kind" {
					return nil // in once
				}
			}
			if on, ok := called.X.(*ast.SelectorExpr); ok && on.Sel.Name == "Journal" {
				return []string{word(t, words, n.Args[0])}
			}
		}
	}
	return nil
}

// word is the value of a kind: a constant of jobs/msg or of the package, if
// need be in a conversion, or a literal.
func word(t *testing.T, words map[string]string, e ast.Expr) string {
	t.Helper()
	switch e := e.(type) {
	case *ast.CallExpr: // string(kind)
		return word(t, words, e.Args[0])
	case *ast.SelectorExpr:
		if w, ok := words[e.Sel.Name]; ok {
			return w
		}
	case *ast.Ident:
		if w, ok := words[e.Name]; ok {
			return w
		}
	case *ast.BasicLit:
		return literal(t, e)
	}
	t.Fatalf("a step, an entry or a hook is not named by a constant: %#v", e)
	return ""
}

func literal(t *testing.T, e ast.Expr) string {
	t.Helper()
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		t.Fatalf("a hook is not named by a literal: %#v", e)
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kinds reads the constants that name kinds.
func kinds(t *testing.T) map[string]string {
	t.Helper()
	words := map[string]string{}
	for _, pkg := range append([]string{"jobs/msg"}, slices.Collect(maps.Keys(packages))...) {
		for _, file := range sources(t, pkg) {
			for _, d := range file.Decls {
				g, ok := d.(*ast.GenDecl)
				if !ok || g.Tok != token.CONST {
					continue
				}
				for _, s := range g.Specs {
					v := s.(*ast.ValueSpec) //nolint:errcheck // a const has no other
					for i, name := range v.Names {
						if lit, ok := valueOf(v, i); ok {
							words[name.Name] = lit
						}
					}
				}
			}
		}
	}
	return words
}

func valueOf(v *ast.ValueSpec, i int) (string, bool) {
	if i >= len(v.Values) {
		return "", false
	}
	lit, ok := v.Values[i].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

func sources(t *testing.T, pkg string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pkg), "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no sources of %s: %v", pkg, err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, raw, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// The table is total: whatever a daemon journals has a row for a death before
// the entry and one for a death after it, and no row is of an entry that is
// not made.
func TestCrashTotal(t *testing.T) {
	want := journalled(t)
	if len(want) < 20 {
		t.Fatalf("only %d kinds of entries were found in the sources", len(want))
	}
	have, short := map[string]bool{}, 0
	for _, r := range table {
		if r.short {
			short++
		}
		for _, k := range r.kill {
			daemon, point, _ := strings.Cut(k, ":")
			have[class(daemon)+":"+point] = true
		}
	}
	if short != 12 {
		t.Errorf("the short form has %d rows, want the 12 that are named", short)
	}
	for kind := range want {
		if elsewhere[kind] {
			continue
		}
		for _, moment := range []string{"before", "after"} {
			if point := kind + ":" + moment; !have[point] {
				t.Errorf("no row for %s", point)
			}
			delete(have, kind+":"+moment)
		}
	}
	for point := range have {
		t.Errorf("%s is in the table, and no daemon makes such an entry", point)
	}
}

// elsewhere are entries of runs that end in an incident or are replayed, which
// take a runner that lies, a clock that is moved or a provider that objects: package site's own test
// kills a site at each of them. Those of joins are package joins' own tests'.
var elsewhere = map[string]bool{
	"site:doomed": true, "site:dead": true, "site:replay-begun": true, "site:replay-try": true, "site:replay-bit": true,
	"site:replay-slot": true, "site:replayed": true, "site:withheld": true, "site:retired": true, "site:consent": true, "site:disclosed": true,
	"trustee:dead": true, "site:hold": true, "site:hold-release": true, "site:lease": true,
	// Of protection prio3: TestAggregatorDies of package opening kills an aggregator
	// at each.
	"trustee:prio-part": true, "trustee:prio-seen": true, "trustee:prio-answer": true, "trustee:prio-claim": true, "trustee:prio-sum": true,
	// Of a query of a verification: TestVerifyCrashes of package site.
	"site:verify": true, "site:checked": true,
	"site:paired": true, "site:psi": true, "site:joined": true, "site:lost": true, "site:too-few": true,
}

// class is a daemon's name without its number.
func class(daemon string) string {
	for _, c := range packages {
		if strings.HasPrefix(daemon, c) {
			return c
		}
	}
	return daemon
}
