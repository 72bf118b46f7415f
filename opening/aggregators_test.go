package opening

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/he/hetest"
	"github.com/yunei/yunei/enclave/prio"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// provedDP are two domains in mode dp, of which what they put in comes out as it is.
func provedDP(t *testing.T) *stage {
	t.Helper()
	s := provedStage(t, jobs.DP, 2, nil)
	s.sites["site-hospital"].values = []int64{5, -7, 30, 2}
	s.sites["site-transit"].values = []int64{10, 1, -4, 3}
	return s
}

var provedCells = []jobs.Cell{{15, 26}, {-6, 5}}

func (s *stage) wantCells(want []jobs.Cell) {
	s.Helper()
	if diff := cmp.Diff(want, s.candidate().Cells); diff != "" {
		s.Error(diff)
	}
}

// forged is a report whose shares add up to something else than what its proof is
// about: of a task like this one, whose letters the liar opened itself and sealed
// again. What it would add to the sum is any number of the field.
func forged(t *testing.T, task prio.Task) []byte {
	t.Helper()
	p := task.Params()
	var boxes [2]suite.Box
	for i := range boxes {
		box, err := suite.NewBox()
		if err != nil {
			t.Fatal(err)
		}
		boxes[i], p.Agents[i].Box = box, box.Public()
	}
	own, err := prio.New(p)
	if err != nil {
		t.Fatal(err)
	}
	c, err := prio.NewClient(own)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Report(make([]int64, p.Length), p.NotBefore, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	to := r
	to.Task = task.ID()
	for i, role := range []prio.Role{prio.Leader, prio.Helper} {
		share, err := boxes[i].Open(letterInfo(r, role), r.Letters[i])
		if err != nil {
			t.Fatal(err)
		}
		if to.Letters[i], err = task.Params().Agents[i].Box.Seal(letterInfo(to, role), share); err != nil {
			t.Fatal(err)
		}
	}
	return to.Bytes()
}

// letterInfo is what a report's letter is bound to (enclave/prio).
func letterInfo(r prio.Report, to prio.Role) string {
	head := append(append([]byte("yunei prio report v1\n"), r.Task[:]...), r.ID[:]...)
	head = binary.BigEndian.AppendUint64(head, uint64(r.At))
	return fmt.Sprintf("yunei prio input share v1 %s %s %s to %s", r.Task, r.ID, suite.DigestOf(append(head, r.Public...)).Hex(), to)
}

// A domain that seals a million persons where it can have a thousand gets them
// into the sum of a committee, and into no sum of prio3: its report does not
// stand, the run ends, and it is said whose report it was.
func TestUnprovedRange(t *testing.T) {
	s := newStage(t, jobs.DP, nil)
	s.sites["site-hospital"].values = []int64{5, -7, 30, 2}
	s.sites["site-transit"].values = []int64{1_000_000, 0, 0, 0}
	s.begin(1)
	s.quiet()
	s.wantCells([]jobs.Cell{{1_000_005, 30}, {-7, 2}})

	s = provedDP(t)
	b := s.sites["site-transit"]
	b.parts = func(ctx context.Context, v *msg.View, n int) ([][][]byte, error) {
		tasks, err := enclave.Tasks(ctx, b.Fetch, v, n)
		if err != nil {
			return nil, err
		}
		parts, err := enclave.Prove(tasks, v.Terms().Ranges(), b.values)
		if err == nil {
			parts[0][0] = forged(t, tasks[0])
		}
		return parts, err
	}
	s.begin(1)
	s.quiet()
	s.wantDead("unproved")
	s.wantSaid(1, msg.PrioAnswer, "trustee-1", "trustee-2")
	s.wantSaid(1, msg.PrioClaim)
	s.wantSaid(1, msg.PrioSum)
	for _, name := range []string{"trustee-1", "trustee-2"} {
		body, err := msg.Read[msg.DeadBody](s.view(""), 0, msg.Dead, name)
		if err == nil && body.Site != "site-transit" {
			t.Errorf("%s says it was the report of %q", name, body.Site)
		}
	}
	// All that an honest program on hostile numbers gets in is the range's end.
	s = provedDP(t)
	s.sites["site-transit"].values = []int64{1 << 40, 0, 0, 0}
	s.begin(1)
	s.quiet()
	if got, most := s.candidate().Cells[0][0], 5+s.terms.Ranges()[0].Hi(); got != most || most > 3*units {
		t.Errorf("the cell is %d, want %d", got, most)
	}
}

// A report that is larger than any of its task ends the run before it is held.
func TestOversizedReport(t *testing.T) {
	s := provedDP(t)
	b := s.sites["site-transit"]
	b.parts = func(ctx context.Context, v *msg.View, n int) ([][][]byte, error) {
		parts, err := b.seal(ctx, v, n, b.values)
		if err != nil {
			return nil, err
		}
		tasks, err := enclave.Tasks(ctx, b.Fetch, v, n)
		if err != nil {
			return nil, err
		}
		parts[0][0] = append(parts[0][0], make([]byte, tasks[0].ReportLimit())...)
		return parts, nil
	}
	s.begin(1)
	s.quiet()
	s.wantDead("unproved")
	s.wantSaid(1, msg.PrioAnswer)
}

// What was reported in one round is no report in another, whoever made it.
func TestReportOfAnEarlierRound(t *testing.T) {
	for _, whose := range []string{"site-hospital", "site-transit"} {
		t.Run(whose, func(t *testing.T) {
			s := provedDP(t)
			b := s.sites["site-transit"]
			b.parts = func(ctx context.Context, v *msg.View, n int) ([][][]byte, error) {
				if n == 1 {
					return b.seal(ctx, v, n, b.values)
				}
				return s.sites[whose].sealed[1], nil
			}
			s.begin(1)
			s.until(msg.Reveal, "site-transit")
			s.restart("trustee-1")
			s.quiet()
			s.wantSaid(1, msg.Lost, "trustee-1")
			s.wantSaid(1, msg.PrioSum)
			s.begin(2)
			s.quiet()
			s.wantDead("unproved")
		})
	}
}

// A site that waits for another's reveal, to give its report for its own, has
// committed too early.
func TestReportOfAnothers(t *testing.T) {
	s := provedDP(t)
	b := s.sites["site-transit"]
	b.reveal = func(_ context.Context, v *msg.View, n int) (msg.RevealBody, error) {
		a, err := msg.Read[msg.RevealBody](v, n, msg.Reveal, "site-hospital")
		return msg.RevealBody{Of: v.Of(n, b.Name), Salt: b.salts[n], Parts: a.Parts}, err
	}
	s.begin(1)
	s.play()
	s.wantDead("tampered")
	s.wantSaid(1, msg.Ready)
}

// A site that reveals fewer reports than there are ranges, or a report twice, ends
// the run.
func TestListOfReports(t *testing.T) {
	for name, cut := range map[string]struct {
		edit func([][]byte) [][]byte
		code string
	}{
		"one short": {func(r [][]byte) [][]byte { return r[1:] }, "tampered"},
		"none":      {func([][]byte) [][]byte { return nil }, "tampered"},
		"one twice": {func(r [][]byte) [][]byte { r[1] = r[0]; return r }, "unproved"},
		"rubbish":   {func(r [][]byte) [][]byte { r[1] = []byte("no report"); return r }, "unproved"},
	} {
		t.Run(name, func(t *testing.T) {
			s := provedDP(t)
			b := s.sites["site-transit"]
			b.parts = func(ctx context.Context, v *msg.View, n int) ([][][]byte, error) {
				parts, err := b.seal(ctx, v, n, b.values)
				if err == nil {
					parts[0] = cut.edit(parts[0])
				}
				return parts, err
			}
			s.begin(1)
			s.play()
			if got := s.view("").Dead(); string(got) != cut.code {
				t.Errorf("dead of %q, want %q", got, cut.code)
			}
			s.wantSaid(0, msg.Candidate)
			s.wantSaid(1, msg.PrioSum)
		})
	}
}

// An aggregator that is started anew has lost the round wherever it stood, and
// gives nothing in it any more; the next round comes to the same sum.
func TestRestartedAggregator(t *testing.T) {
	for _, after := range []receipt.Kind{msg.Hello, msg.PrioPart, msg.Ready, msg.PrioAnswer, msg.PrioClaim} {
		t.Run(string(after), func(t *testing.T) {
			s := provedDP(t)
			s.begin(1)
			s.until(after, "trustee-1")
			if slices.Contains(s.said(1, msg.PrioSum), "trustee-1") {
				t.Fatal("too late for this test")
			}
			s.restart("trustee-1")
			s.quiet()
			s.wantSaid(1, msg.Lost, "trustee-1")
			s.wantSaid(0, msg.Candidate)
			for _, hidden := range []receipt.Kind{msg.Lost, after} { // whatever it is shown
				s.show("trustee-1", msg.Subject(run, 1, hidden, "trustee-1"), nil)
				if err := s.turn("trustee-1"); err != nil {
					t.Errorf("shown no %s: %v", hidden, err)
				}
			}
			if slices.Contains(s.said(1, msg.PrioSum), "trustee-1") {
				t.Error("it gave its sum in a round that it had lost")
			}
			delete(s.shown, "trustee-1")
			s.begin(2)
			s.quiet()
			s.wantSaid(2, msg.PrioSum, "trustee-1", "trustee-2")
			s.wantCells(provedCells)
		})
	}
}

// A trustee that does not aggregate may be gone once it has said hello; two of
// three that are ready are a quorum. A gate that is started anew has lost its key.
func TestSpareTrusteeAndGate(t *testing.T) {
	s := provedDP(t)
	s.begin(1)
	for len(s.said(1, msg.Hello)) < 3 {
		s.quietTurns()
	}
	s.restart("trustee-3")
	s.quiet()
	s.wantSaid(1, msg.Lost, "trustee-3")
	s.wantSaid(1, msg.Ready, "trustee-1", "trustee-2")
	s.wantCells(provedCells)

	s = provedDP(t)
	s.begin(1)
	s.until(msg.PrioSum, "trustee-2")
	s.restart("gate")
	s.quiet()
	s.wantSaid(1, msg.Lost, "gate")
	s.wantSaid(0, msg.Candidate)
	s.begin(2)
	s.quiet()
	s.wantCells(provedCells)
}

// A quorum of three must remember what is opened before two may add it.
func TestQuorumBeforeAggregation(t *testing.T) {
	s := provedStage(t, jobs.DP, 2, func(terms *jobs.Terms) { terms.Trustees.Quorum = 3 })
	s.sites["site-hospital"].values = []int64{5, -7, 30, 2}
	s.sites["site-transit"].values = []int64{10, 1, -4, 3}
	s.begin(1)
	for len(s.said(1, msg.Hello)) < 3 {
		s.quietTurns()
	}
	s.quiet("trustee-3")
	s.wantSaid(1, msg.Ready, "trustee-1", "trustee-2")
	s.wantSaid(1, msg.PrioAnswer)
	s.quiet()
	s.wantCells(provedCells)
}

// lies shows everybody else another statement of an aggregator's than it has made.
func (s *stage) lies(kind receipt.Kind, name string, honest msg.PrioBody, messages [][]byte) {
	s.Helper()
	honest.Messages = hetest.Digests([][][]byte{messages})[0]
	for _, m := range messages {
		if err := party.Put(s.Context(), s.board, name, m); err != nil {
			s.Fatal(err)
		}
	}
	subject, r := s.say(kind, name, honest)
	for _, other := range s.order {
		if other != name {
			s.show(other, subject, r.Bytes())
		}
	}
}

// until takes turns until a party has said such a thing, and no further.
func (s *stage) until(kind receipt.Kind, name string) {
	s.Helper()
	for {
		for _, who := range s.order {
			if err := s.turn(who); err != nil {
				s.Fatalf("%s: %v", who, err)
			}
			if slices.Contains(s.said(1, kind), name) {
				return
			}
		}
	}
}

// altered is a message of an aggregator's with a byte turned over, signed anew.
func (s *stage) altered(name string, raw []byte, at int) []byte {
	s.Helper()
	const sig = 64 + 2
	body := slices.Clone(raw[:len(raw)-sig])
	if at < 0 {
		at += len(body)
	}
	body[at] ^= 1
	signature, err := s.Keys[name].Sign(append([]byte("yunei prio message v1\n"), body...))
	if err != nil {
		s.Fatal(err)
	}
	return binary.BigEndian.AppendUint16(append(body, signature...), uint16(len(signature)))
}

// What an aggregator has signed and is not what it should be ends the run, at the
// other aggregator or at the gate, and nothing is opened.
func TestLyingAggregator(t *testing.T) {
	for _, kind := range []receipt.Kind{msg.PrioPart, msg.PrioAnswer, msg.PrioClaim, msg.PrioSum} {
		for lie, spoil := range map[string]func(s *stage, raw [][]byte) [][]byte{
			"rubbish": func(_ *stage, raw [][]byte) [][]byte {
				return slices.Repeat([][]byte{[]byte("rubbish")}, len(raw))
			},
			"one short": func(_ *stage, raw [][]byte) [][]byte { return raw[1:] },
			"one twice": func(_ *stage, raw [][]byte) [][]byte { return slices.Repeat(raw[:1], len(raw)) },
			"altered": func(s *stage, raw [][]byte) [][]byte {
				return append([][]byte{s.altered("trustee-2", raw[0], -1)}, raw[1:]...)
			},
			"signed by another": func(s *stage, raw [][]byte) [][]byte {
				return append([][]byte{s.altered("trustee-3", raw[0], 0)}, raw[1:]...)
			},
		} {
			if os.Getenv("YUNEI_PROVE") != "1" && lie != "rubbish" && lie != "altered" {
				continue // the short form
			}
			t.Run(string(kind)+" "+lie, func(t *testing.T) {
				s := provedDP(t)
				s.begin(1)
				s.until(kind, "trustee-2")
				honest, err := msg.ReadPrio(s.view(""), 1, kind, "trustee-2")
				if err != nil {
					t.Fatal(err)
				}
				var raw [][]byte
				for _, d := range honest.Messages {
					b, err := party.Fetch(t.Context(), s.board, d, 1<<20)
					if err != nil {
						t.Fatal(err)
					}
					raw = append(raw, b)
				}
				s.lies(kind, "trustee-2", honest, spoil(s, raw))
				s.play()
				if got := s.view("").Dead(); got != "tampered" && got != "unproved" {
					t.Errorf("dead of %q", got)
				}
				s.wantSaid(0, msg.Candidate)
			})
		}
	}
}

// fell is what an aggregator dies of beside its journal.
type fell struct{}

// An aggregator that dies beside any entry of its journal costs the round at most,
// and gives its sum at most once in one.
func TestAggregatorDies(t *testing.T) {
	for _, kind := range []string{"prio-part", "prio-seen", "prio-answer", "prio-claim", "prio-sum"} {
		for _, moment := range []string{"before", "after"} {
			t.Run(kind+":"+moment, func(t *testing.T) {
				s := provedDP(t)
				s.trustees["trustee-2"].Crash = func(point string) {
					if point == kind+":"+moment {
						panic(fell{})
					}
				}
				s.begin(1)
				died := false
				for !died {
					for _, name := range s.order {
						died = s.dies(name) || died
					}
				}
				s.restart("trustee-2")
				s.quiet()
				s.wantSaid(1, msg.Lost, "trustee-2")
				s.wantSaid(0, msg.Candidate)
				s.begin(2)
				s.quiet()
				s.wantCells(provedCells)
				if s.said(1, msg.PrioSum) != nil && !slices.Equal(s.said(1, msg.PrioSum), []string{"trustee-1"}) {
					t.Errorf("in the round that was lost, %v gave their sums", s.said(1, msg.PrioSum))
				}
			})
		}
	}
}

// dies gives a party its turn, and reports whether it has died of it.
func (s *stage) dies(name string) (died bool) {
	s.Helper()
	defer func() {
		if x := recover(); x != nil {
			if _, ok := x.(fell); !ok {
				panic(x)
			}
			died = true
		}
	}()
	if err := s.turn(name); err != nil {
		s.Fatalf("%s: %v", name, err)
	}
	return false
}

// A corrupt site reveals one list to one aggregator, and another to the other: one
// of the two does not open its commitment, and whoever is shown that is not ready.
func TestSplitReports(t *testing.T) {
	s := provedDP(t)
	b := s.sites["site-transit"]
	s.begin(1)
	s.until(msg.Reveal, b.Name)
	v := s.view("")
	second, err := b.seal(t.Context(), v, 1, []int64{900, 0, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	for _, report := range slices.Concat(second...) {
		if err := b.Put(t.Context(), report); err != nil {
			t.Fatal(err)
		}
	}
	subject, r := s.say(msg.Reveal, b.Name, msg.RevealBody{Of: v.Of(1, b.Name), Salt: b.salts[1], Parts: hetest.Digests(second)})
	s.show("trustee-2", subject, r.Bytes())
	s.play()
	s.wantSaid(1, msg.Ready, "trustee-1", "trustee-3")
	s.wantSaid(1, msg.PrioAnswer)
	s.wantSaid(0, msg.Candidate)
}

// A corrupt aggregator tells one site another box than the other: the two do not
// sign one set, and reveal nothing.
func TestSplitBoxes(t *testing.T) {
	s := provedDP(t)
	s.begin(1)
	s.until(msg.Hello, "trustee-3")
	box, err := suite.NewBox()
	if err != nil {
		t.Fatal(err)
	}
	subject, r := s.say(msg.Hello, "trustee-2", msg.HelloBody{Of: s.view("").Of(1, "trustee-2"), Box: box.Public(), Nonce: suite.Salt{9}})
	s.show("site-transit", subject, r.Bytes())
	s.play()
	s.wantSaid(1, msg.Confirm, "site-hospital", "site-transit")
	s.wantSaid(1, msg.Reveal)
	s.wantSaid(1, msg.PrioAnswer)
	s.wantSaid(0, msg.Candidate)
}
