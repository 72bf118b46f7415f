package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/suite"
)

const examples = "../../../examples/gatecheck"

func open(t *testing.T, name string) *sheet.File {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return &sheet.File{Name: name, Body: bytes.NewReader(raw)}
}

func text(name, body string) *sheet.File {
	return &sheet.File{Name: name, Body: strings.NewReader(body)}
}

func load(t *testing.T, in sheet.Input) sheet.Case {
	t.Helper()
	c, err := sheet.Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// city is the example, with its spec.
func city(t *testing.T, change func(*sheet.Input)) sheet.Case {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(examples, "spec.json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sheet.ParseSpec("spec.json", raw)
	if err != nil {
		t.Fatal(err)
	}
	in := sheet.Input{Table: *open(t, "table.csv"), Micro: open(t, "micro.csv"), Spec: s}
	if change != nil {
		change(&in)
	}
	return load(t, in)
}

func run(t *testing.T, c sheet.Case) Record {
	t.Helper()
	p, err := Parameters("house", c.Spec)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(c, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func of(t *testing.T, r Record, id string) Check {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.ID == id })
	if i < 0 {
		t.Fatalf("no check %s", id)
	}
	return r.Checks[i]
}

func want(t *testing.T, r Record, what string, of map[string]Status) {
	t.Helper()
	for _, c := range r.Checks {
		if s, ok := of[c.ID]; ok && c.Status != s {
			t.Errorf("%s: %s is %s, want %s: %s", what, c.ID, c.Status, s, c.Reason.EN)
		}
	}
}

// The example fails for the cells that it was made to fail for, with microdata
// as with evidence; the cell that has fourteen records of nine enterprises is
// one of them, though counting rows would let it out.
func TestCity(t *testing.T) {
	for name, change := range map[string]func(*sheet.Input){
		"microdata": nil,
		"evidence": func(in *sheet.Input) {
			in.Micro, in.Evidence = nil, open(t, "evidence.csv")
			in.Spec.Figures = nil
			in.Count = "enterprises"
		},
	} {
		r := run(t, city(t, change))
		want(t, r, name, map[string]Status{"C05": Fail, "C07": Fail, "C08": Fail, "C10": Fail, "C12": Fail, "C29": Fail, "C04": Pass, "C06": Pass, "C21": Pass, "C25": NotApplicable})
		if r.Verdict != Fail || r.ExitCode() != 1 {
			t.Errorf("%s: verdict %s", name, r.Verdict)
		}
		var got []string
		for _, p := range of(t, r, "C05").Places {
			got = append(got, strings.Join(p.Codes, "/")+" "+p.Figure)
		}
		if want := []string{"西岭区/住宿餐饮 enterprises", "西岭区/住宿餐饮 turnover", "北港区/住宿餐饮 enterprises", "北港区/住宿餐饮 turnover"}; !slices.Equal(got, want) {
			t.Errorf("%s: C05 names %v", name, got)
		}
		if p := of(t, r, "C07").Places; len(p) != 1 || p[0].Row != 12 || p[0].Column != 1 {
			t.Errorf("%s: C07 names %+v", name, p)
		}
		if !slices.Contains(r.Results["output_0"].Files[0].SDC.Cells["p-ratio"], [2]int{12, 1}) || r.Results["output_0"].Outcome.Rows[12][1] != "p-ratio; nk-rule" {
			t.Errorf("%s: ACRO's cells %v", name, r.Results["output_0"].Files[0].SDC)
		}
	}
	if rows := city(t, nil).Facts.Cells[0][city(t, nil).Table.Rows[10].Item].Records; rows < 10 {
		t.Errorf("the cell has %d records, and should have more than the threshold", rows)
	}
}

// What safe.csv shows passes every check when it is checked again.
func TestSafeCity(t *testing.T) {
	c := city(t, nil)
	p, err := Parameters("house", c.Spec)
	if err != nil {
		t.Fatal(err)
	}
	made, err := Safe(c.Table, c.Facts, p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	again := city(t, func(in *sheet.Input) {
		in.Table = sheet.File{Name: "safe.csv", Body: bytes.NewReader(made.Table.CSV())}
	})
	if r := run(t, again); r.Verdict != Pass {
		t.Errorf("%s\n%s", made.Table.CSV(), r.Report(EN))
	}
	if made.Secondary == 0 || made.Primary != 3 || made.Primary+made.Secondary == made.Rows {
		t.Errorf("%d primary, %d secondary of %d", made.Primary, made.Secondary, made.Rows)
	}
}

// An earlier table without the sector of few gives it by subtraction.
func TestEarlier(t *testing.T) {
	c := city(t, func(in *sheet.Input) { in.Earlier = []sheet.File{*open(t, "earlier.csv")} })
	r := run(t, c)
	want(t, r, "earlier", map[string]Status{"C25": Block, "C26": Block, "C27": Review, "C28": Review})
	if r.Verdict != Block || len(of(t, r, "C25").Places) != 2 {
		t.Errorf("verdict %s, %v", r.Verdict, of(t, r, "C25").Places)
	}
	p, _ := Parameters("house", c.Spec)
	made, err := Safe(c.Table, c.Facts, p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	rounded := func(in *sheet.Input) {
		in.Table = sheet.File{Name: "safe.csv", Body: bytes.NewReader(made.Table.CSV())}
		in.Earlier = []sheet.File{{Name: "before.csv", Body: bytes.NewReader(made.Table.CSV())}}
		in.Spec.Context.Earlier = sheet.EarlierListed
	}
	want(t, run(t, city(t, rounded)), "the same again", map[string]Status{"C25": Pass, "C26": Pass, "C27": Pass, "C28": Review})
	otherwise, err := Safe(c.Table, c.Facts, p, Options{Base: 10})
	if err != nil {
		t.Fatal(err)
	}
	want(t, run(t, city(t, func(in *sheet.Input) {
		rounded(in)
		in.Earlier = []sheet.File{{Name: "before.csv", Body: bytes.NewReader(otherwise.Table.CSV())}}
	})), "otherwise rounded", map[string]Status{"C28": Block})
}

// Without evidence nothing that needs it passes, and nothing fails.
func TestNoEvidence(t *testing.T) {
	r := run(t, load(t, sheet.Input{Table: *text("t", "a,n,v\nx,50,10\ny,60,20\n_T,110,30\n"), Dims: []string{"a"}}))
	want(t, r, "no evidence", map[string]Status{
		"C01": Review, "C05": Review, "C06": Review, "C07": Review, "C08": Review, "C09": Review, "C10": Review,
		"C20": Review, "C21": Review, "C22": Review, "C23": Review, "C24": Review, "C25": Review, "C26": Review, "C29": Review, "C30": Review, "C31": Review, "C36": Review,
	})
	if r.Verdict != Review || r.ExitCode() != 3 {
		t.Errorf("verdict %s", r.Verdict)
	}
}

// Every check, at its edge, in a table of one line.
func TestEdges(t *testing.T) {
	row := func(n, top1, top2, sum, low, high, apart int64) string {
		return fmt.Sprintf("%d,%d,%d,%d,%d,%d,%d,0,0", n, top1, top2, sum, low, high, apart)
	}
	good := row(40, 30, 20, 1000, 1, 30, 39)
	for name, c := range map[string]struct {
		evidence string
		want     map[string]Status
	}{
		"ten units":           {row(10, 30, 20, 120, 1, 30, 10-1), map[string]Status{"C05": Pass, "C10": Fail}},
		"nine units":          {row(9, 30, 20, 120, 1, 30, 8), map[string]Status{"C05": Fail}},
		"ten units apart":     {row(11, 30, 20, 120, 1, 30, 10), map[string]Status{"C10": Pass}},
		"p% at the edge":      {row(40, 1000, 500, 1600, 1, 1000, 30), map[string]Status{"C07": Pass}},
		"p% below":            {row(40, 1000, 500, 1599, 1, 1000, 30), map[string]Status{"C07": Fail}},
		"(2,90) at the edge":  {row(40, 500, 400, 1000, 1, 500, 30), map[string]Status{"C08": Pass}},
		"(2,90) above":        {row(40, 501, 400, 1000, 1, 501, 30), map[string]Status{"C08": Fail}},
		"one negative":        {row(40, 30, 20, 1000, -1, 30, 30), map[string]Status{"C07": Review, "C09": Review}},
		"all the same":        {row(40, 25, 25, 1000, 25, 25, 0), map[string]Status{"C10": Fail}},
		"nobody":              {row(0, 0, 0, 0, 0, 0, 0), map[string]Status{"C05": Pass, "C10": Pass}},
		"everything in order": {good, map[string]Status{"C05": Pass, "C07": Pass, "C08": Pass, "C09": Pass, "C10": Pass}},
	} {
		f := strings.Split(c.evidence, ",")
		table := "a,n,v\nx," + f[0] + "," + f[3] + "\ny,40,1000\n"
		evidence := "a,n,top1,top2,sum,min,max,apart,missing,zeros\nx," + c.evidence + "\ny," + good + "\n"
		want(t, run(t, load(t, sheet.Input{Table: *text("t", table), Evidence: text("e", evidence)})), name, c.want)
	}
}

// What a table writes and how it is written.
func TestForm(t *testing.T) {
	evidence := "a,n\nx,40\ny,50\n"
	for name, c := range map[string]struct {
		table string
		want  map[string]Status
	}{
		"in order":               {"a,n\nx,40\ny,50\n_T,90\n", map[string]Status{"C02": Pass, "C29": Pass}},
		"rows moved":             {"a,n\ny,50\nx,40\n_T,90\n", map[string]Status{"C02": Review}},
		"leading zero":           {"a,n\nx,040\ny,50\n_T,90\n", map[string]Status{"C02": Fail}},
		"invisible":              {"a,n\nx\u200b,40\ny,50\n_T,90\n", map[string]Status{"C02": Block}},
		"decomposed":             {"a,n\ne\u0301,40\ny,50\n_T,90\n", map[string]Status{"C02": Block}},
		"a citizen number":       {"a,n\nx,40\n11010519491231002X,50\n_T,90\n", map[string]Status{"C04": Block}},
		"not what evidence says": {"a,n\nx,40\ny,57\n_T,90\n", map[string]Status{"C29": Fail}},
		"nearly all in one":      {"a,n\nx,40\ny,50\n_T,90\n", map[string]Status{"C11": Pass}},
		"total minus one":        {"a,n\nx,40\ny,*\n_T,90\n", map[string]Status{"C21": Block}},
		"a free-standing gap":    {"a,n\nx,40\ny,*\n", map[string]Status{"C21": Pass}},
	} {
		r := run(t, load(t, sheet.Input{Table: *text("t", c.table), Evidence: text("e", evidence)}))
		want(t, r, name, c.want)
	}
}

// Counts rounded to midpoints (3, 9, 15) are rounded, and to other multiples of
// three are not.
func TestMidpoint(t *testing.T) {
	evidence := "a,n\nx,41\ny,50\n"
	for table, s := range map[string]Status{"a,n\nx,39\ny,51\n": Pass, "a,n\nx,42\ny,51\n": Fail, "a,n\nx,40\ny,50\n": Pass} {
		want(t, run(t, load(t, sheet.Input{Table: *text("t", table), Evidence: text("e", evidence)})), table, map[string]Status{"C29": s})
	}
}

// Where a unit stands in several cells, cells do not add up: hidden cells
// cannot be audited, and a safe table keeps no totals.
func TestOverlap(t *testing.T) {
	var micro strings.Builder
	micro.WriteString("key,a\n")
	for u := range 40 {
		fmt.Fprintf(&micro, "u%d,x\n", u)
		if u < 35 {
			fmt.Fprintf(&micro, "u%d,y\n", u)
		}
	}
	in := func(table string) sheet.Input {
		return sheet.Input{Table: *text("t", table), Micro: text("m", micro.String()), Dims: []string{"a"}, Unit: []string{"key"}}
	}
	c := load(t, in("a,n\nx,40\ny,*\n_T,40\n"))
	want(t, run(t, c), "overlap", map[string]Status{"C05": Pass, "C21": Review, "C29": Pass})
	p, err := params.For("house", 1)
	if err != nil {
		t.Fatal(err)
	}
	made, err := Safe(c.Table, c.Facts, p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(made.Table.CSV()); got != "a,n\nx,40\ny,35\n" || len(made.Notes) != 1 {
		t.Errorf("%s%v", got, made.Notes)
	}
}

// Figures that are no counts or sums.
func TestOtherFigures(t *testing.T) {
	spec := func(more string) sheet.Spec {
		s, err := sheet.ParseSpec("s", []byte(`{"dims":[{"name":"a"}],"figures":[{"name":"n","kind":"count"},`+more+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	evidence := "a,n,top1,top2,top3,sum,min,max,missing,zeros,apart\nx,40,30,20,20,1003,1,30,0,0,30\ny,60,30,20,20,1200,1,30,0,0,30\n"
	for name, c := range map[string]struct {
		figure, table string
		want          map[string]Status
	}{
		"a maximum":                     {`{"name":"m","kind":"max","of":"v"}`, "a,n,m\nx,40,30\ny,60,30\n", map[string]Status{"C13": Fail}},
		"a median":                      {`{"name":"m","kind":"percentile","of":"v","at":50}`, "a,n,m\nx,40,30\ny,60,30\n", map[string]Status{"C13": Pass}},
		"a tail of two":                 {`{"name":"m","kind":"percentile","of":"v","at":95}`, "a,n,m\nx,40,30\ny,60,30\n", map[string]Status{"C13": Fail}},
		"a mean beside an exact count":  {`{"name":"m","kind":"mean","of":"v"}`, "a,n,m\nx,40,25.08\ny,60,20.00\n", map[string]Status{"C19": Pass, "C29": Pass}},
		"a mean beside a rounded count": {`{"name":"m","kind":"mean","of":"v"}`, "a,n,m\nx,50,25.08\ny,50,20.00\n", map[string]Status{"C19": Fail}},
		"a mean that is none":           {`{"name":"m","kind":"mean","of":"v"}`, "a,n,m\nx,40,29.08\ny,60,20.00\n", map[string]Status{"C29": Fail}},
		"a ratio of few":                {`{"name":"k","kind":"count"},{"name":"m","kind":"ratio","of":"k","by":"n"}`, "a,n,k,m\nx,40,*,0.05\ny,60,*,0.50\n", map[string]Status{"C18": Fail}},
	} {
		r := run(t, load(t, sheet.Input{Table: *text("t", c.table), Evidence: text("e", evidence), Spec: spec(c.figure)}))
		want(t, r, name, c.want)
	}
}

// The record has every check once and in order, ACRO's form, and opens the
// public commitment; what is public names no cell.
func TestRecord(t *testing.T) {
	r := run(t, city(t, nil))
	if len(r.Checks) != 36 {
		t.Fatalf("%d checks", len(r.Checks))
	}
	for i, c := range r.Checks {
		if c.ID != fmt.Sprintf("C%02d", i+1) || c.Reason.ZH == "" || c.Reason.EN == "" || c.Status != Pass && c.Status != NotApplicable && c.Next == nil {
			t.Errorf("check %d: %+v", i+1, c)
		}
	}
	var acro struct {
		Results map[string]struct {
			Files []struct {
				SDC struct {
					Summary map[string]int64
					Cells   map[string][][]int
				}
			}
			Fair struct {
				Statbarn string
			}
		}
	}
	if err := json.Unmarshal(r.Bytes(), &acro); err != nil || acro.Results["output_0"].Files[0].SDC.Summary["threshold"] != 4 {
		t.Errorf("as ACRO's results.json: %v %+v", err, acro)
	}
	salt := suite.Salt{1}
	public := r.Public("sha256:", salt)
	if !public.Record.Opens(salt, r.Bytes()) {
		t.Error("the commitment does not open")
	}
	raw, err := json.Marshal(public)
	if err != nil || bytes.Contains(raw, []byte("住宿餐饮")) || bytes.Contains(raw, []byte("threshold")) {
		t.Errorf("public: %s", raw)
	}
}

func TestParameters(t *testing.T) {
	p, err := Parameters("house", sheet.Spec{Parameters: map[string]int64{"threshold": 20}})
	if err != nil || p.Threshold != 20 || p.PPercent != 10 {
		t.Errorf("%v %v", p, err)
	}
	for _, bad := range []map[string]int64{{"treshold": 20}, {"threshold": 1}, {"grade": 1}, {"profile": 1}} {
		if _, err := Parameters("house", sheet.Spec{Parameters: bad}); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	if _, err := Run(city(t, nil), params.Parameters{}); err == nil {
		t.Error("no parameters were taken")
	}
}

// random is a table over microdata that were drawn, one cell a unit.
func random(rng *rand.Rand) sheet.Input {
	a, b := 2+rng.IntN(3), 2+rng.IntN(3)
	var micro, table strings.Builder
	micro.WriteString("key,a,b,v\n")
	for x := range a {
		for y := range b {
			n := rng.IntN(40)
			if rng.IntN(3) == 0 {
				n = rng.IntN(12)
			}
			for u := range n {
				v := 100 + rng.IntN(900)
				if rng.IntN(60) == 0 {
					v *= 40
				}
				fmt.Fprintf(&micro, "%d-%d-%d,%d,%d,%d\n", x, y, u, x, y, v)
			}
		}
	}
	micro.WriteString("last,0,0,500\n")
	table.WriteString("a,b,n,v\n")
	for x := range a + 1 {
		for y := range b + 1 {
			name := func(i, n int) string {
				if i == n {
					return sheet.Total
				}
				return strconv.Itoa(i)
			}
			table.WriteString(name(x, a) + "," + name(y, b) + ",*,*\n")
		}
	}
	return sheet.Input{Table: *text("t", table.String()), Micro: text("m", micro.String()), Dims: []string{"a", "b"}, Unit: []string{"key"}}
}

// Whatever the data, no check fails for the table that is proposed.
func TestSafeRandom(t *testing.T) {
	tables := 60
	if os.Getenv("YUNEI_PROVE") == "1" {
		tables = 2000
	}
	shown := 0
	for seed := range tables {
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		c := load(t, random(rng))
		p, err := params.For("house", rng.IntN(5))
		if err != nil {
			t.Fatal(err)
		}
		made, err := Safe(c.Table, c.Facts, p, Options{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		r, err := Run(made.Of(c), p)
		if err != nil {
			t.Fatal(err)
		}
		shown += made.Rows - made.Primary - made.Secondary
		if r.Verdict == Fail || r.Verdict == Block {
			t.Errorf("seed %d, grade %d:\n%s\n%s", seed, p.Grade, made.Table.CSV(), r.Report(EN))
		}
	}
	if shown < 5*tables {
		t.Errorf("%d rows shown in %d tables: nearly everything is hidden", shown, tables)
	}
}
