package joins

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/flow"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/opening"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/site"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/storage/roll"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
	"github.com/yunei/yunei/trustee"
)

const coordinator = "yuneid"

// A and B are the sites of the two sides.
const (
	siteA = "site-hospital"
	siteB = "site-transit"
)

var domains = map[string]string{siteA: "hospital", siteB: "transit"}

// number is the citizen number of nobody, rising with n.
func number(n int) string {
	s := fmt.Sprintf("52010219%02d%02d%02d%03d", 20+n/1000, 1+n/100%10, 1+n/10%10, n%10)
	c, err := ident.PersonCheck(s)
	if err != nil {
		panic(err)
	}
	return s + string(c)
}

// A row is one of a register: a person, a code, and a value.
type row struct {
	person int
	code   string
	value  int64
}

// schemaOf is that of a side's register: alike but for their names.
var schema = columns.Schema{
	Name: "register",
	Columns: []columns.Column{
		{Name: "id_number", Type: columns.PersonID, Role: columns.UnitIdentifier},
		{Name: "district", Type: columns.Code, Role: columns.Frame, Codes: []string{"520102", "520103", "520111"}},
		{Name: "days", Type: columns.Int64, Role: columns.Measure},
	},
	Unit: columns.UnitBy{Namespace: jobs.NaturalPerson, Column: "id_number"},
}

// A disk is what a site keeps beside its journal.
type disk struct {
	folder  string
	store   storage.Store
	key     seal.PrivateKey
	scratch string
	unit    []byte
}

// An actor takes the steps that are due for one party.
type actor interface {
	Advance(ctx context.Context, v *msg.View) error
}

