package release

import "github.com/yunei/yunei/jobs"

// notProven says in words what a bundle under these terms does not prove, so
// that nobody takes more from a release than is in it.
func notProven(t jobs.Terms) []Text {
	list := []Text{
		{
			"输入数据是否真实、完整：未核验。",
			"That the inputs are true or complete.",
		},
		{
			"各域是否如实运行了所授权的程序、如实封装其结果：以该域自己的签名为凭，未经复算。",
			"That each domain ran the granted program on the granted data and sealed what came of it: only its own signature says so.",
		},
		{
			"关口的检查过程：包内只有检查记录的承诺；“通过”是关口的签名陈述。",
			"The gate's checks: of their record there is a commitment only; that they passed is the gate's word.",
		},
		{
			"达到门限数的托管方合谋、或参与域在平台之外交换数据：本包不能发现。",
			"That no quorum of trustees colluded, and that nothing was exchanged outside the platform.",
		},
		{
			"包外的事实：该授权凭据下的其他运行、未放入包内的陈述，以及检查点之后的中止、撤回。",
			"What is not in the bundle: other runs under the permit, statements left out, and holds or withdrawals after the checkpoint.",
		},
		{
			"启动时间和各项决定所载时间：均为签署方自述；见证时间由见证方给出。",
			"The times that the start and the decisions state: they are their signers' own; the witnessed time is the witnesses'.",
		},
	}
	list = append(list, additionLimits(t)...)
	list = append(list, gateLimits(t)...)
	list = append(list, memberLimits(t)...)
	list = append(list, modeLimits(t)...)
	if len(t.Checkers) > jobs.Votes {
		list = append(list, Text{
			"指定的审核员多于两名：是否另有审核员更早表决而未被放入包内，不能发现。",
			"More than two checkers are named: whether another had voted earlier and was left out cannot be seen.",
		})
	}
	return list
}

// gateLimits says what the gate's evidence leaves open, by whose word it held, and
// who could have read what the gate opened.
func gateLimits(t jobs.Terms) []Text {
	list := []Text{{
		"关口证据的核验：包内只有其摘要。各域签署集合、托管方表示就绪，即各自表明证据与授权凭据所列一致；本包不能再次核验。",
		"The gate's evidence: there is only its digest in the bundle. A domain that signed the set, and a trustee that was ready, have said by it that the evidence is what the permit demands; it cannot be verified again here.",
	}}
	switch {
	case t.Gate.ConfidentialAgainstHost():
		return list
	case t.Mode.Noisy():
		return append(list, Text{
			"关口对其宿主机不保密：其管理员能读到已加噪声的和，仅此而已。",
			"The gate is not confidential against its host: its administrator could read the noisy sum, and no other.",
		})
	default:
		return append(list, Text{
			"关口对其宿主机不保密：主管部门的管理员可能读到精确的和。",
			"The gate is not confidential against its host: the bureau's administrator could read the exact sum.",
		})
	}
}

func memberLimits(t jobs.Terms) []Text {
	if t.Join != nil {
		return joinLimits(t)
	}
	switch len(t.Members) {
	case 1:
		return []Text{{
			"只有一个域：和就是该域自己的结果，求和不提供任何保护。",
			"There is one domain: the sum is its own partial, and adding hides nothing.",
		}}
	case 2:
		return []Text{{
			"只有两个域：任一域都能从和中减去自己的部分，得到对方的部分。",
			"There are two domains: each could subtract its own part and learn the other's.",
		}}
	default:
		return []Text{{
			"除一个域外其余各域合谋时，可以从和中减去自己的部分。",
			"All domains but one together could subtract their own parts from the sum.",
		}}
	}
}

func modeLimits(t jobs.Terms) []Text {
	if t.Mode.Noisy() {
		return []Text{
			{
				"各域的噪声是否如实抽取、预算日志是否如实保存：以该域自己的签名为凭；预算只计入 rho，发布时段和事故不在其内。",
				"That each domain drew its noise and kept its journal of budgets honestly: only its own signature says so. Rho covers neither the slot of release nor incidents.",
			},
			{
				"一个自然人或法人若持有多个主体键，保护按键计算，相应减弱。",
				"Protection is per unit key: whoever has several keys has it that much weaker.",
			},
		}
	}
	if t.Join != nil {
		return []Text{{
			"sdc 模式是统计披露控制，不是差分隐私；合计值是否由少数人主导，没有任何一方能够核查。",
			"Mode sdc is disclosure control and not differential privacy; whether few people dominate a total, nobody could look at.",
		}}
	}
	return []Text{{
		"sdc 模式是统计披露控制，不是差分隐私；其成立依赖具名的源码审查，本包未核验该审查。",
		"Mode sdc is disclosure control and not differential privacy; it stands on the named source review, which this bundle does not verify.",
	}}
}
