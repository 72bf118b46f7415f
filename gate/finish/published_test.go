package finish

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// sums is a candidate of one cell, nothing rounded away: the units and the
// named figures.
func sums(units int64, names []string, values []int64) jobs.Candidate {
	c := jobs.Candidate{
		Format: jobs.CandidateFormat, Terms: suite.DigestOf(nil), Mode: jobs.SDC, Title: "标题", Namespace: jobs.NaturalPerson,
		Dims:       []jobs.Dim{{Name: "all", Title: "全部", Codes: []string{"1"}, Labels: []string{"全部"}}},
		Figures:    []jobs.Figure{{Name: "units", Title: "人数", Round: 1}},
		Statements: []jobs.Statement{{ZH: "无", EN: "none"}},
		Cells:      []jobs.Cell{append(jobs.Cell{units}, values...)},
	}
	for _, name := range names {
		c.Figures = append(c.Figures, jobs.Figure{Name: name, Title: name, Round: 1})
	}
	return c
}

func apply(tb testing.TB, spec string, c jobs.Candidate) Result {
	tb.Helper()
	s, err := Parse(spec)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := s.Apply(c)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func float(r *big.Rat) float64 { f, _ := r.Float64(); return f }

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-11*math.Abs(b) }

// products sums the columns, and the products of each pair i <= j.
func products(rows [][]int64) (single []int64, pairs [][]int64) {
	k := len(rows[0])
	single, pairs = make([]int64, k), make([][]int64, k)
	for i := range pairs {
		pairs[i] = make([]int64, k)
	}
	for _, r := range rows {
		for i := range k {
			single[i] += r[i]
			for j := i; j < k; j++ {
				pairs[i][j] += r[i] * r[j]
			}
		}
	}
	return single, pairs
}

// norris is the data set of the NIST Statistical Reference Datasets (ozone
// monitors, 36 observations), x and y in tenths.
var norris = [][]int64{
	{2, 1},
	{3374, 3388},
	{1182, 1181},
	{8846, 8880},
	{101, 92},
	{2265, 2281},
	{6663, 6685},
	{9963, 9985},
	{4486, 4491},
	{7770, 7789},
	{5582, 5592},
	{4, 3},
	{6, 1},
	{7755, 7781},
	{6669, 6688},
	{3380, 3393},
	{4475, 4489},
	{116, 108},
	{5560, 5577},
	{2281, 2283},
	{9958, 9980},
	{8876, 8888},
	{1202, 1196},
	{3, 3},
	{3, 6},
	{5568, 5576},
	{3391, 3393},
	{8872, 8880},
	{9990, 9985},
	{7790, 7789},
	{111, 102},
	{1183, 1176},
	{2292, 2289},
	{6691, 6684},
	{4489, 4492},
	{5, 2},
}

// The certified values of NIST StRD "Norris".
func TestNorris(t *testing.T) {
	s, p := products(norris)
	c := sums(36, []string{"x", "y", "xx", "yy", "x_y"}, []int64{s[0], s[1], p[0][0], p[1][1], p[0][1]})
	got := apply(t, "ols(y=y;x=x;xx=xx;xy=x_y;yy=yy)", c).Lines
	for i, want := range []struct {
		name      string
		value, se float64
	}{
		{"(intercept)", 10 * -0.262323073774029, 10 * 0.232818234301152},
		{"x", 1.00211681802045, 0.429796848199937e-03},
		{"(residual sd)", 10 * 0.884796396144373, 0},
		{"(R squared)", 0.999993745883712, 0},
	} {
		e := got[i].Estimate
		if got[i].Name != want.name || !near(float(e.Value), want.value) {
			t.Errorf("%s is %s, want %v", got[i].Name, e, want.value)
		}
		if want.se > 0 && !near(float(got[i].SE.Value), want.se) {
			t.Errorf("the error of %s is %s, want %v", want.name, got[i].SE, want.se)
		}
		if i < 2 && (e.Lo.Cmp(e.Value) != 0 || e.Hi.Cmp(e.Value) != 0) {
			t.Errorf("%s is exact, but has the interval %s", want.name, e)
		}
	}
}

