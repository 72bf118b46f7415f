package papers

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/governance/profile"
)

// How data are had. In a sandbox nothing of one person reaches the applicant;
// an answer about one does.
const (
	InSandbox = "沙箱计算"
	ByCompare = "核实比对"
)

// Security is the commitment that open.commitment asks for.
const Security = "security"

// Check lists what the city asks of a scenario and its one list of datasets,
// looked at by itself. What its datasets and consents say is for Against, a
// change of an earlier scenario for Amends.
func (s Scenario) Check(p profile.Profile) []Missing { return s.check(p).said }

// Beyond lists the rules in principle that the scenario gives a reason to set
// aside. Whoever decides on the scenario decides on them.
func (s Scenario) Beyond(p profile.Profile) []Missing { return s.check(p).beyond }

func (s Scenario) check(p profile.Profile) *checker {
	c := begin(p)
	c.reason = text(s.Reason)
	c.need(id(s.ID), "id", "场景标识", "the scenario's id")
	c.need(slices.Contains(c.words("channel.kinds"), s.Channel), "channel", "法定用数渠道", "a lawful channel", "channel.kinds")
	s.asked(c)
	c.need(s.Class.known(), "class", "用数单位类型", "what kind of body", "grant.qualified")
	c.need(id(s.Applicant), "applicant", "用数单位标识", "the applicant's id", "grant.qualified")
	s.bound(c)
	s.classed(c)
	s.committed(c)
	s.listed(c)
	return c
}

// asked asks for the fields that the channel's rule names.
func (s Scenario) asked(c *checker) {
	span := !s.From.IsZero() && s.From.Before(s.To)
	given := map[string]struct {
		field string
		ok    bool
	}{
		"sources": {"sources", ids(s.Sources)}, "scenario": {"title", text(s.Title)}, "scope": {"scope", text(s.Scope)}, "term": {"to", span},
		"safeguards": {"safeguards", text(s.Safeguards)}, "user": {"applicant", id(s.Applicant)}, "data": {"datasets", len(s.Datasets) > 0},
		"mode": {"mode", s.Mode == InSandbox || s.Mode == ByCompare}, "deadline": {"to", span}, "purpose": {"purpose", id(s.Purpose)}, "format": {"format", text(s.Format)},
		"capability": {"safeguards", text(s.Safeguards)}, "credit": {"credit_checked", !s.Credit.IsZero() && s.NoBadEntry},
	}
	for _, key := range map[string][]string{
		profile.BySharing: {"share.demand_fields"}, profile.ByOpening: {"open.application_fields", "open.applicant"}, profile.ByOperation: {"authop.application_fields"},
	}[s.Channel] {
		for _, w := range c.words(key) {
			zh, en := called(w)
			c.need(given[w].ok, given[w].field, "申请须明确："+zh, "the application states: "+en, key)
		}
	}
}

// bound asks for what every job is held to, whatever the channel.
func (s Scenario) bound(c *checker) {
	c.need(id(s.Purpose), "purpose", "用途代码", "the purpose's code", "purpose.bound")
	c.need(text(s.Title), "title", "场景名称", "the scenario's title")
	c.need(!s.From.IsZero() && s.From.Before(s.To), "to", "使用期限（起止）", "the term, from and to", "grant.least")
	c.need(s.Mode == InSandbox || s.Mode == ByCompare, "mode", "用数方式（沙箱计算或核实比对）", "how the data are had", "compute.isolated")
	c.need(ids(s.Sources), "sources", "数据来源单位", "the providers", "grant.least")
	c.need(ids(s.Recipients), "recipients", "成果接收方（不得为空）", "who gets the outputs, one at least", "output.recipients")
	for _, at := range [][2]string{{"activity", s.Activity}, {"scope", s.Scope}, {"format", s.Format}, {"safeguards", s.Safeguards}, {"reason", s.Reason}} {
		c.need(bounded(at[1]), at[0], "文字未填、过长或含控制字符", "not filled in, too long, or control characters")
	}
}

// classed holds the applicant's kind against whom the city lets use shared data,
// and for what.
func (s Scenario) classed(c *checker) {
	if s.Channel != profile.BySharing {
		return
	}
	c.ask(c.has("share.users", string(s.Class)), "class", "该类单位不得通过共享用数", "this kind of body is no user of shared data", "share.users")
	if s.Class == University {
		const key = "share.university_purposes"
		c.ask(c.has(key, s.Activity), "activity", "高校、科研院所通过共享获得的数据只能用于规定的公益性活动", "universities use shared data for the named activities only", key)
		c.ask(s.PublicGood, "public_good", "须为公益性活动", "it has to be for the public good", key)
		c.ask(!s.Commercial, "commercial", "成果不得成为商业产品", "its outputs become no product", key)
	}
	if s.Class == Company {
		const key = "share.company_purposes"
		c.ask(c.has(key, s.Activity), "activity", "企业通过共享获得的数据用于规定的目的；其他目的须说明法律依据", "companies use shared data for the named ends; others need a reason in law", key)
	}
}

// committed asks for what the applicant promises.
func (s Scenario) committed(c *checker) {
	switch s.Channel {
	case profile.BySharing:
		for _, w := range c.words("share.commitments") {
			zh, en := called(w)
			c.need(slices.Contains(s.Commitments, w), "commitments."+w, "须承诺："+zh, "a promise of "+en, "share.commitments")
		}
	case profile.ByOpening:
		c.ask(slices.Contains(s.Commitments, Security), "commitments."+Security, "安全承诺书", "a security commitment", "open.commitment")
	}
	c.need(len(s.Commitments) <= MaxListed, "commitments", "承诺过多", "too many commitments")
}

// listed asks that the list says each dataset once, with its columns and rows by
// name: nothing left open means all, and a star means nothing.
func (s Scenario) listed(c *checker) {
	c.need(len(s.Datasets) > 0 && len(s.Datasets) <= MaxListed, "datasets", "数据清单（一场景一清单）", "the one list of datasets", "authop.one_list", "grant.least")
	seen := map[string]bool{}
	for n, u := range s.Datasets[:min(len(s.Datasets), MaxListed)] {
		at := fmt.Sprintf("datasets.%d.", n+1)
		c.need(id(u.Dataset) && !seen[u.Dataset], at+"dataset", "数据集标识（不重复）", "the dataset, once", "authop.one_list", "grant.least")
		seen[u.Dataset] = true
		c.need(columns(u.Columns), at+"columns", "逐一列明字段；空白或 * 不表示全部", "each column by name; nothing and * do not mean all", "grant.least")
		c.need(text(u.Rows), at+"rows", "行的范围（全部须写明“全部”）", "which rows, in words", "grant.least")
	}
	joins := map[[2]string]bool{}
	for n, j := range s.Joins[:min(len(s.Joins), MaxListed)] {
		ok := seen[j[0]] && seen[j[1]] && j[0] != j[1] && !joins[j] && !joins[[2]string{j[1], j[0]}]
		c.need(ok, fmt.Sprintf("joins.%d", n+1), "关联须为清单内两个不同数据集，各对一次", "two datasets of the list, each pair once", "grant.joins")
		joins[j] = true
	}
	c.need(len(s.Joins) <= MaxListed, "joins", "关联过多", "too many joins", "grant.joins")
}

func columns(all []string) bool {
	seen := map[string]bool{}
	for _, name := range all {
		if !text(name) || name == "*" || len(name) > 200 || seen[name] {
			return false
		}
		seen[name] = true
	}
	return len(all) > 0 && len(all) <= 512
}
