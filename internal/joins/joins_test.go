package joins

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/jobs"
)

// How many are in both, as the plain join has it.
func TestCount(t *testing.T) {
	w := newWorld(t, map[string][]row{siteA: people(0, 60), siteB: people(35, 90)})
	w.start("r-1", w.terms)
	w.play("r-1", over)
	c := w.table("r-1")
	if diff := cmp.Diff([]jobs.Cell{{25}}, c.Cells); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(w.plain(w.terms), c.Cells); diff != "" {
		t.Error(diff)
	}
}

// Totals of both sides by B's codes, as the plain join has them; of a cell of
// few neither people nor totals.
func TestSums(t *testing.T) {
	w := newWorld(t, map[string][]row{siteA: people(0, 100), siteB: people(30, 150)})
	summed(&w.terms)
	w.start("r-1", w.terms)
	w.play("r-1", over)
	c := w.table("r-1")
	if diff := cmp.Diff(w.plain(w.terms), c.Cells); diff != "" {
		t.Error(diff)
	}
}
