package schedules

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/enclave/he/hetest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// Each attack twice: on the parties as they are, and where the defence is off.

// plus is what several vectors, each so many times, come to.
func (w *world) plus(times map[string]int64) []int64 {
	out := make([]int64, w.terms.Slots())
	for name, k := range times {
		for i, x := range w.values[name] {
			out[i] += k * x
		}
	}
	return out
}

// A member makes its part of another's, whose ciphertexts it has. Commit, then
// reveal: when it has them it is too late. The defence is off where the others'
// ciphertexts are out before it commits: the member reads them in their stores.
func TestMalleableParts(t *testing.T) {
	lies := []struct {
		name string
		off  func(m *member, theirs [][][]byte, own [][][]byte) [][][]byte
		then map[string]int64 // what the sum is then
	}{
		{"negates", func(_ *member, theirs, _ [][][]byte) [][][]byte { return scaled(theirs, -1) }, map[string]int64{"site-school": 1}},
		{"copies", func(_ *member, theirs, _ [][][]byte) [][][]byte { return theirs }, map[string]int64{victim: 2, "site-school": 1}},
		{"scales", func(_ *member, theirs, _ [][][]byte) [][][]byte { return scaled(theirs, 5) }, map[string]int64{victim: 6, "site-school": 1}},
		{"pads", func(_ *member, theirs, own [][][]byte) [][][]byte { return scaled(theirs, 1, own) }, map[string]int64{victim: 2, "site-school": 1, liar: 1}},
	}
	for _, lie := range lies[:many(1, len(lies))] {
		t.Run(lie.name, func(t *testing.T) {
			w := newWorld(t, 11, 3)
			l := w.dress(cast{member: lie.name})
			w.end()
			if v := w.all(); v.Dead() != "tampered" || w.released() != nil || v.Said(1, msg.Ready, "trustee-1") {
				t.Errorf("the run is dead of %q, released %v", v.Dead(), w.released())
			}
			if err := w.judge(l); err != nil {
				t.Error(err)
			}

			w = newWorld(t, 12, 3)
			m := w.member(liar)
			m.instead = func(ctx context.Context, v *msg.View, n int) ([][][]byte, error) {
				theirs := w.sealed(ctx, victim, n)
				if theirs == nil {
					return nil, fault.NotFound // not yet
				}
				d, _ := v.Key(n)
				key, err := party.Fetch(ctx, w.board, d, he.PublicKeySize)
				if err != nil {
					return nil, err
				}
				own, err := hetest.Encrypt(key, m.values)
				return lie.off(m, theirs, own), err
			}
			w.liesAs(liar, m)
			w.calm()
			if got := w.released(); !slices.Equal(got, w.plus(lie.then)) {
				t.Errorf("with the defence off %v comes out, want %v", got, w.plus(lie.then))
			}
			if lie.name == "negates" && w.judge(liars{member: m}) == nil {
				t.Error("the judge does not see a domain's partial")
			}
		})
	}
}

// What was revealed in one round is negated in the next. Every round has a key
// of its own; the defence is off where trustees keep one.
func TestEarlierRound(t *testing.T) {
	for _, off := range []bool{false, true} {
		w := newWorld(t, 21, 3)
		m := w.lyingMember(liar, "negates an earlier round's")
		w.liesAs(liar, m)
		for i := 1; off && i <= 3; i++ {
			h := w.hand(w.terms.Trustees.Members[i-1].Name)
			h.sameKey = true
			w.liesAs(h.name, h)
		}
		w.until(msg.Reveal, victim, liar, "site-school")
		w.restart("gate")
		w.calm()
		if w.all().Round() != 2 {
			t.Fatalf("the run is in round %d", w.all().Round())
		}
		got := w.released()
		if !off && (got != nil || w.all().Dead() != "tampered") {
			t.Errorf("released %v, dead of %q", got, w.all().Dead())
		}
		if off && !slices.Equal(got, w.values["site-school"]) {
			t.Errorf("with one key for all rounds %v comes out, not what site-school came to", got)
		}
	}
}

