package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/gate/suppress"
)

// rules are the checks C01 to C36, all of them, in their order.
var rules = []struct {
	id, name string
	find     func(*state) finding
}{
	{"C01", "schema-conformance", schema},
	{"C02", "canonical-form", canonical},
	{"C03", "size-limits", size},
	{"C04", "direct-identifier", identifiers},
	{"C05", "unit-threshold", cells("C05", "所示各格（及其各测度）没有单位或达到门槛", "every shown cell has no unit, or enough units with a value", "隐藏这些单元格，或归并代码", "hide these cells, or merge codes")},
	{"C06", "record-vs-unit", holdings},
	{"C07", "p-percent", cells("C07", "没有单元格的最大贡献可被估计得过准", "in no shown cell can the largest contribution be estimated too closely", "隐藏这些单元格，或归并代码", "hide these cells, or merge codes")},
	{"C08", "nk-dominance", cells("C08", "没有单元格被前几大贡献主导", "no shown cell is dominated by its largest contributions", "隐藏这些单元格，或归并代码", "hide these cells, or merge codes")},
	{"C09", "negatives", cells("C09", "没有负值", "no negative values", "由审核员判断正负抵消是否掩盖了集中", "the checker judges whether cancellation hides dominance")},
	{"C10", "all-same-values", cells("C10", "各格数值并不几乎全同", "the values of no shown cell are all but the same", "隐藏这些单元格，或归并代码", "hide these cells, or merge codes")},
	{"C11", "class-disclosure", class},
	{"C12", "within-group", within},
	{"C13", "extremes", extremes},
	{"C14", "hist-bins", bins},
	{"C15", "dof", noModel},
	{"C16", "saturated-outputs", noModel},
	{"C17", "survival-steps", none("输出不是生存表。", "the output is no survival table")},
	{"C18", "ratio-recoverability", ratios},
	{"C19", "mean-with-perturbed-count", means},
	{"C20", "complementary", complementary},
	{"C21", "exact-recovery", recovery},
	{"C22", "feasibility-audit", feasibility},
	{"C23", "natural-number-audit", natural},
	{"C24", "union-dominance", unions},
	{"C25", "pairwise-differencing", pairwise},
	{"C26", "row-space", rowSpace},
	{"C27", "nested-series", series},
	{"C28", "duplicate-release", duplicates},
	{"C29", "rounding-consistency", rounding},
	{"C30", "record-like", records},
	{"C31", "bit-budget", bitBudget},
	{"C32", "sensitivity-rerun", none("没有程序可以重跑；能够重算的数值已逐一核对（见 C29、C31）。", "there is no program to run again; what could be computed again was (see C29, C31)")},
	{"C33", "dp-budget", none("不是差分隐私输出。", "the output is not differentially private")},
	{"C34", "dp-arithmetic", none("不是差分隐私输出。", "the output is not differentially private")},
	{"C35", "grade-of-output", grade},
	{"C36", "context", context},
}

func none(zh, en string) func(*state) finding {
	return func(*state) finding { return finding{status: NotApplicable, zh: zh, en: en} }
}

func noModel(*state) finding {
	return finding{status: NotApplicable, zh: "输出是表格，不含模型。", en: "the output is a table and holds no model"}
}

// from takes over what package evidence found.
func from(f evidence.Finding, places []Place, nextZH, nextEN string) finding {
	out := finding{zh: f.ZH, en: f.EN, parameters: f.Parameters, evidence: f.Evidence, places: places, nextZH: nextZH, nextEN: nextEN}
	switch f.Status {
	case evidence.Pass:
		out.status = Pass
	case evidence.Review:
		out.status = Review
	case evidence.Fail:
		out.status = Fail
	default:
		out.status = Block
	}
	return out
}