// longley holds GNP deflator (tenths), GNP, unemployed, armed forces,
// population, year and employed: the data set of Longley (1967), as in StRD.
var longley = [][]int64{
	{830, 234289, 2356, 1590, 107608, 1947, 60323},
	{885, 259426, 2325, 1456, 108632, 1948, 61122},
	{882, 258054, 3682, 1616, 109773, 1949, 60171},
	{895, 284599, 3351, 1650, 110929, 1950, 61187},
	{962, 328975, 2099, 3099, 112075, 1951, 63221},
	{981, 346999, 1932, 3594, 113270, 1952, 63639},
	{990, 365385, 1870, 3547, 115094, 1953, 64989},
	{1000, 363112, 3578, 3350, 116219, 1954, 63761},
	{1012, 397469, 2904, 3048, 117388, 1955, 66019},
	{1046, 419180, 2822, 2857, 118734, 1956, 67857},
	{1084, 442769, 2936, 2798, 120445, 1957, 68169},
	{1108, 444546, 4681, 2637, 121950, 1958, 66513},
	{1126, 482704, 3813, 2552, 123366, 1959, 68655},
	{1142, 502601, 3931, 2514, 125368, 1960, 69564},
	{1157, 518173, 4806, 2572, 127852, 1961, 69331},
	{1169, 554894, 4007, 2827, 130081, 1962, 70551},
}

// The certified values of StRD "Longley", on which float programs lose their
// digits. It has 9 residual degrees of freedom: the solver gives the answer,
// the finisher refuses it. A second copy of the rows makes the finisher agree.
func TestLongley(t *testing.T) {
	want := []float64{
		-3482258.63459582, 15.0618722713733 / 10, -0.358191792925910e-01, -2.02022980381683,
		-1.03322686717359, -0.511041056535807e-01, 1829.15146461355,
	}
	errs := []float64{890420.383607373, 84.9149257747669 / 10, 0.334910077722432e-01, 0.488399681651699, 0.214274163161675, 0.226073200069370, 455.478499142212}
	for copies, want := range map[int64]*jobs.Statement{1: &whyDoF, 2: nil} {
		table, e, cell := longleyTable(copies)
		if _, why := table.ols(cell, e); why != want {
			t.Errorf("%d copies: %v", copies, why)
		}
	}
	table, e, cell := longleyTable(1)
	f, ok := table.solve(cell, e)
	if !ok {
		t.Fatal("singular")
	}
	for i := range want {
		if !near(float(f.b[i]), want[i]) {
			t.Errorf("coefficient %d is %v, want %v", i, float(f.b[i]), want[i])
		}
	}
	terms := make([]Term, len(want))
	rest := f.quality(terms)
	for i := range errs {
		if !near(float(terms[i].SE.Value), errs[i]) {
			t.Errorf("error %d is %v, want %v", i, float(terms[i].SE.Value), errs[i])
		}
	}
	if len(rest) != 2 || !near(float(rest[0].Estimate.Value), 304.854073561965) || !near(float(rest[1].Estimate.Value), 0.995479004577296) {
		t.Errorf("quality %v", rest)
	}
}

// longleyTable is the sums of the data, some copies of it; more figures than a
// candidate can have.
func longleyTable(copies int64) (Table, equations, []int64) {
	single, pairs := products(longley)
	cell := []int64{16 * copies}
	var table Table
	put := func(v int64) int { cell = append(cell, v*copies); return len(cell) - 1 }
	const y = 6
	e := equations{names: make([]string, y+1), left: make([][]int, y+1), right: []int{put(single[y])}, yy: put(pairs[y][y])}
	e.left[0] = make([]int, y+1)
	for i := range y {
		e.left[i+1] = make([]int, y+1)
		e.left[0][i+1] = put(single[i])
		e.left[i+1][0] = e.left[0][i+1]
		e.right = append(e.right, put(pairs[i][y]))
	}
	for i := range y {
		for j := i; j < y; j++ {
			e.left[i+1][j+1] = put(pairs[i][j])
			e.left[j+1][i+1] = e.left[i+1][j+1]
		}
	}
	for range cell {
		table.figures = append(table.figures, figure{half: new(big.Rat), variance: new(big.Int)})
	}
	return table, e, cell
}

