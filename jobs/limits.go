package jobs

import "github.com/yunei/yunei/jobs/limits"

// Limits bound what a guest may use for one visit.
type Limits = limits.Limits
