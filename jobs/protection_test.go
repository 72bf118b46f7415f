package jobs

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func prio3(t *Terms) {
	t.Protection, t.Prio = Prio3, &Prio{Leader: "trustee-1", Helper: "trustee-3", Units: 1000}
}

// Terms that name no protection are spelled as they were before there was a
// choice: what is signed has not changed.
func TestNoProtectionIsSpelled(t *testing.T) {
	terms := newCast(t).terms()
	for _, word := range []string{"protection", "prio"} {
		if strings.Contains(string(terms.Bytes()), word) {
			t.Errorf("terms of the committee's protection have a %s", word)
		}
	}
	prio3(&terms)
	again, err := ParseTerms(terms.Bytes())
	if err != nil || again.Digest() != terms.Digest() || !again.Proved() {
		t.Errorf("terms of prio3 are not read as they were written: %v", err)
	}
	if two := terms.Aggregators(); len(two) != 2 || two[0].Name != "trustee-1" || two[1].Name != "trustee-3" {
		t.Errorf("aggregators %v", two)
	}
	terms.Protection = Committee
	if len(terms.Aggregators()) != 0 {
		t.Error("the committee has aggregators")
	}
}

func TestProtectionCheck(t *testing.T) {
	c := newCast(t)
	for _, x := range []struct {
		want string // in the error; "" for none
		edit func(*Terms)
	}{
		{"", func(*Terms) {}},
		{"", dp},
		{"", func(t *Terms) { t.Mode = Both }},
		{"", func(t *Terms) { t.Prio.Units = 1 }},
		{"", func(t *Terms) { t.Prio.Leader, t.Prio.Helper = t.Prio.Helper, t.Prio.Leader }},
		{"protection: want", func(t *Terms) { t.Protection = "prio4" }},
		{"protection: want", func(t *Terms) { t.Protection = "PRIO3" }},
		{"prio: is for", func(t *Terms) { t.Protection = Committee }},
		{"prio must name", func(t *Terms) { t.Prio = nil }},
		{"two different trustees", func(t *Terms) { t.Prio.Helper = t.Prio.Leader }},
		{"two different trustees", func(t *Terms) { t.Prio.Helper = "" }},
		{"two different trustees", func(t *Terms) { t.Prio.Helper = "gate" }},
		{"two different trustees", func(t *Terms) { t.Prio.Leader = "trustee-9" }},
		{"units: want", func(t *Terms) { t.Prio.Units = 0 }},
		{"units: want", func(t *Terms) { t.Prio.Units = -1 }},
		{"units: want", func(t *Terms) { t.Prio.Units = MaxUnits + 1 }},
		{"two members", func(t *Terms) { t.Members, t.KMin = t.Members[:1], 1 }},
		{"before 1970", func(t *Terms) { t.NotBefore = noon.AddDate(-60, 0, 0) }},
		{"62 bits", func(t *Terms) { t.Prio.Units, t.Shape.Measures[0].Hi = MaxUnits, MaxBound }},
		{"62 bits", func(t *Terms) { t.Prio.Units, t.Shape.Measures[0].Lo = MaxUnits, -MaxBound }},
		{"bits would have to be proved", func(t *Terms) { t.Shape.Dims = []Dim{dim("a", 128), dim("b", 128)} }},
	} {
		terms := c.terms()
		prio3(&terms)
		x.edit(&terms)
		err := terms.Check()
		if x.want == "" && err != nil || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
			t.Errorf("want %q: %v", x.want, err)
		}
	}
}

// The ranges are those of the slots, each as tight as its bounds to the bit.
func TestRanges(t *testing.T) {
	c := newCast(t)
	for name, x := range map[string]struct {
		edit func(*Terms)
		want []Range
	}{
		"sdc": {func(*Terms) {}, []Range{{3, 0, 10, false}, {3, 0, 15, false}, {5, 0, 1, true}}},
		"sdc, negative too": {
			func(t *Terms) { t.Shape.Measures[0].Lo = -30 },
			[]Range{{3, 0, 10, false}, {3, -30_000, 16, false}, {5, 0, 1, true}},
		},
		"sdc, with margins": {
			func(t *Terms) { t.Shape.Margins = [][]string{{}} },
			[]Range{{3, 0, 10, false}, {3, 0, 15, false}, {4, 0, 1, true}, {3, 0, 5, false}, {2, 0, 1, true}},
		},
		"alike": {
			func(t *Terms) { t.Shape.Measures[0].Hi = 1 },
			[]Range{{6, 0, 10, false}, {5, 0, 1, true}},
		},
		"dp":      {dp, []Range{{3, -176, 11, false}, {3, -496, 15, false}}},
		"batches": {func(t *Terms) { dp(t); t.Shape.Grouping = Grouping{Batch: 2, Batches: 5} }, []Range{{3, -176, 9, false}, {3, -496, 11, false}}},
		"blocks": {
			func(t *Terms) {
				dp(t)
				t.Shape.L0, t.Shape.Grouping = 3, Grouping{Blocks: 20, Default: []int64{0}}
			},
			[]Range{{3, -176, 9, false}, {3, -496, 11, false}},
		},
	} {
		terms := c.terms()
		prio3(&terms)
		x.edit(&terms)
		if err := terms.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := terms.Ranges()
		if diff := cmp.Diff(x.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		slots := 0
		for _, r := range got {
			slots += r.Slots
		}
		if slots != terms.Slots() {
			t.Errorf("%s: ranges of %d slots, want %d", name, slots, terms.Slots())
		}
	}
}

// Whatever at most so many units add up to is in the cells' ranges.
func TestRangesHold(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		terms := newCast(t).terms()
		prio3(&terms)
		m := &terms.Shape.Measures[0]
		m.Lo, m.Hi = -rng.Int64N(1000), rng.Int64N(1000)
		terms.Prio.Units = 1 + rng.Int64N(50)
		low, high := terms.reach(*m)
		sum := int64(0)
		for range rng.Int64N(terms.Prio.Units + 1) {
			sum += m.Lo + rng.Int64N(m.Hi-m.Lo+1)
		}
		ranges := terms.Ranges()
		r := ranges[min(1, len(ranges)-1)]
		if sum < low || sum > high || low != terms.Prio.Units*m.Lo || high != terms.Prio.Units*m.Hi || len(ranges) == 3 && (r.Lo > low || r.Hi() < high) {
			t.Fatalf("%d units of %d to %d come to %d, beyond %d to %d: %v", terms.Prio.Units, m.Lo, m.Hi, sum, low, high, r)
		}
	}
}

func TestProtectionWords(t *testing.T) {
	terms := newCast(t).terms()
	plain := terms.ProtectionWords()
	prio3(&terms)
	proved := terms.ProtectionWords()
	for word, s := range map[string]string{"BGV": plain.ZH, "any 2": plain.EN, "未经证明": plain.ZH, "trustee-3": proved.ZH, "not proved": proved.EN, "1000": proved.ZH} {
		if !strings.Contains(s, word) {
			t.Errorf("%q is not in %q", word, s)
		}
	}
	// They go out with a candidate, however long the names are.
	terms.Trustees.Members[0].Name, terms.Trustees.Members[2].Name = strings.Repeat("a", 63), strings.Repeat("b", 63)
	terms.Prio = &Prio{Leader: strings.Repeat("a", 63), Helper: strings.Repeat("b", 63), Units: MaxUnits}
	for _, s := range []Statement{plain, proved, terms.ProtectionWords()} {
		if err := errors.Join(checkText(s.ZH, maxSentence), checkText(s.EN, maxSentence)); err != nil {
			t.Errorf("%v: %v", s, err)
		}
	}
}
