package gate

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

func candidates(tb testing.TB) []jobs.Candidate {
	tb.Helper()
	var all []jobs.Candidate
	for _, mode := range []jobs.Mode{jobs.SDC, jobs.DP} {
		terms := termsOf(tb, mode, 2)
		c, _ := judged(tb, terms, sum(site(tb, terms, counts{20, 30, 0, 3}), site(tb, terms, counts{1, 0, 12})))
		run, err := c.ForRun("run-1")
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, c, run)
	}
	return all
}

// JSON and CSV each come back to the same candidate and the same bytes, and
// the same sum always makes the same bytes.
func TestCanonicalForms(t *testing.T) {
	for _, c := range candidates(t) {
		again, err := jobs.ParseCandidate(c.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), c.Bytes()) || !bytes.Equal(again.CSV(), c.CSV()) {
			t.Errorf("%s does not come back", c.Bytes())
		}
		blank := c
		blank.Cells = nil
		table, err := blank.ParseCSV(c.CSV())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(table.Bytes(), c.Bytes()) {
			t.Errorf("the table does not come back:\n%s", c.CSV())
		}
	}
	const want = `district,district.label,age,age.label,units,cost,change
440103,荔湾区,0-17,未成年,*,*,*
440103,荔湾区,18-59,成年,30,3000,-90
440103,荔湾区,60+,"老年, “60+”",10,1000,-40
440104,越秀区,0-17,未成年,*,*,*
440104,越秀区,18-59,成年,0,0,0
440104,越秀区,60+,"老年, “60+”",0,0,0
`
	if got := string(candidates(t)[0].CSV()); got != want {
		t.Errorf("the table is\n%s", got)
	}
}

func TestForRun(t *testing.T) {
	c := candidates(t)[1]
	if _, err := c.ForRun("run-2"); !errors.Is(err, fault.Conflict) {
		t.Errorf("a second run: %v", err)
	}
	if _, err := c.ForRun("Run 1"); !errors.Is(err, fault.Invalid) {
		t.Errorf("a bad name: %v", err)
	}
}

// Each edit of a good candidate is refused.
func TestParseCandidateIsStrict(t *testing.T) {
	all := candidates(t)
	sdc, dp := string(all[0].Bytes()), string(all[2].Bytes())
	for _, c := range []struct{ name, in, old, new string }{
		{"a space", sdc, `"cells":[`, `"cells": [`},
		{"a float", sdc, `[30,3000,-90]`, `[30,3000.0,-90]`},
		{"an exponent", sdc, `[30,3000,-90]`, `[30,3e3,-90]`},
		{"minus zero", sdc, `[0,0,0]`, `[0,-0,0]`},
		{"not rounded", sdc, `[30,3000,-90]`, `[31,3000,-90]`},
		{"a value missing", sdc, `[30,3000,-90]`, `[30,3000]`},
		{"a null value", sdc, `[30,3000,-90]`, `[30,null,-90]`},
		{"null for hidden", sdc, `"*"`, `null`},
		{"another symbol", sdc, `"*"`, `"**"`},
		{"partly hidden", sdc, `[30,3000,-90]`, `[30,"*",-90]`},
		{"a cell missing", sdc, `"cells":["*",`, `"cells":[`},
		{"fewer than no units", sdc, `[30,3000,-90]`, `[-30,3000,-90]`},
		{"another field", sdc, `{"format"`, `{"x":1,"format"`},
		{"a field twice", sdc, `"mode":"sdc"`, `"mode":"sdc","mode":"sdc"`},
		{"a field in capitals", sdc, `"mode"`, `"MODE"`},
		{"more after the end", sdc, `]}`, `]}{}`},
		{"no mode", sdc, `"mode":"sdc"`, `"mode":""`},
		{"the other mode", sdc, `"mode":"sdc"`, `"mode":"dp"`},
		{"another format", sdc, jobs.CandidateFormat, "v2"},
		{"terms", sdc, `"terms":"sha256:`, `"terms":"sha512:`},
		{"a control character", sdc, `荔湾区`, `荔\u0007区`},
		{"hidden in dp", dp, `[30,3000,-90]`, `"*"`},
		{"a smaller spread", dp, `"sd":"14.143"`, `"sd":"14.142"`},
		{"a smaller half-width", dp, `"half_width_95":28`, `"half_width_95":27`},
		{"rho with an exponent", dp, `"rho":"`, `"rho":"1e999999999`},
		{"delta", dp, `"delta":"1e-6"`, `"delta":"0.1"`},
		{"epsilon", dp, `"epsilon":"`, `"epsilon":"x`},
	} {
		in := strings.Replace(c.in, c.old, c.new, 1)
		if in == c.in {
			t.Errorf("%s: nothing to edit in %s", c.name, c.in)
		}
		if _, err := jobs.ParseCandidate([]byte(in)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	form := all[0]
	table := string(form.CSV())
	for _, edit := range [][2]string{{"30,3000", "30,3000.0"}, {"30,3000", "030,3000"}, {"*,*,*", "*,*,0"}, {"荔湾区", "越秀区"}, {"units", "people"}, {"\n", "\r\n"}, {"*,*,*\n", ""}} {
		if _, err := form.ParseCSV([]byte(strings.Replace(table, edit[0], edit[1], 1))); !errors.Is(err, fault.Invalid) {
			t.Errorf("table with %q for %q: %v", edit[1], edit[0], err)
		}
	}
}

// Whatever ParseCandidate takes is in its one spelling, and its table too.
func FuzzParseCandidate(f *testing.F) {
	for _, c := range candidates(f) {
		f.Add(c.Bytes())
	}
	f.Add([]byte(`{"cells":["*",[1],null]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := jobs.ParseCandidate(raw)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Fatalf("%v is of another kind", err)
			}
			return
		}
		if !bytes.Equal(c.Bytes(), raw) {
			t.Fatal("two spellings")
		}
		table, err := c.ParseCSV(c.CSV())
		if err != nil || !bytes.Equal(table.Bytes(), raw) {
			t.Fatalf("the table does not come back: %v", err)
		}
	})
}

func FuzzParseCSV(f *testing.F) {
	form := candidates(f)[0]
	f.Add(form.CSV())
	f.Add([]byte("a,b\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := form.ParseCSV(raw)
		if err == nil && !bytes.Equal(c.CSV(), raw) || err != nil && !errors.Is(err, fault.Invalid) {
			t.Fatalf("%v", err)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	for _, mode := range []jobs.Mode{jobs.SDC, jobs.DP} {
		terms := termsOf(f, mode, 2)
		_, r := judged(f, terms, make([]int64, terms.Slots()))
		f.Add(r.Bytes())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseRecord(raw)
		if err == nil && !bytes.Equal(r.Bytes(), raw) || err != nil && !errors.Is(err, fault.Invalid) {
			t.Fatalf("%v", err)
		}
	})
}
