package opening

import (
	"context"
	"fmt"
	"io"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/psi"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// In a run of a join the gate holds one more share of the key, which it shows
// to nobody. It matches what the sites have answered, names the lists that it
// matched and not what they came to, and opens once what every trustee has
// matched as well and answered for. Fewer people in both than the permit says
// end the run with one word, and nothing is opened.

func (g *Gate) joinSteps() []party.Step {
	return []party.Step{
		{Kind: msg.Receiver, Due: g.may, Make: g.joinReceiver},
		{Kind: msg.Sum, Due: g.joined, Make: g.match},
		{Kind: msg.Active, Due: ready, Make: g.active},
		{Kind: msg.Candidate, Once: true, Due: answered, Make: g.openJoin},
	}
}

// A joint is what the gate knows of a round of a join, in memory only.
type joint struct {
	box     suite.Box
	holder  *psi.Holder
	join    *enclave.Joint
	matched *psi.Matched
}

func (g *Gate) joinReceiver(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := g.round(v, n)
	if r == nil {
		r = &round{joint: &joint{}}
		var err error
		if r.joint.box, err = suite.NewBox(); err != nil {
			return nil, nil, err
		}
		if r.joint.holder, err = psi.NewHolder(v.JoinName(n), g.Name); err != nil {
			return nil, nil, err
		}
		g.mu.Lock()
		g.rounds[key(v.ID(), n)] = r
		g.mu.Unlock()
	}
	shown := enclave.HolderKey{Share: r.joint.holder.Share().Bytes, Box: r.joint.box.Public()}
	return g.vouched(v, n, r, shown.Bytes())
}

// joined: both sites have answered, or one has not opened its commitment, which
// match deals with.
func (g *Gate) joined(v *msg.View, n int) bool {
	_, ok := v.Answers(n)
	_, _, err := v.Revealed(n)
	return (ok || err != nil) && g.has(v, n)
}

func (g *Gate) match(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := g.round(v, n)
	if _, _, err := v.Revealed(n); err != nil {
		return nil, nil, err
	}
	all, _ := v.Answers(n)
	if r.joint.matched == nil {
		join, err := enclave.JoinOf(ctx, g.Fetch, v, n)
		if err != nil {
			return nil, nil, err
		}
		m, err := join.Match(ctx, g.Fetch, g.source, g.Name, r.joint.box)
		if err != nil {
			return nil, nil, err
		}
		r.joint.join, r.joint.matched = join, &m
	}
	if r.joint.join.Few(*r.joint.matched) {
		return nil, nil, fault.Refuse("join-few", "house")
	}
	return msg.SumBody{Of: v.Of(n, g.Name), Parts: msg.AnsweredParts(all)}, nil, nil
}

func (g *Gate) source(ctx context.Context, by string, d suite.Digest, size int64) io.ReaderAt {
	return g.Blob(ctx, by, d, size)
}

// openJoin is the one opening of the run, as open is.
func (g *Gate) openJoin(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := g.round(v, n)
	if r == nil || r.joint == nil || r.joint.matched == nil {
		return nil, nil, party.ErrLost
	}
	if r.candidate == nil {
		given, err := g.joinAnswers(ctx, v, n, r.joint)
		if err != nil {
			return nil, nil, err
		}
		g.Hook("opened:before")
		if _, err := g.Journal.Once(string(opened), v.ID(), key(v.ID(), n)); err != nil {
			return nil, nil, err
		}
		g.Hook("opened:after")
		if err := g.judgeJoin(v, n, r, given); err != nil {
			return nil, nil, err
		}
	}
	if err := g.Put(ctx, r.letter); err != nil {
		return nil, nil, err
	}
	return *r.candidate, [][]byte{r.letter}, nil
}

// joinAnswers are the answers of all trustees, none of a join without totals.
func (g *Gate) joinAnswers(ctx context.Context, v *msg.View, n int, j *joint) ([]psi.Answer, error) {
	_, all := answers(v, n)
	var given []psi.Answer
	for _, b := range all {
		if !j.join.HasSlots() {
			if len(b.Parts) != 0 {
				return nil, fmt.Errorf("an answer where there is no total: %w", fault.Tampered)
			}
			continue
		}
		a, err := j.join.OpenAnswer(ctx, g.Fetch, b, j.box)
		if err != nil {
			return nil, err
		}
		given = append(given, a)
	}
	return given, nil
}

// judgeJoin opens, and shows what came of it to the gate's rules and to nothing
// else.
func (g *Gate) judgeJoin(v *msg.View, n int, r *round, given []psi.Answer) error {
	result, err := r.joint.open(given)
	if err != nil {
		return fmt.Errorf("%w: %w", err, fault.Tampered)
	}
	vector := cube(v.Terms(), result)
	defer clear(vector)
	candidate, record, err := gate.Judge(v.Terms(), vector)
	if err != nil {
		return err
	}
	if candidate, err = candidate.ForRun(v.ID()); err != nil {
		return err
	}
	return r.keep(v, n, candidate.Bytes(), record)
}

func (j *joint) open(given []psi.Answer) (psi.Result, error) {
	defer j.holder.Erase()
	if !j.join.HasSlots() {
		return j.join.Counted(*j.matched)
	}
	return j.holder.Open(j.join.Join, *j.matched, given)
}

// cube is a join's result measure by measure: the people of every cell, A's
// totals and B's.
func cube(t jobs.Terms, r psi.Result) []int64 {
	vector := append([]int64(nil), r.Counts...)
	a, b := t.Values()
	for _, side := range []struct {
		of    [][]int64
		slots int
	}{{r.A, a}, {r.B, b}} {
		for slot := range side.slots {
			for cell := range r.Counts {
				vector = append(vector, side.of[cell][slot])
			}
		}
	}
	return vector
}