// A world is two registers and the parties of runs over them.
type world struct {
	testing.TB
	*governancetest.Town
	rows    map[string][]row
	sets    map[string]set.Commitment // by site and version
	terms   jobs.Terms
	board   *bus.Board
	pins    jobs.Pins
	folder  string
	now     time.Time
	actors  map[string]actor
	parties map[string]*party.Party
	disks   map[string]*disk
	order   []string
	errs    map[string]error // the last of each
	kill    string           // NAME POINT: where a party dies, once
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func newWorld(tb testing.TB, rows map[string][]row) *world {
	tb.Helper()
	server, err := bus.Serve(tb.Context(), bus.Config{Dir: tb.TempDir()})
	must(tb, err)
	tb.Cleanup(server.Close)
	w := &world{
		TB: tb, Town: governancetest.NewTown(tb), rows: rows, sets: map[string]set.Commitment{}, pins: jobs.Pins{}, folder: tb.TempDir(), now: governancetest.Now,
		actors: map[string]actor{}, parties: map[string]*party.Party{}, disks: map[string]*disk{}, errs: map[string]error{},
		order: []string{siteA, siteB, "trustee-1", "trustee-2", "trustee-3", "gate", coordinator},
	}
	w.board, err = server.Board(tb.Context())
	must(tb, err)
	tb.Cleanup(w.board.Close)
	for name, domain := range domains {
		w.pins[domain] = w.Users[domain+"-officer"].Key
		store := filepath.Join(w.folder, name+".store")
		d := &disk{folder: store, scratch: filepath.Join(w.folder, name+".scratch"), unit: []byte("a unit key of " + name + ", 32 bytes or so")}
		must(tb, os.Mkdir(d.scratch, 0o700))
		d.store, err = dir.Open(store)
		must(tb, err)
		d.key, err = seal.NewKey()
		must(tb, err)
		w.disks[name] = d
		w.ingest(name, "v1", rows[name])
	}
	for _, name := range w.order {
		w.begin(name)
	}
	w.terms = w.joinTerms()
	return w
}

// ingest takes rows in as a version, and its roll beside it.
func (w *world) ingest(name, version string, rows []row) {
	w.Helper()
	var csv strings.Builder
	csv.WriteString("id_number,district,days\n")
	for _, r := range rows {
		fmt.Fprintf(&csv, "%s,%s,%d\n", number(r.person), r.code, r.value)
	}
	d, draft := w.disks[name], &roll.Draft{}
	var data, kept bytes.Buffer
	_, err := columns.Ingest(w.Context(), strings.NewReader(csv.String()), schema, d.unit, &data, columns.Options{Number: draft.Add})
	must(w.TB, err)
	salt, err := suite.NewSalt()
	must(w.TB, err)
	w.sets[name+" "+version], err = draft.Write(jobs.NaturalPerson, salt, &kept)
	must(w.TB, err)
	at, err := columns.Name(domains[name]+"-visits", version)
	must(w.TB, err)
	must(w.TB, seal.Put(w.Context(), d.store, d.key.Public(), at, &data))
	at, err = roll.Name(domains[name]+"-visits", version)
	must(w.TB, err)
	must(w.TB, seal.Put(w.Context(), d.store, d.key.Public(), at, &kept))
}

// joinTerms are of a count over both first versions.
func (w *world) joinTerms() jobs.Terms {
	t := w.Terms()
	t.Program, t.Params, t.Limits, t.Mode, t.Uses = jobs.Program{}, nil, jobs.Limits{}, jobs.SDC, 4
	t.Trustees.Quorum = len(t.Trustees.Members)
	t.Join = &jobs.Join{A: w.sets[siteA+" v1"], B: w.sets[siteB+" v1"]}
	t.Members = slices.Clone(t.Members)
	for i := range t.Members {
		t.Members[i].Schema, t.Members[i].Columns, t.Members[i].Budget = schema.Digest(), nil, jobs.Budget{}
	}
	t.Shape.Dims = []jobs.Dim{{Name: "both", Title: "共有", Codes: []string{"all"}, Labels: []string{"两方共有"}}}
	t.Shape.Units.Round = 1
	t.Due = jobs.Slots{First: 1, Every: 60, Count: 2}
	return t
}

// summed adds values of both sides by B's districts.
func summed(t *jobs.Terms) {
	codes := []string{"520102", "520103", "520111", jobs.NoCode}
	t.Join.Cells = "district"
	t.Members[0].Columns, t.Members[1].Columns = []string{"days"}, []string{"days", "district"}
	t.Shape.Dims = []jobs.Dim{{Name: "district", Title: "区", Codes: codes, Labels: codes}}
	t.Shape.Measures = []jobs.Measure{{Name: "days_a", Title: "甲方天数", Hi: 30, Round: 1}, {Name: "days_b", Title: "乙方天数", Lo: -5, Hi: 30, Round: 1}}
}

// begin starts a party, from its journal alone if it has been there before.
func (w *world) begin(name string) {
	w.Helper()
	j, err := journal.Open(filepath.Join(w.folder, name), name)
	must(w.TB, err)
	w.Cleanup(func() { _ = j.Close() }) // again, if the party died
	p := &party.Party{
		Name: name, Key: w.Keys[name], Board: w.board, Journal: j, Pins: w.pins, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now },
		Standing: governancetest.Unheld{},
	}
	if d := w.disks[name]; d != nil {
		p.Scratch = d.scratch
	}
	p.Crash = func(point string) {
		if w.kill == name+" "+point {
			w.kill = ""
			panic(killed{point})
		}
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
		d := w.disks[name]
		w.actors[name] = site.New(p, site.Config{
			Domain: domains[name], Provider: w.Signer(domains[name] + "-officer"), Secret: []byte("a secret of the domain"), Unit: d.unit,
			Budgets: map[string]*big.Rat{},
		}, d.store, d.key)
	}
}

// dies kills a party at the next such point beside its journal.
func (w *world) dies(name, point string) { w.kill = name + " " + point }

// restart is the death of a party and its return.
func (w *world) restart(name string) {
	w.Helper()
	must(w.TB, w.parties[name].Journal.Close())
	w.begin(name)
}

// start puts a run on the board.
func (w *world) start(run string, t jobs.Terms) {
	w.Helper()
	must(w.TB, t.Check())
	raw, err := governance.Assemble(t, w.Decisions(w.TB, t))
	must(w.TB, err)
	must(w.TB, w.board.Post(w.Context(), msg.Subject(run, 0, msg.Permit, msg.Coordinator), raw))
	must(w.TB, w.board.Post(w.Context(), msg.Subject(run, 0, jobs.Start, msg.Operator), w.Start(w.TB, "op", run, t).Bytes()))
}

