package release

import (
	"fmt"
	"math/big"
	"regexp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
)

// budgets checks each domain's debit in mode dp: the run's full cost, added to
// what was spent, within the cap that the provider signed.
func (v *verification) budgets() error {
	if v.terms.Mode != jobs.DP {
		return nil // a confirmation with a debit would not have been one
	}
	cost, err := v.terms.Rho()
	if err != nil {
		return err
	}
	for _, m := range v.terms.Members {
		body, err := msg.Read[msg.ConfirmBody](v.view, v.round, msg.Confirm, m.Site.Name)
		if err != nil {
			return err
		}
		if err := debited(body.Debit, v.terms.Shape.Namespace, cost, m.Budget); err != nil {
			return fmt.Errorf("debit of %s: %w", m.Domain, err)
		}
	}
	return nil
}

func debited(d *msg.Debit, namespace string, cost *big.Rat, budget jobs.Budget) error {
	if d == nil || d.Namespace != namespace || d.Seq == 0 {
		return fmt.Errorf("missing, or of another namespace: %w", fault.Denied)
	}
	limit, err := budget.Rat()
	if err != nil {
		return err
	}
	var said [3]*big.Rat
	for i, s := range []string{d.Cost, d.Before, d.After} {
		if said[i], err = fraction(s); err != nil {
			return err
		}
	}
	switch before, after := said[1], said[2]; {
	case said[0].Cmp(cost) != 0:
		return fmt.Errorf("not the cost of the run: %w", fault.Tampered)
	case new(big.Rat).Add(before, cost).Cmp(after) != 0:
		return fmt.Errorf("before and cost do not add up to after: %w", fault.Tampered)
	case after.Cmp(limit) > 0:
		return fmt.Errorf("beyond the cap: %w", fault.Exhausted)
	}
	return nil
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
