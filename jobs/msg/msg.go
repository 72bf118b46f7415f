// Package msg is what the processes say to one another about a run, and the
// view that each of them has of it. Every message is a receipt, posted once on
// a board under
//
//	run.RUN.ROUND.KIND.PARTY
//
// where round 0 holds what is said once a run. Bulk (ciphertexts, key shares,
// modules) travels beside it as blobs, named by digest in a receipt. The board
// belongs to the coordinator, whom nobody believes: a View takes a statement
// only from the key that the permit names for that party, about this run and
// round and permit, and only once the ledger holds it.
//
// The package is pure: it decides who said what, never what to do about it.
package msg

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// The kinds of statements of a run. A round goes down this list.
const (
	Permit     receipt.Kind = "permit"      // coordinator: the bundle itself, not a receipt
	Round      receipt.Kind = "round"       // coordinator: a round begins
	Hello      receipt.Kind = "hello"       // trustee: is there, and where to send it letters
	KeyCommit  receipt.Kind = "key-commit"  // trustee: commits to its share of the key
	KeyOpen    receipt.Kind = "key-open"    // trustee: opens it, and deals
	Key        receipt.Kind = "key"         // trustee: has checked the others'
	Receiver   receipt.Kind = "receiver"    // gate: its key for this round
	Admitted   receipt.Kind = "admitted"    // site: the program that it lets in, before it reads a row
	Commit     receipt.Kind = "commit"      // site: commits to its sealed partial
	Confirm    receipt.Kind = "confirm"     // site: signs the set
	Reveal     receipt.Kind = "reveal"      // site: opens its commitment
	Joined     receipt.Kind = "joined"      // site of a join: has answered the other's lists
	Checked    receipt.Kind = "checked"     // site of a verification: its answer
	Sum        receipt.Kind = "sum"         // gate: what it added
	Ready      receipt.Kind = "ready"       // trustee: has added the same
	Active     receipt.Kind = "active"      // gate: who is to answer
	Answer     receipt.Kind = "answer"      // trustee: its one answer
	PrioPart   receipt.Kind = "prio-part"   // aggregator: its part of the verify keys, in letters
	PrioAnswer receipt.Kind = "prio-answer" // aggregator: its answers about the reports
	PrioClaim  receipt.Kind = "prio-claim"  // aggregator: which reports it has accepted
	PrioSum    receipt.Kind = "prio-sum"    // aggregator: its sums, sealed to the gate
	Candidate  receipt.Kind = "candidate"   // gate: what would be released
	Refusal    receipt.Kind = "refusal"     // site: will not
	Lost       receipt.Kind = "lost"        // trustee, gate: has lost its secrets of this round
	Dead       receipt.Kind = "dead"        // gate, coordinator, site, trustee: the run is over
	Replay     receipt.Kind = "replay"      // the bureau's officer: asks the sites to compute the run again
	Replayed   receipt.Kind = "replayed"    // site: whether it came to the same
	Logged     receipt.Kind = "logged"      // coordinator: where the ledger holds a statement; not a receipt
	VoteCommit receipt.Kind = "vote-commit" // checker
	VoteOpen   receipt.Kind = "vote-open"   // checker
	Release    receipt.Kind = "release"     // coordinator: a bundle is out
	Disclosed  receipt.Kind = "disclosed"   // site: has given its evidence out, by its provider's consent
)

// MaxRounds bounds how often a run's partials are sealed anew.
const MaxRounds = 4

// Names on the board of who is no daemon of their own.
const (
	Coordinator = "yuneid"
	Bureau      = "bureau" // its officer, by the permit's key
)

// Of says what a statement is about. Every body begins with it.
type Of struct {
	Run    string       `json:"run"`
	Round  int          `json:"round"`
	Permit suite.Digest `json:"permit"`
	Party  string       `json:"party"`
}

func (o Of) of() Of { return o }

// About is the subject of the receipt.
func (o Of) About() receipt.Subject {
	return receipt.About(fmt.Sprintf("run/%s/%d", o.Run, o.Round), o.Permit)
}

// Bind prefixes what a statement commits to with what it is about, so that
// nobody can take another party's commitment for its own and then open it with
// what the other has shown.
func (o Of) Bind(b []byte) []byte {
	return append(fmt.Appendf(nil, "yunei commitment v1 %s %d %s %s\n", o.Run, o.Round, o.Permit, o.Party), b...)
}

// Body is what a receipt of this package states.
type Body interface{ of() Of }

// Say signs a body as its party's statement and returns it with its subject
// on the board.
func Say(key suite.PrivateKey, kind receipt.Kind, body Body) (subject string, r receipt.Receipt, err error) {
	o := body.of()
	r, err = receipt.Sign(key, kind, o.About(), body)
	if err != nil {
		return "", receipt.Receipt{}, err
	}
	return Subject(o.Run, o.Round, kind, o.Party), r, nil
}

