package mitigate

import (
	"os"
	"testing"

	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/gate/sheet/check"
)

func TestX(t *testing.T) {
	tab, _ := os.Open("../../examples/gatecheck/table.csv")
	mic, _ := os.Open("../../examples/gatecheck/micro.csv")
	raw, _ := os.ReadFile("../../examples/gatecheck/spec.json")
	spec, _ := sheet.ParseSpec("s", raw)
	c, err := sheet.Load(sheet.Input{Table: sheet.File{Name: "t", Body: tab}, Micro: &sheet.File{Name: "m", Body: mic}, Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := check.Parameters("house", spec)
	list, err := Rank(c.Table, c.Facts, p, Options{Bases: []int64{10}})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list {
		t.Logf("%s %s loss %.3f E %.3f H %.3f hidden %d/%d %s %v %v", o.Kind, o.Verdict, o.Loss, o.Error, o.Entropy, o.Hidden, o.Values, o.Text.ZH, o.HalfWidth, o.Typical)
		if o.Kind == Coarsen {
			t.Log("\n" + string(o.Table.CSV()))
		}
	}
}
