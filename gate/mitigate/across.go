package mitigate

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/gate/sheet/check"
)

// Across lists the options for the sum of a table over several domains, none of
// which may lean on the units of another: each judges its own, a row is hidden
// where one of them hides it, and the worst verdict counts. Another table of
// one domain that fits what its own pattern shows is, with the others', another
// sum that fits what all patterns show together, so that a hidden value has as
// much room in the sum. All are on one grid; a unit of several domains counts
// in each. Errors are Rank's.
func Across(t sheet.Table, domains []sheet.Facts, p params.Parameters, o Options) ([]Option, error) {
	if len(domains) == 0 {
		return nil, fmt.Errorf("ranking mitigations: no domain: %w", fault.Invalid)
	}
	r := ranker{t: t, f: domains[0], p: p, o: o, domains: domains}
	for _, d := range domains[1:] {
		if len(d.Cells) != len(r.f.Cells) || d.Grid.Items() != r.f.Grid.Items() {
			return nil, fmt.Errorf("ranking mitigations: domains of different tables: %w", fault.Invalid)
		}
		r.f = together(r.f, d)
	}
	return r.rank()
}

// together is the evidence on the units of two domains.
func together(a, b sheet.Facts) sheet.Facts {
	out := sheet.Facts{Grid: a.Grid, Measures: a.Measures, Holdings: a.Holdings && b.Holdings, Overlap: a.Overlap || b.Overlap}
	for m := range a.Cells {
		row := make([]sheet.Cell, len(a.Cells[m]))
		for i := range row {
			row[i] = sheet.Merge(a.Cells[m][i], b.Cells[m][i])
		}
		out.Cells = append(out.Cells, row)
	}
	return out
}

// parts are the domains that each judge their own units.
func (r *ranker) parts() []sheet.Facts {
	if len(r.domains) > 1 {
		return r.domains
	}
	return []sheet.Facts{r.f}
}

// settled is evidence of which C10 comes to what domains make of it, if that is
// asked for. It is not to be recoded: what is settled of two cells says nothing
// of both. A cell of no more units than must differ stays for C10 to refuse.
func (r *ranker) settled(f sheet.Facts) sheet.Facts {
	if !r.o.Majority {
		return f
	}
	cells := [][]sheet.Cell{f.Cells[0]}
	for _, row := range f.Cells[1:] {
		row = slices.Clone(row)
		for i := range row {
			row[i] = r.settle(row[i])
		}
		cells = append(cells, row)
	}
	f.Cells = cells
	return f
}

func (r *ranker) settle(c sheet.Cell) sheet.Cell {
	if r.o.Majority && c.Has(sheet.HasApart) && c.N <= 2*c.Apart {
		c.Apart = sheet.MaxApart
	}
	return c
}

// safe makes the safe table of t, and says what the checks make of it: in each
// domain, if there are several.
func (r *ranker) safe(t sheet.Table, base int64) (check.Proposal, check.Status, error) {
	var all []check.Proposal
	worst := check.Pass
	for _, f := range r.parts() {
		f = r.settled(f)
		made, err := check.Safe(t, f, r.p, check.Options{Base: base})
		if err != nil {
			return made, check.Block, err
		}
		v, err := verdict(made, f, r.p)
		if err != nil {
			return made, check.Block, err
		}
		if place(v) < place(worst) {
			worst = v
		}
		all = append(all, made)
	}
	if len(all) == 1 {
		return all[0], worst, nil
	}
	return r.sum(all), worst, nil
}

// sum is the table of all domains: what each shows, added up and rounded to the
// coarsest of their bases.
func (r *ranker) sum(all []check.Proposal) check.Proposal {
	out := all[0]
	out.Bases = slices.Clone(out.Bases)
	shown := map[int]int{} // by item: domains that show it
	seen := map[int]bool{}
	for _, made := range all {
		for k, base := range made.Bases {
			out.Bases[k] = max(out.Bases[k], base)
		}
		for _, row := range made.Table.Rows {
			seen[row.Item] = true
			if slices.ContainsFunc(row.Values, func(v sheet.Value) bool { return v.Shown }) {
				shown[row.Item]++
			}
		}
	}
	out.Table.Rows = nil
	for item := range r.f.Grid.Items() {
		if !seen[item] {
			continue
		}
		row := sheet.Row{Line: len(out.Table.Rows) + 2, Item: item, Values: make([]sheet.Value, len(out.Table.Figures))}
		for k, f := range out.Table.Figures {
			if shown[item] == len(all) && f.Measure >= 0 {
				row.Values[k] = sheet.Value{Shown: true, N: check.Round(r.f.Cells[f.Measure][item].Sum, out.Bases[k])}
			}
		}
		out.Table.Rows = append(out.Table.Rows, row)
	}
	return out
}
