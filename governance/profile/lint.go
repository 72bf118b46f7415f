package profile

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/yunei/yunei/suite"
)

// A Finding is something that a profile says and its text does not.
type Finding struct {
	Profile string `json:"profile"`
	Where   string `json:"where"` // a key, a row or a document
	Name
}

// Lint holds what a profile quotes against the texts: each document is the text
// of its digest and of no other bytes, shows its title and its status, and
// has each quote in the very paragraph or item that is named. And the other way
// round: a term in working days that a text sets and no rule quotes is found.
// There is nothing to find in a base layer, which quotes nothing.
func Lint(p Profile, texts [][]byte) []Finding {
	l := linter{p: p, articles: map[string][]Article{}, lost: map[string]bool{}}
	for _, d := range p.said.Documents {
		l.document(d, texts)
	}
	for _, r := range p.said.Rules {
		for i, b := range r.Basis {
			where := r.Key
			if len(r.Basis) > 1 {
				where = fmt.Sprintf("%s #%d", r.Key, i+1)
			}
			l.basis(where, b)
		}
	}
	for _, d := range p.said.Documents {
		l.terms(d)
	}
	for _, row := range p.said.Rows {
		for _, n := range row.Articles {
			if doc := l.first(); doc != "" && n > len(l.articles[doc]) {
				l.find(row.ID, "文本没有第"+chinese(n)+"条", "the text has no article %d", n)
			}
		}
	}
	return l.found
}

type linter struct {
	p        Profile
	articles map[string][]Article // by document
	lost     map[string]bool      // documents without a text, said once
	found    []Finding
}

func (l *linter) find(where, zh, en string, args ...any) {
	l.found = append(l.found, Finding{l.p.ID(), where, Name{zh, fmt.Sprintf(en, args...)}})
}

// first is the document that rows are of, "" if its text is not there.
func (l *linter) first() string {
	if len(l.p.said.Documents) == 0 || l.lost[l.p.said.Documents[0].ID] {
		return ""
	}
	return l.p.said.Documents[0].ID
}

func (l *linter) document(d Document, texts [][]byte) {
	for _, text := range texts {
		if string(suite.DigestOf(text)) != d.Source {
			continue
		}
		articles, err := Articles(text, d.EndsBefore)
		if err != nil {
			l.find(d.ID, "文本无法分条", "the text does not split into articles: %v", err)
			break
		}
		l.articles[d.ID] = articles
		if !strings.Contains(string(text), d.Heading) {
			l.find(d.ID, "文本中没有标题", "the text does not show its title")
		}
		if !strings.Contains(string(text), d.StatusQuote) {
			l.find(d.ID, "文本中没有表明其效力状态的文字", "the text does not show the status")
		}
		return
	}
	l.lost[d.ID] = true
	l.find(d.ID, "没有摘要相符的文本，未核对其引文", "no text has the digest %s; its quotes were not checked", d.Source)
}

func (l *linter) basis(where string, b Basis) {
	if l.lost[b.Document] {
		return
	}
	zh, en := place(b)
	articles := l.articles[b.Document]
	if b.Article > len(articles) || b.Paragraph > len(articles[b.Article-1].Paragraphs) {
		l.find(where, "文本没有"+zh, "the text has no %s", en)
		return
	}
	of := articles[b.Article-1].Paragraphs[b.Paragraph-1]
	text := of.Text
	if b.Item > 0 {
		if b.Item > len(of.Items) {
			l.find(where, "文本没有"+zh, "the text has no %s", en)
			return
		}
		text = of.Items[b.Item-1]
	}
	if !strings.Contains(text, b.Quote) {
		l.find(where, zh+"没有所引文字“"+b.Quote+"”", "%s does not say %q", en, b.Quote)
	}
}

var workingDays = regexp.MustCompile(`[0-9]{1,4}\s?[个個]工作日`)

// terms finds the terms of a text that no quote of the same place has.
func (l *linter) terms(d Document) {
	for _, a := range l.articles[d.ID] {
		for i, par := range a.Paragraphs {
			for j, text := range append([]string{par.Text}, par.Items...) {
				for _, term := range workingDays.FindAllString(text, -1) {
					if at := (Basis{Document: d.ID, Article: a.Number, Paragraph: i + 1, Item: j}); !l.quoted(at, term) {
						zh, en := place(at)
						l.find(d.ID, zh+"规定的“"+term+"”没有对应的规则", "%s sets a term (%s) that no rule quotes", en, term)
					}
				}
			}
		}
	}
}

func (l *linter) quoted(at Basis, term string) bool {
	for _, r := range l.p.said.Rules {
		for _, b := range r.Basis {
			if b.Document == at.Document && b.Article == at.Article && b.Paragraph == at.Paragraph && b.Item == at.Item && strings.Contains(b.Quote, term) {
				return true
			}
		}
	}
	return false
}
