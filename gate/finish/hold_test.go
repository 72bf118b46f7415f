package finish

import (
	"errors"
	"math"
	"math/big"
	rnd "math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/jobs"
)

// runs is n, or many times n in the full form of the proof.
func runs(n int) int {
	if os.Getenv("YUNEI_PROVE") == "1" {
		return 20 * n
	}
	return n
}

// holds reports whether an interval holds the exact value; one that is not
// shown claims nothing.
func holds(e, truth Estimate) bool {
	return !e.Shown() || e.Lo.Cmp(truth.Value) <= 0 && truth.Value.Cmp(e.Hi) <= 0
}

var specs = []string{
	"mean(x)", "rate(y/x)", "variance(x,xx)", "correlation(x,y;xx=xx;yy=yy;xy=x_y)", "ols(y=y;x=x;xx=xx;xy=x_y;yy=yy)",
}

// microdata draws the sums of some values of x, 0 to 99, and of y, which
// depends on x.
func microdata(r *rnd.Rand, n int) jobs.Candidate {
	var rows [][]int64
	for range n {
		x := r.Int64N(100)
		rows = append(rows, []int64{x, 20 + 2*x + r.Int64N(60)})
	}
	s, p := products(rows)
	return sums(int64(n), []string{"x", "y", "xx", "yy", "x_y"}, []int64{s[0], s[1], p[0][0], p[1][1], p[0][1]})
}

// rounded rounds each figure of a candidate to its base.
func rounded(c jobs.Candidate, bases ...int64) jobs.Candidate {
	out := c
	out.Figures, out.Cells = nil, nil
	for i, f := range c.Figures {
		f.Round = bases[i]
		out.Figures = append(out.Figures, f)
	}
	for _, cell := range c.Cells {
		var row jobs.Cell
		for i, v := range cell {
			row = append(row, int64(math.Round(float64(v)/float64(bases[i])))*bases[i])
		}
		out.Cells = append(out.Cells, row)
	}
	return out
}

// Whatever was rounded away, every interval holds what the true sums give.
func TestRoundingIsHeld(t *testing.T) {
	r := rnd.New(rnd.NewPCG(1, 2))
	shown := map[string]int{}
	for range runs(300) {
		c := microdata(r, 20+r.IntN(400))
		coarse := rounded(c, 10, 1+r.Int64N(300), 1+r.Int64N(500), 1+r.Int64N(10_000), 1+r.Int64N(10_000), 1+r.Int64N(10_000))
		for _, spec := range specs {
			s, err := Parse(spec)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Apply(coarse)
			if err != nil && !errors.Is(err, fault.Denied) {
				t.Fatal(err)
			}
			for i, truth := range apply(t, spec, c).Lines[:len(got.Lines)] {
				if !holds(got.Lines[i].Estimate, truth.Estimate) || !holds(got.Lines[i].SE, truth.SE) {
					t.Fatalf("%s: %s %s does not hold %v", spec, truth.Name, got.Lines[i].Estimate, float(truth.Estimate.Value))
				}
				if got.Lines[i].Estimate.Shown() {
					shown[spec]++
				}
			}
		}
	}
	for _, spec := range specs {
		if shown[spec] < runs(300)/4 {
			t.Errorf("%s was shown %d times of %d", spec, shown[spec], runs(300))
		}
	}
}

// ages is a candidate of counts and cases by three ages and two sexes.
func ages(r *rnd.Rand, most int64) jobs.Candidate {
	c := bins(nil, nil, nil, nil, nil, nil)
	c.Figures = append(c.Figures, jobs.Figure{Name: "cases", Title: "病例", Round: 1})
	c.Figures[0].Round = 1
	for i := range c.Cells {
		n := most/4 + r.Int64N(most)
		c.Cells[i] = jobs.Cell{n, n/5 + r.Int64N(n/2)}
	}
	return c
}

