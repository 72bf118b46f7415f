package docs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
)

// cities is the page that lays the cities' rules side by side.
const cities = "docs/CITIES.md"

func rules(t *testing.T) []profile.Profile {
	t.Helper()
	all, err := profiles.All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// texts is the table of the cities' documents.
func texts(t *testing.T) string {
	t.Helper()
	out := "| 城市 city | 文件 document | 状态 status | 法定 law | 内部 house | 未规定 none | 须强制的条款 rows that bind |\n|---|---|---|---|---|---|---|\n"
	for _, p := range rules(t) {
		law, house, none := p.Count()
		binding := 0
		for _, row := range p.Rows() {
			if row.Tier.Binds() {
				binding++
			}
		}
		d := p.Documents()[0]
		out += fmt.Sprintf("| %s %s | 《%s》 | **%s** %s | %d | %d | %d | %d |\n", p.City().ZH, p.City().EN, d.Title.ZH, d.Status.Name().ZH, d.Status.Name().EN, law, house, none, binding)
	}
	return out
}

// sideBySide is a table of every key on which some city has law, and one of the
// keys on which all are silent.
func sideBySide(t *testing.T) string {
	t.Helper()
	all := rules(t)
	head, rule := "| 项 key |", "|---|"
	for _, p := range all {
		head, rule = head+" "+p.City().ZH+" |", rule+"---|"
	}
	law, house := head+"\n"+rule+"\n", "| 项 key | 取值 value |\n|---|---|\n"
	for _, k := range profile.Keys() {
		line, lawful, first := fmt.Sprintf("| %s `%s` |", k.Name.ZH, k.Key), false, ""
		for _, p := range all {
			r, err := p.Rule(k.Key)
			if err != nil {
				t.Fatal(err)
			}
			line += " " + cell(k, r) + " |"
			lawful = lawful || r.Source == profile.Law
			if zh, _ := k.Show(r.Value); !r.Value.None() && !slices.Contains(strings.Split(first, "；"), zh) {
				first = strings.Trim(first+"；"+zh, "；")
			}
		}
		switch {
		case lawful:
			law += line + "\n"
		case first != "":
			house += fmt.Sprintf("| %s `%s` | %s |\n", k.Name.ZH, k.Key, first)
		}
	}
	return law + "\n各城市均未规定、一律采用内部规则（非法定）的项 where every text is silent and the value is ours:\n\n" + house
}

func cell(k profile.Key, r profile.Rule) string {
	zh, _ := k.Show(r.Value)
	switch {
	case r.Value.None():
		return "—"
	case r.Source == profile.House:
		return "*" + zh + "（内部）*"
	}
	var places []string
	for _, b := range r.Basis {
		place := fmt.Sprintf("%d", b.Article)
		if b.Paragraph > 1 {
			place += fmt.Sprintf("(%d)", b.Paragraph)
		}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	words := map[profile.Modality]string{profile.Principle: "，原则上", profile.May: "，可以"}
	if len(r.Value.List()) > 6 && k.Type == profile.Texts {
		zh = fmt.Sprintf("%d 类", len(r.Value.List()))
	}
	return fmt.Sprintf("%s（第 %s 条%s）", zh, strings.Join(places, "、"), words[r.Modality])
}

// coverage is, by city, each demand of its text, how far the software goes, and
// the keys that stand for it.
func coverage(t *testing.T) string {
	t.Helper()
	out := ""
	for _, p := range rules(t) {
		out += fmt.Sprintf("\n### %s %s（%s）\n\n| 条款 row | 级 | 要求 demand | 规则 keys |\n|---|---|---|---|\n", p.City().ZH, p.City().EN, p.Documents()[0].Status.Name().ZH)
		for _, row := range p.Rows() {
			keys := ""
			if len(row.Keys) > 0 {
				keys = "`" + strings.Join(row.Keys, "` `") + "`"
			}
			out += fmt.Sprintf("| %s | %s | %s | %s |\n", row.ID, strings.ReplaceAll(string(row.Tier), "*", `\*`), row.Demand, keys)
		}
	}
	return out
}

// bases is the table of the gates and the articles that each cites.
func bases(t *testing.T) string {
	t.Helper()
	all := rules(t)
	out, rule := "| 闸门 gate |", "|---|"
	for _, p := range all {
		out, rule = out+" "+p.City().ZH+" |", rule+"---|"
	}
	out += "\n" + rule + "\n"
	for _, g := range profile.Gates() {
		out += "| " + g + " |"
		for _, p := range all {
			var places []string
			for _, channel := range []string{profile.ByOperation, profile.BySharing, profile.ByOpening} {
				for _, r := range p.Gate(g, channel) {
					if r.Source != profile.Law {
						continue
					}
					if place := fmt.Sprintf("%d", r.Basis[0].Article); !slices.Contains(places, place) {
						places = append(places, place)
					}
				}
			}
			if len(places) == 0 {
				out += " *内部* |"
				continue
			}
			out += " 第 " + strings.Join(places, "、") + " 条 |"
		}
		out += "\n"
	}
	return out
}
