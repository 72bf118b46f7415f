package site

import (
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/budget"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/suite"
)

// asked puts a run on the board without the module, and returns its view.
func (w *world) asked(run string, edit func(*jobs.Terms)) *msg.View {
	w.Helper()
	terms, module := w.termsOf(study, edit)
	w.begin(run, terms, module)
	return w.view(run)
}

func (w *world) debited(run string) msg.Debit {
	w.Helper()
	var d msg.Debit
	w.must(w.site.Journal.Get(string(debited), run, &d))
	return d
}

// A refusal tells which cap does not suffice and what would fit, on the board and
// in figures that add up; the debit says whose it is, what for and when.
func TestShort(t *testing.T) {
	w := newWorld(t, crowd(2, false))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	cost, err := terms.Rho()
	w.must(err)
	third := new(big.Rat).Mul(cost, big.NewRat(4, 3))
	w.site.Caps = []budget.Cap{{Namespace: jobs.NaturalPerson, Kind: budget.Operator, Name: budget.Each, Rho: third}}
	w.must(w.site.book(w.view("r-1")))
	d := w.debited("r-1")
	if _, _, err := d.Check("r-1", terms); err != nil || d.Operator != "operator" || d.Scenario != "flu" || !d.At.Equal(w.now) || d.Seq != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	w.begin("r-2", terms, module)
	w.must(w.advance("r-2"))
	v := w.view("r-2")
	short := v.Short()
	if v.Refused() != "budget" || short == nil {
		t.Fatalf("refused %q, short %+v", v.Refused(), short)
	}
	told := budget.Told(*short)
	w.must(told.Check())
	if told.Cap != "operator" || told.Name != "operator" || told.Factor != "3" || told.Spent != cost.RatString() {
		t.Errorf("%+v", told)
	}
	for i := range terms.Shape.Measures {
		terms.Shape.Measures[i].Sigma *= 3
	}
	terms.Shape.Units.Sigma *= 3
	terms.ID = "p-fits"
	w.begin("r-3", terms, module)
	if err := w.site.book(w.view("r-3")); err != nil {
		t.Errorf("what was told to fit: %v", err)
	}
}

// In the modes with noise a query that was answered is answered again by the very
// vector, for nothing and at the slot, without a row or a draw; the same answer
// stands up to a replay.
func TestStoredAnswer(t *testing.T) {
	w := newWorld(t, crowd(20, true))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	w.key("r-1")
	w.runTo("r-1")
	w.candidate("r-1")
	w.must(w.advance("r-1"))
	first, err := w.site.partial(t.Context(), w.view("r-1"))
	w.must(err)

	w.begin("r-2", terms, module)
	w.key("r-2")
	w.site.Crash = func(point string) {
		for _, row := range []string{"cube", "noise"} {
			if strings.HasPrefix(point, row) {
				t.Errorf("%s: a row was read or noise was drawn", point)
			}
		}
	}
	_, waits := later(w.advance("r-2"))
	if said := kindsOf(w.said("r-2")); !waits || said != "admitted" {
		t.Errorf("before its slot: waits %v, said %s", waits, said)
	}
	w.runTo("r-2")
	if said := kindsOf(w.said("r-2")); said != "admitted commit" {
		t.Errorf("at its slot: said %s", said)
	}
	again, err := w.site.partial(t.Context(), w.view("r-2"))
	w.must(err)
	if !slices.Equal(first, again) {
		t.Error("another vector")
	}
	if d := w.debited("r-2"); d.Stored != "r-1" || d.Cost != "0" || d.After != w.debited("r-1").After || d.Seq != 2 {
		t.Errorf("%+v", d)
	}
	w.site.Crash = nil
	w.ask("r-2")
	w.candidate("r-2")
	w.onward("r-2")
	if b, err := msg.Read[msg.ReplayedBody](w.view("r-2"), 0, msg.Replayed, w.site.Name); err != nil || !b.Agrees {
		t.Errorf("replayed: %+v, %v", b, err)
	}
}

