package release

import (
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
)

// budgets checks each domain's debit in the modes with noise: the run's full
// cost, added to what was spent, within the cap that the provider signed. Only a
// domain that gives an earlier run's answer again pays nothing, and names that
// run.
func (v *verification) budgets() error {
	if !v.terms.Mode.Noisy() {
		return nil // a confirmation with a debit would not have been one
	}
	var debits []msg.Debit
	for _, m := range v.terms.Members {
		body, err := msg.Read[msg.ConfirmBody](v.view, v.round, msg.Confirm, m.Site.Name)
		if err != nil {
			return err
		}
		if err := v.debited(body.Debit, m.Budget); err != nil {
			return fmt.Errorf("debit of %s: %w", m.Domain, err)
		}
		debits = append(debits, *body.Debit)
	}
	return msg.CheckStored(v.terms, debits)
}

func (v *verification) debited(d *msg.Debit, budget jobs.Budget) error {
	_, after, err := d.Check(v.run.ID, v.terms)
	if err != nil || d.Stored != "" {
		return err
	}
	limit, err := budget.Rat()
	if err != nil {
		return err
	}
	if after.Cmp(limit) > 0 {
		return fmt.Errorf("beyond the cap: %w", fault.Exhausted)
	}
	return nil
}
