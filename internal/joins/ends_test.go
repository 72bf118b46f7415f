package joins

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/psi"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/set"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/storage/roll"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// ended plays a run to its end, which is that code.
func (w *world) ended(run, code string) {
	w.Helper()
	v := w.play(run, over)
	got := string(v.Dead())
	if got == "" {
		got = string(v.Refused())
	}
	if got != code {
		w.Errorf("the run ended with %q, want %q: %v", got, code, w.errs)
	}
	if v.Said(0, msg.Candidate, "gate") {
		w.Error("there is a candidate")
	}
}

// holds plays a run to a candidate that is the plain join.
func (w *world) holds(run string, t jobs.Terms) *msg.View {
	w.Helper()
	v := w.play(run, over)
	if diff := cmp.Diff(w.plain(t), w.table(run).Cells); diff != "" {
		w.Errorf("run %s (-plain +joined): %s", run, diff)
	}
	return v
}

// killed marks a death at a point of a journal.
type killed struct{ point string }

// advance is a step of a party that dies where w.kill says, and comes back.
func (w *world) advance(name string, step func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(killed); !ok {
				panic(r)
			}
			w.restart(name)
		}
	}()
	return step()
}

// A site dies beside every entry that it makes in a join. It comes back without
// the round's secret, and the run ends as it would have, in this round or in
// another; what was on its disk is gone from its scratch folder.
func TestSiteDies(t *testing.T) {
	points, sites := []string{"paired", "admitted", "used", "begun", "slot", "psi", "commit", "set", "confirm", "reveal", "joined"}, []string{siteA, siteB}
	if os.Getenv("YUNEI_PROVE") != "1" {
		points, sites = []string{"psi", "joined"}, sites[:1]
	}
	for _, point := range points {
		for _, moment := range []string{"before", "after"} {
			for _, name := range sites {
				t.Run(name+" "+point+" "+moment, func(t *testing.T) {
					w := newWorld(t, map[string][]row{siteA: people(0, 40), siteB: people(20, 60)})
					w.dies(name, point+":"+moment)
					w.start("r-1", w.terms)
					v := w.holds("r-1", w.terms)
					if w.kill != "" {
						t.Errorf("%s never came to %s", name, w.kill)
					}
					if v.Round() > 2 {
						t.Errorf("it took %d rounds", v.Round())
					}
				})
			}
		}
	}
}

// A site that loses two rounds takes part in the third; dying as it says that it
// has lost one changes nothing.
func TestSiteLosesTwice(t *testing.T) {
	w := newWorld(t, map[string][]row{siteA: people(0, 40), siteB: people(20, 60)})
	w.dies(siteA, "confirm:after")
	w.start("r-1", w.terms)
	w.play("r-1", func(v *msg.View) bool { return v.Round() == 2 })
	w.dies(siteA, "lost:before")
	w.play("r-1", said(msg.Commit, siteA))
	w.restart(siteA)
	w.dies(siteA, "lost:before")
	if v := w.holds("r-1", w.terms); v.Round() != 3 {
		t.Errorf("it took %d rounds", v.Round())
	}
}

// One holder gone: nothing opens without it, however long the others wait. A
// trustee that comes back has lost the round, and another begins.
func TestHolderGone(t *testing.T) {
	w := newWorld(t, map[string][]row{siteA: people(0, 60), siteB: people(20, 90)})
	summed(&w.terms)
	w.start("r-1", w.terms)
	w.play("r-1", said(msg.Joined, siteA, siteB))
	for range 12 {
		w.turn("r-1", "trustee-2")
	}
	if v := w.view("r-1"); v.Said(1, msg.Active, "gate") || v.Over() {
		t.Fatal("the run goes on without a holder")
	}
	w.restart("trustee-2")
	if v := w.holds("r-1", w.terms); v.Round() != 2 {
		t.Errorf("it took %d rounds", v.Round())
	}
	w.start("r-2", w.terms)
	w.play("r-2", said(msg.Sum, "gate"))
	w.restart("gate")
	if v := w.holds("r-2", w.terms); v.Round() != 2 {
		t.Errorf("with the gate gone it took %d rounds", v.Round())
	}
}

