package papers

import (
	"fmt"
	"slices"
)

// itemised asks of each data item who answers for it, and how persons and
// bodies are named in it.
func (s Sheet) itemised(c *checker) {
	c.need(len(s.Items) > 0 && len(s.Items) <= maxItems, "items", "数据项清单", "the list of data items", "source.list", "source.unique", "source.no_repeat")
	seen := map[string]bool{}
	for n, i := range s.Items[:min(len(s.Items), maxItems)] {
		at := fmt.Sprintf("items.%d.", n+1)
		c.need(text(i.Code) && len(i.Code) <= 100 && !seen[i.Code], at+"code", "数据项代码（不重复）", "the item's code, once", "source.unique", "source.no_repeat")
		seen[i.Code] = true
		c.need(text(i.Name), at+"name", "数据项名称", "the item's name")
		c.need(id(i.Source), at+"source", "法定数源部门（一数一源）", "the one department that answers for the item", "source.register", "source.unique", "source.no_repeat")
		c.need(slices.Contains([]string{Person, Body, Thing}, i.Subject), at+"subject", "数据主体类型（person、body 或 thing）", "person, body or thing")
		c.need(bounded(i.Column), at+"column", "字段名", "the column")
		i.identified(c, at)
		i.lawful(c, at)
	}
	s.named(c, Person, "identifier.person", "自然人数据须以规定的证件号码为标识", "data on persons are identified by the documents that the rule names")
	s.named(c, Body, "identifier.body", "法人和其他组织数据须以规定的代码为标识", "data on bodies are identified by the codes that the rule names")
}

// identified refuses an identifier that the city does not know.
func (i Item) identified(c *checker, at string) {
	key := map[string]string{Person: "identifier.person", Body: "identifier.body"}[i.Subject]
	if i.Identifier == "" {
		return
	}
	c.need(key != "" && c.has(key, i.Identifier), at+"identifier", "标识须为规定的证件号码或代码", "an identifier that the rule names", "identifier.person", "identifier.body")
}

// named asks that data on persons or bodies have such an identifier.
func (s Sheet) named(c *checker, subject, key, zh, en string) {
	there, ok := false, false
	for n, i := range s.Items {
		if i.Subject != subject {
			continue
		}
		there = true
		ok = ok || c.has(key, i.Identifier) || c.fields[fmt.Sprintf("items.%d.identifier", n+1)]
	}
	c.ask(!there || ok, "identifier."+subject, zh, en, key)
}

// lawful asks for the law or the consent that the item rests on: of data on
// persons always, of others where the city says so.
func (i Item) lawful(c *checker, at string) {
	keys := []string{"consent.outside_law", "personal.basis"}
	switch i.Basis {
	case ByLaw:
		c.need(i.Law != nil && cited([]Citation{*i.Law}), at+"law", "采集所依据的法律法规条款", "the article that it is collected under", keys...)
	case ByConsent:
		c.need(id(i.Consent), at+"consent", "被采集人同意书标识", "the id of the consent", keys...)
	case "":
		_, everywhere := c.key(keys[:1])
		c.need(i.Subject != Person && !everywhere, at+"basis", "采集依据：法定或同意", "law or consent", keys...)
	default:
		c.need(false, at+"basis", "采集依据：法定或同意", "law or consent", keys...)
	}
}
