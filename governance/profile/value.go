package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
)

// A Type is the form of a key's values.
type Type string

// The types of values.
const (
	Number Type = "number" // of the key's unit, 0 to its most
	Flag   Type = "flag"   // true; a duty that is not there is no value, never false
	Word   Type = "word"   // one of the key's closed list
	Words  Type = "words"  // a set of them
	Steps  Type = "steps"  // some of them, in an order that matters
	Text   Type = "text"   // a name as a document has it
	Texts  Type = "texts"  // several
)

// A Unit is what a number counts.
type Unit string

// The units of numbers.
const (
	WorkingDays Unit = "wd"     // 工作日
	Days        Unit = "days"   // 日历日
	Hours       Unit = "hours"  // 小时
	Months      Unit = "months" // 个月
	Years       Unit = "years"  // 年
	Times       Unit = "times"  // 次、人
)

var units = map[Unit]Name{
	WorkingDays: {"个工作日", "working days"}, Days: {"日", "days"}, Hours: {"小时", "hours"},
	Months: {"个月", "months"}, Years: {"年", "years"}, Times: {"", ""},
}

// Bounds of texts.
const (
	maxText  = 400 // bytes of a text
	maxWords = 64  // of a list
)

// A Value is what a rule says. The zero Value says nothing: there is no such
// rule, and nothing follows from it.
type Value struct {
	kind  Type
	num   int
	words []string // of a Word and a Text: one
}

// None reports whether the value says nothing.
func (v Value) None() bool { return v.kind == "" }

// Int is the number, and whether the value is one.
func (v Value) Int() (int, bool) { return v.num, v.kind == Number }

// Yes reports whether the value is a flag that is set.
func (v Value) Yes() bool { return v.kind == Flag }

// List is what the value lists: words, steps or texts, one or several.
func (v Value) List() []string { return slices.Clone(v.words) }

// Has reports whether the value lists s.
func (v Value) Has(s string) bool { return slices.Contains(v.words, s) }

// MarshalJSON writes null, a number, true, a string or a list of strings.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case Number:
		return strconv.AppendInt(nil, int64(v.num), 10), nil
	case Flag:
		return []byte("true"), nil
	case Word, Text:
		return json.Marshal(v.words[0])
	case Words, Steps, Texts:
		return json.Marshal(v.words)
	default:
		return []byte("null"), nil
	}
}

