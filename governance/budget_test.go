package governance

import (
	"reflect"
	"testing"
	"time"

	"github.com/yunei/yunei/jobs/msg"
)

// The mirror adds up by domain, namespace, operator, scenario and year, and says
// what it does not see.
func TestSpent(t *testing.T) {
	d := func(operator string, seq uint64, cost, after string, at time.Time) msg.Debit {
		return msg.Debit{Namespace: "natural-person", Operator: operator, Scenario: "flu", At: at, Cost: cost, After: after, Seq: seq}
	}
	spring, newYear := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC)
	again := d("acme", 9, "0", "2", newYear)
	again.Stored = "r-1"
	got := Spent([]map[string]msg.Debit{
		{"hospital": d("acme", 1, "1/3", "1/3", spring), "transit": d("acme", 1, "1/3", "1/3", spring)},
		{"hospital": d("acme", 4, "1/6", "1", spring)},
		{"hospital": d("rival", 2, "1/6", "1/2", newYear.Add(-time.Second))},
		{"hospital": again},
		{},
	})
	want := Budget{
		Spent: []Spending{
			{"hospital", "natural-person", "acme", "flu", 2026, 2, 0, "1/2"},
			{"hospital", "natural-person", "acme", "flu", 2027, 0, 1, "0"},
			{"hospital", "natural-person", "rival", "flu", 2026, 1, 0, "1/6"},
			{"transit", "natural-person", "acme", "flu", 2026, 1, 0, "1/3"},
		},
		Accounts: []Account{{"hospital", "natural-person", "2", "4/3"}, {"transit", "natural-person", "1/3", "0"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if none := Spent(nil); none.Spent == nil || none.Accounts == nil {
		t.Error("nothing is not an empty list")
	}
}
