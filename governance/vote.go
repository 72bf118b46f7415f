package governance

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// MayCommit reports whether r is a blind vote on the run that its signer may
// cast after those in commits: one of the terms' checkers, registered and
// live, of another organisation than the operator's, once.
func (g Register) MayCommit(t jobs.Terms, run string, commits []receipt.Receipt, r receipt.Receipt, now time.Time) error {
	if err := g.judges(t, r.By(), now); err != nil {
		return err
	}
	return CheckCommit(t, run, commits, r)
}

// MayOpen reports whether r opens its signer's vote on the candidate.
func (g Register) MayOpen(t jobs.Terms, c msg.CandidateBody, commits, opens []receipt.Receipt, r receipt.Receipt, now time.Time) error {
	if err := g.judges(t, r.By(), now); err != nil {
		return err
	}
	return CheckOpen(t, c, commits, opens, r)
}

// judges refuses whoever is not a registered checker of another organisation.
func (g Register) judges(t jobs.Terms, by suite.PublicKey, now time.Time) error {
	u, err := g.User(by, now)
	if err != nil {
		return err
	}
	if u.Org == t.Operator.Org {
		return fault.Refuse("own-job", House)
	}
	if u.Role != RoleChecker {
		return fault.Refuse("not-checker", House)
	}
	return nil
}

// CheckCommit reports whether r is a further commitment by one of the terms'
// checkers. It needs no register, so that a stranger can ask it offline. A
// commitment that repeats another's is refused: its maker could open it with
// the other's salt, and so vote after having seen that vote.
func CheckCommit(t jobs.Terms, run string, commits []receipt.Receipt, r receipt.Receipt) error {
	of, err := ballot(t, run, r)
	if err != nil {
		return err
	}
	var c msg.VoteCommitBody
	if err := r.Read(msg.VoteCommit, &c); err != nil {
		return err
	}
	if c.Of != of || !commitment(c.Vote) {
		return fault.Refuse("vote-broken", House)
	}
	if len(commits) >= jobs.Votes || signed(commits, r.By()) {
		return fault.Refuse("vote-twice", House)
	}
	for _, other := range commits {
		var o msg.VoteCommitBody
		if other.Read(msg.VoteCommit, &o) != nil || o.Vote == c.Vote {
			return fault.Refuse("vote-broken", House)
		}
	}
	return nil
}

// CheckOpen reports whether r opens the commitment of its signer, to a vote on
// the very candidate, gate record, permit and recipients, once all commitments
// are in and its own is not yet open.
func CheckOpen(t jobs.Terms, c msg.CandidateBody, commits, opens []receipt.Receipt, r receipt.Receipt) error {
	of, err := ballot(t, c.Run, r)
	if err != nil {
		return err
	}
	if len(commits) < jobs.Votes {
		return fault.Refuse("vote-wait", House)
	}
	if len(opens) >= jobs.Votes || signed(opens, r.By()) {
		return fault.Refuse("vote-twice", House)
	}
	i := slices.IndexFunc(commits, func(h receipt.Receipt) bool { return h.By() == r.By() })
	if i < 0 {
		return fault.Refuse("not-checker", House)
	}
	var sealed msg.VoteCommitBody
	var open msg.VoteOpenBody
	if err := commits[i].Read(msg.VoteCommit, &sealed); err != nil {
		return err
	}
	if err := r.Read(msg.VoteOpen, &open); err != nil {
		return err
	}
	if open.Of != of || sealed.Of != of || c.Permit != of.Permit || !sealed.Vote.Opens(open.Salt, of.Bind(open.Vote.Bytes())) {
		return fault.Refuse("vote-broken", House)
	}
	return CheckVote(t, c, open.Vote)
}

// The gate's verdicts, as a candidate carries them.
const (
	verdictPass   = "pass"
	verdictReview = "review"
	verdictFail   = "fail"
)

// CheckVote reports whether a vote may be cast on the candidate: it is on the
// very bytes, with a reason of the list, and no more than the gate's verdict
// lets people decide. What passed, or is for people, is theirs alone, and an
// exception says nothing there. What failed goes out only if each of the two
// who approve it names why it may, of a closed list. What is blocked, by a
// verdict that this version knows or does not, goes out by nobody's vote. Ask
// it before a vote is sealed: one that does not hold never opens.
func CheckVote(t jobs.Terms, c msg.CandidateBody, v msg.Vote) error {
	if v.Candidate != c.Candidate || v.Record != c.Record || !slices.Equal(v.Recipients, t.Recipients) || !slices.Contains(Reasons, v.Reason) {
		return fault.Refuse("vote-broken", House)
	}
	excepted := v.Exception != ""
	switch failed := c.Verdict == verdictFail; {
	case excepted && (!failed || !v.Approve):
		return fault.Refuse("exception-void", House)
	case !v.Approve:
		return nil
	case failed && !known(v.Exception):
		return fault.Refuse("exception-needed", House)
	case failed, c.Verdict == verdictPass, c.Verdict == verdictReview:
		return nil
	default:
		return fault.Refuse("verdict-block", House)
	}
}

// ballot says what a statement of the checker who signed r must be about; it
// refuses a key that the terms do not name for voting, the submitter's own,
// and those of the operator's organisation.
func ballot(t jobs.Terms, run string, r receipt.Receipt) (msg.Of, error) {
	i := slices.IndexFunc(t.Checkers, func(c jobs.Signer) bool { return c.Key == r.By() })
	switch {
	case r.By() == "":
		return msg.Of{}, fault.Refuse("not-checker", House)
	case r.By() == t.Operator.Key, i >= 0 && t.Checkers[i].Org == t.Operator.Org:
		return msg.Of{}, fault.Refuse("own-job", House)
	case i < 0:
		return msg.Of{}, fault.Refuse("not-checker", House)
	}
	of := msg.Of{Run: run, Permit: t.Digest(), Party: msg.Checker(i)}
	if s, want := r.Subject(), of.About(); s.Name != want.Name || s.Digest["sha256"] != want.Digest["sha256"] {
		return msg.Of{}, fault.Refuse("vote-broken", House)
	}
	return of, nil
}

func signed(rs []receipt.Receipt, by suite.PublicKey) bool {
	return slices.ContainsFunc(rs, func(r receipt.Receipt) bool { return r.By() == by })
}

// commitment reports whether c is spelled as suite spells one.
func commitment(c suite.Commitment) bool {
	h, ok := strings.CutPrefix(string(c), "hmac-sha256:")
	raw, err := hex.DecodeString(h)
	return ok && err == nil && len(raw) == 32
}
