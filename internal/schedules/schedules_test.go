package schedules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/enclave/he/hetest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/opening"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// A cast says who lies in a run, and how; "" is nobody.
type cast struct{ member, hand, ear, forger string }

func (c cast) String() string { return fmt.Sprintf("%q %q %q %q", c.member, c.hand, c.ear, c.forger) }

// What liars do. Each is refused in whatever schedule, or does no harm.
var (
	memberLies = []string{"copies", "negates", "scales", "pads", "copies the commitment", "withholds", "negates an earlier round's"}
	handLies   = []string{"mute", "spoils", "deals rubbish", "equivocates", "answers all"}
	earLies    = []string{"plus one", "twice", "a member alone", "swapped moduli", "opens again"}
)

func (w *world) choose(lies []string, of int) string {
	if w.rng.IntN(of) > 0 {
		return ""
	}
	return lies[w.rng.IntN(len(lies))]
}

// liars are the test's own parties of a run, as far as there are some.
type liars struct {
	member *member
	hand   *hand
	ear    *ear
}

func (w *world) dress(c cast) liars {
	w.Helper()
	var l liars
	if c.member != "" {
		l.member = w.lyingMember(liar, c.member)
		w.liesAs(liar, l.member)
	}
	if c.hand != "" {
		l.hand = w.hand(corrupt)
		l.hand.mute, l.hand.spoils, l.hand.deals, l.hand.credulous = c.hand == "mute", c.hand == "spoils", c.hand == "deals rubbish", c.hand == "answers all"
		w.liesAs(corrupt, l.hand)
		if c.hand == "equivocates" {
			w.equivocate()
		}
	}
	if c.ear != "" {
		l.ear = w.lyingEar(c.ear)
		w.liesAs("gate", l.ear)
	}
	if c.forger != "" {
		w.forge()
	}
	return l
}

func (w *world) lyingMember(name, lie string) *member {
	m := w.member(name)
	own := func(ctx context.Context, v *msg.View, n int) [][][]byte {
		d, _ := v.Key(n)
		key, err := party.Fetch(ctx, w.board, d, he.PublicKeySize)
		must(w.TB, err)
		parts, err := hetest.Encrypt(key, m.values)
		must(w.TB, err)
		return parts
	}
	switch lie {
	case "copies":
		m.late(func(p [][][]byte) [][][]byte { return p })
	case "negates":
		m.late(func(p [][][]byte) [][][]byte { return scaled(p, -1) })
	case "scales":
		m.late(func(p [][][]byte) [][][]byte { return scaled(p, 5) })
	case "pads":
		m.late(func(p [][][]byte) [][][]byte { return scaled(p, 1, own(w.Context(), w.all(), max(1, w.all().Round()))) })
	case "copies the commitment":
		m.copies = true
		m.late(func(p [][][]byte) [][][]byte { return p })
	case "withholds":
		m.withholds = true
	case "negates an earlier round's":
		m.instead = w.earlier
	}
	return m
}

// earlier is the negative of what the victim revealed in the round before, nil
// if it did not.
func (w *world) earlier(ctx context.Context, v *msg.View, n int) ([][][]byte, error) {
	theirs, err := msg.Read[msg.RevealBody](v, n-1, msg.Reveal, victim)
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	parts, err := w.fetch(ctx, theirs.Parts)
	return scaled(parts, -1), err
}

func (w *world) lyingEar(lie string) *ear {
	e := w.ear()
	e.presents = func(ctx context.Context, v *msg.View, n int, parts []msg.Parts) ([][][]byte, error) {
		lists := make([][][][]byte, len(parts))
		for i, p := range parts {
			var err error
			if lists[i], err = w.fetch(ctx, p); err != nil {
				return nil, err
			}
		}
		sum := scaled(lists[0], 1, lists[1:]...)
		switch lie {
		case "plus one":
			d, _ := v.Key(n)
			key, err := party.Fetch(ctx, w.board, d, he.PublicKeySize)
			if err != nil {
				return nil, err
			}
			one, err := hetest.Encrypt(key, []int64{1, 0, 0, 0})
			return scaled(sum, 1, one), err
		case "twice":
			return scaled(sum, 2), nil
		case "a member alone":
			return lists[0], nil
		case "swapped moduli":
			return [][][]byte{sum[1], sum[0]}, nil
		default:
			return sum, nil
		}
	}
	return e
}

