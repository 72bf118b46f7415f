package gate

import (
	"fmt"

	"github.com/yunei/yunei/jobs"
)

// Of a join (jobs.Join) the gate is the only one that sees what came out, and
// there is no domain to flag a cell: a site does not know who of its people
// matched. So a cell is judged by its own count of people, at least the threshold,
// and by totals that so many people can have; what only one who sees the
// values could check, dominance above all, is not performed and says so.

// joinFindings are the rules that a join answers otherwise than a sum of
// domains does.
var joinFindings = map[string]func(facts) finding{
	"C04": identifiersInTexts, // no domain holds texts against its own columns
	"C05": joinThreshold,
	"C07": joinUnseen("C07"),
	"C08": joinUnseen("C08"),
	"C10": joinUnseen("C10"),
	"C09": joinNegatives,
	"C11": joinGroup,
	"C25": joinAgain,
	"C26": joinAgain,
	"C27": joinAgain,
	"C31": always(Pass, "查询由条款声明，由各数据域的主机执行，没有来宾程序。", "the query is declared in the terms and evaluated by the domains' hosts; there is no guest program"),
	"C32": always(Pass, "查询由主机逐人计算：剔除任何人只减去其自身的一行。", "the hosts evaluate the query person by person: leaving one out takes away that person's own row and nothing else"),
}

// joinRule is how the rule of that number judges the facts.
func joinRule(r rule, f facts) func(facts) finding {
	if own, ok := joinFindings[r.id]; ok && f.terms.Join != nil {
		return own
	}
	if f.c.Mode.Noisy() {
		return r.dp
	}
	return r.sdc
}

func joinThreshold(f facts) finding {
	return finding{
		status: Pass, zh: "闸门直接清点两方共有的人数：所示单元格均达到门槛；为零或未达门槛的单元格连同其合计值一并不展示。",
		en:         "the gate counted the people in both sets itself: a shown cell has at least the threshold, and of one with fewer, or with nobody, no total is shown either",
		parameters: f.p.Values("C05"),
		evidence:   map[string]int64{"cells": int64(f.c.Items()), "hidden": int64(f.hidden())},
	}
}

// joinGroup fails a result that tells that nearly everybody of the smaller set is
// in the other: what it tells of a group it tells of each.
func joinGroup(f facts) finding {
	shown := int64(0)
	for _, c := range f.c.Cells {
		if c != nil {
			shown += c[0]
		}
	}
	smaller := int64(min(f.terms.Join.A.Size, f.terms.Join.B.Size))
	out := finding{status: Pass, zh: "较小一方的集合中，未示为共有的人数不少于门槛。", en: "of the smaller set, at least the threshold are not shown to be in both", parameters: f.p.Values("C05")}
	if smaller-shown < f.terms.Threshold {
		out.status, out.zh, out.en = Fail, "结果表明较小一方的集合几乎全部在另一方之中：对群体的披露即是对其中每一个人的披露。", "the result tells that nearly everybody of the smaller set is in the other: what is told of a group is told of each in it"
	}
	return out
}

// joinUnseen is a check that needs the values of single people, which nobody
// sees beside who matched.
func joinUnseen(check string) func(facts) finding {
	return func(f facts) finding {
		if len(f.terms.Shape.Measures) == 0 {
			return finding{status: NotApplicable, zh: "只有人数，没有数值可供主导。", en: "there are counts only, and no value that could dominate"}
		}
		return finding{
			status: NotPerformed, zh: "未执行：没有任何一方同时看到个人的数值和谁在两方之中，因此无法核查集中程度；每人的数值不超过条款所列界限。请审核员据此判断。",
			en:         "not performed: nobody sees a person's value beside who is in both sets, so that concentration cannot be looked at; each value is within the bounds of the terms. It is for the output checkers",
			parameters: f.p.Values(check),
		}
	}
}

func joinNegatives(f facts) finding {
	out := negatives(f)
	if out.status == Review {
		out.zh, out.en = "有的测度可为负，相互抵消可能掩盖集中；隐私求交中无法核查。", "a measure may be negative, and cancellation can hide dominance, which a join cannot look at"
	}
	return out
}

