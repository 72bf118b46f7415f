package governance

import (
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
)

// An Outcome is what the output checkers have decided. The zero Outcome is
// that nothing is decided.
type Outcome uint8

// The outcomes of voting.
const (
	Undecided Outcome = iota
	Rejected
	Approved
)

// Reasons that a checker may give: a closed list, because a free text would
// carry what the checker has seen to the operator.
var Reasons = []string{"", "too-detailed", "not-the-purpose", "needs-context", "other"}

// Ballots returns the commitments and the openings that count in a run, in
// the order of the ledger: each one is checked against those before it.
func Ballots(v *msg.View) (commits, opens []receipt.Receipt) {
	t := v.Terms()
	candidate, err := msg.Read[msg.CandidateBody](v, 0, msg.Candidate, t.Gate.Name)
	if err != nil {
		return nil, nil
	}
	for _, r := range v.Receipts() {
		if r.Kind() == msg.VoteCommit && CheckCommit(t, v.ID(), commits, r) == nil {
			commits = append(commits, r)
		}
		if r.Kind() == msg.VoteOpen && CheckOpen(t, candidate, commits, opens, r) == nil {
			opens = append(opens, r)
		}
	}
	return commits, opens
}

// Tally counts the votes that were opened.
func Tally(v *msg.View) Outcome {
	_, opens := Ballots(v)
	if len(opens) < jobs.Votes {
		return Undecided
	}
	for _, r := range opens {
		var open msg.VoteOpenBody
		if r.Read(msg.VoteOpen, &open) != nil || !open.Vote.Approve {
			return Rejected
		}
	}
	return Approved
}

// Votable reports, as a refusal, whether r counts as a vote in the run as it
// stands.
func Votable(v *msg.View, r receipt.Receipt) error {
	t := v.Terms()
	candidate, err := msg.Read[msg.CandidateBody](v, 0, msg.Candidate, t.Gate.Name)
	if err != nil {
		return fault.Refuse("conflict", House)
	}
	commits, opens := Ballots(v)
	if r.Kind() == msg.VoteOpen {
		return CheckOpen(t, candidate, commits, opens, r)
	}
	return CheckCommit(t, v.ID(), commits, r)
}

// Awaited lists the checkers whose turn it is.
func Awaited(v *msg.View) []string {
	commits, opens := Ballots(v)
	var names []string
	for i, c := range v.Terms().Checkers {
		sealed, open := signed(commits, c.Key), signed(opens, c.Key)
		if len(commits) < jobs.Votes && !sealed || len(commits) >= jobs.Votes && sealed && !open {
			names = append(names, msg.Checker(i))
		}
	}
	return slices.Clip(names)
}
