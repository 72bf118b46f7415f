package msg

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
)

// The written protocol, which other people implement from.
const protocol = "../../enclave/PROTOCOL.md"

// bodies are what statements state, by kind; nil is for what has no body of
// its own: no statement, or nothing but its head.
var bodies = map[receipt.Kind]any{
	Permit: nil, Logged: nil, jobs.Start: jobs.Run{}, jobs.Apply: jobs.Decision{}, jobs.Grant: nil, jobs.Agree: nil,
	Round: RoundBody{}, Hello: HelloBody{}, KeyCommit: KeyCommitBody{}, KeyOpen: KeyOpenBody{}, Key: KeyBody{}, Receiver: ReceiverBody{},
	Admitted: AdmittedBody{}, Commit: CommitBody{}, Confirm: ConfirmBody{}, Reveal: RevealBody{}, Joined: JoinedBody{}, Checked: CheckedBody{}, Sum: SumBody{}, Ready: ReadyBody{},
	Active: ActiveBody{}, Answer: AnswerBody{}, Candidate: CandidateBody{}, Refusal: RefusalBody{}, Lost: LostBody{}, Dead: DeadBody{},
	Replay: ReplayBody{}, Replayed: ReplayedBody{}, VoteCommit: VoteCommitBody{}, VoteOpen: VoteOpenBody{}, Release: ReleaseBody{},
	Consent: ConsentBody{}, Disclosed: DisclosedBody{}, Lease: LeaseBody{}, Order: OrderBody{}, Lift: LiftBody{},
	PrioPart: PrioBody{}, PrioAnswer: PrioBody{}, PrioClaim: PrioBody{}, PrioSum: PrioBody{},
}

// inside are the other structures that travel.
var inside = []any{JoinLetter{}, Of{}, Set{}, Debit{}, Letter{}, Short{}, Vote{}, Shown{}, Packet{}, Opened{}, Checkpoint{}, Held{}, Leases{}, Leased{}}

// The document says of every kind and structure which fields it has and of
// what type, no more and no less than the code.
func TestProtocolDocument(t *testing.T) {
	doc, err := os.ReadFile(protocol)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for kind, body := range bodies {
		want[string(kind)] = fields(t, body)
	}
	for _, x := range inside {
		want[reflect.TypeOf(x).Name()] = fields(t, x)
	}
	if diff := cmp.Diff(want, sections(string(doc))); diff != "" {
		t.Errorf("%s (- the code, + the document): %s", protocol, diff)
	}
}

// Every kind and every structure that the package has is in the tables above.
func TestProtocolIsWhole(t *testing.T) {
	kinds := map[string]bool{}
	types := map[string]bool{}
	for _, f := range parse(t, ".", "..") {
		ast.Inspect(f, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.ValueSpec:
				for _, kind := range kindsOf(x) {
					kinds[kind] = true
				}
			case *ast.TypeSpec:
				if st, ok := x.Type.(*ast.StructType); ok && f.Name.Name == "msg" && tagged(st) {
					types[x.Name.Name] = true
				}
			}
			return true
		})
	}
	known := map[string]bool{}
	for kind := range bodies {
		known[string(kind)] = true
	}
	if diff := cmp.Diff(kinds, known); diff != "" {
		t.Errorf("kinds (- in the code, + in the test's table): %s", diff)
	}
	for name := range types {
		listed := slices.ContainsFunc(inside, func(x any) bool { return reflect.TypeOf(x).Name() == name })
		for _, b := range bodies {
			listed = listed || b != nil && reflect.TypeOf(b).Name() == name
		}
		if !listed {
			t.Errorf("%s is in no table of this test", name)
		}
	}
}

// What daemons keep in their journals is listed, and functions that the
// document names are there.
func TestProtocolJournalsAndNames(t *testing.T) {
	raw, err := os.ReadFile(protocol)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	_, rest, ok := strings.Cut(doc, "## What is remembered")
	if !ok {
		t.Fatal("there is no section on journals")
	}
	journals, _, _ := strings.Cut(rest, "\n## ")
	for _, daemon := range []string{"site", "trustee", "opening", "party/lease"} {
		for _, kind := range journalled(t, filepath.Join("..", "..", daemon)) {
			if !strings.Contains(journals, "`"+kind+"`") {
				t.Errorf("journal kind %q of %s is not in the document", kind, daemon)
			}
		}
	}
	folders := map[string]string{
		"msg": ".", "jobs": "..", "receipt": "../receipt", "party": "../../party", "lease": "../../party/lease", "order": "../../party/order", "trustee": "../../trustee", "opening": "../../opening", "site": "../../site",
		"enclave": "../../enclave", "he": "../../enclave/he", "prio": "../../enclave/prio", "psi": "../../enclave/psi", "attest": "../../enclave/attest", "flow": "../../flow", "proof": "../../storage/ledger/proof", "journal": "../../storage/journal",
		"suite": "../../suite", "fault": "../../fault", "gate": "../../gate", "governance": "../../governance", "oversight": "../../governance/oversight", "sets": "../../gate/register/sets",
	}
	names := regexp.MustCompile("`([a-z]+)\\.([A-Z][A-Za-z]*(?:\\.[A-Z][A-Za-z]*)?)`").FindAllStringSubmatch(doc, -1)
	if len(names) < 40 {
		t.Errorf("only %d names", len(names))
	}
	for _, name := range names {
		folder, ok := folders[name[1]]
		if !ok || !declares(t, folder, name[2]) {
			t.Errorf("%s.%s does not exist", name[1], name[2])
		}
	}
	for _, m := range regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(doc, -1) {
		if !tested(t, m[1]) {
			t.Errorf("there is no test %s", m[1])
		}
	}
}

