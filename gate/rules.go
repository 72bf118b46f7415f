package gate

import (
	"slices"

	"github.com/yunei/yunei/jobs"
)

// facts are what the rules look at: the terms, which are public to those who
// read a record, and what can be counted in the candidate.
type facts struct {
	terms  jobs.Terms
	cells  int
	hidden int
	lines  int // rows or columns of which one shown cell has nine tenths
}

func gather(terms jobs.Terms, c jobs.Candidate) facts {
	f := facts{terms: terms, cells: len(c.Cells)}
	for _, cell := range c.Cells {
		if cell == nil {
			f.hidden++
		}
	}
	if c.Mode == jobs.SDC {
		f.lines = uneven(c)
	}
	return f
}

// uneven counts the lines of the table (all codes of one dim, the others held)
// in which one cell has at least 90 % of the units that are shown.
func uneven(c jobs.Candidate) int {
	lines, stride := 0, 1
	for _, d := range slices.Backward(c.Dims) {
		size := len(d.Codes)
		for first := range c.Cells {
			if first/stride%size != 0 || size == 1 {
				continue
			}
			sum, most := int64(0), int64(0)
			for k := range size {
				if cell := c.Cells[first+k*stride]; cell != nil {
					sum += cell[0]
					most = max(most, cell[0])
				}
			}
			if sum > 0 && most >= sum-sum/10 {
				lines++
			}
		}
		stride *= size
	}
	return lines
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
	// In mode dp nothing that depends on exact data may decide.
	noisy = always(NotApplicable, "差分隐私模式：不得依据精确数据作出判断。", "mode dp: nothing may be decided on exact data")
	// What a cube of sums does not have.
	sumsOnly = always(NotApplicable, "输出只含封闭表格中的计数与合计，没有此类统计量。", "the output is counts and sums over a closed table and has no such statistic")
	// What only a register of earlier contributions could tell.
	noRegister = always(NotPerformed, "本版本不保存历次贡献登记，未与既往发布结果比对。", "this version keeps no register of earlier contributions; the candidate was not compared with earlier releases")
	accountant = always(NotApplicable, "差分隐私模式：由预算记账代替差分攻击检查。", "mode dp: the accountant takes the place of tests for differencing")
	noAudit    = always(NotPerformed, "本版本不对隐藏单元格作区间审计。", "this version does not audit the intervals of hidden cells")
)

// rules are the checks C01 to C36, all of them, in their order.
var rules = []rule{
	{"C01", "schema-conformance", schema, schema},
	{"C02", "canonical-form", canonical, canonical},
	{"C03", "size-limits", size, size},
	{"C04", "direct-identifier", identifiers, identifiers},
	{"C05", "unit-threshold", threshold, noisy},
	{"C06", "record-vs-unit", holdings, holdings},
	{"C07", "p-percent", dominance, noisy},
	{"C08", "nk-dominance", dominance, noisy},
	{"C09", "negatives", negatives, noisy},
	{"C10", "all-same-values", always(NotPerformed, "本版本不核查单元格内数值是否全部相同。", "this version does not look whether all values of a cell are the same"), noisy},
	{"C11", "class-disclosure", class, noisy},
	{"C12", "within-group", margins, noisy},
	{"C13", "extremes", sumsOnly, sumsOnly},
	{"C14", "hist-bins", always(Pass, "分组边界取自读取数据之前签署的代码表，所示各组均达到门槛。", "the edges are code lists signed before data were read, and every shown bin met the threshold"), noisy},
	{"C15", "dof", sumsOnly, sumsOnly},
	{"C16", "saturated-outputs", sumsOnly, sumsOnly},
	{"C17", "survival-steps", sumsOnly, sumsOnly},
	{"C18", "ratio-recoverability", ratios, ratios},
	{"C19", "mean-with-perturbed-count", ratios, ratios},
	{"C20", "complementary", margins, noisy},
	{"C21", "exact-recovery", recovery, noisy},
	{"C22", "feasibility-audit", noAudit, noisy},
	{"C23", "natural-number-audit", noAudit, noisy},
	{"C24", "union-dominance", dominance, noisy},
	{"C25", "pairwise-differencing", noRegister, accountant},
	{"C26", "row-space", noRegister, accountant},
	{"C27", "nested-series", noRegister, accountant},
	{"C28", "duplicate-release", noRegister, always(NotApplicable, "差分隐私模式：重复查询重新抽取噪声并再次计费。", "mode dp: a repeat is a new draw and is charged again")},
	{"C29", "rounding-consistency", rounding, always(NotApplicable, "差分隐私模式：数值不取整。", "mode dp: values are not rounded")},
	{"C30", "record-like", always(NotApplicable, "输出不含逐条记录，每行是封闭表格的一个单元格。", "no row of the output is a record; each is a cell of a closed table"), always(NotApplicable, "输出不含逐条记录，每行是封闭表格的一个单元格。", "no row of the output is a record; each is a cell of a closed table")},
	{"C31", "bit-budget", always(NotPerformed, "本版本不记比特预算；未经审阅的程序不得以本模式运行。", "this version keeps no budget of bits; a program without review does not run in this mode"), always(NotApplicable, "差分隐私模式：由 ε 限定。", "mode dp: epsilon bounds it")},
	{"C32", "sensitivity-rerun", always(NotPerformed, "本版本不在剔除数据后重跑程序。", "this version does not run the program again on data left out"), noisy},
	{"C33", "dp-budget", always(NotApplicable, "统计披露控制模式不消耗预算。", "mode sdc spends no budget"), budget},
	{"C34", "dp-arithmetic", always(NotApplicable, "统计披露控制模式不加噪声。", "mode sdc adds no noise"), always(Review, "全部数值为整数且在界内；噪声在各数据域抽取，闸门看不到抽取过程。", "all values are integers within their bounds; noise is drawn in the domains, where the gate cannot see it")},
	{"C35", "grade-of-output", grade, grade},
	{"C36", "context", context, context},
}

