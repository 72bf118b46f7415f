package release

import (
	"fmt"
	"reflect"

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
	case !reflect.DeepEqual(c.Dims, v.terms.Shape.Dims) || !measured(c, v.terms.Shape):
		return fmt.Errorf("the table has another shape: %w", fault.Tampered)
	}
	if err := priced(c, v.terms); err != nil {
		return err
	}
	v.table = c
	return nil
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
	if t.Mode != jobs.DP {
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
