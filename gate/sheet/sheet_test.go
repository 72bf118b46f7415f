package sheet

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
)

func file(name, body string) File { return File{name, strings.NewReader(body)} }

const (
	table = `district,sector,firms,turnover
东,工业,12,3400.50
东,商业,*,*
东,_T,15,
西,工业,10,900.00
西,商业,0,0.00
西,_T,10,900.00
`
	evidenced = `district,sector,n,top1,top2,sum,min,max
东,工业,12,500,400.25,3400.5,10,500
东,商业,3,80,20,110,10,80
西,工业,10,100,95,900,60,100
`
	microdata = `key,district,sector,turnover
a,东,工业,10.5
a,东,工业,2
b,东,商业,7
c,西,工业,-3
c,西,工业,NA
d,西,工业,
a,西,工业,1
`
)

func load(t *testing.T, in Input) Case {
	t.Helper()
	c, err := Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoadEvidence(t *testing.T) {
	c := load(t, Input{Table: file("t.csv", table), Evidence: new(file("e.csv", evidenced))})
	g := c.Table.Grid
	if got := g.Items(); got != 6 || g.Cells() != 4 || len(c.Table.Rows) != 6 {
		t.Fatalf("%d items, %d cells, %d rows", got, g.Cells(), len(c.Table.Rows))
	}
	if v := c.Table.Rows[0].Values; v[0] != (Value{true, 12}) || v[1] != (Value{true, 340050}) {
		t.Errorf("first row: %v", v)
	}
	if v := c.Table.Rows[1].Values; v[0].Shown || v[1].Shown {
		t.Errorf("a hidden row: %v", v)
	}
	east := c.Facts.Cells[1][c.Table.Rows[2].Item] // a total that follows from its parts
	if east.N != 15 || east.Sum != 351050 || east.Top[0] != 50000 || east.Top[1] != 40025 || east.Has(HasTop3) {
		t.Errorf("a total: %+v", east)
	}
	if none := c.Facts.Cells[1][c.Table.Rows[4].Item]; !none.nobody() {
		t.Errorf("a cell that nobody is in: %+v", none)
	}
	if got := g.Label(c.Table.Rows[5].Item); !slices.Equal(got, []string{"西", "_T"}) {
		t.Errorf("label %v", got)
	}
}

// The unit is the key: two records of one enterprise are one unit, one that
// stands in two cells is one in their total, and a value that is missing is
// none.
func TestLoadMicro(t *testing.T) {
	c := load(t, Input{Table: file("t.csv", table), Micro: new(file("m.csv", microdata)), Dims: []string{"district", "sector"}, Unit: []string{"key"}})
	f, g := c.Facts, c.Table.Grid
	cell := func(m int, codes ...string) Cell {
		at := make([]int, len(codes))
		for i, code := range codes {
			if at[i] = g.Dims[i].Index(code); at[i] < 0 {
				t.Fatalf("no code %s", code)
			}
		}
		return f.Cells[m][g.At(at)]
	}
	if !f.Overlap || !f.Exact || !f.Holdings {
		t.Errorf("overlap %v, exact %v, holdings %v", f.Overlap, f.Exact, f.Holdings)
	}
	if e := cell(1, "东", "工业"); e.N != 1 || e.Records != 2 || e.Sum != 1250 || e.Top[0] != 1250 {
		t.Errorf("two records of one unit: %+v", e)
	}
	if e := cell(1, "西", "工业"); e.N != 2 || e.Missing != 1 || e.Min != -300 || e.Abs != 400 || e.Sum != -200 {
		t.Errorf("west: %+v", e)
	}
	if e := cell(0, "西", "_T"); e.N != 3 {
		t.Errorf("units in the west: %+v", e)
	}
	if e := cell(0, "东", "_T"); e.N != 2 {
		t.Errorf("units in the east: %+v", e)
	}
}

// Evidence that is computed for coarser codes is that of the coarser table, and
// so is evidence that is added up, where no unit stands in two cells.
func TestRecode(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var micro, tab strings.Builder
	micro.WriteString("key,a,b,v\n")
	tab.WriteString("a,b,n,v\n")
	for i := range 300 {
		micro.WriteString("u" + strconv.Itoa(i/2) + "," + strconv.Itoa(i/2%4) + "," + strconv.Itoa(i/2%3) + "," + strconv.Itoa(rng.IntN(50)-5) + "\n")
	}
	for a := range 4 {
		for b := range 3 {
			tab.WriteString(strconv.Itoa(a) + "," + strconv.Itoa(b) + ",*,*\n")
		}
	}
	tab.WriteString("_T,_T,*,*\n")
	c := load(t, Input{Table: file("t", tab.String()), Micro: new(file("m", micro.String())), Dims: []string{"a", "b"}, Unit: []string{"key"}})
	coarse := Grid{slices.Clone(c.Table.Grid.Dims)}
	coarse.Dims[0].Codes = []string{"01", "23"}
	coarse.Dims[0].Groups = []Group{{"_T", []int{0, 1}}}
	maps := [][]int{{0, 0, 1, 1}, {0, 1, 2}}
	exact := c.Facts.Recode(coarse, maps)
	added := c.Facts
	added.micro = nil
	merged := added.Recode(coarse, maps)
	for m := range exact.Cells {
		for i := range exact.Cells[m] {
			x, y := exact.Cells[m][i], merged.Cells[m][i]
			if y.Apart > x.Apart {
				t.Errorf("item %d: %d apart, but %d", i, y.Apart, x.Apart)
			}
			x.Apart, y.Apart = 0, 0
			if x != y {
				t.Errorf("measure %d, item %d: %+v, added up %+v", m, i, x, y)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	in := Input{
		Table:    file("t.json", `[{"d":"a","n":12,"v":3.5},`+"\n"+`{"v":null,"d":"_T","n":"*"}]`),
		Evidence: new(file("e.json", `[{"d":"a","n":12,"top1":1,"sum":3.5}]`)),
	}
	c := load(t, in)
	if r := c.Table.Rows; r[0].Values[1] != (Value{true, 35}) || r[1].Values[0].Shown || r[1].Line != 2 {
		t.Errorf("rows: %+v", r)
	}
}

// Every refusal names the file, where there is one the line and the column, and
// says what to do.
func TestRefusals(t *testing.T) {
	e := evidenced
	for name, c := range map[string]struct {
		table, evidence, micro string
		want                   string
	}{
		"thousands":        {"d,n\na,\"1,234\"\n", "d,n\na,1\n", "", `t.csv 第 2 行 line 2，列 column "n"`},
		"exponent":         {"d,n\na,1e3\n", "d,n\na,1\n", "", "exponents"},
		"not a number":     {"d,n\na,NaN\n", "d,n\na,1\n", "", "plain number"},
		"too fine":         {"d,v\na,0.1234567\n", "d,n\na,1\n", "", "decimals"},
		"too large":        {"d,v\na,99999999999999999999999\n", "d,n\na,1\n", "", "10^15"},
		"twice":            {"d,n\na,1\na,2\n", "d,n\na,1\n", "", "line 3"},
		"short line":       {"d,n\na\n", "d,n\na,1\n", "", "line 2"},
		"open quote":       {"d,n\n\"a,1\n", "d,n\na,1\n", "", "quote"},
		"no code":          {"d,n\n,1\n", "d,n\na,1\n", "", "_T"},
		"control":          {"d,n\na\x01,1\n", "d,n\na,1\n", "", "U+0001"},
		"other encoding":   {"d,n\n\xb6\xab,1\n", "d,n\na,1\n", "", "UTF-8"},
		"nothing":          {"", "d,n\na,1\n", "", "t.csv"},
		"header alone":     {"d,n\n", "d,n\na,1\n", "", "t.csv"},
		"no evidence on n": {table, "district,sector,top1\n东,工业,1\n", "", `e.csv 第 1 行 line 1`},
		"a dim is missing": {"district,n\n东,1\n", e, "", `"sector"`},
		"half a unit":      {table, "district,sector,n\n东,工业,1.5\n", "", "integer"},
		"evidence twice":   {table, e + "东,工业,12,1,1,1,1,1\n", "", "line 5"},
		"top2 above top1":  {table, "district,sector,n,top1,top2\n东,工业,12,1,2\n", "", `"top2"`},
		"top above sum":    {table, "district,sector,n,top1,min,sum\n东,工业,12,9,1,8\n", "", `"top1"`},
		"nothing of many":  {table, "district,sector,n,sum\n东,工业,0,8\n", "", `"n"`},
		"no key":           {table, "", "id,district,sector,turnover\n1,东,工业,1\n", `"key"`},
		"a bad record":     {table, "", microdata + "e,东,工业,much\n", `m.csv 第 9 行 line 9，列 column "turnover"`},
		"a missing code":   {table, "", microdata + "e,,工业,1\n", `column "district"`},
		"json":             {`{"d":1}`, "d,n\na,1\n", "", "array"},
		"json, nested":     {`[{"d":"a","n":[1]}]`, "d,n\na,1\n", "", "t.csv"},
		"json, more":       {`[{"d":"a","n":1}] x`, "d,n\na,1\n", "", "more after"},
		"a count of parts": {"d,n\na,1.5\n", "d,n\na,1\n", "", "decimals"},
		"a long line":      {"d,n\n\"" + strings.Repeat("a\n", 40_000), "d,n\na,1\n", "", "64 KiB"},
	} {
		in := Input{Table: file("t.csv", c.table), Dims: nil, Unit: []string{"key"}}
		if c.evidence != "" {
			in.Evidence = new(file("e.csv", c.evidence))
		} else {
			in.Micro, in.Dims = new(file("m.csv", c.micro)), []string{"district", "sector"}
		}
		_, err := Load(in)
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestSpec(t *testing.T) {
	good := `{"dims":[{"name":"d","codes":["a","b","c"],"groups":{"ab":["a","b"],"abc":["ab","c"]}}],
"figures":[{"name":"n","kind":"count"},{"name":"m","kind":"mean","of":"v"}],"unit":["key"]}`
	s, err := ParseSpec("s.json", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	dims, err := s.dims([]string{"d"}, [][]string{{"a", "ab", "_T"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Group{{"ab", []int{0, 1}}, {"abc", []int{0, 1, 2}}, {"_T", []int{0, 1, 2}}}
	if !reflect.DeepEqual(dims[0].Groups, want) {
		t.Errorf("groups %v", dims[0].Groups)
	}
	for name, bad := range map[string]string{
		"a slip":       `{"dimz":[]}`,
		"no kind":      `{"figures":[{"name":"n"}]}`,
		"of nothing":   `{"figures":[{"name":"n","kind":"sum"}]}`,
		"twice":        `{"dims":[{"name":"d","codes":["a","a"]}]}`,
		"a grade":      `{"grade":7}`,
		"more":         `{} {}`,
		"not json":     `{`,
		"earlier":      `{"context":{"earlier":"perhaps"}}`,
		"half a ratio": `{"figures":[{"name":"n","kind":"ratio","of":"a"}]}`,
	} {
		if _, err := ParseSpec("s.json", []byte(bad)); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "s.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Dims[0].Groups["ab"] = []string{"abc"}
	if _, err := s.dims([]string{"d"}, [][]string{{"a"}}); !errors.Is(err, fault.Invalid) {
		t.Errorf("a group within itself: %v", err)
	}
}

// Numbers are read as they are written, or not at all.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-0", "1.50", "-12.000001", "1e3", "+5", "007", ".5", "5.", "999999999999999", "--1", "1.2.3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, _, why := parse(s)
		if why[0] != "" {
			return
		}
		if v.places > MaxPlaces || v.n > MaxValue || v.n < -MaxValue {
			t.Fatalf("%q is %+v", s, v)
		}
		again := Format(v.n, v.places)
		w, odd, why := parse(again)
		if why[0] != "" || odd[0] != "" || w != v {
			t.Fatalf("%q is %+v, written %q, read as %+v", s, v, again, w)
		}
	})
}

// No file makes it panic, and what it lets through is within its bounds.
func FuzzLoad(f *testing.F) {
	f.Add(table, evidenced, "")
	f.Add(table, "", microdata)
	f.Add(`[{"district":"a","sector":"b","n":1}]`, `[{"district":"a","sector":"b","n":1}]`, "")
	f.Add("\xef\xbb\xbfdistrict,sector,n\na,b,1\n", "", "key,district,sector\n,a,b\n,a,b\n")
	f.Fuzz(func(t *testing.T, tab, ev, mi string) {
		in := Input{Table: file("t", tab), Unit: []string{"key"}, Dims: []string{"district", "sector"}, Earlier: []File{file("o", tab)}}
		if ev != "" {
			in.Evidence = new(file("e", ev))
		} else if mi != "" {
			in.Micro = new(file("m", mi))
		}
		c, err := Load(in)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Fatalf("another kind: %v", err)
			}
			return
		}
		if c.Table.Grid.Items() > MaxItems || len(c.Table.Rows) > MaxRows {
			t.Fatal("beyond its bounds")
		}
		for _, m := range c.Facts.Cells {
			for _, cell := range m {
				if cell.N < 0 || cell.Apart < 0 || cell.Top[0] < 0 {
					t.Fatalf("absurd evidence: %+v", cell)
				}
			}
		}
	})
}

func FuzzSpec(f *testing.F) {
	f.Add([]byte(`{"dims":[{"name":"d","codes":["a"],"groups":{"g":["g"]}}]}`))
	f.Add([]byte(`{"figures":[{"name":"n","kind":"count"}],"context":{"earlier":"none"}}`))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		s, err := ParseSpec("s", raw)
		if err != nil {
			return
		}
		var names []string
		var met [][]string
		for _, d := range s.Dims {
			names, met = append(names, d.Name), append(met, []string{"a", "_T"})
		}
		_, _ = s.dims(names, met)
	})
}