// What A is left with after a join is the same whether a given person is in B or
// not: the same entries in its journal and the same objects in its store, of the
// same sizes, and nothing in its scratch folder. What differs are keys and what
// was made with them. B has as many people in both cases, which A may know.
func TestPeersDisk(t *testing.T) {
	left := func(other int) []string {
		b := append(people(20, 60), row{other, "520102", 7})
		w := newWorld(t, map[string][]row{siteA: people(0, 50), siteB: b})
		summed(&w.terms)
		w.start("r-1", w.terms)
		w.holds("r-1", w.terms)
		for range 3 {
			w.turn("r-1")
		}
		return w.left(siteA)
	}
	in, out := left(3), left(903)
	if len(in) < 15 {
		t.Fatalf("only %d things were found", len(in))
	}
	if diff := cmp.Diff(out, in); diff != "" {
		t.Errorf("A's disk tells whether the person is in B: %s", diff)
	}
}

// left lists what is on a site's disk, in shape and size.
func (w *world) left(name string) []string {
	w.Helper()
	var all []string
	raw, err := os.ReadFile(filepath.Join(w.folder, name))
	must(w.TB, err)
	for line := range bytes.Lines(raw) {
		var e struct {
			Kind string `json:"kind"`
		}
		_, entry, _ := bytes.Cut(line, []byte("{"))
		must(w.TB, json.Unmarshal(append([]byte("{"), entry...), &e))
		size := len(line)
		if e.Kind == string(msg.Reveal) { // holds a salt as a list of numbers
			size = 0
		}
		all = append(all, fmt.Sprintf("journal %s %d", e.Kind, size))
	}
	for _, folder := range []string{w.disks[name].folder, w.disks[name].scratch} {
		must(w.TB, filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			all = append(all, fmt.Sprintf("%s %d", strings.TrimPrefix(file, w.folder), info.Size()))
			return err
		}))
	}
	return all
}

func journalOf(w *world, name string) *journal.Journal { return w.parties[name].Journal }

// Too few in both: the whole run says that, nothing was opened, no trustee has
// answered, and no site has said another word than in a run that goes well. Of
// so many such ends of an operator's on a dataset there are no more.
func TestTooFew(t *testing.T) {
	w := newWorld(t, map[string][]row{siteA: people(0, 40), siteB: people(31, 80)})
	for i := range 6 {
		run := fmt.Sprintf("r-%d", i)
		w.terms.ID = fmt.Sprintf("p-%d", i)
		w.start(run, w.terms)
		if i == 5 {
			w.ended(run, "withheld-spent")
			break
		}
		w.ended(run, "join-few")
		w.turn(run)
		v := w.view(run)
		if v.Said(1, msg.Sum, "gate") || v.Said(1, msg.Ready, "trustee-1") || v.Said(1, msg.Answer, "trustee-1") {
			t.Error("somebody went on")
		}
		if journalOf(w, "gate").Get("opened", run, new(string)) == nil {
			t.Error("the gate has opened")
		}
	}
	if n := len(journalOf(w, siteA).All("too-few")); n != 5 {
		t.Errorf("%d ends were counted", n)
	}
}

