package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/twin"
)

// Two datasets that differ in one person's extreme amount and rare code have,
// to the byte, one catalogue entry and one twin.
func TestTwinKnowsPublicFactsOnly(t *testing.T) {
	s := columns.Schema{
		Columns: []columns.Column{
			{Name: "id_number", Type: columns.PersonID, Role: columns.DirectIdentifier},
			{Name: "diagnosis", Type: columns.Code, Role: columns.QuasiIdentifier, Codes: []string{"A", "B", "rare"}},
			{Name: "cost_fen", Type: columns.Int64, Role: columns.Measure},
		},
		Unit: columns.UnitBy{Namespace: jobs.NaturalPerson, Column: "id_number"}, Derived: []string{columns.BirthMonth, columns.Sex},
	}
	var entries, twins [][]byte
	for _, last := range []string{"A,100", "rare,9223372036854775807"} {
		csv := "id_number,diagnosis,cost_fen\n"
		for i := range 50 {
			csv += fmt.Sprintf("%s,B,%d\n", number(t, i), 1000+i)
		}
		csv += number(t, 99) + "," + last + "\n"
		m, err := columns.Ingest(t.Context(), strings.NewReader(csv), s, make([]byte, 32), io.Discard, columns.Options{})
		if err != nil {
			t.Fatal(err)
		}
		e := datasetFlags{name: "settlement-a", version: "2025", title: "结算"}.catalogueEntry(domain.Config{Domain: "a"}, s, m)
		e.Versions[0].At = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // the clock's, not the data's
		entries = append(entries, indent(e))
		read, err := twin.Schema(e, jobs.NaturalPerson)
		if err != nil {
			t.Fatal(err)
		}
		tw, err := twin.New(read, twin.Options{Seed: 1, Dataset: e.ID, Rows: e.Versions[0].Rows})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := tw.CSV(&b); err != nil {
			t.Fatal(err)
		}
		twins = append(twins, append(b.Bytes(), tw.Mark()...))
	}
	if !bytes.Equal(entries[0], entries[1]) || !bytes.Equal(twins[0], twins[1]) {
		t.Errorf("one person changed the entry or the twin:\n%s\n%s", entries[0], entries[1])
	}
	if !bytes.Contains(entries[0], []byte(`"rows": 51`)) || !bytes.Contains(twins[0], []byte("rare")) {
		t.Error("the public facts are not in it either")
	}
}

func number(t *testing.T, i int) string {
	t.Helper()
	digits := fmt.Sprintf("520102198001%02d%03d", 1+i%28, 1+i)
	check, err := ident.PersonCheck(digits)
	if err != nil {
		t.Fatal(err)
	}
	return digits + string(check)
}

