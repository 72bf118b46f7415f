// Package verb is what is said at the bureau's door: the verbs of the API, the
// bodies that go with them, and the one form that every request has, a receipt
// of kind "request" signed with the key of whoever asks. Reading is asked for
// in the same way as writing, so that nothing is told to nobody in particular.
//
// A request is bound to one installation, one verb, an instant and a nonce.
// This package checks the form and the signature; whether the signer is known,
// the instant near and the nonce new is for api to say, and what they may do
// for governance. It reads bytes from anyone, allocates by none of their
// numbers, and links no database, so that the command line can speak it.
package verb

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Kind is the kind of receipt that a request is.
const Kind receipt.Kind = "request"

// Where verbs and blobs are, and how much is read there.
const (
	Path       = "/v1/"
	BlobPath   = "/v1/blob/" // then the 64 hex digits of the SHA-256
	MaxRequest = receipt.MaxSize
	MaxProgram = 16 << 20
)

// A Verb is one thing that can be asked for.
type Verb string

// The verbs. Each is asked for with the body named beside it and answered with
// what stands after the arrow, as JSON.
const (
	DirectoryGet      Verb = "directory.get"      // None -> Directory
	OrgAdd            Verb = "org.add"            // governance.Org -> None
	UserAdd           Verb = "user.add"           // governance.User -> None
	ProcessAdd        Verb = "process.add"        // governance.Process -> None
	ProcessRevoke     Verb = "process.revoke"     // Name, of a process -> None
	ProcessInvite     Verb = "process.invite"     // governance.Invitation -> None
	ProcessInvited    Verb = "process.invited"    // None -> []Invited
	ProcessAccept     Verb = "process.accept"     // Accept -> None
	CatalogueAdd      Verb = "catalogue.add"      // governance.Entry -> None
	LicenceGrant      Verb = "licence.grant"      // governance.Licence -> None
	ScenarioPropose   Verb = "scenario.propose"   // Propose -> Proposed
	ApplicationSubmit Verb = "application.submit" // jobs.Terms -> Application
	ApplicationShow   Verb = "application.show"   // Name -> Application
	ApplicationList   Verb = "application.list"   // None -> []Summary
	DecisionAdd       Verb = "decision.add"       // Inner, of an application -> Application
	PermitGet         Verb = "permit.get"         // Name -> jobs.Bundle
	ProgramPut        Verb = "program.put"        // jobs.Program -> None; its bytes follow at BlobPath
	JobPreview        Verb = "job.preview"        // Preview -> []gates.Verdict
	JobSubmit         Verb = "job.submit"         // Inner, of an application -> Job
	JobShow           Verb = "job.show"           // Name, of a run -> Job
	JobList           Verb = "job.list"           // None -> []Job
	JobReplay         Verb = "job.replay"         // Inner, of a run -> Job
	BudgetShow        Verb = "budget.show"        // None -> governance.Budget
	CandidateGet      Verb = "candidate.get"      // Name, of a run -> Candidate
	VoteCommit        Verb = "vote.commit"        // Inner, of a run -> None
	VoteOpen          Verb = "vote.open"          // Inner, of a run -> None
	ReleaseGet        Verb = "release.get"        // Name, of a run -> the bundle's bytes
	OrderPlace        Verb = "order.place"        // Inner, of no id -> Order
	OrderLift         Verb = "order.lift"         // Inner, of no id -> Order
	OrderList         Verb = "order.list"         // None -> []Order
	ReleaseWithdraw   Verb = "release.withdraw"   // Inner, of a run -> Withdrawal
	ReleaseWithdrawal Verb = "release.withdrawal" // Name, of a run -> Withdrawal
	ReleaseConfirm    Verb = "release.confirm"    // Inner, of a run -> Withdrawal
	ProductAdd        Verb = "product.add"        // Inner, of no id -> None
	ProductList       Verb = "product.list"       // None -> []governance.Product
)