var (
	identifiers = always(Pass, "标题、代码和标签均来自各方签署的条款，未发现直接标识符；数值为整数。", "all texts come from the signed terms and hold no direct identifier; values are integers")
	ratios      = always(Pass, "均值和比率只由候选结果中的数值算出，不另含信息。", "means and ratios are computed from the candidate's own values and tell nothing beyond them")
	grade       = always(NotPerformed, "未评定结果数据的级别，由主管部门判断。", "the grade of the derived data was not determined; the bureau decides")
	context     = always(Review, "总体、变量及与既往结果的关系由审核员核对。", "population, variables and the relation to earlier outputs are for the output checkers")
	dominance   = always(NotPerformed, "本版本不在数据域内计算集中度。", "this version evaluates no dominance in the domains")
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
		parameters: map[string]int64{"cells": jobs.MaxCells, "table_bytes": maxTable},
		evidence:   map[string]int64{"cells": int64(f.cells)},
	}
}

// threshold passes only where the units are all there is to show: the host
// counts the units that touch a cell, and not those that gave a value for one
// of its measures.
func threshold(f facts) finding {
	out := finding{
		status: Pass, zh: "每个数据域标记了自身个体数不足门槛的单元格，被标记的均未展示。", en: "each domain flagged the cells in which it has units, but fewer than the threshold; none of them is shown",
		parameters: map[string]int64{"threshold": f.terms.Threshold},
		evidence:   map[string]int64{"cells": int64(f.cells), "hidden": int64(f.hidden)},
	}
	if len(f.terms.Shape.Measures) > 0 {
		out.status = Review
		out.zh += "门槛按涉及单元格的个体计，不按每项有值的个体计，由程序审阅人负责。"
		out.en += "; it counts the units that touch a cell, not those with a value for each measure: the program's review answers for that"
	}
	return out
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
			return finding{status: Review, zh: "有的测度可为负，相互抵消可能掩盖集中。", en: "a measure may be negative, and cancellation can hide dominance"}
		}
	}
	return finding{status: Pass, zh: "各测度均不为负。", en: "no measure can be negative"}
}

func class(f facts) finding {
	out := finding{
		status: Pass, zh: "没有一行或一列的九成集中于一个单元格。", en: "no line of the table has nine tenths in one cell",
		parameters: map[string]int64{"percent": 90}, evidence: map[string]int64{"lines": int64(f.lines)},
	}
	if f.lines > 0 {
		out.status = Review
		out.zh, out.en = "有的行或列九成以上集中于一个单元格，可推断整组属性。", "some lines of the table have nine tenths or more in one cell, which tells something of the whole group"
	}
	return out
}

// overlapping reports whether a code list may hold totals of others: only a
// unit that touches several cells can be in a cell and in its total.
func (f facts) overlapping() bool { return f.terms.Shape.L0 > 1 }

func margins(f facts) finding {
	if f.overlapping() {
		return finding{status: Review, zh: "不发布合计，但一个个体可涉及多个单元格，代码表中可能含有合计项。", en: "no totals are released, but a unit may stand in several cells, so a code list may hold totals", parameters: map[string]int64{"l0": int64(f.terms.Shape.L0)}}
	}
	return finding{status: Pass, zh: "不发布合计，每个域中一个个体只在一个单元格。", en: "no totals are released, and a unit stands in one cell of each domain"}
}

func recovery(f facts) finding {
	if f.overlapping() || len(f.terms.Shape.Measures) > 1 {
		return finding{status: NotPerformed, zh: "单元格可重叠或有多项测度，本版本不作秩检验。", en: "cells may overlap or there are several measures; this version makes no rank test"}
	}
	return finding{status: Pass, zh: "同一候选结果内各单元格互不相交，所示数值的线性组合不含未展示的单元格；与既往结果的关系见 C25、C26。", en: "within this candidate cells do not overlap, so no combination of shown values holds a hidden cell; earlier releases are C25's and C26's"}
}

func rounding(facts) finding {
	return finding{status: Pass, zh: "每项只用一个基数，不发布合计。", en: "one base a figure, and no totals"}
}

func budget(f facts) finding {
	return finding{
		status: NotPerformed, zh: "闸门看不到预算账；各数据域在读取数据之前在自己的账中扣减，并写入其确认书。", en: "the gate sees no budget: each domain debits its own journal before it reads data, and says so in its confirmation",
		parameters: map[string]int64{"members": int64(len(f.terms.Members))},
	}
}
