package governance_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

var bundle, entry = suite.DigestOf([]byte("bundle")), suite.DigestOf([]byte("entry"))

func withdrawal(w *governancetest.Town) governance.Withdrawal {
	return governance.Withdrawal{
		Run: "r-1", Permit: w.Terms().Digest(), Bundle: bundle, Entry: entry, Code: "objection", Text: "objection 9 upheld", At: governancetest.Now,
	}
}

// A release is taken back by whom its terms name, and as what it is.
func TestMayWithdraw(t *testing.T) {
	w := governancetest.NewTown(t)
	for name, c := range map[string]struct {
		by   string
		edit func(*governance.Withdrawal)
		want fault.Code
	}{
		"the bureau's officer":   {"bureau-officer", func(*governance.Withdrawal) {}, ""},
		"a member's provider":    {"hospital-officer", func(*governance.Withdrawal) {}, ""},
		"the operator":           {"op", func(*governance.Withdrawal) {}, "role"},
		"a checker of the terms": {"checker-a", func(*governance.Withdrawal) {}, "role"},
		"the coordinator":        {"yuneid", func(*governance.Withdrawal) {}, "unknown-key"},
		"another run":            {"bureau-officer", func(x *governance.Withdrawal) { x.Run = "r-2" }, "withdrawal"},
		"another permit":         {"bureau-officer", func(x *governance.Withdrawal) { x.Permit = entry }, "withdrawal"},
		"another bundle":         {"bureau-officer", func(x *governance.Withdrawal) { x.Bundle = entry }, "withdrawal"},
		"another entry":          {"bureau-officer", func(x *governance.Withdrawal) { x.Entry = bundle }, "withdrawal"},
		"signed long ago":        {"bureau-officer", func(x *governance.Withdrawal) { x.At = x.At.AddDate(0, -1, 0) }, "withdrawal"},
	} {
		x := withdrawal(w)
		c.edit(&x)
		r, err := x.Sign(w.Keys[c.by])
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.MayWithdraw(w.Terms(), "r-1", bundle, entry, r, governancetest.Now)
		wantCode(t, name, err, c.want)
	}
	for name, edit := range map[string]func(*governance.Withdrawal){
		"no run": func(x *governance.Withdrawal) { x.Run = "" }, "no code": func(x *governance.Withdrawal) { x.Code = "" },
		"no reason": func(x *governance.Withdrawal) { x.Text = "" }, "no entry": func(x *governance.Withdrawal) { x.Entry = "" },
		"no case's name": func(x *governance.Withdrawal) { x.Cause = "a case" },
	} {
		x := withdrawal(w)
		edit(&x)
		if _, err := x.Sign(w.Keys["bureau-officer"]); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s is signed: %v", name, err)
		}
	}
}

// Everybody who has a release, or what was made of it, is asked, and answers for
// themselves; the operator may for those that it gave it to.
func TestMayConfirm(t *testing.T) {
	w := governancetest.NewTown(t)
	terms := w.Terms()
	products := []governance.Product{{ID: "p-1", Runs: []string{"r-1"}, Recipients: []string{"audit"}}, {ID: "p-2", Runs: []string{"r-2"}, Recipients: []string{"rival"}}}
	asked := governance.Asked("r-1", terms, products)
	if !slices.Contains(asked, terms.Operator.Org) || !slices.Contains(asked, "audit") || slices.Contains(asked, "rival") || !slices.IsSorted(asked) {
		t.Fatalf("asked %v", asked)
	}
	of := suite.DigestOf([]byte("the withdrawal"))
	for name, c := range map[string]struct {
		by   string
		edit func(*governance.Confirmation)
		want fault.Code
	}{
		"its own":            {"auditor", func(*governance.Confirmation) {}, ""},
		"the operator":       {"op", func(*governance.Confirmation) {}, ""},
		"another":            {"hospital-officer", func(*governance.Confirmation) {}, "role"},
		"another operator":   {"rival", func(*governance.Confirmation) {}, "role"},
		"for who has it not": {"rival", func(c *governance.Confirmation) { c.For = "rival" }, "withdrawal"},
		"another withdrawal": {"auditor", func(c *governance.Confirmation) { c.Withdrawal = entry }, "withdrawal"},
	} {
		x := governance.Confirmation{Run: "r-1", Withdrawal: of, For: "audit", Done: "destroyed", At: governancetest.Now}
		c.edit(&x)
		r, err := x.Sign(w.Keys[c.by])
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.MayConfirm(terms, of, asked, r, governancetest.Now)
		wantCode(t, name, err, c.want)
	}
}

func TestMayMake(t *testing.T) {
	w := governancetest.NewTown(t)
	of := func(run string) (jobs.Terms, error) {
		if run != "r-1" {
			return jobs.Terms{}, fault.NotFound
		}
		return w.Terms(), nil
	}
	for name, c := range map[string]struct {
		by, run string
		want    fault.Code
	}{
		"its own run": {"op", "r-1", ""}, "another's run": {"rival", "r-1", "product"}, "no run": {"op", "r-9", "product"}, "the bureau": {"bureau-officer", "r-1", "role"},
	} {
		p := governance.Product{ID: "p-1", Title: "指数", Type: "statistics", Runs: []string{c.run}, Recipients: []string{"audit"}, At: governancetest.Now}
		r, err := p.Sign(w.Keys[c.by])
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.MayMake(r, of, governancetest.Now)
		wantCode(t, name, err, c.want)
	}
}

// What comes as a withdrawal is refused, or says what a withdrawal must.
func FuzzOpenWithdrawal(f *testing.F) {
	w := governancetest.NewTown(f)
	r, err := withdrawal(w).Sign(w.Keys["bureau-officer"])
	if err != nil {
		f.Fatal(err)
	}
	c, err := governance.Confirmation{Run: "r-1", Withdrawal: entry, For: "audit", Done: "sealed", At: governancetest.Now}.Sign(w.Keys["op"])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.Bytes())
	f.Add(c.Bytes())
	f.Add([]byte("{}"))
	terms := w.Terms()
	f.Fuzz(func(t *testing.T, raw []byte) {
		if x, r, err := governance.OpenWithdrawal(raw, "r-1", terms); err == nil && (x.Run != "r-1" || x.Text == "" || r.By() == w.Keys["op"].Public()) {
			t.Error("a withdrawal that says nothing is taken")
		}
		if r, err := receipt.Parse(raw); err == nil {
			if c, err := governance.ReadConfirmation(r); err == nil && c.For == "" {
				t.Error("a confirmation of nobody is taken")
			}
		}
	})
}