func schema(s *state) finding {
	if len(s.c.Unknown) > 0 {
		return finding{
			status: Block, zh: "表中有说明文件没有列出的代码：" + list(s.c.Unknown), en: "the table has codes that the spec does not list: " + list(s.c.Unknown),
			nextZH: "改正代码，或重新批准说明文件", nextEN: "correct the codes, or have the spec approved again",
		}
	}
	listed := len(s.c.Spec.Figures) > 0
	for _, d := range s.c.Table.Grid.Dims {
		listed = listed && d.Listed
	}
	if !listed {
		return finding{
			status: Review, zh: "没有事先批准的结构可以对照：说明文件没有列出全部维度的代码和全部指标。", en: "there is no approved schema to hold it against: no spec lists the codes of every dim and every figure",
			nextZH: "用 --spec 给出 dims（含 codes）和 figures", nextEN: "give dims, with their codes, and figures in a --spec",
		}
	}
	return finding{status: Pass, zh: "列和代码都在说明文件之中。", en: "all columns and codes are the spec's"}
}

func list(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" … (%d)", len(names))
	}
	return strings.Join(names, ", ")
}

func canonical(s *state) finding {
	var zh, en []string
	status := Pass
	for _, o := range s.c.Table.Oddities {
		where := fmt.Sprintf("第 %d 行 line %d", o.Line, o.Line)
		zh, en = append(zh, where+" "+o.ZH), append(en, where+" "+o.EN)
		if o.Grave {
			status = Block
		} else if status == Pass {
			status = Fail
		}
	}
	if status == Pass && !s.sorted() {
		status, zh, en = Review, []string{"行序不按代码排列：行序本身可携带信息"}, []string{"rows are not in the order of their codes, and an order can carry a message"}
	}
	if status == Pass {
		return finding{status: Pass, zh: "文字为 NFC，数字写法唯一，行序按代码。", en: "texts are in NFC, numbers in one spelling, rows in the order of their codes"}
	}
	return finding{
		status: status, zh: list(zh), en: list(en), evidence: map[string]int64{"oddities": int64(len(zh))},
		nextZH: "改用 --out 写出的表：由程序按唯一写法重新生成", nextEN: "take the table that --out writes: it is written anew, in the one form",
	}
}

// sorted reports whether rows stand in the order of the spec's codes, or, where
// there are none, of the texts; totals may stand first or last.
func (s *state) sorted() bool {
	t := s.c.Table
	return slices.IsSortedFunc(t.Rows, func(a, b sheet.Row) int {
		x, y := t.Grid.Codes(a.Item), t.Grid.Codes(b.Item)
		for i, d := range t.Grid.Dims {
			if c := order(d, x[i], y[i]); c != 0 {
				return c
			}
		}
		return 0
	})
}

func order(d sheet.Dim, a, b int) int {
	leaves := a < len(d.Codes) && b < len(d.Codes)
	switch {
	case a == b:
		return 0
	case leaves && !d.Listed && !d.Ordered:
		return strings.Compare(d.Codes[a], d.Codes[b])
	case a < b:
		return -1
	}
	return 1
}

func size(s *state) finding {
	n := int64(len(s.c.Table.Rows) * len(s.c.Table.Figures))
	f := finding{status: Pass, zh: "单元格数和字节数在限额之内。", en: "cells and bytes are within the limits", evidence: map[string]int64{"cells": n, "bytes": s.c.Table.Bytes}}
	if n > s.p.Cells || s.c.Table.Bytes > s.p.TableBytes {
		f.status, f.zh, f.en = Block, "单元格数或字节数超过限额。", "too many cells or bytes"
		f.nextZH, f.nextEN = "减少维度、代码或指标", "use fewer dims, codes or figures"
	}
	return f
}

func holdings(s *state) finding {
	n := s.c.Facts.Keyless()
	f := from(evidence.Holdings(s.c.Facts.Holdings && n == 0, s.p), nil, "给出微观数据和 --unit，或在说明文件中声明 holdings", "give microdata and --unit, or declare holdings in the spec")
	if n > 0 {
		f.zh, f.en = fmt.Sprintf("%d 条记录没有标识，各按一个单位计。", n), fmt.Sprintf("%d records have no key; each was counted as a unit of its own", n)
		f.evidence = map[string]int64{"keyless": n}
	}
	return f
}

