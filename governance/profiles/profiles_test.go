package profiles

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/profile"
)

// Every number that the five texts fix stands in its profile as law, by its
// article, and no other number of a city is law.
func TestNumbersOfTheTexts(t *testing.T) {
	type number struct {
		n, article, paragraph int
	}
	want := map[string]map[string]number{
		"guiyang": {
			"catalogue.update_wd": {10, 13, 1}, "share.reply_wd": {5, 22, 2}, "share.feedback_wd": {10, 22, 4}, "correction.wd": {10, 24, 1},
			"open.reply_wd": {10, 30, 2}, "open.deliver_wd": {5, 30, 2}, "authop.term_max_years": {3, 32, 1}, "authop.elimination_years": {2, 35, 1},
			"supervision.assessment_years": {1, 45, 1},
		},
		"dongguan": {
			"catalogue.update_wd": {15, 12, 1}, "catalogue.bureau_review_wd": {5, 12, 2}, "share.reply_wd": {5, 23, 3}, "share.deliver_wd": {5, 23, 3},
			"open.list_adjust_years": {1, 32, 3}, "supervision.assessment_years": {1, 47, 1},
		},
		"wuxi":         {"catalogue.update_wd": {15, 14, 2}, "open.reply_wd": {10, 24, 2}},
		"shijiazhuang": {},
		"chongming":    {"catalogue.update_wd": {15, 8, 1}, "meta.sunset_years": {2, 35, 1}},
	}
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		for _, r := range p.Rules() {
			n, isNumber := r.Value.Int()
			w, listed := want[p.ID()][r.Key]
			lawful := isNumber && r.Source == profile.Law
			if lawful != listed || lawful && (n != w.n || r.Basis[0].Article != w.article || r.Basis[0].Paragraph != w.paragraph) {
				t.Errorf("%s: %s is %d, %s, %+v; want %+v", p.ID(), r.Key, n, r.Source, r.Basis, w)
			}
		}
	}
}

// What makes the cities differ, as their texts have it.
func TestDifferences(t *testing.T) {
	for _, c := range []struct {
		key  string
		want map[string]string // of the cities that have a value; "-" for none
	}{
		{"negative_list.kept", map[string]string{"guiyang": "是", "dongguan": "-", "wuxi": "-", "shijiazhuang": "-", "chongming": "-"}},
		{"share.route", map[string]string{"guiyang": "主管部门 → 数据提供方", "dongguan": "数据提供方", "wuxi": "主管部门 → 有关机构", "shijiazhuang": "-", "chongming": "-"}},
		{"share.verify_compare", map[string]string{"guiyang": "-", "dongguan": "是", "wuxi": "-", "shijiazhuang": "-", "chongming": "-"}},
		{"share.university_purposes", map[string]string{"guiyang": "-", "dongguan": "科研、教育、公益", "wuxi": "-", "shijiazhuang": "-", "chongming": "-"}},
		{"purpose.change", map[string]string{"guiyang": "征得数据提供方许可", "dongguan": "重新申请", "wuxi": "不得变更", "shijiazhuang": "重新申请", "chongming": "重新申请"}},
		{"catalogue.onchain", map[string]string{"guiyang": "-", "dongguan": "-", "wuxi": "-", "shijiazhuang": "-", "chongming": "是"}},
		{"dispute.ladder", map[string]string{"guiyang": "主管部门", "dongguan": "数源部门 → 主管部门 → 联合会商 → 市委、市人民政府"}},
		{"authop.provider_review_wd", map[string]string{"guiyang": "5 个工作日", "dongguan": "5 个工作日", "wuxi": "5 个工作日", "shijiazhuang": "5 个工作日", "chongming": "5 个工作日"}},
	} {
		k, ok := profile.KeyOf(c.key)
		if !ok {
			t.Fatal(c.key)
		}
		for id, want := range c.want {
			p, err := Get(id)
			if err != nil {
				t.Fatal(err)
			}
			r, err := p.Rule(c.key)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := k.Show(r.Value); strings.ReplaceAll(got, "—", "-") != strings.ReplaceAll(want, "数源部门", "数据来源（数源部门）") {
				t.Errorf("%s of %s: %s, want %s", c.key, id, got, want)
			}
		}
	}
	for id, want := range map[string]int{"guiyang": 10, "dongguan": 10, "wuxi": 6, "chongming": 5} {
		p, err := Get(id)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := p.Rule("catalogue.fields"); err != nil || len(r.Value.List()) != want || r.Source != profile.Law {
			t.Errorf("%s: fields %v, want %d", id, r.Value.List(), want)
		}
	}
}

