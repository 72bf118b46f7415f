package gates_test

import (
	"testing"

	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/profiles"
)

var steps = []gates.Step{gates.AtSubmission, gates.AtStart, gates.AtRelease}

// In a world as every city asks for it, by every channel, nothing stops a job.
func TestWholeWorlds(t *testing.T) {
	for _, city := range profiles.IDs() {
		for _, channel := range []string{"share", "open", "authop"} {
			t.Run(city+"/"+channel, func(t *testing.T) {
				f := gatestest.New(t, city, channel).Facts()
				if err := f.Terms.Check(); err != nil {
					t.Fatal(err)
				}
				for _, at := range steps {
					all := gates.Check(f, at)
					for _, v := range gates.Blocked(all) {
						t.Errorf("%s: %s %s %s %s (%s) %s", at, v.Gate, v.Code, v.ZH, v.Thing, v.Key, v.Cite)
					}
					if err := gates.Refuse(all); err != nil {
						t.Errorf("%s: %v", at, err)
					}
				}
			})
		}
	}
}
