package governance_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func TestMayCommit(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	ballot := town.Ballot("r-1", terms)
	commit := func(who string, i int) receipt.Receipt {
		c, _ := town.Vote(t, who, i, ballot, terms, true)
		return c
	}
	a, b := commit("checker-a", 0), commit("checker-b", 1)
	of := msg.Of{Run: "r-1", Permit: terms.Digest(), Party: msg.Checker(1)}
	seal := func(of msg.Of, about msg.Of, c suite.Commitment) receipt.Receipt {
		return town.Sign(t, "checker-b", msg.VoteCommit, about.About(), msg.VoteCommitBody{Of: of, Vote: c})
	}
	var first msg.VoteCommitBody
	if err := a.Read(msg.VoteCommit, &first); err != nil {
		t.Fatal(err)
	}
	fresh := suite.Commit(suite.Salt{}, nil)
	round, run, party := of, of, of
	round.Round, run.Run, party.Party = 1, "r-2", msg.Checker(0)
	town.Stranger(t)
	for _, c := range []struct {
		name    string
		commits []receipt.Receipt
		r       receipt.Receipt
		want    fault.Code
	}{
		{"the first", nil, a, ""},
		{"the second", []receipt.Receipt{a}, b, ""},
		{"a third", []receipt.Receipt{a, b}, commit("checker-c", 2), "vote-twice"},
		{"the same checker again", []receipt.Receipt{a}, commit("checker-a", 0), "vote-twice"},
		{"the submitter", nil, commit("op", 0), "own-job"},
		{"a colleague of the submitter", nil, commit("op2", 0), "own-job"},
		{"a checker whom the terms do not name", nil, commit("outsider", 0), "not-checker"},
		{"the bureau's officer", nil, commit("bureau-officer", 0), "not-checker"},
		{"a stranger", nil, commit("stranger", 0), "unknown-key"},
		{"in another's place", nil, commit("checker-b", 0), "vote-broken"},
		{"another's commitment", []receipt.Receipt{a}, seal(of, of, first.Vote), "vote-broken"},
		{"no commitment", nil, seal(of, of, "hmac-sha256:00"), "vote-broken"},
		{"another run", nil, seal(run, run, fresh), "vote-broken"},
		{"another round", nil, seal(round, round, fresh), "vote-broken"},
		{"another party", nil, seal(party, party, fresh), "vote-broken"},
		{"filed under another subject", nil, seal(of, run, fresh), "vote-broken"},
	} {
		refused(t, c.name, town.MayCommit(terms, "r-1", c.commits, c.r, now), c.want, "")
	}
}

// A checker who came to work for the operator does not check its jobs.
func TestCheckerOfTheOperator(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	terms.Checkers[0].Org = "operator"
	commit, _ := town.Vote(t, "checker-a", 0, town.Ballot("r-1", terms), terms, true)
	refused(t, "by the terms", governance.CheckCommit(terms, "r-1", nil, commit), "own-job", "")
	u := town.Users["checker-a"]
	u.Org = "operator"
	town.Users["checker-a"] = u
	refused(t, "by the register", town.MayCommit(town.Terms(), "r-1", nil, commit, now), "own-job", "")
}

func TestMayOpen(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	ballot := town.Ballot("r-1", terms)
	ca, oa := town.Vote(t, "checker-a", 0, ballot, terms, true)
	cb, ob := town.Vote(t, "checker-b", 1, ballot, terms, false)
	_, oc := town.Vote(t, "checker-c", 2, ballot, terms, true)
	_, again := town.Vote(t, "checker-a", 0, ballot, terms, true) // another salt
	both := []receipt.Receipt{ca, cb}

	redrawn := ballot
	redrawn.Candidate = suite.Commit(suite.Salt{2}, []byte("candidate"))
	rerecorded := ballot
	rerecorded.Record = suite.Commit(suite.Salt{2}, []byte("record"))
	rerun := ballot
	rerun.Run = "r-2"
	repermitted := ballot
	repermitted.Permit = suite.DigestOf(nil)
	for _, c := range []struct {
		name           string
		ballot         msg.CandidateBody
		commits, opens []receipt.Receipt
		r              receipt.Receipt
		want           fault.Code
	}{
		{"the first", ballot, both, nil, oa, ""},
		{"the second", ballot, both, []receipt.Receipt{oa}, ob, ""},
		{"before the other vote is in", ballot, both[:1], nil, oa, "vote-wait"},
		{"twice", ballot, both, []receipt.Receipt{oa}, oa, "vote-twice"},
		{"a third", ballot, both, []receipt.Receipt{oa, ob}, oc, "vote-twice"},
		{"without a commitment", ballot, both, nil, oc, "not-checker"},
		{"another salt", ballot, both, nil, again, "vote-broken"},
		{"on another draw of the noise", redrawn, both, nil, oa, "vote-broken"},
		{"on another gate record", rerecorded, both, nil, oa, "vote-broken"},
		{"on another run", rerun, both, nil, oa, "vote-broken"},
		{"on another permit", repermitted, both, nil, oa, "vote-broken"},
	} {
		refused(t, c.name, town.MayOpen(terms, c.ballot, c.commits, c.opens, c.r, now), c.want, "")
	}
}

