package plain

import (
	"errors"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
)

type sheet struct {
	Name string            `yaml:"name"`
	List []int             `yaml:"list"`
	Map  map[string]string `yaml:"map"`
}

var limits = Limits{Bytes: 200, Nodes: 20, Depth: 5}

func TestDecode(t *testing.T) {
	var s sheet
	if err := Decode([]byte("name: 目录\nlist: [1, 2]\nmap: {a: b}\n"), limits, &s); err != nil || s.Name != "目录" || len(s.List) != 2 || s.Map["a"] != "b" {
		t.Errorf("%v: %v", s, err)
	}
	for name, c := range map[string]struct {
		raw  string
		want error
	}{
		"nothing":             {"", fault.Invalid},
		"another word":        {"name: a\nother: b\n", fault.Invalid},
		"a word twice":        {"name: a\nname: b\n", fault.Invalid},
		"another type":        {"list: word\n", fault.Invalid},
		"an anchor":           {"name: &a b\n", fault.Invalid},
		"an alias":            {"name: &a b\nmap: {a: *a}\n", fault.Invalid},
		"a merge":             {"map: {<<: {a: b}}\n", fault.Invalid},
		"a tag":               {"name: !!str 1\n", fault.Invalid},
		"a number as a key":   {"map: {1: b}\n", fault.Invalid},
		"a list as a key":     {"map: {[a]: b}\n", fault.Invalid},
		"two documents":       {"name: a\n---\nname: b\n", fault.Invalid},
		"no YAML":             {"name: [", fault.Invalid},
		"bytes of no writing": {"name: \xff\n", fault.Invalid},
		"too long":            {"name: " + strings.Repeat("a", 200), fault.Exhausted},
		"too many nodes":      {"list: [" + strings.Repeat("1,", 20) + "1]", fault.Exhausted},
		"too deep":            {"name: " + strings.Repeat("[", 8) + strings.Repeat("]", 8), fault.Exhausted},
	} {
		if err := Decode([]byte(c.raw), limits, new(sheet)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: a\nlist: [1]\n"))
	f.Add([]byte("map: {a: *b}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := Decode(raw, limits, new(sheet)); err != nil && !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Exhausted) {
			t.Errorf("%v is of no kind", err)
		}
	})
}
