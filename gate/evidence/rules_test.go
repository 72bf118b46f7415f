package evidence

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
)

// shown are values of which none is hidden; -1 is.
func shown(n ...int64) []Value {
	var out []Value
	for _, x := range n {
		out = append(out, Value{x, x >= 0})
	}
	return out
}

// line is cells and their total.
func line(total int64, n ...int64) []Line { return []Line{{shown(n...), shown(total)[0]}} }

const hidden = -1

// want is one case at, or beside, a boundary.
type want struct {
	name string
	got  Finding
	want Status
}

func judgeAll(t *testing.T, id string, cases []want) {
	t.Helper()
	for _, c := range cases {
		if c.got.Status != c.want || c.got.Check != id || c.got.ZH == "" || c.got.EN == "" {
			t.Errorf("%s %s: %+v, want %s", id, c.name, c.got, c.want)
		}
	}
}

func TestClass(t *testing.T) {
	p := house(t)
	zeros := p
	zeros.ZerosDisclosive = 1
	judgeAll(t, "C11", []want{
		{"89 %", Class(line(100, 89, 11), p), Pass},
		{"90 %", Class(line(100, 90, 10), p), Fail},
		{"91 %", Class(line(100, 91, 9), p), Fail},
		{"89.9 %", Class(line(1000, 899, 101), p), Pass},
		{"all in one", Class(line(hidden, 50, 0), p), Fail},
		{"no total, some hidden", Class(line(hidden, 90, 5, hidden), p), Review},
		{"a total, some hidden", Class(line(150, 90, 5, hidden), p), Pass},
		{"empty line", Class(line(0, 0, 0), zeros), Pass},
		{"one cell", Class(line(hidden, 50), p), Pass},
		{"a zero", Class(line(hidden, 50, 50, 0), p), Pass},
		{"a zero where zeros are disclosive", Class(line(hidden, 50, 50, 0), zeros), Fail},
		{"no zero where zeros are disclosive", Class(line(hidden, 50, 50, 1), zeros), Pass},
		{"no line", Class(nil, p), Pass},
	})
}

// The table of the SDC Handbook, 5.2: all 6 married work full time (group
// attribute disclosure); of 6 divorced, one works part time (within-group).
func TestHandbookGroups(t *testing.T) {
	p := house(t)
	p.Threshold, p.Group = 3, 2
	if f := Class(line(6, 6, 0), p); f.Status != Fail {
		t.Errorf("married: %+v", f)
	}
	if f := Class(line(6, 5, 1), p); f.Status != Pass {
		t.Errorf("divorced: %+v", f)
	}
	if f := Within(line(6, 5, 1), p); f.Status != Fail {
		t.Errorf("divorced: %+v", f)
	}
	if f := Within(line(4, 2, 2), p); f.Status != Pass {
		t.Errorf("single: %+v", f)
	}
}

func TestWithinShown(t *testing.T) {
	p := house(t)
	judgeAll(t, "C12", []want{
		{"9", Within(line(100, 9, 91), p), Fail},
		{"10", Within(line(100, 10, 90), p), Pass},
		{"11", Within(line(100, 11, 89), p), Pass},
		{"0", Within(line(100, 0, 100), p), Pass},
		{"a rest of 9", Within(line(100, 91, hidden, hidden), p), Fail},
		{"a rest of 10", Within(line(100, 90, hidden, hidden), p), Pass},
		{"a rest that is not known", Within(line(hidden, 91, hidden), p), Pass},
	})
}

func TestExtremes(t *testing.T) {
	p := house(t)
	open := p
	open.ExtremesRefused = 0
	judgeAll(t, "C13", []want{
		{"9 below", Extremes([]Quantile{{false, 9, 50}}, p), Fail},
		{"9 above", Extremes([]Quantile{{false, 50, 9}}, p), Fail},
		{"10", Extremes([]Quantile{{false, 10, 10}}, p), Pass},
		{"11", Extremes([]Quantile{{false, 11, 11}}, p), Pass},
		{"a maximum", Extremes([]Quantile{{true, 50, 50}}, p), Fail},
		{"a maximum where it is let out", Extremes([]Quantile{{true, 50, 1}}, open), Pass},
		{"nothing", Extremes(nil, p), Pass},
	})
}

