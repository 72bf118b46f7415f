package papers

import (
	"slices"
	"strings"

	"github.com/yunei/yunei/governance/profile"
)

// Words of sheets.
const (
	Unconditional = "unconditional"
	Conditional   = "conditional"
	NotShared     = "not-shared" // 不予共享
	Closed        = "closed"     // 不予开放
	None          = "none"
	Listed        = "listed" // 在负面清单内
	ByLaw         = "law"
	ByConsent     = "consent"
	Person        = "person"
	Body          = "body"
	Thing         = "thing"
)

const maxItems = 2000 // of an entry

// Check lists what the city asks of an entry and the sheet does not give.
func (s Sheet) Check(p profile.Profile) []Missing {
	c := begin(p)
	c.need(id(s.Dataset), "dataset", "数据集标识", "the dataset's id")
	c.need(id(s.Provider), "provider", "数据提供方标识", "the provider's id")
	s.secrecy(c)
	s.sharing(c)
	s.opening(c)
	s.graded(c)
	s.kept(c)
	s.filled(c)
	s.related(c)
	s.answered(c)
	s.itemised(c)
	return c.said
}

// secrecy refuses what is secret: the platform is no place for it, and no
// answer is no answer.
func (s Sheet) secrecy(c *checker) {
	c.need(s.Secrecy == None, "secrecy", "涉密数据（或未说明是否涉密）不得进入平台", "state secrets, and data of which it is not said, are refused", "secrets.refused")
	if s.Negative == Listed {
		c.need(s.Share == NotShared && s.Open == Closed, "negative", "负面清单内的数据不予共享、不予开放", "what the negative list holds is neither shared nor opened", "negative_list.kept")
		return
	}
	c.ask(s.Negative == None, "negative", "是否列入负面清单", "whether the negative list holds it", "negative_list.kept")
}

// listed puts the catalogue's list of fields before other keys, if it has one of
// the words.
func listed(c *checker, keys []string, words ...string) []string {
	if slices.ContainsFunc(words, func(w string) bool { return c.has("catalogue.fields", w) }) {
		return append([]string{"catalogue.fields"}, keys...)
	}
	return keys
}

func (s Sheet) sharing(c *checker) {
	c.need(s.Share != "", "share", "共享属性（类型）", "the type of sharing", listed(c, []string{"share.type_each", "share.types"}, "share-attribute", "share-type")...)
	c.need(slices.Contains(c.words("share.types"), s.Share), "share", "共享类型（逐一注明）", "the type of sharing", "share.type_each", "share.types")
	switch s.Share {
	case Conditional:
		s.based(c, "share.conditional_basis")
	case NotShared:
		s.based(c, "share.not_shared_basis")
	}
	if s.Share == Unconditional || s.Share == NotShared {
		c.ask(s.Conditions == "", "conditions", "不得对此类数据增设共享条件", "no conditions may be added", "share.no_extra_conditions")
	} else if s.Share == Conditional && s.Conditions != "" {
		c.ask(cited(s.ShareBasis) || text(s.ShareReason), "share_basis", "设定条件须有依据", "conditions need a basis", "share.no_extra_conditions")
	}
}

// based asks for what stands behind a type of sharing.
func (s Sheet) based(c *checker, key string) {
	for _, w := range c.words(key) {
		zh, en := called(w)
		switch w {
		case "law":
			c.ask(cited(s.ShareBasis), "share_basis", "共享类型的"+zh, en+" for the type of sharing", key)
		case "basis":
			c.ask(cited(s.ShareBasis) || text(s.ShareReason), "share_basis", "共享类型的"+zh, en+" for the type of sharing", key)
		case "reason":
			c.ask(text(s.ShareReason), "share_reason", "共享类型的"+zh, en+" for the type of sharing", key)
		case "conditions":
			c.ask(text(s.Conditions), "conditions", "共享"+zh, en+" of sharing", key)
		case "filing":
			c.ask(text(s.Filing), "filing", "不予共享的"+zh, en+" of not sharing", key)
		}
	}
}

// opening asks why data are closed, and of open ones that would be, what was
// done to them. Data on persons are opened anonymised or with consent only: a
// pseudonym is still somebody's.
func (s Sheet) opening(c *checker) {
	c.need(s.Open != "", "open", "开放属性（类型）", "the type of opening", listed(c, []string{"open.types"}, "open-attribute")...)
	c.need(slices.Contains(c.words("open.types"), s.Open), "open", "开放类型", "the type of opening", "open.types")
	if s.Open == Closed {
		if grounds := c.words("open.closed"); len(grounds) > 0 {
			c.need(slices.Contains(grounds, s.OpenWhy), "open_why", "不予开放的法定情形", "the ground for not opening", "open.closed")
		} else {
			c.need(text(s.OpenWhy), "open_why", "不予开放的理由", "the reason for not opening", "open.closed")
		}
		if s.OpenWhy == ByLaw {
			c.need(cited(s.OpenBasis), "open_basis", "规定不予开放的法律法规", "the law that forbids opening", "open.closed")
		}
		return
	}
	if s.Open == Conditional {
		if when := c.words("open.conditional_when"); len(when) > 0 {
			c.need(slices.Contains(when, s.OpenWhy), "open_why", "列为有条件开放的情形", "why opening is conditional", "open.conditional_when")
		}
	}
	switch {
	case s.personal():
		ok := c.has("open.unlock", s.Unlocked) && (s.Unlocked == "anonymisation" || s.Unlocked == ByConsent)
		c.need(ok, "unlocked", "个人信息须经匿名化或取得同意方可开放，去标识化不足", "personal data are opened anonymised or with consent; pseudonyms will not do", "open.unlock")
	case s.sensitive() || s.Unlocked != "":
		c.need(c.has("open.unlock", s.Unlocked), "unlocked", "敏感数据须经规定的处理方可开放", "sensitive data are opened after the processing that the rule names", "open.unlock")
	}
}

