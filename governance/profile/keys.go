package profile

import (
	"slices"
	"strings"
)

// A Key is something that cities may rule on. Its name is for programs.
type Key struct {
	Key   string
	Name  Name
	Type  Type
	Unit  Unit     // of a number
	Most  int      // of a number
	Words []string // the closed list; of a Ranked key from the loosest
	Order Order
}

// Keys is the registry: every key that there is, in the order of the tables
// that show it. Nothing else can be ruled on. A key is never taken out and its
// list never gets shorter, because versions that cases keep name it.
func Keys() []Key { return slices.Clone(keys) }

// KeyOf returns the key of a name.
func KeyOf(name string) (Key, bool) {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Key == name })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// The channels by which data come to a user. Keys of one start with its name,
// and are no basis for a job on data of another.
const (
	BySharing   = "share"  // 共享
	ByOpening   = "open"   // 开放
	ByOperation = "authop" // 授权运营
)

var channels = []string{BySharing, ByOpening, ByOperation}

func flag(key, zh, en string) Key {
	return Key{Key: key, Name: Name{zh, en}, Type: Flag, Order: Set}
}

func term(key, zh, en string, unit Unit, most int) Key {
	return Key{Key: key, Name: Name{zh, en}, Type: Number, Unit: unit, Most: most, Order: Smaller}
}

func least(key, zh, en string, unit Unit, most int) Key {
	return Key{Key: key, Name: Name{zh, en}, Type: Number, Unit: unit, Most: most, Order: Larger}
}

func wd(key, zh, en string) Key { return term(key, zh, en, WorkingDays, 250) }

func of(t Type, order Order, key, zh, en, list string) Key {
	return Key{Key: key, Name: Name{zh, en}, Type: t, Order: order, Words: strings.Fields(list)}
}

func text(t Type, key, zh, en string) Key {
	return Key{Key: key, Name: Name{zh, en}, Type: t, Order: Same}
}

var keys = slices.Concat(roleKeys, catalogueKeys, sourceKeys, channelKeys, shareKeys, openKeys, grantKeys, subjectKeys, authopKeys, outputKeys, securityKeys, supervisionKeys)

var roleKeys = []Key{
	text(Text, "role.bureau", "主管部门的称谓", "what the bureau is called"),
	text(Text, "role.provider", "数据提供方的称谓", "what a provider is called"),
	text(Text, "role.operator", "用数方的称谓", "what an operator is called"),
	of(Words, Superset, "org.officers", "单位须明确的机构和人员", "whom an organisation must name", "data-officer agency responsible staff"),
	term("meta.sunset_years", "文件有效期", "how long the document lasts", Years, 100),
}

var catalogueKeys = []Key{
	of(Words, Superset, "catalogue.fields", "目录必填要素", "required fields of an entry",
		"name form content format source class level share-attribute share-type share-conditions share-scope open-attribute use-requirements update-cycle collector approver supplier"),
	of(Steps, Same, "catalogue.route", "目录审核环节", "who reviews the catalogue", "bureau government"),
	wd("catalogue.update_wd", "目录更新时限", "term to update the catalogue"),
	of(Words, Superset, "catalogue.update_triggers", "触发目录更新的情形", "what calls for an update", "law duty element"),
	wd("catalogue.bureau_review_wd", "主管部门审定目录时限", "term of the bureau's review of the catalogue"),
	of(Steps, Same, "catalogue.lineage", "目录关联关系", "lineage of an entry", "business duty system catalogue data"),
	flag("catalogue.onchain", "编目上链", "the catalogue is on a chain"),
	flag("catalogue.lock", "审定后锁定", "an approved entry is locked"),
	flag("catalogue.bound", "在目录范围内采集和使用", "only catalogued data are used"),
	flag("catalogue.not_gathered_basis", "不归集须有法律法规依据", "not gathering needs a basis in law"),
	flag("catalogue.project_proof", "编目是项目立项或验收的依据", "cataloguing is part of project acceptance"),
	flag("negative_list.kept", "负面清单", "a negative list is kept"),
	of(Word, Same, "negative_list.approver", "负面清单审定机关", "who approves the negative list", "bureau government"),
	flag("negative_list.bars_authop", "负面清单内的数据不得授权运营", "the negative list bars authorised operation"),
}

