package oversight

import "github.com/yunei/yunei/governance/profile"

// A Fault is a kind of conduct that the texts tell to be rectified. Keys are the
// rules that it breaks, Articles where a text lists it among the faults, by
// document. A fault of Declared is seen from inside by nobody: only a person says
// that it is there.
type Fault struct {
	ID       string
	Name     profile.Name
	Keys     []string
	Articles []profile.Basis
	Declared bool
	find     func(Facts) []hit
}

// The articles on faults: 贵阳贵安 第四十四条, 东莞 第五十条 and 第五十一条, 崇明
// 第三十三条. Wuxi and Shijiazhuang list none; there a finding cites the rule that
// is broken.
func gy(item int, quote string) profile.Basis { return listed("gy", 44, item, quote) }
func dg(item int, quote string) profile.Basis { return listed("dg", 50, item, quote) }
func cm(item int, quote string) profile.Basis { return listed("cm", 33, item, quote) }

func listed(doc string, article, item int, quote string) profile.Basis {
	return profile.Basis{Document: doc, Article: article, Paragraph: 1, Item: item, Quote: quote}
}

// Faults lists what is looked for, in the order of the articles. What a text asks
// of an incident that has happened (东莞 第五十一条第（四）项) is not found in a duty
// that is merely late: it is declared.
func Faults() []Fault {
	return []Fault{
		{ID: "catalogue", Name: profile.Name{ZH: "未按规定编制或者更新目录", EN: "a catalogue not made or kept as ruled"}, Keys: []string{"catalogue.update_wd", "catalogue.bound"}, Articles: []profile.Basis{gy(1, "未按规定编制或者更新公共数据目录的"), dg(2, "未按照要求编制或者更新公共数据资源目录"), cm(3, "未按照本办法规定编制公共数据目录的")}, find: catalogueFaults},
		{ID: "gathering", Name: profile.Name{ZH: "数据未按更新周期更新", EN: "data not as fresh as their catalogue says"}, Keys: []string{"quality.freshness", "catalogue.fields"}, Articles: []profile.Basis{gy(2, "未及时向公共数据平台归集数据或者归集数据不符合标准要求的"), dg(3, "未按要求将本机构管理的公共数据接入市级大数据中心"), cm(4, "未按照本办法规定收集、归集、共享、开放公共数据的")}, find: stale},
		{ID: "sharing", Name: profile.Name{ZH: "未在时限内答复共享或者开放申请", EN: "a request to share or open not answered in time"}, Keys: []string{"share.reply_wd", "open.reply_wd"}, Articles: []profile.Basis{gy(3, "未按规定共享或者开放公共数据的"), dg(1, "未按要求采集、核准与提供本机构负责范围的业务数据"), cm(4, "未按照本办法规定收集、归集、共享、开放公共数据的")}, find: unanswered},
		{ID: "supply", Name: profile.Name{ZH: "数源部门审核超期", EN: "a provider's review overdue"}, Keys: []string{"authop.provider_review_wd"}, Articles: []profile.Basis{dg(1, "未按要求采集、核准与提供本机构负责范围的业务数据")}, find: unreviewed},
		{ID: "repetition", Name: profile.Name{ZH: "重复采集", EN: "the same item collected twice"}, Keys: []string{"source.no_repeat", "source.unique"}, Articles: []profile.Basis{gy(4, "重复收集数据的"), dg(8, "要求单位或者个人重复提供证明材料")}, find: repeated},
		{ID: "objection", Name: profile.Name{ZH: "未及时核查异议", EN: "an objection not looked into in time"}, Keys: []string{"objection.verify_wd", "correction.wd"}, Articles: []profile.Basis{gy(5, "未及时核查其他机关、单位提出存在异议的公共数据的")}, find: lateKind("objection.resolve")},
		{ID: "undone", Name: profile.Name{ZH: "未按规定校核、封存、撤回或者处置", EN: "not corrected, sealed, withdrawn or disposed of"}, Keys: []string{"share.disposal", "withdrawal.confirm_wd"}, Articles: []profile.Basis{gy(6, "未按规定校核、封存、撤回公共数据或者关停数据应用的"), dg(9, "未按照规定对应当归档或者销毁的公共数据进行处理")}, find: undone},
		{ID: "purpose", Name: profile.Name{ZH: "用于其他目的", EN: "used for another purpose"}, Keys: []string{"purpose.bound", "share.purpose_bound"}, Articles: []profile.Basis{gy(7, "将共享获取的公共数据用于其他目的的"), dg(4, "未按照规定使用共享数据"), cm(1, "未按照本办法规定收集或者使用数据的")}, find: drifted},
		{ID: "alteration", Name: profile.Name{ZH: "擅自更改或者删除", EN: "changed or deleted without right"}, Keys: []string{"evidence.use_ledger", "catalogue.lock"}, Articles: []profile.Basis{gy(8, "擅自更改或者删除公共数据的"), dg(6, "擅自更改或者删除公共数据")}, find: altered},
		{ID: "security", Name: profile.Name{ZH: "未依法履行安全管理职责", EN: "a security duty unmet"}, Keys: []string{"security.drill", "security.assessment", "security.attestation"}, Articles: []profile.Basis{gy(9, "未依法履行公共数据安全管理职责的"), cm(7, "未按照本办法规定履行公共数据安全管理职责的")}, find: insecure},
		{ID: "personal", Name: profile.Name{ZH: "未履行个人信息保护义务", EN: "a duty towards personal data unmet"}, Keys: []string{"personal.basis", "personal.assessment"}, Articles: []profile.Basis{listed("dg", 51, 1, "未履行个人信息保护义务")}, find: unbased},
		{ID: "quality", Name: profile.Name{ZH: "未履行质量管理义务", EN: "a duty towards quality unmet"}, Keys: []string{"quality.traceable", "correction.wd"}, Articles: []profile.Basis{cm(5, "未按照本办法规定履行公共数据质量管理义务的")}, find: flawed},
		{ID: "outside", Name: profile.Name{ZH: "未经法定渠道提供给市场主体", EN: "handed to market players outside a lawful channel"}, Keys: []string{"channel.kinds"}, Articles: []profile.Basis{cm(6, "未通过公共数据开放或者授权运营等法定渠道，擅自将公共数据提供给市场主体的")}, find: channelless},
		{ID: "leak", Name: profile.Name{ZH: "泄露、出售或者非法提供", EN: "leaked, sold or given out unlawfully"}, Keys: []string{"output.recipients", "output.no_harm"}, Articles: []profile.Basis{dg(5, "违规泄露、出售或者非法向其他单位和个人提供涉及商业秘密、个人信息和隐私的公共数据"), listed("dg", 51, 2, "侵犯他人商业秘密、个人隐私等合法权益"), listed("dg", 51, 3, "利用公共数据获取非法利益")}, Declared: true},
		{ID: "channel", Name: profile.Name{ZH: "擅自新建平台或者渠道", EN: "a platform or channel of one's own"}, Keys: []string{"platform.sole"}, Articles: []profile.Basis{cm(2, "擅自新建跨部门、跨层级的数据资源平台、共享、开放渠道，或者未按规定进行整合的")}, Declared: true},
		{ID: "incident", Name: profile.Name{ZH: "发生危害公共数据安全的事件", EN: "an incident that harms the security of public data"}, Keys: []string{"incident.remedy", "incident.actions"}, Articles: []profile.Basis{listed("dg", 51, 4, "未按照规定采取安全保障措施，发生危害公共数据安全的事件")}, Declared: true},
		{ID: "documents", Name: profile.Name{ZH: "未按照要求使用电子签名、印章、证照、档案", EN: "electronic documents not used as asked for"}, Keys: []string{"grant.signed"}, Articles: []profile.Basis{dg(7, "未按照要求使用电子签名、电子印章、电子证照、电子档案")}, Declared: true},
		{ID: "other", Name: profile.Name{ZH: "违反规定的其他情形", EN: "another breach"}, Keys: []string{"rectify.notice"}, Articles: []profile.Basis{gy(10, "违反本办法规定的其他情形"), dg(11, "其他违反法律、法规、规章规定的行为"), cm(8, "违反本办法规定的其他行为")}, Declared: true},
	}
}

// FaultOf is the fault of an id.
func FaultOf(id string) (Fault, bool) {
	for _, x := range Faults() {
		if x.ID == id {
			return x, true
		}
	}
	return Fault{}, false
}

// Cites are where the city lists the fault, and the rule that it breaks. The rule
// is the city's own if it has one, otherwise the house's.
func (x Fault) Cites(p profile.Profile, key string) []Cite {
	var all []Cite
	for _, b := range x.Articles {
		if c := lawful(p, b, "rectify.notice"); c.ZH != "" {
			all = append(all, c)
		}
	}
	if key == "" {
		key = firstLaw(p, x.Keys...)
	}
	if key != "" {
		all = append(all, CiteOf(p, key))
	}
	return all
}
