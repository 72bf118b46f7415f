package jobs

import (
	"strings"
	"testing"

	"github.com/yunei/yunei/suite"
)

// TestUnderForm holds a procedure to its form: no case twice, in one order only,
// so that the same procedure has one digest.
func TestUnderForm(t *testing.T) {
	d := suite.DigestOf([]byte("x"))
	good := func() *Under {
		return &Under{City: "guiyang", Version: 1, Rules: d, Channel: "authop", Cases: []CaseRef{
			{"catalogue.review", "entry-a", d}, {"catalogue.review", "entry-b", d}, {"scenario.apply", "s-1", d},
		}}
	}
	if err := good().check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Under){
		"no city":     func(u *Under) { u.City = "" },
		"no version":  func(u *Under) { u.Version = 0 },
		"no rules":    func(u *Under) { u.Rules = "" },
		"no channel":  func(u *Under) { u.Channel = "" },
		"side door":   func(u *Under) { u.Channel = "direct" },
		"no head":     func(u *Under) { u.Cases[0].Head = "" },
		"twice":       func(u *Under) { u.Cases[1] = u.Cases[0] },
		"other order": func(u *Under) { u.Cases[0], u.Cases[1] = u.Cases[1], u.Cases[0] },
		"no kind":     func(u *Under) { u.Cases[0].Kind = "x" },
		"no id":       func(u *Under) { u.Cases[0].ID = strings.Repeat("a", 80) },
		"too many":    func(u *Under) { u.Cases = make([]CaseRef, maxCases+1) },
	} {
		u := good()
		if change(u); u.check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, ok := good().Case("catalogue.review"); ok {
		t.Error("one of two cases was picked")
	}
	if c, ok := good().Case("scenario.apply"); !ok || c.ID != "s-1" {
		t.Error("the one case was not found")
	}
}
