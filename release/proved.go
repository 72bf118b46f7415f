package release

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
)

// What a bundle of protection prio3 (jobs.Prio3) has in place of ciphertexts, their
// sum and a quorum's answers: the list of the reports, and what the two aggregators
// have said of them.

// listed demands that the gate's list is of exactly the reports that the members
// revealed.
func (v *verification) listed(reveals []msg.Parts, sum msg.SumBody) error {
	list, err := v.view.Listed(reveals)
	if err != nil {
		return err
	}
	if !slices.Equal(list.Bytes(), sum.Parts.Bytes()) {
		return fmt.Errorf("the gate's list is not of the reports that were revealed: %w", fault.Tampered)
	}
	return v.inOrder(v.said(msg.Reveal, v.view.Sites()...), v.said(msg.Sum, v.terms.Gate.Name))
}

// aggregated demands that a quorum of trustees, and both aggregators among them,
// were ready for the gate's list before an answer was given about a report, and
// that both aggregators answered, claimed and gave their sums, in this order, about
// that list.
func (v *verification) aggregated() error {
	if !v.view.MayAggregate(v.round) {
		return fmt.Errorf("no quorum of trustees was ready, with both aggregators: %w", fault.Denied)
	}
	v.active = v.view.Aggregators()
	groups := [][]msg.Place{v.said(msg.Sum, v.terms.Gate.Name), v.said(msg.Ready, v.quorum()...)}
	for _, kind := range []receipt.Kind{msg.PrioPart, msg.PrioAnswer, msg.PrioClaim, msg.PrioSum} {
		for _, name := range v.active {
			if _, err := msg.ReadPrio(v.view, v.round, kind, name); err != nil {
				return err
			}
		}
		if kind == msg.PrioPart { // said when there was no sum yet
			if err := v.inOrder(v.said(msg.Receiver, v.terms.Gate.Name), v.said(kind, v.active...), v.said(msg.PrioAnswer, v.active...)); err != nil {
				return err
			}
			continue
		}
		groups = append(groups, v.said(kind, v.active...))
	}
	return v.inOrder(groups...)
}

// quorum are both aggregators and, to make a quorum, those that were ready first
// of the others.
func (v *verification) quorum() []string {
	at := func(name string) uint64 {
		r, _ := v.view.Receipt(v.round, msg.Ready, name)
		i, _ := v.view.Index(r.Digest())
		return i
	}
	names := slices.Clone(v.active)
	others := slices.DeleteFunc(v.view.ReadyFor(v.round), func(name string) bool { return slices.Contains(names, name) })
	slices.SortFunc(others, func(a, b string) int {
		if at(a) < at(b) {
			return -1
		}
		return 1
	})
	return append(names, others[:max(0, v.terms.Trustees.Quorum-len(names))]...)
}

// provedWords are what checks look at and prove of protection prio3, where that is
// something else.
var provedWords = map[string][2]Text{
	CheckKey: {
		{"本轮信箱", "the boxes"},
		{
			"每个密钥托管方都为本轮签名到场，两个聚合方的信箱公钥在其中。",
			"Every trustee has said, under its own signature, that it is there for this round, the two aggregators with the boxes that reports are sealed to.",
		},
	},
	CheckSet: {
		{"参与集合", "the set"},
		{
			"全体参与域先承诺各自的报告，再签署同一集合；域数不少于授权凭据规定的最少域数。",
			"All members committed to their reports, and then signed one and the same set of at least k_min domains.",
		},
	},
	CheckReveals: {
		{"报告公开", "the reveals"},
		{
			"集合签署之后，各域才公开其报告清单，且与先前的承诺一致。",
			"Only after the set was signed did each domain reveal its list of reports, and it opens its commitment.",
		},
	},
	CheckSum: {
		{"报告清单", "the list"},
		{
			"开启关口公布的待加清单，恰是各域公开的全部报告。",
			"The gate's list of what is to be added is of exactly the reports that all domains revealed.",
		},
	},
	CheckGate: {
		{"关口判定", "the gate's candidate"},
		{
			"授权凭据指定的关口签署了候选结果，结论为 pass、review（由审核员判断）或 fail（须有例外理由），不是 block，并绑定上述集合与报告清单。",
			"The permit's gate signed the candidate, bound to that set and that list of reports, as passed, as one for people to decide on, or as failed, which takes an exception; it did not block it.",
		},
	},
	CheckAnswers: {
		{"聚合方验证", "the aggregators"},
		{
			"达到门限数的密钥托管方（含两个聚合方）核验了关口证据和该清单之后，两个聚合方才逐份查验范围证明，声明接受全部域的报告，并各给出一次总和份额。",
			"After a quorum of trustees, both aggregators among them, had held the gate's evidence against the permit and that list against the reveals, the two aggregators answered about every proof, claimed that all domains' reports stand, and each gave its share of the sum, once.",
		},
	},
}

// words are a check's, of the protection that the terms name, or of a join.
func (v *verification) words(c check) (part, proves Text) {
	if w, ok := provedWords[c.name]; ok && v.terms.Proved() {
		return w[0], w[1]
	}
	if own, ok := joinProves[c.name]; ok && v.terms.Join != nil {
		return c.part, own
	}
	return c.part, c.proves
}

// additionLimits says what the protection leaves to the word of those who added.
func additionLimits(t jobs.Terms) []Text {
	if t.Join != nil {
		return []Text{{
			"求交和合计的计算：双方的名单和密文不在包内；以关口和达到门限数的托管方的签名为凭。",
			"The matching and the totals: the lists and their ciphertexts are not in the bundle; the gate and a quorum of trustees sign that they did it.",
		}}
	}
	if t.Proved() {
		return []Text{
			{
				"范围证明本身：报告和聚合方的往来消息不在包内；以两个聚合方的签名为凭，任一方都能改动总和或放过一份报告。",
				"The proofs: the reports and what the aggregators told each other are not in the bundle; the two sign that all stood. Either of them could change the sum, or let a report pass.",
			},
			{
				"两个聚合方没有合谋：合谋即能读出每个域的输入；本包不能发现。",
				"That the two aggregators did not collude: together they could read every domain's part, and nothing here would show it.",
			},
		}
	}
	return []Text{
		{
			"和密文的计算：密文不在包内；以关口和达到门限数的托管方的签名为凭。",
			"The addition itself: the ciphertexts are not in the bundle; the gate and a quorum of trustees sign that they did it.",
		},
		{
			"各域密文中的数值是否在任何范围之内：未经证明；打开后只检查总和。",
			"That the numbers in a domain's ciphertexts are within any range: only their sum is looked at, once it is open.",
		},
	}
}