func TestRoundedTablesAreHeld(t *testing.T) {
	r := rnd.New(rnd.NewPCG(3, 4))
	fits := 0
	for range runs(200) {
		c := ages(r, 400)
		coarse := rounded(c, 10, 5)
		exact, got := apply(t, "quantile(age;0.3;edges=0,18,60,120)", c), apply(t, "quantile(age;0.3;edges=0,18,60,120)", coarse)
		for i, truth := range exact.Lines {
			if !holds(got.Lines[i].Estimate, truth.Estimate) {
				t.Fatalf("quantile %s does not hold %s", got.Lines[i].Estimate, truth.Estimate)
			}
		}
		s, _ := Parse("logit(cases/units;by=age,ward)")
		fit, err := s.Apply(coarse)
		if err != nil {
			continue
		}
		fits++
		for i, truth := range apply(t, s.String(), c).Lines {
			if !holds(fit.Lines[i].Estimate, truth.Estimate) {
				t.Fatalf("%s %s does not hold %s", truth.Name, fit.Lines[i].Estimate, truth.Estimate)
			}
		}
	}
	if fits < runs(200)/2 {
		t.Errorf("%d fits of %d", fits, runs(200))
	}
}

// noisy adds a discrete Gaussian of a variance to every value.
func noisy(tb testing.TB, src *noise.Source, c jobs.Candidate, variances ...int64) jobs.Candidate {
	tb.Helper()
	out := c
	out.Mode, out.Figures, out.Cells = jobs.DP, nil, nil
	out.Privacy = &jobs.Privacy{Rho: "1/8", Epsilon: "1.0000", Delta: "1e-6"}
	for i, f := range c.Figures {
		f.Round = 0
		out.Figures = append(out.Figures, f.WithVariance(big.NewInt(variances[i])))
	}
	for _, cell := range c.Cells {
		var row jobs.Cell
		for i, v := range cell {
			g, err := noise.NewGaussian(uint64(variances[i]))
			if err != nil {
				tb.Fatal(err)
			}
			x, err := g.Draw(src)
			if err != nil {
				tb.Fatal(err)
			}
			row = append(row, v+x)
		}
		out.Cells = append(out.Cells, row)
	}
	return out
}

// In 95 of 100 draws of noise an interval holds what the true sums give, and
// those of the coefficients of a regression do together.
func TestNoiseIsHeld(t *testing.T) {
	r := rnd.New(rnd.NewPCG(5, 6))
	src := noise.NewSource(rnd.NewChaCha8([32]byte{7}))
	held, shown := map[string]int{}, map[string]int{}
	check := func(spec string, c, with jobs.Candidate, terms int) {
		s, err := Parse(spec)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Apply(with)
		if err != nil {
			return
		}
		shown[spec]++
		all := true
		for i, truth := range apply(t, spec, c).Lines[:min(terms, len(got.Lines))] {
			all = all && holds(got.Lines[i].Estimate, truth.Estimate)
		}
		if all {
			held[spec]++
		}
	}
	const quantile, logit = "quantile(age;0.5;edges=0,18,60,120;over=ward)", "logit(cases/units;by=age,ward)"
	total := runs(400)
	for range total {
		c := microdata(r, 300)
		with := noisy(t, src, c, 25, 40_000, 160_000, 1_000_000, 9_000_000, 4_000_000)
		for _, spec := range specs {
			check(spec, c, with, 2)
		}
		c = ages(r, 800)
		with = noisy(t, src, c, 25, 25)
		check(quantile, c, with, 1)
		check(logit, c, with, 9)
	}
	for _, spec := range append(specs, quantile, logit) {
		t.Logf("%s: held %d of %d", spec, held[spec], shown[spec])
		n := float64(shown[spec])
		if float64(held[spec]) < 0.95*n-3*math.Sqrt(0.95*0.05*n) || shown[spec] < total/2 {
			t.Errorf("%s: held %d of %d, shown %d of %d", spec, held[spec], shown[spec], shown[spec], total)
		}
	}
}

// Half the noise in the figures' word makes the intervals lie: the test above
// can fail.
func TestUnderstatedNoiseIsNotHeld(t *testing.T) {
	src := noise.NewSource(rnd.NewChaCha8([32]byte{8}))
	c := microdata(rnd.New(rnd.NewPCG(7, 8)), 300)
	truth := apply(t, "mean(x)", c).Lines[0].Estimate
	held := 0
	for range 300 {
		with := noisy(t, src, c, 400, 400, 1, 1, 1, 1)
		for i, f := range with.Figures[:2] {
			with.Figures[i] = f.WithVariance(big.NewInt(25))
		}
		if holds(apply(t, "mean(x)", with).Lines[0].Estimate, truth) {
			held++
		}
	}
	if held > 300*90/100 {
		t.Errorf("a quarter of the deviation is claimed, and still %d of 300 hold", held)
	}
}