var sourceKeys = []Key{
	flag("source.unique", "一数一源", "one lawful source for a data item"),
	flag("source.no_repeat", "不得重复采集", "what can be shared is not collected again"),
	flag("source.list", "采集清单", "a list of what is collected"),
	flag("source.register", "采集和提供责任部门明确", "the department that answers for each item is named"),
	text(Texts, "source.persons", "自然人基础数据的法定数源部门", "lawful sources of data on persons"),
	text(Texts, "source.bodies", "法人和非法人组织基础数据的法定数源部门", "lawful sources of data on bodies"),
	text(Texts, "source.land", "自然资源和空间地理基础数据的法定数源部门", "lawful sources of data on land"),
	flag("secrets.refused", "涉密数据不进入平台", "state secrets are refused"),
	flag("quality.traceable", "数据质量可追溯、可定责", "the quality of data can be traced"),
	flag("quality.freshness", "按更新周期更新", "data are kept as fresh as the catalogue says"),
}

var channelKeys = []Key{
	of(Words, Subset, "channel.kinds", "法定用数渠道", "lawful channels", "share open authop"),
	flag("platform.sole", "只通过统一平台，不得另建渠道", "one platform, no side channel"),
	flag("compute.in_domain", "原始数据不出域", "raw data stay in their domain"),
	flag("compute.isolated", "在隔离沙箱中运行", "runs are isolated"),
	flag("ops.separation", "管运分离", "who operates does not administer"),
	flag("ops.filing", "运营团队备案", "outside operating teams are filed"),
	flag("ops.even_handed", "非歧视、非垄断", "no discrimination, no monopoly"),
}

var shareKeys = []Key{
	of(Words, Subset, "share.users", "可通过共享用数的主体", "who may use shared data", "organ public-body company university"),
	of(Words, Same, "share.types", "共享类型", "types of sharing", "unconditional conditional not-shared"),
	flag("share.type_each", "逐一注明共享类型", "each item states its type of sharing"),
	of(Word, Same, "share.unconditional", "无条件共享的取得方式", "how unconditional data are had", "direct"),
	of(Words, Superset, "share.conditional_basis", "列为有条件共享须提供", "what conditional sharing must state", "basis conditions law reason"),
	of(Words, Superset, "share.not_shared_basis", "列为不予共享须提供", "what not sharing must state", "law reason filing"),
	flag("share.no_extra_conditions", "不得擅自增设条件", "no added conditions"),
	of(Words, Superset, "share.mechanisms", "统一的共享机制", "mechanisms of sharing", "application approval feedback"),
	of(Steps, Same, "share.route", "共享申请审核环节", "the way of a request for sharing", "bureau bodies provider"),
	flag("share.no_direct", "机构之间不得直接共享", "organisations do not share directly"),
	of(Words, Superset, "share.demand_fields", "共享需求要素", "fields of a demand", "scenario user data mode deadline"),
	wd("share.forward_wd", "主管部门初审转交时限", "term of the bureau to review a request and pass it on"),
	wd("share.reply_wd", "共享答复时限", "term to answer a request for sharing"),
	wd("share.deliver_wd", "同意共享后提供时限", "term to deliver shared data"),
	of(Word, Ranked, "share.refusal", "拒绝共享须提供", "what a refusal to share must give", "reason law"),
	flag("share.feedback", "反馈使用情况", "users report on their use"),
	wd("share.feedback_wd", "使用情况反馈时限", "term to report on the use"),
	term("share.feedback_months", "使用情况反馈周期", "how often the use is reported on", Months, 60),
	flag("share.purpose_bound", "共享数据专事专用", "shared data serve the stated purpose only"),
	flag("share.onward_forbidden", "共享数据不得提供给第三方", "shared data go to no third party"),
	flag("share.derived_bound", "改变形式亦不得提供", "nor in another form"),
	flag("share.no_disclosure", "共享数据不得用于政府信息公开", "shared data are not for public disclosure"),
	of(Words, Superset, "share.commitments", "须承诺", "what a user promises", "true safe compliant"),
	of(Words, Superset, "share.disposal", "须妥善处置的情形", "when shared data are disposed of", "met impossible unneeded"),
	of(Words, Subset, "share.university_purposes", "高校、科研院所可用于", "what universities may use shared data for", "research education public-good"),
	of(Words, Subset, "share.company_purposes", "企业事业单位可用于", "what companies may use shared data for", "relief emergency"),
	flag("share.verify_compare", "核实、比对服务", "verify-and-compare on data that are not shared"),
	term("share.verify_compare_daily", "每用数单位每日核实、比对次数", "verifications a user a day", Times, 1000000),
}