// equivocate shows the honest trustees two hellos of the corrupt one.
func (w *world) equivocate() {
	of := msg.Of{Run: run, Round: 1, Permit: w.terms.Digest(), Party: corrupt}
	box, err := suite.NewBox()
	must(w.TB, err)
	subject, raw := w.sign(msg.Hello, corrupt, msg.HelloBody{Of: of, Box: box.Public(), Nonce: suite.Salt{99}, Seq: 1})
	w.show(subject, raw, "trustee-1")
}

// forge shows everybody statements of others that the coordinator has signed,
// where these have not said anything yet.
func (w *world) forge() {
	of := func(n int, name string) msg.Of {
		return msg.Of{Run: run, Round: n, Permit: w.terms.Digest(), Party: name}
	}
	for _, x := range []struct {
		kind receipt.Kind
		body msg.Body
		at   string
	}{
		{msg.Receiver, msg.ReceiverBody{Of: of(1, "gate"), Key: suite.DigestOf([]byte("mine")), Evidence: suite.DigestOf([]byte("mine"))}, msg.Subject(run, 1, msg.Receiver, "gate")},
		{msg.Key, msg.KeyBody{Of: of(1, "trustee-1"), Key: suite.DigestOf([]byte("mine"))}, msg.Subject(run, 1, msg.Key, "trustee-1")},
		{msg.Confirm, msg.ConfirmBody{Of: of(1, "site-school")}, msg.Subject(run, 1, msg.Confirm, "site-school")},
		{msg.Active, msg.ActiveBody{Of: of(1, "gate"), Points: []int{1, 2}}, msg.Subject(run, 1, msg.Active, "gate")},
		{msg.Candidate, msg.CandidateBody{Of: of(0, "gate")}, msg.Subject(run, 0, msg.Candidate, "gate")},
	} {
		_, raw := w.sign(x.kind, coordinator, x.body)
		for _, name := range w.order {
			if w.seen[name] == nil {
				w.seen[name] = map[string][]byte{}
			}
			w.seen[name][x.at] = raw // until it is shown what is really there
		}
	}
}

// storm lets things happen in any order.
func (w *world) storm(events int) {
	w.Helper()
	for event := range events {
		if event%3 == 0 {
			w.hear()
		}
		name := w.order[w.rng.IntN(len(w.order))]
		switch x := w.rng.IntN(20); {
		case x < 2 && w.parties[name] != nil:
			w.restart(name)
		case x < 4 && w.parties[name] != nil:
			w.deliver(name, true, false)
			w.die(name)
			continue
		case x < 6:
			w.rollBack(name)
		case x < 8: // once more, with nothing new
		default:
			w.deliver(name, true, x < 11)
		}
		if err := w.turn(name); err != nil {
			w.wantKind(name, err)
		}
	}
}

// died is what a party dies of beside its journal.
type died struct{}

// die lets a party take its steps, and kills it beside an entry of its
// journal, if it comes so far.
func (w *world) die(name string) {
	w.Helper()
	left := w.rng.IntN(6)
	w.parties[name].Crash = func(string) {
		if left--; left < 0 {
			panic(died{})
		}
	}
	defer func() {
		if x := recover(); x != nil {
			if _, ok := x.(died); !ok {
				panic(x)
			}
		}
		w.parties[name].Crash = nil
		if left < 0 {
			w.restart(name)
		}
	}()
	if err := w.turn(name); err != nil {
		w.wantKind(name, err)
	}
}

// wantKind: a real party does not stop for a reason that has no kind.
func (w *world) wantKind(name string, err error) {
	w.Helper()
	if w.parties[name] != nil && fault.Of(err) == fault.Internal && !errors.Is(err, party.ErrLost) {
		w.Errorf("%s: %v", name, err)
	}
}

// end takes a run to its end in calm; if nobody has more to say, whoever
// operates the coordinator ends it.
func (w *world) end() {
	w.Helper()
	for name, err := range w.calm() {
		w.wantKind(name, err)
	}
	if !w.all().Over() {
		must(w.TB, w.say(w.Context(), msg.Dead, coordinator, msg.DeadBody{Of: w.all().Of(0, coordinator), Code: "run-dead"}))
		w.calm()
	}
}

