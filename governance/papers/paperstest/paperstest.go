// Package paperstest writes whole papers for tests: each is what a city asks for
// and no more, made from the city's own profile, so that it stays whole when a
// profile changes. The town in them does not exist.
package paperstest

import (
	"slices"
	"time"

	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

// The people and things of the papers.
const (
	Operator   = "op-1"
	Provider   = "prov-a"
	Bureau     = "bureau"
	Dataset    = "settlement-a"
	ScenarioID = "scn-1"
	Purpose    = "insurance-pricing"
	CreditCode = "91350100M000100Y43" // printed in GB 32100 as an example
)

// Now is when the papers are looked at.
var Now = time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)

// Head is the head of a scenario's case.
var Head = suite.DigestOf([]byte("head of the scenario's case"))

var law = papers.Citation{Doc: "某省医疗保障条例", Article: "第十条"}

// words are what a rule that binds lists.
func words(p profile.Profile, key string) []string {
	r, err := p.Rule(key)
	if err != nil || !r.Enforced() {
		return nil
	}
	return r.Value.List()
}

// texts gives each word something to say.
func texts(all ...string) map[string]string {
	m := map[string]string{}
	for _, w := range all {
		m[w] = "医保结算：" + w
	}
	return m
}

// first is the first of what is wanted that a rule lists.
func first(p profile.Profile, key string, want ...string) string {
	all := words(p, key)
	for _, w := range want {
		if slices.Contains(all, w) {
			return w
		}
	}
	return ""
}

// Sheet is an entry with data on persons, closed, shared conditionally, as
// authorised operation has it.
func Sheet(p profile.Profile) papers.Sheet {
	fields := slices.Concat(words(p, "org.officers"), words(p, "catalogue.fields"))
	return papers.Sheet{
		Dataset: Dataset, Provider: Provider,
		Fields: texts(fields...), Lineage: texts(words(p, "catalogue.lineage")...),
		Class: "general", Grade: 2,
		Share: papers.Conditional, ShareBasis: []papers.Citation{law}, ShareReason: "涉及个人信息", Conditions: "按最小范围，在沙箱内使用",
		Open: papers.Closed, OpenWhy: first(p, "open.closed", "privacy", "personal", "law"), OpenBasis: []papers.Citation{law},
		Secrecy: papers.None, Negative: papers.None, Registration: "CM-2026-0001", UpdateDays: 30, Gathering: "logical",
		Items: []papers.Item{
			{Code: "YB0001", Name: "公民身份号码", Column: "person_id", Source: Provider, Subject: papers.Person, Identifier: "resident-id", Sensitive: true, Basis: papers.ByLaw, Law: &law},
			{Code: "YB0002", Name: "年龄", Column: "age", Source: Provider, Subject: papers.Person, Basis: papers.ByLaw, Law: &law},
			{Code: "YB0003", Name: "结算金额", Column: "cost", Source: Provider, Subject: papers.Person, Sensitive: true, Basis: papers.ByLaw, Law: &law},
		},
	}
}

// SheetBy is an entry that can be had by a channel. One to be opened has data on
// bodies.
func SheetBy(p profile.Profile, channel string) papers.Sheet {
	s := Sheet(p)
	if channel != profile.ByOpening {
		return s
	}
	s.Open, s.OpenWhy = papers.Conditional, first(p, "open.conditional_when", "capability")
	s.Fields = texts(slices.Concat(words(p, "org.officers"), words(p, "catalogue.fields"), words(p, "open.list_fields"))...)
	s.Items = []papers.Item{
		{Code: "FR0001", Name: "统一社会信用代码", Column: "body_id", Source: Provider, Subject: papers.Body, Identifier: "credit-code", Basis: papers.ByLaw, Law: &law},
		{Code: "FR0002", Name: "年龄", Column: "age", Source: Provider, Subject: papers.Body, Basis: papers.ByLaw, Law: &law},
		{Code: "FR0003", Name: "结算金额", Column: "cost", Source: Provider, Subject: papers.Body, Basis: papers.ByLaw, Law: &law},
	}
	return s
}