// Subject is where a statement stands on the board.
func Subject(run string, round int, kind receipt.Kind, party string) string {
	return fmt.Sprintf("run.%s.%d.%s.%s", run, round, kind, party)
}

// LoggedSubject is where the board says which place in the ledger holds a
// statement. The statement's own digest is the party.
func LoggedSubject(run string, d suite.Digest) string {
	return Subject(run, 0, Logged, d.Hex()[:62])
}

// A Place is a parsed Subject.
type Place struct {
	Run   string
	Round int
	Kind  receipt.Kind
	Party string
}

// ParseSubject reads a subject of the board.
func ParseSubject(subject string) (Place, error) {
	f := strings.Split(subject, ".")
	if len(f) != 5 || f[0] != "run" || jobs.ID(f[1]) != nil || jobs.ID(f[3]) != nil || jobs.ID(f[4]) != nil {
		return Place{}, fmt.Errorf("reading a subject: %w", fault.Invalid)
	}
	round, err := strconv.Atoi(f[2])
	if err != nil || round < 0 || round > MaxRounds || strconv.Itoa(round) != f[2] {
		return Place{}, fmt.Errorf("reading a subject: round: %w", fault.Invalid)
	}
	return Place{f[1], round, receipt.Kind(f[3]), f[4]}, nil
}

// Parts names blobs by digest, for each plaintext modulus and chunk.
type Parts [][]suite.Digest

