package check

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/yunei/yunei/gate/sheet"
)

const examples = "../../../examples/gatecheck"

func open(t *testing.T, name string) *sheet.File {
	t.Helper()
	f, err := os.Open(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &sheet.File{Name: name, Body: f}
}

func spec(t *testing.T) sheet.Spec {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(examples, "spec.json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sheet.ParseSpec("spec.json", raw)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func city(t *testing.T, change func(*sheet.Input)) sheet.Case {
	t.Helper()
	in := sheet.Input{Table: *open(t, "table.csv"), Micro: open(t, "micro.csv"), Spec: spec(t)}
	if change != nil {
		change(&in)
	}
	c, err := sheet.Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func run(t *testing.T, c sheet.Case) Record {
	t.Helper()
	p, err := Parameters("house", c.Spec)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(c, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestX(t *testing.T) {
	c := city(t, nil)
	r := run(t, c)
	t.Log(r.Report(ZH))
	p, _ := Parameters("house", c.Spec)
	s, err := Safe(c.Table, c.Facts, p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + string(s.Table.CSV()))
	t.Log(s.Rows, s.Primary, s.Secondary, s.Bases, s.Notes)
	t.Log(run(t, s.Of(c)).Report(EN))
	c = city(t, func(in *sheet.Input) { in.Earlier = []sheet.File{*open(t, "earlier.csv")} })
	r = run(t, c)
	t.Log(r.Report(EN))
}
