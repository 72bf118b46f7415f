package papers

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/profile"
)

// A Line is one thing that a paper says, for people to read.
type Line struct {
	Path string       `json:"path"` // where in the paper: items[0].code
	Name profile.Name `json:"name"`
	Text string       `json:"text"` // on one line, with nothing in it that a terminal obeys
}

// An Edit is a line that two papers do not have alike: Was is empty where it is
// new, Is where it was taken out.
type Edit struct {
	Line
	Was string `json:"was,omitempty"`
	Is  string `json:"is,omitempty"`
}

// Name is what people call a kind of paper.
func (k Kind) Name() profile.Name { return kindNames[k] }

var kindNames = map[Kind]profile.Name{
	KindSheet:     {ZH: "目录条目", EN: "entry of the catalogue"},
	KindAdmission: {ZH: "授权运营资格申请", EN: "application for a licence"},
	KindScenario:  {ZH: "应用场景申请与数据清单", EN: "scenario with its list of data"},
	KindAgreement: {ZH: "协议", EN: "agreement"},
	KindProgram:   {ZH: "作业模块材料", EN: "papers of a program"},
	KindReport:    {ZH: "履约报告", EN: "report"},
	KindConsent:   {ZH: "数据主体同意", EN: "consent of data subjects"},
}

// Lines is what a paper says, in the order of its form. A field that is empty is
// left out; no field that is not is.
func Lines(raw []byte) ([]Line, error) {
	kind, err := KindOf(raw)
	if err != nil {
		return nil, err
	}
	body, err := readAny(raw, kind)
	if err != nil {
		return nil, err
	}
	var all []Line
	walk(reflect.ValueOf(body), "", profile.Name{}, func(l Line) { all = append(all, l) })
	return all, nil
}

func readAny(raw []byte, kind Kind) (any, error) {
	switch kind {
	case KindSheet:
		return Read[Sheet](raw, kind)
	case KindAdmission:
		return Read[Admission](raw, kind)
	case KindScenario:
		return Read[Scenario](raw, kind)
	case KindAgreement:
		return Read[Agreement](raw, kind)
	case KindProgram:
		return Read[Program](raw, kind)
	case KindReport:
		return Read[Report](raw, kind)
	default:
		return Read[Consent](raw, KindConsent)
	}
}

// Edits are the lines in which a paper is not as an earlier one of its kind was.
func Edits(was, is []Line) []Edit {
	old, now := texts(was), texts(is)
	var all []Edit
	for _, l := range was {
		if now[l.Path] == "" {
			all = append(all, Edit{Line: l, Was: l.Text})
		}
	}
	for _, l := range is {
		if old[l.Path] != l.Text {
			all = append(all, Edit{Line: l, Was: old[l.Path], Is: l.Text})
		}
	}
	return all
}

func texts(all []Line) map[string]string {
	out := map[string]string{}
	for _, l := range all {
		out[l.Path] = l.Text
	}
	return out
}

// walk says a value line by line: structs and what they hold have lines of their
// own, words and lists of words are one line.
func walk(v reflect.Value, path string, name profile.Name, say func(Line)) {
	one := func(text string) { say(Line{path, name, text}) }
	said := flat
	if closed[path[strings.LastIndexByte(path, '.')+1:]] {
		said = spoken
	}
	switch x := v.Interface().(type) {
	case time.Time:
		if !x.IsZero() {
			one(x.In(calendar.Shanghai).Format("2006-01-02 15:04 (MST)"))
		}
		return
	case Citation:
		one("《" + flat(x.Doc) + "》" + flat(x.Article))
		return
	case [2]string:
		one(flat(x[0]) + " × " + flat(x[1]))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			walk(v.Field(i), under(path, field), within(name, fieldNames[field]), say)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
		for _, k := range keys {
			walk(v.MapIndex(k), under(path, k.String()), within(name, word(k.String())), say)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			if v.Len() > 0 {
				one(list(v, said))
			}
			return
		}
		for i := range v.Len() {
			nth := fmt.Sprint(i + 1)
			walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), profile.Name{ZH: name.ZH + nth, EN: name.EN + " " + nth}, say)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), path, name, say)
		}
	case reflect.Bool:
		one(map[bool]string{true: "是 yes", false: "否 no"}[v.Bool()])
	case reflect.String:
		if v.Len() > 0 {
			one(said(v.String()))
		}
	default:
		one(fmt.Sprint(v.Interface()))
	}
}

func list(v reflect.Value, said func(string) string) string {
	var all []string
	for i := range v.Len() {
		all = append(all, said(v.Index(i).String()))
	}
	return strings.Join(all, "、")
}

// spoken is a word of a closed list as people say it, with the word itself.
func spoken(s string) string {
	s = flat(s)
	if n := cmp.Or(profile.Called(s), answers[s]); n.ZH != "" {
		return n.ZH + "（" + s + "）"
	}
	return s
}

func word(w string) profile.Name {
	if n := profile.Called(w); n.ZH != "" {
		return n
	}
	return profile.Name{ZH: flat(w), EN: flat(w)}
}

func under(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}

func within(a, b profile.Name) profile.Name {
	if a.ZH == "" {
		return b
	}
	return profile.Name{ZH: a.ZH + "·" + cmp.Or(b.ZH, "?"), EN: a.EN + ", " + cmp.Or(b.EN, "?")}
}

// flat is a text on one line, without what would rearrange it.
func flat(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r):
			return '�'
		default:
			return r
		}
	}, strings.ToValidUTF8(s, "�"))
}
