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

// byRow is why no story tells of each gate.
const byRow = "package governance/gates's tests ask it, row by row"

// lies is why no story tells of what a platform that lies is found out by.
const lies = "it takes a platform that lies; package api's tests have one, behind the coordinator's own key"

// untold are the refusals that no user of this version comes to read in a
// story, and why.
var untold = map[string]string{
	"gate-g2":         byRow,
	"gate-g3":         byRow,
	"gate-g4":         byRow,
	"gate-g6":         byRow,
	"gate-g7":         byRow,
	"gate-g8":         byRow,
	"gate-g9":         byRow,
	"gate-g10":        byRow,
	"gate-g11":        byRow,
	"gate-g12":        byRow,
	"gate-g13":        byRow,
	"gate-r1":         byRow,
	"gate-r2":         byRow,
	"gate-r3":         byRow,
	"gate-r4":         byRow,
	"gate-r5":         byRow,
	"gate-r6":         byRow,
	"lease":           "nobody is refused by it, a run waits; package party/lease's tests have the ways to it",
	"clock":           "nobody is refused by it, a run waits; package party/lease's tests set a clock back",
	"disclosures":     "it takes more consents for one run than anybody needs; package site's tests give them",
	"recheck":         "it takes a gate that lies; TestRecheck has one",
	"set":             "it takes two runs over sets of domains that leave one alone; package trustee's tests have them",
	"journal-behind":  "it takes a site whose journal was brought back from a backup; package site's tests have one",
	"unproved":        "it takes a domain that lies about its range; package opening's tests have one",
	"withheld-spent":  "it takes six runs that the register withholds; package site's tests have them",
	"engines":         "it takes a runner that lies; package site's tests have one, and see that nothing is sealed",
	"terms-rules":     "it takes a second version of the rules between two drafts; package api's tests publish one",
	"internal":        "it is our own fault; whoever knows a way to it reports a bug",
	"exhausted":       "it takes 64 requests in hand at once, or thousands of one key's, to meet the server's own limits; package api's tests do",
	"case-stale":      "it takes somebody who acts between a look at a case and a signature over it; package governance/cases's tests have one",
	"case-time":       "it takes a clock that is wrong; package governance/cases's tests set one",
	"scenario-unfit":  "it takes an amendment of what was not approved; package api's tests have them",
	"consent-lacks":   "it takes a bureau that records what people were not told of; package api's tests have one",
	"consent-change":  "it takes a provider that alters a consent; package api's tests have one",
	"agreement-names": "the command takes the names from the register; package api's tests write others",
	"case-rules":      "it takes rules that change between a look and a signature; package api's tests change them",

	"register-unsigned": lies,
	"rules-unpublished": lies,
	"dossier-case":      lies,
	"dossier-gate":      lies,
	"dossier-permit":    lies,

	"evaluation-early": "wiring: package governance/oversight's tests open a year before it is over",
}

// Every refusal that a user can read is read in some story, so that none rots
// unseen.
func TestEveryRefusalIsTold(t *testing.T) {
	told := map[string]bool{}
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	line := regexp.MustCompile(`(?m)^refused ([a-z0-9-]+)$`)
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