// All lists the verbs.
var All = []Verb{
	DirectoryGet, OrgAdd, UserAdd, ProcessAdd, ProcessRevoke, ProcessInvite, ProcessInvited, ProcessAccept, CatalogueAdd, LicenceGrant, ScenarioPropose, ApplicationSubmit, ApplicationShow, ApplicationList,
	DecisionAdd, PermitGet, ProgramPut, JobPreview, JobSubmit, JobShow, JobList, JobReplay, BudgetShow, CandidateGet, VoteCommit, VoteOpen, ReleaseGet,
	OrderPlace, OrderLift, OrderList, ReleaseWithdraw, ReleaseWithdrawal, ReleaseConfirm, ProductAdd, ProductList,
	CaseAct, CaseShow, CaseList, CaseTodo, CaseExport, PaperPut, PaperGet, ProfilePublish, ProfileGet, CalendarLoad, CalendarGet,
	DutyList, ReportFile, ReportList, ReportAttest, OversightFacts, OversightUses, OversightDeclare,
	RegisterGet, ProfileSigned, ApplicationCase, ApplicationPaper,
}

type (
	// None is the empty body.
	None struct{}
	// Name names one application, run or process.
	Name struct {
		ID string `json:"id"`
	}
	// Propose asks which cases terms of a scenario rest on; Program is the digest of
	// its module, "" for none.
	Propose struct {
		Scenario string       `json:"scenario"`
		Program  suite.Digest `json:"program,omitempty"`
	}
	// Proposed is that, and the grade of each dataset by its published entry.
	Proposed struct {
		Under  jobs.Under     `json:"under"`
		Grades map[string]int `json:"grades"`
	}
	// Inner carries a receipt of its own that outlives the request: a decision,
	// the start of a run, a vote.
	Inner struct {
		ID      string          `json:"id"` // the application or run that it belongs to
		Receipt json.RawMessage `json:"receipt"`
	}
	// Invited is an invitation and, once there is one, what the newcomer stated:
	// signed by the key that it names (enrol.Parse).
	Invited struct {
		governance.Invitation

		Statement json.RawMessage `json:"statement,omitempty"`
	}
	// Accept registers a newcomer whose fingerprint was compared.
	Accept struct {
		Process     governance.Process `json:"process"`
		Fingerprint string             `json:"fingerprint"`
	}
	// A Directory is what everyone who is registered may know.
	Directory struct {
		Installation string               `json:"installation"`
		Orgs         []governance.Org     `json:"orgs"`
		Users        []governance.User    `json:"users"`
		Processes    []governance.Process `json:"processes"`
		Catalogue    []governance.Entry   `json:"catalogue"`
		Licences     []governance.Licence `json:"licences"`
	}
	// A Summary says where an application stands.
	Summary struct {
		ID       string           `json:"id"`
		Scenario string           `json:"scenario"`
		Digest   suite.Digest     `json:"digest"`
		Stage    governance.Stage `json:"stage"`
		Turn     []string         `json:"turn"` // organisations
	}
	// An Application is that, the terms themselves, and the decisions so far.
	Application struct {
		Summary
		Terms     jobs.Terms        `json:"terms"`
		Decisions []json.RawMessage `json:"decisions"`
	}
	// A View says where a run stands: its state, what it waits for, and whose
	// turn it is. Nothing that a guest can influence is in it.
	View struct {
		State   jobs.State `json:"state"`
		Waits   string     `json:"waits"`             // of Waits
		Turn    []string   `json:"turn"`              // parties that the permit names
		Refusal fault.Code `json:"refusal,omitempty"` // why it ended
		Short   *msg.Short `json:"short,omitempty"`   // of a budget that does not suffice
		// Debits are what the domains have confirmed of their budgets.
		Debits map[string]msg.Debit `json:"debits,omitempty"`
		// Replays has a bit for each site that has computed the run again. For
		// the bureau only.
		Replays map[string]bool `json:"replays,omitempty"`
		// Rules are the gates that do not let its output out.
		Rules []gates.Verdict `json:"rules,omitempty"`
		// Orders are the decisions that hold it.
		Orders []governance.Order `json:"orders,omitempty"`
		// Answer is the site's statement to a query of a verification, a receipt of
		// kind msg.Checked. What the answer is only the operator can open.
		Answer json.RawMessage `json:"answer,omitempty"`
	}
	// A Job is a run and its View.
	Job struct {
		Run         string `json:"run"`
		Application string `json:"application"`
		View
	}
	// A Candidate is what the gate stated, signed by it, and the letter that
	// its two commitments open to.
	Candidate struct {
		Statement json.RawMessage `json:"statement"` // receipt of kind msg.Candidate
		Letter    msg.Letter      `json:"letter"`
	}
)

