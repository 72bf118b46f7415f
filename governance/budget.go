package governance

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/yunei/yunei/jobs/msg"
)

// The authority over a budget is the journal of the provider's own site. What is
// here mirrors what sites have confirmed in the ledger, for people to read;
// nothing is decided by it. A run that was debited and came to no confirmation is
// in no mirror: an account says how much that is.

type (
	// A Spending is what a domain has confirmed of the runs of one operator and
	// scenario in a calendar year.
	Spending struct {
		Domain    string `json:"domain"`
		Namespace string `json:"namespace"`
		Operator  string `json:"operator"`
		Scenario  string `json:"scenario"`
		Year      int    `json:"year"`   // where it is UTC+8
		Runs      int    `json:"runs"`   // that paid
		Stored    int    `json:"stored"` // that were given an earlier answer again
		Rho       string `json:"rho"`    // an exact fraction
	}
	// An Account is what a domain says that it has spent of a namespace, by the
	// latest debit seen, and how much of that is in no Spending here.
	Account struct {
		Domain    string `json:"domain"`
		Namespace string `json:"namespace"`
		Rho       string `json:"rho"`
		Elsewhere string `json:"elsewhere"`
	}
	// A Budget is both, in the order of their names.
	Budget struct {
		Spent    []Spending `json:"spent"`
		Accounts []Account  `json:"accounts"`
	}
)

// Debits returns what the domains of a run have confirmed of their budgets. A
// debit that does not add up is left out.
func Debits(v *msg.View) map[string]msg.Debit {
	all := map[string]msg.Debit{}
	if v.Err() != nil || !v.Terms().Mode.Noisy() {
		return all
	}
	for _, m := range v.Terms().Members {
		for n := 1; n <= v.Round(); n++ {
			body, err := msg.Read[msg.ConfirmBody](v, n, msg.Confirm, m.Site.Name)
			if err != nil {
				continue
			}
			if _, _, err := body.Debit.Check(v.ID(), v.Terms()); err == nil {
				all[m.Domain] = *body.Debit
			}
		}
	}
	return all
}

var utc8 = time.FixedZone("UTC+8", 8*60*60)

// Spent adds up the debits of runs, each as Debits returns them.
func Spent(runs []map[string]msg.Debit) Budget {
	type account struct{ domain, namespace string }
	lines, sums := map[Spending]*Spending{}, map[Spending]*big.Rat{}
	latest, seen := map[account]msg.Debit{}, map[account]*big.Rat{}
	for _, run := range runs {
		for domain, d := range run {
			key := Spending{Domain: domain, Namespace: d.Namespace, Operator: d.Operator, Scenario: d.Scenario, Year: d.At.In(utc8).Year()}
			of := account{domain, d.Namespace}
			if lines[key] == nil {
				line := key
				lines[key], sums[key] = &line, new(big.Rat)
			}
			if seen[of] == nil {
				seen[of] = new(big.Rat)
			}
			if d.Stored != "" {
				lines[key].Stored++
			} else {
				lines[key].Runs++
			}
			sums[key].Add(sums[key], fraction(d.Cost))
			seen[of].Add(seen[of], fraction(d.Cost))
			if d.Seq > latest[of].Seq {
				latest[of] = d
			}
		}
	}
	b := Budget{Spent: []Spending{}, Accounts: []Account{}}
	for key, line := range lines {
		line.Rho = sums[key].RatString()
		b.Spent = append(b.Spent, *line)
	}
	for _, of := range slices.Collect(maps.Keys(latest)) {
		elsewhere := new(big.Rat).Sub(fraction(latest[of].After), seen[of])
		b.Accounts = append(b.Accounts, Account{of.domain, of.namespace, fraction(latest[of].After).RatString(), elsewhere.RatString()})
	}
	slices.SortFunc(b.Spent, func(x, y Spending) int {
		return cmp.Or(
			cmp.Compare(x.Domain, y.Domain), cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Operator, y.Operator),
			cmp.Compare(x.Scenario, y.Scenario), cmp.Compare(x.Year, y.Year),
		)
	})
	slices.SortFunc(b.Accounts, func(x, y Account) int {
		return cmp.Or(cmp.Compare(x.Domain, y.Domain), cmp.Compare(x.Namespace, y.Namespace))
	})
	return b
}

// fraction reads a figure that msg.Debit.Check has let through.
func fraction(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return new(big.Rat)
	}
	return r
}
