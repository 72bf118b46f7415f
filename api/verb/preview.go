package verb

import (
	"encoding/json"

	"github.com/yunei/yunei/governance/gates"
)

// A Preview asks what the gates would say of terms (jobs.Terms) at a step. It
// changes nothing.
type Preview struct {
	Terms json.RawMessage `json:"terms"`
	Step  gates.Step      `json:"step"`
}
