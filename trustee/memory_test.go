package trustee

import (
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/suite"
)

func seen(seq uint64, run, before, after string) debit {
	return debit{Site: "key-a", Seq: seq, Run: run, Namespace: jobs.NaturalPerson, Before: before, After: after}
}

// Debits of one journal pass in whatever order they are shown; those of a journal
// that has forgotten some do not.
func TestFollows(t *testing.T) {
	legal := seen(4, "r-4", "0", "1")
	legal.Namespace = jobs.LegalPerson
	other := seen(3, "r-3", "0", "1")
	other.Site = "key-b"
	for _, c := range []struct {
		name string
		past []debit
		next debit
		ok   bool
	}{
		{"the first", nil, seen(1, "r-1", "0", "1/50"), true},
		{"the first that is seen", nil, seen(9, "r-1", "3/7", "57/70"), true},
		{"the next", []debit{seen(1, "r-1", "0", "1/2")}, seen(2, "r-2", "1/2", "1"), true},
		{"with others unseen in between", []debit{seen(1, "r-1", "0", "1/2")}, seen(7, "r-7", "9/2", "5"), true},
		{"the same again", []debit{seen(1, "r-1", "0", "1/2")}, seen(1, "r-1", "0", "1/2"), true},
		{"the slower of two runs", []debit{seen(2, "r-2", "1/2", "1")}, seen(1, "r-1", "0", "1/2"), true},
		{"of another namespace", []debit{seen(3, "r-3", "5", "6")}, legal, true},
		{"of another site", []debit{seen(3, "r-1", "5", "6")}, other, true},
		{"a stored answer", []debit{seen(1, "r-1", "0", "1/2")}, seen(2, "r-2", "1/2", "1/2"), true},

		{"a number given out again", []debit{seen(3, "r-3", "1", "2")}, seen(3, "r-4", "1", "2"), false},
		{"a run debited twice", []debit{seen(3, "r-3", "1", "2")}, seen(4, "r-3", "2", "3"), false},
		{"the same, told otherwise", []debit{seen(3, "r-3", "1", "2")}, seen(3, "r-3", "0", "1"), false},
		{"less spent than was seen", []debit{seen(3, "r-3", "1", "2")}, seen(4, "r-4", "1", "2"), false},
		{"an earlier number that does not fit", []debit{seen(3, "r-3", "1", "2")}, seen(2, "r-4", "1/2", "3/2"), false},
		{"less by a hair", []debit{seen(3, "r-3", "0", "1/3")}, seen(4, "r-4", "333333333/1000000000", "1"), false},
		{"no figure", []debit{seen(3, "r-3", "0", "1/3")}, seen(4, "r-4", "x", "1"), false},
	} {
		if err := follows(c.past, c.next); (err == nil) != c.ok || err != nil && !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func spans(kmin int, all string) span {
	s := span{Namespace: jobs.NaturalPerson, Family: "f", KMin: kmin, Domains: strings.Split(all, "")}
	return s
}

// No two sets open a domain's part by their difference, nor several by rank,
// save of those that agreed to stand alone.
func TestApart(t *testing.T) {
	legal := spans(2, "ABC")
	legal.Namespace = jobs.LegalPerson
	for _, c := range []struct {
		name string
		past []span
		next span
		ok   bool
	}{
		{"the first", nil, spans(2, "AB"), true},
		{"the same again", []span{spans(2, "ABC")}, spans(2, "ABC"), true},
		{"C was down", []span{spans(2, "ABC")}, spans(2, "AB"), false},
		{"C came later", []span{spans(2, "AB")}, spans(2, "ABC"), false},
		{"in another namespace", []span{legal}, spans(2, "AB"), true},
		{"two apart", []span{spans(2, "ABCD")}, spans(2, "AB"), true},
		{"two apart where three were agreed", []span{spans(3, "ABCD")}, spans(2, "AB"), false},
		{"three pairs", []span{spans(2, "AB"), spans(2, "BC")}, spans(2, "AC"), false},
		{"the sum and the difference", []span{spans(2, "ABC"), spans(2, "ABD")}, spans(2, "CD"), false},
		{"one that agreed to stand alone", nil, spans(1, "A"), true},
		{"it agreed, the other did not", []span{spans(2, "AB")}, spans(1, "A"), false},
		{"it agreed, and two are left", []span{spans(2, "ABC")}, spans(1, "A"), true},
		{"strangers with another k_min", []span{spans(3, "DEF")}, spans(2, "AB"), true},
		{"the same again with less agreed", []span{spans(3, "ABC")}, spans(2, "ABC"), true},
	} {
		err := apart(c.past, c.next)
		if (err == nil) != c.ok || err != nil && fault.Show(err).Code != "set" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Names, titles and order do not make a table another; codes and bounds do.
func TestFamily(t *testing.T) {
	shape := func(edit func(*jobs.Shape)) jobs.Shape {
		s := jobs.Shape{
			Dims:     []jobs.Dim{{Name: "a", Codes: []string{"1", "2"}}, {Name: "b", Codes: []string{"x", "y", "z"}}},
			Measures: []jobs.Measure{{Name: "m", Hi: 10}, {Name: "n", Hi: 20}},
		}
		if edit != nil {
			edit(&s)
		}
		return s
	}
	for name, c := range map[string]struct {
		edit func(*jobs.Shape)
		same bool
	}{
		"names and titles": {func(s *jobs.Shape) { s.Dims[0].Name, s.Dims[0].Title, s.Measures[0].Name = "c", "区", "q" }, true},
		"noise":            {func(s *jobs.Shape) { s.Measures[0].Sigma, s.L0 = 9, 2 }, true},
		"the order of all": {func(s *jobs.Shape) {
			slices.Reverse(s.Dims)
			slices.Reverse(s.Dims[0].Codes)
			slices.Reverse(s.Measures)
		}, true},
		"a dim of one":   {func(s *jobs.Shape) { s.Dims = append(s.Dims, jobs.Dim{Codes: []string{"0"}}) }, true},
		"another code":   {func(s *jobs.Shape) { s.Dims[0].Codes[0] = "9" }, false},
		"another bound":  {func(s *jobs.Shape) { s.Measures[0].Hi = 11 }, false},
		"a measure more": {func(s *jobs.Shape) { s.Measures = s.Measures[:1] }, false},
	} {
		if same := family(shape(c.edit)) == family(shape(nil)); same != c.same {
			t.Errorf("%s: the same family: %v", name, same)
		}
	}
}

// A room is a town, a board, and trustee-1 with its journal in a folder.
type room struct {
	*testing.T
	*governancetest.Town
	board   *bus.Board
	folder  string
	journal *journal.Journal
}

func newRoom(t *testing.T) *room {
	t.Helper()
	server, err := bus.Serve(t.Context(), bus.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	r := &room{T: t, Town: governancetest.NewTown(t), folder: t.TempDir()}
	if r.board, err = server.Board(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.board.Close)
	return r
}

// trustee is the daemon started anew.
func (r *room) trustee() *Trustee {
	r.Helper()
	if r.journal != nil {
		r.check(r.journal.Close())
	}
	j, err := journal.Open(filepath.Join(r.folder, "journal"), "trustee-1")
	r.check(err)
	r.Cleanup(func() { _ = j.Close() })
	r.journal = j
	return New(&party.Party{
		Standing: governancetest.Unheld{},
		Name:     "trustee-1", Key: r.Keys["trustee-1"], Board: r.board, Journal: j, Pins: r.pins(),
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return governancetest.Now },
	})
}

func (r *room) check(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *room) pins() jobs.Pins {
	pins := jobs.Pins{}
	for _, d := range []string{"hospital", "transit"} {
		pins[d] = r.Users[d+"-officer"].Key
	}
	return pins
}

// view is a run's first round, with what the sites confirm of their budgets.
func (r *room) view(run string, t jobs.Terms, debits map[string]msg.Debit) *msg.View {
	r.Helper()
	var decisions []receipt.Receipt
	for i, d := range r.Decisions(r.T, t) {
		if len(t.Members) == 2 || i != 2 { // not the absent member's
			decisions = append(decisions, d)
		}
	}
	raw, err := governance.Assemble(t, decisions)
	r.check(err)
	board := map[string][]byte{
		msg.Subject(run, 0, msg.Permit, msg.Coordinator): raw,
		msg.Subject(run, 0, jobs.Start, msg.Operator):    r.Start(r.T, "op", run, t).Bytes(),
	}
	say := func(who string, kind receipt.Kind, body msg.Body) {
		subject, said, err := msg.Say(r.Keys[who], kind, body)
		r.check(err)
		board[subject] = said.Bytes()
	}
	of := func(n int, who string) msg.Of { return msg.Of{Run: run, Round: n, Permit: t.Digest(), Party: who} }
	say("yuneid", msg.Round, msg.RoundBody{Of: of(1, "yuneid")})
	for site, d := range debits {
		say(site, msg.Confirm, msg.ConfirmBody{Of: of(1, site), Debit: &d})
	}
	for i, subject := range slices.Sorted(keys(board)) {
		d := suite.DigestOf(board[subject])
		board[msg.LoggedSubject(run, d)] = fmt.Appendf(nil, "%s %d", d, i)
	}
	v, err := msg.NewView(run, board, r.pins())
	r.check(err)
	r.check(v.Err())
	return v
}

func keys(m map[string][]byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// debitOf is an honest site's under the terms.
func debitOf(t jobs.Terms, seq uint64, before string) msg.Debit {
	cost, err := t.Rho()
	if err != nil {
		panic(err)
	}
	from, _ := new(big.Rat).SetString(before)
	return msg.Debit{
		Namespace: t.Shape.Namespace, Operator: t.Operator.Org, Scenario: t.Scenario, At: governancetest.Now, Cost: cost.RatString(),
		Before: before, After: new(big.Rat).Add(from, cost).RatString(), Seq: seq,
	}
}

// A trustee that has seen what a site spent helps no run in which that site has
// forgotten it, whatever the coordinator shows and however often the trustee is
// started anew.
func TestSitesRolledBack(t *testing.T) {
	for _, c := range []struct {
		name   string
		second func(*msg.Debit)
		code   fault.Code // "" lets it pass; "-" is no refusal that is told
	}{
		{"the next debit", nil, ""},
		{"its journal is that of before the first run", func(d *msg.Debit) { d.Seq, d.Before, d.After = 1, "0", d.Cost }, "journal-behind"},
		{"its journal is another, and says a later number", func(d *msg.Debit) { d.Seq, d.Before, d.After = 7, "0", d.Cost }, "journal-behind"},
		{"the stored answer of the first run", func(d *msg.Debit) { d.Stored, d.Cost, d.After = "r-1", "0", d.Before }, ""},
		{"a stored answer that pays", func(d *msg.Debit) { d.Stored = "r-1" }, "-"},
		{"nothing paid, and no stored answer", func(d *msg.Debit) { d.Cost, d.After = "0", d.Before }, "-"},
		{"its own stored answer", func(d *msg.Debit) { d.Stored, d.Cost, d.After = "r-2", "0", d.Before }, "-"},
		{"less than the cost", func(d *msg.Debit) { d.Cost = "1/1000000" }, "-"},
		{"a sum that is none", func(d *msg.Debit) { d.After = d.Before }, "-"},
		{"another operator's", func(d *msg.Debit) { d.Operator = "rival" }, "-"},
		{"no number", func(d *msg.Debit) { d.Seq = 0 }, "-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoom(t)
			terms := r.Terms()
			terms.Uses = 5
			first := debitOf(terms, 1, "0")
			r.check(r.trustee().remember(r.view("r-1", terms, map[string]msg.Debit{"site-hospital": first, "site-transit": first}), 1))
			second := debitOf(terms, 2, first.After)
			honest := second
			if c.second != nil {
				c.second(&second)
			}
			for range 2 { // the second time after another start
				err := r.trustee().remember(r.view("r-2", terms, map[string]msg.Debit{"site-hospital": second, "site-transit": honest}), 1)
				code := fault.Code("")
				switch refusal, ok := errors.AsType[fault.Refusal](err); {
				case ok:
					code = refusal.Code
				case err != nil:
					code = "-"
				}
				if code != c.code {
					t.Errorf("%v, want %q", err, c.code)
				}
			}
		})
	}
}

// Where the noise of two is counted on, one stored part beside a new one is
// refused.
func TestStoredBesideNew(t *testing.T) {
	r := newRoom(t)
	terms := r.Terms()
	fresh := debitOf(terms, 2, "1")
	given := fresh
	given.Stored, given.Cost, given.After = "r-1", "0", "1"
	for corrupt, ok := range map[int]bool{0: true, 1: true} { // of two members one is counted on, either way
		terms.Corrupt = corrupt
		if err := msg.CheckStored(terms, []msg.Debit{fresh, given}); (err == nil) != ok {
			t.Errorf("%d corrupt: %v", corrupt, err)
		}
	}
	terms.Members = append(terms.Members, terms.Members[0])
	terms.Corrupt = 1
	if err := msg.CheckStored(terms, []msg.Debit{fresh, fresh, given}); !errors.Is(err, fault.Denied) {
		t.Errorf("of three, two counted on: %v", err)
	}
	if err := msg.CheckStored(terms, []msg.Debit{given, given, given}); err != nil {
		t.Errorf("all stored: %v", err)
	}
}

// A run that would single out a domain is ended with the code set before its key
// is made, and stays ended for a trustee that was started anew or that died
// beside its journal.
func TestSetRefused(t *testing.T) {
	for _, point := range []string{"", "dead:before", "dead:after"} {
		r := newRoom(t)
		both := r.Terms()
		both.Uses = 5
		d := debitOf(both, 1, "0")
		r.check(r.trustee().remember(r.view("r-1", both, map[string]msg.Debit{"site-hospital": d, "site-transit": d}), 1))
		alone := r.Terms()
		alone.ID, alone.KMin, alone.Members = "p-2", 1, alone.Members[:1]
		v := r.view("r-2", alone, nil)
		tr := r.trustee()
		tr.Crash = func(at string) {
			if at == point {
				panic(at)
			}
		}
		func() {
			defer func() { _ = recover() }() // the daemon is dead
			r.check(tr.Advance(t.Context(), v))
		}()
		for range 2 {
			r.check(r.trustee().Advance(t.Context(), v))
		}
		raw, err := r.board.Get(t.Context(), msg.Subject("r-2", 0, msg.Dead, "trustee-1"))
		r.check(err)
		said, err := receipt.Parse(raw)
		r.check(err)
		var body msg.DeadBody
		r.check(said.Read(msg.Dead, &body))
		if body.Code != "set" {
			t.Errorf("ended with %q", body.Code)
		}
		if _, err := r.board.Get(t.Context(), msg.Subject("r-2", 1, msg.Hello, "trustee-1")); !errors.Is(err, fault.NotFound) {
			t.Errorf("said hello: %v", err)
		}
		if err := r.trustee().objects(r.view("r-3", both, nil)); err != nil {
			t.Errorf("the first set again: %v", err)
		}
	}
}

// A trustee that dies beside an entry goes on to the same end.
func TestMemoryCrashes(t *testing.T) {
	for _, point := range []string{"noted:before", "noted:after", "spanned:before", "spanned:after"} {
		r := newRoom(t)
		terms := r.Terms()
		d := debitOf(terms, 1, "0")
		v := r.view("r-1", terms, map[string]msg.Debit{"site-hospital": d, "site-transit": d})
		tr, died := r.trustee(), false
		tr.Crash = func(at string) {
			if at == point && !died {
				died = true
				panic(at)
			}
		}
		func() {
			defer func() { _ = recover() }()
			_ = tr.remember(v, 1)
		}()
		again := r.trustee()
		if err := again.remember(v, 1); err != nil || !died {
			t.Errorf("%s: died %v, then %v", point, died, err)
		}
		if n, m := len(again.Journal.All(noted)), len(again.Journal.All(spanned)); n != 2 || m != 1 {
			t.Errorf("%s: %d debits and %d sets are noted", point, n, m)
		}
	}
}