// admissions are those to the six largest departments of Berkeley in 1973
// (Bickel, Hammel, O'Connell 1975), by department, men before women: admitted
// and rejected.
var admissions = [][4]int64{
	{512, 313, 89, 19}, {353, 207, 17, 8}, {120, 205, 202, 391}, {138, 279, 131, 244}, {53, 138, 94, 299}, {22, 351, 24, 317},
}

// berkeley is a candidate of the admissions, by department and sex.
func berkeley(round int64) jobs.Candidate {
	c := sums(0, []string{"admitted"}, []int64{0})
	c.Dims = []jobs.Dim{
		{Name: "dept", Title: "系", Codes: strings.Split("abcdef", ""), Labels: strings.Split("abcdef", "")},
		{Name: "sex", Title: "性别", Codes: []string{"m", "f"}, Labels: []string{"男", "女"}},
	}
	c.Cells = nil
	base := func(v int64) int64 { return (v + round/2) / round * round }
	for _, d := range admissions {
		c.Cells = append(c.Cells, jobs.Cell{base(d[0] + d[1]), base(d[0])}, jobs.Cell{base(d[2] + d[3]), base(d[2])})
	}
	for i := range c.Figures {
		c.Figures[i].Round = round
	}
	return c
}

// The fit that R gives for glm(admitted ~ dept + sex, binomial), as Agresti
// (Categorical Data Analysis) and the manuals of R print it, to five places.
func TestBerkeley(t *testing.T) {
	got := apply(t, "logit(admitted/units;by=dept,sex)", berkeley(1)).Lines
	for i, want := range []string{
		"(intercept) 0.58205 0.06899", "dept=b -0.04340 0.10984", "dept=c -1.26260 0.10663", "dept=d -1.29461 0.10582",
		"dept=e -1.73931 0.12611", "dept=f -3.30648 0.16998", "sex=f 0.09987 0.08085",
	} {
		if s := fmt.Sprintf("%s %.5f %.5f", got[i].Name, float(got[i].Estimate.Value), float(got[i].SE.Value)); s != want {
			t.Errorf("%s, want %s", s, want)
		}
		if e := got[i].Estimate; float(new(big.Rat).Sub(e.Hi, e.Lo)) > 1e-9 {
			t.Errorf("%s of exact counts has the interval %s", got[i].Name, e)
		}
	}
	for i, l := range apply(t, "logit(admitted/units;by=dept,sex)", berkeley(5)).Lines {
		if v := got[i].Estimate.Value; l.Estimate.Lo.Cmp(v) > 0 || l.Estimate.Hi.Cmp(v) < 0 {
			t.Errorf("rounded to 5: %s is %s, without %v", l.Name, l.Estimate, float(v))
		}
	}
}

// Without the departments, women seem worse off: the crude log odds ratio is
// that of the table, ln(1198*1278 / (1493*557)) for men.
func TestSaturatedLogit(t *testing.T) {
	got := apply(t, "logit(admitted/units;by=sex)", berkeley(1)).Lines
	want := []float64{math.Log(1198.0 / 1493), math.Log(557.0/1278) - math.Log(1198.0/1493)}
	for i := range want {
		if math.Abs(float(got[i].Estimate.Value)-want[i]) > 1e-9 {
			t.Errorf("%s is %s, want %v", got[i].Name, got[i].Estimate, want[i])
		}
	}
}

// Worked by hand: 2, 4, 4, 4, 5, 5, 7, 9 has the sample variance 32/7; two
// copies of it 64/15. Norris's x and y correlate by the root of R^2.
func TestMoments(t *testing.T) {
	c := sums(8, []string{"x", "x2"}, []int64{40, 232})
	if v := apply(t, "variance(x,x2)", c).Lines[0].Estimate.Value; v.Cmp(big.NewRat(32, 7)) != 0 {
		t.Errorf("variance %s, want 32/7", v)
	}
	s, p := products(norris)
	c = sums(36, []string{"x", "y", "xx", "yy", "x_y"}, []int64{s[0], s[1], p[0][0], p[1][1], p[0][1]})
	r := apply(t, "correlation(x,y;xx=xx;yy=yy;xy=x_y)", c).Lines[0].Estimate
	if math.Abs(float(r.Value)-math.Sqrt(0.999993745883712)) > 1e-13 {
		t.Errorf("correlation %v", float(r.Value))
	}
}

