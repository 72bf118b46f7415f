package msg

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// A whole run, seen as it grows.
func TestView(t *testing.T) {
	for _, mode := range []jobs.Mode{jobs.SDC, jobs.DP} {
		w := newWorld(t, mode)
		if v := w.view(t); v.Err() != nil || v.Round() != 0 || v.Over() || v.Run().ID != run || v.Permit().Digest() != w.terms.Digest() {
			t.Fatalf("at the start: %v, round %d", v.Err(), v.Round())
		}
		w.makeKey(t)
		v := w.view(t)
		if key, ok := v.Key(1); !ok || key != suite.DigestOf([]byte("key")) || v.Round() != 1 {
			t.Errorf("the key is %s, %v", key, ok)
		}
		if _, ok := v.Set(1); ok {
			t.Error("a set before the commitments")
		}
		w = newWorld(t, mode)
		w.makeSet(t)
		v = w.view(t)
		set, ok := v.Confirmed(1)
		if !ok || !slices.Equal(set.Members, sites) || len(set.Commits) != 2 || set.Receiver != suite.DigestOf([]byte("receiver")) {
			t.Errorf("confirmed %v, %v", set, ok)
		}
		parts, ok, err := v.Revealed(1)
		if diff := cmp.Diff([]Parts{partsOf("site-a"), partsOf("site-b")}, parts); !ok || err != nil || diff != "" {
			t.Errorf("revealed %v, %v: %s", ok, err, diff)
		}
		w = newWorld(t, mode)
		w.open(t)
		v = w.view(t)
		if !v.Over() || v.Dead() != "" || v.Refused() != "" {
			t.Errorf("at the end: over %v, dead %q, refused %q", v.Over(), v.Dead(), v.Refused())
		}
		all := v.Receipts()
		if len(all) != w.index || all[0].Kind() != Round || all[len(all)-1].Kind() != Release {
			t.Errorf("%d statements of %d, from %s to %s", len(all), w.index, all[0].Kind(), all[len(all)-1].Kind())
		}
		if i, ok := v.Index(all[3].Digest()); !ok || i != 4 {
			t.Errorf("the ledger has the fourth statement at %d, %v", i, ok)
		}
	}
}

// statements lists the places of everything that was said.
func (w *world) statements(tb testing.TB) []Place {
	tb.Helper()
	var all []Place
	for subject := range w.board {
		p, err := ParseSubject(subject)
		if err != nil {
			tb.Fatal(err)
		}
		if p.Kind != Logged && p.Kind != Permit && p.Kind != jobs.Start {
			all = append(all, p)
		}
	}
	return all
}

// oneOfEach lists a statement of every kind.
func (w *world) oneOfEach(tb testing.TB) []Place {
	tb.Helper()
	first := map[receipt.Kind]Place{}
	for _, p := range w.statements(tb) {
		if f, ok := first[p.Kind]; !ok || p.Party < f.Party {
			first[p.Kind] = p
		}
	}
	if len(first) != len(forms) {
		tb.Fatalf("%d kinds were said, of %d", len(first), len(forms))
	}
	return slices.Collect(maps.Values(first))
}

// A statement that the ledger does not hold is not there.
func TestOnlyWhatIsLogged(t *testing.T) {
	w := newWorld(t, jobs.SDC)
	w.open(t)
	for _, p := range w.oneOfEach(t) {
		d := suite.DigestOf(w.board[Subject(p.Run, p.Round, p.Kind, p.Party)])
		at := LoggedSubject(run, d)
		for name, entry := range map[string]string{
			"no entry":       "",
			"no index":       string(d),
			"a bad index":    string(d) + " -1",
			"a huge index":   string(d) + " 18446744073709551615",
			"another digest": string(suite.DigestOf([]byte("x"))) + " 1",
			"in capitals":    strings.ToUpper(string(d)) + " 1",
			"no digest":      "sha256: 1",
		} {
			board := maps.Clone(w.board)
			board[at] = []byte(entry)
			if entry == "" {
				delete(board, at)
			}
			v, err := NewView(run, board, w.pins())
			if err != nil {
				t.Fatal(err)
			}
			if v.Said(p.Round, p.Kind, p.Party) {
				t.Errorf("%s of %s is seen with %s", p.Kind, p.Party, name)
			}
		}
		// An entry counts in its own place only, so that it has one index.
		board := maps.Clone(w.board)
		board[LoggedSubject(run, suite.DigestOf([]byte("elsewhere")))] = []byte(string(d) + " 999")
		v, err := NewView(run, board, w.pins())
		if i, ok := v.Index(d); err != nil || !ok || i == 999 {
			t.Errorf("%s of %s is logged at %d, %v", p.Kind, p.Party, i, err)
		}
	}
}

