package verb

import (
	"encoding/json"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/release"
	"github.com/yunei/yunei/suite"
)

type (
	// An Order is a hold by decision, and whether it is in force.
	Order struct {
		governance.Order

		InForce bool              `json:"in_force"`
		Lifts   []json.RawMessage `json:"lifts,omitempty"` // as they were signed
	}
	// A Withdrawal is what there is to know of a release that was taken back, or of
	// what to sign to take it back.
	Withdrawal struct {
		Run     string               `json:"run"`
		Permit  suite.Digest         `json:"permit"`
		Bundle  suite.Digest         `json:"bundle"`           // as it was given out
		Entry   suite.Digest         `json:"entry"`            // of the ledger
		Notice  *release.Notice      `json:"notice,omitempty"` // nil: it is out
		Digest  suite.Digest         `json:"digest,omitempty"` // of the withdrawal
		Due     time.Time            `json:"due,omitzero"`     // when all are to have confirmed
		Asked   []Recipient          `json:"asked"`
		Lineage []governance.Product `json:"lineage,omitempty"`
	}
	// A Recipient has a release that was taken back, or may have.
	Recipient struct {
		Org       string          `json:"org"`
		Status    string          `json:"status"` // of Statuses
		Confirmed json.RawMessage `json:"confirmed,omitempty"`
	}
)

// Statuses lists how it stands with a recipient.
var Statuses = []string{"", "awaited", "overdue", "confirmed"}
