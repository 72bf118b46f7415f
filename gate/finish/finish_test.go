package finish

import (
	"errors"
	"math"
	"math/big"
	rnd "math/rand/v2"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

func candidate(mode jobs.Mode, cells ...jobs.Cell) jobs.Candidate {
	c := jobs.Candidate{
		Format: jobs.CandidateFormat, Terms: suite.DigestOf(nil), Mode: mode, Title: "标题", Namespace: jobs.NaturalPerson,
		Dims:       []jobs.Dim{{Name: "a", Title: "甲"}},
		Figures:    []jobs.Figure{{Name: "units", Title: "人数", Round: 10}, {Name: "cost", Title: "费用", Round: 100}},
		Statements: []jobs.Statement{{ZH: "无", EN: "none"}},
		Cells:      cells,
	}
	for i := range cells {
		code := string(rune('a' + i))
		c.Dims[0].Codes, c.Dims[0].Labels = append(c.Dims[0].Codes, code), append(c.Dims[0].Labels, code)
	}
	if mode == jobs.DP {
		c.Privacy = &jobs.Privacy{Rho: "1/8", Epsilon: "1.0000", Delta: "1e-6"}
		for i, v := range []int64{25, 400} {
			f := c.Figures[i]
			f.Round = 0
			c.Figures[i] = f.WithVariance(big.NewInt(v))
		}
	}
	return c
}

func TestMeans(t *testing.T) {
	for _, c := range []struct {
		name string
		mode jobs.Mode
		cell jobs.Cell
		want string
	}{
		{"rounded", jobs.SDC, jobs.Cell{100, 5000}, "50.00 [47.14, 53.16]"},
		{"negative", jobs.SDC, jobs.Cell{100, -5000}, "-50.00 [-53.16, -47.14]"},
		{"zero", jobs.SDC, jobs.Cell{100, 0}, "0.00 [-0.53, 0.53]"},
		{"hidden", jobs.SDC, nil, "*"},
		{"no units", jobs.SDC, jobs.Cell{0, 0}, "*"},
		{"noisy", jobs.DP, jobs.Cell{112, 1120}, "10.00 [8.91, 11.09]"},
		{"units within the noise", jobs.DP, jobs.Cell{10, 1000}, "*"},
		{"negative units", jobs.DP, jobs.Cell{-3, 1000}, "*"},
	} {
		means, err := Means(candidate(c.mode, c.cell), 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := means[0].String(); got != c.want || means[0].Shown() != (c.want != "*") {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	for _, figure := range []int{-1, 0, 2} {
		if _, err := Means(candidate(jobs.SDC, jobs.Cell{0, 0}), figure); !errors.Is(err, fault.Invalid) {
			t.Errorf("figure %d: %v", figure, err)
		}
	}
	if _, err := Means(jobs.Candidate{}, 1); !errors.Is(err, fault.Invalid) {
		t.Errorf("no candidate: %v", err)
	}
}

// The bounds hold the true mean: whatever was rounded away, and in 95 of 100
// draws of noise.
func TestBoundsHold(t *testing.T) {
	r := rnd.New(rnd.NewPCG(1, 2))
	in := func(m Estimate, sum, units int64) bool {
		truth := big.NewRat(sum, units)
		return m.Shown() && m.Lo.Cmp(truth) <= 0 && truth.Cmp(m.Hi) <= 0
	}
	base := func(v float64, b int64) int64 { return int64(math.Round(v/float64(b))) * b }
	for range 2000 {
		units, sum := 10+r.Int64N(500), r.Int64N(100_000)-50_000
		means, err := Means(candidate(jobs.SDC, jobs.Cell{base(float64(units), 10), base(float64(sum), 100)}), 1)
		if err != nil {
			t.Fatal(err)
		}
		if !in(means[0], sum, units) {
			t.Fatalf("%d/%d is not within %s", sum, units, means[0])
		}
	}
	src := noise.NewSource(rnd.NewChaCha8([32]byte{3}))
	a, _ := noise.NewGaussian(25)
	b, _ := noise.NewGaussian(400)
	held := 0
	const runs = 2000
	for range runs {
		n, _ := a.Draw(src)
		s, err := b.Draw(src)
		if err != nil {
			t.Fatal(err)
		}
		means, err := Means(candidate(jobs.DP, jobs.Cell{200 + n, 3000 + s}), 1)
		if err != nil {
			t.Fatal(err)
		}
		if in(means[0], 3000, 200) {
			held++
		}
	}
	if held < runs*95/100 {
		t.Errorf("the bounds held in %d of %d draws", held, runs)
	}
}
