package jobs

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// decide signs a decision on the terms with anybody's key, as anybody's.
func (c cast) decide(tb testing.TB, who string, kind receipt.Kind, org string, terms suite.Digest) receipt.Receipt {
	tb.Helper()
	r, err := receipt.Sign(c[who], kind, receipt.About("terms/p-1", terms), Decision{Terms: terms, Org: org, At: noon})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// decisions are all that the terms need, in the order in which they fall due.
func (c cast) decisions(tb testing.TB, terms Terms) []receipt.Receipt {
	tb.Helper()
	d := terms.Digest()
	return []receipt.Receipt{
		c.decide(tb, "op", Apply, "op", d), c.decide(tb, "op", Agree, "op", d), c.decide(tb, "bureau", Agree, "bureau", d),
		c.decide(tb, "hospital", Grant, "hospital", d), c.decide(tb, "transit", Grant, "transit", d),
	}
}

func bundle(tb testing.TB, terms []byte, decisions []receipt.Receipt) []byte {
	tb.Helper()
	// By hand: json.Marshal would respell the terms.
	var envelopes []string
	for _, d := range decisions {
		envelopes = append(envelopes, string(d.Bytes()))
	}
	return []byte(`{"terms":` + string(terms) + `,"decisions":[` + strings.Join(envelopes, ",") + `]}`)
}

func (c cast) permit(tb testing.TB, terms Terms) Permit {
	tb.Helper()
	p, err := OpenPermit(bundle(tb, terms.Bytes(), c.decisions(tb, terms)), c.pins())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestPermit(t *testing.T) {
	c := newCast(t)
	terms := c.terms()
	p := c.permit(t, terms)
	if p.Digest() != terms.Digest() || p.Terms().Digest() != terms.Digest() {
		t.Error("the permit is on other terms")
	}
	if again, err := OpenPermit(p.Bytes(), c.pins()); err != nil || again.Digest() != p.Digest() {
		t.Errorf("the permit came back as %s, %v", again.Digest(), err)
	}
	order := c.decisions(t, terms)
	slices.Reverse(order)
	more := slices.Concat(order, []receipt.Receipt{c.decide(t, "stranger", Grant, "stranger", terms.Digest()), order[0]})
	if _, err := OpenPermit(bundle(t, terms.Bytes(), more), c.pins()); err != nil {
		t.Errorf("decisions in another order, one of a stranger's: %v", err)
	}
}

// Nobody's decision can be left out, and nobody else's stands for it: least of
// all one by a key of the platform's own processes.
func TestEveryDecisionIsNeeded(t *testing.T) {
	c := newCast(t)
	terms := c.terms()
	all := c.decisions(t, terms)
	for i, d := range all {
		rest := slices.Delete(slices.Clone(all), i, i+1)
		_, err := OpenPermit(bundle(t, terms.Bytes(), rest), c.pins())
		if !errors.Is(err, fault.Denied) {
			t.Errorf("without decision %d, %s: %v", i, d.Kind(), err)
		}
		var body Decision
		if err := d.Read(d.Kind(), &body); err != nil {
			t.Fatal(err)
		}
		for who, key := range c {
			if key.Public() == d.By() {
				continue
			}
			forged := append(slices.Clone(rest), c.decide(t, who, d.Kind(), body.Org, terms.Digest()))
			if _, err := OpenPermit(bundle(t, terms.Bytes(), forged), c.pins()); !errors.Is(err, fault.Denied) {
				t.Errorf("%s decides for %s (%s): %v", who, body.Org, d.Kind(), err)
			}
		}
		for _, kind := range []receipt.Kind{Apply, Grant, Agree, Start, "vote"} {
			if slices.ContainsFunc(all, func(r receipt.Receipt) bool { return r.Kind() == kind && r.By() == d.By() }) {
				continue
			}
			other := append(slices.Clone(rest), c.decide(t, body.Org, kind, body.Org, terms.Digest()))
			if _, err := OpenPermit(bundle(t, terms.Bytes(), other), c.pins()); !errors.Is(err, fault.Denied) {
				t.Errorf("a %s of %s stands for a %s: %v", kind, body.Org, d.Kind(), err)
			}
		}
	}
}

// With its complete disk and keys the platform can change no word of what was
// decided: every field of the terms is under the signatures.
func TestAlteredTerms(t *testing.T) {
	c := newCast(t)
	terms := c.terms()
	signed := c.decisions(t, terms)
	for name, edit := range map[string]func(*Terms){
		"id":              func(t *Terms) { t.ID = "p-2" },
		"purpose":         func(t *Terms) { t.Purpose = "marketing" },
		"program":         func(t *Terms) { t.Program.Digest = suite.DigestOf([]byte("other")) },
		"review":          func(t *Terms) { t.Program.Review.Reviewer = "nobody" },
		"params":          func(t *Terms) { t.Params = []byte{2} },
		"a member less":   func(t *Terms) { t.Members, t.KMin = t.Members[:1], 1 },
		"version":         func(t *Terms) { t.Members[0].Version = "v2" },
		"columns":         func(t *Terms) { t.Members[0].Columns = []string{"district", "diagnosis"} },
		"site key":        func(t *Terms) { t.Members[0].Site.Key = c["stranger"].Public() },
		"budget":          func(t *Terms) { t.Members[0].Budget.Rho = "100" },
		"k_min":           func(t *Terms) { t.KMin = 1 },
		"cells":           func(t *Terms) { t.Shape.Dims[0] = dim("district", 4) },
		"bounds":          func(t *Terms) { t.Shape.Measures[0].Hi = 31 },
		"l0":              func(t *Terms) { t.Shape.L0 = 2 },
		"mode":            func(t *Terms) { t.Mode = DP },
		"threshold":       func(t *Terms) { t.Threshold = 3 },
		"limits":          func(t *Terms) { t.Limits.Fuel = 2 },
		"batches":         func(t *Terms) { t.Shape.Grouping = Grouping{Batch: 2, Batches: 2} },
		"engines":         func(t *Terms) { t.Engines = BothEngines },
		"slots":           func(t *Terms) { t.Due.Count = 64 },
		"trustees":        func(t *Terms) { t.Trustees.Members[0].Key = c["stranger"].Public() },
		"quorum":          func(t *Terms) { t.Trustees.Quorum = 3 },
		"gate key":        func(t *Terms) { t.Gate.Key = c["stranger"].Public() },
		"evidence":        func(t *Terms) { t.Gate.Evidence, t.Gate.Policy = TPM, tpmPolicy() },
		"desk":            func(t *Terms) { t.Desk = "x25519:CgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
		"uses":            func(t *Terms) { t.Uses = 3 },
		"checkers":        func(t *Terms) { t.Checkers[0].Key = c["stranger"].Public() },
		"recipients":      func(t *Terms) { t.Recipients = append(t.Recipients, "rival") },
		"not after":       func(t *Terms) { t.NotAfter = t.NotAfter.Add(time.Nanosecond) },
		"provider's name": func(t *Terms) { t.Members[0].Provider.Org = "clinic" },
	} {
		altered := c.terms()
		edit(&altered)
		if err := altered.Check(); err != nil {
			t.Fatalf("%s: %v", name, err) // it must fail for the signatures alone
		}
		if _, err := OpenPermit(bundle(t, altered.Bytes(), signed), c.pins()); !errors.Is(err, fault.Tampered) {
			t.Errorf("%s altered: %v", name, err)
		}
		// What the platform itself can sign does not help.
		for _, d := range []receipt.Receipt{c.decide(t, "yuneid", Grant, "hospital", altered.Digest()), c.decide(t, "gate", Agree, "bureau", altered.Digest())} {
			if _, err := OpenPermit(bundle(t, altered.Bytes(), []receipt.Receipt{d}), c.pins()); !errors.Is(err, fault.Denied) && (name != "provider's name" || !errors.Is(err, fault.Tampered)) {
				t.Errorf("%s altered and signed by the platform: %v", name, err)
			}
		}
	}
}

func TestPermitRefusals(t *testing.T) {
	c := newCast(t)
	terms := c.terms()
	all := c.decisions(t, terms)
	other := c.terms()
	other.Uses = 1
	open := func(raw []byte, pins Pins) error {
		_, err := OpenPermit(raw, pins)
		return err
	}
	good := string(bundle(t, terms.Bytes(), all))
	foreign := c.pins()
	foreign["hospital"] = c["stranger"].Public()
	var spaced []byte
	spaced = append(append(spaced, ' '), terms.Bytes()...)
	indented, err := json.MarshalIndent(terms, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name string
		err  error
		kind fault.Kind
	}{
		{"nothing", open(nil, c.pins()), fault.Invalid},
		{"no terms", open([]byte(`{}`), c.pins()), fault.Invalid},
		{"a decision replayed from other terms", open(bundle(t, terms.Bytes(), c.decisions(t, other)), c.pins()), fault.Tampered},
		{"one decision on other terms among all", open(bundle(t, terms.Bytes(), append(all, c.decide(t, "hospital", Grant, "hospital", other.Digest()))), c.pins()), fault.Tampered},
		{"a broken signature", open([]byte(strings.Replace(good, `"sig":"`, `"sig":"AAAA`, 1)), c.pins()), fault.Tampered},
		{"a decision that is none", open([]byte(strings.Replace(good, `"decisions":[`, `"decisions":[{},`, 1)), c.pins()), fault.Invalid},
		{"terms spelled otherwise", open(bundle(t, indented, all), c.pins()), fault.Tampered},
		{"no pins", open([]byte(good), nil), fault.Tampered},
		{"a provider that nobody pinned here", open([]byte(good), Pins{"hospital": c["hospital"].Public()}), fault.Tampered},
		{"a provider whose key is another here", open([]byte(good), foreign), fault.Tampered},
		{"a key pinned for another organisation", open([]byte(good), Pins{"hospital": c["transit"].Public(), "transit": c["hospital"].Public()}), fault.Tampered},
	} {
		if !errors.Is(x.err, x.kind) {
			t.Errorf("%s: %v, want %s", x.name, x.err, x.kind)
		}
	}
	// White space around the terms is the bundle's, not theirs.
	if err := open(bundle(t, spaced, all), c.pins()); err != nil {
		t.Errorf("a space before the terms: %v", err)
	}
}

func TestMissing(t *testing.T) {
	c := newCast(t)
	terms := c.terms()
	all := c.decisions(t, terms)
	other := c.terms()
	other.Uses = 1
	if diff := cmp.Diff([]string{"decision-apply op", "decision-agree op", "decision-agree bureau", "decision-grant hospital", "decision-grant transit"}, terms.Missing(c.decisions(t, other))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"decision-agree bureau"}, terms.Missing(slices.Delete(slices.Clone(all), 2, 3))); diff != "" {
		t.Error(diff)
	}
	if left := terms.Missing(all); left != nil {
		t.Errorf("%v is missing of all", left)
	}
}

// A permit holds from its first instant to the one before its last.
func TestAt(t *testing.T) {
	c := newCast(t)
	p := c.permit(t, c.terms())
	until := noon.AddDate(1, 0, 0)
	beijing := time.FixedZone("", 8*3600)
	for _, x := range []struct {
		at   time.Time
		code fault.Code
	}{
		{time.Time{}, "permit-early"},
		{noon.Add(-time.Nanosecond), "permit-early"},
		{noon, ""},
		{noon.In(beijing), ""},
		{until.Add(-time.Nanosecond), ""},
		{until, "permit-expired"},
		{until.In(beijing), "permit-expired"},
		{until.AddDate(100, 0, 0), "permit-expired"},
	} {
		wantCode(t, x.at.String(), p.At(x.at), x.code)
	}
	wantCode(t, "the zero permit", Permit{}.At(noon), "denied")
}

func wantCode(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	r, ok := errors.AsType[fault.Refusal](err)
	if (code == "") != (err == nil) || code != "" && (!ok || r.Code != code) {
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

func TestOpenRun(t *testing.T) {
	c := newCast(t)
	p := c.permit(t, c.terms())
	start := func(who string, kind receipt.Kind, edit func(*Run)) receipt.Receipt {
		run := Run{ID: "r-1", Permit: p.Digest(), Purpose: "health", Program: p.Terms().Program.Digest, At: noon}
		edit(&run)
		r, err := receipt.Sign(c[who], kind, receipt.About("run/r-1", run.Permit), run)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	run, err := p.OpenRun(start("op", Start, func(*Run) {}))
	if err != nil || run.ID != "r-1" || !run.At.Equal(noon) {
		t.Fatalf("OpenRun = %+v, %v", run, err)
	}
	for _, x := range []struct {
		name string
		r    receipt.Receipt
		code fault.Code
	}{
		{"another purpose", start("op", Start, func(r *Run) { r.Purpose = "marketing" }), "purpose"},
		{"another program", start("op", Start, func(r *Run) { r.Program = suite.DigestOf([]byte("other")) }), "program"},
		{"another permit", start("op", Start, func(r *Run) { r.Permit = suite.DigestOf([]byte("other")) }), "permit-foreign"},
		{"a stranger", start("stranger", Start, func(*Run) {}), "permit-foreign"},
		{"the platform", start("yuneid", Start, func(*Run) {}), "permit-foreign"},
		{"the bureau", start("bureau", Start, func(*Run) {}), "permit-foreign"},
	} {
		_, err := p.OpenRun(x.r)
		wantCode(t, x.name, err, x.code)
	}
	_, err = p.OpenRun(start("op", Agree, func(*Run) {}))
	if !errors.Is(err, fault.Tampered) {
		t.Errorf("an agreement is a start: %v", err)
	}
	for _, id := range []string{"", "R1", "a.b", "../r1", ">"} {
		if _, err := p.OpenRun(start("op", Start, func(r *Run) { r.ID = id })); !errors.Is(err, fault.Invalid) {
			t.Errorf("a run named %q: %v", id, err)
		}
	}
	_, err = Permit{}.OpenRun(start("op", Start, func(r *Run) { r.Permit = "" }))
	wantCode(t, "the zero permit", err, "permit-foreign")
	_, err = p.OpenRun(receipt.Receipt{})
	if !errors.Is(err, fault.Tampered) {
		t.Errorf("the zero receipt is a start: %v", err)
	}
}

func FuzzOpenPermit(f *testing.F) {
	c := newCast(f)
	terms := c.terms()
	good := bundle(f, terms.Bytes(), c.decisions(f, terms))
	f.Add(good)
	f.Add([]byte(`{"terms":null,"decisions":[null]}`))
	f.Add(bundle(f, terms.Bytes(), nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := OpenPermit(raw, c.pins())
		if err != nil {
			if p.Digest() != "" || !slices.Contains([]fault.Kind{fault.Invalid, fault.Denied, fault.Tampered, fault.Exhausted}, fault.Of(err)) {
				t.Fatalf("OpenPermit = %s, %v", p.Digest(), err)
			}
			return
		}
		if p.Digest() != terms.Digest() {
			t.Fatalf("a permit on terms that nobody signed: %s", raw)
		}
	})
}