// Nobody speaks in another's name, and nothing that was said about another
// run, round, permit or party, or as another kind, is heard.
func TestOnlyWhoAndWhat(t *testing.T) {
	w := newWorld(t, jobs.SDC)
	w.open(t)
	good := w.view(t)
	for _, p := range w.oneOfEach(t) {
		read := forms[p.Kind].read
		if err := read(good, p); err != nil {
			t.Fatalf("%v: %v", p, err)
		}
		subject := Subject(p.Run, p.Round, p.Kind, p.Party)
		r, err := receipt.Parse(w.board[subject])
		if err != nil {
			t.Fatal(err)
		}
		of := w.of(p.Round, p.Party)
		right := of.About()
		sign := func(who string, kind receipt.Kind, about receipt.Subject, edit func(*Of)) []byte {
			return resign(t, w, r, who, kind, about, edit)
		}
		keep := func(*Of) {}
		bad := map[string][]byte{
			"no receipt":               []byte("x"),
			"another kind":             sign(p.Party, "refusal", right, keep),
			"about another run":        sign(p.Party, p.Kind, Of{"r-2", p.Round, of.Permit, p.Party}.About(), keep),
			"about another round":      sign(p.Party, p.Kind, Of{run, p.Round + 1, of.Permit, p.Party}.About(), keep),
			"about another permit":     sign(p.Party, p.Kind, Of{run, p.Round, suite.DigestOf(nil), p.Party}.About(), keep),
			"a body of another run":    sign(p.Party, p.Kind, right, func(o *Of) { o.Run = "r-2" }),
			"a body of another round":  sign(p.Party, p.Kind, right, func(o *Of) { o.Round++ }),
			"a body of another permit": sign(p.Party, p.Kind, right, func(o *Of) { o.Permit = suite.DigestOf(nil) }),
			"a body of another party":  sign(p.Party, p.Kind, right, func(o *Of) { o.Party = "stranger" }),
		}
		for _, who := range []string{"stranger", "gate", Coordinator, "trustee-2", "site-b", "operator"} {
			if who != p.Party {
				bad["signed by "+who] = sign(who, p.Kind, right, keep)
			}
		}
		for name, raw := range bad {
			spoilt := w.without(p.Round, p.Kind, p.Party)
			spoilt.post(subject, raw)
			v := spoilt.view(t)
			if err := read(v, p); err == nil {
				t.Errorf("%s of %s is heard: %s", p.Kind, p.Party, name)
			}
			if strings.HasPrefix(name, "signed") && v.Said(p.Round, p.Kind, p.Party) {
				t.Errorf("%s of %s is said: %s", p.Kind, p.Party, name)
			}
		}
		// In the place of another it is nobody's.
		for _, other := range []string{"stranger", "gate", Coordinator, "trustee-1", "site-a", "checker-1"} {
			if other == p.Party {
				continue
			}
			moved := w.without(p.Round, p.Kind, other)
			moved.post(Subject(run, p.Round, p.Kind, other), w.board[subject])
			if moved.view(t).Said(p.Round, p.Kind, other) {
				t.Errorf("%s of %s is taken for %s's", p.Kind, p.Party, other)
			}
		}
	}
}

