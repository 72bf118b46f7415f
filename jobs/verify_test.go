package jobs_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
)

// anybody is a citizen number of nobody.
const anybody, another = "11010519491231002X", "110105200001010024"

func verification(tb testing.TB) jobs.Terms {
	tb.Helper()
	town := governancetest.NewTown(tb)
	terms := town.Terms()
	terms.Program, terms.Params, terms.Limits, terms.Mode, terms.Threshold = jobs.Program{}, nil, jobs.Limits{}, "", 0
	terms.Members, terms.KMin, terms.Shape = slices.Clone(terms.Members[:1]), 1, jobs.Shape{Namespace: jobs.NaturalPerson}
	terms.Members[0].Columns = []string{"district"}
	terms.Verify = &jobs.Verify{Kind: jobs.YesNo, Box: town.Desk.Public(), Batch: 50, Daily: 100, Most: 1000}
	return terms
}

// A verification is what its terms say: whatever would need a guest, a gate or a
// second member is refused, and every bound is there.
func TestVerifyTerms(t *testing.T) {
	good := verification(t)
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	if back, err := jobs.ParseTerms(good.Bytes()); err != nil || !bytes.Equal(back.Bytes(), good.Bytes()) {
		t.Errorf("the terms do not come back: %v", err)
	}
	number := good
	number.Members = slices.Clone(good.Members)
	number.Members[0].Columns = nil // whether a number is registered
	if err := number.Check(); err != nil {
		t.Error(err)
	}
	if good.HasProgram() || !governancetest.NewTown(t).Terms().HasProgram() {
		t.Error("HasProgram")
	}
	count := func(t *jobs.Terms) { t.Verify.Kind, t.Verify.MinCount = jobs.Count, 10 }
	for name, edit := range map[string]func(*jobs.Terms){
		"a program":           func(t *jobs.Terms) { t.Program.Name = "p" },
		"a join":              func(t *jobs.Terms) { t.Join = &jobs.Join{} },
		"parameters":          func(t *jobs.Terms) { t.Params = []byte{1} },
		"limits":              func(t *jobs.Terms) { t.Limits.Rows = 1 },
		"two engines":         func(t *jobs.Terms) { t.Engines = jobs.BothEngines },
		"a mode":              func(t *jobs.Terms) { t.Mode = jobs.SDC },
		"a threshold":         func(t *jobs.Terms) { t.Threshold = 10 },
		"a profile of a gate": func(t *jobs.Terms) { t.Profile = "house" },
		"no member":           func(t *jobs.Terms) { t.Members = nil },
		"rows":                func(t *jobs.Terms) { t.Shape.Namespace = jobs.Row },
		"a shape": func(t *jobs.Terms) {
			t.Shape.Dims = []jobs.Dim{{Name: "d", Codes: []string{"1"}, Labels: []string{"1"}}}
		},
		"a cell":               func(t *jobs.Terms) { t.Shape.L0 = 1 },
		"no box":               func(t *jobs.Terms) { t.Verify.Box = "" },
		"no batch":             func(t *jobs.Terms) { t.Verify.Batch = 0 },
		"a large batch":        func(t *jobs.Terms) { t.Verify.Batch, t.Verify.Daily = 201, 201 },
		"a day below a batch":  func(t *jobs.Terms) { t.Verify.Daily = 49 },
		"a day without bound":  func(t *jobs.Terms) { t.Verify.Daily = 10_001 },
		"no bound in all":      func(t *jobs.Terms) { t.Verify.Most = 0 },
		"far too many":         func(t *jobs.Terms) { t.Verify.Most = 1_000_001 },
		"no kind":              func(t *jobs.Terms) { t.Verify.Kind = "" },
		"a least of answers":   func(t *jobs.Terms) { t.Verify.MinCount = 10 },
		"a count of few":       func(t *jobs.Terms) { count(t); t.Verify.MinCount = 9 },
		"a count never told":   func(t *jobs.Terms) { count(t); t.Verify.MinCount = 51 },
		"nine columns":         func(t *jobs.Terms) { t.Members[0].Columns = strings.Split("abcdefghi", "") },
		"slots without an end": func(t *jobs.Terms) { t.Due = jobs.Slots{} },
	} {
		terms := verification(t)
		edit(&terms)
		if terms.Check() == nil {
			t.Errorf("%s is let through", name)
		}
	}
	many := good
	many.Uses = 1000 // no guest tells anything by its slot
	if err := many.Check(); err != nil {
		t.Error(err)
	}
}

