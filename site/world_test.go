package site

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/sandbox"
	"github.com/yunei/yunei/sandbox/admit"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/storage/columns"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// bin has the two runners, built once.
var bin string

func TestMain(m *testing.M) {
	if os.Args[0] == jail.Argv0 {
		liar()
	}
	os.Exit(func() int {
		var err error
		if bin, err = os.MkdirTemp("", "yunei-site-test-"); err != nil {
			panic(err)
		}
		defer os.RemoveAll(bin)                      //nolint:errcheck // a folder of the test's own
		if err := os.Chmod(bin, 0o755); err != nil { // the jailed child is another user
			panic(err)
		}
		build := exec.Command("go", "build", "-o", bin+"/", "./cmd/yunei-runner", "./cmd/yunei-replay")
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%v\n%s", err, out))
		}
		return m.Run()
	}())
}

// A person has a row for each cost.
type person struct {
	id    string
	costs []int64
}

// ids are citizen numbers of nobody: the region is valid, the day of birth a
// hundred years ago, the check digit right.
func id(n int) string {
	s := fmt.Sprintf("11010519260101%03d", n%1000)
	weights := []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		sum += int(s[i]-'0') * w
	}
	return s + string("10X98765432"[sum%11])
}

const victimCost = 666 // what the cheating guests recognise their victim by

// crowd is n people of a few rows each; with the victim among them or not.
func crowd(n int, victim bool) []person {
	var all []person
	for i := range n {
		all = append(all, person{id(i), []int64{int64(1000 + i), int64(10 * i)}})
	}
	if victim {
		all = append(all, person{id(n), []int64{victimCost, 1}})
	}
	return all
}

var schema = columns.Schema{
	Name: "visits",
	Columns: []columns.Column{
		{Name: "id_number", Type: columns.PersonID, Role: columns.UnitIdentifier},
		{Name: "district", Type: columns.Code, Role: columns.Frame, Codes: []string{"520102", "520103"}, Required: true},
		{Name: "cost", Type: columns.Int64, Role: columns.Measure},
	},
	Unit:    columns.UnitBy{Namespace: jobs.NaturalPerson, Column: "id_number"},
	Derived: []string{columns.BirthMonth},
}

// A world is one site on a real board, with real data and real runners, among
// parties that the test plays.
type world struct {
	testing.TB
	*governancetest.Town
	site   *Site
	board  *bus.Board
	pins   jobs.Pins
	logged int
	now    time.Time
	place  attest.Attester // of the gate; nil is its own word
}

