package opening

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// units are the most that a domain of these tests has.
const units = 1000

// provedStage is a stage of protection prio3, of so many domains.
func provedStage(t *testing.T, mode jobs.Mode, domains int, edit func(*jobs.Terms)) *stage {
	t.Helper()
	keys := map[string]suite.PrivateKey{}
	s := newStageOf(t, mode, keys, func(terms *jobs.Terms) {
		terms.Protection, terms.Prio = jobs.Prio3, &jobs.Prio{Leader: "trustee-1", Helper: "trustee-2", Units: units}
		for i := len(terms.Members); i < domains; i++ {
			m := terms.Members[0]
			m.Domain = fmt.Sprintf("domain-%d", i)
			m.Dataset, m.Site.Name, m.Provider.Org = m.Domain+"-visits", "site-"+m.Domain, m.Domain
			for name, into := range map[string]*suite.PublicKey{m.Site.Name: &m.Site.Key, m.Domain + "-officer": &m.Provider.Key} {
				key, err := suite.NewPrivateKey()
				if err != nil {
					t.Fatal(err)
				}
				keys[name], *into = key, key.Public()
			}
			terms.Members = append(terms.Members, m)
		}
		if edit != nil {
			edit(terms)
		}
	})
	if err := s.terms.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

// fill gives each site a vector of two cells within the ranges, and returns their sum.
func (s *stage) fill(seed uint64) []int64 {
	s.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	total := make([]int64, s.terms.Slots())
	for _, m := range s.terms.Members {
		site := s.sites[m.Site.Name]
		site.values = nil
		for _, r := range s.terms.Ranges() {
			for range r.Slots {
				x := r.Lo + rng.Int64N(r.Hi()-r.Lo+1)
				if r.Mark {
					x = 0
				}
				site.values = append(site.values, x)
			}
		}
		for i, x := range site.values {
			total[i] += x
		}
	}
	return total
}

// What comes out is the plain sum of what the domains put in, by two domains or by
// five, and in the modes with noise nothing else has touched it.
func TestProvedSums(t *testing.T) {
	for _, mode := range []jobs.Mode{jobs.DP, jobs.SDC, jobs.Both} {
		for _, domains := range []int{2, 5} {
			t.Run(fmt.Sprintf("%s of %d", mode, domains), func(t *testing.T) {
				s := provedStage(t, mode, domains, nil)
				want := s.fill(uint64(domains))
				if mode != jobs.DP { // enough units in each cell, so that both are shown
					for _, site := range s.sites {
						site.values[0], site.values[1], site.values[2], site.values[3] = 505, 600, 1000, 2005
					}
					n := int64(domains)
					want = []int64{505 * n, 600 * n, 1000 * n, 2005 * n}
				}
				s.begin(1)
				s.quiet()
				s.wantSaid(1, msg.Ready, "trustee-1", "trustee-2", "trustee-3")
				s.wantSaid(1, msg.PrioSum, "trustee-1", "trustee-2")
				s.wantSaid(1, msg.Answer)
				s.wantSaid(1, msg.Active)
				shown := []int64{want[0], want[2], want[1], want[3]}
				if mode == jobs.SDC {
					for i, x := range shown {
						shown[i] = (x + 2) / 5 * 5
					}
				}
				var got []int64
				for _, cell := range s.candidate().Cells {
					got = append(got, cell...)
				}
				if diff := cmp.Diff(shown, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// A flag of any size hides its cell, whoever else did not set it.
func TestProvedFlag(t *testing.T) {
	s := provedStage(t, jobs.SDC, 2, nil)
	s.sites["site-hospital"].values = []int64{20, 30, 100, 90, 0, 1 << 55, 0, 0}
	s.sites["site-transit"].values = []int64{40, 20, 205, 80, 0, 0, 0, 0}
	s.begin(1)
	s.quiet()
	if diff := cmp.Diff([]jobs.Cell{{60, 305}, nil}, s.candidate().Cells); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(s.said(0, msg.Candidate), []string{"gate"}) {
		t.Error("the candidate is not the gate's")
	}
}