// cells makes the rule that goes through all shown values by one of the checks
// of Judge.
func cells(id, passZH, passEN, nextZH, nextEN string) func(*state) finding {
	return func(s *state) finding {
		f := finding{status: NotApplicable, zh: "没有合计类指标。", en: "there is no figure of a measure"}
		failed, unknown := int64(0), int64(0)
		seen := map[[2]int]bool{}
		s.each(func(row, figure int, fig sheet.Figure, _ int64) {
			if fig.Measure < 0 || id != "C05" && fig.Measure == 0 || seen[[2]int{row, fig.Measure}] {
				return
			}
			seen[[2]int{row, fig.Measure}] = true
			if f.status == NotApplicable {
				f.status, f.zh, f.en = Pass, passZH+"。", passEN
			}
			for _, r := range s.rulings(row, fig) {
				if r.Check != id {
					continue
				}
				if r.Status == Fail {
					failed++
				} else {
					unknown++
				}
				f.places = append(f.places, s.place(row, figure, r.ZH, r.EN))
			}
		})
		if failed+unknown == 0 {
			return f
		}
		f.evidence, f.nextZH, f.nextEN = map[string]int64{"failed": failed, "unknown": unknown}, nextZH, nextEN
		if failed > 0 {
			f.status, f.zh, f.en = Fail, fmt.Sprintf("%d 个单元格不合格。", failed), fmt.Sprintf("%d cells fail", failed)
			return f
		}
		f.status, f.zh, f.en = Review, fmt.Sprintf("%d 个单元格无法判定。", unknown), fmt.Sprintf("%d cells cannot be judged", unknown)
		if id != "C09" {
			f.nextZH, f.nextEN = "在证据中补上所缺的列，或给出微观数据", "add what the evidence lacks, or give microdata"
		}
		return f
	}
}

// rulings are those on a shown value. Without evidence nothing can be said, by
// any of the checks.
func (s *state) rulings(row int, f sheet.Figure) []Ruling {
	c := s.cell(row, f.Measure)
	if c.Has(sheet.HasN) {
		return Judge(c, f.Measure, s.p)
	}
	all := []Ruling{{"C05", Review, "没有证据", "there is no evidence"}}
	if f.Measure > 0 {
		for _, id := range []string{"C07", "C08", "C09", "C10"} {
			all = append(all, Ruling{id, Review, "没有证据", "there is no evidence"})
		}
	}
	return all
}

// noCounts is what the checks of lines say without a figure that counts.
func noCounts() finding {
	return finding{
		status: Review, zh: "表中没有个体数一列，无法按行列核查。", en: "the table has no figure that counts units, so its lines cannot be judged",
		nextZH: "每个数值都应附不加权的个体数：加一列 kind 为 count 的指标", nextEN: "every number should come with its unweighted n: add a figure of kind count",
	}
}

func class(s *state) finding {
	k := s.countFigure()
	if k < 0 {
		return noCounts()
	}
	f, places := s.linePlaces(k, func(l []evidence.Line) evidence.Finding { return evidence.Class(l, s.p) })
	return from(f, places, "归并代码，或隐藏该行列", "merge codes, or hide the line")
}

func within(s *state) finding {
	k := s.countFigure()
	if k < 0 {
		return noCounts()
	}
	f, places := s.linePlaces(k, func(l []evidence.Line) evidence.Finding { return evidence.Within(l, s.p) })
	return from(f, places, "归并代码，或隐藏该行列", "merge codes, or hide the line")
}

func extremes(s *state) finding {
	var qs []evidence.Quantile
	var places []Place
	unknown := int64(0)
	s.each(func(row, figure int, f sheet.Figure, _ int64) {
		c := s.cell(row, f.Measure)
		switch {
		case f.Kind == sheet.Min || f.Kind == sheet.Max:
			qs = append(qs, evidence.Quantile{Extreme: true})
			places = append(places, s.place(row, figure, "最大值或最小值", "a minimum or a maximum"))
		case f.Kind != sheet.Percentile:
		case !c.Has(sheet.HasN):
			unknown++
		default:
			q := evidence.Quantile{Below: c.N * int64(f.At) / 100, Above: c.N * int64(100-f.At) / 100}
			if qs = append(qs, q); min(q.Below, q.Above) < s.p.Tail {
				places = append(places, s.place(row, figure, "一侧单位过少", "too few units on one side"))
			}
		}
	})
	if len(qs) == 0 && unknown == 0 {
		return finding{status: NotApplicable, zh: "没有最大值、最小值或分位数。", en: "there is no minimum, maximum or percentile"}
	}
	f := from(evidence.Extremes(qs, s.p), places, "删去这些指标，或改为分组计数", "leave these figures out, or count in bins instead")
	if f.status == Pass && unknown > 0 {
		f.status, f.zh, f.en = Review, "有的分位数没有单位数的证据。", "there is no evidence on the units of some percentiles"
	}
	return f
}

