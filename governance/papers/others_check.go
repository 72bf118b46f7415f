package papers

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/profile"
)

// Check lists what the city asks of whoever made a program.
func (g Program) Check(p profile.Profile) []Missing {
	c := begin(p)
	c.need(g.Digest.Hex() != "", "digest", "作业模块的摘要", "the program's digest", "program.review")
	c.need(text(g.Name), "name", "作业模块名称", "the program's name", "program.review")
	c.need(g.Source.Hex() != "", "source", "源代码的摘要", "the digest of its source", "program.review")
	c.need(text(g.Author), "author", "作者（单位或第三方服务机构）", "its author", "program.review")
	for w, d := range g.Papers {
		if !slices.Contains([]string{"audit", "security-review", "nda"}, w) || d.Hex() == "" {
			c.need(false, "papers", "含有不认识的材料", "a paper that is not known", "security.vendor")
		}
	}
	if !g.Vendor {
		return c.said
	}
	for _, w := range c.words("security.vendor") {
		zh, en := called(w)
		c.need(g.Papers[w].Hex() != "", "papers."+w, "第三方服务机构须有："+zh, "a third party has to have: "+en, "security.vendor")
	}
	return c.said
}

// duties are what reports are on: the rule that asks for them, and whether they
// are of one scenario.
var duties = map[string]struct {
	keys     []string
	scenario bool
}{
	"feedback":    {[]string{"share.feedback", "duty.blocking"}, true},
	"risk-report": {[]string{"authop.risk_report", "authop.risk_report_months"}, false},
	"drill":       {[]string{"authop.drill", "security.drill", "authop.drill_months"}, true},
	"disposal":    {[]string{"share.disposal", "disposal.confirm_wd"}, true},
	"quality":     {[]string{"authop.quality_feedback", "quality.traceable"}, false},
	"disclosure":  {[]string{"authop.disclosure_years"}, false},
	"assessment":  {[]string{"security.assessment"}, false},
	"backup":      {[]string{"backup.required"}, false},
	"attestation": {[]string{"security.attestation"}, false},
}

// Check lists what a report lacks at an instant. It is on a time that is over, or,
// of an attestation, on that for which it is valid.
func (r Report) Check(p profile.Profile, now time.Time) []Missing {
	c := begin(p)
	d, ok := duties[r.Duty]
	c.need(ok, "duty", "报告事项", "what the report is on", "duty.blocking")
	c.need(id(r.Operator), "operator", "运营方标识", "the operator's id", d.keys...)
	c.need(!r.From.IsZero() && r.From.Before(r.To) && (!r.To.After(now) || r.Duty == "attestation"), "to", "报告期（已结束）", "the time that it is on, which is over", d.keys...)
	c.need(len(r.Text) <= 64<<10 && r.Text != "", "text", "报告内容", "what it says", d.keys...)
	c.need(id(r.Scenario) || r.Scenario == "" && !d.scenario, "scenario", "所涉场景", "the scenario that it is on", d.keys...)
	return c.said
}

// Check lists what a consent lacks. A consent rests on what people were told.
func (n Consent) Check(p profile.Profile) []Missing {
	c := begin(p)
	c.need(id(n.ID), "id", "同意书标识", "the consent's id")
	c.need(id(n.Dataset), "dataset", "数据集标识", "the dataset", "personal.basis")
	c.need(ids(n.Purposes), "purposes", "同意的用途（不得为空）", "the purposes, one at least", "consent.outside_law", "purpose.bound")
	c.need(n.Text.Hex() != "", "text", "同意书文本的摘要", "the digest of its text", "consent.outside_law", "personal.basis")
	c.need(!n.From.IsZero(), "from", "取得同意的日期", "when it was given", "consent.outside_law", "personal.basis")
	c.need(n.Withdrawn.IsZero() || n.Withdrawn.After(n.From), "withdrawn", "撤回日期早于同意日期", "withdrawn before it was given", "personal.basis")
	for _, w := range c.words("consent.notice") {
		zh, en := called(w)
		c.need(text(n.Notice[w]), "notice."+w, "须告知被采集人："+zh, "people are told: "+en, "consent.notice")
	}
	for w, v := range n.Notice {
		if len(n.Notice) > 64 || profile.Called(w).ZH == "" || !bounded(v) {
			c.need(false, "notice", "含有不认识的要素或过长的文字", "a word that is not known, or a text too long")
		}
	}
	return c.said
}

// Given is the paper of a consent as it was before it was taken back, which is the
// one that a case records.
func (n Consent) Given() ([]byte, error) {
	n.Withdrawn = time.Time{}
	return Bytes(KindConsent, n)
}

// Follows reports whether the consent may stand in the place of an earlier paper of
// its id: the same one taken back, not before it was given and not in the future.
// What was taken back stays so; whoever agrees anew gives another consent. The
// error is of kind Denied.
func (n Consent) Follows(earlier Consent, now time.Time) error {
	was, err := earlier.Given()
	if err != nil {
		return err
	}
	is, err := n.Given()
	if err != nil {
		return err
	}
	if !bytes.Equal(was, is) || !earlier.Withdrawn.IsZero() || n.Withdrawn.Before(n.From) || n.Withdrawn.After(now) {
		return fmt.Errorf("changing a consent: %w", fault.Denied)
	}
	return nil
}
