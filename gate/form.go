package gate

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/jobs"
)

// The delta at which a run's epsilon is stated.
const (
	delta     = 1e-6
	deltaText = "1e-6"
)

// form is a candidate without cells: all of it follows from the terms.
func form(terms jobs.Terms) (jobs.Candidate, error) {
	c := jobs.Candidate{
		Format: jobs.CandidateFormat, Terms: terms.Digest(), Mode: terms.Mode,
		Title: title(terms.Shape), Namespace: terms.Shape.Namespace,
	}
	for _, d := range terms.Shape.Dims {
		c.Dims = append(c.Dims, shown(d))
	}
	for _, m := range terms.Shape.All() {
		c.Figures = append(c.Figures, figure(terms, m))
	}
	for k, keep := range terms.Shape.Margins {
		c.Margins = append(c.Margins, margin(terms, k, keep))
	}
	if terms.Mode.Noisy() {
		p, err := privacy(terms)
		if err != nil {
			return jobs.Candidate{}, err
		}
		c.Privacy = p
	}
	p, err := Rules(terms)
	if err != nil {
		return jobs.Candidate{}, err
	}
	c.Statements = statements(terms, p.Threshold, c.Privacy)
	return c, nil
}

// margin is the k-th margin without cells. In noisy modes it is the sum of
// noisy cells, so that it costs nothing, and its spread is theirs together.
func margin(terms jobs.Terms, k int, keep []string) jobs.Margin {
	m := jobs.Margin{Dims: append([]string{}, keep...)}
	if terms.Mode == jobs.SDC {
		return m
	}
	cells := terms.Shape.Cells() / terms.Shape.Margin(k).Cells()
	for _, measure := range terms.Shape.All() {
		m.Figures = append(m.Figures, spread(jobs.Figure{Name: measure.Name, Title: titleOf(measure)}, measure, cells*len(terms.Members)))
	}
	return m
}

// figure says how a measure is shown. In noisy modes each member's noise is in
// the sum, so the variances add up.
func figure(terms jobs.Terms, m jobs.Measure) jobs.Figure {
	f := jobs.Figure{Name: m.Name, Title: titleOf(m)}
	if terms.Mode == jobs.SDC {
		f.Round = m.Round
		return f
	}
	return spread(f, m, len(terms.Members))
}

// spread is a figure with the noise of so many draws.
func spread(f jobs.Figure, m jobs.Measure, draws int) jobs.Figure {
	v := new(big.Int).SetUint64(m.Sigma)
	return f.WithVariance(v.Mul(v, big.NewInt(int64(draws))))
}

func privacy(terms jobs.Terms) (*jobs.Privacy, error) {
	rho, err := terms.Rho()
	if err != nil {
		return nil, err
	}
	eps, err := noise.EpsDelta(rho, delta)
	if err != nil {
		return nil, err
	}
	return &jobs.Privacy{Rho: rho.RatString(), Epsilon: eps, Delta: deltaText}, nil
}

// title is "FIGURES (按 DIMS)", of at most three figures.
func title(s jobs.Shape) string {
	const most = 3
	var figures, dims []string
	for i, m := range s.All() {
		if i == most {
			figures[most-1] += "等"
			break
		}
		figures = append(figures, titleOf(m))
	}
	for _, d := range s.Dims {
		dims = append(dims, shown(d).Title)
	}
	t := []rune(strings.Join(figures, "、") + "（按" + strings.Join(dims, "、") + "）")
	if len(t) > 200 {
		t = append(t[:199], '…')
	}
	return string(t)
}

var namespaces = map[string]jobs.Statement{
	jobs.NaturalPerson: {ZH: "自然人", EN: "natural person"},
	jobs.LegalPerson:   {ZH: "法人", EN: "legal person"},
	jobs.Row:           {ZH: "记录", EN: "record"},
}

// statements are the sentences that go out with the figures: what they
// promise, and what they do not.
func statements(terms jobs.Terms, threshold int64, p *jobs.Privacy) []jobs.Statement {
	var all []jobs.Statement
	switch {
	case terms.Join != nil:
		all = joinStatements(terms, threshold)
	case terms.Mode == jobs.SDC:
		all = sdcStatements(terms, threshold)
	default:
		all = dpStatements(terms, threshold, p)
	}
	if terms.Proved() {
		all = append(all, terms.ProtectionWords())
	}
	if s, ok := subtraction(len(terms.Members)); ok && terms.Join == nil {
		all = append(all, s)
	}
	if terms.Shape.Namespace == jobs.Row {
		all = append(all, jobs.Statement{
			ZH: "受保护的单位是记录而不是人：一人有多条记录的，每条分别计算。",
			EN: "The unit that is protected is a record and not a person: each of a person's records counts for itself.",
		})
	}
	return append(all, jobs.Statement{
		ZH: "所附证明说明程序合规、内容完整，不说明各数据域提供的原始数据属实。",
		EN: "The attached evidence speaks for the procedure and the integrity of this result, not for the truth of the domains' data.",
	})
}

