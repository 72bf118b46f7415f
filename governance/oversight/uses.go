package oversight

import (
	"slices"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/suite"
)

// A Use is one run's use of one provider's dataset: a line of its ledger (使用台账).
// Start is the receipt that began it; Release the bundle that went out, if one
// did. What people only previewed is no use.
type Use struct {
	Provider   string       `json:"provider"`
	Dataset    string       `json:"dataset"`
	Version    string       `json:"version"`
	Columns    []string     `json:"columns"`
	Run        string       `json:"run"`
	Start      suite.Digest `json:"start"`
	Permit     suite.Digest `json:"permit"` // the terms' digest
	Scenario   string       `json:"scenario"`
	Operator   string       `json:"operator"`
	Purpose    string       `json:"purpose"`
	Program    string       `json:"program"`
	Recipients []string     `json:"recipients"`
	State      string       `json:"state"`
	Rho        string       `json:"rho,omitempty"` // what its domain debited
	Release    suite.Digest `json:"release,omitempty"`
	At         time.Time    `json:"at"`
}

// UsesFor keeps what a person may read of a ledger: the bureau's officers and
// auditors all of it, a provider's own people the lines of its own data, and
// nobody else any.
func UsesFor(u governance.User, all []Use) []Use {
	own := []Use{}
	for _, use := range all {
		switch u.Role {
		case governance.RoleBureau, governance.RoleAuditor:
		case governance.RoleOfficer, governance.RoleAdmin:
			if use.Provider != u.Org || u.Org == "" {
				continue
			}
		case governance.RoleOperator, governance.RoleChecker:
			continue
		default:
			continue
		}
		own = append(own, use)
	}
	slices.SortStableFunc(own, func(a, b Use) int { return a.At.Compare(b.At) })
	return own
}

// Inspects reports whether a person may read what oversight knows of everybody:
// the bureau's officers and auditors.
func Inspects(u governance.User) bool {
	return u.Role == governance.RoleBureau || u.Role == governance.RoleAuditor
}
