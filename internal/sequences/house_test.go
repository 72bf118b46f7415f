package sequences

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/flow"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/release"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/storage/ledger"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
	"github.com/yunei/yunei/trustee"
)

const (
	installation = "guiyang"
	origin       = "sequences.example/log"
)

// A house is a bureau with an installation: board, ledger, records, API, and
// the trustees that witness its ledger.
type house struct {
	*governancetest.Town
	ctx    context.Context
	folder string
	server *bus.Server
	board  *bus.Board // of everyone but the coordinator
	bent   bend

	flow  *flow.Flow
	api   http.Handler
	leave []func() // of the coordinator's process
	after []func() // of the house

	settled map[string]int // how much stood on the board of a run that the coordinator has seen
}

func newHouse(tb testing.TB) *house {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	h := &house{Town: governancetest.NewTown(tb), ctx: ctx, folder: tb.TempDir()}
	var err error
	h.server, err = bus.Serve(ctx, bus.Config{Dir: h.path("board")})
	must(err)
	h.board, err = h.server.Board(ctx)
	must(err)
	h.witness()
	h.start()
	h.after = append(h.after, cancel)
	for _, x := range h.Orgs {
		h.tell("root", verb.OrgAdd, x)
	}
	for _, u := range h.Users {
		h.tell("root", verb.UserAdd, u)
	}
	for _, p := range h.Processes {
		h.tell("root", verb.ProcessAdd, p)
	}
	for _, e := range h.Catalogue {
		h.tell(e.Provider+"-officer", verb.CatalogueAdd, e)
	}
	source, said := h.Adopted(tb)
	for who, r := range said {
		h.tell(who, verb.ProfilePublish, verb.Publish{Source: source, Receipt: r.Bytes()})
	}
	h.tell("bureau-officer", verb.LicenceGrant, h.Licences["l-1"])
	return h
}

// must is for what has nothing to do with what is tested.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (h *house) path(name string) string { return filepath.Join(h.folder, name) }

// witness has the trustees cosign checkpoints, as they are.
func (h *house) witness() {
	for _, name := range trustees {
		p := h.party(name, h.board)
		t := trustee.New(p)
		ctx, cancel := context.WithCancel(h.ctx)
		var wg sync.WaitGroup
		wg.Go(func() { _ = t.Witness(ctx, trustee.Log{Origin: origin, Key: h.Keys["yuneid"].Public()}) }) // until it is told to end
		h.after = append(h.after, func() { cancel(); wg.Wait(); _ = p.Journal.Close() })
	}
}

func (h *house) party(name string, board *bus.Board) *party.Party {
	j, err := journal.Open(h.path(name+".journal"), name)
	must(err)
	return &party.Party{Standing: governancetest.Unheld{}, Name: name, Key: h.Keys[name], Board: board, Journal: j, Log: slog.New(slog.DiscardHandler), Now: time.Now}
}

// start starts the coordinator, from its folder alone.
func (h *house) start() {
	ctx, cancel := context.WithCancel(h.ctx)
	board, err := h.server.Board(ctx)
	must(err)
	p := h.party("yuneid", board)
	p.Pins, p.Now = jobs.Pins{}, hurried()
	for _, d := range []string{"hospital", "transit"} {
		p.Pins[d] = h.Keys[d+"-officer"].Public()
	}
	f := &flow.Flow{Party: p, Origin: origin, Desk: h.Desk, Rules: governancetest.Unheld{}}
	f.Store, err = dir.Open(h.path("store"))
	must(err)
	f.Ledger, err = ledger.Open(ctx, ledger.Config{Dir: h.path("ledger"), Origin: origin, Key: p.Key.Ed25519()})
	must(err)
	f.Make = h.bundle
	recs, err := records.Open(ctx, h.path("records.db"))
	must(err)
	s, err := api.New(api.Config{
		Gates: gatestest.Ungated, Installation: installation, Root: h.Root, Records: recs, Programs: f.Store, Way: way{f, h}, Notary: f,
		Now: func() time.Time { return governancetest.Now },
	})
	must(err)
	must(s.Resume(ctx))
	h.flow, h.api, h.settled = f, s.Handler(), map[string]int{}
	var wg sync.WaitGroup
	wg.Go(func() { _ = f.Scribe(ctx) }) // until it is told to end
	h.leave = []func(){cancel, wg.Wait, func() { must(f.Ledger.Close()) }, func() { must(recs.Close()) }, func() { must(p.Journal.Close()) }, board.Close}
}

