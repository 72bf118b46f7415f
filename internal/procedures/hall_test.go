package procedures

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/link"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

const installation = "city"

// A hall is the bureau's server with everybody of the town registered through its
// door, and the ledger.
type hall struct {
	*gatestest.World
	t       *testing.T
	file    string // of the records
	rec     *records.Records
	raw     *sql.DB // the same file, past every rule
	api     *api.Server
	url     string
	clients map[string]*client.Client

	mu    sync.Mutex
	time  time.Time
	lines []suite.Digest // of the ledger
	down  bool           // the ledger
	early []string       // what was kept before the ledger had it

	runs   map[string]*run
	enough func(*msg.View) bool // what lets a run out
}

// A run is what the model of runs has of one.
type run struct {
	start     receipt.Receipt
	candidate verb.Candidate
	body      msg.CandidateBody
	said      map[string][]byte // board
	released  bool
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

// append is the ledger: it looks at what is kept before it takes a line.
func (h *hall) append(_ context.Context, d suite.Digest) (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return 0, errors.New("the ledger is down")
	}
	if !slices.Contains(h.lines, d) {
		var n int
		if err := h.raw.QueryRow("SELECT count(*) FROM case_events WHERE digest = ?", string(d)).Scan(&n); err != nil || n > 0 {
			h.early = append(h.early, fmt.Sprint(d, err))
		}
	}
	h.lines = append(h.lines, d)
	return uint64(len(h.lines) - 1), nil
}

type notary struct{ h *hall }

func (n notary) Enter(ctx context.Context, d suite.Digest) (uint64, error) { return n.h.append(ctx, d) }
func (notary) Announce(context.Context, receipt.Receipt) error             { return nil }

func (notary) Prove(context.Context, uint64, []jobs.Process) (checkpoint []byte, hashes [][]byte, err error) {
	return nil, nil, fault.NotFound
}

func (n notary) Entry(_ context.Context, id string) (receipt.Receipt, error) {
	if r := n.h.runs[id]; r != nil && r.released {
		return receipt.Sign(n.h.Keys["yuneid"], msg.Release, receipt.About("run/"+id, suite.DigestOf([]byte(id))), id)
	}
	return receipt.Receipt{}, fault.NotFound
}

func newHall(t *testing.T, city, channel string, ask api.Gates) *hall {
	t.Helper()
	w := gatestest.In(t, governancetest.NewTown(t), city, channel)
	h := &hall{World: w, t: t, file: filepath.Join(t.TempDir(), "records.db"), clients: map[string]*client.Client{}, time: gatestest.Now, runs: map[string]*run{}}
	h.enough = func(v *msg.View) bool { return governance.Tally(v) == governance.Approved }
	var err error
	if h.rec, err = records.Open(t.Context(), h.file); err != nil {
		t.Fatal(err)
	}
	if h.raw, err = sql.Open("sqlite", h.file); err != nil {
		t.Fatal(err)
	}
	programs, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h.api, err = api.New(api.Config{
		Installation: installation, Root: h.Root, Records: h.rec, Programs: programs, Way: h, Now: h.now, Key: h.Keys["yuneid"].Public(),
		Notary: notary{h}, Gates: ask,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h.api.Handler())
	if srv.TLS, err = link.Public(h.Keys["yuneid"]); err != nil {
		t.Fatal(err)
	}
	srv.StartTLS()
	h.url = srv.URL
	t.Cleanup(func() { srv.Close(); _ = h.raw.Close(); _ = h.rec.Close() })
	h.register()
	return h
}

func (h *hall) register() {
	h.t.Helper()
	ctx, root := h.t.Context(), h.as("root")
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
		h.t.Fatal(err)
	}
}

func (h *hall) as(who string) *client.Client {
	if c, ok := h.clients[who]; ok {
		return c
	}
	c, err := client.New(h.url, h.Keys["yuneid"].Public(), h.Keys[who], installation, h.now)
	if err != nil {
		h.t.Fatal(err)
	}
	h.clients[who] = c
	return c
}

