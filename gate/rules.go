package gate

import (
	"slices"

	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/suppress"
	"github.com/yunei/yunei/jobs"
)

// facts are what the rules look at: the terms, which are public to those who
// read a record, the parameters, the candidate, and how it was judged.
type facts struct {
	terms jobs.Terms
	p     params.Parameters
	c     jobs.Candidate
	j     judgement
}

// hidden counts the cells that are not shown, totals included.
func (f facts) hidden() int {
	n := 0
	for i := range f.c.Items() {
		if cell, _ := f.c.Item(i); cell == nil {
			n++
		}
	}
	return n
}

// lines are those of the table of units: all codes of one dim, the others held,
// with their total if that is released.
func (f facts) lines() []evidence.Line {
	shape := jobs.Shape{Dims: f.c.Dims}
	var all []evidence.Line
	stride := 1
	for d, dim := range slices.Backward(f.c.Dims) {
		size := len(dim.Codes)
		for first := range f.c.Cells {
			if first/stride%size != 0 || size == 1 {
				continue
			}
			var line evidence.Line
			for k := range size {
				line.Cells = append(line.Cells, valueOf(f.c.Cells[first+k*stride]))
			}
			line.Total = f.total(shape.Codes(first), d)
			all = append(all, line)
		}
		stride *= size
	}
	return all
}

// total is the released total over dim d at the given codes of the others.
func (f facts) total(codes []int, d int) evidence.Value {
	for _, m := range f.c.Margins {
		at, keeps := 0, true
		for i, dim := range f.c.Dims {
			kept := slices.Contains(m.Dims, dim.Name)
			keeps = keeps && kept == (i != d)
			if kept {
				at = at*len(dim.Codes) + codes[i]
			}
		}
		if keeps {
			return valueOf(m.Cells[at])
		}
	}
	return evidence.Value{}
}

func valueOf(c jobs.Cell) evidence.Value {
	if c == nil {
		return evidence.Value{}
	}
	return evidence.Value{N: c[0], Shown: true}
}

// taken is a finding of package evidence about shown values.
func taken(e evidence.Finding) finding {
	return finding{status: Status(e.Status), zh: e.ZH, en: e.EN, parameters: e.Parameters, evidence: e.Evidence}
}

// A finding is what a rule says.
type finding struct {
	status     Status
	zh, en     string
	parameters map[string]int64
	evidence   map[string]int64
}

// A rule is one check, in each mode.
type rule struct {
	id, name string
	sdc, dp  func(facts) finding
}

func always(s Status, zh, en string) func(facts) finding {
	return func(facts) finding { return finding{status: s, zh: zh, en: en} }
}

// Findings that several rules share.
var (
	// In noisy modes nothing that depends on exact data may decide.
	noisy = always(NotApplicable, "差分隐私模式：不得依据精确数据作出判断。", "noisy modes: nothing may be decided on exact data")
	// What a cube of sums does not have.
	sumsOnly   = always(NotApplicable, "输出只含封闭表格中的计数与合计，没有此类统计量。", "the output is counts and sums over a closed table and has no such statistic")
	accountant = always(NotApplicable, "差分隐私模式：由预算记账代替差分攻击检查。", "noisy modes: the accountant takes the place of tests for differencing")
	oneRow     = always(NotApplicable, "输出不含逐条记录，每行是封闭表格的一个单元格。", "no row of the output is a record; each is a cell of a closed table")
)