// Whatever differs in a byte is another query, and pays; a stored answer takes a
// use of its permit like any other, and is there once the run has a candidate.
func TestOtherQueriesPay(t *testing.T) {
	w := newWorld(t, crowd(2, false))
	first := w.asked("r-1", nil)
	w.must(w.site.book(first))
	paid := func(run string, edit func(*jobs.Terms)) bool {
		t.Helper()
		w.must(w.site.book(w.asked(run, edit)))
		return w.debited(run).Stored == ""
	}
	if !paid("r-early", nil) {
		t.Error("an answer is given before there is one")
	}
	w.candidate("r-1")
	w.must(w.site.retain(w.view("r-1")))
	if paid("r-same", nil) {
		t.Error("the same query pays")
	}
	if paid("r-renewed", func(t *jobs.Terms) {
		t.ID, t.Recipients, t.Scenario, t.Uses = "p-renewed", []string{"bureau"}, "other", 2
	}) {
		t.Error("the same query under another permit pays")
	}
	for i := range 100 {
		// A program that was padded: another digest.
		pad := func(t *jobs.Terms) {
			t.ID, t.Program.Digest = fmt.Sprint("p-pad-", i), suite.DigestOf(fmt.Append([]byte("pad"), i))
		}
		if !paid(fmt.Sprint("r-pad-", i), pad) {
			t.Fatal("a padded program is answered for nothing")
		}
	}
	if spent := w.debited("r-pad-99").After; spent != sum(t, first.Terms(), 102) {
		t.Errorf("%s is spent by 102 draws", spent)
	}
	for name, edit := range map[string]func(*jobs.Terms){
		"params":    func(t *jobs.Terms) { t.Params[0]++ },
		"version":   func(t *jobs.Terms) { t.Members[0].Version = "v2" },
		"dataset":   func(t *jobs.Terms) { t.Members[1].Dataset = "others" },
		"columns":   func(t *jobs.Terms) { t.Members[0].Columns = t.Members[0].Columns[:2] },
		"schema":    func(t *jobs.Terms) { t.Members[1].Schema = suite.DigestOf(nil) },
		"bounds":    func(t *jobs.Terms) { t.Shape.Measures[0].Hi++ },
		"noise":     func(t *jobs.Terms) { t.Shape.Measures[0].Sigma++ },
		"labels":    func(t *jobs.Terms) { t.Shape.Dims[0].Labels[0] = "x" },
		"limits":    func(t *jobs.Terms) { t.Limits.Fuel++ },
		"engines":   func(t *jobs.Terms) { t.Engines = jobs.BothEngines },
		"mode":      func(t *jobs.Terms) { t.Mode = jobs.Both },
		"threshold": func(t *jobs.Terms) { t.Threshold++ },
	} {
		if !paid("r-"+name, func(t *jobs.Terms) { t.ID = "p-" + name; edit(t) }) {
			t.Errorf("other %s: answered for nothing", name)
		}
	}
	// The same query on a permit whose uses are spent goes the way of all.
	once := func(t *jobs.Terms) { t.ID, t.Uses = "p-once", 1 }
	w.must(w.site.book(w.asked("r-once", once)))
	wantCode(t, "a stored answer beyond the uses", w.site.book(w.asked("r-twice", once)), "permit-spent")
}

func sum(t *testing.T, terms jobs.Terms, n int64) string {
	t.Helper()
	cost, err := terms.Rho()
	if err != nil {
		t.Fatal(err)
	}
	return new(big.Rat).Mul(cost, big.NewRat(n, 1)).RatString()
}

// A stored answer that is gone is not drawn anew for nothing.
func TestStoredAnswerGone(t *testing.T) {
	w := newWorld(t, crowd(2, false))
	w.must(w.site.book(w.asked("r-1", nil)))
	w.candidate("r-1")
	w.must(w.site.retain(w.view("r-1")))
	v := w.asked("r-2", nil)
	w.must(w.site.book(v))
	if given, err := w.site.reuse(t.Context(), v); !given || err == nil {
		t.Errorf("given %v, %v", given, err)
	}
	if _, err := w.site.partial(t.Context(), v); err == nil {
		t.Error("there is a partial")
	}
}

// A site whose journal is an older one, brought back, is told so by its own
// statements on the board, before it reads a row; a stranger's in its place tell
// nothing.
func TestJournalBehind(t *testing.T) {
	for _, c := range []struct {
		name  string
		board func(*world)
		code  fault.Code
	}{
		{"the journal of before the run", func(*world) {}, "journal-behind"},
		{"the board hides the admission", func(w *world) { w.move(msg.Confirm) }, "journal-behind"},
		{"the board hides all", func(w *world) { w.move() }, ""},
		{
			"a stranger's statement in its place",
			func(w *world) {
				w.move()
				of := w.view("r-2").Of(0, w.site.Name)
				of.Run = "r-0"
				subject, r, err := msg.Say(w.Keys["site-transit"], msg.Admitted, msg.AdmittedBody{Of: of})
				w.must(err)
				w.post(subject, r.Bytes())
			},
			"",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, crowd(5, false))
			terms, module := w.termsOf(study, nil)
			w.begin("r-1", terms, module)
			w.key("r-1")
			w.runTo("r-1")
			v := w.view("r-1")
			d := w.debited("r-1")
			w.must(w.site.Say(t.Context(), msg.Confirm, msg.ConfirmBody{Of: v.Of(1, w.site.Name), Debit: &d}))
			w.begin("r-2", terms, module)
			w.must(w.site.remembersAll(t.Context())) // nothing is forgotten yet

			j, err := journal.Open(filepath.Join(t.TempDir(), "journal"), "site-hospital")
			w.must(err)
			t.Cleanup(func() { _ = j.Close() })
			w.site.Journal = j
			c.board(w)
			err = w.site.remembersAll(t.Context())
			if c.code == "" {
				w.must(err)
				return
			}
			wantCode(t, "after the rollback", err, c.code)
			w.key("r-2")
			w.must(w.advance("r-2"))
			if v := w.view("r-2"); v.Refused() != c.code || w.site.Remembers("r-2", 0, used) {
				t.Errorf("refused %q", v.Refused())
			}
		})
	}
}

// move has the coordinator show another board, with the run r-2 and no more of
// what the site has said than is of the kinds.
func (w *world) move(kinds ...receipt.Kind) {
	w.Helper()
	type item struct {
		subject string
		data    []byte
	}
	var keep []item
	for it, err := range w.board.All(w.Context(), ">") {
		w.must(err)
		p, err := msg.ParseSubject(it.Subject)
		if err == nil && p.Party == w.site.Name && !slices.Contains(kinds, p.Kind) {
			continue
		}
		keep = append(keep, item{it.Subject, it.Data})
	}
	server, err := bus.Serve(w.Context(), bus.Config{Dir: w.TempDir()})
	w.must(err)
	w.Cleanup(server.Close)
	w.board, err = server.Board(w.Context())
	w.must(err)
	w.Cleanup(w.board.Close)
	w.site.Board = w.board
	for _, k := range keep {
		w.post(k.subject, k.data)
	}
}