// Waits lists what a run may wait for.
var Waits = []string{"", "compute", "sum", "open", "vote", "release", "held", "lease", "rules", "clock"}

// Open checks a candidate against the terms: the terms' own gate signed the
// statement about this run and permit, and the letter is what it committed to.
// A checker asks this of what they are shown, and so need not believe whoever
// showed it. Errors are of kind Invalid or Tampered.
func (c Candidate) Open(t jobs.Terms, run string) (msg.CandidateBody, error) {
	r, err := receipt.Parse(c.Statement)
	if err != nil {
		return msg.CandidateBody{}, fmt.Errorf("reading a candidate: %w", err)
	}
	var b msg.CandidateBody
	if err := r.Read(msg.Candidate, &b); err != nil {
		return msg.CandidateBody{}, fmt.Errorf("reading a candidate: %w", err)
	}
	of := msg.Of{Run: run, Permit: t.Digest(), Party: t.Gate.Name}
	if r.By() != t.Gate.Key || b.Of != of {
		return msg.CandidateBody{}, fmt.Errorf("reading a candidate: not the gate's about this run: %w", fault.Tampered)
	}
	if !b.Candidate.Opens(c.Letter.Salt, c.Letter.Candidate) || !b.Record.Opens(c.Letter.Blind, c.Letter.Record) {
		return msg.CandidateBody{}, fmt.Errorf("reading a candidate: not what the gate committed to: %w", fault.Tampered)
	}
	return b, nil
}

// A Request is what a user signs.
type Request struct {
	Verb         Verb            `json:"verb"`
	Installation string          `json:"installation"`
	At           time.Time       `json:"at"`
	Nonce        string          `json:"nonce"`
	Body         json.RawMessage `json:"body"`
}

// A Heard request is one whose signature holds.
type Heard struct {
	Request
	By       suite.PublicKey
	Envelope []byte
}

const nonceBytes = 16

// Sign signs a request; nonce is read from random.
func Sign(key suite.PrivateKey, v Verb, installation string, at time.Time, random io.Reader, body any) (receipt.Receipt, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return receipt.Receipt{}, fmt.Errorf("asking for %s: %w", v, err)
	}
	var nonce [nonceBytes]byte
	if _, err := io.ReadFull(random, nonce[:]); err != nil {
		return receipt.Receipt{}, fmt.Errorf("asking for %s: %w", v, err)
	}
	req := Request{Verb: v, Installation: installation, At: at.UTC(), Nonce: base64.RawURLEncoding.EncodeToString(nonce[:]), Body: raw}
	return receipt.Sign(key, Kind, req.about(), req)
}

func (r Request) about() receipt.Subject {
	return receipt.About("request/"+string(r.Verb), suite.DigestOf(r.Body))
}

// Parse reads a request. Errors are of kind Invalid, Tampered or Exhausted.
func Parse(raw []byte) (Heard, error) {
	r, err := receipt.Parse(raw)
	if err != nil {
		return Heard{}, fmt.Errorf("reading a request: %w", err)
	}
	var req Request
	if err := r.Read(Kind, &req); err != nil {
		return Heard{}, fmt.Errorf("reading a request: %w", err)
	}
	nonce, err := base64.RawURLEncoding.Strict().DecodeString(req.Nonce)
	if err != nil || len(nonce) != nonceBytes {
		return Heard{}, fmt.Errorf("reading a request: nonce: %w", fault.Invalid)
	}
	s, want := r.Subject(), req.about()
	if s.Name != want.Name || len(s.Digest) != 1 || s.Digest["sha256"] != want.Digest["sha256"] {
		return Heard{}, fmt.Errorf("reading a request: subject: %w", fault.Invalid)
	}
	return Heard{Request: req, By: r.By(), Envelope: r.Bytes()}, nil
}

// Read decodes the body of a request; an unknown field or trailing bytes are
// of kind Invalid.
func (h Heard) Read(body any) error {
	dec := json.NewDecoder(bytes.NewReader(h.Body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(body); err != nil {
		return fmt.Errorf("reading the body of %s: %w: %w", h.Verb, err, fault.Invalid)
	}
	if dec.More() {
		return fmt.Errorf("reading the body of %s: more after the end: %w", h.Verb, fault.Invalid)
	}
	return nil
}