func TestBins(t *testing.T) {
	p := house(t)
	edges := []int64{0, 10, 20}
	judgeAll(t, "C14", []want{
		{"9", Bins(shown(9, 20), edges, edges, p), Fail},
		{"10", Bins(shown(10, 20), edges, edges, p), Pass},
		{"11", Bins(shown(11, 20), edges, edges, p), Pass},
		{"0", Bins(shown(0, 20), edges, edges, p), Pass},
		{"hidden", Bins(shown(hidden, 20), edges, edges, p), Pass},
		{"an edge of its own", Bins(shown(10, 20), []int64{0, 13, 20}, edges, p), Fail},
		{"no grid", Bins(shown(10, 20), edges, nil, p), Review},
		{"no grid and few", Bins(shown(9, 20), edges, nil, p), Fail},
	})
}

func TestFreedom(t *testing.T) {
	p := house(t)
	judgeAll(t, "C15", []want{
		{"df 9", Freedom(Model{Units: 13, Parameters: 4}, p), Fail},
		{"df 10", Freedom(Model{Units: 14, Parameters: 4}, p), Pass},
		{"df 11", Freedom(Model{Units: 15, Parameters: 4}, p), Pass},
		{"32 of 100", Freedom(Model{Units: 100, Parameters: 32}, p), Pass},
		{"33 of 100", Freedom(Model{Units: 100, Parameters: 33}, p), Pass},
		{"34 of 100", Freedom(Model{Units: 100, Parameters: 34}, p), Fail},
		{"binary 9", Freedom(Model{Units: 100, Parameters: 2, Binary: [][2]int64{{50, 50}, {91, 9}}}, p), Fail},
		{"binary 10", Freedom(Model{Units: 100, Parameters: 2, Binary: [][2]int64{{10, 90}}}, p), Pass},
		{"binary 11", Freedom(Model{Units: 100, Parameters: 2, Binary: [][2]int64{{89, 11}}}, p), Pass},
		{"nothing said", Freedom(Model{}, p), Fail},
		{"no parameters", Freedom(Model{Units: 100}, p), Fail},
	})
}

func TestSaturated(t *testing.T) {
	p := house(t)
	judgeAll(t, "C16", []want{
		{"89 %", Saturated(Model{Units: 9, Parameters: 2, Leverage: 89}, p), Pass},
		{"90 %", Saturated(Model{Units: 9, Parameters: 2, Leverage: 90}, p), Pass},
		{"91 %", Saturated(Model{Units: 9, Parameters: 2, Leverage: 91}, p), Fail},
		{"not known", Saturated(Model{Units: 9, Parameters: 2, Leverage: -1}, p), Review},
		{"one parameter fewer", Saturated(Model{Units: 9, Parameters: 8}, p), Pass},
		{"saturated", Saturated(Model{Units: 9, Parameters: 9}, p), Fail},
		{"residuals", Saturated(Model{Units: 9, Parameters: 2, PerUnit: true}, p), Fail},
		{"nothing said", Saturated(Model{}, p), Fail},
	})
}

func TestSurvival(t *testing.T) {
	p := house(t)
	judgeAll(t, "C17", []want{
		{"9 events", Survival([]Step{{100, 9}}, false, p), Fail},
		{"10 events", Survival([]Step{{100, 10}}, false, p), Pass},
		{"11 events", Survival([]Step{{100, 11}}, false, p), Pass},
		{"no events", Survival([]Step{{100, 0}}, false, p), Pass},
		{"9 at risk", Survival([]Step{{9, 0}}, false, p), Fail},
		{"10 at risk", Survival([]Step{{10, 0}}, false, p), Pass},
		{"11 at risk", Survival([]Step{{11, 0}}, false, p), Pass},
		{"9 leave", Survival([]Step{{100, 10}, {81, 0}}, false, p), Fail},
		{"10 leave", Survival([]Step{{100, 10}, {80, 0}}, false, p), Pass},
		{"none leaves", Survival([]Step{{100, 10}, {90, 0}}, false, p), Pass},
		{"some come", Survival([]Step{{100, 10}, {91, 0}}, false, p), Fail},
		{"midpoints", Survival([]Step{{99, 3}, {93, 0}, {0, 0}}, true, p), Pass},
		{"beside a midpoint", Survival([]Step{{99, 4}}, true, p), Fail},
		{"rounded to 6", Survival([]Step{{96, 6}}, true, p), Fail},
	})
}

