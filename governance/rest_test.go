package governance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs/msg"
)

// What a hold or a withdrawal rests on is the city's own article, with its status,
// or the house's rule: Guiyang's article on objections is no other city's.
func TestRest(t *testing.T) {
	want := map[string]map[string]string{
		"guiyang":      {"objection": "贵阳贵安 第三十一条（征求意见稿）", "unlawful": "贵阳贵安 第四十一条（征求意见稿）", "misuse": "贵阳贵安 第三十四条第（一）项（征求意见稿）"},
		"dongguan":     {"emergency": "东莞 第三十八条第二款（征求意见稿）", "unlawful": "东莞 第三十三条第二款（征求意见稿）"},
		"wuxi":         {"consent": "无锡 第十六条第二款（施行中）"},
		"shijiazhuang": {"incident": "石家庄 第三十条第二款第（五）项（征求意见稿）", "unlawful": "石家庄 第二十六条第三款（征求意见稿）", "misuse": "石家庄 第二十七条第二款（征求意见稿）"},
		"chongming":    {"incident": "崇明 第二十九条（草案（试行））", "unlawful": "崇明 第二十三条（草案（试行））"},
	}
	for _, city := range profiles.IDs() {
		p, err := profiles.Get(city)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range slices.Concat(msg.OrderCodes, governance.WithdrawCodes, []string{"", "nonsense"}) {
			wanted := want[city][code]
			if wanted == "" {
				wanted = governance.House
			}
			if got := governance.Rest(p, code); got != wanted {
				t.Errorf("%s, %s: rests on %s, want %s", city, code, got, wanted)
			}
		}
	}
	if got := governance.Rest(profile.Profile{}, "objection"); got != governance.House {
		t.Errorf("without rules: %s", got)
	}
}

// No code names a city's article: which article a rule rests on stands in the
// profile and nowhere else.
func TestNoArticleInCode(t *testing.T) {
	article := regexp.MustCompile(`(贵阳贵安|东莞|无锡|石家庄|崇明)\s*第[一二三四五六七八九十]+条`)
	files := 0
	for _, root := range []string{".", "../api", "../cmd", "../flow", "../release", "../site", "../gate", "../jobs", "../fault"} {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(filepath.Dir(name), "test") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				return err
			}
			files++
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && article.MatchString(lit.Value) {
					t.Errorf("%s: %s", name, article.FindString(lit.Value))
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 100 {
		t.Errorf("%d files were read", files)
	}
}
