package gate

import (
	"crypto/rand"
	"slices"
	"testing"

	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/jobs"
)

// withMargins publishes all totals of the test's table.
func withMargins(terms jobs.Terms) jobs.Terms {
	terms.Shape.Margins = [][]string{{"district"}, {"age"}, {}}
	return terms
}

// One small cell between shown totals would follow by subtraction: others are
// hidden for its sake, and the audit passes. Totals alone without that would
// give it away.
func TestMargins(t *testing.T) {
	terms := withMargins(termsOf(t, jobs.SDC, 2))
	terms.Shape.Measures = terms.Shape.Measures[:1] // the other may be negative: C24 would be for people
	c, r := judged(t, terms, sum(site(t, terms, counts{40, 35, 30, 25, 45, 3}), site(t, terms, counts{20, 15, 25, 35, 15, 12})))
	if len(c.Margins) != 3 || c.Margins[2].Cells[0] == nil {
		t.Fatalf("margins are %v", c.Margins)
	}
	if c.Cells[5] != nil {
		t.Error("a cell of three units is shown")
	}
	hidden := 0
	for i := range c.Items() {
		if cell, _ := c.Item(i); cell == nil {
			hidden++
		}
	}
	if hidden < 4 {
		t.Errorf("%d items hidden: the small cell follows from its totals", hidden)
	}
	by := map[string]Status{}
	for _, check := range r.Checks {
		by[check.ID] = check.Status
	}
	for _, id := range []string{"C20", "C21", "C23", "C24"} {
		if by[id] != Pass {
			t.Errorf("%s is %s", id, by[id])
		}
	}
	if got := len(c.CSV()); got == 0 {
		t.Error("no table")
	}
	if again, err := c.ParseCSV(c.CSV()); err != nil || again.Items() != c.Items() {
		t.Errorf("the table with totals does not come back: %v", err)
	}
}

// What a domain's register forbids goes to people with nothing to see; what it
// cannot tell goes to them as it is.
func TestFirewall(t *testing.T) {
	terms := termsOf(t, jobs.SDC, 2)
	for _, x := range []struct {
		found   Found
		verdict Status
		shown   bool
	}{
		{Found{}, Review, true},
		{Found{Review: true}, Review, true},
		{Found{Refuse: true}, Block, false},
		{Found{Refuse: true, Review: true}, Block, false},
	} {
		even := counts{20, 30, 20, 15, 15, 15}
		c, r := judged(t, terms, sum(site(t, terms, even), found(t, terms, even, x.found)))
		if r.Verdict != x.verdict {
			t.Errorf("%v: verdict %s, want %s", x.found, r.Verdict, x.verdict)
		}
		if got := slices.ContainsFunc(c.Cells, func(c jobs.Cell) bool { return c != nil }); got != x.shown {
			t.Errorf("%v: shown %v", x.found, got)
		}
	}
}

// The other domain can neither take back a refusal nor see whose it is.
func TestFirewallCannotBeLifted(t *testing.T) {
	terms := termsOf(t, jobs.SDC, 2)
	even := counts{20, 30, 20, 15, 15, 15}
	for range 100 {
		hostile := site(t, terms, even)
		hostile[len(hostile)-2] = -1
		c, r, err := Judge(terms, sum(found(t, terms, even, Found{Refuse: true}), hostile))
		if err == nil && (r.Verdict != Block || c.Cells[0] != nil) {
			t.Fatal("a negative word lifted a refusal")
		}
	}
}

// In mode sdc+dp the noisy count alone decides: whatever stood there before the
// noise, equal noisy vectors give equal bytes; small cells are hidden, large
// ones shown.
func TestBoth(t *testing.T) {
	terms := withMargins(termsOf(t, jobs.Both, 2))
	g, err := noise.NewGaussian(terms.Shape.Units.Sigma)
	if err != nil {
		t.Fatal(err)
	}
	src := noise.NewSource(rand.Reader)
	shown := [6]int{}
	const turns = 300
	for range turns {
		parts := [][]int64{site(t, terms, counts{500, 60, 11, 0, 300, 25}), site(t, terms, counts{0, 60, 0, 0, 200, 0})}
		for _, p := range parts {
			if err := g.Add(src, p[:6]); err != nil {
				t.Fatal(err)
			}
		}
		c, r := judged(t, terms, sum(parts...))
		for i, cell := range c.Cells {
			if cell != nil {
				shown[i]++
			}
		}
		if r.Checks[4].Status != Pass || r.Checks[6].Status != NotApplicable || r.Checks[24].Status != NotApplicable {
			t.Fatalf("C05 %s, C07 %s, C25 %s", r.Checks[4].Status, r.Checks[6].Status, r.Checks[24].Status)
		}
		if c.Margins[0].Figures[0].Variance != "600" || c.Margins[2].Figures[0].Variance != "1200" {
			t.Fatalf("variances of sums of cells are %s and %s", c.Margins[0].Figures[0].Variance, c.Margins[2].Figures[0].Variance)
		}
	}
	if shown[0] != turns || shown[4] != turns || shown[3] > turns/50 || shown[2] > turns/50 {
		t.Errorf("of %d turns the cells were shown %v times", turns, shown)
	}
}

// A published [30 .; . .] with its total of 51 leaves one table only to who knows
// that one domain's counts are flagged for being few and for nothing else: the
// audit may not pass it.
func TestFlagsThatEverybodyKnows(t *testing.T) {
	terms := withMargins(termsOf(t, jobs.SDC, 1))
	terms.Shape.Measures = nil
	age := &terms.Shape.Dims[1]
	age.Codes, age.Labels = age.Codes[:2], age.Labels[:2]
	_, r := judged(t, terms, site(t, terms, counts{30, 10, 10, 1}))
	if got := r.Checks[22]; got.ID != "C23" || got.Status != Fail {
		t.Errorf("%s is %s", got.ID, got.Status)
	}
}
