package msg

import (
	"fmt"
	"math/big"
	"regexp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
)

// A Short is what a site tells of a budget that does not suffice: which cap, and
// the figures, all of them functions of public history. Package gate/budget
// makes and checks it, and puts it into words.
type Short struct {
	Cap       string `json:"cap"`
	Namespace string `json:"namespace"`
	Name      string `json:"name,omitempty"`
	Limit     string `json:"limit"`
	Spent     string `json:"spent"`
	Left      string `json:"left"`
	Asked     string `json:"asked"`
	Factor    string `json:"factor,omitempty"`
	Next      int    `json:"next,omitempty"`
}

// Short returns what the site that Refused tells of says beside its code, nil if
// that is nothing. Nobody has checked it.
func (v *View) Short() *Short {
	var b RefusalBody
	if r, ok := v.refusal(); !ok || r.Read(Refusal, &b) != nil || b.Code != "budget" {
		return nil
	}
	return b.Short
}

// refusal is that of several which is first by the site's name.
func (v *View) refusal() (receipt.Receipt, bool) {
	var first receipt.Receipt
	by := ""
	for p, r := range v.said {
		var b RefusalBody
		if p.Kind == Refusal && r.Read(Refusal, &b) == nil && (by == "" || p.Party < by) {
			first, by = r, p.Party
		}
	}
	return first, by != ""
}

// Check reports what is wrong with a debit of a run under the terms, whatever
// the cap: it is of the namespace, the operator and the scenario, has a number,
// and its figures add up to the run's full cost, or to nothing for the stored
// answer of another run. It returns what was spent before and after. Errors are
// of kind Denied, Invalid or Tampered.
func (d *Debit) Check(run string, t jobs.Terms) (before, after *big.Rat, err error) {
	switch {
	case d == nil || d.Namespace != t.Shape.Namespace || d.Seq == 0:
		return nil, nil, fmt.Errorf("missing, or of another namespace: %w", fault.Denied)
	case d.Operator != t.Operator.Org || d.Scenario != t.Scenario:
		return nil, nil, fmt.Errorf("booked for another operator or scenario: %w", fault.Tampered)
	case d.Stored != "" && (jobs.ID(d.Stored) != nil || d.Stored == run):
		return nil, nil, fmt.Errorf("the stored answer of no other run: %w", fault.Tampered)
	}
	cost := new(big.Rat)
	if d.Stored == "" {
		if cost, err = t.Rho(); err != nil {
			return nil, nil, err
		}
	}
	var said [3]*big.Rat
	for i, s := range []string{d.Cost, d.Before, d.After} {
		if said[i], err = fraction(s); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case said[0].Cmp(cost) != 0:
		return nil, nil, fmt.Errorf("not the cost of the run: %w", fault.Tampered)
	case new(big.Rat).Add(said[1], cost).Cmp(said[2]) != 0:
		return nil, nil, fmt.Errorf("before and cost do not add up to after: %w", fault.Tampered)
	}
	return said[1], said[2], nil
}

// CheckStored reports debits of one run that cannot stand together. If the noise
// of several members is counted on, an answer of which one member's part is
// stored and another's drawn anew would tell more than was paid for: then all are
// stored, of one run, or none is.
func CheckStored(t jobs.Terms, debits []Debit) error {
	for _, d := range debits {
		if t.Honest() > 1 && d.Stored != debits[0].Stored {
			return fmt.Errorf("one member's part is stored and another's is not: %w", fault.Denied)
		}
	}
	return nil
}

// Debited reports what is wrong with the debits that the members confirm in a
// round of a noisy mode: each is the run's full cost, exactly added, within the
// cap that its provider signed; only a member that gives an earlier run's answer
// again pays nothing, and names that run.
func (v *View) Debited(round int) error {
	t := v.Terms()
	if !t.Mode.Noisy() {
		return nil // a confirmation with a debit would not have been one
	}
	var debits []Debit
	for _, m := range t.Members {
		body, err := Read[ConfirmBody](v, round, Confirm, m.Site.Name)
		if err != nil {
			return err
		}
		_, after, err := body.Debit.Check(v.ID(), t)
		if err != nil {
			return fmt.Errorf("debit of %s: %w", m.Domain, err)
		}
		limit, err := m.Budget.Rat()
		if err != nil {
			return err
		}
		if body.Debit.Stored == "" && after.Cmp(limit) > 0 {
			return fmt.Errorf("debit of %s: beyond the cap: %w", m.Domain, fault.Exhausted)
		}
		debits = append(debits, *body.Debit)
	}
	return CheckStored(t, debits)
}

// Only this much is read: big.Rat would also take exponents, and work on them
// for as long as they ask.
var fractionRE = regexp.MustCompile(`^[0-9]{1,1000}(/[0-9]{1,1000})?$`)

func fraction(s string) (*big.Rat, error) {
	if len(s) <= 2001 && fractionRE.MatchString(s) {
		if r, ok := new(big.Rat).SetString(s); ok {
			return r, nil
		}
	}
	return nil, fmt.Errorf("not a fraction: %w", fault.Invalid)
}
