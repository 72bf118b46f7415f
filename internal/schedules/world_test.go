package schedules

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/flow"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/opening"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/site"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
	"github.com/yunei/yunei/trustee"
)

const run = "r-1"

// Who lies, if anybody does, and whose partial they are after.
const (
	liar    = "site-transit"
	corrupt = "trustee-3"
	victim  = "site-hospital"
)

const coordinator = "yuneid"

// An actor takes the steps that are due for one party.
type actor interface {
	Advance(ctx context.Context, v *msg.View) error
}

// A world is one run among parties of whom each sees a board of its own.
type world struct {
	testing.TB
	*governancetest.Town
	rng    *rand.Rand
	terms  jobs.Terms
	board  *bus.Board
	pins   map[string]jobs.Pins // by party, where they are not everybody's
	folder string

	actors  map[string]actor
	parties map[string]*party.Party // the real ones
	order   []string
	disks   map[string]disk
	values  map[string][]int64 // by site, what its domain came to
	log     map[suite.Digest]uint64
	posted  []string // subjects, as they came
	known   map[string][]byte
	seen    map[string]map[string][]byte // by party, what it is shown
	waiting map[string][]string          // by party, what it is not shown yet
	shown   map[string]map[string][]byte // by party, what it is shown instead; nil withholds it
	views   map[string]*msg.View
	whole   *msg.View // of who has been shown all of it as it is, that many statements
	heard   int
}

// A disk is what a site keeps beside its journal.
type disk struct {
	store storage.Store
	key   seal.PrivateKey
}

var schema = columns.Schema{
	Name: "visits",
	Columns: []columns.Column{
		{Name: "id_number", Type: columns.PersonID, Role: columns.UnitIdentifier},
		{Name: "district", Type: columns.Code, Role: columns.Frame, Codes: []string{"520102", "520103"}, Required: true},
		{Name: "days", Type: columns.Int64, Role: columns.Measure},
	},
	Unit: columns.UnitBy{Namespace: jobs.NaturalPerson, Column: "id_number"},
}

const unitKey = "a unit key of these domains, 32 b"

// dataset is a version that nobody computes on: its partial is there already.
var dataset = sync.OnceValues(func() ([]byte, error) {
	var b bytes.Buffer
	_, err := columns.Ingest(context.Background(), strings.NewReader("id_number,district,days\n"), schema, []byte(unitKey), &b, columns.Options{})
	return b.Bytes(), err
})

// newWorld has a run under a permit of all domains and k trustees of whom two
// open, all of whom are real.
func newWorld(tb testing.TB, seed uint64, k int) *world {
	tb.Helper()
	return newWorldOf(tb, seed, k, func(*jobs.Terms) {})
}

