// Package check is an output check of a plain table, by itself: every one of
// the checks C01 to C36 that applies to what was given, over evidence or
// microdata that package sheet has read, with the verdict, the reasons, the
// places and what to do about them. A check that lacks its evidence is for
// people (review) and never passed; one that does not apply says why. It also
// makes the table that could go out instead (Safe), by the same rules and with
// other cells hidden for the sake of those that must be.
//
// The judgement of one cell uses the same formulas as the gate of a run
// (package evidence), and the audit of what follows from shown values the same
// kernel (package suppress). What it does not do: it does not know who else
// released what (only the earlier tables that it is given), does not tell
// whether microdata are true, adds no noise, and counts no budget. Whoever
// gives the spec is trusted to say what the columns mean; the record repeats it.
package check

import (
	"fmt"
	"maps"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/jobs"
)

// state is what the checks look at.
type state struct {
	c      sheet.Case
	p      params.Parameters
	row    []int   // item -> row of the table, -1 if it has none
	bases  []basis // of each figure
	audit  *audit  // made when it is first asked for
	differ *differ
}

// A finding is what a check says.
type finding struct {
	status         Status
	zh, en         string
	nextZH, nextEN string
	parameters     map[string]int64
	evidence       map[string]int64
	places         []Place
}

// maxPlaces is how many places of one check are listed.
const maxPlaces = 500

// Parameters returns those of a profile for a grade, with the changes that a
// spec makes. An error is of kind Invalid.
func Parameters(profile string, spec sheet.Spec) (params.Parameters, error) {
	p, err := params.For(profile, spec.Grade)
	if err != nil {
		return p, err
	}
	if len(spec.Parameters) == 0 {
		return p, nil
	}
	return change(p, spec.Parameters)
}

// Run makes all checks of a case.
func Run(c sheet.Case, p params.Parameters) (Record, error) {
	if err := p.Check(); err != nil {
		return Record{}, fmt.Errorf("checking a table: %w", err)
	}
	if len(c.Digests) == 0 || len(c.Table.Rows) == 0 {
		return Record{}, fmt.Errorf("checking a table: nothing was loaded: %w", fault.Invalid)
	}
	s := newState(c, p)
	r := Record{Version: Version, Profile: p.Profile, Parameters: p, Changed: maps.Clone(c.Spec.Parameters), Inputs: c.Digests}
	if len(r.Changed) > 0 {
		r.Profile += ", changed"
	}
	for _, rule := range rules {
		f := rule.find(s)
		if f.parameters == nil {
			f.parameters = p.Values(rule.id)
		}
		k := Check{ID: rule.id, Name: rule.name, Status: f.status, Reason: jobs.Statement{ZH: f.zh, EN: f.en}, Parameters: f.parameters, Evidence: f.evidence, Places: f.places}
		if f.nextZH != "" && f.status != Pass && f.status != NotApplicable {
			k.Next = &jobs.Statement{ZH: f.nextZH, EN: f.nextEN}
		}
		if len(k.Places) > maxPlaces {
			k.Places, k.More = k.Places[:maxPlaces], len(k.Places)-maxPlaces
		}
		if f.status == NotApplicable {
			k.Parameters = nil
		}
		r.Checks = append(r.Checks, k)
	}
	r.Verdict = verdict(r.Checks)
	r.Results = map[string]Result{"output_0": result(s, r.Checks, r.Verdict)}
	return r, nil
}

func newState(c sheet.Case, p params.Parameters) *state {
	s := &state{c: c, p: p, row: c.Table.RowOf()}
	for i := range c.Table.Figures {
		s.bases = append(s.bases, s.basis(i))
	}
	return s
}

// place is one of a row's values.
func (s *state) place(row, figure int, zh, en string) Place {
	t := s.c.Table
	item := t.Rows[row].Item
	return Place{Row: row, Column: figure, Codes: t.Grid.Label(item), Figure: t.Figures[figure].Name, Why: jobs.Statement{ZH: zh, EN: en}, item: item}
}

// hidden counts the values that the table does not show.
func (s *state) hidden() int64 {
	n := int64(0)
	for _, r := range s.c.Table.Rows {
		for _, v := range r.Values {
			if !v.Shown {
				n++
			}
		}
	}
	return n
}

// each goes through all values that are shown.
func (s *state) each(see func(row, figure int, f sheet.Figure, v int64)) {
	for i, r := range s.c.Table.Rows {
		for k, v := range r.Values {
			if v.Shown {
				see(i, k, s.c.Table.Figures[k], v.N)
			}
		}
	}
}

// evidence is that on a row for a measure.
func (s *state) cell(row, measure int) sheet.Cell {
	if measure < 0 {
		return sheet.Cell{}
	}
	return s.c.Facts.Cells[measure][s.c.Table.Rows[row].Item]
}
