package release

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// tabled demands that the released bytes are a table of the shape that was
// decided on, under these terms.
func (v *verification) tabled() error {
	c, err := jobs.ParseCandidate(v.file.Candidate)
	if err != nil {
		return err
	}
	switch {
	case c.Terms != v.permit.Digest():
		return fmt.Errorf("the table is of other terms: %w", fault.Tampered)
	case c.Run != "" && c.Run != v.run.ID:
		return fmt.Errorf("the table is of another run: %w", fault.Tampered)
	case c.Mode != v.terms.Mode || c.Namespace != v.terms.Shape.Namespace:
		return fmt.Errorf("the table is of another mode or namespace: %w", fault.Tampered)
	case !slices.EqualFunc(c.Dims, v.terms.Shape.Dims, shows) || !measured(c, v.terms.Shape) ||
		!slices.EqualFunc(c.Margins, v.terms.Shape.Margins, func(m jobs.Margin, keep []string) bool { return slices.Equal(m.Dims, keep) }):
		return fmt.Errorf("the table has another shape: %w", fault.Tampered)
	}
	if err := priced(c, v.terms); err != nil {
		return err
	}
	v.table = c
	return nil
}

// shows reports whether a dim of a table is that of the shape: its name and
// codes, its title and labels, and where there is none the name or the code.
func shows(shown, dim jobs.Dim) bool {
	if shown.Name != dim.Name || !slices.Equal(shown.Codes, dim.Codes) || len(shown.Labels) != len(dim.Labels) {
		return false
	}
	for i, l := range shown.Labels {
		if l != cmp.Or(dim.Labels[i], dim.Codes[i]) {
			return false
		}
	}
	return shown.Title == cmp.Or(dim.Title, dim.Name)
}

// measured reports whether the figures are the measures of the shape.
func measured(c jobs.Candidate, s jobs.Shape) bool {
	all := s.All()
	if len(c.Figures) != len(all) {
		return false
	}
	for i, f := range c.Figures {
		if f.Name != all[i].Name || c.Mode == jobs.SDC && f.Round != all[i].Round {
			return false
		}
	}
	return true
}

// priced demands that a table of mode dp states the cost that was debited.
func priced(c jobs.Candidate, t jobs.Terms) error {
	if !t.Mode.Noisy() {
		return nil
	}
	rho, err := t.Rho()
	if err != nil {
		return err
	}
	if c.Privacy == nil || c.Privacy.Rho != rho.RatString() {
		return fmt.Errorf("the table states another cost: %w", fault.Tampered)
	}
	return nil
}
