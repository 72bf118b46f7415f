package release

// budgets checks each domain's debit in the modes with noise (msg.View.Debited).
func (v *verification) budgets() error { return v.view.Debited(v.round) }