func (s Sheet) personal() bool {
	return slices.ContainsFunc(s.Items, func(i Item) bool { return i.Subject == Person })
}

func (s Sheet) sensitive() bool {
	return slices.ContainsFunc(s.Items, func(i Item) bool { return i.Sensitive })
}

// graded asks for class and grade (GB/T 43697-2024).
func (s Sheet) graded(c *checker) {
	c.need(s.Class != "", "class", "数据类别", "the class", listed(c, []string{"security.grading"}, "class")...)
	c.need(slices.Contains([]string{"general", "important", "core"}, s.Class), "class", "数据类别（GB/T 43697：一般、重要、核心）", "the class, by GB/T 43697", "security.grading")
	c.need(s.Grade != 0, "grade", "数据级别", "the grade", listed(c, []string{"security.grading"}, "level")...)
	c.need(s.Grade >= 1 && s.Grade <= 4, "grade", "数据级别（1 至 4）", "the grade, 1 to 4", "security.grading")
}

// kept asks how often the data are brought up to date, and for a basis where
// they are not gathered.
func (s Sheet) kept(c *checker) {
	c.need(s.UpdateDays > 0 && s.UpdateDays <= 3660, "update_days", "更新周期（日）", "the update cycle, in days", "catalogue.fields", "quality.freshness")
	switch s.Gathering {
	case None:
		c.ask(cited(s.GatheringBasis), "gathering_basis", "不归集的法律法规依据", "a basis in law for not gathering", "catalogue.not_gathered_basis")
	case "physical", "logical":
	default:
		c.ask(s.Gathering != "", "gathering", "归集方式（physical、logical 或 none）", "how the data are gathered", "catalogue.not_gathered_basis")
		c.need(s.Gathering == "", "gathering", "归集方式（physical、logical 或 none）", "how the data are gathered", "catalogue.not_gathered_basis")
	}
}

// filled asks for the words of the catalogue and, of what is opened, of the
// open list. Some of them have a field of their own and are asked for there.
func (s Sheet) filled(c *checker) {
	for _, key := range []string{"catalogue.fields", "open.list_fields"} {
		if key == "open.list_fields" && s.Open != Unconditional && s.Open != Conditional {
			continue
		}
		for _, w := range c.words(key) {
			if slices.Contains(structured, w) || w == "conditions" && s.Open != Conditional {
				continue
			}
			zh, en := called(w)
			if w == "share-conditions" {
				c.need(s.Share != Conditional || text(s.Conditions), "conditions", zh, en, key)
				continue
			}
			c.need(text(s.Fields[w]), "fields."+w, "目录要素："+zh, en, key)
		}
	}
	for _, at := range []struct {
		field string
		texts map[string]string
	}{{"fields", s.Fields}, {"lineage", s.Lineage}} {
		for w, v := range at.texts {
			if len(at.texts) > 64 || profile.Called(w).ZH == "" || !bounded(v) {
				c.need(false, at.field, "含有不认识的要素或过长的文字", "a word that is not known, or a text too long")
			}
		}
	}
	c.need(s.Event == "" || id(s.Event), "event", "突发事件标识", "the emergency's id", "emergency.disposal")
	for _, at := range [][2]string{{"share_reason", s.ShareReason}, {"conditions", s.Conditions}, {"filing", s.Filing}, {"registration", s.Registration}} {
		c.need(bounded(at[1]), at[0], "文字未填、过长或含控制字符", "not filled in, too long, or control characters")
	}
}

// structured lists the words of the catalogue that have a field of their own.
var structured = strings.Fields("class level share-attribute share-type open-attribute type update-cycle frequency")

// related asks for the lineage 业务-系统-目录-数据 as the city has it.
func (s Sheet) related(c *checker) {
	for _, w := range c.words("catalogue.lineage") {
		zh, en := called(w)
		c.need(text(s.Lineage[w]), "lineage."+w, "目录关联关系："+zh, "lineage: "+en, "catalogue.lineage")
	}
}

// answered asks for those whom the provider has to name.
func (s Sheet) answered(c *checker) {
	for _, w := range c.words("org.officers") {
		zh, en := called(w)
		c.need(text(s.Fields[w]), "fields."+w, "数据提供方须明确："+zh, "the provider has to name: "+en, "org.officers")
	}
}
