package opening

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/enclave/he/hetest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
	"github.com/yunei/yunei/trustee"
)

// sdc is a stage in mode sdc with partials of two cells: units, days, flags,
// and what the registers say.
func sdc(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, jobs.SDC, nil)
	s.sites["site-hospital"].values = []int64{20, 3, 100, 9, 0, 1, 0, 0}
	s.sites["site-transit"].values = []int64{40, 0, 207, 0, 0, 0, 0, 0}
	return s
}

// The sum of two partials comes out, and no other figure: a cell that one
// domain flagged stays hidden.
func TestSDC(t *testing.T) {
	s := sdc(t)
	s.begin(1)
	s.quiet()
	s.wantSaid(1, msg.Ready, "trustee-1", "trustee-2", "trustee-3")
	s.wantSaid(1, msg.Answer, "trustee-1", "trustee-2")
	c := s.candidate()
	if diff := cmp.Diff([]jobs.Cell{{60, 305}, nil}, c.Cells); diff != "" {
		t.Error(diff)
	}
	if c.Run != run || c.Terms != s.terms.Digest() {
		t.Errorf("the candidate is of run %q", c.Run)
	}
	// When all is over there is nothing more to say, whoever is asked, and a
	// trustee that was asked in vain says nothing either.
	before := len(s.onBoard())
	s.quiet()
	s.restart("trustee-1")
	s.restart("trustee-3")
	s.restart("gate")
	s.quiet()
	if after := len(s.onBoard()); after != before {
		t.Errorf("%d statements after the end", after-before)
	}
}

// In mode dp the noisy sums come out as they are, negative ones too.
func TestDP(t *testing.T) {
	s := newStage(t, jobs.DP, nil)
	s.sites["site-hospital"].values = []int64{5, -7, 30, 2}
	s.sites["site-transit"].values = []int64{10, 1, -4, 3}
	s.begin(1)
	s.quiet()
	if diff := cmp.Diff([]jobs.Cell{{15, 26}, {-6, 5}}, s.candidate().Cells); diff != "" {
		t.Error(diff)
	}
}

// negated takes every coefficient of the ciphertexts from its prime: an
// encryption of the negative.
func negated(parts [][][]byte) [][][]byte {
	primes := []uint64{9007199254429697, 9007199254364161, 9007199254331393}
	var out [][][]byte
	for _, chunks := range parts {
		var row [][]byte
		for _, ct := range chunks {
			ct = bytes.Clone(ct)
			for i := 0; i < len(ct); i += 8 {
				if w := binary.LittleEndian.Uint64(ct[i:]); w != 0 {
					binary.LittleEndian.PutUint64(ct[i:], primes[i/8/he.Slots%len(primes)]-w)
				}
			}
			row = append(row, ct)
		}
		out = append(out, row)
	}
	return out
}

// A site that waits for another's reveal, to copy or to negate it, has
// committed too early: the run is dead, and no trustee has so much as looked
// . That addition itself would let it through is shown in package
// enclave.
func TestRevealOfAnothers(t *testing.T) {
	victim := func(v *msg.View, n int) (msg.RevealBody, error) {
		return msg.Read[msg.RevealBody](v, n, msg.Reveal, "site-hospital")
	}
	for name, cheat := range map[string]func(*site){
		"negates": func(b *site) {
			b.reveal = func(ctx context.Context, v *msg.View, n int) (msg.RevealBody, error) {
				a, err := victim(v, n)
				if err != nil {
					return a, err
				}
				parts, err := mustFetch(ctx, b.Party, a.Parts)
				if err != nil {
					return a, err
				}
				minus := negated(parts)
				for _, ct := range slices.Concat(minus...) {
					if err := b.Put(ctx, ct); err != nil {
						return a, err
					}
				}
				return msg.RevealBody{Of: v.Of(n, b.Name), Salt: b.salts[n], Parts: hetest.Digests(minus)}, nil
			}
		},
		"copies": func(b *site) {
			b.reveal = func(_ context.Context, v *msg.View, n int) (msg.RevealBody, error) {
				a, err := victim(v, n)
				return msg.RevealBody{Of: v.Of(n, b.Name), Salt: b.salts[n], Parts: a.Parts}, err
			}
		},
		// Here the commitment is the victim's too, and what it reveals opens
		// the victim's.
		"copies the commitment": func(b *site) {
			b.commit = func(v *msg.View, n int) suite.Commitment {
				a, err := msg.Read[msg.CommitBody](v, n, msg.Commit, "site-hospital")
				if err != nil {
					t.Error(err)
				}
				return a.Parts
			}
			b.reveal = func(_ context.Context, v *msg.View, n int) (msg.RevealBody, error) {
				a, err := victim(v, n)
				return msg.RevealBody{Of: v.Of(n, b.Name), Salt: a.Salt, Parts: a.Parts}, err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := sdc(t)
			cheat(s.sites["site-transit"])
			s.begin(1)
			s.play()
			s.wantSaid(1, msg.Reveal, "site-hospital", "site-transit")
			s.wantDead("tampered")
			s.wantSaid(1, msg.Sum)
			s.wantSaid(1, msg.Ready)
		})
	}
}

