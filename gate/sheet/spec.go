package sheet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/yunei/yunei/fault"
)

// A Spec says what the columns of a table mean. The zero Spec says nothing:
// dims are then the columns that evidence has before its own, figures the rest.
type Spec struct {
	Title   string    `json:"title,omitempty"`
	Dims    []DimSpec `json:"dims,omitempty"`
	Figures []Figure  `json:"figures,omitempty"`
	// Unit is the columns of the microdata that together are the key of the
	// protected unit: a person, an enterprise group and not its establishment.
	Unit []string `json:"unit,omitempty"`
	// Holdings says that who made an evidence file grouped records by unit.
	Holdings bool `json:"holdings,omitempty"`
	// Grade is that of the source, 1 (public) to 4; 0 if it is not known.
	Grade int `json:"grade,omitempty"`
	// Parameters set single ones of the profile, by their names.
	Parameters map[string]int64 `json:"parameters,omitempty"`
	Context    Context          `json:"context,omitzero"`
}

// A DimSpec is what a spec says of a dim.
type DimSpec struct {
	Name    string              `json:"name"`
	Codes   []string            `json:"codes,omitempty"` // in their order
	Total   string              `json:"total,omitempty"` // "_T" if empty
	Groups  map[string][]string `json:"groups,omitempty"`
	Ordered bool                `json:"ordered,omitempty"`
	Bins    bool                `json:"bins,omitempty"`
}

// A Context is what an output checker asks before looking at a number.
type Context struct {
	Population string `json:"population,omitempty"` // who is in it, and when
	Variables  string `json:"variables,omitempty"`  // how they were derived
	Purpose    string `json:"purpose,omitempty"`
	// Earlier says how it relates to what came out before: "none" for the first
	// output of these data, "listed" if all of it was given.
	Earlier string `json:"earlier,omitempty"`
	// Derived is the grade of the result: core, important or general.
	Derived string `json:"derived,omitempty"`
}

// The relations of a table to earlier ones.
const (
	EarlierNone   = "none"
	EarlierListed = "listed"
)

const maxSpec = 1 << 20