// view is what a party sees of the board, all of it in the ledger.
func (w *world) view(run string) *msg.View {
	w.Helper()
	items, err := w.board.List(w.Context(), "run."+run+".>")
	must(w.TB, err)
	board, logged := map[string][]byte{}, 0
	for _, it := range items {
		board[it.Subject] = it.Data
		logged++
		d := suite.DigestOf(it.Data)
		board[msg.LoggedSubject(run, d)] = fmt.Appendf(nil, "%s %d", d, logged)
	}
	v, err := msg.NewView(run, board, w.pins)
	must(w.TB, err)
	return v
}

// turn gives every party but those away one step.
func (w *world) turn(run string, away ...string) {
	w.Helper()
	for _, name := range w.order {
		if slices.Contains(away, name) {
			continue
		}
		err := w.advance(name, func() error { return w.actors[name].Advance(w.Context(), w.view(run)) })
		if later, ok := errors.AsType[party.Later](err); ok {
			w.now, err = later.At, nil
		}
		w.errs[name] = err
	}
}

// play gives everybody turns until the run has said what done asks for.
func (w *world) play(run string, done func(*msg.View) bool) *msg.View {
	w.Helper()
	for range 40 {
		if v := w.view(run); done(v) {
			return v
		}
		w.turn(run)
	}
	w.Fatalf("the run does not get there: %v", w.errs)
	return nil
}

func over(v *msg.View) bool { return v.Over() }

func said(kind party.Kind, names ...string) func(*msg.View) bool {
	return func(v *msg.View) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return !v.Said(v.Round(), kind, name) })
	}
}

// table is the released candidate's cells, as the desk opens them.
func (w *world) table(run string) jobs.Candidate {
	w.Helper()
	v := w.view(run)
	if code := v.Dead(); code != "" {
		w.Fatalf("the run ended: %s, %v", code, w.errs)
	}
	body, err := msg.Read[msg.CandidateBody](v, 0, msg.Candidate, "gate")
	must(w.TB, err)
	sealed, err := party.Fetch(w.Context(), w.board, body.Letter, 1<<20)
	must(w.TB, err)
	plain, err := w.Desk.Open(msg.LetterInfo(run, v.Permit().Digest()), sealed)
	must(w.TB, err)
	var letter msg.Letter
	must(w.TB, json.Unmarshal(plain, &letter))
	c, err := jobs.ParseCandidate(letter.Candidate)
	must(w.TB, err)
	return c
}

// plain is what a join comes to in clear, by cell: people, then the measures.
func (w *world) plain(t jobs.Terms) []jobs.Cell {
	type one struct {
		cell  int
		value int64
	}
	codes := t.Shape.Dims[0].Codes
	hold := func(name string) map[int]one {
		all := map[int]one{}
		for _, r := range w.rows[name] {
			o, seen := all[r.person]
			if !seen {
				o.cell = len(codes) - 1
			}
			if i := slices.Index(codes[:len(codes)-1], r.code); i >= 0 {
				o.cell = min(o.cell, i)
			}
			o.value += r.value
			all[r.person] = o
		}
		return all
	}
	a, b := hold(siteA), hold(siteB)
	cells := make([]jobs.Cell, len(codes))
	for i := range cells {
		cells[i] = make(jobs.Cell, 1+len(t.Shape.Measures))
	}
	for person, x := range a {
		y, ok := b[person]
		if !ok {
			continue
		}
		cells[y.cell][0]++
		for m, value := range []int64{x.value, y.value}[:len(t.Shape.Measures)] {
			of := t.Shape.Measures[m]
			cells[y.cell][1+m] += min(max(value, of.Lo), of.Hi)
		}
	}
	for i, c := range cells {
		if c[0] != 0 && c[0] < t.Threshold {
			cells[i] = nil
		}
	}
	return cells
}

// people are rows of from to below to, of whom some have several.
func people(from, to int) []row {
	codes := []string{"520102", "520103", "520111", ""}
	var all []row
	for i := from; i < to; i++ {
		all = append(all, row{i, codes[i%7%4], int64(i % 50)})
		if i%5 == 0 {
			all = append(all, row{i, codes[i%3], int64(-i % 20)})
		}
	}
	return all
}