// What was revealed in one round is of no use in the next: it is under a key
// that is gone, and adds noise (the retry).
func TestNegativeOfAnEarlierRound(t *testing.T) {
	s := sdc(t)
	b := s.sites["site-transit"]
	b.parts = func(ctx context.Context, v *msg.View, n int) ([][][]byte, error) {
		a, err := msg.Read[msg.RevealBody](v, 1, msg.Reveal, "site-hospital")
		if errors.Is(err, fault.NotFound) {
			return b.seal(ctx, v, n, b.values)
		}
		parts, fetchErr := mustFetch(ctx, b.Party, a.Parts)
		return negated(parts), errors.Join(err, fetchErr)
	}
	s.begin(1)
	s.quiet("gate") // makes no key, so nobody commits
	s.wantSaid(1, msg.Commit)
	for len(s.said(1, msg.Reveal)) < 2 {
		for _, name := range order {
			if err := s.turn(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.begin(2)
	s.play()
	s.wantSaid(2, msg.Answer, "trustee-1", "trustee-2")
	s.wantSaid(1, msg.Answer)
	s.wantDead("tampered")
}

// A corrupt site signs two commitments, and the coordinator shows one to some
// and one to others. The honest site signs one set, so no trustee is ready for
// the other, and too few are for that one: nobody answers.
func TestTwoSets(t *testing.T) {
	s := sdc(t)
	s.begin(1)
	for len(s.said(1, msg.Commit)) < 2 {
		for _, name := range order {
			if err := s.turn(name); err != nil {
				t.Fatal(err)
			}
		}
		if len(s.said(1, msg.Confirm)) > 0 {
			t.Fatal("the sites were too quick for this test")
		}
	}
	b := s.sites["site-transit"]
	v := s.view("")
	second, err := b.seal(t.Context(), v, 1, []int64{0, 0, 0, 0, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	salt := suite.Salt{1}
	of := v.Of(1, b.Name)
	subject, r := s.say(msg.Commit, b.Name, msg.CommitBody{Of: of, Parts: suite.Commit(salt, of.Bind(hetest.Digests(second).Bytes()))})
	others := []string{"trustee-2", "trustee-3"}
	for _, name := range others {
		s.show(name, subject, r.Bytes())
	}
	// The corrupt site confirms and reveals in that world as well.
	set, ok := s.view("trustee-2").Set(1)
	if here, _ := v.Set(1); !ok || set.Equal(here) {
		t.Fatal("there are no two sets")
	}
	for _, ct := range slices.Concat(second...) {
		if err := b.Put(t.Context(), ct); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range others {
		subject, r := s.say(msg.Confirm, b.Name, msg.ConfirmBody{Of: of, Set: set, Evidence: s.evidence(b.Name)})
		s.show(name, subject, r.Bytes())
		subject, r = s.say(msg.Reveal, b.Name, msg.RevealBody{Of: of, Salt: salt, Parts: hetest.Digests(second)})
		s.show(name, subject, r.Bytes())
	}
	s.quiet()
	s.wantSaid(1, msg.Confirm, "site-hospital", "site-transit")
	s.wantSaid(1, msg.Ready, "trustee-1")

	// The honest site, shown the other set, does not sign that too.
	s.show("site-hospital", subject, r.Bytes())
	s.show("site-hospital", msg.Subject(run, 1, msg.Confirm, "site-hospital"), nil)
	if err := s.turn("site-hospital"); !errors.Is(err, fault.Conflict) {
		t.Errorf("the honest site signs a second set: %v", err)
	}
	// Nor does a gate's call make anybody answer who is not ready.
	sum, _ := s.view("").Receipt(1, msg.Sum, "gate")
	subject, r = s.say(msg.Active, "gate", msg.ActiveBody{Of: s.view("").Of(1, "gate"), Sum: sum.Digest(), Points: []int{2, 3}})
	s.post(subject, r.Bytes())
	s.quiet("site-hospital")
	s.wantSaid(1, msg.Answer)
	s.wantSaid(0, msg.Candidate)
}

// A trustee that was started anew in a round has lost it: it says so, never
// answers in it, and is there for the next, of the same partials.
func TestRestartedTrustee(t *testing.T) {
	s := sdc(t)
	s.begin(1)
	for len(s.said(1, msg.Active)) == 0 {
		for _, name := range order {
			if err := s.turn(name); err != nil {
				t.Fatal(err)
			}
		}
		s.wantSaid(1, msg.Answer)
	}
	s.restart("trustee-1")
	s.quiet()
	s.wantSaid(1, msg.Lost, "trustee-1")
	s.wantSaid(1, msg.Answer, "trustee-2")
	s.wantSaid(0, msg.Candidate)
	// What it said stands, but it is deaf to the same call for ever.
	for _, hidden := range []receipt.Kind{msg.Lost, msg.Ready, msg.Hello} {
		s.show("trustee-1", msg.Subject(run, 1, hidden, "trustee-1"), nil)
		if err := s.turn("trustee-1"); err != nil {
			t.Errorf("shown no %s: %v", hidden, err)
		}
	}
	s.wantSaid(1, msg.Answer, "trustee-2")

	delete(s.shown, "trustee-1")
	s.begin(2)
	s.quiet()
	s.wantSaid(2, msg.Answer, "trustee-1", "trustee-2")
	if diff := cmp.Diff([]jobs.Cell{{60, 305}, nil}, s.candidate().Cells); diff != "" {
		t.Error(diff)
	}
	// The second key is another, and the trustee that answered in round 1 has
	// not answered there again.
	v := s.view("")
	one, _ := v.Key(1)
	if two, ok := v.Key(2); !ok || one == two {
		t.Error("two rounds have one key")
	}
	s.wantSaid(1, msg.Answer, "trustee-2")
}

// A trustee that cannot keep its answer, as with a full disk, shows nothing of it
// and has lost the round: it makes no second one.
func TestAnswerThatCannotBeKept(t *testing.T) {
	s := sdc(t)
	s.begin(1)
	for len(s.said(1, msg.Active)) == 0 {
		s.quietTurns()
	}
	one := s.trustees["trustee-1"]
	kept := one.Scratch
	one.Scratch = "/dev/null/none"
	if err := s.turn("trustee-1"); err == nil {
		t.Error("an answer that is nowhere")
	}
	one.Scratch = kept
	s.quiet()
	s.wantSaid(1, msg.Lost, "trustee-1")
	s.wantSaid(1, msg.Answer, "trustee-2")
	s.begin(2)
	s.quiet()
	s.wantSaid(2, msg.Answer, "trustee-1", "trustee-2")
	if diff := cmp.Diff([]jobs.Cell{{60, 305}, nil}, s.candidate().Cells); diff != "" {
		t.Error(diff)
	}
}

// One trustee of three may be gone: the others open.
func TestSpareTrustee(t *testing.T) {
	s := sdc(t)
	s.begin(1)
	for len(s.said(1, msg.Key)) < 3 {
		s.quietTurns()
	}
	s.restart("trustee-1")
	s.quiet()
	s.wantSaid(1, msg.Lost, "trustee-1")
	s.wantSaid(1, msg.Answer, "trustee-2", "trustee-3")
	if diff := cmp.Diff([]jobs.Cell{{60, 305}, nil}, s.candidate().Cells); diff != "" {
		t.Error(diff)
	}
}

// quietTurns gives everybody one turn.
func (s *stage) quietTurns() {
	s.Helper()
	for _, name := range order {
		if err := s.turn(name); err != nil {
			s.Fatalf("%s: %v", name, err)
		}
	}
}

// A trustee answers once in a round: asked again it says the same, and asked
// for another set of answers it says nothing.
func TestOneAnswer(t *testing.T) {
	s := sdc(t)
	s.begin(1)
	for len(s.said(1, msg.Active)) == 0 {
		s.quietTurns()
	}
	other := msg.ActiveBody{Of: s.view("").Of(1, "gate"), Sum: suite.DigestOf(nil), Points: []int{1, 2}}
	subject, r := s.say(msg.Active, "gate", other)
	s.show("trustee-1", subject, r.Bytes())
	if err := s.turn("trustee-1"); !errors.Is(err, fault.Tampered) {
		t.Errorf("asked for another sum: %v", err)
	}
	s.wantSaid(1, msg.Answer)
	clear(s.shown)
	answer := msg.Subject(run, 1, msg.Answer, "trustee-1")
	if err := s.turn("trustee-1"); err != nil {
		t.Fatal(err)
	}
	first, ok := s.view("").Receipt(1, msg.Answer, "trustee-1")
	if !ok {
		t.Fatal("no answer")
	}
	s.show("trustee-1", answer, nil) // as if it had never got there
	if err := s.turn("trustee-1"); err != nil {
		t.Errorf("asked again: %v", err)
	}
	v := s.view("")
	sum, _ := v.Receipt(1, msg.Sum, "gate")
	subject, r = s.say(msg.Active, "gate", msg.ActiveBody{Of: v.Of(1, "gate"), Sum: sum.Digest(), Points: []int{1, 3}})
	s.show("trustee-1", subject, r.Bytes())
	if err := s.turn("trustee-1"); !errors.Is(err, fault.Conflict) {
		t.Errorf("asked with other trustees: %v", err)
	}
	if again, _ := s.view("").Receipt(1, msg.Answer, "trustee-1"); again.Digest() != first.Digest() {
		t.Error("there are two answers")
	}
}

// wide is a shape whose vector takes two ciphertexts of each modulus.
func wide(terms *jobs.Terms) {
	d := jobs.Dim{Name: "cell", Title: "格"}
	for i := range he.Slots/2 - 1 {
		d.Codes, d.Labels = append(d.Codes, fmt.Sprint(i)), append(d.Labels, fmt.Sprint(i))
	}
	terms.Shape.Dims = []jobs.Dim{d, {Name: "half", Title: "半", Codes: []string{"a", "b"}, Labels: []string{"a", "b"}}}
}

// A gate that presents any other sum than that of the confirmed set is refused
// by every single trustee.
func TestFalseSums(t *testing.T) {
	s := newStage(t, jobs.DP, wide)
	for i, name := range []string{"site-hospital", "site-transit"} {
		s.sites[name].values = make([]int64, s.terms.Slots())
		s.sites[name].values[he.Slots] = int64(i) + 1
	}
	s.begin(1)
	for len(s.said(1, msg.Sum)) == 0 {
		s.quietTurns()
	}
	v := s.view("")
	parts, ok, err := v.Revealed(1)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	add := func(lists ...msg.Parts) msg.Parts {
		sum, err := enclave.Add(t.Context(), s.gate.Fetch, lists, s.terms.Slots(), s.folder)
		if err != nil {
			t.Fatal(err)
		}
		defer sum.Close()
		return sum.Parts()
	}
	sealed := func(at int, k int64, key []byte) msg.Parts {
		values := make([]int64, s.terms.Slots())
		values[at] = k
		cts, err := hetest.Encrypt(key, values)
		if err != nil {
			t.Fatal(err)
		}
		for _, ct := range slices.Concat(cts...) {
			if err := s.gate.Put(t.Context(), ct); err != nil {
				t.Fatal(err)
			}
		}
		return hetest.Digests(cts)
	}
	d, _ := v.Key(1)
	key, err := s.gate.Fetch(t.Context(), d, he.PublicKeySize)
	if err != nil {
		t.Fatal(err)
	}
	otherRun := otherKey(t)
	sum := add(parts...)
	extra := sealed(3, 1, key)
	turns := 0
	for name, false := range map[string]msg.Parts{
		"plus one":                    add(append(slices.Clone(parts), extra)...),
		"plus one in the last chunk":  {{sum[0][0], add(append(slices.Clone(parts), sealed(he.Slots, 1, key))...)[0][1]}, sum[1]},
		"plus one in one modulus":     {add(append(slices.Clone(parts), extra)...)[0], sum[1]},
		"plus zero":                   add(append(slices.Clone(parts), sealed(0, 0, key))...),
		"a member alone":              add(parts[0]),
		"a member's own ciphertexts":  parts[1],
		"a member twice":              add(parts[0], parts[1], parts[1]),
		"swapped chunks":              {{sum[0][1], sum[0][0]}, sum[1]},
		"swapped moduli":              {sum[1], sum[0]},
		"one chunk twice":             {{sum[0][0], sum[0][0]}, sum[1]},
		"the last chunk cut off":      {sum[0][:1], sum[1][:1]},
		"a chunk too many":            {append(slices.Clone(sum[0]), sum[0][0]), append(slices.Clone(sum[1]), sum[1][0])},
		"a chunk of another run's":    {{sum[0][0], sealed(0, 7, otherRun)[0][1]}, sum[1]},
		"nothing":                     nil,
		"an empty modulus more":       append(slices.Clone(sum), nil, []suite.Digest{sum[0][0]}),
		"digests that name no blob":   {{suite.DigestOf(nil), sum[0][1]}, sum[1]},
		"another run's sum":           sealed(0, 7, otherRun),
		"the sum of a negated member": add(parts[0], hetest.Digests(s.put(negated(s.get(parts[1]))))),
	} {
		turns++
		who := order[turns%3]
		subject, r := s.say(msg.Sum, "gate", msg.SumBody{Of: v.Of(1, "gate"), Parts: false})
		s.show(who, subject, r.Bytes())
		if err := s.turn(who); !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %s says %v", name, who, err)
		}
		delete(s.shown, who)
		s.wantSaid(1, msg.Ready)
	}
	// A sum, true or false, by another key is none.
	subject, r := s.say(msg.Sum, "yuneid", msg.SumBody{Of: v.Of(1, "gate"), Parts: sum})
	s.show("trustee-1", subject, r.Bytes())
	if err := s.turn("trustee-1"); err != nil {
		t.Error(err)
	}
	s.wantSaid(1, msg.Ready)
	delete(s.shown, "trustee-1")

	s.quiet()
	c := s.candidate()
	if c.Cells[2][1] != 3 || c.Cells[3][1] != 0 { // slot 8192 is the third of the second measure
		t.Errorf("after all that the true sum opens as %v", c.Cells[:5])
	}
}

func (s *stage) get(parts msg.Parts) [][][]byte {
	s.Helper()
	cts, err := mustFetch(s.Context(), s.gate.Party, parts)
	if err != nil {
		s.Fatal(err)
	}
	return cts
}

func (s *stage) put(cts [][][]byte) [][][]byte {
	s.Helper()
	for _, ct := range slices.Concat(cts...) {
		if err := s.gate.Put(s.Context(), ct); err != nil {
			s.Fatal(err)
		}
	}
	return cts
}

// otherKey is the collective key of another committee.
func otherKey(t *testing.T) []byte {
	t.Helper()
	crs := [he.SeedSize]byte{9}
	var shares [][]byte
	for point := range 2 {
		m, err := he.NewMember(point+1, []int{1, 2}, 2)
		if err != nil {
			t.Fatal(err)
		}
		share, err := m.CKGShare(crs)
		if err != nil {
			t.Fatal(err)
		}
		shares = append(shares, share)
	}
	key, err := he.PublicKey(crs, shares)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A key to answer toward is the gate's own, in the set that every member
// signed: no other key is answered to, not even one that the gate signs
// afterwards.
func TestForeignReceiver(t *testing.T) {
	s := sdc(t)
	foreign, err := enclave.NewOpener()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.gate.Put(t.Context(), foreign.PublicKey()); err != nil {
		t.Fatal(err)
	}
	body := msg.ReceiverBody{Of: msg.Of{Run: run, Round: 1, Permit: s.terms.Digest(), Party: "gate"}, Key: suite.DigestOf(foreign.PublicKey()), Evidence: suite.DigestOf(nil)}
	subject, byCoordinator := s.say(msg.Receiver, "yuneid", body)
	_, byGate := s.say(msg.Receiver, "gate", body)

	// Instead of the gate's, by the coordinator: nobody commits.
	for _, name := range order {
		s.show(name, subject, byCoordinator.Bytes())
	}
	s.begin(1)
	s.quiet()
	s.wantSaid(1, msg.Key, "trustee-1", "trustee-2", "trustee-3")
	s.wantSaid(1, msg.Commit)

	// To the trustees only, by the gate itself, once the members have signed:
	// they are not ready for a set that nobody signed.
	clear(s.shown)
	for _, name := range order[:3] {
		s.show(name, subject, byGate.Bytes())
	}
	s.quiet()
	s.wantSaid(1, msg.Sum, "gate")
	s.wantSaid(1, msg.Ready)

	// And once they are ready: they answer to the key that was signed.
	clear(s.shown)
	for len(s.said(1, msg.Active)) == 0 {
		s.quietTurns()
	}
	for _, name := range order[:3] {
		s.show(name, subject, byGate.Bytes())
	}
	s.quiet()
	s.wantSaid(1, msg.Answer, "trustee-1", "trustee-2")
	if diff := cmp.Diff([]jobs.Cell{{60, 305}, nil}, s.candidate().Cells); diff != "" {
		t.Error(diff)
	}
}

// The gate opens a run once: if it dies with the entry in its journal, before
// or after it has seen anything, the run is dead in this round and in others.
func TestGateDiesOpening(t *testing.T) {
	s := sdc(t)
	s.begin(1)
	s.gate.Crash = func(point string) {
		if point == "opened:after" {
			panic(point)
		}
	}
	func() {
		defer func() { _ = recover() }() // the gate is dead
		s.quiet()
		t.Error("the gate lives")
	}()
	s.restart("gate")
	s.begin(2)
	s.play()
	s.wantDead("run-dead")
	s.wantSaid(2, msg.Receiver)
}

// A gate that died before it opened has lost the round, and no more.
func TestGateDiesBeforeOpening(t *testing.T) {
	s := sdc(t)
	s.begin(1)
	for len(s.said(1, msg.Active)) == 0 {
		s.quietTurns()
	}
	s.restart("gate")
	s.quiet()
	s.wantSaid(1, msg.Lost, "gate")
	s.wantSaid(0, msg.Candidate)
	s.begin(2)
	s.quiet()
	if diff := cmp.Diff([]jobs.Cell{{60, 305}, nil}, s.candidate().Cells); diff != "" {
		t.Error(diff)
	}
}

// A partial that no domain can have is found by the gate. In mode dp the run is
// dead, and what was opened goes nowhere; in mode sdc its cell is hidden, so that
// nobody learns what another sealed from whether a run dies.
func TestOutOfRange(t *testing.T) {
	s := newStage(t, jobs.DP, nil)
	s.sites["site-hospital"].values = []int64{5, -7, 30, 2}
	s.sites["site-transit"].values = []int64{40, 0, 1 << 50, 0}
	s.begin(1)
	s.play()
	s.wantDead("tampered")

	s = sdc(t)
	s.sites["site-transit"].values = []int64{40, 0, 1 << 50, 0, 0, 0, 0, 0}
	s.begin(1)
	s.quiet()
	if diff := cmp.Diff([]jobs.Cell{nil, nil}, s.candidate().Cells); diff != "" {
		t.Error(diff)
	}
}

// Outside its time a permit moves nobody; a daemon that it does not name, by
// name and key, says nothing however far the others are.
func TestNotTheirs(t *testing.T) {
	s := sdc(t)
	s.now = s.terms.NotBefore.Add(-time.Nanosecond)
	s.begin(1)
	s.quiet()
	s.wantSaid(1, msg.Hello)
	s.wantSaid(1, msg.Receiver)
	s.now = s.terms.NotBefore
	for len(s.said(1, msg.Active)) == 0 {
		s.quietTurns()
	}
	s.now = s.terms.NotAfter
	s.quiet()
	s.wantSaid(1, msg.Answer)

	s.now = s.terms.NotBefore
	before := len(s.onBoard())
	for _, who := range []struct{ name, key string }{{"gate", "stranger"}, {"gate-2", "gate"}, {"trustee-1", "stranger"}, {"trustee-4", "trustee-1"}} {
		s.Stranger(t)
		s.journals[who.name+"'"] = s.openJournal(who.name + "-" + who.key)
		p := s.party(who.name + "'")
		p.Name, p.Key = who.name, s.Keys[who.key]
		for kind, advance := range map[string]func(context.Context, *msg.View) error{"gate": New(p, attest.NewSoftware(p.Key), gateBinary).Advance, "trustee": trustee.New(p).Advance} {
			if err := advance(t.Context(), s.view("")); err != nil {
				t.Errorf("%s with the key of %s as a %s: %v", who.name, who.key, kind, err)
			}
		}
	}
	if after := len(s.onBoard()); after != before {
		t.Errorf("strangers have said %d things", after-before)
	}
}

// A run that a site refused is over: trustees make no key for it, and forget
// the one they made.
func TestRefusedRun(t *testing.T) {
	s := sdc(t)
	s.begin(1)
	for len(s.said(1, msg.Active)) == 0 {
		s.quietTurns()
	}
	subject, r := s.say(msg.Refusal, "site-transit", msg.RefusalBody{Of: s.view("").Of(0, "site-transit"), Code: "budget"})
	s.post(subject, r.Bytes())
	s.quiet()
	for _, name := range order[:4] { // as if it had not been said after all
		s.show(name, subject, nil)
	}
	s.quiet()
	s.wantSaid(1, msg.Answer)
	s.wantSaid(1, msg.Lost, "trustee-1", "trustee-2", "trustee-3", "gate")
}

// A trustee takes a key share for what it was committed to, and letters only
// from where they say: otherwise it vouches for no key.
func TestKeyShares(t *testing.T) {
	s := sdc(t)
	s.begin(1)
	for len(s.said(1, msg.KeyOpen)) < 3 {
		s.quietTurns()
	}
	for name, spoil := range map[string]func(o *msg.KeyOpenBody){
		"another share": func(o *msg.KeyOpenBody) {
			share := make([]byte, he.CKGShareSize)
			o.Share = suite.DigestOf(share)
			if err := party.Put(t.Context(), s.board, "trustee", share); err != nil {
				t.Fatal(err)
			}
		},
		"another salt":              func(o *msg.KeyOpenBody) { o.Salt[0] ^= 1 },
		"another's letter":          func(o *msg.KeyOpenBody) { o.Letters["trustee-1"] = o.Letters["trustee-2"] },
		"no letter":                 func(o *msg.KeyOpenBody) { delete(o.Letters, "trustee-1") },
		"a share that is not there": func(o *msg.KeyOpenBody) { o.Share = suite.DigestOf(nil) },
	} {
		body, err := msg.Read[msg.KeyOpenBody](s.view(""), 1, msg.KeyOpen, "trustee-3")
		if err != nil {
			t.Fatal(err)
		}
		spoil(&body)
		subject, r := s.say(msg.KeyOpen, "trustee-3", body)
		s.show("trustee-1", subject, r.Bytes())
		if err := s.turn("trustee-1"); err == nil {
			t.Errorf("%s: trustee-1 does not complain", name)
		}
		s.wantSaid(1, msg.Key)
	}
	clear(s.shown)
	s.quiet()
	s.wantSaid(1, msg.Key, "trustee-1", "trustee-2", "trustee-3")
}