// A gate presents another sum than that of the set. Every trustee adds by
// itself; the defence is off where they take the gate's word.
func TestPresentedSums(t *testing.T) {
	lies := []struct {
		lie  string
		want func(w *world, sum []int64) []int64
	}{
		{"a member alone", func(w *world, _ []int64) []int64 { return w.values[victim] }},
		{"plus one", func(_ *world, sum []int64) []int64 { return []int64{sum[0] + 1, sum[1], sum[2], sum[3]} }},
		{"twice", func(_ *world, sum []int64) []int64 { return []int64{2 * sum[0], 2 * sum[1], 2 * sum[2], 2 * sum[3]} }},
	}
	for _, x := range lies[:many(1, len(lies))] {
		lie, want := x.lie, x.want
		w := newWorld(t, 31, 3)
		l := w.dress(cast{ear: lie})
		complaints := w.calm()
		for _, name := range w.all().Trustees() {
			if !errors.Is(complaints[name], fault.Tampered) || w.all().Said(1, msg.Ready, name) {
				t.Errorf("%s: %s says %v", lie, name, complaints[name])
			}
		}
		w.end()
		if err := w.judge(l); err != nil || len(l.ear.opened) > 0 {
			t.Errorf("%s: opened %v, %v", lie, l.ear.opened, err)
		}

		w = newWorld(t, 32, 3)
		l = w.dress(cast{ear: lie})
		l.ear.rounds = 1
		for _, p := range w.terms.Trustees.Members {
			h := w.hand(p.Name)
			h.credulous = true
			w.liesAs(p.Name, h)
		}
		w.calm()
		sum := w.plus(map[string]int64{victim: 1, liar: 1, "site-school": 1})
		if got := l.ear.opened[1]; !slices.Equal(got, want(w, sum)) {
			t.Errorf("%s: with the defence off %v comes out, want %v", lie, got, want(w, sum))
		}
		if lie == "a member alone" && w.secret(l, [][]int64{l.ear.opened[1]}) == nil {
			t.Error("the judge does not see a domain's partial")
		}
	}
}

// A gate opens in every round that it can get. It hears the same sum again: the
// members are the same, their partials are stored, and every key is new.
func TestReopens(t *testing.T) {
	w := newWorld(t, 41, 3)
	l := w.dress(cast{ear: "opens again"})
	w.end()
	if len(l.ear.opened) != l.ear.rounds {
		t.Fatalf("the gate has opened %d rounds of %d", len(l.ear.opened), l.ear.rounds)
	}
	if err := w.judge(l); err != nil {
		t.Error(err)
	}
}

// The coordinator shows two halves of a committee of which any two open two
// sets: the liar has committed twice. The honest sites sign one; the defence is
// off where they sign whatever they are shown.
func TestSplitSets(t *testing.T) {
	for _, off := range []bool{false, true} {
		w := newWorld(t, 51, 4)
		half := []string{"trustee-3", "trustee-4"}
		m := w.member(liar)
		w.liesAs(liar, m)
		if off {
			for _, name := range []string{victim, "site-school"} {
				w.liesAs(name, w.member(name))
			}
			e := w.ear()
			e.rounds = 1
			w.liesAs("gate", e)
		}
		w.until(msg.Commit, victim, liar, "site-school")
		if w.all().Said(1, msg.Confirm, victim) {
			t.Fatal("the sites were too quick for this test")
		}
		w.second(m, half, off)
		w.calm()
		if off {
			w.callHalf(half)
			w.calm()
		}
		err := w.oneSet()
		if off != (err != nil) {
			t.Errorf("defence off %v: %v", off, err)
		}
		if answered := w.parties["trustee-3"].Remembers(run, 1, msg.Answer); answered != off {
			t.Errorf("defence off %v: trustee-3 has answered %v", off, answered)
		}
		if !off && !is(w.released(), w.oracle(w.everyone()...)) {
			t.Errorf("released %v", w.released())
		}
	}
}

