package gate

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/jobs"
)

// witness is a domain: what it seals, and what it went by.
func witness(tb testing.TB, terms jobs.Terms, units counts, f Found) (sealed []int64, testimony []byte) {
	tb.Helper()
	cube, table := came(tb, terms, units)
	sealed, err := Protect(terms, cube, table, f, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return sealed, Testify(table, f)
}

// A trial is a run that was judged, and what the domains went by.
type trial struct {
	terms             jobs.Terms
	candidate, record []byte
	testimonies       [][]byte
}

func tried(t *testing.T, terms jobs.Terms, found Found, units ...counts) trial {
	t.Helper()
	x := trial{terms: terms}
	var parts [][]int64
	for i, u := range units {
		f := Found{}
		if i == 0 {
			f = found
		}
		sealed, testimony := witness(t, x.terms, u, f)
		parts, x.testimonies = append(parts, sealed), append(x.testimonies, testimony)
	}
	c, r := judged(t, x.terms, sum(parts...))
	c, err := c.ForRun("r-1")
	if err != nil {
		t.Fatal(err)
	}
	x.candidate, x.record = c.Bytes(), r.Bytes()
	return x
}

func (x trial) again(t *testing.T) Recheck {
	t.Helper()
	r, err := Again(x.terms, "r-1", x.candidate, x.record, x.testimonies)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	ordinary = counts{40, 30, 20, 25, 60, 50}
	thin     = counts{40, 4, 20, 25, 60, 50} // four units in one cell
)

// From what the domains went by comes the same candidate and the same record,
// whatever numbers their flags were blinded with.
func TestAgain(t *testing.T) {
	for _, c := range []struct {
		name    string
		found   Found
		units   []counts
		flagged []int
	}{
		{"nothing to hide", Found{}, []counts{ordinary, ordinary}, []int{0, 0}},
		{"a thin cell in one domain", Found{}, []counts{thin, ordinary}, []int{1, 0}},
		{"a thin cell in both", Found{}, []counts{thin, thin}, []int{1, 1}},
		{"a register that hides", Found{Hide: []int32{1, 4}}, []counts{ordinary, ordinary}, []int{1, 0}},
		{"a register that refuses", Found{Refuse: true}, []counts{ordinary, ordinary}, []int{0, 0}},
		{"a register that cannot tell", Found{Review: true}, []counts{ordinary, ordinary}, []int{0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := tried(t, termsOf(t, jobs.SDC, 2), c.found, c.units...).again(t)
			if !r.Holds() || !r.Whole || r.Candidate != Agrees || r.Record != Agrees || len(r.Checks) != len(rules) {
				t.Errorf("it does not hold: %+v", r)
			}
			for i, p := range r.Parts {
				if (p.Flagged > 0) != (c.flagged[i] > 0) || len(p.Shown) > 0 {
					t.Errorf("domain %d: %+v", i, p)
				}
			}
			if p := r.Parts[0]; p.Refused != c.found.Refuse || p.Doubted != c.found.Review {
				t.Errorf("the register's word was lost: %+v", p)
			}
			for _, check := range r.Checks {
				if want := words[check.ID] || check.Recorded == NotPerformed; want != (check.Comes == Underived) {
					t.Errorf("%s (%s): %s", check.ID, check.Recorded, check.Comes)
				}
			}
		})
	}
}

// A gate that lied is found out: one that shows a cell which a domain flagged,
// even with that domain's evidence alone; one that hides or shows otherwise;
// one that says another verdict.
func TestAgainFindsOut(t *testing.T) {
	terms := termsOf(t, jobs.SDC, 2)
	honest, bent := tried(t, terms, Found{}, thin, ordinary), tried(t, terms, Found{}, ordinary, ordinary)
	lax := honest
	lax.candidate, lax.record = bent.candidate, bent.record
	if r := lax.again(t); r.Holds() || !slices.Equal(r.Parts[0].Shown, []int{1}) || !slices.Contains(r.Items, 1) || r.Candidate != Differs || r.Record != Differs {
		t.Errorf("a flagged cell is shown: %+v", r)
	}
	alone := lax
	alone.testimonies = lax.testimonies[:1]
	if r := alone.again(t); r.Holds() || r.Whole || !slices.Equal(r.Parts[0].Shown, []int{1}) || r.Candidate != Underived {
		t.Errorf("a flagged cell is shown, by one domain's evidence: %+v", r)
	}
	strict := bent
	strict.candidate, strict.record = honest.candidate, honest.record
	if r := strict.again(t); r.Holds() || !slices.Contains(r.Items, 1) || len(r.Parts[0].Shown) > 0 {
		t.Errorf("a safe cell is hidden: %+v", r)
	}
	blocked := tried(t, terms, Found{Refuse: true}, ordinary, ordinary)
	blocked.candidate, blocked.record = bent.candidate, bent.record
	r := blocked.again(t)
	i := slices.IndexFunc(r.Checks, func(c Remade) bool { return c.ID == "C25" })
	if r.Holds() || r.Checks[i].Comes != Differs {
		t.Errorf("a register's refusal was passed over: %+v", r)
	}
	moved := honest
	moved.testimonies = slices.Clone(honest.testimonies)
	_, moved.testimonies[1] = witness(t, honest.terms, counts{41, 30, 20, 25, 67, 50}, Found{})
	if r := moved.again(t); r.Holds() || r.Candidate != Differs {
		t.Errorf("other evidence: %+v", r)
	}
	missing := honest
	missing.testimonies = honest.testimonies[:1]
	r = missing.again(t)
	if !r.Holds() || r.Whole || slices.ContainsFunc(r.Checks, func(c Remade) bool { return c.Comes != Underived }) {
		t.Errorf("an honest gate, half of the evidence: %+v", r)
	}
}

func TestAgainRefuses(t *testing.T) {
	x := tried(t, termsOf(t, jobs.SDC, 2), Found{}, ordinary, ordinary)
	for name, bend := range map[string]func(*trial){
		"no candidate":           func(x *trial) { x.candidate = nil },
		"no record":              func(x *trial) { x.record = nil },
		"other terms":            func(x *trial) { x.terms.Uses++ },
		"a testimony too many":   func(x *trial) { x.testimonies = append(slices.Clone(x.testimonies), x.testimonies[0]) },
		"no testimony":           func(x *trial) { x.testimonies = [][]byte{nil} },
		"a table of other cells": func(x *trial) { x.testimonies = [][]byte{testimonyOf(t, 1, 2)} },
		"other measures":         func(x *trial) { x.testimonies = [][]byte{testimonyOf(t, x.terms.Shape.Cells(), 1)} },
	} {
		bent := x
		bend(&bent)
		if _, err := Again(bent.terms, "r-1", bent.candidate, bent.record, bent.testimonies); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	noisy := x
	noisy.terms.Mode = jobs.DP
	if _, err := Again(noisy.terms, "r-1", x.candidate, x.record, x.testimonies); !errors.Is(err, fault.Denied) {
		t.Errorf("a mode with noise: %v", err)
	}
}

func testimonyOf(tb testing.TB, cells, measures int) []byte {
	tb.Helper()
	lists := make([][]int32, cells)
	for i := range lists {
		lists[i] = []int32{int32(i)}
	}
	table, err := evidence.New(lists, cells, measures)
	if err != nil {
		tb.Fatal(err)
	}
	return Testify(table, Found{})
}

// A testimony has one spelling.
func FuzzParseTestimony(f *testing.F) {
	f.Add(testimonyOf(f, 3, 1))
	f.Add([]byte(testimonyFormat + "\x04"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		table, found, err := ParseTestimony(raw)
		if err == nil && !bytes.Equal(Testify(table, found), raw) {
			t.Errorf("another spelling of a testimony was read: %q", raw)
		}
	})
}
