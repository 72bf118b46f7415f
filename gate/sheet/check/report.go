package check

import (
	"fmt"
	"strings"

	"github.com/yunei/yunei/jobs"
)

// Languages of a report.
const (
	ZH = "zh"
	EN = "en"
)

var verdicts = map[Status]jobs.Statement{
	Pass:          {ZH: "通过", EN: "pass"},
	Review:        {ZH: "须人工审核", EN: "review"},
	Fail:          {ZH: "不合格", EN: "fail"},
	Block:         {ZH: "禁止放行", EN: "block"},
	NotApplicable: {ZH: "不适用", EN: "not applicable"},
}

// meaning says what a verdict asks for.
var meaning = map[Status]jobs.Statement{
	Pass:   {ZH: "每项适用的检查都有证据并且通过。", EN: "every check that applies had its evidence and passed."},
	Review: {ZH: "没有发现不合格，但有的检查缺证据或须由人判断；审核员逐条处理之前不得发布。", EN: "nothing failed, but some checks lack evidence or are for people; not to be published before a checker has dealt with each."},
	Fail:   {ZH: "按规则不得发布；例外须由两名审核员书面批准。", EN: "not to be published by the rules; an exception needs two checkers, in writing."},
	Block:  {ZH: "不得发布，也不得按例外放行。", EN: "not to be published, and no exception can be made."},
}

func pick(s jobs.Statement, lang string) string {
	if lang == EN {
		return s.EN
	}
	return s.ZH
}

func colon(lang string) string { return word(lang, "：", ": ") }

// word chooses between two texts.
func word(lang, zh, en string) string {
	return pick(jobs.Statement{ZH: zh, EN: en}, lang)
}

// listed is how many places of one check a report names; the record has more.
const listed = 8

// Report is the record for people: the verdict, then what is wrong, worst
// first, each with where, why and what to do, then the rest.
func (r Record) Report(lang string) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("%s", word(lang, "结论："+verdicts[r.Verdict].ZH+"（"+verdicts[r.Verdict].EN+"）", "Verdict: "+verdicts[r.Verdict].EN))
	say("%s", pick(meaning[r.Verdict], lang))
	for _, in := range r.Inputs {
		say("  %s  %s", in.SHA256, in.Name)
	}
	say("%s%s", word(lang, fmt.Sprintf("规则：%s，数据级别 %d", r.Profile, r.Parameters.Grade), fmt.Sprintf("Rules: %s, grade %d", r.Profile, r.Parameters.Grade)), r.changes(lang))
	for _, s := range []Status{Block, Fail, Review} {
		n := 0
		for _, c := range r.Checks {
			if c.Status != s {
				continue
			}
			if n++; n == 1 {
				say("\n%s", pick(verdicts[s], lang))
			}
			c.write(&b, lang)
		}
	}
	say("\n%s%s", word(lang, "通过：", "Passed: "), r.names(Pass))
	say("%s", word(lang, "不适用：", "Not applicable:"))
	for _, c := range r.Checks {
		if c.Status == NotApplicable {
			say("  %s %s%s%s", c.ID, c.Name, colon(lang), pick(c.Reason, lang))
		}
	}
	return b.String()
}

func (r Record) changes(lang string) string {
	if len(r.Changed) == 0 {
		return ""
	}
	return word(lang, "，说明文件改动的参数：", "; parameters that the spec changed: ") + fmt.Sprint(r.Changed)
}

func (r Record) names(s Status) string {
	var ids []string
	for _, c := range r.Checks {
		if c.Status == s {
			ids = append(ids, c.ID)
		}
	}
	if len(ids) == 0 {
		return "-"
	}
	return strings.Join(ids, " ")
}

func (c Check) write(b *strings.Builder, lang string) {
	fmt.Fprintf(b, "  %s %s%s%s\n", c.ID, c.Name, colon(lang), pick(c.Reason, lang))
	for i, p := range c.Places {
		if i == listed {
			fmt.Fprintf(b, "      %s\n", word(lang, fmt.Sprintf("…… 另有 %d 处，见 record.json", len(c.Places)-listed+c.More), fmt.Sprintf("... and %d more, see record.json", len(c.Places)-listed+c.More)))
			break
		}
		fmt.Fprintf(b, "      %s  %s%s%s\n", strings.Join(p.Codes, " / "), p.Figure, colon(lang), pick(p.Why, lang))
	}
	if c.Next != nil {
		fmt.Fprintf(b, "    → %s\n", pick(*c.Next, lang))
	}
}