// OpenSAFELY's midpoint 6: 0, 3, 9, 15; only 0 is 0.
func TestMiddle(t *testing.T) {
	for n, want := range map[int64]int64{0: 0, 1: 3, 6: 3, 7: 9, 12: 9, 13: 15, 18: 15, 19: 21} {
		if got := Middle(n, 6); got != want {
			t.Errorf("%d: %d, want %d", n, got, want)
		}
	}
	for width := int64(1); width < 12; width++ {
		for n := range int64(100) {
			m := Middle(n, width)
			if g := (Grid{width, true}); !g.has(m) || (m == 0) != (n == 0) || m-n > width/2+1 || n-m > width/2+1 {
				t.Fatalf("%d of width %d is %d", n, width, m)
			}
		}
	}
}

func ratio(lo, hi string, least, most int64) []Ratio {
	l, _ := new(big.Rat).SetString(lo)
	h, _ := new(big.Rat).SetString(hi)
	return []Ratio{{l, h, least, most}}
}

func TestRatios(t *testing.T) {
	p := house(t)
	judgeAll(t, "C18", []want{
		{"9 of 100", Ratios(ratio("9/100", "9/100", 100, 100), p), Fail},
		{"10 of 100", Ratios(ratio("1/10", "1/10", 100, 100), p), Pass},
		{"11 of 100", Ratios(ratio("11/100", "11/100", 100, 100), p), Pass},
		{"91 of 100: 9 are the rest", Ratios(ratio("91/100", "91/100", 100, 100), p), Fail},
		{"90 of 100", Ratios(ratio("9/10", "9/10", 100, 100), p), Pass},
		{"none of 100", Ratios(ratio("0", "0", 100, 100), p), Pass},
		{"all of 100", Ratios(ratio("1", "1", 100, 100), p), Pass},
		{"5.0 % of 98 to 102: 5", Ratios(ratio("0.0495", "0.0505", 98, 102), p), Fail},
		{"0 to 5 % of 100", Ratios(ratio("0", "0.05", 100, 100), p), Review},
		{"5 to 15 % of 100", Ratios(ratio("0.05", "0.15", 100, 100), p), Pass},
		{"no numerator fits", Ratios(ratio("0.005", "0.006", 100, 100), p), Review},
		{"above 1 has no rest", Ratios(ratio("3/2", "3/2", 100, 100), p), Pass},
		{"above 1 of few", Ratios(ratio("3/2", "3/2", 6, 6), p), Fail},
		{"huge", Ratios(ratio("1/2", "1000000000000", 1, math.MaxInt64), p), Pass},
		{"no interval", Ratios([]Ratio{{}}, p), Review},
		{"an empty interval", Ratios(ratio("2/3", "1/3", 100, 100), p), Review},
	})
}

// The SDC Handbook's attack on means, 5.7: 8 people with 90 years in all, shown
// as 9. The exact mean of 11.25 gives the 8 away; 90/9 does not.
func TestMeans(t *testing.T) {
	p := house(t)
	mean := func(v string, places int, sum, count int64) Finding {
		x, _ := new(big.Rat).SetString(v)
		return Means([]Mean{{x, places, sum, count}}, p)
	}
	judgeAll(t, "C19", []want{
		{"exact beside a changed count", mean("11.25", 2, 90, 9), Fail},
		{"of what is shown", mean("10", 2, 90, 9), Pass},
		{"exactly half a place away", mean("10.005", 2, 90, 9), Pass},
		{"a little more", mean("10.0051", 2, 90, 9), Fail},
		{"rounded", mean("7.92", 2, 95, 12), Pass},
		{"no count", mean("10", 2, 90, 0), Fail},
		{"no value", Means([]Mean{{nil, 2, 90, 9}}, p), Fail},
		{"no places", mean("10", -1, 90, 9), Fail},
		{"negative", mean("-10", 2, -90, 9), Pass},
	})
}