// newWorldOf is a world under other terms.
func newWorldOf(tb testing.TB, seed uint64, k int, edit func(*jobs.Terms)) *world {
	tb.Helper()
	server, err := bus.Serve(tb.Context(), bus.Config{Dir: tb.TempDir()})
	must(tb, err)
	tb.Cleanup(server.Close)
	w := &world{
		TB: tb, Town: governancetest.NewTown(tb), rng: rand.New(rand.NewPCG(seed, 5)), pins: map[string]jobs.Pins{"": {}}, folder: tb.TempDir(),
		actors: map[string]actor{}, parties: map[string]*party.Party{}, disks: map[string]disk{}, values: map[string][]int64{}, log: map[suite.Digest]uint64{},
		known: map[string][]byte{}, seen: map[string]map[string][]byte{}, waiting: map[string][]string{}, shown: map[string]map[string][]byte{}, views: map[string]*msg.View{},
	}
	w.board, err = server.Board(tb.Context())
	must(tb, err)
	tb.Cleanup(w.board.Close)
	w.terms = w.allTerms(k)
	edit(&w.terms)
	must(tb, w.terms.Check())
	for _, m := range w.terms.Members {
		w.pins[""][m.Provider.Org] = m.Provider.Key
		w.order = append(w.order, m.Site.Name)
		w.values[m.Site.Name] = []int64{w.rng.Int64N(40), w.rng.Int64N(40), w.rng.Int64N(90) - 40, w.rng.Int64N(90) - 40}
	}
	for _, p := range w.terms.Trustees.Members {
		w.order = append(w.order, p.Name)
	}
	w.order = append(w.order, "gate", coordinator)
	w.post(msg.Subject(run, 0, msg.Permit, msg.Coordinator), w.permit(w.terms))
	w.post(msg.Subject(run, 0, jobs.Start, msg.Operator), w.Start(tb, "op", run, w.terms).Bytes())
	for _, name := range w.order {
		w.begin(name)
	}
	return w
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// allTerms are the town's, with a third domain and k trustees.
func (w *world) allTerms(k int) jobs.Terms {
	w.Helper()
	for _, name := range []string{"site-school", "school-officer", "trustee-4"} {
		key, err := suite.NewPrivateKey()
		must(w.TB, err)
		w.Keys[name] = key
	}
	t := w.Terms()
	school := t.Members[0]
	school.Domain, school.Dataset = "school", "school-visits"
	school.Provider, school.Site = w.signer("school"), w.daemon("site-school")
	t.Members = append(slices.Clone(t.Members), school)
	for i := range t.Members {
		t.Members[i].Schema, t.Members[i].Columns, t.Members[i].Budget.Rho = schema.Digest(), []string{"district", "days"}, "100"
	}
	t.Shape.Measures = []jobs.Measure{{Name: "days", Title: "天数", Hi: 30, Round: 5, Sigma: 400}}
	t.Trustees.Members = append(slices.Clone(t.Trustees.Members), w.daemon("trustee-4"))[:k]
	must(w.TB, t.Check())
	return t
}

func (w *world) daemon(name string) jobs.Process {
	return jobs.Process{Name: name, Key: w.Keys[name].Public()}
}

func (w *world) signer(domain string) jobs.Signer {
	return jobs.Signer{Org: domain, Key: w.Keys[domain+"-officer"].Public()}
}

// permit is the bundle of terms, decided by all.
func (w *world) permit(t jobs.Terms) []byte {
	w.Helper()
	decisions := []receipt.Receipt{
		w.Decide(w.TB, "op", "operator", jobs.Apply, t), w.Decide(w.TB, "op", "operator", jobs.Agree, t), w.Decide(w.TB, "bureau-officer", "bureau", jobs.Agree, t),
	}
	for _, m := range t.Members {
		decisions = append(decisions, w.Decide(w.TB, m.Domain+"-officer", m.Domain, jobs.Grant, t))
	}
	raw, err := governance.Assemble(t, decisions)
	must(w.TB, err)
	return raw
}

// begin starts a party, from its journal alone if it has been there before.
func (w *world) begin(name string) {
	w.Helper()
	j, err := journal.Open(filepath.Join(w.folder, name), name)
	must(w.TB, err)
	w.Cleanup(func() { _ = j.Close() }) // again, if the party died
	pins, ok := w.pins[name]
	if !ok {
		pins = w.pins[""]
	}
	p := &party.Party{
		Standing: governancetest.Unheld{},
		Name:     name, Key: w.Keys[name], Board: w.board, Journal: j, Pins: pins, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return governancetest.Now },
	}
	w.parties[name] = p
	switch {
	case name == "gate":
		w.actors[name] = opening.New(p, attest.NewSoftware(p.Key), suite.DigestOf([]byte("gate")))
	case name == coordinator:
		w.actors[name] = &flow.Flow{Party: p, Rules: governancetest.Unheld{}}
	case strings.HasPrefix(name, "trustee"):
		w.actors[name] = trustee.New(p)
	default:
		w.actors[name] = w.site(p)
	}
}

// restart is the death of a real party and its return.
func (w *world) restart(name string) {
	w.Helper()
	must(w.TB, w.parties[name].Journal.Close())
	w.begin(name)
}

// liesAs has the test's own actor play a party.
func (w *world) liesAs(name string, a actor) {
	w.Helper()
	must(w.TB, w.parties[name].Journal.Close())
	delete(w.parties, name)
	w.actors[name] = a
}

// site makes a real site. What its sandbox would have come to is there: the
// run is admitted and booked, and the protected vector kept.
func (w *world) site(p *party.Party) *site.Site {
	w.Helper()
	domain := strings.TrimPrefix(p.Name, "site-")
	d, again := w.disks[p.Name]
	if !again {
		store, err := dir.Open(filepath.Join(w.folder, "store-"+domain))
		must(w.TB, err)
		key, err := seal.NewKey()
		must(w.TB, err)
		d = disk{store, key}
		w.disks[p.Name] = d
		version, err := dataset()
		must(w.TB, err)
		name, err := columns.Name(domain+"-visits", "v1")
		must(w.TB, err)
		must(w.TB, seal.Put(w.Context(), store, key.Public(), name, bytes.NewReader(version)))
		var b bytes.Buffer
		must(w.TB, binary.Write(&b, binary.LittleEndian, w.values[p.Name]))
		name, err = storage.NewName("runs/"+run+"/partial", "1")
		must(w.TB, err)
		must(w.TB, seal.Put(w.Context(), store, key.Public(), name, &b))
		w.book(p)
	}
	return site.New(p, site.Config{Domain: domain, Provider: w.signer(domain), Secret: []byte("a secret"), Unit: []byte(unitKey)}, d.store, d.key)
}