var openKeys = []Key{
	of(Words, Same, "open.types", "开放类型", "types of opening", "unconditional conditional closed"),
	of(Word, Same, "open.unconditional", "无条件开放的取得方式", "how unconditionally open data are had", "direct"),
	of(Words, Same, "open.closed", "不予开放的情形", "what is not opened", "state-secret national-security public-interest personal trade-secret business-secret privacy law"),
	of(Words, Same, "open.conditional_when", "列为有条件开放的情形", "what is opened conditionally", "capability fresh continuous"),
	of(Words, Subset, "open.unlock", "可解除不予开放的处理", "what lets closed data be opened", "masking declassification cleaning processing anonymisation consent"),
	of(Words, Superset, "open.list_fields", "开放清单（目录）必填要素", "fields of the open list", "name opener open-attribute type conditions frequency"),
	term("open.list_adjust_years", "开放目录调整周期", "how often the open list is adjusted", Years, 10),
	of(Steps, Same, "open.attribute_by", "开放属性由谁确定", "who sets the opening attribute", "bureau provider"),
	of(Words, Superset, "open.application_fields", "开放申请要素", "fields of an application to open data", "purpose format"),
	of(Words, Superset, "open.applicant", "开放申请人条件", "what an applicant must have", "capability credit"),
	of(Steps, Same, "open.route", "开放申请审核环节", "the way of an application to open data", "bureau provider"),
	wd("open.reply_wd", "开放答复时限", "term to answer an application"),
	wd("open.deliver_wd", "同意开放后提供时限", "term to open"),
	of(Word, Ranked, "open.refusal", "不予开放须提供", "what a refusal to open must give", "reason law"),
	flag("open.agreement", "开放利用协议", "an agreement on open data"),
	of(Words, Superset, "open.agreement_fields", "开放利用协议要素", "fields of that agreement", "means scope safeguards"),
	flag("open.commitment", "安全承诺书", "a security commitment"),
	flag("open.purpose_bound", "按约定范围使用开放数据", "open data within the agreed scope"),
}

var grantKeys = []Key{
	flag("purpose.bound", "作业用途须与授权一致", "a job has the permit's purpose"),
	of(Word, Ranked, "purpose.change", "变更用途", "a change of purpose", "provider-permission new-application forbidden"),
	flag("purpose.widening_forbidden", "不得擅自扩大使用范围", "no widening of the use"),
	flag("grant.qualified", "用数方已登记且资格有效", "the user is registered and qualified"),
	flag("grant.signed", "授权由各方以各自密钥签署", "everyone has signed with their own key"),
	flag("grant.least", "最小授权", "least privilege"),
	flag("grant.joins", "关联须经授权", "joins are granted by name"),
	flag("personal.minimal", "个人信息最小范围", "no more personal data than needed"),
	flag("personal.basis", "个人信息须有合法性基础", "personal data need a legal basis"),
	flag("personal.assessment", "个人信息保护影响评估", "an impact assessment is on file"),
	least("personal.assessment_keep_years", "影响评估留存", "how long it is kept", Years, 100),
	of(Words, Subset, "identifier.person", "自然人标识", "identifiers of persons", "resident-id other-id"),
	of(Words, Subset, "identifier.body", "法人和其他组织标识", "identifiers of bodies", "credit-code other-code"),
	flag("identifier.pseudonyms", "作业只见按场景加密的假名", "jobs see pseudonyms by scenario only"),
	flag("identifier.no_biometrics", "不得强制生物识别", "biometrics are never forced"),
	flag("consent.outside_law", "法律未规定的数据须经被采集人同意", "data beyond the law need consent"),
	of(Words, Superset, "consent.notice", "同意前须告知", "what is told before consent", "purpose means scope channels"),
	flag("consent.third_party", "第三方使用敏感数据须经数据主体同意", "a third party needs the subject's consent"),
	term("hold.lease_hours", "无中止声明的有效时间", "how old a statement of no hold may be", Hours, 24),
}

