package privacy

import (
	"math/big"
	rnd "math/rand/v2"
	"slices"
	"testing"

	"github.com/yunei/yunei/gate/noise"
)

// with is a state with a victim added to every site.
func with(s state, victim unit) state {
	all := make(state, len(s))
	for i, units := range s {
		all[i] = append(slices.Clone(units), victim)
	}
	return all
}

// edge is a job at the edge of the threshold: nine units of a cell over all
// sites, and a tenth who stands in each of them with the highest value.
func edge(sites, corrupt int, units, income uint64) job {
	base := make(state, sites)
	for i := range 9 {
		base[i%sites] = append(base[i%sites], people(1, 1, 40)...)
	}
	base[0] = append(base[0], people(25, 0, 50)...)
	return job{
		shape:   shape(3, 1, units, income),
		states:  [2]state{base, with(base, unit{[]uint32{1}, 100})},
		corrupt: corrupt,
	}
}

// rule is edge where cells are shown by their noisy number of units.
func rule(j job) job {
	j.threshold, j.odds = 10, 0.3
	return j
}

// dominated is a job at the edge of the p% rule: the cell has two large values,
// many zeros, and the victim, whose value is all that hides the largest from
// the second.
func dominated() job {
	base := state{slices.Concat(people(25, 0, 50), people(2, 1, 100), people(16, 1, 0))}
	j := job{shape: shape(3, 1, 4, 5716)}
	j.states = [2]state{base, with(base, unit{[]uint32{1}, 10})}
	return j
}

// wide is a job in which the victim touches all three cells.
func wide() job {
	base := state{append(people(9, 0, 50), people(9, 1, 100)...)}
	j := job{shape: shape(3, 3, 12, 17148)}
	j.states = [2]state{base, with(base, unit{[]uint32{0, 1, 2}, 100})}
	return j
}

// What runs prove stays below what is claimed, in each mode, for each way that
// noise is shared, whoever is corrupt.
func TestProofsStayBelowClaims(t *testing.T) {
	for i, c := range []struct {
		name   string
		job    job
		honest int
	}{
		{"dp, 9 or 10 units", edge(1, 0, 4, 5716), 1},
		{"dp, the edge of the p% rule", dominated(), 1},
		{"dp, three cells a unit", wide(), 1},
		{"dp, a person in two domains, one corrupt", edge(2, 1, 16, 22858), 1},
		{"dp, a person in three domains, one corrupt", edge(3, 1, 18, 30000), 2},
		{"dp, a person in four domains, none corrupt", edge(4, 0, 16, 22858), 4},
		{"sdc+dp, 9 or 10 units", rule(edge(1, 0, 4, 5716)), 1},
		{"sdc+dp, a narrow budget on units", rule(edge(1, 0, 1, 10000)), 1},
		{"sdc+dp, the edge of the p% rule", rule(dominated()), 1},
		{"sdc+dp, three cells a unit", rule(wide()), 1},
		{"sdc+dp, a person in two domains, one corrupt", rule(edge(2, 1, 16, 22858)), 1},
		{"sdc+dp, a person in three domains, one corrupt", rule(edge(3, 1, 18, 30000)), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			rho := c.job.rho(t, c.honest)
			f, headline := c.job.audit(t, rounds(), byte(i), promises(t, rho))
			t.Logf("rho %s: %v; %v", rho.FloatString(3), headline, f)
			if f.excess() > 0 || headline.excess() > 0 {
				t.Error("more than is claimed")
			}
			if headline.epsilon < 0.1*headline.claimed {
				t.Error("next to nothing is proved: the audit is blind")
			}
		})
	}
}

// small is the rule of mode sdc.
func small(exact []int64, cell int) bool { return exact[cell] > 0 && exact[cell] < 10 }

// Each planted error is found: the proof exceeds the claim.
func TestPlantedErrorsAreFound(t *testing.T) {
	sound := edge(1, 0, 4, 5716)
	part := func(n int64) func(uint64) *big.Rat {
		return func(sigma2 uint64) *big.Rat { return big.NewRat(int64(sigma2), n) }
	}
	for i, c := range []struct {
		name  string
		job   job
		plant func(*job)
		claim func(t *testing.T, j job) *big.Rat
	}{
		{"noise halved", sound, func(j *job) { j.share = part(4) }, nil},
		{"an exact threshold in place of the noisy one", sound, func(j *job) { j.peek = small }, nil},
		{"an exact threshold beside the noisy one", rule(sound), func(j *job) { j.peek = small }, nil},
		{"an exact p% rule", rule(dominated()), func(j *job) {
			// Of two who give 100 the rest must come to 10.
			j.peek = func(exact []int64, cell int) bool { return cell == 1 && exact[3+cell]-200 < 10 }
		}, nil},
		{"noise split over all of two sites, one corrupt", edge(2, 1, 16, 22858), func(j *job) { j.share = part(2) }, nil},
		{"noise split over all of three sites, two corrupt", edge(3, 2, 36, 51429), func(j *job) { j.share = part(3) }, nil},
		{"all of three sites counted as honest, two corrupt", edge(3, 2, 18, 18000), func(*job) {}, func(t *testing.T, j job) *big.Rat {
			t.Helper()
			return j.rho(t, 3)
		}},
		{"a refund when a cell stays small", sound, func(j *job) {
			j.cost = func(exact []int64) int64 {
				if exact[1] < 10 {
					return 1
				}
				return 0
			}
		}, nil},
		{"a person in two domains charged as one", edge(2, 1, 4, 5716), func(*job) {}, func(t *testing.T, j job) *big.Rat {
			t.Helper()
			rho, err := j.shape.Rho(1, 1)
			if err != nil {
				t.Fatal(err)
			}
			return rho
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := c.job
			c.plant(&j)
			var rho *big.Rat
			if c.claim != nil {
				rho = c.claim(t, j)
			} else {
				rho = j.rho(t, 1)
			}
			f, _ := j.audit(t, rounds(), byte(100+i), promises(t, rho))
			t.Logf("rho %s: %v", rho.FloatString(3), f)
			if f.excess() <= 0 {
				t.Error("not found")
			}
		})
	}
}

// A count with discrete Laplace noise in shares keeps a pure epsilon, to the
// site that is not corrupt; shares for all sites, with some corrupt, do not.
func TestLaplaceShares(t *testing.T) {
	const sites, corrupt = 3, 1
	for i, c := range []struct {
		name    string
		shares  int
		exceeds bool
	}{{"shares for honest sites", sites - corrupt, false}, {"shares for all sites", sites, true}} {
		t.Run(c.name, func(t *testing.T) {
			p, err := noise.NewPolya(2, 1, c.shares)
			if err != nil {
				t.Fatal(err)
			}
			eps, err := p.Whole().Epsilon(big.NewInt(1))
			if err != nil {
				t.Fatal(err)
			}
			claimed, _ := eps.Float64()
			var all table
			for w := range 2 {
				s := noise.NewSource(rnd.NewChaCha8([32]byte{200, byte(i), byte(w)}))
				counts := make([]float64, 3*rounds())
				for k := range counts {
					sum := int64(9 + w)
					for range sites - corrupt {
						z, err := p.Draw(s)
						if err != nil {
							t.Fatal(err)
						}
						sum += z
					}
					counts[k] = float64(sum)
				}
				all[w] = [][]float64{counts}
			}
			f := audit([]string{"count"}, all, []promise{{claimed, 0}})
			t.Log(f)
			if (f.excess() > 0) != c.exceeds {
				t.Errorf("exceeded: %v, want %v", f.excess() > 0, c.exceeds)
			}
		})
	}
}
