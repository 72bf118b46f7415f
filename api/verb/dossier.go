package verb

import (
	"encoding/json"

	"github.com/yunei/yunei/suite"
)

// The verbs by which whoever signs gets what their own machine checks first.
const (
	RegisterGet      Verb = "register.get"      // None -> Registered
	ProfileSigned    Verb = "profile.signed"    // Version, of a published one -> []json.RawMessage, receipts of kind governance.Publish
	ApplicationCase  Verb = "application.case"  // Within -> the file of a case that the terms name
	ApplicationPaper Verb = "application.paper" // Within -> the bytes of a paper that such a case decided on
)

type (
	// Registered is everything that is registered, as the requests that people
	// signed for it: of each thing the last. Who reads it needs to believe nobody
	// but the keys that signed.
	Registered struct {
		Orgs      []json.RawMessage `json:"orgs"`
		Users     []json.RawMessage `json:"users"`
		Processes []json.RawMessage `json:"processes"`
		Catalogue []json.RawMessage `json:"catalogue"`
		Licences  []json.RawMessage `json:"licences"`
	}
	// Within names a case of an application's terms, and a paper of that case.
	Within struct {
		ID    string       `json:"id"` // the application
		Case  string       `json:"case"`
		Paper suite.Digest `json:"paper,omitempty"`
	}
)