// book is what a site has said and journalled once it is about to compute.
func (w *world) book(p *party.Party) {
	w.Helper()
	of := msg.Of{Run: run, Permit: w.terms.Digest(), Party: p.Name}
	must(w.TB, p.Say(w.Context(), msg.Admitted, w.admitted(of)))
	_, err := p.Journal.Once("debited", run, w.debit(w.terms))
	must(w.TB, err)
	_, err = p.Journal.Once("used", msg.Subject(run, 0, "used", p.Name), string(w.terms.Digest()))
	must(w.TB, err)
}

func (w *world) admitted(of msg.Of) msg.AdmittedBody {
	return msg.AdmittedBody{Of: of, Program: w.terms.Program.Digest, Form: suite.DigestOf([]byte("form")), Rewrite: "1", Engines: []string{"wasmer"}}
}

func (w *world) debit(t jobs.Terms) msg.Debit {
	w.Helper()
	rho, err := t.Rho()
	must(w.TB, err)
	return msg.Debit{
		Namespace: t.Shape.Namespace, Operator: t.Operator.Org, Scenario: t.Scenario, At: governancetest.Now, Cost: rho.RatString(), Before: "0", After: rho.RatString(), Seq: 1,
	}
}

// sealed is what a site has kept of the vector that it seals.
func (w *world) sealed(ctx context.Context, name string, n int) [][][]byte {
	w.Helper()
	var index struct {
		Key   suite.Digest `json:"key"`
		Parts msg.Parts    `json:"parts"`
	}
	raw := w.kept(ctx, name, fmt.Sprintf("runs/%s/sealed/%d/index", run, n), "1")
	if raw == nil {
		return nil
	}
	must(w.TB, json.Unmarshal(raw, &index))
	parts := make([][][]byte, len(index.Parts))
	for m, chunks := range index.Parts {
		for c := range chunks {
			parts[m] = append(parts[m], w.kept(ctx, name, fmt.Sprintf("runs/%s/sealed/%d/%s", run, n, index.Key.Hex()), fmt.Sprintf("%d-%d", m, c)))
		}
	}
	return parts
}

// kept is an object of a site's store, nil if there is none.
func (w *world) kept(ctx context.Context, name, path, version string) []byte {
	w.Helper()
	d := w.disks[name]
	at, err := storage.NewName(path, version)
	must(w.TB, err)
	o, err := seal.Get(ctx, d.store, d.key, at)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	must(w.TB, err)
	defer o.Close() //nolint:errcheck // read only
	raw := make([]byte, o.Size())
	_, err = o.ReadAt(raw, 0)
	must(w.TB, err)
	return raw
}

// post puts what anyone with the token can on the board.
func (w *world) post(subject string, raw []byte) {
	w.Helper()
	must(w.TB, w.board.Post(w.Context(), subject, raw))
}

// sign signs a statement with any key that the test holds.
func (w *world) sign(kind receipt.Kind, by string, body msg.Body) (subject string, raw []byte) {
	w.Helper()
	subject, r, err := msg.Say(w.Keys[by], kind, body)
	must(w.TB, err)
	return subject, r.Bytes()
}

// say posts a statement of an actor of the test's own. A place that is taken
// stays as it is.
func (w *world) say(ctx context.Context, kind receipt.Kind, by string, body msg.Body, bulk ...[]byte) error {
	w.Helper()
	for _, b := range bulk {
		if err := party.Put(ctx, w.board, by, b); err != nil {
			return err
		}
	}
	subject, raw := w.sign(kind, by, body)
	if err := w.board.Post(ctx, subject, raw); err != nil && !errors.Is(err, fault.Conflict) {
		return err
	}
	return nil
}

// show makes parties see other bytes in a place; nil withholds what is there.
func (w *world) show(subject string, raw []byte, names ...string) {
	for _, name := range names {
		if w.shown[name] == nil {
			w.shown[name] = map[string][]byte{}
		}
		w.shown[name][subject] = raw
		delete(w.views, name)
	}
}

