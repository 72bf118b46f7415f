package params

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
)

// Every number of the struct stands in the table once, by its JSON name, and
// the table in no other place than the struct.
func TestTableIsTotal(t *testing.T) {
	var p Parameters
	want := map[string]int{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Parameters]()) {
		if f.Type.Kind() == reflect.Int64 {
			want[f.Tag.Get("json")]++
		}
	}
	seen := map[*int64]bool{}
	for _, s := range specs {
		if seen[s.at(&p)] {
			t.Errorf("%s: its number is another row's", s.field)
		}
		seen[s.at(&p)] = true
		*s.at(&p) = 7
		if v := reflect.ValueOf(p); fieldByTag(v, s.field) != 7 {
			t.Errorf("%s: the row is of another field", s.field)
		}
		want[s.field]--
		for _, c := range s.checks {
			if len(c) != 3 || c < "C01" || c > "C36" {
				t.Errorf("%s: no check %q", s.field, c)
			}
		}
	}
	for field, n := range want {
		if n != 0 {
			t.Errorf("%s: in the struct and in the table %d times apart", field, n)
		}
	}
	for _, r := range Table() {
		if r.Basis != House || r.Source == "" || r.Unit == "" || len(r.Checks) == 0 {
			t.Errorf("%s: a row without basis, source, unit or check", r.Field)
		}
	}
}

func fieldByTag(v reflect.Value, tag string) int64 {
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.Tag.Get("json") == tag {
			return v.FieldByIndex(f.Index).Int()
		}
	}
	return -1
}

func TestDefaults(t *testing.T) {
	p, err := For(HouseProfile, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := []int64{p.Threshold, p.PPercent, p.Coalition, p.DominantN, p.DominantK, p.LargestK, p.ClassPercent, p.ResidualDF, p.ParametersPercent, p.Midpoint, p.Base, p.Refusals, p.Bits, p.Diversity}
	want := []int64{10, 10, 1, 2, 90, 100, 90, 10, 33, 6, 5, 5, 256, 2}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the defaults are %v, want %v", got, want)
	}
	s, err := For(StrictProfile, 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.LargestK != 50 || s.Cells != 5000 || s.ZerosDisclosive != 1 || s.Profile != StrictProfile {
		t.Errorf("strict is %+v", s)
	}
}

// A higher grade is never less strict, and each profile passes its own check;
// strict is nowhere looser than house.
func TestGradesAreMonotone(t *testing.T) {
	for _, name := range Profiles() {
		var before Parameters
		for grade := range MaxGrade + 1 {
			p, err := For(name, grade)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Check(); err != nil {
				t.Errorf("%s %d: %v", name, grade, err)
			}
			if p.Profile != name || p.Grade != grade {
				t.Errorf("%s %d says it is %s %d", name, grade, p.Profile, p.Grade)
			}
			if h := house(grade); strictest(p, h) != p {
				t.Errorf("%s %d is looser than house somewhere", name, grade)
			}
			if grade > 0 && strictest(p, before) != p {
				t.Errorf("%s: grade %d is looser than %d somewhere", name, grade, grade-1)
			}
			before = p
		}
	}
	one, _ := For(HouseProfile, 1)
	four, _ := For(HouseProfile, 4)
	if one.Threshold == four.Threshold {
		t.Error("no grade overrides the threshold")
	}
}

func TestForAllTakesTheStrictest(t *testing.T) {
	four, _ := For(HouseProfile, 4)
	p, err := ForAll(HouseProfile, 0, 4, 2)
	if err != nil || p != four {
		t.Errorf("%+v, %v", p, err)
	}
	for _, grades := range [][]int{{}, {-1}, {5}, {0, 5}, {5, 0}} {
		if p, err := ForAll(HouseProfile, grades...); !errors.Is(err, fault.Invalid) || p != (Parameters{}) {
			t.Errorf("grades %v: %+v, %v", grades, p, err)
		}
	}
	for _, name := range []string{"", "House", "essnet"} {
		if p, err := For(name, 0); !errors.Is(err, fault.Invalid) || p != (Parameters{}) {
			t.Errorf("profile %q: %+v, %v", name, p, err)
		}
	}
}

// The zero value denies, and each number is held to its range at both ends.
func TestCheckRanges(t *testing.T) {
	if err := (Parameters{}).Check(); !errors.Is(err, fault.Invalid) {
		t.Errorf("the zero parameters pass: %v", err)
	}
	for _, s := range specs {
		for _, c := range []struct {
			value int64
			ok    bool
		}{{s.least - 1, false}, {s.least, true}, {s.most, true}, {s.most + 1, false}} {
			p := house(0)
			*s.at(&p) = c.value
			if err := p.Check(); (err == nil) != c.ok {
				t.Errorf("%s = %d: %v", s.field, c.value, err)
			}
		}
	}
}

func TestRaise(t *testing.T) {
	p := house(0)
	if got := p.Raise(3); got != p {
		t.Error("a permit lowered the thresholds")
	}
	got := p.Raise(25)
	for _, v := range []int64{got.Threshold, got.Group, got.Tail, got.Bin, got.Binary, got.Step, got.Numerator, got.Difference, got.Records} {
		if v != 25 {
			t.Errorf("raised to %d, want 25", v)
		}
	}
}

func TestValues(t *testing.T) {
	p := house(0)
	if got := p.Values("C08"); !reflect.DeepEqual(got, map[string]int64{"dominant_n": 2, "dominant_k": 90, "largest_k": 100}) {
		t.Errorf("C08: %v", got)
	}
	if got := p.Values("C24"); !reflect.DeepEqual(got, map[string]int64{"p_percent": 10}) {
		t.Errorf("C24: %v", got)
	}
	if got := p.Values("C36"); len(got) != 0 {
		t.Errorf("C36: %v", got)
	}
}

func FuzzParse(f *testing.F) {
	p, s := house(0), house(4)
	f.Add(p.Bytes())
	f.Add(s.Bytes())
	f.Add([]byte(`{}`))
	f.Add([]byte(strings.Replace(string(p.Bytes()), `"threshold":10`, `"threshold":2`, 1)))
	f.Add([]byte(strings.Replace(string(p.Bytes()), `"threshold":10`, `"threshold":10.0`, 1)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Parse(raw)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("%v is not of kind Invalid", err)
			}
			return
		}
		if p.Check() != nil || string(p.Bytes()) != string(raw) {
			t.Errorf("read what is not its one spelling: %s", raw)
		}
	})
}

func TestParse(t *testing.T) {
	p := house(3)
	if got, err := Parse(p.Bytes()); err != nil || got != p {
		t.Errorf("%+v, %v", got, err)
	}
	for _, raw := range []string{"", "{}", string(p.Bytes()) + " ", strings.Replace(string(p.Bytes()), "{", `{"extra":1,`, 1), strings.Repeat(" ", maxBytes+1)} {
		if _, err := Parse([]byte(raw)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%.40q: %v", raw, err)
		}
	}
}