// No field of a vote can be other than what was committed to and is at hand.
func TestAlteredVotes(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	ballot := town.Ballot("r-1", terms)
	of := msg.Of{Run: "r-1", Permit: terms.Digest(), Party: msg.Checker(0)}
	cb, _ := town.Vote(t, "checker-b", 1, ballot, terms, true)
	for name, alter := range map[string]func(*msg.VoteOpenBody){
		"candidate":  func(b *msg.VoteOpenBody) { b.Vote.Candidate = ballot.Record },
		"record":     func(b *msg.VoteOpenBody) { b.Vote.Record = ballot.Candidate },
		"recipients": func(b *msg.VoteOpenBody) { b.Vote.Recipients = []string{"operator", "rival"} },
		"reason":     func(b *msg.VoteOpenBody) { b.Vote.Reason = "cell 7 is my neighbour" },
		"run":        func(b *msg.VoteOpenBody) { b.Run = "r-2" },
		"party":      func(b *msg.VoteOpenBody) { b.Party = msg.Checker(1) },
		"verdict":    func(b *msg.VoteOpenBody) { b.Vote.Approve = !b.Vote.Approve },
		"salt":       func(b *msg.VoteOpenBody) { b.Salt[0]++ },
	} {
		body := msg.VoteOpenBody{Of: of, Vote: msg.Vote{Candidate: ballot.Candidate, Record: ballot.Record, Recipients: terms.Recipients, Approve: true}, Salt: suite.Salt{7}}
		sealed := body.Vote
		if name != "verdict" && name != "salt" { // these are caught by the commitment, the others even if committed to
			alter(&body)
			sealed = body.Vote
		}
		commit := town.Sign(t, "checker-a", msg.VoteCommit, of.About(), msg.VoteCommitBody{Of: of, Vote: suite.Commit(suite.Salt{7}, of.Bind(sealed.Bytes()))})
		if name == "verdict" || name == "salt" {
			alter(&body)
		}
		r := town.Sign(t, "checker-a", msg.VoteOpen, of.About(), body)
		refused(t, name, town.MayOpen(terms, ballot, []receipt.Receipt{commit, cb}, nil, r, now), "vote-broken", "")
	}
}

// Statements of other kinds are no votes.
func TestVotesOfOtherKinds(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	ballot := town.Ballot("r-1", terms)
	ca, oa := town.Vote(t, "checker-a", 0, ballot, terms, true)
	cb, _ := town.Vote(t, "checker-b", 1, ballot, terms, true)
	if err := town.MayCommit(terms, "r-1", nil, oa, now); !errors.Is(err, fault.Tampered) {
		t.Errorf("an opening as a commitment: %v", err)
	}
	if err := town.MayOpen(terms, ballot, []receipt.Receipt{ca, cb}, nil, ca, now); !errors.Is(err, fault.Tampered) {
		t.Errorf("a commitment as an opening: %v", err)
	}
	if err := governance.CheckCommit(terms, "r-1", nil, receipt.Receipt{}); !errors.Is(err, fault.Denied) {
		t.Errorf("no statement at all: %v", err)
	}
	if jobs.Votes != 2 {
		t.Errorf("%d votes are needed; the tests above say two", jobs.Votes)
	}
}