func bins(s *state) finding {
	k := s.countFigure()
	var counts []evidence.Value
	listed, any := true, false
	for d, dim := range s.c.Table.Grid.Dims {
		if !dim.Bins {
			continue
		}
		any, listed = true, listed && dim.Listed
		for i, r := range s.c.Table.Rows {
			if s.c.Table.Grid.Codes(r.Item)[d] < len(dim.Codes) && k >= 0 {
				counts = append(counts, s.value(s.c.Table.Rows[i].Item, k))
			}
		}
	}
	if !any {
		return finding{status: NotApplicable, zh: "没有维度是数值分组（说明文件的 bins）。", en: "no dim is said to be bins of a measure (bins in the spec)"}
	}
	if k < 0 {
		return noCounts()
	}
	var grid []int64
	if listed {
		grid = []int64{0} // the edges are the listed codes, and no others
	}
	return from(evidence.Bins(counts, nil, grid, s.p), nil, "归并相邻的组；在说明文件中列出事先批准的分组", "merge neighbouring bins; list the approved bins in the spec")
}

func complementary(s *state) finding {
	a := s.audited()
	return s.audits(a, a.singleton, a.few, "同一行列隐藏的单元格不足，或单个贡献者可由自己的数值推出他人。", "too few cells of a line are hidden, or one contributor can work out another's cell from their own",
		"没有隐藏的单元格可由合计减出，单个贡献者也推不出其他。", "no hidden cell follows from its line, not even for one contributor to another")
}

func recovery(s *state) finding {
	a := s.audited()
	f := s.audits(a, a.exact, nil, "有的隐藏单元格可由所示数值精确算出。", "some hidden cells follow exactly from what is shown",
		"没有隐藏单元格可由所示数值的线性组合得出（整体系统，精确整数）。", "no hidden cell is a combination of shown values, over the whole system in exact integers")
	if f.status == Fail {
		f.status = Block
	}
	return f
}

func feasibility(s *state) finding {
	a := s.audited()
	if a.done && !a.withMeasure && !a.nothing {
		return finding{status: NotApplicable, zh: "隐藏的只有个体数，见 C23。", en: "only numbers of units are hidden: see C23"}
	}
	f := s.audits(a, a.interval, nil, "有的隐藏数值可被估计到保护幅度以内。", "some hidden values can be estimated within their protection level",
		"每个隐藏数值的可行区间都宽于保护幅度。", "the feasible interval of every hidden value is wider than its protection level")
	if !a.done || a.nothing || f.status != Pass || a.minimality.Verdict == suppress.Pass {
		return f
	}
	zh, en := "知道隐藏规则的人能否由隐藏的选择得知更多，没有另作证明。", "whether the choice of hidden cells tells more to one who knows the rule of the choice was not shown"
	f.evidence["rule_known"] = 0
	if a.ours {
		f.status, f.zh, f.en = Review, zh, en
		return f
	}
	f.zh, f.en = f.zh+zh, f.en+"; "+en
	return f
}

func natural(s *state) finding {
	a := s.audited()
	return s.audits(a, a.natural, nil, "有的隐藏个体数的可能取值过少。", "some hidden numbers of units can take too few values",
		"每个隐藏的个体数都有足够宽的整数取值范围。", "every hidden number of units can lie in a wide enough range of integers")
}

func unions(s *state) finding {
	a := s.audited()
	return s.audits(a, a.union, nil, "有的行列中隐藏部分之和被主导，或个体过少。", "the hidden part of some lines, whose sum everybody knows, is dominated or of too few units",
		"每一行列隐藏部分之和均不被主导，个体足够。", "the hidden part of no line is dominated or of too few units")
}