func sdcStatements(terms jobs.Terms, threshold int64) []jobs.Statement {
	all := []jobs.Statement{
		{
			ZH: "各项数值按该项统一的基数取整，恰为一半时向远离零的方向取整；零仍为零。",
			EN: "The values of a figure are rounded to multiples of its one base, halves away from zero; zero stays zero.",
		},
		{
			ZH: fmt.Sprintf("所示单元格中，每个数据域或者没有个体，或者不少于 %d 个且不由少数个体主导；未展示的单元格一律记作“%s”，不说明原因。", threshold, jobs.Hidden),
			EN: fmt.Sprintf("In a shown cell each domain has no unit or at least %d of which few do not dominate it; every cell that is not shown is %q, for whatever reason.", threshold, jobs.Hidden),
		},
		{
			ZH: "合计单独取整，与各单元格取整值之和可能不等。每个数据域都已将本结果与自己此前参与的全部发布逐一比对。",
			EN: "Totals are rounded by themselves and may differ from the sum of rounded cells. Each domain has compared this result with every earlier release that it took part in.",
		},
		{
			ZH: "本结果采用统计披露控制，不是差分隐私；程序源代码经具名审阅。",
			EN: "This is statistical disclosure control and not differential privacy; the program's source was reviewed by a named party.",
		},
	}
	if !terms.Gate.ConfidentialAgainstHost() {
		all = append(all, jobs.Statement{
			ZH: fmt.Sprintf("本结果的闸门运行在对管理员不保密的主机上（证据类型 %s），主管部门系统管理员可读取精确合计值。", terms.Gate.Evidence),
			EN: fmt.Sprintf("The gate ran on a host that is not closed to its administrator (evidence: %s): the bureau's administrator could read the exact sum.", terms.Gate.Evidence),
		})
	}
	return all
}

func dpStatements(terms jobs.Terms, threshold int64, p *jobs.Privacy) []jobs.Statement {
	unit := namespaces[terms.Shape.Namespace]
	all := []jobs.Statement{
		{
			ZH: "全部单元格均已展示，数值含各数据域加入的离散高斯噪声，可能为负；真值以约 95% 的把握位于数值加减所列半宽之内。",
			EN: "Every cell is shown, with the discrete Gaussian noise that each domain added; values may be negative, and a true value lies within the stated half-width with some 95 % confidence.",
		},
		{
			ZH: fmt.Sprintf("本次运行满足差分隐私，ε = %s，δ = %s：受保护的是一个%s标识在全部成员数据域中的所有记录存在与否。", p.Epsilon, p.Delta, unit.ZH),
			EN: fmt.Sprintf("This run is differentially private with epsilon %s at delta %s: what is protected is whether all records of one key of a %s, in all member domains, are there or not.", p.Epsilon, p.Delta, unit.EN),
		},
		{
			ZH: "该保证以一个标识为单位：同一主体有 j 个标识的，偏差可达 j 倍。",
			EN: "The guarantee is for one key: who has j of them can move the figures j times as far.",
		},
		{
			ZH: fmt.Sprintf("ε 之外：每个数据域的结果只在授权凭据规定的 %d 个时段之一出现，合计至多透露 %.1f 比特，每次域内复算同此；意外事件另计。", terms.Due.Count, terms.SlotBits()),
			EN: fmt.Sprintf("Outside epsilon: each domain's part appears at one of the permit's %d slots, which tell at most %.1f bits together, and as many again if the run is replayed; and incidents.", terms.Due.Count, terms.SlotBits()),
		},
	}
	if terms.Mode == jobs.Both {
		all[0] = jobs.Statement{
			ZH: fmt.Sprintf("数值含各数据域加入的离散高斯噪声，可能为负；真值以约 95%% 的把握位于数值加减所列半宽之内。加噪个体数明显不足 %d 的单元格记作“%s”，仅由加噪后的数值决定。", threshold, jobs.Hidden),
			EN: fmt.Sprintf("Values have the discrete Gaussian noise that each domain added and may be negative; a true value lies within the stated half-width with some 95 %% confidence. Cells whose noisy count is not clearly %d or more are %q, which their noisy values alone decide.", threshold, jobs.Hidden),
		}
	}
	all = append(all, honest(terms))
	if k := terms.Shape.Grouping.Blocks; k > 0 {
		all = append(all, jobs.Statement{
			ZH: fmt.Sprintf("程序以黑箱方式分别在 %d 个数据块上运行；“%s”一项是作答的块数，不是个体数，没有个体数可供核对。", k, terms.Shape.Units.Title),
			EN: fmt.Sprintf("The program ran as a black box on %d blocks; the figure of units counts the blocks that answered and not units, of which there is no evidence.", k),
		})
	}
	return all
}

// honest says whose noise the guarantee counts on.
func honest(terms jobs.Terms) jobs.Statement {
	n, m := len(terms.Members), terms.Honest()
	return jobs.Statement{
		ZH: fmt.Sprintf("%d 个数据域都加噪声，上述保证只依赖其中任意 %d 个如实加入。", n, m),
		EN: fmt.Sprintf("All of %d domains add noise; the guarantee counts on that of any %d of them.", n, m),
	}
}

// subtraction says what members can do to one another (Promise 3).
func subtraction(members int) (jobs.Statement, bool) {
	switch members {
	case 1:
		return jobs.Statement{}, false
	case 2:
		return jobs.Statement{
			ZH: "本结果仅含两个数据域，任何一方都可以减去自己的部分而得到另一方的部分（含另一方的取整或噪声）。",
			EN: "With two domains, each could subtract its own part and be left with the other's, as rounded or noisy as it is.",
		}, true
	}
	return jobs.Statement{
		ZH: "除一个数据域外其余各域串通时，可以减去自己的部分而得到该域的部分（含取整或噪声）。",
		EN: "All domains but one, together, could subtract their parts and be left with that one's, as rounded or noisy as it is.",
	}, true
}
