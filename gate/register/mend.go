package register

import "slices"

// Mend tests a candidate, and hides what its own items give away together (two
// measures of a cell, say) until none do or rounds are used up. It returns what
// it hid beside c.Hidden, and the finding on what is left. What earlier releases
// have to do with is not for the candidate to mend: hiding there would show what
// they are.
func (r *Register) Mend(c Release, given []Contribution, p Params, rounds int) (hide []int32, f Finding, err error) {
	for {
		if f, err = r.Test(c, given, p); err != nil {
			return nil, f, err
		}
		before := len(hide)
		for _, x := range f.Combinations {
			if item, own := ownItem(x, c.ID); own && !slices.Contains(hide, item) {
				hide = append(hide, item)
			}
		}
		if len(hide) == before || rounds == 0 {
			return hide, f, nil
		}
		c.Hidden = append(slices.Clone(c.Hidden), hide[before:]...)
		rounds--
	}
}

// ownItem is an item of a combination that is of one release only.
func ownItem(x Combination, id string) (int32, bool) {
	if x.Check == Domains || len(x.Terms) == 0 || slices.ContainsFunc(x.Terms, func(t Term) bool { return t.Release != id }) {
		return 0, false
	}
	return int32(x.Terms[0].Item), true //nolint:gosec // an item
}
