package trustee

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// told is a run as a board shows it, in which trustees have said what they have.
func (r *room) told(run string, rounds int, said ...msg.Body) *msg.View {
	r.Helper()
	terms := r.Terms()
	raw, err := governance.Assemble(terms, r.Decisions(r.T, terms))
	r.check(err)
	board := map[string][]byte{
		msg.Subject(run, 0, msg.Permit, msg.Coordinator): raw,
		msg.Subject(run, 0, jobs.Start, msg.Operator):    r.Start(r.T, "op", run, terms).Bytes(),
	}
	say := func(who string, kind receipt.Kind, body msg.Body) {
		subject, said, err := msg.Say(r.Keys[who], kind, body)
		r.check(err)
		board[subject] = said.Bytes()
	}
	for n := 1; n <= rounds; n++ {
		say("yuneid", msg.Round, msg.RoundBody{Of: msg.Of{Run: run, Round: n, Permit: terms.Digest(), Party: "yuneid"}})
	}
	for _, body := range said {
		switch b := body.(type) {
		case msg.HelloBody:
			say(b.Party, msg.Hello, b)
		case msg.AnswerBody:
			say(b.Party, msg.Answer, b)
		case msg.CandidateBody:
			say(b.Party, msg.Candidate, b)
		}
	}
	for i, subject := range slices.Sorted(maps.Keys(board)) {
		d := suite.DigestOf(board[subject])
		board[msg.LoggedSubject(run, d)] = fmt.Appendf(nil, "%s %d", d, i)
	}
	v, err := msg.NewView(run, board, r.pins())
	r.check(err)
	r.check(v.Err())
	return v
}

func (r *room) head(run string, n int, who string) msg.Of {
	return msg.Of{Run: run, Round: n, Permit: r.Terms().Digest(), Party: who}
}

func (r *room) hello(run string, n int, who string, seq uint64) msg.HelloBody {
	return msg.HelloBody{Of: r.head(run, n, who), Box: suite.BoxKey("x25519:box"), Seq: seq}
}

// answer is trustee-2's in a run's first round.
func (r *room) answer(run string, seq uint64) msg.AnswerBody {
	return msg.AnswerBody{Of: r.head(run, 1, "trustee-2"), Seq: seq}
}

// ended is the code with which the trustee ended a run on a board, "" if it did
// not.
func (r *room) ended(board *bus.Board, run string) fault.Code {
	r.Helper()
	raw, err := board.Get(r.Context(), msg.Subject(run, 0, msg.Dead, "trustee-1"))
	if err != nil {
		return ""
	}
	said, err := receipt.Parse(raw)
	r.check(err)
	var b msg.DeadBody
	r.check(said.Read(msg.Dead, &b))
	return fault.Code(b.Code)
}

// A trustee whose disk was brought back gives its numbers out again. The others
// find it, also when they were started anew, and on a forked board that shows
// nothing of what was said before.
func TestTrusteeRolledBack(t *testing.T) {
	r := newRoom(t)
	first := r.told("r-1", 1, r.hello("r-1", 1, "trustee-2", 4), r.answer("r-1", 5))
	r.check(r.trustee().Advance(t.Context(), first))
	if code := r.ended(r.board, "r-1"); code != "" {
		t.Fatalf("an honest run is ended: %s", code)
	}
	server, err := bus.Serve(t.Context(), bus.Config{Dir: t.TempDir()})
	r.check(err)
	t.Cleanup(server.Close)
	r.board, err = server.Board(t.Context()) // the fork
	r.check(err)
	t.Cleanup(r.board.Close)
	for run, c := range map[string]struct {
		said []msg.Body
		code fault.Code
	}{
		"restored":       {[]msg.Body{r.hello("restored", 1, "trustee-2", 4)}, "journal-behind"},
		"answers-anew":   {[]msg.Body{r.hello("answers-anew", 1, "trustee-2", 3), r.answer("answers-anew", 5)}, "journal-behind"},
		"goes-back":      {[]msg.Body{r.hello("goes-back", 1, "trustee-2", 9), r.answer("goes-back", 8)}, "journal-behind"},
		"second-round":   {[]msg.Body{r.hello("second-round", 1, "trustee-2", 13), r.hello("second-round", 2, "trustee-2", 12)}, "journal-behind"},
		"no-number":      {[]msg.Body{r.hello("no-number", 1, "trustee-2", 0)}, "journal-behind"},
		"goes-on":        {[]msg.Body{r.hello("goes-on", 1, "trustee-2", 20), r.answer("goes-on", 22)}, ""},
		"side-by-side":   {[]msg.Body{r.hello("side-by-side", 1, "trustee-2", 21)}, ""},
		"another-s":      {[]msg.Body{r.hello("another-s", 1, "trustee-3", 4)}, ""},
		"lower-is-heard": {[]msg.Body{r.hello("lower-is-heard", 1, "trustee-2", 2)}, ""},
	} {
		r.check(r.trustee().Advance(t.Context(), r.told(run, 2, c.said...)))
		if code := r.ended(r.board, run); code != c.code {
			t.Errorf("%s: ended with %q, want %q", run, code, c.code)
		}
	}
}

// What is heard only when a run is over counts as well.
func TestNumbersOfPastRuns(t *testing.T) {
	r := newRoom(t)
	over := r.told("r-1", 1, r.hello("r-1", 1, "trustee-2", 4), r.answer("r-1", 5), msg.CandidateBody{Of: r.head("r-1", 0, "gate")})
	r.check(r.trustee().Advance(t.Context(), over))
	r.check(r.trustee().Advance(t.Context(), r.told("r-2", 1, r.hello("r-2", 1, "trustee-2", 5))))
	if code := r.ended(r.board, "r-2"); code != "journal-behind" {
		t.Errorf("ended with %q", code)
	}
}

// Its own numbers go on over its life, and a statement that is made again has the
// number that it had.
func TestNumbersGoOn(t *testing.T) {
	r := newRoom(t)
	v, next := r.told("r-1", 1), r.told("r-2", 1)
	for i, point := range []string{"numbered:before", "numbered:after", ""} {
		mind := r.trustee()
		mind.Crash = func(at string) {
			if at == point {
				panic(at)
			}
		}
		func() {
			defer func() { _ = recover() }() // the daemon is dead
			seq, err := mind.number(v, 1, "hello")
			if point != "" || seq != 1 || err != nil {
				t.Errorf("time %d: number %d, %v", i, seq, err)
			}
		}()
	}
	mind := r.trustee()
	for want, c := range []struct {
		v    *msg.View
		kind string
	}{1: {v, "hello"}, 2: {v, "answer"}, 3: {next, "hello"}} {
		if c.v == nil {
			continue
		}
		for range 2 {
			if seq, err := mind.number(c.v, 1, c.kind); err != nil || int(seq) != want {
				t.Errorf("number %d of %s, want %d: %v", seq, c.kind, want, err)
			}
		}
	}
}