// sections are the document's headings of the fourth order, by what stands in
// backticks first, and the rows "field type" of the table below each.
func sections(doc string) map[string][]string {
	found := map[string][]string{}
	heading, row := regexp.MustCompile("^#### `([A-Za-z-]+)`$"), regexp.MustCompile("^\\| `([a-z_]+)` \\| ([^|]+) \\|")
	at := ""
	for line := range strings.Lines(doc) {
		line = strings.TrimRight(line, "\n")
		if h := heading.FindStringSubmatch(line); h != nil {
			at = h[1]
			found[at] = []string{}
		} else if strings.HasPrefix(line, "#") {
			at = ""
		} else if r := row.FindStringSubmatch(line); r != nil && at != "" {
			found[at] = append(found[at], r[1]+" "+r[2])
		}
	}
	return found
}

// fields lists what a structure has of its own, in order, as "name type".
func fields(t *testing.T, x any) []string {
	t.Helper()
	list := []string{}
	if x == nil {
		return list
	}
	for f := range reflect.TypeOf(x).Fields() {
		if f.Anonymous {
			continue // the head
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			t.Fatalf("%T: %s has no name in JSON", x, f.Name)
		}
		list = append(list, name+" "+word(t, f.Type))
	}
	return list
}

// word is the document's word for a type.
func word(t *testing.T, typ reflect.Type) string {
	t.Helper()
	known := map[string]string{
		"string": "text", "jobs.Evidence": "text", "int": "number", "uint64": "number", "bool": "bool", "time.Time": "time", "[]uint8": "bytes", "json.RawMessage": "envelope",
		"suite.Digest": "digest", "suite.Commitment": "commitment", "suite.Salt": "salt", "suite.BoxKey": "box key", "suite.PublicKey": "key", "msg.Parts": "parts",
	}
	if w, ok := known[typ.String()]; ok {
		return w
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return word(t, typ.Elem())
	case reflect.Slice:
		return "list of " + word(t, typ.Elem())
	case reflect.Map:
		return "map of " + word(t, typ.Elem())
	case reflect.Struct:
		return "`" + typ.Name() + "`"
	default:
		t.Fatalf("no word for %s", typ)
		return ""
	}
}

// parse reads the sources of packages, without their tests.
func parse(t *testing.T, folders ...string) []*ast.File {
	t.Helper()
	var files []*ast.File
	for _, folder := range folders {
		names, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no sources in %s: %v", folder, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
	}
	return files
}

// kindsOf are the values of a declaration of kinds of receipts.
func kindsOf(x *ast.ValueSpec) []string {
	if typ := fmt.Sprint(x.Type); typ != "&{receipt Kind}" {
		return nil
	}
	var kinds []string
	for _, v := range x.Values {
		if lit, ok := v.(*ast.BasicLit); ok {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				kinds = append(kinds, s)
			}
		}
	}
	return kinds
}

// tagged: the structure has a field with a name in JSON, or is all head.
func tagged(st *ast.StructType) bool {
	return slices.ContainsFunc(st.Fields.List, func(f *ast.Field) bool {
		id, _ := f.Type.(*ast.Ident)
		return f.Tag != nil || len(f.Names) == 0 && id != nil && id.Name == "Of"
	})
}

// journalled are the kinds that a daemon's package declares for its journal:
// those of the type of kinds, and those that are written in as they are.
func journalled(t *testing.T, folder string) []string {
	t.Helper()
	consts, kinds := map[string]string{}, map[string]bool{}
	for _, f := range parse(t, folder) {
		ast.Inspect(f, func(n ast.Node) bool {
			x, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, v := range x.Values {
				if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					consts[x.Names[i].Name], _ = strconv.Unquote(lit.Value)
				}
			}
			for _, k := range kindsOf(x) {
				kinds[k] = true
			}
			return true
		})
	}
	for _, f := range parse(t, folder) {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			on, isField := (*ast.SelectorExpr)(nil), false
			if ok {
				on, isField = fun.X.(*ast.SelectorExpr)
			}
			if isField && (on.Sel.Name == "Journal" || on.Sel.Name == "journal") && (fun.Sel.Name == "Once" || fun.Sel.Name == "Append") {
				if id, ok := call.Args[0].(*ast.Ident); ok && consts[id.Name] != "" {
					kinds[consts[id.Name]] = true
				}
			}
			return true
		})
	}
	if len(kinds) == 0 {
		t.Errorf("%s journals nothing", folder)
	}
	return slices.Sorted(maps.Keys(kinds))
}

// declares: the package has such a function, type, or method of a type.
func declares(t *testing.T, folder, name string) bool {
	t.Helper()
	typ, method, isMethod := strings.Cut(name, ".")
	for _, f := range parse(t, folder) {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if recv := receiver(d); isMethod && recv == typ && d.Name.Name == method || !isMethod && recv == "" && d.Name.Name == name {
					return true
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok && !isMethod && ts.Name.Name == name {
						return true
					}
				}
			}
		}
	}
	return false
}

func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	return fmt.Sprint(typ)
}

// tested: some package of the house has such a test.
func tested(t *testing.T, name string) bool {
	t.Helper()
	for _, folder := range []string{".", "../../opening", "../../trustee", "../../site", "../../enclave", "../../enclave/he", "../../internal/schedules", "../../party/lease", "../../party/order"} {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if raw, err := os.ReadFile(file); err != nil || strings.Contains(string(raw), "func "+name+"(t ") {
				return err == nil
			}
		}
	}
	return false
}
