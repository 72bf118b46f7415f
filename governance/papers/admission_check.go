package papers

import (
	"time"

	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/ident"
)

// MaxListed bounds the purposes, recipients, datasets and the like of a paper.
const MaxListed = 200

// Check lists what the city asks of an applicant for a licence and the
// application does not give, at an instant. A term beyond the city's is no
// defect where a reason is given and the rule holds in principle: Beyond names
// it, and two people decide on it. No reason goes beyond the base layer's term.
func (a Admission) Check(p profile.Profile, now time.Time) []Missing {
	return a.check(p, now).said
}

// Beyond lists the rules that the application asks to set aside.
func (a Admission) Beyond(p profile.Profile) []Missing {
	return a.check(p, a.From).beyond
}

func (a Admission) check(p profile.Profile, now time.Time) *checker {
	c := begin(p)
	c.need(id(a.Operator), "operator", "运营方标识", "the operator's id", "grant.qualified")
	c.need(text(a.Title), "title", "运营方名称", "the operator's name", "grant.qualified")
	_, err := ident.Body(a.CreditCode)
	c.need(err == nil, "credit_code", "统一社会信用代码（GB 32100 校验不符）", "a credit code that passes GB 32100", "grant.qualified")
	c.need(a.Class.known(), "class", "用数单位类型", "what kind of body", "grant.qualified")
	c.need(text(a.Field), "field", "授权运营领域", "the field of operation", "authop.licence")
	c.need(ids(a.Purposes), "purposes", "用途代码清单（不得为空）", "the purposes, one at least", "purpose.bound", "authop.licence")
	c.need(!a.From.IsZero() && a.From.Before(a.To), "to", "授权期限（起止）", "the term, from and to", "authop.licence")
	a.term(c)
	c.need(a.Attested.After(now), "attested_until", "等级保护等证明未提供或已过期", "an attestation of security that has not expired", "security.attestation", "grant.qualified")
	c.need(!a.Credit.IsZero() && !a.Credit.After(now), "credit_checked", "信用核查日期", "when the credit record was checked", "open.applicant", "grant.qualified")
	c.need(a.NoBadEntry, "no_bad_credit_entry", "无不良信用记录的说明", "a statement that there is no bad credit entry", "open.applicant", "grant.qualified")
	return c
}

// term holds the term against the base layer's first, and then the city's.
func (a Admission) term(c *checker) {
	const key = "authop.term_max_years"
	r, err := c.p.Rule(key)
	if err != nil {
		return
	}
	if most, ok := r.Limit.Int(); ok && a.To.After(a.From.AddDate(most, 0, 0)) {
		c.need(false, "to", "授权期限超过任何情形下的上限", "a term beyond what any reason allows", key)
		return
	}
	most, ok := r.Value.Int()
	if !ok || !r.Enforced() || !a.To.After(a.From.AddDate(most, 0, 0)) {
		return
	}
	c.reason = text(a.Reason)
	c.need(false, "to", "授权期限超过规定年限，须说明理由并经双人审定", "a term beyond the rule's needs a reason and a decision of two people", key)
	c.reason = false
}

func (c Class) known() bool {
	return c == Organ || c == PublicBody || c == Company || c == University
}

// ids reports whether all are ids, none twice, and there is one at least.
func ids(all []string) bool {
	seen := map[string]bool{}
	for _, s := range all {
		if !id(s) || seen[s] {
			return false
		}
		seen[s] = true
	}
	return len(all) > 0 && len(all) <= MaxListed
}
