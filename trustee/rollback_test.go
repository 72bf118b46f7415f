package trustee

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/yunei/yunei/gate/budget"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A city is the model of what keeps a budget: sites with a book each, trustees
// with their notes, and a board that shows what the coordinator likes. It makes
// random runs, side by side, and brings back old copies of one party's book.
type city struct {
	rand     *rand.Rand
	sites    []book
	trustees []ledger
	quorum   int
	waiting  []*gathering
	truth    []map[string]*big.Rat // of each site, what every run that was opened has cost: nobody in the city knows it
	said     []map[string]bool     // of each site, runs that it has stated on the board
	runs     int

	// What is switched off, to see that it is what keeps the budget.
	deaf, careless bool // sites do not hear the board, trustees note nothing
}

type (
	book   struct{ now, old []budget.Entry }
	ledger struct{ now, old []debit }
	// A gathering is a run that is booked at every member and not opened.
	gathering struct {
		run    string
		debits map[int]debit
		costs  map[int]*big.Rat
	}
)

const modelCap = 2

var modelYear = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newCity(seed uint64) *city {
	return &city{
		rand: rand.New(rand.NewPCG(seed, 7)), sites: make([]book, 3), trustees: make([]ledger, 3), quorum: 2,
		truth: []map[string]*big.Rat{{}, {}, {}}, said: []map[string]bool{{}, {}, {}},
	}
}

// start books a run at one to three sites. Each is asked about its budget alone;
// a run that one refuses is debited at the others all the same.
func (c *city) start() {
	c.runs++
	g := &gathering{run: fmt.Sprint("r-", c.runs), debits: map[int]debit{}, costs: map[int]*big.Rat{}}
	cost := big.NewRat(1+c.rand.Int64N(6), 7)
	whole := true
	for i := range c.sites {
		if c.rand.IntN(3) == 0 {
			continue
		}
		ok := c.book(i, g, cost)
		whole = whole && ok
	}
	if whole && len(g.debits) > 0 {
		c.waiting = append(c.waiting, g)
	}
}

func (c *city) book(i int, g *gathering, cost *big.Rat) bool {
	if !c.deaf {
		for run := range c.said[i] {
			if !holds(c.sites[i].now, run) {
				return false // its own statement is not in its journal
			}
		}
	}
	b := &c.sites[i]
	caps := budget.Caps{All: []budget.Cap{{Namespace: jobs.NaturalPerson, Kind: budget.Forever, Rho: big.NewRat(modelCap, 1)}}}
	ask := budget.Entry{Run: g.run, Namespace: jobs.NaturalPerson, Operator: "op", Scenario: "s", At: modelYear, Cost: cost}
	balance, err := budget.Afford(caps, b.now, ask)
	if err != nil {
		return false
	}
	b.now = append(b.now, ask)
	c.said[i][g.run] = true
	g.debits[i] = debit{
		Site: suite.PublicKey(fmt.Sprint("site-", i)), Seq: uint64(len(b.now)), Run: g.run, Namespace: ask.Namespace,
		Before: balance.Before.RatString(), After: balance.After.RatString(),
	}
	g.costs[i] = cost
	return true
}

func holds(past []budget.Entry, run string) bool {
	for _, e := range past {
		if e.Run == run {
			return true
		}
	}
	return false
}

// open shows a waiting run to some of the trustees; a quorum of them opens it.
func (c *city) open() {
	if len(c.waiting) == 0 {
		return
	}
	at := c.rand.IntN(len(c.waiting))
	g := c.waiting[at]
	c.waiting = append(c.waiting[:at:at], c.waiting[at+1:]...)
	ready, hidden := 0, c.rand.IntN(len(c.trustees)+1)
	for k := range c.trustees {
		if k == hidden {
			continue
		}
		if c.careless || c.trustees[k].notes(g) {
			ready++
		}
	}
	if ready < c.quorum {
		return
	}
	for i, cost := range g.costs {
		c.truth[i][g.run] = cost
	}
}

func (l *ledger) notes(g *gathering) bool {
	for _, d := range g.debits {
		if follows(l.now, d) != nil {
			return false
		}
	}
	for _, d := range g.debits {
		l.now = append(l.now, d)
	}
	return true
}

// overspent reports a site of which more was opened than its cap.
func (c *city) overspent() error {
	for i, opened := range c.truth {
		sum := new(big.Rat)
		for _, cost := range opened {
			sum.Add(sum, cost)
		}
		if sum.Cmp(big.NewRat(modelCap, 1)) > 0 {
			return fmt.Errorf("rho %s of site %d was opened, more than %d", sum.RatString(), i, modelCap)
		}
	}
	return nil
}

// live takes random steps; rollback brings back the old copy of a party's book,
// or takes a new one.
func (c *city) live(steps int, rollback func(*city)) error {
	for range steps {
		switch c.rand.IntN(8) {
		case 0:
			rollback(c)
		case 1, 2, 3, 4:
			c.start()
		default:
			c.open()
		}
		if err := c.overspent(); err != nil {
			return err
		}
	}
	return nil
}

func site0(c *city) {
	if b := &c.sites[0]; c.rand.IntN(3) == 0 {
		b.old = append([]budget.Entry(nil), b.now...)
	} else {
		b.now = append([]budget.Entry(nil), b.old...)
	}
}

func trustee0(c *city) {
	if l := &c.trustees[0]; c.rand.IntN(3) == 0 {
		l.old = append([]debit(nil), l.now...)
	} else {
		l.now = append([]debit(nil), l.old...)
	}
}

// Whichever one party's journal is brought back from an old copy, the runs that
// were opened never cost a site more than its cap. For a site's, either of the two
// memories does alone: the board's of what the site has said, and the trustees',
// any two quorums of whom share one, of what they have seen. Without both it is
// un-spent, and so it is by a site, a trustee and the coordinator together.
func TestRollbackNeverUnspends(t *testing.T) {
	cities, steps := uint64(300), 60
	if os.Getenv("YUNEI_PROVE") == "1" {
		cities, steps = 2_000, 90
	}
	for _, c := range []struct {
		name     string
		rollback func(*city)
		off      func(*city)
		unspends bool
	}{
		{"a site's", site0, func(*city) {}, false},
		{"a site's, and the board hides what it said", site0, func(c *city) { c.deaf = true }, false},
		{"a site's, and trustees note nothing", site0, func(c *city) { c.careless = true }, false},
		{"a site's, with both switched off", site0, func(c *city) { c.deaf, c.careless = true, true }, true},
		{"a trustee's", trustee0, func(*city) {}, false},
		{"a site's and a trustee's at once, and the board hides what was said", func(c *city) { site0(c); trustee0(c) }, func(c *city) { c.deaf = true }, true},
	} {
		var broken error
		opened := 0
		for seed := range cities {
			w := newCity(seed)
			c.off(w)
			if err := w.live(steps, c.rollback); err != nil {
				broken = errors.Join(broken, fmt.Errorf("seed %d: %w", seed, err))
				break
			}
			for _, o := range w.truth {
				opened += len(o)
			}
		}
		if (broken != nil) != c.unspends {
			t.Errorf("%s: %v", c.name, broken)
		}
		if !c.unspends && opened < int(cities) {
			t.Errorf("%s: %d runs were opened; the test is blind", c.name, opened)
		}
	}
}
