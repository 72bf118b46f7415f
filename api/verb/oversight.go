package verb

import (
	"encoding/json"

	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/oversight/report"
)

// The verbs of what is owed, handed in and looked into.
const (
	DutyList         Verb = "duty.list"         // None -> []oversight.Duty, the caller's own; the bureau's and auditors' all
	ReportFile       Verb = "report.file"       // Handed -> Digest, of the statement
	ReportList       Verb = "report.list"       // None -> []oversight.Filed
	ReportAttest     Verb = "report.attest"     // Inner, of a report's statement -> None
	OversightFacts   Verb = "oversight.facts"   // Inspection -> Inspected; the bureau's and auditors'
	OversightUses    Verb = "oversight.uses"    // None -> Ledger, of the caller's own data; the bureau's and auditors' all
	OversightDeclare Verb = "oversight.declare" // oversight.Declared -> None
)

type (
	// Handed is a statement that hands in a report, and the report.
	Handed struct {
		Receipt json.RawMessage `json:"receipt"` // of kind oversight.Handing
		Paper   []byte          `json:"paper"`
	}
	// An Inspection asks for a document of report.Kinds, "" for none, of a year.
	Inspection struct {
		Report string `json:"report,omitempty"`
		Year   int    `json:"year,omitempty"`
	}
	// Inspected is that document, and what looks like a fault now.
	Inspected struct {
		Document *report.Document    `json:"document,omitempty"`
		Findings []oversight.Finding `json:"findings"`
	}
	// A Ledger is the uses of data that the caller may read of, and as a document.
	Ledger struct {
		Uses     []oversight.Use `json:"uses"`
		Document report.Document `json:"document"`
	}
)