// audits turns one finding of the audit into a check's.
func (s *state) audits(a *audit, v suppress.Finding, places []Place, failZH, failEN, passZH, passEN string) finding {
	f := finding{nextZH: "用 --out 取得补充了次级隐藏的表", nextEN: "take the table that --out writes: more cells are hidden in it for the sake of these"}
	switch {
	case !a.done:
		f.status, f.zh, f.en = Review, a.whyZH+"。", a.whyEN
		f.nextZH, f.nextEN = "补全证据，或给出微观数据", "complete the evidence, or give microdata"
	case a.nothing:
		f.status, f.zh, f.en = Pass, "没有隐藏的数值。", "no value is hidden"
	case v.Verdict == suppress.Pass:
		f.status, f.zh, f.en = Pass, passZH, passEN
	case v.Verdict == suppress.Fail:
		f.status, f.zh, f.en = Fail, failZH, failEN
		f.places = places
	default:
		f.status, f.zh, f.en = Review, "在工作量限额内未能判定，或数值可为负。", "not decided within the work bound, or values may be negative"
		f.nextZH, f.nextEN = "由审核员判断；归并代码或减少维度后较易判定", "for the checker; with merged codes or fewer dims it is easier to decide"
	}
	if a.done && !a.nothing {
		f.evidence = map[string]int64{"looked_at": int64(v.Items), "failed": int64(v.Failed), "unknown": int64(v.Unknown)}
	}
	return f
}

// declared is what the spec says of earlier outputs, where none were given.
func (s *state) declared() (finding, bool) {
	if len(s.c.Earlier) > 0 {
		return finding{}, false
	}
	if s.c.Spec.Context.Earlier == sheet.EarlierNone {
		return finding{status: NotApplicable, zh: "申请人声明：这是这些数据的第一份输出。", en: "it is declared to be the first output of these data"}, true
	}
	return finding{
		status: Review, zh: "没有给出既往的表，无从比对。", en: "no earlier tables were given, so nothing was compared",
		nextZH: "用 --earlier 给出同一数据的全部既往表；没有的话在说明文件写 context.earlier: none", nextEN: "give all earlier tables of the same data with --earlier; if there are none, say context.earlier: none in the spec",
	}, true
}

// unlisted makes a pass a review where it is not said that all earlier tables
// were given.
func (s *state) unlisted(f finding) finding {
	if f.status == Pass && s.c.Spec.Context.Earlier != sheet.EarlierListed {
		f.status = Review
		f.zh += "是否还有其他既往输出，没有声明。"
		f.en += "; whether there were other outputs was not declared"
		f.nextZH, f.nextEN = "给齐后在说明文件写 context.earlier: listed", "when all were given, say context.earlier: listed in the spec"
	}
	return f
}

func pairwise(s *state) finding {
	if f, ok := s.declared(); ok {
		return f
	}
	d := s.differs()
	f := finding{status: Pass, zh: "与既往各表逐对比较，没有相差过少的单位集合。", en: "no set of units of the table and one of an earlier table differ by too few"}
	switch {
	case !d.known:
		f.status, f.zh, f.en = Review, "不知道各格由哪些单位组成，无法比较。", "which units stand in which cells is not known"
		f.nextZH, f.nextEN = "给出微观数据（--micro）", "give microdata (--micro)"
	case len(d.pairs) > 0:
		f.status, f.zh, f.en, f.places = Block, "与既往的表相减，可得极少数单位的数值。", "subtracting from an earlier table gives the value of very few units", d.pairs
	case len(d.near) > 0:
		f.status, f.zh, f.en, f.places = Review, "与既往的表相比，有的集合互有少量不同的单位。", "some sets differ from those of an earlier table by few units, both ways", d.near
	}
	if f.nextZH == "" {
		f.nextZH, f.nextEN = "沿用既往表的代码和范围，或撤下这些单元格", "keep to the earlier table's codes and population, or withdraw these cells"
	}
	return s.unlisted(f)
}