// resign signs what a receipt states anew, as anyone and about anything.
func resign(tb testing.TB, w *world, r receipt.Receipt, who string, kind receipt.Kind, about receipt.Subject, edit func(*Of)) []byte {
	tb.Helper()
	body := forms[r.Kind()].body()
	if err := r.Read(r.Kind(), body); err != nil {
		tb.Fatal(err)
	}
	h, ok := body.(interface{ head() *Of })
	if !ok {
		tb.Fatalf("a %s has no head", r.Kind())
	}
	edit(h.head())
	out, err := receipt.Sign(w.keys[who], kind, about, body)
	if err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func (o *Of) head() *Of { return o }

// A form is how the statements of a kind are read.
type form struct {
	body func() any
	read func(v *View, p Place) error
}

func formOf[B Body]() form {
	return form{
		func() any { return new(B) },
		func(v *View, p Place) error {
			_, err := Read[B](v, p.Round, p.Kind, p.Party)
			return err
		},
	}
}

var forms = map[receipt.Kind]form{
	Round: formOf[RoundBody](), Hello: formOf[HelloBody](), KeyCommit: formOf[KeyCommitBody](), KeyOpen: formOf[KeyOpenBody](),
	Key: formOf[KeyBody](), Receiver: formOf[ReceiverBody](), Commit: formOf[CommitBody](), Confirm: formOf[ConfirmBody](),
	Reveal: formOf[RevealBody](), Sum: formOf[SumBody](), Ready: formOf[ReadyBody](), Active: formOf[ActiveBody](),
	Answer: formOf[AnswerBody](), Candidate: formOf[CandidateBody](), VoteCommit: formOf[VoteCommitBody](),
	VoteOpen: formOf[VoteOpenBody](), Release: formOf[ReleaseBody](),
}

// A key, a set, a confirmed set and the reveals need everyone.
func TestEveryoneIsNeeded(t *testing.T) {
	w := newWorld(t, jobs.SDC)
	w.makeSet(t)
	ladder := func(v *View) (rung string) {
		if _, ok := v.Key(1); !ok {
			return "nothing"
		}
		if _, ok := v.Set(1); !ok {
			return "key"
		}
		if _, ok := v.Confirmed(1); !ok {
			return "set"
		}
		if _, ok, err := v.Revealed(1); !ok || err != nil {
			return "confirmed"
		}
		return "revealed"
	}
	if got := ladder(w.view(t)); got != "revealed" {
		t.Fatalf("with everyone there is %s", got)
	}
	for kind, want := range map[receipt.Kind]string{
		Hello: "nothing", KeyCommit: "nothing", KeyOpen: "nothing", Key: "nothing", // the transcript is theirs
		Receiver: "key", Commit: "key", Confirm: "set", Reveal: "confirmed",
	} {
		for _, p := range w.statements(t) {
			if p.Kind != kind {
				continue
			}
			if got := ladder(w.without(1, kind, p.Party).view(t)); got != want {
				t.Errorf("without the %s of %s there is %s, want %s", kind, p.Party, got, want)
			}
		}
	}
	// One trustee that vouches for another key, or for another transcript.
	for name, edit := range map[string]func(*KeyBody){
		"key":        func(b *KeyBody) { b.Key = suite.DigestOf([]byte("other")) },
		"transcript": func(b *KeyBody) { b.Transcript = suite.DigestOf([]byte("other")) },
	} {
		body := KeyBody{Of: w.of(1, "trustee-3"), Transcript: w.view(t).Transcript(1), Key: suite.DigestOf([]byte("key"))}
		edit(&body)
		spoilt := w.without(1, Key, "trustee-3")
		spoilt.say(t, Key, body)
		if got := ladder(spoilt.view(t)); got != "nothing" {
			t.Errorf("with another %s there is %s", name, got)
		}
	}
}

// A set is confirmed when every member has signed the very one that stands
// here; in mode dp each says what it debited.
func TestConfirmed(t *testing.T) {
	w := newWorld(t, jobs.SDC)
	w.makeSet(t)
	set, _ := w.view(t).Set(1)
	other := suite.DigestOf([]byte("other"))
	for name, edit := range map[string]func(*ConfirmBody){
		"fewer members":   func(b *ConfirmBody) { b.Set.Members, b.Set.Commits = set.Members[:1], set.Commits[:1] },
		"another order":   func(b *ConfirmBody) { b.Set.Members = []string{"site-b", "site-a"} },
		"another commit":  func(b *ConfirmBody) { b.Set.Commits = []suite.Digest{set.Commits[0], other} },
		"swapped commits": func(b *ConfirmBody) { b.Set.Commits = []suite.Digest{set.Commits[1], set.Commits[0]} },
		"another key":     func(b *ConfirmBody) { b.Set.Key = other },
		"another gate":    func(b *ConfirmBody) { b.Set.Receiver = other },
		"no set":          func(b *ConfirmBody) { b.Set = Set{} },
		"a debit in sdc":  func(b *ConfirmBody) { b.Debit = &Debit{} },
	} {
		body := w.confirm(1, "site-b", set)
		edit(&body)
		spoilt := w.without(1, Confirm, "site-b")
		spoilt.say(t, Confirm, body)
		v := spoilt.view(t)
		if _, ok := v.Confirmed(1); ok {
			t.Errorf("confirmed with %s", name)
		}
		if _, ok, err := v.Revealed(1); ok || err != nil {
			t.Errorf("revealed with %s: %v", name, err)
		}
	}
	w = newWorld(t, jobs.DP)
	w.makeSet(t)
	set, _ = w.view(t).Set(1)
	spoilt := w.without(1, Confirm, "site-b")
	spoilt.say(t, Confirm, ConfirmBody{Of: w.of(1, "site-b"), Set: set})
	if _, ok := spoilt.view(t).Confirmed(1); ok {
		t.Error("confirmed in mode dp without a debit")
	}
	w = newWorld(t, jobs.SDC)
	w.makeSet(t)
	set, _ = w.view(t).Set(1)
	spoilt = w.without(1, Confirm, "site-b")
	spoilt.say(t, Confirm, ConfirmBody{Of: w.of(1, "site-b"), Set: set})
	if _, ok := spoilt.view(t).Confirmed(1); ok {
		t.Error("confirmed in mode sdc without evidence")
	}
}

// A reveal that is not what its site committed to is found out, and so is one
// that opens a commitment copied from another site.
func TestReveal(t *testing.T) {
	w := newWorld(t, jobs.SDC)
	w.makeSet(t)
	for name, body := range map[string]RevealBody{
		"other parts":   {Salt: saltOf("site-b"), Parts: partsOf("minus site-a")},
		"another salt":  {Salt: saltOf("x"), Parts: partsOf("site-b")},
		"another's":     {Salt: saltOf("site-a"), Parts: partsOf("site-a")},
		"a part too":    {Salt: saltOf("site-b"), Parts: append(partsOf("site-b"), partsOf("site-b")...)},
		"a part less":   {Salt: saltOf("site-b"), Parts: partsOf("site-b")[:1]},
		"swapped parts": {Salt: saltOf("site-b"), Parts: Parts{partsOf("site-b")[1], partsOf("site-b")[0]}},
		"nothing":       {},
	} {
		body.Of = w.of(1, "site-b")
		spoilt := w.without(1, Reveal, "site-b")
		spoilt.say(t, Reveal, body)
		if parts, ok, err := spoilt.view(t).Revealed(1); ok || parts != nil || !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: revealed %v, %v", name, ok, err)
		}
	}

	w = newWorld(t, jobs.SDC)
	w.makeKey(t)
	commitment := suite.Commit(saltOf("site-a"), w.of(1, "site-a").Bind(partsOf("site-a").Bytes()))
	for _, name := range sites { // site-b has nothing of site-a's but this
		w.say(t, Commit, CommitBody{Of: w.of(1, name), Parts: commitment})
	}
	set, _ := w.view(t).Set(1)
	for _, name := range sites {
		w.say(t, Confirm, w.confirm(1, name, set))
	}
	for _, name := range sites { // site-b has heard site-a
		w.say(t, Reveal, RevealBody{Of: w.of(1, name), Salt: saltOf("site-a"), Parts: partsOf("site-a")})
	}
	if _, ok, err := w.view(t).Revealed(1); ok || !errors.Is(err, fault.Tampered) {
		t.Errorf("a copied commitment opens: %v", err)
	}
}