// Two datasets are joined by one query: the very same again, and neither
// another version of either, nor other values or bounds, nor sides exchanged.
func TestAnotherQueryOfThePair(t *testing.T) {
	w := newWorld(t, map[string][]row{siteA: people(0, 60), siteB: people(20, 90)})
	w.ingest(siteA, "v2", people(0, 61))
	w.ingest(siteB, "v2", people(20, 91))
	summed(&w.terms)
	w.start("r-1", w.terms)
	w.holds("r-1", w.terms)
	for i, c := range []struct {
		name string
		edit func(*jobs.Terms)
		code string
	}{
		{"the same again, for another purpose", func(t *jobs.Terms) { t.Recipients = []string{"rival"} }, ""},
		{"a version of A's with one more", func(t *jobs.Terms) { t.Members[0].Version, t.Join.A = "v2", w.sets[siteA+" v2"] }, "join-again"},
		{"a version of B's with one more", func(t *jobs.Terms) { t.Members[1].Version, t.Join.B = "v2", w.sets[siteB+" v2"] }, "join-again"},
		{"another bound", func(t *jobs.Terms) { t.Shape.Measures[0].Hi = 29 }, "join-again"},
		{"other cells", func(t *jobs.Terms) {
			t.Shape.Dims[0].Codes = []string{"520102", jobs.NoCode}
			t.Shape.Dims[0].Labels = t.Shape.Dims[0].Codes
		}, "join-again"},
		{"another rounding", func(t *jobs.Terms) { t.Shape.Measures[1].Round = 5 }, "join-again"},
		{"a lower threshold", func(t *jobs.Terms) { t.Threshold = 5 }, "join-again"},
		{"sides exchanged", func(t *jobs.Terms) {
			slices.Reverse(t.Members)
			t.Join.A, t.Join.B = t.Join.B, t.Join.A
			t.Members[0].Columns, t.Members[1].Columns = t.Members[1].Columns[:1], []string{"days", "district"}
		}, "join-again"},
		{"another set than was kept", func(t *jobs.Terms) { t.Join.A = w.sets[siteA+" v2"] }, "join-set"},
	} {
		terms := w.joinTerms()
		summed(&terms)
		terms.ID = fmt.Sprintf("q-%d", i)
		c.edit(&terms)
		run := fmt.Sprintf("q-%d", i)
		w.start(run, terms)
		if c.code == "" {
			w.holds(run, terms)
			continue
		}
		if v := w.play(run, over); string(v.Refused()) != c.code {
			t.Errorf("%s: %q, want %q", c.name, v.Refused(), c.code)
		}
	}
}

// What is asked of a column that cannot give it is refused before a row is read.
func TestWrongColumns(t *testing.T) {
	w := newWorld(t, map[string][]row{siteA: people(0, 60), siteB: people(20, 90)})
	for i, edit := range []func(*jobs.Terms){
		func(t *jobs.Terms) { t.Shape.Dims[0].Codes[0] = "999999" },
		func(t *jobs.Terms) { t.Members[0].Columns = []string{"district"} },
		func(t *jobs.Terms) { t.Members[0].Columns = []string{"id_number"} },
	} {
		terms := w.joinTerms()
		summed(&terms)
		terms.ID = fmt.Sprintf("q-%d", i)
		edit(&terms)
		w.start(terms.ID, terms)
		w.ended(terms.ID, "column")
	}
}

// A site that is fed another set than the provider has committed to sends
// nothing: the run ends before a list is on the board. A roll that says itself
// that it is another is refused before that.
func TestSuperset(t *testing.T) {
	for name, c := range map[string]struct {
		forged bool
		code   string
	}{"a roll of more, that says it is the same": {true, "tampered"}, "a roll of more": {false, "join-set"}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, map[string][]row{siteA: people(0, 60), siteB: people(20, 90)})
			w.replaceRoll(siteA, people(1, 61), c.forged)
			w.start("r-1", w.terms)
			w.ended("r-1", c.code)
			if v := w.view("r-1"); v.Said(1, msg.Commit, siteA) {
				t.Error("the site has committed to a list")
			}
			if left, err := os.ReadDir(w.disks[siteA].scratch); err != nil || len(left) != 0 {
				t.Errorf("in the scratch folder: %v, %v", left, err)
			}
		})
	}
}

