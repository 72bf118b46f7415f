package oversight

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
)

// Update is owed by a provider after a change of the law, of its duties or of an
// element of an entry: to bring the entries that it touches in line, within the term
// that the city sets (catalogue.update_wd). What has changed is for a person to
// say; a review of the entry that was opened since shows that it is being done.
const Update Kind = "catalogue-update"

// maxTouched bounds the entries that one change touches.
const maxTouched = 500

// changed checks a change that a person files: the bureau's officers of any entry,
// a provider's of its own.
func changed(g governance.Register, u governance.User, d Declared) error {
	own := u.Role == governance.RoleOfficer && d.Org == u.Org
	if d.By != u.ID || u.Role != governance.RoleBureau && !own {
		return fault.Refuse("role", governance.House)
	}
	ch := *d.Change
	ok := d.Fault == "catalogue" && slices.Contains([]string{"law", "duty", "element"}, ch.Kind) && !ch.At.IsZero() && !ch.At.After(d.At) &&
		jobs.ID(d.Thing) == nil && words(d.What) && len(d.What) <= 2000 && ch.What == d.What && len(ch.Datasets) > 0 && len(ch.Datasets) <= maxTouched
	for _, id := range ch.Datasets {
		e, there := g.Catalogue[id]
		ok = ok && there && (u.Role == governance.RoleBureau || e.Provider == u.Org)
	}
	if !ok {
		return fault.Refuse("duty-report", governance.House)
	}
	return nil
}

// ofChanges is what changes on file call for: nothing where the city's text does not
// count such a change, or sets no term.
func (f Facts) ofChanges() []Duty {
	var all []Duty
	for _, d := range f.Declared {
		if d.Change == nil {
			continue
		}
		owed, err := d.Change.Owes(f.Profile, f.Calendar)
		if err != nil {
			continue // Declare lets none in; of another's rules there may be no term
		}
		for _, u := range owed {
			e, ok := f.dataset(u.Dataset)
			if !ok || e.Asked.After(d.Change.At) {
				continue
			}
			all = append(all, Duty{
				Kind: Update, Org: e.Provider, About: u.Dataset, Since: d.Change.At, Due: u.Due.At, Overdue: u.Due.Overdue(f.Now),
				Provisional: u.Due.Provisional, Key: "catalogue.update_wd", Cite: CiteOf(f.Profile, "catalogue.update_wd"),
			})
		}
	}
	return all
}

// outdated are entries that were not brought in line with a change in time.
func outdated(f Facts) []hit {
	var all []hit
	for _, d := range f.ofChanges() {
		if d.Overdue {
			all = append(all, hit{
				thing: d.About, org: d.Org, since: d.Due, key: d.Key,
				zh: fmt.Sprintf("目录条目 %s 未在变更后的时限内更新", d.About), en: fmt.Sprintf("the entry of %s was not brought in line with a change in time", d.About),
			})
		}
	}
	return all
}
