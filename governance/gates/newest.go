package gates

import (
	"context"
	"errors"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/jobs"
)

// Terms name cases as they stood when they were signed. What those cases decided
// can be decided anew since: an entry is reviewed again, because the data came on
// the negative list; a scenario or an agreement is amended, which is a new one on
// the same way. Terms that could go on naming the old one would make every such
// decision without effect, so what is in force is looked up.

// newest looks up the entry in force of each dataset of the terms, and what has
// taken the place of their other cases.
func (f *Facts) newest(ctx context.Context, src Source) error {
	f.Known.Newest = true
	for _, m := range f.Terms.Members {
		c, err := src.Newest(ctx, m.Dataset, f.Register.Catalogue[m.Dataset].Provider)
		if errors.Is(err, fault.NotFound) {
			continue // there may be none; if the terms name one, its gate says so
		}
		if err != nil {
			return found(err, "the entry in force")
		}
		f.Newest[m.Dataset] = c
		if err := f.paper(ctx, src, c, entryRef); err != nil {
			return err
		}
	}
	for _, kind := range []string{scenarioKind, agreementKind} {
		for _, ref := range f.Terms.Under.Of(kind) {
			c := f.Cases[ref.ID]
			if c == nil {
				continue
			}
			by, err := src.Replaced(ctx, c)
			if err != nil {
				return found(err, "what replaces a case")
			}
			if by != "" {
				f.Replaced[ref.ID] = by
			}
		}
	}
	return nil
}

// renew is the entry in force in the place of the one that the terms name, which
// stands for itself otherwise. What it says now counts: its grade, its items,
// whether it is secret, listed or shared at all.
func (v *view) renew(named on[papers.Sheet]) on[papers.Sheet] {
	provider := v.Register.Catalogue[named.body.Dataset].Provider
	if !named.ok() || named.c.Opener().Org != provider {
		return named // catalogue says why it is nothing to rest on
	}
	c := v.Newest[named.body.Dataset]
	switch {
	case !v.Known.Newest || c == nil:
		named.bad = "entry-newest"
		return named
	case c.ID() == named.ref.ID:
		return named
	}
	o := on[papers.Sheet]{ref: jobs.CaseRef{Kind: entryKind, ID: c.ID(), Head: c.Head()}, c: c}
	if d, ok := c.Ref(entryRef); ok {
		o.body, o.read = paperOf[papers.Sheet](v, d, papers.KindSheet)
	}
	outcome, _ := c.Outcome()
	switch {
	case outcome != cases.Approved || c.Opening().Kind != entryKind || c.Opening().Profile.ID != v.Profile.ID():
		o.bad = "entry-newest"
	case !o.read || o.body.Dataset != named.body.Dataset:
		o.bad = "paper-unread"
	}
	o.body.Dataset = named.body.Dataset
	return o
}

// differs: the columns that the register has are those that were reviewed. Others
// would be data that nobody put into the catalogue, or an identifier by another
// name.
func (a *asking) differs(dataset string, s papers.Sheet) {
	for _, column := range s.Differs(a.Register.Catalogue[dataset]) {
		a.no("columns-differ", dataset+"/"+column, "catalogue.bound", "catalogue.route")
	}
}