// The bodies, in the order of a round.
type (
	// RoundBody begins a round.
	RoundBody struct {
		Of
	}
	// HelloBody opens a trustee's part in a round.
	HelloBody struct {
		Of
		Box   suite.BoxKey `json:"box"`             // for the other trustees' letters in this round
		Nonce suite.Salt   `json:"nonce"`           // its part of the common reference string
		Seq   uint64       `json:"seq"`             // of the trustee's hellos and answers, over its whole life, from 1
		Share []byte       `json:"share,omitempty"` // of a join's key, with a proof
	}
	// KeyCommitBody commits to a share of the collective key before any is
	// shown, so that none can be chosen after the others.
	KeyCommitBody struct {
		Of
		Share suite.Commitment `json:"share"`
	}
	// KeyOpenBody opens the commitment; letters carry a Shamir share each.
	KeyOpenBody struct {
		Of
		Salt    suite.Salt              `json:"salt"`
		Share   suite.Digest            `json:"share"`
		Letters map[string]suite.Digest `json:"letters"`
	}
	// KeyBody says that a trustee has checked every share against its
	// commitment and holds its own share of the collective key.
	KeyBody struct {
		Of
		Transcript suite.Digest `json:"transcript"`
		Key        suite.Digest `json:"key"`
	}
	// ReceiverBody is the gate's key for this round, which lives in the gate's
	// memory only, and what vouches for where that is.
	ReceiverBody struct {
		Of
		Key      suite.Digest `json:"key"`
		Evidence suite.Digest `json:"evidence"` // of the type that the terms name, bound to the key and to View.Nonce
	}
	// AdmittedBody is a site's record of admission: which program it lets
	// in, in which rewritten form, on which engines. It is said before a row is
	// read, and so is a function of public facts.
	AdmittedBody struct {
		Of
		Program suite.Digest `json:"program"` // as its author built it
		Form    suite.Digest `json:"form"`    // as it is run
		Rewrite string       `json:"rewrite"` // version of the rewrite
		Engines []string     `json:"engines"`
	}
	// CommitBody commits to the list of a site's ciphertexts.
	CommitBody struct {
		Of
		Parts suite.Commitment `json:"parts"`
	}
	// A Set is what every member signs before any reveals.
	Set struct {
		Members  []string       `json:"members"`  // in the permit's order
		Commits  []suite.Digest `json:"commits"`  // receipts, in that order
		Key      suite.Digest   `json:"key"`      // the collective key
		Receiver suite.Digest   `json:"receiver"` // the gate's key
	}
	// Debit is what a site's own journal says of the budget.
	Debit struct {
		Namespace string    `json:"namespace"`
		Operator  string    `json:"operator,omitempty"` // organisation
		Scenario  string    `json:"scenario,omitempty"`
		At        time.Time `json:"at,omitzero"` // by the site's clock, to the second
		Cost      string    `json:"cost"`
		Before    string    `json:"before"`
		After     string    `json:"after"`
		Seq       uint64    `json:"seq"`              // of the site's debits, from 1 on, without gaps
		Stored    string    `json:"stored,omitempty"` // the earlier run whose answer this is, at no cost
	}
	// ConfirmBody is a site's signature on the set.
	ConfirmBody struct {
		Of
		Set   Set    `json:"set"`
		Debit *Debit `json:"debit,omitempty"` // noisy modes
		// Evidence commits, in mode sdc, to what the domain went by when it
		// flagged cells, so that it can be gone by again.
		Evidence suite.Commitment `json:"evidence,omitempty"`
	}
	// RevealBody opens a CommitBody.
	RevealBody struct {
		Of
		Salt  suite.Salt `json:"salt"`
		Parts Parts      `json:"parts"`
	}
	// SumBody is the list of the ciphertexts of the sum.
	SumBody struct {
		Of
		Parts Parts `json:"parts"`
	}
	// ReadyBody says that a trustee has added the revealed ciphertexts itself
	// and found the same sum.
	ReadyBody struct {
		Of
		Sum suite.Digest `json:"sum"` // of the SumBody's receipt
	}
	// ActiveBody names the points of the trustees that are to answer.
	ActiveBody struct {
		Of
		Sum    suite.Digest `json:"sum"`
		Points []int        `json:"points"`
	}
	// AnswerBody is a trustee's one answer in a round.
	AnswerBody struct {
		Of
		Active suite.Digest `json:"active"` // of the ActiveBody's receipt
		Parts  Parts        `json:"parts"`
		Seq    uint64       `json:"seq"` // as in HelloBody
	}
	// PrioBody is what an aggregator of protection prio3 says to the other, and in
	// the end to the gate: the four kinds go down one list of messages of
	// enclave/prio, one for each range of the terms.
	PrioBody struct {
		Of
		Sum      suite.Digest   `json:"sum,omitempty"` // of the SumBody's receipt; none of prio-part
		Messages []suite.Digest `json:"messages"`
	}
	// CandidateBody commits to what the gate made; the letter takes it to the
	// bureau's desk.
	CandidateBody struct {
		Of
		Set       Set              `json:"set"`
		Sum       suite.Digest     `json:"sum"`
		Candidate suite.Commitment `json:"candidate"`
		Record    suite.Commitment `json:"record"`
		Verdict   string           `json:"verdict"`
		Profile   string           `json:"profile"`
		Evidence  jobs.Evidence    `json:"evidence"`
		Letter    suite.Digest     `json:"letter"`
	}
	// RefusalBody is a code of the closed table and, of a budget that does not
	// suffice, the figures.
	RefusalBody struct {
		Of
		Code  string `json:"code"`
		Short *Short `json:"short,omitempty"`
	}
	// LostBody says that a party has no secrets of this round any more.
	LostBody struct {
		Of
	}
	// DeadBody ends a run.
	DeadBody struct {
		Of
		Code string `json:"code"`
		Site string `json:"site,omitempty"` // code unproved: whose report did not hold, as an aggregator says
	}
	// ReplayBody asks every member to compute the run again, inside its
	// domain and on the second engine.
	ReplayBody struct {
		Of
	}
	// ReplayedBody is the one bit that leaves: whether the replay's cube was
	// that of the run, before noise.
	ReplayedBody struct {
		Of
		Agrees bool `json:"agrees"`
	}
	// VoteCommitBody commits to a vote, so that nobody votes after another.
	VoteCommitBody struct {
		Of
		Vote suite.Commitment `json:"vote"`
	}
	// A Vote is about the very bytes of one candidate, its record and those
	// who will receive it.
	Vote struct {
		Candidate  suite.Commitment `json:"candidate"`
		Record     suite.Commitment `json:"record"`
		Recipients []string         `json:"recipients"`
		Approve    bool             `json:"approve"`
		Reason     string           `json:"reason"`              // of governance's closed list
		Exception  string           `json:"exception,omitempty"` // of governance's closed list; what approves a failed candidate
	}
	// VoteOpenBody opens a VoteCommitBody.
	VoteOpenBody struct {
		Of
		Vote Vote       `json:"vote"`
		Salt suite.Salt `json:"salt"`
	}
	// ReleaseBody says which bundle is out, and names a Shown, by which the
	// members learn which of their cells are.
	ReleaseBody struct {
		Of
		Bundle suite.Digest `json:"bundle"`
		Shown  suite.Digest `json:"shown"`
	}
)

// Bytes is the one spelling of a vote.
func (v Vote) Bytes() []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("msg: a vote cannot be marshalled: " + err.Error()) // plain data only
	}
	return b
}

// Letter is what the gate sends to the bureau's desk.
type Letter struct {
	Salt      suite.Salt `json:"salt"`  // of the candidate; goes out with it
	Blind     suite.Salt `json:"blind"` // of the record; does not
	Candidate []byte     `json:"candidate"`
	Record    []byte     `json:"record"`
}

// Shown is a released candidate, and the salt under which the gate committed to
// it.
type Shown struct {
	Salt      suite.Salt `json:"salt"`
	Candidate []byte     `json:"candidate"`
}

// LetterInfo binds the gate's letter to its run and permit.
func LetterInfo(run string, permit suite.Digest) string {
	return fmt.Sprintf("yunei candidate v1 %s %s", run, permit)
}