// What a program in Go takes along of package abi is package abi.
func TestTemplatesAreABI(t *testing.T) {
	for _, name := range []string{"abi.go", "area.go", "parse.go"} {
		want, err := os.ReadFile(filepath.Join("..", "..", "jobs", "abi", name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := source("go/abi/" + name + ".txt"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("cmd/yunei/templates/go/abi/%s.txt is not jobs/abi/%s: copy it", name, name)
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "jobs", "abi", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := filepath.Base(f); !strings.HasSuffix(name, "_test.go") {
			if _, err := source("go/abi/" + name + ".txt"); err != nil {
				t.Errorf("%s is not among the templates", name)
			}
		}
	}
}

// A scaffold of every language whose compiler is here builds and is admitted
// under the limits of its own spec. Go always is.
func TestScaffoldsBuild(t *testing.T) {
	built := 0
	for _, l := range scaffolds {
		dir := filepath.Join(t.TempDir(), "my-program")
		if err := scaffold(io.Discard, l, "my-program", dir); err != nil {
			t.Fatalf("%s: %v", l.id, err)
		}
		spec, err := readSpec(filepath.Join(dir, "spec.json"))
		if err != nil {
			t.Fatalf("%s: %v", l.id, err)
		}
		if !tools(t.Context(), l, dir) {
			t.Logf("%s: its compiler is not here", l.id)
			continue
		}
		built++
		if err := build(t.Context(), io.Discard, dir); err != nil {
			t.Errorf("%s: %v", l.id, err)
			continue
		}
		module, err := readModule(filepath.Join(dir, "my-program.wasm"))
		if err != nil {
			t.Fatal(err)
		}
		if v := checkModule(module, spec.Limits); !v.Admitted {
			t.Errorf("%s: not admitted: %s %v", l.id, v.Reason, v.Findings)
		}
		if err := scaffold(io.Discard, l, "my-program", dir); !errors.Is(err, fault.Conflict) {
			t.Errorf("%s: scaffolded over what was there: %v", l.id, err)
		}
	}
	if built == 0 {
		t.Error("nothing was built")
	}
	for _, name := range []string{"", "../up", "Upper", "a b"} {
		if err := scaffold(io.Discard, scaffolds[0], name, filepath.Join(t.TempDir(), "x")); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func tools(ctx context.Context, l language, dir string) bool {
	for _, s := range l.build(ctx, dir, "x") {
		if _, err := exec.LookPath(s.tool); err != nil || s.ready != nil && s.ready() != nil {
			return false
		}
	}
	return true
}

// What is missing is named, with the way to get it.
func TestBuildSaysWhatIsMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	if err := build(t.Context(), io.Discard, dir); !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "main.rs") {
		t.Errorf("no source: %v", err)
	}
	if err := scaffold(io.Discard, scaffolds[0], "p", dir); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := build(t.Context(), io.Discard, dir); err == nil || !strings.Contains(err.Error(), "apt install clang") {
		t.Errorf("no compiler: %v", err)
	}
}

// A refused module is explained by where it is wrong.
func TestFindings(t *testing.T) {
	good := probe(imported{module: "yunei", name: "emit"}, []byte{0x60, 2, 0x7f, 0x7f, 0})
	if v := checkModule(good, mostLimits); !v.Admitted || len(v.Findings) > 0 {
		t.Fatalf("the smallest module: %s %v", v.Reason, v.Findings)
	}
	small := mostLimits
	small.Memory = 1
	for name, c := range map[string]struct {
		module []byte
		limits jobs.Limits
		want   []string
	}{
		"a forbidden import":    {probe(imported{module: "env", name: "system"}, []byte{0x60, 1, 0x7f, 1, 0x7f}), mostLimits, []string{"import 0, offset 0x", `"env"."system"`}},
		"emit, of another type": {probe(imported{module: "yunei", name: "emit"}, []byte{0x60, 0, 0}), mostLimits, []string{`"yunei"."emit"`}},
		"an operator in code":   {bytes.Replace(good, []byte{2, 0, 0x0b}, []byte{2, 0, 0xfd}, 1), mostLimits, []string{"function #2", "offset 0x"}},
		"a missing export":      {bytes.Replace(good, []byte("yunei_map"), []byte("yunei_mop"), 1), mostLimits, []string{"yunei_map is not exported"}},
		"more memory":           {bytes.Replace(good, []byte{5, 3, 1, 0, 1}, []byte{5, 3, 1, 0, 9}, 1), small, []string{"asks for 9 pages", "raise limits.memory to 9"}},
		"half a module":         {good[:len(good)-3], mostLimits, []string{"not a whole binary module"}},
		"no module":             {[]byte("#!/bin/sh"), mostLimits, []string{"not a whole binary module"}},
	} {
		v := checkModule(c.module, c.limits)
		var said bytes.Buffer
		v.print(&said, name, true)
		if v.Admitted {
			t.Errorf("%s was admitted", name)
		}
		for _, w := range c.want {
			if !strings.Contains(said.String(), w) {
				t.Errorf("%s: %q is not said:\n%s", name, w, said.String())
			}
		}
	}
}

func FuzzDissect(f *testing.F) {
	f.Add(probe(imported{module: "yunei", name: "emit"}, []byte{0x60, 2, 0x7f, 0x7f, 0}))
	prebuilt, err := filepath.Glob(filepath.Join("..", "..", "examples", "programs", "prebuilt", "*.wasm"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range prebuilt {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, module []byte) {
		a := dissect(module)
		for _, b := range a.bodies {
			if b.at < 0 || b.size < 0 || b.at+b.size > len(module) {
				if a.cut == nil {
					t.Fatalf("code at %d, %d bytes, of a module of %d", b.at, b.size, len(module))
				}
			}
		}
		v := checkModule(module, mostLimits)
		v.print(io.Discard, "module", true)
	})
}

func TestSpecErrors(t *testing.T) {
	dir := t.TempDir()
	if err := scaffold(io.Discard, scaffolds[0], "p", dir); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, "spec.json"))
	if err != nil {
		t.Fatal(err)
	}
	schemas := map[string]string{"": filepath.Join(dir, "schema.json")}
	try := func(from, to string) error {
		file := filepath.Join(dir, "bad.json")
		if err := os.WriteFile(file, bytes.Replace(good, []byte(from), []byte(to), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := readSpec(file)
		if err != nil {
			return err
		}
		_, err = rehearse(s, []byte("a module"), schemas, func() ([]governance.Entry, error) { return nil, errors.New("no catalogue") })
		return err
	}
	if err := try("x-not-there", ""); err != nil {
		t.Fatalf("the scaffold's own spec: %v", err)
	}
	for _, c := range []struct{ from, to, want string }{
		{`"k_min"`, `"kmin"`, "bad.json 第 10 行 line 10: 没有名为 \"kmin\""},
		{`"k_min": 1`, `"k_min": "one"`, "k_min"},
		{`"mode": "dp",`, `"mode": "dp"`, "not JSON"},
		{`"settlement-a", "version": "2025"`, `"settlement-a"`, "members"},
		{`"cost_fen"],`, `"costs"],`, `no column "costs"；可用的列 there are: settle_date, district, cost_fen, birth_month, sex`},
		{`"cost_fen"],`, `"id_number"],`, "direct identifier"},
		{`"natural-person"`, `"row"`, "its unit is not the spec's"},
		{`"mode": "dp"`, `"mode": "none"`, "mode: want sdc, dp or sdc+dp"},
		{`"l0": 2`, `"l0": 99`, "l0 is 99"},
		{`"sigma2": 100`, `"sigma2": 0`, "no noise"},
		{`"fuel": 20000000`, `"fuel": 0`, "limits: fuel is 0"},
	} {
		if err := try(c.from, c.to); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.to, err, c.want)
		}
	}
	s, err := readSpec(filepath.Join(dir, "spec.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rehearse(s, nil, nil, func() ([]governance.Entry, error) { return nil, errors.New("no catalogue") }); err == nil || !strings.Contains(err.Error(), "--schema settlement-a=schema.json") {
		t.Errorf("without a schema: %v", err)
	}
	if _, err := rehearse(s, nil, nil, func() ([]governance.Entry, error) { return nil, nil }); !errors.Is(err, fault.Denied) {
		t.Errorf("of a dataset that is not in the catalogue: %v", err)
	}
}

// Chinese and Latin stand in straight columns.
func TestAligned(t *testing.T) {
	a := &aligned{right: map[int]bool{1: true}}
	a.add("区县", "人数", "x")
	a.add("a", "7", "高新区")
	a.add("南明（城）", "1,234", "")
	var b bytes.Buffer
	a.print(&b)
	const want = "区县         人数  x\na               7  高新区\n南明（城）  1,234\n"
	if b.String() != want {
		t.Errorf("\n%s, want\n%s", b.String(), want)
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
	if bar(1, 1_000_000) == bar(0, 1) || bar(5, 5) != strings.Repeat("█", 30) || bar(9, 0) != strings.Repeat("░", 30) {
		t.Error("a bar is wrong")
	}
}

// A guest's log cannot speak to the terminal.
func TestLogsAreQuoted(t *testing.T) {
	got := indented("plain 文字\n\x1b[2Jgone\n", "| ", 5)
	if got != "| plain 文字\n| \"\\x1b[2Jgone\"\n" {
		t.Errorf("%q", got)
	}
}

// What two members' twins come to is added, and judged as a gate would.
func TestConclude(t *testing.T) {
	dir := t.TempDir()
	if err := scaffold(io.Discard, scaffolds[0], "p", filepath.Join(dir, "p")); err != nil {
		t.Fatal(err)
	}
	s, err := readSpec(filepath.Join(dir, "p", "spec.json"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := rehearse(s, []byte("a module"), map[string]string{"": filepath.Join(dir, "p", "schema.json")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := &Rehearsal{Mode: r.terms.Mode, terms: r.terms, fuel: []uint64{9, 1, 5}}
	opened := make([]int64, r.terms.Slots())
	opened[0], opened[6], opened[12] = 100, 0, -3
	if err := out.conclude(opened); err != nil {
		t.Fatal(err)
	}
	if out.Fuel.P50 != 5 || out.Fuel.Max != 9 || out.Spends.Runs[0] != 66 || out.Spends.Rho != "3/100" {
		t.Errorf("fuel %+v, spends %+v", out.Fuel, out.Spends)
	}
	if e := out.Spends.Error; *e[0] != 0.1 || e[6] != nil || *e[12] < 1e7 {
		t.Errorf("errors %v %v %v", *e[0], e[6], *e[12])
	}
	var b bytes.Buffer
	out.print(&b, 2)
	for _, want := range []string{"可能 likely", "±10.0 %", "另有 4 个", "spends"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not said:\n%s", want, b.String())
		}
	}
}
