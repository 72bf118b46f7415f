package papers

import (
	"slices"
	"time"

	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

// Check lists what the city asks of an agreement on a scenario that has been
// decided, head being the head of the scenario's case as it ended. The licence
// is asked for where data come by authorised operation.
func (a Agreement) Check(p profile.Profile, s Scenario, head suite.Digest, licence *Admission) []Missing {
	return a.CheckSince(p, p, s, head, licence)
}

// CheckSince is Check for an agreement that was signed under an earlier version of
// the rules: its text names that version, and all else is asked by p.
func (a Agreement) CheckSince(p, signed profile.Profile, s Scenario, head suite.Digest, licence *Admission) []Missing {
	c := begin(p)
	c.need(id(a.ID), "id", "协议标识", "the agreement's id")
	c.need(a.Scenario == s.ID && id(a.Scenario), "scenario", "一场景一协议", "one agreement, of one scenario", "authop.one_agreement", "open.agreement")
	c.need(head.Hex() != "" && a.Head == head, "head", "须以已审定场景的办件为准", "it names the scenario's case as that ended", "authop.one_agreement", "open.agreement", "grant.signed")
	a.parties(c, s)
	a.within(c, s, licence)
	a.filled(c, s.Channel)
	c.need(a.Fee == "free" || a.Fee == "paid", "fee", "费用类别（free 或 paid）", "free or paid")
	if s.Channel == profile.ByOperation {
		c.ask(a.Plan.Hex() != "", "plan", "一场景一预案：数据安全事件应急预案", "a scenario, one emergency plan", "authop.one_plan")
	}
	known := a.Named(s)
	for id, name := range a.Names {
		c.need(slices.Contains(known, id) && text(name), "names", "名称须属于协议所列单位或者数据集", "names of what the agreement speaks of")
	}
	c.need(a.Text == suite.DigestOf(Text(a, s, signed)), "text", "协议文本须与所填内容一致", "the text is the one that the blanks make", "grant.signed")
	return c.said
}

// parties asks who signs. The government's part is the document by which it lets
// the bureau sign.
func (a Agreement) parties(c *checker, s Scenario) {
	c.need(id(a.Operator) && a.Operator == s.Applicant, "operator", "乙方须为场景的用数单位", "the scenario's applicant signs", "authop.agreement_parties")
	c.need(id(a.Bureau) && a.Bureau != a.Operator, "bureau", "甲方（主管部门）", "the bureau signs", "authop.agreement_parties")
	if s.Channel == profile.ByOperation && c.has("authop.agreement_parties", "government") {
		c.need(text(a.Blanks["government"]), "blanks.government", "本级人民政府授权签订的文件", "the document by which the government authorises it", "authop.agreement_parties")
	}
}

// within holds dates, purposes and recipients against the scenario and the
// licence.
func (a Agreement) within(c *checker, s Scenario, licence *Admission) {
	keys := []string{"authop.one_agreement", "open.agreement", "purpose.widening_forbidden", "grant.least"}
	span := !a.From.IsZero() && a.From.Before(a.To)
	c.need(span && !a.From.Before(s.From) && !a.To.After(s.To), "to", "协议期限须在场景使用期限之内", "a term within the scenario's", keys...)
	if s.Channel == profile.ByOperation {
		ok := licence != nil && licence.Operator == a.Operator && !a.From.Before(licence.From) && !a.To.After(licence.To)
		c.need(ok, "licence", "协议期限须在授权运营期限之内", "a term within the licence's", "authop.licence", "authop.term_max_years")
		ok = ok && slices.Contains(licence.Purposes, s.Purpose)
		c.need(ok || c.fields["licence"], "purposes", "用途不在授权运营范围内", "a purpose that the licence does not name", "purpose.bound", "authop.licence")
	}
	c.need(ids(a.Purposes) && !slices.ContainsFunc(a.Purposes, func(w string) bool { return w != s.Purpose }), "purposes", "用途不得超出场景", "the scenario's purpose and no other", "purpose.bound")
	c.need(ids(a.Recipients) && subset(a.Recipients, s.Recipients), "recipients", "接收方不得超出场景", "recipients of the scenario, one at least", "output.recipients")
}

func subset(some, of []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(of, s) })
}

// filled asks for the blanks that the channel's rule names. The term is the
// agreement's own.
func (a Agreement) filled(c *checker, channel string) {
	key := map[string]string{profile.ByOperation: "authop.agreement_fields", profile.ByOpening: "open.agreement_fields"}[channel]
	for _, w := range c.words(key) {
		zh, en := called(w)
		c.need(w == "term" || text(a.Blanks[w]), "blanks."+w, "协议须明确："+zh, "the agreement states: "+en, key)
	}
	for w, v := range a.Blanks {
		if len(a.Blanks) > 64 || profile.Called(w).ZH == "" || !bounded(v) {
			c.need(false, "blanks", "含有不认识的要素或过长的文字", "a word that is not known, or a text too long")
		}
	}
}

// Live reports whether the agreement runs at an instant.
func (a Agreement) Live(now time.Time) bool { return !now.Before(a.From) && now.Before(a.To) }