// What ends a run, and who can.
func TestOver(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    receipt.Kind
		body    func(w *world) Body
		dead    fault.Code
		refused fault.Code
		over    bool
	}{
		{"the gate ends it", Dead, func(w *world) Body { return DeadBody{Of: w.of(0, "gate"), Code: "tampered"} }, "tampered", "", true},
		{"the coordinator ends it", Dead, func(w *world) Body { return DeadBody{Of: w.of(0, Coordinator), Code: "run-dead"} }, "run-dead", "", true},
		{"a trustee ends it", Dead, func(w *world) Body { return DeadBody{Of: w.of(0, "trustee-1"), Code: "set"} }, "set", "", true},
		{"a site ends it", Dead, func(w *world) Body { return DeadBody{Of: w.of(0, "site-a"), Code: "slots"} }, "slots", "", true},
		{"a replay agrees", Replayed, func(w *world) Body { return ReplayedBody{w.of(0, "site-a"), true} }, "", "", false},
		{"a replay does not agree", Replayed, func(w *world) Body { return ReplayedBody{w.of(0, "site-a"), false} }, "engines", "", true},
		{"a stranger's replay does not agree", Replayed, func(w *world) Body { return ReplayedBody{w.of(0, "stranger"), false} }, "", "", false},
		{"a stranger would end it", Dead, func(w *world) Body { return DeadBody{Of: w.of(0, "stranger"), Code: "run-dead"} }, "", "", false},
		{"a site refuses", Refusal, func(w *world) Body { return RefusalBody{Of: w.of(0, "site-b"), Code: "budget"} }, "", "budget", true},
		{"a trustee refuses", Refusal, func(w *world) Body { return RefusalBody{Of: w.of(0, "trustee-1"), Code: "budget"} }, "", "", false},
		{"a stranger refuses", Refusal, func(w *world) Body { return RefusalBody{Of: w.of(0, "stranger"), Code: "budget"} }, "", "", false},
		{"a trustee has lost its secrets", Lost, func(w *world) Body { return LostBody{w.of(1, "trustee-1")} }, "", "", false},
		{"there is a candidate", Candidate, func(w *world) Body { return CandidateBody{Of: w.of(0, "gate")} }, "", "", true},
		{"a site has a candidate", Candidate, func(w *world) Body { return CandidateBody{Of: w.of(0, "site-a")} }, "", "", false},
	} {
		w := newWorld(t, jobs.SDC)
		w.makeKey(t)
		w.say(t, c.kind, c.body(w))
		v := w.view(t)
		if v.Over() != c.over || v.Dead() != c.dead || v.Refused() != c.refused {
			t.Errorf("%s: over %v, dead %q, refused %q", c.name, v.Over(), v.Dead(), v.Refused())
		}
	}
	w := newWorld(t, jobs.SDC)
	w.say(t, Refusal, RefusalBody{Of: w.of(0, "site-b"), Code: "budget"})
	w.say(t, Refusal, RefusalBody{Of: w.of(0, "site-a"), Code: "dataset"})
	if code := w.view(t).Refused(); code != "dataset" {
		t.Errorf("of two refusals the first by name is %q", code)
	}
}

