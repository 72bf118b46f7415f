package finish

import (
	"errors"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
)

func TestParse(t *testing.T) {
	for spec, want := range map[string]string{
		"mean(cost)":                              "mean(cost)",
		"mean ( cost ; over = age , sex )":        "mean(cost;over=age,sex)",
		"rate(cases/units)":                       "rate(cases/units)",
		"rate(cases/units;over=all;per=1000)":     "rate(cases/units;per=1000;over=all)",
		"variance(cost;cost2)":                    "variance(cost,cost2)",
		"quantile(age,0.5;edges=0,18,60,120)":     "quantile(age;0.5;edges=0,18,60,120)",
		"ols(x=a,b;y=c;xx=aa,ab,bb;xy=ac,bc;n=k)": "ols(y=c;x=a,b;xx=aa,ab,bb;xy=ac,bc;n=k)",
		"logit(cases/units;by=age,sex)":           "logit(cases/units;by=age,sex)",
	} {
		s, err := Parse(spec)
		if err != nil || s.String() != want {
			t.Errorf("%q: %q, %v", spec, s, err)
		}
	}
	for _, usage := range Usages() {
		if s, err := Parse(usage); err != nil || s.String() != usage {
			t.Errorf("the example %q: %q, %v", usage, s, err)
		}
	}
	for spec, want := range map[string]string{
		"":                                       "want one of: correlation(",
		"men(cost)":                              "want one of: correlation(",
		"mean":                                   "no closing bracket; it is spelled like mean(cost)",
		"mean(cost":                              "no closing bracket",
		"mean()":                                 "nothing to finish",
		"mean(cost,age)":                         "want 1 items before the keys, not 2; it is spelled like mean(cost)",
		"mean(cost;over=)":                       "an item is empty",
		"mean(cost;per=10)":                      "a key that it does not have",
		"mean(cost;n=a;n=b)":                     "a key stands twice",
		"mean(cost;n=a,b)":                       "more than one n",
		"mean(成本)":                               "an item is empty, too long, or no name",
		"quantile(age;0.5)":                      "no edges",
		"ols(y=c;x=a;xx=aa)":                     "no xy",
		strings.Repeat("x", 100_000):             "longer than",
		"mean(" + strings.Repeat("x", 200) + ")": "too long",
	} {
		if _, err := Parse(spec); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", spec, err, want)
		}
	}
	for _, s := range []string{"1e9", "1/3", "0x10", "1_0", "", "-", "1.2.3", "0000000000000000000"} {
		if _, err := number(s); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q is read as a number", s)
		}
	}
}

// What Parse takes has one spelling, and finishing with it never panics.
func FuzzParse(f *testing.F) {
	for _, usage := range Usages() {
		f.Add(usage)
	}
	f.Add("mean(x;over=all)")
	f.Add("quantile(dept;0.25;edges=-1,0,1.5,2,3,4,5;over=sex)")
	f.Add("logit(admitted/units;by=dept)")
	c := berkeley(5)
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := Parse(spec)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		again, err := Parse(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q is spelled %q, then %q: %v", spec, s, again, err)
		}
		if r, err := s.Apply(c); err == nil {
			r.CSV()
		} else if !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Denied) {
			t.Fatal(err)
		}
	})
}