// hear takes up what is new on the board, for all to be shown some time.
func (w *world) hear() {
	w.Helper()
	items, err := w.board.List(w.Context(), "run."+run+".>")
	must(w.TB, err)
	for _, it := range items {
		if _, old := w.known[it.Subject]; old {
			continue
		}
		w.known[it.Subject] = it.Data
		w.posted = append(w.posted, it.Subject)
		for _, name := range append(slices.Clone(w.order), "") {
			w.waiting[name] = append(w.waiting[name], it.Subject)
		}
	}
}

// deliver shows a party what waits for it, or some of that; altered, if it is
// to be, and then once more as it is another time.
func (w *world) deliver(name string, some, altered bool) {
	if w.seen[name] == nil {
		w.seen[name] = map[string][]byte{}
	}
	var later []string
	for _, subject := range w.waiting[name] {
		switch {
		case some && w.rng.IntN(3) == 0:
			later = append(later, subject)
		case altered && w.rng.IntN(4) == 0:
			raw := bytes.Clone(w.known[subject])
			raw[w.rng.IntN(len(raw))] ^= 1 << w.rng.IntN(8)
			w.seen[name][subject] = raw
			later = append(later, subject)
		default:
			w.seen[name][subject] = w.known[subject]
		}
	}
	if len(w.waiting[name]) > 0 {
		delete(w.views, name)
	}
	w.waiting[name] = later
}

// rollBack shows a party an older board.
func (w *world) rollBack(name string) {
	keep := w.rng.IntN(len(w.posted) + 1)
	for _, subject := range w.posted[keep:] {
		if _, ok := w.seen[name][subject]; ok {
			delete(w.seen[name], subject)
			w.waiting[name] = append(w.waiting[name], subject)
		}
	}
	delete(w.views, name)
}

// view is what a party sees, all of it in the ledger; nil if that is not yet a
// run.
func (w *world) view(name string) *msg.View {
	w.Helper()
	if v := w.views[name]; v != nil {
		return v
	}
	_, own := w.pins[name]
	plain := len(w.waiting[name]) == 0 && len(w.shown[name]) == 0 && (!own || name == "")
	if plain && w.heard == len(w.posted) {
		return w.whole
	}
	board := maps.Clone(w.seen[name])
	if board == nil {
		board = map[string][]byte{}
	}
	maps.Copy(board, w.shown[name])
	for subject, raw := range maps.Clone(board) {
		if raw == nil {
			delete(board, subject)
			continue
		}
		d := suite.DigestOf(raw)
		if _, ok := w.log[d]; !ok {
			w.log[d] = uint64(len(w.log))
		}
		board[msg.LoggedSubject(run, d)] = fmt.Appendf(nil, "%s %d", d, w.log[d])
	}
	pins, ok := w.pins[name]
	if !ok {
		pins = w.pins[""]
	}
	v, err := msg.NewView(run, board, pins)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	must(w.TB, err)
	w.views[name] = v
	if plain {
		w.whole, w.heard = v, len(w.posted)
	}
	return v
}

// all is the view of who sees everything as it was posted, up to now.
func (w *world) all() *msg.View {
	w.Helper()
	w.hear()
	w.deliver("", false, false)
	return w.view("")
}

// last is what all was when it was last asked for.
func (w *world) last() *msg.View {
	w.Helper()
	if v := w.view(""); v != nil {
		return v
	}
	return w.all()
}

// turn lets a party take its steps.
func (w *world) turn(name string) error {
	w.Helper()
	v := w.view(name)
	if v == nil {
		return nil
	}
	return w.actors[name].Advance(w.Context(), v)
}

// pass shows everybody everything that is on the board now, and gives each a
// turn. It returns what the parties complain of.
func (w *world) pass() map[string]error {
	w.Helper()
	complaints := map[string]error{}
	w.hear()
	for _, name := range w.order {
		w.deliver(name, false, false)
		if err := w.turn(name); err != nil {
			complaints[name] = err
		}
	}
	return complaints
}

// calm passes until nobody has anything to say, and returns what the parties
// complained of last.
func (w *world) calm() map[string]error {
	w.Helper()
	for before := -1; ; {
		complaints := w.pass()
		if len(w.posted) == before { // nothing came of the pass before this one
			return complaints
		}
		before = len(w.posted)
	}
}

// until plays calmly until a statement of round 1 has been made by all these.
func (w *world) until(kind receipt.Kind, names ...string) {
	w.Helper()
	for range 50 {
		v := w.all()
		if !slices.ContainsFunc(names, func(name string) bool { return !v.Said(1, kind, name) }) {
			return
		}
		w.pass()
	}
	w.Fatalf("no %s of %v", kind, names)
}
