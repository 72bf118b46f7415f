package budget

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
)

const person = "natural-person"

func rho(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	return r
}

func entry(run, cost string) Entry {
	return Entry{Run: run, Namespace: person, Operator: "acme", Scenario: "flu", At: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Cost: rho(cost)}
}

func with(e Entry, edit func(*Entry)) Entry { edit(&e); return e }

func forever(s string) Cap { return Cap{Namespace: person, Kind: Forever, Rho: rho(s)} }

// Each cap adds over what it is over, to the last fraction, and the refusal
// names the tightest and what would fit.
func TestAfford(t *testing.T) {
	newYear := time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC) // midnight in Shanghai
	for _, c := range []struct {
		name string
		caps []Cap
		past []Entry
		ask  Entry
		want string // the balance after, or the short's cap, name, left, factor and next
	}{
		{"no cap", nil, nil, entry("r", "1/100"), "namespace  0  0"},
		{"a cap of another namespace", []Cap{{Namespace: "legal-person", Kind: Forever, Rho: rho("1")}}, nil, entry("r", "1/100"), "namespace  0  0"},
		{"a cap without a figure", []Cap{{Namespace: person, Kind: Forever}}, nil, entry("r", "1/100"), "namespace  0  0"},
		{"other caps alone are none", []Cap{{Namespace: person, Kind: Operator, Name: Each, Rho: rho("1")}}, nil, entry("r", "1/100"), "namespace  0  0"},
		{"exactly", []Cap{forever("1")}, []Entry{entry("a", "1/3"), entry("b", "1/3")}, entry("r", "1/3"), "1"},
		{"by a hair", []Cap{forever("1")}, []Entry{entry("a", "1/3"), entry("b", "1/3")}, entry("r", "333333333333333334/1000000000000000000"), "namespace  1/3 2 0"},
		{"the least of two", []Cap{forever("1"), forever("1/2")}, nil, entry("r", "3/4"), "namespace  1/2 2 0"},
		{"three and a bit makes four", []Cap{forever("1/10")}, nil, entry("r", "31/100"), "namespace  1/10 4 0"},
		{"its own run does not count twice", []Cap{forever("1")}, []Entry{entry("r", "1")}, entry("r", "1"), "1"},
		{"another namespace does not count", []Cap{forever("1")}, []Entry{with(entry("a", "1"), func(e *Entry) { e.Namespace = "legal-person" })}, entry("r", "1"), "1"},
		{"a cap lowered below what is spent", []Cap{forever("1/2")}, []Entry{entry("a", "1")}, entry("r", "1/9"), "namespace  0  0"},
		{"the operator's", []Cap{forever("9"), {person, Operator, "acme", rho("1")}}, []Entry{entry("a", "1/2")}, entry("r", "1"), "operator acme 1/2 2 0"},
		{"another operator's", []Cap{forever("9"), {person, Operator, "rival", rho("1")}}, []Entry{entry("a", "1/2")}, entry("r", "1"), "3/2"},
		{
			"each operator's, and another spent it",
			[]Cap{forever("9"), {person, Operator, Each, rho("1")}},
			[]Entry{with(entry("a", "1"), func(e *Entry) { e.Operator = "rival" })},
			entry("r", "1"), "2",
		},
		{
			"an entry that does not say whose counts as everyone's",
			[]Cap{forever("9"), {person, Operator, Each, rho("1")}},
			[]Entry{{Run: "a", Namespace: person, Cost: rho("1/2")}},
			entry("r", "1"), "operator acme 1/2 2 0",
		},
		{"the scenario's", []Cap{forever("9"), {person, Scenario, Each, rho("1/4")}}, nil, entry("r", "1/2"), "scenario flu 1/4 2 0"},
		{"the year's, spent", []Cap{forever("9"), {person, Year, Each, rho("1")}}, []Entry{entry("a", "1")}, entry("r", "1/2"), "year 2026 0  2027"},
		{"the year's, nearly", []Cap{forever("9"), {person, Year, "2026", rho("1")}}, []Entry{entry("a", "3/4")}, entry("r", "1/2"), "year 2026 1/4 2 0"},
		{"the next year", []Cap{forever("9"), {person, Year, Each, rho("1")}}, []Entry{entry("a", "1")}, with(entry("r", "1"), func(e *Entry) { e.At = newYear }), "2"},
		{
			"a second before",
			[]Cap{forever("9"), {person, Year, Each, rho("1")}},
			[]Entry{entry("a", "1")},
			with(entry("r", "1"), func(e *Entry) { e.At = newYear.Add(-time.Second) }), "year 2026 0  2027",
		},
		{
			"the namespace's before the year's, for no year helps",
			[]Cap{forever("1"), {person, Year, Each, rho("1")}},
			[]Entry{entry("a", "1")},
			entry("r", "1/2"), "namespace  0  0",
		},
		{
			"what fits the tightest",
			[]Cap{forever("1"), {person, Operator, "acme", rho("1/2")}, {person, Scenario, "flu", rho("1/3")}},
			nil, entry("r", "2"), "scenario flu 1/3 6 0",
		},
		{"nothing that could be written fits", []Cap{forever("1/99999999999999999999")}, nil, entry("r", "1"), "namespace  1/99999999999999999999  0"},
		{
			"a stored answer, with nothing left",
			[]Cap{forever("1")},
			[]Entry{entry("a", "1")},
			with(entry("r", "0"), func(e *Entry) { e.Stored = "a" }), "1",
		},
	} {
		balance, err := Afford(Caps{All: c.caps}, c.past, c.ask)
		got := ""
		if short, ok := errors.AsType[*Short](err); ok {
			got = fmt.Sprintf("%s %s %s %s %d", short.Cap, short.Name, short.Left, short.Factor, short.Next)
			if err := short.Check(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if !errors.Is(err, fault.Exhausted) || fault.Show(err).Code != "budget" {
				t.Errorf("%s: %v is no refusal of the table", c.name, err)
			}
		} else if err == nil {
			got = balance.After.RatString()
		}
		if got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

// What is no entry is neither afforded nor believed.
func TestNoEntry(t *testing.T) {
	for name, c := range map[string]struct {
		past, ask Entry
		kind      fault.Kind
	}{
		"no cost":                        {entry("a", "1"), with(entry("r", "1"), func(e *Entry) { e.Cost = nil }), fault.Invalid},
		"a refund":                       {entry("a", "1"), entry("r", "-1"), fault.Invalid},
		"for nothing":                    {entry("a", "1"), entry("r", "0"), fault.Invalid},
		"a stored answer that pays":      {entry("a", "1"), with(entry("r", "1"), func(e *Entry) { e.Stored = "a" }), fault.Invalid},
		"its own stored answer":          {entry("a", "1"), with(entry("r", "0"), func(e *Entry) { e.Stored = "r" }), fault.Invalid},
		"nobody's":                       {entry("a", "1"), with(entry("r", "1"), func(e *Entry) { e.Operator = "" }), fault.Invalid},
		"of no time":                     {entry("a", "1"), with(entry("r", "1"), func(e *Entry) { e.At = time.Time{} }), fault.Invalid},
		"a refund in the past":           {entry("a", "-1"), entry("r", "1"), fault.Tampered},
		"something for nothing, earlier": {entry("a", "0"), entry("r", "1"), fault.Tampered},
	} {
		if _, err := Afford(Caps{All: []Cap{forever("9")}}, []Entry{c.past}, c.ask); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever is asked in whatever order, no cap is ever exceeded; what a refusal
// says would fit does, and a step less does not.
func TestCapsHold(t *testing.T) {
	r, histories := rand.New(rand.NewPCG(1, 2)), 60
	if os.Getenv("YUNEI_PROVE") == "1" {
		histories = 3000
	}
	for range histories {
		caps := Caps{All: []Cap{forever("3"), {person, Operator, Each, rho("2")}, {person, Scenario, "flu", rho("3/2")}, {person, Year, Each, rho("1")}}}
		var past []Entry
		for i := range 40 {
			ask := Entry{
				Run: fmt.Sprint("r-", i), Namespace: person, Operator: []string{"acme", "rival"}[r.IntN(2)], Scenario: []string{"flu", "bus"}[r.IntN(2)],
				At: time.Date(2026+r.IntN(4), 3, 1, 0, 0, 0, 0, time.UTC), Cost: big.NewRat(1+r.Int64N(200), 1+r.Int64N(300)),
			}
			_, err := Afford(caps, past, ask)
			if short, ok := errors.AsType[*Short](err); ok && short.Factor != "" {
				k := rho(short.Factor)
				ask.Cost = new(big.Rat).Quo(ask.Cost, k)
				if less := new(big.Rat).Sub(k, rho("1")); less.Sign() > 0 {
					nearly := ask
					nearly.Cost = new(big.Rat).Mul(ask.Cost, new(big.Rat).Quo(k, less))
					if _, err := Afford(caps, past, nearly); err == nil {
						t.Fatalf("a factor of %s less one fits too", short.Factor)
					}
				}
				_, err = Afford(caps, past, ask)
				if err != nil {
					t.Fatalf("what should fit does not: %v", err)
				}
			}
			if err == nil {
				past = append(past, ask)
			}
		}
		sums := map[string]*big.Rat{}
		for _, e := range past {
			for _, k := range []string{"all", e.Operator, e.Scenario, caps.year(e.At)} {
				if sums[k] == nil {
					sums[k] = new(big.Rat)
				}
				sums[k].Add(sums[k], e.Cost)
			}
		}
		for k, most := range map[string]string{"all": "3", "acme": "2", "rival": "2", "flu": "3/2", "2026": "1", "2027": "1", "2028": "1", "2029": "1"} {
			if sum := sums[k]; sum != nil && sum.Cmp(rho(most)) > 0 {
				t.Fatalf("%s: %s is spent, more than %s", k, sum.RatString(), most)
			}
		}
	}
}

// Long fractions are told in decimals that do not flatter, and in both
// languages by the template.
func TestShortInWords(t *testing.T) {
	long := new(big.Rat).SetFrac(new(big.Int).Exp(big.NewInt(7), big.NewInt(90), nil), new(big.Int).Exp(big.NewInt(11), big.NewInt(80), nil))
	past := with(entry("a", "1"), func(e *Entry) { e.Cost = long })
	_, err := Afford(Caps{All: []Cap{forever("1")}}, []Entry{past}, entry("r", "1"))
	short, ok := errors.AsType[*Short](err)
	if !ok {
		t.Fatal(err)
	}
	if spent, left := rho(short.Spent), rho(short.Left); spent.Cmp(long) < 0 || left.Cmp(new(big.Rat).Sub(rho("1"), long)) > 0 || len(short.Spent) > maxFigure {
		t.Errorf("spent %s, left %s: they flatter", short.Spent, short.Left)
	}
	year := Told{Cap: "year", Namespace: person, Name: "2026", Limit: "1", Spent: "1", Left: "0", Asked: "1/2", Next: 2027}
	if zh := year.ZH(); zh != "natural-person 在 2026 年的预算：上限 rho 1，已用 1，剩余 0，本次需要 1/2；2027 年以前没有余额。" {
		t.Error(zh)
	}
	if en := year.EN(); !strings.Contains(en, "for the year 2026 is rho 1") || !strings.HasSuffix(en, "nothing is left before 2027") {
		t.Error(en)
	}
	all := Told{Cap: "namespace", Namespace: person, Limit: "1", Spent: "1", Left: "0", Asked: "1/2"}
	if zh, en := all.ZH(), all.EN(); strings.Contains(zh+en, "%!") || !strings.Contains(en, "no query would fit") {
		t.Error(zh, en)
	}
}

// What was read is shown only if Afford could have made it.
func FuzzToldCheck(f *testing.F) {
	f.Add("year", person, "2026", "1", "1/2", "0", "0.5", "2", 2027)
	f.Add("year", person, "\x1b[2J", "1", "1", "1", "1", "0", 0)
	f.Add("", "", "", "1e9", "-1", "", "", "", -1)
	f.Fuzz(func(t *testing.T, kind, namespace, name, limit, spent, left, asked, factor string, next int) {
		s := Told{kind, namespace, name, limit, spent, left, asked, factor, next}
		if s.Check() != nil {
			return
		}
		if text := s.ZH() + s.EN(); len(text) > 2000 || strings.ContainsAny(text, "\x00\x1b\n\u202e") || strings.Contains(text, "%!") {
			t.Errorf("%q", text)
		}
	})
}
