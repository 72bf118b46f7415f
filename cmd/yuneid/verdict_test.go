package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/flow"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/link"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/ledger"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

const run1 = "r-1"

// An office is the bureau's API over its own flow, and a board on which the
// test plays the other parties.
type office struct {
	*testing.T
	*governancetest.Town
	flow *flow.Flow
	url  string
}

func now() time.Time { return governancetest.Now }

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func newOffice(t *testing.T, town *governancetest.Town) *office {
	t.Helper()
	o := &office{T: t, Town: town}
	server, err := bus.Serve(t.Context(), bus.Config{Dir: t.TempDir()})
	o.must(err)
	t.Cleanup(server.Close)
	board, err := server.Board(t.Context())
	o.must(err)
	t.Cleanup(board.Close)
	o.flow = &flow.Flow{Rules: governancetest.Unheld{}, Desk: town.Desk, Party: &party.Party{
		Standing: governancetest.Unheld{},
		Name:     msg.Coordinator, Key: town.Keys["yuneid"], Board: board, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}}
	o.flow.Ledger, err = ledger.Open(t.Context(), ledger.Config{Dir: t.TempDir(), Origin: "yunei.example/verdicts", Key: town.Keys["yuneid"].Ed25519()})
	o.must(err)
	t.Cleanup(func() { _ = o.flow.Ledger.Close() })
	recs, err := records.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"))
	o.must(err)
	programs, err := dir.Open(t.TempDir())
	o.must(err)
	s, err := api.New(api.Config{Gates: gatestest.Ungated, Installation: "guiyang", Root: town.Root, Records: recs, Programs: programs, Way: &way{Flow: o.flow}, Notary: o.flow, Now: now})
	o.must(err)
	srv := httptest.NewUnstartedServer(s.Handler())
	srv.TLS, err = link.Public(town.Keys["yuneid"])
	o.must(err)
	srv.StartTLS()
	t.Cleanup(func() { srv.Close(); _ = recs.Close() })
	o.url = srv.URL
	return o
}

func (o *office) as(who string) *client.Client {
	c, err := client.New(o.url, o.Keys["yuneid"].Public(), o.Keys[who], "guiyang", now)
	o.must(err)
	return c
}

// start registers everyone and takes a run to its start.
func (o *office) start(terms jobs.Terms) {
	o.Helper()
	ctx, root := o.Context(), o.as("root")
	for _, x := range o.Orgs {
		o.must(root.AddOrg(ctx, x))
	}
	for _, u := range o.Users {
		o.must(root.AddUser(ctx, u))
	}
	for _, p := range o.Processes {
		o.must(root.AddProcess(ctx, p))
	}
	for _, e := range o.Catalogue {
		o.must(o.as(e.Provider+"-officer").AddEntry(ctx, e))
	}
	source, said := o.Adopted(o)
	for who, r := range said {
		_, err := o.as(who).Publish(ctx, r, source)
		o.must(err)
	}
	o.must(o.as("bureau-officer").GrantLicence(ctx, o.Licences["l-1"]))
	_, err := o.as("op").SubmitApplication(ctx, terms)
	o.must(err)
	for i, who := range []string{"op", "hospital-officer", "transit-officer", "op", "bureau-officer"} {
		_, err := o.as(who).Decide(ctx, terms.ID, o.Decisions(o, terms)[i])
		o.must(err)
	}
	_, err = o.as("op").PutProgram(ctx, "count", governancetest.Program)
	o.must(err)
	_, err = o.as("op").SubmitJob(ctx, terms.ID, o.Start(o, "op", run1, terms))
	o.must(err)
}

// judge has the gate come to a verdict, and send its letter.
func (o *office) judge(terms jobs.Terms, verdict, candidate string) msg.CandidateBody {
	o.Helper()
	letter := msg.Letter{Salt: suite.Salt{9}, Candidate: []byte(candidate), Record: []byte("of " + verdict)}
	plain, err := json.Marshal(letter)
	o.must(err)
	sealed, err := terms.Desk.Seal(msg.LetterInfo(run1, terms.Digest()), plain)
	o.must(err)
	o.must(o.flow.Put(o.Context(), sealed))
	body := o.Ballot(run1, terms)
	body.Verdict, body.Letter = verdict, suite.DigestOf(sealed)
	body.Candidate, body.Record = suite.Commit(letter.Salt, letter.Candidate), suite.Commit(letter.Blind, letter.Record)
	subject, r, err := msg.Say(o.Keys["gate"], msg.Candidate, body)
	o.must(err)
	o.must(o.flow.Board.Post(o.Context(), subject, r.Bytes()))
	o.look()
	return body
}

// look has the ledger take everything in, and the flow see it.
func (o *office) look() {
	o.Helper()
	board := map[string][]byte{}
	for item, err := range o.flow.Board.All(o.Context(), "run."+run1+".>") {
		o.must(err)
		board[item.Subject] = item.Data
		d := suite.DigestOf(item.Data)
		board[msg.LoggedSubject(run1, d)] = fmt.Appendf(nil, "%s %d", d, item.Seq)
	}
	v, err := msg.NewView(run1, board, o.Pins(o.Terms(), now()))
	o.must(errors.Join(err, v.Err()))
	o.must(o.flow.Advance(o.Context(), v))
}

