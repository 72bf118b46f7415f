package check

import (
	"fmt"
	"strings"

	"github.com/yunei/yunei/gate/identifier"
	"github.com/yunei/yunei/gate/sheet"
)

// texts are all that leaves with a table and is not a number: names of columns,
// codes, and the title.
func texts(t sheet.Table) []string {
	out := []string{t.Title}
	for _, d := range t.Grid.Dims {
		out = append(out, d.Name)
	}
	for _, f := range t.Figures {
		out = append(out, f.Name)
	}
	seen := map[string]bool{}
	for _, r := range t.Rows {
		for _, code := range t.Grid.Label(r.Item) {
			if !seen[code] {
				seen[code] = true
				out = append(out, code)
			}
		}
	}
	return out
}

// identifiers is C04. It names kinds and never the text: a record is read by
// more people than the table.
func identifiers(s *state) finding {
	all := texts(s.c.Table)
	var zh, en []string
	n := int64(0)
	seen := map[identifier.Kind]bool{}
	for _, t := range all {
		if k, found := identifier.Find(t); found {
			if n++; !seen[k] {
				seen[k] = true
				zh, en = append(zh, k.ZH()), append(en, k.EN())
			}
		}
	}
	if keys := s.c.Facts.Keys(all); len(keys) > 0 {
		n += int64(len(keys))
		zh, en = append(zh, "微观数据中的单位标识"), append(en, "a unit key of the microdata")
	}
	if n == 0 {
		return finding{status: Pass, zh: "标题、列名和代码中没有发现直接标识符。", en: "no direct identifier was found in title, names of columns and codes"}
	}
	return finding{
		status: Block, zh: fmt.Sprintf("%d 处文字含直接标识符：%s。", n, strings.Join(zh, "、")), en: fmt.Sprintf("%d texts hold direct identifiers: %s", n, strings.Join(en, ", ")),
		evidence: map[string]int64{"texts": n},
		nextZH:   "换用不指向个体的代码", nextEN: "use codes that point at nobody",
	}
}