// rules are the checks C01 to C36, all of them, in their order.
var rules = []rule{
	{"C01", "schema-conformance", schema, schema},
	{"C02", "canonical-form", canonical, canonical},
	{"C03", "size-limits", size, size},
	{"C04", "direct-identifier", identifiers, identifiersInTexts},
	{"C05", "unit-threshold", threshold, noisyThreshold},
	{"C06", "record-vs-unit", holdings, holdings},
	{"C07", "p-percent", inDomains("C07"), noisy},
	{"C08", "nk-dominance", inDomains("C08"), noisy},
	{"C09", "negatives", negatives, noisy},
	{"C10", "all-same-values", inDomains("C10"), noisy},
	{"C11", "class-disclosure", class, noisy},
	{"C12", "within-group", audited("C12", Fail, unionZH, unionEN, func(r suppress.Report) suppress.Verdict { return r.Union.Verdict }), noisy},
	{"C13", "extremes", sumsOnly, sumsOnly},
	{"C14", "hist-bins", always(Pass, "分组边界取自读取数据之前签署的代码表，所示各组均达到门槛。", "the edges are code lists signed before data were read, and every shown bin met the threshold"), noisy},
	{"C15", "dof", sumsOnly, sumsOnly},
	{"C16", "saturated-outputs", sumsOnly, sumsOnly},
	{"C17", "survival-steps", sumsOnly, sumsOnly},
	{"C18", "ratio-recoverability", ratios, ratios},
	{"C19", "mean-with-perturbed-count", ratios, ratios},
	{"C20", "complementary", audited("C20", Fail, aloneZH, aloneEN, func(r suppress.Report) suppress.Verdict { return r.Singleton.Verdict }), noisy},
	{"C21", "exact-recovery", audited("C21", Block, exactZH, exactEN, func(r suppress.Report) suppress.Verdict { return r.Exact.Verdict }), noisy},
	{"C22", "feasibility-audit", audited("C22", Fail, rangeZH, rangeEN, func(r suppress.Report) suppress.Verdict { return r.Interval.Verdict }), noisy},
	{"C23", "natural-number-audit", audited("C23", Fail, wholeZH, wholeEN, natural), noisy},
	{"C24", "union-dominance", audited("C24", Fail, unionZH, unionEN, func(r suppress.Report) suppress.Verdict { return r.Union.Verdict }), noisy},
	{"C25", "pairwise-differencing", firewall, accountant},
	{"C26", "row-space", firewall, accountant},
	{"C27", "nested-series", firewall, accountant},
	{"C28", "duplicate-release", always(Pass, "同一数据上的同一查询得到逐字节相同的表：取整是确定的，没有新的随机性。", "the same query of the same data gives the same bytes: rounding is deterministic and nothing is drawn"), always(NotApplicable, "差分隐私模式：相同查询返回已存的答案，不同查询重新抽取噪声并计费。", "noisy modes: the same query returns the stored answer; any other is a new draw and is charged")},
	{"C29", "rounding-consistency", rounding, always(NotApplicable, "差分隐私模式：数值不取整。", "noisy modes: values are not rounded")},
	{"C30", "record-like", oneRow, oneRow},
	{"C31", "bit-budget", always(Pass, "数值由主机计算；程序只指向单元格，其源代码经具名审阅，未经审阅的程序不得以本模式运行。", "the host computes the values; the program only points, and its source was reviewed by a named party: one without review does not run in this mode"), always(NotApplicable, "差分隐私模式：由 ε 限定。", "noisy modes: epsilon bounds it")},
	{"C32", "sensitivity-rerun", rerun, noisy},
	{"C33", "dp-budget", always(NotApplicable, "统计披露控制模式不消耗预算。", "mode sdc spends no budget"), budget},
	{"C34", "dp-arithmetic", always(NotApplicable, "统计披露控制模式不加噪声。", "mode sdc adds no noise"), always(Review, "全部数值为整数且在界内；噪声在各数据域抽取，闸门看不到抽取过程。", "all values are integers within their bounds; noise is drawn in the domains, where the gate cannot see it")},
	{"C35", "grade-of-output", grade, grade},
	{"C36", "context", context, context},
}

var (
	identifiers        = always(Pass, "标题、代码、标签和参数均来自各方签署的条款，未发现直接标识符，也不在各数据域的标识列中；数值为整数。", "all texts come from the signed terms and hold no direct identifier, nor do they stand in an identifier column of a domain; values are integers")
	identifiersInTexts = always(Pass, "标题、代码、标签和参数均来自各方签署的条款，未发现直接标识符；数值为整数。", "all texts come from the signed terms and hold no direct identifier; values are integers")
	ratios             = always(Pass, "均值和比率只由候选结果中的数值算出，不另含信息。", "means and ratios are computed from the candidate's own values and tell nothing beyond them")
	context            = always(Review, "总体、变量及与既往结果的关系由审核员核对。", "population, variables and the relation to earlier outputs are for the output checkers")
)

func schema(f facts) finding {
	return finding{
		status: Pass, zh: "向量恰为签署形状的各项，均在界内。", en: "the vector is exactly the slots of the signed shape, each within its bounds",
		parameters: map[string]int64{"members": int64(len(f.terms.Members)), "slots": int64(f.terms.Slots())},
	}
}

func canonical(facts) finding {
	return finding{status: Pass, zh: "只含整数，行序按签署的代码表，文字为 NFC 且可显示。", en: "integers only, rows in the order of the signed code lists, texts in NFC and printable"}
}

func size(f facts) finding {
	return finding{
		status: Pass, zh: "行数与字节数在限额之内。", en: "rows and bytes are within the limits",
		parameters: f.p.Values("C03"), evidence: map[string]int64{"cells": int64(f.c.Items())},
	}
}