// second has the liar commit, confirm and reveal a second time, for half of the
// trustees to see; with the others' signatures, if they give them.
func (w *world) second(m *member, half []string, signed bool) {
	w.Helper()
	v := w.all()
	d, _ := v.Key(1)
	key, err := party.Fetch(w.Context(), w.board, d, he.PublicKeySize)
	must(w.TB, err)
	parts, err := hetest.Encrypt(key, []int64{1, 1, 1, 1})
	must(w.TB, err)
	for _, ct := range slices.Concat(parts...) {
		must(w.TB, party.Put(w.Context(), w.board, "site-a", ct))
	}
	of, salt := v.Of(1, liar), suite.Salt{3}
	subject, raw := w.sign(msg.Commit, liar, msg.CommitBody{Of: of, Parts: suite.Commit(salt, of.Bind(hetest.Digests(parts).Bytes()))})
	w.show(subject, raw, half...)
	w.deliver(half[0], false, false)
	set, ok := w.view(half[0]).Set(1)
	if here, _ := v.Set(1); !ok || set.Equal(here) {
		w.Fatal("there are no two sets")
	}
	debit := m.debit(w.terms)
	for _, name := range v.Sites() {
		if name == liar || signed {
			subject, raw = w.sign(msg.Confirm, name, msg.ConfirmBody{Of: v.Of(1, name), Set: set, Debit: &debit})
			w.show(subject, raw, half...)
		}
	}
	subject, raw = w.sign(msg.Reveal, liar, msg.RevealBody{Of: of, Salt: salt, Parts: hetest.Digests(parts)})
	w.show(subject, raw, half...)
}

// callHalf has the gate present the second sum to half of the trustees, and
// call them.
func (w *world) callHalf(half []string) {
	w.Helper()
	parts, ok, err := w.view(half[0]).Revealed(1)
	if !ok || err != nil {
		w.Fatal(ok, err)
	}
	lists := make([][][][]byte, len(parts))
	for i, p := range parts {
		lists[i], err = w.fetch(w.Context(), p)
		must(w.TB, err)
	}
	sum := scaled(lists[0], 1, lists[1:]...)
	of := w.all().Of(1, "gate")
	subject, r, err := msg.Say(w.Keys["gate"], msg.Sum, msg.SumBody{Of: of, Parts: hetest.Digests(sum)})
	must(w.TB, err)
	w.show(subject, r.Bytes(), half...)
	subject, raw := w.sign(msg.Active, "gate", msg.ActiveBody{Of: of, Sum: r.Digest(), Points: []int{3, 4}})
	w.show(subject, raw, half...)
}

// The same run again under a permit of fewer domains, which their providers
// have signed: the difference is the one that is left out. Sites sign one set a
// run, and trustees know what they opened; the defence is off where neither
// remembers anything.
func TestAnotherPermit(t *testing.T) {
	for _, off := range []bool{false, true} {
		w := newWorld(t, 61, 3)
		l := w.dress(cast{ear: "opens again"})
		l.ear.rounds = 1
		if off {
			for _, name := range w.order[:6] {
				if name == corrupt || name[:4] != "site" {
					w.liesAs(name, w.hand(name))
				} else {
					w.liesAs(name, w.member(name))
				}
			}
		}
		w.until(msg.Active, "gate")
		w.calm()
		if l.ear.opened[1] == nil {
			t.Fatal("the gate has opened nothing")
		}
		w.fewer()
		complaints := w.pass()
		w.calm()
		if off {
			if got := l.ear.opened[2]; got == nil || w.secret(l, [][]int64{l.ear.opened[1], got}) == nil && !differ(l.ear.opened[1], got, w.values["site-school"]) {
				t.Errorf("with the defence off %v comes out after %v", got, l.ear.opened[1])
			}
			continue
		}
		if l.ear.opened[2] != nil || !errors.Is(complaints[victim], fault.Tampered) {
			t.Errorf("opened %v; %s says %v", l.ear.opened[2], victim, complaints[victim])
		}
		if !w.parties["trustee-1"].Remembers(run, 0, msg.Dead) {
			t.Error("trustee-1 takes part in a sum that singles site-school out")
		}
	}
}

func differ(x, y, by []int64) bool {
	for i := range x {
		if x[i]-y[i] != by[i] {
			return false
		}
	}
	return true
}