func TestRefusals(t *testing.T) {
	few := microdata(rnd.New(rnd.NewPCG(1, 1)), 11)
	constant := sums(100, []string{"x", "y", "xx", "x_y"}, []int64{500, 700, 2500, 3500})
	hidden := few
	hidden.Cells = []jobs.Cell{nil}
	won := berkeley(1)
	won.Cells[11] = jobs.Cell{341, 0}
	won.Cells[10] = jobs.Cell{373, 0}
	lost := berkeley(1)
	lost.Cells[3] = nil
	for _, c := range []struct {
		name, spec string
		c          jobs.Candidate
		want       string
	}{
		{"9 degrees of freedom", specs[4], few, "10 residual degrees"},
		{"a constant", "ols(y=y;x=x;xx=xx;xy=x_y)", constant, "singular"},
		{"hidden", specs[4], hidden, "hidden"},
		{"coarse", specs[4], rounded(microdata(rnd.New(rnd.NewPCG(1, 1)), 40), 10, 500, 500, 20_000, 20_000, 20_000), "too large"},
		{"no finite estimate", "logit(admitted/units;by=dept,sex)", won, "no finite"},
		{"a hidden cell", "logit(admitted/units;by=dept,sex)", lost, "hidden"},
	} {
		s, err := Parse(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(c.c); !errors.Is(err, fault.Denied) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, spec := range []string{
		"mean(z)", "rate(x/z)", "rate(x)", "rate(x/y;per=0)", "variance(x,z)", "correlation(x,y;xx=xx;yy=yy;xy=z)", "mean(x;over=z)", "mean(x;n=z)",
		"quantile(z;0.5;edges=0,1)", "quantile(all;1;edges=0,1)", "quantile(all;0.5;edges=0,1,2)", "quantile(all;0.5;edges=1,1)", "quantile(all;0.5;edges=0,1;over=all)",
		"ols(y=y;x=x,y;xx=xx;xy=x_y)", "ols(y=y;x=x;xx=xx;xy=x_y;yy=z)", "logit(x/y;by=z)", "logit(x/y;by=all,all)", "logit(x;by=all)",
	} {
		s, err := Parse(spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(few); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", spec, err)
		}
	}
	if _, err := (Spec{}).Apply(few); !errors.Is(err, fault.Invalid) {
		t.Errorf("the zero spec: %v", err)
	}
	if s, _ := Parse("mean(x)"); s.name != "" {
		if _, err := s.Apply(jobs.Candidate{}); !errors.Is(err, fault.Invalid) {
			t.Errorf("no candidate: %v", err)
		}
	}
	if (Spec{}).String() != "" || (Estimate{}).Shown() || (Estimate{}).String() != jobs.Hidden {
		t.Error("a zero value says something")
	}
}

func TestCSV(t *testing.T) {
	c := bins(jobs.Cell{20}, jobs.Cell{60}, jobs.Cell{20}, jobs.Cell{30}, nil, jobs.Cell{40})
	got := string(apply(t, "quantile(age;0.5;edges=0,18,60,120)", c).CSV())
	if want := "ward,term,value,lo,hi,se\na,age,39.00,18.00,60.00,\nb,age,*,*,*,\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	got = string(apply(t, "logit(admitted/units;by=sex)", berkeley(1)).CSV())
	if want := "term,value,lo,hi,se\n(intercept),-0.2201"; !strings.HasPrefix(got, want) || !strings.Contains(got, ",~0.0") {
		t.Errorf("%q, want %q ..", got, want)
	}
}

// The errors of a number of normal draws: Bonferroni's quantiles, from the
// complement of the error function.
func TestDeviations(t *testing.T) {
	if deviations(1) != 19600 || deviations(2) != 22415 {
		t.Errorf("%d, %d", deviations(1), deviations(2))
	}
	for n := 1; n <= 5000; n++ {
		z := float64(deviations(n)) / 1e4
		if miss := float64(n) * math.Erfc(z/math.Sqrt2); miss > 0.05 || miss < 0.0497 {
			t.Fatalf("%d errors: %v deviations are left in %v", n, z, miss)
		}
	}
}