// hurried is a clock on which a second passes whenever somebody looks, so that
// nobody waits long for what does not come.
func hurried() func() time.Time {
	var mu sync.Mutex
	now := time.Now()
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
}

func (h *house) stop() {
	for _, f := range h.leave {
		f()
	}
}

// restart ends the coordinator and starts it anew: it has what is on its disk.
func (h *house) restart() {
	h.stop()
	h.start()
}

func (h *house) close() {
	h.stop()
	for _, f := range h.after {
		f()
	}
	h.board.Close()
	h.server.Close()
	must(os.RemoveAll(h.folder))
}

// bundle is the bundler of the coordinator's binary.
func (h *house) bundle(ctx context.Context, v *msg.View, board map[string][]byte, letter msg.Letter, checkpoint []byte) ([]byte, error) {
	pub, err := h.Keys["yuneid"].Public().Ed25519()
	if err != nil {
		return nil, err
	}
	tree, err := proof.Verify(checkpoint, pub, origin, nil, 0)
	if err != nil {
		return nil, err
	}
	b, err := release.Make(release.Input{
		Installation: installation, View: v, Board: board, Letter: letter, Checkpoint: checkpoint,
		Proof: func(index uint64) ([][]byte, error) { return h.flow.Ledger.Inclusion(ctx, index, tree.Size) },
	})
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (h *house) pins() release.Pins {
	p := release.Pins{
		Installation: installation, Log: release.Log{Origin: origin, Key: h.Keys["yuneid"].Public()}, Witnesses: 2,
		Providers: jobs.Pins{"hospital": h.Keys["hospital-officer"].Public(), "transit": h.Keys["transit-officer"].Public()},
	}
	for _, name := range trustees {
		p.Trustees = append(p.Trustees, jobs.Process{Name: name, Key: h.Keys[name].Public()})
	}
	return p
}

// ask asks the API for something, and returns the status and the answer.
func (h *house) ask(who string, v verb.Verb, body any) (int, []byte) {
	r, err := verb.Sign(h.Keys[who], v, installation, governancetest.Now, rand.Reader, body)
	must(err)
	return h.send(http.MethodPost, verb.Path+string(v), r.Bytes())
}

func (h *house) send(method, path string, raw []byte) (int, []byte) {
	req, err := http.NewRequestWithContext(h.ctx, method, path, bytes.NewReader(raw))
	must(err)
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, req)
	return w.Code, w.Body.Bytes()
}

// tell asks for what must be granted.
func (h *house) tell(who string, v verb.Verb, body any) {
	if code, raw := h.ask(who, v, body); code != http.StatusOK {
		panic(fmt.Sprintf("%s of %s: %d %s", v, who, code, raw))
	}
}

// way shows the flow to the API, as the coordinator's binary does: that one
// stands in a package main.
type way struct {
	*flow.Flow
	h *house
}

func (w way) Past(ctx context.Context, run string) (verb.View, error) { return w.State(ctx, run) }

func (w way) State(_ context.Context, run string) (verb.View, error) {
	v, err := w.View(run)
	if err != nil {
		return verb.View{}, err
	}
	out := verb.View{State: flow.State(v)}
	out.Turn, out.Waits = flow.Turn(v)
	out.Replays = flow.Replays(v)
	if w.h.bent == countsNoVotes && out.State == jobs.CandidateReady {
		out.State = jobs.Released
	}
	return out, nil
}

func (w way) Candidate(ctx context.Context, run string) (verb.Candidate, error) {
	v, err := w.View(run)
	if err != nil {
		return verb.Candidate{}, err
	}
	said, ok := v.Receipt(0, msg.Candidate, v.Terms().Gate.Name)
	if !ok {
		return verb.Candidate{}, fault.NotFound
	}
	letter, err := w.Flow.Candidate(ctx, v)
	return verb.Candidate{Statement: said.Bytes(), Letter: letter}, err
}

