package governancetest

import "github.com/yunei/yunei/jobs/msg"

// Unheld is a town in which nobody holds anything and everybody's lease is
// fresh: what a party goes by in tests that are not about that. Package
// party/lease has the real thing and its tests.
type Unheld struct{}

// Check lets every run go on.
func (Unheld) Check(*msg.View) error { return nil }
