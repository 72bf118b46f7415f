package gates_test

import (
	"testing"

	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
)

// An applicant whose credit code is none was admitted by people who did not look:
// the gate does.
func TestAdmittedWithoutAName(t *testing.T) {
	w := gatestest.New(t, "guiyang", "authop")
	w.Admission.CreditCode = "91520102MA6DK5YT5D"
	stopped := gates.Blocked(gates.Check(w.Facts(), gates.AtSubmission))
	if len(stopped) != 1 || stopped[0].Gate != "G1" || stopped[0].Code != "admission-lacks" {
		t.Errorf("%+v", stopped)
	}
}