func TestRounding(t *testing.T) {
	p := house(t)
	five, six := Grid{Base: 5}, Grid{6, true}
	judgeAll(t, "C29", []want{
		{"base 4", Rounding(line(8, 4, 4), Grid{Base: 4}, p), Fail},
		{"base 5", Rounding(line(10, 5, 5), five, p), Pass},
		{"base 6 is no multiple", Rounding(line(12, 6, 6), Grid{Base: 6}, p), Fail},
		{"base 10", Rounding(line(20, 10, 10), Grid{Base: 10}, p), Pass},
		{"no base", Rounding(line(20, 10, 10), Grid{}, p), Fail},
		{"midpoint 5", Rounding(line(10, 5, 5), Grid{5, true}, p), Fail},
		{"midpoint 6", Rounding(line(12, 3, 9), six, p), Fail}, // 12 is no midpoint
		{"midpoint 6 with a total rounded alone", Rounding(line(9, 3, 9), six, p), Pass},
		{"4 is unrounded", Rounding(line(hidden, 4, 10), five, p), Fail},
		{"6 is unrounded", Rounding(line(hidden, 6, 10), five, p), Fail},
		{"a total is unrounded", Rounding(line(16, 5, 10), five, p), Fail},
		{"the sum", Rounding(line(30, 10, 10, 10), five, p), Pass},
		{"rounded alone", Rounding(line(35, 10, 10, 10), five, p), Review}, // 8 - 5 = 3: 4 integers each
		{"rounded alone, with room", Rounding(line(55, 10, 10, 10, 10, 10), five, p), Pass},
		{"rounded alone, with just enough room", Rounding(line(70, 10, 10, 10, 10, 10, 10), five, p), Pass}, // 14 - 10 = 4: 5 integers
		{"too far", Rounding(line(40, 10, 10, 10), five, p), Fail},
		{"something hidden", Rounding(line(400, 10, hidden, 10), five, p), Pass},
	})
	// The attack behind the review: 4 cells of 12 each, shown as 10, and their
	// total of 48, shown as 50; at the limit every cell is known exactly.
	if f := Rounding(line(50, 10, 10, 10, 10), five, p); f.Status != Review || f.Evidence["tight"] != 1 {
		t.Errorf("cells that can be worked out: %+v", f)
	}
}

// A small table of sdcMicro's tests (freqCalc): frequencies 2, 2, 2, 2, 1; and
// of its ldiversity: 3, 2 and 2 different values.
func TestAnonymity(t *testing.T) {
	var rs []Record
	for _, status := range []string{"single", "married", "married", "single", "widow"} {
		rs = append(rs, Record{Quasi: "A|" + status + "|5", Sensitive: status})
	}
	if k, l := Anonymity(rs); k != 1 || l != 1 {
		t.Errorf("freqCalc: k %d, l %d", k, l)
	}
	if k, _ := Anonymity(rs[:4]); k != 2 {
		t.Errorf("freqCalc without the widow: k %d", k)
	}
	rs = nil
	for i, quasi := range []string{"f||other", "f||other", "f||other", "m|teacher|other", "m|teacher|other", "f|nurse|majority", "f|nurse|majority"} {
		rs = append(rs, Record{Quasi: quasi, Sensitive: []string{"1", "0", "2", "1", "0", "0", "1"}[i]})
	}
	if k, l := Anonymity(rs); k != 2 || l != 2 {
		t.Errorf("ldiversity: k %d, l %d", k, l)
	}
	if k, l := Anonymity(rs[:3]); k != 3 || l != 3 {
		t.Errorf("ldiversity, first group: k %d, l %d", k, l)
	}
	if k, l := Anonymity(nil); k != 0 || l != 0 {
		t.Errorf("no records: k %d, l %d", k, l)
	}
}

func TestRecords(t *testing.T) {
	p := house(t)
	rows := func(n, values int, unit func(int) string) []Record {
		var rs []Record
		for i := range n {
			rs = append(rs, Record{"q", string(rune('a' + i%values)), unit(i)})
		}
		return rs
	}
	none := func(int) string { return "" }
	own := func(i int) string { return string(rune('A' + i)) }
	judgeAll(t, "C30", []want{
		{"k = 9", Records(rows(9, 2, none), p), Fail},
		{"k = 10", Records(rows(10, 2, none), p), Pass},
		{"k = 11", Records(rows(11, 2, own), p), Pass},
		{"20 rows of one unit", Records(rows(20, 2, func(int) string { return "u" }), p), Fail},
		{"l = 1", Records(rows(20, 1, own), p), Fail},
		{"l = 2", Records(rows(20, 2, own), p), Pass},
		{"l = 3", Records(rows(20, 3, own), p), Pass},
		{"no records", Records(nil, p), Pass},
	})
}