// bins are the ages of 0 to 17, 18 to 59 and 60 to 119, in two wards.
func bins(cells ...jobs.Cell) jobs.Candidate {
	c := sums(0, nil, nil)
	c.Dims = []jobs.Dim{
		{Name: "ward", Title: "区", Codes: []string{"a", "b"}, Labels: []string{"甲", "乙"}},
		{Name: "age", Title: "年龄", Codes: []string{"0", "18", "60"}, Labels: []string{"少", "中", "老"}},
	}
	c.Figures[0].Round = 10
	c.Cells = cells
	return c
}

func TestQuantile(t *testing.T) {
	const spec = "quantile(age;0.5;edges=0,18,60,120)"
	c := bins(jobs.Cell{20}, jobs.Cell{60}, jobs.Cell{20}, jobs.Cell{30}, nil, jobs.Cell{40})
	got := apply(t, spec, c).Lines
	if got[0].Estimate.String() != "39.00 [18.00, 60.00]" || got[1].Estimate.Shown() {
		t.Errorf("ward a: %s, ward b: %s", got[0].Estimate, got[1].Estimate)
	}
	// At the edge of two bins, rounding leaves both possible.
	c = bins(jobs.Cell{50}, jobs.Cell{40}, jobs.Cell{10}, jobs.Cell{0}, jobs.Cell{0}, jobs.Cell{0})
	if got := apply(t, spec, c).Lines; got[0].Estimate.String() != "18.00 [0.00, 60.00]" || got[1].Estimate.Shown() {
		t.Errorf("at an edge: %s, of nobody: %s", got[0].Estimate, got[1].Estimate)
	}
	// Fewer than 10 beyond: an extreme.
	if got := apply(t, "quantile(age;0.95;edges=0,18,60,120)", c).Lines; got[0].Estimate.Shown() {
		t.Errorf("an extreme is shown: %s", got[0].Estimate)
	}
	if r := apply(t, spec, c); len(r.Dims) != 1 || r.Dims[0] != "ward" || r.Lines[1].Codes[0] != "b" {
		t.Errorf("lines by %v", r.Dims)
	}
}

// A published total is taken as it is, another one added up, or hidden.
func TestOver(t *testing.T) {
	c := bins(jobs.Cell{20}, jobs.Cell{60}, jobs.Cell{20}, jobs.Cell{30}, nil, jobs.Cell{40})
	table, err := Read(c)
	if err != nil {
		t.Fatal(err)
	}
	byAge, err := table.over([]string{"ward"})
	if err != nil || len(byAge.cells) != 3 || byAge.cells[0][0] != 50 || byAge.cells[1] != nil || byAge.figures[0].half.Cmp(big.NewRat(10, 1)) != 0 {
		t.Errorf("by age: %+v, %v", byAge, err)
	}
	if all, err := table.over([]string{everything}); err != nil || len(all.cells) != 1 || all.cells[0] != nil {
		t.Errorf("all: %+v, %v", all, err)
	}
	c.Margins = []jobs.Margin{{Dims: []string{}, Cells: []jobs.Cell{{200}}}}
	if table, err = Read(c); err != nil {
		t.Fatal(err)
	}
	if all, err := table.over([]string{everything}); err != nil || all.cells[0][0] != 200 || all.figures[0].half.Cmp(big.NewRat(5, 1)) != 0 {
		t.Errorf("the published total: %+v, %v", all, err)
	}
	big := sums(0, nil, nil)
	big.Dims[0].Codes, big.Dims[0].Labels = []string{"1", "2"}, []string{"1", "2"}
	big.Cells = []jobs.Cell{{1 << 62}, {1 << 62}}
	s, _ := Parse("mean(units;over=all)")
	if _, err := s.Apply(big); fault.Of(err) != fault.Exhausted {
		t.Errorf("a sum past 64 bits: %v", err)
	}
}
