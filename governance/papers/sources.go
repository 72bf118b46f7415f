package papers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yunei/yunei/governance/profile"
)

// Clashes lists the items of a new sheet for which a published one names another
// department: an item has one lawful source (一数一源). An earlier sheet of the same
// dataset is the one that is replaced.
func Clashes(p profile.Profile, published []Sheet, s Sheet) []Missing {
	type claim struct{ source, dataset string }
	c, claims := begin(p), map[string]claim{}
	for _, other := range published {
		for _, i := range other.Items {
			if other.Dataset != s.Dataset {
				claims[i.Code] = claim{i.Source, other.Dataset}
			}
		}
	}
	for n, i := range s.Items {
		was, there := claims[i.Code]
		zh := fmt.Sprintf("数据项 %s 的法定数源部门已登记为 %s（目录 %s）；一个数据项只有一个来源", i.Code, was.source, was.dataset)
		en := fmt.Sprintf("item %s has the source %s already, in %s; an item has one", i.Code, was.source, was.dataset)
		c.need(!there || was.source == i.Source, fmt.Sprintf("items.%d.source", n+1), zh, en, "source.unique", "source.register", "source.no_repeat")
	}
	return c.said
}

// Doubts are warnings, and stop nothing: items whose name is a topic for which
// the city's text names the department, on a sheet whose source is another by
// its name. Whether the item is of the topic is for people to say.
func Doubts(p profile.Profile, s Sheet) []Missing {
	c := begin(p)
	said := s.Fields["source"] + s.Fields["collector"] + s.Fields["supplier"]
	for n, i := range s.Items {
		for _, key := range []string{"source.persons", "source.bodies", "source.land"} {
			for at, entry := range c.words(key) {
				topic, departments, ok := strings.Cut(entry, "：")
				if !ok || !about(i.Name, topic) || oneOf(said+i.Source, departments) {
					continue
				}
				m := Missing{
					Field: fmt.Sprintf("items.%d.source", n+1),
					ZH:    fmt.Sprintf("%s的法定数源部门是%s，本条目所载来源不同，请核对", topic, departments),
					EN:    fmt.Sprintf("the text names %s as the source of %s; the sheet names another", departments, topic),
				}
				m.cite(p, key, at)
				c.said = append(c.said, m)
			}
		}
	}
	return c.said
}

// about reports whether an item's name has the words of a topic.
func about(name, topic string) bool {
	for part := range strings.SplitSeq(strings.TrimSuffix(topic, "等"), "、") {
		part = strings.TrimSuffix(strings.TrimSuffix(part, "数据"), "等")
		if len([]rune(part)) >= 2 && strings.Contains(name, part) {
			return true
		}
	}
	return false
}

func oneOf(said, departments string) bool {
	return slices.ContainsFunc(strings.Split(strings.TrimSuffix(departments, "等"), "、"), func(d string) bool { return strings.Contains(said, d) })
}