// UnmarshalJSON reads a rule of the canonical form: its values are of its key.
func (r *Rule) UnmarshalJSON(raw []byte) error {
	type plainRule Rule
	var x struct {
		plainRule
		Value any `json:"value"`
		Limit any `json:"limit"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err := dec.Decode(&x); err != nil {
		return fmt.Errorf("a rule: %w", fault.Invalid)
	}
	k, ok := KeyOf(x.Key)
	if !ok {
		return fmt.Errorf("rule %.60q: no such key: %w", x.Key, fault.Invalid)
	}
	*r = Rule(x.plainRule)
	for _, v := range []struct {
		to   *Value
		from any
	}{{&r.Value, x.Value}, {&r.Limit, x.Limit}} {
		if n, ok := v.from.(json.Number); ok {
			i, err := strconv.Atoi(n.String())
			if err != nil {
				return fmt.Errorf("rule %s: %w", k.Key, fault.Invalid)
			}
			v.from = i
		}
		got, err := k.read(v.from)
		if err != nil {
			return fmt.Errorf("rule %s: %w", k.Key, err)
		}
		*v.to = got
	}
	return nil
}

// Show writes the value of a key for people, in Chinese and in English.
func (k Key) Show(v Value) (zh, en string) {
	switch v.kind {
	case Number:
		u := units[k.Unit]
		return strings.TrimSpace(fmt.Sprintf("%d %s", v.num, u.ZH)), strings.TrimSpace(fmt.Sprintf("%d %s", v.num, u.EN))
	case Flag:
		return "是", "yes"
	case Word, Words, Steps:
		var zhs, ens []string
		for _, w := range v.words {
			zhs, ens = append(zhs, lexicon[w].ZH), append(ens, lexicon[w].EN)
		}
		if v.kind == Steps {
			return strings.Join(zhs, " → "), strings.Join(ens, " → ")
		}
		return strings.Join(zhs, "、"), strings.Join(ens, ", ")
	case Text, Texts:
		all := strings.Join(v.words, "；")
		return all, all
	default:
		return "—", "—"
	}
}

// read turns what a file says into a value of the key. Nothing is no value;
// everything that is not of the key's type and within its list is Invalid.
func (k Key) read(raw any) (Value, error) {
	if raw == nil {
		return Value{}, nil
	}
	switch k.Type {
	case Number:
		n, ok := raw.(int)
		if !ok || n < 0 || n > k.Most {
			return Value{}, fmt.Errorf("want a whole number, 0 to %d: %w", k.Most, fault.Invalid)
		}
		return Value{kind: Number, num: n}, nil
	case Flag:
		if yes, ok := raw.(bool); !ok || !yes {
			return Value{}, fmt.Errorf("want true; leave it out where there is no such rule: %w", fault.Invalid)
		}
		return Value{kind: Flag}, nil
	case Word, Text:
		s, ok := raw.(string)
		if !ok {
			return Value{}, fmt.Errorf("want a %s: %w", k.Type, fault.Invalid)
		}
		return k.list([]any{s})
	default:
		l, ok := raw.([]any)
		if !ok {
			return Value{}, fmt.Errorf("want a list: %w", fault.Invalid)
		}
		return k.list(l)
	}
}

func (k Key) list(raw []any) (Value, error) {
	if len(raw) == 0 || len(raw) > maxWords {
		return Value{}, fmt.Errorf("want 1 to %d words: %w", maxWords, fault.Invalid)
	}
	v := Value{kind: k.Type}
	free := k.Type == Text || k.Type == Texts
	for _, r := range raw {
		s, ok := r.(string)
		switch {
		case !ok || slices.Contains(v.words, s):
			return Value{}, fmt.Errorf("a word twice, or no word: %w", fault.Invalid)
		case free && !plain(s), !free && !slices.Contains(k.Words, s):
			return Value{}, fmt.Errorf("a word that the key does not know: %w", fault.Invalid)
		}
		v.words = append(v.words, s)
	}
	if k.Type == Words { // a set has one spelling: the registry's order
		slices.SortFunc(v.words, func(a, b string) int { return slices.Index(k.Words, a) - slices.Index(k.Words, b) })
	}
	return v, nil
}

// plain reports whether s is a short text for people.
func plain(s string) bool {
	return strings.TrimSpace(s) != "" && len(s) <= maxText && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// An Order says which of two values of a key is tighter. No value is looser
// than any.
type Order string

// The orders of values.
const (
	Smaller  Order = "smaller"
	Larger   Order = "larger"
	Set      Order = "set"      // a flag: there is nothing tighter
	Superset Order = "superset" // asks for all that the other asks for
	Subset   Order = "subset"   // lets in nothing that the other does not
	Ranked   Order = "ranked"   // later in the key's list
	Same     Order = "same"     // values do not compare: only the same will do
)

// equal reports whether two values say the same.
func (v Value) equal(w Value) bool {
	return v.kind == w.kind && v.num == w.num && slices.Equal(v.words, w.words)
}

// within reports whether v is as tight as the limit, or tighter.
func (k Key) within(v, limit Value) bool {
	switch {
	case limit.None() || v.equal(limit):
		return true
	case v.None():
		return false
	}
	switch k.Order {
	case Smaller:
		return v.num <= limit.num
	case Larger:
		return v.num >= limit.num
	case Superset:
		return !slices.ContainsFunc(limit.words, func(w string) bool { return !v.Has(w) })
	case Subset:
		return !slices.ContainsFunc(v.words, func(w string) bool { return !limit.Has(w) })
	case Ranked:
		return slices.Index(k.Words, v.words[0]) >= slices.Index(k.Words, limit.words[0])
	default:
		return false
	}
}