// threshold: the domains count the units with a value, measure by measure.
func threshold(f facts) finding {
	return finding{
		status: Pass, zh: "每个数据域标记了自身有值个体不足门槛的单元格与合计，被标记的均未展示；各域均为零或达到门槛，则合并后无论有无重复个体也是如此。",
		en:         "each domain flagged the cells and totals in which it has units with a value, but fewer than the threshold; none of them is shown. If every domain has none or enough, so has their union, whatever the overlap",
		parameters: f.p.Values("C05"),
		evidence:   map[string]int64{"cells": int64(f.c.Items()), "hidden": int64(f.hidden())},
	}
}

func noisyThreshold(f facts) finding {
	if f.terms.Mode != jobs.Both {
		return noisy(f)
	}
	return finding{
		status: Pass, zh: "仅依据加噪后的个体数决定是否展示，属于事后处理。", en: "which cells are shown follows from noisy counts alone: post-processing",
		parameters: map[string]int64{"threshold": f.p.Threshold, "slack_inverse": f.p.SlackInverse},
		evidence:   map[string]int64{"cells": int64(f.c.Items()), "hidden": int64(f.hidden())},
	}
}

// inDomains is a check that every domain made of its own units, by its own
// evidence: what it flagged is not shown. For non-negative contributions the
// union is then safe too (gate/evidence).
func inDomains(check string) func(facts) finding {
	return func(f facts) finding {
		if len(f.terms.Shape.Measures) == 0 {
			return finding{status: NotApplicable, zh: "只有个体数，没有数值可供主导。", en: "there are counts only, and no value that could dominate"}
		}
		return finding{
			status: Pass, zh: "每个数据域依据自身的精确证据逐格核查并标记，被标记的均未展示。", en: "each domain checked every cell and total by its own exact evidence, and none that it flagged is shown",
			parameters: f.p.Values(check),
		}
	}
}

func holdings(f facts) finding {
	if f.terms.Shape.Namespace == jobs.Row {
		return finding{status: Review, zh: "统计单位是记录，同一主体可能有多条。", en: "the unit is a record, of which one party may have many"}
	}
	return finding{status: Pass, zh: "各域按规范化的主体标识归并后计数。", en: "the domains count units by canonical key, all rows of one together"}
}

func negatives(f facts) finding {
	for _, m := range f.terms.Shape.Measures {
		if m.Lo < 0 {
			return finding{status: Review, zh: "有的测度可为负，相互抵消可能掩盖集中；各域按绝对值核查。", en: "a measure may be negative, and cancellation can hide dominance; the domains judge absolute values", parameters: f.p.Values("C09")}
		}
	}
	return finding{status: Pass, zh: "各测度均不为负。", en: "no measure can be negative"}
}

// class looks at shown cells only.
func class(f facts) finding {
	out := taken(evidence.Class(f.lines(), f.p))
	if out.status == Fail {
		out.zh, out.en = out.zh+"放行须两名审核员写明例外。", out.en+"; a release needs an exception of both checkers"
	}
	return out
}

// What each part of the audit demands of what is hidden.
const (
	exactZH = "对全部所示单元格与合计作精确秩检验：没有任何未展示项可由其线性组合算出"
	exactEN = "rank test over all shown cells and totals: no hidden item is a combination of them"
	aloneZH = "即使知道自己所在的一个未展示项，也算不出另一个被标记的项"
	aloneEN = "who knows one hidden item, being its only unit, gets no other flagged one"
	rangeZH = "被标记项的取值范围不窄于保护水平"
	rangeEN = "the values that a flagged item can have reach as far as its protection level"
	wholeZH = "在整数表中，每个未展示的个体数都有足够多的可能取值，知道全部规则和参数的攻击者也不能缩小到一个"
	wholeEN = "among tables of whole numbers every hidden count can have enough values, and more than one for an attacker who knows all rules and parameters"
	unionZH = "每个等式中未展示各项之和涉及足够多的个体，且不由少数个体主导"
	unionEN = "the hidden items of every equation together have enough units, and few do not dominate them"
)

func natural(r suppress.Report) suppress.Verdict {
	worst := suppress.Pass
	for _, v := range []suppress.Verdict{r.Natural.Verdict, r.Minimality.Verdict} {
		if statusOf(v, Fail) == Fail || worst == suppress.Pass {
			worst = v
		}
	}
	return worst
}