// Rounds follow on one another, from 1.
func TestRounds(t *testing.T) {
	w := newWorld(t, jobs.SDC)
	for i, n := range []int{2, 4, 1, 3} {
		w.say(t, Round, RoundBody{w.of(n, Coordinator)})
		if got, want := w.view(t).Round(), []int{0, 0, 2, 4}[i]; got != want {
			t.Errorf("after round %d was said the round is %d, want %d", n, got, want)
		}
	}
	// A key of an earlier round is none of a later one's.
	w = newWorld(t, jobs.SDC)
	w.makeSet(t)
	w.say(t, Round, RoundBody{w.of(2, Coordinator)})
	v := w.view(t)
	if _, ok := v.Key(2); ok || v.CRS(1) == v.CRS(2) {
		t.Error("round 2 has the key of round 1")
	}
	other := w.without(1, Hello, "trustee-2")
	other.say(t, Hello, HelloBody{Of: w.of(1, "trustee-2"), Nonce: saltOf("chosen later")})
	if o := other.view(t); o.CRS(1) == v.CRS(1) || o.Transcript(1) == v.Transcript(1) {
		t.Error("a trustee's nonce is no part of the reference string")
	}
}

// A permit or a start that does not hold is seen as that, and nothing else is
// but what sites say of it.
func TestBrokenPermit(t *testing.T) {
	w := newWorld(t, jobs.SDC)
	w.open(t)
	w.say(t, Refusal, RefusalBody{Of: w.of(0, "site-a"), Code: "permit-broken"})
	permitAt, startAt := Subject(run, 0, Permit, Coordinator), Subject(run, 0, jobs.Start, Operator)
	for name, c := range map[string]struct {
		at  string
		raw []byte
	}{
		"no permit at all":    {permitAt, []byte("x")},
		"an altered permit":   {permitAt, bytes.Replace(w.bundle, []byte(`"uses":1`), []byte(`"uses":9`), 1)},
		"a start by the gate": {startAt, w.start(t, "gate", run).Bytes()},
		"another run's start": {startAt, w.start(t, "operator", "r-2").Bytes()},
		"no start at all":     {startAt, []byte("x")},
	} {
		board := maps.Clone(w.board)
		board[c.at] = c.raw
		v, err := NewView(run, board, w.pins())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if v.Err() == nil || !v.Over() || v.Refused() != "permit-broken" || len(v.said) != 1 {
			t.Errorf("%s: %v, over %v, refused %q, %d statements", name, v.Err(), v.Over(), v.Refused(), len(v.said))
		}
		delete(board, c.at)
		if _, err := NewView(run, board, w.pins()); !errors.Is(err, fault.NotFound) {
			t.Errorf("without what %s stands for: %v", name, err)
		}
	}
	if v, err := NewView(run, w.board, nil); err != nil || !errors.Is(v.Err(), fault.Tampered) {
		t.Errorf("a view without pins: %v, %v", v.Err(), err)
	}
}

// Nothing that a stranger posts, wherever, changes a view.
func FuzzBoard(f *testing.F) {
	w := newWorld(f, jobs.SDC)
	w.makeSet(f)
	want := w.view(f)
	f.Add(Subject(run, 1, Hello, "trustee-1"), w.board[Subject(run, 1, Hello, "trustee-2")])
	f.Add(Subject(run, 2, Round, Coordinator), w.board[Subject(run, 1, Round, Coordinator)])
	f.Add(LoggedSubject(run, suite.DigestOf(nil)), []byte("sha256: 1"))
	f.Add(Subject(run, 0, Dead, "gate"), []byte("{}"))
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		if _, taken := w.board[subject]; taken {
			return // the board takes a subject once
		}
		board := maps.Clone(w.board)
		board[subject] = data
		d := suite.DigestOf(data)
		board[LoggedSubject(run, d)] = fmt.Appendf(nil, "%s 1000", d)
		v, err := NewView(run, board, w.pins())
		if err != nil || len(v.said) != len(want.said) || v.Round() != 1 || v.Over() {
			t.Fatalf("%s changes the view: %d statements, %v", subject, len(v.said), err)
		}
	})
}
