package gates

import (
	"slices"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
)

// catalogue is G6: every dataset is in the catalogue by a decision, with all that
// the city asks an entry to say, and nothing stands against its use.
func (a *asking) catalogue() {
	verifies := a.verification()
	for _, m := range a.Terms.Members {
		a.held("dataset", m.Dataset)
		o, ok := a.sheets[m.Dataset]
		switch {
		case !ok && a.lost > 0:
			a.unsure("sheet-unread", m.Dataset, "catalogue.bound", "catalogue.route")
			continue
		case !ok:
			a.no("uncatalogued", m.Dataset, "catalogue.bound", "catalogue.route")
			continue
		case !stands(a, o, entryKind, "catalogue.route"):
			continue
		}
		a.entry(m, o, verifies)
	}
	a.oneSource()
}

// entry is G6 of one dataset; verifies says that it is used by a verification that
// the city's rules know of.
func (a *asking) entry(m jobs.Member, o on[papers.Sheet], verifies bool) {
	s := o.body
	if by := o.c.Opener().Org; s.Provider != m.Provider.Org || by != m.Provider.Org {
		a.no("sheet-foreign", m.Dataset, "open.attribute_by", "source.register", "catalogue.route")
	}
	a.barred(m, s)
	a.overWith(m, s)
	a.differs(m.Dataset, s)
	a.sheet(m, s.Check(a.Profile))
	if m.Grade < s.Grade { // the grade decides how an output is protected
		a.no("graded-lower", m.Dataset, "security.grading")
	}
	switch {
	case a.channel == profile.BySharing && s.Share == papers.NotShared && !verifies:
		a.no("not-shared", m.Dataset, "share.verify_compare", "share.not_shared_basis", "share.types")
	case a.channel == profile.ByOpening && s.Open == papers.Closed:
		a.no("closed", m.Dataset, "open.closed", "open.types")
	case a.channel == profile.ByOperation && a.asks("authop.registration") && !filled(s.Registration):
		a.no("unregistered", m.Dataset, "authop.registration")
	}
	a.stale(m, s)
}

// overWith: an emergency that is over ends the use of all data that were had for it,
// whichever of them was closed first.
func (a *asking) overWith(m jobs.Member, s papers.Sheet) {
	for _, h := range a.Holds {
		if h.Event != "" && h.Event == s.Event && h.Name != m.Dataset {
			a.no("emergency-over", m.Dataset, "emergency.disposal")
		}
	}
}

// barred: state secrets and what is on the negative list.
func (a *asking) barred(m jobs.Member, s papers.Sheet) {
	switch s.Secrecy {
	case "none":
	case "state-secret":
		a.no("secret", m.Dataset, "secrets.refused")
	default:
		a.unsure("secrecy-unknown", m.Dataset, "secrets.refused")
	}
	key := "negative_list.kept"
	if a.channel == profile.ByOperation {
		key = "negative_list.bars_authop" // the list speaks of sharing and opening
	}
	switch {
	case s.Negative == "none":
	case s.Negative == "listed" && a.asks(key):
		a.no("negative", m.Dataset, key)
	case s.Negative == "listed":
		a.no("negative", m.Dataset, "catalogue.route")
	case a.asks(key):
		a.unsure("negative-unknown", m.Dataset, key)
	}
}

// sheet says what the city asks of an entry and its sheet does not give. What a
// text only asks to be recorded is a warning.
func (a *asking) sheet(m jobs.Member, all []papers.Missing) {
	for _, lack := range all {
		switch {
		case lack.Key == "secrets.refused" || lack.Key == "negative_list.kept":
			// barred says it
		case lack.Key == "" || a.strict(lack.Key):
			a.lack(Refused, "sheet-lacks", m.Dataset, lack)
		default:
			a.lack(Warned, "sheet-lacks", m.Dataset, lack)
		}
	}
}

// stale warns: nothing blocks because data are late, which their provider
// answers for.
func (a *asking) stale(m jobs.Member, s papers.Sheet) {
	for _, v := range a.Register.Catalogue[m.Dataset].Versions {
		if v.ID == m.Version && s.UpdateDays > 0 && v.At.AddDate(0, 0, s.UpdateDays).Before(a.Now) {
			a.warn("stale", m.Dataset, "quality.freshness")
		}
	}
}

// oneSource: of the terms' datasets no two name different sources for one item.
func (a *asking) oneSource() {
	if !a.asks("source.unique") && !a.asks("source.no_repeat") {
		return
	}
	by := map[string]string{}
	for _, m := range a.Terms.Members {
		for _, item := range a.sheets[m.Dataset].body.Items {
			if other, ok := by[item.Code]; ok && other != item.Source {
				a.no("source-two", m.Dataset, "source.unique", "source.no_repeat")
			}
			by[item.Code] = item.Source
		}
	}
}

// columns is G7: no more than what was listed, by name, and no identifier.
func (a *asking) columns() {
	least := []string{"grant.least", "personal.minimal", "share.demand_fields"}
	s, ok := a.scenario(least...)
	if !ok {
		return
	}
	for _, m := range a.Terms.Members {
		listed := use(s, m.Dataset)
		switch {
		case listed == nil:
			a.no("dataset-unlisted", m.Dataset, least...)
			continue
		case len(listed.Columns) == 0 || slices.Contains(listed.Columns, "*") || !filled(listed.Rows):
			a.no("columns-all", m.Dataset, least...)
		case len(m.Columns) == 0 && a.Terms.HasProgram():
			a.no("columns-all", m.Dataset, least...)
		}
		for _, c := range m.Columns {
			if !slices.Contains(listed.Columns, c) {
				a.no("column-unlisted", c, least...)
			}
			a.named(m, c)
		}
	}
}

// named: a job never sees who a row is about, only pseudonyms of the scenario.
func (a *asking) named(m jobs.Member, column string) {
	sheet := a.sheets[m.Dataset].body
	i := slices.IndexFunc(sheet.Items, func(it papers.Item) bool { return it.Column == column && it.Identifier != "" })
	role := governance.Part("")
	for _, c := range a.Register.Catalogue[m.Dataset].Columns {
		if c.Name == column {
			role = c.Role
		}
	}
	keys := []string{"identifier.person", "identifier.pseudonyms"}
	if i >= 0 && (sheet.Items[i].Identifier == "credit-code" || sheet.Items[i].Identifier == "other-code") {
		keys = []string{"identifier.body", "identifier.pseudonyms"}
	}
	switch {
	case role == "":
		a.no("column-unknown", column, keys...)
	case i >= 0, role == governance.UnitIdentifier, role == governance.DirectIdentifier:
		a.no("identifier", column, keys...)
	}
}

// joins is G8: to link two sets is a right of its own.
func (a *asking) joins() {
	if a.Terms.Join == nil {
		a.moot("no-join", "grant.joins")
		return
	}
	keys := []string{"grant.joins", "grant.least"}
	s, ok := a.scenario(keys...)
	if !ok {
		return
	}
	for i, m := range a.Terms.Members {
		for _, n := range a.Terms.Members[i+1:] {
			if !slices.Contains(s.Joins, [2]string{m.Dataset, n.Dataset}) && !slices.Contains(s.Joins, [2]string{n.Dataset, m.Dataset}) {
				a.no("join-unlisted", m.Dataset, "grant.least", "grant.joins")
			}
		}
	}
}