func TestBits(t *testing.T) {
	p := house(t)
	p.Bits = 256
	two := func(n int64) []Reach { return []Reach{{n, big.NewInt(2)}} }
	judgeAll(t, "C31", []want{
		{"255", Bits(Reviewed, two(255), 0, p), Pass},
		{"256", Bits(Reviewed, two(256), 0, p), Pass},
		{"257", Bits(Reviewed, two(257), 0, p), Review},
		{"56 after 200", Bits(Reviewed, two(56), 200, p), Pass},
		{"57 after 200", Bits(Reviewed, two(57), 200, p), Review},
		{"none after too many", Bits(Reviewed, nil, 300, p), Pass},
		{"a negative account", Bits(Reviewed, two(1), -1, p), Review},
		{"a declared query", Bits(Declared, two(1<<40), 1<<40, p), Pass},
		{"without review", Bits(Unreviewed, nil, 0, p), Block},
		{"nobody", Bits(Author(0), two(1), 0, p), Block},
		{"somebody else", Bits(Author(9), two(1), 0, p), Block},
	})
	for _, c := range []struct {
		reach []Reach
		want  int64
	}{
		{nil, 0},
		{[]Reach{{100, big.NewInt(1)}}, 0},
		{[]Reach{{1, big.NewInt(1024)}}, 10},
		{[]Reach{{100, big.NewInt(2001)}}, 1097}, // 100 counts to 10,000 in steps of 5
		{[]Reach{{3, big.NewInt(3)}}, 5},         // 27 outputs
		{[]Reach{{-1, big.NewInt(3)}, {1, nil}}, 0},
	} {
		exact := 0.0
		for _, r := range c.reach {
			if r.Figures > 0 && r.Values != nil {
				v, _ := new(big.Float).SetInt(r.Values).Float64()
				exact += float64(r.Figures) * math.Log2(v)
			}
		}
		if got := Log(c.reach); got < c.want || float64(got) < exact-1e-9 || float64(got) > exact+100.0/64+1 {
			t.Errorf("%v: %d bits, want %d", c.reach, got, c.want)
		}
	}
}

func TestGraded(t *testing.T) {
	p := house(t)
	for units, want := range map[int64]int64{999_999: 0, 1_000_000: 1, 1_000_001: 1} {
		f := Graded([]int{1, 3, 2}, units, p)
		if f.Status != Review || f.Evidence["grade"] != 3 || f.Evidence["scale"] != want {
			t.Errorf("%d units: %+v", units, f)
		}
	}
}

func TestSummary(t *testing.T) {
	p := house(t)
	status := map[string]Status{}
	for _, f := range Summary(Judge(one(t, 100_000, -9, 8, 7, 6, 5, 4, 3, 2), p), p) {
		status[f.Check] = f.Status
	}
	for id, want := range map[string]Status{C05: Fail, C07: Fail, C08: Fail, C09: Review, C10: Pass} {
		if status[id] != want {
			t.Errorf("%s: %s, want %s", id, status[id], want)
		}
	}
	judgeAll(t, "C06", []want{{"units", Holdings(true, p), Pass}, {"rows", Holdings(false, p), Review}})
}

// The margin of mode sdc+dp bounds the tail, and by no more than its rounding of
// the logarithm.
func TestMargin(t *testing.T) {
	p := house(t)
	for _, inverse := range []int64{2, 1000, 1024, 10_000} {
		p.SlackInverse = inverse
		for _, variance := range []int64{0, 1, 100, 1 << 40} {
			m, err := Margin(big.NewInt(variance), p)
			if err != nil {
				t.Fatal(err)
			}
			exact := math.Sqrt(2 * float64(variance) * math.Log(float64(inverse)))
			if got := float64(m.Int64()); got < exact || got > exact*1.42+1 {
				t.Errorf("variance %d, 1 in %d: %v, want %.2f", variance, inverse, m, exact)
			}
		}
	}
	for name, err := range map[string]error{
		"negative":      second(Margin(big.NewInt(-1), p)),
		"no parameters": second(Margin(big.NewInt(1), params.Parameters{})),
	} {
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ *big.Int, err error) error { return err }

// Without parameters every check blocks, however harmless its input.
func TestZeroParametersBlock(t *testing.T) {
	var p params.Parameters
	all := append(Summary(nil, p),
		Holdings(true, p), Class(nil, p), Within(nil, p), Extremes(nil, p), Bins(nil, nil, nil, p),
		Freedom(Model{}, p), Saturated(Model{}, p), Survival([]Step{{100, 10}}, true, p), Ratios(nil, p), Means(nil, p),
		Rounding(line(10, 5, 5), Grid{Base: 5}, p), Rounding(nil, Grid{6, true}, p), Records(nil, p),
		Bits(Declared, nil, 0, p), Graded(nil, 0, p))
	if i := slices.IndexFunc(all, func(f Finding) bool { return f.Status != Block || f.ZH == "" }); i >= 0 {
		t.Errorf("%+v", all[i])
	}
}
