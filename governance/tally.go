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

// An Exception is why a candidate that failed a check may go out all the same,
// in the opinion of an output checker.
type Exception struct{ Code, ZH, EN string }

// Exceptions that a checker may name: a closed list for the same reason, and so
// that whoever verifies a release can read which it was. House rules: no
// regulation that this product holds to gives a list.
var Exceptions = []Exception{
	{"public-already", "同样的数字已由有权机关公开发布。", "an authority has published the same figures already"},
	{"structural-zero", "所涉空单元格是规则使然，任何人都不可能在其中。", "the cells in question are empty by rule: nobody could stand in them"},
	{"not-personal", "所涉单元格的主体是公共机构，其数字依法公开。", "the units in question are public bodies, whose figures are public by law"},
	{"safe-in-context", "结合背景审查，该项检查所防的推断在此处不可能或没有意义。", "in context, what the check guards against cannot be inferred here, or says nothing of anybody"},
	{"consented", "所涉主体均已书面同意发布。", "every unit concerned has agreed in writing to the release"},
}

func known(exception string) bool {
	return slices.ContainsFunc(Exceptions, func(e Exception) bool { return e.Code == exception })
}

// Excepted lists the exceptions that the counted votes name, in the order in
// which they were opened; none for a candidate that did not fail.
func Excepted(v *msg.View) []Exception {
	_, opens := Ballots(v)
	var list []Exception
	for _, r := range opens {
		var open msg.VoteOpenBody
		if r.Read(msg.VoteOpen, &open) != nil {
			continue
		}
		if i := slices.IndexFunc(Exceptions, func(e Exception) bool { return e.Code == open.Vote.Exception }); i >= 0 {
			list = append(list, Exceptions[i])
		}
	}
	return list
}

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

// Declined reports whether no order of the votes, and no choice among them, makes
// a run approved any more: so many of its checkers have said no that too few are
// left. Which votes the ledger shows first is the board's choice.
func Declined(v *msg.View) bool {
	_, opens := Ballots(v)
	no := 0
	for _, r := range opens {
		var open msg.VoteOpenBody
		if r.Read(msg.VoteOpen, &open) == nil && !open.Vote.Approve {
			no++
		}
	}
	return no > len(v.Terms().Checkers)-jobs.Votes
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