// oracle is the sum of what the members' domains came to.
func (w *world) oracle(names ...string) []*big.Int {
	sum := make([]*big.Int, w.terms.Slots())
	for i := range sum {
		sum[i] = new(big.Int)
		for _, name := range names {
			sum[i].Add(sum[i], big.NewInt(w.values[name][i]))
		}
	}
	return sum
}

func (w *world) everyone() []string { return w.last().Sites() }

// is reports whether a vector is that of the oracle.
func is(values []int64, want []*big.Int) bool {
	return slices.EqualFunc(values, want, func(v int64, x *big.Int) bool { return x.Cmp(big.NewInt(v)) == 0 })
}

// released opens the gate's letter at the desk; nil if there is none.
func (w *world) released() []int64 {
	w.Helper()
	body, err := msg.Read[msg.CandidateBody](w.all(), 0, msg.Candidate, "gate")
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	must(w.TB, err)
	sealed, err := party.Fetch(w.Context(), w.board, body.Letter, 1<<20)
	must(w.TB, err)
	plain, err := w.Desk.Open(msg.LetterInfo(run, w.terms.Digest()), sealed)
	must(w.TB, err)
	var letter msg.Letter
	must(w.TB, json.Unmarshal(plain, &letter))
	c, err := jobs.ParseCandidate(letter.Candidate)
	must(w.TB, err)
	values := make([]int64, w.terms.Slots())
	for i, cell := range c.Cells {
		for m, x := range cell {
			values[m*len(c.Cells)+i] = x
		}
	}
	return values
}

// judge says what of the property does not hold.
func (w *world) judge(l liars) error {
	w.Helper()
	v := w.all()
	var opened [][]int64
	released := w.released()
	switch code := v.Dead(); {
	case released != nil && code != "" && code != "run-dead":
		return fmt.Errorf("a candidate, and dead of %s", code)
	case released != nil:
		opened = append(opened, released)
	case code != "tampered" && code != "run-dead" && (code != "unproved" || l.member == nil) && v.Refused() == "":
		return fmt.Errorf("neither opened nor refused with a kind: dead %q", code)
	}
	if l.ear != nil {
		for _, values := range l.ear.opened {
			opened = append(opened, values)
		}
	}
	for _, values := range opened {
		if !is(values, w.oracle(w.everyone()...)) {
			return fmt.Errorf("opened %v, not the sum", values)
		}
	}
	return errors.Join(w.oneSet(), w.secret(l, opened))
}

// oneSet: what honest trustees answered for in a round is one sum, and what
// honest sites signed in it one set, of the same members in all rounds.
func (w *world) oneSet() error {
	var members []string
	for n := 1; n <= msg.MaxRounds; n++ {
		var sum suite.Digest
		var set *msg.Set
		for _, name := range w.order {
			p := w.parties[name]
			if p == nil {
				continue
			}
			if p.Remembers(run, n, msg.Answer) || p.Remembers(run, n, msg.PrioAnswer) {
				r, err := p.Recall(run, n, msg.Ready)
				if err != nil {
					return fmt.Errorf("%s has answered in round %d, and was not ready: %w", name, n, err)
				}
				var b msg.ReadyBody
				if err := r.Read(msg.Ready, &b); err != nil || sum != "" && sum != b.Sum {
					return fmt.Errorf("round %d: two sums are answered for: %w", n, err)
				}
				sum = b.Sum
			}
			if p.Remembers(run, n, msg.Confirm) {
				r, err := p.Recall(run, n, msg.Confirm)
				if err != nil {
					return err
				}
				var b msg.ConfirmBody
				if err := r.Read(msg.Confirm, &b); err != nil {
					return err
				}
				if members == nil {
					members = b.Set.Members
				}
				if !slices.Equal(members, b.Set.Members) || sum != "" && set != nil && !set.Equal(b.Set) {
					return fmt.Errorf("round %d: %s is in another set than before", n, name)
				}
				set = &b.Set
			}
		}
	}
	return nil
}