func joinAgain(facts) finding {
	return finding{
		status: Review, zh: "同一对数据集只按完全相同的查询求交（版本、数据项、界限、单元格均相同），否则各数据域在读取前即拒绝；与这两个数据集的其他发布结果未作比对。",
		en: "two datasets are joined by one and the same query only (versions, columns, bounds and cells), and each domain refuses any other before it reads; it was not compared with other releases of either dataset",
	}
}

// readJoin puts a join's vector in its place: nothing is flagged but by the
// gate's own doubts, and what is hidden is audited as any table.
func (v *vector) readJoin(wild []bool, threshold int64) {
	v.flags = make([]int64, len(v.lists))
	v.doubt(wild, threshold)
	// A cell with nobody is told by "nobody" from one with few: the second domain
	// knows who could be in it.
	for i := range v.odd {
		v.odd[i] = v.odd[i] || v.value(0, i) == 0
	}
}

// joinStatements are the sentences of a join: who learns what, and by whose
// honesty.
func joinStatements(terms jobs.Terms, threshold int64) []jobs.Statement {
	a, b := terms.Members[0], terms.Members[1]
	all := []jobs.Statement{
		{
			ZH: fmt.Sprintf("本结果由数据域 %s 与 %s 按标识号隐私求交得出：双方及平台均不知道哪些人同时在两方之中；双方互知对方登记的人数（%d 与 %d），并得知本结果。", a.Domain, b.Domain, terms.Join.A.Size, terms.Join.B.Size),
			EN: fmt.Sprintf("This is of a private join of domains %s and %s by identifier: neither domain nor the platform learns who is in both; each knows how many the other registered (%d and %d), and learns this result.", a.Domain, b.Domain, terms.Join.A.Size, terms.Join.B.Size),
		},
		{
			ZH: fmt.Sprintf("密钥托管方得知各单元格的确切共有人数，不知道合计值；共有人数少于 %d 时整个运行只答复“共有人数过少”。", terms.Threshold),
			EN: fmt.Sprintf("The trustees learn exactly how many are in both, cell by cell, and no total; with fewer than %d in both, the whole run says that and nothing else.", terms.Threshold),
		},
		{
			ZH: fmt.Sprintf("所示单元格中共有人数不少于 %d；其余单元格（包括无人的）一律记作“%s”。数值按各项统一的基数取整。未核查合计值是否由少数人主导：某项数值来自哪个数据域，该域知道每个人的数值，就可能由合计推断其中个别人是否同时在两方。", threshold, jobs.Hidden),
			EN: fmt.Sprintf("A shown cell has at least %d people; every other, of nobody too, is %q. Values are rounded to multiples of a figure's one base. Whether few people dominate a total was not looked at: the domain that a figure comes from knows each person's, and may infer from the total whether some one of them is in both.", threshold, jobs.Hidden),
		},
		{
			ZH: "对方数据域无法核验一方送入的号码确为其登记的集合：这取决于各方域节点程序如实运行。",
			EN: "That the numbers which a domain sent in are the set that it registered cannot be checked by the other: it rests on the honesty of each site's program.",
		},
		{
			ZH: "本结果采用统计披露控制，不是差分隐私；同一对数据集只以这一查询求交。",
			EN: "This is statistical disclosure control and not differential privacy; the two datasets are joined by this one query only.",
		},
	}
	if !terms.Gate.ConfidentialAgainstHost() {
		all = append(all, jobs.Statement{
			ZH: fmt.Sprintf("本结果的闸门运行在对管理员不保密的主机上（证据类型 %s），主管部门系统管理员可读取确切的共有人数与合计值。", terms.Gate.Evidence),
			EN: fmt.Sprintf("The gate ran on a host that is not closed to its administrator (evidence: %s): the bureau's administrator could read the exact counts and totals.", terms.Gate.Evidence),
		})
	}
	return all
}
