package gatestest

import (
	"context"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/jobs"
)

// Ungated lets everything pass the gates of a city's rules: for tests of what
// comes after. Package internal/procedures plays with the real ones.
func Ungated(context.Context, governance.Register, jobs.Terms, gates.Step, int, *gates.Output, time.Time) ([]gates.Verdict, error) {
	return nil, nil
}
