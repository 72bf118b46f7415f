package finish

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/yunei/yunei/fault"
)

// Bounds of a spec.
const (
	maxSpec   = 64 << 10
	maxItem   = 64
	maxDigits = 18 // of a number
)

// everything stands for all dims.
const everything = "all"

// A Spec says what to finish. It has one spelling, String; the zero Spec is
// none and finishes nothing.
type Spec struct {
	name  string
	items []string            // those without a key
	keys  map[string][]string // the others
}

// A form is one kind of finisher.
type form struct {
	usage string
	items int      // without a key
	needs []string // keys that must stand
	may   []string // keys that may
	run   func(Spec, Table) ([]Line, error)
}

// forms are the finishers by name.
var forms = map[string]form{
	"mean":        {"mean(cost)", 1, nil, []string{"n", "over"}, runMean},
	"rate":        {"rate(cases/units;per=1000)", 1, nil, []string{"per", "over"}, runRate},
	"ratio":       {"ratio(cost/days)", 1, nil, []string{"over"}, runRate},
	"variance":    {"variance(cost,cost2)", 2, nil, []string{"n", "over"}, runVariance},
	"correlation": {"correlation(x,y;xx=x2;yy=y2;xy=x_y)", 2, []string{"xx", "yy", "xy"}, []string{"n", "over"}, runCorrelation},
	"quantile":    {"quantile(age;0.5;edges=0,18,60,120)", 2, []string{"edges"}, []string{"n", "over"}, runQuantile},
	"ols":         {"ols(y=cost;x=age,days;xx=age2,age_days,days2;xy=age_cost,days_cost;yy=cost2)", 0, []string{"y", "x", "xx", "xy"}, []string{"yy", "n", "over"}, runOLS},
	"logit":       {"logit(cases/units;by=age,sex)", 1, []string{"by"}, nil, runLogit},
}

// Usages lists one example of each finisher.
func Usages() []string {
	var list []string
	for _, f := range forms {
		list = append(list, f.usage)
	}
	slices.Sort(list)
	return list
}

// Parse reads a spec such as mean(cost), rate(cases/units;per=1000) or
// quantile(age;0.5;edges=0,18,60,120): a name, and in brackets, between
// semicolons, lists of names and numbers, some of them named by a key. The key
// over=age,sex sums dims out first, over=all every one; n=counted names the
// figure that counts the values, where it is not that of the units. An error is
// of kind Invalid and shows how the finisher is spelled.
func Parse(spec string) (Spec, error) {
	s, err := parse(spec)
	if err != nil {
		return Spec{}, fmt.Errorf("reading a finisher: %w: %w", err, fault.Invalid)
	}
	return s, nil
}

func parse(spec string) (Spec, error) {
	if len(spec) > maxSpec {
		return Spec{}, fmt.Errorf("longer than %d bytes", maxSpec)
	}
	name, rest, _ := strings.Cut(strings.TrimSpace(spec), "(")
	f, ok := forms[strings.TrimSpace(name)]
	if !ok {
		return Spec{}, fmt.Errorf("want one of: %s", strings.Join(Usages(), " "))
	}
	body, closed := strings.CutSuffix(rest, ")")
	if !closed {
		return Spec{}, fmt.Errorf("no closing bracket; it is spelled like %s", f.usage)
	}
	s := Spec{name: strings.TrimSpace(name), keys: map[string][]string{}}
	if strings.TrimSpace(body) == "" {
		return Spec{}, fmt.Errorf("nothing to finish; it is spelled like %s", f.usage)
	}
	for section := range strings.SplitSeq(body, ";") {
		if err := s.section(section); err != nil {
			return Spec{}, fmt.Errorf("%w; it is spelled like %s", err, f.usage)
		}
	}
	if err := s.complete(f); err != nil {
		return Spec{}, fmt.Errorf("%w; it is spelled like %s", err, f.usage)
	}
	return s, nil
}

// section reads a list, with its key if it has one.
func (s *Spec) section(text string) error {
	key, list, keyed := strings.Cut(text, "=")
	if !keyed {
		list = text
	}
	var items []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); !proper(item) {
			return errors.New("an item is empty, too long, or no name or number")
		}
		items = append(items, item)
	}
	if !keyed {
		s.items = append(s.items, items...)
		return nil
	}
	if key = strings.TrimSpace(key); s.keys[key] != nil {
		return errors.New("a key stands twice")
	}
	s.keys[key] = items
	return nil
}

// proper reports whether an item is spelled like a name, a ratio or a number.
func proper(item string) bool {
	return item != "" && len(item) <= 2*maxItem && strings.Trim(item, "abcdefghijklmnopqrstuvwxyz0123456789_./-") == ""
}

// complete holds the spec to its form.
func (s *Spec) complete(f form) error {
	if len(s.items) != f.items {
		return fmt.Errorf("want %d items before the keys, not %d", f.items, len(s.items))
	}
	for _, key := range f.needs {
		if s.keys[key] == nil {
			return fmt.Errorf("no %s", key)
		}
	}
	for key := range s.keys {
		if !slices.Contains(f.needs, key) && !slices.Contains(f.may, key) {
			return errors.New("a key that it does not have")
		}
	}
	for _, key := range []string{"n", "per", "y", "yy"} {
		if len(s.keys[key]) > 1 {
			return fmt.Errorf("more than one %s", key)
		}
	}
	return nil
}

// String is the one spelling of the spec: its keys in order.
func (s Spec) String() string {
	if s.name == "" {
		return ""
	}
	var sections []string
	sep := ","
	if s.name == "quantile" {
		sep = ";"
	}
	if len(s.items) > 0 {
		sections = append(sections, strings.Join(s.items, sep))
	}
	f := forms[s.name]
	for _, key := range slices.Concat(f.needs, f.may) {
		if s.keys[key] != nil {
			sections = append(sections, key+"="+strings.Join(s.keys[key], ","))
		}
	}
	return s.name + "(" + strings.Join(sections, ";") + ")"
}

// number reads a decimal of few digits.
func number(s string) (*big.Rat, error) {
	if len(s) > maxDigits || strings.Trim(s, "0123456789.-") != "" { // no exponent, no fraction
		return nil, fmt.Errorf("%q is not a decimal number of at most %d characters: %w", s, maxDigits, fault.Invalid)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("%q is not a decimal number: %w", s, fault.Invalid)
	}
	return r, nil
}
