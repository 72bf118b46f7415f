package msg

import (
	"fmt"
	"testing"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// Whoever has the board's token may post any number of statements that are
// well signed by a key of their own. They are put aside by their subject, and
// cost no signature each time that anything is said.
func TestStrangersCostNothing(t *testing.T) {
	w := newWorld(t, jobs.DP)
	key, err := suite.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	before := testing.AllocsPerRun(1, func() { w.view(t) })
	const n = 200
	for i := range n {
		of := w.of(1, fmt.Sprintf("stranger-%d", i))
		subject, r, err := Say(key, Hello, HelloBody{Of: of})
		if err != nil {
			t.Fatal(err)
		}
		w.post(subject, r.Bytes())
	}
	if v := w.view(t); v.Said(1, Hello, "stranger-1") {
		t.Error("a stranger is heard")
	}
	if each := (testing.AllocsPerRun(1, func() { w.view(t) }) - before) / n; each > 30 {
		t.Errorf("%.0f allocations for each statement of a stranger", each)
	}
}