// replaceRoll puts another roll of as many in the place of the first version's;
// forged is whether it claims the commitment of the one before.
func (w *world) replaceRoll(site string, rows []row, forged bool) {
	w.Helper()
	var kept bytes.Buffer
	draft := &roll.Draft{}
	for _, r := range rows {
		draft.Add(number(r.person))
	}
	salt, err := suite.NewSalt()
	must(w.TB, err)
	other, err := draft.Write(jobs.NaturalPerson, salt, &kept)
	must(w.TB, err)
	raw := kept.Bytes()
	if forged {
		raw = bytes.Replace(raw, []byte(other.Root), []byte(w.sets[site+" v1"].Root), 1)
	}
	at, err := roll.Name(domains[site]+"-visits", "v1")
	must(w.TB, err)
	d := w.disks[site]
	must(w.TB, filepath.WalkDir(d.folder, func(file string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.Contains(file, "rolls") {
			return os.Remove(file)
		}
		return err
	}))
	must(w.TB, seal.Put(w.Context(), d.store, d.key.Public(), at, bytes.NewReader(raw)))
}

// A liar is a site of the test's own that says what is due, and shows a list
// that it makes.
type liar struct {
	w    *world
	name string
	make func(v *msg.View, n int) []byte
	list []byte
}

func (l *liar) say(ctx context.Context, kind party.Kind, body msg.Body) error {
	subject, r, err := msg.Say(l.w.Keys[l.name], kind, body)
	if err != nil {
		return err
	}
	return l.w.board.Post(ctx, subject, r.Bytes())
}

// Advance says the next of a site's statements.
func (l *liar) Advance(ctx context.Context, v *msg.View) error {
	n := v.Round()
	if !v.Said(0, msg.Admitted, l.name) {
		return l.say(ctx, msg.Admitted, msg.AdmittedBody{Of: v.Of(0, l.name), Form: v.Terms().Code(), Rewrite: jobs.JoinForm(), Engines: msg.Engines(v.Terms())})
	}
	if n == 0 || v.Over() {
		return nil
	}
	_, keyed := v.Key(n)
	agreed, all := v.Set(n)
	_, confirmed := v.Confirmed(n)
	of := v.Of(n, l.name)
	if l.list == nil && keyed && v.Said(n, msg.Receiver, "gate") {
		l.list = l.make(v, n)
	}
	parts := msg.Parts{{suite.DigestOf(l.list)}}
	switch {
	case l.list == nil:
		return nil
	case !v.Said(n, msg.Commit, l.name):
		return l.say(ctx, msg.Commit, msg.CommitBody{Of: of, Parts: suite.Commit(suite.Salt{1}, of.Bind(parts.Bytes()))})
	case all && !v.Said(n, msg.Confirm, l.name):
		return l.say(ctx, msg.Confirm, msg.ConfirmBody{Of: of, Set: agreed})
	case confirmed && !v.Said(n, msg.Reveal, l.name):
		if err := party.Put(ctx, l.w.board, l.name, l.list); err != nil {
			return err
		}
		return l.say(ctx, msg.Reveal, msg.RevealBody{Of: of, Salt: suite.Salt{1}, Parts: parts})
	}
	return nil
}

// list is one that an honest program would make, of whatever set.
func (l *liar) honest(v *msg.View, n int, people []string) []byte {
	w := l.w
	join, err := enclave.JoinOf(w.Context(), w.parties[siteB].Fetch, v, n)
	must(w.TB, err)
	side, err := join.Side(enclave.JoinRole(v, l.name), func(context.Context, string) error { return nil })
	must(w.TB, err)
	records := func(yield func(psi.Record, error) bool) {
		for _, id := range people {
			if !yield(psi.Record{ID: id}, nil) {
				return
			}
		}
	}
	var out bytes.Buffer
	_, err = side.Blind(w.Context(), 0, suite.Salt{7}, records, nil, &out)
	must(w.TB, err)
	return out.Bytes()
}