// secret: an adversary with all that the corrupt have, and all that was on
// the board, has no honest domain's partial.
func (w *world) secret(l liars, opened [][]int64) error {
	w.Helper()
	var have [][]int64
	own := make([]int64, w.terms.Slots())
	if l.member != nil {
		own = l.member.values
	}
	minus := func(x, y []int64) []int64 {
		d := make([]int64, len(x))
		for i := range x {
			d[i] = x[i] - y[i]
		}
		return d
	}
	for _, x := range opened {
		have = append(have, x, minus(x, own))
		for _, y := range opened {
			have = append(have, minus(x, y))
		}
	}
	for n := 1; n <= msg.MaxRounds; n++ {
		if x := w.decrypt(l, n); x != nil {
			have = append(have, x)
		}
	}
	for name, p := range w.parties {
		if p == nil || !strings.HasPrefix(name, "site-") {
			continue
		}
		for _, x := range have {
			if slices.Equal(x, w.values[name]) {
				return fmt.Errorf("the adversary has %v, which is what %s came to", x, name)
			}
		}
	}
	return nil
}

// decrypt tries to open the victim's ciphertext of a round with the corrupt
// trustee's own share, and with the answers that were given for the sum.
func (w *world) decrypt(l liars, n int) []int64 {
	w.Helper()
	v := w.last()
	if v.Terms().Proved() {
		return nil // there are no ciphertexts
	}
	reveal, err := msg.Read[msg.RevealBody](v, n, msg.Reveal, victim)
	if err != nil {
		return nil
	}
	cts, err := w.fetch(w.Context(), reveal.Parts)
	if err != nil {
		return nil
	}
	receiver, err := he.NewReceiver()
	must(w.TB, err)
	if l.ear != nil && l.ear.keys[n] != nil && l.ear.opened[n] == nil {
		receiver = l.ear.keys[n]
	}
	active := []int{2, 3}
	if a, err := msg.Read[msg.ActiveBody](v, n, msg.Active, "gate"); err == nil && len(a.Points) == 2 {
		active = a.Points
	}
	shares := map[int][][][]byte{}
	for _, point := range active {
		name := v.Trustees()[point-1]
		if l.hand != nil && name == corrupt && l.hand.grips[n] != nil {
			if s, err := hetest.Answer(l.hand.grips[n].member, active, receiver.PublicKey(), cts); err == nil {
				shares[point] = s
				continue
			}
		}
		shares[point] = cts // nothing better
		if b, err := msg.Read[msg.AnswerBody](v, n, msg.Answer, name); err == nil {
			if s, err := w.fetch(w.Context(), b.Parts); err == nil {
				shares[point] = s
			}
		}
	}
	values, err := hetest.Open(receiver, cts, shares, w.terms.Slots(), bound)
	if err != nil {
		return nil // rubbish
	}
	return values
}

func many(short, full int) int {
	if os.Getenv("YUNEI_PROVE") == "1" {
		return full
	}
	return short
}

// Whoever lies and whatever happens, a run ends with the exact sum or is
// refused, and nobody has a part of it.
func TestSchedules(t *testing.T) {
	ends := map[string]int{}
	seeds := []int{78} // the gate is shown the answers before the confirmations
	for seed := range many(10, 300) {
		if seed != seeds[0] {
			seeds = append(seeds, seed)
		}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, uint64(seed), 3)
			c := cast{w.choose(memberLies, 3), w.choose(handLies, 3), w.choose(earLies, 4), w.choose([]string{"forges"}, 4)}
			if seed%3 == 0 {
				c = cast{} // all are honest, but for the board
			}
			l := w.dress(c)
			for range w.rng.IntN(14) { // as far as the storm finds them
				w.pass()
			}
			w.storm(40)
			w.end()
			if err := w.judge(l); err != nil {
				t.Errorf("%v: %v", c, err)
			}
			end := string(w.last().Dead())
			if w.released() != nil {
				end = "released"
			}
			if l.ear != nil && len(l.ear.opened) > 0 {
				end = "opened by a liar"
			}
			ends[end]++
			if c == (cast{}) && end != "released" && !w.spent() {
				t.Errorf("all are honest, and the run is %s", end)
			}
		})
	}
	runs := 0
	for _, n := range ends {
		runs += n
	}
	t.Logf("ends: %v", ends)
	if ends["released"] <= runs/6 || len(ends) < 2 {
		t.Errorf("the schedules come to no more than %v", ends)
	}
}

// spent: the crashes have used up what a run may go through: its rounds, or the
// gate has died of its one opening.
func (w *world) spent() bool {
	var at string
	_, real := w.actors["gate"].(*opening.Gate)
	return w.last().Round() == msg.MaxRounds || real && w.parties["gate"].Journal.Get("opened", run, &at) == nil
}
