package budget

import (
	"errors"
	"testing"

	"github.com/yunei/yunei/fault"
)

func TestParseCaps(t *testing.T) {
	caps, err := ParseCaps([]string{"natural-person/operator/acme=1/2", " legal-person/scenario/*=0.25", "row/year/2027=3"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Cap{{"natural-person", Operator, "acme", rho("1/2")}, {"legal-person", Scenario, Each, rho("1/4")}, {"row", Year, "2027", rho("3")}} {
		if got := caps[i]; got.Namespace != want.Namespace || got.Kind != want.Kind || got.Name != want.Name || got.Rho.Cmp(want.Rho) != 0 {
			t.Errorf("%d: %+v", i, got)
		}
	}
	for _, s := range []string{
		"", "natural-person=1", "natural-person/namespace/*=1", "natural-person/operator/=1", "natural-person/operator/A=1", "natural-person/year/27=1",
		"natural-person/year/next=1", "natural-person/operator/*=-1", "natural-person/operator/*=1e9", "natural-person/operator/*=1/0", "natural-person/operator/*=",
	} {
		if _, err := ParseCaps([]string{s}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzParseCap(f *testing.F) {
	f.Add("natural-person/operator/acme=1/2")
	f.Add("row/year/*=1e999999999")
	f.Add("row/year/9999=0.0000001")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCap(s)
		if err == nil && (c.Namespace == "" || c.Name == "" || c.Rho == nil || c.Rho.Sign() < 0) {
			t.Errorf("%q is read as %+v", s, c)
		}
	})
}
