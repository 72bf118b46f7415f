package papers

import "github.com/yunei/yunei/governance/profile"

// fieldNames are what people call the fields of papers. A field that is not here
// fails a test.
var fieldNames = map[string]profile.Name{
	"activity": {ZH: "活动类型", EN: "activity"}, "applicant": {ZH: "申请单位", EN: "applicant"}, "assessment": {ZH: "个人信息保护影响评估", EN: "impact assessment"},
	"attested_until": {ZH: "安全测评有效至", EN: "attested until"}, "author": {ZH: "开发单位", EN: "author"}, "basis": {ZH: "收集依据", EN: "basis"},
	"blanks": {ZH: "协议约定", EN: "stated"}, "bureau": {ZH: "主管部门", EN: "bureau"}, "channel": {ZH: "用数渠道", EN: "channel"},
	"class": {ZH: "类别", EN: "class"}, "code": {ZH: "编码", EN: "code"}, "column": {ZH: "字段", EN: "column"}, "columns": {ZH: "字段", EN: "columns"},
	"commercial": {ZH: "形成商业产品", EN: "commercial product"}, "commitments": {ZH: "承诺", EN: "commitments"}, "conditions": {ZH: "共享条件", EN: "conditions"},
	"consent": {ZH: "同意书", EN: "consent"}, "consents": {ZH: "所据同意书", EN: "consents"}, "credit_checked": {ZH: "信用核查日", EN: "credit checked"},
	"credit_code": {ZH: "统一社会信用代码", EN: "credit code"}, "dataset": {ZH: "数据集", EN: "dataset"}, "datasets": {ZH: "数据清单", EN: "data"},
	"digest": {ZH: "程序摘要", EN: "digest of the program"}, "document": {ZH: "附件", EN: "document"}, "duty": {ZH: "事项", EN: "duty"},
	"event": {ZH: "所涉突发事件", EN: "emergency"}, "failed": {ZH: "未成功", EN: "did not come off"}, "fee": {ZH: "费用类别", EN: "fee"}, "field": {ZH: "授权领域", EN: "field"}, "fields": {ZH: "目录要素", EN: "element"}, "filing": {ZH: "备案", EN: "filing"},
	"format": {ZH: "数据格式", EN: "format"}, "from": {ZH: "起", EN: "from"}, "gathering": {ZH: "归集方式", EN: "gathering"}, "gathering_basis": {ZH: "不归集依据", EN: "basis of not gathering"},
	"grade": {ZH: "级别", EN: "grade"}, "head": {ZH: "场景办件终结摘要", EN: "head of the scenario's case"}, "id": {ZH: "编号", EN: "id"},
	"identifier": {ZH: "标识类型", EN: "identifier"}, "items": {ZH: "数据项", EN: "item"}, "joins": {ZH: "关联", EN: "join"}, "law": {ZH: "法定依据", EN: "law"},
	"lineage": {ZH: "业务-系统-目录-数据", EN: "lineage"}, "mode": {ZH: "利用方式", EN: "mode"}, "name": {ZH: "名称", EN: "name"}, "names": {ZH: "登记名称", EN: "registered name"}, "negative": {ZH: "负面清单", EN: "negative list"},
	"no_bad_credit_entry": {ZH: "无不良信用记录（自述）", EN: "no bad credit entry, as stated"}, "notice": {ZH: "告知", EN: "notice"}, "open": {ZH: "开放类型", EN: "open"},
	"open_basis": {ZH: "开放依据", EN: "basis of opening"}, "open_why": {ZH: "开放属性理由", EN: "why so open"}, "operator": {ZH: "用数单位", EN: "operator"},
	"papers": {ZH: "第三方材料", EN: "vendor's papers"}, "plan": {ZH: "应急预案", EN: "emergency plan"}, "previous": {ZH: "所变更的原件", EN: "amends"},
	"provider": {ZH: "数据提供方", EN: "provider"}, "public_good": {ZH: "公益", EN: "public good"}, "purpose": {ZH: "用途", EN: "purpose"}, "purposes": {ZH: "用途", EN: "purposes"},
	"reason": {ZH: "超出原则性规定的理由", EN: "reason"}, "recipients": {ZH: "接收方", EN: "recipients"}, "registration": {ZH: "登记码", EN: "registration"},
	"rows": {ZH: "行", EN: "rows"}, "safeguards": {ZH: "安全管控", EN: "safeguards"}, "scenario": {ZH: "应用场景", EN: "scenario"}, "scope": {ZH: "使用范围", EN: "scope"},
	"secrecy": {ZH: "涉密", EN: "secrecy"}, "sensitive": {ZH: "敏感个人信息", EN: "sensitive"}, "share": {ZH: "共享类型", EN: "share"}, "share_basis": {ZH: "共享依据", EN: "basis of sharing"},
	"share_reason": {ZH: "共享类型理由", EN: "why so shared"}, "source": {ZH: "来源", EN: "source"}, "sources": {ZH: "数据来源单位", EN: "sources"},
	"subject": {ZH: "主体", EN: "subject"}, "text": {ZH: "正文", EN: "text"}, "title": {ZH: "名称", EN: "title"}, "to": {ZH: "止", EN: "to"},
	"unlocked": {ZH: "可开放情形", EN: "unlocked by"}, "update_days": {ZH: "更新周期（天）", EN: "update, in days"}, "vendor": {ZH: "第三方开发", EN: "by a vendor"},
	"withdrawn": {ZH: "撤回于", EN: "withdrawn"},
}

// closed are the fields whose words come from a closed list.
var closed = map[string]bool{
	"activity": true, "basis": true, "channel": true, "class": true, "commitments": true, "duty": true, "fee": true, "gathering": true, "identifier": true,
	"negative": true, "open": true, "open_why": true, "secrecy": true, "share": true, "subject": true, "unlocked": true,
}

// answers are words of closed lists that the law has and no rule lists.
var answers = map[string]profile.Name{
	"general": {ZH: "一般数据", EN: "general"}, "important": {ZH: "重要数据", EN: "important"}, "core": {ZH: "核心数据", EN: "core"},
	None: {ZH: "无", EN: "none"}, Listed: {ZH: "已列入", EN: "listed"}, "state-secret": {ZH: "国家秘密", EN: "state secret"},
	Person: {ZH: "自然人", EN: "person"}, "body": {ZH: "法人和其他组织", EN: "body"}, "thing": {ZH: "事物", EN: "thing"},
	"free": {ZH: "无偿", EN: "free"}, "paid": {ZH: "有偿", EN: "paid"},
}
