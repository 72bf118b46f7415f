package api

import (
	"context"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/storage/records"
)

// Newest is the entry of a dataset that is in force: of the reviews of it that its
// provider asked for, the last that was approved.
func (f source) Newest(ctx context.Context, dataset, provider string) (*cases.Case, error) {
	c, _, err := f.inForce(ctx, dataset, provider, func(papers.Sheet) bool { return true })
	if err == nil && c == nil {
		err = fault.NotFound
	}
	return c, err
}

// sheet is the sheet in force of a provider's dataset, and whether there is one.
func (f source) sheet(ctx context.Context, dataset, provider string) (papers.Sheet, bool, error) {
	c, sheet, err := f.inForce(ctx, dataset, provider, func(s papers.Sheet) bool { return s.Provider == provider })
	return sheet, c != nil, err
}

// inForce is the last of the approved reviews of a dataset's entry whose sheet fits,
// with that sheet; a nil case if there is none.
func (f source) inForce(ctx context.Context, dataset, provider string, fits func(papers.Sheet) bool) (*cases.Case, papers.Sheet, error) {
	all, err := f.entries(ctx, dataset, provider)
	if err != nil {
		return nil, papers.Sheet{}, err
	}
	for _, c := range slices.Backward(all) { // a case may name another sheet than the one that it decided on
		sheet, ok, err := paperOf[papers.Sheet](ctx, f.s, c, "entry", papers.KindSheet)
		if err != nil {
			return nil, papers.Sheet{}, err
		}
		if ok && sheet.Dataset == dataset && fits(sheet) {
			return c, sheet, nil
		}
	}
	return nil, papers.Sheet{}, nil
}

// entries are the newest reviews of a provider's entry of a dataset that were
// approved, the newest last.
func (f source) entries(ctx context.Context, dataset, provider string) ([]*cases.Case, error) {
	rows, err := f.s.Records.Entries(ctx, dataset, provider)
	if err != nil {
		return nil, err
	}
	all, err := f.folded(ctx, rows)
	return slices.DeleteFunc(all, func(c *cases.Case) bool {
		o, _ := c.Outcome()
		return o != cases.Approved
	}), err
}

// Replaced finds what the same operator was allowed later in the place of a
// scenario, which is an amendment that names it, or of an agreement, which is
// another on the same scenario: one scenario has one agreement.
func (f source) Replaced(ctx context.Context, c *cases.Case) (string, error) {
	row, err := f.s.Records.CaseRow(ctx, c.ID())
	if err != nil {
		return "", err
	}
	rows, err := f.s.Records.CasesOf(ctx, row.Kind, row.Operator)
	if err != nil {
		return "", err
	}
	for _, later := range rows {
		if later.ID == row.ID || later.Outcome != cases.Approved || later.Updated.Before(row.Updated) {
			continue
		}
		by, err := f.replaces(ctx, c, later)
		if err != nil || by {
			return later.ID, err
		}
	}
	return "", nil
}

func (f source) replaces(ctx context.Context, c *cases.Case, row records.CaseRow) (bool, error) {
	later, err := f.Case(ctx, row.ID)
	if err != nil {
		return false, err
	}
	if o, _ := later.Outcome(); o != cases.Approved {
		return false, nil
	}
	if row.Kind == scenarioApply {
		p, ok, err := paperOf[papers.Scenario](ctx, f.s, later, "application", papers.KindScenario)
		return ok && p.Previous == c.ID() && p.ID == row.ID, err
	}
	was, ok, err := paperOf[papers.Agreement](ctx, f.s, c, "agreement", papers.KindAgreement)
	if err != nil || !ok {
		return false, err
	}
	is, ok, err := paperOf[papers.Agreement](ctx, f.s, later, "agreement", papers.KindAgreement)
	return ok && is.Scenario == was.Scenario && is.Operator == was.Operator, err
}