// ParseSpec reads a spec. An error is of kind Invalid, and says where.
func ParseSpec(name string, raw []byte) (Spec, error) {
	var s Spec
	if len(raw) > maxSpec {
		return s, at(name, 0, "", "说明文件超过 1 MiB", "the spec is longer than 1 MiB")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		what := strings.TrimPrefix(err.Error(), "json: ")
		return Spec{}, at(name, lineOf(raw, err), "", "说明文件不对："+what, "in the spec: "+what)
	}
	if d.More() {
		return Spec{}, at(name, 0, "", "说明文件之后还有内容", "there is more after the spec")
	}
	if err := s.check(); err != nil {
		return Spec{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// lineOf is the line of a mistake in JSON, 0 if it is not known.
func lineOf(raw []byte, err error) int {
	offset := -1
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = int(e.Offset)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = int(e.Offset)
	}
	if _, field, ok := strings.Cut(err.Error(), "unknown field "); ok {
		offset = bytes.Index(raw, []byte(field))
	}
	if offset < 0 || offset > len(raw) {
		return 0
	}
	return 1 + bytes.Count(raw[:offset], []byte("\n"))
}

func (s Spec) check() error {
	if len(s.Dims) > MaxDims || len(s.Figures) > MaxFigures || len(s.Unit) > MaxDims {
		return fmt.Errorf("维度、指标或标识列太多 too many dims, figures or unit columns: %w", fault.Invalid)
	}
	for _, d := range s.Dims {
		if err := d.check(); err != nil {
			return err
		}
	}
	for i, f := range s.Figures {
		if err := f.check(s.Figures[:i]); err != nil {
			return err
		}
	}
	if s.Grade < 0 || s.Grade > 4 {
		return fmt.Errorf("grade 是 %d，应为 1 至 4 grade is %d, want 1 to 4: %w", s.Grade, s.Grade, fault.Invalid)
	}
	if e := s.Context.Earlier; e != "" && e != EarlierNone && e != EarlierListed {
		return fmt.Errorf("context.earlier 是 %q，应为 none 或 listed want none or listed: %w", e, fault.Invalid)
	}
	if d := s.Context.Derived; d != "" && d != "general" && d != "important" && d != "core" {
		return fmt.Errorf("context.derived 是 %q，应为 general、important 或 core want general, important or core: %w", d, fault.Invalid)
	}
	return nil
}

func (d DimSpec) check() error {
	if d.Name == "" {
		return fmt.Errorf("有一个维度没有 name a dim has no name: %w", fault.Invalid)
	}
	if len(d.Codes)+len(d.Groups) > MaxCodes {
		return fmt.Errorf("维度 %s 的代码超过 %d 个 dim %s has more than %d codes: %w", d.Name, MaxCodes, d.Name, MaxCodes, fault.Invalid)
	}
	for i, c := range d.Codes {
		if slices.Index(d.Codes, c) != i || c == d.total() {
			return fmt.Errorf("维度 %s 的代码 %q 重复，或是合计的代码 code %q of dim %s twice, or that of the total: %w", d.Name, c, c, d.Name, fault.Invalid)
		}
	}
	return nil
}

func (d DimSpec) total() string {
	if d.Total == "" {
		return Total
	}
	return d.Total
}

func (f Figure) check(before []Figure) error {
	bad := func(zh, en string) error {
		return fmt.Errorf("指标 %q：%s figure %q: %s: %w", f.Name, zh, f.Name, en, fault.Invalid)
	}
	same := func(g Figure) bool { return g.Name == f.Name }
	switch {
	case f.Name == "":
		return bad("没有 name", "has no name")
	case slices.ContainsFunc(before, same):
		return bad("重名", "twice")
	case !f.Kind.known():
		return bad("kind 应为 count、sum、mean、ratio、min、max 或 percentile", "kind must be count, sum, mean, ratio, min, max or percentile")
	case f.Kind != Count && f.Of == "":
		return bad("要用 of 说明是哪个测度", "say with of which measure it is of")
	case f.Kind == Ratio && f.By == "":
		return bad("比率要用 of 和 by 指出两个指标", "a ratio names two figures with of and by")
	case f.At < 0 || f.At > 100 || f.Base < 0 || f.Base > MaxValue:
		return bad("at 或 base 不在范围内", "at or base is out of range")
	}
	return nil
}

// dim is what the spec says of a dim, with its codes resolved.
func (s Spec) dim(name string) DimSpec {
	i := slices.IndexFunc(s.Dims, func(d DimSpec) bool { return d.Name == name })
	if i < 0 {
		return DimSpec{Name: name}
	}
	return s.Dims[i]
}

// dims makes the dims of a table out of the codes that were met, in the order
// in which they were met.
func (s Spec) dims(names []string, met [][]string) ([]Dim, error) {
	var dims []Dim
	for i, name := range names {
		d, err := s.dim(name).resolve(met[i])
		if err != nil {
			return nil, err
		}
		dims = append(dims, d)
	}
	return dims, Grid{dims}.check()
}

func (d DimSpec) resolve(met []string) (Dim, error) {
	out := Dim{Name: d.Name, Total: d.total(), Ordered: d.Ordered, Bins: d.Bins, Listed: len(d.Codes) > 0, Codes: slices.Clone(d.Codes)}
	have := map[string]bool{out.Total: true}
	for _, c := range d.Codes {
		have[c] = true
	}
	for g := range d.Groups {
		have[g] = true
	}
	total := false
	for _, c := range met {
		total = total || c == out.Total
		if !have[c] {
			have[c] = true
			out.Codes = append(out.Codes, c) // what a spec does not list is C01's to judge
		}
	}
	if !out.Listed && !out.Ordered {
		slices.Sort(out.Codes) // an order that nobody chose
	}
	if len(out.Codes) == 0 {
		return out, fmt.Errorf("维度 %s 除合计外没有代码 dim %s has no code but its total: %w", d.Name, d.Name, fault.Invalid)
	}
	for _, name := range sortedKeys(d.Groups) {
		of, err := d.base(name, out.Codes, nil)
		if err != nil {
			return out, err
		}
		out.Groups = append(out.Groups, Group{name, of})
	}
	if total {
		all := make([]int, len(out.Codes))
		for i := range all {
			all[i] = i
		}
		out.Groups = append(out.Groups, Group{out.Total, all})
	}
	return out, nil
}

// base resolves a group to base codes: its members may be groups themselves.
func (d DimSpec) base(name string, codes, above []string) ([]int, error) {
	if slices.Contains(above, name) {
		return nil, fmt.Errorf("维度 %s 的组 %q 包含自身 group %q of dim %s holds itself: %w", d.Name, name, name, d.Name, fault.Invalid)
	}
	var of []int
	for _, c := range d.Groups[name] {
		if _, group := d.Groups[c]; group {
			sub, err := d.base(c, codes, append(slices.Clip(above), name))
			if err != nil {
				return nil, err
			}
			of = append(of, sub...)
		} else if i := slices.Index(codes, c); i >= 0 {
			of = append(of, i)
		}
		if len(of) > MaxCodes {
			return nil, fmt.Errorf("维度 %s 的组 %q 太大 group %q of dim %s is too large: %w", d.Name, name, name, d.Name, fault.Invalid)
		}
	}
	slices.Sort(of)
	of = slices.Compact(of)
	if len(of) == 0 {
		return nil, fmt.Errorf("维度 %s 的组 %q 中没有一个代码出现 none of the codes of group %q of dim %s is there: %w", d.Name, name, name, d.Name, fault.Invalid)
	}
	return of, nil
}
