package release

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// joinProves says what the checks prove of a join whose statements have other
// things behind them than a sum's.
var joinProves = map[string]Text{
	CheckKey: {
		"全体密钥托管方各出示本轮联合密钥的一个份额；关口的份额见其公钥，份额的证明由各域和托管方核验。",
		"Every trustee showed its share of this round's joint key; the gate's is in its own key, and domains and trustees checked the proofs.",
	},
	CheckReveals: {
		"双方签署集合之后，才公开各自盲化的标识清单，且与先前的承诺一致：任何一方的清单都不是看到对方清单后拟定的。",
		"Only after both had signed the set did each domain show its blinded list of identifiers, and it opens its commitment: neither was made from the other.",
	},
	CheckSum: {
		"双方各自应答了对方的清单之后，关口列明其比对的正是这些应答，并以此声明共有人数达到约定的最低人数。",
		"After each domain had answered the other's list, the gate named exactly those answers as what it matched, and said by it that enough people are in both.",
	},
	CheckAnswers: {
		"全体密钥托管方各自比对了同样的应答，然后各自应答一次。",
		"Every trustee matched the same answers itself, and then answered once.",
	},
}

// keyedBy is what makes a round's key: of a join, and with protection prio3, all
// that trustees show is in their hellos.
func (v *verification) keyedBy() []msg.Place {
	if v.terms.Join != nil || v.terms.Proved() {
		return v.said(msg.Hello, v.view.Trustees()...)
	}
	return v.said(msg.Key, v.view.Trustees()...)
}

// joined demands that both sites have answered, after both had shown their
// lists, and that the gate has named what they answered, and nothing else.
func (v *verification) joined() error {
	gate := v.terms.Gate.Name
	all, ok := v.view.Answers(v.round)
	if !ok {
		return fmt.Errorf("not every member answered the other's lists: %w", fault.Denied)
	}
	sum, err := msg.Read[msg.SumBody](v.view, v.round, msg.Sum, gate)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(sum.Parts, msg.AnsweredParts(all), slices.Equal[[]suite.Digest]) {
		return fmt.Errorf("the gate matched other lists: %w", fault.Tampered)
	}
	sites := v.view.Sites()
	return v.inOrder(v.said(msg.Reveal, sites...), v.said(msg.Joined, sites...), v.said(msg.Sum, gate))
}

// joinLimits says what a join's bundle does not prove.
func joinLimits(t jobs.Terms) []Text {
	a, b := t.Members[0].Domain, t.Members[1].Domain
	return []Text{
		{
			fmt.Sprintf("各方得知什么：域 %s 与 %s 互知登记人数并得知本结果，都不知道哪些人同时在两方；托管方得知确切共有人数，不知道合计值。", a, b),
			fmt.Sprintf("Who learns what: domains %s and %s know each other's registered number of people and learn this result, and neither learns who is in both; the trustees learn the exact numbers in both, and no total.", a, b),
		},
		{
			"各域送入的号码是否即其登记的集合、数值是否如实：以该域自己的签名为凭，对方不能核验。",
			"That the numbers which a domain sent in are the set that it registered, and its values true: only its own signature says so, and the other could not check it.",
		},
	}
}