// A list that is not of this round, or is not well-formed, is not answered: the
// other site ends the run, and nobody learns anything of it.
func TestFalseLists(t *testing.T) {
	ids := func(from, to int) []string {
		var all []string
		for i := from; i < to; i++ {
			all = append(all, number(i))
		}
		return all
	}
	numbers := ids(0, 40)
	c, err := set.Commit(jobs.NaturalPerson, suite.Salt{7}, func(yield func(string, error) bool) {
		for _, id := range numbers {
			if !yield(id, nil) {
				return
			}
		}
	})
	must(t, err)
	var old []byte
	for _, one := range []struct {
		name string
		make func(list []byte) []byte
		code string
	}{
		{"an honest list", func(list []byte) []byte { old = bytes.Clone(list); return list }, ""},
		{"a list of an earlier run", func([]byte) []byte { return old }, "tampered"},
		{"what is no point", func(list []byte) []byte { copy(list[len(list)-32:], bytes.Repeat([]byte{0xff}, 32)); return list }, "tampered"},
		{"a person twice", func(list []byte) []byte { copy(list[len(list)-32:], list[len(list)-64:len(list)-32]); return list }, "tampered"},
		{"one too few", func(list []byte) []byte { return list[:len(list)-32] }, "tampered"},
		{"one too many", func(list []byte) []byte { return append(list, bytes.Repeat([]byte{0xff}, 32)...) }, "tampered"},
	} {
		t.Run(one.name, func(t *testing.T) {
			w := newWorld(t, map[string][]row{siteA: people(0, 40), siteB: people(20, 60)})
			w.terms.Join.A = c
			l := &liar{w: w, name: siteA}
			l.make = func(v *msg.View, n int) []byte { return one.make(l.honest(v, n, numbers)) }
			w.actors[siteA] = l
			w.start("r-1", w.terms)
			if one.code == "" { // the other answers, so that the lies below are told by nothing else
				w.play("r-1", said(msg.Joined, siteB))
				return
			}
			w.ended("r-1", one.code)
			if v := w.view("r-1"); v.Said(1, msg.Joined, siteB) {
				t.Error("the list was answered")
			}
		})
	}
}

// A trustee that answers with anything but its part of the decryption spoils the
// run, and nothing is shown.
func TestTrusteeAnswersWrongly(t *testing.T) {
	w := newWorld(t, map[string][]row{siteA: people(0, 60), siteB: people(20, 90)})
	summed(&w.terms)
	honest := w.actors["trustee-3"]
	w.actors["trustee-3"] = advancing(func(ctx context.Context, v *msg.View) error {
		n := v.Round()
		active, ok := v.Receipt(n, msg.Active, "gate")
		if !ok || v.Said(n, msg.Answer, "trustee-3") {
			return honest.Advance(ctx, v)
		}
		join, err := enclave.JoinOf(ctx, w.parties["trustee-3"].Fetch, v, n)
		if err != nil {
			return err
		}
		wrong := make([]byte, join.MaxAnswer())
		_, _ = rand.Read(wrong) // never fails
		sealed, err := join.SealAnswer(psi.Answer{Name: "trustee-3", Bytes: wrong})
		if err != nil {
			return err
		}
		body := msg.AnswerBody{Of: v.Of(n, "trustee-3"), Active: active.Digest(), Parts: msg.Parts{{suite.DigestOf(sealed)}}}
		subject, r, err := msg.Say(w.Keys["trustee-3"], msg.Answer, body)
		return errors.Join(err, party.Put(ctx, w.board, "trustee-3", sealed), w.board.Post(ctx, subject, r.Bytes()))
	})
	w.start("r-1", w.terms)
	w.ended("r-1", "tampered")
}

type advancing func(context.Context, *msg.View) error

func (a advancing) Advance(ctx context.Context, v *msg.View) error { return a(ctx, v) }