// Only Wuxi is in force; the others are drafts, and every citation says so.
func TestStatus(t *testing.T) {
	want := map[string]profile.Status{
		"guiyang": profile.Draft, "dongguan": profile.Draft, "wuxi": profile.InForce, "shijiazhuang": profile.Draft, "chongming": profile.TrialDraft,
	}
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		d := p.Documents()[0]
		if d.Status != want[p.ID()] {
			t.Errorf("%s is %s", p.ID(), d.Status)
		}
		for _, r := range p.Rules() {
			if r.Source == profile.Law && !strings.HasSuffix(p.Basis(r.Key), "（"+d.Status.Name().ZH+"）") {
				t.Errorf("%s: %s cites %s", p.ID(), r.Key, p.Basis(r.Key))
			}
		}
	}
}

// Each gate has a basis in each city by each channel, and the gates that a text
// speaks of cite it.
func TestGates(t *testing.T) {
	for _, c := range []struct {
		city, gate, channel, want string
	}{
		{"guiyang", "G1", "authop", "贵阳贵安 第三十二条（征求意见稿）"},
		{"guiyang", "G3", "authop", "贵阳贵安 第三十四条第（二）项（征求意见稿）"},
		{"guiyang", "G5", "share", "贵阳贵安 第三十四条第（一）项（征求意见稿）"},
		{"guiyang", "R4", "authop", "贵阳贵安 第三十一条（征求意见稿）"},
		{"dongguan", "G5", "share", "东莞 第二十五条第二款（征求意见稿）"},
		{"dongguan", "G5", "authop", "house"},
		{"dongguan", "R3", "share", "东莞 第九条第三款（征求意见稿）"},
		{"wuxi", "G5", "share", "无锡 第二十一条（施行中）"},
		{"wuxi", "G4", "open", "无锡 第二十四条第三款（施行中）"},
		{"shijiazhuang", "R1", "authop", "石家庄 第二十七条第四款（征求意见稿）"},
		{"shijiazhuang", "G5", "open", "石家庄 第二十五条第四款（征求意见稿）"},
		{"chongming", "G6", "authop", "崇明 第六条（草案（试行））"},
		{"chongming", "G10", "authop", "崇明 第三十一条（草案（试行））"},
	} {
		p, err := Get(c.city)
		if err != nil {
			t.Fatal(err)
		}
		rules := p.Gate(c.gate, c.channel)
		if len(rules) == 0 || p.Basis(rules[0].Key) != c.want {
			t.Errorf("%s %s by %s cites %v, want %s", c.city, c.gate, c.channel, rules, c.want)
		}
	}
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		for _, g := range profile.Gates() {
			for _, channel := range []string{profile.BySharing, profile.ByOpening, profile.ByOperation} {
				if len(p.Gate(g, channel)) == 0 {
					t.Errorf("%s: %s has no basis by %s", p.ID(), g, channel)
				}
			}
		}
	}
}

// The articles that software can enforce are in rows that bind.
func TestBindingArticles(t *testing.T) {
	for id, want := range map[string][]int{
		"guiyang":      {3, 8, 9, 10, 11, 12, 15, 16, 20, 21, 22, 23, 27, 28, 29, 30, 31, 32, 34, 35, 38, 39, 41},
		"dongguan":     {2, 4, 6, 7, 9, 10, 11, 13, 14, 15, 18, 19, 20, 22, 23, 24, 25, 31, 34, 38, 39, 43, 44},
		"wuxi":         {11, 12, 13, 14, 15, 16, 19, 20, 21, 22, 24, 34},
		"shijiazhuang": {2, 8, 9, 12, 13, 14, 15, 20, 21, 22, 23, 25, 27, 29, 30, 31, 32},
		"chongming":    {3, 5, 6, 7, 9, 10, 11, 17, 18, 19, 20, 24, 28, 29, 30, 31},
	} {
		p, err := Get(id)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, row := range p.Rows() {
			if row.Tier.Binds() {
				got = append(got, row.Articles...)
			}
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("%s: %v bind, want %v", id, got, want)
		}
	}
}

