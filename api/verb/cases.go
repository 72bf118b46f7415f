package verb

import (
	"encoding/json"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

// The verbs of cases, papers, the city's rules and the days.
const (
	CaseAct        Verb = "case.act"        // Inner, of a case: an event, an opening included -> Case
	CaseShow       Verb = "case.show"       // Name -> Case
	CaseList       Verb = "case.list"       // CaseFilter -> CasePage
	CaseTodo       Verb = "case.todo"       // None -> Todo
	CaseExport     Verb = "case.export"     // Name -> the file of the case
	PaperPut       Verb = "paper.put"       // Paper -> Digest
	PaperGet       Verb = "paper.get"       // Digest -> the paper's bytes
	ProfilePublish Verb = "profile.publish" // Publish -> Published
	ProfileGet     Verb = "profile.get"     // Version -> Profile
	CalendarLoad   Verb = "calendar.load"   // Calendar -> Loaded
	CalendarGet    Verb = "calendar.get"    // None -> []Calendar
)

type (
	// A CaseFilter says which cases to list; an empty field is not asked about.
	// After is the last id of the page before.
	CaseFilter struct {
		Kind  string      `json:"kind,omitempty"`
		Stage string      `json:"stage,omitempty"`
		Phase cases.Phase `json:"phase,omitempty"`
		After string      `json:"after,omitempty"`
		Limit int         `json:"limit,omitempty"`
	}
	// A Term is when something is due, and what that rests on. Left counts working
	// days, today included; those gone by since are negative.
	Term struct {
		cases.Due
		Overdue bool `json:"overdue,omitempty"`
		Left    int  `json:"left"`
	}
	// A CaseLine is a case in a list.
	CaseLine struct {
		ID       string          `json:"id"`
		Kind     string          `json:"kind"`
		Channel  string          `json:"channel,omitempty"`
		Title    string          `json:"title"`
		Opener   string          `json:"opener"` // organisation
		Operator string          `json:"operator,omitempty"`
		Year     int             `json:"year,omitempty"`
		Stage    string          `json:"stage"`
		ZH       string          `json:"zh"`
		EN       string          `json:"en"`
		Phase    cases.Phase     `json:"phase"`
		Outcome  cases.Outcome   `json:"outcome,omitempty"`
		Head     suite.Digest    `json:"head"`
		Updated  time.Time       `json:"updated"`
		Term     *Term           `json:"term,omitempty"`
		Role     governance.Role `json:"role,omitempty"` // of a to-do: who asks
	}
	// A CasePage is some of the cases that the caller may see; Next is what to ask
	// for after, "" on the last page.
	CasePage struct {
		Cases []CaseLine `json:"cases"`
		Next  string     `json:"next,omitempty"`
	}
	// A Todo is what waits for the caller's role in their organisation, the first
	// due first. All and Overdue count more than is listed.
	Todo struct {
		All     int        `json:"all"`
		Overdue int        `json:"overdue"`
		Cases   []CaseLine `json:"cases"`
		Confirm []Awaited  `json:"confirm,omitempty"`
	}
	// An Awaited is a withdrawn release that the caller's organisation has had, and has
	// not confirmed to be used no more.
	Awaited struct {
		Run     string    `json:"run"`
		Due     time.Time `json:"due"`
		Overdue bool      `json:"overdue,omitempty"`
	}
	// A Citation is what a rule of the case's own profile rests on.
	Citation struct {
		Key   string `json:"key"`
		ZH    string `json:"zh"`   // of the key
		EN    string `json:"en"`   // of the key
		Basis string `json:"cite"` // article, status and words; or that it is the house's
	}
	// A Case is what the caller may see of a case, when its turn ends, and which
	// rules the stage rests on. Table is the procedure that it follows.
	Case struct {
		cases.View
		Table cases.Table `json:"table"`
		Term  *Term       `json:"term,omitempty"`
		Cites []Citation  `json:"cites,omitempty"`
		Lock  *Lock       `json:"lock,omitempty"` // of a published entry
	}
	// A Paper is bytes to be kept under their digest.
	Paper struct {
		Body []byte `json:"body"`
	}
	// A Digest names a paper.
	Digest struct {
		Digest suite.Digest `json:"digest"`
	}
	// A Publish is an officer's statement for a version of the city's rules, and
	// that version as its file has it (YAML).
	Publish struct {
		Receipt json.RawMessage `json:"receipt"` // of kind governance.Publish
		Source  []byte          `json:"source"`
	}
	// Published says whether the version is in force now, and who has signed.
	Published struct {
		Frozen  profile.Frozen `json:"frozen"`
		InForce bool           `json:"in_force"`
		By      []string       `json:"by"` // users
	}
	// A Version names a version of the city's rules; nil is the one in force.
	Version struct {
		Frozen *profile.Frozen `json:"frozen,omitempty"`
	}
	// A Profile is a version in its canonical form, for profile.Open.
	Profile struct {
		Frozen profile.Frozen `json:"frozen"`
		Bytes  []byte         `json:"bytes"`
	}
	// A Calendar is a table of days in the form of package governance/calendar.
	Calendar struct {
		Table []byte `json:"table"`
	}
	// Loaded says which years are known now, and how many ends of terms moved. A
	// table that waits counts once another officer has loaded the same.
	Loaded struct {
		Years []int `json:"years"`
		Moved int   `json:"moved"`
		Waits bool  `json:"waits,omitempty"`
	}
)

// A Lock is what stands in the ledger of a published entry, and what takes the place
// of a chain of catalogues (目录链) outside the product.
type Lock struct {
	papers.Lock
	Digest suite.Digest `json:"digest"` // the line of the ledger
	ZH     string       `json:"zh"`
	EN     string       `json:"en"`
}
