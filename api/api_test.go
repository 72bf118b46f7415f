package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/link"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

const installation = "guiyang"

// A way is the Way of these tests: runs go where the test puts them, and what
// the server hands on is kept.
type way struct {
	mu        sync.Mutex
	views     map[string]verb.View
	candidate verb.Candidate
	submitted []string
	program   []byte
	votes     []receipt.Receipt
	replays   []string
	fail      error // what Submit answers
}

func (w *way) Submit(_ context.Context, _ jobs.Permit, start receipt.Receipt, program []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var run jobs.Run
	if err := start.Read(jobs.Start, &run); err != nil {
		return err
	}
	if w.fail != nil {
		return w.fail
	}
	w.submitted, w.program = append(w.submitted, run.ID), program
	if _, ok := w.views[run.ID]; !ok {
		w.views[run.ID] = verb.View{State: jobs.Permitted, Waits: "compute", Turn: []string{"site-hospital"}}
	}
	return nil
}

func (w *way) set(run string, v verb.View) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.views[run] = v
}

func (w *way) State(_ context.Context, run string) (verb.View, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v, ok := w.views[run]
	if !ok {
		return verb.View{}, fault.NotFound
	}
	return v, nil
}

func (w *way) Past(ctx context.Context, run string) (verb.View, error) { return w.State(ctx, run) }

func (w *way) Candidate(ctx context.Context, run string) (verb.Candidate, error) {
	v, err := w.State(ctx, run)
	if err != nil || v.State != jobs.CandidateReady {
		return verb.Candidate{}, fault.NotFound
	}
	return w.candidate, nil
}

func (w *way) Vote(_ context.Context, _ string, r receipt.Receipt) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.votes = append(w.votes, r)
	return nil
}

func (w *way) Replay(_ context.Context, run string, _ receipt.Receipt) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replays = append(w.replays, run)
	return nil
}

func (w *way) Bundle(context.Context, string) ([]byte, error) { return []byte("the bundle\x00"), nil }

// A hall is a server with everyone of the town registered through its door.
type hall struct {
	*governancetest.Town
	t    *testing.T
	way  *way
	srv  *httptest.Server
	rec  *records.Records
	log  *bytes.Buffer
	mu   sync.Mutex
	time time.Time

	facts   *gates.Facts // what gates look at; nil: they let everything pass
	revoked int          // times that the board was told
	api     *api.Server
	notary  *notary
}

func (h *hall) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.time
}

func (h *hall) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.time = h.time.Add(d)
}

// ask asks the gates over the facts of the test. Without any it lets everything
// pass: most of these tests are not about the city's rules.
func (h *hall) ask(_ context.Context, _ governance.Register, t jobs.Terms, at gates.Step, used int, out *gates.Output, _ time.Time) ([]gates.Verdict, error) {
	if h.facts == nil {
		return nil, nil
	}
	f := *h.facts
	f.Terms, f.Used, f.Output = t, used, out
	return gates.Check(f, at), nil
}

