package papers

import (
	"fmt"
	"slices"
	"time"

	"github.com/yunei/yunei/governance/profile"
)

// Known are the papers that a scenario is held against.
type Known struct {
	Now      time.Time
	Sheets   map[string]Sheet   // published, by dataset
	Consents map[string]Consent // by id
}

// Against lists where the scenario and the entries and consents that it names
// do not meet. A dataset without a published sheet is not in the catalogue.
func (s Scenario) Against(p profile.Profile, k Known) []Missing {
	c := begin(p)
	c.reason = text(s.Reason)
	personal := false
	for n, u := range s.Datasets[:min(len(s.Datasets), MaxListed)] {
		at := fmt.Sprintf("datasets.%d.", n+1)
		sheet, ok := k.Sheets[u.Dataset]
		c.need(ok && sheet.Dataset == u.Dataset, at+"dataset", "该数据集没有已发布的目录条目", "the dataset has no published entry", "catalogue.bound")
		if c.fields[at+"dataset"] {
			continue
		}
		c.need(slices.Contains(s.Sources, sheet.Provider), at+"source", "数据来源单位未列明该数据集的提供方", "the dataset's provider is not among the sources", "authop.one_review", "authop.application_fields", "grant.least")
		sheet.by(c, s.Channel, at)
		used, all := sheet.used(u.Columns)
		c.need(all, at+"columns", "申请的字段不在目录条目内", "a column that the entry does not have", "catalogue.bound", "grant.least")
		for _, i := range used {
			personal = personal || i.Subject == Person
			s.agreed(c, at, u.Dataset, i, k)
		}
	}
	c.ask(!personal || s.Assessment.Hex() != "", "assessment", "涉及个人信息的，须有个人信息保护影响评估", "an impact assessment, where data are personal", "personal.assessment")
	return c.said
}

// used are the items behind columns, and whether each column has one. An item
// that names no column is behind all of them.
func (s Sheet) used(cols []string) (items []Item, all bool) {
	named := map[string]bool{}
	loose := false
	for _, i := range s.Items {
		loose = loose || i.Column == ""
		if i.Column == "" || slices.Contains(cols, i.Column) {
			items = append(items, i)
		}
		named[i.Column] = true
	}
	for _, name := range cols {
		if !loose && !named[name] {
			return items, false
		}
	}
	return items, true
}

// agreed asks for consent where an item rests on it, and where a third party is
// told of single persons.
func (s Scenario) agreed(c *checker, at, dataset string, i Item, k Known) {
	if i.Basis == ByConsent {
		ok := slices.Contains(s.Consents, i.Consent) && k.Consents[i.Consent].covers(i.Consent, dataset, s.Purpose, k.Now)
		c.need(ok, at+"consent", "该数据以同意为依据：须列明在有效期内、涵盖本用途的同意", "data that rest on consent need one in force that covers the purpose", "consent.outside_law", "personal.basis")
	}
	third := s.Class == Company || s.Class == University
	if i.Sensitive && i.Subject != Thing && third && s.Mode != InSandbox {
		ok := slices.ContainsFunc(s.Consents, func(id string) bool { return k.Consents[id].covers(id, dataset, s.Purpose, k.Now) })
		c.ask(ok, at+"third_party", "逐人使用敏感数据的第三方须经数据主体授权同意", "a third party that is told of single subjects needs their consent", "consent.third_party")
	}
}

// covers reports whether the consent is that of the id, on the dataset, for the
// purpose, given and not withdrawn.
func (n Consent) covers(id, dataset, purpose string, now time.Time) bool {
	given := !n.From.IsZero() && !n.From.After(now) && (n.Withdrawn.IsZero() || n.Withdrawn.After(now))
	return id != "" && n.ID == id && n.Dataset == dataset && slices.Contains(n.Purposes, purpose) && given
}

// Amends lists why the scenario is no amendment of an earlier one. An amendment
// goes the whole way again, and so may widen; whether it may have another
// purpose is the city's to say.
func (s Scenario) Amends(p profile.Profile, earlier Scenario) []Missing {
	c := begin(p)
	c.need(s.Previous != "" && s.Previous == earlier.ID && s.ID != earlier.ID, "previous", "变更的原场景", "the scenario that is amended", "authop.one_application")
	c.need(s.Applicant == earlier.Applicant, "applicant", "变更不得更换用数单位", "an amendment has the same applicant", "authop.one_application")
	c.need(s.Channel == earlier.Channel, "channel", "变更不得更换用数渠道", "an amendment has the same channel", "channel.kinds")
	if s.Purpose == earlier.Purpose {
		return c.said
	}
	switch {
	case c.has("purpose.change", "forbidden"):
		c.need(false, "purpose", "不得变更用途", "the purpose may not change", "purpose.change")
	case !c.has("purpose.change", "provider-permission"):
		c.need(false, "purpose", "变更用途须重新申请", "another purpose needs a new application", "purpose.change")
	}
	return c.said
}
