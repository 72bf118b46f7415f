// Package budget is the accountant of one provider's journal: what runs have
// cost the privacy of a unit namespace so far, and whether the next one can be
// afforded. Costs are rho of zCDP, exact fractions, and add up whatever was
// asked because of earlier answers (Bun, Steinke 2016). Every dataset and every
// version of a namespace draws on the same caps, for the same person stands in
// all of them; runs that are held to be disjoint do not exist. Beside the cap of
// the namespace for ever there may be caps by operator, by scenario and by
// calendar year. Without a cap of its namespace a run has no budget.
//
// What cannot be afforded is told with the figures: which cap, what is spent and
// left, and what would fit. They follow from the history of runs, their terms and
// the caps, all of them public, and from no row. An answer that was given before
// costs nothing and says whose it is; a cost of nothing without that is a
// mistake.
//
// The package keeps nothing and knows no clock: entries and times are the
// caller's, who has them from the journal that it trusts. It does not know what
// a cost should be (package jobs), nor draws any noise (package gate/noise).
package budget

import (
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/yunei/yunei/fault"
)

// An Entry is one debit: what a run cost, or would.
type Entry struct {
	Run       string
	Namespace string
	Operator  string // organisation; "" counts as everyone's
	Scenario  string // "" counts as every one
	At        time.Time
	Cost      *big.Rat // rho
	Stored    string   // the earlier run whose answer this is; its cost is 0
}

// Check reports an entry that is none, as an error of kind Invalid: without a
// cost, with a negative one, which would be a refund, or one of nothing that is
// no stored answer's.
func (e Entry) Check() error {
	switch {
	case e.Run == "" || e.Namespace == "":
		return fmt.Errorf("an entry without run or namespace: %w", fault.Invalid)
	case e.Cost == nil || e.Cost.Sign() < 0:
		return fmt.Errorf("the entry of %s has no cost: %w", e.Run, fault.Invalid)
	case (e.Cost.Sign() == 0) != (e.Stored != "") || e.Stored == e.Run:
		return fmt.Errorf("the entry of %s: a stored answer of another run costs nothing, and nothing else does: %w", e.Run, fault.Invalid)
	}
	return nil
}

// A Kind says over what a cap adds.
type Kind string

// The kinds of caps, the first of them the widest.
const (
	Forever  Kind = "namespace" // all that is ever spent of the namespace
	Operator Kind = "operator"
	Scenario Kind = "scenario"
	Year     Kind = "year" // a calendar year
)

// kinds are all of them, in the order in which they are told of.
var kinds = []Kind{Forever, Operator, Scenario, Year}

// Each stands for the name of a cap that holds for every operator, scenario or
// year by itself.
const Each = "*"

// A Cap bounds the sum of a namespace's entries that it is over.
type Cap struct {
	Namespace string
	Kind      Kind
	Name      string   // of the operator or scenario, the year ("2027"), or Each; "" of Forever
	Rho       *big.Rat // nil is 0
}

// Caps bind together: the least of them holds. The zero Caps affords nothing.
type Caps struct {
	All  []Cap
	Zone *time.Location // where a day begins; nil is UTC+8
}

var shanghai = time.FixedZone("UTC+8", 8*60*60)

func (c Caps) year(at time.Time) string {
	zone := c.Zone
	if zone == nil {
		zone = shanghai
	}
	return strconv.Itoa(at.In(zone).Year())
}

// name is what an entry goes by under caps of a kind; "" is unknown, or does
// not matter.
func (c Caps) name(k Kind, e Entry) string {
	switch {
	case k == Operator:
		return e.Operator
	case k == Scenario:
		return e.Scenario
	case k == Year && !e.At.IsZero():
		return c.year(e.At)
	}
	return ""
}

// binds reports whether a cap is over the entry that is asked for.
func (c Caps) binds(limit Cap, ask Entry) bool {
	return limit.Namespace == ask.Namespace && (limit.Kind == Forever || limit.Name == Each || limit.Name == c.name(limit.Kind, ask))
}

// A Balance is what is spent of a namespace before and after an entry.
type Balance struct{ Before, After *big.Rat }

// Afford returns the balance of the asked entry's namespace with that entry, if
// every cap that binds has room for it beside the entries of the past; those of
// the same run are not counted twice. A stored answer has room always. The error
// is a *Short if a cap does not suffice, of kind Invalid for an entry that is
// none, and Tampered for a past that nobody would have written.
func Afford(caps Caps, past []Entry, ask Entry) (Balance, error) {
	if err := ask.Check(); err != nil {
		return Balance{}, fmt.Errorf("affording a run: %w", err)
	}
	if ask.Operator == "" || ask.Scenario == "" || ask.At.IsZero() {
		return Balance{}, fmt.Errorf("affording a run: it does not say whose, what for or when: %w", fault.Invalid)
	}
	for _, e := range past {
		if err := e.Check(); err != nil {
			return Balance{}, fmt.Errorf("reading past entries: %w: %w", err, fault.Tampered)
		}
	}
	before := caps.spent(Cap{Namespace: ask.Namespace, Kind: Forever}, past, ask)
	balance := Balance{before, new(big.Rat).Add(before, ask.Cost)}
	if ask.Stored != "" {
		return balance, nil
	}
	if short := caps.short(past, ask); short != nil {
		return Balance{}, short
	}
	return balance, nil
}

// spent adds what counts under the cap that binds ask: what an entry does not
// say of itself counts as if it were the same.
func (c Caps) spent(limit Cap, past []Entry, ask Entry) *big.Rat {
	sum, want := new(big.Rat), c.name(limit.Kind, ask)
	for _, e := range past {
		if got := c.name(limit.Kind, e); e.Namespace == ask.Namespace && e.Run != ask.Run && (got == want || got == "") {
			sum.Add(sum, e.Cost)
		}
	}
	return sum
}

// short finds, of the caps that do not suffice, the one with the least left, for
// what fits that fits all of them; of several the widest. Nil if all suffice.
func (c Caps) short(past []Entry, ask Entry) *Short {
	var worst *Short
	for _, k := range kinds {
		for _, limit := range c.over(k, ask) {
			s := reckon(limit, c.spent(limit, past, ask), ask)
			if s.left.Cmp(ask.Cost) >= 0 || worst != nil && s.left.Cmp(worst.left) >= 0 {
				continue
			}
			s.Name = c.name(k, ask)
			worst = s
		}
	}
	if worst != nil {
		worst.advise(ask)
	}
	return worst
}

// over lists the caps of a kind that bind; a namespace that has no cap has one
// of nothing.
func (c Caps) over(k Kind, ask Entry) []Cap {
	var all []Cap
	for _, limit := range c.All {
		if limit.Kind == k && c.binds(limit, ask) {
			all = append(all, limit)
		}
	}
	if k == Forever && all == nil {
		all = []Cap{{Namespace: ask.Namespace, Kind: Forever}}
	}
	return all
}