func (h *hall) as(who string) *client.Client {
	c, err := client.New(h.srv.URL, h.Keys["yuneid"].Public(), h.Keys[who], installation, h.now)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func empty(t *testing.T) *hall {
	t.Helper()
	h := &hall{Town: governancetest.NewTown(t), t: t, way: &way{views: map[string]verb.View{}}, time: governancetest.Now, log: &bytes.Buffer{}, notary: &notary{}}
	rec, err := records.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"))
	if err != nil {
		t.Fatal(err)
	}
	programs, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := api.New(api.Config{
		Installation: installation, Root: h.Root, Records: rec, Programs: programs, Way: h.way, Now: h.now, Key: h.Keys["yuneid"].Public(),
		Log: slog.New(slog.NewTextHandler(h.log, nil)), Revoked: func() { h.revoked++ }, Gates: h.ask,
		Notary: h.notary,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.api = s
	h.rec, h.srv = rec, httptest.NewUnstartedServer(s.Handler())
	if h.srv.TLS, err = link.Public(h.Keys["yuneid"]); err != nil {
		t.Fatal(err)
	}
	h.srv.StartTLS()
	t.Cleanup(func() { h.srv.Close(); _ = rec.Close() })
	return h
}

// newHall is a hall whose bureau has adopted the rules of its city and licensed its
// operator.
func newHall(t *testing.T) *hall {
	t.Helper()
	h := unruled(t)
	h.publish()
	h.must("licensing", h.as("bureau-officer").GrantLicence(t.Context(), h.Licences["l-1"]))
	return h
}

// unruled is a hall with everybody in it and no rules yet.
func unruled(t *testing.T) *hall {
	t.Helper()
	h := empty(t)
	ctx, root := t.Context(), h.as("root")
	var errs []error
	for _, o := range h.Orgs {
		errs = append(errs, root.AddOrg(ctx, o))
	}
	for _, u := range h.Users {
		errs = append(errs, root.AddUser(ctx, u))
	}
	for _, p := range h.Processes {
		errs = append(errs, root.AddProcess(ctx, p))
	}
	for _, e := range h.Catalogue {
		errs = append(errs, h.as(e.Provider+"-officer").AddEntry(ctx, e))
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return h
}

// must fails the test on an error.
func (h *hall) must(what string, err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%s: %v", what, err)
	}
}

// refused wants err to be a refusal of code that came over the wire.
func (h *hall) refused(what string, err error, code fault.Code) {
	h.t.Helper()
	r, ok := errors.AsType[fault.Refusal](err)
	if !ok || r.Code != code || r.ZH == "" {
		h.t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// permitted takes the terms to a permit, each decision by its own key.
func (h *hall) permitted(terms jobs.Terms) {
	h.t.Helper()
	ctx := h.t.Context()
	_, err := h.as("op").SubmitApplication(ctx, terms)
	h.must("applying", err)
	for i, who := range []string{"op", "hospital-officer", "transit-officer", "op", "bureau-officer"} {
		_, err := h.as(who).Decide(ctx, terms.ID, h.Decisions(h.t, terms)[i])
		h.must(who+" decides", err)
	}
	_, err = h.as("op").PutProgram(ctx, "count", governancetest.Program)
	h.must("uploading", err)
}

func (h *hall) submit(who, run string, terms jobs.Terms) error {
	_, err := h.as(who).SubmitJob(h.t.Context(), terms.ID, h.Start(h.t, who, run, terms))
	return err
}

// gated brings the run r-1 to where people vote.
func (h *hall) gated(terms jobs.Terms) msg.CandidateBody {
	const run = "r-1"
	h.t.Helper()
	letter := msg.Letter{Salt: suite.Salt{9}, Candidate: []byte("candidate"), Record: []byte("record")}
	body := h.Ballot(run, terms)
	body.Candidate, body.Record = suite.Commit(letter.Salt, letter.Candidate), suite.Commit(letter.Blind, letter.Record)
	h.way.candidate = verb.Candidate{Statement: h.Sign(h.t, "gate", msg.Candidate, body.About(), body).Bytes(), Letter: letter}
	h.way.set(run, verb.View{State: jobs.CandidateReady, Waits: "vote", Turn: []string{"checker-1"}})
	return body
}

// The whole way of a job, each step by whom it belongs to.
func TestWay(t *testing.T) {
	h := newHall(t)
	ctx, terms := t.Context(), h.Terms()
	a, err := h.as("op").SubmitApplication(ctx, terms)
	h.must("applying", err)
	if a.Stage != governance.Proposed || a.Digest != terms.Digest() {
		t.Fatalf("an application is %+v", a.Summary)
	}
	h.refused("a run before the permit", h.submit("op", "r-1", terms), "permit-incomplete")
	for i, step := range []struct {
		who   string
		stage governance.Stage
		turn  []string
	}{
		{"op", governance.Reviewing, []string{"hospital", "transit"}},
		{"hospital-officer", governance.Reviewing, []string{"transit"}},
		{"transit-officer", governance.Agreeing, []string{"operator", "bureau"}},
		{"op", governance.Agreeing, []string{"bureau"}},
		{"bureau-officer", governance.Permitted, nil},
	} {
		a, err := h.as(step.who).Decide(ctx, terms.ID, h.Decisions(t, terms)[i])
		h.must(step.who+" decides", err)
		if a.Stage != step.stage || !slices.Equal(a.Turn, step.turn) || len(a.Decisions) != i+1 {
			t.Fatalf("after %s: %+v", step.who, a.Summary)
		}
	}
	raw, err := h.as("hospital-officer").Permit(ctx, terms.ID)
	h.must("fetching the permit", err)
	if p, err := jobs.OpenPermit(raw, h.Pins(terms, h.now())); err != nil || p.Digest() != terms.Digest() {
		t.Fatalf("the permit: %v", err)
	}
	h.refused("a run before the program", h.submit("op", "r-1", terms), "program-missing")
	_, err = h.as("op").PutProgram(ctx, "count", governancetest.Program)
	h.must("uploading", err)
	h.must("starting", h.submit("op", "r-1", terms))
	if !bytes.Equal(h.way.program, governancetest.Program) {
		t.Error("the way got another program")
	}
	_, err = h.as("op").Release(ctx, "r-1")
	h.refused("a release before its time", err, "conflict")
	body := h.gated(terms)
	h.vote("r-1", terms, body)
	h.way.set("r-1", verb.View{State: jobs.Released})
	b, err := h.as("op").Release(ctx, "r-1")
	if err != nil || string(b) != "the bundle\x00" {
		t.Errorf("the release: %q, %v", b, err)
	}
}

func (h *hall) vote(run string, terms jobs.Terms, want msg.CandidateBody) {
	h.t.Helper()
	ctx := h.t.Context()
	var commits, opens [2]receipt.Receipt
	for i, who := range []string{"checker-a", "checker-b"} {
		shown, err := h.as(who).Candidate(ctx, run)
		h.must("looking", err)
		body, err := shown.Open(terms, run)
		h.must("checking the gate's statement", err)
		if !body.Set.Equal(want.Set) || body.Candidate != want.Candidate {
			h.t.Error("another candidate is shown")
		}
		commits[i], opens[i] = h.Vote(h.t, who, i, body, terms, true)
	}
	h.must("the first vote", h.as("checker-a").CommitVote(ctx, run, commits[0]))
	h.refused("opening before the other is in", h.as("checker-a").OpenVote(ctx, run, opens[0]), "vote-wait")
	h.must("the second vote", h.as("checker-b").CommitVote(ctx, run, commits[1]))
	h.must("telling it again", h.as("checker-b").CommitVote(ctx, run, commits[1]))
	h.must("opening the first", h.as("checker-a").OpenVote(ctx, run, opens[0]))
	h.must("opening the second", h.as("checker-b").OpenVote(ctx, run, opens[1]))
	if len(h.way.votes) != 5 {
		h.t.Errorf("the way got %d statements", len(h.way.votes))
	}
}

func TestVotesRefused(t *testing.T) {
	h := newHall(t)
	ctx, terms := t.Context(), h.Terms()
	h.permitted(terms)
	h.must("starting", h.submit("op", "r-1", terms))
	early, _ := h.Vote(t, "checker-a", 0, h.Ballot("r-1", terms), terms, true)
	h.refused("before there is a candidate", h.as("checker-a").CommitVote(ctx, "r-1", early), "no-candidate")
	body := h.gated(terms)
	commit := func(who string, i int) receipt.Receipt {
		c, _ := h.Vote(t, who, i, body, terms, true)
		return c
	}
	h.refused("one's own job", h.as("op").CommitVote(ctx, "r-1", commit("op", 0)), "own-job")
	h.refused("a colleague's job", h.as("op2").CommitVote(ctx, "r-1", commit("op2", 0)), "own-job")
	h.refused("the bureau's officer", h.as("bureau-officer").CommitVote(ctx, "r-1", commit("bureau-officer", 0)), "not-checker")
	h.refused("a checker of other jobs", h.as("outsider").CommitVote(ctx, "r-1", commit("outsider", 0)), "not-found")
	h.refused("another's vote", h.as("checker-b").CommitVote(ctx, "r-1", commit("checker-a", 0)), "request-foreign")
	h.must("the first", h.as("checker-a").CommitVote(ctx, "r-1", commit("checker-a", 0)))
	h.refused("twice", h.as("checker-a").CommitVote(ctx, "r-1", commit("checker-a", 0)), "vote-twice")
	h.must("the second", h.as("checker-b").CommitVote(ctx, "r-1", commit("checker-b", 1)))
	h.refused("a third", h.as("checker-c").CommitVote(ctx, "r-1", commit("checker-c", 2)), "vote-twice")
	h.refused("the operator looks", ask(h.as("op").Candidate(ctx, "r-1")), "not-found")
	h.refused("a provider looks", ask(h.as("hospital-officer").Candidate(ctx, "r-1")), "not-found")
	h.refused("an auditor looks", ask(h.as("auditor").Candidate(ctx, "r-1")), "not-found")
	if len(h.way.votes) != 2 {
		t.Errorf("the way got %d statements", len(h.way.votes))
	}
}

func ask[T any](_ T, err error) error { return err }

// Nobody is shown a candidate that the permit's own gate did not sign.
func TestForgedCandidate(t *testing.T) {
	h := newHall(t)
	ctx, terms := t.Context(), h.Terms()
	h.permitted(terms)
	h.must("starting", h.submit("op", "r-1", terms))
	good := h.gated(terms)
	for name, forge := range map[string]func(*verb.Candidate){
		"signed by the coordinator": func(c *verb.Candidate) {
			c.Statement = h.Sign(t, "yuneid", msg.Candidate, good.About(), good).Bytes()
		},
		"of another run": func(c *verb.Candidate) {
			other := h.Ballot("r-2", terms)
			c.Statement = h.Sign(t, "gate", msg.Candidate, other.About(), other).Bytes()
		},
		"another letter": func(c *verb.Candidate) { c.Letter.Candidate = []byte("harmless") },
		"another record": func(c *verb.Candidate) { c.Letter.Record = []byte("passed") },
	} {
		h.gated(terms)
		forge(&h.way.candidate)
		h.refused(name, ask(h.as("checker-a").Candidate(ctx, "r-1")), "tampered")
	}
}

func TestUsesAndRuns(t *testing.T) {
	h := newHall(t)
	terms := h.Terms()
	h.permitted(terms)
	h.refused("a colleague", h.submit("op2", "r-1", terms), "permit-foreign")
	h.refused("the bureau", h.submit("bureau-officer", "r-1", terms), "role")
	h.refused("a rival", h.submit("rival", "r-1", terms), "not-found")
	start := h.Start(t, "op", "r-1", terms)
	_, err := h.as("op2").SubmitJob(t.Context(), terms.ID, start)
	h.refused("with another's start", err, "request-foreign")

	h.way.fail = errors.New("the bus is down at 10.0.0.7")
	_, err = h.as("op").SubmitJob(t.Context(), terms.ID, start)
	h.refused("while the bus is down", err, "internal")
	if strings.Contains(err.Error(), "10.0.0.7") || !strings.Contains(h.log.String(), "10.0.0.7") {
		t.Errorf("internal text: to the user %q, to the log %q", err, h.log)
	}
	h.way.fail = nil
	_, err = h.as("op").SubmitJob(t.Context(), terms.ID, start)
	h.must("the same start again", err)
	h.must("a second run", h.submit("op", "r-2", terms))
	h.refused("a third run of two", h.submit("op", "r-3", terms), "permit-spent")
	if diff := cmp.Diff([]string{"r-1", "r-2"}, h.way.submitted); diff != "" {
		t.Error(diff)
	}
}

// A run's name is taken once, by whomever.
func TestRunNames(t *testing.T) {
	h := newHall(t)
	terms, other := h.Terms(), h.Terms()
	other.ID, other.Scenario = "p-2", "flu-2"
	h.permitted(terms)
	h.permitted(other)
	h.must("a run", h.submit("op", "r-1", terms))
	h.refused("its name for another permit", h.submit("op", "r-1", other), "registered")
}

func TestExpired(t *testing.T) {
	h := newHall(t)
	terms := h.Terms()
	h.permitted(terms)
	h.pass(terms.NotAfter.Sub(h.now()))
	h.refused("after the permit", h.submit("op", "r-1", terms), "permit-expired")
	h.pass(h.Licences["l-1"].NotAfter.Sub(h.now()) - time.Hour)
	later := h.Terms()
	later.ID, later.NotBefore, later.NotAfter = "p-2", h.now().Add(-time.Hour), h.now().Add(30*time.Minute)
	_, err := h.as("op").SubmitApplication(t.Context(), later)
	h.must("just before the licence ends", err)
	h.pass(time.Hour)
	_, err = h.as("op").SubmitApplication(t.Context(), later)
	h.refused("after one's key", err, "unknown-key")
}

// What the platform holds is heard by nobody.
func TestPlatformKeys(t *testing.T) {
	h := newHall(t)
	ctx, terms := t.Context(), h.Terms()
	_, err := h.as("op").SubmitApplication(ctx, terms)
	h.must("applying", err)
	for name := range h.Processes {
		h.refused(name+" reads", ask(h.as(name).Directory(ctx)), "unknown-key")
		h.refused(name+" registers", h.as(name).AddOrg(ctx, governance.Org{ID: "x", Title: "x", Kind: governance.Bureau}), "unknown-key")
		h.refused(name+" decides", ask(h.as(name).Decide(ctx, terms.ID, h.Decide(t, name, "bureau", jobs.Agree, terms))), "unknown-key")
	}
	// Nor can a person carry what such a key signed.
	h.refused("a smuggled decision", ask(h.as("op").Decide(ctx, terms.ID, h.Decide(t, "yuneid", "operator", jobs.Apply, terms))), "request-foreign")
	h.refused("root decides", ask(h.as("root").Decide(ctx, terms.ID, h.Decide(t, "root", "bureau", jobs.Agree, terms))), "not-found")
}

func TestSight(t *testing.T) {
	h := newHall(t)
	ctx, terms := t.Context(), h.Terms()
	h.permitted(terms)
	h.must("starting", h.submit("op", "r-1", terms))
	for who, sees := range map[string]bool{
		"op": true, "op2": true, "hospital-admin": true, "transit-officer": true, "bureau-officer": true,
		"auditor": true, "checker-c": true, "rival": false, "outsider": false, "root": false,
	} {
		_, err := h.as(who).Application(ctx, terms.ID)
		_, err2 := h.as(who).Permit(ctx, terms.ID)
		_, err3 := h.as(who).Job(ctx, "r-1")
		list, err4 := h.as(who).Applications(ctx)
		runs, err5 := h.as(who).Jobs(ctx)
		if err4 != nil || err5 != nil || (len(list) == 1) != sees || (len(runs) == 1) != sees {
			t.Errorf("%s lists %d, %d: %v, %v", who, len(list), len(runs), err4, err5)
		}
		for _, err := range []error{err, err2, err3} {
			if sees {
				h.must(who, err)
			} else {
				h.refused(who, err, "not-found")
			}
		}
	}
}

// The bureau alone has a run replayed, while the permit is in force, and alone
// sees what came of it.
func TestReplay(t *testing.T) {
	h := newHall(t)
	ctx, terms := t.Context(), h.Terms()
	h.permitted(terms)
	h.must("starting", h.submit("op", "r-1", terms))
	ask := func(who string) (verb.Job, error) {
		of := msg.Of{Run: "r-1", Permit: terms.Digest(), Party: msg.Bureau}
		return h.as(who).Replay(ctx, "r-1", h.Sign(t, who, msg.Replay, of.About(), msg.ReplayBody{Of: of}))
	}
	_, err := ask("bureau-officer")
	h.refused("nothing is computed yet", err, "replay-early")
	bits := map[string]bool{"site-hospital": true}
	h.way.set("r-1", verb.View{State: jobs.Released, Replays: bits})
	for who, code := range map[string]fault.Code{"op": "role", "hospital-officer": "role", "checker-a": "role", "outsider": "not-found"} {
		_, err := ask(who)
		h.refused(who, err, code)
		if j, _ := h.as(who).Job(ctx, "r-1"); j.Replays != nil {
			t.Errorf("%s sees a replay", who)
		}
	}
	j, err := ask("bureau-officer")
	if err != nil || !cmp.Equal(j.Replays, bits) || !slices.Equal(h.way.replays, []string{"r-1"}) {
		t.Errorf("replayed %v: %+v, %v", h.way.replays, j, err)
	}
	h.way.set("r-1", verb.View{State: jobs.Failed})
	_, err = ask("bureau-officer")
	h.refused("a run that failed", err, "replay-early")
	h.way.set("r-1", verb.View{State: jobs.Released})
	h.pass(terms.NotAfter.Sub(h.now()) + time.Second)
	_, err = ask("bureau-officer")
	h.refused("after the permit", err, "permit-expired")
}

// Of what the way says, closed words and known names alone go out.
func TestJobIsClosed(t *testing.T) {
	h := newHall(t)
	terms := h.Terms()
	h.permitted(terms)
	h.must("starting", h.submit("op", "r-1", terms))
	h.way.set("r-1", verb.View{
		State: jobs.Failed, Waits: "1234 fuel left", Turn: []string{"site-hospital", "unit 7 trapped", "checker-3", "checker-4"}, Refusal: "row 7: bad",
	})
	got, err := h.as("op").Job(t.Context(), "r-1")
	want := verb.Job{Run: "r-1", Application: terms.ID, View: verb.View{State: jobs.Failed, Turn: []string{"site-hospital", "checker-3"}, Refusal: "internal"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestDirectory(t *testing.T) {
	h := newHall(t)
	d, err := h.as("op").Directory(t.Context())
	h.must("reading", err)
	if d.Installation != installation || len(d.Orgs) != len(h.Orgs) || len(d.Users) != len(h.Users) ||
		len(d.Processes) != len(h.Processes) || len(d.Catalogue) != 2 || len(d.Licences) != 1 {
		t.Errorf("the directory is %+v", d)
	}
	for _, e := range d.Catalogue {
		if diff := cmp.Diff(h.Catalogue[e.ID], e); diff != "" {
			t.Error(diff)
		}
	}
	e := governancetest.Entry("hospital")
	e.Versions = append(e.Versions, governance.Version{ID: "v2", Rows: 1200, At: h.now()})
	h.must("a further version", h.as("hospital-officer").AddEntry(t.Context(), e))
	history, err := h.rec.Catalogue.History(t.Context(), e.ID)
	if err != nil || len(history) != 2 {
		t.Fatalf("%d envelopes: %v", len(history), err)
	}
	for _, env := range history {
		if heard, err := verb.Parse(env); err != nil || heard.By != h.Users["hospital-officer"].Key {
			t.Errorf("a kept envelope: %v", err)
		}
	}
}

// post sends bytes to a verb and returns the status and the refusal.
func (h *hall) post(method, path string, body []byte) (int, fault.Refusal) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.srv.URL+path, bytes.NewReader(body))
	h.must("making a request", err)
	over, err := client.HTTP(h.srv.URL, h.Keys["yuneid"].Public())
	h.must("pinning", err)
	resp, err := over.Do(req)
	h.must("sending", err)
	defer resp.Body.Close() //nolint:errcheck // a test
	b, err := io.ReadAll(resp.Body)
	h.must("reading", err)
	var r fault.Refusal
	if resp.StatusCode != http.StatusOK {
		h.must("decoding "+string(b), json.Unmarshal(b, &r))
	}
	return resp.StatusCode, r
}

func (h *hall) sign(who string, v verb.Verb, where string, at time.Time, body any) []byte {
	h.t.Helper()
	r, err := verb.Sign(h.Keys[who], v, where, at, rand.Reader, body)
	h.must("signing", err)
	return r.Bytes()
}

// alter changes a word of an envelope's payload and leaves all else.
func alter(t *testing.T, raw []byte, from, to string) []byte {
	t.Helper()
	var env struct{ Payload string }
	if err := json.Unmarshal(raw, &env); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(env.Payload)
	if err != nil || !bytes.Contains(payload, []byte(from)) {
		t.Fatalf("the payload lacks %q: %v", from, err)
	}
	changed := base64.StdEncoding.EncodeToString(bytes.ReplaceAll(payload, []byte(from), []byte(to)))
	return bytes.Replace(raw, []byte(env.Payload), []byte(changed), 1)
}

func TestRequestsRefused(t *testing.T) {
	h := newHall(t)
	h.Stranger(t)
	now, none := h.now(), verb.None{}
	good := h.sign("op", verb.DirectoryGet, installation, now, none)
	altered := alter(t, good, installation, "guiyanh")
	inverted := bytes.Clone(good)
	inverted[len(inverted)/2] ^= 1
	decision := h.Decide(t, "op", "operator", jobs.Apply, h.Terms()).Bytes()
	get := string(verb.DirectoryGet)
	for _, c := range []struct {
		name, verb string
		body       []byte
		status     int
		code       fault.Code
	}{
		{"good", get, good, 200, ""},
		{"replayed", get, good, 409, "request-replay"},
		{"early by five minutes", get, h.sign("op", verb.DirectoryGet, installation, now.Add(api.Skew), none), 200, ""},
		{"too early", get, h.sign("op", verb.DirectoryGet, installation, now.Add(api.Skew+time.Second), none), 403, "request-time"},
		{"from before the start", get, h.sign("op", verb.DirectoryGet, installation, now.Add(-time.Second), none), 403, "request-time"},
		{"for another verb", "job.list", h.sign("op", verb.DirectoryGet, installation, now, none), 422, "request-foreign"},
		{"for another installation", get, h.sign("op", verb.DirectoryGet, "wuxi", now, none), 422, "request-foreign"},
		{"a stranger's", get, h.sign("stranger", verb.DirectoryGet, installation, now, none), 401, "unknown-key"},
		{"no such verb", "budget.refill", h.sign("op", "budget.refill", installation, now, none), 404, "not-found"},
		{"payload altered", get, altered, 422, "tampered"},
		{"a bit turned", get, inverted, 0, ""},
		{"not a request", get, decision, 422, "tampered"},
		{"no envelope", get, []byte(`{}`), 400, "invalid"},
		{"nothing", get, nil, 400, "invalid"},
		{"too long", get, bytes.Repeat([]byte(" "), verb.MaxRequest+1), 413, "too-large"},
		{"an unknown field", "application.show", h.sign("op", verb.ApplicationShow, installation, now, map[string]string{"id": "p", "sql": "1"}), 400, "invalid"},
		{"the role", "org.add", h.sign("op", verb.OrgAdd, installation, now, governance.Org{ID: "x", Title: "x", Kind: governance.Bureau}), 403, "root-only"},
	} {
		status, r := h.post(http.MethodPost, verb.Path+c.verb, c.body)
		if c.name == "a bit turned" {
			if status == 200 {
				t.Error("a request with a bit turned is heard")
			}
			continue
		}
		if status != c.status || r.Code != c.code {
			t.Errorf("%s: %d %s, want %d %s", c.name, status, r.Code, c.status, c.code)
		}
	}
	h.pass(api.Skew + time.Second)
	late := h.sign("op", verb.DirectoryGet, installation, now, none)
	if status, r := h.post(http.MethodPost, verb.Path+get, late); status != 403 || r.Code != "request-time" {
		t.Errorf("too late: %d %s", status, r.Code)
	}
	if status, _ := h.post(http.MethodGet, verb.Path+get, nil); status != 404 {
		t.Errorf("GET: %d", status)
	}
}

func TestUpload(t *testing.T) {
	h := newHall(t)
	ctx := t.Context()
	module := []byte("\x00asm and more")
	at := verb.BlobPath + suite.DigestOf(module).Hex()
	want := func(what string, body []byte, path string, status int, code fault.Code) {
		t.Helper()
		if s, r := h.post(http.MethodPut, path, body); s != status || r.Code != code {
			t.Errorf("%s: %d %s, want %d %s", what, s, r.Code, status, code)
		}
	}
	want("before it was announced", module, at, 403, "upload")
	_, err := h.as("bureau-officer").PutProgram(ctx, "x", module)
	h.refused("announced by the bureau", err, "role")
	_, err = h.as("op").PutProgram(ctx, "x", make([]byte, verb.MaxProgram+1))
	h.refused("over 16 MiB", err, "too-large")
	_, err = h.as("op").PutProgram(ctx, "x", module)
	h.must("announced", err)
	want("again", module, at, 200, "")
	want("other bytes", []byte("\x00asm and mora"), at, 403, "upload")
	want("more bytes", append(module, 0), at, 403, "upload")
	want("no digest", module, verb.BlobPath+"..%2f..%2fx", 403, "upload")
	_, err = h.as("rival").PutProgram(ctx, "x", module)
	h.must("announced by another", err)
	big := make([]byte, verb.MaxProgram)
	_, err = h.as("op").PutProgram(ctx, "big", big)
	h.must("16 MiB", err)
}

// A server stops when it is told to, and answers until then.
func TestServe(t *testing.T) {
	h := newHall(t)
	programs, err := dir.Open(t.TempDir())
	h.must("opening", err)
	conf := api.Config{Installation: installation, Root: h.Root, Records: h.rec, Programs: programs, Way: h.way, Notary: h.notary, Now: h.now}
	s, err := api.New(conf)
	h.must("making a server", err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	h.must("listening", err)
	ln, err = link.Listen(ln, h.Keys["yuneid"])
	h.must("listening", err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	c, err := client.New("https://"+ln.Addr().String(), h.Keys["yuneid"].Public(), h.Keys["op"], installation, h.now)
	h.must("pinning", err)
	_, err = c.Directory(t.Context())
	h.must("asking", err)
	cancel()
	select {
	case err := <-done:
		h.must("stopping", err)
	case <-time.After(10 * time.Second):
		t.Fatal("it does not stop")
	}
	conf.Way = nil
	if _, err := api.New(conf); !errors.Is(err, fault.Invalid) {
		t.Errorf("a server without a way: %v", err)
	}
	conf.Way, conf.Notary = h.way, nil
	if _, err := api.New(conf); !errors.Is(err, fault.Invalid) {
		t.Errorf("a server without a ledger: %v", err)
	}
	conf.Notary, conf.Root = h.notary, ""
	if _, err := api.New(conf); !errors.Is(err, fault.Invalid) {
		t.Errorf("a server without a root key: %v", err)
	}
}