// Claims take the room that their number says, whatever they claim, and come back
// as they were; anything else is refused without saying why, which could tell a
// number to a log.
func TestClaims(t *testing.T) {
	terms := verification(t)
	reply := terms.Verify.Box
	short := jobs.Claims{Reply: reply, Claims: []jobs.Claim{{ID: anybody, Codes: []string{""}}, {ID: anybody, Codes: []string{""}}}}
	long := jobs.Claims{Reply: reply, Claims: []jobs.Claim{{ID: anybody, Codes: []string{strings.Repeat("<", 64)}}, {ID: another, Codes: []string{strings.Repeat("\"", 64)}}}}
	a, err := short.Bytes(terms)
	if err != nil {
		t.Fatal(err)
	}
	b, err := long.Bytes(terms)
	if err != nil || len(a) != len(b) {
		t.Fatalf("%d and %d bytes, %v", len(a), len(b), err)
	}
	back, err := jobs.ParseClaims(b, terms, 2)
	if err != nil || back.Claims[1].Codes[0] != long.Claims[1].Codes[0] || back.Reply != reply {
		t.Errorf("%v", err)
	}
	if s := fmt.Sprintf("%v %+v %s", back.Claims[0], back.Claims, back.Claims[0]); strings.Contains(s, "1949") {
		t.Error("a claim prints its number")
	}
	for name, c := range map[string]struct {
		raw []byte
		n   int
	}{
		"one too many": {b, 3}, "none": {b, 0}, "below none": {b, -1}, "cut off": {b[:len(b)-1], 2}, "longer": {append(slices.Clone(b), ' '), 2},
		"an unknown field":      {bytes.Replace(b, []byte(`"reply"`), []byte(`"repli"`), 1), 2},
		"more after the end":    {append(slices.Clone(b[:len(b)-1]), 'x'), 2},
		"no number":             {bytes.Replace(b, []byte(anybody), []byte("110105194912310021"), 1), 2},
		"another spelling":      {bytes.Replace(b, []byte(anybody), []byte("11010519491231002x"), 1), 2},
		"an answer to nobody":   {bytes.Replace(b, []byte("x25519:"), []byte("x25518:"), 1), 2},
		"two columns for one":   {bytes.Replace(b, []byte(`"]}`), []byte(`",""]}`), 1)[:len(b)], 2},
		"a code without an end": {bytes.Replace(a, []byte(`"codes":[""]`+"}]"), []byte(`"codes":["`+strings.Repeat("x", 65)+`"]}]`), 1)[:len(a)], 2},
	} {
		if _, err := jobs.ParseClaims(c.raw, terms, c.n); fault.Show(err).Code != "verify-claims" || strings.Contains(err.Error(), "1949") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := jobs.ParseClaims(b, governancetest.NewTown(t).Terms(), 2); err == nil {
		t.Error("claims under terms of a sum are read")
	}
}

// An answer comes back as it was, and nothing else is one.
func TestAnswers(t *testing.T) {
	yes := jobs.Verify{Kind: jobs.YesNo, Batch: 50}
	count := jobs.Verify{Kind: jobs.Count, Batch: 50, MinCount: 10}
	for _, v := range []jobs.Verify{yes, count} {
		for held := range 13 {
			holds := make([]bool, 12)
			for i := range held {
				holds[i] = true
			}
			a := v.Answer(holds)
			back, err := jobs.ParseAnswers(a.Bytes(), v, 12)
			if err != nil || !bytes.Equal(back.Bytes(), a.Bytes()) || len(a.Bytes()) != len(v.Answer(make([]bool, 12)).Bytes()) {
				t.Errorf("%d of 12: %q, %v", held, a.Bytes(), err)
			}
			if v.Kind == jobs.Count && (back.Few != (held < 10) || !back.Few && back.Count != held) {
				t.Errorf("%d of 12 are told as %+v", held, back)
			}
		}
	}
	for _, bad := range []string{"", "yes-no 01", "yunei answer v1 yes-no 0", "yunei answer v1 yes-no 02", "yunei answer v1 yes-no 011", "yunei answer v1 count few", "yunei answer v1  01"} {
		if _, err := jobs.ParseAnswers([]byte(bad), yes, 2); err == nil {
			t.Errorf("%q is an answer", bad)
		}
	}
	for _, bad := range []string{"yunei answer v1 count 009", "yunei answer v1 count 13", "yunei answer v1 count 051", "yunei answer v1 count +12", "yunei answer v1 yes-no 0", "yunei answer v1 count"} {
		if _, err := jobs.ParseAnswers([]byte(bad), count, 50); err == nil {
			t.Errorf("%q is an answer", bad)
		}
	}
}

// A day ends at midnight in Beijing.
func TestDay(t *testing.T) {
	at := time.Date(2027, 2, 28, 15, 59, 59, 0, time.UTC)
	if a, b := jobs.Day(at), jobs.Day(at.Add(time.Second)); a != "2027-02-28" || b != "2027-03-01" {
		t.Errorf("%s and %s", a, b)
	}
}

// Whatever is sealed to a domain, it reads what it can spell itself, or refuses.
func FuzzParseClaims(f *testing.F) {
	terms := verification(f)
	for _, claims := range [][]jobs.Claim{{{ID: anybody, Codes: []string{"520102"}}}, {{ID: anybody, Codes: []string{""}}, {ID: another, Codes: []string{"\"<"}}}} {
		raw, err := jobs.Claims{Reply: terms.Verify.Box, Claims: claims}.Bytes(terms)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, len(claims))
	}
	f.Add([]byte(`{"reply":"x25519:","claims":[{}]}`), 1)
	f.Fuzz(func(t *testing.T, raw []byte, n int) {
		c, err := jobs.ParseClaims(raw, terms, n)
		if err != nil {
			return
		}
		again, err := c.Bytes(terms)
		if err != nil || len(c.Claims) != n {
			t.Fatalf("%d claims: %v", len(c.Claims), err)
		}
		if back, err := jobs.ParseClaims(again, terms, n); err != nil || len(back.Claims) != n {
			t.Fatal(err)
		}
	})
}
