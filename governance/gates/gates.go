// Package gates says whether a job may be, and an output go out, under a city's
// rules: thirteen gates of a job (G1 to G13) and six of a release (R1 to R6). A
// gate is a pure function of Facts and cites the rule of the city's profile that
// it stands for, in the version that the terms name. The facts are signed cases
// and their papers, the register, holds, duties and counts; what is not known is
// no pass: the zero State blocks. The same gates are asked when terms are
// submitted, when a run starts and when an output is released, and Preview asks
// them without doing anything.
//
// The package decides nothing and keeps nothing: it compares decisions that
// people have signed with what is about to happen.
package gates

import (
	"context"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A Step is when the gates are asked.
type Step string

// The steps.
const (
	AtSubmission Step = "submission" // terms are proposed
	AtStart      Step = "start"      // a run begins
	AtRelease    Step = "release"    // an output is about to go out
)

// A State is what a gate comes to. The zero State is Unknown, and blocks.
type State string

// The states.
const (
	Unknown State = ""       // a fact is missing: 事实不明，按不通过处理
	Passed  State = "passed" //
	Refused State = "refused"
	Moot    State = "moot"   // the rule asks nothing here, e.g. no personal data
	Warned  State = "warned" // something to know, which blocks nothing
)

// A Verdict is one thing that a gate says: of a gate that stops, each reason.
type Verdict struct {
	Gate  string `json:"gate"` // G1 to G13, R1 to R6
	State State  `json:"state"`
	Code  string `json:"code"` // what exactly, of the closed list Codes
	ZH    string `json:"zh"`   // what, in words
	EN    string `json:"en"`
	// Cite is where the rule stands, with the status of its document, and Quote its
	// words; of a house rule Cite says 内部规则（非法定） and Quote is empty.
	Cite   string `json:"cite"`
	CiteEN string `json:"cite_en"`
	Quote  string `json:"quote,omitempty"`
	// Status is that of the document now; empty of a house rule.
	Status profile.Status `json:"status,omitempty"`
	Key    string         `json:"key"`           // of the profile
	Who    string         `json:"who,omitempty"` // who can fix it, a fault.Party
	// Clause is the case of the agreement by which the operator is bound first, where
	// the rule binds an operator through what it has signed.
	Clause string `json:"clause,omitempty"`
	Thing  string `json:"thing,omitempty"`
}

// Blocks reports whether the verdict stops what was asked.
func (v Verdict) Blocks() bool { return v.State != Passed && v.State != Moot && v.State != Warned }

// A Hold is what an order holds now.
type Hold struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"` // dataset, program, operator, scenario, all
	Name   string `json:"name"`
	By     string `json:"by"` // organisation
	Case   string `json:"case,omitempty"`
	Reason string `json:"reason"`
	Key    string `json:"key,omitempty"` // of the profile's rule; empty, of an objection: objection.suspend
	// Event is the emergency that a held dataset was had for, where the order ends it:
	// with it ends the use of whatever else was had for that.
	Event string    `json:"event,omitempty"`
	At    time.Time `json:"at"`
}

// A Duty is what an operator owes, and when it was or will be late.
type Duty struct {
	Kind     string    `json:"kind"` // of duty.blocking: feedback, risk-report, drill, disposal, backup, assessment
	Operator string    `json:"operator"`
	Scenario string    `json:"scenario,omitempty"`
	Due      time.Time `json:"due"`
	Overdue  bool      `json:"overdue"`
	Key      string    `json:"key"` // of the profile's rule
}

// Facts are what the gates look at.
type Facts struct {
	Now      time.Time
	Register governance.Register
	Profile  profile.Profile // of the terms' Under; its zero value passes nothing
	Agreed   profile.Profile // under which the agreement was signed, if that is another version
	Terms    jobs.Terms
	Cases    map[string]*cases.Case  // of the terms' Under, by id, folded from their events
	Papers   map[suite.Digest][]byte // that those cases name
	Years    map[int][]*cases.Case   // ended evaluations of the operator, by year
	Holds    []Hold                  // in force
	Duties   []Duty                  // of the operator
	Consents map[string][]byte       // papers, by id: the last that the provider told of each
	Recorded map[string]*cases.Case  // by id: the case in which a consent was recorded
	Newest   map[string]*cases.Case  // by dataset: the review that the entry in force comes from
	Replaced map[string]string       // of the terms' cases, by id: the case that was approved in its place
	Used     int                     // runs of the permit so far
	Known    Known                   // which of the facts above were looked up at all
	Output   *Output                 // at release
}

// Known says which facts were looked up: one that was not is Unknown to its gate,
// however empty its list.
type Known struct {
	Holds, Duties, Years, Used, Newest bool
}

// An Output is what is about to go out.
type Output struct {
	Type       string // cube or join; there is no other
	Verdict    string // the gate process's, of its record
	Exceptions bool   // two checkers named one each
	Votes      int    // that approve
	Bound      bool   // every vote is on these very bytes, record, permit and recipients
	Recipients []string
	Recorded   bool // what all gates said is in the log already
}

// A Source is where facts are kept.
type Source interface {
	Rules(ctx context.Context, want profile.Frozen) (profile.Profile, error)
	Case(ctx context.Context, id string) (*cases.Case, error)
	Paper(ctx context.Context, d suite.Digest) ([]byte, error)
	Evaluations(ctx context.Context, operator string) ([]*cases.Case, error)
	Holds(ctx context.Context) ([]Hold, error)
	Duties(ctx context.Context, operator string) ([]Duty, error)
	// Consent is the paper of a consent as it stands, and the case that recorded it, nil
	// if none has.
	Consent(ctx context.Context, id string) ([]byte, *cases.Case, error)
	// Newest is the last review of a provider's entry of a dataset that was approved.
	Newest(ctx context.Context, dataset, provider string) (*cases.Case, error)
	// Replaced is the id of the case that was approved in the place of a scenario's or
	// an agreement's, "" if none.
	Replaced(ctx context.Context, c *cases.Case) (string, error)
	Used(ctx context.Context, application string) (int, error)
}