var subjectKeys = []Key{
	wd("correction.wd", "校核纠错时限", "term to correct data"),
	flag("objection.open", "可提出异议", "one may object"),
	flag("objection.immediate", "立即核实", "an objection is looked into at once"),
	wd("objection.verify_wd", "异议核实时限", "term to look into an objection"),
	flag("objection.suspend", "必要时立即中止", "data are held where needed"),
	of(Words, Same, "objection.outcomes", "异议处理结果", "what an objection leads to", "withdraw restore reopen-processed correct delete"),
	of(Words, Superset, "rights.kinds", "数据主体的权利", "rights of data subjects", "consult copy correct delete object complain"),
	wd("rights.reply_wd", "数据主体请求答复时限", "term to answer a data subject"),
	wd("complaint.reply_wd", "投诉答复时限", "term to answer a complaint"),
	of(Steps, Same, "dispute.ladder", "争议处理层级", "who settles a dispute", "source bureau joint government city"),
}

var authopKeys = []Key{
	flag("authop.licence", "授权运营资格", "a licence to operate"),
	of(Word, Same, "authop.authoriser", "授权主体", "who authorises", "bureau government"),
	term("authop.term_max_years", "授权运营期限上限", "the longest term", Years, 50),
	flag("authop.one_list", "一场景一清单一审定", "a scenario, one list, one decision"),
	flag("authop.one_application", "一场景一申请", "a scenario, one application"),
	flag("authop.one_review", "一需求一审核", "each provider reviews each demand"),
	flag("authop.one_agreement", "一场景一协议", "a scenario, one agreement"),
	flag("authop.one_plan", "一场景一预案", "a scenario, one emergency plan"),
	of(Words, Superset, "authop.application_fields", "场景申请要素", "fields of an application", "sources scenario scope term safeguards"),
	wd("authop.accept_wd", "场景申请受理时限", "term to accept an application"),
	wd("authop.provider_review_wd", "数据提供方审核时限", "term of a provider's review"),
	wd("authop.decide_wd", "场景审定时限", "term of the decision"),
	of(Word, Ranked, "authop.refusal", "审核未通过须提供", "what a refusal must give", "reason law"),
	of(Steps, Same, "authop.agreement_parties", "协议签订双方", "who signs the agreement", "bureau government operator"),
	of(Words, Superset, "authop.agreement_fields", "授权运营协议要素", "fields of the agreement", "scope term return safety disposal"),
	wd("authop.sign_wd", "协议签订时限", "term to sign"),
	least("authop.notice_days", "协议到期提醒提前", "notice before the agreement ends", Days, 366),
	wd("authop.licence_wd", "运营资格审核时限", "term to decide on a licence"),
	text(Text, "authop.exchange", "数据产品交易场所", "where products are traded"),
	flag("authop.registration", "授权运营资源登记", "resources are registered"),
	flag("authop.product_registration", "数据产品登记", "products are registered"),
	flag("authop.public_good_first", "公益优先", "public good first"),
	flag("authop.evaluation", "成效评估", "effects are evaluated"),
	term("authop.elimination_years", "连续不达标即取消资格的年数", "failed years in a row that end a licence", Years, 10),
	flag("authop.quality_feedback", "数据质量反馈机制", "operators report on quality"),
	flag("authop.risk_report", "定期报送风险评估报告", "operators report on risk"),
	term("authop.risk_report_months", "风险评估报告周期", "how often", Months, 60),
	flag("authop.drill", "运营方应急演练", "operators drill"),
	term("authop.drill_months", "运营方应急演练周期", "how often", Months, 60),
	term("authop.evaluation_months", "评估周期", "how often effects are evaluated", Months, 60),
	wd("authop.evaluation_wd", "评估结论时限", "term to conclude an evaluation"),
	wd("authop.self_report_wd", "运营方自评时限", "term of the operator's own report"),
	term("authop.disclosure_years", "信息披露周期", "how often operators disclose", Years, 5),
}