// What a vote may say follows from the gate's verdict: people decide on what
// passed or was left to them, approve what failed by an exception of the list
// only, and never what is blocked.
func TestVerdicts(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	known := governance.Exceptions[0].Code
	for _, c := range []struct {
		verdict   string
		approve   bool
		exception string
		want      fault.Code
	}{
		{"pass", true, "", ""},
		{"pass", false, "", ""},
		{"pass", true, known, "exception-void"},
		{"pass", false, known, "exception-void"},
		{"review", true, "", ""},
		{"review", false, "", ""},
		{"review", true, known, "exception-void"},
		{"fail", true, "", "exception-needed"},
		{"fail", true, "because I say so", "exception-needed"},
		{"fail", true, known, ""},
		{"fail", false, "", ""},
		{"fail", false, known, "exception-void"},
		{"block", true, "", "verdict-block"},
		{"block", true, known, "exception-void"},
		{"block", false, "", ""},
		{"", true, "", "verdict-block"},
		{"excellent", true, "", "verdict-block"},
		{"excellent", false, "", ""},
	} {
		ballot := town.Ballot("r-1", terms)
		ballot.Verdict = c.verdict
		vote := msg.Vote{Candidate: ballot.Candidate, Record: ballot.Record, Recipients: terms.Recipients, Approve: c.approve, Exception: c.exception}
		name := c.verdict + "/" + c.exception
		refused(t, name, governance.CheckVote(terms, ballot, vote), c.want, "")
		of := msg.Of{Run: "r-1", Permit: terms.Digest(), Party: msg.Checker(0)}
		sealed := suite.Commit(suite.Salt{7}, of.Bind(vote.Bytes()))
		commit := town.Sign(t, "checker-a", msg.VoteCommit, of.About(), msg.VoteCommitBody{Of: of, Vote: sealed})
		open := town.Sign(t, "checker-a", msg.VoteOpen, of.About(), msg.VoteOpenBody{Of: of, Vote: vote, Salt: suite.Salt{7}})
		other, _ := town.Vote(t, "checker-b", 1, ballot, terms, false)
		refused(t, name+" opened", governance.CheckOpen(terms, ballot, []receipt.Receipt{commit, other}, nil, open), c.want, "")
	}
}

// A list is closed: its codes are names, once each, with both texts.
func TestExceptions(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range governance.Exceptions {
		if jobs.ID(e.Code) != nil || seen[e.Code] || e.ZH == "" || e.EN == "" {
			t.Errorf("%+v", e)
		}
		seen[e.Code] = true
	}
}

// The count over a whole board: a failed candidate is approved if both who
// approve name an exception, and undecided for ever if one of them does not.
func TestTallyByVerdict(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	known := governance.Exceptions[1].Code
	for _, c := range []struct {
		name, verdict string
		exceptions    [2]string
		approve       [2]bool
		want          governance.Outcome
		listed        int
	}{
		{"passed", "pass", [2]string{}, [2]bool{true, true}, governance.Approved, 0},
		{"failed, both except", "fail", [2]string{known, governance.Exceptions[0].Code}, [2]bool{true, true}, governance.Approved, 2},
		{"failed, one excepts", "fail", [2]string{known, ""}, [2]bool{true, true}, governance.Undecided, 1},
		{"failed, one declines", "fail", [2]string{known, ""}, [2]bool{true, false}, governance.Rejected, 1},
		{"blocked, both approve", "block", [2]string{}, [2]bool{true, true}, governance.Undecided, 0},
		{"blocked, both decline", "block", [2]string{}, [2]bool{false, false}, governance.Rejected, 0},
	} {
		ballot := town.Ballot("r-1", terms)
		ballot.Verdict = c.verdict
		raw, err := governance.Assemble(terms, town.Decisions(t, terms))
		if err != nil {
			t.Fatal(err)
		}
		board := map[string][]byte{
			msg.Subject("r-1", 0, msg.Permit, msg.Coordinator): raw,
			msg.Subject("r-1", 0, jobs.Start, msg.Operator):    town.Start(t, "op", "r-1", terms).Bytes(),
		}
		index := 0
		say := func(party string, r receipt.Receipt) {
			index++
			board[msg.Subject("r-1", 0, r.Kind(), party)] = r.Bytes()
			board[msg.LoggedSubject("r-1", r.Digest())] = fmt.Appendf(nil, "%s %d", r.Digest(), index)
		}
		say("gate", town.Sign(t, "gate", msg.Candidate, ballot.About(), ballot))
		var opens [2]receipt.Receipt
		for i, who := range []string{"checker-a", "checker-b"} {
			of := msg.Of{Run: "r-1", Permit: terms.Digest(), Party: msg.Checker(i)}
			vote := msg.Vote{Candidate: ballot.Candidate, Record: ballot.Record, Recipients: terms.Recipients, Approve: c.approve[i], Exception: c.exceptions[i]}
			salt := suite.Salt{byte(i + 1)}
			say(msg.Checker(i), town.Sign(t, who, msg.VoteCommit, of.About(), msg.VoteCommitBody{Of: of, Vote: suite.Commit(salt, of.Bind(vote.Bytes()))}))
			opens[i] = town.Sign(t, who, msg.VoteOpen, of.About(), msg.VoteOpenBody{Of: of, Vote: vote, Salt: salt})
		}
		for i, r := range opens {
			say(msg.Checker(i), r)
		}
		v, err := msg.NewView("r-1", board, town.Pins(terms, now))
		if err != nil || v.Err() != nil {
			t.Fatal(err, v.Err())
		}
		if got := governance.Tally(v); got != c.want {
			t.Errorf("%s: outcome %d, want %d", c.name, got, c.want)
		}
		if got := governance.Excepted(v); len(got) != c.listed {
			t.Errorf("%s: exceptions %v, want %d", c.name, got, c.listed)
		}
	}
}