// Submit takes a run: its gate has a candidate at once.
func (h *hall) Submit(ctx context.Context, p jobs.Permit, start receipt.Receipt, _ []byte) error {
	var r jobs.Run
	if err := start.Read(jobs.Start, &r); err != nil {
		return err
	}
	if h.runs[r.ID] != nil {
		return nil
	}
	t := p.Terms()
	kept, err := h.rec.Permits.Get(ctx, t.ID)
	if err != nil {
		return err
	}
	letter := msg.Letter{Salt: suite.Salt{9}, Candidate: []byte("candidate " + r.ID), Record: []byte("record")}
	body := h.Ballot(r.ID, t)
	body.Candidate, body.Record = suite.Commit(letter.Salt, letter.Candidate), suite.Commit(letter.Blind, letter.Record)
	said, err := receipt.Sign(h.Keys["gate"], msg.Candidate, body.About(), body)
	if err != nil {
		return err
	}
	h.runs[r.ID] = &run{start: start, candidate: verb.Candidate{Statement: said.Bytes(), Letter: letter}, body: body, said: map[string][]byte{
		msg.Subject(r.ID, 0, msg.Permit, msg.Coordinator): kept.Envelope, msg.Subject(r.ID, 0, jobs.Start, msg.Operator): start.Bytes(),
	}}
	h.runs[r.ID].say(r.ID, msg.Candidate, t.Gate.Name, said)
	return nil
}

func (r *run) say(id string, kind receipt.Kind, party string, said receipt.Receipt) {
	r.said[msg.Subject(id, 0, kind, party)] = said.Bytes()
	r.said[msg.LoggedSubject(id, said.Digest())] = fmt.Appendf(nil, "%s %d", said.Digest(), len(r.said))
}

// State says whether a run is out.
func (h *hall) Past(ctx context.Context, run string) (verb.View, error) { return h.State(ctx, run) }

func (h *hall) State(_ context.Context, id string) (verb.View, error) {
	r := h.runs[id]
	switch {
	case r == nil:
		return verb.View{}, fault.NotFound
	case r.released:
		return verb.View{State: jobs.Released}, nil
	default:
		return verb.View{State: jobs.CandidateReady, Waits: "vote"}, nil
	}
}

// Candidate is what is voted on.
func (h *hall) Candidate(_ context.Context, id string) (verb.Candidate, error) {
	if r := h.runs[id]; r != nil {
		return r.candidate, nil
	}
	return verb.Candidate{}, fault.NotFound
}

// Vote takes a statement of a checker.
func (h *hall) Vote(_ context.Context, id string, vote receipt.Receipt) error {
	r := h.runs[id]
	if r == nil {
		return fault.NotFound
	}
	for i, c := range h.Terms.Checkers {
		if c.Key == vote.By() {
			r.say(id, vote.Kind(), msg.Checker(i), vote)
		}
	}
	return nil
}

// Replay computes nothing again.
func (*hall) Replay(context.Context, string, receipt.Receipt) error { return nil }

// Bundle is what is out.
func (h *hall) Bundle(_ context.Context, id string) ([]byte, error) {
	if r := h.runs[id]; r != nil && r.released {
		return []byte("bundle " + id), nil
	}
	return nil, fault.NotFound
}

// release lets a run out if nothing stops it: what the coordinator asks before it
// signs one.
func (h *hall) release(id string) (bool, error) {
	r, ctx := h.runs[id], h.t.Context()
	reg, err := h.rec.Register(ctx, h.Root)
	if err != nil {
		return false, err
	}
	v, err := msg.NewView(id, r.said, reg.Pins(h.Terms, h.now()))
	if err != nil || v.Err() != nil {
		return false, errors.Join(err, v.Err())
	}
	orders, lifts, err := api.Ordered(ctx, h.rec)
	if err != nil {
		return false, err
	}
	held := len(governance.Holding(governance.InForce(orders, lifts, h.now()), v.Terms())) > 0
	if !held && h.enough(v) && h.api.Releasable(ctx, v) == nil {
		r.released = true
	}
	return r.released, nil
}
