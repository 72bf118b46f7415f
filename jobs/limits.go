package jobs

import "github.com/yunei/yunei/jobs/limits"

// Limits bound what a guest may use for one privacy unit.
type Limits = limits.Limits
