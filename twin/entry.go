package twin

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/storage/columns"
)

// Schema reads a schema back out of a catalogue entry, for units of a
// namespace. An entry does not say which columns are required: none is taken
// to be, so that a program meets more missing values on the twin than it may
// meet in the data. An error is of kind Invalid.
func Schema(e governance.Entry, namespace string) (columns.Schema, error) {
	s := columns.Schema{Unit: columns.UnitBy{Namespace: namespace}}
	want := map[string]columns.Type{jobs.NaturalPerson: columns.PersonID, jobs.LegalPerson: columns.BodyID}[namespace]
	for _, c := range e.Columns {
		named := c.Role == governance.UnitIdentifier
		if columns.Type(c.Type) == want && (named || c.Role == governance.DirectIdentifier && s.Unit.Column == "") {
			s.Unit.Column = c.Name
		}
	}
	for _, c := range e.Columns {
		if namespace == jobs.NaturalPerson && derived(c) {
			s.Derived = append(s.Derived, c.Name)
			continue
		}
		s.Columns = append(s.Columns, columns.Column{Name: c.Name, Type: columns.Type(c.Type), Role: columns.Role(c.Role), Codes: c.Codes, Labels: c.Labels})
	}
	for i, c := range s.Columns {
		if c.Role == columns.UnitIdentifier && c.Name != s.Unit.Column { // another namespace's
			s.Columns[i].Role = columns.DirectIdentifier
		}
	}
	if want != "" && s.Unit.Column == "" {
		return columns.Schema{}, fmt.Errorf("reading a catalogue entry: %s has no identifier of namespace %s: %w", e.ID, namespace, fault.Invalid)
	}
	if err := s.Check(); err != nil {
		return columns.Schema{}, fmt.Errorf("reading a catalogue entry: %s: %w", e.ID, err)
	}
	return s, nil
}

// derived reports whether the column looks like one that an ingest derives.
func derived(c governance.Column) bool {
	return c.Name == columns.BirthMonth && columns.Type(c.Type) == columns.Month && c.Role == governance.QuasiIdentifier ||
		c.Name == columns.Sex && columns.Type(c.Type) == columns.Code && slices.Equal(c.Codes, []string{"M", "F"})
}
