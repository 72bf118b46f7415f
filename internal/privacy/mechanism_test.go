package privacy

import (
	"math"
	"math/big"
	rnd "math/rand/v2"
	"strconv"
	"testing"

	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
)

// A unit stands in cells of one site, with one value in each.
type unit struct {
	cells []uint32
	value int64
}

// A state is the units of each site.
type state [][]unit

// A job is the mechanism as the product runs it, and what is planted in it.
type job struct {
	shape   jobs.Shape
	states  [2]state // without and with the victim
	corrupt int      // sites, from the last, that add no noise and tell what they hold
	// Mode sdc+dp: a cell is shown if its noisy number of units is at least
	// threshold and the margin at odds; mode dp if threshold is 0.
	threshold int64
	odds      float64

	// Planted errors; nil where the job is sound.
	share func(sigma2 uint64) *big.Rat         // of each site's noise, for its variance
	peek  func(exact []int64, cell int) bool   // an exact rule: whether to hide the cell
	cost  func(exact []int64) (refunded int64) // what the ledger is given back
}

// shape is a table of cells codes with one measure beside the units.
func shape(cells, l0 int, units, income uint64) jobs.Shape {
	d := jobs.Dim{Name: "district", Title: "区"}
	for i := range cells {
		d.Codes, d.Labels = append(d.Codes, strconv.Itoa(i)), append(d.Labels, strconv.Itoa(i))
	}
	return jobs.Shape{
		Namespace: jobs.NaturalPerson,
		Dims:      []jobs.Dim{d},
		Units:     jobs.Measure{Name: "units", Hi: 1, Round: 1, Sigma: units},
		Measures:  []jobs.Measure{{Name: "income", Hi: 100, Round: 1, Sigma: income}},
		L0:        l0,
	}
}

// people are n units of one cell, each with value.
func people(n int, cell uint32, value int64) []unit {
	all := make([]unit, n)
	for i := range all {
		all[i] = unit{[]uint32{cell}, value}
	}
	return all
}

// cube is what the host makes of a site's units.
func cube(t *testing.T, s jobs.Shape, pairs int, units []unit) []int64 {
	t.Helper()
	c := jobs.NewCube(s, pairs)
	for _, u := range units {
		var emits []abi.Emit
		for _, cell := range u.cells {
			emits = append(emits, abi.Emit{Cell: cell, Value: u.value})
		}
		if err := c.Add(1, true, emits); err != nil {
			t.Fatal(err)
		}
	}
	return c.Values
}

// A transcript is all that is seen of a run: the sum over sites, which cells are
// hidden, and what the ledger says.
type transcript struct {
	values []int64
	hidden uint64
	ledger int64
}

// A runner is a job made ready: the exact sums, and the noise.
type runner struct {
	job
	exact    [2][]int64
	cells    int
	honest   int
	gauss    []*noise.Gaussian // for each measure
	variance []float64         // of the noise of a slot, for each measure
	margin   int64
}