// Admission is an application for two years.
func Admission(profile.Profile) papers.Admission {
	return papers.Admission{
		Operator: Operator, Title: "域内数据运营有限公司", CreditCode: CreditCode, Class: papers.Company, Field: "医疗健康", Purposes: []string{Purpose},
		From: Now.AddDate(0, -1, 0), To: Now.AddDate(2, -1, 0), Attested: Now.AddDate(1, 0, 0), Credit: Now.AddDate(0, -2, 0), NoBadEntry: true,
	}
}

// Scenario is one by authorised operation.
func Scenario(p profile.Profile) papers.Scenario { return ScenarioBy(p, profile.ByOperation) }

// ScenarioBy is a scenario by a channel, of somebody whom the city lets use it.
func ScenarioBy(p profile.Profile, channel string) papers.Scenario {
	class := papers.Company
	if channel == profile.BySharing {
		class = papers.PublicBody
		if users := words(p, "share.users"); len(users) > 0 {
			class = papers.Class(users[0])
		}
	}
	return papers.Scenario{
		ID: ScenarioID, Title: "商业医疗保险核保", Purpose: Purpose, Activity: "public-good", PublicGood: true, Channel: channel,
		Applicant: Operator, Class: class, Sources: []string{Provider},
		Datasets: []papers.Use{{Dataset: Dataset, Columns: []string{"age", "cost"}, Rows: "全部"}},
		Scope:    "本市范围内按年龄段统计", Format: "统计表", Safeguards: "沙箱内运行，成果经审核", Mode: papers.InSandbox,
		From: Now.AddDate(0, 0, -7), To: Now.AddDate(1, 0, 0), Recipients: []string{Operator},
		Commitments: append(words(p, "share.commitments"), papers.Security),
		Assessment:  suite.DigestOf([]byte("个人信息保护影响评估")), Plan: suite.DigestOf([]byte("应急预案")),
		Credit: Now.AddDate(0, -2, 0), NoBadEntry: true,
	}
}

// Agreement is on Scenario.
func Agreement(p profile.Profile) papers.Agreement { return AgreementOn(p, Scenario(p), Head) }

// AgreementOn is an agreement on a scenario whose case ended at a head.
func AgreementOn(p profile.Profile, s papers.Scenario, head suite.Digest) papers.Agreement {
	blanks := texts(slices.Concat(words(p, "authop.agreement_fields"), words(p, "open.agreement_fields"))...)
	delete(blanks, "term")
	if slices.Contains(words(p, "authop.agreement_parties"), "government") {
		blanks["government"] = "市政府授权书〔2026〕1号"
	}
	a := papers.Agreement{
		ID: "agr-1", Scenario: s.ID, Head: head, Operator: s.Applicant, Bureau: Bureau, From: s.From, To: s.To,
		Purposes: []string{s.Purpose}, Recipients: s.Recipients, Fee: "free", Blanks: blanks, Plan: suite.DigestOf([]byte("应急预案")),
	}
	return a.Sealed(s, p)
}

// Program is one that a third party made.
func Program(p profile.Profile) papers.Program {
	g := papers.Program{
		Digest: suite.DigestOf([]byte("wasm")), Name: "district-age", Source: suite.DigestOf([]byte("source")), Author: "某软件公司", Vendor: true,
		Papers: map[string]suite.Digest{},
	}
	for _, w := range words(p, "security.vendor") {
		g.Papers[w] = suite.DigestOf([]byte(w))
	}
	return g
}

// Report is one on a duty, for last year.
func Report(duty string) papers.Report {
	return papers.Report{
		Duty: duty, Operator: Operator, Scenario: ScenarioID, From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Text: "本年度使用情况良好。",
	}
}

// Consent is one to use Dataset for Purpose.
func Consent(p profile.Profile) papers.Consent {
	return papers.Consent{
		ID: "consent-1", Dataset: Dataset, Purposes: []string{Purpose}, Notice: texts(words(p, "consent.notice")...),
		Text: suite.DigestOf([]byte("同意书")), From: Now.AddDate(0, -3, 0),
	}
}

// Known is what Scenario is held against.
func Known(p profile.Profile) papers.Known { return KnownBy(p, profile.ByOperation) }

// KnownBy is what ScenarioBy is held against.
func KnownBy(p profile.Profile, channel string) papers.Known {
	return papers.Known{Now: Now, Sheets: map[string]papers.Sheet{Dataset: SheetBy(p, channel)}, Consents: map[string]papers.Consent{"consent-1": Consent(p)}}
}