// fewer shows everybody the run under a permit without the last member, in its
// second round.
func (w *world) fewer() {
	w.Helper()
	all := append(slices.Clone(w.order), "")
	t := w.terms
	t.ID, t.Members = "p-2", t.Members[:2]
	w.show(msg.Subject(run, 0, msg.Permit, msg.Coordinator), w.permit(t), all...)
	w.show(msg.Subject(run, 0, jobs.Start, msg.Operator), w.Start(w.TB, "op", run, t).Bytes(), all...)
	of := func(n int, name string) msg.Of { return msg.Of{Run: run, Round: n, Permit: t.Digest(), Party: name} }
	for n := 1; n <= 2; n++ {
		subject, raw := w.sign(msg.Round, coordinator, msg.RoundBody{Of: of(n, coordinator)})
		w.show(subject, raw, all...)
	}
	for _, m := range t.Members {
		subject, raw := w.sign(msg.Admitted, m.Site.Name, w.admitted(of(0, m.Site.Name)))
		w.show(subject, raw, all...)
	}
	w.actors[coordinator] = idle{}
	delete(w.parties, coordinator)
	w.order = slices.DeleteFunc(w.order, func(name string) bool { return name == coordinator })
}

// The coordinator makes a permit of its own, with members, trustees and a gate
// that are all its own and one true site, and signs it for the providers. The
// site knows its provider by a key that a person pinned. The defence is off
// where the pin is the coordinator's key.
func TestCoordinatorForges(t *testing.T) {
	for _, off := range []bool{false, true} {
		w := newWorld(t, 71, 3)
		l := liars{ear: w.ear()}
		l.ear.rounds = 1
		w.liesAs("gate", l.ear)
		for _, name := range w.order[1:6] {
			if name[:4] == "site" {
				w.values[name] = make([]int64, w.terms.Slots())
				w.liesAs(name, w.member(name))
			} else {
				w.liesAs(name, w.hand(name))
			}
		}
		if !off { // it holds all keys of the permit but for one officer's
			w.Keys["hospital-officer"] = w.Stranger(t)
			forged := w.terms
			forged.Members = slices.Clone(forged.Members)
			forged.Members[0].Provider.Key = w.Keys["hospital-officer"].Public()
			w.terms = forged
			all := append(slices.Clone(w.order), "")
			w.show(msg.Subject(run, 0, msg.Permit, msg.Coordinator), w.permit(forged), all...)
			w.show(msg.Subject(run, 0, jobs.Start, msg.Operator), w.Start(t, "op", run, forged).Bytes(), all...)
			for _, name := range all {
				if name != victim {
					w.pins[name] = jobs.Pins{"hospital": forged.Members[0].Provider.Key, "transit": w.pins["transit"]["transit"], "school": forged.Members[2].Provider.Key}
					w.pins[name]["transit"] = forged.Members[1].Provider.Key
				}
			}
			w.whole, w.heard = nil, 0
			clear(w.views)
		}
		w.calm()
		got := l.ear.opened[1]
		if !off && (got != nil || w.all().Said(1, msg.Commit, victim)) {
			t.Errorf("the site obeys a permit that its provider did not sign: %v", got)
		}
		if off && !slices.Equal(got, w.values[victim]) {
			t.Errorf("with the defence off %v comes out, want %v", got, w.values[victim])
		}
	}
}

// One trustee and the coordinator would choose the collective key: the trustee
// is shown to have committed, reads the others' shares, and is then shown to
// have committed to another share, which takes them away. Trustees hold to the
// commitments that they opened after; the defence is off where they take what
// they are shown last.
func TestRogueKey(t *testing.T) {
	for _, off := range []bool{false, true} {
		w := newWorld(t, 81, 3)
		honest := []string{"trustee-1", "trustee-2"}
		x := &rogue{world: w, of: w.all().Of(1, corrupt)}
		w.liesAs(corrupt, idle{})
		for _, name := range honest {
			if off {
				w.liesAs(name, w.hand(name))
			}
		}
		w.until(msg.Round, coordinator)
		x.greet()
		w.until(msg.KeyCommit, honest...)
		x.commitTo([]byte("some share"), honest)
		w.until(msg.KeyOpen, honest...)
		x.choose(honest)
		complaints := w.pass()
		w.pass()
		x.vouch()
		w.calm()
		if !off {
			for _, name := range honest {
				if !errors.Is(complaints[name], fault.Tampered) {
					t.Errorf("%s vouches for a key that one trustee chose: %v", name, complaints[name])
				}
			}
			if _, ok := w.all().Key(1); ok {
				t.Error("there is a key that one trustee chose")
			}
		}
		if got := x.decrypt(); off != slices.Equal(got, w.values[victim]) {
			t.Errorf("defence off %v: one trustee and the coordinator read %v of a domain that came to %v", off, got, w.values[victim])
		}
	}
}

