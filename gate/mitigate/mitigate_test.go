package mitigate

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/gate/sheet/check"
)

func house(t *testing.T) params.Parameters {
	t.Helper()
	p, err := params.For(params.HouseProfile, 2)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func load(t *testing.T, in sheet.Input) sheet.Case {
	t.Helper()
	c, err := sheet.Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func text(name, body string) *sheet.File {
	return &sheet.File{Name: name, Body: strings.NewReader(body)}
}

func example(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "examples", "gatecheck", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func rank(t *testing.T, c sheet.Case, p params.Parameters) []Option {
	t.Helper()
	list, err := Rank(c.Table, c.Facts, p, Options{Bases: []int64{10}})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// The example: merging the two districts with small cells costs less than
// hiding anything, and leaves nothing to hide.
func TestCity(t *testing.T) {
	s, err := sheet.ParseSpec("spec.json", example(t, "spec.json"))
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, sheet.Input{Table: sheet.File{Name: "t", Body: bytes.NewReader(example(t, "table.csv"))}, Micro: &sheet.File{Name: "m", Body: bytes.NewReader(example(t, "micro.csv"))}, Spec: s})
	list := rank(t, c, house(t))
	if first := list[0]; first.Kind != Coarsen || first.Hidden != 0 || first.Verdict != check.Pass || !strings.Contains(first.Text.EN, "{西岭区, 北港区}") {
		t.Errorf("first: %+v", first)
	}
	seen := map[Kind]bool{}
	for i, o := range list {
		seen[o.Kind] = true
		if o.Loss < 0 || o.Loss > 1 || math.Abs(o.Loss-(1-(1-o.Error)*(1-o.Entropy))) > 1e-12 {
			t.Errorf("%s: loss %v of %v and %v", o.Kind, o.Loss, o.Error, o.Entropy)
		}
		if i > 0 && place(o.Verdict) == place(list[i-1].Verdict) && o.Loss < list[i-1].Loss {
			t.Errorf("%s stands after %s", o.Kind, list[i-1].Kind)
		}
	}
	for _, k := range []Kind{Suppress, Round, Coarsen, Figure, Margin, Noise} {
		if !seen[k] {
			t.Errorf("no option %s", k)
		}
	}
}

const counts = `age,n
0-9,50
10-19,4
20-29,30
30-39,3
40-49,40
50-59,20
`

func aged(t *testing.T, ordered bool, groups map[string][]string) sheet.Case {
	t.Helper()
	codes := []string{"0-9", "10-19", "20-29", "30-39", "40-49", "50-59"}
	s := sheet.Spec{Dims: []sheet.DimSpec{{Name: "age", Codes: codes, Ordered: ordered, Groups: groups}}, Figures: []sheet.Figure{{Name: "n", Kind: sheet.Count}}}
	return load(t, sheet.Input{Table: *text("t", counts), Evidence: text("e", counts), Spec: s})
}

// Of an ordered dim only neighbours are merged, along a hierarchy only its
// levels, and otherwise any codes; each with the least loss that there is.
func TestCoarsen(t *testing.T) {
	decades := map[string][]string{"young": {"0-9", "10-19"}, "middle": {"20-29", "30-39", "40-49"}, "old": {"50-59"}}
	for name, c := range map[string]struct {
		in   sheet.Case
		want string
	}{
		"ordered":   {aged(t, true, nil), "0-9,10-19～30-39,40-49,50-59"},
		"unordered": {aged(t, false, nil), "0-9,10-19+30-39+50-59,20-29,40-49"},
		"hierarchy": {aged(t, false, decades), "young,middle,50-59"},
	} {
		list := rank(t, c.in, house(t))
		i := slices.IndexFunc(list, func(o Option) bool { return o.Kind == Coarsen && o.Hidden == 0 })
		if i < 0 {
			t.Errorf("%s: no coarser table with nothing to hide", name)
			continue
		}
		got := strings.Join(list[i].Table.Grid.Dims[0].Codes, ",")
		if name == "unordered" { // several are equally good: what counts is the loss
			r := ranker{t: c.in.Table, f: c.in.Facts, p: house(t)}
			if best := brute(&r); math.Abs(best-list[i].Entropy) > 1e-12 {
				t.Errorf("%s: %s loses %v, the best %v", name, got, list[i].Entropy, best)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// brute is the least entropy of any way to merge six codes that leaves nothing
// to hide, found by counting in base six.
func brute(r *ranker) float64 {
	s := searcher{ranker: r, facts: []sheet.Facts{r.f}, budget: 1 << 30}
	best := math.Inf(1)
	for code := range 6 * 6 * 6 * 6 * 6 * 6 {
		p := make([]int, 6)
		for i := range p {
			p[i], code = code%6, code/6
		}
		if q := renumber(p); slices.Equal(p, q) && s.unsafe(split{q}) == 0 {
			best = min(best, entropy(r.f, split{q}))
		}
	}
	return best
}

// Where there are too many splits to try, the search merges step by step and
// ends with nothing to hide.
func TestGreedy(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var b strings.Builder
	b.WriteString("a,b,n\n")
	for i := range 14 {
		for j := range 9 {
			fmt.Fprintf(&b, "%02d,%d,%d\n", i, j, rng.IntN(60))
		}
	}
	c := load(t, sheet.Input{Table: *text("t", b.String()), Evidence: text("e", b.String())})
	r := ranker{t: c.Table, f: c.Facts, p: house(t)}
	s := searcher{ranker: &r, facts: []sheet.Facts{c.Facts}, budget: maxTried}
	found := s.search()
	if len(found) == 0 || s.unsafe(found[0]) != 0 || s.budget == maxTried {
		t.Errorf("%d splits, %d left to hide", len(found), s.unsafe(found[0]))
	}
}

// Four cells of equally many units: two bits, of which merging two cells takes
// half a bit, and merging all of them all.
func TestEntropy(t *testing.T) {
	even := "a,n\n1,20\n2,20\n3,20\n4,20\n"
	c := load(t, sheet.Input{Table: *text("t", even), Evidence: text("e", even)})
	for _, x := range []struct {
		to   []int
		want float64
	}{{[]int{0, 1, 2, 3}, 0}, {[]int{0, 0, 1, 2}, 0.25}, {[]int{0, 0, 1, 1}, 0.5}, {[]int{0, 0, 0, 0}, 1}} {
		if got := entropy(c.Facts, split{x.to}); math.Abs(got-x.want) > 1e-12 {
			t.Errorf("%v: %v, want %v", x.to, got, x.want)
		}
	}
}

// The error of a table: rounding 12 to 10 and 24 to 25, one cell hidden.
func TestLoss(t *testing.T) {
	wanted := "a,n\n1,12\n2,24\n3,30\n4,0\n"
	shown := "a,n\n1,10\n2,25\n3,*\n4,0\n"
	c := load(t, sheet.Input{Table: *text("t", wanted), Evidence: text("e", wanted)})
	made := load(t, sheet.Input{Table: *text("t", shown), Evidence: text("e", wanted)})
	want := (2.0/12 + 1.0/24 + 1 + 0) / 4
	if got := loss(c.Table, made.Table, c.Facts); math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, want %v", got, want)
	}
	if got := loss(c.Table, c.Table, c.Facts); got != 0 {
		t.Errorf("the table itself: %v", got)
	}
}

// One count at rho 1/100: sigma is sqrt(50), and 95 in 100 of the noise lie
// within 1.96 of it.
func TestNoise(t *testing.T) {
	c := aged(t, false, nil)
	list, err := Rank(c.Table, c.Facts, house(t), Options{Rho: 0.01})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(o Option) bool { return o.Kind == Noise })
	if i < 0 || math.Abs(list[i].HalfWidth[0]-1.96*math.Sqrt(50)) > 1e-9 || list[i].Verdict != check.Review {
		t.Errorf("%+v", list[i])
	}
}

func TestRefused(t *testing.T) {
	c := load(t, sheet.Input{Table: *text("t", counts), Dims: []string{"age"}})
	if _, err := Rank(c.Table, c.Facts, house(t), Options{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("without evidence: %v", err)
	}
	if _, err := Rank(c.Table, c.Facts, params.Parameters{}, Options{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("without parameters: %v", err)
	}
}

// What is said to pass does: in a table with the evidence of the option no
// value stands that must be hidden.
func TestOptionsHold(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	p := house(t)
	for range 10 {
		var micro, table strings.Builder
		micro.WriteString("key,a,b,v\n")
		table.WriteString("a,b,n,v\n")
		u := 0
		for a := range 5 {
			for b := range 3 {
				for range rng.IntN(45) {
					u++
					fmt.Fprintf(&micro, "u%d,%d,%d,%d\n", u, a, b, 1+rng.IntN(1000))
				}
				fmt.Fprintf(&table, "%d,%d,*,*\n", a, b)
			}
			fmt.Fprintf(&table, "%d,_T,*,*\n", a)
		}
		c := load(t, sheet.Input{Table: *text("t", table.String()), Micro: text("m", micro.String()), Dims: []string{"a", "b"}, Unit: []string{"key"}})
		for _, o := range rank(t, c, p) {
			if o.Table == nil {
				continue
			}
			if o.Verdict == check.Fail || o.Verdict == check.Block {
				t.Errorf("%s comes to %s: %s\n%s", o.Kind, o.Verdict, o.Text.EN, o.Table.CSV())
			}
			for _, row := range o.Table.Rows {
				for k, v := range row.Values {
					m := o.Table.Figures[k].Measure
					if v.Shown && check.MustHide(o.Facts.Cells[m][row.Item], m, p) {
						t.Errorf("%s shows %v", o.Kind, o.Table.Grid.Label(row.Item))
					}
				}
			}
		}
	}
}

// Whatever stands in the files, the way from them to the ranking ends in a
// record or in an error, and what is proposed shows no cell that must not be.
func FuzzFiles(f *testing.F) {
	f.Add("a,b,n,v\n0,x,12,100\n0,_T,*,\n1,x,3,-5\n_T,_T,15,95\n", "key,a,b,v\nk,0,x,1\nl,1,x,\nk,1,x,2.5\n", "", uint8(1))
	f.Add(counts, "", counts, uint8(3))
	f.Add("a,b,n,v\n0,x,12,100\n0,y,12,100\n0,_T,24,200\n", "", "a,b,n,top1,top2,sum,min,max,apart\n0,x,12,20,10,100,1,20,11\n0,y,12,90,1,100,1,90,11\n", uint8(4))
	f.Fuzz(func(t *testing.T, table, micro, evidence string, grade uint8) {
		if len(table)+len(micro)+len(evidence) > 2000 {
			return // small tables have all the cases, and audits of large ones take their time
		}
		in := sheet.Input{Table: *text("t", table), Dims: []string{"a", "b"}, Unit: []string{"key"}, Earlier: []sheet.File{*text("o", table)}}
		switch {
		case micro != "":
			in.Micro = text("m", micro)
		case evidence != "":
			in.Evidence, in.Dims = text("e", evidence), nil
		}
		c, err := sheet.Load(in)
		if err != nil {
			return
		}
		p, err := params.For(params.StrictProfile, int(grade%5))
		if err != nil {
			t.Fatal(err)
		}
		r, err := check.Run(c, p)
		if err != nil || len(r.Bytes()) == 0 || r.Report(check.EN) == "" {
			t.Fatalf("no record: %v", err)
		}
		list, err := Rank(c.Table, c.Facts, p, Options{Bases: []int64{10}})
		if err != nil {
			return
		}
		for _, o := range list {
			if o.Table == nil {
				continue
			}
			for _, row := range o.Table.Rows {
				for k, v := range row.Values {
					if m := o.Table.Figures[k].Measure; m >= 0 && v.Shown && check.MustHide(o.Facts.Cells[m][row.Item], m, p) {
						t.Fatalf("%s shows %v", o.Kind, o.Table.Grid.Label(row.Item))
					}
				}
			}
		}
	})
}