// Every article of a text is in some row, so that none was overlooked.
func TestEveryArticleHasARow(t *testing.T) {
	for id, last := range map[string]int{"guiyang": 46, "dongguan": 58, "wuxi": 39, "shijiazhuang": 35, "chongming": 35} {
		p, err := Get(id)
		if err != nil {
			t.Fatal(err)
		}
		has := map[int]bool{}
		for _, row := range p.Rows() {
			for _, n := range row.Articles {
				has[n] = true
			}
		}
		for n := 1; n <= last; n++ {
			if !has[n] {
				t.Errorf("%s: article %d is in no row", id, n)
			}
		}
		if len(has) != last {
			t.Errorf("%s: %d articles, want %d", id, len(has), last)
		}
	}
}

// Each character of a Traditional quote is read in one way only, but in the
// words that the source has changed for others.
func TestReadings(t *testing.T) {
	swaps := strings.NewReplacer("套用協定", "应用协议", "檔案", "档案")
	p, err := Get("wuxi")
	if err != nil {
		t.Fatal(err)
	}
	read := map[rune]rune{}
	for _, r := range p.Rules() {
		for _, b := range r.Basis {
			reading := []rune(b.Reading)
			for i, c := range []rune(swaps.Replace(b.Quote)) {
				if old, ok := read[c]; ok && old != reading[i] {
					t.Errorf("%s: %c is read %c, and %c elsewhere", r.Key, c, reading[i], old)
				}
				read[c] = reading[i]
			}
		}
	}
	if len(read) < 100 {
		t.Errorf("%d characters only", len(read))
	}
}

func TestGet(t *testing.T) {
	seen := map[string]bool{}
	all, err := All()
	if err != nil || len(all) != 5 {
		t.Fatal(len(all), err)
	}
	base, err := Base()
	if err != nil {
		t.Fatal(err)
	}
	if law, _, _ := base.Count(); law != 0 || !base.IsBase() {
		t.Errorf("%d rules of the base layer are law", law)
	}
	for _, p := range all {
		if d := string(p.Frozen().Digest); seen[d] || p.IsBase() {
			t.Errorf("%s: the digest of another, or a base", p.ID())
		} else {
			seen[d] = true
		}
	}
	for _, id := range []string{"", "cn-national", "beijing", "../guiyang"} {
		if _, err := Get(id); !errors.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	raw, err := files.ReadFile("wuxi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	change := func(old, fresh string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the file does not have %q", old)
		}
		return strings.Replace(good, old, fresh, 1)
	}
	if _, err := Load(raw); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"nothing":            "",
		"no YAML":            "profile: [",
		"a list":             "- profile",
		"an unknown field":   change("version: 1", "version: 1\nvendor: x"),
		"a field twice":      change("version: 1", "version: 1\nversion: 2"),
		"two documents":      good + "\n---\nprofile: x\n",
		"an anchor":          change("profile: wuxi", "profile: &a wuxi"),
		"an alias":           change("profile: wuxi", "profile: &a wuxi\nbase: *a"),
		"a merge":            change("city: {", "city: {<<: {en: x}, "),
		"a tag":              change("version: 1", "version: !!int 1"),
		"a tag of one's own": change("version: 1", "version: !x 1"),
		"a key that is none": change("version: 1", "1: 1"),
		"too deep":           "city: " + strings.Repeat("[", 40) + strings.Repeat("]", 40),
		"not UTF-8":          good + "# \xff\n",
		"too large":          good + strings.Repeat("#\n", MaxFile),
		"too many nodes":     "rows: [" + strings.Repeat("a,", maxNodes+1) + "]",
		"a word for a list":  change("keys: [", "keys: x #"),
		"a looser rule":      change("value: 15\n    unit: wd", "value: 16\n    unit: wd"),
		"an unknown key":     change("key: share.refusal", "key: share.refused"),
	} {
		if _, err := Load([]byte(file)); !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Exhausted) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, id := range append(slices.Clone(IDs()), BaseID) {
		raw, err := files.ReadFile(id + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw[:min(len(raw), 3000)])
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("profile: x\nrules: [{key: share.reply_wd, value: 5}]"))
	base, err := Base()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := Read(raw)
		if err != nil {
			if !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Exhausted) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		if p, err := profile.New(file, base); err == nil && p.Frozen().ID != file.Profile {
			t.Error("another profile than was read")
		}
	})
}
