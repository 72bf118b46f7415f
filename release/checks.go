package release

// The names of the checks, in the order in which they are made.
const (
	CheckFormat       = "format"
	CheckInstallation = "installation"
	CheckCheckpoint   = "checkpoint"
	CheckInclusion    = "inclusion"
	CheckPermit       = "permit"
	CheckTrustees     = "trustees"
	CheckStart        = "start"
	CheckDates        = "dates"
	CheckStatements   = "statements"
	CheckKey          = "key"
	CheckSet          = "set"
	CheckAdmission    = "admission"
	CheckReveals      = "reveals"
	CheckSum          = "sum"
	CheckAnswers      = "answers"
	CheckGate         = "gate"
	CheckCandidate    = "candidate"
	CheckTable        = "table"
	CheckVotes        = "votes"
	CheckBudgets      = "budgets"
)

// A check is one link of the chain: what part of the bundle it looks at, what
// follows if it holds, and how it is made.
type check struct {
	name   string
	part   Text
	proves Text
	holds  func(*verification) error
}

// checks is the whole verification, from the file to the votes.
var checks = []check{
	{
		CheckFormat,
		Text{"文件格式", "the file"},
		Text{
			"文件是本版本的发布包，写法唯一，没有多余或重复的内容。",
			"The file is a bundle of this version in its one spelling, with nothing added or repeated.",
		},
		(*verification).format,
	},
	{
		CheckInstallation,
		Text{"平台身份", "the installation"},
		Text{
			"发布包出自您持有其公钥清单的平台，该清单完整且无重复公钥。",
			"The bundle is of the installation whose keys you hold, and those keys are whole and each stands for one party.",
		},
		(*verification).installation,
	},
	{
		CheckCheckpoint,
		Text{"存证检查点", "the checkpoint"},
		Text{
			"存证日志签署了该检查点，且有足够多的密钥托管方作为见证方签名；日志运营者单独不能改写此前的记录。",
			"The log signed this checkpoint and enough pinned trustees witnessed it: whoever runs the log cannot alone rewrite what came before.",
		},
		(*verification).checkpoint,
	},
	{
		CheckInclusion,
		Text{"存证收录", "the places in the ledger"},
		Text{
			"授权凭据、启动指令和每一份签名陈述都收录在该检查点所指日志的相应位置。",
			"The permit, the start and every signed statement stand in the log of that checkpoint, each at its place.",
		},
		(*verification).inclusion,
	},
	{
		CheckPermit,
		Text{"授权凭据", "the permit"},
		Text{
			"每一数据提供方均以您所持公钥对应的私钥签署同意，运营方提出申请，运营方与主管部门签署协议，各方签署的是同一份条款。",
			"Every provider granted by the key that you hold, the operator applied, operator and bureau agreed, all on the same terms.",
		},
		(*verification).permitted,
	},
	{
		CheckTrustees,
		Text{"密钥托管方", "the trustees"},
		Text{
			"授权凭据指定的密钥托管方均在您的清单之内，名称与公钥一致。",
			"The trustees of the permit are among those that you hold, by name and key.",
		},
		(*verification).trustees,
	},
	{
		CheckStart,
		Text{"启动指令", "the start"},
		Text{
			"获授权的运营方为授权凭据所列目的和程序启动了本次运行。",
			"The permit's operator started this run, for the purpose and with the program that were granted.",
		},
		(*verification).started,
	},
	{
		CheckDates,
		Text{"授权期限", "the dates"},
		Text{
			"启动指令所载时间在授权期限之内。",
			"The time that the start states lies within the dates of the permit.",
		},
		(*verification).dates,
	},
	{
		CheckStatements,
		Text{"签名陈述", "the statements"},
		Text{
			"每一份陈述均由授权凭据指定的一方签署，且针对本次运行、本轮次和本授权凭据；无一方拒绝，运行未被终止。",
			"Each statement is signed by the party that the permit names for it, about this run, round and permit; none is a refusal or an end.",
		},
		(*verification).statements,
	},
	{
		CheckKey,
		Text{"联合密钥", "the collective key"},
		Text{
			"全体密钥托管方先承诺、后公开，共同生成本轮密钥，并确认同一密钥和同一过程。",
			"All trustees made the key of this round together, each committed before any opened, and all vouch for one key and one transcript.",
		},
		(*verification).key,
	},
	{
		CheckSet,
		Text{"参与集合", "the set of members"},
		Text{
			"全体参与域先承诺各自的密文，再签署同一集合；域数不少于授权凭据规定的最少域数。",
			"All member domains committed to their ciphertexts and then signed one and the same set, of at least k_min domains.",
		},
		(*verification).confirmed,
	},
	{
		CheckAdmission,
		Text{"程序准入", "admission"},
		Text{
			"各域在封存结果之前签署了准入记录：程序是授权凭据所指的程序，改写后的形式各域一致，执行引擎符合授权凭据。",
			"Every domain signed, before it sealed anything, that it let in the permit's program, in one and the same rewritten form, on the engines that the permit asks for.",
		},
		(*verification).admitted,
	},
	{
		CheckReveals,
		Text{"密文公开", "the reveals"},
		Text{
			"集合签署之后，各域才公开密文清单，且与先前的承诺一致。",
			"Only after the set was signed did each domain reveal its list of ciphertexts, and it opens its commitment.",
		},
		(*verification).revealed,
	},
	{
		CheckSum,
		Text{"密文求和", "the sum"},
		Text{
			"开启关口在全部密文公开之后公布了和密文，其结构与各域密文一致。",
			"The gate announced the ciphertexts of the sum after all reveals, in the layout of the partials.",
		},
		(*verification).summed,
	},
	{
		CheckAnswers,
		Text{"托管方应答", "the answers"},
		Text{
			"达到门限数的密钥托管方各自按授权凭据核验了关口证据，重算得到同一和密文，并只对它应答。",
			"A quorum of trustees declared, having held the gate's evidence against the permit, that they had computed the same sum by themselves, and answered to exactly that.",
		},
		(*verification).answered,
	},
	{
		CheckGate,
		Text{"关口判定", "the gate's candidate"},
		Text{
			"授权凭据指定的关口签署了候选结果，结论为 pass、review（由审核员判断）或 fail（须有例外理由），不是 block，并绑定上述集合与和密文。",
			"The permit's gate signed the candidate, bound to that set and that sum, as passed, as one for people to decide on, or as failed, which takes an exception; it did not block it.",
		},
		(*verification).gated,
	},
	{
		CheckCandidate,
		Text{"结果字节", "the released bytes"},
		Text{
			"发布的字节就是关口承诺并供审核的那些字节。",
			"The released bytes are the very bytes that the gate committed to.",
		},
		(*verification).opened,
	},
	{
		CheckTable,
		Text{"结果表", "the table"},
		Text{
			"结果表格式正确，并载明出自同一份授权条款。",
			"The table is well-formed and says that it was made under the same terms.",
		},
		(*verification).tabled,
	},
	{
		CheckVotes,
		Text{"出域审核表决", "the votes"},
		Text{
			"授权凭据指定的两名不同审核员（均非运营方）先密封、后公开，均同意向所列接收方发布这些字节；闸门结论为 fail 的，两名审核员均注明了例外理由。",
			"Two different checkers of the permit, none of the operator's, sealed their votes before either was opened, and both approve these bytes for these recipients; where the gate's verdict is fail, each names an exception of the list.",
		},
		(*verification).voted,
	},
	{
		CheckBudgets,
		Text{"隐私预算", "the budgets"},
		Text{
			"差分隐私模式下，每个域都签署了预算扣减：金额等于本次运行的全部成本，余额计算无误，且不超过提供方签署的上限；只有再次给出并指明某次已存答案的，不计费。",
			"In the modes with noise every domain signed its debit: the full cost of the run, exactly added, within the cap that its provider signed; nothing is paid only for a stored answer, which names its run.",
		},
		(*verification).budgets,
	},
}
