package papers

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
)

// How a rule that no text stands for is cited.
const (
	house   = "内部规则（非法定）"
	houseEN = "a rule of the house, not law"
)

// A Missing is one thing that a city asks of a paper and the paper does not
// give, with the rule that asks for it.
type Missing struct {
	Key   string `json:"key,omitempty"` // of the profile; empty: a matter of form
	Field string `json:"field"`         // of the paper
	ZH    string `json:"zh"`            // what, in words
	EN    string `json:"en"`
	// Cite is where the rule stands, with the status of its document, and Quote its
	// words there; Reading has them in simplified characters where they are not.
	Cite    string         `json:"cite"`
	CiteEN  string         `json:"cite_en"`
	Quote   string         `json:"quote,omitempty"`
	Reading string         `json:"reading,omitempty"`
	Source  profile.Source `json:"source"`
	// Reasoned is set where the rule holds in principle only: the paper may give a
	// reason, and people decide on it.
	Reasoned bool `json:"reasoned,omitempty"`
}

// cite fills in where the rule of a key stands: its basis of number at.
func (m *Missing) cite(p profile.Profile, key string, at int) {
	m.Key, m.Cite, m.CiteEN, m.Source = key, house, houseEN, profile.House
	r, err := p.Rule(key)
	if err != nil {
		return
	}
	m.Reasoned = r.Override == profile.Reasoned
	if r.Source != profile.Law || at >= len(r.Basis) {
		return
	}
	b := r.Basis[at]
	m.Source, m.Quote, m.Reading = profile.Law, b.Quote, b.Reading
	m.Cite, m.CiteEN = p.Cite(b)
}

// A checker collects what is missing: one thing for each field, the first that
// was found.
type checker struct {
	p      profile.Profile
	said   []Missing
	fields map[string]bool
	reason bool // the paper gives a reason for going beyond a rule that holds in principle
	beyond []Missing
}

// begin starts a check. Nothing passes without a city's rules.
func begin(p profile.Profile) *checker {
	c := &checker{p: p, fields: map[string]bool{}}
	if p.ID() == "" || p.IsBase() {
		c.need(false, "profile", "没有采用任何城市的规则", "no city's rules are adopted")
	}
	return c
}

// key is the one that is cited of several: law before house, else the first
// that binds, else none.
func (c *checker) key(keys []string) (key string, binds bool) {
	for _, k := range keys {
		r, err := c.p.Rule(k)
		switch {
		case err != nil || !r.Enforced():
		case r.Source == profile.Law:
			return k, true
		case key == "":
			key = k
		}
	}
	return key, key != ""
}

// need asks for something whatever the city says, and cites the first of the
// keys that binds.
func (c *checker) need(ok bool, field, zh, en string, keys ...string) {
	if ok || c.fields[field] {
		return
	}
	m := Missing{Field: field, ZH: zh, EN: en}
	key, binds := c.key(keys)
	if !binds && len(keys) > 0 {
		key = keys[0]
	}
	m.cite(c.p, key, 0)
	c.fields[field] = true
	if m.Reasoned && c.reason {
		c.beyond = append(c.beyond, m)
		return
	}
	c.said = append(c.said, m)
}

// ask asks for something where one of the keys binds.
func (c *checker) ask(ok bool, field, zh, en string, keys ...string) {
	if _, binds := c.key(keys); binds {
		c.need(ok, field, zh, en, keys...)
	}
}

// words are what a key lists, if it binds.
func (c *checker) words(key string) []string {
	r, err := c.p.Rule(key)
	if err != nil || !r.Enforced() {
		return nil
	}
	return r.Value.List()
}

func (c *checker) has(key, word string) bool {
	r, err := c.p.Rule(key)
	return err == nil && r.Enforced() && r.Value.Has(word)
}

// text is a bounded text for people on one line.
func text(s string) bool {
	return strings.TrimSpace(s) != "" && !strings.Contains(s, Unfilled) && len(s) <= 2000 && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
}

// bounded is a text or nothing.
func bounded(s string) bool { return s == "" || text(s) }

func id(s string) bool { return jobs.ID(s) == nil }

func cited(all []Citation) bool {
	for _, c := range all {
		if !text(c.Doc) || !text(c.Article) {
			return false
		}
	}
	return len(all) > 0
}

// called is a word of a closed list for people.
func called(word string) (zh, en string) {
	n := profile.Called(word)
	if n.ZH == "" {
		return word, word
	}
	return n.ZH, n.EN
}