var outputKeys = []Key{
	flag("program.review", "作业模块审查", "programs are reviewed"),
	wd("program.review_wd", "作业模块审查时限", "term of that review"),
	flag("product.standard", "按统一标准输出数据产品", "products by one standard"),
	of(Words, Superset, "security.vendor", "第三方服务机构须有", "what third parties must have", "audit security-review nda"),
	flag("vendor.no_onward", "受托方不得留存、使用、提供", "a contractor keeps and passes on nothing"),
	flag("output.raw_forbidden", "不得提供原始数据", "raw data are never given out"),
	flag("output.closed_types", "输出类型限于清单", "outputs are of a closed list of types"),
	flag("output.checks", "出域检查", "outputs are checked"),
	flag("output.no_harm", "不得损害国家、公共利益和合法权益", "no harm to public interest or rights"),
	least("output.checkers", "独立审核员人数", "independent checkers", Times, 9),
	flag("output.blind", "表决先密封", "votes are sealed until all are in"),
	wd("output.check_wd", "出域审核时限", "term of output checking"),
	flag("output.bound", "放行即所审之字节", "what goes out is what was checked"),
	flag("output.recipients", "只提供给约定的接收方、经法定渠道", "named recipients, lawful channels"),
	flag("budget.required", "隐私预算与使用次数", "privacy budget and uses"),
	wd("disposal.complete_wd", "处置完成时限", "term to dispose"),
	wd("disposal.confirm_wd", "处置确认时限", "term to confirm disposal"),
	wd("withdrawal.confirm_wd", "收回确认时限", "term to confirm a withdrawal"),
}

var securityKeys = []Key{
	flag("evidence.use_ledger", "使用全过程记录", "every use is recorded"),
	flag("evidence.before_action", "先记录后执行", "recorded before it happens"),
	of(Words, Superset, "audit.verbs", "须留痕监督的操作", "acts that leave a trace", "copy export masking destroy"),
	of(Words, Superset, "audit.inspection", "监督检查措施", "what inspectors may do", "ask read copy"),
	flag("security.grading", "分类分级", "data are classified and graded"),
	of(Words, Superset, "security.duty_holders", "安全责任主体", "who answers for security", "collector holder manager user runner"),
	of(Words, Superset, "security.measures", "安全技术措施", "named measures", "identity access encryption masking tracing backup privacy-computing"),
	flag("security.mask_or_encrypt", "敏感数据脱敏或加密", "sensitive data are masked or encrypted"),
	flag("security.attestation", "等级保护等要求", "classified protection of systems"),
	flag("security.plan", "应急预案", "an emergency plan"),
	flag("security.drill", "定期应急演练", "drills"),
	term("security.drill_months", "应急演练周期", "how often", Months, 60),
	flag("security.assessment", "定期风险评估", "risk assessments"),
	term("security.assessment_months", "风险评估周期", "how often", Months, 60),
	flag("security.training", "安全培训", "training"),
	flag("backup.required", "数据备份", "backups"),
	of(Words, Superset, "backup.places", "备份地点", "where backups are", "local offsite"),
	flag("backup.crypto", "备份采用商用密码加密", "backups under commercial cryptography"),
	term("backup.drill_months", "备份恢复演练周期", "how often a restore is tried", Months, 60),
	of(Words, Superset, "incident.actions", "安全事件处置", "what an incident calls for", "plan limit record report"),
	flag("incident.remedy", "发现风险立即补救", "risks are remedied at once"),
	term("incident.contain_hours", "安全事件止损时限", "term to contain an incident", Hours, 720),
	term("incident.report_hours", "涉及国家安全的事件报告时限", "term to report what touches national security", Hours, 720),
	of(Words, Superset, "emergency.disposal", "突发事件结束后", "after an emergency", "classify seal destroy close"),
}

