package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// noCaseYet is why no story tells of a case.
const wiring = "the gates are asked by package governance/gates's tests, row by row; the verbs that ask them come with the case commands"

const noCaseYet = "no command opens a case; package governance/cases's tests meet each of them"

// untold are the refusals that no user of this version comes to read in a
// story, and why.
var untold = map[string]string{
	"lease":           "nobody is refused by it, a run waits; package party/lease's tests have the ways to it",
	"clock":           "nobody is refused by it, a run waits; package party/lease's tests set a clock back",
	"disclosures":     "it takes more consents for one run than anybody needs; package site's tests give them",
	"recheck":         "it takes a gate that lies; TestRecheck has one",
	"set":             "it takes two runs over sets of domains that leave one alone; package trustee's tests have them",
	"journal-behind":  "it takes a site whose journal was brought back from a backup; package site's tests have one",
	"unproved":        "it takes a domain that lies about its range; package opening's tests have one",
	"withheld-spent":  "it takes six runs that the register withholds; package site's tests have them",
	"engines":         "it takes a runner that lies; package site's tests have one, and see that nothing is sealed",
	"internal":        "it is our own fault; whoever knows a way to it reports a bug",
	"exhausted":       "it takes 64 requests in hand at once, or thousands of one key's, to meet the server's own limits; package api's tests do",
	"case-table":      noCaseYet,
	"case-parties":    noCaseYet,
	"case-turn":       noCaseYet,
	"case-stale":      noCaseYet,
	"case-closed":     noCaseYet,
	"case-time":       noCaseYet,
	"case-early":      noCaseYet,
	"case-missing":    noCaseYet,
	"case-unverified": noCaseYet,
	"case-basis":      noCaseYet,
	"case-reason":     noCaseYet,
	"case-sign":       noCaseYet,
	"case-list":       noCaseYet,
	"case-return":     noCaseYet,
	"case-own":        noCaseYet,
	"case-barred":     noCaseYet,
	"case-separation": noCaseYet,
	"gate-g1":         wiring,
	"gate-g2":         wiring,
	"gate-g3":         wiring,
	"gate-g4":         wiring,
	"gate-g5":         wiring,
	"gate-g6":         wiring,
	"gate-g7":         wiring,
	"gate-g8":         wiring,
	"gate-g9":         wiring,
	"gate-g10":        wiring,
	"gate-g11":        wiring,
	"gate-g12":        wiring,
	"gate-g13":        wiring,
	"gate-r1":         wiring,
	"gate-r2":         wiring,
	"gate-r3":         wiring,
	"gate-r4":         wiring,
	"gate-r5":         wiring,
	"gate-r6":         wiring,
}

// Every refusal that a user can read is read in some story, so that none rots
// unseen.
func TestEveryRefusalIsTold(t *testing.T) {
	told := map[string]bool{}
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	line := regexp.MustCompile(`(?m)^refused ([a-z-]+)$`)
	for _, file := range scripts {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if raw[0] != '#' {
			t.Errorf("%s does not begin with what it is about", file)
		}
		for _, m := range line.FindAllSubmatch(raw, -1) {
			told[string(m[1])] = true
		}
	}
	codes := refusals(t)
	for _, code := range codes {
		if _, excused := untold[code]; excused == told[code] {
			t.Errorf("%s: told %v, excused %v", code, told[code], excused)
		}
		delete(told, code)
	}
	for code := range told {
		t.Errorf("a story tells of %s, which package fault does not have", code)
	}
	if len(codes) < len(untold) {
		t.Errorf("%d codes were found in the table", len(codes))
	}
}

// refusals reads the codes of package fault's closed table from its source.
func refusals(t *testing.T) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "fault", "texts.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "texts" {
			return true
		}
		for _, e := range spec.Values[0].(*ast.CompositeLit).Elts { //nolint:errcheck // the table is one
			key := e.(*ast.KeyValueExpr).Key.(*ast.BasicLit) //nolint:errcheck // of literals
			code, err := strconv.Unquote(key.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return false
	})
	return codes
}
