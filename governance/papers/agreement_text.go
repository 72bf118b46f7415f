package papers

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

// Sealed is the agreement with the digest of its text.
func (a Agreement) Sealed(s Scenario, p profile.Profile) Agreement {
	a.Text = suite.DigestOf(Text(a, s, p))
	return a
}

// Text writes the agreement that the blanks make, in Chinese: the same bytes for
// the same agreement, scenario and profile. A clause that an article asks for
// cites it, with the status of its document; one of ours says so. What a city's
// text says of shared data only binds an operator because it stands here, and
// the clause says that too. What people typed stands between 「 and 」, on one line.
func Text(a Agreement, s Scenario, p profile.Profile) []byte {
	w := &writer{p: p, channel: s.Channel}
	w.head(a, s)
	w.object(a, s)
	w.use(a, s)
	w.care(a, s)
	w.duties(a, s)
	w.end(a, s)
	return []byte(w.String())
}

// A writer writes clauses and counts them.
type writer struct {
	strings.Builder
	p       profile.Profile
	channel string
	n       int
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// typed is what somebody has typed, so that it cannot look like a clause.
func typed(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar:
			return ' '
		case r == '「' || r == '」':
			return '“'
		default:
			return r
		}
	}, strings.ToValidUTF8(s, " "))
	if strings.TrimSpace(s) == "" {
		return "（未填）"
	}
	return "「" + s + "」"
}

func several(all []string) string {
	var out []string
	for _, s := range all {
		out = append(out, typed(s))
	}
	if len(out) == 0 {
		return "（未填）"
	}
	return strings.Join(out, "、")
}

func day(t time.Time) string {
	if t.IsZero() {
		return "（未填）"
	}
	return t.In(calendar.Shanghai).Format("2006-01-02 15:04:05")
}

// clause writes a clause that the rule of a key stands behind, of several the
// first of law. It is left out where none binds and always is not set.
func (w *writer) clause(always bool, format string, args []any, keys ...string) {
	c := checker{p: w.p}
	key, binds := c.key(keys)
	if !binds && !always {
		return
	}
	w.n++
	w.line("第%d条　"+format, append([]any{w.n}, args...)...)
	w.basis(key)
}

// meant is the channel that the texts speak of under keys that are of none: on
// another, a clause leans on them and is the parties' own.
var meant = map[string]string{"purpose.change": profile.BySharing, "objection.suspend": profile.ByOpening}

// basis writes what a clause rests on. Rules on another channel are extended by
// agreement, and that is no law.
func (w *writer) basis(key string) {
	var m Missing
	m.cite(w.p, key, 0)
	channel, _, _ := strings.Cut(key, ".")
	other := channel != w.channel && slices.Contains([]string{profile.BySharing, profile.ByOpening, profile.ByOperation}, channel)
	switch {
	case m.Source == profile.Law && other:
		words := map[string]string{profile.BySharing: "共享", profile.ByOpening: "开放", profile.ByOperation: "授权运营"}[channel]
		w.line("　　依据：双方约定（内部规则，非法定）。%s 只规定%s渠道，由本条约定适用于乙方。原文：“%s”", m.Cite, words, m.Quote)
	case m.Source == profile.Law && meant[key] != "" && meant[key] != w.channel:
		w.line("　　依据：双方约定（内部规则，非法定），参照 %s。原文：“%s”", m.Cite, m.Quote)
	case m.Source == profile.Law:
		w.line("　　依据：%s。原文：“%s”", m.Cite, m.Quote)
		if m.Reading != "" {
			w.line("　　规范字：“%s”", m.Reading)
		}
	default:
		w.line("　　依据：%s", house)
	}
}

var titles = map[string]string{profile.BySharing: "公共数据共享使用协议", profile.ByOpening: "公共数据开放利用协议", profile.ByOperation: "公共数据授权开发利用协议"}

func (w *writer) head(a Agreement, s Scenario) {
	title := titles[s.Channel]
	if title == "" {
		title = "公共数据使用协议"
	}
	w.line("%s", title)
	w.line("编号：%s", typed(a.ID))
	if a.Previous != "" {
		w.line("本协议变更：%s", typed(a.Previous))
	}
	w.line("甲方（主管部门）：%s", a.named(a.Bureau))
	if v := a.Blanks["government"]; v != "" {
		w.line("甲方受本级人民政府授权签订，授权文件：%s（未核验）", typed(v))
	}
	w.line("乙方（用数单位）：%s", a.named(a.Operator))
	f := w.p.Frozen()
	w.line("适用规则：%s（%s 第 %d 版，%s）", w.p.City().ZH, f.ID, f.Version, f.Digest)
	for _, d := range w.p.Documents() {
		w.line("　　《%s》：%s", d.Title.ZH, d.Status.Name().ZH)
	}
	w.line("注明“%s”的条款没有法定依据，因双方约定而有效。", house)
	w.line("")
}