// An idle actor does nothing by itself.
type idle struct{}

// Advance does nothing.
func (idle) Advance(context.Context, *msg.View) error { return nil }

// A rogue is a trustee with a committee of its own in its head, whose key it
// would have the others vouch for.
type rogue struct {
	*world
	of   msg.Of
	box  suite.Box
	head [2]*he.Member
	key  []byte
}

func (x *rogue) greet() {
	x.Helper()
	var err error
	x.box, err = suite.NewBox()
	must(x.TB, err)
	must(x.TB, x.say(x.Context(), msg.Hello, corrupt, msg.HelloBody{Of: x.of, Box: x.box.Public(), Nonce: suite.Salt{5}, Seq: 1}))
}

// commitTo shows the honest a commitment.
func (x *rogue) commitTo(share []byte, honest []string) {
	x.Helper()
	subject, raw := x.sign(msg.KeyCommit, corrupt, msg.KeyCommitBody{Of: x.of, Share: suite.Commit(suite.Salt{6}, x.of.Bind(share))})
	x.show(subject, raw, append(honest, "")...)
}

// choose makes the share that takes the others' away, and has it opened.
func (x *rogue) choose(honest []string) {
	x.Helper()
	v := x.all()
	var own, theirs [][]byte
	for i := range x.head {
		m, err := he.NewMember(i+1, []int{1, 2}, 2)
		must(x.TB, err)
		share, err := m.CKGShare(v.CRS(1))
		must(x.TB, err)
		x.head[i], own = m, append(own, share)
	}
	key, err := he.PublicKey(v.CRS(1), own)
	must(x.TB, err)
	x.key = key
	hellos, _ := msg.All[msg.HelloBody](v, 1, msg.Hello, v.Trustees())
	letters := map[string]suite.Digest{}
	for i, name := range honest {
		o, err := msg.Read[msg.KeyOpenBody](v, 1, msg.KeyOpen, name)
		must(x.TB, err)
		share, err := party.Fetch(x.Context(), x.board, o.Share, he.CKGShareSize)
		must(x.TB, err)
		theirs = append(theirs, scaledOne(share, -1))
		letter, err := hellos[i].Box.Seal(letterInfo(v, 1, corrupt, name), make([]byte, he.ShamirShareSize))
		must(x.TB, err)
		must(x.TB, party.Put(x.Context(), x.board, "trustee", letter))
		letters[name] = suite.DigestOf(letter)
	}
	share := scaledOne(key[he.SeedSize:], 1, theirs...)
	x.commitTo(share, append(honest, x.Sites()...))
	must(x.TB, x.say(x.Context(), msg.KeyOpen, corrupt, msg.KeyOpenBody{Of: x.of, Salt: suite.Salt{6}, Share: suite.DigestOf(share), Letters: letters}, share))
}

// Sites are all who must see the same commitment in the end.
func (x *rogue) Sites() []string {
	return []string{victim, liar, "site-school", "gate", coordinator}
}

func (x *rogue) vouch() {
	x.Helper()
	must(x.TB, x.say(x.Context(), msg.Key, corrupt, msg.KeyBody{Of: x.of, Transcript: x.all().Transcript(1), Key: suite.DigestOf(x.key)}))
}

// decrypt has the committee in the head open what the victim sealed; nil if it
// sealed nothing.
func (x *rogue) decrypt() []int64 {
	x.Helper()
	cts := x.sealed(x.Context(), victim, 1)
	if cts == nil {
		return nil
	}
	a, err := x.head[0].ShamirShares()
	must(x.TB, err)
	b, err := x.head[1].ShamirShares()
	must(x.TB, err)
	must(x.TB, x.head[0].Receive(map[int][]byte{2: b[1]}))
	must(x.TB, x.head[1].Receive(map[int][]byte{1: a[2]}))
	to, err := he.NewReceiver()
	must(x.TB, err)
	answers := map[int][][][]byte{}
	for i, m := range x.head {
		answers[i+1], err = hetest.Answer(m, []int{1, 2}, to.PublicKey(), cts)
		must(x.TB, err)
	}
	values, err := hetest.Open(to, cts, answers, x.terms.Slots(), bound)
	must(x.TB, err)
	return values
}