// audited is what the audit of the hidden items came to; failed is what not
// passing means.
func audited(check string, failed Status, zh, en string, part func(suppress.Report) suppress.Verdict) func(facts) finding {
	return func(f facts) finding {
		out := finding{status: statusOf(part(f.j.report), failed)}
		if check != "C20" { // the audit asks for more than so many hidden cells a line
			out.parameters = f.p.Values(check)
		}
		switch out.status {
		case Pass:
			out.zh, out.en = "审计通过："+zh+"。", "audited: "+en
		case Review:
			out.zh, out.en = "未能在限定的工作量内确认："+zh+"。由审核员判断。", "not established within the audit's bound, so it is for the output checkers: "+en
		default:
			out.zh, out.en = "审计未通过："+zh+"——此条不成立。", "the audit failed; this does not hold: "+en
		}
		return out
	}
}

// statusOf takes no unknown word for a pass.
func statusOf(v suppress.Verdict, failed Status) Status {
	switch v {
	case suppress.Pass:
		return Pass
	case suppress.Review:
		return Review
	default:
		return failed
	}
}

// firewall is what the domains' registers of earlier releases say together.
// Which releases combine is told to a domain's officer alone.
func firewall(f facts) finding {
	switch parameters := f.p.Values("C25"); {
	case f.j.found.Refuse:
		return finding{status: Block, zh: "至少一个数据域的登记表明：与既往发布结果相结合，会得出少于门槛的个体的贡献。具体是哪些，只告知该域的负责人。", en: "the register of a domain says that beside earlier releases this one gives away the contribution of fewer units than the threshold; which they are is told to that domain's officer alone", parameters: parameters}
	case f.j.found.Review:
		return finding{status: Review, zh: "至少一个数据域未能在限定的工作量内完成与全部既往发布结果的比对。", en: "a domain could not finish the comparison with all earlier releases within its bound", parameters: parameters}
	default:
		return finding{status: Pass, zh: "每个数据域已与自己参与过的全部发布逐一比对（不分运营方与版本），各域差异为零或达到门槛。", en: "every domain compared this with all earlier releases that it took part in, of all operators and versions: differences are none or at least the threshold in each", parameters: parameters}
	}
}

// rounding: every figure has one base, and a total is rounded from its exact
// value, which now and then tells what rounding took from its cells.
func rounding(f facts) finding {
	base := f.c.Figures[0].Round
	if base < f.p.Base {
		return finding{status: Review, zh: "个体数的取整基数小于规则所列，取整几乎不起作用。", en: "counts are rounded to a finer base than the rules', so that rounding does next to nothing", parameters: map[string]int64{"base": f.p.Base}, evidence: map[string]int64{"base": base}}
	}
	return taken(evidence.Rounding(f.lines(), evidence.Grid{Base: base}, f.p))
}

// rerun: what a unit contributes is computed from the initialised state, so
// leaving others out cannot change it; in a batch it can.
func rerun(f facts) finding {
	if f.terms.Shape.Grouping.Batch > 0 {
		return finding{status: Review, zh: "程序按批次处理，一个个体可影响同批其他个体的取值；由程序审阅人负责。", en: "the program sees batches, in which one unit may change what is said of others: the program's review answers for that"}
	}
	return finding{status: Pass, zh: "每个个体从初始化状态起单独计算，由主机累加：剔除任何个体只减去其自身的贡献。", en: "each unit is computed by itself from the initialised state, and the host adds: leaving one out takes away its own contribution and nothing else"}
}

func budget(f facts) finding {
	return finding{
		status: Pass, zh: "每个成员的确认书均载明读取数据之前在自己的账中扣减，闸门在打开之前核对了金额与上限。", en: "every member's confirmation carries the debit that it made in its own journal before it read data; the gate checked cost and cap before it opened",
		parameters: map[string]int64{"members": int64(len(f.terms.Members))},
	}
}

func grade(f facts) finding {
	grades := make([]int, len(f.terms.Members))
	for i, m := range f.terms.Members {
		grades[i] = m.Grade
	}
	units := int64(0)
	for _, cell := range f.c.Cells {
		if cell != nil {
			units += max(cell[0], 0)
		}
	}
	got := Grade(grades, Aggregation{Shape: f.terms.Shape, Mode: f.terms.Mode, Threshold: f.p.Threshold, Units: units, Scale: f.p.ScaleUnits})
	return finding{status: Review, zh: got.Text.ZH, en: got.Text.EN, parameters: f.p.Values("C35"), evidence: map[string]int64{"proposed": int64(got.Proposed)}}
}
