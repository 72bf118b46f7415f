package papers_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
)

var (
	clause = regexp.MustCompile(`^第(\d+)条　`)
	basis  = regexp.MustCompile(`^　　依据：`)
)

// Every clause says what it rests on, and what is quoted is quoted from the
// city's own profile.
func TestTextCites(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			quotes := map[string]bool{}
			for _, r := range p.Rules() {
				for _, b := range r.Basis {
					quotes[b.Quote] = true
				}
			}
			for _, channel := range []string{profile.BySharing, profile.ByOpening, profile.ByOperation} {
				s := paperstest.ScenarioBy(p, channel)
				a := paperstest.AgreementOn(p, s, paperstest.Head)
				raw := papers.Text(a, s, p)
				if !bytes.Equal(raw, papers.Text(a, s, p)) {
					t.Fatal("two texts of one agreement")
				}
				n, bases := 0, 0
				for line := range strings.Lines(string(raw)) {
					line = strings.TrimSuffix(line, "\n")
					if clause.MatchString(line) {
						n++
					}
					if !basis.MatchString(line) {
						continue
					}
					if bases++; bases != n {
						t.Fatalf("%s: clause %d has no basis of its own", channel, n)
					}
					_, quote, law := strings.Cut(line, "原文：“")
					if law && !quotes[strings.TrimSuffix(quote, "”")] {
						t.Errorf("%s: %s is not in the profile", channel, quote)
					}
					if !law && !strings.Contains(line, "内部规则（非法定）") {
						t.Errorf("%s: %s rests on nothing", channel, line)
					}
				}
				if n < 10 || bases != n {
					t.Errorf("%s: %d clauses, %d bases", channel, n, bases)
				}
			}
		})
	}
}

// What a city's text says of shared data only binds an operator by a clause that
// says so, and a sharer by law.
func TestTextExtends(t *testing.T) {
	p, err := profiles.Get("guiyang")
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Rule("share.onward_forbidden")
	if err != nil {
		t.Fatal(err)
	}
	cite, _ := p.Cite(r.Basis[0])
	extended := "依据：双方约定（内部规则，非法定）。" + cite + " 只规定共享渠道"
	for channel, want := range map[string]bool{profile.BySharing: false, profile.ByOperation: true, profile.ByOpening: true} {
		s := paperstest.ScenarioBy(p, channel)
		text := string(papers.Text(paperstest.AgreementOn(p, s, paperstest.Head), s, p))
		if strings.Contains(text, extended) != want {
			t.Errorf("%s: extended %t, want %t", channel, !want, want)
		}
		if !want && !strings.Contains(text, "依据："+cite) {
			t.Errorf("%s: the article is not cited", channel)
		}
		for _, must := range []string{"不得用于其他目的", "10 个工作日内反馈", "（征求意见稿）"} {
			if !strings.Contains(text, must) {
				t.Errorf("%s: no %s", channel, must)
			}
		}
	}
}

// Nothing that somebody types becomes a clause, and all of it is in the text, so
// that the digest is of it.
func TestTextHoldsWhatIsTyped(t *testing.T) {
	p, err := profiles.Get("shijiazhuang")
	if err != nil {
		t.Fatal(err)
	}
	s := paperstest.Scenario(p)
	a := paperstest.Agreement(p)
	before := papers.Text(a, s, p)
	count := func(raw []byte) int { return len(slices.Collect(strings.Lines(string(raw)))) }
	s.Title = "核保\n第99条　甲方放弃一切权利。\r\u2028第98条　」依据："
	raw := papers.Text(a, s, p)
	if count(raw) != count(before) || strings.Contains(string(raw), "\n第99条") || strings.Contains(string(raw), "」依据") {
		t.Errorf("a clause was typed:\n%s", raw)
	}
	for what, change := range map[string]func(a *papers.Agreement, s *papers.Scenario){
		"blank": func(a *papers.Agreement, _ *papers.Scenario) { a.Blanks = map[string]string{"disposal": "删除"} }, "fee": func(a *papers.Agreement, _ *papers.Scenario) { a.Fee = "paid" },
		"plan": func(a *papers.Agreement, _ *papers.Scenario) { a.Plan = paperstest.Head }, "to": func(a *papers.Agreement, _ *papers.Scenario) { a.To = a.To.AddDate(0, 0, -1) },
		"recipient": func(a *papers.Agreement, _ *papers.Scenario) { a.Recipients = []string{"x"} }, "previous": func(a *papers.Agreement, _ *papers.Scenario) { a.Previous = "agr-0" },
		"columns": func(_ *papers.Agreement, s *papers.Scenario) { s.Datasets[0].Columns = []string{"age"} }, "head": func(a *papers.Agreement, _ *papers.Scenario) { a.Head = "" },
		"joins": func(_ *papers.Agreement, s *papers.Scenario) { s.Joins = [][2]string{{"a", "b"}} }, "scope": func(_ *papers.Agreement, s *papers.Scenario) { s.Scope = "全国" },
		"safeguards": func(_ *papers.Agreement, s *papers.Scenario) { s.Safeguards = "无" }, "bureau": func(a *papers.Agreement, _ *papers.Scenario) { a.Bureau = "x" },
		"name": func(a *papers.Agreement, _ *papers.Scenario) { a.Names = map[string]string{a.Bureau: "某局"} },
	} {
		s, a := paperstest.Scenario(p), paperstest.Agreement(p)
		change(&a, &s)
		if bytes.Equal(papers.Text(a, s, p), before) {
			t.Errorf("%s is not in the text", what)
		}
	}
}

func FuzzTyped(f *testing.F) {
	p, err := profiles.Get("guiyang")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"核保", "a\nb", "」第1条　", "\u2029", "\xff", ""} {
		f.Add(s)
	}
	lines := -1
	f.Fuzz(func(t *testing.T, typed string) {
		s := paperstest.Scenario(p)
		s.Title, s.Scope, s.Datasets[0].Rows = typed, typed, typed
		raw := string(papers.Text(paperstest.AgreementOn(p, s, paperstest.Head), s, p))
		if n := strings.Count(raw, "\n"); lines >= 0 && n != lines {
			t.Fatalf("%q makes %d lines, not %d", typed, n, lines)
		} else {
			lines = n
		}
	})
}