var supervisionKeys = []Key{
	flag("duty.overdue_blocks", "逾期的停用事项未办结不得运行", "overdue blocking duties stop runs"),
	of(Words, Superset, "duty.blocking", "逾期即停用的事项", "duties that block when overdue", "feedback risk-report drill disposal backup assessment"),
	flag("rectify.notice", "限期整改", "faults are to be rectified by a day"),
	wd("rectify.order_wd", "整改通知时限", "term to order rectification"),
	wd("rectify.deadline_wd", "整改期限", "term to rectify"),
	wd("rectify.accept_wd", "整改核销时限", "term to accept what was rectified"),
	flag("supervision.inspect", "监督检查", "inspection"),
	term("supervision.assessment_years", "考核评估周期", "how often organs are assessed", Years, 10),
	flag("supervision.experts", "专家或第三方评估", "outside assessment"),
	flag("case.told_once", "一次性告知", "what is missing is told once"),
	wd("case.correction_wd", "补正时限", "term to complete what was returned"),
	wd("case.escalation_wd", "提级办理时限", "term of who a case was escalated to"),
	flag("case.separate", "不得审批本人办理事项", "nobody decides an own case"),
}

// lexicon names the words of closed lists for people.
var lexicon = map[string]Name{
	"data-officer": {"首席数据官", "chief data officer"}, "agency": {"实施（管理）机构", "a section"}, "responsible": {"责任人", "a responsible person"}, "staff": {"专门人员", "staff"},
	"name": {"名称", "name"}, "form": {"数据形式", "form"}, "content": {"内容", "content"}, "format": {"格式", "format"}, "source": {"数据来源（数源部门）", "source"},
	"class": {"类别（分类）", "class"}, "level": {"级别", "grade"}, "share-attribute": {"共享属性", "sharing attribute"}, "share-type": {"共享类型", "type of sharing"},
	"share-conditions": {"共享条件", "sharing conditions"}, "share-scope": {"共享范围", "sharing scope"}, "open-attribute": {"开放属性", "opening attribute"},
	"use-requirements": {"使用要求", "requirements of use"}, "update-cycle": {"更新周期（频率）", "update cycle"}, "collector": {"采集（收集）部门", "collector"},
	"approver": {"核准部门", "approver"}, "supplier": {"提供部门", "supplier"},
	"bureau": {"主管部门", "bureau"}, "government": {"本级人民政府", "government"}, "provider": {"数据提供方", "provider"}, "operator": {"授权运营方", "operator"},
	"bodies": {"有关机构", "bodies concerned"}, "joint": {"联合会商", "joint consultation"}, "city": {"市委、市人民政府", "city leadership"},
	"law": {"法律法规规章依据", "a basis in law"}, "duty": {"职能（职责）", "duties"}, "element": {"目录要素", "an element"},
	"business": {"业务", "business"}, "system": {"系统", "system"}, "catalogue": {"目录", "catalogue"}, "data": {"数据", "data"},
	"share": {"共享", "sharing"}, "open": {"开放", "opening"}, "authop": {"授权运营", "authorised operation"},
	"organ": {"行政机关", "organs"}, "public-body": {"公共管理和服务机构", "public bodies"}, "company": {"企业事业单位", "companies"}, "university": {"高校、科研院所", "universities"},
	"unconditional": {"无条件", "unconditional"}, "conditional": {"有条件", "conditional"}, "not-shared": {"不予共享", "not shared"}, "closed": {"不予开放", "closed"},
	"direct": {"直接获取", "directly"}, "basis": {"依据", "a basis"}, "conditions": {"条件", "conditions"}, "reason": {"理由", "a reason"}, "filing": {"备案", "filing"},
	"application": {"申请", "application"}, "approval": {"审批", "approval"}, "feedback": {"使用反馈", "feedback"},
	"scenario": {"应用场景", "scenario"}, "user": {"用数单位（使用者）", "user"}, "mode": {"共享模式", "mode"}, "deadline": {"截止时间", "deadline"},
	"true": {"真实性", "truth"}, "safe": {"安全性", "safety"}, "compliant": {"合规性", "compliance"},
	"met": {"目的已实现", "purpose met"}, "impossible": {"目的无法实现", "purpose impossible"}, "unneeded": {"不再必要", "no longer needed"},
	"research": {"科研", "research"}, "education": {"教育", "education"}, "public-good": {"公益", "public good"}, "relief": {"惠民政策", "relief"}, "emergency": {"突发事件", "emergency"},
	"state-secret": {"国家秘密", "state secrets"}, "national-security": {"国家安全", "national security"}, "public-interest": {"公共利益", "public interest"},
	"personal": {"个人信息", "personal data"}, "trade-secret": {"商业秘密", "trade secrets"}, "business-secret": {"保密商务信息", "confidential business data"}, "privacy": {"个人隐私", "privacy"},
	"capability": {"安全保护能力", "capability"}, "fresh": {"时效性较强", "fresh"}, "continuous": {"持续获取", "continuous"}, "credit": {"无不良信用信息", "no bad credit record"},
	"masking": {"脱敏", "masking"}, "declassification": {"脱密", "declassification"}, "cleaning": {"清洗", "cleaning"}, "processing": {"加工", "processing"},
	"anonymisation": {"匿名化", "anonymisation"}, "consent": {"权利人同意", "consent"},
	"opener": {"开放主体", "opener"}, "type": {"开放类型", "type"}, "frequency": {"更新频率", "frequency"}, "purpose": {"目的", "purpose"}, "means": {"方式", "means"},
	"scope": {"范围", "scope"}, "safeguards": {"安全措施（管控）", "safeguards"}, "channels": {"查询、更正渠道", "channels to ask and correct"},
	"provider-permission": {"征得数据提供方许可", "with the provider's permission"}, "new-application": {"重新申请", "a new application"}, "forbidden": {"不得变更", "forbidden"},
	"resident-id": {"居民身份证号码", "resident identity number"}, "other-id": {"其他有效身份证件号码", "another valid document's number"},
	"credit-code": {"统一社会信用代码", "unified social credit code"}, "other-code": {"其他识别代码", "another code"},
	"withdraw": {"撤回", "withdraw"}, "restore": {"恢复", "restore"}, "reopen-processed": {"处理后恢复", "restore after processing"}, "correct": {"更正", "correct"},
	"delete": {"删除", "delete"}, "consult": {"查阅", "consult"}, "copy": {"复制", "copy"}, "object": {"异议", "object"}, "complain": {"投诉", "complain"},
	"sources": {"数据来源单位", "sources"}, "term": {"期限", "term"}, "return": {"合理收益测算", "reasonable return"}, "safety": {"数据安全要求", "security"}, "disposal": {"期满（届时）处置", "disposal"},
	"audit": {"安全审计", "audit"}, "security-review": {"安全审查", "security review"}, "nda": {"安全保密协议", "confidentiality agreement"},
	"export": {"导出", "export"}, "destroy": {"销毁", "destroy"}, "ask": {"询问", "ask"}, "read": {"查阅材料", "read"},
	"holder": {"持有者", "holder"}, "manager": {"管理者", "manager"}, "runner": {"运行（运营）者", "who runs it"},
	"identity": {"身份认证", "authentication"}, "access": {"访问控制", "access control"}, "encryption": {"加密", "encryption"}, "tracing": {"溯源", "tracing"},
	"backup": {"备份", "backup"}, "privacy-computing": {"隐私计算", "privacy computing"}, "local": {"本地", "local"}, "offsite": {"异地", "off site"},
	"plan": {"启动预案", "start the plan"}, "limit": {"降低损害", "limit the harm"}, "record": {"保存记录", "keep records"}, "report": {"报告", "report"},
	"classify": {"分类评估", "classify"}, "seal": {"封存", "seal"}, "close": {"关停应用", "close applications"},
	"risk-report": {"风险评估报告", "risk report"}, "drill": {"应急演练", "drill"}, "assessment": {"风险评估", "risk assessment"},
}
