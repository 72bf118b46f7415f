package profile

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// source is a small regulation, made for these tests.
func source(tb testing.TB) []byte {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "town.txt"))
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// baseFile is a base layer with a value for the keys named and none for others.
func baseFile(values map[string]any) File {
	f := File{Profile: "base", Version: 1, City: Name{"基础层", "base"}}
	for _, k := range Keys() {
		f.Rules = append(f.Rules, Entry{Key: k.Key, Value: values[k.Key], Unit: k.Unit, Modality: Must, Source: House})
	}
	for _, g := range Gates() {
		f.Gates = append(f.Gates, GateBasis{g, []string{"purpose.bound"}})
	}
	f.Procedures = []Procedure{{"share.request", Name{"共享", "sharing"}, []Stage{{"reply", Name{"答复", "answer"}, "provider", "share.reply_wd"}}}}
	return f
}

var usual = map[string]any{
	"purpose.bound": true, "share.reply_wd": 10, "authop.term_max_years": 5, "output.checkers": 2, "correction.wd": 10, "share.refusal": "reason",
	"catalogue.fields": []any{"name"}, "open.unlock": []any{"masking", "consent"}, "open.route": []any{"provider"},
}

func base(tb testing.TB) Profile {
	tb.Helper()
	p, err := NewBase(baseFile(usual))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// townFile is a city over that base, all in order.
func townFile(tb testing.TB) File {
	tb.Helper()
	return File{
		Profile: "town", Version: 3, Base: "base", City: Name{"小镇", "Town"},
		Documents: []Document{{
			ID: "t", Title: Name{"小镇公共数据办法（征求意见稿）", "Town Measures (draft)"}, Short: Name{"小镇", "Town"}, Heading: "小镇公共数据办法",
			Status: Draft, StatusQuote: "（征求意见稿）", Script: Simplified, EndsBefore: "解读", Source: string(suite.DigestOf(source(tb))),
		}},
		Rules: []Entry{
			{Key: "share.reply_wd", Value: 5, Unit: WorkingDays, Modality: Must, Source: Law, Basis: []Basis{{Article: 2, Paragraph: 2, Quote: "应当在5个工作日内答复"}}},
			{Key: "authop.term_max_years", Value: 3, Unit: Years, Modality: Principle, Override: Reasoned, Source: Law, Basis: []Basis{{Document: "t", Article: 3, Paragraph: 1, Item: 2, Quote: "原则上不超过3年"}}},
			{Key: "open.reply_wd", Value: 8, Unit: WorkingDays, Modality: Must, Source: House},
		},
		Gates: []GateBasis{{"G1", []string{"authop.term_max_years"}}, {"G3", []string{"open.reply_wd", "share.reply_wd"}}},
		Rows: []Row{
			{ID: "TN-2", Articles: []int{2}, Tier: Refusing, Demand: "五个工作日答复", Keys: []string{"share.reply_wd"}},
			{ID: "TN-3", Articles: []int{3}, Tier: Construction, Demand: "不超过三年", Keys: []string{"authop.term_max_years", "open.reply_wd"}},
			{ID: "TN-9", Articles: []int{1, 4}, Tier: Outside, Demand: "附则"},
		},
	}
}

func town(tb testing.TB) Profile {
	tb.Helper()
	p, err := New(townFile(tb), base(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestRules(t *testing.T) {
	p := town(t)
	if n, ok := p.Int("share.reply_wd"); n != 5 || !ok {
		t.Errorf("share.reply_wd is %d", n)
	}
	if len(p.Rules()) != len(Keys()) {
		t.Errorf("%d rules for %d keys", len(p.Rules()), len(Keys()))
	}
	if law, house, none := p.Count(); law != 2 || house != 8 || none != len(Keys())-10 {
		t.Errorf("%d law, %d house, %d none", law, house, none)
	}
	r, err := p.Rule("authop.term_max_years")
	if limit, _ := r.Limit.Int(); err != nil || limit != 5 || r.Layer != "town" || !r.Enforced() {
		t.Errorf("the term: %+v, %v", r, err)
	}
	if !p.Yes("purpose.bound") || p.Yes("open.agreement") || p.Yes("share.reply_wd") {
		t.Error("a flag of the base is not set, or one that nobody set is")
	}
	if _, err := p.Rule("nothing"); !errors.Is(err, fault.NotFound) {
		t.Errorf("an unknown key: %v", err)
	}
	var none Profile
	if _, ok := none.Int("share.reply_wd"); ok || none.Yes("purpose.bound") || len(none.Gate("G1", "authop")) != 0 {
		t.Error("the zero profile says something")
	}
	if (Rule{}).Enforced() {
		t.Error("the zero rule binds")
	}
}

// A citation names document, place and status; house says so.
func TestCite(t *testing.T) {
	p := town(t)
	for key, want := range map[string]string{
		"share.reply_wd": "小镇 第二条第二款（征求意见稿）", "authop.term_max_years": "小镇 第三条第（二）项（征求意见稿）",
		"open.reply_wd": "house", "purpose.bound": "house", "nothing": "house",
	} {
		if got := p.Basis(key); got != want {
			t.Errorf("%s cites %q, want %q", key, got, want)
		}
	}
	if _, en := p.Cite(Basis{Document: "t", Article: 2, Paragraph: 2}); en != "Town, Art. 2 para. 2 (draft for comment)" {
		t.Errorf("in English: %q", en)
	}
}

// A gate cites the city's law first and leaves other channels out.
func TestGate(t *testing.T) {
	p := town(t)
	for _, c := range []struct {
		gate, channel string
		want          []string
	}{
		{"G1", "authop", []string{"authop.term_max_years", "purpose.bound"}},
		{"G1", "share", []string{"purpose.bound"}},
		{"G3", "share", []string{"share.reply_wd", "purpose.bound"}},
		{"G3", "open", []string{"open.reply_wd", "purpose.bound"}},
		{"R6", "share", []string{"purpose.bound"}},
		{"G99", "share", nil},
	} {
		var got []string
		for _, r := range p.Gate(c.gate, c.channel) {
			got = append(got, r.Key)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s of %s: %v, want %v", c.gate, c.channel, got, c.want)
		}
	}
}

// Status follows the day for what is in force, and for nothing else.
func TestStatusAt(t *testing.T) {
	d := Document{Status: InForce, EffectiveFrom: "2020-05-01", Expires: "2022-05-01"}
	for day, want := range map[string]Status{"2020-04-30": Unborn, "2020-05-01": InForce, "2022-04-30": InForce, "2022-05-01": Expired} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.At(at); got != want || got.Name().ZH == "" {
			t.Errorf("%s: %s, want %s", day, got, want)
		}
		if got := (Document{Status: Draft}).At(at); got != Draft {
			t.Errorf("a draft is %s", got)
		}
	}
}

// Two files that say the same have the same digest; anything else changes it,
// the base layer too.
func TestFrozen(t *testing.T) {
	p, q := town(t), town(t)
	if p.Frozen() != q.Frozen() || p.Frozen().Version != 3 || !json.Valid(p.Bytes()) {
		t.Errorf("%+v and %+v", p.Frozen(), q.Frozen())
	}
	f := townFile(t)
	f.Rules[2].Note = "另一个说明"
	other, err := New(f, base(t))
	if err != nil || other.Frozen().Digest == p.Frozen().Digest {
		t.Errorf("another note: %v", err)
	}
	values := map[string]any{"output.blind": true}
	maps.Copy(values, usual)
	under, err := NewBase(baseFile(values))
	if err != nil {
		t.Fatal(err)
	}
	if other, err = New(townFile(t), under); err != nil || other.Frozen().Digest == p.Frozen().Digest {
		t.Errorf("another base: %v", err)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	law := func(key string, v any, unit Unit) Entry {
		return Entry{Key: key, Value: v, Unit: unit, Modality: Must, Source: Law, Basis: []Basis{{Article: 2, Paragraph: 2, Quote: "应当在5个工作日内答复"}}}
	}
	add := func(e Entry) func(*File) { return func(f *File) { f.Rules = append(f.Rules, e) } }
	house := func(key string, v any, unit Unit) func(*File) {
		return add(Entry{Key: key, Value: v, Unit: unit, Modality: Must, Source: House})
	}
	for name, change := range map[string]func(*File){
		"another base":                   func(f *File) { f.Base = "other" },
		"no version":                     func(f *File) { f.Version = 0 },
		"no city":                        func(f *File) { f.City.EN = "" },
		"no id":                          func(f *File) { f.Profile = "../town" },
		"no document":                    func(f *File) { f.Documents = nil },
		"no digest":                      func(f *File) { f.Documents[0].Source = "sha256:00" },
		"no status":                      func(f *File) { f.Documents[0].Status = "" },
		"expired by its own word":        func(f *File) { f.Documents[0].Status = Expired },
		"in force since nobody knows":    func(f *File) { f.Documents[0].Status = InForce },
		"a date that is none":            func(f *File) { f.Documents[0].Expires = "soon" },
		"a document twice":               func(f *File) { f.Documents = append(f.Documents, f.Documents[0]) },
		"an unknown key":                 house("share.reply", 5, WorkingDays),
		"a key twice":                    house("share.reply_wd", 5, WorkingDays),
		"a looser number":                house("authop.sign_wd", -1, WorkingDays),
		"fewer checkers":                 house("output.checkers", 1, Times),
		"a field left out":               house("catalogue.fields", []any{"content"}, ""),
		"one more way to unlock":         house("open.unlock", []any{"masking", "cleaning"}, ""),
		"another route":                  house("open.route", []any{"bureau"}, ""),
		"longer than the base":           house("correction.wd", 11, WorkingDays),
		"not binding":                    add(Entry{Key: "output.checkers", Value: 3, Unit: Times, Modality: May, Source: House}),
		"an override of the base":        add(Entry{Key: "output.checkers", Value: 2, Unit: Times, Modality: Principle, Override: Reasoned, Source: House}),
		"a number that no quote says":    func(f *File) { f.Rules[0].Value = 4 },
		"an override of what must be":    func(f *File) { f.Rules[0].Override = Reasoned },
		"a principle without override":   func(f *File) { f.Rules[1].Override = "" },
		"no modality":                    func(f *File) { f.Rules[0].Modality = "" },
		"no unit":                        func(f *File) { f.Rules[0].Unit = "" },
		"another unit":                   func(f *File) { f.Rules[0].Unit = Days },
		"law without basis":              func(f *File) { f.Rules[0].Basis = nil },
		"law without article":            func(f *File) { f.Rules[0].Basis[0].Article = 0 },
		"law without paragraph":          func(f *File) { f.Rules[0].Basis[0].Paragraph = 0 },
		"law without quote":              func(f *File) { f.Rules[0].Basis[0].Quote = "" },
		"a quote of two characters":      func(f *File) { f.Rules[0].Basis[0].Quote = "应当" },
		"law of another document":        func(f *File) { f.Rules[0].Basis[0].Document = "x" },
		"a reading of simplified words":  func(f *File) { f.Rules[0].Basis[0].Reading = f.Rules[0].Basis[0].Quote },
		"no reading of traditional ones": func(f *File) { f.Documents[0].Script = Traditional },
		"house with a basis":             func(f *File) { f.Rules[0].Source = House },
		"no source":                      func(f *File) { f.Rules[0].Source = "" },
		"no value":                       func(f *File) { f.Rules[0].Value = nil },
		"a word for a number":            func(f *File) { f.Rules[0].Value = "5" },
		"a fraction":                     func(f *File) { f.Rules[0].Value = 4.5 },
		"a flag that is false":           house("open.agreement", false, ""),
		"a word that is not known":       house("share.refusal", "mood", ""),
		"a word twice":                   house("catalogue.fields", []any{"name", "name"}, ""),
		"an empty list":                  house("catalogue.fields", []any{}, ""),
		"a number in a list":             house("catalogue.fields", []any{1}, ""),
		"a control character":            house("authop.exchange", "a\nb", ""),
		"an unknown gate":                func(f *File) { f.Gates[0].Gate = "G14" },
		"a gate twice":                   func(f *File) { f.Gates[1].Gate = "G1" },
		"a gate on nothing":              func(f *File) { f.Gates[0].Keys = []string{"open.agreement"} },
		"a gate without keys":            func(f *File) { f.Gates[0].Keys = nil },
		"a row twice":                    func(f *File) { f.Rows[1].ID = "TN-2" },
		"a row without articles":         func(f *File) { f.Rows[2].Articles = nil },
		"a row of no tier":               func(f *File) { f.Rows[2].Tier = "D" },
		"a row that binds by no key":     func(f *File) { f.Rows[0].Keys = nil },
		"a row that binds by house":      func(f *File) { f.Rows[0].Keys = []string{"open.reply_wd"} },
		"a row that binds elsewhere":     func(f *File) { f.Rows[0].Articles = []int{1} },
		"a row that binds by a may": func(f *File) {
			f.Rules[0].Key, f.Rows[0].Keys, f.Rules[0].Modality = "authop.sign_wd", []string{"authop.sign_wd"}, May
		},
		"a row on an unknown key":  func(f *File) { f.Rows[0].Keys = append(f.Rows[0].Keys, "nothing") },
		"law that no row is about": add(law("correction.wd", 5, WorkingDays)),
		"procedures of a city":     func(f *File) { f.Procedures = baseFile(nil).Procedures },
	} {
		f := townFile(t)
		change(&f)
		if _, err := New(f, base(t)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tighter := townFile(t)
	tighter.Rules = append(tighter.Rules, Entry{Key: "output.checkers", Value: 3, Unit: Times, Modality: Principle, Override: Reasoned, Source: House})
	if _, err := New(tighter, base(t)); err != nil {
		t.Errorf("an override back to the base: %v", err)
	}
	if _, err := New(townFile(t), town(t)); !errors.Is(err, fault.Invalid) {
		t.Errorf("a city over a city: %v", err)
	}
	if _, err := New(townFile(t), Profile{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("a city over nothing: %v", err)
	}
}

func TestBasesThatAreRefused(t *testing.T) {
	for name, change := range map[string]func(*File){
		"a key missing":      func(f *File) { f.Rules = f.Rules[1:] },
		"a gate missing":     func(f *File) { f.Gates = f.Gates[1:] },
		"no procedures":      func(f *File) { f.Procedures = nil },
		"a base of its own":  func(f *File) { f.Base = "base" },
		"law":                func(f *File) { f.Rules[0].Source = Law },
		"a clock on nothing": func(f *File) { f.Procedures[0].Stages[0].Clock = "open.reply_wd" },
		"a clock on a flag":  func(f *File) { f.Procedures[0].Stages[0].Clock = "purpose.bound" },
		"a role unknown":     func(f *File) { f.Procedures[0].Stages[0].Role = "king" },
	} {
		f := baseFile(usual)
		change(&f)
		if _, err := NewBase(f); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is tighter, by the order of the key.
func TestWithin(t *testing.T) {
	for _, c := range []struct {
		key      string
		v, limit any
		want     bool
	}{
		{"share.reply_wd", 4, 5, true},
		{"share.reply_wd", 5, 5, true},
		{"share.reply_wd", 6, 5, false},
		{"share.reply_wd", nil, 5, false},
		{"share.reply_wd", 99, nil, true},
		{"output.checkers", 3, 2, true},
		{"output.checkers", 1, 2, false},
		{"share.refusal", "law", "reason", true},
		{"share.refusal", "reason", "law", false},
		{"catalogue.fields", []any{"content", "name"}, []any{"name"}, true},
		{"catalogue.fields", []any{"content"}, []any{"name"}, false},
		{"open.unlock", []any{"masking"}, []any{"consent", "masking"}, true},
		{"open.unlock", []any{"cleaning"}, []any{"masking"}, false},
		{"open.route", []any{"bureau", "provider"}, []any{"provider", "bureau"}, false},
		{"open.route", []any{"bureau"}, []any{"bureau"}, true},
		{"share.types", []any{"not-shared", "conditional"}, []any{"conditional", "not-shared"}, true},
		{"purpose.bound", true, true, true},
		{"purpose.bound", nil, true, false},
		{"authop.exchange", "甲", "乙", false},
	} {
		k, ok := KeyOf(c.key)
		if !ok {
			t.Fatal(c.key)
		}
		v, err := k.read(c.v)
		limit, err2 := k.read(c.limit)
		if err != nil || err2 != nil {
			t.Fatal(c.key, err, err2)
		}
		if got := k.within(v, limit); got != c.want {
			t.Errorf("%s: %v within %v is %v", c.key, c.v, c.limit, got)
		}
	}
}

// Keys, and the words of their lists, have names in both languages.
func TestKeysAreWhole(t *testing.T) {
	seen, used := map[string]bool{}, map[string]bool{}
	for _, k := range Keys() {
		if seen[k.Key] || !k.Name.whole() || k.Order == "" {
			t.Errorf("%s: twice, or incomplete", k.Key)
		}
		seen[k.Key] = true
		if (k.Type == Number) != (k.Unit != "" && k.Most > 0) || (k.Type == Word || k.Type == Words || k.Type == Steps) != (len(k.Words) > 0) {
			t.Errorf("%s: unit, bound or list", k.Key)
		}
		for _, w := range k.Words {
			if used[w] = true; !lexicon[w].whole() {
				t.Errorf("%s: %s has no name", k.Key, w)
			}
		}
	}
	for w := range lexicon {
		if !used[w] {
			t.Errorf("no key has the word %s", w)
		}
	}
}

func TestShow(t *testing.T) {
	for _, c := range []struct {
		key    string
		v      any
		zh, en string
	}{
		{"share.reply_wd", 5, "5 个工作日", "5 working days"},
		{"purpose.bound", true, "是", "yes"},
		{"output.checkers", 2, "2", "2"},
		{"share.route", []any{"bureau", "provider"}, "主管部门 → 数据提供方", "bureau → provider"},
		{"share.refusal", "law", "法律法规规章依据", "a basis in law"},
		{"authop.exchange", "交易所", "交易所", "交易所"},
		{"share.reply_wd", nil, "—", "—"},
	} {
		k, _ := KeyOf(c.key)
		v, err := k.read(c.v)
		if err != nil {
			t.Fatal(err)
		}
		if zh, en := k.Show(v); zh != c.zh || en != c.en {
			t.Errorf("%s: %q, %q", c.key, zh, en)
		}
		raw, err := json.Marshal(v)
		if want, _ := json.Marshal(c.v); err != nil || string(raw) != string(want) {
			t.Errorf("%s as JSON: %s, %v", c.key, raw, err)
		}
	}
}

func TestArticles(t *testing.T) {
	all, err := Articles(source(t), "解读")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range all {
		for _, p := range a.Paragraphs {
			got = append(got, chinese(a.Number)+" "+p.Text+" "+strings.Join(p.Items, "|"))
		}
	}
	want := []string{
		"一 为了测试，制定本办法。 ",
		"二 数据提供方按照第三条审核。 ", "二 不能立即答复的，应当在5个工作日内答复。 ", "二 第四条所称答复，包括拒绝。 ",
		"三  （一）一场景一申请；|（二）期限原则上不超过3年。", "三 （五）不是项，是款。 ",
		"四 本办法自印发之日起施行。 ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for name, text := range map[string]string{"nothing": "", "no article": "第二条 甲", "not UTF-8": "第一条 \xff", "ends at once": "解读\n第一条 甲", "too long": strings.Repeat("甲", MaxSource)} {
		if _, err := Articles([]byte(text), "解读"); !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Exhausted) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNumerals(t *testing.T) {
	for n := 1; n <= 999; n++ {
		if got := numeral(chinese(n)); got != n {
			t.Errorf("%d is written %s and read %d", n, chinese(n), got)
		}
	}
	for s, n := range map[string]int{"十": 10, "十九": 19, "二十": 20, "三十一": 31, "一百零二": 102, "一百一十": 110, "甲": 0} {
		if got := numeral(s); got != n {
			t.Errorf("%s is read %d", s, got)
		}
	}
}

// Each thing that the text does not say is found, once, and nothing else.
func TestLint(t *testing.T) {
	text := source(t)
	for _, c := range []struct {
		name   string
		change func(*File)
		texts  [][]byte
		want   []string // where
	}{
		{"all in order", func(*File) {}, [][]byte{[]byte("第一条 别的文本"), text}, nil},
		{"no text", func(*File) {}, nil, []string{"t"}},
		{"other bytes", func(*File) {}, [][]byte{append(slices.Clone(text), '\n')}, []string{"t"}},
		{"another quote", func(f *File) { f.Rules[0].Basis[0].Quote = "必须在5个工作日内答复" }, [][]byte{text}, []string{"share.reply_wd"}},
		{"another paragraph", func(f *File) { f.Rules[0].Basis[0].Paragraph = 1 }, [][]byte{text}, []string{"share.reply_wd", "t"}},
		{"a paragraph that is not there", func(f *File) { f.Rules[0].Basis[0].Paragraph = 4 }, [][]byte{text}, []string{"share.reply_wd", "t"}},
		{"a term that no rule has", func(f *File) { f.Rules[0].Basis[0].Quote = "应当在5个工作" }, [][]byte{text}, []string{"t"}},
		{"an item that is not there", func(f *File) { f.Rules[1].Basis[0].Item = 3 }, [][]byte{text}, []string{"authop.term_max_years"}},
		{"the other item", func(f *File) { f.Rules[1].Basis[0].Item = 1 }, [][]byte{text}, []string{"authop.term_max_years"}},
		{"no item", func(f *File) { f.Rules[1].Basis[0].Item = 0 }, [][]byte{text}, []string{"authop.term_max_years"}},
		{"what is no law", func(f *File) {
			f.Rules[0].Basis = append(f.Rules[0].Basis, Basis{Article: 4, Paragraph: 2, Quote: "这一段不是法律"})
		}, [][]byte{text}, []string{"share.reply_wd #2"}},
		{"an article that is not there", func(f *File) { f.Rows[2].Articles = []int{5} }, [][]byte{text}, []string{"TN-9"}},
		{"another title", func(f *File) { f.Documents[0].Heading = "大镇公共数据办法" }, [][]byte{text}, []string{"t"}},
		{"another status", func(f *File) { f.Documents[0].StatusQuote = "（草案）" }, [][]byte{text}, []string{"t"}},
	} {
		f := townFile(t)
		c.change(&f)
		p, err := New(f, base(t))
		if err != nil {
			t.Fatal(c.name, err)
		}
		var got []string
		for _, x := range Lint(p, c.texts) {
			if got = append(got, x.Where); x.ZH == "" || x.EN == "" || x.Profile != "town" {
				t.Errorf("%s: %+v", c.name, x)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: found %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzArticles(f *testing.F) {
	f.Add(source(f), "解读")
	f.Add([]byte("第一條 (一)甲\n（二）乙\n第二條　丙"), "")
	f.Fuzz(func(t *testing.T, text []byte, ends string) {
		all, err := Articles(text, ends)
		if err != nil {
			return
		}
		for i, a := range all {
			if a.Number != i+1 || len(a.Paragraphs) == 0 {
				t.Errorf("article %d at %d with %d paragraphs", a.Number, i, len(a.Paragraphs))
			}
		}
	})
}

// What a case keeps opens again, and only what it keeps.
func TestOpen(t *testing.T) {
	p := town(t)
	q, err := Open(p.Bytes(), p.Frozen())
	if err != nil {
		t.Fatal(err)
	}
	if q.Frozen() != p.Frozen() || q.Basis("share.reply_wd") != p.Basis("share.reply_wd") || len(q.Gate("G3", "share")) != 2 {
		t.Error("another profile was opened")
	}
	if n, err := q.Clock("share.reply_wd"); err != nil || n != (Clock{5, WorkingDays, Law, "小镇 第二条第二款（征求意见稿）"}) {
		t.Errorf("the clock: %+v, %v", n, err)
	}
	if _, err := q.Clock("purpose.bound"); !errors.Is(err, fault.NotFound) {
		t.Errorf("a flag is a clock: %v", err)
	}
	frozen := func(raw []byte) Frozen { f := p.Frozen(); f.Digest = suite.DigestOf(raw); return f }
	change := func(old, fresh string) []byte {
		raw := strings.Replace(string(p.Bytes()), old, fresh, 1)
		if raw == string(p.Bytes()) {
			t.Fatalf("there is no %q", old)
		}
		return []byte(raw)
	}
	later := p.Frozen()
	later.Version++
	for name, c := range map[string]struct {
		raw  []byte
		want Frozen
		kind error
	}{
		"other bytes":       {change("5", "6"), p.Frozen(), fault.Tampered},
		"another version":   {p.Bytes(), later, fault.Tampered},
		"nothing":           {nil, Frozen{}, fault.Tampered},
		"an unknown key":    {change(`"key":"share.reply_wd"`, `"key":"share.answer_wd"`), frozen(change(`"key":"share.reply_wd"`, `"key":"share.answer_wd"`)), fault.Invalid},
		"a flag for a term": {change(`"value":5`, `"value":true`), frozen(change(`"value":5`, `"value":true`)), fault.Invalid},
		"a field too many":  {change(`{"profile"`, `{"x":1,"profile"`), frozen(change(`{"profile"`, `{"x":1,"profile"`)), fault.Invalid},
		"in a rule":         {change(`{"key":`, `{"x":1,"key":`), frozen(change(`{"key":`, `{"x":1,"key":`)), fault.Invalid},
		"another spelling":  {append(p.Bytes(), '\n'), frozen(append(p.Bytes(), '\n')), fault.Invalid},
	} {
		if _, err := Open(c.raw, c.want); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", name, err, c.kind)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(town(f).Bytes())
	f.Add([]byte(`{"profile":"x","version":1,"city":{"zh":"","en":""},"rules":[{"key":"share.reply_wd","value":5}],"gates":null,"procedures":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Open(raw, Frozen{"town", 3, suite.DigestOf(raw)})
		if err == nil && string(p.Bytes()) != string(raw) {
			t.Error("two spellings of one profile")
		}
	})
}

func TestSays(t *testing.T) {
	for _, c := range []struct {
		quote string
		n     int
		want  bool
	}{
		{"应当在15个工作日内", 15, true},
		{"应当在15个工作日内", 5, false},
		{"应当在15个工作日内", 1, false},
		{"连续两年成效不达标", 2, true},
		{"連續兩年", 2, true},
		{"实行年度动态调整", 1, true},
		{"十个工作日", 10, true},
		{"及时", 0, false},
	} {
		if got := says(c.quote, c.n); got != c.want {
			t.Errorf("%q says %d: %v", c.quote, c.n, got)
		}
	}
}
