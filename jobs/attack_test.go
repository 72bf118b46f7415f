package jobs

import (
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/yunei/yunei/fault"
)

// A budget is read before anybody's signature on it is: nine bytes of it must
// not ask for a million digits.
func TestBudgetIsAPlainFraction(t *testing.T) {
	for _, good := range []string{"", "0", "2", "1/2", "0.5"} {
		if _, err := (Budget{Rho: good}).Rat(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"1e999999", "1e-999999", "0x1p99999", "1/0", "-1", "+1", "1_0", " 1", "1/2/3", "."} {
		if _, err := (Budget{Rho: bad}).Rat(); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q is a budget", bad)
		}
	}
}

// What cannot be sealed is refused as terms, not found out after the debit.
func TestSlotsAreBounded(t *testing.T) {
	terms := newCast(t).terms()
	terms.Shape.Measures = nil
	codes, labels := make([]string, 256), make([]string, 256)
	for i := range codes {
		codes[i], labels[i] = fmt.Sprint(i), fmt.Sprint(i)
	}
	terms.Shape.Dims = []Dim{{Name: "a", Codes: codes, Labels: labels}, {Name: "b", Codes: codes, Labels: labels}}
	if err := terms.Check(); err != nil {
		t.Fatal(err)
	}
	for i := range MaxMeasures {
		terms.Shape.Measures = append(terms.Shape.Measures, Measure{Name: fmt.Sprintf("m%d", i), Hi: 1, Round: 1, Sigma: 1 << 40})
	}
	if err := terms.Check(); !errors.Is(err, fault.Invalid) {
		t.Errorf("%d slots pass: %v", terms.Slots(), err)
	}
}

// An offset of 24 hours is read from JSON and cannot be written: terms with one
// would have no digest, and every daemon would die of an unsigned permit.
func TestTermsWithoutSpelling(t *testing.T) {
	c := newCast(t)
	good := string(c.terms().Bytes())
	for _, at := range []string{"2027-03-01T00:00:00+24:00", "2027-03-01T00:00:00+23:60", "2027-03-01T00:00:00+08:00", "0000-01-01T00:00:00Z"} {
		raw := regexp.MustCompile(`"not_after":"[^"]*"`).ReplaceAllString(good, `"not_after":"`+at+`"`)
		if raw == good {
			t.Fatal("the terms were not changed")
		}
		if _, err := OpenPermit(bundle(t, []byte(raw), nil), c.pins()); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", at, err)
		}
	}
}