func ready(t *testing.T, j job) *runner {
	t.Helper()
	if err := j.shape.Check(); err != nil {
		t.Fatal(err)
	}
	sites := len(j.states[0])
	r := &runner{job: j, cells: j.shape.Cells(), honest: sites - j.corrupt}
	for w, s := range j.states {
		for _, units := range s {
			values := cube(t, j.shape, sites, units)
			if r.exact[w] == nil {
				r.exact[w] = make([]int64, len(values))
			}
			for i, v := range values {
				r.exact[w][i] += v
			}
		}
	}
	for _, m := range j.shape.All() {
		s2 := new(big.Rat).SetInt(new(big.Int).SetUint64(m.Sigma))
		if j.share != nil {
			s2 = j.share(m.Sigma)
		}
		g, err := noise.NewGaussianRat(s2)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := s2.Float64()
		r.gauss, r.variance = append(r.gauss, g), append(r.variance, f*float64(r.honest))
	}
	if j.threshold > 0 {
		var err error
		if r.margin, err = noise.Margin(new(big.Rat).SetFloat64(r.variance[0]), j.odds); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// run runs the job once on a state.
func (r *runner) run(s *noise.Source, w int, out *transcript) error {
	exact := r.exact[w]
	copy(out.values, exact)
	for m, g := range r.gauss {
		for range r.honest {
			if err := g.Add(s, out.values[m*r.cells:(m+1)*r.cells]); err != nil {
				return err
			}
		}
	}
	out.hidden, out.ledger = 0, 1
	for cell := range r.cells {
		hide := r.threshold > 0 && !noise.Published(out.values[cell], r.threshold, r.margin)
		if hide || r.peek != nil && r.peek(exact, cell) {
			out.hidden |= 1 << cell
		}
	}
	if r.cost != nil {
		out.ledger -= r.cost(exact)
	}
	return nil
}

// names and look are the distinguishers: each slot's value, whether each cell is
// hidden, the whole pattern (its number, to be replaced by what it tells), the
// ledger, and the likelihood ratio of values and hidden cells.
func (r *runner) names() []string {
	var all []string
	for i := range r.exact[0] {
		all = append(all, "value of slot "+strconv.Itoa(i))
	}
	for i := range r.cells {
		all = append(all, "cell "+strconv.Itoa(i)+" hidden")
	}
	return append(all, "pattern", "ledger", "likelihood ratio")
}

func (r *runner) look(out *transcript, to []float64) {
	n := len(out.values)
	ratio := 0.0
	for i, v := range out.values {
		cell, m := i%r.cells, i/r.cells
		a, b := float64(r.exact[0][i]), float64(r.exact[1][i])
		if out.hidden>>cell&1 == 1 {
			to[i], to[n+cell] = math.Inf(-1), 1
			if m == 0 && r.threshold > 0 {
				ratio += math.Log((r.hides(b) + 1e-300) / (r.hides(a) + 1e-300))
			}
			continue
		}
		x := float64(v)
		to[i], to[n+cell] = x, 0
		ratio += ((x-a)*(x-a) - (x-b)*(x-b)) / (2 * r.variance[m])
	}
	to[n+r.cells] = float64(out.hidden)
	to[n+r.cells+1] = float64(out.ledger)
	to[n+r.cells+2] = ratio
}

// hides is about how likely a cell of n units is hidden.
func (r *runner) hides(n float64) float64 {
	at := float64(r.threshold+r.margin) - 0.5
	return math.Erfc((n-at)/math.Sqrt(2*r.variance[0])) / 2
}

// table runs the job n times on each state.
func (r *runner) table(t *testing.T, n int, seed byte) table {
	t.Helper()
	names := r.names()
	var all table
	out := &transcript{values: make([]int64, len(r.exact[0]))}
	row := make([]float64, len(names))
	for w := range 2 {
		s := noise.NewSource(rnd.NewChaCha8([32]byte{seed, byte(w)}))
		all[w] = make([][]float64, len(names))
		for k := range names {
			all[w][k] = make([]float64, n)
		}
		for i := range n {
			if err := r.run(s, w, out); err != nil {
				t.Fatal(err)
			}
			r.look(out, row)
			for k, x := range row {
				all[w][k][i] = x
			}
		}
	}
	weigh(all, len(r.exact[0])+r.cells)
	return all
}

// weigh replaces the number of each pattern by the logarithm of how much more
// often it came up with the victim, in the third of the runs that chooses.
func weigh(all table, k int) {
	var seen [2]map[float64]float64
	for w := range 2 {
		seen[w] = map[float64]float64{}
		for _, p := range all[w][k][:len(all[w][k])/3] {
			seen[w][p]++
		}
	}
	for w := range 2 {
		for i, p := range all[w][k] {
			all[w][k][i] = math.Log((seen[1][p] + 1) / (seen[0][p] + 1))
		}
	}
}

// audit is what n runs prove of the job: against all that is claimed, and
// against the least delta of it alone.
func (j job) audit(t *testing.T, n int, seed byte, claimed []promise) (all, headline finding) {
	t.Helper()
	r := ready(t, j)
	runs := r.table(t, n, seed)
	return audit(r.names(), runs, claimed), audit(r.names(), runs, claimed[:1])
}

// rho is what the product charges for the job, a unit standing in every site,
// with this many sites that tell nobody.
func (j job) rho(t *testing.T, honest int) *big.Rat {
	t.Helper()
	rho, err := j.shape.Rho(len(j.states[0]), honest)
	if err != nil {
		t.Fatal(err)
	}
	return rho
}
