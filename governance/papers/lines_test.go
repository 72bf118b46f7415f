package papers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
)

// leaves are the texts and numbers of a JSON value, wherever they stand; times are
// told by the city's own clock, and are not among them.
func leaves(v any) []string {
	var all []string
	switch x := v.(type) {
	case map[string]any:
		for _, e := range x {
			all = append(all, leaves(e)...)
		}
	case []any:
		for _, e := range x {
			all = append(all, leaves(e)...)
		}
	case string:
		if !strings.HasSuffix(x, "00Z") {
			all = append(all, x)
		}
	case float64:
		all = append(all, fmt.Sprint(x))
	}
	return all
}

func linesOf(t *testing.T, kind papers.Kind, body any) []papers.Line {
	t.Helper()
	raw, err := papers.Bytes(kind, body)
	if err != nil {
		t.Fatal(err)
	}
	all, err := papers.Lines(raw)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Nothing that a paper says is left out where people read it, and each field has a
// name.
func TestLines(t *testing.T) {
	for _, p := range towns(t) {
		for kind, body := range map[papers.Kind]any{
			papers.KindSheet: paperstest.Sheet(p), papers.KindAdmission: paperstest.Admission(p), papers.KindScenario: paperstest.Scenario(p),
			papers.KindAgreement: paperstest.Agreement(p), papers.KindProgram: paperstest.Program(p), papers.KindReport: paperstest.Report("feedback"), papers.KindConsent: paperstest.Consent(p),
		} {
			var said strings.Builder
			for _, l := range linesOf(t, kind, body) {
				said.WriteString(l.Text + "\n")
				if l.Name.ZH == "" || l.Name.EN == "" || strings.Contains(l.Name.ZH, "?") {
					t.Errorf("%s %s: %s has no name", p.ID(), kind, l.Path)
				}
			}
			raw, err := papers.Bytes(kind, body)
			if err != nil {
				t.Fatal(err)
			}
			var v struct{ Body any }
			if err := json.Unmarshal(raw, &v); err != nil {
				t.Fatal(err)
			}
			all := leaves(v.Body)
			if len(all) < 4 {
				t.Fatalf("%s: %d leaves", kind, len(all))
			}
			for _, w := range all {
				if !strings.Contains(said.String(), w) {
					t.Errorf("%s %s: %q is not said", p.ID(), kind, w)
				}
			}
			if kind.Name().ZH == "" {
				t.Errorf("%s has no name", kind)
			}
		}
	}
}

// What differs is told once each, and nothing else.
func TestEdits(t *testing.T) {
	p := towns(t)[0]
	was, is := paperstest.Scenario(p), paperstest.Scenario(p)
	is.Datasets = slices.Clone(is.Datasets)
	is.Datasets[0].Columns = append(slices.Clone(is.Datasets[0].Columns), "name")
	is.Format, is.Scope = "CSV", ""
	got := map[string][2]string{}
	for _, e := range papers.Edits(linesOf(t, papers.KindScenario, was), linesOf(t, papers.KindScenario, is)) {
		got[e.Path] = [2]string{e.Was, e.Is}
	}
	if len(got) != 3 || got["scope"] != [2]string{was.Scope, ""} || got["format"][1] != "CSV" || !strings.HasSuffix(got["datasets[0].columns"][1], "、name") {
		t.Errorf("%v", got)
	}
	if again := papers.Edits(linesOf(t, papers.KindScenario, is), linesOf(t, papers.KindScenario, is)); len(again) > 0 {
		t.Errorf("of itself: %v", again)
	}
}

// Whatever bytes come as a paper, what is shown of it stays on its line and moves no
// cursor.
func FuzzLines(f *testing.F) {
	for kind, body := range map[papers.Kind]any{
		papers.KindReport: papers.Report{Text: "\x1b[2J\u202e一\n二"}, papers.KindSheet: papers.Sheet{Fields: map[string]string{"a\u2066\n": "\x07"}, Items: []papers.Item{{Law: &papers.Citation{Doc: "》\r"}}}},
		papers.KindScenario: papers.Scenario{Joins: [][2]string{{"\t", "b"}}}, papers.KindProgram: papers.Program{Papers: nil},
	} {
		raw, err := papers.Bytes(kind, body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		all, err := papers.Lines(raw)
		if err != nil {
			return
		}
		for _, l := range all {
			if strings.ContainsFunc(l.Name.ZH+l.Name.EN+l.Text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
				t.Errorf("%q", l)
			}
		}
	})
}
