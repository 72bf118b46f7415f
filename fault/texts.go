package fault

type text struct {
	kind   Kind
	who    Party
	zh, en string
}

// byKind gives the refusal that stands for a bare kind.
var byKind = map[Kind]Code{
	Denied: "denied", Invalid: "invalid", NotFound: "not-found", Conflict: "conflict",
	Exhausted: "exhausted", Tampered: "tampered", Guest: "guest", Internal: "internal",
}

// texts is the closed table of refusals: what a user may be told. A sentence
// says what is wrong and what to do next, and quotes nothing.
var texts = map[Code]text{
	"denied":            {Denied, Bureau, "规则不允许此操作。", "the rules do not allow this"},
	"invalid":           {Invalid, Operator, "请求内容不合规范，请改正后重试。", "the request is not well-formed; correct it and try again"},
	"not-found":         {NotFound, Operator, "不存在，或您无权查看。", "there is no such thing, or it is not yours to see"},
	"conflict":          {Conflict, Operator, "当前状态下不能进行此操作。", "this cannot be done in the present state"},
	"exhausted":         {Exhausted, Platform, "已达到限额。", "a limit has been met"},
	"tampered":          {Tampered, Platform, "摘要或签名不符，已拒绝。", "a digest or a signature does not hold"},
	"guest":             {Guest, Operator, "程序未能通过准入，未读取任何数据；请在合成数据上测试程序。", "the program was not admitted and no row was read; test it on synthetic data"},
	"internal":          {Internal, Platform, "平台内部错误，请联系平台运维方。", "an internal error; ask whoever runs the platform"},
	"permit-expired":    {Denied, Operator, "授权凭据已过期，请重新申请。", "the permit has expired; apply for a new one"},
	"permit-early":      {Denied, Operator, "授权凭据尚未生效。", "the permit is not yet in force"},
	"permit-foreign":    {Denied, Operator, "该授权凭据不属于您，或与本次运行不符。", "the permit is not yours, or not for this run"},
	"permit-spent":      {Exhausted, Operator, "授权凭据的使用次数已用完，请重新申请。", "the permit's uses are spent; apply for a new one"},
	"permit-broken":     {Tampered, Operator, "授权凭据缺少有效签名或内容被改动，本域拒绝执行。", "a decision of the permit lacks a valid signature, or its terms were altered; the domain refuses"},
	"purpose":           {Denied, Operator, "使用目的与授权凭据不一致；变更目的须重新申请。", "the purpose is not the permit's; another purpose needs a new application"},
	"program":           {Denied, Operator, "程序摘要与授权凭据不一致；请提交经授权的程序。", "the program's digest is not the permit's; submit the program that was granted"},
	"column":            {Denied, Operator, "请求的数据项超出目录或授权范围。", "a column is not in the catalogue or not granted"},
	"dataset":           {NotFound, Provider, "本域没有授权凭据所指的数据集版本。", "this domain does not have the dataset version that the permit names"},
	"budget":            {Exhausted, Provider, "隐私预算不足，本域拒绝执行。", "the privacy budget does not suffice; the domain refuses"},
	"own-job":           {Denied, Bureau, "不得审核本人或本单位提交的作业。", "nobody checks a job of their own organisation"},
	"vote-twice":        {Conflict, Checker, "已表决，或表决已结束。", "this vote has been given, or voting has ended"},
	"not-checker":       {Denied, Bureau, "您不是该授权凭据指定的出域审核员。", "you are not one of the permit's output checkers"},
	"disk-full":         {Exhausted, Platform, "存储空间不足，未留下任何不完整数据；请清理后重试。", "the disk is full and nothing incomplete was kept; make room and try again"},
	"run-dead":          {Conflict, Nobody, "本次运行已终止：开启过程中断或密钥份额遗失过多，未输出任何结果；请重新提交作业。", "this run is dead: its opening was interrupted or too many key shares were lost; nothing went out; submit the job again"},
	"rejected":          {Denied, Operator, "出域审核未通过。", "the output checkers did not approve"},
	"vote-wait":         {Conflict, Checker, "须待另一名审核员提交密封表决后方可开启。", "the other checker's sealed vote must be in before yours is opened"},
	"unknown-key":       {Denied, Bureau, "此密钥未登记或已失效，请联系大数据部门登记。", "the key is not registered, or is no longer valid; ask the bureau to register one"},
	"root-only":         {Denied, Bureau, "登记单位、人员和进程须使用安装时交付的根密钥。", "only the root key given at installation registers organisations, people and processes"},
	"role":              {Denied, Bureau, "您的角色或单位不能办理此事项。", "your role or organisation may not do this"},
	"role-org":          {Invalid, Bureau, "单位未登记，或该类单位的人员不能担任此角色。", "the organisation is not registered, or none of its kind may hold this role"},
	"key-used":          {Conflict, Bureau, "该密钥已登记给他人或平台进程；请另行生成密钥。", "the key is registered for someone or something else; make another"},
	"registered":        {Conflict, Bureau, "该名称已登记，请改用其他名称。", "the name is registered already; use another"},
	"registration":      {Invalid, Bureau, "登记内容不完整或不合规范，请改正后重试。", "the registration is incomplete or not well-formed; correct it and try again"},
	"catalogue-entry":   {Invalid, Provider, "目录条目不完整或不合规范，请补全后重试。", "the catalogue entry is incomplete or not well-formed; complete it and try again"},
	"catalogue-domain":  {Conflict, Provider, "该数据域已由其他单位登记。", "the domain is registered by another organisation"},
	"catalogue-change":  {Conflict, Provider, "已登记的目录内容不得更改，只能新增版本；如需更改请另立条目。", "what the catalogue holds does not change; add versions, or make a new entry"},
	"uncatalogued":      {Denied, Operator, "申请的数据集、版本、数据项结构或提供单位与目录不一致，请按目录改正申请。", "a dataset, version, schema or provider is not as the catalogue has it; correct the application by the catalogue"},
	"identifier":        {Denied, Operator, "不得申请直接标识符；请从申请中删去该数据项。", "direct identifiers are never granted; leave the column out"},
	"licence":           {Denied, Bureau, "没有有效的数据授权运营资格，或资格已到期。", "there is no licence to operate in force, or it has expired"},
	"licence-operator":  {Invalid, Bureau, "只能授权已登记的数据授权运营方。", "only a registered operator is licensed"},
	"licence-term":      {Denied, Bureau, "授权运营期限超过三年须说明理由，且最长不超过五年。", "a term of more than three years needs a reason, and five is the most"},
	"licence-span":      {Denied, Operator, "申请的使用期限超出授权运营期限，请缩短使用期限。", "the term applied for reaches beyond the licence; shorten it"},
	"licence-purpose":   {Denied, Operator, "授权运营范围不包括申请的使用目的。", "the licence does not cover the purpose applied for"},
	"terms-keys":        {Denied, Operator, "申请中的人员、进程或其密钥与登记不一致，请按公开名录改正。", "a person, a process or a key is not as registered; correct the application by the directory"},
	"checkers":          {Denied, Operator, "审核员须为已登记的出域审核员，且不得来自申请单位。", "checkers must be registered output checkers, and not of the applicant's organisation"},
	"decision-foreign":  {Denied, Bureau, "该项决定不应由您作出。", "this decision is not yours to take"},
	"decision-early":    {Conflict, Bureau, "前一环节尚未完成，或该环节已经结束，现在不能作出此项决定。", "the stage before is not complete, or this one is past; the decision cannot be taken now"},
	"decision-twice":    {Conflict, Nobody, "您已作出此项决定。", "you have taken this decision already"},
	"vote-broken":       {Tampered, Checker, "表决与本候选结果不符，或与先前提交的承诺不符。", "the vote is not on this candidate, or not the one that was committed to"},
	"no-candidate":      {Conflict, Platform, "目前没有待审核的候选结果。", "there is no candidate to vote on now"},
	"request-time":      {Denied, Operator, "请求时间与平台时间相差过大；请校准时钟后重试。", "the request's time is too far from the platform's; set the clock and try again"},
	"request-replay":    {Conflict, Operator, "该请求已处理过；请重新签名后提交。", "this request has been heard already; sign a new one"},
	"request-foreign":   {Tampered, Operator, "请求并非发给本平台或本接口。", "the request was signed for another installation or another verb"},
	"too-large":         {Exhausted, Operator, "内容超过大小限制。", "it is larger than may be sent"},
	"upload":            {Denied, Operator, "上传内容未经签名请求预先声明，或与声明的摘要、大小不符。", "the upload was not announced by a signed request, or is not what was announced"},
	"program-missing":   {NotFound, Operator, "平台没有该摘要的程序；请先上传程序。", "the platform does not have the program of that digest; upload it first"},
	"output-identifier": {Denied, Operator, "输出的标题、代码或标签中出现直接标识符（公民身份号码、统一社会信用代码、手机号或银行卡号），请改正输出形状。", "a title, code or label of the output holds a direct identifier; correct the output's shape"},
	"shape-text":        {Invalid, Operator, "输出的标题、代码或标签过长或含不可发布的字符，请改正输出形状。", "a title, code or label of the output is too long or holds characters that may not be released; correct the output's shape"},
	"shape-size":        {Invalid, Operator, "输出表格过大，请减少维度、代码或标签长度。", "the output's table would be too large; use fewer or shorter codes and labels"},
	"permit-incomplete": {Denied, Operator, "授权凭据尚缺决定，请在申请中查看由谁办理。", "the permit lacks a decision; the application shows whose turn it is"},
	"gate-failed":       {Denied, Operator, "出域闸门的自动检查未通过，未输出任何结果；请调整统计口径后重新申请。", "the gate's automatic checks failed and nothing went out; coarsen the table and apply again"},
	"engines":           {Tampered, Platform, "两个执行引擎的结果不一致，已按事件处理，未输出任何结果；请联系平台运维方核查。", "two engines came to different results: an incident, and nothing goes out; ask whoever runs the platform to look into it"},
	"slots":             {Exhausted, Provider, "本次运行错过了授权凭据规定的全部发布时段，已终止，预算不退；请放宽时段后重新申请。", "the run missed every slot that its permit has, and is over; the budget is spent; apply again with later slots"},
	"replay-early":      {Conflict, Bureau, "本次运行尚未完成计算，或已被拒绝，不能复算。", "the run has not been computed yet, or was refused; there is nothing to replay"},
	"jail":              {Denied, Provider, "本域机器达不到所配置的隔离级别，未运行程序；请启用用户命名空间，或由提供方明确改为较低级别（config.json 的 jail）。", "the domain's machine cannot give the jail that it is configured for, and no guest ran; enable user namespaces, or let the provider lower the level by name (jail in config.json)"},
	"program-module":    {Guest, Operator, "此模块不会被准入，或不能初始化；请按所列位置与改法修改后重新编译。", "the module would not be admitted, or does not initialise; correct what is listed, and build it again"},
}