func rowSpace(s *state) finding {
	if f, ok := s.declared(); ok {
		return f
	}
	d := s.differs()
	f := finding{status: Pass, zh: "全部各表所示数值的线性组合都得不出极少数单位。", en: "no combination of all that the tables show gives the value of very few units"}
	switch {
	case !d.known || !d.spanned:
		f.status, f.zh, f.en = Review, "单位的类别不知道或太多，未作检验。", "the classes of units are not known, or too many for the test"
		f.nextZH, f.nextEN = "给出微观数据，或减少单元格", "give microdata, or show fewer cells"
	case len(d.span) > 0:
		f.status, f.zh, f.en, f.places = Block, "由几张表的数值组合，可得极少数单位的数值。", "a combination of several tables gives the value of very few units", d.span
		f.nextZH, f.nextEN = "隐藏这些单元格，或撤下一个边际", "hide these cells, or withdraw a margin"
	}
	return s.unlisted(f)
}

func series(s *state) finding {
	if f, ok := s.declared(); ok {
		return f
	}
	d := s.differs()
	f := finding{status: Pass, zh: "同一单元格与既往的值没有少量变化；不同分组的比较见 C25。", en: "no cell differs from its earlier value by few units; other groupings are C25's"}
	if len(d.vintage) > 0 {
		f.status, f.zh, f.en, f.places = Fail, "同一单元格与既往的值相差极少数单位，可推出变动者。", "some cells differ from their earlier value by very few units, which tells of those who came or went", d.vintage
		f.nextZH, f.nextEN = "按同一基数取整，或不再发布变动过小的单元格", "round to one base, or leave out cells that hardly changed"
	}
	return s.unlisted(f)
}

func duplicates(s *state) finding {
	if f, ok := s.declared(); ok {
		return f
	}
	d := s.differs()
	switch {
	case len(d.repeats) > 0:
		return finding{
			status: Block, zh: "同一结果已以另一种取整发布：" + list(d.repeats) + "；两份合用可去除取整。", en: "the same result came out otherwise rounded: " + list(d.repeats) + "; both together undo the rounding",
			nextZH: "引用既往的表，不另发布", nextEN: "refer to the earlier table instead",
		}
	case len(d.same) > 0:
		return finding{
			status: Review, zh: "与既往的表所示数值完全相同：" + list(d.same) + "。", en: "an earlier table shows the same values: " + list(d.same),
			nextZH: "同一结果只发布一次：引用既往的表", nextEN: "an identical result is released once: refer to the earlier table",
		}
	}
	return s.unlisted(finding{status: Pass, zh: "既往的表中没有同一结果。", en: "no earlier table shows the same result"})
}

func grade(s *state) finding {
	units := int64(0)
	for _, c := range s.c.Facts.Cells[0] {
		units = max(units, c.N)
	}
	var grades []int
	if s.c.Spec.Grade > 0 {
		grades = []int{s.c.Spec.Grade}
	}
	f := from(evidence.Graded(grades, units, s.p), nil, "在说明文件写明 grade（来源级别）和 context.derived（主管部门评定的结果级别）", "say grade (of the source) and context.derived (of the result, as the bureau set it) in the spec")
	if s.c.Spec.Context.Derived == "general" && s.c.Spec.Grade > 0 && f.evidence["scale"] == 0 {
		f.status, f.zh, f.en = Pass, "主管部门评定结果为一般数据（见说明文件）。", "the bureau graded the result as general data (see the spec)"
	}
	return f
}

func context(s *state) finding {
	c := s.c.Spec.Context
	var zh, en []string
	for _, x := range []struct{ value, zh, en string }{
		{c.Population, "总体 population", "population"}, {c.Variables, "变量 variables", "variables"}, {c.Purpose, "用途 purpose", "purpose"}, {c.Earlier, "与既往输出的关系 earlier", "earlier"},
	} {
		if x.value == "" {
			zh, en = append(zh, x.zh), append(en, x.en)
		}
	}
	if s.countFigure() < 0 {
		zh, en = append(zh, "个体数 n"), append(en, "n")
	}
	if len(zh) > 0 {
		return finding{
			status: Review, zh: "没有说明：" + strings.Join(zh, "、") + "。", en: "not said: " + strings.Join(en, ", "),
			nextZH: "在说明文件的 context 中写明", nextEN: "say it in the spec's context",
		}
	}
	return finding{status: Pass, zh: "总体、变量、用途、与既往输出的关系和个体数齐备，由申请人声明。", en: "population, variables, purpose, relation to earlier outputs and n are all there, as declared"}
}
