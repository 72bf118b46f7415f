package enclave

import (
	"fmt"
	"testing"

	"github.com/yunei/yunei/enclave/prio"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
)

// BenchmarkProved times a site's reports, and what one aggregator does for each
// member, of tables of one figure that counts to a thousand.
func BenchmarkProved(b *testing.B) {
	for _, cells := range []int{256, 4096} {
		c := newCouncil(b, func(t *jobs.Terms) {
			codes := make([]string, cells)
			for i := range codes {
				codes[i] = fmt.Sprintf("c%d", i)
			}
			t.Shape.Dims = []jobs.Dim{{Name: "d", Codes: codes, Labels: codes}}
		})
		ranges, values := c.view.Terms().Ranges(), make([]int64, c.view.Terms().Slots())
		b.Run(fmt.Sprintf("prove/%d", cells), func(b *testing.B) {
			size := 0
			for b.Loop() {
				parts, err := Prove(c.tasks, ranges, values)
				if err != nil {
					b.Fatal(err)
				}
				size = len(parts[0][0])
			}
			b.ReportMetric(float64(size), "B/report")
		})
		b.Run(fmt.Sprintf("prepare/%d", cells), func(b *testing.B) {
			helper := c.view.Aggregators()[1]
			other, err := NewAggregation(c.tasks, prio.Helper, c.Keys[helper], c.boxes[helper])
			if err != nil {
				b.Fatal(err)
			}
			var reports [][][]byte
			for range c.view.Terms().Members {
				parts, err := Prove(c.tasks, ranges, values)
				if err != nil {
					b.Fatal(err)
				}
				reports = append(reports, parts[0])
			}
			byTask := make([][][]byte, len(c.tasks))
			for i := range byTask {
				for _, r := range reports {
					byTask[i] = append(byTask[i], r[i])
				}
			}
			leader := c.view.Aggregators()[0]
			size := 0
			for b.Loop() {
				a, err := NewAggregation(c.tasks, prio.Leader, c.Keys[leader], c.boxes[leader])
				if err != nil {
					b.Fatal(err)
				}
				answers, err := a.Prepare(other.Parts(), byTask, &prio.Memory{}, once{}, governancetest.Now)
				if err != nil {
					b.Fatal(err)
				}
				size = len(answers[0])
			}
			b.ReportMetric(float64(size), "B/answers")
			b.ReportMetric(float64(len(reports)), "members")
		})
	}
}