// hears is everything that somebody is told of the run: each verb that one can
// ask about it, with the status and the bytes of the answer.
func (o *office) hears(who string, terms jobs.Terms) string {
	o.Helper()
	foreign := o.Ballot(run1, terms)
	commit, open := o.Vote(o, who, 0, foreign, terms, true)
	_, replay, err := msg.Say(o.Keys[who], msg.Replay, msg.ReplayBody{Of: msg.Of{Run: run1, Permit: terms.Digest(), Party: msg.Bureau}})
	o.must(err)
	inner := func(r receipt.Receipt) verb.Inner { return verb.Inner{ID: run1, Receipt: r.Bytes()} }
	var b strings.Builder
	for _, ask := range []struct {
		verb verb.Verb
		body any
	}{
		{verb.JobShow, verb.Name{ID: run1}},
		{verb.JobList, verb.None{}},
		{verb.CandidateGet, verb.Name{ID: run1}},
		{verb.ReleaseGet, verb.Name{ID: run1}},
		{verb.ApplicationShow, verb.Name{ID: terms.ID}},
		{verb.ApplicationList, verb.None{}},
		{verb.PermitGet, verb.Name{ID: terms.ID}},
		{verb.JobReplay, inner(replay)},
	} {
		o.ask(&b, who, ask.verb, ask.body)
	}
	if !strings.HasPrefix(who, "checker") { // whose votes these would be
		o.ask(&b, who, verb.VoteCommit, inner(commit))
		o.ask(&b, who, verb.VoteOpen, inner(open))
	}
	return b.String()
}

func (o *office) ask(w io.Writer, who string, v verb.Verb, body any) {
	o.Helper()
	r, err := verb.Sign(o.Keys[who], v, "guiyang", now(), rand.Reader, body)
	o.must(err)
	req, err := http.NewRequestWithContext(o.Context(), http.MethodPost, o.url+verb.Path+string(v), bytes.NewReader(r.Bytes()))
	o.must(err)
	over, err := client.HTTP(o.url, o.Keys["yuneid"].Public())
	o.must(err)
	resp, err := over.Do(req)
	o.must(err)
	raw, err := io.ReadAll(resp.Body)
	o.must(errors.Join(err, resp.Body.Close()))
	fmt.Fprintf(w, "%s says %s: %d %s\n", who, v, resp.StatusCode, raw)
}

// decline has both checkers vote, by a reason, and returns what each listener
// hears before, between and after.
func (o *office) decline(terms jobs.Terms, body msg.CandidateBody, reason string, first bool, listeners []string) map[string]string {
	o.Helper()
	heard := map[string]string{}
	listen := func(when string) {
		for _, who := range listeners {
			heard[who] += when + "\n" + o.hears(who, terms)
		}
	}
	listen("there is a candidate")
	checkers := []string{"checker-a", "checker-b"}
	var opens []receipt.Receipt
	for i, who := range checkers {
		of := msg.Of{Run: run1, Permit: terms.Digest(), Party: msg.Checker(i)}
		vote := msg.Vote{Candidate: body.Candidate, Record: body.Record, Recipients: terms.Recipients, Approve: i == 0 && first}
		if !vote.Approve {
			vote.Reason = reason
		}
		salt := suite.Salt{byte(i + 1)}
		commit := o.Sign(o, who, msg.VoteCommit, of.About(), msg.VoteCommitBody{Of: of, Vote: suite.Commit(salt, of.Bind(vote.Bytes()))})
		o.must(o.as(who).CommitVote(o.Context(), run1, commit))
		opens = append(opens, o.Sign(o, who, msg.VoteOpen, of.About(), msg.VoteOpenBody{Of: of, Vote: vote, Salt: salt}))
		o.look()
		listen(who + " has sealed a vote")
	}
	for i, who := range checkers {
		o.must(o.as(who).OpenVote(o.Context(), run1, opens[i]))
		o.look()
		listen(who + " has opened it")
	}
	return heard
}

// Whoever is neither a checker of the permit nor its bureau hears the same, to
// the byte, at every step, whether the gate blocked a candidate, failed it, or
// passed it and people declined, and for whichever reason: no verdict, no
// check, no vote. The checker does hear the verdict, so that the test can see.
func TestVerdictIsNotHeard(t *testing.T) {
	town := governancetest.NewTown(t)
	terms := town.Terms()
	strangers := []string{"op", "op2", "hospital-officer", "auditor", "outsider"}
	var was map[string]string
	for _, c := range []struct {
		verdict, candidate, reason string
		first                      bool // the first of the two approves
	}{
		{"pass", "a table", "not-the-purpose", true},
		{"review", "a table", "other", false},
		{"fail", "a table of which cells are hidden", "too-detailed", false},
		{"block", "a table of which all is hidden", "too-detailed", false},
	} {
		o := newOffice(t, town)
		o.start(terms)
		body := o.judge(terms, c.verdict, c.candidate)
		heard := o.decline(terms, body, c.reason, c.first, append([]string{"checker-c"}, strangers...))
		if was == nil {
			was = heard
		}
		for _, who := range strangers {
			if diff := cmp.Diff(was[who], heard[who]); diff != "" {
				t.Errorf("%s hears that the verdict is %s:\n%s", who, c.verdict, diff)
			}
		}
		if end := heard["op"]; !strings.Contains(end, `"state":"stopped"`) || !strings.Contains(end, `"refusal":"rejected"`) || strings.Contains(end, c.reason) {
			t.Errorf("the operator does not hear the one word for the end:\n%s", end)
		}
		if c.verdict != "pass" && was["checker-c"] == heard["checker-c"] {
			t.Errorf("a checker hears nothing of the verdict %s; the test is deaf", c.verdict)
		}
	}
}