func (w way) Vote(ctx context.Context, run string, vote receipt.Receipt) error {
	return w.Flow.Vote(ctx, run, vote)
}

func (w way) Bundle(ctx context.Context, run string) ([]byte, error) {
	switch w.h.bent {
	case countsNoVotes:
		return w.h.force(run)
	case changesCells:
		raw, err := w.Flow.Bundle(ctx, run)
		return bytes.ReplaceAll(raw, []byte(secretFigure), []byte("765535")), err
	default:
		return w.Flow.Bundle(ctx, run)
	}
}

// onBoard is what stands about a run.
func (h *house) onBoard(run string) map[string][]byte {
	items := map[string][]byte{}
	for item, err := range h.board.All(h.ctx, "run."+run+".>") {
		must(err)
		items[item.Subject] = item.Data
	}
	return items
}

// force has a coordinator without scruples, who asks for no votes, write a
// bundle of what there is, with every cosignature and without what says that
// the run is over.
func (h *house) force(run string) ([]byte, error) {
	board := h.onBoard(run)
	for subject := range board {
		if p, err := msg.ParseSubject(subject); err == nil && (p.Kind == msg.Dead || p.Kind == msg.Refusal) {
			delete(board, subject)
		}
	}
	v, err := msg.NewView(run, board, h.flow.Pins)
	if err != nil {
		return nil, err
	}
	letter, err := h.flow.Candidate(h.ctx, v)
	if err != nil {
		return nil, err
	}
	last := uint64(0)
	for subject, raw := range board {
		if i, ok := v.Index(suite.DigestOf(raw)); ok && subject != msg.Subject(run, 0, msg.Release, msg.Coordinator) {
			last = max(last, i)
		}
	}
	note, err := h.checkpoint(last)
	if err != nil {
		return nil, err
	}
	return h.bundle(h.ctx, v, board, letter, note)
}

func (h *house) checkpoint(index uint64) ([]byte, error) {
	note, err := h.flow.Ledger.CheckpointFor(h.ctx, index)
	if err != nil {
		return nil, err
	}
	key, err := h.Keys["yuneid"].Public().Ed25519()
	if err != nil {
		return nil, err
	}
	signed := note
	for _, name := range trustees {
		w := proof.Witness{Name: name, Key: h.Keys[name].Ed25519(), LogKey: key, Origin: origin}
		line, _, err := w.Cosign(proof.Empty(), signed, nil, time.Now())
		if err != nil {
			return nil, err
		}
		if note, err = proof.Join(note, line); err != nil {
			return nil, err
		}
	}
	return note, nil
}

// settle waits until the ledger holds all that was said in a run, and gives the
// coordinator its turns until it has nothing more to say. It returns the board,
// empty while there is no such run.
func (h *house) settle(run string) (map[string][]byte, error) {
	for {
		board := h.onBoard(run)
		if h.await(run, board) {
			board = h.onBoard(run)
		}
		if len(board) == 0 || h.settled[run] == len(board) {
			return board, nil
		}
		v, err := msg.NewView(run, board, h.flow.Pins)
		if err != nil {
			return board, err
		}
		h.settled[run] = len(board)
		if err := h.flow.Advance(h.ctx, v); err != nil {
			return board, err
		}
	}
}

// await waits until all these statements are in the ledger, and reports whether
// some of them were not so on the board that they were read from.
func (h *house) await(run string, said map[string][]byte) (waited bool) {
	for subject, raw := range said {
		logged := msg.LoggedSubject(run, suite.DigestOf(raw))
		p, err := msg.ParseSubject(subject)
		if err != nil || p.Kind == msg.Logged || said[logged] != nil {
			continue
		}
		waited = true
		for end := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
			_, err := h.board.Get(h.ctx, logged)
			if err == nil {
				break
			}
			if time.Now().After(end) {
				panic(errors.Join(errors.New(subject+" is not logged"), err))
			}
		}
	}
	return waited
}
