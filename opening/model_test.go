package opening

import (
	"fmt"
	"math/bits"
	"testing"
)

// A model of one opening a run, explored to the last state. Two honest sites A and C and
// a corrupt one, B, in a run of two rounds; two honest trustees and a corrupt
// one, any two of whom open a sum; a coordinator that shows anybody any set.
// The property: no honest site is in two differently opened sets of the run.

// A set is a bit for each of A, B, C; 0 is none.
type set uint8

const (
	siteA set = 1 << iota
	siteB
	siteC
)

var sets = []set{siteA | siteB, siteA | siteC, siteB | siteC, siteA | siteB | siteC}

const (
	rounds   = 2
	trustees = 2 // the honest ones
)

// A state is what the honest have signed and answered, by round.
type state struct {
	signed   [rounds][2]set // by A, C
	answered [rounds][trustees]set
}

// Rules are what the honest go by.
type rules struct {
	oneSet   bool // a site signs one set a run, not one a round
	confirms bool // a trustee wants the signatures of all members
	fresh    bool // a round may follow on another at all
}

var honest = [2]set{siteA, siteC}

// confirmed: every honest member has signed the set; B signs anything.
func (s state) confirmed(round int, x set) bool {
	for i, site := range honest {
		if x&site != 0 && s.signed[round][i] != x {
			return false
		}
	}
	return true
}

// next lists the states that one act of an honest party leads to.
func (s state) next(r rules) []state {
	var out []state
	for round := range rounds {
		if round > 0 && !r.fresh {
			break
		}
		for _, x := range sets {
			for i, site := range honest {
				if x&site == 0 || s.signed[round][i] != 0 || r.oneSet && s.otherwise(i, x) {
					continue
				}
				t := s
				t.signed[round][i] = x
				out = append(out, t)
			}
			for k := range trustees {
				if s.answered[round][k] != 0 || r.confirms && !s.confirmed(round, x) {
					continue
				}
				t := s
				t.answered[round][k] = x
				out = append(out, t)
			}
		}
	}
	return out
}

// otherwise: site i has signed another set in this run.
func (s state) otherwise(i int, x set) bool {
	for round := range rounds {
		if y := s.signed[round][i]; y != 0 && y != x {
			return true
		}
	}
	return false
}

// broken: an honest site is in two sets that opened. The corrupt trustee
// answers everything, so one honest answer opens.
func (s state) broken() bool {
	var opened []set
	for round := range rounds {
		opened = append(opened, s.answered[round][:]...)
	}
	for _, x := range opened {
		for _, y := range opened {
			if x != y && x != 0 && y != 0 && x&y&(siteA|siteC) != 0 {
				return true
			}
		}
	}
	return false
}

// explore visits every state, and returns how many there are and a broken one.
func explore(r rules) (states int, broken *state) {
	seen := map[state]bool{{}: true}
	for todo := []state{{}}; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s.broken() && broken == nil {
			broken = &s
		}
		for _, t := range s.next(r) {
			if !seen[t] {
				seen[t] = true
				todo = append(todo, t)
			}
		}
	}
	return len(seen), broken
}

func (x set) String() string {
	names := ""
	for i, name := range []string{"A", "B", "C"} {
		if x>>i&1 == 1 {
			names += name
		}
	}
	return fmt.Sprintf("{%s of %d}", names, bits.OnesCount8(uint8(x)))
}

func TestNoSiteInTwoOpenedSets(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules rules
		holds bool
	}{
		{"the rules", rules{oneSet: true, confirms: true, fresh: true}, true},
		{"one set a round, one round", rules{confirms: true}, true},
		{"one set a round", rules{confirms: true, fresh: true}, false},
		{"trustees that ask no members", rules{oneSet: true}, false},
	} {
		states, broken := explore(c.rules)
		if (broken == nil) != c.holds {
			t.Errorf("%s: broken %v", c.name, broken)
		}
		if states < 40 {
			t.Errorf("%s: %d states are no exploration", c.name, states)
		}
		t.Logf("%s: %d states, broken: %v", c.name, states, broken)
	}
}
