package gates_test

import (
	"testing"

	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/jobs/msg"
)

// An order names a program as orders do, and the gate that looks at programs knows
// it by that name.
func TestHeldProgram(t *testing.T) {
	w := gatestest.New(t, "guiyang", "authop")
	held := msg.Held{Kind: msg.HoldProgram, Name: string(w.Terms.Program.Digest)}
	if err := held.Check(); err != nil {
		t.Fatal(err)
	}
	w.Fact = func(f *gates.Facts) {
		f.Holds = append(f.Holds, gates.Hold{ID: "h-1", Kind: held.Kind, Name: held.Name, By: "bureau", At: gatestest.Now})
	}
	for _, v := range gates.Blocked(gates.Check(w.Facts(), gates.AtStart)) {
		if v.Gate == "G10" && v.Code == "held" && v.Thing == "h-1" {
			return
		}
	}
	t.Error("a held program passes its gate")
}
