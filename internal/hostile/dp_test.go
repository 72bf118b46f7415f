package hostile

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/admit"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/sandbox/wire"
)

// shape is 16 cells, of which a unit may touch 3, and two measures. The
// variances make each measure cost a sixth: rho is 1/2.
func shape() jobs.Shape {
	codes := make([]string, 16)
	for i := range codes {
		codes[i] = fmt.Sprint(i)
	}
	s := jobs.Shape{
		Namespace: jobs.NaturalPerson,
		Dims:      []jobs.Dim{{Name: "place", Title: "地点", Codes: codes, Labels: codes}},
		Units:     jobs.Measure{Name: "units", Hi: 1, Round: 1, Sigma: 9},
		Measures: []jobs.Measure{
			{Name: "cost", Lo: -50, Hi: 100, Round: 1, Sigma: 9 * 100 * 100},
			{Name: "visits", Lo: 0, Hi: 10, Round: 1, Sigma: 9 * 10 * 10},
		},
		L0: 3,
	}
	if err := s.Check(); err != nil {
		panic(err)
	}
	return s
}

// cube is what a site makes of units.
func cube(tb testing.TB, r *sandbox.Runner, units [][]byte) *jobs.Cube {
	tb.Helper()
	results, err := r.Map(tb.Context(), units)
	if err != nil {
		tb.Fatal(err)
	}
	c := jobs.NewCube(shape(), 1)
	for _, result := range results {
		if err := c.Add(1, result.OK, result.Emits); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}

// contribution writes the cube of one unit: cell:cost,visits.
func contribution(c *jobs.Cube) string {
	var cells []string
	for cell := range c.Shape.Cells() {
		if c.At(0, cell) != 0 {
			cells = append(cells, fmt.Sprintf("%d:%d,%d", cell, c.At(1, cell), c.At(2, cell)))
		}
	}
	return strings.Join(cells, " ")
}

// What the host makes of a unit is within bounds whatever its guest said, and
// where a guest goes to the bound it gets there.
func TestBounds(t *testing.T) {
	t.Parallel()
	for _, a := range attacks() {
		if a.bounded == "" {
			continue
		}
		a.each(t, func(t *testing.T, module []byte) { //nolint:thelper // a test, whose own lines are to be named
			c := cube(t, start(t, a.config("wasmer", module)), [][]byte{unit(666, 1)})
			if got := contribution(c); got != strings.Trim(a.bounded, "-") && a.bounded != "-" || a.bounded == "-" && got != "" {
				t.Errorf("the victim adds %q, want %q", got, a.bounded)
			}
		})
	}
}

// A party is a data set with the victim and the same without; both come in
// some order.
func party(rng *rand.Rand) (with, without [][]byte) {
	for i := range 20 {
		without = append(without, unit(rng.Int64N(600), int64(i)))
	}
	for _, p := range people()[1:5] {
		without = append(without, p.area)
	}
	with = append(slices.Clone(without), unit(666, rng.Int64()))
	rng.Shuffle(len(with), func(i, j int) { with[i], with[j] = with[j], with[i] })
	return with, without
}

// The cubes of neighbouring data sets differ by the sensitivity at most, in
// every norm and measure, and nothing else that the parent sees differs: the
// frames that it gets are of the same kinds and number.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	reached := 0
	for _, a := range attacks() {
		if a.victim == refused {
			continue
		}
		modules := a.modules()
		names := slices.Sorted(maps.Keys(modules))
		for _, name := range names[:times(1, len(names))] {
			for engine := range runners {
				c := a.config(engine, modules[name])
				r := start(t, c)
				for range times(1, 10) {
					with, without := party(rng)
					if apart(t, a.name, cube(t, r, with), cube(t, r, without)) {
						reached++
					}
				}
				for _, s := range grouped() {
					apart(t, a.name, visit(t, r, s, 4, together), visit(t, r, s, 3, withoutVictim))
				}
				r.Close()
				if engine == "wasmer" || prove {
					with, without := party(rng)
					if one, other := transcript(t, c, with), transcript(t, c, without); !slices.Equal(one, other) {
						t.Errorf("%s on %s: with the victim %v, without %v", a.name, engine, one, other)
					}
				}
			}
		}
	}
	if reached == 0 {
		t.Error("no guest reaches the sensitivity")
	}
}