// named is a body or a dataset by its name, with its id.
func (a Agreement) named(id string) string {
	if n := a.Names[id]; n != "" {
		return typed(n) + "（" + typed(id) + "）"
	}
	return typed(id)
}

func (a Agreement) allNamed(ids []string) string {
	if len(ids) == 0 {
		return several(nil)
	}
	var all []string
	for _, id := range ids {
		all = append(all, a.named(id))
	}
	return strings.Join(all, "、")
}

// Named are the ids of the bodies and datasets that an agreement on a scenario
// speaks of, each once, in order.
func (a Agreement) Named(s Scenario) []string {
	all := slices.Concat([]string{a.Operator, a.Bureau}, s.Sources, a.Recipients)
	for _, u := range s.Datasets {
		all = append(all, u.Dataset)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// object is what the agreement is on.
func (w *writer) object(a Agreement, s Scenario) {
	w.clause(true, "应用场景：%s，标识%s，以办件%s审定时的状态为准。一个场景一份协议。", []any{typed(s.Title), typed(a.Scenario), typed(string(a.Head))}, "authop.one_agreement", "open.agreement")
	w.clause(true, "数据清单如下，清单以外的数据、字段、行不得使用：", nil, "authop.one_list", "grant.least")
	for n, u := range s.Datasets {
		w.line("　　（%d）数据集%s；字段%s；行%s", n+1, a.named(u.Dataset), several(u.Columns), typed(u.Rows))
	}
	w.line("　　数据来源单位：%s", a.allNamed(s.Sources))
	var joins []string
	for _, j := range s.Joins {
		joins = append(joins, a.named(j[0])+"与"+a.named(j[1]))
	}
	what := "无"
	if len(joins) > 0 {
		what = strings.Join(joins, "、")
	}
	w.clause(true, "可关联的数据集：%s。未列明的不得关联分析。", []any{what}, "grant.joins")
	w.clause(true, "期限：自%s起至%s前（北京时间）。期满即止，不自动延长。", []any{day(a.From), day(a.To)}, "authop.agreement_fields", "grant.least")
}

// use is what the data are for.
func (w *writer) use(a Agreement, s Scenario) {
	w.blank(a, "scope", "使用范围", typed(s.Scope))
	w.blank(a, "means", "利用方式", typed(s.Mode))
	w.clause(true, "用途：仅限%s。乙方不得用于其他目的。", []any{several(a.Purposes)}, "purpose.bound", "open.purpose_bound")
	// The limits of the sharing channel come to bind an operator here and nowhere else.
	w.clause(false, "数据专事专用，不得用于或者变相用于其他目的。", nil, "share.purpose_bound")
	w.clause(true, "成果只提供给%s。乙方不得将数据直接或者以改变数据形式等方式提供给其他任何第三方。", []any{a.allNamed(a.Recipients)}, "share.onward_forbidden", "share.derived_bound")
	change := map[string]string{"provider-permission": "须征得数据提供方许可，并按新版本走同一审核路径", "new-application": "须重新申请", "forbidden": "不得变更"}
	r, err := w.p.Rule("purpose.change")
	if err == nil && len(r.Value.List()) == 1 {
		w.clause(true, "变更用途：%s。", []any{change[r.Value.List()[0]]}, "purpose.change")
	}
	w.clause(false, "乙方不得擅自扩大使用范围。", nil, "purpose.widening_forbidden")
	fee := map[string]string{"free": "无偿使用", "paid": "有偿使用，费用另行约定"}[a.Fee]
	w.clause(true, "费用类别：%s。", []any{orUnfilled(fee)})
	w.blank(a, "return", "合理收益测算", "")
}

func orUnfilled(s string) string {
	if s == "" {
		return "（未填）"
	}
	return s
}

// blank writes the clause of a word that the channel's rule asks for.
func (w *writer) blank(a Agreement, word, title, more string) {
	key := map[string]string{profile.ByOperation: "authop.agreement_fields", profile.ByOpening: "open.agreement_fields"}[w.channel]
	c := checker{p: w.p}
	said := a.Blanks[word] != "" || c.has(key, word)
	if !said && more == "" {
		return
	}
	args := []any{title, more}
	format := "%s：%s。"
	if said {
		format, args = "%s：%s（申请所载：%s）。", []any{title, typed(a.Blanks[word]), orUnfilled(more)}
		if more == "" {
			format, args = "%s：%s。", args[:2]
		}
	}
	if !c.has(key, word) {
		key = ""
	}
	w.clause(true, format, args, key)
}

// care is how the data are kept.
func (w *writer) care(a Agreement, s Scenario) {
	w.clause(true, "原始数据不出域。乙方的程序只在数据所在域的隔离环境中运行，乙方不接触原始数据，亦不得取得或者提供原始数据。", nil, "output.raw_forbidden", "compute.in_domain")
	w.clause(true, "运行成果经自动检查和独立人员审核后方可出域；未经放行的成果不交付。", nil, "output.checks", "output.no_harm")
	w.blank(a, "safety", "数据安全要求", "")
	w.blank(a, "safeguards", "安全管控措施", typed(s.Safeguards))
	if all := w.named("security.measures"); all != "" {
		w.clause(true, "安全技术措施：%s。", []any{all}, "security.measures")
	}
	if a.Plan != "" || w.p.Yes("authop.one_plan") {
		w.clause(true, "数据安全事件应急预案：%s。预案随本协议生效，乙方定期演练。", []any{typed(string(a.Plan))}, "authop.one_plan")
	}
	if all := w.promises(s); all != "" {
		w.clause(true, "乙方承诺：%s。", []any{all}, "share.commitments", "open.commitment")
	}
}

func (w *writer) named(key string) string {
	c := checker{p: w.p}
	var out []string
	for _, word := range c.words(key) {
		zh, _ := called(word)
		out = append(out, zh)
	}
	return strings.Join(out, "、")
}

func (w *writer) promises(s Scenario) string {
	var out []string
	for _, word := range s.Commitments {
		zh, _ := called(word)
		if word == Security {
			zh = "遵守数据安全要求"
		}
		out = append(out, typed(zh))
	}
	return strings.Join(out, "、")
}

// duties are what the operator owes while the agreement runs.
func (w *writer) duties(_ Agreement, _ Scenario) {
	feedback := "乙方定期反馈数据质量、使用情况和成效。"
	if n, ok := w.p.Int("share.feedback_wd"); ok {
		feedback = fmt.Sprintf("乙方在使用数据后 %d 个工作日内反馈数据质量、使用情况和成效。", n)
	} else if n, ok := w.p.Int("share.feedback_months"); ok {
		feedback = fmt.Sprintf("乙方每 %d 个月反馈数据质量、使用情况和成效。", n)
	}
	w.clause(false, "%s", []any{feedback}, "share.feedback")
	if n, ok := w.p.Int("authop.risk_report_months"); ok && w.channel == profile.ByOperation {
		w.clause(false, "乙方每 %d 个月报送一次风险评估报告。", []any{n}, "authop.risk_report", "authop.risk_report_months")
	}
	if w.channel != profile.ByOperation {
		return
	}
	if n, ok := w.p.Int("authop.elimination_years"); ok {
		w.clause(false, "成效评估连续 %d 年不达标的，取消乙方资格，本协议随之终止。", []any{n}, "authop.elimination_years")
	}
	w.clause(false, "乙方对数据的可用性、完整性、质量作出评价并反馈。", nil, "authop.quality_feedback")
	if r, err := w.p.Rule("authop.exchange"); err == nil && r.Enforced() {
		w.clause(true, "数据产品的交易场所：%s。", []any{strings.Join(r.Value.List(), "、")}, "authop.exchange")
	}
}

// end is how the use stops.
func (w *writer) end(a Agreement, _ Scenario) {
	w.clause(true, "数据被提出异议、发生安全事件或者数据提供方要求时，相关使用立即中止；恢复须另行决定。", nil, "objection.suspend")
	w.blank(a, "disposal", "期满处置", "")
	if all := w.named("share.disposal"); all != "" {
		w.clause(true, "有下列情形之一的，乙方按数据提供方的要求妥善处置所取得的数据：%s。", []any{all}, "share.disposal")
	}
	w.clause(true, "变更本协议须以新版本走同一路径；双方以各自保管的密钥对本文本的摘要签名后生效。", nil, "grant.signed")
	w.line("")
	w.line("甲方（签名见办件）　　　　乙方（签名见办件）")
}