func newWorld(tb testing.TB, people []person) *world {
	tb.Helper()
	server, err := bus.Serve(tb.Context(), bus.Config{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Close)
	w := &world{TB: tb, Town: governancetest.NewTown(tb), pins: jobs.Pins{}, now: governancetest.Now}
	if w.board, err = server.Board(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(w.board.Close)
	for _, domain := range []string{"hospital", "transit"} {
		w.pins[domain] = w.Users[domain+"-officer"].Key
	}
	j, err := journal.Open(filepath.Join(tb.TempDir(), "journal"), "site-hospital")
	w.must(err)
	tb.Cleanup(func() { _ = j.Close() })
	store, err := dir.Open(tb.TempDir())
	w.must(err)
	key, err := seal.NewKey()
	w.must(err)
	p := &party.Party{
		Standing: governancetest.Unheld{},
		Name:     "site-hospital", Key: w.Keys["site-hospital"], Board: w.board, Journal: j, Pins: w.pins,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now },
	}
	w.site = New(p, Config{
		Domain: "hospital", Provider: w.Signer("hospital-officer"), Jail: jail.Basic, Secret: []byte("a secret of the domain"),
		Unit: []byte("a unit key of this domain, 32 by"), Runner: filepath.Join(bin, "yunei-runner"), Replay: filepath.Join(bin, "yunei-replay"),
		Budgets: map[string]*big.Rat{jobs.NaturalPerson: big.NewRat(1_000_000, 1)},
		Cache:   sandbox.Cache{Dir: tb.TempDir(), Key: []byte("a key of the domain, of 32 bytes.")},
	}, store, key)
	w.ingest(people)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) ingest(people []person) {
	w.Helper()
	var csv strings.Builder
	csv.WriteString("id_number,district,cost\n")
	for _, p := range people {
		for i, c := range p.costs {
			fmt.Fprintf(&csv, "%s,%s,%d\n", p.id, schema.Columns[1].Codes[i%2], c)
		}
	}
	var b bytes.Buffer
	_, err := columns.Ingest(w.Context(), strings.NewReader(csv.String()), schema, []byte("a unit key of this domain, 32 by"), &b, columns.Options{Day: w.now})
	w.must(err)
	name, err := columns.Name("hospital-visits", "v1")
	w.must(err)
	w.must(seal.Put(w.Context(), w.site.Store, w.site.Seal.Public(), name, &b))
}

// terms are for the guest of that name among the prebuilt ones.
func (w *world) termsOf(program string, edit func(*jobs.Terms)) (jobs.Terms, []byte) {
	w.Helper()
	module, err := os.ReadFile(filepath.Join("..", "examples", "programs", "prebuilt", program+".wasm"))
	w.must(err)
	t := w.Terms()
	t.ID = "p-" + program
	t.Program = jobs.Program{Name: program, Digest: suite.DigestOf(module), Size: len(module)}
	t.Params = nil
	for _, v := range []uint32{2, 3, (2024-1970)*12 + 5, 18, 60} {
		t.Params = binary.LittleEndian.AppendUint32(t.Params, v)
	}
	t.Members[0].Schema, t.Members[0].Columns = schema.Digest(), []string{"district", "birth_month", "cost"}
	t.Members[0].Budget.Rho, t.Members[1].Budget.Rho = "1000000", "1000000"
	t.Shape.Dims = append(t.Shape.Dims, jobs.Dim{Name: "age", Title: "年龄段", Codes: []string{"0", "18", "60"}, Labels: []string{"0", "18", "60"}})
	t.Shape.Measures = []jobs.Measure{
		{Name: "visits", Title: "次数", Hi: 10, Round: 5, Sigma: 1 << 20}, {Name: "cost", Title: "费用", Lo: -5000, Hi: 5000, Round: 5, Sigma: 1 << 30},
	}
	t.Shape.L0, t.Uses = 2, 16
	t.Limits = jobs.Limits{Fuel: 1 << 20, Memory: 64, Input: 1 << 16, Rows: 64, Emits: 256}
	t.Due = jobs.Slots{First: 1, Every: 60, Count: 2}
	if edit != nil {
		edit(&t)
	}
	w.must(t.Check())
	return t, module
}

func (w *world) post(subject string, raw []byte) {
	w.Helper()
	w.must(w.board.Post(w.Context(), subject, raw))
}

// begin puts a run on the board.
func (w *world) begin(run string, t jobs.Terms, module []byte) {
	w.Helper()
	raw, err := governance.Assemble(t, w.Decisions(w.TB, t))
	w.must(err)
	w.must(party.Put(w.Context(), w.board, msg.Coordinator, module))
	w.post(msg.Subject(run, 0, msg.Permit, msg.Coordinator), raw)
	w.post(msg.Subject(run, 0, jobs.Start, msg.Operator), w.Start(w.TB, "op", run, t).Bytes())
}

// say posts what a party says.
func (w *world) say(who string, kind party.Kind, body msg.Body) {
	w.Helper()
	w.sayAs(who, kind, body)
}

// sayAs posts what is said under the key of a user or process.
func (w *world) sayAs(who string, kind party.Kind, body msg.Body) {
	w.Helper()
	subject, r, err := msg.Say(w.Keys[who], kind, body)
	w.must(err)
	w.post(subject, r.Bytes())
}

// candidate has the gate say that there is one.
func (w *world) candidate(run string) {
	w.Helper()
	w.say("gate", msg.Candidate, msg.CandidateBody{Of: w.view(run).Of(0, "gate")})
}

// view is the board of a run, all of it in the ledger.
func (w *world) view(run string) *msg.View {
	w.Helper()
	board := map[string][]byte{}
	for item, err := range w.board.All(w.Context(), "run."+run+".>") {
		w.must(err)
		board[item.Subject] = item.Data
		w.logged++
		d := suite.DigestOf(item.Data)
		board[msg.LoggedSubject(run, d)] = fmt.Appendf(nil, "%s %d", d, w.logged)
	}
	v, err := msg.NewView(run, board, w.pins)
	w.must(err)
	return v
}

func (w *world) advance(run string) error {
	w.Helper()
	return w.site.Advance(w.Context(), w.view(run))
}

// key makes the trustees agree on a key of round 1, and the gate be there.
func (w *world) key(run string) {
	w.Helper()
	var shares [][]byte
	for point := 1; point <= 2; point++ {
		m, err := he.NewMember(point, []int{1, 2}, 2)
		w.must(err)
		share, err := m.CKGShare([he.SeedSize]byte{1})
		w.must(err)
		shares = append(shares, share)
	}
	key, err := he.PublicKey([he.SeedSize]byte{1}, shares)
	w.must(err)
	w.must(party.Put(w.Context(), w.board, msg.Coordinator, key))
	v := w.view(run)
	w.say("yuneid", msg.Round, msg.RoundBody{Of: v.Of(1, "yuneid")})
	for _, name := range v.Trustees() {
		w.say(name, msg.Key, msg.KeyBody{Of: v.Of(1, name), Transcript: v.Transcript(1), Key: suite.DigestOf(key)})
	}
	w.neighbour(v)
	w.receiver(v)
}

// receiver has the gate show its key of round 1, and what vouches for it.
func (w *world) receiver(v *msg.View) {
	w.Helper()
	if w.place == nil {
		w.place = attest.NewSoftware(w.Keys["gate"])
	}
	key := suite.DigestOf([]byte("gate's key"))
	evidence, err := enclave.Vouch(w.place, v, 1, suite.DigestOf([]byte("gate")), key)
	w.must(err)
	w.must(party.Put(w.Context(), w.board, msg.Coordinator, evidence))
	w.say("gate", msg.Receiver, msg.ReceiverBody{Of: v.Of(1, "gate"), Key: key, Evidence: suite.DigestOf(evidence)})
}

// neighbour has the other member let the same program in.
func (w *world) neighbour(v *msg.View) {
	w.Helper()
	module, err := party.Fetch(w.Context(), w.board, v.Terms().Program.Digest, v.Terms().Program.Size)
	w.must(err)
	form, err := admit.Admit(module, v.Terms().Limits)
	if err != nil {
		return // nor does the other let it in
	}
	w.say("site-transit", msg.Admitted, msg.AdmittedBody{
		Of: v.Of(0, "site-transit"), Program: v.Terms().Program.Digest, Form: suite.DigestOf(form), Rewrite: admit.Version, Engines: msg.Engines(v.Terms()),
	})
}

// said lists what the site has said in a run: kinds, in their order, and the
// length of each statement.
func (w *world) said(run string) string {
	w.Helper()
	var all []string
	for item, err := range w.board.All(w.Context(), "run."+run+".>") {
		w.must(err)
		if p, err := msg.ParseSubject(item.Subject); err == nil && p.Party == w.site.Name {
			all = append(all, fmt.Sprintf("%s:%d", p.Kind, len(item.Data)))
		}
	}
	return strings.Join(all, " ")
}

// later is when a step is due, if that is what err says.
func later(err error) (time.Time, bool) {
	l, ok := errors.AsType[party.Later](err)
	return l.At, ok
}

// runTo takes a run as far as the site goes by itself: its slot comes, and it
// commits.
func (w *world) runTo(run string) {
	w.Helper()
	err := w.advance(run)
	if at, ok := later(err); ok {
		w.now = at
		err = w.advance(run)
	}
	w.must(err)
}

// cube is what each makes of a run, in the open.
func (w *world) cube(t jobs.Terms, binaries ...string) *jobs.Cube {
	w.Helper()
	c, err := w.site.start(w.Context(), t, binaries...)
	w.must(err)
	defer c.close()
	cube, _, err := w.site.each(w.Context(), t, c)
	w.must(err)
	return cube
}

func wantCode(tb testing.TB, what string, err error, code fault.Code) {
	tb.Helper()
	if fault.Show(err).Code != code {
		tb.Errorf("%s: %v, want %s", what, err, code)
	}
}