// apart holds the distance of two cubes to the sensitivity, and reports
// whether it is reached in the measure of cost.
func apart(t *testing.T, guest string, with, without *jobs.Cube) (reached bool) {
	t.Helper()
	for m := range with.Shape.All() {
		var far int64
		l1, l2 := new(big.Int), new(big.Int)
		for cell := range with.Shape.Cells() {
			d := big.NewInt(with.At(m, cell) - without.At(m, cell))
			far = max(far, d.Abs(d).Int64())
			l1.Add(l1, d)
			l2.Add(l2, new(big.Int).Mul(d, d))
		}
		s := with.Shape.Sensitivity(m, 1)
		if big.NewInt(far).Cmp(s.Linf) > 0 || l1.Cmp(s.L1) > 0 || l2.Cmp(s.L2Squared) > 0 {
			t.Errorf("%s: measure %d is apart by %d, %v, %v; at most %v, %v, %v", guest, m, far, l1, l2, s.Linf, s.L1, s.L2Squared)
		}
		reached = reached || m == 1 && l2.Cmp(s.L2Squared) == 0
	}
	return reached
}

// transcript is all that a runner says of a data set, to the end of its pipe,
// without what it says of the units: the kinds of its frames.
func transcript(t *testing.T, c sandbox.Config, units [][]byte) (kinds []wire.Kind) {
	t.Helper()
	admitted, err := admit.Admit(c.Module, c.Limits)
	if err != nil {
		t.Fatal(err)
	}
	in, to := pipe(t)
	from, out := pipe(t)
	p, err := jail.Start(c.Runner, 3<<29+2*uint64(c.Limits.Memory)<<16, in, out) // as package sandbox does
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	_, _ = in.Close(), out.Close()
	frame, err := wire.AppendLoad(nil, wire.Program{Limits: c.Limits, Module: admitted})
	if err != nil {
		t.Fatal(err)
	}
	frames := wire.NewReader(from)
	ask := func(frame []byte, limit int) {
		t.Helper()
		if _, err := to.Write(frame); err != nil {
			t.Fatal(err)
		}
		kind, _, err := frames.Next(limit)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, kind)
	}
	ask(frame, 2)
	// Pairs of units, so that a frame too many would show; the last may be one.
	for len(units) > 0 {
		n := min(len(units), 13)
		if frame, err = wire.AppendUnits(nil, units[:n]); err != nil {
			t.Fatal(err)
		}
		ask(frame, wire.Asked{Units: n, Emits: c.Limits.Emits}.Size())
		units = units[n:]
	}
	_ = to.Close()
	for {
		kind, _, err := frames.Next(wire.MaxFrame)
		if err != nil {
			break
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

// together is an area of four units, of which the third is the victim;
// withoutVictim is the same without.
var (
	together      = several([]int{0, 2, 4, 5, 7}, []int64{1, 2, 666, 1 << 40, 3, 4, 5})
	withoutVictim = several([]int{0, 2, 3, 5}, []int64{1, 2, 3, 4, 5})
)

// grouped are the tests' shape in batches and in blocks.
func grouped() []jobs.Shape {
	batches, blocks := shape(), shape()
	batches.Grouping = jobs.Grouping{Batch: 4, Batches: 7}
	blocks.Grouping, blocks.L0 = jobs.Grouping{Blocks: 5, Default: []int64{-50, 10}}, 16
	for _, s := range []jobs.Shape{batches, blocks} {
		if err := s.Check(); err != nil {
			panic(err)
		}
	}
	return []jobs.Shape{batches, blocks}
}

// visit is the cube of one batch or block.
func visit(t *testing.T, r *sandbox.Runner, s jobs.Shape, units int, area []byte) *jobs.Cube {
	t.Helper()
	c := jobs.NewCube(s, 1)
	results, err := r.Map(t.Context(), [][]byte{area})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add(units, results[0].OK, results[0].Emits); err != nil {
		t.Fatal(err)
	}
	return c
}

// A guest that writes the victim's secret on everyone in its batch moves as
// many as there are: so a batch is as sensitive as is said of it. A block that
// the victim made fail counts its default and nothing of the guest's.
func TestGroupings(t *testing.T) {
	t.Parallel()
	batches, blocks := grouped()[0], grouped()[1]
	r := start(t, sandbox.Config{Runner: runners["wasmer"], Module: inC("blame")()[""], Limits: granted, Least: jail.Basic})
	with, without := visit(t, r, batches, 4, together), visit(t, r, batches, 3, withoutVictim)
	if with.At(0, 2) != 4 || with.At(1, 2) != 400 || without.At(0, 1) != 3 || without.At(1, 1) != 3 {
		t.Errorf("with the victim %v, without %v", with.Values, without.Values)
	}
	loop := newGuest(i32c(area), i32c(area), load32(80+32), i32add, load64(16), i64c(666), i64eq, then(spin), honest)
	r = start(t, sandbox.Config{Runner: runners["wasmer"], Module: loop.bytes(), Limits: granted, Least: jail.Basic})
	with, without = visit(t, r, blocks, 4, together), visit(t, r, blocks, 3, withoutVictim)
	for cell := range 16 {
		if with.At(0, cell) != 1 || with.At(1, cell) != -50 || with.At(2, cell) != 10 {
			t.Errorf("a block that failed counts %v", with.Values)
			break
		}
	}
	if without.At(0, 1) != 1 || without.At(1, 1) != 5 {
		t.Errorf("a block that did not fail counts %v", without.Values)
	}
}

// An attacker of membership: a guest, the victim's secret, and what it reads in
// the released cube. It says whether it takes the victim to be there.
type reader struct {
	guest  string
	secret int64
	says   func(values func(measure, cell int) int64, honest *jobs.Cube) bool
}

// above says yes if the sum of what a cube has more than an honest one, each
// place weighed by what the victim would add, is more than half of that.
func above(weights map[[2]int]float64) func(func(int, int) int64, *jobs.Cube) bool {
	return func(values func(measure, cell int) int64, honest *jobs.Cube) bool {
		var score, most float64
		for at, w := range weights {
			sigma := float64(honest.Shape.All()[at[0]].Sigma)
			score += w * float64(values(at[0], at[1])-honest.At(at[0], at[1])) / sigma
			most += w * w / sigma
		}
		return score > most/2
	}
}

// The three guests that disclosure control cannot hold, and the one that goes
// to every bound there is. Each reader has the likelihood ratio on its side:
// no other decides better.
var readers = []reader{
	{"choose", 0, above(map[[2]int]float64{{0, 7}: 1, {1, 7}: 1})},
	{"add-secret", 90, above(map[[2]int]float64{{0, 1}: 1, {1, 1}: 100})},
	{"bits", 5, above(map[[2]int]float64{{0, 1}: 1, {0, 2}: 1, {0, 5}: 1, {1, 1}: 1, {1, 2}: 1, {1, 5}: 1})},
	{"stuff", 0, above(map[[2]int]float64{{0, 0}: 1, {0, 1}: 1, {0, 2}: 1, {1, 0}: 100, {1, 1}: 100, {1, 2}: 100})},
}

// In mode dp nobody tells much better than by chance whether the victim is in
// the data, whatever the guest and however clever the reader: true positives
// less false ones stay below what rho-zCDP allows. The same reader of the same
// cubes without noise is always right, and a test with a tenth of the noise is
// caught; so the test can tell.
func TestMembership(t *testing.T) {
	t.Parallel()
	rho, err := shape().Rho(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	exact, _ := rho.Float64()
	bound := advantage(exact)
	n := times(2000, 10_000)
	for i, a := range readers {
		with, without := membership(t, a)
		silent := func(c *jobs.Cube) bool { return a.says(c.At, without) }
		if !silent(with) || silent(without) {
			t.Errorf("%s: without noise the attack fails", a.guest)
		}
		hits := draws(t, a, with, without, n, uint64(2*i), 1)
		alarms := draws(t, a, without, without, n, uint64(2*i+1), 1)
		least := lower(hits, n) - upper(alarms, n)
		t.Logf("%-10s %5d of %d true, %5d false: advantage %.3f, at least %.3f; bound %.3f", a.guest, hits, n, alarms, float64(hits-alarms)/float64(n), least, bound)
		if least > bound {
			t.Errorf("%s: an advantage of %.3f at least; rho %v allows %.3f", a.guest, least, rho, bound)
		}
		if a.guest != "stuff" {
			continue
		}
		hits, alarms = draws(t, a, with, without, n, 98, 100), draws(t, a, without, without, n, 99, 100)
		if planted := lower(hits, n) - upper(alarms, n); planted <= bound {
			t.Errorf("with a tenth of the noise the advantage is %.3f, and goes unnoticed below %.3f", planted, bound)
		}
	}
}

// membership runs a reader's guest in the real jail on both data sets.
func membership(t *testing.T, a reader) (with, without *jobs.Cube) {
	t.Helper()
	r := start(t, sandbox.Config{Runner: runners["wasmer"], Module: inC(a.guest)()[""], Limits: granted, Least: jail.Basic})
	var others [][]byte
	for i := range int64(50) {
		others = append(others, unit(i, i))
	}
	return cube(t, r, append(slices.Clone(others), unit(666, a.secret))), cube(t, r, others)
}

// draws counts how often a reader says yes of n releases of a cube, with less
// noise than there should be if less is above 1.
func draws(t *testing.T, a reader, c, honest *jobs.Cube, n int, seed, less uint64) (yes int) {
	t.Helper()
	var key [32]byte
	key[0], key[1] = byte(seed), 77
	source := noise.NewSource(rand.NewChaCha8(key))
	cells := c.Shape.Cells()
	released := make([]int64, len(c.Values))
	var samplers []*noise.Gaussian
	for _, m := range c.Shape.All() {
		g, err := noise.NewGaussian(m.Sigma / less)
		if m.Sigma < less {
			g, err = noise.NewGaussianRat(big.NewRat(int64(m.Sigma), int64(less)))
		}
		if err != nil {
			t.Fatal(err)
		}
		samplers = append(samplers, g)
	}
	for range n {
		copy(released, c.Values)
		for m, g := range samplers {
			if err := g.Add(source, released[m*cells:(m+1)*cells]); err != nil {
				t.Fatal(err)
			}
		}
		if a.says(func(measure, cell int) int64 { return released[measure*cells+cell] }, honest) {
			yes++
		}
	}
	return yes
}

// advantage is the most that true positives less false ones can be under
// rho-zCDP: (epsilon, delta) allows (e^epsilon - 1 + 2 delta) / (e^epsilon + 1)
// (Kairouz, Oh, Viswanath 2015), for every epsilon and its delta.
func advantage(rho float64) float64 {
	least := 1.0
	for epsilon := 0.01; epsilon < 20; epsilon += 0.01 {
		e := math.Exp(epsilon)
		least = min(least, (e-1+2*noise.Delta(rho, epsilon))/(e+1))
	}
	return least
}

// unlikely is how often a bound of an interval may be wrong.
const unlikely = 1e-9

// lower and upper are the bounds of Clopper and Pearson (Biometrika 1934) for
// the odds of something that was seen k times in n.
func lower(k, n int) float64 {
	return 1 - upper(n-k, n)
}

func upper(k, n int) float64 {
	return bisect(func(p float64) bool { return atMost(k, n, p) > unlikely })
}

// bisect returns where a property ends that holds from 0 up to somewhere.
func bisect(holds func(float64) bool) float64 {
	lo, hi := 0.0, 1.0
	for range 60 {
		if mid := (lo + hi) / 2; holds(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// atMost is the chance of k or fewer in n at odds p.
func atMost(k, n int, p float64) float64 {
	if k < 0 {
		return 0
	}
	if k >= n {
		return 1
	}
	all, _ := math.Lgamma(float64(n + 1))
	sum := 0.0
	for i := range k + 1 {
		a, _ := math.Lgamma(float64(i + 1))
		b, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(all - a - b + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(sum, 1)
}

func TestInterval(t *testing.T) {
	// With none in n, the upper bound solves (1-p)^n = unlikely.
	if got, want := upper(0, 1000), 1-math.Pow(unlikely, 1e-3); math.Abs(got-want) > 1e-9 {
		t.Errorf("upper(0, 1000) = %v, want %v", got, want)
	}
	if got, want := lower(1000, 1000), math.Pow(unlikely, 1e-3); math.Abs(got-want) > 1e-9 {
		t.Errorf("lower(1000, 1000) = %v, want %v", got, want)
	}
	if lower(500, 1000) > 0.45 || upper(500, 1000) < 0.55 || lower(0, 10) > 1e-9 {
		t.Error("the interval is too narrow")
	}
}
